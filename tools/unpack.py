#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gets every object out of a Leat archive without Leat, as DICOM files (PS3.10): the archive is never a prison.

Written from engine/store/README.md alone, which says what each byte means; Python's standard library only. Two passes:
survey() walks the manifest and all record headers and learns which version of each object is current; extract() reads the
payloads, checks every CRC-32 and writes the files. Nothing in the archive is changed, and no lock is taken.
"""
import argparse
import errno
import hashlib
import os
import re
import struct
import sys
import time
import zlib

VERSION = 1                       # of every format in README.md that this program knows
BLOCK = 4096                      # segment header; alignment in bulk segments
MIB = 1 << 20                     # payload under one CRC; largest header of a record
BULK, SMALL = 1, 2                # kinds of segments
ACTIVE, SEALED, GONE = 1, 2, 3    # their states
OBJECT, CHANGE, NOTE = 1, 2, 3    # types of records
STREAMED = 1                      # flag of a record
PREFIX = struct.Struct("<4sHHIIQQQ16sQQIII8xI")
ENTRY = struct.Struct("<4sHHQ")
SEGMENT_ENTRY = struct.Struct("<I16sHHIIQQQI")

# Who wrote the files, for (0002,0012) and (0002,0013). The class UID is made from a random UUID (PS3.5 B.2).
IMPLEMENTATION_CLASS, IMPLEMENTATION_VERSION = b"2.25.313979202291062779732068366564533905409", b"LEAT_UNPACK"

HELP = """\
DATA is the data folder of a Leat archive (leat serve --data), of a stopped server, a running one, or what is left of it. OUT
is made if it isn't there; the files go to OUT/STUDY/SERIES/INSTANCE.dcm, named by their UIDs (what is not safe in a file's
name becomes _, followed by a checksum). A file has its name only when it is whole; running it again replaces files.

Of an object that was received with several contents the last one is current and is the one that is written; --all writes the
earlier ones too, as INSTANCE.superseded-SEQUENCE.dcm (a higher sequence is later). What Leat keeps aside as quarantined
comes out like everything else. The data sets are byte for byte what was received, in the transfer syntax in which they were
received; demographic changes made in Leat are not applied.

Every CRC-32 is checked. What is damaged is named on standard error, with segment and offset, and is not written; everything
else is. A running server's newest objects may be left out, and are not named, if they come in after the reading began.

memory: about 300 bytes for each object (with --study: of that study).
exit status: 0 everything is there; 1 something is damaged, missing or could not be written; 2 wrong usage, no archive, or
one that a newer Leat wrote.

examples:
  unpack.py /srv/leat /mnt/usb/out                everything, current versions
  unpack.py /srv/leat --list                      what is there: one line an object, tab-separated; reads no payloads
  unpack.py /srv/leat --check --all               reads and checks everything, writes nothing
  unpack.py /srv/leat out --study 1.2.840.99.1    one study
  unpack.py /srv/leat out --volume /mnt/vol2      a volume that is mounted elsewhere than it was
