"""tocsin-edge takes the place of Debian's Alertmanager on a copy of its data directory: the same silences by id, no message
for a group that was already told, and the message that is owed when it resolves. The package is fetched and unpacked into
$FETCHED, nothing is installed."""
import datetime
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, os.path.join(ROOT, "deploy/lib"))

from cluster import HOST, Receiver, free_port_base, request, wait_for  # noqa: E402

CONFIG = """\
route: {receiver: team, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}
receivers: [{name: team, webhook_configs: [{url: "http://%s:%d/team"}]}]
"""


@pytest.fixture(scope="module")
def alertmanager():
    folder = os.path.abspath(os.environ["FETCHED"])
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["bash", "-ec", '. deploy/lib/packages.sh; fetch_alertmanager "$1"', "fetch", folder], check=True, cwd=ROOT)
    return os.path.join(folder, "prometheus-alertmanager/usr/alertmanager")


class Daemon:
    """One of the two, with what it logs in a file."""

    def __init__(self, folder, name, program, port, storage):
        self.log, self.url = os.path.join(folder, name + ".log"), f"http://{HOST}:{port}"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [program, f"--config.file={folder}/am.yml", f"--storage.path={folder}/{storage}",
                 f"--web.listen-address={HOST}:{port}", "--cluster.listen-address="],
                cwd=os.path.dirname(program), stdout=log, stderr=log)
        try:
            wait_for(f"{name} to be ready", 30, lambda: request(self.url + "/-/ready")[0] == 200)
        except TimeoutError:
            self.stop()
            raise

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.logged()

    def logged(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def api(self, path, body=None, method=None):
        status, answer = request(self.url + "/api/v2" + path, body, method=method)
        assert status == 200, (path, status, answer)
        return answer

    def fire(self, name, ends=None):
        now = datetime.datetime.now(datetime.timezone.utc)
        self.api("/alerts", [{"labels": {"alertname": name, "instance": "db-1"}, "startsAt": (now - HOUR).isoformat(),
                              "endsAt": (now + ends if ends else now + HOUR).isoformat()}])

    def silences(self):
        return sorted((s for s in self.api("/silences")), key=lambda s: s["id"])


HOUR = datetime.timedelta(hours=1)


def silence(matchers, starts, ends, comment):
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"matchers": [{"name": n, "value": v, "isRegex": r, "isEqual": e} for n, v, r, e in matchers],
            "startsAt": (now + starts).isoformat(), "endsAt": (now + ends).isoformat(), "createdBy": "somebody",
            "comment": comment}


def make_silences(am):
    zero = datetime.timedelta()
    made = [silence([("alertname", "Muted", False, True)], zero, HOUR, "by name"),
            silence([("alertname", "Mu.*|Other", True, True), ("instance", "db-[0-9]+", True, True)], zero, 2 * HOUR, "ünï <code>"),
            silence([("team", "", False, False), ("zone", "eu|us", True, False)], HOUR, 9 * HOUR, "later"),
            silence([("alertname", "New", False, True)], zero, HOUR, "ended by hand")]
    ids = [am.api("/silences", s)["silenceID"] for s in made]
    request(f"{am.url}/api/v2/silence/{ids[3]}", method="DELETE")
    return ids


def digests(folder):
    return {n: hashlib.sha256(open(os.path.join(folder, n), "rb").read()).hexdigest() for n in ("silences", "nflog")}


def told(receiver, name, status="firing"):
    return [r for r in receiver.rows if r["body"]["status"] == status and r["body"]["groupLabels"] == {"alertname": name}]


