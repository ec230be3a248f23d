"""Start, stop, reload and flags of the real tocsin-edge."""

import http.client
import json
import os
import re
import select
import signal
import subprocess
import time

import pytest

EDGE = os.path.join(os.environ["PROGRAMS"], "tocsin-edge")
GOOD = """\
route: {receiver: team, group_wait: 1h}
receivers: [{name: team, webhook_configs: [{url: "http://127.0.0.1:9/"}]}]
"""
BROKEN = """\
route: {receiver: nobody, group_wait: soon}
receivers: [{name: team, colour: red}]
"""
FLAGS = """--config.file --federation.config --storage.path --web.listen-address --web.config.file --web.external-url
--web.route-prefix --log.level --log.format --data.retention --data.maintenance-interval --alerts.gc-interval --alerts.max
--cluster.listen-address --enable-feature --help --version""".split()


class Edge:
    def __init__(self, folder, *args):
        self.log = ""
        self.process = subprocess.Popen(
            [EDGE, f"--config.file={folder}/am.yml", f"--storage.path={folder}/data", "--web.listen-address=127.0.0.1:0", *args],
            stderr=subprocess.PIPE)

    def wait_log(self, text, after=0, seconds=60):
        """The log once it has the text behind the position; waits for it, not for time."""
        deadline = time.monotonic() + seconds
        while text not in self.log[after:]:
            left = deadline - time.monotonic()
            assert left > 0, f"no {text!r} in:\n{self.log}"
            if select.select([self.process.stderr], [], [], left)[0]:
                chunk = os.read(self.process.stderr.fileno(), 65536).decode()
                assert chunk, f"ended without {text!r}:\n{self.log}"
                self.log += chunk
        return self.log

    def ready(self):
        log = self.wait_log("msg=ready")
        found = re.search(r'msg="Listening on" address=127\.0\.0\.1:(\d+)', log)
        assert found, log
        self.port = int(found[1])
        return self

    def ask(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        c.request(method, path, body, {"Content-Type": "application/json"})
        r = c.getresponse()
        answer = r.status, r.read().decode()
        c.close()
        return answer

    def metric(self, name):
        return float(re.search(rf"^{name} (\S+)$", self.ask("GET", "/metrics")[1], re.M)[1])

    def end(self, signo=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(signo)
        self.log += self.process.communicate(timeout=60)[1].decode()
        return self.process.returncode


@pytest.fixture
def edge(tmp_path):
    started = []

    def start(*args):
        e = Edge(tmp_path, *args)
        started.append(e)
        return e

    (tmp_path / "am.yml").write_text(GOOD)
    yield start
    for e in started:
        if e.process.poll() is None:
            e.end(signal.SIGKILL)


def run(*args):
    return subprocess.run([EDGE, *args], capture_output=True, text=True, timeout=60)


def test_help_and_version():
    for flag in ("--help", "-h"):
        r = run(flag)
        assert r.returncode == 0 and r.stderr == ""
        for name in FLAGS:
            assert name in r.stdout
        assert set(re.findall(r"^ +(?:-h, )?(--[a-z.-]+)", r.stdout, re.M)) == set(FLAGS)
    r = run("--version")
    assert r.returncode == 0 and re.match(r"tocsin-edge, version \d+\.\d+\.\d+", r.stdout)


@pytest.mark.parametrize("args, says", [
    (["--no-such-flag"], "unknown long flag '--no-such-flag', try --help"),
    (["--no-config.file"], "unknown long flag"),
    (["--config.file"], "expected argument for flag '--config.file'"),
    (["alertmanager.yml"], "unexpected alertmanager.yml"),
    (["--data.retention=soon"], "--data.retention"),
    (["--alerts.max=0"], "must be positive"),
    (["--alerts.max=many"], "is no whole number"),
    (["--enable-feature=time-travel"], "--enable-feature"),
    (["--log.level=loud"], "--log.level"),
])
def test_bad_flags(args, says):
    r = run(*args)
    assert r.returncode == 1
    assert says in r.stderr and r.stderr.count("\n") == 1


def test_a_broken_configuration_stops_the_start(edge, tmp_path):
    (tmp_path / "am.yml").write_text(BROKEN)
    e = edge()
    assert e.process.wait(60) == 1
    e.end()
    for line in (1, 2):
        assert f"am.yml:{line} " in e.log, e.log
    assert e.log.count('msg="configuration mistake"') == 3
    (tmp_path / "am.yml").unlink()
    e = edge()
    assert e.process.wait(60) == 1


def test_a_broken_file_leaves_the_old_one_running(edge, tmp_path):
    e = edge().ready()
    old = e.metric("alertmanager_config_hash")
    assert e.metric("alertmanager_config_last_reload_successful") == 1
    (tmp_path / "am.yml").write_text(BROKEN)

    status, body = e.ask("POST", "/-/reload")
    assert status == 500 and "failed to reload config" in body
    log = e.wait_log('msg="reload failed')
    for line in (1, 2):
        assert f"am.yml:{line} " in log, log
    assert e.metric("alertmanager_config_last_reload_successful") == 0
    assert e.metric("alertmanager_config_hash") == old

    at = len(e.log)
    e.process.send_signal(signal.SIGHUP)
    e.wait_log('msg="reload failed', at)
    assert e.ask("GET", "/-/ready")[0] == 200
    assert e.ask("POST", "/api/v2/alerts", '[{"labels":{"a":"b"}}]')[0] == 200

    (tmp_path / "am.yml").write_text(GOOD + "# better\n")
    e.process.send_signal(signal.SIGHUP)
    e.wait_log('msg="configuration reloaded"')
    assert e.metric("alertmanager_config_last_reload_successful") == 1
    assert e.metric("alertmanager_config_hash") != old
    assert e.ask("POST", "/-/reload") == (200, "")
    assert e.ask("GET", "/-/reload")[0] == 405
    assert e.end() == 0


def test_state_outlives_a_stop(edge, tmp_path):
    e = edge().ready()
    assert "tocsin.db" in os.listdir(tmp_path / "data")
    assert e.end() == 0
    assert "msg=stopped" in e.log
    e = edge().ready()
    assert "clean=true" in e.wait_log('msg="store loaded"')
    assert e.end(signal.SIGINT) == 0


def test_a_signal_during_the_start_is_answered(edge):
    e = edge()
    e.wait_log("msg=\"Listening on\"")
    assert e.end() == 0, e.log


def test_one_folder_one_process(edge):
    first = edge().ready()
    second = edge()
    assert second.process.wait(60) == 1
    second.end()
    assert f"is locked: process {first.process.pid} uses this folder" in second.log
    assert first.ask("GET", "/-/ready")[0] == 200
    assert first.end() == 0


def test_pipelined_requests_are_answered_in_order(edge):
    """The next request of a connection is read while the answer of the one before is being carried out."""
    import socket

    e = edge().ready()
    n = 500
    alert = json.dumps([{"labels": {"alertname": "A"}}]).encode()
    posts = b"POST /api/v2/alerts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(alert), alert)
    listings = b"GET /api/v2/alerts HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /-/nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", e.port), timeout=60) as s:
        s.sendall((posts + listings) * n + last)
        got = b""
        while chunk := s.recv(65536):
            got += chunk
    assert got.count(b"HTTP/1.1 200 ") == 2 * n
    assert got.count(b'"alertname":"A"') == n
    assert got.count(b"HTTP/1.1 404 ") == 1
    assert e.end() == 0


def test_clients_that_leave_take_nothing_along(edge):
    import socket

    e = edge().ready()
    for i in range(200):
        with socket.create_connection(("127.0.0.1", e.port), timeout=60) as s:
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * (1 + i % 5))
    assert e.ask("GET", "/-/healthy")[0] == 200
    assert e.end() == 0
