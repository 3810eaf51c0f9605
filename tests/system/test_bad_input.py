# SPDX-License-Identifier: Apache-2.0
"""Every row of what bad input gets, through a socket: the exact PDUs and statuses, and that others are not touched."""
import os
import random
import re
import socket
import struct
import time

import pytest

import rawdicom as raw
from rawdicom import ds


def cases(*rows):
    """Rows whose first cell names the case."""
    return [pytest.param(*row, id=row[0]) for row in rows]


USER, PROVIDER = 0, 2
UNRECOGNIZED_PDU, UNEXPECTED_PDU, UNEXPECTED_PARAMETER, INVALID_PARAMETER = 1, 2, 5, 6
SC = ds.SECONDARY_CAPTURE

# Time-outs short enough for a test; the defaults are in engine/base/limits.h.
SHORT = """
timeouts:
  artim: 1s
  message: 2s
"""


@pytest.fixture
def quick(make_server):
    """A server whose ARTIM and message time-outs are short, and a bystander: an association that must live on untouched."""
    server = make_server(config=SHORT).start()
    with server.associate(calling="BYSTANDER") as bystander:
        server.bystander = bystander
        yield server
        assert bystander.echo(3).status == 0
        bystander.release()


# --- not DICOM --------------------------------------------------------------------------------------------------------

NOT_DICOM = {
    "http": b"GET / HTTP/1.1\r\nHost: pacs\r\nUser-Agent: scanner\r\n\r\n",
    "tls hello": bytes.fromhex("160301020001000200fc0303") + bytes(range(200)) + b"\0" * 300,
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "zeros": b"\0" * 600,
    "ones": b"\xff" * 600,
    "noise": random.Random(11).randbytes(4096),
}


@pytest.mark.parametrize("kind", sorted(NOT_DICOM))
def test_not_dicom_is_aborted_and_closed(quick, kind):
    """PS3.8 Table 9-10, Evt19 in Sta2 is AA-1: A-ABORT, then ARTIM, then the end. No user took part: the source is the provider."""
    with quick.connect() as connection:
        connection.send(NOT_DICOM[kind])
        assert connection.expect_abort(5) == (PROVIDER, UNRECOGNIZED_PDU)
        connection.expect_closed(5)


def test_silence_ends_with_artim(quick):
    """Evt18 in Sta2 is AA-2: the connection is closed, nothing is sent."""
    with quick.connect() as connection:
        start = time.monotonic()
        connection.expect_closed(6)
        assert 0.8 <= time.monotonic() - start <= 4


def test_half_a_request_ends_with_artim(quick):
    with quick.connect() as connection:
        connection.send(raw.associate_rq([(1, SC, [ds.EXPLICIT_LE])])[:40])
        connection.expect_closed(6)


def test_port_scan_leaves_nothing_behind(quick):
    fds = "/proc/%d/fd" % quick.process.pid
    before = len(os.listdir(fds))
    for _ in range(200):
        quick.connect().close()
    for _ in range(50):
        quick.connect().reset()
    raw.wait_until(lambda: len(os.listdir(fds)) <= before + 4, 10)


@pytest.mark.parametrize("name, pdu", cases(
    ("associate-ac", raw.pdu(raw.ASSOCIATE_AC, b"\0" * 68)),
    ("associate-rj", raw.pdu(raw.ASSOCIATE_RJ, b"\0\1\1\1")),
    ("p-data", raw.p_data(raw.pdv(1, 1, 1, b"ab"))),
    ("release-rq", raw.pdu(raw.RELEASE_RQ, b"\0" * 4)),
    ("release-rp", raw.pdu(raw.RELEASE_RP, b"\0" * 4)),
))
def test_pdu_before_an_association(quick, name, pdu):
    """Evt3, 4, 10, 12, 13 in Sta2 are AA-1."""
    with quick.connect() as connection:
        connection.send(pdu)
        assert connection.expect_abort(5) == (PROVIDER, UNEXPECTED_PDU)
        connection.expect_closed(5)


