# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: a Leat of its own for each test, real processes on loopback, ended by their own pid.

Environment: LEAT_BINARY (default build/tools/leat/leat), LEAT_CORPUS (default ../shared/corpus beside the checkout), LEAT_KEEP=1 (keep
what the tests made).
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
LEAT = os.environ.get("LEAT_BINARY", os.path.join(TREE, "build", "tools", "leat", "leat"))
CORPUS = os.environ.get("LEAT_CORPUS", os.path.join(os.path.dirname(TREE), "shared", "corpus"))
sys.path.insert(0, HERE)
import rawdicom as raw  # noqa: E402

SANITIZED = os.environ.get("LEAT_SANITIZED", "") != ""


def free_port():
    """A TCP port nobody listens on, outside the range from which the kernel takes ports for outgoing connections."""
    for _ in range(200):
        port = 11200 + int.from_bytes(os.urandom(2), "little") % 20000
        with socket.socket(socket.AF_INET6) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("::", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


class Server:
    """`leat serve` on a data folder. start() returns when it is ready; stop() ends it with SIGTERM and wants exit 0."""

    def __init__(self, folder, options=(), config=None):
        self.folder = str(folder)
        self.data = os.path.join(self.folder, "data")
        self.log_path = os.path.join(self.folder, "serve.log")
        self.options, self.config, self.process, self.port = list(options), config, None, None

    def command(self):
        command = [LEAT, "serve", "--data", self.data, "--port", str(self.port)]
        if "--aet" not in self.options:
            command += ["--aet", "LEAT"]
        if self.config is not None:
            path = os.path.join(self.folder, "leat.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.config)
            command += ["--config", path]
        return command + self.options

    def spawn(self):
        """Starts the process and does not wait."""
        self.port = self.port or free_port()
        self.log = open(self.log_path, "ab")
        self.log_start = self.log.tell()
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.log.close()

    def start(self, timeout=60.0):
        self.spawn()
        end = time.monotonic() + timeout
        while not self.is_ready():
            if self.process.poll() is not None:
                raise AssertionError("leat serve ended with status %d:\n%s" % (self.process.returncode, self.log_text()))
            assert time.monotonic() < end, "not ready within %g s:\n%s" % (timeout, self.log_text())
            time.sleep(0.02)
        return self

    def is_ready(self):
        return re.search(r"^ready", self.log_text(), re.MULTILINE) is not None

    def log_text(self):
        """What this run wrote so far."""
        with open(self.log_path, "rb") as file:
            file.seek(self.log_start)
            return file.read().decode("utf-8", "replace")

    def stop(self, timeout=60.0):
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("no end within %g s of SIGTERM:\n%s" % (timeout, self.log_text()[-4000:])) from None
        assert code == 0, "leat serve ended with status %d:\n%s" % (code, self.log_text()[-4000:])
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.stop()
        return self.start()

    def memory_kib(self, field="VmRSS"):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            return int(re.search(r"^%s:\s+(\d+) kB" % field, file.read(), re.MULTILINE).group(1))

    def connect(self, **options):
        return raw.Connection(self.port, **options)

    def associate(self, contexts=None, **request):
        """An association; by default context 1 is secondary capture, explicit LE, and context 3 verification."""
        contexts = contexts or [(1, raw.ds.SECONDARY_CAPTURE, [raw.ds.EXPLICIT_LE]), (3, raw.VERIFICATION, [raw.ds.IMPLICIT_LE])]
        return raw.Association(self.port, contexts, **request)

    def store(self, *objects, **request):
        """Stores objects (of make_object) over one association; all must succeed."""
        classes = sorted({sop_class for sop_class, _, _ in objects})
        contexts = {sop_class: 2 * n + 1 for n, sop_class in enumerate(classes)}
        with self.associate([(i, c, [raw.ds.EXPLICIT_LE]) for c, i in contexts.items()], **request) as association:
            for sop_class, sop_instance, body in objects:
                answer = association.store(contexts[sop_class], sop_class, sop_instance, body)
                assert answer.status == 0, answer
            association.release()

    def run(self, command, *arguments, **options):
        return run_leat(command, "--data", self.data, *arguments, **options)

    def stats(self):
        return json.loads(self.run("stats", "--json").stdout)

    def problems(self):
        """`leat problems --json` as a list."""
        return json_rows(self.run("problems", "--json").stdout)

    def ls(self, level):
        return json_rows(self.run("ls", "--json", level).stdout)

    def export(self, target, *options):
        """`leat export` into a folder: {SOP Instance UID: [Part10, ...]}."""
        self.run("export", *options, str(target))
        return exported(target)


def exported(target):
    """Every Part 10 file under a folder: {SOP Instance UID: [Part10, ...]}."""
    out = {}
    for root, _, files in os.walk(str(target)):
        for name in files:
            file = raw.ds.read_part10(os.path.join(root, name))
            file.path = os.path.join(root, name)
            out.setdefault(file.sop_instance, []).append(file)
    return out


def json_rows(text):
    """A JSON array, or one JSON object a line, or an object with one array in it."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(value, dict):
        arrays = [v for v in value.values() if isinstance(v, list)]
        return arrays[0] if len(arrays) == 1 else [value]
    return value


def run_leat(*arguments, status=0, timeout=300, **options):
    """Runs a command of leat; its exit status must be `status`."""
    done = subprocess.run([LEAT, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout, **options)
    assert done.returncode == status, "leat %s: status %d, wanted %d\n%s\n%s" % (
        " ".join(map(str, arguments)), done.returncode, status, done.stdout[-3000:], done.stderr[-3000:])
    return done


def run_tool(*arguments, timeout=300, status=0):
    """Runs somebody else's program, DCMTK's usually, with Nagle's algorithm off."""
    if shutil.which(arguments[0]) is None:
        pytest.fail("%s is not installed: tools/setup.sh --test" % arguments[0])
    done = subprocess.run(list(map(str, arguments)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                          env=dict(os.environ, TCP_NODELAY="1"), errors="replace")
    if status is not None:
        assert done.returncode == status, "%s: status %d\n%s\n%s" % (
            " ".join(map(str, arguments)), done.returncode, done.stdout[-3000:], done.stderr[-3000:])
    return done


def in_threads(work, items, timeout=300):
    """Runs work(item) in a thread each; raises the first failure."""
    failures = []

    def body(item):
        try:
            work(item)
        except BaseException as error:  # handed on to the test below
            failures.append(error)

    threads = [threading.Thread(target=body, args=(item,), daemon=True) for item in items]
    for thread in threads:
        thread.start()
    end = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    if failures:
        raise failures[0]
    assert not any(t.is_alive() for t in threads), "a sender is still waiting after %g s" % timeout


@pytest.fixture
def make_server(tmp_path):
    """Servers on folders of their own: make_server(options, config=TEXT); ended when the test is over."""
    servers = []

    def make(*options, config=None, name=None):
        folder = tmp_path / (name or "server%d" % len(servers))
        folder.mkdir(exist_ok=True)
        server = Server(folder, options, config)
        servers.append(server)
        return server

    yield make
    for server in servers:
        if server.process is not None and server.process.poll() is None:
            try:
                server.stop()
            finally:
                if server.process.poll() is None:
                    server.kill()
    # pytest keeps the folders of several runs, and each archive has segments of a gigabyte: LEAT_KEEP=1 to look at them.
    if not os.environ.get("LEAT_KEEP"):
        shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def server(make_server):
    """A running Leat with the embedded defaults."""
    return make_server().start()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failing test shows the server's last words."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        folder = item.funcargs.get("tmp_path")
        for root, _, files in os.walk(str(folder)) if folder else ():
            if "serve.log" in files:
                with open(os.path.join(root, "serve.log"), encoding="utf-8", errors="replace") as file:
                    report.sections.append(("the end of " + os.path.join(root, "serve.log"), file.read()[-4000:]))


def pytest_sessionstart(session):
    if not os.path.exists(LEAT):
        pytest.exit("%s is not built: tools/run.sh --build-only, or LEAT_BINARY=..." % LEAT, returncode=2)
