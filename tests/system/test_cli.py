# SPDX-License-Identifier: Apache-2.0
"""The commands: help, exit statuses, what is said about a wrong configuration, a locked, damaged or incomplete archive."""
import glob
import json
import os
import re
import signal
import stat
import subprocess
import time
import zlib

import pytest

import rawdicom as raw
from conftest import LEAT, Server, run_leat
from rawdicom import ds
from test_unpack import flip

COMMANDS = ["serve", "ls", "stats", "problems", "verify", "rebuild", "export", "check-config"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command):
    text = run_leat(command, "--help").stdout
    assert "Usage" in text and len(text.splitlines()) >= 8, text
    if command != "check-config":
        assert "--data" in text


def test_help_names_every_command():
    text = run_leat("--help").stdout
    assert all(command in text for command in COMMANDS)


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["serve", "--no-such-option"], ["ls", "--data", "x", "no-such-level"],
                                       ["serve", "--port", "70000"], ["serve", "--port", "x"], ["export"], ["check-config"],
                                       ["serve", "--memory", "much"], ["serve", "--aet", "A" * 17]], ids=" ".join)
def test_wrong_usage_is_2(tmp_path, arguments):
    done = run_leat(*arguments, status=2, cwd=tmp_path)
    assert done.stderr.strip()
    assert not os.path.exists(tmp_path / "leat-data")


@pytest.mark.parametrize("command", ["ls", "stats", "problems", "verify", "rebuild"])
def test_archive_that_is_not_there(tmp_path, command):
    """A command that reads never makes an archive, and doesn't call nothing a success."""
    done = subprocess.run([LEAT, command, "--data", str(tmp_path / "nothing")], capture_output=True, text=True, timeout=60)
    assert done.returncode in (1, 2) and "nothing" in done.stderr
    assert not (tmp_path / "nothing").exists()


# --- configuration ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, line, key, allowed", [
    ("port: 11112\nmemroy: 1GiB\n", 2, "memroy", "memory"),
    ("port: 99999\n", 1, "port", "65535"),
    ("aet: LEAT\ncalled_aet: maybe\n", 2, "called_aet", "strict"),
    ("timeouts:\n  artim: 10s\n  mesage: 1s\n", 3, "mesage", "message"),
    ("timeouts:\n  artim: soon\n", 2, "artim", "duration"),
    ("clients:\n  - aet: A\n    operations: [echo, fly]\n", 3, "operations", "store"),
    ("clients:\n  - address: 10.0.0.0/99\n", 2, "address", "10.1.0.0/16"),
    ("memory: 1GiB\nmemory: 2GiB\n", 2, "memory", ""),
    ("max_pdu_length: 12\n", 1, "max_pdu_length", ""),
])
def test_check_config_names_line_key_and_what_is_allowed(tmp_path, text, line, key, allowed):
    path = tmp_path / "leat.yaml"
    path.write_text(text)
    for arguments in (["check-config", path], ["serve", "--config", path, "--data", tmp_path / "data"]):
        done = run_leat(*arguments, status=2)
        assert re.search(r"leat\.yaml:%d:.*%s" % (line, key), done.stderr + done.stdout), done.stderr
        assert allowed in done.stderr + done.stdout
    assert not (tmp_path / "data").exists()


def test_every_error_is_named_at_once(tmp_path):
    path = tmp_path / "leat.yaml"
    path.write_text("port: x\naet: %s\nmemroy: 5\n" % ("A" * 40))
    said = run_leat("check-config", path, status=2)
    assert all("leat.yaml:%d:" % n in said.stderr + said.stdout for n in (1, 2, 3))


def test_broken_yaml(tmp_path):
    path = tmp_path / "leat.yaml"
    path.write_text("port: 11112\n  clients: [\n")
    assert re.search(r"leat\.yaml:\d+", run_leat("check-config", path, status=2).stderr)


def test_good_configuration(tmp_path):
    path = tmp_path / "leat.yaml"
    path.write_text("port: 11112\naet: ARCHIVE\nclients:\n  - aet: CT1\n    address: 10.0.0.0/8\n    operations: [echo, store]\n")
    run_leat("check-config", path)
    run_leat("check-config", tmp_path / "missing.yaml", status=2)


