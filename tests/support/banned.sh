#!/usr/bin/env bash
# Fails when a source calls a function that has a safe sibling. Comments do not count.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
calls='strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|atof|localtime|gmtime|ctime|asctime|alloca|system|popen|tmpnam|mktemp|rand|srand|setenv|putenv'
found=$(git ls-files 'host/*.[ch]' 'api/*.[ch]' 'plugins/*.[ch]' 'examples/*.[ch]' |
    xargs -r perl -0777 -ne 's{/\*.*?\*/}{my $c = $&; $c =~ s/[^\n]//g; $c}gse; s{//[^\n]*}{}g; s{"(?:[^"\\\n]|\\.)*"}{""}g;
        my $n = 0; for (split /\n/) { $n++; print "$ARGV:$n: $_\n" if /(?<![\w>.])('"$calls"')\s*\(/; }')
if [ -n "$found" ]; then
    echo "banned calls (use the bounded or re-entrant sibling):"
    echo "$found"
    exit 1
fi
