"""Start, stop, reload and flags of the real tocsin-edge."""

import json
import os
import re
import signal

import pytest

from edge import GOOD, Edge, run

BROKEN = """\
route: {receiver: nobody, group_wait: soon}
receivers: [{name: team, colour: red}]
"""
# Alertmanager's, and ours of the web listener; that help and manual agree is judged by test_manuals.
FLAGS = """--config.file --federation.config --storage.path --web.listen-address --web.config.file --web.external-url
--web.route-prefix --web.systemd-socket --web.get-concurrency --web.timeout --web.cors.allow-writes --log.level --log.format
--log.silences --data.retention --data.maintenance-interval --silences.max-silences --silences.max-silence-size-bytes
--alerts.gc-interval --alerts.keep-muted-resolved --alerts.max --alerts.per-alertname-limit --dispatch.maintenance-interval --dispatch.start-delay
--auto-gomemlimit.ratio --cluster.listen-address --cluster.advertise-address --cluster.peer --cluster.peer-name
--cluster.peer-timeout --cluster.peers-resolve-timeout --cluster.gossip-interval --cluster.pushpull-interval
--cluster.tcp-timeout --cluster.probe-timeout --cluster.probe-interval --cluster.settle-timeout --cluster.reconnect-interval
--cluster.reconnect-timeout --cluster.tls-config --cluster.allow-insecure-public-advertise-address-discovery --cluster.label
--enable-feature --help --version""".split()


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


def test_help_and_version():
    for flag in ("--help", "-h"):
        r = run(flag)
        assert r.returncode == 0 and r.stderr == ""
        for name in FLAGS:
            assert name in r.stdout.replace("[no-]", "")
        assert set(FLAGS) <= set(n.replace("[no-]", "") for n in re.findall(r"^ +(?:-h, )?(--[][a-z.-]+)", r.stdout, re.M))
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
    (["--enable-feature=time-travel"], "unknown option 'time-travel' for --enable-feature"),
    (["--enable-feature=classic-mode,utf8-strict-mode"], "exclude each other"),
    (["--enable-feature=auto-gomemlimit", "--auto-gomemlimit.ratio=1.5"], "less than or equal to 1"),
    (["--log.level=loud"], "--log.level"),
    (["--data.retention=1h", "--data.retention", "2h"], "flag 'data.retention' cannot be repeated"),
    (["--data.maintenance-interval=-5m"], "--data.maintenance-interval must be positive"),
    (["--dispatch.maintenance-interval=0"], "must be positive"),
    (["--web.get-concurrency=many"], "is no whole number"),
    (["--cluster.gossip-interval=0s"], "--cluster.gossip-interval must be positive"),
    (["--cluster.peer=nowhere"], "has no port"),
    (["--cluster.peer=a:1", "--cluster.peer=b:99999"], "is not host:port"),
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


def test_flags_of_the_cluster_are_not_looked_at_without_one():
    r = run("--cluster.listen-address=", "--cluster.gossip-interval=0s", "--config.file=/nowhere.yml")
    assert r.returncode == 1 and "must be positive" not in r.stderr and "nowhere.yml" in r.stderr


def test_features_and_peers_that_have_no_effect_are_named(edge):
    e = edge("--enable-feature=event-recorder,receiver-name-in-metrics", "--cluster.listen-address=127.0.0.1:0",
             "--cluster.peer=127.0.0.1:1", "--no-log.silences", "--log.format", "json")
    log = e.wait_log('"msg":"ready"')
    assert log.count("a feature has no effect") == 2
    assert log.count("there is no gossip yet") == 1
    assert e.end() == 0