def test_sighup_reloads_clients(make_server):
    server = make_server(config="clients:\n  - aet: OLD\n").start()
    server.associate(calling="OLD").release()
    with open(os.path.join(server.folder, "leat.yaml"), "w", encoding="utf-8") as file:
        file.write("clients:\n  - aet: NEW\n")
    server.process.send_signal(signal.SIGHUP)

    def accepted():
        try:
            server.associate(calling="NEW").release()
            return True
        except raw.Rejected:
            return False

    raw.wait_until(accepted, 10, 0.1)
    with pytest.raises(raw.Rejected):
        server.associate(calling="OLD")
    # A wrong one changes nothing.
    with open(os.path.join(server.folder, "leat.yaml"), "w", encoding="utf-8") as file:
        file.write("clinets:\n  - aet: OTHER\n")
    server.process.send_signal(signal.SIGHUP)
    raw.wait_until(lambda: "clinets" in server.log_text(), 10, 0.1)
    assert accepted()


# --- the data folder ------------------------------------------------------------------------------------------------------

def test_ready_line_and_default_warning(server):
    """It says that everybody may store, and how to narrow that."""
    text = server.log_text()
    assert re.search(r"^ready", text, re.MULTILINE)
    assert re.search(r"warn.*clients", text)


def test_data_folder_is_locked(server, make_server):
    second = make_server()
    second.data = server.data
    second.spawn()
    assert second.process.wait(30) == 2
    assert server.data in second.log_text()
    assert server.stats()["instances"] == 0


def test_control_socket_is_its_owners_alone(server):
    path = os.path.join(server.data, "control.sock")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(server.data).st_mode) & 0o077 == 0


def test_commands_are_the_same_with_and_without_a_server(server):
    server.store(*[raw.make_object("o%d" % n, series="s%d" % (n % 3)) for n in range(12)])
    with server.associate() as association:
        association.store(1, ds.SECONDARY_CAPTURE, "1.2.3", b"\x08")
        association.release()
    commands = [["ls", level] for level in ("patients", "studies", "series", "instances")]
    commands += [["ls", "--json", "series"], ["problems"], ["problems", "--json"], ["stats", "--json"], ["stats"]]
    running = [server.run(*command).stdout for command in commands]
    server.stop()
    stopped = [server.run(*command).stdout for command in commands]
    for command, one, other in zip(commands, running, stopped):
        if command[0] == "stats":
            continue  # disk_bytes may change when logs are sealed
        assert one == other, command
    exact = ("patients", "studies", "series", "instances", "bytes", "duplicates", "refused", "quarantined")
    one, other = json.loads(running[7]), json.loads(stopped[7])
    assert {k: one[k] for k in exact} == {k: other[k] for k in exact}


def test_verify_with_a_server(server):
    server.store(*[raw.make_object("o%d" % n) for n in range(5)])
    server.run("verify")


def test_rebuild_gives_the_same_tree(server):
    objects = [raw.make_object("o%d" % n, series="s%d" % (n % 5), study="t%d" % (n % 2), payload=100 << (n % 12)) for n in range(60)]
    server.store(*objects)
    server.store(raw.make_object("o3", series="s3", study="t1", payload=777))  # a new version
    server.store(objects[5])                                                   # a duplicate
    server.stop()

    def view():
        stats = server.stats()
        return [sorted(server.run("ls", "--json", level).stdout.splitlines()) for level in ("patients", "studies", "series", "instances")], \
            {k: stats[k] for k in ("patients", "studies", "series", "instances", "bytes", "duplicates", "refused", "quarantined")}

    before = view()
    server.run("rebuild")
    assert view() == before
    server.run("rebuild")
    assert view() == before
    server.start()
    assert view() == before


def test_rebuild_of_a_locked_archive(server):
    """A running server owns its index: it is rebuilt through the server or refused, never underneath it."""
    server.store(raw.make_object("a"))
    done = subprocess.run([LEAT, "rebuild", "--data", server.data], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1, 2)
    assert server.stats()["instances"] == 1
    server.store(raw.make_object("b"))
    assert server.stats()["instances"] == 2


def test_flipped_bit_is_found_and_the_others_are_served(server, tmp_path):
    objects = [raw.make_object("o%d" % n, payload=300_000) for n in range(6)]
    server.store(*objects)
    server.stop()
    flip(server.data, objects[2][2][150_000:150_064])
    for running in (False, True):
        if running:
            server.start()
        done = server.run("verify", status=1)
        assert objects[2][1] in done.stdout + done.stderr
        target = tmp_path / ("out%d" % running)
        done = server.run("export", target, status=1)
        assert objects[2][1] in done.stdout + done.stderr
        files = {}
        for path in glob.glob(str(target / "**"), recursive=True):
            if os.path.isfile(path):
                file = ds.read_part10(path)
                files[file.sop_instance] = file.dataset
        assert files == {o[1]: o[2] for n, o in enumerate(objects) if n != 2}


