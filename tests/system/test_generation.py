"""A global node that missed how an incident ended and began anew follows the one that saw it: both hold the same generation, so
that an ack or a step of one counts at the other."""
import os
import time

from cluster import Cluster, Receiver, free_port_base, request, wait_for
from kill_run import ALERTMANAGER_YML, GLOBAL_YML

LABELS = {"alertname": "DiskFull", "severity": "critical"}


def post(c, firing):
    now = time.time()
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + (3600 if firing else -1)))
    assert request(c.edge_url("fra1", "e1") + "/api/v2/alerts", [{"labels": LABELS, "endsAt": at}])[0] == 200


def shown(c, node):
    found = c.incidents(node, "?state=open")
    return found[0] if found else None


def test_a_node_that_missed_the_end_follows(tmp_path):
    c = Cluster(tmp_path, os.environ["PROGRAMS"], free_port_base(10), {"fra1": ["e1"]}, ["g1", "g2"])
    c.federation_extra = "duty: {lease: 30s, heartbeat: 1s}\n"
    receiver = Receiver(c.port("receiver"), c.path("pages.jsonl"))
    c.make_pki()
    c.write_configs(GLOBAL_YML.replace("reopen_window: 1h", "reopen_window: 1s").replace("delay: 15s", "delay: 1h"), ALERTMANAGER_YML)
    try:
        c.start_all()
        holder = wait_for("paging duty", 90, lambda: c.duty_holder("fra1"))
        other = "g1" if holder == "g2" else "g2"
        post(c, True)
        wait_for("the page", 30, receiver.pages)
        first = wait_for("the position at both", 30, lambda: (i := shown(c, other)) and i["step"] == 0 and i)
        assert c.ask(holder, f"/api/v1/incidents/{first['id']}/ack", {})[0] == 200
        c.links[f"fra1>{other}"].cut()
        post(c, False)
        wait_for("the end at the node that pages", 30, lambda: shown(c, holder) is None)
        ended = time.monotonic()
        wait_for("the reopen window to pass", 30, lambda: time.monotonic() > ended + 1.5)
        post(c, True)
        second = wait_for("the next generation, paged", 30, lambda: len(receiver.pages()) == 2 and shown(c, holder))
        assert (second["generation"], second["state"]) == (2, "triggered")
        c.links[f"fra1>{other}"].heal()
        wait_for("the same generation at the other node", 60, lambda: (i := shown(c, other)) and i["id"] == second["id"]
                 and (i["state"], i["step"]) == ("triggered", 0))
        wait_for("the old one's end there", 30, lambda: c.ask(other, f"/api/v1/incidents/{first['id']}")[1]["state"] == "resolved")
        members = c.ask(other, f"/api/v1/incidents/{second['id']}")[1]["members"]
        assert [(m["site"], m["state"]) for m in members] == [("fra1", "firing")]
        assert len(receiver.pages()) == 2
    finally:
        c.stop()
        receiver.close()
