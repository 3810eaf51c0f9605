#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Extracts the objects of a Leat archive as DICOM Part 10 files.

An independent reader: written from engine/store/README.md alone, with the standard library, so that an archive never depends on the
program that wrote it. It reads the manifest, the segments and the streamed files; it needs no index and changes nothing. Every CRC is
checked; what is damaged is named and skipped. The archive may be in use (objects that arrive meanwhile may be left out).

    unpack.py DIR --list            one line for each object: sequence, bytes, transfer syntax, study, series, instance, place
    unpack.py DIR OUT               one file for each object: OUT/STUDY/SERIES/INSTANCE.dcm

The same instance may be there more than once (received again with other bytes, or moved): by default the one with the highest sequence
is extracted; --all extracts every record, with the sequence in the name. Exit status: 0 all was read, 1 something was damaged or missing,
2 wrong usage or no archive.
"""
import argparse
import os
import struct
import sys
import zlib

VERSION = 1
ENTRY_BYTES = 256
BLOCK_BYTES = 1 << 20
SEGMENT_HEADER_BYTES = 4096
PREFIX_BYTES = 96
HEADER_MAX_BYTES = 1 << 20
OBJECT = 1
GONE, SEALED, BULK, STREAMED = 3, 2, 1, 1
STUDY_UID, SERIES_UID, SOP_UID, SOP_CLASS_UID, TRANSFER_SYNTAX_UID = 2, 3, 4, 5, 6
CALLING_AET, CALLED_AET, STREAM = 7, 8, 16
IMPLEMENTATION_CLASS_UID = "2.25.241073527120861930485216493073651828417"  # as engine/base/identity.h


class Damage(Exception):
    """Something that can't be read as the format says."""


# ---- manifest ----

def good_entry(entry):
    return entry[:4] == b"LMAN" and zlib.crc32(entry[:252]) == struct.unpack_from("<I", entry, 252)[0]


def read_manifest(folder):
    """Volumes (number to path) and segments (number to a dict)."""
    with open(os.path.join(folder, "manifest"), "rb") as file:
        data = file.read()
    entries = [data[at:at + ENTRY_BYTES] for at in range(0, len(data) - ENTRY_BYTES + 1, ENTRY_BYTES)]
    good = [good_entry(entry) for entry in entries]
    whole = good.index(False) if False in good else len(good)
    durable = max((struct.unpack_from("<Q", entry, 8)[0] for entry, ok in zip(entries, good) if ok), default=0)
    if any(ok and struct.unpack_from("<H", entry, 4)[0] > VERSION for entry, ok in zip(entries, good)):
        raise Damage("the manifest has a newer format than this program knows")
    if whole == 0 or whole * ENTRY_BYTES < durable:
        raise Damage("the manifest is damaged at offset %d" % (whole * ENTRY_BYTES))
    volumes, segments = {}, {}
    for entry in entries[:whole]:
        kind = struct.unpack_from("<H", entry, 6)[0]
        if kind == 2:
            number, length = struct.unpack_from("<I", entry, 16)[0], struct.unpack_from("<H", entry, 36)[0]
            volumes[number] = os.fsdecode(entry[38:38 + length])
        elif kind == 3:
            number, = struct.unpack_from("<I", entry, 16)
            layout, state, log, volume, end = struct.unpack_from("<HHIIQ", entry, 36)
            segments[number] = {"number": number, "id": entry[20:36], "kind": layout, "state": state, "log": log, "volume": volume,
                                "end": end}
    return volumes, segments


# ---- records ----

class Record:
    def __init__(self, segment, offset, header):
        self.segment, self.offset, self.header = segment, offset, header
        (self.type, self.flags, self.header_bytes, self.payload_bytes, self.total_bytes,
         self.sequence) = struct.unpack_from("<HIIQQQ", header, 6)
        self.durable, self.field_bytes, self.block_count, self.body_crc = struct.unpack_from("<QIII", header, 64)
        self.fields = {}

    def decode_fields(self):
        at, end = PREFIX_BYTES, PREFIX_BYTES + self.field_bytes
        while at < end:
            tag, length = struct.unpack_from("<HI", self.header, at)
            if at + 6 + length > end:
                raise Damage("field %d is malformed" % tag)
            self.fields[tag] = self.header[at + 6:at + 6 + length]
            at += 6 + length
        self.crcs = struct.unpack_from("<%dI" % self.block_count, self.header, end)

    def text(self, tag):
        return self.fields.get(tag, b"").decode("ascii", "replace")