"""


class Unusable(Exception):
    """There is nothing to go on with: exit status 2."""


class Damaged(Exception):
    """What is wrong with one thing, in words."""


class Report:
    """Standard error: damage, each named once, and a line of progress on a terminal."""

    def __init__(self):
        self.named, self.shown, self.on_line = set(), 0.0, False

    def damage(self, text):
        if text not in self.named:
            self.named.add(text)
            self.say("damaged: " + text)

    def say(self, text):
        if self.on_line:
            sys.stderr.write("\r\033[K")
            self.on_line = False
        sys.stderr.write("unpack: " + text + "\n")
        sys.stderr.flush()

    def progress(self, text):
        if sys.stderr.isatty() and time.monotonic() - self.shown > 0.5:
            self.shown, self.on_line = time.monotonic(), True
            sys.stderr.write("\r\033[K" + text)
            sys.stderr.flush()


def megabytes(count):
    return "%.1f MB" % (count / 1e6)


def check_version(found, what):
    if found > VERSION:
        raise Unusable("%s has format version %d: a newer Leat wrote it, and a newer unpack.py reads it" % (what, found))


# --- manifest and volumes ---------------------------------------------------------------------------------------------

class Segment:
    """What the manifest says of a segment; `limit` is where its records end once that is known."""

    def __init__(self, number, ident, kind, state, volume, end, file_bytes):
        self.number, self.ident, self.kind, self.state = number, ident, kind, state
        self.volume, self.end, self.file_bytes = volume, end, file_bytes
        self.limit = self.path = self.archive = None


class Manifest:
    """DIR/manifest: the last entry about a thing wins. `found` is False when there is no such file."""

    def __init__(self, folder, report):
        self.archive, self.volumes, self.segments, self.found, self.damaged = None, {}, {}, True, False
        self.gone_below = 0  # numbers below, without an entry
        path = os.path.join(folder, "manifest")
        try:
            with open(path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            self.found = False
            return
        entries = [(at, data[at:at + 256]) for at in range(0, len(data) - 255, 256)]
        good = {at: entry for at, entry in entries if self.is_good(entry)}
        durable = max((ENTRY.unpack_from(entry)[3] for entry in good.values()), default=0)
        for at, entry in entries:
            if at in good:
                self.take(entry, "%s, entry at offset %d" % (path, at))
            elif at >= durable:
                break  # the torn end, or no more entries
            else:
                self.damaged = True
                report.damage("%s: the entry at offset %d does not match its CRC" % (path, at))
        if len(entries) * 256 < durable:
            self.damaged = True
            report.damage("%s is cut short: it has %d of %d bytes" % (path, len(data), durable))
        if 0 in good and not self.damaged:
            self.gone_below = struct.unpack_from("<I", data, 232)[0]
        if not good or self.archive is None:
            self.damaged = True
            report.damage("%s: the archive's own entry is not there" % path)

    @staticmethod
    def is_good(entry):
        return entry[:4] == b"LMAN" and zlib.crc32(entry[:252]) == struct.unpack_from("<I", entry, 252)[0]

    def take(self, entry, where):
        _, version, kind, _ = ENTRY.unpack_from(entry)
        check_version(version, where)
        if kind == 1:
            self.archive = entry[16:32]
        elif kind == 2:
            number, ident, length = struct.unpack_from("<I16sH", entry, 16)
            self.volumes[number] = (ident, entry[38:38 + min(length, 213)])
        elif kind == 3:
            number, ident, form, state, _, volume, end, _, file_bytes, _ = SEGMENT_ENTRY.unpack_from(entry, 16)
            self.segments[number] = Segment(number, ident, form, state, volume, end, file_bytes)


def read_marker(folder, report):
    """(number, archive id, volume id) of VOLUME/volume; None when there is none that can be read, which is named."""
    try:
        with open(os.path.join(folder, "volume"), "rb") as file:
            data = file.read(64)
    except OSError as error:
        report.damage("%s/volume can't be read: %s" % (folder, error.strerror))
        return None
    if len(data) < 64 or data[:4] != b"LVOL" or zlib.crc32(data[:60]) != struct.unpack_from("<I", data, 60)[0]:
        report.damage("%s/volume does not match its CRC" % folder)
        return None
    check_version(struct.unpack_from("<H", data, 4)[0], os.path.join(folder, "volume"))
    return struct.unpack_from("<I16s16s", data, 8)


def find_volumes(manifest, folder, given, report):
    """{number: path}: where --volume says (known by the marker), else where the manifest says."""
    marked = {}
    for path in given:
        marker = read_marker(path, report)
        if marker is None:
            raise Unusable("%s has no marker of a volume that can be read" % path)
        marked[marker[2]] = path
        if not manifest.found or manifest.damaged:
            manifest.volumes.setdefault(marker[0], (marker[2], os.fsencode(path)))
    if not manifest.volumes:
        manifest.volumes[1] = (b"", b".")
        report.say("the manifest names no volume; %s is taken for the only one (--volume DIR for others)" % folder)
    volumes = {}
    for number, (ident, path) in sorted(manifest.volumes.items()):
        path = marked.get(ident) or (folder if path == b"." else os.fsdecode(path))
        there = path and os.path.isdir(path)
        marker = read_marker(path, report) if there else None
        if not there or (marker and ident and marker[2] != ident):
            report.damage("volume %d is missing (--volume says where it is): %s" % (number, path or "no path is known"))
        else:
            volumes[number] = path  # without a readable marker the manifest's word is taken for it
    return volumes


# --- records ----------------------------------------------------------------------------------------------------------

class Record:
    """A record's prefix and, after read_header(), its fields."""

    def __init__(self, segment, offset, values):
        (_, _, self.type, self.flags, self.header_bytes, self.payload_bytes, self.total_bytes, self.sequence, _, _,
         self.durable, self.field_bytes, self.crc_count, self.header_crc, _) = values
        self.segment, self.offset, self.fields, self.crcs = segment, offset, {}, ()
        self.streamed = bool(self.flags & STREAMED)

    def text(self, tag):
        return self.fields.get(tag, b"")

    def number(self, tag):
        return int.from_bytes(self.fields.get(tag, b"")[:8], "little")

    @property
    def identity(self):
        return self.text(2), self.text(3), self.text(4)

    @property
    def where(self):
        return "segment %d, record at offset %d" % (self.segment.number, self.offset)

    @property
    def who(self):
        if self.type != OBJECT:
            return {CHANGE: "a change", NOTE: "a note"}.get(self.type, "of type %d" % self.type)
        return "study %s, series %s, instance %s" % tuple(printable(uid) for uid in self.identity)


