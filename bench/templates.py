#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the objects that the load generator multiplies: one Part 10 file a kind, Explicit VR Little Endian.

usage: bench/templates.py FOLDER

  ct.dcm 525 KB   mr.dcm 132 KB   cr.dcm 10 MB   tiny.dcm 1.2 KB
The UIDs, the patient's ID and the accession number end in a counter that the generator overwrites in place. Standard library only.
"""
import os
import random
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools", "dev"))
import dataset as ds  # noqa: E402
import demo  # noqa: E402

ROOT = "2.25.20240305"
COUNTER = "1000000000000"
KINDS = {  # kind: SOP class, modality, rows, columns, bits allocated
    "ct": (ds.CT_IMAGE, "CT", 512, 512, 16),
    "mr": (ds.MR_IMAGE, "MR", 256, 256, 16),
    "cr": (ds.CR_IMAGE, "CR", 2500, 2048, 16),
    "tiny": (ds.SECONDARY_CAPTURE, "OT", 16, 16, 8),
}


def template(sop_class, modality, rows, columns, bits):
    image = demo.phantom(rows, columns, 0, random.Random(7))
    pixels = struct.pack("<%dH" % len(image), *image) if bits == 16 else bytes(v >> 4 for v in image)
    return [
        (0x00080005, "CS", "ISO_IR 100"), (0x00080008, "CS", ["ORIGINAL", "PRIMARY", "AXIAL"]), (0x00080016, "UI", sop_class),
        (0x00080018, "UI", "%s.3.%s" % (ROOT, COUNTER)), (0x00080020, "DA", "20240305"), (0x00080021, "DA", "20240305"),
        (0x00080023, "DA", "20240305"), (0x00080030, "TM", "101112"), (0x00080033, "TM", "101113"),
        (0x00080050, "SH", "ACC1000000"), (0x00080060, "CS", modality), (0x00080070, "LO", "SYNTHETIC"),
        (0x00080080, "LO", "General Hospital"), (0x00080090, "PN", "Referrer^Ann"), (0x00081030, "LO", "CHEST ROUTINE"),
        (0x0008103E, "LO", "AXIAL 1.0"), (0x00081090, "LO", "Phantom 1"),
        (0x00081140, "SQ", [[(0x00081150, "UI", sop_class), (0x00081155, "UI", ROOT + ".9.1")]]),
        (0x00100010, "PN", "Phantom^Test"), (0x00100020, "LO", "PID1000000"), (0x00100030, "DA", "19600101"),
        (0x00100040, "CS", "O"), (0x00101010, "AS", "064Y"), (0x00180015, "CS", "CHEST"), (0x00180050, "DS", "1.0"),
        (0x00181030, "LO", "ROUTINE"), (0x0020000D, "UI", "%s.1.%s" % (ROOT, COUNTER)),
        (0x0020000E, "UI", "%s.2.%s" % (ROOT, COUNTER)), (0x00200010, "SH", "1"), (0x00200011, "IS", 1), (0x00200013, "IS", 1),
        (0x00200032, "DS", ["0", "0", "0"]), (0x00200037, "DS", ["1", "0", "0", "0", "1", "0"]), (0x00200052, "UI", ROOT + ".4.1"),
        (0x00280002, "US", 1), (0x00280004, "CS", "MONOCHROME2"), (0x00280010, "US", rows), (0x00280011, "US", columns),
        (0x00280030, "DS", ["0.7", "0.7"]), (0x00280100, "US", bits), (0x00280101, "US", min(bits, 12)),
        (0x00280102, "US", min(bits, 12) - 1), (0x00280103, "US", 0), (0x00281050, "DS", "1040"), (0x00281051, "DS", "400"),
        (0x00281052, "DS", "-1024"), (0x00281053, "DS", "1"), (0x7FE00010, "OW" if bits == 16 else "OB", pixels)]


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for kind, shape in KINDS.items():
        raw = ds.part10(ds.encode(template(*shape)), shape[0], "%s.3.%s" % (ROOT, COUNTER), ds.EXPLICIT_LE)
        with open(os.path.join(folder, kind + ".dcm"), "wb") as file:
            file.write(raw)
        print("%s.dcm %d bytes" % (kind, len(raw)))


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(sys.argv[1])
