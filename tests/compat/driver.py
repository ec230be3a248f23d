"""Drives one scenario at both daemons at the same times, and says in what they differ."""
import asyncio
import re
import time

import compare
import scenarios
from pair import PEER_WITH_ITSELF
from compare import Names, differences, stamp


def brief(attempt):
    """One notification for a reader: answer, status, alerts by name, and when it came, in ms."""
    alerts = [a["status"][0] + ":" + ",".join(v for k, v in sorted(a["labels"].items()) if k != "scenario")
              for a in attempt["body"]["alerts"]]
    return attempt["status"], attempt["body"]["status"], alerts, round(attempt["at"] * 1000) % 100000


def ties_in_order(groups):
    """Groups of equal labels and receivers come in any order; all others in their own."""
    return sorted(groups, key=lambda g: ([(h["labels"], h["receiver"]) for h in groups].index((g["labels"], g["receiver"])),
                                         [a["fingerprint"] for a in g["alerts"]], len(g["alerts"])))


def silences_in_order(silences):
    """Silences of one state that end (or begin) at the same time come in any order."""
    def when(s):
        return s["status"]["state"], s["startsAt" if s["status"]["state"] == "pending" else "endsAt"]
    return sorted(silences, key=lambda s: ([when(x) for x in silences].index(when(s)), s["id"]))


LATE_MS = 250  # behind a tick; the next flush is 500 ms behind it
NOWHERE = "00000000-0000-4000-8000-000000000000"
KEPT_HEADERS = ("content-type", "cache-control", "allow")
PATIENCE_S = 0.25


def plain_answers(what, answers, names=None):
    """Both answers, peer's first, as what is compared: status, some headers, the body."""
    plain = []
    for i, (status, headers, body, _, _) in enumerate(answers):
        kept = {h: headers[h] for h in KEPT_HEADERS if h in headers}
        if "allow" in kept:
            kept["allow"] = sorted(kept["allow"].replace(" ", "").split(","))
        body = body if names is None else names[i].plain(body)
        if isinstance(body, list) and "/groups" in what:
            body = ties_in_order(body)
        elif isinstance(body, list) and what.endswith("/silences"):
            body = silences_in_order(body)
        plain.append({"status": status, "headers": kept, "body": body})
    return plain


