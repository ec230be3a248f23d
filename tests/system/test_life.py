"""The life of the real tocsin-edge: what a harness of Alertmanager's acceptance tests expects, systemd, reload, stop."""

import http.server
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from edge import EDGE, GOOD, Edge


@pytest.fixture
def edge(tmp_path):
    started = []

    def start(*args, **kw):
        e = Edge(tmp_path, *args, **kw)
        started.append(e)
        return e

    (tmp_path / "am.yml").write_text(GOOD)
    yield start
    for e in started:
        if e.process.poll() is None:
            e.process.kill()
        e.process.communicate()


# ---- Alertmanager's harness ----

@pytest.mark.parametrize("feature, prefix", [("", ""), ("classic-mode", "/foo"), ("utf8-strict-mode", "")])
def test_it_is_found_as_the_acceptance_harness_finds_alertmanager(tmp_path, feature, prefix):
    """The harness gives these flags, reads the address from stderr, and asks the status until the member lists itself."""
    (tmp_path / "am.yml").write_text(GOOD)
    args = ["--config.file", f"{tmp_path}/am.yml", "--log.level", "debug", "--web.listen-address", "127.0.0.1:0",
            "--storage.path", f"{tmp_path}/data", "--cluster.listen-address", "127.0.0.1:0", "--cluster.settle-timeout", "0s"]
    if feature:
        args.append(f"--enable-feature={feature}")
    if prefix:
        args.append(f"--web.route-prefix={prefix}")
    p = subprocess.Popen([EDGE, *args], stderr=subprocess.PIPE, text=True)
    try:
        address = None
        for line in p.stderr:
            if found := re.search(r'msg="Listening on" address=(\S+)', line):
                address = found[1]
                break
        assert address
        threading.Thread(target=p.stderr.read, daemon=True).start()
        host, port = address.rsplit(":", 1)
        e = Edge.__new__(Edge)
        e.port = int(port)
        deadline = time.monotonic() + 5
        while True:
            assert time.monotonic() < deadline, "no member in the status within 5 s"
            try:
                r = e.send("GET", f"{prefix}/api/v2/status")
            except OSError:
                continue
            if r.status == 200 and json.loads(r.body)["cluster"]["peers"]:
                break
        cluster = json.loads(r.body)["cluster"]
        assert cluster["status"] == "ready"
        assert cluster["peers"] == [{"address": cluster["peers"][0]["address"], "name": cluster["name"]}]
        assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d*", cluster["peers"][0]["address"])
        assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", cluster["name"])
        assert e.send("GET", f"{prefix}/-/ready").status == 200
        p.send_signal(signal.SIGTERM)
        assert p.wait(60) == 0
    finally:
        p.kill()
        p.wait()


def test_without_a_cluster_the_status_says_so(edge):
    e = edge("--cluster.listen-address=").ready()
    assert json.loads(e.ask("GET", "/api/v2/status")[1])["cluster"] == {"peers": [], "status": "disabled"}
    assert e.metric("alertmanager_cluster_enabled") == 0
    assert e.end() == 0


def test_the_address_of_the_cluster_can_be_told(edge):
    e = edge("--cluster.listen-address=0.0.0.0:30999", "--cluster.advertise-address=192.0.2.7:9094", "--cluster.peer-name=fra-1").ready()
    assert json.loads(e.ask("GET", "/api/v2/status")[1])["cluster"] == {
        "name": "fra-1", "peers": [{"address": "192.0.2.7:9094", "name": "fra-1"}], "status": "ready"}
    assert e.end() == 0


# ---- systemd ----

