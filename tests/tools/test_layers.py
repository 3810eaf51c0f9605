# SPDX-License-Identifier: Apache-2.0
"""tools/dev/layers finds what it is there to find."""
import os
import shutil
import subprocess

import pytest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAYERS = os.path.join(TREE, "tools", "dev", "layers")


@pytest.fixture
def tree(tmp_path):
    """A small tree that follows the table."""
    for folder in ("engine/base", "engine/runtime", "net/ulp", "tools/leat", "tests/net/ulp", "build/x"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "engine/base/slice.h").write_text("#include <stdint.h>\n#include <sys/types.h>\n")
    (tmp_path / "engine/runtime/reactor.h").write_text('#include <liburing.h>\n#include "engine/base/slice.h"\n')
    (tmp_path / "net/ulp/pdu.h").write_text('#include "engine/base/slice.h"\n')
    (tmp_path / "tests/net/ulp/test_pdu.c").write_text('#include <cmocka.h>\n#include "net/ulp/pdu.h"\n')
    (tmp_path / "build/x/generated.c").write_text('#include "nonsense.h"\n')
    return tmp_path


def check(tree):
    done = subprocess.run([LAYERS, "--tree", str(tree)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def test_a_good_tree_passes(tree):
    assert check(tree) == (0, "layers: 4 files, 0 problems\n")


@pytest.mark.parametrize("path, line, said", [
    ("net/ulp/bad.c", '#include "engine/runtime/reactor.h"', "net/ulp may not use engine/runtime"),
    ("engine/base/bad.h", '#  include "net/ulp/pdu.h"', "engine/base may not use net/ulp"),
    ("net/ulp/bad.c", "#include <liburing.h>", "net/ulp may not use liburing"),
    ("engine/runtime/bad.c", "#include <openssl/ssl.h>", "neither libc nor a library of the table"),
    ("engine/runtime/bad.c", "#include <zlib.h>", "engine/runtime may not use zlib"),
    ("net/ulp/bad.c", '#include "pdu.h"', "includes are from the root"),
    ("net/ulp/bad.c", '#include "net/ulp/gone.h"', "is not in the tree"),
    ("net/other/bad.c", "#include <stdio.h>", "stands in no folder of the table"),
    ("net/ulp/bad.c", '#include "tests/net/ulp/helper.h"', "is not in the tree"),
])
def test_each_kind_of_fault_is_found(tree, path, line, said):
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text("/* a file */\n" + line + "\n")
    status, text = check(tree)
    assert status == 1 and said in text and path in text


def test_a_library_in_a_second_file_is_found(tree):
    """One file or one small folder: xxHash lives in engine/base/checksum.c alone."""
    (tree / "engine/base/checksum.c").write_text("#include <xxhash.h>\n")
    assert check(tree)[0] == 0
    (tree / "engine/base/other.c").write_text("#include <xxhash.h>\n")
    status, text = check(tree)
    assert status == 1 and "engine/base/other.c" in text


@pytest.mark.parametrize("row", ["folder\tnet/ulp\tengine/base", "folder\tx\tno/such\t-", "folder\tx\t-\tno-such-library",
                                 "folder\tx\ty\t-\nfolder\ty\tx\t-"])
def test_a_wrong_table_is_said(tmp_path, tree, row):
    copy = tmp_path / "copy"
    shutil.copytree(os.path.join(TREE, "tools", "dev"), copy, ignore=shutil.ignore_patterns("__pycache__"))
    with open(copy / "layers.tsv", "a", encoding="utf-8") as file:
        file.write(row + "\n")
    done = subprocess.run([str(copy / "layers"), "--tree", str(tree)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "layers.tsv" in done.stderr
