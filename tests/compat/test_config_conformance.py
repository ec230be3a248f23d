"""Verdicts on the configuration files of a conformance folder: $TOCSIN_CONFORMANCE/config/INDEX.tsv names each file and what
Alertmanager says of it. Skipped without the folder. What this version refuses as `not supported yet`, or accepts with a
warning as `not in force yet`, is left out of the comparison, as are the keys of LATER."""
import os
import subprocess

import pytest

TOCSINCTL = os.environ.get("TOCSINCTL", "build/dev/tocsinctl")
FOLDER = os.path.join(os.environ.get("TOCSIN_CONFORMANCE", ""), "config")
LATER = ("webhook-templated-url", "tracing-")


def index():
    path = os.path.join(FOLDER, "INDEX.tsv")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f][1:]
    return [(row[0], row[1]) for row in rows]


@pytest.mark.skipif(not index(), reason="TOCSIN_CONFORMANCE names no folder with config/INDEX.tsv")
def test_verdicts():
    compared, differences = 0, []
    for name, verdict in index():
        out = subprocess.run([TOCSINCTL, "check-config", os.path.join(FOLDER, name)], capture_output=True, text=True)
        text = out.stdout + out.stderr
        assert out.returncode in (0, 1), f"{name}: exit {out.returncode}: {text}"
        if out.returncode == 1:
            assert "FAILED" in text, f"{name}: refused without a word: {text}"
        if verdict == "mode-dependent" or "not supported yet" in text or "not in force yet" in text or \
                os.path.basename(name).startswith(LATER):
            continue
        compared += 1
        if (verdict == "valid") != (out.returncode == 0):
            differences.append(f"{name}: Alertmanager says {verdict}: {text}")
    print(f"{compared} verdicts compared")
    assert not differences, "\n".join(differences)
    assert compared >= 50