def test_abort_before_an_association(quick):
    """Evt16 in Sta2 is AA-2: closed without an answer."""
    with quick.connect() as connection:
        connection.send(raw.abort())
        connection.expect_closed(5)


# --- PDUs, items and PDVs that cannot be --------------------------------------------------------------------------------

def aborted(quick, bytes_sent, close=True):
    """Sends bytes on a fresh association; the A-ABORT that answers."""
    with quick.associate() as association:
        association.send(bytes_sent)
        answer = association.expect_abort(5)
        if close:
            association.expect_closed(5)
        return answer


@pytest.mark.parametrize("kind", [0x00, 0x08, 0x50, 0xFF])
def test_unknown_pdu_type(quick, kind):
    assert aborted(quick, raw.pdu(kind, b"abcd")) == (PROVIDER, UNRECOGNIZED_PDU)


@pytest.mark.parametrize("name, pdu", cases(
    ("associate-rq", raw.associate_rq([(1, SC, [ds.EXPLICIT_LE])])),
    ("associate-rj", raw.pdu(raw.ASSOCIATE_RJ, b"\0\1\1\1")),
    ("release-rp", raw.pdu(raw.RELEASE_RP, b"\0" * 4)),
))
def test_pdu_out_of_order(quick, name, pdu):
    """Evt4, 6, 13 in Sta6 are AA-8: A-ABORT, provider, unexpected PDU."""
    assert aborted(quick, pdu) == (PROVIDER, UNEXPECTED_PDU)


@pytest.mark.parametrize("name, pdu", cases(
    ("pdv length 0", raw.p_data(raw.pdv(1, 1, 1, b"", length=0))),
    ("pdv length 1", raw.pdu(raw.P_DATA, struct.pack(">IB", 1, 1))),
    ("pdv beyond its pdu", raw.p_data(raw.pdv(1, 1, 1, b"abcd", length=1000))),
    ("pdv of 4 GB", raw.p_data(raw.pdv(1, 1, 1, b"abcd", length=0xFFFFFFFF))),
    ("half a pdv header", raw.pdu(raw.P_DATA, b"\0\0\0")),
    ("release-rq of 2 bytes", raw.pdu(raw.RELEASE_RQ, b"\0\0")),
    ("release-rq of 4 GB", raw.pdu(raw.RELEASE_RQ, b"\0" * 4, length=0xFFFFFFF0)),
))
def test_impossible_length(quick, name, pdu):
    assert aborted(quick, pdu) == (PROVIDER, INVALID_PARAMETER)


def test_second_pdv_beyond_its_pdu(quick):
    good = raw.pdv(3, 1, 1, raw.command_set(raw.c_echo_rq()))
    with quick.associate() as association:
        association.send(raw.p_data(good, raw.pdv(1, 1, 1, b"abcd", length=64)))
        pdus = [association.receive(5)]
        while pdus[-1][0] == raw.P_DATA:  # the echo may be answered first
            pdus.append(association.receive(5))
        assert pdus[-1] == (raw.ABORT, bytes((0, 0, PROVIDER, INVALID_PARAMETER)))
        association.expect_closed(5)


def test_associate_rq_over_a_mebibyte(quick):
    """Refused by its length alone: nothing of that size is buffered."""
    with quick.connect() as connection:
        connection.send(raw.pdu(raw.ASSOCIATE_RQ, b"\0" * 4096, length=(1 << 20) + 1))
        assert connection.expect_abort(5)[0] in (USER, PROVIDER)
        connection.expect_closed(5)


@pytest.mark.parametrize("name, body", cases(
    ("too short for its fixed part", b"\0\1\0\0" + b"LEAT".ljust(16)),
    ("item beyond the pdu", raw.associate_rq([(1, SC, [ds.EXPLICIT_LE])])[6:74] + b"\x10\0\xff\xff" + b"1.2"),
    ("sub-item beyond its item", raw.associate_rq([(1, SC, [ds.EXPLICIT_LE])])[6:74] + raw.item(0x10, b"1.2.840.10008.3.1.1.1")
     + raw.item(0x20, b"\1\0\0\0" + b"\x30\0\xff\0" + b"1.2")),
))
def test_broken_associate_rq(quick, name, body):
    with quick.connect() as connection:
        connection.send(raw.pdu(raw.ASSOCIATE_RQ, body))
        assert connection.expect_abort(5)[0] in (USER, PROVIDER)
        connection.expect_closed(5)


