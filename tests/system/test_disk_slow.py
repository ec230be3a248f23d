"""A disk that hangs while more alerts come than the store's queue holds: the edge goes on, answers at once, and has all of them on disk
once the disk moves again. libcrashvfs.so holds the syncs up while a file exists."""
import json
import os
import signal
import time

from edge import GOOD, Edge

POSTS, EACH = 60, 500
QUEUE = 64 << 20
SUMMARY = "x" * 2500  # 30 000 rows of it are more than the queue holds


def alerts(post):
    return json.dumps([{"labels": {"alertname": f"A{i % 7}", "instance": f"host-{post}-{i}"}, "annotations": {"summary": SUMMARY},
                        "endsAt": "2100-01-01T00:00:00Z"} for i in range(EACH)])


def wait_metric(edge, name, value, seconds=120):
    deadline = time.monotonic() + seconds
    while edge.metric(name) != value:
        assert time.monotonic() < deadline, f"{name} {edge.metric(name)}"
        time.sleep(0.05)


def test_a_burst_on_a_disk_that_hangs(tmp_path):
    (tmp_path / "am.yml").write_text(GOOD)
    stall = tmp_path / "stall"
    env = {**os.environ, "LD_PRELOAD": os.environ["CRASHVFS"], "ASAN_OPTIONS": "verify_asan_link_order=0",
           "CRASHVFS_STALL_WHILE": str(stall)}
    edge = Edge(tmp_path, env=env).ready()
    try:
        stall.touch()
        for post in range(POSTS):
            assert edge.ask("POST", "/api/v2/alerts", alerts(post))[0] == 200
        assert edge.metric("tocsin_store_busy_seconds") > 0
        assert edge.metric("tocsin_store_queue_bytes") < QUEUE / 3
        assert edge.metric('tocsin_rows_late{kind="alerts"}') > 0
        assert edge.metric("tocsin_store_refused_total") == 0
        stall.unlink()
        wait_metric(edge, 'tocsin_rows_late{kind="alerts"}', 0)
        wait_metric(edge, "tocsin_store_unconfirmed_bytes", 0)
        assert "the store is behind" in edge.wait_log("the store has caught up")
        assert edge.metric("tocsin_store_refused_total") == 0
        edge.end(signal.SIGKILL)
        edge = Edge(tmp_path, env=env).ready()
        assert edge.metric("tocsin_alerts_stored") == POSTS * EACH
        assert edge.end() == 0
    finally:
        stall.unlink(missing_ok=True)
        edge.end()
