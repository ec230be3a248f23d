"""Critical alerts under load while edges and global nodes are killed and started again; every request and every page is
recorded for check_history.py. One run is a folder: history.jsonl, pages.jsonl, the daemons' logs and data."""
import http.client
import json
import os
import random
import re
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../deploy/lib"))
sys.path.insert(0, HERE)

import check_history  # noqa: E402
from cluster import HOST, Cluster, Receiver, free_port_base, wait_for  # noqa: E402

SITES = {"fra1": ["e1", "e2"], "ams1": ["e1"]}
GLOBALS = ["g1", "g2"]
EDGES = [f"{site}/{node}" for site, nodes in SITES.items() for node in nodes]
LONG_LIVED = 40    # alerts that fire once and stay
OPEN_MAX = 25      # others that an edge has firing at a time
NAMES_MAX = 6000   # then only known ones fire again: the API lists 10000 incidents at most
REFIRE = 0.3       # chance that the next one to open is one that was resolved before
SLOW_ANSWER_S = 0.05
# A page is due at once, but a killed node is away for its restart, and duty comes back with a heartbeat, 2 s after a failed
# one, or with the next poll after a back-off. Kills in a row add up, and when no node was there an edge waits 8 s more for the
# one that it granted last.
LATENCY_S = 30.0
QUIET_S = 90

GLOBAL_YML = """\
globals: @GLOBALS@
cluster: {secret_file: cluster.key}
reopen_window: 1h
receivers:
  - {name: pager, webhook_configs: [{url: "@RECEIVER@/pager"}]}
  - {name: lead, webhook_configs: [{url: "@RECEIVER@/lead"}]}
teams:
  - {name: root, escalation_policy: default, roles: {primary: pager, secondary: lead}}
escalation_policies:
  - {name: default, steps: [{notify: [{role: primary}], delay: 15s}, {notify: [{role: secondary}], delay: 15s}],
     on_exhausted: stop}
"""
ALERTMANAGER_YML = """\
global: {resolve_timeout: 1h}
route: {receiver: dc-team, group_by: [alertname], group_wait: 1s, group_interval: 10s}
receivers:
  - {name: dc-team}
"""
FEDERATION_EXTRA = "duty: {lease: 30s, heartbeat: 1s}\n"
BAD_LOG = re.compile(r"ERROR: \w*Sanitizer|runtime error:|Assertion .* failed")


class Recorder:
    """Appends rows to history.jsonl. Waiters can wait for a number of posts."""

    def __init__(self, path):
        self.file, self.changed, self.posts = open(path, "a", encoding="utf-8"), threading.Condition(), 0

    def add(self, **row):
        with self.changed:
            self.file.write(json.dumps(row) + "\n")
            self.file.flush()
            self.posts += row["kind"] == "post" and row["status"] == 200
            self.changed.notify_all()

    def wait_posts(self, number, seconds):
        with self.changed:
            self.changed.wait_for(lambda: self.posts >= number, seconds)


