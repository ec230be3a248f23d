"""Debian's Prometheus posts to tocsin-edge: a rule fires and later ends, in between silenced or inhibited; the webhook, incident and page
follow. The package is fetched and unpacked into $FETCHED, nothing is installed."""
import http.server
import os
import re
import subprocess
import sys
import threading

import pytest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, os.path.join(ROOT, "deploy/lib"))

from cluster import HOST, Cluster, Receiver, free_port_base, request, wait_for  # noqa: E402

GLOBAL_YML = """\
globals: @GLOBALS@
cluster: {secret_file: cluster.key}
receivers: [{name: pager, webhook_configs: [{url: "@RECEIVER@/pager"}]}]
teams: [{name: root, escalation_policy: default, roles: {primary: pager}}]
escalation_policies: [{name: default, steps: [{notify: [{role: primary}]}]}]
"""
ALERTMANAGER_YML = """\
route: {receiver: dc-team, group_by: [alertname], group_wait: 0s, group_interval: 1s}
receivers: [{name: dc-team, webhook_configs: [{url: "@RECEIVER@/dc-team"}]}]
"""
RULES_YML = """\
groups:
  - name: demo
    interval: 1s
    rules:
      - alert: DiskFull
        expr: demo_disk_full == 1
        labels: {severity: critical, service: blobstore}
        annotations: {summary: "the disk of {{ $labels.job }} is full"}
"""


class Target:
    """A metric to scrape: demo_disk_full."""

    def __init__(self):
        self.value, target = 1, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = f"demo_disk_full {target.value}\n".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        self.address = f"{HOST}:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def prometheus():
    folder = os.path.abspath(os.environ["FETCHED"])
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["bash", "-ec", '. deploy/lib/packages.sh; fetch_prometheus "$1"', "fetch", folder], check=True, cwd=ROOT)
    return os.path.join(folder, "prometheus/usr/bin/prometheus")


def test_a_rule_fires_and_ends(prometheus, tmp_path):
    c, target = Cluster(tmp_path, os.environ["PROGRAMS"], free_port_base(10), {"fra1": ["e1"]}, ["g1"]), Target()
    c.federation_extra = "duty: {lease: 30s, heartbeat: 1s}\n"
    receiver = Receiver(c.port("receiver"), c.path("pages.jsonl"))

    def dc(status):
        return [r["body"] for r in receiver.rows if r["path"] == "/dc-team" and r["body"]["status"] == status and
                r["body"]["groupLabels"] == {"alertname": "DiskFull"}]

    def incident():
        return next((i for i in c.incidents("g1") if i["title"] == "DiskFull"), None)

    def pages():
        return [r for r in receiver.pages() if r["body"]["groupLabels"] == {"alertname": "DiskFull"}]

    c.make_pki()
    c.write_configs(GLOBAL_YML, ALERTMANAGER_YML)
    c.write("rules.yml", RULES_YML)
    c.write("prometheus.yml", f"""\
global: {{evaluation_interval: 1s, scrape_interval: 1s, external_labels: {{prometheus: p1}}}}
rule_files: [rules.yml]
scrape_configs: [{{job_name: blob, static_configs: [{{targets: ["{target.address}"]}}]}}]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{HOST}:{c.port('fra1/e1')}"]}}]}}]}}
""")
    try:
        c.start_all()
        c.start("prometheus", [prometheus, "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", "--log.level=warn",
                               f"--web.listen-address={HOST}:{c.port('prometheus')}", "--rules.alert.resend-delay=2s"])
        firing = wait_for("the datacenter's notification", 60, lambda: dc("firing"))[0]
        alert = firing["alerts"][0]
        assert firing["receiver"] == "dc-team"
        assert alert["labels"] == {"alertname": "DiskFull", "severity": "critical", "service": "blobstore", "job": "blob",
                                   "instance": target.address, "prometheus": "p1"}
        assert alert["annotations"] == {"summary": "the disk of blob is full"}
        assert "/graph?g0.expr=" in alert["generatorURL"] and alert["endsAt"] == "0001-01-01T00:00:00Z"
        found = wait_for("the incident", 30, incident)
        assert (found["title"], found["state"], found["affected_sites"]) == ("DiskFull", "triggered", ["fra1"])
        page = wait_for("the page", 90, pages)[0]
        assert page["body"]["tocsin"]["incident"] == found["id"]
        target.value = 0
        resolved = wait_for("the datacenter's notification of the end", 60, lambda: dc("resolved"))[0]
        assert resolved["alerts"][0]["labels"] == alert["labels"] and resolved["alerts"][0]["startsAt"] == alert["startsAt"]
        wait_for("the incident's end", 30, lambda: incident()["state"] == "resolved")
        member = c.ask("g1", f"/api/v1/incidents/{found['id']}")[1]["members"][0]
        # Prometheus said so; and all its re-sends in between were no transitions.
        assert (member["state"], member["reason"], member["transitions"]) == ("resolved", "explicit", 2)
        assert len(pages()) == 1
    finally:
        c.stop()
        receiver.close()
        target.server.shutdown()


