#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing of the Debian 12 packages that Leat needs, and nothing else. Quick when all is there.
#
# usage: tools/setup.sh [--test] [--bench] [--list]
#   (none)   what building, running and the demo need
#   --test   and what tools/test.sh needs (clang's fuzzer, cmocka, pytest, DCMTK's tools)
#   --bench  and what bench/run.sh can use (Orthanc, fio, gnuplot)
#   --list   print the packages of the chosen sets and install nothing
set -euo pipefail

build_packages="cmake ninja-build gcc g++ pkg-config python3 dcmtk util-linux
    liburing-dev librocksdb-dev libdcmtk-dev libisal-dev libxxhash-dev libyaml-dev libhwloc-dev zlib1g-dev"
test_packages="libcmocka-dev python3-pytest ccache clang-14 libclang-rt-14-dev"
bench_packages="libbenchmark-dev gnuplot-nox orthanc fio"

wanted=$build_packages
list=no
for argument in "$@"; do
    case $argument in
    --test) wanted+=" $test_packages" ;;
    --bench) wanted+=" $bench_packages" ;;
    --list) list=yes ;;
    -h | --help) sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "setup.sh: unknown option $argument (see --help)" >&2; exit 2 ;;
    esac
done
if [ $list = yes ]; then printf '%s\n' $wanted; exit 0; fi

if ! command -v dpkg-query >/dev/null; then
    echo "setup.sh: this is not a Debian machine; install the equivalents of: $(echo $wanted)" >&2
    exit 1
fi
# dpkg-query names the installed ones on its output; what it doesn't name is missing.
installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p' || true)
missing=$(comm -23 <(printf '%s\n' $wanted | sort -u) <(printf '%s\n' "$installed" | sort -u))
if [ -z "$missing" ]; then
    echo "setup.sh: every package is there"
    exit 0
fi

as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "setup.sh: missing packages, and neither root nor sudo to install them. As root:" >&2
        echo "  apt-get install" $missing >&2
        exit 1
    fi
    as_root=sudo
fi
echo "setup.sh: installing from Debian:" $missing
apt_install() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -o Dpkg::Use-Pty=0 -q "$@" </dev/null
}
# A package that starts a service when it is installed (orthanc, dcmtk's or orthanc's) would hold ports that tests use.
policy=/usr/sbin/policy-rc.d
if [[ " $missing " == *orthanc* ]] && [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
    trap '$as_root rm -f "$policy"' EXIT
fi
# First with the package lists that are there: saves a minute and the network where they are recent.
apt_install $missing || { $as_root apt-get update -q </dev/null && apt_install $missing; }
echo "setup.sh: done"
