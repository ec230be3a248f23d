"""Configuration files of a conformance folder: $TOCSIN_CONFORMANCE/config/INDEX.tsv names each file, what Alertmanager says of it
and a fragment of its message. Verdict, message and, of what is accepted, the configuration in force are compared; skipped without the
folder. Mutants of valid files of our own are judged always."""
import functools
import glob
import os
import re
import subprocess

import pytest

yaml = pytest.importorskip("yaml")

TOCSINCTL = os.environ.get("TOCSINCTL", "build/dev/tocsinctl")
PROBE = os.environ.get("CONFIG_PROBE", "build/dev/tests/compat/config_probe")
FOLDER = os.path.join(os.environ.get("TOCSIN_CONFORMANCE", ""), "config")
CORPUS = os.path.join(os.path.dirname(__file__), "..", "fuzz", "corpus", "config")
MODES = ((), ("--enable-feature", "utf8-strict-mode"), ("--enable-feature", "classic-mode"))


def index():
    path = os.path.join(FOLDER, "INDEX.tsv")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f][1:]
    return [(row[0], row[1], row[2]) for row in rows]


with_folder = pytest.mark.skipif(not index(), reason="TOCSIN_CONFORMANCE names no folder with config/INDEX.tsv")


@functools.cache
def check_config(name, mode=()):
    done = subprocess.run([TOCSINCTL, "check-config", *mode, os.path.join(FOLDER, name)], capture_output=True, text=True)
    text = done.stdout + done.stderr
    assert done.returncode in (0, 1), f"{name}: exit {done.returncode}: {text}"
    if done.returncode == 1:
        assert "FAILED" in text, f"{name}: refused without a word: {text}"
    return done.returncode == 0, text


@with_folder
def test_verdicts():
    differences, compared = [], 0
    for name, verdict, _ in index():
        for mode in MODES if verdict == "mode-dependent" else MODES[:1]:
            wanted = verdict == "valid" or (verdict == "mode-dependent" and mode != MODES[2])
            good, text = check_config(name, mode)
            compared += 1
            if good != wanted:
                differences.append(f"{name} {mode}: {text}")
    print(f"{compared} verdicts compared")
    assert not differences, "\n".join(differences)
    assert compared >= 340


# Where the words are not Alertmanager's own but those of a library or of Go's type names, ours differ: each with what ours say.
REWORDED = [
    (r"(?:yaml: unmarshal errors: line \d+: )?field (\S+) not found in type .*", r"field \1 not found in"),
    (r"field (\S+) already set in type .*", r'key "\1" already set in map'),
    (r"yaml: (.*)", r"\1"),
    (r"cannot unmarshal !!str `(.*)` into time.Duration", r'in duration "\1"'),
    (r"cannot unmarshal !!int `-1` into uint64", r"must not be negative"),
    (r"cannot unmarshal !!str `(true)` into bool", r'must be true or false, not "\1"'),
    (r"cannot unmarshal !!str `(.*)` into int64", r'must be a whole number, not "\1"'),
    (r"cannot unmarshal !!(?:str|seq).*", r"must be a "),
    (r"error parsing regexp: missing closing (.)", r"missing \1"),
    (r"not a valid duration string / unknown unit \"\.\"", r'unknown unit "."'),
    (r"invalid template syntax: template: :1: (.*)", r"\1"),
]
# Alertmanager looks at what a null in these lists stands for; ours is refused like those in the other lists.
NULL_ENTRY = re.compile(r"own/null-entry-(slack|opsgenie|wechat|rocketchat)\.yml")


def reworded(name, fragment):
    null = NULL_ENTRY.fullmatch(name)
    if null:
        return f"missing {null.group(1)} config"
    for pattern, words in REWORDED:
        if re.fullmatch(pattern, fragment):
            return re.sub(pattern, words, fragment)
    return fragment


@with_folder
def test_messages():
    differences = []
    for name, verdict, fragment in index():
        if verdict == "invalid":
            _, text = check_config(name, MODES[0])
            if reworded(name, fragment) not in text:
                differences.append(f"{name}: {fragment!r} is not in {text!r}")
    assert not differences, "\n".join(differences)


def template(name):
    return '{{ template "%s" . }}' % name


def templates(prefix, **words):
    return {key: template(f"{prefix}.default.{word}") for key, word in words.items()}


