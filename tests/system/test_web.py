"""The web listener of the real tocsin-edge: every answer of API v2's framework, prefix, external URL, bounds, CORS, pages."""

import json
import re
import socket
import threading

import pytest

from edge import GOOD, Edge

OBJECT = "application/json"


@pytest.fixture
def edge(tmp_path):
    started = []

    def start(*args, **kw):
        e = Edge(tmp_path, *args, **kw)
        started.append(e)
        return e

    (tmp_path / "am.yml").write_text(GOOD)
    yield start
    for e in started:
        if e.process.poll() is None:
            e.process.kill()
        e.process.communicate()


J = {"Content-Type": "application/json"}
SILENCE = {"matchers": [{"name": "a", "value": "b", "isRegex": False}], "startsAt": "2020-01-01T00:00:00Z",
           "endsAt": "2090-01-01T00:00:00Z", "createdBy": "me", "comment": "c"}


def without(key):
    return json.dumps({k: v for k, v in SILENCE.items() if k != key})


def with_(**kw):
    return json.dumps({**SILENCE, **kw})


FRAMEWORK = [
    ("GET", "/api/v2/x", {}, None, 404, 404, "path /api/v2/x was not found"),
    ("PUT", "/api/v2/alerts", {}, None, 405, 405, "method PUT is not allowed, but [GET,POST] are"),
    ("HEAD", "/api/v2/alerts", {}, None, 405, 405, None),
    ("DELETE", "/api/v2/status", {}, None, 405, 405, "method DELETE is not allowed, but [GET] are"),
    ("POST", "/api/v2/receivers", J, "{}", 405, 405, "method POST is not allowed, but [GET] are"),
    ("POST", "/api/v2/alerts", {"Content-Type": "text/plain"}, "[]", 415, 415,
     'unsupported media type "text/plain", only [application/json] are allowed'),
    ("POST", "/api/v2/alerts", {}, b"[]", 415, 415,
     'unsupported media type "application/octet-stream", only [application/json] are allowed'),
    ("GET", "/api/v2/status", {"Accept": "text/html"}, None, 406, 406,
     "unsupported media type requested, only [application/json] are available"),
    ("GET", "/api/v2/alerts", {"Accept": "text/html"}, None, 406, 406,
     "unsupported media type requested, only [application/json] are available"),
    ("GET", "/api/v2/alerts/groups", {"Accept": "text/html"}, None, 406, 406,
     "unsupported media type requested, only [application/json] are available"),
    ("POST", "/api/v2/alerts", J, "[{", 400, 400, 'parsing alerts body from "" failed, because '),
    ("POST", "/api/v2/alerts", J, '[{"labels":{"a":"b"},"startsAt":"soon"}]', 400, 400,
     'parsing alerts body from "" failed, because '),
    ("POST", "/api/v2/alerts", J, '[{"labels":{"a":1}}]', 400, 400, 'parsing alerts body from "" failed, because '),
    ("POST", "/api/v2/silences", J, "{", 400, 400, 'parsing silence body from "" failed, because '),
    ("POST", "/api/v2/alerts", {}, None, 422, 602, "alerts in body is required"),
    ("POST", "/api/v2/alerts", J, "  ", 422, 602, "alerts in body is required"),
    ("POST", "/api/v2/silences", {}, None, 422, 602, "silence in body is required"),
    ("POST", "/api/v2/alerts", J, "[{}]", 422, 602, "0.labels in body is required"),
    ("POST", "/api/v2/alerts", J, '[{"labels":{"a":"b"}},{"labels":null}]', 422, 602, "1.labels in body is required"),
    ("POST", "/api/v2/alerts", J, "[null]", 422, 602, "0 in body is required"),
    ("POST", "/api/v2/silences", J, without("comment"), 422, 602, "comment in body is required"),
    ("POST", "/api/v2/silences", J, without("createdBy"), 422, 602, "createdBy in body is required"),
    ("POST", "/api/v2/silences", J, without("endsAt"), 422, 602, "endsAt in body is required"),
    ("POST", "/api/v2/silences", J, without("matchers"), 422, 602, "matchers in body is required"),
    ("POST", "/api/v2/silences", J, without("startsAt"), 422, 602, "startsAt in body is required"),
    ("POST", "/api/v2/silences", J, "{}", 422, 602, "comment in body is required"),
    ("POST", "/api/v2/silences", J, with_(matchers=[{"value": "b", "isRegex": False}]), 422, 602,
     "matchers.0.name in body is required"),
    ("POST", "/api/v2/alerts", J, '[{"labels":{"a":"b"},"generatorURL":"foo"}]', 422, 601,
     '0.generatorURL in body must be of type uri: "foo"'),
    ("POST", "/api/v2/silences", J, with_(matchers=[]), 422, 612, "matchers in body should have at least 1 items"),
    ("GET", "/api/v2/silence/foo", {}, None, 422, 601, 'silenceID in path must be of type uuid: "foo"'),
    ("DELETE", "/api/v2/silence/foo", {}, None, 422, 601, 'silenceID in path must be of type uuid: "foo"'),
]

