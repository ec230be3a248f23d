"""tocsinctl against a stub of the global API: what it asks, follows, prints and returns."""

import http.server
import json
import os
import re
import subprocess
import threading

import pytest

TOOL = os.environ["TOCSINCTL"]
MAN = os.path.join(os.path.dirname(__file__), "../../docs/man/tocsinctl.1")


class Stub:
    """Answers from a table {(method, path): (status, body)} and keeps what was asked."""

    def __init__(self):
        self.answers, self.asked = {}, []
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                stub.asked.append((self.command, self.path, body.decode(), dict(self.headers)))
                status, answer = stub.answers.get((self.command, self.path), (404, {"error": "no such incident"}))
                data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = answer

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def stub():
    s = Stub()
    yield s
    s.close()


@pytest.fixture
def run(stub, tmp_path):
    def run(*args, url=stub.url, **env):
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **env}
        if url:
            env["TOCSIN_GLOBAL_URL"] = url
        return subprocess.run([TOOL, *args], env=env, capture_output=True, text=True, timeout=60)

    return run


INCIDENT = {
    "id": "00ff00ff00ff00ff",
    "state": "triggered",
    "title": "DiskFull \x1b[31m storage",
    "severity": "critical",
    "team": "storage",
    "affected_sites": ["ams1", "fra1"],
    "opened_at": "2026-11-22T18:00:00.000Z",
    "acked_by": None,
    "a_field_from_the_future": {"x": 1},
}


def test_list(run, stub):
    stub.answers["GET", "/api/v1/incidents"] = (200, {"v": 1, "incidents": [INCIDENT, {"id": "2"}]})
    r = run("incidents", "list")
    assert r.returncode == 0, r.stderr
    lines = r.stdout.splitlines()
    assert lines[0].split() == ["ID", "STATE", "SEVERITY", "TEAM", "SITES", "OPENED", "ACKED", "BY", "TITLE"]
    assert "ams1,fra1" in lines[1] and "00ff00ff00ff00ff" in lines[1]
    assert "\x1b" not in r.stdout, "a label must not drive the terminal"
    assert lines[2].split() == ["2"]


def test_list_filters_are_encoded(run, stub):
    path = "/api/v1/incidents?state=triggered&team=a%26b%20c&site=fra1"
    stub.answers["GET", path] = (200, {"incidents": []})
    r = run("incidents", "list", "--site", "fra1", "--team=a&b c", "--state", "triggered")
    assert (r.returncode, r.stdout) == (0, "no incidents\n"), r.stderr


def test_a_cut_list_says_so(run, stub):
    stub.answers["GET", "/api/v1/incidents?limit=1"] = (200, {"incidents": [INCIDENT], "matching": 3})
    assert run("incidents", "list", "--limit", "1").stdout.splitlines()[-1] == "1 of 3; --limit shows more"


def test_json_passes_through(run, stub):
    text = '{"v":1, "incidents":[ ],"extra":3}'
    stub.answers["GET", "/api/v1/incidents"] = (200, text)
    assert run("incidents", "list", "-o", "json").stdout == text + "\n"
    stub.answers["GET", "/api/v1/sites"] = (200, '{"sites":[]}')
    assert run("sites", "-ojson").stdout == '{"sites":[]}\n'


def test_show(run, stub):
    incident = dict(INCIDENT, members=[{"site": "fra1", "state": "firing"}, {"site": "ams1", "stale": True}],
                    timeline=[{"at": "2026-11-22T18:00:00.000Z", "what": "opened"}])
    stub.answers["GET", "/api/v1/incidents/a%2Fb"] = (200, incident)
    r = run("incidents", "show", "a/b")
    assert r.returncode == 0, r.stderr
    for word in ["storage", "ams1,fra1", "members", "firing", "timeline", "opened", "true"]:
        assert word in r.stdout


def test_ack(run, stub):
    stub.answers["POST", "/api/v1/incidents/1/ack"] = (200, {"effective": True})
    r = run("incidents", "ack", "1", "-c", 'on "it"', "--user", "bob")
    assert r.returncode == 0 and "acknowledged" in r.stdout
    method, path, body, headers = stub.asked[0]
    assert json.loads(body) == {"comment": 'on "it"'}
    assert headers["Authorization"].startswith("Basic ")


def test_ack_that_is_not_effective_yet_says_so(run, stub):
    stub.answers["POST", "/api/v1/incidents/1/ack"] = (202, {"effective": False})
    r = run("incidents", "ack", "1")
    assert r.returncode == 0 and "does not know yet" in r.stdout


def test_several_go_on_after_one_fails(run, stub):
    stub.answers["POST", "/api/v1/incidents/2/ack"] = (200, {"effective": True})
    r = run("incidents", "ack", "1", "2")
    assert r.returncode == 1
    assert "incident 1: no such incident (status 404)" in r.stderr and "incident 2: acknowledged" in r.stdout


def test_421_is_followed_once_and_said(run, stub):
    other = Stub()
    stub.answers["POST", "/api/v1/incidents/1/ack"] = (421, {"error": "not me", "url": other.url + "/"})
    other.answers["POST", "/api/v1/incidents/1/ack"] = (200, {"effective": True})
    r = run("incidents", "ack", "1", "-c", "x")
    assert r.returncode == 0 and "asking " + other.url in r.stderr
    assert json.loads(other.asked[0][2]) == {"comment": "x"}
    other.answers["POST", "/api/v1/incidents/1/ack"] = (421, {"error": "nor me", "url": stub.url})
    r = run("incidents", "ack", "1")
    assert r.returncode == 1 and "nor me" in r.stderr
    assert len(stub.asked) == 2 and len(other.asked) == 2
    other.close()


