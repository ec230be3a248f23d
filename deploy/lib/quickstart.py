#!/usr/bin/env python3
"""Two sites with two edges and a Prometheus each, two global nodes, a receiver: shown to a person, or checked unattended.
deploy/quickstart prepares the programs and calls this."""
import argparse
import collections
import errno
import json
import os
import shutil
import signal
import socket
import sys
import threading

from cluster import HOST, Cluster, Receiver, request, say, stop_leftovers, wait_for

SITES = {"fra1": ["e1", "e2"], "ams1": ["e1", "e2"]}
GLOBALS = ["g1", "g2"]

GLOBAL_YML = """\
globals: @GLOBALS@
cluster: {secret_file: cluster.key}
receivers:
  - {name: sre-pager, webhook_configs: [{url: "@RECEIVER@/sre-pager"}]}
  - {name: storage-pager, webhook_configs: [{url: "@RECEIVER@/storage-pager"}]}
  - {name: storage-lead, webhook_configs: [{url: "@RECEIVER@/storage-lead"}]}
teams:
  - {name: root, escalation_policy: sre, roles: {primary: sre-pager}}
  - {name: storage, parent: root, owns: ['team="storage"'], escalation_policy: default,
     roles: {primary: storage-pager, secondary: storage-lead}}
escalation_policies:
  - {name: sre, steps: [{notify: [{role: primary}], delay: 5m}]}
  - name: default
    steps:
      - {notify: [{role: primary}], delay: 30s}
      - {notify: [{role: secondary}], delay: 30s}
    repeat: 10
    on_exhausted: root
"""
ALERTMANAGER_YML = """\
route: {receiver: dc-team, group_by: [alertname], group_wait: 1s, group_interval: 10s}
receivers:
  - {name: dc-team, webhook_configs: [{url: "@RECEIVER@/dc-team"}]}
"""
RULES_YML = """\
groups:
  - name: demo
    interval: 1s
    rules:
      - alert: DiskFull
        expr: vector(1)
        labels: {severity: critical, team: storage, service: blobstore}
        annotations: {summary: "the disk of blobstore is full"}
"""


PORTS = 30  # at most


def port_is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((HOST, port))
        except OSError as e:
            if e.errno == errno.EADDRINUSE:
                return False
            raise
    return True


