#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every test of Leat in one command: installs what is missing, builds with sanitizers, runs it all. No network, no root (but
# for installing packages). Builds stay in build*/, so running it again is quick.
#
# usage: tools/test.sh [--quick] [--only PART]... [--list]
#   layers        who includes whom (tools/dev/layers), and the tests of the scripts
#   unit          unit and property tests, ASan and UBSan
#   threads       tests of runtime, ingest and index, and a server under load, ThreadSanitizer
#   fuzz          each fuzzer for LEAT_FUZZ_SECONDS (10) on its seeds, ASan and UBSan
#   hostile       the system tests of bad input, cut-up streams, asynchronous operations, round trips, interop, ASan and UBSan
#   system        all system tests on a release build
#   scripts       tools/run.sh --demo --once, and a second tools/setup.sh
#   --quick       layers, unit and system, with a short kill -9 loop
#   --only PART   this part alone (may be repeated)
#
# The last line is `N passed, N failed`; exit status 0 when none failed. Logs of each part: build/test-logs/.
# A failing part can be run by hand: the command that was run is printed before it.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
all_parts="layers unit threads fuzz hostile system scripts"
parts=$all_parts
only=
while [ $# -gt 0 ]; do
    case $1 in
    --quick) parts="layers unit system"; export LEAT_KILL_SECONDS=${LEAT_KILL_SECONDS:-5} ;;
    --only) only+=" ${2:?--only needs a part}"; shift ;;
    --list) printf '%s\n' $all_parts; exit 0 ;;
    -h | --help) sed -n '3,19s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "test.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
    esac
    shift
done
parts=${only:-$parts}
for part in $parts; do
    [[ " $all_parts " == *" $part "* ]] || { echo "test.sh: no part $part; there are: $all_parts" >&2; exit 2; }
done

logs=$PWD/build/test-logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0 failures=()
jobs=$(nproc); [ "$jobs" -ge 2 ] || jobs=2
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1:exitcode=99}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:exitcode=66:second_deadlock_stack=1:suppressions=$PWD/tests/tsan.supp}
export PYTHONDONTWRITEBYTECODE=1
fixed=()  # sanitizers of gcc 12 and clang 14 want addresses that newer kernels randomise too far
if setarch -R true 2>/dev/null; then fixed=(setarch -R); fi

head_line() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }
pass() { passed=$((passed + $1)); }
fail() { failed=$((failed + 1)); failures+=("$1"); printf 'FAILED: %s\n' "$1"; }

# logged NAME COMMAND...: runs it with its output in a log, whose end is shown when it fails; its exit status.
logged() {
    local name=$1 status; shift
    printf '$ %s\n' "$*"
    "$@" >"$logs/$name.log" 2>&1 </dev/null
    status=$?
    [ $status = 0 ] || { tail -n 60 "$logs/$name.log"; echo "(the whole log: $logs/$name.log)"; }
    return $status
}

# configure DIR CMAKE-OPTIONS..., build DIR TARGETS: false if it fails, which counts as one failure.
configure() {
    local dir=$1; shift
    local options=(-DLEAT_BENCH=OFF -DLEAT_TESTS=ON "$@")
    if command -v ccache >/dev/null; then options+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
    logged "$dir-configure" cmake -S . -B "$dir" -G Ninja "${options[@]}" || { fail "configure $dir"; return 1; }
}
build() {
    logged "$1-build" cmake --build "$1" -j "$jobs" --target $2 || { fail "build $1"; return 1; }
}

# unit_tests DIR NAME: runs ctest below a build folder and counts.
unit_tests() {
    local dir=$1 name=$2 line
    printf '$ ctest --test-dir %s\n' "$dir"
    "${fixed[@]}" ctest --test-dir "$dir" -j "$jobs" --output-on-failure --no-tests=error >"$logs/$name.log" 2>&1 </dev/null
    grep -E '^ *[0-9]+/[0-9]+ Test' "$logs/$name.log"
    line=$(grep -E 'tests passed, [0-9]+ tests failed out of [0-9]+' "$logs/$name.log" | tail -1)
    if [ -z "$line" ]; then tail -40 "$logs/$name.log"; fail "$name: no tests ran"; return; fi
    local bad total
    bad=$(sed -E 's/.*, ([0-9]+) tests failed.*/\1/' <<<"$line")
    total=$(sed -E 's/.*out of ([0-9]+).*/\1/' <<<"$line")
    pass $((total - bad))
    [ "$bad" = 0 ] || {
        sed -n '/^ *[0-9]*\/[0-9]* Test.*\*\*\*/,/^ *Start\|^ *[0-9]*\/[0-9]* Test/p' "$logs/$name.log" | tail -n 200
        while read -r test; do fail "$name: $test"; done < <(sed -n '/The following tests FAILED/,$s/^\t *[0-9]* - //p' "$logs/$name.log")
    }
}

