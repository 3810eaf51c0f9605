# SPDX-License-Identifier: Apache-2.0
"""The scripts: what they install is Debian's, what they don't know they refuse."""
import os
import subprocess

import pytest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def script(*words):
    return subprocess.run([os.path.join(TREE, *words[0].split("/")), *words[1:]], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=120)


def test_every_package_is_one_of_debians():
    names = script("tools/setup.sh", "--test", "--bench", "--list").stdout.split()
    assert len(names) > 20
    known = subprocess.run(["apt-cache", "pkgnames"], capture_output=True, text=True, timeout=60).stdout.split()
    if not known:
        pytest.skip("apt-cache knows no packages here")
    assert set(names) <= set(known)


def test_setup_is_quick_when_all_is_there():
    done = script("tools/setup.sh", "--test")
    assert done.returncode == 0 and "every package is there" in done.stdout


@pytest.mark.parametrize("name", ["tools/setup.sh", "tools/test.sh", "bench/run.sh"])
def test_unknown_option(name):
    done = script(name, "--no-such-option")
    assert done.returncode == 2 and "--no-such-option" in done.stderr


@pytest.mark.parametrize("name", ["tools/setup.sh", "tools/run.sh", "tools/test.sh", "bench/run.sh"])
def test_help(name):
    done = script(name, "--help")
    assert done.returncode == 0 and "usage: " + name in done.stdout