class Run:
    def __init__(self, pair, scenario, judge):
        self.pair, self.s, self.judge = pair, scenario, judge
        self.names = {d.name: Names() for d in pair.both}
        self.found, self.trouble = [], []
        self.thinned = self.unmuted = False
        self.ticks, self.step, self.specs = 0, 0, {}
        self.fed = []

    # ---- both at once ----

    async def both(self, method, path, bodies=None, changes=None):
        """Asks both; bodies: one for both, or one for each. changes: the name of what is changed, for the times that they choose."""
        if changes is not None:
            while int(time.time() * 1000) <= getattr(self, "last_ms", 0) + 1:
                await asyncio.sleep(0)  # no two changes in the same millisecond
        bodies = bodies if isinstance(bodies, dict) else {d.name: bodies for d in self.pair.both}
        begin = time.monotonic()
        answers = await asyncio.gather(*(d.ask(method, path.replace("@", f'filter=scenario%3D%22{self.s.name}%22')
                                               if not isinstance(path, dict) else path[d.name], bodies[d.name])
                                         for d in self.pair.both))
        if changes is not None:
            if (time.monotonic() - begin) * 1000 > LATE_MS:
                self.trouble.append(f"{changes} took {(time.monotonic() - begin) * 1000:.0f} ms")
            for d, a in zip(self.pair.both, answers):
                self.names[d.name].windows.append((changes, a[3], a[4]))
                self.last_ms = max(getattr(self, "last_ms", 0), a[4])
        return answers

    def compared(self, what, answers):
        """Differences of two answers."""
        plain = plain_answers(what, answers, [self.names[d.name] for d in self.pair.both])
        return [(f"{what} {path[1:]}", p, o) for path, p, o in differences(*plain)]

    # ---- steps ----

    @staticmethod
    async def moment():
        """Now, and a time that neither daemon will choose by itself."""
        base = int(time.time() * 1000)
        while int(time.time() * 1000) == base:
            await asyncio.sleep(0)
        return base

    def at(self, base, offset):
        ms = base + offset
        while any(start <= ms <= end for n in self.names.values() for _, start, end in n.windows):
            ms += 1  # not one that a daemon may have chosen in an earlier step
        for n in self.names.values():
            n.known[ms] = f"step {self.step} {offset:+d} ms"
        return stamp(ms)

    async def do_post(self, base, alerts):
        body = []
        for a in alerts:
            out = {"labels": {**a["labels"], "scenario": self.s.name}}
            for field, key in (("starts", "startsAt"), ("ends", "endsAt")):
                if a[field] is not None:
                    out[key] = self.at(base, a[field])
            if "annotations" in a:
                out["annotations"] = a["annotations"]
            if a.get("url"):
                out["generatorURL"] = a["url"]
            body.append(out)
            if out["labels"] not in self.fed:
                self.fed.append(out["labels"])
        self.found += self.compared("POST /alerts", await self.both("POST", "/api/v2/alerts", body, f"step {self.step}"))

    async def do_silence(self, base, name, spec):
        spec = {**{k: v for k, v in self.specs.get(name, {}).items() if k in ("matchers", "by", "comment")},
                **{k: v for k, v in spec.items() if v is not None}}
        self.specs[name] = spec
        current = None
        if not spec.get("fresh") and self.id_of("peer", name) is not None:
            current = await self.both("GET", {d.name: f"/api/v2/silence/{self.id_of(d.name, name)}" for d in self.pair.both})
        bodies = {}
        for i, d in enumerate(self.pair.both):
            b = {"matchers": [{"name": n, "value": v if v != "@" else self.s.name, "isRegex": "~" in op, "isEqual": op[0] == "="}
                              for n, op, v in spec["matchers"]],
                 "createdBy": spec.get("by", "somebody"), "comment": spec.get("comment", "a reason")}
            for field, key in (("starts", "startsAt"), ("ends", "endsAt")):
                if field in spec:
                    b[key] = self.at(base, spec[field])
                elif current is not None and current[i][0] == 200:
                    b[key] = current[i][2][key]
                else:
                    b[key] = self.at(base, {"starts": 0, "ends": scenarios.FAR}[field])
            if current is not None:
                b["id"] = self.id_of(d.name, name)
            bodies[d.name] = b
        answers = await self.both("POST", "/api/v2/silences", bodies, f"step {self.step}")
        for d, a in zip(self.pair.both, answers):
            if a[0] == 200 and isinstance(a[2], dict):
                ids = self.names[d.name].ids
                ids.setdefault(a[2].get("silenceID"), f"<{name}, id {sum(v.startswith(f'<{name},') for v in ids.values())}>")
        self.found += self.compared("POST /silences", answers)

    def id_of(self, daemon, name):
        """The newest id of that name."""
        ids = [i for i, n in self.names[daemon].ids.items() if n.startswith(f"<{name},")]
        return ids[-1] if ids else None

    async def do_expire(self, name):
        paths = {d.name: f"/api/v2/silence/{self.id_of(d.name, name) or NOWHERE}" for d in self.pair.both}
        self.found += self.compared("DELETE /silence", await self.both("DELETE", paths, changes=f"step {self.step}"))

    async def settle(self, what, ask):
        """Asks until both answer alike, for both take what was posted in through queues of their own; gives up after a while."""
        end = time.monotonic() + PATIENCE_S
        while True:
            found = self.compared(what, await ask())
            if not self.judge.left(found) or time.monotonic() > end:
                return found
            await asyncio.sleep(0.05)

    async def do_get(self, path):
        what = f"GET {path.split('?')[0]}"
        if path.startswith("/api/v2/silences"):
            self.found += await self.settle(what, lambda: self.both_silences(path))
        elif "muted=false" in path:
            self.found += await self.settle(what, lambda: self.both_unmuted(path))
        else:
            self.found += await self.settle(what, lambda: self.both("GET", path))

    async def both_silences(self, path):
        """0.25 does not know the parameters that choose by state: the peer's list is thinned out here, and that is noted."""
        answers = await self.both("GET", path)
        unwanted = {state for state in ("active", "pending", "expired")
                    if (flag := re.search(rf"[?&]{state}=([^&]*)", path)) and flag.group(1)
                    and flag.group(1).lower() not in ("true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled")}
        for i, d in enumerate(self.pair.both):
            if d.name == "peer" and answers[i][0] == 200:
                answer = list(answers[i])
                kept = [s for s in answer[2] if s["status"]["state"] not in unwanted]
                if len(kept) < len(answer[2]):
                    self.thinned = True
                answer[2] = kept
                answers[i] = tuple(answer)
        return answers

    async def both_unmuted(self, path):
        """Nor does it know which groups are muted: those that our whole list shows so are taken out of its."""
        everything = await self.both("GET", path.replace("&muted=false", ""))
        _, filtered = await self.both("GET", path)
        whole = {d.name: list(a) for d, a in zip(self.pair.both, everything)}

        def key(g):
            return g["labels"], g["receiver"], [a["fingerprint"] for a in g["alerts"]]
        muted = [key(g) for g in whole["ours"][2] if g["alerts"][0]["status"].get("mutedBy")]
        whole["peer"][2] = [g for g in whole["peer"][2] if key(g) not in muted]
        self.unmuted = self.unmuted or bool(muted)
        return [tuple(whole["peer"]), filtered]

    async def do_get_silence(self, name):
        paths = {d.name: f"/api/v2/silence/{self.id_of(d.name, name) or NOWHERE}" for d in self.pair.both}
        self.found += await self.settle("GET /silence", lambda: self.both("GET", paths))

    async def do_tick(self, n):
        """Waits for both clocks; notes when a step had come too late, so that it may have met a flush."""
        self.late_behind_tick()
        self.ticks += n
        clock = f"clock/{self.s.name}"
        ok = await asyncio.gather(*(d.sink.until(clock, 60, lambda a: len(a) >= self.ticks) for d in self.pair.both))
        if not all(ok):
            self.trouble.append("a clock stands still")
            raise TimeoutError(f"{self.s.name}: no tick {self.ticks} at {[d.name for d, o in zip(self.pair.both, ok) if not o]}")
        self.step += 1

    def late_behind_tick(self):
        if self.ticks == 0:
            since = (time.monotonic() - self.begun) * 1000
            if since > LATE_MS:
                self.trouble.append(f"the first step took {since:.0f} ms")
            return
        for d in self.pair.both:
            attempts = d.sink.of(f"clock/{self.s.name}")
            since = (time.time() - attempts[self.ticks - 1]["at"]) * 1000
            if since > LATE_MS or len(attempts) > self.ticks:
                self.trouble.append(f"step {self.step} was done {since:.0f} ms behind {d.name}'s tick {self.ticks}")
        a, b = (d.sink.of(f"clock/{self.s.name}")[self.ticks - 1]["at"] for d in self.pair.both)
        if abs(a - b) * 1000 > LATE_MS:
            self.trouble.append(f"the clocks stand {abs(a - b) * 1000:.0f} ms apart")

    # ---- the whole ----

    async def clock(self, ends):
        now = int(time.time() * 1000)
        await self.both("POST", "/api/v2/alerts", [{"labels": {"clock": self.s.name}, "startsAt": stamp(now - (0 if ends else 1000)),
                                                    "endsAt": stamp(now + ends)}])

    async def run(self):
        await self.clock(scenarios.FAR)
        self.begun, base = time.monotonic(), 0
        try:
            for what, *args in self.s.steps:
                if what in ("post", "silence", "expire"):
                    base = await self.moment()
                if what == "tick":
                    await self.do_tick(*args)
                elif what == "post":
                    await self.do_post(base, *args)
                elif what == "silence":
                    await self.do_silence(base, *args)
                elif what == "expire":
                    await self.do_expire(*args)
                elif what == "silence?":
                    await self.do_get_silence(*args)
                else:
                    await self.do_get(*args)
            await self.do_tick(2 if self.ticks % 2 == 0 else 1)
            self.found += self.webhooks()
            if self.thinned:
                self.found.append(("GET /api/v2/silences parameters active, pending, expired", "ignored", "in force"))
            if self.unmuted:
                self.found.append(("GET /api/v2/alerts/groups parameter muted", "ignored", "in force"))
        finally:
            await self.clean_up()
        return self.found

    async def clean_up(self):
        """What is left must not cost the others."""
        await self.clock(0)
        now = int(time.time() * 1000)
        if self.fed:
            await self.both("POST", "/api/v2/alerts", [{"labels": x, "startsAt": stamp(now - 100000), "endsAt": stamp(now - 1)}
                                                      for x in self.fed])

    def webhooks(self):
        """Differences of the notifications: for each integration and group the sequence must be the same."""
        by_place = []
        for d in self.pair.both:
            places = {}
            for a in d.sink.of(self.s.name):
                places.setdefault((a["receiver"], a["index"], a["body"]["groupKey"]), []).append(a)
            by_place.append(places)
        found = []
        for place in sorted(set(by_place[0]) | set(by_place[1])):
            sequences = [p.get(place, []) for p in by_place]
            found += self.reasons(place, sequences[1])
            plain = [self.sequence(d, seq) for d, seq in zip(self.pair.both, sequences)]
            if len(plain[0]) != len(plain[1]):
                found.append((f"webhooks of {place}", *([brief(a) for a in seq] for seq in sequences)))
            else:
                what = "webhook after a 429" if any(a["status"] == 429 for a in sequences[0]) else "webhook"
                found += [(f"{what}{path}", p, o) for path, p, o in differences(*plain)]
        return found

    def sequence(self, d, attempts):
        out = []
        for a in attempts:
            body = self.names[d.name].plain(a["body"])
            body["(answered)"], body["(content type)"] = a["status"], a["content_type"]
            if self.s.repeats and out and {k: v for k, v in out[-1].items() if k != "notification_reason"} == \
                    {k: v for k, v in body.items() if k != "notification_reason"}:
                continue
            out.append(body)
        return out

    def reasons(self, place, attempts):
        """Our reasons, which 0.25 does not give, against the rules. An end that nobody was told of is in the log all the same."""
        before, hook = None, self.s.receivers[int(place[0])]["webhook_configs"][int(place[1])]
        told = hook.get("send_resolved", True)
        for a in attempts:
            if a["body"].get("truncatedAlerts") or PEER_WITH_ITSELF:
                return
            want = compare.reason_of(before, a["body"])
            if a["body"].get("notification_reason") not in (want, want if told else compare.REASONS[0]):
                yield "webhook reason by the rules of §4.2", want, a["body"].get("notification_reason")
            if a["status"] == 200:
                before = a["body"]