MUTED_YML = """\
route: {receiver: team, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1s}
inhibit_rules: [{source_matchers: [alertname=DiskFull], target_matchers: [alertname=DiskSlow], equal: [instance]}]
receivers: [{name: team, webhook_configs: [{url: "@RECEIVER@/team"}]}]
"""
MUTED_RULES_YML = """\
groups:
  - name: demo
    interval: 1s
    rules:
      - {alert: DiskSlow, expr: demo_disk_full >= 1, labels: {severity: warning}}
      - {alert: DiskFull, expr: demo_disk_full >= 2, labels: {severity: critical}}
"""


def test_a_silence_and_an_inhibition_in_between(prometheus, tmp_path):
    """One metric: at 1 the disk is slow, at 2 it is full, too, which inhibits the former. Repeats each second show who is muted."""
    c, target = Cluster(tmp_path, os.environ["PROGRAMS"], free_port_base(10), {}, []), Target()
    receiver = Receiver(c.port("receiver"), c.path("pages.jsonl"))
    edge = f"http://{HOST}:{c.port('edge')}"

    def told(name, status):
        return [r for r in list(receiver.rows) if r["body"]["status"] == status and r["body"]["groupLabels"] == {"alertname": name}]

    def alert(name):
        return next((a for a in request(f"{edge}/api/v2/alerts")[1] if a["labels"]["alertname"] == name), None)

    def suppressed(reason):
        found = re.search(rf'^alertmanager_notifications_suppressed_total{{reason="{reason}"}} (\S+)$',
                          request(f"{edge}/metrics")[1], re.M)
        return float(found.group(1)) if found else 0

    def flushes_suppressed(reason, times):
        want = suppressed(reason) + times
        wait_for(f"{times} flushes that mute by {reason}", 60, lambda: suppressed(reason) >= want)

    c.write("alertmanager.yml", MUTED_YML.replace("@RECEIVER@", f"http://{HOST}:{c.port('receiver')}"))
    c.write("rules.yml", MUTED_RULES_YML)
    c.write("prometheus.yml", f"""\
global: {{evaluation_interval: 1s, scrape_interval: 1s}}
rule_files: [rules.yml]
scrape_configs: [{{job_name: blob, static_configs: [{{targets: ["{target.address}"]}}]}}]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{HOST}:{c.port('edge')}"]}}]}}]}}
""")
    try:
        c.start("edge", [c.program("tocsin-edge"), "--config.file=alertmanager.yml", "--storage.path=data",
                         f"--web.listen-address={HOST}:{c.port('edge')}"])
        wait_for("the edge", 30, lambda: request(f"{edge}/-/ready")[0] == 200)
        status, made = request(f"{edge}/api/v2/silences", {
            "matchers": [{"name": "alertname", "value": "DiskSlow", "isRegex": False}], "createdBy": "me", "comment": "known",
            "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2199-01-01T00:00:00Z"})
        assert status == 200
        c.start("prometheus", [prometheus, "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", "--log.level=warn",
                               f"--web.listen-address={HOST}:{c.port('prometheus')}", "--rules.alert.resend-delay=1s"])
        wait_for("the alert", 60, lambda: alert("DiskSlow"))
        assert alert("DiskSlow")["status"] == {"inhibitedBy": [], "mutedBy": [], "silencedBy": [made["silenceID"]],
                                               "state": "suppressed"}
        flushes_suppressed("silence", 2)
        assert told("DiskSlow", "firing") == []

        assert request(f"{edge}/api/v2/silence/{made['silenceID']}", method="DELETE")[0] == 200
        wait_for("the notification", 30, lambda: told("DiskSlow", "firing"))
        assert alert("DiskSlow")["status"]["state"] == "active"

        target.value = 2
        source = wait_for("the source", 30, lambda: alert("DiskFull"))
        assert alert("DiskSlow")["status"]["inhibitedBy"] == [source["fingerprint"]]
        wait_for("the source's notification", 30, lambda: told("DiskFull", "firing"))
        flushes_suppressed("inhibition", 1)  # whatever was under way before has arrived
        before = len(told("DiskSlow", "firing"))
        flushes_suppressed("inhibition", 3)
        assert len(told("DiskSlow", "firing")) == before

        target.value = 1
        wait_for("the end of the source", 60, lambda: told("DiskFull", "resolved"))
        wait_for("the target's repeat", 30, lambda: len(told("DiskSlow", "firing")) > before)
        target.value = 0
        wait_for("the end", 60, lambda: told("DiskSlow", "resolved"))
    finally:
        c.stop()
        receiver.close()
        target.server.shutdown()
