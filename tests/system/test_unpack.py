# SPDX-License-Identifier: Apache-2.0
"""tools/unpack.py, written from engine/store/README.md alone, extracts every object: the archive is never a prison."""
import ast
import os
import sys

import pytest

import rawdicom as raw
from conftest import TREE, exported, run_tool

UNPACK = os.path.join(TREE, "tools", "unpack.py")


def test_needs_the_standard_library_only():
    with open(UNPACK, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    names = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("state", ["running", "stopped", "killed"])
def test_extracts_every_object(make_server, tmp_path, state):
    server = make_server().start()
    objects = [raw.make_object("o%d" % n, series="s%d" % (n % 4), study="t%d" % (n % 2), payload=size)
               for n, size in enumerate([200, 5000, 70_000, 1_000_000, 3_000_001, 40 << 20] * 3)]
    server.store(*objects)
    superseded, current = raw.make_object("v", payload=1000), raw.make_object("v", payload=2000)
    server.store(superseded)
    server.store(current)
    if state == "stopped":
        server.stop()
    elif state == "killed":
        server.kill()
    run_tool("python3", UNPACK, server.data, tmp_path / "out")
    files = exported(tmp_path / "out")
    for _, sop_instance, body in objects:
        assert body in [file.dataset for file in files[sop_instance]]
    assert current[2] in [file.dataset for file in files[current[1]]]


def test_flipped_bit_is_named(make_server, tmp_path):
    server = make_server().start()
    one, other = raw.make_object("one", payload=500_000), raw.make_object("other", payload=500_000)
    server.store(one, other)
    server.stop()
    flip(server.data, one[2][250_000:250_064])
    done = run_tool("python3", UNPACK, server.data, tmp_path / "out", status=None)
    assert done.returncode == 1
    files = exported(tmp_path / "out")
    assert other[2] == files[other[1]][0].dataset
    assert one[2] not in [f.dataset for f in files.get(one[1], [])]


def flip(folder, needle):
    """Flips one bit in the first file under a folder that holds these bytes; its path."""
    for root, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = os.path.join(root, name)
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                at = file.read().find(needle)
            if at >= 0:
                with open(path, "r+b") as file:
                    file.seek(at + len(needle) // 2)
                    byte = file.read(1)[0]
                    file.seek(at + len(needle) // 2)
                    file.write(bytes((byte ^ 0x10,)))
                return path
    raise AssertionError("these bytes are in no file under %s" % folder)
