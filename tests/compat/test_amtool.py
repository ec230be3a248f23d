"""amtool and tocsinctl, side by side: Debian's amtool drives a tocsin-edge through every subcommand, and on Debian's
Alertmanager and on the edge both tools print the same and end the same. EXPLAINED lists where they do not, each tested.

Debian's amtool is 0.25; tocsinctl follows 0.34 where the two differ."""
import json
import os
import re

import pytest

from amtool_peers import CONFIG, Tool, fetch, start_alertmanager, start_edge

TOCSINCTL = os.environ["TOCSINCTL"]
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NOBODY = "00000000-0000-4000-8000-000000000000"

EXPLAINED = {
    "shown values": "config show -o extended and silence update -q print addresses of memory in amtool (specification §12.2)",
    "line breaks": "a comment with a line break or another control character breaks amtool's table; tocsinctl shows it as ?",
    "mutedBy": "alert query -o json: 0.25 drops fields that it does not know, tocsinctl passes all on",
    "alert add a!=b": "0.25 takes the value of any operator; 0.34 refuses what is no key=value (cli/alert_add.go)",
    "KV as text": "template render: a map of labels prints as Go's map in 0.25, as a=b, c=d in 0.34 (template.KV.String)",
    "--id": "silence query --id came after 0.25",
    "annotations": "a bad --annotation of alert add: 0.25 calls it a label",
    "keys of 0.34": "config routes of a server: 0.25 reads the status strictly and knows no labels of receivers, slack_app_url and the like",
    "days in --within": "tocsinctl takes --within 1d; amtool knows hours at most",
    "server's words": "what the server refuses: amtool 0.25 shows its client's framing, tocsinctl the server's words",
    "import's order": "silence import: amtool prints ids as they come, tocsinctl in the order of the file",
    "import's count": "silence import: amtool may end before it has counted what failed, and then says 0",
    "check-config words": "mistakes of a configuration: tocsinctl names file and line, and all of them",
}


@pytest.fixture(scope="module")
def package():
    return fetch()


@pytest.fixture(scope="module", params=["alertmanager", "edge"])
def server(request, package, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp(request.param))
    s = start_alertmanager(package, folder) if request.param == "alertmanager" else start_edge(folder)
    seed(s)
    yield s
    s.stop()


@pytest.fixture
def tools(server, package, tmp_path):
    return Tool(os.path.join(package, "usr/bin/amtool"), str(tmp_path), server.url), Tool(TOCSINCTL, str(tmp_path), server.url)


@pytest.fixture
def offline(package, tmp_path):
    (tmp_path / "am.yml").write_text(CONFIG)
    return Tool(os.path.join(package, "usr/bin/amtool"), str(tmp_path)), Tool(TOCSINCTL, str(tmp_path))


def silences(server):
    if not server.serves("/silences"):
        pytest.skip(f"{server.name} answers 404 to GET /api/v2/silences: its silences are not served yet")