HANDLER = [
    ("GET", "/api/v2/alerts?filter=%22", None, 400, '"'),
    ("GET", "/api/v2/alerts?receiver=(", None, 400, '"failed to parse receiver param: '),
    ("GET", "/api/v2/alerts?receiver_matchers=%22", None, 400, '"failed to parse receiver_matchers param: '),
    ("GET", "/api/v2/alerts/groups?receiver=(", None, 400, '"failed to parse receiver param: '),
    ("GET", "/api/v2/receivers?receiver_matchers=%22", None, 400, '"failed to parse receiver_matchers param: '),
    ("POST", "/api/v2/alerts", '[{"labels":{}}]', 400, '"at least one label pair required"\n'),
    ("POST", "/api/v2/alerts", '[{"labels":{"a":"b"},"startsAt":"2021-01-01T00:00:00Z","endsAt":"2020-01-01T00:00:00Z"}]', 400,
     '"start time must be before end time"\n'),
    ("POST", "/api/v2/silences", with_(endsAt="2020-01-01T00:00:00Z"), 400,
     '"Failed to create silence: start time must be before end time"\n'),
    ("POST", "/api/v2/silences", with_(id="00000000-0000-0000-0000-000000000000"), 404, '"silence not found"\n'),
    ("GET", "/api/v2/silence/00000000-0000-0000-0000-000000000000", None, 404, ""),
    ("DELETE", "/api/v2/silence/00000000-0000-0000-0000-000000000000", None, 404, ""),
]


def test_every_answer_of_the_framework_and_of_the_handlers(edge):
    e = edge().ready()
    for method, path, headers, body, status, code, message in FRAMEWORK:
        r = e.send(method, path, body, headers)
        where = f"{method} {path} {body}: {r.status} {r.body}"
        assert r.status == status, where
        assert r.headers["Content-Type"] == OBJECT and r.headers["Cache-Control"] == "no-store", where
        if message is None:
            assert r.body == ""
            continue
        assert r.body.endswith("}\n"), where
        got = json.loads(r.body)
        assert list(got) == ["code", "message"] and got["code"] == code, where
        assert got["message"] == message or (message.endswith("because ") and got["message"].startswith(message)), where
        if status == 405:
            assert r.headers["Allow"] == message[message.index("[") + 1:message.index("]")]
    for method, path, body, status, text in HANDLER:
        r = e.send(method, path, body, J)
        where = f"{method} {path} {body}: {r.status} {r.body}"
        assert r.status == status and r.headers["Cache-Control"] == "no-store", where
        assert r.body.startswith(text) and (text or r.body == ""), where
        assert (r.headers["Content-Type"] == OBJECT) == (text != ""), where
    for path in ("status", "receivers", "alerts", "silences", "silence/1"):
        r = e.send("GET", "/api/v1/" + path)
        assert r.status == 410 and json.loads(r.body)["status"] == "deprecated"
    assert e.end() == 0


