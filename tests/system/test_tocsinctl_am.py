"""tocsinctl's amtool commands against a stub of Alertmanager's API: what is sent, by which credentials, in which order.
What real servers answer is in tests/compat/test_amtool.py."""

import base64
import http.server
import json
import os
import pty
import ssl
import subprocess
import threading

import pytest

from test_tocsinctl import TOOL, Stub, run, stub  # noqa: F401 (fixtures)

STATUS = {"versionInfo": {"version": "0.34.0"}, "config": {"original": "route: {receiver: a}\nreceivers: [{name: a}]\n"},
          "cluster": {"status": "ready", "name": "n", "peers": [{"address": a, "name": a[:3]} for a in
                                                                ["10.0.0.2:9094", "10.0.0.1:19094", "10.0.0.1:9094", "[::1]:1", "x"]]}}


@pytest.fixture
def am(stub, run):  # noqa: F811
    stub.answers["GET", "/api/v2/alerts?active=true&inhibited=false&silenced=false&unprocessed=false"] = (200, [])
    stub.answers["GET", "/api/v2/status"] = (200, STATUS)
    stub.answers["GET", "/api/v2/silences"] = (200, [])
    return lambda *args, **more: run("--alertmanager.url", more.pop("at", stub.url), *args, url=None, **more)


def paths(stub):  # noqa: F811
    return [asked[1] for asked in stub.asked]


def test_options_may_stand_anywhere(stub, am):  # noqa: F811
    for args in [["alert", "query", "-ojson", "--no-version-check"], ["-o", "json", "--no-version-check", "alert", "query"],
                 ["--no-version-check", "alert", "-o=json", "query"], ["--output=json", "alert", "--no-version-check"],
                 ["alert", "--output", "json", "query", "--no-version-check"]]:
        r = am(*args)
        if "-o=json" in args:  # a letter's value has no =
            assert r.returncode == 1 and "'=json'" in r.stderr
        else:
            assert (r.returncode, r.stdout) == (0, "[]\n"), r.stderr
    assert len(stub.asked) == 4


def test_switches_together_and_off(stub, am):  # noqa: F811
    stub.answers["GET", "/api/v2/alerts?active=false&inhibited=true&silenced=true&unprocessed=false"] = (200, [])
    assert am("alert", "query", "-is").returncode == 0
    assert am("alert", "query", "-isa", "--no-active").returncode == 0
    assert am("alert", "query", "-iz").returncode == 1
    assert am("alert", "query", "--no-receiver").returncode == 1
    assert am("alert", "query", "--active=true").returncode == 1


def test_help_of_groups_commands_and_the_rest(am):
    for args, words in [(["--help"], "silence import [FILE]"), (["help", "silence", "add"], "--annotation"), (["silence", "--help"], "silence expire"),
                        (["config", "routes", "test", "-h"], "--tests FILE"), (["silence", "add", "--help"], "(default 1h)")]:
        r = am(*args)
        assert r.returncode == 0 and words in r.stdout and r.stderr == ""
    assert am("alert", "--version").stdout.startswith("tocsinctl, version ")


def test_filters_and_paths_are_encoded(stub, am):  # noqa: F811
    stub.answers["GET", "/am/api/v2/alerts?active=true&inhibited=false&silenced=false&unprocessed=false&receiver=a%7Cb"
                 "&filter=alertname%3D%22two%20w%C3%B6rds%22&filter=x%3D~%22a%26b%22"] = (200, [])
    assert am("--no-version-check", "alert", "query", "-r", "a|b", "two wörds", 'x=~"a&b"', at=stub.url + "/am/").returncode == 0
    assert paths(stub) == [next(p for m, p in stub.answers if p.startswith("/am"))]


def test_a_server_of_another_version_is_told_of(stub, am):  # noqa: F811
    assert am("alert").stderr == ""
    stub.answers["GET", "/api/v2/status"] = (200, {"versionInfo": {"version": "0.27.1"}})
    assert "version is 0.27.1" in am("alert").stderr
    assert am("alert", "--no-version-check").stderr == ""
    stub.answers["GET", "/api/v2/status"] = (503, "busy")
    assert (am("alert").returncode, am("alert").stderr) == (0, "")
    stub.answers["GET", "/api/v2/status"] = (200, STATUS)
    stub.asked.clear()
    assert am("config", "routes", "test").stdout == "a\n"
    assert paths(stub) == ["/api/v2/status"]