def seed(server):
    far = "2099-01-01T00:00:00Z"
    status, _ = server.ask("/alerts", [
        {"labels": {"alertname": "Disk", "team": "db", "node": "n1"}, "annotations": {"summary": "disk \"sda\" <full> ü"},
         "startsAt": "2026-01-02T03:04:05.678Z", "endsAt": far, "generatorURL": "http://prometheus/graph?g0.expr=a&b"},
        {"labels": {"alertname": "Disk", "team": "db", "severity": "critical"}, "startsAt": "2026-01-02T03:04:04Z", "endsAt": far},
        {"labels": {"alertname": "two words", "severity": "page"}, "annotations": {"summary": "", "runbook": "http://r/"},
         "startsAt": "2026-01-03T00:00:00Z", "endsAt": far},
        {"labels": {"node": "nameless", "é": "ü=\"1\""}, "startsAt": "2026-01-01T00:00:00Z", "endsAt": far},
        {"labels": {"alertname": "Quiet", "a": "\\ and \""}, "startsAt": "2026-01-05T00:00:00Z", "endsAt": far},
    ])
    assert status in (200, 400), status  # 0.25 refuses a label that is not ASCII, and takes the others
    if not server.serves("/silences"):
        return
    for name, ends, comment, extra in [("Quiet", "2099-01-01T00:00:00Z", "until then", []),
                                       ("Disk", "2098-01-01T00:00:00Z", "a \"quoted\" comment", [("node", "n.*", True, True)]),
                                       ("Never", "2097-01-01T00:00:00Z", "", [("b", "x|y", True, False), ("c", "", False, False)])]:
        matchers = [{"name": "alertname", "value": name, "isRegex": False, "isEqual": True}]
        matchers += [{"name": n, "value": v, "isRegex": r, "isEqual": e} for n, v, r, e in extra]
        starts = "2027-01-01T00:00:00Z" if name == "Never" else "2026-01-01T00:00:00Z"
        status, answer = server.ask("/silences", {"matchers": matchers, "startsAt": starts, "endsAt": ends, "createdBy": "seed",
                                                  "comment": comment})
        assert status == 200, answer
    status, answer = server.ask("/silences", {
        "matchers": [{"name": "alertname", "value": "Gone", "isRegex": False, "isEqual": True}], "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "2099-01-01T00:00:00Z", "createdBy": "other", "comment": "expired"})
    assert server.ask("/silence/" + answer["silenceID"], method="DELETE")[0] == 200


def without_order(out):
    """Rows in no order: what ends at the same instant comes from the server in any."""
    if out.startswith("["):
        return sorted(json.dumps(o) for o in json.loads(out))
    return out.splitlines()[:1] + sorted(out.splitlines()[1:])


def same(pair, *args, view=lambda out: out, **more):
    """Both tools give the same exit code and the same output; it is returned."""
    (code, out, err), (our_code, our_out, our_err) = (tool(*args, **more) for tool in pair)
    # Debian's amtool has an URL built in, and so has to say that a file goes before it.
    err = err.replace("Warning: --config.file flag overrides the --alertmanager.url.", "").strip()
    assert (our_code, view(our_out)) == (code, view(out)), (err, our_err)
    assert bool(our_err) == bool(err), (err, our_err)
    return code, our_out, err, our_err


# ---- reading ----

ALERT_QUERIES = [
    ["alert"], ["alert", "query"], ["alert", "-o", "extended"], ["--output=extended", "alert"], ["alert", "query", "Disk"],
    ["alert", "Disk"], ["alert", "query", "alertname=Disk", "severity!="], ["alert", "query", "alertname=~D.*"],
    ["alert", "query", "alertname=two words"], ["alert", "query", "Nothing"], ["alert", "query", "-o", "json", "Nothing"],
    ["alert", "query", "-asi"], ["alert", "--silenced"], ["alert", "-i"], ["alert", "-u"], ["alert", "-r", "sre"],
    ["alert", "query", "--receiver=s.*", "team=db"], ["alert", "query", "--date.format=02.01.06 15:04:05.000 -0700 Mon", "Disk"],
    ["--date.format", "2006", "alert", "query"], ["alert", "query", "--", "Disk"],
]


@pytest.mark.parametrize("args", ALERT_QUERIES, ids=" ".join)
def test_alert_queries(tools, args):
    code, out, _, _ = same(tools, *args)
    assert code == 0 and out.endswith("\n")


def test_the_alerts_are_really_shown(server, tools):
    silences(server)
    _, out, _, _ = same(tools, "alert", "query", "alertname=Disk")
    assert out == ("Alertname  Starts At                Summary  State   \n"
                   "Disk       2026-01-02 03:04:04 UTC           active  \n"), "suppressed ones are hidden"
    _, out, _, _ = same(tools, "alert", "query", "-as", "Disk")
    assert out.splitlines()[2] == "Disk       2026-01-02 03:04:05 UTC  disk \"sda\" <full> ü  suppressed  "
    _, out, _, _ = same(tools, "alert", "query", "-o", "extended", "severity=page")
    assert 'alertname="two words" severity="page"' in out


def test_json_passes_everything_on(server, tools):
    amtool, ours = tools
    code, out, _ = ours("alert", "query", "-asi", "-o", "json")
    assert code == 0 and out.count("\n") == 1
    got, theirs = json.loads(out), json.loads(amtool("alert", "query", "-asi", "-o", "json")[1])
    assert len(got) >= 4
    for alert in got:
        alert["status"].pop("mutedBy", None)
    assert got == theirs, EXPLAINED["mutedBy"]
    if server.name == "alertmanager":
        same(tools, "alert", "query", "-asi", "-o", "json")


SILENCE_QUERIES = [
    ["silence"], ["silence", "query"], ["silence", "-o", "extended"], ["silence", "query", "-o", "json"], ["silence", "-q"],
    ["silence", "query", "Disk"], ["silence", "query", "alertname=Disk", "node=~n.*"], ["silence", "query", "node=n1"],
    ["silence", "--expired"], ["silence", "query", "--expired", "--within=2h"], ["silence", "query", "--within", "8h"],
    ["silence", "query", "--created-by=seed", "-q"], ["silence", "query", "--created-by", "nobody"],
    ["silence", "query", "--date.format=Jan _2 2006", "--created-by=seed"],
]


@pytest.mark.parametrize("args", SILENCE_QUERIES, ids=" ".join)
def test_silence_queries(server, tools, args):
    silences(server)
    code, out, _, _ = same(tools, *args, view=without_order)
    assert code == 0 and (out.endswith("\n") or "-q" in args)


def test_the_silences_are_really_shown(server, tools):
    silences(server)
    _, out, _, _ = same(tools, "silence", "query", "--created-by=seed")
    assert [line.split()[1] for line in out.splitlines()[1:]] == ['alertname="Never"', 'alertname="Disk"', 'alertname="Quiet"']
    assert 'alertname="Never" b!~"x|y" c!=""' in out
    _, out, _, _ = same(tools, "silence", "query", "-o", "extended", "Never")
    assert '{alertname="Never",b!~"x|y",c!=""}' in out


@pytest.mark.parametrize("args", [["cluster"], ["cluster", "show"], ["cluster", "show", "-o", "extended"], ["cluster", "-ojson"],
                                  ["config"], ["config", "show"], ["config", "show", "-o", "json"]], ids=" ".join)
def test_status(tools, args):
    code, out, _, _ = same(tools, *args)
    assert code == 0 and len(out) > 20


# ---- routes ----

ROUTES = [
    ["config", "routes"], ["config", "routes", "show"], ["config", "routes", "test"], ["config", "routes", "test", "team=db"],
    ["config", "routes", "test", "team=db", "severity=critical"], ["config", "routes", "test", "--tree", "team=db", "severity=page"],
    ["config", "routes", "test", "--tree", "zone=a", "env="], ["config", "routes", "test", "--verify.receivers=db,sre",
                                                               "team=db", "severity=page"],
    ["config", "routes", "test", "--verify.receivers", "sre,db", "team=db", "severity=page"],
]


@pytest.mark.parametrize("args", ROUTES, ids=" ".join)
def test_routes_of_a_file(offline, args):
    code, out, _, _ = same(offline, *args, "--config.file=am.yml")
    assert code == ("--verify.receivers" in args)
    assert out


@pytest.mark.parametrize("args", ROUTES, ids=" ".join)
def test_routes_of_a_server(server, tools, offline, args):
    if server.name == "edge" and "not found in type" in tools[0]("config", "routes")[2]:
        # amtool 0.25 cannot read what a server of 0.34 shows; it can read the same configuration from the file.
        assert tools[1](*args)[:2] == offline[0](*args, "--config.file=am.yml")[:2], EXPLAINED["keys of 0.34"]
    else:
        assert same(tools, *args)[0] == ("--verify.receivers" in args)


def test_the_flag_may_stand_before_the_subcommand(offline):
    assert same(offline, "config", "routes", "--config.file", "am.yml", "test", "team=db")[1] == "db\n"


# ---- mistakes ----

SAME_WORDS = [
    ["alert", "add", "a=b", "--annotation=x"], ["alert", "add", "a=b", "b"],
    ["alert", "add", "a=b", "--start=soon"], ["alert", "add", "a=b", "--end=2026-01-01"], ["silence", "add"],
    ["silence", "add", "foo"], ["silence", "add", "foo", "--comment="], ["silence", "add", "foo", "-c", "x", "-d", "0"],
    ["silence", "add", "foo", "-c", "x", "--start=2030-01-01T00:00:00Z", "--end=2029-01-01T00:00:00Z"],
    ["silence", "add", "foo", "bar", "-c", "x"], ["silence", "update"], ["silence", "expire"],
    ["template", "render", "--template.text=x"], ["template", "render", "--template.glob=x"],
]
OTHER_WORDS = [
    ["nonsense"], ["alert", "query", "--nonsense"], ["alert", "query", "-o", "xml"], ["alert", "query", "--timeout=soon"],
    ["alert", "query", "foo", "bad"], ["alert", "add"], ["alert", "add", "a=b", "--generator-url=no url"],
    ["silence", "add", "foo", "-c", "x", "-d", "1x"], ["silence", "query", "foo", "bad"], ["silence", "expire", "no-uuid"],
    ["silence", "expire", NOBODY], ["silence", "update", NOBODY], ["silence", "update", "no-uuid", "-d", "1h"],
    ["silence", "add", "foo", "-c", "x", "--start=2020-01-01T00:00:00Z", "--end=2021-01-01T00:00:00Z"],
    ["silence", "import", "no-file"], ["config", "routes", "show", "--config.file=no-file"], ["check-config", "no-file"],
    ["template", "render", "--template.glob=*.tmpl", "--template.text={{"],
    ["template", "render", "--template.glob=*.tmpl", "--template.text={{ template \"none\" . }}"],
    ["--alertmanager.url=http://127.0.0.1:1", "alert"], ["--http.config.file=no-file", "alert"],
]


@pytest.mark.parametrize("args", SAME_WORDS, ids=" ".join)
def test_mistakes_of_the_same_words(tools, args):
    code, out, err, our_err = same(tools, *args)
    assert (code, out) == (1, "") and our_err == err


@pytest.mark.parametrize("args", OTHER_WORDS, ids=" ".join)
def test_mistakes_of_other_words(server, tools, args):
    if args[0] == "silence":
        silences(server)
    assert "check-config" in args or same(tools, *args)[:2] == (1, "")
    code, _, err = tools[1](*args)
    assert code == 1 and err


def test_a_server_must_be_named(package, tmp_path):
    code, out, err = Tool(TOCSINCTL, str(tmp_path))("alert")
    assert (code, out, err) == (1, "", "required flag --alertmanager.url not provided")
    code, _, err = Tool(TOCSINCTL, str(tmp_path))("config", "routes")
    assert (code, err) == (1, "You have to specify one of --config.file or --alertmanager.url flags.")


def test_the_servers_words_are_shown(tools):
    assert tools[1]("alert", "query", "foo", "bad")[2].startswith("bad matcher format: bad"), EXPLAINED["server's words"]


# ---- writing ----

def alerts_of(server, name):
    found = server.ask(f"/alerts?filter=test%3D%22{name}%22")[1]
    return [(a["labels"], a["annotations"], a["startsAt"], a["endsAt"], a.get("generatorURL")) for a in found]


@pytest.mark.parametrize("args", [
    ["Full", "test=T"], ["alertname=Full", "node=a=b", "test=T"], ["Full", "test=T", "--annotation=summary=x y", "--annotation",
                                                                   "runbook=\"http://r/?a=b\""],
    ["Full", "test=T", "--generator-url=http://g/"], ["Full", "test=T", "--end=2098-01-02T03:04:05.6789Z"]], ids=" ".join)
def test_alert_add(server, tools, args):
    found = []
    for tool in tools:
        name = tool.name + str(abs(hash(tuple(args))))
        more = ["--start=2026-01-02T03:04:05.678+00:00"] + ([] if any("--end" in a for a in args) else ["--end=2099-01-01T00:00:00Z"])
        assert tool("alert", "add", *[a.replace("test=T", "test=" + name) for a in args], *more) == (0, "", "")
        found.append(json.loads(json.dumps(alerts_of(server, name)).replace(name, "T")))
    assert len(found[0]) == 1 and found[0] == found[1]


def silences_of(server, name):
    found = server.ask(f"/silences?filter=test%3D%22{name}%22")[1]
    for s in found:
        s["matchers"] = [dict(m, value=m["value"].replace(name, "T")) for m in s["matchers"]]
        assert s.pop("id") and s.pop("updatedAt")
    return found


@pytest.mark.parametrize("args", [
    ["Full"], ["Full", "b=~\"x.*\"", "c!=d", "e!~f"], ["alertname=Full", "-a", "me"], ["Full", "-d", "1d2h"],
    ["two words", "--end=2090-01-01T00:00:00Z"], ["Full", "--no-require-comment", "--comment="]], ids=" ".join)
def test_silence_add_update_expire(server, tools, args):
    silences(server)
    found = []
    for tool in tools:
        name = tool.name + str(abs(hash(tuple(args))))
        code, out, err = tool("silence", "add", *args[:1], "test=" + name, *args[1:], *([] if any("comment" in a for a in args) else ["-c", "why"]),
                              "--start=2080-01-02T03:04:05Z")
        assert code == 0 and ID.fullmatch(out.strip()) and err == ""
        first = silences_of(server, name)
        code, table, _ = tool("silence", "update", out.strip(), "-d", "30m", "-c", "longer")
        assert code == 0 and out.strip() in table
        second = silences_of(server, name)
        assert tool("silence", "expire", out.strip()) == (0, "", "")
        found.append((first, ID.sub("ID", table).replace(name, "T"), second, silences_of(server, name)[0]["status"]))
    assert found[0][0] == found[1][0] and len(found[0][0]) == 1
    assert found[0][1].split() == found[1][1].split()
    assert found[0][2:] == found[1][2:]
    assert found[0][2][0]["endsAt"] == "2080-01-02T03:34:05.000Z" and found[0][3] == {"state": "expired"}


def test_silence_import(server, tools, tmp_path):
    silences(server)
    for tool in tools:
        made = [tool("silence", "add", "Import", f"test={tool.name}", f"n={i}", "-c", "x")[1].strip() for i in range(3)]
        exported = tool("silence", "query", "-o", "json", f"test={tool.name}")[1]
        (tmp_path / "all.json").write_text(exported)
        in_file = [s["id"] for s in json.loads(exported)]
        assert sorted(in_file) == sorted(made)
        code, out, err = tool("silence", "import", "all.json")
        assert (code, sorted(out.split()), err) == (0, sorted(made), ""), "known ids are kept"
        if tool.name == "tocsinctl":
            assert out.split() == in_file, EXPLAINED["import's order"]
        code, out, err = tool("silence", "import", "-f", "-w", "2", stdin=exported)
        assert (code, err) == (0, "") and len(out.split()) == 3 and not set(out.split()) & set(made)
        unknown = json.loads(exported)[:1] + [dict(json.loads(exported)[1], id=NOBODY), {"comment": "no silence"}]
        code, out, err = tool("silence", "import", stdin=json.dumps(unknown))
        assert len(out.split()) == 2 and NOBODY not in out and "Error adding silence id='': " in err
        if tool.name == "tocsinctl":
            assert code == 1 and err.endswith("couldn't import 1 out of 3 silences"), EXPLAINED["import's count"]
        for bad in ["", "x", "{\"a\":", "[{\"id\":1}"]:
            code, out, err = tool("silence", "import", stdin=bad)
            assert code == 1 and "couldn't unmarshal input data, is it JSON?" in err


# ---- explained differences, one by one ----

def test_shown_values(server, tools):
    amtool, ours = tools
    code, out, _ = ours("config", "show", "-o", "extended")
    assert code == 0 and out.startswith("global:\n") and re.search(r"^version \d+\.\d+", out, re.M), EXPLAINED["shown values"]
    assert re.search(r"^uptime 2\d{3}-\d\d-\d\dT", out, re.M)
    assert amtool("config", "show", "-o", "extended")[1].startswith("0x")
    silences(server)
    made = ours("silence", "add", "Update", "-c", "x")[1].strip()
    assert ours("silence", "update", "-q", "-c", "y", made)[:2] == (0, made + "\n")
    assert amtool("silence", "update", "-q", "-c", "z", made)[1].startswith("0x")
    ours("silence", "expire", made)


def test_line_breaks(server, tools):
    silences(server)
    made = tools[1]("silence", "add", "Broken", "-c", "one\ntwo\x1b[31m")[1].strip()
    assert "one?two?[31m" in tools[1]("silence", "query", "--id", made)[1], EXPLAINED["line breaks"]
    assert "one\ntwo" in tools[0]("silence", "query", "Broken")[1]
    tools[1]("silence", "expire", made)


def test_refused_by_0_34(tools):
    code, _, err = tools[1]("alert", "add", "a!=b")
    assert (code, err) == (1, "labels must be specified as key=value pairs"), EXPLAINED["alert add a!=b"]


def test_annotations(tools):
    assert tools[0]("alert", "add", "a=b", "--annotation=x=~y")[2] == "labels must be specified as key=value pairs"
    assert tools[1]("alert", "add", "a=b", "--annotation=x=~y")[2] == "annotations must be specified as key=value pairs"


def test_one_silence_by_its_id(server, tools):
    silences(server)
    made = tools[1]("silence", "add", "One", "-c", "x")[1].strip()
    assert tools[1]("silence", "query", "-q", "--id", made)[:2] == (0, made + "\n")
    assert tools[1]("silence", "query", "-o", "json", "--id", NOBODY)[:2] == (0, "[]\n")
    assert tools[0]("silence", "query", "--id", made)[0] == 1, EXPLAINED["--id"]
    tools[1]("silence", "expire", made)


def test_days_in_within(server, tools):
    silences(server)
    assert tools[0]("silence", "query", "--within=1d")[0] == 1
    ids = [sorted(tools[1]("silence", "query", "-q", "--within", d)[1].split()) for d in ("1d", "24h")]
    assert ids[0] == ids[1], EXPLAINED["days in --within"]


# ---- without a server ----

@pytest.mark.parametrize("text", ['<a title="{{ .ExternalURL }}" href="{{ .ExternalURL }}">{{ .CommonLabels.x }}&amp;</a>',
                                  "<script>let s = '{{ .Receiver }}'</script>",
                                  "<b>{{ range .Alerts }}{{ .Labels.alertname }}<>{{ end }}</b>"])
def test_template_render_html(offline, text):
    assert same(offline, "template", "render", "--template.glob=none", "--template.type=html", "--template.text", text)[0] == 0


@pytest.mark.parametrize("text", ["{{ .Receiver }} {{ .Status }}", "{{ range .Alerts }}{{ .Labels.SortedPairs.Names }}{{ .Fingerprint }}{{ end }}\n",
                                  "{{ template \"mine\" . }}", "{{ len .Alerts.Firing }} {{ .ExternalURL | title }}"])
def test_template_render(offline, tmp_path, text):
    (tmp_path / "mine.tmpl").write_text('{{ define "mine" }}{{ .GroupLabels.grouplabelkey1 | toUpper }}{{ end }}')
    if "Firing" in text:  # the sample's alerts have no state in 0.25
        assert offline[1]("template", "render", "--template.glob=*.tmpl", "--template.text", text)[1].startswith("1 ")
        (tmp_path / "data.json").write_text(json.dumps({"alerts": [{"status": "firing"}], "externalURL": "http://x/y z"}))
        assert same(offline, "template", "render", "--template.glob=*.tmpl", "--template.data=data.json", "--template.text", text)[0] == 0
    else:
        assert same(offline, "template", "render", "--template.glob=*.tmpl", "--template.text", text)[0] == 0


def test_default_templates_are_known(offline):
    code, out, _ = offline[1]("template", "render", "--template.glob=none", "--template.text", '{{ template "slack.default.title" . }}')
    assert code == 0 and "grouplabelvalue1" in out


def test_labels_as_text(offline):
    args = ["template", "render", "--template.glob=none", "--template.text={{ .GroupLabels }}"]
    assert offline[0](*args)[1].startswith("map["), EXPLAINED["KV as text"]
    assert offline[1](*args)[1] == "grouplabelkey1=grouplabelvalue1, grouplabelkey2=grouplabelvalue2"


def test_check_config(offline, tmp_path):
    (tmp_path / "more.yml").write_text(CONFIG + "templates: ['*.tmpl']\ninhibit_rules: [{source_matchers: [a=b], target_matchers: [c=d]}]\n")
    assert same(offline, "check-config", "am.yml", "more.yml")[0] == 0
    with open(tmp_path / "am.yml", encoding="utf-8") as f:
        code, out, _, _ = same(offline, "check-config", stdin=f.read())
    assert code == 0 and out.startswith("Checking '/dev/stdin'  SUCCESS\nFound:\n")
    (tmp_path / "bad.yml").write_text("route: {receiver: a}\n")
    (code, out, err), (our_code, our_out, our_err) = (tool("check-config", "am.yml", "bad.yml") for tool in offline)
    assert (our_code, our_err) == (code, err) == (1, "failed to validate 1 file(s)")
    assert our_out.replace("bad.yml:1: ", "") == out, EXPLAINED["check-config words"]
    (tmp_path / "bad.tmpl").write_text("{{ define \"x\" }}")
    (code, out, err), (our_code, our_out, our_err) = (tool("check-config", "more.yml") for tool in offline)
    assert (our_code, our_err) == (code, err) == (1, "failed to validate 1 file(s)")
    assert [line.split(":")[0] for line in our_out.splitlines()] == [line.split(":")[0] for line in out.splitlines()]


def test_config_files(server, package, tmp_path):
    """Debian's place for amtool's file, which both read; ours goes before it."""
    pair = Tool(os.path.join(package, "usr/bin/amtool"), str(tmp_path)), Tool(TOCSINCTL, str(tmp_path))
    folder = tmp_path / ".config/prometheus"
    folder.mkdir(parents=True)
    (folder / "amtool.yml").write_text(f"alertmanager.url: {server.url}\noutput: extended\nunknown.flag: 1\n"
                                       "date.format: '2006'\nauthor: filed\ncomment_required: false\n")
    assert "Labels  " in same(pair, "alert", "Disk")[1]
    assert "Alertname" in same(pair, "alert", "-o", "simple", "Disk")[1]
    if server.serves("/silences"):
        for tool in pair:
            made = tool("silence", "add", "Filed", "tool=" + tool.name)[1].strip()
            assert server.ask("/silence/" + made)[1]["createdBy"] == "filed"
            assert tool("silence", "expire", made)[0] == 0
    own = tmp_path / ".config/tocsin"
    own.mkdir()
    (own / "tocsinctl.yml").write_text("output: json\n")
    assert pair[1]("alert", "query", "Nothing")[:2] == (0, "[]\n")
