"""Scenarios from a seed: a subtree of routes, receivers and inhibition rules of its own, and steps. All scenarios live in one
configuration; each sees only alerts that carry its name in the label `scenario`.

Time. Every scenario has a clock: an alert of its own whose group repeats each second. Steps are done right behind an even tick of both
daemons' clocks, while groups are flushed half a second behind it (group_wait 500ms, group_interval 2s), and what ends by itself
ends a quarter past an odd one. So a step and a flush meet only on a machine that is very late, which the driver notices."""
import random

FAR = 3600_000
SOON = 1250  # a quarter past the next odd tick
LATER = 3200  # differs from resolve_timeout, so that their times are told apart

NAMES = ("HighLoad", "DiskFull", "Down")
SEVERITIES = ("critical", "warning", "info")
VALUES = {"alertname": NAMES, "severity": SEVERITIES, "instance": ("a:9100", "b:9100", "c:9100"), "job": ("node", "db"),
          "team": ("blue", "red"), "zone": ("z1", "z2", "a b", "ü", 'say "hi"', "back\\slash", "two\nlines", "")}


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


class Scenario:
    def __init__(self, kind, number, seed):
        self.kind, self.name = kind, f"{kind}{number:03d}"
        self.rng = random.Random(f"{seed}/{kind}/{number}")
        self.top, self.routes, self.receivers, self.inhibit, self.steps = {}, [], [], [], []
        self.alerts = []  # label sets of its own, without `scenario`
        self.silences = 0
        self.pace = 2  # ticks between two steps
        self.repeats = False  # how often a notification is repeated is left open
        KINDS[kind][1](self)

    # ---- configuration ----

    def receiver(self, *hooks):
        name = f"{self.name}-{len(self.receivers)}"
        self.receivers.append({"name": name, "webhook_configs": [
            {"url": f"@SINK@/{self.name}/{len(self.receivers)}/{i}/{h.get('policy', 'ok')}",
             **{k: v for k, v in h.items() if k != "policy"}} for i, h in enumerate(hooks)]})
        return name

    def matcher(self, names=("alertname", "severity", "instance", "job", "team")):
        name = self.rng.choice(names)
        values = [v for v in VALUES[name] if v and "\n" not in v]
        op = self.rng.choice(("=", "=", "=", "!=", "=~", "!~"))
        if op in ("=", "!="):
            return name, op, self.rng.choice(values)
        return name, op, self.rng.choice(("|".join(self.rng.sample(values, min(2, len(values)))),
                                          self.rng.choice(values)[:1] + ".*", ".+", "", "[A-Z].*", "x"))

    def group_by(self):
        return self.rng.choice((["severity"], ["alertname"], ["alertname", "instance"], ["team", "zone"], ["..."], ["absent"]))

    def route(self, depth=0):
        r = {"receiver": self.rng.choice(self.receivers)["name"]} if self.rng.random() < 0.8 else {}
        matchers = [self.matcher() for _ in range(self.rng.choice((1, 1, 2)))]
        style = self.rng.random()
        if style < 0.7:
            r["matchers"] = [n + o + quoted(v) for n, o, v in matchers]
        elif matchers[0][1] == "=":
            r["match"] = {matchers[0][0]: matchers[0][2]}
        else:
            r["match_re"] = {matchers[0][0]: self.rng.choice(("High.*|Down", "c.*", "node|db", ".*"))}
        if self.rng.random() < 0.5:
            r["continue"] = True
        if self.rng.random() < 0.6:
            r["group_by"] = self.group_by()
        if depth < 2 and self.rng.random() < 0.4:
            r["routes"] = [self.route(depth + 1) for _ in range(self.rng.choice((1, 2)))]
        return r

    # ---- steps ----

    def labels(self, names=("alertname", "severity", "instance")):
        return {n: self.rng.choice(VALUES[n]) for n in names}

    def make_alerts(self, n, names=("alertname", "severity", "instance", "job", "team", "zone")):
        while len(self.alerts) < n:
            chosen = [x for x in names if x in ("alertname", "severity") or self.rng.random() < 0.7]
            labels = self.labels(chosen)
            if labels not in self.alerts:
                self.alerts.append(labels)

    def alert(self, i, starts=0, ends=FAR, note=None, **more):
        """starts, ends: ms from the step; None: left out."""
        a = {"labels": self.alerts[i], "starts": starts, "ends": ends, **more}
        if note is not None:
            a["annotations"] = {"summary": note}
        return a

    def post(self, *alerts):
        self.steps.append(("post", list(alerts)))

    def tick(self, n=None):
        self.steps.append(("tick", n or self.pace))

    def ask(self, path):
        self.steps.append(("get", path))

    def silence(self, matchers, starts=-10000, ends=FAR, name=None, **more):
        """Creates one, or edits the one of that name. Returns the name."""
        if name is None:
            self.silences += 1
            name = f"s{self.silences}"
            more.setdefault("fresh", True)
        if matchers is not None:
            matchers = [("scenario", "=", "@"), *matchers]
        self.steps.append(("silence", name, {"matchers": matchers, "starts": starts, "ends": ends, **more}))
        return name

    def expire(self, name):
        self.steps.append(("expire", name))

    def look(self):
        """The usual questions."""
        self.ask("/api/v2/alerts?@")
        self.ask("/api/v2/alerts/groups?@")


