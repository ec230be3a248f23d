"""Stages about what grows with the organisation: team routes, inhibition rules, silences; and all queries. Alertmanager is slow
at some of it, so that every load ends after LOAD_S and every query is given up after QUERY_S; costs are per alert, so that the
figures can be compared when the counts cannot."""
import subprocess
import time

from measure import OURS, Server, calm, cpu_of, loadgen, note, over, rss_of, say

LOAD_S, QUERY_S = 8, 60
ROUTES = (10, 1000, 10000)
RULES = (100, 1000)
SILENCES = 10000
QUERIES = (  # those that Alertmanager may not end in time come last: it goes on computing what nobody waits for
    ("receivers", "/api/v2/receivers", "GET receivers"), ("status", "/api/v2/status", "GET status"),
    ("metrics", "/metrics", "GET /metrics"),
    ("receiver", "/api/v2/alerts?receiver=nobody", "GET alerts, receiver=nobody"),
    ("equal", "/api/v2/alerts?filter=instance%3D%2210.0.0.5%3A9100%22", "GET alerts, filter instance=…"),
    ("regex", "/api/v2/alerts?filter=instance%3D~%2210.0.0.5%3A.%2B%22", "GET alerts, filter instance=~…"),
    ("one_group", "/api/v2/alerts/groups?filter=namespace%3D%22namespace-03%22&filter=alertname%3D%22BenchAlert003%22",
     "GET groups, filters of one"),
    ("groups", "/api/v2/alerts/groups", "GET all groups"), ("all", "/api/v2/alerts", "GET all alerts"),
    ("suppressed", "/api/v2/alerts?active=false", "GET alerts, active=false"),
    ("silences", "/api/v2/silences", "GET silences (1 000)"))
ROWS = [
    *(("routes", f"{kind}{n}", f"{n} sibling routes, {text}: POST CPU", "us/alert")
      for kind, text in (("eq", "team=…"), ("re", "team=~…")) for n in ROUTES),
    *(row for n in RULES for row in (
        ("inhibit", f"post{n}", f"{n} inhibition rules: POST CPU", "us/alert"),
        ("inhibit", f"get{n}", f"{n} inhibition rules: GET all, CPU", "us/alert"))),
    ("silences", "post", f"POST a silence, up to {SILENCES}: CPU", "us"),
    ("silences", "alert", f"{SILENCES} silences: POST CPU", "us/alert"),
    ("silences", "get", f"{SILENCES} silences: first GET all, CPU", "us/alert"),
    ("silences", "again", f"{SILENCES} silences: next GET all, CPU", "us/alert"),
    *(("queries", f"{key}{n}", f"{n // 1000}k alerts: {text}, CPU", "ms") for n in (10000, 100000) for key, _, text in QUERIES),
    ("start", "count", "silences to start with", ""),
    ("start", "ready_s", "start with them, until ready", "s"),
    ("start", "cpu_s", "start with them, CPU", "s"),
    ("start", "rss", "RSS after the start", "bytes/silence"),
]


def config(routes="", inhibit=""):
    return (f"route:\n  receiver: hook\n  group_by: [alertname, namespace]\n  group_wait: 10m\n  group_interval: 10m\n"
            f"  routes: [{routes}]\ninhibit_rules: [{inhibit}]\n"
            f"receivers: [{{name: hook, webhook_configs: [{{url: 'http://127.0.0.1:9/'}}]}}]\n")


def team_routes(kind, n):
    value = {"eq": 'team="team-%02d"', "re": 'team=~"(team|squad)-%02d"'}[kind]
    return ",\n".join("{matchers: ['%s'], receiver: hook}" % (value % i) for i in range(n))


def team_rules(n):
    return ",\n".join("{source_matchers: ['severity=\"critical\"', 'team=\"team-%02d\"'], "
                      "target_matchers: ['severity=\"warning\"', 'team=\"team-%02d\"'], equal: [namespace]}" % (i, i) for i in range(n))


def post(s, alerts, **options):
    """CPU microseconds an alert, and how many were taken in within LOAD_S."""
    r = s.load("ingest", alerts=alerts, limit_ms=LOAD_S * 1000, **options)
    done = min(alerts, r["requests"] * 64)
    return r["cpu_s"] / done * 1e6, done


