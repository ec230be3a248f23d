"""Debian's Alertmanager and our edge are given the same configurations, alerts and silences at the same times; their answers and
their webhooks are compared field by field. The short form runs a part of the scenarios; TOCSIN_LONG=1 all of them. SEED=N makes
others; ONLY=KIND or a scenario's name runs those."""
import asyncio
import json
import os

import pytest

import probes
import scenarios
from compare import Judge, Names, differences
from driver import Run, plain_answers
from pair import Pair, fetch_alertmanager

LONG = os.environ.get("TOCSIN_LONG") == "1"
SEED = os.environ.get("SEED", "1")
ONLY = os.environ.get("ONLY", "")
AT_ONCE = int(os.environ.get("AT_ONCE", "50"))
SHORT_SHARE = 0.2


@pytest.fixture(scope="module")
def peer():
    return fetch_alertmanager(os.environ["FETCHED"])


async def run_all(pair, todo, at_once, judge):
    """name -> Run, or what went wrong."""
    gate, results = asyncio.Semaphore(at_once), {}

    async def one(s):
        async with gate:
            run = Run(pair, s, judge)
            try:
                await run.run()
            except TimeoutError as e:
                run.trouble.append(str(e))
                run.found.append(("the scenario", "ran to its end", str(e)))
            results[s.name] = run
    try:
        await pair.start(json.dumps(scenarios.config_of(todo), ensure_ascii=False, indent=1))
        await asyncio.gather(*(one(s) for s in todo))
    finally:
        code = pair.stop()
    assert code == 0, f"tocsin-edge stopped with {code}"
    return results


def test_the_same_is_answered_and_notified(peer, tmp_path):
    todo = scenarios.generate(SEED, 1.0 if LONG or ONLY else SHORT_SHARE)
    if ONLY:
        todo = [s for s in todo if ONLY in (s.kind, s.name)]
    assert todo, "no such scenario"
    judge, again, n = Judge(), [], len(todo)
    # A scenario whose steps came late, so that one may have met a flush, is run again, with fewer beside it.
    for attempt, at_once in enumerate((AT_ONCE, AT_ONCE // 4 + 1, AT_ONCE // 8 + 1)):
        runs = asyncio.run(run_all(Pair(str(tmp_path / str(attempt)), os.environ["PROGRAMS"], peer), todo, at_once, judge))
        again = []
        for s in todo:
            run, trial = runs[s.name], Judge()
            if trial.take(s.name, run.found) and run.trouble and attempt < 2:
                again.append(s)
            else:
                judge.take(s.name, run.found)
        print(f"round {attempt + 1}: {len(todo)} scenarios, {sum(1 for r in runs.values() if r.trouble)} of them disturbed by the "
              f"machine, {len(again)} to be run again")
        todo = again
        if not todo:
            break
    judge.print()
    assert not judge.unexplained
    assert len(judge.equal()) >= (250 if n >= 300 else n // 2)


async def ask_all(pair, judge):
    await pair.start(json.dumps(scenarios.config_of([])))
    try:
        for i, (method, path, body, headers) in enumerate(probes.all_probes()):
            answers = await pair.ask(method, path, body, headers)
            what = f"{method} {path.split('?')[0]}"
            found = [(f"{what} {p[1:]}", a, b) for p, a, b in differences(*plain_answers(what, answers))]
            judge.take(f"{i} {method} {path} {'' if body is None else body} {headers or ''}", found)
    finally:
        code = pair.stop()
    assert code == 0, f"tocsin-edge stopped with {code}"


def test_the_same_is_refused_in_the_same_words(peer, tmp_path):
    judge = Judge(probes=True)
    asyncio.run(ask_all(Pair(str(tmp_path), os.environ["PROGRAMS"], peer), judge))
    judge.print()
    assert not judge.unexplained


def webhook(**changes):
    alert = {"status": "firing", "labels": {"a": "b"}, "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
             "fingerprint": "d2b371819297f98a"}
    return {"receiver": "r", "status": "firing", "groupKey": "{}:{}", "alerts": [{**alert, **changes.pop("alert", {})}], **changes}


@pytest.mark.parametrize("ours", [
    webhook(status="resolved"), webhook(receiver="q"), webhook(alerts=[]), webhook(groupKey="{}:{a=\"b\"}"), webhook(truncatedAlerts=0),
    webhook(alert={"labels": {"a": "c"}}), webhook(alert={"startsAt": "2026-01-01T00:00:00.001Z"}),
    webhook(alert={"endsAt": "2026-01-01T00:00:09Z"}), webhook(alert={"fingerprint": "d2b371819297f98b"}),
    webhook(notification_reason="because"), webhook(routeLabels={"a": "b"}), webhook(alerts=webhook()["alerts"] * 2)])
def test_what_is_not_the_same_is_noticed(ours):
    judge = Judge()
    names = Names()
    names.windows.append(("step 0", 1767225609000, 1767225609100))
    found = [(f"webhook[]{p}", a, b) for p, a, b in differences(names.plain(webhook()), names.plain(ours))]
    assert judge.take("planted", found) and "planted" in judge.unexplained and judge.equal() == []


def test_what_0_34_adds_is_no_difference():
    judge, ours = Judge(), webhook(notification_reason="first notification", routeLabels={})
    assert judge.take("s", [(f"webhook[]{p}", a, b) for p, a, b in differences(webhook(), ours)]) == []
    assert judge.equal() == ["s"] and sum(r.occurred for r in judge.table) == 2