def plain_receivers(s, n=1):
    for _ in range(n):
        s.receiver({"send_resolved": True})


# ---- the kinds ----

def routing(s):
    """Trees of routes with all operators, old and new forms, continue and group_by; who gets what, in which groups."""
    plain_receivers(s, 3)
    s.top = {"receiver": s.receivers[0]["name"], "group_by": s.group_by()}
    s.routes = [s.route() for _ in range(s.rng.choice((1, 2, 3, 4)))]
    s.make_alerts(s.rng.randint(4, 8))
    n = len(s.alerts)
    first = s.rng.sample(range(n), n // 2)
    s.post(*[s.alert(i, note="one") for i in first])
    s.look()
    s.ask(f"/api/v2/alerts?@&receiver={s.name}-[0-1]")
    s.ask(f"/api/v2/alerts/groups?@&receiver={s.name}-{s.rng.choice('0123')}")
    s.tick()
    s.post(*[s.alert(i, note="two") for i in range(n) if i not in first])
    s.look()
    s.tick()
    s.post(*[s.alert(i, starts=-2000, ends=0) for i in s.rng.sample(range(n), n // 2)])
    s.look()
    s.tick()


def lifecycle(s):
    """Firing, refreshing, merging of ranges, resolving, firing again, falling silent."""
    s.receiver({"send_resolved": s.rng.random() < 0.8})
    s.top = {"receiver": s.receivers[0]["name"], "group_by": s.rng.choice((["alertname"], [], ["..."]))}
    s.make_alerts(s.rng.randint(1, 3))
    for step in range(s.rng.randint(3, 5)):
        alerts = []
        for i in range(len(s.alerts)):
            if s.rng.random() < 0.25:
                continue
            starts = s.rng.choice((0, 0, None, -200, 5000, -100))
            ends = s.rng.choice((FAR, FAR, None, None, SOON, LATER, 0, FAR // 2, 1))
            if starts is not None and ends is not None and ends < starts:
                ends = starts
            alerts.append(s.alert(i, starts, ends if ends != 1 else 0, note=s.rng.choice((None, f"note {step}")),
                                  url=s.rng.choice(("", "http://prometheus.example/graph?g0.expr=up"))))
        if alerts:
            s.post(*alerts)
        s.look()
        s.tick()
    s.tick()


def silences(s):
    """Made, pending, edited in place or as a new one, expired; what they mute and how they are listed."""
    plain_receivers(s)
    s.top = {"receiver": s.receivers[0]["name"], "group_by": s.rng.choice((["alertname"], [], ["instance"]))}
    s.make_alerts(s.rng.randint(2, 4), ("alertname", "severity", "instance", "team"))
    names = [s.silence([s.matcher()], starts=s.rng.choice((-10000, -10000, SOON)), ends=s.rng.choice((FAR, LATER, SOON + 100)))
             for _ in range(s.rng.randint(1, 2))]
    s.post(*[s.alert(i, note="one") for i in range(len(s.alerts))])
    s.look()
    s.ask("/api/v2/silences?@")
    s.ask("/api/v2/alerts?@&silenced=false")
    s.ask("/api/v2/alerts?@&active=false")
    s.tick()
    for _ in range(s.rng.randint(1, 3)):
        name = s.rng.choice(names)
        what = s.rng.choice(("expire", "expire", "comment", "matchers", "ends", "starts", "new", "past"))
        if what == "expire":
            s.expire(name)
        elif what == "comment":
            s.silence(None, None, None, name, comment="another reason", by="somebody else")
        elif what == "matchers":
            s.silence([s.matcher()], None, None, name)
        elif what == "ends":
            s.silence(None, None, s.rng.choice((SOON, FAR // 2)), name)
        elif what == "starts":
            s.silence(None, s.rng.choice((-5000, SOON)), None, name)
        elif what == "past":
            s.silence(None, None, -1000, name)
        else:
            names.append(s.silence([s.matcher(), s.matcher()]))
        s.steps.append(("silence?", name))
        s.look()
        s.ask("/api/v2/silences?@" + s.rng.choice(("", "&active=false", "&expired=false", "&pending=false")))
        s.tick()
    s.post(*[s.alert(i, starts=-4000, ends=s.rng.choice((0, FAR))) for i in range(len(s.alerts))])
    s.look()
    s.tick()
    for name in names:
        s.expire(name)
    s.tick()
    s.ask("/api/v2/silences?@")


def inhibition(s):
    """Rules with equal sets, labels that both sides lack, alerts that match both sides, sources that resolve."""
    plain_receivers(s)
    s.top = {"receiver": s.receivers[0]["name"], "group_by": s.rng.choice((["alertname"], [], ["instance"]))}
    for _ in range(s.rng.randint(1, 2)):
        rule = {"source_matchers": ["scenario=" + quoted(s.name), s.rng.choice(('severity="critical"', 'alertname="Down"',
                                                                                'alertname=~"Down|DiskFull"'))],
                "target_matchers": ["scenario=" + quoted(s.name), s.rng.choice(('severity=~"warning|info"', 'severity!="critical"',
                                                                                'alertname!="Down"', 'job=""', 'severity=~".*"'))],
                "equal": s.rng.choice(([], ["instance"], ["instance", "team"], ["absent"], ["zone"]))}
        if s.rng.random() < 0.2:
            rule = {"source_match": {"scenario": s.name, "severity": "critical"},
                    "target_match_re": {"scenario": s.name, "severity": "warn.*|info"}, "equal": ["instance"]}
        s.inhibit.append(rule)
    s.make_alerts(s.rng.randint(4, 7), ("alertname", "severity", "instance", "team"))
    order = s.rng.sample(range(len(s.alerts)), len(s.alerts))
    half = len(order) // 2
    s.post(*[s.alert(i, note="one", ends=s.rng.choice((FAR, FAR, LATER))) for i in order[:half]])
    s.look()
    s.tick()
    s.post(*[s.alert(i, note="two", ends=s.rng.choice((FAR, FAR, SOON))) for i in order[half:]])
    s.look()
    s.ask("/api/v2/alerts?@&inhibited=false")
    s.ask("/api/v2/alerts/groups?@&inhibited=false")
    s.tick()
    s.post(*[s.alert(i, starts=-2000, ends=0) for i in order if s.alerts[i]["severity"] == "critical" or s.rng.random() < 0.3])
    s.look()
    s.tick()
    s.post(*[s.alert(i, starts=-100) for i in s.rng.sample(order, half)])
    s.look()
    s.tick()


def receivers(s):
    """Several webhooks, without the end, with a bound on alerts; a receiver that nobody listens at."""
    s.receiver(*[{"send_resolved": s.rng.random() < 0.5, **({"max_alerts": s.rng.randint(1, 3)} if s.rng.random() < 0.5 else {})}
                 for _ in range(s.rng.randint(1, 3))])
    s.receiver({"send_resolved": s.rng.random() < 0.5})
    s.receivers.append({"name": f"{s.name}.nobody", "webhook_configs": []})
    s.top = {"receiver": s.receivers[0]["name"], "group_by": []}
    s.routes = [{"matchers": ['severity="info"'], "receiver": f"{s.name}.nobody"},
                {"matchers": ['severity="critical"'], "receiver": s.receivers[1]["name"], "continue": True},
                {"matchers": ['severity="critical"'], "receiver": s.receivers[0]["name"], "group_by": ["team"]}]
    s.make_alerts(s.rng.randint(3, 6))
    n = len(s.alerts)
    s.post(*[s.alert(i, note="same" if s.rng.random() < 0.8 else "other") for i in range(n - 1)])
    s.look()
    s.tick()
    s.post(*[s.alert(i, starts=-2000, ends=0) for i in s.rng.sample(range(n - 1), (n - 1) // 2)])
    s.tick()
    s.post(s.alert(n - 1))
    s.tick()
    s.post(*[s.alert(i, starts=-4000, ends=0) for i in range(n)])
    s.look()
    s.tick()


def intervals(s):
    """Routes that an interval mutes always, never, or leaves active always, never."""
    plain_receivers(s)
    s.top = {"receiver": s.receivers[0]["name"], "group_by": ["alertname"]}
    for value in ("critical", "warning"):
        r = {"matchers": [f'severity="{value}"'], "receiver": s.receivers[0]["name"]}
        key = s.rng.choice(("mute_time_intervals", "active_time_intervals"))
        r[key] = s.rng.choice((["always"], ["never"], ["never", "always"], ["weekdays", "weekend"], ["last-year"]))
        s.routes.append(r)
    s.make_alerts(s.rng.randint(3, 5))
    s.post(*[s.alert(i) for i in range(len(s.alerts))])
    s.ask("/api/v2/alerts?@")
    s.tick()
    s.look()
    s.ask("/api/v2/alerts/groups?@&muted=false")
    s.post(*[s.alert(i, starts=-2000, ends=0) for i in range(0, len(s.alerts), 2)])
    s.tick()
    s.look()


def failing(s):
    """Receivers that fail at first: what is tried again at once, what at the next interval, and what becomes of the others."""
    s.receiver({"policy": s.rng.choice(("1x500", "1x503", "1x400", "1x404", "2x400"))},
               {"policy": s.rng.choice(("ok", "1x500", "1x429"))})
    s.top = {"receiver": s.receivers[0]["name"], "group_by": s.rng.choice(([], ["alertname"]))}
    s.make_alerts(s.rng.randint(1, 3))
    s.post(*[s.alert(i, note="one") for i in range(len(s.alerts))])
    s.tick()
    s.look()
    if s.rng.random() < 0.5:
        s.post(s.alert(0, starts=-2000, note="two"))
    s.tick()
    s.tick()
    s.post(*[s.alert(i, starts=-6000, ends=0) for i in range(len(s.alerts))])
    s.tick()


def repeating(s):
    """Notifications that are due again after repeat_interval."""
    plain_receivers(s)
    s.repeats = True
    s.top = {"receiver": s.receivers[0]["name"], "group_by": s.rng.choice(([], ["alertname"])),
             "repeat_interval": s.rng.choice(("1s", "1s", "3s"))}
    s.make_alerts(s.rng.randint(1, 3))
    s.post(*[s.alert(i, note="one") for i in range(len(s.alerts))])
    s.tick(4)
    s.post(s.alert(0, starts=-4000, ends=s.rng.choice((0, FAR)), note="two"))
    s.tick(4)
    s.look()


def old(s):
    """An alert that is older than group_wait opens a group: it is flushed at once. Its flushes then fall on odd ticks."""
    plain_receivers(s)
    s.top = {"receiver": s.receivers[0]["name"], "group_by": ["alertname"]}
    s.make_alerts(s.rng.randint(2, 4))
    s.tick(1)
    seen = set()
    for i, labels in enumerate(s.alerts):
        if labels.get("alertname") not in seen:
            s.post(s.alert(i, starts=-s.rng.choice((600, 5000, 100000)), note="old"))
            seen.add(labels.get("alertname"))
    s.tick(1)
    s.look()
    s.post(*[s.alert(i, starts=-300, note="new") for i in range(len(s.alerts))])
    s.tick()
    s.post(*[s.alert(i, starts=-2400, ends=0) for i in range(len(s.alerts))])
    s.tick()
    s.look()


def queries(s):
    """Filters of all operators over few alerts, groups and silences."""
    plain_receivers(s, 2)
    s.top = {"receiver": s.receivers[0]["name"], "group_by": s.group_by()}
    s.routes = [s.route()]
    s.make_alerts(s.rng.randint(4, 8))
    for _ in range(s.rng.randint(0, 2)):
        s.silence([s.matcher()])
    s.inhibit.append({"source_matchers": [f'scenario="{s.name}"', 'severity="critical"'],
                      "target_matchers": [f'scenario="{s.name}"', 'severity="info"'], "equal": ["team"]})
    s.post(*[s.alert(i, note="one", ends=s.rng.choice((FAR, SOON, 0))) for i in range(len(s.alerts))])
    for _ in range(10):
        where = s.rng.choice(("/api/v2/alerts", "/api/v2/alerts", "/api/v2/alerts/groups", "/api/v2/silences"))
        query = "?@"
        for _ in range(s.rng.choice((0, 1, 1, 2))):
            name, op, value = s.matcher(("alertname", "severity", "team", "zone"))
            query += "&filter=" + escaped(name + op + s.rng.choice((value, quoted(value))))
        for flag in ("active", "silenced", "inhibited", "unprocessed", "expired", "pending"):
            if s.rng.random() < 0.25:
                query += f"&{flag}={s.rng.choice(('true', 'false', '1', '0', 'yes', 'no', '', 'nonsense', 'T'))}"
        if s.rng.random() < 0.3:
            query += "&receiver=" + escaped(s.rng.choice((f"{s.name}-0", f"{s.name}.*", "", "nobody", ".*-1")))
        s.ask(where + query)
    s.tick()
    s.look()


def mixed(s):
    """All of it."""
    s.receiver({"send_resolved": True}, {"send_resolved": False})
    s.receiver({"send_resolved": True})
    s.top = {"receiver": s.receivers[0]["name"], "group_by": s.group_by()}
    s.routes = [s.route() for _ in range(s.rng.randint(0, 2))]
    s.inhibit.append({"source_matchers": [f'scenario="{s.name}"', 'severity="critical"'],
                      "target_matchers": [f'scenario="{s.name}"', 'severity="warning"'],
                      "equal": s.rng.choice((["alertname"], ["instance"], []))})
    s.make_alerts(s.rng.randint(4, 8))
    names = []
    for step in range(s.rng.randint(3, 6)):
        for what in s.rng.sample(("post", "post", "silence", "expire", "resolve"), 2):
            chosen = s.rng.sample(range(len(s.alerts)), s.rng.randint(1, 3))
            if what == "post":
                s.post(*[s.alert(i, s.rng.choice((0, None, -200)), s.rng.choice((FAR, FAR, None, LATER)), note=f"n{step}")
                         for i in chosen])
            elif what == "resolve":
                s.post(*[s.alert(i, -100, 0) for i in chosen])
            elif what == "silence":
                names.append(s.silence([s.matcher()], s.rng.choice((-10000, SOON)), s.rng.choice((FAR, LATER))))
            elif names:
                s.expire(s.rng.choice(names))
        s.look()
        s.ask("/api/v2/silences?@")
        s.tick()
    s.tick()


def escaped(text):
    return "".join(c if c.isalnum() and c.isascii() or c in "-_." else "".join(f"%{b:02X}" for b in c.encode()) for c in text)


KINDS = {  # of 320 scenarios so many
    "routing": (60, routing), "lifecycle": (60, lifecycle), "silences": (50, silences), "inhibition": (45, inhibition),
    "receivers": (20, receivers), "intervals": (15, intervals), "failing": (15, failing), "repeating": (8, repeating),
    "old": (12, old), "queries": (15, queries), "mixed": (30, mixed)}
TIME_INTERVALS = [
    {"name": "always", "time_intervals": [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]},
    {"name": "never", "time_intervals": [{"years": ["1999"]}]},
    {"name": "weekdays", "time_intervals": [{"weekdays": ["monday:friday"]}]},
    {"name": "weekend", "time_intervals": [{"weekdays": ["saturday", "sunday"], "location": "UTC"}]},
    {"name": "last-year", "time_intervals": [{"years": ["2020:2024"], "months": ["january:december"], "days_of_month": ["1:-1"]}]},
]


def generate(seed, share=1.0, kinds=None):
    """The scenarios of a seed; share: of each kind the first part only. The same name is always the same scenario."""
    return [Scenario(kind, i, seed) for kind, (n, _) in KINDS.items() if kinds is None or kind in kinds
            for i in range(max(1, round(n * share)))]


def config_of(scenarios):
    """One configuration for all; @SINK@ stands for the sink's address."""
    routes = [{"matchers": ['clock!=""'], "receiver": "clock", "group_by": ["clock"], "group_wait": "1s", "group_interval": "1s",
               "repeat_interval": "1ms"}]
    receivers_ = [{"name": "nobody"}, {"name": "clock", "webhook_configs": [{"url": "@SINK@/clock/c/0/ok"}]}]
    inhibit = []
    for s in scenarios:
        routes.append({"matchers": [f'scenario="{s.name}"'], **s.top, "routes": s.routes})
        receivers_ += s.receivers
        inhibit += s.inhibit
    return {"global": {"resolve_timeout": "3250ms"},
            "route": {"receiver": "nobody", "group_wait": "500ms", "group_interval": "2s", "repeat_interval": "1h", "routes": routes},
            "receivers": receivers_, "inhibit_rules": inhibit, "time_intervals": TIME_INTERVALS}