# Left out of the text where they have their default, because Debian's amtool does not know them: the global slack_app_url and
# rocketchat_api_url, the time-outs of pagerduty, slack and webhook, webhook's url_file, slack's update_message, and labels of a
# receiver that are its name only.
GLOBAL = {
    "resolve_timeout": "5m",
    "smtp_hello": "localhost",
    "smtp_require_tls": True,
    "pagerduty_url": "https://events.pagerduty.com/v2/enqueue",
    "opsgenie_api_url": "https://api.opsgenie.com/",
    "wechat_api_url": "https://qyapi.weixin.qq.com/cgi-bin/",
    "victorops_api_url": "https://alert.victorops.com/integrations/generic/20131114/alert/",
    "telegram_api_url": "https://api.telegram.org",
    "webex_api_url": "https://webexapis.com/v1/messages",
}
RECENT = {"slack_app_url": "https://slack.com/api/chat.postMessage", "rocketchat_api_url": "https://open.rocket.chat/"}
HTTP = {"follow_redirects": True, "enable_http2": True}
STATUS_COLOR = '{{ if eq .Status "firing" }}red{{ else }}green{{ end }}'
# What an entry has that its file says nothing of.
DEFAULTS = {
    "webhook": {"send_resolved": True, "max_alerts": 0},
    "incidentio": {"send_resolved": True, "max_alerts": 0, "timeout": "0s"},
    "discord": {"send_resolved": True, **templates("discord", title="title", message="message")},
    "email": {"send_resolved": False, **templates("email", html="html")},
    "pagerduty": {
        "send_resolved": True,
        "description": '{{ template "pagerduty.default.description" .}}',
        "severity": "error",
        **templates("pagerduty", client="client", client_url="clientURL"),
    },
    "slack": {
        "send_resolved": False,
        "short_fields": False,
        "link_names": False,
        **templates("slack", username="username", color="color", title="title", title_link="titlelink", pretext="pretext",
                    text="text", footer="footer", fallback="fallback", callback_id="callbackid", icon_emoji="iconemoji",
                    icon_url="iconurl"),
    },
    "opsgenie": {"send_resolved": True,
                 **templates("opsgenie", message="message", description="description", source="source")},
    "wechat": {"send_resolved": False, "message_type": "text",
               **templates("wechat", message="message", to_user="to_user", to_party="to_party", to_tag="to_tag",
                           agent_id="agent_id")},
    "pushover": {"send_resolved": True, "priority": '{{ if eq .Status "firing" }}2{{ else }}0{{ end }}', "retry": "1m0s",
                 "expire": "1h0m0s", **templates("pushover", title="title", message="message", url="url")},
    "victorops": {"send_resolved": True, "message_type": "CRITICAL",
                  **templates("victorops", state_message="state_message", entity_display_name="entity_display_name",
                              monitoring_tool="monitoring_tool")},
    "sns": {"send_resolved": True, "sigv4": {}, **templates("sns", subject="subject", message="message")},
    "telegram": {"send_resolved": True, "parse_mode": "HTML", **templates("telegram", message="message")},
    "webex": {"send_resolved": True, **templates("webex", message="message")},
    "msteams": {"send_resolved": True, **templates("msteams", title="title", summary="summary", text="text")},
    "msteamsv2": {"send_resolved": True, **templates("msteamsv2", title="title", text="text")},
    "jira": {
        "send_resolved": True,
        "api_type": "auto",
        "summary": {"template": template("jira.default.summary"), "enable_update": True},
        "description": {"template": template("jira.default.description"), "enable_update": True},
        **templates("jira", priority="priority"),
    },
    "rocketchat": {
        "send_resolved": False,
        "color": STATUS_COLOR,
        "short_fields": False,
        "link_names": False,
        **templates("rocketchat", title="title", title_link="titlelink", text="text", emoji="emoji", icon_url="iconurl"),
    },
    "mattermost": {"send_resolved": True,
                   **templates("mattermost", username="username", text="text", fallback="fallback", color="color",
                               title="title", title_link="titlelink")},
}
# What comes from `global` when the entry says nothing: key: key there.
INHERITED = {
    "pagerduty": {"url": "pagerduty_url"},
    "opsgenie": {"api_url": "opsgenie_api_url"},
    "wechat": {"api_url": "wechat_api_url", "corp_id": "wechat_api_corp_id"},
    "victorops": {"api_url": "victorops_api_url"},
    "telegram": {"api_url": "telegram_api_url"},
    "webex": {"api_url": "webex_api_url"},
    "rocketchat": {"api_url": "rocketchat_api_url"},
    "jira": {"api_url": "jira_api_url"},
    "email": {"from": "smtp_from", "hello": "smtp_hello", "smarthost": "smtp_smarthost", "auth_username": "smtp_auth_username",
              "auth_identity": "smtp_auth_identity", "require_tls": "smtp_require_tls"},
}
PAIRS = {  # both come from global, when the entry has neither
    "telegram": [("bot_token", "telegram_bot_token")],
    "wechat": [("api_secret", "wechat_api_secret")],
    "mattermost": [("webhook_url", "mattermost_webhook_url")],
    "email": [("auth_password", "smtp_auth_password"), ("auth_secret", "smtp_auth_secret")],
}


