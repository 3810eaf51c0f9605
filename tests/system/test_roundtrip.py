# SPDX-License-Identifier: Apache-2.0
"""What goes in over the network comes out of `leat export` byte for byte; what is done with the same identity again."""
import collections
import os
import re
import struct
import zlib

import pytest

import rawdicom as raw
from conftest import CORPUS, TREE, exported, run_tool
from rawdicom import ds

SC = ds.SECONDARY_CAPTURE


def own_uids(file):
    """SOP Class and SOP Instance UID of the data set itself, as a real sender gives them; of the file's head where they can't be read."""
    found = {0x00080016: file.sop_class, 0x00080018: file.sop_instance}
    data, at = file.dataset, 0
    if file.syntax == ds.DEFLATED:
        data = zlib.decompressobj(wbits=-15).decompress(data)
    order = ">" if file.syntax == ds.EXPLICIT_BE else "<"
    implicit = file.syntax == ds.IMPLICIT_LE
    while at + 12 <= len(data):
        group, element, vr, short = struct.unpack_from(order + "HH2sH", data, at)
        if implicit or not vr.isalpha():
            length, start = struct.unpack_from(order + "I", data, at + 4)[0], at + 8
        elif vr.decode() in ds.LONG_VRS:
            length, start = struct.unpack_from(order + "I", data, at + 8)[0], at + 12
        else:
            length, start = short, at + 8
        tag = group << 16 | element
        if tag > 0x00080018 or length == ds.UNDEFINED:
            break
        if tag in found and length:
            found[tag] = data[start:start + length].rstrip(b"\0 ").decode("latin-1")
        at = start + length
    return found[0x00080016], found[0x00080018]


def send_files(server, files):
    """[(name, Part10)] each in its own class and syntax: [(name, Part10, Response or None if the context was refused)]."""
    answers = []
    pairs = sorted({(f.sop_class, f.syntax) for _, f in files})
    for at in range(0, len(pairs), 100):
        contexts = {pair: 2 * i + 1 for i, pair in enumerate(pairs[at:at + 100])}
        with server.associate([(i, c, [s]) for (c, s), i in contexts.items()]) as association:
            for name, file in files:
                context_id = contexts.get((file.sop_class, file.syntax))
                if context_id is None:
                    continue
                if association.accepted.results[context_id] != 0:
                    answers.append((name, file, None))
                else:
                    answers.append((name, file, association.store(context_id, file.sop_class, file.sop_instance, file.dataset)))
            association.release()
    return answers


@pytest.mark.parametrize("syntax", [ds.IMPLICIT_LE, ds.EXPLICIT_LE, ds.EXPLICIT_BE, ds.DEFLATED])
@pytest.mark.parametrize("undefined", [False, True])
def test_generated_objects(server, tmp_path, syntax, undefined):
    """Every size around the block, chunk and small-object limits; sequences of both length kinds."""
    nested = [[(0x00081150, "UI", SC), (0x00081155, "UI", "1.2.3"), (0x0040A170, "SQ", [[(0x00080100, "SH", "A")], []])]]
    sizes = [0, 1, 500, 4095, 4096, 4097, 65_000, 65_536, 70_000, 262_144, 1 << 20, (1 << 20) + 2, 3_000_000]
    objects = [raw.make_object("o%d" % size, payload=size, syntax=syntax, undefined=undefined, extra=[(0x00081140, "SQ", nested)])
               for size in sizes]
    with server.associate([(1, SC, [syntax])]) as association:
        for one in objects:
            assert association.store(1, *one).status == 0
        association.release()
    server.restart()
    files = server.export(tmp_path / "out")
    assert sorted(files) == sorted(o[1] for o in objects)
    for _, sop_instance, body in objects:
        file = files[sop_instance][0]
        assert file.dataset == body
        assert (file.sop_class, file.syntax) == (SC, syntax)
        assert file.meta[0x00020016].rstrip(b" \0") == b"RAW"
    if syntax != ds.DEFLATED:
        for versions in files.values():
            run_tool("dcmdump", "-q", versions[0].path)


def test_fragment_sizes(server, tmp_path):
    """The same bytes however they are cut into fragments."""
    objects = [(raw.make_object("cut%d" % size, payload=300_001), size) for size in (2, 7, 100, 4089, 16378, 65536, 262138)]
    with server.associate() as association:
        for (sop_class, sop_instance, body), size in objects:
            body_size = 20_000 if size < 100 else len(body)
            if body_size < len(body):
                _, sop_instance, body = raw.make_object("cut%d" % size, payload=20_000)
            assert association.store(1, sop_class, sop_instance, body, size=size).status == 0
        association.release()
    files = server.export(tmp_path / "out")
    assert len(files) == len(objects)
    for (_, sop_instance, _), size in objects:
        want = raw.make_object("cut%d" % size, payload=20_000 if size < 100 else 300_001)[2]
        assert files[sop_instance][0].dataset == want


