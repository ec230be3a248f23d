#!/usr/bin/env python3
"""Decides from raw records whether alerts or pages were lost, or pages repeated.

    check_history.py HISTORY PAGES [--latency SECONDS]

HISTORY is what was done to the hierarchy, PAGES what its receiver accepted; both are lines of JSON. No counter or log of the
daemons is believed. Exit status 1 and a line for each fault; 0 if there is none.

HISTORY's rows, times in seconds since 1970:
  {"kind":"post","began":T,"ended":T,"edge":"site/node","changes":[[alertname,"firing"|"resolved"],…],"status":S}
        every attempt with its answer (0: none). One edge's posts follow each other; a change is repeated until it got 200,
        and never after that: what is lost then stays lost.
  {"kind":"kill","name":N,"tier":"edge"|"global","at":T}
  {"kind":"ack","began":T,"ended":T,"incident":ID,"status":S,"effective":bool}
  {"kind":"state","node":N,"at":T,"incidents":[as GET /api/v1/incidents/{id} answers]}
        each global node's incidents in the end, when all was quiet
PAGES' rows: {"at":T,"path":P,"body":B,"status":S}, as the receiver answered them.
"""
import argparse
import collections
import datetime
import json
import sys

ACK_GRACE_S = 3.0      # a page that was on its way when the ack was answered
IN_FLIGHT_S = 10.0     # a page accepted so long before a kill may be unknown to the node that sent it
OF_ITSELF = "Tocsin"   # alerts that the hierarchy raises about itself