def test_an_edge_goes_on_where_the_alertmanager_stopped(alertmanager, tmp_path):
    ports, folder = free_port_base(10), str(tmp_path)
    receiver = Receiver(ports, os.path.join(folder, "rows.jsonl"))
    edge_program = os.path.abspath(os.path.join(os.environ["PROGRAMS"], "tocsin-edge"))
    with open(os.path.join(folder, "am.yml"), "w", encoding="utf-8") as f:
        f.write(CONFIG % (HOST, ports))
    daemons = []
    try:
        am = Daemon(folder, "alertmanager", alertmanager, ports + 1, "before")
        daemons.append(am)
        ids = make_silences(am)
        am.fire("Muted")
        am.fire("Told")
        wait_for("the Alertmanager's message", 30, lambda: told(receiver, "Told"))
        before = am.silences()
        assert sorted(ids) == [s["id"] for s in before]
        am.stop()
        shutil.copytree(os.path.join(folder, "before"), os.path.join(folder, "after"))
        files = digests(os.path.join(folder, "after"))

        edge = Daemon(folder, "edge", edge_program, ports + 2, "after")
        daemons.append(edge)
        assert edge.silences() == before
        for file, count in (("silences", 4), ("nflog", 1)):
            assert re.search(rf'component=import msg="taken over from an Alertmanager" file={file} .*taken={count} .*invalid=0',
                             edge.logged()), edge.logged()
            assert f'tocsin_import_records_total{{file="{file}",result="taken"}} {count}\n' in request(edge.url + "/metrics")[1]
        edge.fire("Muted")
        edge.fire("Told")
        edge.fire("New")
        wait_for("the edge's message", 30, lambda: told(receiver, "New"))  # its group is the last to be due
        assert len(told(receiver, "Told")) == 1 and not told(receiver, "Muted")
        edge.fire("Told", ends=-datetime.timedelta(seconds=1))
        wait_for("the message that is owed", 30, lambda: told(receiver, "Told", "resolved"))

        # Its own from here on: what is changed stays so, and the files are not read again.
        for i in ids[:2]:
            edge.api(f"/silence/{i}", method="DELETE")
        wait_for("the message about what is no longer muted", 30, lambda: told(receiver, "Muted"))
        changed = edge.silences()
        edge.stop()
        again = Daemon(folder, "again", edge_program, ports + 3, "after")
        daemons.append(again)
        assert again.silences() == changed
        assert "component=import" not in again.logged()
        assert digests(os.path.join(folder, "after")) == files
        again.stop()
        assert len(told(receiver, "Told")) == 1
    finally:
        for d in daemons:
            if d.process.poll() is None:
                d.process.kill()
                d.process.wait()
        receiver.close()


def test_a_damaged_file_is_taken_as_far_as_it_goes(alertmanager, tmp_path):
    ports, folder = free_port_base(10), str(tmp_path)
    edge_program = os.path.abspath(os.path.join(os.environ["PROGRAMS"], "tocsin-edge"))
    with open(os.path.join(folder, "am.yml"), "w", encoding="utf-8") as f:
        f.write(CONFIG % (HOST, ports))
    am = Daemon(folder, "alertmanager", alertmanager, ports + 1, "data")
    try:
        ids = make_silences(am)
        am.stop()
        path = os.path.join(folder, "data", "silences")
        with open(path, "rb") as f:
            whole = f.read()
        with open(path, "wb") as f:
            f.write(whole[:-5])
        edge = Daemon(folder, "edge", edge_program, ports + 2, "data")
        try:
            kept = [s["id"] for s in edge.silences()]
            assert len(kept) == 3 and set(kept) < set(ids)
            assert "a record of an Alertmanager's file cannot be used" in edge.logged()
            edge.stop()
        finally:
            if edge.process.poll() is None:
                edge.process.kill()
    finally:
        if am.process.poll() is None:
            am.process.kill()


def test_a_file_that_cannot_be_read_does_not_stop_the_start(tmp_path):
    port, folder = free_port_base(10), str(tmp_path)
    edge_program = os.path.abspath(os.path.join(os.environ["PROGRAMS"], "tocsin-edge"))
    with open(os.path.join(folder, "am.yml"), "w", encoding="utf-8") as f:
        f.write(CONFIG % (HOST, port))
    os.makedirs(os.path.join(folder, "data", "nflog"))
    edge = Daemon(folder, "edge", edge_program, port + 1, "data")
    edge.stop()
    assert edge.logged().count("an Alertmanager's file cannot be read") == 1
    os.rmdir(os.path.join(folder, "data", "nflog"))
    with open(os.path.join(folder, "data", "nflog"), "wb"):
        pass
    edge = Daemon(folder, "edge", edge_program, port + 2, "data")  # which tries again, and is done with it
    edge.stop()
    edge = Daemon(folder, "edge", edge_program, port + 3, "data")
    edge.stop()
    assert edge.logged().count("file=nflog bytes=0 taken=0 known=0 expired=0 invalid=0") == 1