def test_corpus(server, tmp_path):
    """Real files from public repositories, each sent in its own transfer syntax."""
    if not os.path.isdir(CORPUS):
        pytest.skip("%s is not there: real files were not tested" % CORPUS)
    files = []
    for root, _, names in sorted(os.walk(CORPUS)):
        for name in sorted(names):
            path = os.path.join(root, name)
            try:
                file = ds.read_part10(path)
            except (ValueError, IndexError, KeyError, OSError, raw.struct.error):
                continue
            file.sop_class, file.sop_instance = own_uids(file)
            if file.sop_class and file.sop_instance and len(file.sop_class) <= 64 and len(file.sop_instance) <= 64:
                files.append((os.path.relpath(path, CORPUS), file))
    assert len(files) > 300
    answers = send_files(server, files)
    sent, refused = collections.defaultdict(list), []
    for name, file, answer in answers:
        if answer is None:
            assert file.sop_class == "1.2.840.10008.1.3.10" or file.syntax.startswith("1.2.840.10008.1.2.4.9") \
                or not file.syntax.startswith("1.2.840.10008."), "context refused: %s %s %s" % (name, file.sop_class, file.syntax)
        elif answer.status == 0:
            sent[file.sop_instance].append(file.dataset)
        else:
            assert answer.status in (0xA900, 0xC000) and answer.comment, (name, answer)
            refused.append((name, "%04X" % answer.status, answer.comment))
    print("%d stored, %d refused:" % (sum(map(len, sent.values())), len(refused)), *refused, sep="\n  ")
    assert len(refused) <= len(files) // 12
    problems = str(server.problems())
    server.restart()
    server.run("verify")
    out = server.export(tmp_path / "out")
    for sop_instance, bodies in sent.items():
        found = [file.dataset for file in out.get(sop_instance, [])]
        assert all(body in bodies for body in found), sop_instance
        assert bodies[-1] in found or (not found and sop_instance in problems), sop_instance
    assert sum(map(len, out.values())) == server.stats()["instances"]
    for name, _, _ in refused:
        assert dict(files)[name].sop_instance in problems, name


def test_corpus_with_dcmsend(server, tmp_path):
    """The same files through DCMTK: as many instances as dcmsend says that it stored."""
    if not os.path.isdir(CORPUS):
        pytest.skip("%s is not there: real files were not tested" % CORPUS)
    report = tmp_path / "report.txt"
    run_tool("dcmsend", "-aec", "LEAT", "--no-halt", "--no-illegal-proposal", "--decompress-never", "--scan-directories", "--recurse",
             "--create-report-file", report, "localhost", server.port, CORPUS, status=None, timeout=600)
    text = report.read_text(errors="replace")
    stored = int(re.search(r"with status SUCCESS +: (\d+)", text).group(1))
    stats = server.stats()
    assert stored > 200
    # Files with one identity are one instance; a quarantined one is none.
    assert stats["instances"] + stats["duplicates"] + stats["quarantined"] <= stored
    assert stats["instances"] > stored * 3 // 4
    out = server.export(tmp_path / "out")
    assert sum(map(len, out.values())) == stats["instances"]


# --- the same identity again --------------------------------------------------------------------------------------------

def test_exact_counts(server):
    objects = [raw.make_object("i%d" % i, series="s%d" % (i % 6), study="t%d" % (i % 3), patient="P%d" % (i % 2 if i % 3 == 9 else i % 3))
               for i in range(60)]
    server.store(*objects)
    stats = server.stats()
    want = {"patients": 3, "studies": 3, "series": 6, "instances": 60, "bytes": sum(len(o[2]) for o in objects),
            "duplicates": 0, "refused": 0, "quarantined": 0}
    assert {k: stats[k] for k in want} == want
    assert all(isinstance(stats[k], int) for k in [*want, "disk_bytes"])
    assert stats["disk_bytes"] >= stats["bytes"]
    server.restart()
    assert {k: server.stats()[k] for k in want} == want
    server.stop()
    assert {k: server.stats()[k] for k in want} == want
    for level, count in (("patients", 3), ("studies", 3), ("series", 6), ("instances", 60)):
        assert len(server.ls(level)) == count


