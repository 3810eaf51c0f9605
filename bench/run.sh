#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How fast Leat stores, beside references on the same machine, disk and work, in one run. Quote ratios: disks and neighbours differ.
#
# usage: bench/run.sh [--rounds N] [--scale F] [--servers "LIST"] [--work "LIST"] [--leat "OPTIONS"] [--folder DIR] [--json FILE]
#   --rounds N    rounds, each with every server and every work in turn; the table shows medians (3)
#   --scale F     multiplies the number of images (1)
#   --servers     of: leat limit1 limit2 storescp orthanc      (leat limit1 limit2 storescp)
#   --work        of: ct16 mr16 tiny64 ct1 cr4 tiny1 mr4       (ct16 mr16 tiny64 ct1)
#   --leat        more options for leat serve
#   --folder DIR  where the data goes while it runs; removed afterwards (build/bench-work: the disk of the checkout)
#
# limit1 and limit2 are ../shared/tools/limit.c, a reference that checks and indexes nothing: 1 = fallocated segments, 2 = segments whose
# blocks were written before. storescp is DCMTK's, --fork, without fsync and index. The generator is ../shared/tools/dcmload.c. What is not
# there is left out, and said. bench/README.md explains how to read the table.
set -euo pipefail
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
shared=${LEAT_SHARED:-$tree/../shared}
rounds=3 scale=1 servers="leat limit1 limit2 storescp" work="ct16 mr16 tiny64 ct1" leat_options= folder= json=
while [ $# -gt 0 ]; do
    case $1 in
    --rounds) rounds=$2 ;; --scale) scale=$2 ;; --servers) servers=$2 ;; --work) work=$2 ;; --leat) leat_options=$2 ;;
    --folder) folder=$2 ;; --json) json=$2 ;;
    -h | --help) sed -n '3,16s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "bench/run.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
    esac
    shift 2
done
say() { printf 'bench: %s\n' "$*" >&2; }

if [[ " $servers " == *" leat "* ]]; then "$tree/tools/run.sh" --build-only; fi
built=$tree/build/bench-tools
mkdir -p "$built"
compile() { # compile NAME LIBRARIES...: a reference of ../shared/tools, when there
    local name=$1; shift
    [ -f "$shared/tools/$name.c" ] || return 1
    [ "$built/$name" -nt "$shared/tools/$name.c" ] || cc -O2 -w -o "$built/$name" "$shared/tools/$name.c" "$@" -pthread
}
if ! compile dcmload; then
    say "no load generator: $shared/tools/dcmload.c is not there. Nothing can be measured."
    exit 1
fi
compile limit -luring || { say "limit.c is not there: no reference for the durable path"; servers=${servers//limit[12]/}; }
[ -f "$built/tiny.dcm" ] && [ "$built/tiny.dcm" -nt "$tree/bench/templates.py" ] || "$tree/bench/templates.py" "$built" >&2

folder=${folder:-$tree/build/bench-work}
data=$folder/run.$$
mkdir -p "$data"
pid=
stop() { # ends the server that runs, by its pid, and whatever it forked
    if [ -n "$pid" ]; then kill -TERM "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; pid=; fi
}
cleanup() { stop; rm -rf "$data"; rmdir "$folder" 2>/dev/null || true; }
trap cleanup EXIT
trap 'exit 130' INT TERM

port=$((23000 + $$ % 4000)) aet=LEAT reactors=${LIMIT_REACTORS:-$(nproc)}
wait_for() { # wait_for SECONDS COMMAND...: until it is true
    local tries=$(($1 * 10)); shift
    for ((; tries > 0; tries--)); do "$@" && return 0; kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    say "the server did not start:"; tail -5 "$data/server.log" >&2; exit 1
}
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
start() {
    mkdir -p "$data/store"
    port=$((port + 1)) # a fresh one each time: the old one's connections may linger
    case $1 in
    leat)
        "$tree/build/tools/leat/leat" serve --data "$data/store/leat" --port $port --aet $aet $leat_options >"$data/server.log" 2>&1 &
        pid=$!; wait_for 60 grep -q '^ready' "$data/server.log" ;;
    limit1 | limit2)
        "$built/limit" $port "$reactors" "${1#limit}" "$data/store" >"$data/server.log" 2>&1 &
        pid=$!; wait_for 120 prepared "${1#limit}" ;;
    storescp)
        TCP_NODELAY=1 storescp --fork -aet $aet --output-directory "$data/store" $port >"$data/server.log" 2>&1 &
        pid=$!; wait_for 20 listening ;;
    orthanc)
        printf '{"StorageDirectory":"%s","IndexDirectory":"%s","DicomAet":"LEAT","DicomPort":%d,"HttpServerEnabled":false,
            "DicomAlwaysAllowStore":true,"DicomCheckCalledAet":false}' "$data/store" "$data/store" $port >"$data/orthanc.json"
        TCP_NODELAY=1 Orthanc "$data/orthanc.json" >"$data/server.log" 2>&1 &
        pid=$!; wait_for 60 listening ;;
    esac
}
prepared() { # limit listens before its segments are ready: they are when they have their size and nothing is written any more
    listening || return 1
    [ "$1" = 2 ] || { sleep 0.5; return 0; }
    [ "$(stat -c %s "$data"/store/seg* 2>/dev/null | awk -v n="$reactors" '$1 >= 3 * 2^30 {k++} END {print k == n}')" = 1 ] || return 1
    sleep 1
}

