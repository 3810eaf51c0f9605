# SPDX-License-Identifier: Apache-2.0
"""Other people's requestors: DCMTK's echoscu, storescu and dcmsend with their options."""
import os
import re
import subprocess
import sys

import pytest

import rawdicom as raw
from conftest import TREE, run_tool
from rawdicom import ds

sys.path.insert(0, os.path.join(TREE, "tools", "dev"))
import demo  # noqa: E402


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """A folder with the demo's objects: {path: Part10}."""
    folder = tmp_path_factory.mktemp("samples")
    demo.main(str(folder))
    return {str(path): ds.read_part10(str(path)) for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def slice_file(tmp_path_factory):
    """One CT slice, explicit little endian."""
    folder = tmp_path_factory.mktemp("slice")
    demo.main(str(folder))
    return str(folder / "ct-01.dcm")


def echo(server, *options):
    return run_tool("echoscu", "-aec", "LEAT", *options, "localhost", server.port)


@pytest.mark.parametrize("options", [[], ["--repeat", "50"], ["--propose-ts", "38"], ["--propose-pc", "128"],
                                     ["--max-pdu", "4096"], ["--max-pdu", "131072"]], ids=" ".join)
def test_echoscu(server, options):
    echo(server, *options)


def test_echoscu_abort(server):
    echo(server, "--abort")
    echo(server)


def test_echo_over_ipv4_and_ipv6(server):
    for host in ("127.0.0.1", "::1"):
        with raw.Association(server.port, [(1, raw.VERIFICATION, [ds.IMPLICIT_LE])], host=host) as association:
            assert association.echo().status == 0
            association.release()


@pytest.mark.parametrize("options", [
    ["--propose-uncompr"], ["--propose-little"], ["--propose-big"], ["--propose-implicit"], ["--propose-deflated"],
    ["--max-pdu", "4096"], ["--max-pdu", "131072"], ["--max-send-pdu", "4096"], ["--repeat", "5"], ["--required"],
    ["--combine"], ["--user", "somebody"]], ids=" ".join)
def test_storescu(server, slice_file, options):
    run_tool("storescu", "-aec", "LEAT", *options, "localhost", server.port, slice_file)
    assert server.stats()["instances"] == 1


@pytest.mark.parametrize("options, syntax", [
    (["--propose-lossless"], "1.2.840.10008.1.2.4.70"), (["--propose-jpeg8"], "1.2.840.10008.1.2.4.50"),
    (["--propose-jpeg12"], "1.2.840.10008.1.2.4.51"), (["--propose-j2k-lossless"], "1.2.840.10008.1.2.4.90"),
    (["--propose-j2k-lossy"], "1.2.840.10008.1.2.4.91"), (["--propose-jls-lossless"], "1.2.840.10008.1.2.4.80"),
    (["--propose-jls-lossy"], "1.2.840.10008.1.2.4.81"), (["--propose-mpeg2"], "1.2.840.10008.1.2.4.100"),
    (["--propose-mpeg2-high"], "1.2.840.10008.1.2.4.101"), (["--propose-mpeg4"], "1.2.840.10008.1.2.4.102"),
    (["--propose-mpeg4-bd"], "1.2.840.10008.1.2.4.103"), (["--propose-mpeg4-2-2d"], "1.2.840.10008.1.2.4.104"),
    (["--propose-mpeg4-2-3d"], "1.2.840.10008.1.2.4.105"), (["--propose-mpeg4-2-st"], "1.2.840.10008.1.2.4.106"),
    (["--propose-hevc"], "1.2.840.10008.1.2.4.107"), (["--propose-hevc10"], "1.2.840.10008.1.2.4.108"),
    (["--propose-rle"], "1.2.840.10008.1.2.5")], ids=lambda v: v if isinstance(v, str) else None)
def test_storescu_with_a_compressed_syntax(server, tmp_path, options, syntax):
    """Whatever is inside the fragments: Leat keeps the bytes. storescu sends a file as it is when the syntax is its own."""
    _, sop_instance, body = raw.make_object("c", syntax=ds.EXPLICIT_LE, replace={0x7FE00010: ("OB", [b"not an image really "])})
    path = tmp_path / "compressed.dcm"
    path.write_bytes(ds.part10(body, ds.SECONDARY_CAPTURE, sop_instance, syntax))
    run_tool("storescu", "-aec", "LEAT", *options, "localhost", server.port, path)
    out = server.export(tmp_path / "out")[sop_instance][0]
    assert out.syntax == syntax and b"not an image really " in out.dataset


def test_storescu_abort_in_the_middle(server, samples):
    """--abort ends the association with A-ABORT instead of a release: everything that was answered is kept."""
    paths = [path for path, file in samples.items() if file.syntax == ds.EXPLICIT_LE][:8]
    run_tool("storescu", "-aec", "LEAT", "--abort", "localhost", server.port, *paths)
    assert server.stats()["instances"] == 8
    echo(server)


def test_storescu_killed_in_the_middle(server, samples, tmp_path):
    big = raw.make_object("big", payload=24 << 20)
    path = tmp_path / "big.dcm"
    path.write_bytes(ds.part10(big[2], big[0], big[1], ds.EXPLICIT_LE))
    for wait in (0.02, 0.05, 0.1):
        sender = subprocess.Popen(["storescu", "-aec", "LEAT", "--max-pdu", "4096", "localhost", str(server.port), str(path)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            sender.wait(wait)
        except subprocess.TimeoutExpired:
            sender.kill()
            sender.wait()
    assert server.stats()["instances"] <= 1
    run_tool("storescu", "-aec", "LEAT", "localhost", server.port, path)
    assert server.stats()["instances"] == 1


@pytest.mark.parametrize("options", [[], ["--multi-associations"], ["--single-association"], ["--max-pdu", "4096"],
                                     ["--max-pdu", "131072"], ["--decompress-lossy"]], ids=" ".join)
def test_dcmsend(server, samples, tmp_path, options):
    run_tool("dcmsend", "-aec", "LEAT", *options, "localhost", server.port, *samples)
    stats = server.stats()
    assert (stats["patients"], stats["studies"], stats["series"], stats["instances"]) == (2, 4, 5, len(samples))
    files = server.export(tmp_path / "out")
    assert sorted(files) == sorted(file.sop_instance for file in samples.values())
    for versions in files.values():
        run_tool("dcmdump", "-q", versions[0].path)


def test_dcmsend_scans_folders_and_reports(server, samples, tmp_path):
    report = tmp_path / "report.txt"
    folder = os.path.dirname(next(iter(samples)))
    run_tool("dcmsend", "-aec", "LEAT", "--scan-directories", "--recurse", "--create-report-file", report, "localhost",
             server.port, folder)
    assert re.search(r"\* with status SUCCESS +: %d$" % len(samples), report.read_text(), re.MULTILINE)


def test_sixteen_senders_at_once(server, samples):
    senders = [subprocess.Popen(["dcmsend", "-aet", "SENDER%d" % n, "-aec", "LEAT", "localhost", str(server.port), *samples],
                                env=dict(os.environ, TCP_NODELAY="1"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for n in range(16)]
    assert [sender.wait(120) for sender in senders] == [0] * 16
    stats = server.stats()
    assert stats["instances"] == len(samples) and stats["duplicates"] == 15 * len(samples)


# --- the preference among transfer syntaxes -------------------------------------------------------------------------------

JPEG_LOSSLESS, JPEG_BASELINE, J2K_LOSSLESS = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90"
JPIP = "1.2.840.10008.1.2.4.94"


@pytest.mark.parametrize("offered, taken", [
    ([ds.IMPLICIT_LE, ds.EXPLICIT_BE, ds.EXPLICIT_LE], ds.EXPLICIT_LE),
    ([ds.IMPLICIT_LE, ds.EXPLICIT_BE], ds.IMPLICIT_LE),
    ([ds.EXPLICIT_LE, JPEG_BASELINE, J2K_LOSSLESS], J2K_LOSSLESS),
    ([JPEG_BASELINE, ds.EXPLICIT_BE], ds.EXPLICIT_BE),
    ([JPEG_BASELINE], JPEG_BASELINE),
    ([ds.EXPLICIT_LE, JPEG_LOSSLESS, J2K_LOSSLESS], JPEG_LOSSLESS),
    ([JPIP, ds.IMPLICIT_LE], ds.IMPLICIT_LE),
])
def test_default_preference(server, offered, taken):
    with server.associate([(1, ds.CT_IMAGE, offered)]) as association:
        assert association.accepted.results == {1: 0}
        assert association.accepted.transfers[1] == taken
        association.release()


@pytest.mark.parametrize("syntaxes, result", [([JPIP], 4), (["1.2.3.4.5.6"], 4)])
def test_syntax_that_is_refused(server, syntaxes, result):
    with server.associate([(1, ds.CT_IMAGE, syntaxes)]) as association:
        assert association.accepted.results == {1: result}
        association.release()


@pytest.mark.parametrize("name, preference, offered, taken", [
    ("E: explicit BE first", "[explicit-be, explicit-le, implicit-le]", [ds.IMPLICIT_LE, ds.EXPLICIT_LE, ds.EXPLICIT_BE], ds.EXPLICIT_BE),
    ("B: JPEG lossless, then implicit", "[lossless, implicit-le]", [ds.EXPLICIT_LE, ds.IMPLICIT_LE, JPEG_LOSSLESS], JPEG_LOSSLESS),
    ("B: no JPEG offered", "[lossless, implicit-le]", [ds.EXPLICIT_LE, ds.IMPLICIT_LE], ds.IMPLICIT_LE),
    ("a UID first", "[%s, explicit-le]" % JPEG_BASELINE, [ds.EXPLICIT_LE, JPEG_BASELINE], JPEG_BASELINE),
])
def test_preference_is_a_policy(make_server, name, preference, offered, taken):
    server = make_server(config="transfer_syntaxes:\n  preference: %s\n" % preference).start()
    with server.associate([(1, ds.CT_IMAGE, offered)]) as association:
        assert association.accepted.transfers[1] == taken
        association.release()


def test_preference_of_one_caller(make_server):
    config = "clients:\n  - aet: OLD\n    transfer_syntaxes:\n      preference: [implicit-le]\n  - operations: [echo, store]\n"
    server = make_server(config=config).start()
    for calling, taken in (("OLD", ds.IMPLICIT_LE), ("NEW", ds.EXPLICIT_LE)):
        with server.associate([(1, ds.CT_IMAGE, [ds.EXPLICIT_LE, ds.IMPLICIT_LE])], calling=calling) as association:
            assert association.accepted.transfers[1] == taken
            association.release()


@pytest.mark.parametrize("abstract, result", [
    ("1.2.840.10008.5.1.4.1.2.2.1", 3),    # Study Root FIND: not storage
    ("1.2.840.10008.5.1.4.31", 3),         # Modality Worklist
    ("1.2.840.10008.1.20.1", 3),           # Storage Commitment
    ("1.2.840.10008.5.1.1.9", 3),          # Basic Grayscale Print
    ("1.2.840.10008.5.1.4.1.1.12.77", 0),  # a retired one of an old draft
    ("1.2.840.10008.5.1.4.1.1.501.1", 0),  # DICOS CT
    ("1.3.12.2.1107.5.9.1", 0),            # private: CSA non-image
])
def test_any_storage_class_and_nothing_else(server, abstract, result):
    with server.associate([(1, abstract, [ds.IMPLICIT_LE])]) as association:
        assert association.accepted.results == {1: result}
        association.release()


def test_storage_classes_narrowed_by_configuration(make_server):
    server = make_server(config="storage_sop_classes: [%s]\n" % ds.CT_IMAGE).start()
    with server.associate([(1, ds.CT_IMAGE, [ds.IMPLICIT_LE]), (3, ds.MR_IMAGE, [ds.IMPLICIT_LE])]) as association:
        assert association.accepted.results[1] == 0 and association.accepted.results[3] != 0
        association.release()
