# SPDX-License-Identifier: Apache-2.0
"""kill -9 in a loop, under load from several senders that keep their own lists of what was acknowledged.

After every kill the server must start; at the end every acknowledged object must be there, byte for byte, whatever is there must be
whole, and the counts must agree. LEAT_KILL_SECONDS (default 30 for the loop under load) makes it longer; LEAT_KILL_SEED repeats a run.
"""
import hashlib
import os
import random
import signal
import subprocess
import threading
import time

import pytest

import rawdicom as raw
from conftest import LEAT, SANITIZED, TREE, exported, run_leat, run_tool
from rawdicom import ds

SECONDS = float(os.environ.get("LEAT_KILL_SECONDS", "30"))
SEED = int(os.environ.get("LEAT_KILL_SEED", str(int.from_bytes(os.urandom(4), "little"))))
SC = ds.SECONDARY_CAPTURE


class Sender(threading.Thread):
    """Sends objects of its own, over and over; remembers a digest of each it sent, and which were acknowledged."""

    def __init__(self, server, number):
        super().__init__(daemon=True)
        self.server, self.number = server, number
        self.random = random.Random(SEED * 1000 + number)
        self.sent, self.acknowledged, self.faults = {}, set(), []
        self.count, self.again = 0, []
        self.stopping = threading.Event()

    def next_object(self):
        if self.again and self.random.random() < 0.05:
            return raw.make_object(*self.random.choice(self.again))
        self.count += 1
        size = self.random.choices([300, 3000, 60_000, 150_000, 1_200_000, 34 << 20], [30, 30, 20, 14, 5, 0.3])[0]
        key = ("k%d-%d" % (self.number, self.count), "s%d" % (self.count // 50), "t%d-%d" % (self.number, self.count // 200), size)
        one = raw.make_object(*key)
        self.sent[one[1]] = hashlib.sha256(one[2]).digest()
        if size < 1 << 20:
            self.again = (self.again + [key])[-50:]
        return one

    def one_association(self):
        window = self.random.choice([None, (16, 1)])
        with self.server.associate(calling="SENDER%d" % self.number, window=window, timeout=30) as association:
            granted = (association.accepted.window or (1, 1))[0]
            waiting = {}
            for _ in range(self.random.randrange(1, 200)):
                one = self.next_object()
                while len(waiting) >= granted:
                    self.take(association, waiting)
                waiting[association.send_store(1, *one)] = one[1]
                if self.stopping.is_set():
                    break
            while waiting:
                self.take(association, waiting)
            association.release()

    def take(self, association, waiting):
        answer = association.response()
        if answer.status != 0:
            self.faults.append(repr(answer))
        elif waiting.pop(answer.message_id) == answer.sop_instance:
            self.acknowledged.add(answer.sop_instance)
        else:
            self.faults.append("answer for another object: %r" % answer)

    def run(self):
        while not self.stopping.is_set():
            try:
                self.one_association()
            except (raw.Closed, raw.Rejected, raw.Aborted, OSError):
                time.sleep(0.02)  # killed, or not there yet


def check_all(server, senders, folder):
    """Everything acknowledged is there, everything there is whole, counts agree, the scrub passes."""
    sent, acknowledged = {}, set()
    for sender in senders:
        assert not sender.faults, (SEED, sender.faults[:3])
        sent.update(sender.sent)
        acknowledged |= sender.acknowledged
    assert acknowledged, "no object was acknowledged: nothing was tested"
    files = server.export(folder)
    missing = acknowledged - set(files)
    assert not missing, "seed %d: %d of %d acknowledged objects are lost: %s" % (SEED, len(missing), len(acknowledged), sorted(missing)[:5])
    for sop_instance, versions in files.items():
        assert len(versions) == 1
        assert hashlib.sha256(versions[0].dataset).digest() == sent[sop_instance], "seed %d: %s differs" % (SEED, sop_instance)
    stats = server.stats()
    assert stats["instances"] == len(files)
    assert stats["bytes"] == sum(len(v[0].dataset) for v in files.values())
    assert len(server.ls("instances")) == len(files)
    server.run("verify")
    print("seed %d: %d acknowledged, %d there" % (SEED, len(acknowledged), len(files)))
    return files


def sleep_and_kill(server, low, high, chance):
    time.sleep(chance.uniform(low, high))
    server.kill()


def test_kill_under_load(make_server, tmp_path):
    server = make_server()
    chance = random.Random(SEED)
    print("seed", SEED)
    server.start()
    senders = [Sender(server, n) for n in range(6)]
    for sender in senders:
        sender.start()
    end, kills = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        sleep_and_kill(server, 0.1, 2.5, chance)
        kills += 1
        for _ in range(chance.choice([0, 0, 1, 3])):  # and while it starts
            server.spawn()
            sleep_and_kill(server, 0.0, 0.3, chance)
            kills += 1
        server.start()
    for sender in senders:
        sender.stopping.set()
    for sender in senders:
        sender.join(60)
        assert not sender.is_alive()
    print(kills, "kills")
    files = check_all(server, senders, tmp_path / "running")
    server.stop()
    check_all(server, senders, tmp_path / "stopped")
    before = (server.run("ls", "--json", "instances").stdout, server.stats())

    # A rebuild that is killed, several times; then one that ends: the same tree.
    for _ in range(4):
        rebuild = subprocess.Popen([LEAT, "rebuild", "--data", server.data], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.0, 0.4))
        rebuild.kill()
        rebuild.wait()
    server.run("rebuild")
    after = (server.run("ls", "--json", "instances").stdout, server.stats())
    assert sorted(before[0].splitlines()) == sorted(after[0].splitlines())
    for key in ("patients", "studies", "series", "instances", "bytes", "quarantined"):
        assert before[1][key] == after[1][key], key
    # And a server after it, with the objects still there.
    server.start()
    assert server.stats()["instances"] == len(files)


def test_independent_reader_after_a_kill(make_server, tmp_path):
    """tools/unpack.py, which shares no code with Leat, finds every acknowledged object in what a kill left behind."""
    server = make_server().start()
    senders = [Sender(server, n) for n in range(4)]
    for sender in senders:
        sender.start()
    time.sleep(3)
    server.kill()
    for sender in senders:
        sender.stopping.set()
    for sender in senders:
        sender.join(60)
    run_tool("python3", os.path.join(TREE, "tools", "unpack.py"), server.data, tmp_path / "out")
    found = {uid: {hashlib.sha256(v.dataset).digest() for v in versions} for uid, versions in exported(tmp_path / "out").items()}
    for sender in senders:
        for sop_instance in sender.acknowledged:
            assert sender.sent[sop_instance] in found.get(sop_instance, ()), sop_instance


def test_kill_during_the_first_start(make_server):
    """An unfinished creation is finished by the next start."""
    chance = random.Random(SEED)
    for number in range(12):
        server = make_server(name="new%d" % number)
        for _ in range(3):
            server.spawn()
            time.sleep(chance.uniform(0, 0.15))
            server.kill()
        server.start()
        server.store(raw.make_object("a"))
        assert server.stats()["instances"] == 1
        server.stop()


def test_sigterm_under_load_ends_with_status_0(make_server, tmp_path):
    server = make_server().start()
    senders = [Sender(server, n) for n in range(4)]
    for sender in senders:
        sender.start()
    time.sleep(1.5)
    for sender in senders:
        sender.stopping.set()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0
    for sender in senders:
        sender.join(60)
    check_all(server, senders, tmp_path / "out")