def test_pages_and_redirects_without_a_prefix(edge):
    e = edge().ready()
    r = e.send("GET", "/")
    assert r.status == 200 and r.headers["Content-Type"] == "text/html; charset=utf-8"
    assert r.headers["Cache-Control"] == "no-cache, no-store, must-revalidate"
    assert "script-src 'self'" in r.headers["Content-Security-Policy"]
    assert re.findall(r'src="([^"]+)"', r.body) == ["script.js"]
    r = e.send("GET", "/script.js")
    assert r.status == 200 and "textContent" in r.body and "innerHTML" not in r.body
    for path, to in (("/-/ready/", "/-/ready"), ("/metrics/?x=1", "/metrics?x=1"), ("/api/v2", "/api/v2/")):
        r = e.send("GET", path)
        assert (r.status, r.headers["Location"]) == (301, to)
    r = e.send("POST", "/-/reload/")
    assert (r.status, r.headers["Location"]) == (308, "/-/reload")
    for path in ("/favicon.ico", "/assets/index.js", "/debug/pprof/", "/nowhere", "/-/"):
        assert e.send("GET", path).status == 404
    for path in ("/-/healthy", "/-/ready"):
        assert e.send("GET", path).body == "OK"
        r = e.send("HEAD", path)
        assert (r.status, r.body) == (200, "")
        assert e.send("POST", path).status == 405
    assert e.end() == 0


@pytest.mark.parametrize("args", [["--web.route-prefix=/alerting/"], ["--web.route-prefix", "alerting"],
                                  ["--web.external-url=https://am.example.org/alerting/"]])
def test_a_prefix_holds_for_all_paths(edge, args):
    e = edge(*args).ready()
    r = e.send("GET", "/")
    assert (r.status, r.headers["Location"]) == (302, "/alerting")
    r = e.send("GET", "/alerting?q=1")
    assert (r.status, r.headers["Location"]) == (301, "/alerting/?q=1")
    r = e.send("GET", "/alerting/-/ready/")
    assert (r.status, r.headers["Location"]) == (301, "/alerting/-/ready")
    for path in ("/", "/-/ready", "/metrics", "/api/v2/status", "/api/v2/alerts"):
        assert e.send("GET", "/alerting" + path).status == 200, path
        assert path == "/" or e.send("GET", path).status == 404
    assert json.loads(e.send("GET", "/alerting/api/v2/x").body)["message"] == "path /api/v2/x was not found"
    assert e.send("GET", "/alertingx/-/ready").status == 404
    assert e.send("POST", "/alerting/-/reload").status == 200
    assert 'handler="/-/ready"' in e.send("GET", "/alerting/metrics").body
    assert e.end() == 0


def test_route_prefix_beats_the_external_urls_path(edge):
    e = edge("--web.external-url=http://proxy/alerting", "--web.route-prefix=/").ready()
    assert e.send("GET", "/-/ready").status == 200
    assert e.end() == 0
    e = edge("--web.external-url=ftp://proxy/")
    assert e.process.wait(60) == 1
    e.end()
    assert "only 'http' and 'https' are supported" in e.log