images() { # images WORK SERVER: how many make a run of a few seconds
    local count
    case $1 in ct16) count=6000 ;; ct1) count=2500 ;; mr16 | mr4) count=16000 ;; tiny64) count=80000 ;; tiny1) count=6000 ;; cr4) count=400 ;; esac
    case $2:$1 in storescp:tiny64 | orthanc:tiny64) count=6000 ;; storescp:* | orthanc:*) count=$((count / 3)) ;; esac
    awk -v n="$count" -v f="$scale" 'BEGIN {printf "%d", n * f < 64 ? 64 : n * f}'
}
measure() { # measure ROUND SERVER WORK: one line "server work images/s" and the generator's own words
    local kind=${3%%[0-9]*} connections=${3##*[a-z]} said
    said=$(DCMLOAD_QUICKACK=1 "$built/dcmload" 127.0.0.1 $port $aet "$connections" "$(images "$3" "$2")" "$built/$kind.dcm" 200 $((RANDOM + 1)) 2>&1) \
        || { say "$2 $3: $said"; return 0; }
    say "round $1  $2 $3: $said"
    printf '%s\t%s\t%s\n' "$2" "$3" "$said" >>"$data/results"
}

say "disk: $(df --output=source,fstype "$data" | tail -1), cores: $(nproc), limit.c with $reactors reactors, kernel $(uname -r)"
: >"$data/results"
for ((round = 1; round <= rounds; round++)); do
    for server in $servers; do
        start "$server"
        for one in $work; do measure $round "$server" "$one"; done
        if [ "$server" = leat ]; then "$tree/build/tools/leat/leat" stats --data "$data/store/leat" --json >"$data/stats.$round" 2>/dev/null || true; fi
        stop
        rm -rf "$data/store"
    done
done

python3 - "$data/results" "$servers" "$work" "$json" <<'PYTHON'
import collections, json, re, statistics, sys
rates, servers, works = collections.defaultdict(list), sys.argv[2].split(), sys.argv[3].split()
faults = 0
for line in open(sys.argv[1], encoding="utf-8"):
    server, work, said = line.rstrip("\n").split("\t", 2)
    rates[server, work].append(float(re.search(r"images/s\s+([\d.]+)", said).group(1)))
    faults += int(re.search(r"failures\s+(\d+)", said).group(1))
median = {key: statistics.median(values) for key, values in rates.items()}
print("\nimages/s, median of rounds (lowest-highest)")
print("%-10s" % "" + "".join("%24s" % work for work in works))
for server in servers:
    row = ["%.0f (%.0f-%.0f)" % (median[server, w], min(rates[server, w]), max(rates[server, w])) if (server, w) in median else "-"
           for w in works]
    print("%-10s" % server + "".join("%24s" % cell for cell in row))
for other in [s for s in servers if s != "leat"]:
    cells = ["%.2f" % (median["leat", w] / median[other, w]) if ("leat", w) in median and (other, w) in median else "-" for w in works]
    print("%-10s" % "" + "".join("%24s" % cell for cell in cells) + "   leat / " + other)
if faults:
    print("%d responses were no success" % faults)
if sys.argv[4]:
    with open(sys.argv[4], "w", encoding="utf-8") as file:
        json.dump({"%s %s" % key: values for key, values in rates.items()}, file, indent=1)
sys.exit(1 if faults else 0)
PYTHON