@pytest.mark.parametrize("text,header", [
    ("basic_auth: {username: ann, password_file: secret}", "Basic " + base64.b64encode(b"ann:s3cret").decode()),
    ("authorization: {credentials: tok}", "Bearer tok"),
    ("authorization: {type: Token, credentials_file: secret}", "Token s3cret"),
    ("bearer_token: tok", "Bearer tok"),
    ("http_headers: {X-Scope: {secrets: [own]}, X-Two: {values: [a], files: [secret]}}", None),
])
def test_http_config_file(stub, am, tmp_path, text, header):  # noqa: F811
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/secret").write_text("s3cret\n")
    (tmp_path / "conf/http.yml").write_text(text + "\nenable_http2: true\n")
    r = am("alert", "--http.config.file", str(tmp_path / "conf/http.yml"))
    assert r.returncode == 0, r.stderr
    assert {asked[3].get("Authorization") for asked in stub.asked} == {header}
    if header is None:
        assert {asked[3]["X-Scope"] for asked in stub.asked} == {"own"} and "X-Two" in stub.asked[0][3]
    r = am("alert", "--http.config.file", str(tmp_path / "conf/http.yml"), at=stub.url.replace("//", "//u:p@"))
    assert (r.returncode, "mutually exclusive" in r.stderr) == (1, True)


@pytest.mark.parametrize("text,words", [
    ("basic_auth: {user: x}", "field user not found"), ("oauth2: {client_id: x, client_secret: y, token_url: 'http://t/'}", "oauth2 is not supported yet"),
    ("basic_auth: {username: a}\nbearer_token: b", "at most one of"), ("[", "http.yml:"),
    ("tls_config: {min_version: TLS9}", "unknown TLS version"),
    ("tls_config: {cert_file: x}", "key_file must be configured"), ("basic_auth: {username: a, password_file: none}", "none"),
    ("http_headers: {A: {values: [\"x\\ny\"]}}", "line break"), ("authorization: {type: Basic}", "use \"basic_auth\"")])
def test_bad_http_config_files(am, stub, tmp_path, text, words):  # noqa: F811
    (tmp_path / "http.yml").write_text(text + "\n")
    r = am("alert", "--http.config.file", str(tmp_path / "http.yml"))
    assert (r.returncode, r.stdout) == (1, "") and words in r.stderr and "failed to load HTTP config file: " in r.stderr
    assert stub.asked == []


def test_credentials_in_the_url(stub, am):  # noqa: F811
    assert am("alert", at=stub.url.replace("//", "//ann:p%40ss@")).returncode == 0
    assert {a[3]["Authorization"] for a in stub.asked} == {"Basic " + base64.b64encode(b"ann:p@ss").decode()}
    stub.answers["GET", "/api/v2/status"] = (401, "Unauthorized")
    r = am("cluster")
    assert r.returncode == 1 and "credentials are needed" in r.stderr


def test_tls_by_file_and_inline(am, tmp_path, run):  # noqa: F811
    assert run("pki", "init", "--dir", str(tmp_path / "pki")).returncode == 0
    issue = ["pki", "issue", "global", "g1", "--dns", "edge.example", "--dir", str(tmp_path / "pki"), "--out", str(tmp_path / "srv")]
    assert run(*issue).returncode == 0
    server = Stub()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "srv.pem", tmp_path / "srv.key")
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
    server.answers["GET", "/api/v2/status"] = (200, STATUS)
    url = server.url.replace("http:", "https:")
    assert am("cluster", at=url).returncode == 1
    pem = (tmp_path / "pki/ca.pem").read_text().replace("\n", "\n    ")
    name = "server_name: edge.example"
    for text, good in [("{ca_file: pki/ca.pem, min_version: TLS12, %s}" % name, True), ("\n  %s\n  ca: |\n    " % name + pem, True),
                       ("{insecure_skip_verify: true}", True), ("{ca_file: pki/ca.pem}", False), ("{%s}" % name, False),
                       ("{ca_file: pki/ca.pem, server_name: other.example}", False)]:
        (tmp_path / "http.yml").write_text("tls_config: " + text + "\n")
        r = am("cluster", "--http.config.file", str(tmp_path / "http.yml"), at=url)
        assert (r.returncode == 0, "ready" in r.stdout) == (good, good), (text, r.stderr)
    assert {asked[3]["Host"] for asked in server.asked} == {url.removeprefix("https://")}
    server.close()


def test_peers_are_sorted_by_address(am):
    r = am("cluster", "-o", "extended")
    assert [line.split()[0] for line in r.stdout.splitlines()[4:]] == ["x", "[::1]:1", "10.0.0.1:9094", "10.0.0.1:19094", "10.0.0.2:9094"]