@pytest.mark.parametrize("context_id", [2, 0, 254])
def test_even_context_id(quick, context_id):
    answer = aborted(quick, raw.p_data(raw.pdv(context_id, 1, 1, raw.command_set(raw.c_echo_rq()))))
    assert answer[0] == PROVIDER and answer[1] in (UNEXPECTED_PARAMETER, INVALID_PARAMETER)


def test_context_id_that_was_not_accepted(quick):
    answer = aborted(quick, raw.p_data(raw.pdv(77, 1, 1, raw.command_set(raw.c_echo_rq()))))
    assert answer[0] == PROVIDER and answer[1] in (UNEXPECTED_PARAMETER, INVALID_PARAMETER)


@pytest.mark.parametrize("name, command", cases(
    ("noise", random.Random(5).randbytes(64)),
    ("empty", b""),
    ("too long to be a command", b"\0\0\2\0\0\x40\0\0" + b"1" * 0x4000),
    ("element longer than the command", b"\0\0\0\1\xff\xff\0\0\1\0"),
    ("wrong group", b"\x08\0\0\1\2\0\0\0\x30\0"),
    ("message id of 4 bytes", raw.command_set({**raw.c_echo_rq(), 0x0110: ("UL", 5)})),
    ("data set type of 0 bytes", raw.command_set({**raw.c_echo_rq(), 0x0800: ("US", b"")})),
))
def test_fragments_that_cannot_be_a_command(quick, name, command):
    assert aborted(quick, raw.p_data(raw.pdv(3, 1, 1, command)))[0] in (USER, PROVIDER)


def test_data_before_a_command(quick):
    assert aborted(quick, raw.p_data(raw.pdv(1, 0, 1, b"abcd")))[0] in (USER, PROVIDER)


def test_fault_is_logged_with_its_offset(quick):
    aborted(quick, raw.pdu(0x99, b"abcd"))
    raw.wait_until(lambda: re.search(r"(byte|offset) \d+", quick.log_text()), 5)


# --- refused associations ---------------------------------------------------------------------------------------------

def rejected(server, **request):
    with pytest.raises(raw.Rejected) as caught:
        server.associate(**request)
    return caught.value.result, caught.value.source, caught.value.reason


def test_unknown_application_context(quick):
    assert rejected(quick, application="1.2.3.4") == (1, 1, 2)


def test_unknown_protocol_version(quick):
    assert rejected(quick, protocol=2) == (1, 2, 2)


def test_called_aet_strict(make_server):
    server = make_server(config="called_aet: strict\n").start()
    assert rejected(server, called="OTHER") == (1, 1, 7)
    server.associate(called="LEAT").release()


def test_called_aet_is_any_by_default(server):
    server.associate(called="OTHER").release()
    raw.wait_until(lambda: "OTHER" in server.log_text(), 5)


CLIENTS = """
clients:
  - aet: MODALITY
    operations: [echo, store]
  - address: 127.0.0.0/8
    aet: ECHOER
    operations: [echo]
  - aet: ELSEWHERE
    address: 10.0.0.0/8
"""


def test_calling_aet_and_address(make_server):
    server = make_server(config=CLIENTS).start()
    assert rejected(server, calling="STRANGER") == (1, 1, 3)
    assert rejected(server, calling="ELSEWHERE") == (1, 1, 3)
    server.associate(calling="MODALITY").release()


def test_operation_not_allowed_for_this_peer(make_server):
    """0124, and the association goes on."""
    server = make_server(config=CLIENTS).start()
    with server.associate(calling="ECHOER") as association:
        assert association.echo(3).status == 0
        if association.accepted.results[1] == 0:
            assert association.store(1, *raw.make_object("a")).status == 0x0124
        assert association.echo(3).status == 0
        association.release()
    assert server.stats()["instances"] == 0