def load(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def title_of(page):
    return page["body"]["groupLabels"].get("alertname", "")


def tuple_of(page):
    p = page["body"]["tocsin"]
    return (p["incident"], p["generation"], p["phase"], p["round"], p["step"], p["target"], p["reason"])


class History:
    def __init__(self, rows, pages):
        self.posts = [r for r in rows if r["kind"] == "post"]
        self.kills = [r for r in rows if r["kind"] == "kill"]
        self.acks = [r for r in rows if r["kind"] == "ack"]
        self.states = {r["node"]: r for r in rows if r["kind"] == "state"}
        self.pages = sorted((p for p in pages if "tocsin" in p["body"] and 200 <= p["status"] < 300), key=lambda p: p["at"])

    def last_words(self):
        """(alert, edge) -> the change that was answered 200 last."""
        last = {}
        for p in self.posts:
            if p["status"] == 200:
                for alert, state in p["changes"]:
                    last[alert, p["edge"]] = state
        return last

    def spans(self):
        """alert -> [(from, to)]: times in which some edge had promised that it fires, and none had been told otherwise."""
        moments = collections.defaultdict(list)
        for p in self.posts:
            for alert, state in p["changes"]:
                if state == "firing" and p["status"] == 200:
                    moments[alert].append((p["ended"], p["edge"], True))
                if state == "resolved":
                    moments[alert].append((p["began"], p["edge"], False))
        end = max([s["at"] for s in self.states.values()], default=0)
        result = {}
        for alert, rows in moments.items():
            firing, result[alert], since = set(), [], None
            for at, edge, on in sorted(rows):
                (firing.add if on else firing.discard)(edge)
                if firing and since is None:
                    since = at
                elif not firing and since is not None:
                    result[alert].append((since, at))
                    since = None
            if since is not None:
                result[alert].append((since, end))
        return result


def state_faults(last_words, node, incidents):
    """What this node shows against what the edges promised."""
    faults, shown = [], {}
    for i in incidents:
        for m in i["members"] if i["state"] != "resolved" else []:
            if m["state"] != "resolved" and m["holds_open"]:
                shown.setdefault((m["labels"]["alertname"], f"{m['site']}/{m['node']}"), m["state"])
    for (alert, edge), state in sorted(last_words.items()):
        here = shown.get((alert, edge))
        if state == "firing" and here is None:
            faults.append(f"lost at {node}: {alert} of {edge} was answered 200 as firing and is not open")
        if state == "resolved" and here is not None:
            faults.append(f"lost at {node}: {alert} of {edge} was answered 200 as resolved and is {here}")
    faults += [f"ghost at {node}: {alert} of {edge} never fired"
               for alert, edge in sorted(shown) if (alert, edge) not in last_words and not alert.startswith(OF_ITSELF)]
    return faults


def periods(incident, end):
    """[(from, to)] in which the incident was open here, by its timeline."""
    result, since = [], None
    for entry in incident["timeline"]:
        if entry["what"] in ("opened", "reopened"):
            since = seconds(entry["at"])
        elif entry["what"] in ("resolved", "superseded") and since is not None:
            result.append((since, seconds(entry["at"])))
            since = None
    return result + ([(since, end)] if since is not None else [])


def paging_faults(h, latency):
    """Whatever was open for the latency has been paged, and what fired for twice that was open."""
    faults, first_page = [], {}
    for p in h.pages:
        first_page.setdefault(p["body"]["tocsin"]["incident"], p["at"])
    for node, state in sorted(h.states.items()):
        by_title = collections.defaultdict(list)
        for i in state["incidents"]:
            by_title[i["title"]].append(i)
            faults += [f"lost page: {i['title']}, incident {i['id']}, was open for {end - begin:.1f} s at {node} unpaged"
                       for begin, end in periods(i, state["at"])
                       if end - begin >= latency and first_page.get(i["id"], end + 1) > end]
        for alert, spans in sorted(h.spans().items()):
            for begin, end in spans:
                overlaps = [min(end, b) - max(begin, a) for i in by_title[alert] for a, b in periods(i, state["at"])]
                if end - begin >= 2 * latency and max(overlaps, default=0) < latency:
                    faults.append(f"lost incident: {alert} fired for {end - begin:.1f} s and {node} has no incident of that time")
    return faults


def repeat_faults(h):
    """A page comes twice only with a mark, and only if a node was killed before it can have noted the first one."""
    faults, seen = [], collections.defaultdict(list)
    kills = [k["at"] for k in h.kills]
    for p in h.pages:
        before = seen[tuple_of(p)]
        if before:
            cause = p["body"]["tocsin"]["possible_duplicate"]
            if not cause:
                faults.append(f"repeated without a mark: {title_of(p)} {tuple_of(p)}")
            elif not any(before[-1] - 1 <= k <= min(before[-1] + IN_FLIGHT_S, p["at"]) for k in kills):
                faults.append(f"repeated ({cause}) though no node was killed: {title_of(p)} {tuple_of(p)}, "
                              f"{p['at'] - before[-1]:.1f} s apart")
        before.append(p["at"])
    repeated = sum(len(v) - 1 for v in seen.values())
    return faults, repeated


def ack_faults(h):
    faults = []
    for a in h.acks:
        if a["status"] not in (200, 202):
            continue
        late = [p for p in h.pages if a["status"] == 200 and p["body"]["tocsin"]["incident"] == a["incident"] and
                p["at"] > a["ended"] + ACK_GRACE_S]
        faults += [f"ack forgotten: {title_of(p)} {tuple_of(p)} came {p['at'] - a['ended']:.1f} s after the ack" for p in late]
        for node, state in sorted(h.states.items()):
            faults += [f"ack forgotten: incident {i['id']} is {i['state']} at {node}" for i in state["incidents"]
                       if i["id"] == a["incident"] and i["state"] not in ("acknowledged", "resolved")]
    return faults


def page_of_nothing(h):
    began = {}
    for p in h.posts:
        for alert, state in p["changes"]:
            if state == "firing":
                began[alert] = min(p["began"], began.get(alert, p["began"]))
    return [f"a page for what had not fired: {title_of(p)} {tuple_of(p)}" for p in h.pages
            if not title_of(p).startswith(OF_ITSELF) and p["at"] < began.get(title_of(p), float("inf"))]


def check(rows, pages, latency=10.0):
    """(faults, facts)"""
    h = History(rows, pages)
    faults = []
    if not h.states:
        faults.append("the history has no state of any global node")
    last = h.last_words()
    for node, state in sorted(h.states.items()):
        faults += state_faults(last, node, state["incidents"])
    faults += paging_faults(h, latency)
    repeats, repeated = repeat_faults(h)
    faults += repeats + ack_faults(h) + page_of_nothing(h)
    facts = {"posts": len(h.posts), "answered 200": sum(p["status"] == 200 for p in h.posts),
             "changes": sum(len(p["changes"]) for p in h.posts if p["status"] == 200),
             "pages": len(h.pages), "marked repeats": repeated, "acks": sum(a["status"] == 200 for a in h.acks),
             "kills of edges": sum(k["tier"] == "edge" for k in h.kills),
             "kills of globals": sum(k["tier"] == "global" for k in h.kills)}
    return faults, facts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("history")
    parser.add_argument("pages")
    parser.add_argument("--latency", type=float, default=10.0, help="a page is due so many seconds after an incident opened")
    args = parser.parse_args()
    faults, facts = check(load(args.history), load(args.pages), args.latency)
    print(", ".join(f"{v} {k}" for k, v in facts.items()))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
