# SPDX-License-Identifier: Apache-2.0
"""A small DICOM peer on a raw socket: PDUs of PS3.8 and command sets of PS3.7 built and taken apart byte by byte.

Independent of Leat's code and of DCMTK, standard library only. It does as it is told, wrong things included: every
part of a message can be replaced, so that a test says exactly which bytes went out and which came back.
"""
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "dev"))
import dataset as ds  # noqa: E402

VERIFICATION = "1.2.840.10008.1.1"
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = 1, 2, 3, 4, 5, 6, 7
C_STORE_RQ, C_ECHO_RQ, C_FIND_RQ, C_CANCEL_RQ = 0x0001, 0x0030, 0x0020, 0x0FFF
NO_DATA_SET = 0x0101


class Closed(Exception):
    """The connection ended where a PDU was expected."""


class Rejected(Exception):
    """A-ASSOCIATE-RJ: result, source, reason."""

    def __init__(self, result, source, reason):
        super().__init__("A-ASSOCIATE-RJ result %d source %d reason %d" % (result, source, reason))
        self.result, self.source, self.reason = result, source, reason


class Aborted(Exception):
    """A-ABORT: source, reason."""

    def __init__(self, source, reason):
        super().__init__("A-ABORT source %d reason %d" % (source, reason))
        self.source, self.reason = source, reason


# --- building ---------------------------------------------------------------------------------------------------------

def pdu(kind, body, length=None):
    return struct.pack(">BBI", kind, 0, len(body) if length is None else length) + body


def item(kind, body, length=None):
    return struct.pack(">BBH", kind, 0, len(body) if length is None else length) + body


def ae_title(title):
    raw = title if isinstance(title, bytes) else title.encode("latin-1")
    return raw.ljust(16)[:16]


def presentation_context(context_id, abstract, transfers):
    body = struct.pack(">BBBB", context_id, 0, 0, 0) + item(0x30, abstract.encode())
    return item(0x20, body + b"".join(item(0x40, t.encode()) for t in transfers))


def user_information(max_pdu=16384, window=None, extra=b"", implementation="1.2.3.4.5", version="RAWDICOM"):
    body = item(0x51, struct.pack(">I", max_pdu)) + item(0x52, implementation.encode())
    if window is not None:
        body += item(0x53, struct.pack(">HH", *window))
    return item(0x50, body + item(0x55, version.encode()) + extra)


def associate_rq(contexts, calling="RAW", called="LEAT", protocol=1, application=APPLICATION_CONTEXT, user=None, **user_items):
    """contexts: list of (id, abstract syntax, [transfer syntaxes])."""
    body = struct.pack(">HH", protocol, 0) + ae_title(called) + ae_title(calling) + b"\0" * 32
    body += item(0x10, application.encode())
    body += b"".join(presentation_context(*c) for c in contexts)
    return pdu(ASSOCIATE_RQ, body + (user_information(**user_items) if user is None else user))


def pdv(context_id, is_command, is_last, fragment, length=None):
    header = struct.pack(">IBB", len(fragment) + 2 if length is None else length, context_id, is_command | is_last << 1)
    return header + fragment


def p_data(*pdvs):
    return pdu(P_DATA, b"".join(pdvs))


def abort(source=0, reason=0):
    return pdu(ABORT, bytes((0, 0, source, reason)))


def command_set(elements):
    """elements: {(element of group 0000): (vr, value)}; the group length is added (PS3.7 6.3.1)."""
    body = b"".join(ds._element(e, vr, v, "<", True, False, "latin-1") for e, (vr, v) in sorted(elements.items()))
    return ds._element(0, "UL", len(body), "<", True, False, "latin-1") + body


def c_echo_rq(message_id=1):
    return {0x0002: ("UI", VERIFICATION), 0x0100: ("US", C_ECHO_RQ), 0x0110: ("US", message_id), 0x0800: ("US", NO_DATA_SET)}


def c_store_rq(message_id, sop_class, sop_instance, has_data=True):
    return {0x0002: ("UI", sop_class), 0x0100: ("US", C_STORE_RQ), 0x0110: ("US", message_id), 0x0700: ("US", 0),
            0x0800: ("US", 0 if has_data else NO_DATA_SET), 0x1000: ("UI", sop_instance)}


# --- taking apart -----------------------------------------------------------------------------------------------------

def parse_items(body, at=0):
    while at + 4 <= len(body):
        kind, _, length = struct.unpack_from(">BBH", body, at)
        yield kind, body[at + 4:at + 4 + length]
        at += 4 + length


def parse_command(raw):
    """{element: bytes} of an implicit little endian command set."""
    out, at = {}, 0
    while at + 8 <= len(raw):
        _, element, length = struct.unpack_from("<HHI", raw, at)
        out[element] = raw[at + 8:at + 8 + length]
        at += 8 + length
    return out


