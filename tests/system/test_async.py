# SPDX-License-Identifier: Apache-2.0
"""Asynchronous operations (PS3.7 D.3.3.3): granted up to the configured window, and real; without one, requests queue."""
import pytest

import rawdicom as raw


@pytest.mark.parametrize("asked, granted", [((4, 1), 4), ((16, 1), 16), ((0, 0), 16), ((500, 1), 16), ((1, 1), 1)])
def test_window_is_granted_up_to_the_configured_one(server, asked, granted):
    with server.associate(window=asked) as association:
        assert association.accepted.window is not None and association.accepted.window[0] == granted
        association.release()


def test_configured_window(make_server):
    server = make_server(config="async_window: 3\n").start()
    with server.associate(window=(8, 1)) as association:
        assert association.accepted.window[0] == 3
        association.release()


def test_no_window_without_asking(server):
    with server.associate() as association:
        assert association.accepted.window is None or association.accepted.window[0] == 1
        association.release()


def test_several_stores_outstanding(server):
    objects = [raw.make_object("o%d" % n, payload=200_000 if n % 3 else 500) for n in range(64)]
    with server.associate(window=(16, 1)) as association:
        waiting, answered = {}, []

        def take():
            answer = association.response(20)
            assert answer.status == 0 and answer.sop_instance == waiting.pop(answer.message_id)
            answered.append(answer.message_id)

        for one in objects:
            if len(waiting) == 16:
                take()
            waiting[association.send_store(1, *one)] = one[1]
        while waiting:
            take()
        assert len(set(answered)) == len(objects)
        association.release()
    assert server.stats()["instances"] == len(objects)


def test_first_is_answered_while_the_second_is_under_way(server):
    first, second = raw.make_object("a"), raw.make_object("b", payload=100_000)
    with server.associate(window=(16, 1)) as association:
        association.send_store(1, *first)
        message_id = association.message_id()
        association.send_command(1, raw.c_store_rq(message_id, *second[:2]))
        association.send_data(1, second[2][:5000], last=False)
        assert association.response(10).sop_instance == first[1]
        association.send_data(1, second[2][5000:])
        assert association.response(10).sop_instance == second[1]
        association.release()


def test_same_object_twice_in_one_window(server):
    """The second waits for the first one's end and is a duplicate of it, never a second instance."""
    one = raw.make_object("a", payload=300_000)
    with server.associate(window=(16, 1)) as association:
        for _ in range(8):
            association.send_store(1, *one)
        assert all(association.response(10).status == 0 for _ in range(8))
        association.release()
    stats = server.stats()
    assert (stats["instances"], stats["duplicates"]) == (1, 7)


def test_requests_queue_without_a_window(server):
    """More requests than the protocol allows, at once: each is served, in the order of sending."""
    objects = [raw.make_object("q%d" % n, payload=50_000) for n in range(6)]
    with server.associate() as association:
        stream, ids = b"", []
        for one in objects:
            ids.append(association.message_id())
            command = raw.command_set(raw.c_store_rq(ids[-1], *one[:2]))
            stream += raw.p_data(raw.pdv(1, 1, 1, command)) + raw.p_data(raw.pdv(1, 0, 1, one[2]))
        association.send(stream)
        answers = [association.response(20) for _ in objects]
        assert [a.message_id for a in answers] == ids
        assert [a.status for a in answers] == [0] * len(objects)
        association.release()


def test_abort_with_several_outstanding(server):
    """Whole objects are kept, the half one is not; the server goes on."""
    objects = [raw.make_object("x%d" % n, payload=100_000) for n in range(8)]
    half = raw.make_object("half", payload=100_000)
    association = server.associate(window=(16, 1))
    for one in objects:
        association.send_store(1, *one)
    association.send_command(1, raw.c_store_rq(99, *half[:2]))
    association.send_data(1, half[2][:1000], last=False)
    association.send(raw.abort())
    while association.socket.recv(65536):  # to the server's close: a close before its answers are read would be a reset,
        pass                               # and a reset may overtake objects that the server has not read yet
    association.close()
    raw.wait_until(lambda: server.stats()["instances"] == len(objects), 10, 0.2)
    server.store(half)
    assert server.stats()["instances"] == len(objects) + 1