def test_other_sites_may_read_and_not_write(edge):
    e = edge("--web.external-url=https://am.example.org", "--web.route-prefix=/").ready()
    evil = {"Origin": "https://evil.example", **J}
    r = e.send("GET", "/api/v2/alerts", None, evil)
    assert r.status == 200 and r.headers["Access-Control-Allow-Origin"] == "*" and r.headers["Vary"] == "Origin"
    alert = '[{"labels":{"a":"b"}}]'
    for method, path, body in (("POST", "/api/v2/alerts", alert), ("POST", "/api/v2/silences", json.dumps(SILENCE)),
                               ("DELETE", "/api/v2/silence/00000000-0000-0000-0000-000000000000", None), ("POST", "/-/reload", None)):
        r = e.send(method, path, body, evil)
        assert r.status == 403 and "--web.cors.allow-writes" in r.body, path
    assert e.ask("GET", "/api/v2/alerts")[1] == "[]\n"
    for origin in ("https://am.example.org", f"http://127.0.0.1:{e.port}"):
        assert e.send("POST", "/api/v2/alerts", alert, {"Origin": origin, **J}).status == 200
    r = e.send("OPTIONS", "/api/v2/silences", None, {**evil, "Access-Control-Request-Method": "POST"})
    assert r.status == 204 and "Access-Control-Allow-Methods" not in r.headers
    r = e.send("OPTIONS", "/api/v2/silences", None, {**evil, "Access-Control-Request-Method": "GET"})
    assert r.status == 204 and r.headers["Access-Control-Allow-Methods"] == "GET"
    assert e.metric("tocsin_http_cross_origin_refused_total") == 4
    assert e.end() == 0

    e = edge("--web.cors.allow-writes").ready()
    r = e.send("POST", "/api/v2/alerts", alert, evil)
    assert r.status == 200 and r.headers["Access-Control-Allow-Origin"] == "*"
    r = e.send("OPTIONS", "/api/v2/alerts", None,
               {**evil, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"})
    assert r.headers["Access-Control-Allow-Methods"] == "POST" and r.headers["Access-Control-Allow-Headers"] == "content-type"
    r = e.send("OPTIONS", "/api/v2/alerts", None, {**evil, "Access-Control-Request-Method": "DELETE"})
    assert "Access-Control-Allow-Methods" not in r.headers  # as Alertmanager has it
    assert e.end() == 0


def fill(e, n):
    """Alerts with so much text that a listing of them fits into no socket's buffer."""
    text = "x" * 10000
    for first in range(0, n, 100):
        alerts = [{"labels": {"n": str(i)}, "annotations": {"text": text}} for i in range(first, first + 100)]
        assert e.ask("POST", "/api/v2/alerts", json.dumps(alerts))[0] == 200


def hanging_listing(e):
    """A client that asks for the alerts and takes no more than the answer's head."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", e.port))
    s.sendall(b"GET /api/v2/alerts HTTP/1.1\r\nHost: x\r\n\r\n")
    assert s.recv(12) == b"HTTP/1.1 200"
    return s


def test_gets_beyond_the_limit_are_refused(edge):
    e = edge("--web.get-concurrency=2").ready()
    fill(e, 1500)
    hanging = [hanging_listing(e), hanging_listing(e)]
    for path in ("/metrics", "/", "/api/v2/status", "/-/healthy"):
        r = e.send("GET", path)
        assert r.status == 503
        assert r.body == "Limit of concurrent GET requests reached (2), try again later.\n\n"
    assert e.send("HEAD", "/-/healthy").status == 200  # only GETs are counted, as in Alertmanager
    assert e.ask("POST", "/api/v2/alerts", '[{"labels":{"a":"b"}}]')[0] == 200
    hanging[0].close()
    while e.send("GET", "/-/ready").status == 503:
        pass  # until the server has seen it go
    assert e.metric('alertmanager_http_concurrency_limit_exceeded_total{method="get"}') >= 4
    assert e.metric('alertmanager_http_requests_in_flight{method="get"}') == 2  # the listing, and this question
    hanging[1].close()
    assert e.end() == 0


def test_the_default_limit_is_at_least_eight(edge):
    e = edge().ready()
    fill(e, 1500)
    hanging = [hanging_listing(e) for _ in range(7)]
    assert e.send("GET", "/-/ready").status == 200
    for s in hanging:
        s.close()
    assert e.end() == 0


def test_requests_that_take_too_long_are_ended(edge):
    e = edge("--web.timeout=100ms").ready()
    fill(e, 1500)
    s = hanging_listing(e)
    s.settimeout(60)
    got = b""
    while chunk := s.recv(1 << 20):
        got += chunk
        if not got.endswith(b"\r\n0\r\n\r\n") and len(got) < 100000:
            threading.Event().wait(0.05)  # a slow reader; the answer does not depend on how slow
    assert not got.endswith(b"0\r\n\r\n")  # cut off, and to be seen as such
    assert e.metric("tocsin_http_timed_out_total") == 1
    assert e.metric('alertmanager_http_requests_in_flight{method="get"}') == 1
    assert e.end() == 0


def test_metrics_have_alertmanagers_names_and_bounded_series(edge):
    e = edge("--cluster.listen-address=127.0.0.1:0", "--cluster.peer-name=me").ready()
    for i in range(50):
        e.send("GET", f"/api/v2/nowhere-{i}")
        e.send("GET", f"/nowhere-{i}")
        e.send("GET", f"/api/v2/silence/{i}")
        e.send(f"M{chr(65 + i % 26)}", "/-/ready")
    e.ask("POST", "/api/v2/alerts", '[{"labels":{"a":"b"}}]')
    text = e.send("GET", "/metrics").body
    assert 'alertmanager_http_request_duration_seconds_count{handler="/api/v2/alerts",method="post",code="200"} 1\n' in text
    assert 'alertmanager_http_request_duration_seconds_bucket{handler="/api/v2/*",method="get",code="404",le="+Inf"} 50\n' in text
    assert 'alertmanager_http_request_duration_seconds_count{handler="/api/v2/silence/{silenceID}",method="get",code="422"} 50\n' in text
    assert 'alertmanager_http_response_size_bytes_count{handler="other",method="get"} 50\n' in text
    assert 'nowhere' not in text
    series = set(re.findall(r"^alertmanager_http_request_duration_seconds_count{[^}]*(?:\{silenceID\}[^}]*)?}", text, re.M))
    assert len(series) < 12
    for line in ("alertmanager_cluster_enabled 1", "alertmanager_cluster_members 1", "alertmanager_cluster_failed_peers 0",
                 "alertmanager_peer_position 0", 'alertmanager_cluster_peer_info{peer="me"} 1',
                 "alertmanager_receivers 1", "alertmanager_integrations 1", 'alertmanager_alerts{state="unprocessed"} 1',
                 'alertmanager_silences{state="active"} 0', 'alertmanager_notification_latency_seconds_count{integration="webhook"} 0',
                 'alertmanager_build_info{branch="",goarch="",goos="linux",goversion="",revision="",tags="",version="0.34.0"} 1',
                 "alertmanager_alerts_per_alert_limit 0", "alertmanager_config_last_reload_successful 1"):
        assert line + "\n" in text, line
    for name in ("process_open_fds", "process_max_fds", "process_resident_memory_bytes", "process_virtual_memory_bytes",
                 "process_cpu_seconds_total", "process_start_time_seconds"):
        assert float(re.search(rf"^{name} (\S+)$", text, re.M)[1]) > 0
    names = re.findall(r"^# TYPE (\S+) ", text, re.M)
    assert len(names) == len(set(names))
    for line in text.splitlines():
        assert line.startswith("# ") or re.fullmatch(r'[a-z_:]+(\{[a-zA-Z_]+="(\\.|[^"\\])*"(,[a-zA-Z_]+="(\\.|[^"\\])*")*\})? \S+', line), line
    assert e.end() == 0


def test_web_config_guards_all_of_it(edge, tmp_path):
    """Users and headers of --web.config.file; TLS and certificates: tests/unit/io."""
    secret = "$2b$04$HBGfGmVgz4o7cZt61MSLVOtoxPy/dndhWel9yVOWFL/dNQ3MYxaxG"
    (tmp_path / "web.yml").write_text(
        f"basic_auth_users: {{ann: '{secret}'}}\nhttp_server_config: {{headers: {{X-Frame-Options: deny}}}}\n")
    e = edge(f"--web.config.file={tmp_path}/web.yml").ready()
    for path in ("/", "/-/healthy", "/-/ready", "/metrics", "/api/v2/status"):
        r = e.send("GET", path)
        assert (r.status, r.body, r.headers["WWW-Authenticate"]) == (401, "Unauthorized\n", "Basic")
        r = e.send("GET", path, None, {"Authorization": "Basic YW5uOnNlY3JldA=="})
        assert r.status == 200 and r.headers["X-Frame-Options"] == "deny"
    assert e.end() == 0
    (tmp_path / "web.yml").write_text("basic_auth_users: {ann: secret}\n")
    e = edge(f"--web.config.file={tmp_path}/web.yml")
    assert e.process.wait(60) == 1
    e.end()
    assert "not a bcrypt hash" in e.log and "secret\n" not in e.log