# --- statuses: the association goes on ----------------------------------------------------------------------------------

@pytest.fixture
def association(server):
    with server.associate() as association:
        yield association
        assert association.echo(3).status == 0  # it goes on, whatever was answered
        association.release()


def test_command_field_unknown(association):
    association.send_command(3, {0x0002: ("UI", raw.VERIFICATION), 0x0100: ("US", 0x0999), 0x0110: ("US", 7),
                                 0x0800: ("US", raw.NO_DATA_SET)})
    answer = association.response(5)
    assert (answer.status, answer.message_id) == (0x0211, 7)


def test_command_field_unknown_with_a_data_set(association):
    """The data set of a command that is not understood is read past."""
    association.send_command(1, {0x0002: ("UI", SC), 0x0100: ("US", 0x0999), 0x0110: ("US", 8), 0x0800: ("US", 1)})
    association.send_data(1, b"abcdefgh" * 100)
    answer = association.response(5)
    assert (answer.status, answer.message_id) == (0x0211, 8)


@pytest.mark.parametrize("name, change", cases(
    ("priority of 4 bytes", {0x0700: ("UL", 0)}),
    ("no sop instance", {0x1000: None}),
    ("no sop class", {0x0002: None}),
))
def test_mistyped_argument(server, name, change):
    command = dict(raw.c_store_rq(5, SC, "1.2.3"))
    for element, value in change.items():
        if value is None:
            del command[element]
        else:
            command[element] = value
    with server.associate() as association:
        association.send_command(1, command)
        association.send_data(1, raw.make_object("a")[2])
        assert association.response(5).status == 0x0212
        assert association.echo(3).status == 0
        association.release()


def test_sop_class_is_not_its_contexts(association):
    sop_class, sop_instance, body = raw.make_object("a", sop_class=ds.CT_IMAGE)
    assert association.store(1, sop_class, sop_instance, body).status == 0x0122


def test_store_without_a_data_set(association):
    _, sop_instance, _ = raw.make_object("a")
    association.send_command(1, raw.c_store_rq(9, SC, sop_instance, has_data=False))
    answer = association.response(5)
    assert (answer.status, answer.message_id) == (0xC000, 9)


def test_message_id_in_use(server):
    """Two C-STOREs with one message id, the first not yet answered: 0210 for the second."""
    first, second = raw.make_object("a", payload=3 << 20), raw.make_object("b")
    with server.associate(window=(16, 1)) as association:
        assert association.accepted.window and association.accepted.window[0] > 1
        send = raw.p_data(raw.pdv(1, 1, 1, raw.command_set(raw.c_store_rq(4, *first[:2])))) + raw.p_data(raw.pdv(1, 0, 1, first[2]))
        send += raw.p_data(raw.pdv(1, 1, 1, raw.command_set(raw.c_store_rq(4, *second[:2])))) + raw.p_data(raw.pdv(1, 0, 1, second[2]))
        association.send(send)
        answers = [association.response(10), association.response(10)]
        assert sorted(a.status for a in answers) == [0x0000, 0x0210]
        refused = [a for a in answers if a.status == 0x0210][0]
        assert refused.message_id == 4
        assert association.echo(3).status == 0
        association.release()


# --- objects that are refused -------------------------------------------------------------------------------------------

def listed(server, sop_instance=None, timeout=10):
    """The rows of `leat problems` that name the object."""
    def look():
        return [row for row in server.problems() if sop_instance is None or sop_instance in str(row)]
    return raw.wait_until(look, timeout, 0.2)


@pytest.mark.parametrize("tag", [0x00080016, 0x00080018, 0x0020000D, 0x0020000E])
@pytest.mark.parametrize("how", ["missing", "empty"])
def test_object_without_a_uid(server, association, tag, how):
    plain = raw.make_object("a")
    if how == "missing":
        body = raw.make_object("a", drop=[tag])[2]
    else:
        body = raw.make_object("a", replace={tag: ("UI", "")})[2]
    answer = association.store(1, SC, plain[1], body)
    assert answer.status == 0xA900
    assert answer.offending == [tag]
    assert answer.comment and len(answer.comment) <= 64
    listed(server, plain[1])
    assert server.stats()["instances"] == 0
    assert server.stats()["refused"] == 1


