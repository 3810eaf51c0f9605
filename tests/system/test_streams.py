# SPDX-License-Identifier: Apache-2.0
"""The stream of one connection, cut up as peers like it, and peers that stand in the way of others.

How fragments lie in PDUs must not show in what is stored; a peer that stalls, floods, doesn't read or doesn't close harms
nobody else; SIGTERM ends the server whatever peers do. LEAT_STREAMS_SEED repeats a run; LEAT_STREAMS_SECONDS
(default 4) makes the one with good and bad peers longer.
"""
import os
import random
import re
import shutil
import struct
import subprocess
import threading
import time

import pytest

import rawdicom as raw
from conftest import SANITIZED, in_threads
from rawdicom import ds

SEED = int(os.environ.get("LEAT_STREAMS_SEED", str(int.from_bytes(os.urandom(4), "little"))))
SECONDS = float(os.environ.get("LEAT_STREAMS_SECONDS", "4"))
KIB, MIB = 1 << 10, 1 << 20
SMALL_MEMORY = ("--memory", "32MiB")
PDU_BYTES = 262144  # what Leat announces by default
# What is not needed to file an object: without it one is about 100 bytes long.
BESIDES = [0x00080005, 0x00080020, 0x00080030, 0x00080050, 0x00080060, 0x00100010, 0x00100020, 0x00200011, 0x00200013, 0x00280002,
           0x00280004, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103]


@pytest.fixture
def dice(request):
    """Random numbers of this test's own; the seed is in the output of a test that fails."""
    print("LEAT_STREAMS_SEED=%d" % SEED)
    return random.Random("%d %s" % (SEED, request.node.name))