def silence(i, **more):
    return {"id": f"00000000-0000-4000-8000-{i:012}", "matchers": [{"name": "a", "value": "b", "isRegex": False, "isEqual": True}], "comment": str(i),
            "createdBy": "me", "startsAt": "2030-01-01T00:00:00.000Z", "endsAt": "2031-01-01T00:00:00.000Z",
            "updatedAt": "2029-01-01T00:00:00.000Z", "status": {"state": "pending"}, "annotations": {"k": "<v>"}, **more}


class Importer:
    """Answers POST /api/v2/silences; knows some ids, refuses some comments, and counts who is at work at the same time."""

    def __init__(self):
        self.lock, self.together, self.most, self.bodies = threading.Lock(), 0, 0, []
        self.barrier, outer = threading.Barrier(4), self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer.lock:
                    outer.together += 1
                    outer.most = max(outer.most, outer.together)
                    outer.bodies.append(body)
                try:
                    outer.barrier.wait(10)
                except threading.BrokenBarrierError:
                    pass
                with outer.lock:
                    outer.together -= 1
                status, answer = (404, "silence not found") if body.get("id") else (200, {"silenceID": "new-" + body["comment"]})
                if body["comment"] == "bad":
                    status, answer = 400, "no \x1b such"
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_import_posts_several_at_a_time_and_tells_in_order(am, tmp_path):
    server = Importer()
    (tmp_path / "s.json").write_text(json.dumps([silence(i) for i in range(8)]))
    r = am("--no-version-check", "silence", "import", "-w", "4", str(tmp_path / "s.json"), at=server.url)
    assert (r.returncode, r.stdout.split()) == (0, [f"new-{i}" for i in range(8)]), r.stderr
    assert server.most == 4
    assert len(server.bodies) == 16 and sum("id" in b for b in server.bodies) == 8, "an unknown id becomes a new silence"
    assert set(server.bodies[0]) == {"id", "matchers", "comment", "createdBy", "startsAt", "endsAt", "annotations"}
    server.bodies.clear()
    server.barrier.abort()
    (tmp_path / "s.json").write_text(json.dumps([silence(1), silence(2, comment="bad"), silence(3)]))
    r = am("--no-version-check", "silence", "import", "--force", str(tmp_path / "s.json"), at=server.url)
    assert r.returncode == 1 and r.stdout.split() == ["new-1", "new-3"]
    assert "couldn't import 1 out of 3 silences" in r.stderr and not any("id" in b for b in server.bodies)
    for workers in ["0", "65", "x", "-1"]:
        assert "--worker" in am("silence", "import", "-w", workers, str(tmp_path / "s.json"), at=server.url).stderr
    server.server.shutdown()


def test_update_sends_what_stays_and_shows_the_new_id(stub, am):  # noqa: F811
    old = silence(1)
    stub.answers["GET", "/api/v2/silence/" + old["id"]] = (200, old)
    stub.answers["POST", "/api/v2/silences"] = (200, {"silenceID": "another"})
    r = am("silence", "update", "-d", "30m", "--start", "2030-06-01T00:00:00+02:00", "-o", "json", old["id"])
    shown = json.loads(r.stdout)[0]
    assert shown["id"] == "another" and shown["comment"] == "1"
    sent = json.loads(stub.asked[-1][2])
    assert sent == {**{k: old[k] for k in ("id", "matchers", "comment", "createdBy", "annotations")},
                    "startsAt": "2030-06-01T00:00:00.000+02:00", "endsAt": "2030-05-31T22:30:00.000Z"}
    r = am("silence", "update", "-q", "-c", "x", old["id"], silence(2)["id"])
    assert (r.returncode, r.stdout) == (1, "another\n"), "what was done before is told"
    assert silence(2)["id"] in r.stderr


@pytest.mark.parametrize("answer", [(200, "<html>"), (200, "{}"), (200, "null"), (200, [3, None, "x", {}]), (200, ""), (500, "")])
def test_odd_answers(stub, am, answer):  # noqa: F811
    for path in [p for m, p in stub.answers]:
        stub.answers["GET", path] = answer
    for args in [["alert"], ["alert", "-o", "extended"], ["silence"], ["silence", "-o", "json"], ["cluster"], ["config"], ["config", "routes"]]:
        r = am("--no-version-check", *args)
        listed = answer[1] == [3, None, "x", {}] and args[0] in ("alert", "silence")
        assert r.returncode == (0 if listed else 1), r.stderr
        assert "Sanitizer" not in r.stderr


