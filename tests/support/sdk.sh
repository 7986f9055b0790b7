#!/usr/bin/env bash
# sdk.sh BUILD WORK: installs the build below WORK and tests what an outsider would rely on. Prints "ok NAME" or
# "FAIL NAME" for each, with the output of what failed.
set -u
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$1 work=$2
prefix=$work/prefix
rm -rf "$work"
mkdir -p "$work"

test_that() {
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then echo "ok $name"; else
        echo "FAIL $name"
        printf '%s\n' "$out" | tail -30 | sed 's/^/  /'
    fi
}

install_it() { cmake --install "$build" --prefix "$prefix"; }
test_that "cmake --install" install_it

everything_is_there() {
    local f missing=0
    for f in bin/homeport lib/homeport/plugins/source-pg.so lib/homeport/plugins/sink-pg.so \
        lib/homeport/plugins/transform-residency.so include/homeport/homeport.h lib/pkgconfig/homeport.pc; do
        [ -f "$prefix/$f" ] || { echo "missing: $f"; missing=1; }
    done
    [ -d "$prefix/share/doc/homeport" ] || { echo "missing: share/doc/homeport"; missing=1; }
    return $missing
}
test_that "bin, plugins, headers, pkg-config file and documentation are installed" everything_is_there

nothing_outside() {
    local outside
    outside=$(grep -v "^$prefix/" "$build/install_manifest.txt")
    [ -z "$outside" ] || { echo "$outside"; return 1; }
}
test_that "nothing outside the prefix" nothing_outside

no_path_inside() { ! grep -rlaF -e "$build" -e "$repo/" "$prefix"; }
test_that "no path of source or build tree in what is installed" no_path_inside

no_runpath() {
    local f
    for f in "$prefix"/bin/homeport "$prefix"/lib/homeport/plugins/*.so; do
        ! readelf -d "$f" | grep -E 'RPATH|RUNPATH|TEXTREL' || return 1
    done
}
test_that "no run path, no text relocations" no_runpath

one_symbol() {
    local f symbols
    for f in "$prefix"/lib/homeport/plugins/*.so; do
        symbols=$(nm -D --defined-only "$f" | awk '{print $NF}' | sort | tr '\n' ' ')
        [ "$symbols" = "hp_plugin_entry_v1 " ] || { echo "$f exports: $symbols"; return 1; }
    done
}
test_that "each plugin exports hp_plugin_entry_v1 and nothing else" one_symbol

standards() {
    local compiler std
    printf '#include <homeport/homeport.h>\nint main(void) { return 0; }\n' >"$work/use.c"
    for std in c11 c17 gnu11; do
        for compiler in gcc clang; do
            $compiler -std=$std -Wall -Wextra -Werror -pedantic $(pkg-config --cflags homeport) -c "$work/use.c" -o "$work/use.o" || return 1
        done
    done
    for f in "$prefix"/include/homeport/*.h; do
        printf '#include <homeport/%s>\n#include <homeport/%s>\n' "${f##*/}" "${f##*/}" >"$work/one.c"
        gcc -std=c17 -Wall -Wextra -Werror $(pkg-config --cflags homeport) -fsyntax-only "$work/one.c" || return 1
    done
}
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
test_that "headers compile alone, by gcc and clang, from C11 on" standards

cpp() {
    printf '#include <homeport/homeport.h>\nint main() { return 0; }\n' >"$work/use.cc"
    g++ -std=c++17 -Wall -Werror $(pkg-config --cflags homeport) -c "$work/use.cc" -o "$work/use.o"
}
test_that "headers compile as C++17" cpp

outside() {
    cp -r "$repo/examples" "$work/outside" && cd "$work/outside" && make clean && make CFLAGS='-O2 -g -Wall -Wextra -Werror'
}
test_that "the template plugin builds out of the tree with pkg-config" outside
test_that "check-plugin passes the template" "$prefix/bin/homeport" check-plugin "$work/outside/source-lines.so"
for plugin in "$prefix"/lib/homeport/plugins/*.so; do
    test_that "check-plugin passes ${plugin##*/}" "$prefix/bin/homeport" check-plugin "$plugin"
done
refuses() { ! "$prefix/bin/homeport" check-plugin "$1" >"$work/refused" || { cat "$work/refused"; return 1; }; }
test_that "check-plugin refuses what is no plugin" refuses /etc/hostname

# rude STATEMENT WORDS: a plugin that does this when it is loaded is refused, in these words.
rude() {
    gcc -std=gnu17 -w -fPIC -shared -fvisibility=hidden -I"$repo/tests/support/plugins" "-DRUDE=$1" $(pkg-config --cflags homeport) \
        "$repo/tests/support/plugins/rude.c" -o "$work/rude.so" $(pkg-config --libs homeport) || return 1
    refuses "$work/rude.so" && grep -F "$2" "$work/refused"
}
quiet() { rude '(void)0' x || "$prefix/bin/homeport" check-plugin "$work/rude.so"; }
test_that "check-plugin passes a plugin that does nothing when it is loaded" quiet
test_that "check-plugin refuses a plugin that ends the process with status 0" rude '_exit(0)' 'ended the process with status 0'
test_that "check-plugin refuses a plugin that exits in a constructor" rude 'exit(0)' 'ended the process with status 0'
test_that "check-plugin refuses a plugin that crashes in a constructor" rude 'raise(SIGSEGV)' 'SIGSEGV'
test_that "check-plugin refuses a plugin that forks, and ends what it left" rude 'if (fork() == 0) for (;;) pause()' 'left a process behind'
test_that "check-plugin refuses a plugin that prints" rude '(void)!write(1, "0 failed", 8)' 'writes to standard output'

# With find_package(), by name and version, in C and in C++.
cmake_package() {
    mkdir -p "$work/package" && cp "$repo/examples/source-lines.c" "$work/package/lines.c" && cp "$work/package/lines.c" "$work/package/lines.cc" || return 1
    printf '%s\n' 'cmake_minimum_required(VERSION 3.20)' 'project(outside C CXX)' 'set(CMAKE_CXX_STANDARD 20)' 'find_package(Homeport 0.1 REQUIRED)' \
        'homeport_add_plugin(in-c SOURCES lines.c)' 'homeport_add_plugin(in-cc SOURCES lines.cc)' \
        'target_compile_options(in-cc PRIVATE -fpermissive -w) # C makes pointers of void *' >"$work/package/CMakeLists.txt"
    cmake -S "$work/package" -B "$work/package/build" -DCMAKE_PREFIX_PATH="$prefix" && cmake --build "$work/package/build" &&
        "$prefix/bin/homeport" check-plugin "$work/package/build/in-c.so" && "$prefix/bin/homeport" check-plugin "$work/package/build/in-cc.so"
}
test_that "the template plugin builds with find_package(Homeport 0.1), as C and as C++" cmake_package

install_plugin() { make -C "$work/outside" install && "$prefix/bin/homeport" plugins | grep -F source-lines; }
test_that "an installed plugin is listed by the installed host" install_plugin

# The prefix may have a blank in it.
blank() {
    export PKG_CONFIG_PATH="$work/pre fix/lib/pkgconfig"
    cmake --install "$build" --prefix "$work/pre fix" && cp -r "$repo/examples" "$work/out side" && make -C "$work/out side" clean install &&
        "$work/pre fix/bin/homeport" check-plugin "$work/out side/source-lines.so" &&
        "$work/pre fix/bin/homeport" plugins | grep -F "$work/pre fix/lib/homeport/plugins/source-lines.so"
}
test_that "a prefix with a blank in it" blank
