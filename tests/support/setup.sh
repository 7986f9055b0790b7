# setup.sh: what ./check and ./quickstart share: packages, the build, talking to the terminal. Sourced by bash.

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else bold='' dim='' green='' red='' plain=''; fi

say() { printf '%s\n' "$*"; }
head_line() { printf '\n%s== %s ==%s\n' "$bold" "$*" "$plain"; }
die() { printf '%s%s%s\n' "$red" "$*" "$plain" >&2; exit 1; }

# run COMMAND...: in a process group of its own, so that an interrupt is heard at once and can end all of it.
child=''
run() {
    set -m
    "$@" &
    child=$!
    set +m
    wait "$child"
    local status=$?
    child=''
    return $status
}
end_child() {
    [ -n "$child" ] || return 0
    kill -INT -- "-$child" 2>/dev/null
    wait "$child" 2>/dev/null
    child=''
}

umask 022 # a plugin folder that others may write to is not trusted

BUILD_PACKAGES=(build-essential cmake ninja-build pkg-config libjansson-dev liblmdb-dev libmicrohttpd-dev
    libpcre2-dev libpq-dev)
SERVER_PACKAGES=(postgresql-15 postgresql-client-15)

installed() { [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]; }

# need_packages NAME...: installs those of Debian's packages that are missing (as root), or says which they are.
need_packages() {
    local missing=() p
    command -v dpkg-query >/dev/null || die "this needs Debian's packages: $*"
    for p in "$@"; do installed "$p" || missing+=("$p"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        die "missing packages, install them first: sudo apt-get install ${missing[*]}"
    fi
    say "installing ${#missing[@]} missing packages: ${missing[*]}"
    install_packages "${missing[@]}" || die "apt-get could not install them"
}

# In a subshell, whose exit takes back what was laid down for the time of the installation, also when interrupted.
install_packages() (
    log=$(mktemp) laid=("$log")
    trap 'rm -f "${laid[@]}"' EXIT
    trap 'exit 130' INT TERM
    lay() { mkdir -p "${1%/*}" && laid+=("$1") && printf '%s\n' "${@:2}" >"$1"; }
    export DEBIAN_FRONTEND=noninteractive
    # Programs are wanted, not services: nothing that comes along is started.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        lay /usr/sbin/policy-rc.d '#!/bin/sh' 'exit 101'
        chmod 755 /usr/sbin/policy-rc.d
    fi
    apt-get -qq update >"$log" 2>&1 || say "(apt-get update had complaints; going on)"
    case " $* " in *" postgresql-15 "*)
        # The package would make a cluster for the whole machine; ours are private ones.
        apt-get -qq -y --no-install-recommends install postgresql-common >>"$log" 2>&1
        lay /etc/postgresql-common/createcluster.d/homeport-setup.conf 'create_main_cluster = false' ;;
    esac
    apt-get -qq -y --no-install-recommends install "$@" >>"$log" 2>&1 || { tail -20 "$log" >&2; exit 1; }
)

# build_into FOLDER CMAKE-ARGUMENT...: configures where needed and builds; the output is shown when it fails.
build_into() {
    local folder=$1 log=$1/build.log
    shift
    mkdir -p "$folder"
    local launcher=()
    if command -v ccache >/dev/null; then launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache); fi
    if { [ -f "$folder/build.ninja" ] && [ "$(cat "$folder/arguments" 2>/dev/null)" = "$*" ]; } ||
        run cmake -S "$repo" -B "$folder" -G Ninja "${launcher[@]}" "$@" >"$log" 2>&1; then
        printf '%s' "$*" >"$folder/arguments"
        run cmake --build "$folder" >"$log" 2>&1 && return 0
    fi
    grep -nE 'error|warning|FAILED' "$log" | head -30 >&2
    tail -15 "$log" >&2
    return 1
}