def test_settings_of_both_kinds(stub, am, run, tmp_path):  # noqa: F811
    own, theirs = tmp_path / ".config/tocsin/tocsinctl.yml", tmp_path / ".config/amtool/config.yml"
    for file in (own, theirs):
        file.parent.mkdir(parents=True)
    theirs.write_text(f"alertmanager.url: {stub.url}\noutput: json\nversion-check: false\nmystery: x\n")
    assert run("alert", url=None).stdout == "[]\n"
    assert paths(stub) == ["/api/v2/alerts?active=true&inhibited=false&silenced=false&unprocessed=false"]
    own.write_text("output: simple\ndate.format: '2006'\n")
    assert run("alert", url=None).stdout.startswith("Alertname"), "ours goes first"
    stub.answers["GET", "/api/v1/teams"] = (200, {"teams": []})
    theirs.write_text("output: [\n")
    assert run("teams").returncode == 0, "amtool's file is for amtool's commands"
    r = run("alert", url=None)
    assert r.returncode == 1 and "could not load config file: " in r.stderr and "amtool/config.yml:" in r.stderr
    theirs.write_text("version-check: perhaps\nalertmanager.url: x\n")
    assert "neither true nor false" in run("alert", url=None).stderr
    other = tmp_path / "xdg"
    (other / "tocsin").mkdir(parents=True)
    (other / "tocsin/tocsinctl.yml").write_text(f"version-check: no\nalertmanager.url: {stub.url}\noutput: json\n")
    assert run("alert", url=None, XDG_CONFIG_HOME=str(other)).stdout == "[]\n"


def test_colours_are_for_terminals(stub, am):  # noqa: F811
    alert = {"labels": {"alertname": "A"}, "status": {"state": "suppressed"}, "startsAt": "2026-01-01T00:00:00Z"}
    stub.answers["GET", "/api/v2/alerts?active=true&inhibited=false&silenced=false&unprocessed=false"] = (200, [alert])
    assert "\x1b" not in am("alert").stdout
    for env, coloured in [({}, True), ({"NO_COLOR": "1"}, False)]:
        near, far = pty.openpty()
        subprocess.run([TOOL, "--alertmanager.url", stub.url, "alert"], stdout=far, env={"PATH": "", "HOME": "/nowhere", **env}, check=True)
        os.close(far)
        shown = os.read(near, 10000).decode()
        os.close(near)
        assert ("\x1b[33msuppressed\x1b[0m  \r\n" in shown) == coloured and "suppressed" in shown


def test_verbose_tells_each_request(stub, am):  # noqa: F811
    assert f"GET {stub.url}/api/v2/status: 200\n" in am("-v", "cluster").stderr
    assert "p%40ss" not in am("-v", "cluster", at=stub.url.replace("//", "//ann:p%40ss@")).stderr


def test_route_cases(run, tmp_path):  # noqa: F811
    (tmp_path / "am.yml").write_text("route: {receiver: a, routes: [{matchers: [x=y], receiver: b, active_time_intervals: [day]}]}\n"
                                     "receivers: [{name: a}, {name: b}]\ntime_intervals:\n- name: day\n  time_intervals:\n"
                                     "  - {times: [{start_time: '08:00', end_time: '18:00'}], location: Europe/Berlin}\n")
    cases = tmp_path / "cases.yml"
    test = ["config", "routes", "test", "--config.file", str(tmp_path / "am.yml"), "--tests", str(cases)]
    cases.write_text("- {labels: {x: y}, time: 2026-07-01T06:00:00Z, receivers: [b]}\n- {labels: {x: y}, time: 2026-01-01T06:59:59Z, receivers: []}\n")
    r = run(*test)
    assert (r.returncode, r.stdout, r.stderr) == (0, "2 cases passed\n", "")
    cases.write_text("- {labels: {x: y}, time: 2026-01-01T06:59:59Z, receivers: [b]}\n")
    r = run(*test)
    assert r.returncode == 1 and "- receivers  b\n+ receivers  (none)\n  muted      b (day)\n" in r.stdout and r.stderr == ""
    cases.write_text("x\n")
    r = run(*test)
    assert (r.returncode, r.stdout) == (1, "") and "cases.yml:1: " in r.stderr
    assert run(*test, "a=b").returncode == 1
    (tmp_path / "am.yml").write_text("route: {receiver: z}\n")
    assert 'undefined receiver "z"' in run(*test).stderr


def test_output_that_cannot_be_written_is_an_error():
    with open("/dev/full", "w", encoding="utf-8") as full:
        r = subprocess.run([TOOL, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (r.returncode, r.stderr) == (1, "tocsinctl: error: the output cannot be written\n")