def printable(raw):
    return re.sub(r"[^\x20-\x7e]", "?", raw.decode("latin-1"))


def key_of(identity):
    """16 bytes instead of three UIDs: an archive has many."""
    return hashlib.blake2b(b"".join(struct.pack("<I", len(uid)) + uid for uid in identity), digest_size=16).digest()


class SegmentFile:
    """An open segment, read through a window. No byte of it is trusted."""

    def __init__(self, segment):
        self.segment = segment
        self.file = open(segment.path, "rb", buffering=0)
        self.size = os.fstat(self.file.fileno()).st_size
        self.window_bytes = 16 * 1024 if segment.kind == BULK else MIB
        self.step = BLOCK if segment.kind == BULK else 8
        self.window, self.window_at = b"", 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def read(self, at, count):
        """Bytes of the file, fewer at its end."""
        out = os.pread(self.file.fileno(), count, at)
        while 0 < len(out) < count:
            more = os.pread(self.file.fileno(), count - len(out), at + len(out))
            if not more:
                break
            out += more
        return out

    def view(self, at, count):
        if at < self.window_at or at + count > self.window_at + len(self.window):
            self.window, self.window_at = self.read(at, max(count, self.window_bytes)), at
        return self.window[at - self.window_at:at - self.window_at + count]

    def forget(self):
        """What was read may have changed."""
        self.window = b""

    def prefix(self, offset, limit):
        """The Record whose prefix counts at this offset, or Damaged."""
        return self.parse_prefix(self.view(offset, PREFIX.size), offset, limit)

    def parse_prefix(self, raw, offset, limit):
        if len(raw) < PREFIX.size or raw[:4] != b"LREC":
            raise Damaged("no record begins there")
        values = PREFIX.unpack(raw)
        if zlib.crc32(raw[:92]) != values[-1]:
            raise Damaged("its prefix does not match its CRC")
        if values[8] != self.segment.ident or values[9] != offset:
            raise Damaged("the record there belongs to another segment or place")
        check_version(values[1], "segment %d, record at offset %d" % (self.segment.number, offset))
        record = Record(self.segment, offset, values)
        inside = 0 if record.streamed else record.payload_bytes
        if (PREFIX.size + record.field_bytes + 4 * record.crc_count > record.header_bytes or record.header_bytes > MIB
                or record.header_bytes % 8 or record.total_bytes % 8 or record.header_bytes + inside > record.total_bytes
                or record.payload_bytes > 1 << 48 or record.crc_count != -(-record.payload_bytes // MIB)):
            raise Damaged("its lengths are impossible")
        if offset + record.total_bytes > limit:
            raise Damaged("it goes beyond the segment's end")
        return record

    def record(self, offset, limit):
        """The Record that counts at this offset, with its fields, or Damaged."""
        record = self.prefix(offset, limit)
        header = self.view(offset, record.header_bytes)
        if len(header) < record.header_bytes or zlib.crc32(header[PREFIX.size:]) != record.header_crc:
            raise Damaged("its header does not match its CRC")
        at, end = PREFIX.size, PREFIX.size + record.field_bytes
        while at < end:
            if at + 6 > end:
                raise Damaged("its fields are malformed")
            tag, length = struct.unpack_from("<HI", header, at)
            if at + 6 + length > end:
                raise Damaged("its field %d is malformed" % tag)
            record.fields[tag] = header[at + 6:at + 6 + length]
            at += 6 + length
        record.crcs = struct.unpack_from("<%dI" % record.crc_count, header, end)
        return record

    def prefixes(self, offset, limit):
        """Every place at or behind `offset` where a prefix of this segment counts."""
        at = -(-offset // self.step) * self.step
        while at + PREFIX.size <= limit:
            data = self.read(at, MIB + PREFIX.size)
            found = data.find(b"LREC")
            while 0 <= found < MIB:
                if (at + found) % self.step == 0:
                    try:
                        yield self.parse_prefix(data[found:found + PREFIX.size], at + found, limit)
                    except Damaged:
                        pass
                found = data.find(b"LREC", found + 1)
            if len(data) <= PREFIX.size:
                return
            at += MIB

    def next_record(self, offset, limit):
        """The place behind `offset` where the next record counts; the limit when there is none."""
        for prefix in self.prefixes(offset + self.step, limit):
            try:
                self.record(prefix.offset, limit)
                return prefix.offset
            except Damaged:
                continue
        return limit

    def blocks(self, record):
        """The payload of a record that isn't streamed, each block checked; Damaged."""
        return checked_blocks(record, lambda at, count: self.read(record.offset + record.header_bytes + at, count))


def checked_blocks(record, read):
    for number, crc in enumerate(record.crcs):
        at = number * MIB
        block = read(at, min(MIB, record.payload_bytes - at))
        if len(block) != min(MIB, record.payload_bytes - at):
            raise Damaged("its payload is cut short at byte %d of %d" % (at + len(block), record.payload_bytes))
        if zlib.crc32(block) != crc:
            raise Damaged("its payload does not match its CRC in bytes %d to %d" % (at, at + len(block) - 1))
        yield block


def open_stream(archive, record):
    """The file of a streamed object. It may move to streams/ while we look."""
    ident, volume = record.text(16)[:16].hex(), int.from_bytes(record.text(16)[16:20], "little")
    if volume not in archive.volumes:
        raise Damaged("its payload is on volume %d, which is missing" % volume)
    for folder in ("streams", "streams/new", "streams/orphaned", "streams"):
        try:
            return open(os.path.join(archive.volumes[volume], folder, ident), "rb", buffering=0)
        except FileNotFoundError:
            continue
    raise Damaged("its payload, the file streams/%s of volume %d, is missing" % (ident, volume))


# --- walking a segment ------------------------------------------------------------------------------------------------

def walk(file, report):
    """Records of a segment whose end is known, each with its fields. Places without one are damage."""
    at, limit = BLOCK, file.segment.limit
    while at < limit:
        try:
            record = file.record(at, limit)
        except Damaged as why:
            after = file.next_record(at, limit)
            report.damage("segment %d, offset %d to %d: %s" % (file.segment.number, at, after, why))
            at = after
            continue
        yield record
        at += record.total_bytes


def is_whole(file, record):
    if record.streamed:
        return True
    for _ in file.blocks(record):
        pass
    return True


def find_end(file, report):
    """Where the records of an active segment end ("Where an active segment ends" in README.md)."""
    at, proven, limit = BLOCK, 0, file.size
    again = False  # this place was read before: a running server may have been writing it
    while at < limit:
        record = None
        try:
            record = file.record(at, limit)
            is_whole(file, record)
            proven, at, again = max(proven, record.durable), at + record.total_bytes, False
            continue
        except Damaged as why:
            reason = why
        if at >= proven:
            proven = max((prefix.durable for prefix in file.prefixes(at + file.step, limit)), default=0)
            if at >= proven:
                return at
        if not again:
            again = True
            file.forget()
            continue
        again = False
        if record is not None:
            report.damage("%s (%s): %s" % (record.where, record.who, reason))
            at += record.total_bytes
            continue
        after = file.next_record(at, limit)
        report.damage("segment %d, offset %d to %d: %s" % (file.segment.number, at, min(after, proven), reason))
        if after > proven:
            return at
        at = after
    return at


# --- the archive ------------------------------------------------------------------------------------------------------

class Archive:
    """A data folder. survey() fills `current`: key of an identity -> highest sequence * 2 (+ 1 once it was written)."""

    def __init__(self, folder, options, report):
        self.folder, self.options, self.report = folder, options, report
        self.current, self.segments, self.changes = {}, {}, 0
        self.study = os.fsencode(options.study) if options.study is not None else None
        if not os.path.isdir(folder):
            raise Unusable("%s is no folder" % folder)
        self.read_manifest()

    def read_manifest(self):
        self.manifest = Manifest(self.folder, self.report)
        if not self.manifest.found and not (os.path.isdir(os.path.join(self.folder, "segments")) or self.options.volume):
            raise Unusable("%s holds no archive: there is no manifest in it (if it is lost, --volume DIR says where segments are)"
                           % self.folder)
        if not self.manifest.found:
            if os.path.exists(os.path.join(self.folder, "manifest.new")):
                raise Unusable("%s is an archive whose creation was cut short; nothing was ever stored in it" % self.folder)
            self.report.damage("%s/manifest is missing: the segments are read by their own headers" % self.folder)
        self.volumes = find_volumes(self.manifest, self.folder, self.options.volume, self.report)

    def wanted(self, record):
        return record.type == OBJECT and (self.study is None or record.text(2) == self.study)

    def path_of(self, segment):
        folder = self.volumes.get(segment.volume)
        return None if folder is None else os.path.join(folder, "segments", "%010d.seg" % segment.number)

    # --- first pass ---

    def survey(self):
        """All segments that are to be read, with their ends, and the current version of every object."""
        for attempt in range(3):
            lost = [segment for segment in self.listed() if not self.survey_segment(segment)]
            if not lost:
                break
            if attempt < 2:
                self.read_manifest()  # a running server may have struck or recycled them meanwhile
                continue
            for segment in lost:
                self.report.damage("segment %d is missing (%s)" % (segment.number, self.path_of(segment) or "its volume is"))
        self.survey_strays()

    def listed(self):
        return [s for _, s in sorted(self.manifest.segments.items()) if s.state != GONE and s.number not in self.segments]

    def survey_segment(self, segment):
        """False: its file is not there, or is another segment's."""
        segment.path = self.path_of(segment)
        if segment.path is None:
            return False
        try:
            with SegmentFile(segment) as file:
                header = file.read(0, BLOCK)
                good, ident = parse_header(header)
                if good and ident.ident != segment.ident:
                    return False
                if not good:
                    self.report.damage("segment %d: its header block does not match its CRC (its records are read)"
                                       % segment.number)
                if segment.state != SEALED and file.size < segment.file_bytes:
                    self.update(segment)  # a running server cuts a segment after it was sealed
                    if segment.state == GONE:
                        return False
                wanted = segment.end if segment.state == SEALED else segment.file_bytes
                if file.size < wanted:
                    self.report.damage("segment %d is cut short: it has %d of %d bytes" % (segment.number, file.size, wanted))
                segment.limit = segment.end if segment.state == SEALED else find_end(file, self.report)
                self.survey_records(file)
        except FileNotFoundError:
            return False
        except OSError as error:
            self.report.damage("segment %d can't be read: %s" % (segment.number, error))
            return True
        self.segments[segment.number] = segment
        return True

    def update(self, segment):
        """What the manifest says of it now."""
        fresh = Manifest(self.folder, self.report).segments.get(segment.number, segment)
        segment.state, segment.end, segment.file_bytes = fresh.state, fresh.end, fresh.file_bytes

    def survey_records(self, file):
        for record in walk(file, self.report):
            self.changes += record.type == CHANGE
            if self.wanted(record):
                key = key_of(record.identity)
                self.current[key] = max(self.current.get(key, 0), record.sequence * 2)
        self.report.progress("reading headers: segment %d, %d objects" % (file.segment.number, len(self.current)))

    def survey_strays(self):
        """Segment files that hold records and that no entry names: the manifest has lost something."""
        for volume, folder in self.volumes.items():
            try:
                names = sorted(os.listdir(os.path.join(folder, "segments")))
            except OSError as error:
                self.report.damage("%s/segments can't be read: %s" % (folder, error.strerror))
                continue
            for name in names:
                number = int(name[:10]) if re.fullmatch(r"\d{10}\.seg", name) else None
                if number is None or number in self.manifest.segments or number < self.manifest.gone_below:
                    continue
                self.survey_stray(os.path.join(folder, "segments", name), number, volume)

    def survey_stray(self, path, number, volume):
        try:
            with open(path, "rb") as file:
                good, segment = parse_header(file.read(BLOCK))
                first = file.read(PREFIX.size)
        except OSError:
            return
        if first[:4] != b"LREC" or (good and (first[40:56] != segment.ident or segment.number != number)):
            return  # made, but never written to
        if not good:
            self.report.damage("%s is not in the manifest, and its header block is damaged: it is not read" % path)
            return
        if self.manifest.archive not in (None, segment.archive):
            return
        fresh = Manifest(self.folder, self.report) if self.manifest.found else self.manifest
        if number in fresh.segments:
            return  # a running server began it after we had read the manifest
        self.report.damage("segment %d (%s) is not in the manifest; it is read all the same" % (number, path))
        segment.volume = volume
        self.manifest.segments[number] = segment
        self.survey_segment(segment)

    # --- second pass ---

    def extract(self, output):
        """Hands every wanted record to output(record, blocks); blocks raises Damaged."""
        for _, segment in sorted(self.segments.items()):
            try:
                with SegmentFile(segment) as file:
                    good, header = parse_header(file.read(0, BLOCK))
                    if good and header.ident != segment.ident:
                        self.report.damage("segment %d was recycled while it was read: run this again" % segment.number)
                        continue
                    for record in walk(file, self.report):
                        if self.wanted(record) or (self.study is None and not self.options.list):
                            self.hand_on(record, file, output)
            except OSError as error:
                if isinstance(error, OutputError):
                    raise
                self.report.damage("segment %d can't be read: %s" % (segment.number, error))

    def hand_on(self, record, file, output):
        try:
            if self.options.list:
                output(record, self.is_current(record), ())
            elif not record.streamed:
                output(record, self.is_current(record), file.blocks(record))
            else:
                with open_stream(self, record) as stream:
                    output(record, self.is_current(record), checked_blocks(record, lambda at, count: read_at(stream, at, count)))
        except Damaged as why:
            self.report.damage("%s (%s): %s" % (record.where, record.who, why))
        except OutputError:
            raise
        except OSError as error:
            self.report.damage("%s (%s): it can't be read: %s" % (record.where, record.who, error))

    def is_current(self, record):
        return record.type == OBJECT and self.current.get(key_of(record.identity), 0) // 2 == record.sequence

    def written(self, record):
        """True the first time: records of one identity and sequence are one."""
        key = key_of(record.identity)
        first = not self.current[key] & 1
        self.current[key] |= 1
        return first


def read_at(file, at, count):
    file.seek(at)
    out = file.read(count) or b""
    while 0 < len(out) < count:
        more = file.read(count - len(out))
        if not more:
            break
        out += more
    return out


def parse_header(block):
    """(whether it is whole, Segment as the header block says)."""
    if len(block) < BLOCK or block[:4] != b"LSEG" or zlib.crc32(block[:4092]) != struct.unpack_from("<I", block, 4092)[0]:
        return False, None
    version, kind, number, _, ident, archive = struct.unpack_from("<HHII16s16s", block, 4)
    check_version(version, "segment %d" % number)
    segment = Segment(number, ident, kind, ACTIVE, struct.unpack_from("<I", block, 64)[0], 0, 0)
    segment.archive = archive
    return True, segment


# --- files ------------------------------------------------------------------------------------------------------------

class OutputError(OSError):
    """OUT takes no more: nothing else is tried."""


def element(number, vr, value):
    """An element of group 2, explicit VR little endian, padded to an even length."""
    if len(value) % 2:
        value += b"\0" if vr in (b"UI", b"OB") else b" "
    if vr == b"OB":
        return struct.pack("<HH2s2xI", 2, number, vr, len(value)) + value
    if len(value) > 0xFFFE:
        raise Damaged("a value of its file header is too long")
    return struct.pack("<HH2sH", 2, number, vr, len(value)) + value


def file_header(record):
    """Preamble, DICM and group 2 of PS3.10 7.1."""
    meta = element(0x0001, b"OB", b"\0\1")
    for number, tag in ((0x0002, 5), (0x0003, 4), (0x0010, 6)):
        meta += element(number, b"UI", record.text(tag))
    meta += element(0x0012, b"UI", IMPLEMENTATION_CLASS)
    meta += element(0x0013, b"SH", IMPLEMENTATION_VERSION)
    for number, tag in ((0x0016, 7), (0x0017, 7), (0x0018, 8)):
        if record.text(tag):
            meta += element(number, b"AE", record.text(tag))
    return b"\0" * 128 + b"DICM" + element(0, b"UL", struct.pack("<I", len(meta))) + meta


def safe_name(uid):
    text = uid.decode("latin-1")
    safe = re.sub(r"[^0-9A-Za-z.-]", "_", text)[:100]
    if safe != text or not safe or safe[0] == ".":
        safe = "_%s-%08x" % (safe, zlib.crc32(uid))
    return safe


class Unpacker:
    """Second pass: files."""

    def __init__(self, archive, folder):
        self.archive, self.folder, self.options = archive, folder, archive.options
        self.files = self.bytes = self.superseded = 0

    def __call__(self, record, current, blocks):
        keep = self.archive.wanted(record) and (current or self.options.all)
        if not keep or self.folder is None:
            for block in blocks:  # checked all the same
                self.bytes += len(block)
        else:
            self.write(record, current, blocks)
        if self.archive.wanted(record):
            self.superseded += not current
            if not current or self.archive.written(record):
                self.files += keep
        self.archive.report.progress("%d objects, %s" % (self.files, megabytes(self.bytes)))

    def write(self, record, current, blocks):
        study, series, instance = (safe_name(uid) for uid in record.identity)
        folder = os.path.join(self.folder, study, series)
        name = instance + (".dcm" if current else ".superseded-%d.dcm" % record.sequence)
        part = os.path.join(folder, name + ".part")
        header = file_header(record)
        try:
            os.makedirs(folder, mode=0o750, exist_ok=True)
            file = open(part, "wb", opener=lambda path, flags: os.open(path, flags, 0o640))
        except OSError as error:
            raise OutputError(error.errno, error.strerror, part) from None
        try:
            with file:
                self.put(file, header)
                for block in blocks:
                    self.put(file, block)
                    self.bytes += len(block)
            try:
                os.replace(part, os.path.join(folder, name))
            except OSError as error:
                raise OutputError(error.errno, error.strerror, part) from None
        except BaseException:
            os.unlink(part)
            raise

    @staticmethod
    def put(file, data):
        try:
            file.write(data)
            file.flush()
        except OSError as error:
            raise OutputError(error.errno, error.strerror, file.name) from None


class Lister:
    """Second pass with --list: a line a record."""

    COLUMNS = "state bytes received study series instance sop_class transfer_syntax sequence segment offset stream".split()

    def __init__(self, archive):
        self.archive, self.files, self.superseded, self.bytes = archive, 0, 0, 0
        self.line(self.COLUMNS)

    @staticmethod
    def line(columns):
        try:
            sys.stdout.write("\t".join(map(str, columns)) + "\n")
        except OSError as error:
            raise OutputError(error.errno, error.strerror) from None

    def __call__(self, record, current, _):
        self.superseded += not current
        if not current and not self.archive.options.all:
            return
        if current and not self.archive.written(record):
            return
        self.files += 1
        self.bytes += record.payload_bytes
        received = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(min(record.number(1) // 1000000, 1 << 36)))
        row = ["current" if current else "superseded", record.payload_bytes, received]
        row += [printable(record.text(tag)) for tag in (2, 3, 4, 5, 6)]
        row += [record.sequence, record.segment.number, record.offset, record.text(16)[:16].hex() if record.streamed else "-"]
        self.line(row)


# --- the command ------------------------------------------------------------------------------------------------------

def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="unpack.py", epilog=HELP, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description="Writes every object of a Leat archive as a DICOM file, without Leat.")
    parser.add_argument("data", metavar="DATA", help="data folder of the archive")
    parser.add_argument("out", metavar="OUT", nargs="?", help="folder for the files (not with --list or --check)")
    parser.add_argument("--list", action="store_true", help="write no files, print one line an object")
    parser.add_argument("--check", action="store_true", help="write no files, but read and check everything")
    parser.add_argument("--all", action="store_true", help="superseded versions too")
    parser.add_argument("--study", metavar="UID", help="only this study")
    parser.add_argument("--volume", metavar="DIR", action="append", default=[],
                        help="a volume's folder, if it isn't where it was (may be repeated)")
    options = parser.parse_args(arguments)
    if options.out is None and not options.list and not options.check:
        parser.error("OUT is missing (or --list, or --check)")
    if options.out is not None and os.path.realpath(options.out) == os.path.realpath(options.data):
        parser.error("OUT is the archive itself")
    return options


def run(options, report):
    archive = Archive(options.data, options, report)
    archive.survey()
    if options.list:
        output = Lister(archive)
    else:
        output = Unpacker(archive, None if options.check else options.out)
        if output.folder is not None:
            os.makedirs(output.folder, exist_ok=True)
    archive.extract(output)
    lost = sum(not state & 1 for state in archive.current.values())
    text = "%d objects%s" % (output.files, "" if options.list and not options.all else ", " + megabytes(output.bytes))
    text += " " + ("listed" if options.list else "checked" if options.check else "written to " + options.out)
    if output.superseded:
        text += "; %d superseded versions %s" % (output.superseded, "among them" if options.all else "left out (--all)")
    if archive.changes:
        text += "; %d changes not applied" % archive.changes
    report.say(text)
    if report.named:
        text = "; %d objects could not be read" % lost if lost else ""
        report.say("%d things are damaged or missing%s" % (len(report.named), text))
    return 1 if report.named or lost else 0


def main(arguments=None):
    options, report = parse_arguments(arguments), Report()
    try:
        status = run(options, report)
        sys.stdout.flush()
        return status
    except Unusable as why:
        report.say(str(why))
        return 2
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever read the list has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        else:
            report.say("stopped: %s" % error)
        return 1
    except KeyboardInterrupt:
        report.say("stopped")
        return 1


if __name__ == "__main__":
    sys.exit(main())
