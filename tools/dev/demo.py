#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes sample objects: a CT and an MR series, a multi-frame ultrasound, a structured report, a compressed image.

usage: tools/dev/demo.py FOLDER

Needs the standard library only. Everything is synthetic and the same in every run (UIDs too), so a second demo sends
duplicates, which Leat counts and does not keep twice.
"""
import os
import random
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dataset as ds  # noqa: E402


def phantom(rows, columns, shift, rng, peak=1000, noise=12):
    """A smooth ellipse on a dark ground with noise: an image that compresses about as a slice does."""
    grain = [int(rng.gauss(0, noise)) for _ in range(4093)]
    at, out = 0, []
    for y in range(rows):
        dy = (y - rows / 2) / (rows / 2.8)
        for x in range(columns):
            dx = (x - columns / 2 - shift) / (columns / 2.4)
            value = peak + x // 8 if dx * dx + dy * dy < 1 else 24
            at = (at + 1) % 4093
            out.append(min(4095, max(0, value + grain[at])))
    return out


def patient(name, patient_id, birth, sex):
    return [(0x00080005, "CS", "ISO_IR 100"), (0x00100010, "PN", name), (0x00100020, "LO", patient_id),
            (0x00100030, "DA", birth), (0x00100040, "CS", sex)]


def study(key, date, time, accession, description):
    return [(0x00080020, "DA", date), (0x00080030, "TM", time), (0x00080050, "SH", accession),
            (0x00080090, "PN", "Referrer^Ann"), (0x00081030, "LO", description), (0x00200010, "SH", accession[-4:]),
            (0x0020000D, "UI", ds.uid("demo", key))]


def series(key, number, modality, description):
    return [(0x00080060, "CS", modality), (0x0008103E, "LO", description), (0x00080070, "LO", "SYNTHETIC"),
            (0x0020000E, "UI", ds.uid("demo", key, number)), (0x00200011, "IS", number)]


def instance(key, number, index, sop_class):
    return [(0x00080016, "UI", sop_class), (0x00080018, "UI", ds.uid("demo", key, number, index)),
            (0x00200013, "IS", index)]


def pixels(rows, columns, bits, stored, samples=1, photometric="MONOCHROME2"):
    module = [(0x00280002, "US", samples), (0x00280004, "CS", photometric), (0x00280010, "US", rows),
              (0x00280011, "US", columns), (0x00280100, "US", bits), (0x00280101, "US", stored),
              (0x00280102, "US", stored - 1), (0x00280103, "US", 0)]
    return module + ([(0x00280006, "US", 0)] if samples > 1 else [])


def slices(sop_class, modality, key, who, count, size, description):
    """A series of slices: (name, syntax, data set)."""
    rng = random.Random(key)
    for index in range(1, count + 1):
        words = phantom(size, size, index - count / 2, rng)
        yield "%s-%02d" % (modality.lower(), index), ds.EXPLICIT_LE, who + series(key, 1, modality, description) + \
            instance(key, 1, index, sop_class) + pixels(size, size, 16, 12) + [
                (0x00080008, "CS", ["ORIGINAL", "PRIMARY", "AXIAL"]), (0x00180050, "DS", "2.5"),
                (0x00200032, "DS", ["-100", "-100", "%.1f" % (index * 2.5)]), (0x00200037, "DS", ["1", "0", "0", "0", "1", "0"]),
                (0x00200052, "UI", ds.uid("demo", key, "frame of reference")), (0x00280030, "DS", ["0.7", "0.7"]),
                (0x00281050, "DS", "500"), (0x00281051, "DS", "1200"),
                (0x7FE00010, "OW", struct.pack("<%dH" % len(words), *words))]


def ultrasound(who):
    rng, rows, columns, frames = random.Random(3), 120, 160, 12
    cine = b"".join(bytes(v >> 4 for v in phantom(rows, columns, 4 * f, rng, 2400, 200)) for f in range(frames))
    yield "us-cine", ds.EXPLICIT_LE, who + series("us", 1, "US", "Cine loop") + instance("us", 1, 1, ds.US_MULTIFRAME) + \
        pixels(rows, columns, 8, 8) + [(0x00280008, "IS", frames), (0x00280009, "AT", 0x00181063), (0x00181063, "DS", "40"),
                                       (0x7FE00010, "OB", cine)]


def code(value, scheme, meaning):
    return [[(0x00080100, "SH", value), (0x00080102, "SH", scheme), (0x00080104, "LO", meaning)]]


def report(who):
    finding = [(0x0040A010, "CS", "CONTAINS"), (0x0040A040, "CS", "TEXT"), (0x0040A043, "SQ", code("121071", "DCM", "Finding")),
               (0x0040A160, "UT", "No abnormality: this patient is an ellipse.")]
    yield "sr-report", ds.EXPLICIT_LE, who + series("ct", 9, "SR", "Report") + instance("ct", 9, 1, ds.BASIC_TEXT_SR) + [
        (0x00080023, "DA", "20240305"), (0x00080033, "TM", "113000"), (0x0040A040, "CS", "CONTAINER"),
        (0x0040A043, "SQ", code("18748-4", "LN", "Diagnostic imaging report")), (0x0040A050, "CS", "SEPARATE"),
        (0x0040A491, "CS", "COMPLETE"), (0x0040A493, "CS", "UNVERIFIED"), (0x0040A730, "SQ", [finding])]


def compressed(who):
    rng, rows, columns = random.Random(5), 256, 256
    words = phantom(rows, columns, 0, rng, noise=2)
    frame = ds.rle_frame([bytes(w >> 8 for w in words), bytes(w & 0xFF for w in words)])
    yield "cr-rle", ds.RLE, who + series("cr", 1, "CR", "Chest PA, RLE") + instance("cr", 1, 1, ds.CR_IMAGE) + \
        pixels(rows, columns, 16, 12) + [(0x7FE00010, "OB", [frame])]


def objects():
    """All sample objects: (name, transfer syntax, data set)."""
    ada = patient("Phantom^Ada", "DEMO-1", "19600101", "F")
    ben = patient("Phantom^Ben", "DEMO-2", "19751231", "M")
    chest = ada + study("ct", "20240305", "101112", "ACC-0001", "CT CHEST")
    head = ben + study("mr", "20240306", "090000", "ACC-0002", "MR HEAD")
    heart = ben + study("us", "20240306", "140000", "ACC-0003", "ECHO")
    plain = ada + study("cr", "20240304", "080000", "ACC-0004", "CHEST PA")
    yield from slices(ds.CT_IMAGE, "CT", "ct", chest, 16, 256, "Axial 2.5")
    yield from report(chest)
    yield from slices(ds.MR_IMAGE, "MR", "mr", head, 10, 128, "T1 axial")
    yield from ultrasound(heart)
    yield from compressed(plain)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    count = size = 0
    for name, syntax, elements in objects():
        by_tag = {tag: value for tag, _, value in elements}
        raw = ds.part10(ds.encode(elements, syntax), by_tag[0x00080016], by_tag[0x00080018], syntax)
        with open(os.path.join(folder, name + ".dcm"), "wb") as file:
            file.write(raw)
        count, size = count + 1, size + len(raw)
    print("made %d sample objects, %.1f MB, in %s" % (count, size / 1e6, folder))


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(sys.argv[1])
