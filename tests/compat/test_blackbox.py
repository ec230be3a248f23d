"""tocsin-edge as a program in Alertmanager's place: the command line, the log line and the status that Alertmanager's acceptance
suite goes by, paths under a prefix, and the names of the metrics."""
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, os.path.join(ROOT, "deploy/lib"))

from cluster import HOST, request, wait_for  # noqa: E402

CONFIG = """route: {receiver: default, group_by: [], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: default, webhook_configs: [{url: "http://127.0.0.1:%d/"}]}]
inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [alertname]}]
"""


class Edge:
    """Started as the suite starts Alertmanager: options and values apart, every port free to choose."""

    def __init__(self, folder, *more, sink_port=9):
        config, self.log = os.path.join(folder, "alertmanager.yml"), os.path.join(folder, "stderr")
        with open(config, "w", encoding="utf-8") as f:
            f.write(CONFIG % sink_port)
        with open(self.log, "wb") as err:
            self.process = subprocess.Popen(
                [os.path.join(os.environ["PROGRAMS"], "tocsin-edge"), "--config.file", config, "--log.level", "debug",
                 "--web.listen-address", f"{HOST}:0", "--storage.path", os.path.join(folder, "data"),
                 "--cluster.listen-address", f"{HOST}:0", "--cluster.settle-timeout", "0s", *more],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)

    def address(self):
        """From the line that the suite looks for."""
        def found():
            assert self.process.poll() is None, open(self.log, encoding="utf-8").read()
            with open(self.log, encoding="utf-8") as f:
                return re.search(r"Listening on.*address=(\S+)", f.read())
        return wait_for("the line with the address", 10, found, every=0.01).group(1)

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=30)


@pytest.fixture
def edge(tmp_path):
    started = []

    def start(*more, **options):
        started.append(Edge(str(tmp_path), *more, **options))
        return started[-1]
    yield start
    for e in started:
        if e.process.poll() is None:
            assert e.stop() == 0


@pytest.mark.parametrize("more,prefix", [([], ""), (["--web.route-prefix", "/foo"], "/foo"),
                                         (["--enable-feature", "classic-mode"], ""),
                                         (["--enable-feature", "utf8-strict-mode"], "")])
def test_the_suites_harness_finds_what_it_needs(edge, more, prefix):
    e = edge(*more)
    address, begin = e.address(), time.monotonic()
    assert re.fullmatch(r"127\.0\.0\.1:\d+", address) and not address.endswith(":0")

    def peers():
        status, body = request(f"http://{address}{prefix}/api/v2/status")
        return body["cluster"]["peers"] if status == 200 else None
    found = wait_for("a peer in the status", 5, peers, every=0.02)
    assert time.monotonic() - begin < 5
    assert len(found) == 1 and re.fullmatch(r"127\.0\.0\.1:\d+", found[0]["address"]) and found[0]["name"]
    status, body = request(f"http://{address}{prefix}/api/v2/status")
    assert body["cluster"]["status"] in ("ready", "settling") and body["cluster"]["name"] == found[0]["name"]
    assert set(body["versionInfo"]) == {"branch", "buildDate", "buildUser", "goVersion", "revision", "version"}
    assert "receivers:" in body["config"]["original"]
    assert request(f"http://{address}{prefix}/-/ready")[0] == 200


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def test_everything_lives_below_the_prefix(edge):
    address = edge("--web.route-prefix", "/foo").address()
    for path in ("/-/healthy", "/-/ready", "/metrics", "/api/v2/alerts", "/api/v2/silences", "/api/v2/receivers", "/"):
        assert request(f"http://{address}/foo{path}")[0] == 200, path
        if path != "/":
            assert request(f"http://{address}{path}")[0] == 404, path
    with pytest.raises(urllib.error.HTTPError) as moved:
        urllib.request.build_opener(NoRedirect).open(f"http://{address}/")
    assert moved.value.code == 302 and moved.value.headers["Location"].rstrip("/") == "/foo"


# ---- metrics ----