def expected(kind, written, world):
    want = {key: value for key, value in DEFAULTS[kind].items() if key not in written}
    for key, source in INHERITED.get(kind, {}).items():
        if written.get(key) is None and source in world:
            slash = key == "api_url" and kind in ("opsgenie", "wechat", "victorops")
            want[key] = world[source].rstrip("/") + "/" if slash else world[source]
    for key, source in PAIRS.get(kind, []):
        if not written.get(key) and not written.get(key + "_file"):
            want.update({key + end: world[source + end] for end in ("", "_file") if source + end in world})
    if kind not in ("email", "incidentio") and "http_config" not in written:
        want["http_config"] = world["http_config"]
    return want


def compare(name, written, force):
    differences = []

    def differ(where, got, want):
        if got != want:
            differences.append(f"{name}: {where}: {got!r}, not {want!r}")

    world = {**RECENT, **force["global"]}
    for key, value in GLOBAL.items():
        if key not in (written.get("global") or {}):
            differ(f"global.{key}", world.get(key), value)
    if "http_config" not in (written.get("global") or {}):
        differ("global.http_config", world["http_config"], HTTP)
    differ("templates", "templates" in force, True)
    differ("continue", force["route"].get("continue"), False)
    for receiver, own in zip(force["receivers"], written.get("receivers") or []):
        labels = {k: str(v) for k, v in (own.get("labels") or {}).items()}
        differ("labels", receiver.get("labels", {"name": own["name"]}), {**labels, "name": own["name"]})
        for kind in DEFAULTS:
            for i, entry in enumerate(receiver.get(kind + "_configs", [])):
                for key, value in expected(kind, own[kind + "_configs"][i], world).items():
                    differ(f"{own['name']}/{kind}[{i}].{key}", entry.get(key), value)
    return differences


def force_of(path):
    done = subprocess.run([PROBE, "-t", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    head, _, text = done.stdout.partition("\n")
    return yaml.safe_load(text) if head.endswith(" valid") else None


def written_in(path):
    with open(path, encoding="utf-8") as f:
        return next(yaml.safe_load_all(f))


@with_folder
def test_the_configuration_in_force_has_the_defaults():
    differences, compared, kinds = [], 0, set()
    for name, verdict, _ in index():
        path = os.path.join(FOLDER, name)
        force = force_of(path) if verdict == "valid" else None
        if force is None:
            continue
        compared += 1
        kinds.update(key for r in force["receivers"] for key in r if key.endswith("_configs"))
        differences += compare(name, written_in(path), force)
    print(f"{compared} configurations compared")
    assert not differences, "\n".join(differences)
    assert compared >= 100 and len(kinds) == 18


@pytest.mark.parametrize("name", ["receivers_least", "receivers_full", "http_config_full"])
def test_our_own_files_have_the_defaults(name):
    path = os.path.join(CORPUS, name)
    assert not compare(name, written_in(path), force_of(path))


def test_mutants_are_judged():
    """The probe aborts when something is refused without a word, or does not read back as what it was."""
    own = sorted(glob.glob(os.path.join(CORPUS, "*_*")))
    others = [os.path.join(FOLDER, name) for name, verdict, _ in index() if verdict == "valid"]
    counts = []
    for each, files in (("100", own), ("10", others)):
        done = subprocess.run([PROBE, "-m", each, *files], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        counts += [re.search(r"(\d+) mutants, (\d+) valid", line) for line in done.stdout.splitlines()]
    assert len(counts) == len(own + others) and sum(int(c.group(1)) for c in counts) >= 200
    print(sum(int(c.group(1)) for c in counts), "mutants judged")
    assert 0 < sum(int(c.group(2)) for c in counts) < sum(int(c.group(1)) for c in counts)