def make(dice, key, size):
    """An object of about `size` bytes whose pixels don't repeat, so that a byte in a wrong place shows."""
    if size >= 1000:
        return raw.make_object(key, payload=8, replace={0x7FE00010: ("OB", dice.randbytes((size - 650) // 2 * 2))})
    number = "%d" % (dice.getrandbits(40) + 1)
    return raw.make_object(key, drop=BESIDES, replace={
        0x00080018: ("UI", "1.9." + number), 0x0020000D: ("UI", "1.9"), 0x0020000E: ("UI", "1.9.1"),
        0x7FE00010: ("OB", dice.randbytes(max(0, size - 100) // 2 * 2))})


def make_some(dice, name, sizes):
    return [make(dice, "%s-%d" % (name, n), size) for n, size in enumerate(sizes)]


def some_sizes(dice, count):
    """From 100 bytes to 1.5 MB, as many small as large."""
    return [min(1_500_000, int(100 * 15_000 ** dice.random())) for _ in range(count - 2)] + [100, 1_500_000]


# --- layouts: how a data set is cut into fragments, and how these lie in PDUs --------------------------------------------

def equal(dice):
    size = dice.choice([1000, 4096, 16378, 65530])
    while True:
        yield size


def growing(dice):
    size = dice.randrange(50, 2000)
    while True:
        yield size
        size = min(int(size * dice.uniform(1.05, 3)) + 1, 250_000)


def shrinking(dice):
    size = dice.randrange(60_000, 250_000)
    while True:
        yield size
        size = max(int(size / dice.uniform(1.05, 3)), 500)


def anything(dice):
    while True:
        yield int(8 * 30_000 ** dice.random())


def odd(dice):
    while True:
        yield dice.choice([1, 3, 999, 4097, 16377, 16379, 65535, 131071])


def with_empty(dice):
    while True:
        yield dice.choice([0, 0, 0, 2000, 16378, 40_000])


def like_the_first_but_one(dice):
    """PDUs that all look alike, then one that doesn't: longer, shorter, or by a few bytes."""
    size = dice.choice([2000, 4096, 16378])
    while True:
        for _ in range(dice.randrange(2, 30)):
            yield size
        yield dice.choice([1, size - 1, size + 1, size // 2, size * 3, 100_000])


LAYOUTS = {layout.__name__: layout for layout in (equal, growing, shrinking, anything, odd, with_empty, like_the_first_but_one)}


def fragments(dice, layout, body):
    at = 0
    for size in layout(dice):
        size = min(size, PDU_BYTES - 6)
        yield body[at:at + size]
        at += size
        if at >= len(body):
            break
    if layout is with_empty:
        yield b""


def pdvs_of(dice, layout, context_id, message_id, one):
    """The PDVs of one C-STORE-RQ: (is command, PDV)."""
    sop_class, sop_instance, body = one
    command = raw.command_set(raw.c_store_rq(message_id, sop_class, sop_instance))
    cut = dice.choice([0, 0, 0, 1, 12, len(command) - 1])
    for kind, parts in ((1, [command[:cut], command[cut:]] if cut else [command]), (0, list(fragments(dice, layout, body)))):
        for n, part in enumerate(parts):
            yield kind, raw.pdv(context_id, kind, int(n == len(parts) - 1), part)


def stream_of(dice, layout, packing, context_id, message_id, one):
    """The PDUs of one C-STORE-RQ. packing: "one" PDV in a PDU, "several", or "joined": the command with the data set's first."""
    out, held, room, data_seen = [], [], 1, False
    for kind, pdv in pdvs_of(dice, layout, context_id, message_id, one):
        joined = packing == "joined" and (kind == 1 or not data_seen)
        full = len(held) >= room and not joined
        if held and (full or sum(map(len, held)) + len(pdv) > PDU_BYTES):
            out.append(raw.p_data(*held))
            held, room = [], dice.randrange(1, 9) if packing == "several" else 1
        held.append(pdv)
        data_seen = data_seen or kind == 0
    return b"".join(out) + raw.p_data(*held)


PACKINGS = ("one", "several", "joined")


# --- sending and comparing ----------------------------------------------------------------------------------------------

def pipeline(association, streams, count):
    """Sends without waiting; the responses, as they come."""
    failures = []

    def send():
        try:
            for stream in streams:
                association.send(stream)
        except OSError as error:  # told by the response that does not come
            failures.append(error)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    answers = [association.response() for _ in range(count)]
    sender.join(20)
    assert not failures and not sender.is_alive(), failures
    return answers


def check_answers(answers, wanted):
    """One success for each of {message id: object}."""
    assert [a for a in answers if a.status != 0] == []
    assert {a.message_id: a.sop_instance for a in answers} == {i: one[1] for i, one in wanted.items()}
    assert len(answers) == len(wanted)


def store_in_layouts(dice, server, objects, window, layouts, at_once, packings=PACKINGS):
    """Over one association, each group of `at_once` objects in a single send; for each object a layout and a packing is drawn."""
    with server.associate(window=window, timeout=60) as association:
        for start in range(0, len(objects), at_once):
            wanted, stream = {}, b""
            for one in objects[start:start + at_once]:
                wanted[association.message_id()] = one
            for message_id, one in wanted.items():
                stream += stream_of(dice, dice.choice(layouts), dice.choice(packings), 1, message_id, one)
            check_answers(pipeline(association, [stream], len(wanted)), wanted)
        association.release()


def difference(found, body):
    if len(found) != len(body):
        return "%d bytes instead of %d" % (len(found), len(body))
    first = next(n for n, (a, b) in enumerate(zip(found, body)) if a != b)
    return "of %d bytes, the first of %d wrong ones is at %d" % (len(body), sum(a != b for a, b in zip(found, body)), first)


def check_stored(server, objects, tmp_path):
    """Exactly these objects, byte for byte, and an archive that `verify` finds nothing in."""
    target = tmp_path / "out"
    files = server.export(target)
    wanted = {one[1]: one[2] for one in objects}
    assert sorted(files) == sorted(wanted)
    wrong = ["%s: %s" % (uid, difference(files[uid][0].dataset, body)) for uid, body in wanted.items()
             if len(files[uid]) != 1 or files[uid][0].dataset != body]
    assert not wrong, "%d of %d objects differ:\n%s" % (len(wrong), len(objects), "\n".join(wrong))
    server.run("verify")
    shutil.rmtree(target)


WINDOWS = [pytest.param(None, 1, id="one_by_one"), pytest.param(None, 16, id="queued"), pytest.param((16, 1), 16, id="window16")]


@pytest.mark.parametrize("window, at_once", WINDOWS)
@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_layout(make_server, tmp_path, dice, layout, window, at_once):
    """One association, one way of cutting; small to large objects."""
    server = make_server("--reactors", "1", *SMALL_MEMORY).start()
    objects = make_some(dice, layout, some_sizes(dice, 32))
    store_in_layouts(dice, server, objects, window, [LAYOUTS[layout]], at_once)
    check_stored(server, objects, tmp_path)


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("sizes", [[10_000, 200_000, 100_000], [16_218, 120_000, 120_000, 60_000], [300, 200_000, 700],
                                   [262_138, 1, 262_138]])
def test_layouts_known_to_be_hard(server, tmp_path, dice, sizes, packing):
    """PDUs of a kind, then others; the smallest ones that tell what test_layout finds by chance."""
    one = make(dice, "hard", sum(sizes) - 1000)
    stream = stream_of(dice, lambda _: iter(sizes + [PDU_BYTES]), packing, 1, 7, one)
    with server.associate() as association:
        check_answers(pipeline(association, [stream], 1), {7: one})
        association.release()
    check_stored(server, [one], tmp_path)


def test_layouts_from_many_associations_at_once(make_server, tmp_path, dice):
    """All of them, for the same few chunks."""
    server = make_server(*SMALL_MEMORY).start()
    objects = []

    def send(job):
        own, some, window, at_once = job
        store_in_layouts(own, server, some, window, list(LAYOUTS.values()), at_once)

    jobs = []
    for number in range(8):
        own = random.Random(dice.getrandbits(64))
        some = make_some(own, "many%d" % number, some_sizes(own, 24))
        objects += some
        jobs.append((own, some, *((None, 1), (None, 8), ((16, 1), 16), ((16, 1), 24))[number % 4]))
    in_threads(send, jobs, 120)
    check_stored(server, objects, tmp_path)


@pytest.mark.parametrize("layout", ["equal", "anything"])
def test_streamed_ones_in_a_pipeline(make_server, tmp_path, dice, layout):
    """Two objects that get files of their own, small ones before, between and behind them, all sent without waiting."""
    server = make_server("--reactors", "1", *SMALL_MEMORY).start()
    few = lambda name: make_some(dice, name, some_sizes(dice, 8))  # noqa: E731
    objects = few("before") + [make(dice, "big1", 34 * MIB)] + few("between") + [make(dice, "big2", 34 * MIB)] + few("behind")
    wanted = {n + 1: one for n, one in enumerate(objects)}
    sized = (lambda dice: iter(lambda: int(50 * 5000 ** dice.random()), None)) if layout == "anything" else equal
    with server.associate(window=(16, 1), timeout=60) as association:
        streams = (stream_of(dice, sized, dice.choice(PACKINGS), 1, n, one) for n, one in wanted.items())
        check_answers(pipeline(association, [b"".join(streams)], len(wanted)), wanted)
        association.release()
    check_stored(server, objects, tmp_path)
    server.restart()
    check_stored(server, objects, tmp_path)


def test_streamed_duplicate_leaves_no_file(make_server, tmp_path, dice):
    """Three times in one window: one is kept, the files of the others go, and the one that the record names stays."""
    server = make_server("--reactors", "1", *SMALL_MEMORY).start()
    one = make(dice, "big", 33 * MIB)

    def files():
        return [name for _, _, names in os.walk(os.path.join(server.data, "streams")) for name in names]

    with server.associate(window=(16, 1), timeout=60) as association:
        streams = [stream_of(dice, equal, "one", 1, n, one) for n in (1, 2, 3)]
        check_answers(pipeline(association, streams, 3), {1: one, 2: one, 3: one})
        association.release()
    raw.wait_until(lambda: len(files()) == 1, 5)
    assert server.stats()["duplicates"] == 2
    check_stored(server, [one], tmp_path)
    server.restart()
    assert len(files()) == 1
    check_stored(server, [one], tmp_path)


# --- peers that stand in the way ----------------------------------------------------------------------------------------

def begin(association, one, upto, size=16_000):
    association.send_command(1, raw.c_store_rq(association.message_id(), *one[:2]))
    association.send_data(1, one[2][:upto], size, last=False)


def test_bytes_after_a_time_out_reach_nobody(make_server, tmp_path, dice):
    """Timed out inside a PDV, aborted, and still sending: what it sends is not in the objects of others."""
    config = "clients:\n  - aet: STALLS\n    timeouts:\n      message: 1s\n  - operations: [echo, store]\n"
    server = make_server("--reactors", "1", *SMALL_MEMORY, config=config).start()
    stalling, waste = [], raw.p_data(raw.pdv(1, 0, 0, b"\xEE" * 200_000))
    cuts = [(8000, 2012), (8000, 30_000), (100, 100_000), (300_000, 100), (0, 20_000), (1_000_000, 150_000)]
    for n, (sent, rest) in enumerate(cuts):
        stalling.append((server.associate(calling="STALLS"), rest))
        begin(stalling[n][0], make(dice, "stalls%d" % n, 1_400_000), sent)
        stalling[n][0].send(waste[:rest])
    for association, _ in stalling:
        assert association.expect_abort(10)[0] in (0, 2)
    halves = [(server.associate(), one) for one in make_some(dice, "half", [dice.randrange(200_000, 900_000) for _ in range(12)])]
    for association, one in halves:
        begin(association, one, 120_000)
    time.sleep(0.3)
    for association, rest in stalling:
        association.send(waste[rest:])
    time.sleep(0.2)
    others = make_some(dice, "others", some_sizes(dice, 32))
    store_in_layouts(dice, server, others, (16, 1), [equal], 16, ["one"])
    for association, one in halves:
        association.send_data(1, one[2][120_000:], 16_000)
        assert association.response(10).status == 0
        association.release()
    check_stored(server, others + [one for _, one in halves], tmp_path)
    for association, _ in stalling:
        association.close()


def assert_memory(server, limit_mib):
    peak = server.memory_kib("VmHWM") // KIB
    print("peak memory %d MiB" % peak)
    assert SANITIZED or peak < limit_mib


def test_echoes_that_are_never_read(make_server, tmp_path, dice):
    """Peers that ask on and on and read no answer: cut off or held back; others are served, and memory is bounded."""
    server = make_server("--reactors", "1", *SMALL_MEMORY, config="timeouts:\n  artim: 1s\n").start()
    echoes = raw.p_data(raw.pdv(3, 1, 1, raw.command_set(raw.c_echo_rq(1)))) * 500
    flooding = [server.associate(timeout=2, receive_buffer=4096) for _ in range(3)]

    def flood(association):
        end = time.monotonic() + 10
        sent = 0
        while time.monotonic() < end:
            try:
                association.send(echoes)
            except OSError:
                print("an end after %d echoes" % sent)
                return
            sent += 500
        raise AssertionError("%d echoes went in and no answer was read" % sent)

    objects = make_some(dice, "beside", some_sizes(dice, 32))
    in_threads(lambda work: work(), [lambda a=a: flood(a) for a in flooding] +
               [lambda: store_in_layouts(dice, server, objects, (16, 1), [equal], 16, ["one"])], 60)
    assert server.process.poll() is None, server.log_text()[-3000:]
    for association in flooding:
        association.close()
    store_in_layouts(dice, server, more := make_some(dice, "after", [500, 200_000]), None, [equal], 1, ["one"])
    assert_memory(server, 150)
    check_stored(server, objects + more, tmp_path)


def count_answers(association, count):
    """Reads `count` responses, of which each is one PDU; the statuses seen among every thousandth."""
    unread, answers, statuses = b"", 0, set()
    while answers < count:
        unread += association.socket.recv(MIB)
        at = 0
        while at + 6 <= len(unread):
            kind, size = unread[at], struct.unpack_from(">I", unread, at + 2)[0]
            if at + 6 + size > len(unread):
                break
            assert kind == raw.P_DATA, "PDU type %d after %d answers" % (kind, answers)
            if answers % 1000 == 0:
                statuses.add(raw.Response(1, unread[at + 12:at + 6 + size]).status)
            answers, at = answers + 1, at + 6 + size
        unread = unread[at:]
    return statuses


def test_flood_of_refused_objects(make_server):
    """C-STORE-RQs without a data set: each is answered and counted, memory does not grow, and SIGTERM still ends it soon."""
    count = 10_000 if SANITIZED else 75_000
    server = make_server("--reactors", "1", *SMALL_MEMORY).start()
    sop_class, sop_instance, _ = raw.make_object("nothing")
    refused = raw.p_data(raw.pdv(1, 1, 1, raw.command_set(raw.c_store_rq(1, sop_class, sop_instance, has_data=False)))) * 500
    with server.associate(timeout=30) as association:
        memory = []
        for _ in range(4):
            sender = threading.Thread(target=lambda: [association.send(refused) for _ in range(count // 500)], daemon=True)
            sender.start()
            assert 0 not in count_answers(association, count)
            sender.join(10)
            memory.append(server.memory_kib() // KIB)
        print("MiB after each %d: %s" % (count, memory))
        assert_memory(server, 150)
        assert SANITIZED or memory[-1] - memory[0] < 20
        assert server.stats()["refused"] == 4 * count
        assert association.echo(3).status == 0
        association.release()
    server.stop(10)


# --- the end ------------------------------------------------------------------------------------------------------------

def idle_peer(server):
    return server.associate()


def peer_inside_an_object(server):
    association = server.associate()
    begin(association, raw.make_object("half", payload=900_000), 300_000)
    return association


def peer_inside_a_pdv(server):
    association = peer_inside_an_object(server)
    association.send(raw.p_data(raw.pdv(1, 0, 0, b"\xEE" * 200_000))[:5000])
    return association


def peer_without_association(server):
    return server.connect()


def peer_that_asked_for_release(server):
    association = server.associate()
    association.send(raw.pdu(raw.RELEASE_RQ, b"\0" * 4))
    assert association.receive(5)[0] == raw.RELEASE_RP
    return association


def peer_that_does_not_read(server):
    association = server.associate(timeout=1, receive_buffer=4096)
    echoes = raw.p_data(raw.pdv(3, 1, 1, raw.command_set(raw.c_echo_rq(1))))
    association.send(echoes * 300)
    return association


PEERS = [idle_peer, peer_inside_an_object, peer_inside_a_pdv, peer_without_association, peer_that_asked_for_release,
         peer_that_does_not_read]


def test_sigterm_with_peers_that_never_close(make_server):
    """Ends within the grace time and a little, whatever the peers' ARTIM would allow; without them, at once."""
    server = make_server(config="grace: 1s\ntimeouts:\n  artim: 25s\n").start()
    staying = [peer(server) for peer in PEERS]
    time.sleep(0.2)
    for peers, limit in ((staying, 4), ([], 1)):
        start = time.monotonic()
        server.stop(20)
        took = time.monotonic() - start
        assert took < limit + 6 * SANITIZED, "with %d peers SIGTERM took %.1f s, the grace time is 1 s" % (len(peers), took)
        server.start()
    for peer in staying:
        peer.close()


SPACE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
         'mount -t tmpfs -o size=24m none "$0" && exec "$@"']  # a small file system of the server's own, no privileges needed


@pytest.mark.parametrize("flushed", [False, True], ids=["before_a_flush", "after_a_flush"])
def test_index_without_space(make_server, tmp_path, dice, flushed):
    """Its disk is full: no crash, SIGTERM ends it, and with another disk everything that was acknowledged is there."""
    index = tmp_path / "index"
    index.mkdir()
    if subprocess.run(SPACE + [str(index), "true"], capture_output=True).returncode != 0:
        pytest.skip("no user name spaces with mounts here")
    config = "grace: 500ms\nindex_dir: %s/here\nwatermark:\n  bytes: 0\n  percent: 0\n" % index
    server = make_server("--reactors", "1", config=config)
    command = server.command
    server.command = lambda: SPACE + [str(index)] + command()
    server.start()
    kept = []
    with server.associate(window=(16, 1), timeout=1) as association:
        with open("/proc/%d/root%s/filler" % (server.process.pid, index), "wb", buffering=0) as filler:
            with pytest.raises(OSError):
                while True:
                    filler.write(b"x" * 65536)
        end = time.monotonic() + 25
        try:
            while not kept or flushed and "can't be written" not in server.log_text():
                assert time.monotonic() < end, "the index found space"
                more = make_some(dice, "more%d" % len(kept), [3000] * 16)
                streams = [stream_of(dice, equal, "one", 1, n + 1, one) for n, one in enumerate(more)]
                statuses = [answer.status for answer in pipeline(association, streams, 16)]
                assert set(statuses) <= {0, 0xA700}
                kept += [one for one, status in zip(more, statuses) if status == 0]
                time.sleep(0.1)
        except OSError as error:  # no answer: it waits for space
            print(repr(error))
        assert not flushed or "can't be written" in server.log_text()
        print("%d objects were acknowledged" % len(kept))
        server.stop(10)
    server.command = command
    server.start()
    files = server.export(tmp_path / "out")
    assert [one[1] for one in kept if one[1] not in files or files[one[1]][0].dataset != one[2]] == []
    server.run("verify")


# --- time-outs count time inside a message, of the peer's -----------------------------------------------------------------

def send_slowly(association, one, seconds):
    """A few bytes now and then, until the abort; the seconds that it took."""
    begin(association, one, 100)
    start = time.monotonic()
    association.socket.settimeout(0.2)
    while time.monotonic() < start + seconds:
        try:
            return association.expect_abort(), time.monotonic() - start
        except TimeoutError:
            association.send_data(1, b"\0" * 10, last=False)
    return None, seconds


def test_rate_is_of_the_message(make_server):
    """A message that begins late in the window has a whole window; the time between messages counts for nothing."""
    server = make_server("--reactors", "1", config="timeouts:\n  min_rate: 10KiB\n  min_rate_window: 2s\n").start()
    one = raw.make_object("a", payload=100_000)
    with server.associate() as fresh, server.associate() as used:
        assert used.store(1, *raw.make_object("b")).status == 0
        time.sleep(1.6)
        results = {}

        def slow(name):
            results[name] = send_slowly({"fresh": fresh, "used": used}[name], one, 8)

        in_threads(slow, ["fresh", "used"], 30)
    for name, (abort, took) in results.items():
        assert abort is not None, "%s: a sender of 50 bytes/s was not aborted" % name
        assert 1.8 <= took <= 6, "%s: aborted %.2f s after the message began, the window is 2 s" % (name, took)


def test_fast_enough_is_not_aborted(make_server):
    """Above the rate for several windows, and idle for several more."""
    server = make_server(config="timeouts:\n  min_rate: 10KiB\n  min_rate_window: 1s\n").start()
    one = raw.make_object("a", payload=100_000)
    with server.associate() as association:
        begin(association, one, 1000)
        for at in range(1000, len(one[2]), 15_000):
            time.sleep(0.3)
            association.send_data(1, one[2][at:at + 15_000], last=at + 15_000 >= len(one[2]))
        assert association.response(5).status == 0
        time.sleep(2.2)
        assert association.echo(3).status == 0
        association.release()


def test_echo_behind_a_full_window_then_idle(make_server):
    """When it was answered, the association stands between messages: neither message time-out nor rate is running."""
    config = "timeouts:\n  message: 1s\n  idle: 1h\n  min_rate: 10KiB\n  min_rate_window: 1s\n"
    server = make_server("--reactors", "1", config=config).start()
    idle = []
    for number in range(6):
        one = raw.make_object("a%d" % number, payload=1_500_000)
        body = b"".join(raw.p_data(raw.pdv(1, 0, int(at + 16_000 >= len(one[2])), one[2][at:at + 16_000]))
                        for at in range(0, len(one[2]), 16_000))
        association = server.associate()
        association.send(raw.p_data(raw.pdv(1, 1, 1, raw.command_set(raw.c_store_rq(7, *one[:2])))) + body +
                         raw.p_data(raw.pdv(3, 1, 1, raw.command_set(raw.c_echo_rq(8)))))
        assert [association.response(10).status, association.response(10).status] == [0, 0]
        idle.append(association)
    time.sleep(2.5)
    for association in idle:
        assert association.echo(3).status == 0
        association.release()


# --- everything at once ---------------------------------------------------------------------------------------------------

def misbehave(server, dice, objects, end):
    """One association after the other that ends badly, until it is time."""
    while time.monotonic() < end:
        try:
            with server.associate(window=dice.choice([None, (16, 1)]), calling="HASTY", timeout=3) as association:
                if dice.random() < 0.7:
                    threading.Thread(target=drain, args=[association.socket], daemon=True).start()
                misbehave_once(association, dice, dice.choices(objects, k=dice.randrange(1, 12)))
        except (OSError, raw.Closed, raw.Aborted):
            pass


def drain(peer):
    try:
        while peer.recv(MIB):
            pass
    except OSError:
        pass


def misbehave_once(association, dice, objects):
    stream = b""
    for n, one in enumerate(objects):
        stream += stream_of(dice, dice.choice(list(LAYOUTS.values())), dice.choice(PACKINGS), 1, dice.choice([n + 1, 1]), one)
        if dice.random() < 0.2:
            stream += raw.p_data(raw.pdv(3, 1, 1, raw.command_set(raw.c_echo_rq(100 + n))))
    ending = dice.choice(["whole", "cut", "stall", "abort", "garbage", "reset", "release"])
    association.send(stream if ending in ("whole", "release") else stream[:dice.randrange(1, len(stream))])
    if ending == "stall":
        time.sleep(dice.uniform(0.2, 1))
        association.send(b"\xEE" * dice.randrange(1, 300_000))
    elif ending == "abort":
        association.send(raw.abort())
    elif ending == "garbage":
        association.send(dice.randbytes(3000))
    elif ending == "release":
        association.send(raw.pdu(raw.RELEASE_RQ, b"\0" * 4))
    time.sleep(dice.uniform(0, 0.4))
    if ending == "reset":
        association.reset()


def test_honest_peers_among_bad_ones(make_server, tmp_path, dice):
    """Every object of a good peer is there; of the bad ones' objects only whole ones; the server lives and ends in time."""
    config = ("grace: 2s\nclients:\n  - aet: HASTY\n    timeouts:\n      message: 300ms\n      idle: 1s\n"
              "  - operations: [echo, store]\ntimeouts:\n  artim: 500ms\n")
    server = make_server(*SMALL_MEMORY, config=config).start()
    theirs = make_some(dice, "theirs", [200, 3000, 60_000, 70_000, 270_000, 530_000, 1_500_000, 4_000_000])
    broken = [(one[0], one[1], one[2][:len(one[2]) // 2] + b"\xFF" * 400_000)
              for one in make_some(dice, "broken", [3000, 600_000])]
    ours, end = [], time.monotonic() + SECONDS

    def behave(own):
        while time.monotonic() < end:
            some = make_some(own, "ours%d" % own.getrandbits(60), some_sizes(own, 16))
            store_in_layouts(own, server, some, (16, 1), list(LAYOUTS.values()), 16)
            ours.extend(some)
            time.sleep(0.2)

    def work(number):
        own = random.Random("%d peer %d" % (SEED, number))
        return behave(own) if number < 2 else misbehave(server, own, theirs + broken, end)

    in_threads(work, range(7), SECONDS + 60)
    assert server.process.poll() is None, server.log_text()[-3000:]
    files = server.export(tmp_path / "out")
    known = {one[1]: one[2] for one in ours + theirs + broken}
    print("%d objects of ours, %d files" % (len(ours), len(files)))
    assert [one[1] for one in ours if one[1] not in files] == []
    assert [uid for uid, found in files.items() if uid in known and (len(found) != 1 or found[0].dataset != known[uid])] == []
    server.run("verify")
    server.stop(10)


# --- the start ----------------------------------------------------------------------------------------------------------

def test_port_in_use(make_server):
    """A sentence that names the port and exit status 1, no crash; the data folder is free again, the first server undisturbed."""
    first = make_server().start()
    for _ in range(3):
        second = make_server(name="second")
        second.port = first.port
        second.spawn()
        try:
            status = second.process.wait(60)
        except subprocess.TimeoutExpired:
            raise AssertionError("still running: " + second.log_text()[-3000:]) from None
        assert status == 1, second.log_text()[-3000:]
        assert re.search(r"^\S+ error .*%d" % first.port, second.log_text(), re.MULTILINE), second.log_text()
        assert not second.is_ready()
    with first.associate() as association:
        assert association.store(1, *raw.make_object("a")).status == 0
        association.release()
    second.port = None
    second.start()
    second.store(raw.make_object("b"))
    second.stop()
    assert first.stop() == 0