# Name without `alertmanager_`: type. Specification §11.
METRICS = {
    "build_info": "gauge", "alerts": "gauge", "alerts_received_total": "counter", "alerts_invalid_total": "counter",
    "alerts_per_alert_limit": "gauge", "alerts_limited_total": "counter", "alerts_subscriber_channel_writes_total": "counter",
    "config_hash": "gauge", "config_last_reload_successful": "gauge", "config_last_reload_success_timestamp_seconds": "gauge",
    "receivers": "gauge", "integrations": "gauge", "inhibition_rules": "gauge", "cluster_enabled": "gauge",
    "dispatcher_aggregation_groups": "gauge", "dispatcher_alert_processing_duration_seconds": "summary",
    "dispatcher_aggregation_group_limit_reached_total": "counter",
    "dispatcher_aggregation_group_creation_retries_total": "counter",
    "dispatcher_aggregation_group_creation_given_up_total": "counter",
    "http_request_duration_seconds": "histogram", "http_response_size_bytes": "histogram", "http_requests_in_flight": "gauge",
    "http_concurrency_limit_exceeded_total": "counter", "notifications_total": "counter", "notifications_failed_total": "counter",
    "notification_requests_total": "counter", "notification_requests_failed_total": "counter",
    "notification_latency_seconds": "histogram", "notifications_suppressed_total": "counter", "silences": "gauge",
    "silences_queries_total": "counter", "silences_query_errors_total": "counter", "silences_query_duration_seconds": "histogram",
    "silences_query_silences_scanned_total": "counter", "silences_query_silences_skipped_total": "counter",
    "silences_gc_duration_seconds": "summary", "silences_snapshot_duration_seconds": "summary", "silences_gc_errors_total": "counter",
    "silences_snapshot_size_bytes": "gauge", "silences_state_size": "gauge", "silences_matcher_index_size": "gauge",
    "silences_version_index_size": "gauge", "silences_maintenance_total": "counter", "silences_maintenance_errors_total": "counter",
    "silences_matcher_compile_errors_total": "counter", "silences_gossip_messages_propagated_total": "counter",
    "nflog_gc_duration_seconds": "summary", "nflog_snapshot_duration_seconds": "summary", "nflog_snapshot_size_bytes": "gauge",
    "nflog_maintenance_total": "counter", "nflog_maintenance_errors_total": "counter", "nflog_queries_total": "counter",
    "nflog_query_errors_total": "counter", "nflog_gossip_messages_propagated_total": "counter",
    "nflog_query_duration_seconds": "histogram"}

CLOCK = "a duration inside the core, which reads no clock"
SNAPSHOT = "there are no snapshots: every change is committed by itself"
SWEEP = "maintenance has no snapshot to fail at; what is swept shows in the gauges"
# What we have no counterpart of, and why. Everything else must be there.
ABSENT = {
    "alerts_subscriber_channel_writes_total": "alerts are handed on by calls, not through queues",
    "dispatcher_alert_processing_duration_seconds": CLOCK,
    "dispatcher_aggregation_group_creation_retries_total": "groups are made by one thread: nothing to try again",
    "dispatcher_aggregation_group_creation_given_up_total": "groups are made by one thread: nothing to give up",
    "silences_query_duration_seconds": CLOCK, "silences_gc_duration_seconds": CLOCK, "nflog_gc_duration_seconds": CLOCK,
    "nflog_query_duration_seconds": CLOCK, "silences_snapshot_duration_seconds": SNAPSHOT,
    "silences_snapshot_size_bytes": SNAPSHOT, "nflog_snapshot_duration_seconds": SNAPSHOT, "nflog_snapshot_size_bytes": SNAPSHOT,
    "silences_gc_errors_total": "a silence without an end is refused when it comes, so that sweeping cannot fail",
    "silences_version_index_size": "there is no index by version: a changed silence is looked at in its own right",
    "silences_query_silences_scanned_total": "queries go through the index of matchers, not through a list of versions",
    "silences_query_silences_skipped_total": "queries go through the index of matchers, not through a list of versions",
    "silences_query_errors_total": "a query cannot fail: a silence that does not compile is never taken in",
    "silences_matcher_compile_errors_total": "a silence that does not compile is never taken in",
    "silences_maintenance_errors_total": SWEEP, "nflog_maintenance_errors_total": SWEEP,
    "silences_maintenance_total": "a silence is forgotten when its time comes, not by maintenance",
    "silences_gossip_messages_propagated_total": "comes with gossip", "nflog_gossip_messages_propagated_total": "comes with gossip",
}


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.arrived.set()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def families(text):
    """name -> type, for families that have samples."""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    sampled = {re.sub(r"[{ ].*", "", line) for line in text.splitlines() if line and not line.startswith("#")}
    bases = sampled | {re.sub(r"_(bucket|sum|count)$", "", s) for s in sampled}
    return {n: t for n, t in types.items() if n in bases}


def test_metrics_that_mean_the_same_have_the_same_names(edge):
    hook = http.server.ThreadingHTTPServer((HOST, 0), Hook)
    hook.arrived = threading.Event()
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    try:
        url = "http://" + edge(sink_port=hook.server_port).address()
        assert request(f"{url}/api/v2/alerts", [{"labels": {"alertname": "A"}}])[0] == 200
        assert request(f"{url}/api/v2/silences", {
            "matchers": [{"name": "a", "value": "b", "isRegex": False}], "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "2199-01-01T00:00:00Z", "createdBy": "me", "comment": "why"})[0] == 200
        assert hook.arrived.wait(30)
        assert request(f"{url}/-/ready")[0] == 200
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as r:
            ours = families(r.read().decode())
    finally:
        hook.shutdown()
    named = {n[len("alertmanager_"):]: t for n, t in ours.items() if n.startswith("alertmanager_")}
    print(json.dumps({"absent, and why": {n: ABSENT[n] for n in sorted(ABSENT) if n not in named},
                      "ours alone": sorted(n for n in named if n not in METRICS and not n.startswith("cluster_"))}, indent=1))
    missing = sorted(n for n in METRICS if n not in named and n not in ABSENT)
    assert not missing, f"neither there nor explained: {missing}"
    assert not [n for n in ABSENT if n in named], "explained as absent, and there"
    assert {n: t for n, t in named.items() if n in METRICS and t != METRICS[n]} == {}, "of another type"