def test_duplicate_is_counted_and_not_stored(server, tmp_path):
    one = raw.make_object("a", payload=500_000)
    for _ in range(4):
        server.store(one)
    server.restart()
    server.store(one)
    stats = server.stats()
    assert (stats["instances"], stats["duplicates"], stats["bytes"]) == (1, 4, len(one[2]))
    assert server.export(tmp_path / "out")[one[1]][0].dataset == one[2]
    server.stop()
    run_tool("python3", os.path.join(TREE, "tools", "unpack.py"), server.data, tmp_path / "unpacked")
    assert [len(versions) for versions in exported(tmp_path / "unpacked").values()] == [1]  # one record in all segments


def test_new_version_becomes_current(server, tmp_path):
    """Other bytes under the same identity: the new one is current, the earlier one stays as a superseded version."""
    old = raw.make_object("a", payload=5000)
    new = raw.make_object("a", payload=7000)
    assert old[1] == new[1] and old[2] != new[2]
    server.store(old)
    server.store(new)
    stats = server.stats()
    assert (stats["instances"], stats["bytes"], stats["duplicates"]) == (1, len(new[2]), 0)
    assert server.export(tmp_path / "one")[new[1]][0].dataset == new[2]
    server.restart()
    assert server.export(tmp_path / "two")[new[1]][0].dataset == new[2]
    server.store(new)  # the current one again: a duplicate
    assert server.stats()["duplicates"] == 1


def test_series_of_another_study_is_quarantined(server, tmp_path):
    """Success to the sender, kept, listed, not in the tree."""
    first = raw.make_object("a", study="one", series="x")
    series_uid = ds.uid("series", "one", "x")
    other = raw.make_object("b", study="two", series="x", replace={0x0020000E: ("UI", series_uid)})
    server.store(first)
    server.store(other)
    stats = server.stats()
    assert (stats["studies"], stats["series"], stats["instances"], stats["quarantined"]) == (1, 1, 1, 1)
    raw.wait_until(lambda: other[1] in str(server.problems()), 10, 0.2)
    assert list(server.export(tmp_path / "out")) == [first[1]]
    server.restart()
    stats = server.stats()
    assert (stats["instances"], stats["quarantined"]) == (1, 1)
    server.stop()
    server.run("rebuild")
    stats = server.stats()
    assert (stats["instances"], stats["quarantined"]) == (1, 1)


def test_same_sop_instance_in_another_series(server, tmp_path):
    """Both are stored."""
    first = raw.make_object("a", series="x")
    other = raw.make_object("b", series="y", replace={0x00080018: ("UI", first[1])})
    server.store(first)
    server.store(other)
    assert server.stats()["instances"] == 2 and server.stats()["series"] == 2
    files = server.export(tmp_path / "out")
    assert sorted(f.dataset for f in files[first[1]]) == sorted([first[2], other[2]])


def test_patients_without_an_id_are_apart(server):
    """An empty Patient ID is a patient of its own for each study."""
    server.store(raw.make_object("a", study="one", patient=""), raw.make_object("b", study="two", patient=""),
                 raw.make_object("c", study="two", series="other", patient=""))
    assert server.stats()["patients"] == 2


def test_padded_uids_are_one_identity(server):
    """Trailing NUL and space do not make another UID."""
    one = raw.make_object("a", replace={0x0020000D: ("UI", "1.2.3")})
    two = raw.make_object("b", replace={0x0020000D: ("UI", b"1.2.3 ")})
    server.store(one, two)
    stats = server.stats()
    assert (stats["studies"], stats["series"], stats["instances"]) == (1, 1, 2)


def test_text_is_shown_in_utf8(server):
    """Kept raw, indexed in UTF-8."""
    server.store(raw.make_object("latin", study="l", patient="L", replace={0x00100010: ("PN", b"M\xfcller^J\xf6rg")}),
                 raw.make_object("greek", study="g", patient="G", replace={
                     0x00080005: ("CS", "ISO_IR 126"), 0x00100010: ("PN", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2")}),
                 raw.make_object("japan", study="j", patient="J", replace={
                     0x00080005: ("CS", ["", "ISO 2022 IR 87"]),
                     0x00100010: ("PN", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B")}))
    text = server.run("ls", "patients").stdout + server.run("ls", "--json", "patients").stdout
    for name in ("Müller", "Διονυσιος", "山田"):
        assert name in text


def test_export_of_one_study(server, tmp_path):
    server.store(*[raw.make_object("i%d" % i, study="t%d" % (i % 3), series="s%d" % (i % 3)) for i in range(9)])
    files = server.export(tmp_path / "out", "--study", ds.uid("study", "t1"))
    assert len(files) == 3
    assert [name for root, _, names in os.walk(str(tmp_path / "out")) for name in names if not name] == []
