"""Debian's Prometheus posts to tocsin-edge: a rule fires and later ends; the datacenter's webhook, the incident and the page
follow. The package is fetched and unpacked into $FETCHED, nothing is installed."""
import http.server
import os
import subprocess
import sys
import threading

import pytest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, os.path.join(ROOT, "deploy/lib"))

from cluster import HOST, Cluster, Receiver, free_port_base, wait_for  # noqa: E402

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
