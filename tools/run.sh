#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Leat in one command: installs what is missing, builds a release, starts `leat serve` in the foreground. Ctrl-C ends it.
#
# usage: tools/run.sh [--demo [--once]] [--data DIR] [--port N] [other options of leat serve]
#   --demo        make sample objects (CT, MR, multi-frame ultrasound, structured report, a compressed one), send them
#                 with DCMTK's dcmsend, show what arrived, and leave the server running
#   --once        with --demo: stop the server after showing what arrived
#   --build-only  install and build, start nothing
#   All other options go to `leat serve` (build/tools/leat/leat serve --help). Defaults: --data ./leat-data, --port 11112.
#
# Leat needs no root and isn't given it: called as root, this script builds and then gives Leat to another user, the
# owner of the checkout or of the data folder if that isn't root, else LEAT_USER, else the system user `leat`, which it makes.
set -euo pipefail

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
leat=$tree/build/tools/leat/leat
say() { printf 'run.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

demo=no once=no build_only=no data= port= aet=LEAT config=no
options=()
while [ $# -gt 0 ]; do
    case $1 in
    --demo) demo=yes; shift; continue ;;
    --once) once=yes; shift; continue ;;
    --build-only) build_only=yes; shift; continue ;;
    -h | --help) sed -n '3,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    --data=*) data=${1#*=}; shift; continue ;;
    --data) [ $# -gt 1 ] || die "--data needs a folder"; data=$2; shift 2; continue ;;
    --port=*) port=${1#*=} ;;
    --port) [ $# -gt 1 ] || die "--port needs a number"; port=$2; options+=(--port "$2"); shift 2; continue ;;
    --aet=*) aet=${1#*=} ;;
    --aet) [ $# -gt 1 ] || die "--aet needs a title"; aet=$2; options+=(--aet "$2"); shift 2; continue ;;
    --config | --config=*) config=yes ;;
    esac
    options+=("$1"); shift
done

build() {
    "$tree/tools/setup.sh" >&2
    # Built by the tree's owner, so that root leaves no files there that the owner cannot remove.
    local as=()
    local owner; owner=$(stat -c %U "$tree")
    if [ "$(id -u)" = 0 ] && [ "$owner" != root ] && [ "$owner" != UNKNOWN ]; then as=(runuser -u "$owner" --); fi
    local launcher=; command -v ccache >/dev/null && launcher=-DCMAKE_C_COMPILER_LAUNCHER=ccache
    "${as[@]}" cmake -S "$tree" -B "$tree/build" -G Ninja -DLEAT_BENCH=OFF -DLEAT_TESTS=OFF --log-level=WARNING $launcher >&2
    "${as[@]}" cmake --build "$tree/build" --target leat -- --quiet >&2
}

# The user that Leat runs as when this script is root's; empty = no change of user.
unprivileged_user() {
    local candidate
    for candidate in "${LEAT_USER:-}" "$(stat -c %U "$tree")" "$(stat -c %U "$data" 2>/dev/null)"; do
        if [ -n "$candidate" ] && [ "$candidate" != root ] && [ "$candidate" != UNKNOWN ]; then echo "$candidate"; return; fi
    done
    if ! id leat >/dev/null 2>&1; then
        useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin leat 2>/dev/null || { echo nobody; return; }
        say "made the system user 'leat' for Leat to run as"
    fi
    echo leat
}

build
[ $build_only = no ] || exit 0

