"""The checker must see what it is there to see: a sound history passes, each doctored one is objected to."""
import copy
import datetime

import pytest

from check_history import check

T = 1_700_000_000.0


def rfc3339(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def post(at, *changes, status=200, edge="fra1/e1"):
    return {"kind": "post", "began": T + at, "ended": T + at + 0.01, "edge": edge, "changes": [list(c) for c in changes], "status": status}


def page(at, incident, title, step=0, cause=""):
    return {"at": T + at, "path": "/pager", "status": 200,
            "body": {"groupLabels": {"alertname": title},
                     "tocsin": {"incident": incident, "generation": 1, "phase": 0, "round": 0, "step": step, "target": "pager",
                                "reason": "step", "possible_duplicate": cause}}}


def incident(ident, title, state, changes, member="firing"):
    return {"id": ident, "title": title, "state": state, "timeline": [{"at": rfc3339(T + at), "what": what} for at, what in changes],
            "members": [{"site": "fra1", "node": "e1", "labels": {"alertname": title}, "state": member, "holds_open": member == "firing"}]}


def sound():
    """A fires and stays, B is resolved, C is acknowledged; one page is repeated because of a kill."""
    rows = [post(0, ("A", "firing"), ("B", "firing")), post(1, ("C", "firing"), status=0), post(1.1, ("C", "firing")),
            {"kind": "kill", "name": "g1", "tier": "global", "at": T + 2.5},
            post(40, ("B", "resolved")),
            {"kind": "ack", "began": T + 10, "ended": T + 10.1, "incident": "ic", "status": 200, "effective": True}]
    state = [incident("ia", "A", "triggered", [(0.1, "opened")]),
             incident("ib", "B", "resolved", [(0.1, "opened"), (40.1, "resolved")], "resolved"),
             incident("ic", "C", "acknowledged", [(1.2, "opened")])]
    rows.append({"kind": "state", "node": "g1", "at": T + 60, "incidents": state})
    pages = [page(0.2, "ia", "A"), page(0.3, "ib", "B"), page(2.2, "ic", "C"), page(4, "ic", "C", cause="restart"),
             page(20, "ia", "A", step=1)]
    return rows, pages


def faults(rows, pages):
    return check(rows, pages, 10.0)[0]


def test_a_sound_history_passes():
    assert faults(*sound()) == []


def test_facts_are_counted():
    facts = check(*sound(), 10.0)[1]
    assert (facts["answered 200"], facts["marked repeats"], facts["kills of globals"], facts["acks"]) == (3, 1, 1, 1)


def lose_page(rows, pages):
    del pages[1]


def page_too_late(rows, pages):
    pages[1]["at"] = T + 50


def double_page(rows, pages):
    pages.append(page(21, "ia", "A", step=1))


def double_page_without_kill(rows, pages):
    pages.append(page(30, "ia", "A", step=1, cause="ambiguous_send"))


def lose_open_alert(rows, pages):
    rows[-1]["incidents"][0]["members"] = []


def resolve_without_a_word(rows, pages):
    rows[-1]["incidents"][0].update(state="resolved")


def lose_resolve(rows, pages):
    rows[-1]["incidents"][1].update(state="triggered", timeline=rows[-1]["incidents"][1]["timeline"][:1])
    rows[-1]["incidents"][1]["members"][0].update(state="firing", holds_open=True)


def lose_resolve_as_stale(rows, pages):
    lose_resolve(rows, pages)
    rows[-1]["incidents"][1]["members"][0].update(state="stale")


def lose_at_one_of_two_nodes(rows, pages):
    other = copy.deepcopy(rows[-1])
    other["node"] = "g2"
    del other["incidents"][0]
    rows.append(other)


def open_too_late(rows, pages):
    rows[-1]["incidents"][1]["timeline"][0]["at"] = rfc3339(T + 35)


def page_after_ack(rows, pages):
    pages.append(page(25, "ic", "C", step=1))


def forget_ack(rows, pages):
    rows[-1]["incidents"][2]["state"] = "triggered"


def ghost(rows, pages):
    rows[-1]["incidents"].append(incident("ix", "X", "triggered", [(59, "opened")]))


def page_of_nothing(rows, pages):
    pages.append(page(5, "ix", "X"))


def no_state(rows, pages):
    del rows[-1]


@pytest.mark.parametrize("doctor, word", [
    (lose_page, "lost page: B"), (page_too_late, "lost page: B"), (double_page, "repeated without a mark: A"),
    (double_page_without_kill, "though no node was killed: A"), (lose_open_alert, "lost at g1: A"),
    (resolve_without_a_word, "lost at g1: A"), (lose_resolve, "lost at g1: B"), (lose_resolve_as_stale, "lost at g1: B"),
    (lose_at_one_of_two_nodes, "lost at g2: A"), (open_too_late, "lost incident: B"), (page_after_ack, "ack forgotten: C"),
    (forget_ack, "ack forgotten: incident ic"), (ghost, "ghost at g1: X"), (page_of_nothing, "had not fired: X"),
    (no_state, "no state")])
def test_a_doctored_history_is_objected_to(doctor, word):
    rows, pages = sound()
    doctor(rows, pages)
    found = faults(rows, pages)
    assert any(word in f for f in found), found