def test_other_sop_instance_than_the_commands(server, association):
    _, sop_instance, body = raw.make_object("a")
    answer = association.store(1, SC, sop_instance + ".9", body)
    assert answer.status == 0xA900 and answer.offending == [0x00080018] and answer.comment
    listed(server)
    assert server.stats()["instances"] == 0


@pytest.mark.parametrize("name, body", cases(
    ("noise", random.Random(3).randbytes(3000)),
    ("element beyond the end", raw.make_object("a")[2][:-100]),
    ("value length of 4 GB in the middle", raw.make_object("a")[2][:200] + b"\x10\0\x10\0PN\xff\xff" + b"X" * 40),
    ("one byte", b"\x08"),
))
def test_data_set_that_cannot_be_scanned(server, association, name, body):
    _, sop_instance, _ = raw.make_object("a")
    answer = association.store(1, SC, sop_instance, body)
    assert answer.status in (0xC000, 0xA900)
    assert answer.comment and len(answer.comment) <= 64
    listed(server, sop_instance)
    assert server.stats()["instances"] == 0


@pytest.mark.parametrize("name, change", cases(
    ("uid over 64 bytes", {0x0020000D: ("UI", "1.2." + "3" * 64)}),
    ("uid with wrong characters", {0x0020000E: ("UI", "1.2.three")}),
    ("unknown character set", {0x00080005: ("CS", "ISO_IR 4711")}),
    ("value that its character set cannot hold", {0x00080005: ("CS", "ISO_IR 192"), 0x00100010: ("PN", b"M\xfcller^A\xff")}),
    ("over-long value", {0x00100020: ("LO", "P" * 300)}),
))
def test_odd_value_is_filed_and_listed(server, association, tmp_path, name, change):
    """Filed and in `problems`: the bytes come out as they went in."""
    _, sop_instance, body = raw.make_object("a", replace=change)
    assert association.store(1, SC, sop_instance, body).status == 0
    listed(server, sop_instance)
    assert server.stats()["instances"] == 1
    files = server.export(tmp_path / "out")
    assert files[sop_instance][0].dataset == body


