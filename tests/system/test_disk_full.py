"""Full disks: nothing stops. What would promise durability is answered 503, alerts are notified, forwarded and paged from
memory, and what waited is stored once there is room. libcrashvfs.so fails the writes while a file exists."""
import os
import urllib.error
import urllib.request

import pytest

from cluster import Cluster, Receiver, free_port_base, request, wait_for
from kill_run import GLOBAL_YML

ALERTMANAGER_YML = """\
route: {receiver: dc-team, group_by: [alertname], group_wait: 0s, group_interval: 1s}
receivers: [{name: dc-team, webhook_configs: [{url: "@RECEIVER@/dc-team"}]}]
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    c = Cluster(tmp_path_factory.mktemp("world"), os.environ["PROGRAMS"], free_port_base(10), {"fra1": ["e1"]}, ["g1"])
    c.federation_extra = "duty: {lease: 30s, heartbeat: 1s}\n"
    c.receiver = Receiver(c.port("receiver"), c.path("pages.jsonl"))
    c.make_pki()
    c.write_configs(GLOBAL_YML.replace("delay: 15s", "delay: 1h"), ALERTMANAGER_YML)
    c.environment.update({"LD_PRELOAD": os.environ["CRASHVFS"], "ASAN_OPTIONS": "verify_asan_link_order=0"})
    try:
        c.environment["CRASHVFS_FULL_WHILE"] = c.path("edge-full")
        c.start_link("fra1", "g1")
        c.start_edge("fra1", "e1")
        c.environment["CRASHVFS_FULL_WHILE"] = c.path("global-full")
        c.start_global("g1")
        c.environment["CRASHVFS_FULL_WHILE"] = c.path("edge-full")
        for name in ("g1", "fra1/e1"):
            c.wait_ready(name)
        wait_for("paging duty", 90, lambda: c.duty_holder("fra1"))
        yield c
    finally:
        c.stop()
        c.receiver.close()


def post(c, name, severity="critical"):
    """(status, Retry-After)"""
    body = f'[{{"labels":{{"alertname":"{name}","severity":"{severity}"}}}}]'.encode()
    r = urllib.request.Request(c.edge_url("fra1", "e1") + "/api/v2/alerts", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(r, timeout=20) as answer:
            return answer.status, None
    except urllib.error.HTTPError as e:
        return e.code, e.headers.get("Retry-After")


def notified(c, name):
    return [r for r in c.receiver.rows if r["path"] == "/dc-team" and r["body"]["groupLabels"]["alertname"] == name]


def paged(c, name):
    return [r for r in c.receiver.pages() if r["body"]["groupLabels"]["alertname"] == name]


def incident(c, name):
    return next((i for i in c.incidents("g1") if i["title"] == name), None)


def counter(url, name, user=None):
    _, text = request(url + "/metrics", user=user)
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def test_an_edge_with_a_full_disk(world):
    full = world.path("edge-full")
    open(full, "w", encoding="utf-8").close()
    status, retry_after = post(world, "EdgeFull")
    assert status == 503 and int(retry_after) > 0
    wait_for("the datacenter's notification", 20, lambda: notified(world, "EdgeFull"))
    wait_for("the page", 20, lambda: paged(world, "EdgeFull"))
    assert post(world, "JustWarning", "warning")[0] in (200, 503)
    wait_for("the warning's notification", 20, lambda: notified(world, "JustWarning"))
    assert counter(world.edge_url("fra1", "e1"), "tocsin_store_errors_total") > 0
    os.remove(full)
    wait_for("a 200", 30, lambda: post(world, "EdgeFull")[0] == 200)
    world.cut("fra1")
    world.kill("fra1/e1")
    world.start_edge("fra1", "e1")
    world.wait_ready("fra1/e1")
    _, alerts = request(world.edge_url("fra1", "e1") + "/api/v2/alerts")
    assert "EdgeFull" in [a["labels"]["alertname"] for a in alerts]
    world.heal("fra1")
    assert incident(world, "EdgeFull")["state"] == "triggered"
    assert len(paged(world, "EdgeFull")) == 1


def test_a_global_node_with_a_full_disk(world):
    full = world.path("global-full")
    assert post(world, "Before")[0] == 200
    before = wait_for("the incident Before, paged", 30, lambda: paged(world, "Before") and incident(world, "Before"))
    open(full, "w", encoding="utf-8").close()
    assert post(world, "GlobalFull")[0] == 200
    wait_for("the page", 30, lambda: paged(world, "GlobalFull"))
    status, _ = world.ask("g1", f"/api/v1/incidents/{before['id']}/ack", {"comment": "on it"})
    assert status in (202, 503)  # nothing durable is promised
    assert counter(world.global_url("g1"), "tocsin_store_errors_total", "demo:demo") > 0
    os.remove(full)
    wait_for("an ack answered 200", 30, lambda: world.ask("g1", f"/api/v1/incidents/{before['id']}/ack", {})[0] in (200, 409))
    wait_for("the site in order", 30, lambda: [
        s for s in world.ask("g1", "/api/v1/sites")[1]["sites"] if all(t["cursor"] == t["high"] for t in s["streams"])])
    world.kill("g1")
    world.environment["CRASHVFS_FULL_WHILE"] = world.path("global-full")
    world.start_global("g1")
    world.wait_ready("g1")
    assert incident(world, "Before")["state"] == "acknowledged"
    assert incident(world, "GlobalFull")["state"] == "triggered"
    wait_for("paging duty again", 60, lambda: world.duty_holder("fra1"))
    pages = paged(world, "GlobalFull")
    assert all(p["body"]["tocsin"]["possible_duplicate"] for p in pages[1:])