def read_prefix(file, segment, offset, limit):
    """The record that begins at `offset`, its header not yet checked, or None."""
    file.seek(offset)
    prefix = file.read(PREFIX_BYTES)
    if len(prefix) < PREFIX_BYTES or prefix[:4] != b"LREC" or zlib.crc32(prefix[:92]) != struct.unpack_from("<I", prefix, 92)[0]:
        return None
    if struct.unpack_from("<H", prefix, 4)[0] > VERSION:
        raise Damage("a record has a newer format than this program knows")
    record = Record(segment, offset, prefix)
    inside = 0 if record.flags & STREAMED else record.payload_bytes
    possible = (prefix[40:56] == segment["id"] and struct.unpack_from("<Q", prefix, 56)[0] == offset
                and PREFIX_BYTES + record.field_bytes + 4 * record.block_count <= record.header_bytes <= HEADER_MAX_BYTES
                and record.block_count == -(-record.payload_bytes // BLOCK_BYTES)
                and record.header_bytes + inside <= record.total_bytes <= limit - offset)
    return record if possible else None


def read_record(file, segment, offset, limit):
    record = read_prefix(file, segment, offset, limit)
    if record is None:
        return None
    file.seek(offset)
    record.header = file.read(record.header_bytes)
    if len(record.header) < record.header_bytes or zlib.crc32(record.header[PREFIX_BYTES:]) != record.body_crc:
        return None
    record.decode_fields()
    return record


def find_next(file, segment, after, limit):
    """The next prefix behind `after`, or None."""
    step = 4096 if segment["kind"] == BULK else 8
    start = after + 1
    while start + PREFIX_BYTES <= limit:
        file.seek(start)
        window = file.read(min(BLOCK_BYTES, limit - start))
        at = window.find(b"LREC")
        while at >= 0:
            if (start + at) % step == 0:
                record = read_prefix(file, segment, start + at, limit)
                if record is not None:
                    return record
            at = window.find(b"LREC", at + 1)
        if len(window) < BLOCK_BYTES:
            break
        start += len(window) - 3
    return None


def proven_durable(file, segment, bad, limit):
    """How far records behind `bad` prove that the segment was durable."""
    durable, at = bad, bad
    while True:
        record = find_next(file, segment, at, limit)
        if record is None:
            return durable
        durable, at = max(durable, record.durable), record.offset


def scan(archive, segment):
    """Records of a segment in their order; ("damage", from, to) where something can't be read."""
    with open(archive.segment_path(segment), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        sealed = segment["state"] == SEALED
        limit, at, proven = (segment["end"] if sealed else size), SEGMENT_HEADER_BYTES, 0
        while at < limit:
            record = read_record(file, segment, at, limit)
            whole = record is not None and (sealed or record.flags & STREAMED or archive.is_whole(record))
            if whole:
                proven = max(proven, record.durable)
                yield record
                at += record.total_bytes
                continue
            if not sealed and at >= proven:
                proven = proven_durable(file, segment, at, limit)
                if at >= proven:
                    return
            behind = find_next(file, segment, at, limit)
            end = behind.offset if behind else limit if sealed else proven
            if record is not None:
                end = at + record.total_bytes
            yield ("damage", at, end)
            at = end


# ---- the archive ----

class Archive:
    def __init__(self, folder, volume_paths):
        self.folder = folder
        self.volumes, self.segments = read_manifest(folder)
        for number, path in self.volumes.items():
            self.volumes[number] = folder if path == "." else os.path.join(folder, path)
        for path in volume_paths:
            with open(os.path.join(path, "volume"), "rb") as file:
                marker = file.read(64)
            if marker[:4] != b"LVOL" or zlib.crc32(marker[:60]) != struct.unpack_from("<I", marker, 60)[0]:
                raise Damage("%s is no volume" % path)
            self.volumes[struct.unpack_from("<I", marker, 8)[0]] = path

    def segment_path(self, segment):
        return os.path.join(self.volumes[segment["volume"]], "segments", "%010d.seg" % segment["number"])

    def open_payload(self, record):
        """The file that holds the payload, at its first byte."""
        if not record.flags & STREAMED:
            file = open(self.segment_path(record.segment), "rb")
            file.seek(record.offset + record.header_bytes)
            return file
        name, volume = record.fields[STREAM][:16].hex(), struct.unpack_from("<I", record.fields[STREAM], 16)[0]
        for place in ("streams", "streams/new", "streams"):
            try:
                return open(os.path.join(self.volumes[volume], place, name), "rb")
            except FileNotFoundError:
                continue
        raise Damage("streamed file %s is missing" % name)

    def blocks(self, record):
        """The payload, each block checked before it is given."""
        with self.open_payload(record) as file:
            left = record.payload_bytes
            for crc in record.crcs:
                block = file.read(min(left, BLOCK_BYTES))
                if len(block) < min(left, BLOCK_BYTES) or zlib.crc32(block) != crc:
                    raise Damage("the payload does not match its CRC")
                left -= len(block)
                yield block

    def is_whole(self, record):
        try:
            for _ in self.blocks(record):
                pass
            return True
        except Damage:
            return False


# ---- Part 10 ----

def element(element_number, vr, value):
    if len(value) % 2:
        value += b"\0" if vr in (b"UI", b"OB") else b" "
    if vr == b"OB":
        return struct.pack("<HH2sHI", 2, element_number, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", 2, element_number, vr, len(value)) + value


def part10_header(record):
    """Preamble and file meta information (PS3.10 7.1)."""
    body = element(0x0001, b"OB", b"\0\1") + element(0x0002, b"UI", record.fields.get(SOP_CLASS_UID, b""))
    body += element(0x0003, b"UI", record.fields.get(SOP_UID, b""))
    body += element(0x0010, b"UI", record.fields.get(TRANSFER_SYNTAX_UID, b""))
    body += element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID.encode()) + element(0x0013, b"SH", b"LEAT_UNPACK")
    if record.fields.get(CALLING_AET):
        body += element(0x0016, b"AE", record.fields[CALLING_AET][:16])
    return b"\0" * 128 + b"DICM" + element(0x0000, b"UL", struct.pack("<I", len(body))) + body


def safe(uid):
    return "".join(c if c.isalnum() or c in ".-" else "_" for c in uid).strip(".") or "unknown"


def extract(archive, record, out, with_sequence):
    folder = os.path.join(out, safe(record.text(STUDY_UID)), safe(record.text(SERIES_UID)))
    name = safe(record.text(SOP_UID)) + ("-%d" % record.sequence if with_sequence else "") + ".dcm"
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    try:
        with open(path + ".part", "wb") as file:
            file.write(part10_header(record))
            for block in archive.blocks(record):
                file.write(block)
        os.replace(path + ".part", path)
    except (OSError, Damage):
        os.unlink(path + ".part")
        raise


# ---- command ----

def identity(record):
    return tuple(record.fields.get(tag, b"") for tag in (STUDY_UID, SERIES_UID, SOP_UID))


def place(record):
    return "segment %d offset %d" % (record.segment["number"], record.offset)


def complain(text):
    print("unpack.py: " + text, file=sys.stderr)


def walk(archive, problems):
    for number in sorted(archive.segments):
        segment = archive.segments[number]
        if segment["state"] == GONE:
            continue
        try:
            for found in scan(archive, segment):
                if isinstance(found, tuple):
                    problems.append("segment %d is damaged from offset %d to %d" % (number, found[1], found[2]))
                elif found.type == OBJECT:
                    yield found
        except (OSError, Damage) as error:
            problems.append("segment %d: %s" % (number, error))


def current(records):
    """Of each instance the record with the highest sequence: places only, so that memory stays small."""
    best = {}
    for record in records:
        key = identity(record)
        if key not in best or record.sequence > best[key][0]:
            best[key] = (record.sequence, record.segment["number"], record.offset)
    return {(number, offset) for _, number, offset in best.values()}


def run(options):
    archive = Archive(options.dir, options.volume)
    problems, count = [], 0
    wanted = None if options.all else current(walk(archive, []))
    for record in walk(archive, problems):
        if wanted is not None and (record.segment["number"], record.offset) not in wanted:
            continue
        count += 1
        if options.list:
            print(record.sequence, record.payload_bytes, record.text(TRANSFER_SYNTAX_UID), record.text(STUDY_UID),
                  record.text(SERIES_UID), record.text(SOP_UID), place(record), sep="\t")
            continue
        try:
            extract(archive, record, options.out, options.all)
        except (OSError, Damage) as error:
            problems.append("%s (%s): %s" % (record.text(SOP_UID), place(record), error))
    for problem in problems:
        complain(problem)
    if not options.list:
        print("%d objects extracted, %d problems" % (count, len(problems)), file=sys.stderr)
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", metavar="DIR", help="data folder of the archive (the one with the file `manifest`)")
    parser.add_argument("out", metavar="OUT", nargs="?", help="folder for the files, made if it is missing")
    parser.add_argument("--list", action="store_true", help="print what is there instead of extracting it")
    parser.add_argument("--all", action="store_true", help="every record, earlier versions of an instance too")
    parser.add_argument("--volume", metavar="PATH", action="append", default=[],
                        help="a volume that has been moved; may be given several times")
    options = parser.parse_args()
    if not options.list and not options.out:
        parser.error("say where to put the files (OUT), or --list")
    try:
        return run(options)
    except BrokenPipeError:
        return 1
    except (OSError, Damage) as error:
        complain(str(error))
        return 2


if __name__ == "__main__":
    sys.exit(main())