def test_resolve_needs_force_while_firing(run, stub):
    stub.answers["POST", "/api/v1/incidents/1/resolve"] = (409, {"error": "fra1 is still firing"})
    r = run("incidents", "resolve", "1")
    assert r.returncode == 1 and "fra1 is still firing" in r.stderr and "--force" in r.stderr
    stub.answers["POST", "/api/v1/incidents/1/resolve"] = (200, {})
    assert run("incidents", "resolve", "1", "--force").returncode == 0
    assert json.loads(stub.asked[1][2]) == {"force": True}


def test_sites(run, stub):
    stub.answers["GET", "/api/v1/sites"] = (200, {"sites": [
        {"site": "fra1", "state": "live", "streams": [
            {"node": "e1", "stream": "u1", "live": True, "last_seen_ms_ago": 7, "duty_holder": "g1", "cursor": 12},
            {"node": "e2", "stream": "u2", "live": False}]},
        {"site": "ams1", "state": "silent", "streams": []}]})
    r = run("sites")
    rows = [line.split() for line in r.stdout.splitlines()]
    assert rows[1] == ["fra1", "live", "e1", "u1", "true", "7", "g1", "12"]
    assert rows[2] == ["fra1", "live", "e2", "u2", "false"]
    assert rows[3] == ["ams1", "silent"]


def test_teams(run, stub):
    stub.answers["GET", "/api/v1/teams"] = (200, {"teams": [{"name": "root"}, {"name": "db", "parent": "root"}]})
    rows = [line.split() for line in run("teams").stdout.splitlines()]
    assert rows == [["name", "parent"], ["root"], ["db", "root"]]


@pytest.mark.parametrize("answer", [(200, "<html>"), (200, "[]"), (503, ""), (401, "no"), (200, {"sites": 3})])
def test_odd_answers_are_errors(run, stub, answer):
    stub.answers["GET", "/api/v1/sites"] = answer
    r = run("sites")
    assert r.returncode == 1 and r.stderr.startswith("tocsinctl: ") and r.stdout == ""


def test_config_file(run, stub, tmp_path):
    stub.answers["GET", "/api/v1/teams"] = (200, {"teams": []})
    assert run("teams", url=None).returncode == 1
    folder = tmp_path / ".config/tocsin"
    folder.mkdir(parents=True)
    (folder / "tocsinctl.yml").write_text("global.url: %s/\nuser: ann\nother.tool: x\noutput: extended\n" % stub.url)
    r = run("teams", url=None)
    assert r.returncode == 0, r.stderr
    assert "Authorization" in stub.asked[0][3]
    (folder / "tocsinctl.yml").write_text("global.url: [a\n")
    r = run("teams", url=None)
    assert r.returncode == 1 and "tocsinctl.yml:" in r.stderr


@pytest.mark.parametrize("args", [["nonsense"], ["pki", "nonsense"], ["pki", "list", "--nonsense"],
                                  ["incidents", "show"], ["incidents", "show", "1", "2"], ["sites", "--timeout"],
                                  ["sites", "--timeout", "soon"], ["sites", "--output", "xml"],
                                  ["sites", "--cert", "x"], ["pki", "issue", "site", "FRA1/e1"],
                                  ["pki", "issue", "site", "fra1"], ["pki", "init", "--days", "0"],
                                  ["pki", "init", "--not-after", "soon"]])
def test_mistakes_exit_1_and_say_why(run, args):
    r = run(*args)
    assert r.returncode == 1 and r.stderr.startswith("tocsinctl: ") and r.stdout == ""


def test_pki(run, tmp_path):
    pki = ["--dir", str(tmp_path / "pki")]
    assert "pki init" in run("pki", "list", *pki).stderr
    assert run("pki", "init", *pki).returncode == 0
    assert run("pki", "init", *pki).returncode == 1
    assert run("pki", "issue", "site", "fra1/e1", *pki, "--out", str(tmp_path / "edge")).returncode == 0
    assert run("pki", "issue", "global", "g1", "--dns", "localhost", "--ip=::1", *pki).returncode == 0
    assert run("pki", "issue", "user", "bob", "--not-after", "2100-01-01T00:00:00Z", *pki).returncode == 1
    assert run("pki", "revoke", "fra1/e1", *pki).returncode == 0
    assert run("pki", "crl", *pki).returncode == 0
    rows = [line.split() for line in run("pki", "list", *pki).stdout.splitlines()]
    assert [row[1] for row in rows] == ["STATE", "revoked", "valid"]
    verify = ["openssl", "verify", "-CAfile", tmp_path / "pki/ca.pem", "-CRLfile", tmp_path / "pki/ca.crl", "-crl_check"]
    assert subprocess.run([*verify, tmp_path / "pki/global.g1.pem"], capture_output=True).returncode == 0
    assert b"revoked" in subprocess.run([*verify, tmp_path / "edge.pem"], capture_output=True).stderr


def test_the_manual_has_the_commands_and_options_of_help_and_no_others(run):
    manual = re.sub(r"\\f.|\\", "", open(MAN).read())
    commands = re.findall(r"^  ([a-z-]+(?: [a-z-]+)*?)(?=  | [A-Z\[]|$)", run("--help").stdout, re.M)
    assert len(commands) > 25
    options = {"--help", "--version", "--name", "--no"}
    for command in commands:
        assert command in manual, command
        text = run(*command.split(), "--help").stdout
        for option in re.findall(r"--[a-z][a-z0-9.-]*", text):
            assert option in manual, (command, option)
            options.add(option)
    assert set(re.findall(r"(?<![a-z-])--[a-z][a-z0-9.-]*[a-z]", manual)) <= options