class Accepted:
    """An A-ASSOCIATE-AC taken apart."""

    def __init__(self, body):
        self.protocol = struct.unpack_from(">H", body)[0]
        self.called, self.calling = body[4:20], body[20:36]
        self.results, self.transfers, self.user = {}, {}, []
        self.max_pdu, self.window = 0, None
        for kind, value in parse_items(body, 68):
            if kind == 0x21:
                self.results[value[0]] = value[2]
                for _, uid in parse_items(value, 4):
                    self.transfers[value[0]] = uid.rstrip(b"\0 ").decode("latin-1")
            elif kind == 0x50:
                self.user = list(parse_items(value))
        for kind, value in self.user:
            if kind == 0x51:
                self.max_pdu = struct.unpack(">I", value)[0]
            elif kind == 0x53:
                self.window = struct.unpack(">HH", value)


class Response:
    """A DIMSE response: the command's elements, and the usual ones by name."""

    def __init__(self, context_id, raw):
        self.context_id, self.elements = context_id, parse_command(raw)
        self.field = self._number(0x0100)
        self.message_id = self._number(0x0120)
        self.status = self._number(0x0900)
        self.sop_class, self.sop_instance = self._text(0x0002), self._text(0x1000)
        self.comment = self._text(0x0902)
        offending = self.elements.get(0x0901, b"")
        self.offending = [a << 16 | b for a, b in struct.iter_unpack("<HH", offending)]

    def _number(self, element):
        value = self.elements.get(element)
        return struct.unpack("<H", value)[0] if value is not None and len(value) == 2 else None

    def _text(self, element):
        value = self.elements.get(element)
        return None if value is None else value.rstrip(b"\0 ").decode("latin-1")

    def __repr__(self):
        return "Response(field %04x id %s status %s %s %s)" % (
            self.field or 0, self.message_id, "none" if self.status is None else "%04x" % self.status,
            ["%08x" % o for o in self.offending], self.comment)


# --- a connection -----------------------------------------------------------------------------------------------------

