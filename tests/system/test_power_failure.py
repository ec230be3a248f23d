"""The same kills on a disk that forgets what was not synced (libcrashvfs.so below SQLite), as a power failure would. With syncs
switched off that must lose alerts, or the test could not see a loss. TOCSIN_LONG=1 as in test_kill.py."""
import os

from kill_run import KillRun

KILLS = 200 if os.environ.get("TOCSIN_LONG") == "1" else 20
DISK = {"LD_PRELOAD": os.environ["CRASHVFS"], "ASAN_OPTIONS": "verify_asan_link_order=0", "CRASHVFS_WRITEBACK": "1000"}


def test_power_failures_lose_and_repeat_nothing(tmp_path):
    with KillRun(tmp_path, os.environ["PROGRAMS"], os.environ.get("SEED"), DISK) as run:
        run.start()
        run.kill_at_random(KILLS, KILLS)
        run.settle()
    faults, facts = run.check()
    assert run.log_faults() == []
    assert faults == []
    assert facts["pages"] > 0 and facts["acks"] > 0


def test_a_store_that_does_not_sync_loses_alerts(tmp_path):
    with KillRun(tmp_path, os.environ["PROGRAMS"], 1, dict(DISK, CRASHVFS_IGNORE_SYNC="1", CRASHVFS_WRITEBACK="0")) as run:
        run.start(with_duty=False)
        run.kill_at_random(6, 0)
        run.settle(10)
    faults, _ = run.check()
    print(*faults, sep="\n")
    assert any(f.startswith("lost at") for f in faults)