# Leat is started as: drop... shell -c 'exec program', where the program is an open descriptor, since the other user may not be
# able to walk to the checkout (below /root for instance).
drop=()
if [ -z "$data" ] && [ $config = no ]; then data=$PWD/leat-data; default_data=yes; else default_data=no; fi
if [ "$(id -u)" = 0 ]; then
    user=$(unprivileged_user)
    drop=(setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups --inh-caps=-all --no-new-privs)
    if [ -n "$data" ]; then
        made=no
        [ -d "$data" ] || { mkdir -p -m 700 "$data"; made=yes; }
        [ -n "$(ls -A "$data")" ] || made=yes
        if [ $made = yes ]; then chown "$user:" "$data"; fi
        # What a command of root's left in that user's archive would be closed to it.
        if [ "$(stat -c %U "$data")" = "$user" ]; then find "$data" -xdev -user root -exec chown "$user:" {} +; fi
        if ! "${drop[@]}" test -w "$data" -a -x "$data" 2>/dev/null && [ $default_data = yes ]; then
            say "the user '$user' cannot reach $data (a folder above it is closed to others): the data goes to /var/lib/leat"
            rmdir "$data" 2>/dev/null || true
            data=/var/lib/leat
            [ -d "$data" ] || { mkdir -p -m 700 "$data"; chown "$user:" "$data"; }
        fi
        if ! "${drop[@]}" test -w "$data" -a -x "$data" 2>/dev/null; then
            say "the user '$user' cannot write to $data: Leat keeps root's user id, but none of root's capabilities;"
            say "for a user of its own: chown -R $user $data, in a place that $user can reach"
            if [ $made = yes ]; then chown root: "$data"; fi
            drop=(setpriv --inh-caps=-all --bounding-set=-all --no-new-privs)
            user="root, without capabilities"
        fi
    fi
    say "Leat runs as the user: $user"
    ulimit -l unlimited 2>/dev/null || true
fi
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
if [ -n "$data" ]; then options+=(--data "$data"); fi
exec 9<"$leat"
command=("${drop[@]}" /bin/bash -c 'exec -a leat /proc/self/fd/9 "$@"' leat serve "${options[@]}")

host=$(hostname -I 2>/dev/null | cut -d' ' -f1 || true)
how_to_send() {
    say "send to it:   dcmsend -aec $aet ${host:-127.0.0.1} ${port:-11112} --scan-directories --recurse FOLDER"
    say "look at it:   $leat stats${data:+ --data $data}     (ls, problems, export: leat --help)"
}
if [ $demo = no ]; then
    how_to_send
    exec "${command[@]}"
fi

# The demo: the server in the background with its log passing through here, until the demo is over.
work=$(mktemp -d)
server=
finish() {
    trap - INT TERM EXIT
    if [ -n "$server" ]; then kill -TERM "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap 'finish; exit 130' INT TERM
trap finish EXIT
"$tree/tools/dev/demo.py" "$work/objects" >&2
mkfifo "$work/pipe"
tee "$work/log" <"$work/pipe" >&2 &
"${command[@]}" 2>"$work/pipe" &
server=$!
for _ in $(seq 600); do
    if grep -q '^ready' "$work/log" 2>/dev/null; then break; fi
    kill -0 "$server" 2>/dev/null || { wait "$server" && code=0 || code=$?; server=; say "leat serve ended before it was ready"; exit "$code"; }
    sleep 0.1
done
grep -q '^ready' "$work/log" || die "leat serve was not ready within 60 s"

say "sending the sample objects: dcmsend -aec $aet 127.0.0.1 ${port:-11112} --scan-directories --recurse $work/objects"
TCP_NODELAY=1 dcmsend -v -aec "$aet" 127.0.0.1 "${port:-11112}" --scan-directories --recurse "$work/objects" >"$work/sent" 2>&1 \
    || { cat "$work/sent" >&2; die "dcmsend failed"; }
grep -A8 'Status Summary' "$work/sent" | sed 's/^I: /    /' || true
at=(); [ -z "$data" ] || at=(--data "$data")
show() { printf '\n$ leat %s\n' "$*"; "$leat" "$@"; }
show stats "${at[@]}"
show ls "${at[@]}" studies
show ls "${at[@]}" series
printf '\n'
if [ $once = yes ]; then exit 0; fi
how_to_send
say "the server goes on; Ctrl-C ends it"
wait "$server" && code=0 || code=$?
server=
exit "$code"