def post(port, body):
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("POST", "/api/v2/alerts", body, {"Content-Type": "application/json"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def rfc3339(t):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(t)) + f".{int(t * 1000) % 1000:03d}Z"


class Load(threading.Thread):
    """Opens, resolves and re-fires alerts at one edge. A change is sent until it is answered 200 and never again."""

    def __init__(self, run, edge, seed):
        super().__init__(daemon=True)
        self.run_, self.edge, self.random = run, edge, random.Random(f"{seed}/{edge}")
        self.port = run.cluster.port(edge)
        self.stopping = threading.Event()
        self.state = {}  # name -> (firing, since when)
        self.next = 0

    def alert(self, name, firing, at):
        start = at if firing else self.state[name][1]
        return {"labels": {"alertname": name, "service": "load", "severity": "critical"}, "startsAt": rfc3339(start),
                "endsAt": rfc3339(at + 36000 if firing else at), "generatorURL": "http://load.example/"}

    def fresh(self):
        """Every alert is at one edge at least; those at several show how edges and sites are merged."""
        while True:
            self.next += 1
            if self.next % len(EDGES) == EDGES.index(self.edge) or self.random.random() < 0.3:
                return f"Alert{self.next}"

    def changes(self):
        firing = [n for n, (on, _) in self.state.items() if on and int(n[5:]) > LONG_LIVED]
        over = [n for n, (on, _) in self.state.items() if not on]
        picked = {}
        for _ in range(self.random.randint(1, 4)):
            if firing and self.random.random() < len(firing) / OPEN_MAX:
                picked[self.random.choice(firing)] = False
            elif over and (self.next >= NAMES_MAX or self.random.random() < REFIRE):
                picked[self.random.choice(over)] = True
            else:
                picked[self.fresh()] = True
        return list(picked.items())

    def send(self, changes):
        at = time.time()
        body = json.dumps([self.alert(n, firing, at) for n, firing in changes])
        named = [[n, "firing" if firing else "resolved"] for n, firing in changes]
        while True:
            began = time.time()
            status = post(self.port, body)
            self.run_.record.add(kind="post", began=began, ended=time.time(), edge=self.edge, changes=named, status=status)
            if status == 200:
                break
            if self.run_.given_up.wait(0.05):
                return
        for n, firing in changes:
            self.state[n] = (firing, at)

    def run(self):
        while not self.stopping.wait(self.random.uniform(0.02, 0.12)):
            self.send(self.changes())


class KillRun:
    def __init__(self, folder, programs, seed=None, environment=None):
        self.seed = seed if seed is not None else random.randrange(1 << 32)
        print(f"seed {self.seed}", flush=True)
        self.random, self.folder = random.Random(self.seed), folder
        self.cluster = Cluster(folder, programs, free_port_base(20), SITES, GLOBALS)
        self.cluster.federation_extra = FEDERATION_EXTRA
        self.record, self.given_up = Recorder(self.cluster.path("history.jsonl")), threading.Event()
        self.page_came = threading.Event()
        open(self.cluster.path("pages.jsonl"), "a", encoding="utf-8").close()
        self.receiver = Receiver(self.cluster.port("receiver"), self.cluster.path("pages.jsonl"), self.answer)
        self.cluster.make_pki()
        self.cluster.write_configs(GLOBAL_YML, ALERTMANAGER_YML)
        self.cluster.environment.update(environment or {})
        self.loads = []

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.given_up.set()
        for load in self.loads:
            load.stopping.set()
        self.cluster.stop()
        self.receiver.close()

    def answer(self, row):
        """A page counts from its arrival on; the answer takes a little, so that kills find sends under way."""
        self.page_came.set()
        self.given_up.wait(SLOW_ANSWER_S)
        return 200

    def start(self, with_duty=True):
        """with_duty: waits until both sites have granted it, half a minute after their first start."""
        self.cluster.start_all()
        for site in SITES if with_duty else ():
            wait_for(f"paging duty for {site}", 90, lambda s=site: self.cluster.duty_holder(s))
        for edge in EDGES:
            self.loads.append(Load(self, edge, self.seed))
        for load in self.loads:
            load.start()

    def start_again(self, name):
        if name in GLOBALS:
            self.cluster.start_global(name)
        else:
            self.cluster.start_edge(*name.split("/"))
        self.cluster.wait_ready(name, 60)

    def kill(self, name):
        self.cluster.kill(name)
        self.record.add(kind="kill", name=name, tier="global" if name in GLOBALS else "edge", at=time.time())

    def kill_at_random(self, edges, global_nodes):
        """Between two kills the load goes on for a random number of posts. Half of the edges die with their site's uplink cut,
        so that nobody but the edge's disk can know; half of the global nodes while a page is under way."""
        victims = [self.random.choice(EDGES) for _ in range(edges)] + [self.random.choice(GLOBALS) for _ in range(global_nodes)]
        self.random.shuffle(victims)
        for number, name in enumerate(victims):
            site = name.split("/")[0] if "/" in name else None
            cut = site is not None and self.random.random() < 0.5
            if cut:
                self.cluster.cut(site)
            self.record.wait_posts(self.record.posts + self.random.randint(1, 50), 20)
            if site is None and self.random.random() < 0.5:
                self.page_came.clear()
                self.page_came.wait(5)
            self.kill(name)
            self.start_again(name)
            if cut:
                self.cluster.heal(site)
            if number % 4 == 3:
                self.ack_one()

    def ack_one(self):
        acked = {r["body"]["tocsin"]["incident"] for r in self.receiver.pages()}
        paged = [i for n in GLOBALS for i in self.cluster.incidents(n, "?state=triggered") if i["id"] in acked]
        if not paged:
            return
        incident = self.random.choice(paged)["id"]
        for node in GLOBALS:
            began = time.time()
            status, body = self.cluster.ask(node, f"/api/v1/incidents/{incident}/ack", {"comment": "on it"})
            self.record.add(kind="ack", began=began, ended=time.time(), incident=incident, status=status,
                            effective=isinstance(body, dict) and bool(body.get("effective")))
            if status in (200, 202):
                return

    # ---- the end ----

    def incidents_of(self, node, query):
        """None when the node does not answer."""
        status, body = self.cluster.ask(node, "/api/v1/incidents?limit=10000" + query)
        if status != 200:
            return None
        found = [self.cluster.ask(node, f"/api/v1/incidents/{i['id']}") for i in body["incidents"]]
        return [i for status, i in found if status == 200]

    def state_faults(self):
        faults = []
        last = check_history.History(check_history.load(self.cluster.path("history.jsonl")), []).last_words()
        paged = {r["body"]["tocsin"]["incident"] for r in self.receiver.pages()}
        for node in GLOBALS:
            incidents = self.incidents_of(node, "&state=open")
            if incidents is None:
                return [f"{node} does not answer"]
            faults += check_history.state_faults(last, node, incidents)
            faults += [f"{i['title']} is not paged" for i in incidents if i["id"] not in paged]
        return faults

    def settle(self, seconds=QUIET_S):
        """Ends the load, waits until all is quiet (or does not get so), and records what every global node shows."""
        for load in self.loads:
            load.stopping.set()
        for load in self.loads:
            load.join(60)
        began = time.monotonic()
        try:
            wait_for("a quiet hierarchy", seconds, lambda: not self.state_faults(), every=0.5)
        except TimeoutError as e:
            print(e, flush=True)
        print(f"quiet after {time.monotonic() - began:.1f} s", flush=True)
        for node in GLOBALS:
            self.record.add(kind="state", node=node, incidents=self.incidents_of(node, "") or [], at=time.time())

    def check(self):
        faults, facts = check_history.check(check_history.load(self.cluster.path("history.jsonl")),
                                            check_history.load(self.cluster.path("pages.jsonl")), LATENCY_S)
        print(", ".join(f"{v} {k}" for k, v in facts.items()), flush=True)
        return faults, facts

    def log_faults(self):
        found = []
        for name in os.listdir(self.folder):
            if name.endswith(".log"):
                with open(self.cluster.path(name), encoding="utf-8", errors="replace") as f:
                    found += [f"{name}: {line.strip()}" for line in f if BAD_LOG.search(line)]
        return found