# --- the sender goes away -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["abort", "close", "reset", "silence"])
@pytest.mark.parametrize("size", [3000, 2 << 20, 40 << 20])
def test_lost_inside_an_object(make_server, how, size):
    """Nothing of it is stored; what came before stays."""
    server = make_server(config=SHORT).start()
    kept, half = raw.make_object("kept"), raw.make_object("half", payload=size)
    association = server.associate()
    assert association.store(1, *kept).status == 0
    association.send_command(1, raw.c_store_rq(2, *half[:2]))
    association.send_data(1, half[2][:len(half[2]) * 2 // 3], last=False)
    if how == "abort":
        association.send(raw.abort())
        association.expect_closed(5)
    elif how == "close":
        association.socket.shutdown(socket.SHUT_WR)
        association.expect_closed(10)
    elif how == "reset":
        association.reset()
    else:
        assert association.expect_abort(10)[0] in (USER, PROVIDER)
    association.close()
    server.store(raw.make_object("next"))
    assert server.stats()["instances"] == 2
    server.restart()
    assert server.stats()["instances"] == 2
    server.store(half)
    assert server.stats()["instances"] == 3


def test_lost_behind_the_last_fragment(server):
    """The object was whole: it is kept, although nobody waited for the response."""
    whole = raw.make_object("whole", payload=100000)
    association = server.associate()
    association.send_store(1, *whole)
    association.socket.shutdown(socket.SHUT_WR)
    association.close()
    raw.wait_until(lambda: server.stats()["instances"] == 1, 10, 0.2)


def test_slow_sender_is_aborted(make_server):
    """Under the least rate inside a message for longer than the window: aborted, its slot is free."""
    server = make_server(config="timeouts:\n  message: 30s\n  min_rate: 1KiB\n  min_rate_window: 2s\n").start()
    half = raw.make_object("half", payload=50000)
    with server.associate() as association:
        association.send_command(1, raw.c_store_rq(2, *half[:2]))
        end = time.monotonic() + 15
        with pytest.raises((raw.Closed, ConnectionError, AssertionError)):
            association.socket.settimeout(0.2)
            while time.monotonic() < end:
                association.send(raw.p_data(raw.pdv(1, 0, 0, b"ab")))
                try:
                    kind, _ = association.receive()
                    assert kind != raw.ABORT
                except socket.timeout:
                    continue
            else:
                pytest.fail("a sender of 10 bytes a second held its association for 15 s")


# --- what is odd and allowed ----------------------------------------------------------------------------------------------

def test_odd_fragmentation_is_served(server, tmp_path):
    """PDVs of odd and of no length, several in a PDU, command and data in one PDU, a command over several PDUs."""
    first, second = raw.make_object("a", payload=5000), raw.make_object("b", payload=5001)
    with server.associate() as association:
        command = raw.command_set(raw.c_store_rq(1, *first[:2]))
        body = first[2]
        association.send(raw.p_data(raw.pdv(1, 1, 0, command[:7])) + raw.p_data(raw.pdv(1, 1, 0, b"")))
        association.send(raw.p_data(raw.pdv(1, 1, 1, command[7:]), raw.pdv(1, 0, 0, body[:1]), raw.pdv(1, 0, 0, b"")))
        association.send(raw.p_data(*[raw.pdv(1, 0, 0, body[i:i + 33]) for i in range(1, len(body), 33)], raw.pdv(1, 0, 1, b"")))
        answer = association.response(5)
        assert answer.status == 0, answer
        command = raw.command_set(raw.c_store_rq(2, *second[:2]))
        stream = raw.p_data(raw.pdv(1, 1, 1, command), raw.pdv(1, 0, 1, second[2]))
        for at in range(0, len(stream), 101):  # and over many TCP segments
            association.send(stream[at:at + 101])
            time.sleep(0.0005)
        assert association.response(5).status == 0
        association.release()
    files = server.export(tmp_path / "out")
    assert files[first[1]][0].dataset == first[2] and files[second[1]][0].dataset == second[2]


def test_pdu_longer_than_announced_is_served(server, tmp_path):
    long_one = raw.make_object("long", payload=3 << 20)
    with server.associate() as association:
        assert association.accepted.max_pdu == 262144
        assert association.store(1, *long_one, size=len(long_one[2])).status == 0
        association.release()
    assert server.export(tmp_path / "out")[long_one[1]][0].dataset == long_one[2]


def test_unknown_items_are_skipped(server):
    extra = raw.item(0x7E, b"later version") + raw.item(0x58, struct.pack(">BBH", 1, 1, 4) + b"user" + struct.pack(">H", 0))
    extra += raw.item(0x54, struct.pack(">H", len(SC)) + SC.encode() + b"\1\0") + raw.item(0x56, struct.pack(">H", len(SC)) + SC.encode() + b"\0\0")
    with server.associate(extra=extra) as association:
        assert 0x59 not in [kind for kind, _ in association.accepted.user], "user identity answered without an authenticator"
        assert association.store(1, *raw.make_object("a")).status == 0
        association.release()


def test_release_collision_and_data_after_release(quick):
    with quick.associate() as association:
        association.send(raw.pdu(raw.RELEASE_RQ, b"\0" * 4))
        assert association.receive(5)[0] == raw.RELEASE_RP
        association.expect_closed(5)


def test_128_contexts(server):
    contexts = [(2 * i + 1, SC if i % 2 else ds.CT_IMAGE, [[ds.EXPLICIT_LE], [ds.IMPLICIT_LE], ["1.2.840.10008.1.2.4.70"]][i % 3])
                for i in range(128)]
    with server.associate(contexts) as association:
        assert association.accepted.results == {c[0]: 0 for c in contexts}
        assert all(association.accepted.transfers[c[0]] == c[2][0] for c in contexts)
        association.release()