class Demo:
    def __init__(self, args):
        self.dir = os.path.abspath(args.dir)
        for name in os.listdir(self.dir):
            if name != "prometheus":
                path = os.path.join(self.dir, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        self.cluster = Cluster(self.dir, args.programs, args.port_base, SITES, GLOBALS)
        self.receiver = None

    def prepare(self):
        say("making certificates (a demo CA) and configuration")
        self.cluster.make_pki()
        self.cluster.write_configs(GLOBAL_YML, ALERTMANAGER_YML)
        self.cluster.write("rules.yml", RULES_YML)
        for site, nodes in SITES.items():
            targets = ", ".join(f'"{HOST}:{self.cluster.port(f"{site}/{n}")}"' for n in nodes)
            self.cluster.write(f"prometheus-{site}.yml",
                               "global: {evaluation_interval: 1s, scrape_interval: 15s}\nrule_files: [rules.yml]\n"
                               f"alerting: {{alertmanagers: [{{static_configs: [{{targets: [{targets}]}}]}}]}}\n")

    def start_prometheus(self, site):
        self.cluster.start(f"prometheus-{site}",
                           [os.path.join(self.dir, "prometheus/usr/bin/prometheus"),
                            f"--config.file=prometheus-{site}.yml", f"--storage.tsdb.path=prometheus-data-{site}",
                            f"--web.listen-address={HOST}:{self.cluster.port(f'prometheus-{site}')}",
                            "--rules.alert.resend-delay=10s", "--log.level=warn"])

    def start(self, on_page=None):
        say("starting 2 sites × 2 edges, 2 global nodes, a Prometheus per site, a receiver")
        self.receiver = Receiver(self.cluster.port("receiver"), self.cluster.path("pages.jsonl"), on_page)
        self.cluster.start_all()
        for site in SITES:
            self.start_prometheus(site)
        say("waiting for the sites to grant paging duty (30 s after a first start: an edge that has just been made "
            "cannot know what was granted before)")
        for site in SITES:
            holder = wait_for(f"paging duty for {site}", 90, lambda s=site: self.cluster.duty_holder(s))
            say(f"{holder} holds paging duty for {site}")

    def stop(self):
        self.cluster.stop()
        if self.receiver:
            self.receiver.close()

    def incident(self, title):
        for name in GLOBALS:
            if name in self.cluster.processes:
                found = [i for i in self.cluster.incidents(name) if i["title"] == title]
                if len(found) > 1:
                    raise AssertionError(f"{len(found)} incidents {title} instead of one")
                if found:
                    return found[0]
        return None

    def pages_of(self, incident_id):
        return [r["body"]["tocsin"] for r in self.receiver.pages() if r["body"]["tocsin"]["incident"] == incident_id]


# ---- shown to a person ----

def show(demo):
    demo.prepare()
    demo.start(announce)
    incident = wait_for_both_sites(demo, "DiskFull")
    env = f"TOCSIN_GLOBAL_URL={demo.cluster.global_url('g1', credentials=True)}"
    tool = os.path.relpath(demo.cluster.program("tocsinctl"))
    print()
    print(demo.cluster.tocsinctl("incidents", "list").stdout)
    print(demo.cluster.tocsinctl("incidents", "show", incident["id"]).stdout)
    print(f"""It is running, and pages go on every 30 s until you acknowledge. Try:

  export {env}
  {tool} incidents list
  {tool} incidents ack {incident['id']} --comment "on it"
  {tool} sites

Pages as they arrived: {os.path.relpath(demo.cluster.path('pages.jsonl'))}   Logs: {os.path.relpath(demo.dir)}/*.log
Stop with Ctrl-C (or deploy/quickstart --down).
""", flush=True)
    threading.Event().wait()


def announce(row):
    page = row["body"].get("tocsin")
    if page:
        say(f"PAGE to {page['target']}: {row['body']['groupLabels'].get('alertname')} at "
            f"{', '.join(page['affected_sites'])} (round {page['round'] + 1}, step {page['step'] + 1})")
    return 200


# ---- checked ----

def wait_for_both_sites(demo, title):
    say(f"a rule fires in both datacenters; waiting for one incident {title} of both")
    return wait_for(f"one incident {title} with both sites", 60,
                    lambda: (i := demo.incident(title)) and sorted(i["affected_sites"]) == ["ams1", "fra1"] and i)


def wait_for_step(demo, incident, number, seconds):
    """The page of the number-th step (0 based, over all rounds of two steps)."""
    round_, step = divmod(number, 2)
    return wait_for(f"the page of round {round_ + 1}, step {step + 1}", seconds,
                    lambda: [p for p in demo.pages_of(incident["id"]) if (p["round"], p["step"]) == (round_, step)])


def newest(demo, incident):
    return max((p["round"] * 2 + p["step"] for p in demo.pages_of(incident["id"])), default=-1)


def wait_until_told(demo, incident):
    """Until every node that is up knows of the newest page: from then on the next one goes on from there."""
    def told():
        for name in GLOBALS:
            if name not in demo.cluster.processes:
                continue
            status, i = demo.cluster.ask(name, f"/api/v1/incidents/{incident['id']}")
            if status != 200 or i["round"] * 2 + i["step"] != newest(demo, incident) or \
                    not all(p["accepted"] for p in i["pages"]):
                return False
        return True
    wait_for("both global nodes to know the position", 20, told)


def judge(demo, incidents):
    """Every step once, none missing, nothing for anything else."""
    faults = []
    ids = {i["id"]: i["title"] for i in incidents}
    for row in demo.receiver.pages():
        page = row["body"]["tocsin"]
        if page["incident"] not in ids:
            faults.append(f"a page for something else: {row['body']['groupLabels']} {page}")
    for incident_id, title in ids.items():
        pages = demo.pages_of(incident_id)
        count = collections.Counter((p["generation"], p["phase"], p["round"], p["step"], p["target"], p["reason"])
                                    for p in pages)
        faults += [f"{title}: page {key} arrived {n} times" for key, n in count.items() if n != 1]
        for p in pages:
            if p["possible_duplicate"]:
                say(f"{title}: round {p['round'] + 1}, step {p['step'] + 1} said that it might be a duplicate "
                    f"({p['possible_duplicate']}); it was none")
        faults += [f"{title}: reason {p['reason']}" for p in pages if p["reason"] != "step"]
        steps = sorted(p["round"] * 2 + p["step"] for p in pages)
        if steps != list(range(len(steps))) or not steps:
            faults.append(f"{title}: steps {steps} instead of all from 0 on")
        say(f"{title}: {len(pages)} pages, steps {steps}")
    return faults


def ack(demo, incident):
    out = demo.cluster.tocsinctl("incidents", "ack", incident["id"], "--comment", "on it")
    say(f"acknowledged {incident['title']}: {out.stdout.strip()}")


def check(demo):
    demo.prepare()
    demo.start()
    disk = wait_for_both_sites(demo, "DiskFull")
    wait_for_step(demo, disk, 0, 60)
    say("paged once; now: kill -9 of an edge (fra1/e1)")
    demo.cluster.kill("fra1/e1")
    wait_for_step(demo, disk, 1, 60)
    wait_until_told(demo, disk)
    pager = demo.cluster.duty_holder("ams1") or "g1"
    say(f"kill -9 of the global node that pages ({pager}); the other one must go on, without a repeat")
    demo.cluster.kill(pager)
    wait_for_step(demo, disk, 2, 120)
    say("the other node went on; starting both again")
    demo.cluster.start_edge("fra1", "e1")
    demo.cluster.wait_ready("fra1/e1")
    demo.cluster.start_global(pager)
    demo.cluster.wait_ready(pager)
    say("cutting the uplink of ams1; a new critical alert there must survive the cut")
    demo.cluster.cut("ams1")
    alert = [{"labels": {"alertname": "CacheDown", "severity": "critical", "team": "storage", "service": "cache"}}]
    for node in SITES["ams1"]:
        status = demo.cluster.post_alerts("ams1", node, alert)
        if status != 200:
            raise AssertionError(f"ams1/{node} answered {status} during the cut")
    before = newest(demo, disk)
    wait_for_step(demo, disk, before + 1, 120)
    demo.cluster.heal("ams1")
    say("uplink healed")
    cache = wait_for("the incident CacheDown", 60, lambda: demo.incident("CacheDown"))
    wait_for_step(demo, cache, 0, 120)
    for incident in (disk, cache):
        wait_until_told(demo, incident)
    ack(demo, disk)
    ack(demo, cache)
    last = {i["id"]: newest(demo, i) for i in (disk, cache)}
    say("after the acks no next step may come: waiting past when it would have")
    wait_past_next_step(demo)
    for incident in (disk, cache):
        if newest(demo, incident) != last[incident["id"]]:
            raise AssertionError(f"{incident['title']}: a step fired after the ack")
    faults = judge(demo, (disk, cache))
    if faults:
        raise AssertionError("\n".join(faults))
    say("OK: nothing was lost, nothing was said twice, and the acks stopped the next steps")


def wait_past_next_step(demo):
    """The next steps would come 30 s after the last ones. That nothing comes can only be seen by letting the time pass
    while everybody is demonstrably alive: an edge renews its grant every 10 s."""
    def grants():
        _, text = request(demo.cluster.edge_url("fra1", "e2") + "/metrics")
        return sum(float(row.rsplit(" ", 1)[1]) for row in str(text).splitlines()
                   if row.startswith("tocsin_uplink_grants_total"))
    start = grants()
    wait_for("5 more grants of paging duty (one every 10 s)", 120, lambda: grants() >= start + 5, every=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["show", "check", "down"])
    parser.add_argument("--dir", required=True)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--port-base", type=int, required=True)
    args = parser.parse_args()
    ended = stop_leftovers(os.path.abspath(args.dir))
    if args.mode == "down" or ended:
        say(f"stopped {ended} processes of an earlier run")
    if args.mode == "down":
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of finally: takes everything down
    busy = [p for p in range(args.port_base, args.port_base + PORTS) if not port_is_free(p)]
    if busy:
        print(f"FAILED: ports {busy} of {HOST} are in use: stop what listens there, or give another --port-base",
              file=sys.stderr)
        return 1
    demo = Demo(args)
    try:
        show(demo) if args.mode == "show" else check(demo)
    except (AssertionError, TimeoutError, RuntimeError) as e:
        print(f"FAILED: {e}\nlogs: {demo.dir}/*.log", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return 130 if args.mode == "check" else 0
    finally:
        demo.stop()
        say("everything is down")
    return 0


if __name__ == "__main__":
    sys.exit(main())