def test_newer_format(server):
    """An archive that a later Leat wrote: exit 2, says so, touches nothing (manifest entry: engine/store/README.md)."""
    server.stop()
    path = os.path.join(server.data, "manifest")
    with open(path, "r+b") as file:
        entry = bytearray(file.read(256))
        entry[4:6] = (2).to_bytes(2, "little")
        entry[252:256] = zlib.crc32(entry[:252]).to_bytes(4, "little")
        file.seek(0)
        file.write(entry)
    with open(path, "rb") as file:
        before = file.read()
    server.spawn()
    assert server.process.wait(60) == 2
    assert re.search("newer|later", server.log_text())
    assert server.run("stats", status=2).stderr
    with open(path, "rb") as file:
        assert file.read() == before


def test_missing_segment(make_server, tmp_path):
    """Exit 2 and its name; `rebuild --accept-missing` goes on with what is there."""
    server = make_server(config="store:\n  bulk_segment: 64MiB\n").start()
    objects = [raw.make_object("o%d" % n, payload=12 << 20) for n in range(8)]
    server.store(*objects)
    server.stop()
    lost = find_file(server.data, objects[0][2][1000:1064])
    os.rename(lost, tmp_path / "lost")
    server.spawn()
    assert server.process.wait(60) == 2
    assert os.path.basename(lost) in server.log_text()
    done = server.run("rebuild", status=2)
    assert "--accept-missing" in done.stderr
    server.run("rebuild", "--accept-missing")
    server.start()
    instances = server.stats()["instances"]
    assert 0 < instances < len(objects)
    assert len(server.export(tmp_path / "out")) == instances
    server.store(objects[0])
    assert server.stats()["instances"] == instances + 1


def find_file(folder, needle):
    for root, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = os.path.join(root, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    if needle in file.read():
                        return path
    raise AssertionError("these bytes are in no file under %s" % folder)


def test_folder_that_is_no_archive(make_server):
    """A folder with something else in it is left alone."""
    server = make_server()
    os.makedirs(server.data)
    with open(os.path.join(server.data, "thesis.txt"), "w", encoding="ascii") as file:
        file.write("mine")
    server.spawn()
    raw.wait_until(lambda: server.process.poll() is not None or server.is_ready(), 30)
    assert open(os.path.join(server.data, "thesis.txt"), encoding="ascii").read() == "mine"
    if server.process.poll() is None:
        server.stop()


# --- logs -----------------------------------------------------------------------------------------------------------------

def test_log_of_an_association(server):
    """One line when it opens, one when it ends, with peer, titles, objects; one for each refused object; no patient data."""
    one = raw.make_object("a", payload=100_000)
    with server.associate(calling="CT1") as association:
        association.store(1, *one)
        association.store(1, ds.SECONDARY_CAPTURE, raw.make_object("b")[1], raw.make_object("b", drop=[0x0020000E])[2])
        association.release()
    raw.wait_until(lambda: len([line for line in server.log_text().splitlines() if "CT1" in line]) >= 2, 10, 0.1)
    lines = [line for line in server.log_text().splitlines() if "CT1" in line]
    assert any("127.0.0.1" in line for line in lines)
    assert any(raw.make_object("b")[1] in line for line in server.log_text().splitlines())
    assert "Phantom" not in server.log_text() and "PID-1" not in server.log_text()


def test_port_in_use(server, make_server):
    second = make_server()
    second.port = server.port
    second.spawn()
    assert second.process.wait(30) == 1
    assert str(server.port) in second.log_text()


def test_full_output_is_an_error(server):
    """A result that could not be written is not a success."""
    server.store(*[raw.make_object("o%d" % n) for n in range(5)])
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([LEAT, "ls", "--data", server.data, "instances"], stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1


def test_export_into_a_folder_with_files(server, tmp_path):
    """One file an instance and nothing else; what was there before is not touched."""
    server.store(*[raw.make_object("o%d" % n) for n in range(5)])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    server.run("export", tmp_path / "out")
    files = [p for p in glob.glob(str(tmp_path / "out" / "**"), recursive=True) if os.path.isfile(p)]
    assert len(files) == 6 and (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_sigterm_finishes_what_is_under_way(make_server):
    server = make_server(config="grace: 5s\n").start()
    half = raw.make_object("half", payload=2 << 20)
    with server.associate() as association:
        association.send_command(1, raw.c_store_rq(1, *half[:2]))
        association.send_data(1, half[2][:1 << 20], last=False)
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        with pytest.raises((OSError, raw.Closed, raw.Rejected, raw.Aborted)):
            server.associate(timeout=3)
        association.send_data(1, half[2][1 << 20:])
        assert association.response(10).status == 0
    assert server.process.wait(30) == 0
    assert server.stats()["instances"] == 1
