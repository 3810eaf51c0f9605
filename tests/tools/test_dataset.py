# SPDX-License-Identifier: Apache-2.0
"""The sample objects are DICOM: DCMTK reads them, in every encoding, and finds the same values."""
import os
import random
import subprocess
import sys

import pytest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TREE, "tools", "dev"))
import dataset as ds  # noqa: E402
import demo  # noqa: E402


def run(*command, status=0):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, errors="replace", timeout=60)
    assert done.returncode == status, done.stderr
    assert "E: " not in done.stderr and "W: " not in done.stderr, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    demo.main(str(folder))
    return folder


def test_dcmdump_reads_every_sample(samples):
    paths = sorted(samples.iterdir())
    assert len(paths) == 29
    for path in paths:
        assert "(7fe0,0010)" in run("dcmdump", path) or "sr-report" in str(path)


def test_samples_are_the_same_every_time(samples, tmp_path):
    demo.main(str(tmp_path / "again"))
    for path in samples.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def values(path):
    """dcmdump's lines without lengths, which differ between encodings."""
    lines = run("dcmdump", "+L", path).splitlines()
    return [line.split("#")[0].strip() for line in lines if line.strip().startswith("(") and "(fffe" not in line and "(0002," not in line]


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", [ds.IMPLICIT_LE, ds.EXPLICIT_BE, ds.DEFLATED])
def test_every_encoding_holds_the_same_values(tmp_path, syntax, undefined):
    elements = next(e for name, _, e in demo.objects() if name == "sr-report")
    elements = elements + [(0x00280010, "US", 7), (0x7FE00010, "OW", bytes(range(256)))]
    uids = {tag: value for tag, _, value in elements}
    found = []
    for one in (ds.EXPLICIT_LE, syntax):
        path = tmp_path / (one + ".dcm")
        path.write_bytes(ds.part10(ds.encode(elements, one, undefined), uids[0x00080016], uids[0x00080018], one))
        found.append([line.replace("(Sequence with undefined length", "(Sequence with explicit length") for line in values(path)])
    assert found[0] == found[1]
    again = ds.read_part10(str(path))
    assert (again.syntax, again.sop_instance) == (syntax, uids[0x00080018])


def test_rle_is_what_dcmtk_decodes(tmp_path):
    rng = random.Random(4)
    words = [rng.choice([0, 0, 0, 4095, rng.randrange(4096)]) for _ in range(64 * 64)]
    planes = [bytes(w >> 8 for w in words), bytes(w & 0xFF for w in words)]
    elements = demo.patient("A^B", "1", "19600101", "O") + demo.study("x", "20240101", "101010", "A-0001", "S") + \
        demo.series("x", 1, "CR", "D") + demo.instance("x", 1, 1, ds.CR_IMAGE) + demo.pixels(64, 64, 16, 12) + \
        [(0x7FE00010, "OB", [ds.rle_frame(planes)])]
    uids = {tag: value for tag, _, value in elements}
    (tmp_path / "rle.dcm").write_bytes(ds.part10(ds.encode(elements), uids[0x00080016], uids[0x00080018], ds.RLE))
    run("dcmdrle", tmp_path / "rle.dcm", tmp_path / "plain.dcm")
    plain = ds.read_part10(str(tmp_path / "plain.dcm")).dataset
    assert plain.endswith(b"".join(w.to_bytes(2, "little") for w in words))
