"""What two daemons said, made comparable, and the differences that have an explanation.

Times: the driver gives times with exact milliseconds, which must come back as they were; a time that a daemon chose itself must lie
within the request that made it choose, and becomes the name of that request. So no tolerance is needed, whatever the load."""
import calendar
import re
import time

from pair import OURS, PEER

RESOLVE_TIMEOUT_MS = 3250
TIMES = {"startsAt", "endsAt", "updatedAt"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$")
FINGERPRINT = re.compile(r"[0-9a-f]{16}$")
ABSENT = "(absent)"


def parse_ms(text):
    m = STAMP.match(text)
    if m is None:
        return None
    ms = calendar.timegm(tuple(int(g) for g in m.groups()[:6])) * 1000 + int((m.group(7) or "0").ljust(3, "0")[:3])
    if m.group(8) != "Z":
        ms -= (1 if m.group(8)[0] == "+" else -1) * (int(m.group(8)[1:3]) * 60 + int(m.group(8)[4:6])) * 60000
    return ms


def stamp(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03d}Z"


class Names:
    """Names for the times and ids of one run at one daemon."""

    def __init__(self):
        self.known, self.windows, self.ids = {}, [], {}

    def when(self, text, chosen=False):
        """chosen: it is always the daemon that chooses."""
        if not isinstance(text, str) or text.startswith("0001-01-01"):
            return "never" if isinstance(text, str) else text
        ms = parse_ms(text)
        if ms is None:
            return text
        if ms in self.known and not chosen:
            return self.known[ms]
        for name, start, end in self.windows:
            if start <= ms <= end:
                return f"during {name}"
            if start <= ms - RESOLVE_TIMEOUT_MS <= end:
                return f"resolve_timeout after {name}"
        return f"unexpected time {text}"

    def plain(self, value, key=None):
        """The value with times and ids named; fields keep their order in no way, lists keep it."""
        if isinstance(value, dict):
            return {k: self.plain(v, k) for k, v in value.items()}
        if isinstance(value, list):
            items = [self.plain(v) for v in value]
            return sorted(items) if key in ("silencedBy", "inhibitedBy") else items
        if key in TIMES:
            return self.when(value, key == "updatedAt")
        if isinstance(value, str):
            return UUID.sub(lambda m: self.ids.get(m.group(0), m.group(0)), value)
        return value


def differences(peer, ours, path=""):
    """(path, peer's value, our value) for each leaf that differs; indexes of lists are left out of the path."""
    if isinstance(peer, dict) and isinstance(ours, dict):
        for k in sorted(set(peer) | set(ours)):
            yield from differences(peer.get(k, ABSENT), ours.get(k, ABSENT), f"{path}.{k}")
    elif isinstance(peer, list) and isinstance(ours, list) and len(peer) == len(ours):
        for p, o in zip(peer, ours):
            yield from differences(p, o, f"{path}[]")
    elif peer != ours:
        yield path, peer, ours


class Explained:
    """A difference that must be, because Debian's Alertmanager is 0.25 and our edge follows 0.34, or because we repaired a trap."""

    def __init__(self, field, holds, paragraph, text, added=False):
        self.field, self.holds = re.compile(field + r"$"), holds
        self.paragraph, self.text, self.added = paragraph, text, added
        self.occurred, self.scenarios = 0, set()

    def covers(self, path, peer, ours):
        try:
            return self.field.match(path) is not None and self.holds(peer, ours)
        except (AttributeError, TypeError):
            return False  # of another type than the rule is about


REASONS = ("first notification", "new alerts added", "all alerts resolved", "some alerts resolved", "repeat interval elapsed")


def absent(peer, _ours):
    return peer == ABSENT


def explanations():
    """The table. Paragraphs are those of the specification of 0.34. Fields that 0.34 added to every object (added=True) are
    counted, too, but do not make a scenario one that differs."""
    return [
        Explained(r"webhook\[\]\.notification_reason", lambda p, o: p == ABSENT and o in REASONS, "§4.2",
                  "0.34 tells the reason of a notification", added=True),
        Explained(r"webhook\[\]\.routeLabels", lambda p, o: p == ABSENT and o == {}, "§2.6",
                  "0.34 has labels of routes; none are configured", added=True),
        Explained(r"GET [^ ]*/alerts(/groups)? body.*\.status\.mutedBy", lambda p, o: p == ABSENT and o == [], "§10.6",
                  "0.34 names the intervals that mute an alert's group", added=True),
        Explained(r"GET [^ ]*/groups body\[\]\.routeLabels", lambda p, o: p == ABSENT and o == {}, "§2.6",
                  "0.34 has labels of routes; none are configured", added=True),
        Explained(r".* headers\.cache-control", lambda p, o: p == ABSENT and o == "no-store", "§10.3",
                  "0.34 forbids to store answers", added=True),
        Explained(r"GET [^ ]*/receivers body\[\]\.labels", absent, "§10.6", "0.34 has labels of receivers, at least the name",
                  added=True),
        Explained(r"GET [^ ]*/groups body.*\.status\.mutedBy", lambda p, o: p == ABSENT and isinstance(o, list) and len(o) > 0,
                  "§10.6", "0.34 names the intervals that mute an alert's group"),
        Explained(r"GET [^ ]*/groups body.*\.status\.state", lambda p, o: (p, o) == ("active", "suppressed"), "§10.6",
                  "0.34 calls the alerts of a muted group suppressed"),
        Explained(r"GET [^ ]*/alerts.* body.*\.status\.inhibitedBy\[\]", lambda p, o: bool(FINGERPRINT.match(p) and FINGERPRINT.match(o)),
                  "§5.2", "of several sources one is named: 0.25 names any, 0.34 the one in its index, we the one that has fired longest"),
        Explained(r"webhook after a 429.*", lambda p, o: True, "§4.3",
                  "429 is final for Alertmanager's webhook; we try again at once, with the alerts of that flush"),
        Explained(r"GET [^ ]*/groups parameter muted", lambda p, o: True, "§10.6",
                  "0.25 does not know it; the groups that we show as muted were taken out of its list"),
        Explained(r"GET [^ ]*/silences parameters .*", lambda p, o: True, "§10.6",
                  "0.25 does not know them; its list was thinned out before it was compared"),
    ]


def refusals():
    """The same for single requests: the status and the shape are compared, a few texts are 0.34's or those of other libraries."""
    def because(p, o):
        head = p.split(" failed, because ")[0]
        return head != p and o.startswith(head + " failed, because ")

    def regex(p, o):
        return "error parsing regexp: " in p and o.startswith(p.split("error parsing regexp: ")[0] + "regular expression: ")

    def set_named(p, o):
        """The text of 0.34 names the set of matchers; the rest is the same, but for the words of the regular expressions' library."""
        o = o.replace("invalid silence: ", "silence invalid: ", 1).replace(" in set 0", "").replace("matcher set 0: ", "")
        return p == o or regex(p, o)

    def reordered(p, o):
        return sorted(re.split(r"[\[\],]", p)) == sorted(re.split(r"[\[\],]", o))

    return [
        Explained(r"POST .* body\.message", because, "§10.4", "the reason behind `because` is the JSON library's own text"),
        Explained(r"GET .* body", regex, "§9.1", "what is wrong with a regular expression, in its library's words"),
        Explained(r"GET .* body", lambda p, o: p == o.replace("unexpected open or close brace", "bad matcher format"), "§9.5",
                  "0.34 has a text of its own for braces"),
        Explained(r"POST .*/silences body", set_named, "§6.2", "0.34 has sets of matchers, and names the set"),
        Explained(r"POST .*/alerts body", lambda p, o: p == o.replace("\n", "; "), "§1.2", "0.34 joins mistakes by newlines"),
        Explained(r".* body\.message", reordered, "§10.4", "the order of allowed methods is left open"),
        Explained(r"DELETE .*/silence/[-0-9a-f]+ (status|body|headers\.content-type)",
                  lambda p, o: (p, o) in ((500, 404), ("silence not found", ""), ("application/json", ABSENT)), "§10.6",
                  "0.34 says 404 for an unknown silence, with an empty body"),
        Explained(r"GET .*/silence/%7B[-0-9a-f]+%7D (status|body|headers\.content-type)",
                  lambda p, o: (p, o) in ((422, 404), ("application/json", ABSENT)) or o == "", "§10.4",
                  "0.34 takes ids in braces for UUIDs, too"),
        Explained(r"GET /api/v2 (body|headers\.content-type)", lambda p, o: o in ("", ABSENT), "§10.1",
                  "a redirect has the same target; ours comes without a page"),
        Explained(r".*(\.silenceID|\.id)", lambda p, o: bool(UUID.fullmatch(p) and UUID.fullmatch(o)), "§6.3", "ids are random",
                  added=True),
    ]


class Judge:
    """Collects the differences of all scenarios and finds their explanations."""

    def __init__(self, probes=False):
        self.table, self.unexplained, self.compared = explanations() + (refusals() if probes else []), {}, {}

    def rule(self, path, peer, ours):
        return next((r for r in self.table if r.covers(path, peer, ours)), None)

    def left(self, found):
        return [f for f in found if self.rule(*f) is None]

    def take(self, scenario, found):
        """found: (path, peer, ours)…; returns those without an explanation."""
        left, names = self.left(found), set()
        for path, peer, ours in found:
            rule = self.rule(path, peer, ours)
            if rule is not None:
                rule.occurred += 1
                rule.scenarios.add(scenario)
                if not rule.added:
                    names.add(rule)
        self.compared[scenario] = names
        if left:
            self.unexplained[scenario] = left
        return left

    def equal(self):
        return [s for s, rules in self.compared.items() if not rules and s not in self.unexplained]

    def print(self):
        print(f"\n{len(self.compared)} scenarios, {len(self.equal())} without a difference, "
              f"{sum(1 for s, r in self.compared.items() if r and s not in self.unexplained)} with explained ones only, "
              f"{len(self.unexplained)} with unexplained ones")
        print(f"{'field':60} {'paragraph':14} {'times':>6} {'scenarios':>9}  why")
        for r in self.table:
            if r.occurred:
                print(f"{r.field.pattern[:-1]:60} {r.paragraph:14} {r.occurred:6} {len(r.scenarios):9}  {r.text}"
                      f"{' (a field of its own: not counted as a difference)' if r.added else ''}")
        for name, left in sorted(self.unexplained.items()):
            for path, peer, ours in left[:6]:
                print(f"UNEXPLAINED {name}: {path}: {PEER} {short(peer)}: {OURS} {short(ours)}")


def short(value):
    text = repr(value)
    return text if len(text) < 600 else text[:600] + "…"


def reason_of(before, body):
    """The reason that 0.34's rules give for a notification, after the one before it to the same place (None: none)."""
    def hashes(b, status):
        return {a["fingerprint"] for a in b["alerts"] if a["status"] == status}
    firing = hashes(body, "firing")
    if before is None or not hashes(before, "firing"):
        return REASONS[0]
    if not firing:
        return REASONS[2]
    if not firing <= hashes(before, "firing"):
        return REASONS[1]
    if not hashes(body, "resolved") <= hashes(before, "resolved"):
        return REASONS[3]
    return REASONS[4]