class Notified:
    """The socket that systemd would have."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(60)

    def wait(self, state):
        while True:
            text = self.socket.recv(4096).decode()
            if text.split("\n")[0] == state:
                return text


def test_systemd_is_told_of_the_life(edge, tmp_path):
    path = str(tmp_path / "notify")
    manager = Notified(path)
    e = edge(env={**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
    manager.wait("READY=1")
    e.ready()
    for _ in range(3):
        manager.wait("WATCHDOG=1")
    e.process.send_signal(signal.SIGHUP)
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", manager.wait("RELOADING=1"))
    manager.wait("READY=1")
    e.process.send_signal(signal.SIGTERM)
    manager.wait("STOPPING=1")
    assert e.end() == 0


def test_a_watchdog_of_another_process_is_none_of_ours(edge, tmp_path):
    path = str(tmp_path / "notify")
    manager = Notified(path)
    e = edge(env={**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}).ready()
    manager.wait("READY=1")
    assert e.end() == 0
    texts = []
    manager.socket.settimeout(0)
    while True:
        try:
            texts.append(manager.socket.recv(4096).decode())
        except BlockingIOError:
            break
    assert texts == ["STOPPING=1"]


def test_sockets_are_taken_from_systemd(edge, tmp_path):
    inet = socket.create_server(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(tmp_path / "web.sock"))
    unix.listen()

    # the process id is known in the child only: a shell puts it there
    e = Edge.__new__(Edge)
    e.log = ""
    a, b = inet.fileno(), unix.fileno()
    e.process = subprocess.Popen(
        ["bash", "-c", f'exec 100<&{a} 101<&{b} 3<&- 4<&- && exec 3<&100 4<&101 100<&- 101<&- && '
         'export LISTEN_FDS=2 LISTEN_PID=$$ && exec "$0" "$@"', EDGE, f"--config.file={tmp_path}/am.yml",
         f"--storage.path={tmp_path}/data", "--cluster.listen-address=", "--web.systemd-socket"],
        stderr=subprocess.PIPE, pass_fds=(a, b))
    try:
        e.wait_log("msg=ready")
        e.port = inet.getsockname()[1]
        assert f"address=127.0.0.1:{e.port}" in e.log and f"unix:{tmp_path}/web.sock" in e.log
        assert e.send("GET", "/-/ready").status == 200
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(tmp_path / "web.sock"))
            s.sendall(b"GET /-/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert s.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert e.end() == 0
    finally:
        e.process.kill()
        e.process.communicate()


def test_without_sockets_from_systemd_it_does_not_start(edge):
    e = edge("--web.systemd-socket")
    assert e.process.wait(60) == 1
    e.end()
    assert "no socket activation file descriptors found" in e.log


# ---- reload ----

def test_reload_is_atomic_and_says_what_is_wrong(edge, tmp_path):
    e = edge().ready()
    (tmp_path / "am.yml").write_text(GOOD.replace("receiver: team", "receiver: nobody"))
    status, text = e.ask("POST", "/-/reload")
    assert status == 500 and text.startswith("failed to reload config: ") and text.endswith("\n")
    assert "am.yml:1" in text and "nobody" in text
    assert [r["name"] for r in json.loads(e.ask("GET", "/api/v2/receivers")[1])] == ["team"]
    assert e.metric("alertmanager_config_last_reload_successful") == 0
    assert e.ask("GET", "/-/ready")[0] == 200  # the old one is in force
    (tmp_path / "am.yml").write_text(GOOD.replace("team", "crew"))
    assert e.ask("POST", "/-/reload") == (200, "")
    assert [r["name"] for r in json.loads(e.ask("GET", "/api/v2/receivers")[1])] == ["crew"]
    assert e.end() == 0


# ---- stop ----

class Slow:
    """A receiver that answers when it is told to."""

    def __init__(self):
        outer = self
        self.came, self.answer = threading.Semaphore(0), threading.Semaphore(0)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.came.release()
                outer.answer.acquire()
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"


SLOW = """\
route: {receiver: team, group_wait: 0s, group_interval: 5m, repeat_interval: 4h}
receivers: [{name: team, webhook_configs: [{url: "%s"}]}]
"""


def test_a_stop_waits_for_the_notification_under_way(edge, tmp_path):
    receiver = Slow()
    (tmp_path / "am.yml").write_text(SLOW % receiver.url)
    e = edge().ready()
    e.ask("POST", "/api/v2/alerts", '[{"labels":{"a":"b"}}]')
    assert receiver.came.acquire(timeout=60)
    e.process.send_signal(signal.SIGTERM)
    e.wait_log("msg=stopping")
    assert "notifications_under_way=1" in e.log
    receiver.answer.release()
    assert e.process.wait(60) == 0  # a second signal would end the wait
    e.end()
    # what was told is not told again
    e = edge().ready()
    e.ask("POST", "/api/v2/alerts", '[{"labels":{"a":"b"}}]')
    assert e.metric("tocsin_notification_log_entries") == 1
    assert e.end() == 0
    assert not receiver.came.acquire(blocking=False)


def test_a_notification_that_does_not_end_in_time_is_owed(edge, tmp_path):
    receiver = Slow()
    (tmp_path / "am.yml").write_text(SLOW % receiver.url)
    e = edge().ready()
    e.ask("POST", "/api/v2/alerts", '[{"labels":{"a":"b"}}]')
    assert receiver.came.acquire(timeout=60)
    e.process.send_signal(signal.SIGTERM)
    assert e.process.wait(60) == 0  # it gives up
    e.end()
    receiver.answer.release()
    e = edge().ready()
    e.ask("POST", "/api/v2/alerts", '[{"labels":{"a":"b"}}]')
    assert receiver.came.acquire(timeout=60)  # told after all
    receiver.answer.release()
    assert e.end() == 0


def test_a_second_signal_ends_the_wait(edge, tmp_path):
    receiver = Slow()
    (tmp_path / "am.yml").write_text(SLOW % receiver.url)
    e = edge().ready()
    e.ask("POST", "/api/v2/alerts", '[{"labels":{"a":"b"}}]')
    assert receiver.came.acquire(timeout=60)
    e.process.send_signal(signal.SIGTERM)
    e.wait_log("msg=stopping")
    assert e.end(signal.SIGINT) == 0
    receiver.answer.release()


def test_notifications_wait_for_the_start_delay(edge, tmp_path):
    receiver = Slow()
    (tmp_path / "am.yml").write_text(SLOW % receiver.url)
    e = edge("--dispatch.start-delay=1h").ready()
    e.ask("POST", "/api/v2/alerts", '[{"labels":{"a":"b"}}]')
    e.ask("GET", "/api/v2/alerts")
    assert e.metric('alertmanager_alerts{state="unprocessed"}') == 1
    assert e.end() == 0
    assert not receiver.came.acquire(blocking=False)