def get(s, stage, figure, path, scale, times=1):
    """Notes the CPU that one answer costs, times the scale; after QUERY_S it is given up, and more than that is noted."""
    before = cpu_of(s.pid)
    try:
        loadgen("get", give_up_s=QUERY_S, port=s.port, alerts=times, path=path)
    except subprocess.TimeoutExpired:
        over.add((stage, figure, s.name))
        times = 1
    else:
        calm(s.pid)
    note(stage, figure, s.name, (cpu_of(s.pid) - before) / times * scale)
    return (stage, figure, s.name) not in over


def routes_round(name, program, alerts):
    for kind in ("eq", "re"):
        for n in ROUTES:
            s = Server(name, program, "", config=config(routes=team_routes(kind, n)))
            try:
                note("routes", f"{kind}{n}", name, post(s, alerts, teams=n)[0])
            finally:
                s.stop()


def inhibit_round(name, program, alerts):
    for n in RULES:
        s = Server(name, program, "", config=config(inhibit=team_rules(n)))
        try:
            cost, done = post(s, alerts, teams=n, critical_permille=10)
            note("inhibit", f"post{n}", name, cost)
            get(s, "inhibit", f"get{n}", "/api/v2/alerts", 1e6 / done)
        finally:
            s.stop()


def silences_round(name, program, alerts):
    s = Server(name, program, "", config=config())
    try:
        r = s.load("silences", alerts=SILENCES, connections=16, limit_ms=10 * LOAD_S * 1000)
        if r["requests"] < SILENCES:
            raise RuntimeError(f"{name} took only {r['requests']} silences in {10 * LOAD_S} s")
        note("silences", "post", name, r["cpu_s"] / SILENCES * 1e6)
        cost, done = post(s, alerts)
        note("silences", "alert", name, cost)
        if get(s, "silences", "get", "/api/v2/alerts", 1e6 / done):
            get(s, "silences", "again", "/api/v2/alerts", 1e6 / done)
    finally:
        s.stop()


def queries_round(name, program, sizes):
    for n in sizes:
        s = Server(name, program, "", config=config())
        try:
            s.load("ingest", alerts=n)
            for key, path, _ in QUERIES:
                if key == "silences":
                    s.load("silences", alerts=1000, connections=16)
                if not get(s, "queries", f"{key}{n}", path, 1000, 1 if n > 10000 and key in ("all", "groups", "suppressed") else 3):
                    break
        finally:
            s.stop()


def start_round(name, program, silences):
    s = Server(name, program, "", config=config())
    try:
        r = s.load("silences", alerts=silences, connections=32, limit_ms=10 * LOAD_S * 1000)
        note("start", "count", name, r["requests"])
        s.stop()
        note("start", "ready_s", name, s.start())
        calm(s.pid)
        note("start", "cpu_s", name, cpu_of(s.pid))
        note("start", "rss", name, rss_of(s.pid) / r["requests"])
    finally:
        s.stop()


# Alertmanager's alerts are fewer where it takes a millisecond and more for each.
STAGES = {
    "routes": lambda name, program, quick: routes_round(name, program, 5000 if quick else 20000),
    "inhibit": lambda name, program, quick: inhibit_round(name, program, 5000 if quick or name != OURS else 50000),
    "silences": lambda name, program, quick: silences_round(name, program, 2000 if quick or name != OURS else 50000),
    "queries": lambda name, program, quick: queries_round(name, program, (10000,) if quick else (10000, 100000)),
    "start": lambda name, program, quick: start_round(name, program, 10000 if quick else 100000),
}


def run(stages, programs, quick):
    """Each stage once: what they show is orders of magnitude."""
    for stage in STAGES:
        if stage not in stages:
            continue
        for name, program in programs:
            begin = time.monotonic()
            say(f"{name}: {stage}")
            STAGES[stage](name, program, quick)
            if time.monotonic() - begin > 300:
                say(f"{name}: {stage} took {time.monotonic() - begin:.0f} s")
