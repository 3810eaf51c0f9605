# SPDX-License-Identifier: Apache-2.0
"""Data sets and Part 10 files in plain Python: what the demo, the benchmarks' templates and the system tests make.

Written against PS3.5 and PS3.10 and independent of Leat's own code and of DCMTK, so that a fault in either shows.
A data set is a list of (tag, vr, value): tag an int (0x00100010), value a str, bytes, an int or float, a list of them, or for
SQ a list of data sets. Pixel data with a list of bytes as value is encapsulated, one fragment for each.
"""
import struct
import uuid
import zlib

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
CR_IMAGE = "1.2.840.10008.5.1.4.1.1.1"
US_MULTIFRAME = "1.2.840.10008.5.1.4.1.1.3.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"

LONG_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
UNDEFINED = 0xFFFFFFFF


def uid(*names):
    """A UID that is the same in every run for the same names (PS3.5 B.2: 2.25 and a UUID)."""
    return "2.25.%d" % uuid.uuid5(uuid.NAMESPACE_URL, "leat/" + "/".join(str(n) for n in names)).int


def _value(vr, value, order, charset):
    if isinstance(value, (bytes, bytearray)):
        raw = bytes(value)
    elif vr == "AT":
        tags = value if isinstance(value, list) else [value]
        raw = b"".join(struct.pack(order + "HH", t >> 16, t & 0xFFFF) for t in tags)
    elif vr in NUMBERS:
        numbers = value if isinstance(value, list) else [value]
        raw = struct.pack(order + str(len(numbers)) + NUMBERS[vr], *numbers)
    else:
        text = "\\".join(str(v) for v in value) if isinstance(value, list) else str(value)
        raw = text.encode(charset)
    if len(raw) % 2:
        raw += b"\0" if vr in ("UI", "OB", "UN") else b" "
    return raw


def _swap_words(raw):
    swapped = bytearray(raw)
    swapped[0::2], swapped[1::2] = raw[1::2], raw[0::2]
    return bytes(swapped)


def _header(tag, vr, length, order, implicit):
    group, element = tag >> 16, tag & 0xFFFF
    if implicit:
        return struct.pack(order + "HHI", group, element, length)
    if vr in LONG_VRS:
        return struct.pack(order + "HH2sHI", group, element, vr.encode(), 0, length)
    if length > 0xFFFF:
        raise ValueError("value of %08X is too long for VR %s" % (tag, vr))
    return struct.pack(order + "HH2sH", group, element, vr.encode(), length)


def _item(order, element, length):
    return struct.pack(order + "HHI", 0xFFFE, element, length)


def _element(tag, vr, value, order, implicit, undefined, charset):
    if vr == "SQ":
        body = b""
        for item in value:
            content = _elements(item, order, implicit, undefined, charset)
            if undefined:
                body += _item(order, 0xE000, UNDEFINED) + content + _item(order, 0xE00D, 0)
            else:
                body += _item(order, 0xE000, len(content)) + content
        if undefined:
            return _header(tag, vr, UNDEFINED, order, implicit) + body + _item(order, 0xE0DD, 0)
        return _header(tag, vr, len(body), order, implicit) + body
    if tag == 0x7FE00010 and isinstance(value, list):
        body = _item(order, 0xE000, 0)
        for fragment in value:
            fragment += b"\0" * (len(fragment) % 2)
            body += _item(order, 0xE000, len(fragment)) + fragment
        return _header(tag, "OB", UNDEFINED, order, implicit) + body + _item(order, 0xE0DD, 0)
    raw = _value(vr, value, order, charset)
    if vr == "OW" and order == ">":
        raw = _swap_words(raw)
    return _header(tag, vr, len(raw), order, implicit) + raw


def _elements(dataset, order, implicit, undefined, charset):
    return b"".join(_element(tag, vr, value, order, implicit, undefined, charset)
                    for tag, vr, value in sorted(dataset, key=lambda e: e[0]))


def encode(dataset, syntax=EXPLICIT_LE, undefined=False, charset="latin-1"):
    """The bytes of a data set; undefined: sequences and items with undefined lengths."""
    order = ">" if syntax == EXPLICIT_BE else "<"
    raw = _elements(dataset, order, syntax == IMPLICIT_LE, undefined, charset)
    if syntax == DEFLATED:
        packer = zlib.compressobj(wbits=-15)
        raw = packer.compress(raw) + packer.flush()
        raw += b"\0" * (len(raw) % 2)
    return raw


def part10(raw, sop_class, sop_instance, syntax):
    """A Part 10 file (PS3.10 7.1) around the bytes of a data set."""
    meta = _elements([(0x00020001, "OB", b"\0\1"), (0x00020002, "UI", sop_class), (0x00020003, "UI", sop_instance),
                      (0x00020010, "UI", syntax), (0x00020012, "UI", uid("dataset.py")), (0x00020013, "SH", "LEAT-SAMPLES")],
                     "<", False, False, "ascii")
    return b"\0" * 128 + b"DICM" + _element(0x00020000, "UL", len(meta), "<", False, False, "ascii") + meta + raw


class Part10:
    """A Part 10 file read: meta (tag -> bytes), the data set's bytes. ValueError if there is no meta header."""

    def __init__(self, raw):
        at = 132 if raw[128:132] == b"DICM" else 0
        self.meta = {}
        while raw[at:at + 2] == b"\x02\0":
            element, vr = struct.unpack_from("<H2s", raw, at + 2)
            if vr.decode("latin-1") in LONG_VRS:
                length, at = struct.unpack_from("<I", raw, at + 8)[0], at + 12
            else:
                length, at = struct.unpack_from("<H", raw, at + 6)[0], at + 8
            self.meta[0x00020000 | element] = raw[at:at + length]
            at += length
        if 0x00020010 not in self.meta:
            raise ValueError("no meta header")
        self.dataset = raw[at:]
        self.sop_class = self._text(0x00020002)
        self.sop_instance = self._text(0x00020003)
        self.syntax = self._text(0x00020010)

    def _text(self, tag):
        return self.meta.get(tag, b"").rstrip(b"\0 ").decode("latin-1")


def read_part10(path):
    with open(path, "rb") as file:
        return Part10(file.read())


def rle_frame(planes):
    """One RLE-compressed frame (PS3.5 annex G) of byte planes of equal size, most significant first."""
    segments = [_packbits(plane) for plane in planes]
    offsets, at = [], 64
    for segment in segments:
        offsets.append(at)
        at += len(segment)
    return struct.pack("<16I", len(segments), *(offsets + [0] * (15 - len(offsets)))) + b"".join(segments)


def _packbits(plane):
    out, at, size = bytearray(), 0, len(plane)
    while at < size:
        run = 1
        while run < 128 and at + run < size and plane[at + run] == plane[at]:
            run += 1
        if run >= 3:
            out += bytes(((257 - run) & 0xFF, plane[at]))
            at += run
            continue
        start = at
        while at < size and at - start < 128 and not (at + 2 < size and plane[at] == plane[at + 1] == plane[at + 2]):
            at += 1
        out.append(at - start - 1)
        out += plane[start:at]
    if len(out) % 2:
        out.append(0)
    return bytes(out)
