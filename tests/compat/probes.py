"""Single requests whose answers must be the same to the letter: what is refused, and in which words."""
JSON = "application/json"
SOON, FAR, PAST = "2199-01-01T00:00:00Z", "2199-02-01T00:00:00Z", "2001-01-01T00:00:00Z"
MATCHER = {"name": "probe", "value": "x", "isRegex": False}
SILENCE = {"matchers": [MATCHER], "startsAt": SOON, "endsAt": FAR, "createdBy": "me", "comment": "why"}


def without(key):
    return {k: v for k, v in SILENCE.items() if k != key}


def posts():
    """Bodies for POST /alerts; whatever is taken in must not stay: it has ended."""
    alert = {"labels": {"probe": "x"}, "startsAt": PAST, "endsAt": PAST}
    yield from (
        [], [alert], [{**alert, "labels": {}}], [{**alert, "labels": {"a": ""}}], [{**alert, "labels": {"": "x"}}],
        [{"labels": {"probe": "x"}, "startsAt": SOON, "endsAt": PAST}],
        [{**alert, "labels": {}}, alert, {"labels": {"probe": "y"}, "startsAt": SOON, "endsAt": PAST}],
        [{"startsAt": PAST, "endsAt": PAST}], [{**alert, "labels": None}], [{**alert, "generatorURL": "no uri"}],
        [{**alert, "generatorURL": "http://ok.example/x?y=z#f"}], [{**alert, "generatorURL": "/graph"}], [{**alert, "generatorURL": ""}],
        [{**alert, "extra": [1, {"x": None}]}], [{**alert, "LABELS": {"probe": "z"}}], [{**alert, "annotations": {"a": ""}}],
        [{**alert, "annotations": None}], [{**alert, "startsAt": None}], [{**alert, "endsAt": "0001-01-01T00:00:00Z", "startsAt": FAR}],
        [{**alert, "startsAt": "2001-01-01T02:00:00+02:00"}], [{**alert, "endsAt": "2001-01-01T00:00:00.123456789Z"}])
    yield from (
        b"", b" ", b"null", b"{}", b"[", b"[{]", b"[1]", b'["x"]', b'[{"labels": 1}]', b'[{"labels": {"a": 1}}]', b'[{"labels": ["a"]}]',
        b'[{"labels": {"a": "b"}, "startsAt": "yesterday"}]', b'[{"labels": {"a": "b"}, "endsAt": 5}]', b'[] []', b'[]x',
        b'[{"labels": {"a": "b"}, "generatorURL": 1}]', b'[{"labels": {"a": "b"}, "annotations": "x"}]', b"nonsense")


def silences():
    yield from (without(k) for k in SILENCE)
    yield from ({**SILENCE, k: None} for k in SILENCE)
    yield from ({**SILENCE, "matchers": m} for m in (
        [], [{}], [{**MATCHER, "name": None}], [{"name": "a", "value": "b"}], [{"name": "a", "isRegex": True}],
        [{"name": "", "value": "b", "isRegex": False}], [{"name": "a", "value": "", "isRegex": False}],
        [{"name": "a", "value": ".*", "isRegex": True}], [{"name": "a", "value": "(", "isRegex": True}],
        [{"name": "a", "value": "", "isRegex": False, "isEqual": False}], [{**MATCHER, "isEqual": None}], "x", [1]))
    yield from ({**SILENCE, **more} for more in (
        {"startsAt": FAR, "endsAt": SOON}, {"startsAt": SOON, "endsAt": SOON}, {"startsAt": PAST, "endsAt": "2002-01-01T00:00:00Z"},
        {"startsAt": "x"}, {"endsAt": ""}, {"id": "0a0a0a0a-0000-4000-8000-000000000000"}, {"id": "nonsense"}, {"createdBy": 1}))
    yield from (b"", b"null", b"[]", b"{", b"{}", b"x")


def gets():
    yield from ("/api/v2/alerts", "/api/v2/silences", "/api/v2/alerts/groups", "/api/v2/receivers")
    for where in ("/api/v2/alerts", "/api/v2/alerts/groups", "/api/v2/silences"):
        for f in ("a%3Db", "a", "", "%3Db", "a%3D", "a%3D%22b", "a%3D~%28", "a%3D%22x%22y%22", "%7Ba%3Db%7D", "a%3Db%2Cc%3Dd", "a!%3Db", "a!~b.%2A"):
            yield f"{where}?filter={f}"
    for where in ("/api/v2/alerts", "/api/v2/alerts/groups"):
        for r in ("root", "(", "r.*", "", "%2A"):
            yield f"{where}?receiver={r}"
    yield from ("/api/v2/nothing", "/api/v2", "/api/v2/", "/api/v2/silence/nonsense", "/api/v2/silence/",
                "/api/v2/silence/0a0a0a0a-0000-4000-8000-000000000000", "/api/v2/silence/0A0A0A0A-0000-4000-8000-000000000000",
                "/api/v2/silence/%7B0a0a0a0a-0000-4000-8000-000000000000%7D", "/-/healthy", "/-/ready", "/nothing", "/-/nothing")


def all_probes():
    """(method, path, body, headers)"""
    for path in gets():
        yield "GET", path, None, {}
    for body in posts():
        yield "POST", "/api/v2/alerts", body, {}
    for body in silences():
        yield "POST", "/api/v2/silences", body, {}
    for path in ("/api/v2/alerts", "/api/v2/silences", "/api/v2/status", "/api/v2/receivers", "/api/v2/alerts/groups",
                 "/api/v2/silence/0a0a0a0a-0000-4000-8000-000000000000"):
        for method in ("PUT", "DELETE", "PATCH", "HEAD"):
            if (method, path[:16]) != ("DELETE", "/api/v2/silence/"):
                yield method, path, None, {}
    for media in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "APPLICATION/JSON", "x", None):
        yield "POST", "/api/v2/alerts", b"[]", {"Content-Type": media}
    for accept in ("application/json", "text/html", "*/*", "application/*", "text/html, */*;q=0.1"):
        yield "GET", "/api/v2/receivers", None, {"Accept": accept}
    for i in ("nonsense", "0a0a0a0a-0000-4000-8000-000000000000"):
        yield "DELETE", f"/api/v2/silence/{i}", None, {}
