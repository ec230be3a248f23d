"""tocsinctl check-config: what it prints and how it ends, for good and bad files."""

import os
import subprocess

import pytest

TOOL = os.environ["TOCSINCTL"]

EDGE = "receivers: [{name: a, webhook_configs: [{url: 'http://x/'}]}]\nroute: {receiver: a}\n"
FEDERATION = """version: 1
site: fra1
uplink:
  trust_domain: example.org
  tls: {cert_file: edge.pem, key_file: edge.key, ca_file: ca.pem}
  globals: [{name: g1, url: 'https://g1:9195'}]
"""
GLOBAL = """receivers: [{name: sre}]
escalation_policies: [{name: sre, steps: [{notify: [{role: primary}]}]}]
teams: [{name: root, escalation_policy: sre, roles: {primary: sre}}]
"""


@pytest.fixture
def check(tmp_path):
    def check(*args, **files):
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        return subprocess.run(
            [TOOL, "check-config", *args], cwd=tmp_path, capture_output=True, text=True, timeout=30
        )

    return check


def test_a_good_file_is_praised_as_amtool_does(check):
    done = check("am", am=EDGE)
    assert done.returncode == 0
    assert done.stdout == (
        "Checking 'am'  SUCCESS\nFound:\n - global config\n - route\n - 0 inhibit rules\n"
        " - 1 receivers\n - 0 templates\n\n"
    )


def test_every_mistake_has_file_and_line(check):
    done = check("am", "bad", am=EDGE, bad="receivers: [{name: a, x: y}]\nroute:\n  receiver: b\n")
    assert done.returncode == 1
    assert "Checking 'am'  SUCCESS\n" in done.stdout
    assert "Checking 'bad'  FAILED: bad:1: field x not found in receiver" in done.stdout
    assert 'bad:3: undefined receiver "b" used in route\n' in done.stdout
    assert "failed to validate 1 file(s)" in done.stderr


def test_the_federation_file_is_checked_with_its_edge_file(check):
    good = check("--federation.config", "fed", "am", am=EDGE, fed=FEDERATION)
    assert good.returncode == 0 and " - site fra1\n" in good.stdout
    warned = check("--federation.config", "fed", "am", am=EDGE, fed=FEDERATION + "peers: {expected: 2}\n")
    assert warned.returncode == 0 and "fed:7: peers is not in force yet (warning)\n" in warned.stdout
    bad = check("--federation.config", "fed", "am", am=EDGE, fed=FEDERATION + "fallback: {a: q}\n")
    assert bad.returncode == 1 and 'fed:7: undefined receiver "q"\n' in bad.stdout
    assert check("--federation.config", "fed").returncode == 1


def test_global_files(check):
    good = check("--global.config", "g", g=GLOBAL)
    assert good.returncode == 0 and " - 1 teams\n" in good.stdout
    bad = check("--global.config", "g", g=GLOBAL + "users: [x]\n")
    assert bad.returncode == 1 and "g:4: users is not supported yet\n" in bad.stdout


def test_what_cannot_be_checked_is_an_error(check):
    missing = check("nowhere")
    assert missing.returncode == 1 and "Checking 'nowhere'  FAILED: " in missing.stdout
    assert check().returncode == 1
    assert check("--enable-feature", "x", "am", am=EDGE).returncode == 1


def test_templates_are_parsed_in_the_folder_of_the_file(check, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/am").write_text(EDGE + "templates: ['*.tmpl']\ninhibit_rules: [{equal: [a]}]\n")
    good = check("sub/am")
    assert good.returncode == 0 and " - 1 inhibit rules\n" in good.stdout and " - 1 templates\n  SUCCESS\n" in good.stdout
    (tmp_path / "sub/x.tmpl").write_text("{{ define")
    bad = check("sub/am")
    assert bad.returncode == 1 and "  FAILED: template: x.tmpl:1" in bad.stdout and "1 file(s)" in bad.stderr


def test_unknown_locations_are_mistakes(check):
    text = EDGE + "time_intervals: [{name: t, time_intervals: [{location: Mars/Base}]}]\n"
    bad = check("am", am=text)
    assert bad.returncode == 1 and "FAILED: am:3: " in bad.stdout and "Mars/Base" in bad.stdout


def test_the_matcher_syntax_follows_the_mode(check):
    text = EDGE.rstrip("}\n") + ", routes: [{matchers: ['a=']}]}\n"
    assert "(warning)" in check("am", am=text).stdout
    assert check("--enable-feature", "classic-mode", "am", am=text).returncode == 0
    assert check("--enable-feature", "utf8-strict-mode", "am", am=text).returncode == 1


TRAPS = """receivers: [{name: a}, {name: b}]
route:
  receiver: a
  routes:
  - matchers: [severity=page]
  - matchers: [severity=page, team=x]
"""


def test_traps_are_warnings_and_strict_refuses_them(check):
    done = check("am", am=TRAPS)
    assert done.returncode == 0
    assert 'am:1: no route leads to the receiver "b" (warning)\n' in done.stdout
    assert "am:6: the route on line 5 takes everything that this one would match, and does not continue (warning)\n" in done.stdout
    strict = check("--strict", "am", am=TRAPS)
    assert strict.returncode == 1
    assert 'am:1: no route leads to the receiver "b"\n' in strict.stdout
    assert check("--strict", "am", am=EDGE).returncode == 0


def test_a_receiver_without_a_sender_is_said(check):
    done = check("am", am="receivers:\n- name: a\n  pushover_configs:\n  - {user_key: u, token: t}\nroute: {receiver: a}\n")
    assert done.returncode == 0
    assert "am:4: pushover: there is no sender for it yet: its notifications will FAIL (warning)\n" in done.stdout


def test_locations_are_looked_for(check):
    done = check("am", am=EDGE + "time_intervals: [{name: t, time_intervals: [{location: Mars/Olympus}]}]\n")
    assert done.returncode == 1 and "am:3: unknown time zone Mars/Olympus" in done.stdout


def test_the_reference_page_is_up_to_date():
    done = subprocess.run([TOOL, "config-reference"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    page = os.path.join(os.path.dirname(__file__), "../../docs/operate/configuration-reference.md")
    with open(page, encoding="utf-8") as f:
        assert f.read() == done.stdout, "tocsinctl config-reference > docs/operate/configuration-reference.md"