class Connection:
    """A TCP connection that sends and receives PDUs, right or wrong ones. receive_buffer: how much the kernel takes for us unread."""

    def __init__(self, port, host="127.0.0.1", timeout=20.0, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        try:
            self.socket.settimeout(timeout)
            if receive_buffer is not None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.socket.connect((host, port))
        except OSError:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Close with RST: unsent and unread bytes are thrown away."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, raw):
        self.socket.sendall(raw)

    def _take(self, count):
        while len(self.buffer) < count:
            try:
                more = self.socket.recv(65536)
            except (ConnectionResetError, BrokenPipeError) as error:
                raise Closed("reset by the peer with %d bytes of a PDU read" % len(self.buffer)) from error
            if not more:
                raise Closed("closed by the peer with %d bytes of a PDU read" % len(self.buffer))
            self.buffer += more
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def receive(self, timeout=None):
        """(PDU type, body) of the next PDU; Closed at the end of the connection, socket.timeout when nothing comes."""
        if timeout is not None:
            self.socket.settimeout(timeout)
        kind, _, length = struct.unpack(">BBI", self._take(6))
        return kind, self._take(length)

    def expect_abort(self, timeout=None):
        """The next PDU is an A-ABORT: its (source, reason)."""
        kind, body = self.receive(timeout)
        assert kind == ABORT, "wanted an A-ABORT, got PDU type %d" % kind
        assert len(body) == 4
        return body[2], body[3]

    def expect_closed(self, timeout=None):
        """The peer closes without a further PDU, but for A-ABORTs: in Sta13 each PDU that makes no sense is answered by one (AA-7)."""
        try:
            while True:
                kind, body = self.receive(timeout)
                if kind != ABORT:
                    break
        except Closed:
            return
        raise AssertionError("wanted the end of the connection, got PDU type %d, %r" % (kind, body[:40]))


class Association(Connection):
    """A requestor's association. contexts: list of (id, abstract syntax, [transfer syntaxes])."""

    def __init__(self, port, contexts, timeout=20.0, host="127.0.0.1", receive_buffer=None, **request):
        super().__init__(port, host, timeout, receive_buffer)
        self.next_message_id = 1
        self.pending = {}
        try:
            self.send(associate_rq(contexts, **request))
            kind, body = self.receive()
            if kind == ASSOCIATE_RJ:
                raise Rejected(body[1], body[2], body[3])
            if kind == ABORT:
                raise Aborted(body[2], body[3])
            assert kind == ASSOCIATE_AC, "wanted an A-ASSOCIATE-AC, got PDU type %d" % kind
        except BaseException:
            self.close()
            raise
        self.accepted = Accepted(body)

    def fragment_size(self):
        return (min(self.accepted.max_pdu, 1 << 20) or 1 << 17) - 6

    def message_id(self):
        self.next_message_id = self.next_message_id % 65535 + 1
        return self.next_message_id - 1 or 65535

    def send_command(self, context_id, elements):
        raw = elements if isinstance(elements, bytes) else command_set(elements)
        self.send(p_data(pdv(context_id, 1, 1, raw)))

    def send_data(self, context_id, raw, size=None, last=True):
        size = size or self.fragment_size()
        pieces = range(0, max(len(raw), 1), size)
        for at in pieces:
            self.send(p_data(pdv(context_id, 0, int(last and at + size >= len(raw)), raw[at:at + size])))

    def response(self, timeout=None):
        """The next DIMSE response (no data set)."""
        command, context_id = b"", None
        while True:
            kind, body = self.receive(timeout)
            if kind == ABORT:
                raise Aborted(body[2], body[3])
            assert kind == P_DATA, "wanted a P-DATA-TF, got PDU type %d" % kind
            at = 0
            while at < len(body):
                length, context_id, flags = struct.unpack_from(">IBB", body, at)
                assert flags & 1, "a response here has no data set"
                command += body[at + 6:at + 4 + length]
                at += 4 + length
            if flags & 2:
                return Response(context_id, command)

    def echo(self, context_id=1, message_id=None):
        self.send_command(context_id, c_echo_rq(message_id or self.message_id()))
        return self.response()

    def send_store(self, context_id, sop_class, sop_instance, raw, size=None, message_id=None):
        """A whole C-STORE-RQ; the message id, without waiting for the response."""
        message_id = message_id or self.message_id()
        self.send_command(context_id, c_store_rq(message_id, sop_class, sop_instance))
        self.send_data(context_id, raw, size)
        return message_id

    def store(self, context_id, sop_class, sop_instance, raw, size=None, message_id=None):
        message_id = self.send_store(context_id, sop_class, sop_instance, raw, size, message_id)
        answer = self.response()
        assert answer.field == 0x8001 and answer.message_id == message_id and answer.context_id == context_id, answer
        return answer

    def release(self, timeout=None):
        self.send(pdu(RELEASE_RQ, b"\0" * 4))
        kind, body = self.receive(timeout)
        if kind == ABORT:
            raise Aborted(body[2], body[3])
        assert kind == RELEASE_RP, "wanted an A-RELEASE-RP, got PDU type %d" % kind
        self.close()


# --- objects ----------------------------------------------------------------------------------------------------------

def make_object(key, series="series", study="study", payload=200, sop_class=ds.SECONDARY_CAPTURE, patient="PID-1",
                syntax=ds.EXPLICIT_LE, drop=(), replace=None, extra=(), **encoding):
    """(SOP Class UID, SOP Instance UID, data set bytes) of a small object; UIDs follow from the keys.

    payload: bytes of pixel data, which differ with the key; drop: tags to leave out; replace: {tag: (vr, value)}.
    """
    sop_instance = ds.uid("instance", study, series, key)
    noise = (ds.uid("noise", key).encode() * (payload // 32 + 1))[:payload + payload % 2]
    elements = {
        0x00080005: ("CS", "ISO_IR 100"), 0x00080016: ("UI", sop_class), 0x00080018: ("UI", sop_instance),
        0x00080020: ("DA", "20240305"), 0x00080030: ("TM", "101112"), 0x00080050: ("SH", "ACC-" + str(study)[:10]),
        0x00080060: ("CS", "OT"), 0x00100010: ("PN", "Phantom^Test"), 0x00100020: ("LO", patient),
        0x0020000D: ("UI", ds.uid("study", study)), 0x0020000E: ("UI", ds.uid("series", study, series)),
        0x00200011: ("IS", 1), 0x00200013: ("IS", 1), 0x00280002: ("US", 1), 0x00280004: ("CS", "MONOCHROME2"),
        0x00280010: ("US", 1), 0x00280011: ("US", len(noise)), 0x00280100: ("US", 8), 0x00280101: ("US", 8),
        0x00280102: ("US", 7), 0x00280103: ("US", 0), 0x7FE00010: ("OB", noise)}
    if len(noise) > 0xFFFF:
        elements[0x00280010], elements[0x00280011] = ("US", len(noise) // 1024), ("US", 1024)
    elements.update(replace or {})
    listed = [(tag, vr, value) for tag, (vr, value) in elements.items() if tag not in drop] + list(extra)
    sop_instance = elements[0x00080018][1]
    return sop_class, sop_instance, ds.encode(listed, syntax, **encoding)


def wait_until(condition, timeout=20.0, step=0.05):
    """The condition's first true value; AssertionError when it stays false."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "not true within %g s: %s" % (timeout, condition)
        time.sleep(step)