# system_tests NAME PYTEST-ARGUMENTS...: runs pytest and counts; the binary is LEAT_BINARY.
system_tests() {
    local name=$1 counts; shift
    printf '$ %s/usr/bin/python3 -m pytest %s\n' "${LEAT_BINARY:+LEAT_BINARY=$LEAT_BINARY }" "$*"
    "${fixed[@]}" /usr/bin/python3 -m pytest -p no:cacheprovider -v --durations=8 --junit-xml="$logs/$name.xml" "$@" 2>&1 </dev/null \
        | tee "$logs/$name.log" | grep -E --line-buffered 'FAILED|ERROR|SKIPPED|^=|^E  ' | cut -c1-220
    counts=$(/usr/bin/python3 - "$logs/$name.xml" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
try:
    suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
    print(*[int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")])
    for case in suite.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            print("%s::%s" % (case.get("classname"), case.get("name")))
except (OSError, tree.ParseError):
    pass
PYTHON
)
    rm -f "$logs/$name.xml"
    local tests bad errors skips
    read -r tests bad errors skips <<<"$(head -1 <<<"$counts")"
    if [ -z "${skips:-}" ]; then tail -40 "$logs/$name.log"; fail "$name: no tests ran"; return; fi
    pass $((tests - bad - errors - skips))
    skipped=$((skipped + skips))
    while read -r test; do [ -z "$test" ] || fail "$name: $test"; done < <(tail -n +2 <<<"$counts")
}

part_layers() {
    if logged layers tools/dev/layers; then tail -1 "$logs/layers.log"; pass 1; else fail "layers"; fi
    system_tests tools tests/tools
}

part_unit() {
    configure build-asan -DLEAT_SANITIZE=address,undefined && build build-asan all || return
    unit_tests build-asan unit
}

part_threads() {
    local folders=() folder targets=
    for folder in engine/runtime engine/ingest index; do
        if [ -f tests/$folder/CMakeLists.txt ]; then folders+=("$folder"); targets+=" tests/$folder/all"; else fail "threads: no tests/$folder"; fi
    done
    configure build-tsan -DLEAT_SANITIZE=thread && build build-tsan "leat $targets" || return
    for folder in "${folders[@]}"; do unit_tests "build-tsan/tests/$folder" "threads-${folder//\//-}"; done
    LEAT_SANITIZED=thread LEAT_BINARY=$PWD/build-tsan/tools/leat/leat \
        system_tests threads-load tests/system/test_async.py tests/system/test_kill.py -k 'async or sigterm_under_load'
}

part_fuzz() {
    local fuzzer name seeds targets
    configure build-fuzz -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 -DLEAT_FUZZ=ON || return
    targets=$(ninja -C build-fuzz -t targets all | sed -n 's/^\(fuzz_[a-z0-9_]*\): phony$/\1/p')
    build build-fuzz "${targets:-all}" || return
    while read -r fuzzer; do
        name=$(basename "$fuzzer")
        seeds=$(find tests -type d -path "*/seeds/$name" | head -1)
        if [ -z "$seeds" ]; then fail "fuzz: $name has no seeds (tests/*/seeds/$name)"; continue; fi
        mkdir -p "build-fuzz/corpus/$name"
        if logged "fuzz-$name" "${fixed[@]}" "$fuzzer" -max_total_time="${LEAT_FUZZ_SECONDS:-10}" -timeout=20 -rss_limit_mb=2048 \
            -max_len=65536 -artifact_prefix="$logs/$name-" "build-fuzz/corpus/$name" "$seeds"; then
            pass 1
        else
            fail "fuzz: $name"
        fi
    done < <(find build-fuzz -type f -name 'fuzz_*' -perm -u+x -not -path '*/CMakeFiles/*' | sort)
    for name in fuzz_pdu_stream fuzz_command fuzz_scan fuzz_part10 fuzz_segment fuzz_config; do
        [ -n "$(find build-fuzz -type f -name $name)" ] || fail "fuzz: $name is not there"
    done
}

part_hostile() {
    configure build-asan -DLEAT_SANITIZE=address,undefined && build build-asan leat || return
    LEAT_SANITIZED=address LEAT_BINARY=$PWD/build-asan/tools/leat/leat \
        system_tests hostile tests/system/test_bad_input.py tests/system/test_async.py tests/system/test_roundtrip.py \
        tests/system/test_interop.py tests/system/test_streams.py
}

part_system() {
    configure build && build build leat || return
    system_tests system tests/system
}

part_scripts() {
    local folder; folder=$(mktemp -d)
    if logged setup-again tools/setup.sh; then pass 1; else fail "scripts: setup.sh"; fi
    if logged demo timeout 300 tools/run.sh --demo --once --data "$folder/data" --port $((20000 + RANDOM % 9000)) \
        && grep -q '^ready' "$logs/demo.log" && grep -q 'instances' "$logs/demo.log"; then
        pass 1
    else
        fail "scripts: run.sh --demo"
    fi
    rm -rf "$folder"
}

tools/setup.sh --test || { echo "0 passed, 1 failed"; exit 1; }
for part in $parts; do
    head_line "$part"
    "part_$part"
done

printf '\n== summary (%d s): %s\n' "$SECONDS" "$parts"
[ "$skipped" = 0 ] || echo "$skipped skipped (each says why: pytest -rs)"
if [ "$failed" != 0 ]; then printf 'FAILED: %s\n' "${failures[@]}"; fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
