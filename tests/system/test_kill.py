"""kill -9 of edges and global nodes at random moments under load: nothing that was answered 200 is lost, no page repeated
without its mark. TOCSIN_LONG=1 kills each tier 200 times instead of 20. SEED=N picks the same victims again."""
import os
import time

from kill_run import KillRun

KILLS = 200 if os.environ.get("TOCSIN_LONG") == "1" else 20


def test_kills_lose_and_repeat_nothing(tmp_path):
    with KillRun(tmp_path, os.environ["PROGRAMS"], os.environ.get("SEED")) as run:
        run.start()
        began = time.monotonic()
        run.kill_at_random(KILLS, KILLS)
        print(f"{2 * KILLS} kills in {time.monotonic() - began:.0f} s", flush=True)
        run.settle()
    faults, facts = run.check()
    assert run.log_faults() == []
    assert faults == []
    assert facts["pages"] > 0 and facts["acks"] > 0
