"""The daemons' manual pages against what the programs say of themselves."""

import os
import re
import subprocess

import pytest

PROGRAMS = os.environ["PROGRAMS"]
PAGES = os.path.join(os.path.dirname(__file__), "../../docs/man")


def flags_of_help(program):
    run = subprocess.run([os.path.join(PROGRAMS, program), "--help"], capture_output=True, text=True)
    assert run.returncode == 0
    return set(re.findall(r"^ +(?:-\w, +)?(--[a-z][a-z.-]*)", (run.stdout + run.stderr).replace("[no-]", ""), re.M))


def flags_of_manual(program):
    page = open(os.path.join(PAGES, program + ".1")).read()
    section = page[page.index(".SH FLAGS"):page.index(".SH SIGNALS")].replace("\\-", "-")
    return set(re.findall(r"^\.(?:B|BI|BR) .*?(--[a-z][a-z.-]*)", section, re.M))


@pytest.mark.parametrize("program", ["tocsin-edge", "tocsin-global"])
def test_the_manual_has_the_flags_of_the_program_and_no_others(program):
    flags = flags_of_help(program)
    assert len(flags) > 10
    assert flags_of_manual(program) == flags


@pytest.mark.parametrize("page", sorted(os.listdir(PAGES)))
def test_the_manual_is_clean_roff(page):
    run = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", os.path.join(PAGES, page)],
                         capture_output=True, text=True) if os.path.exists("/usr/bin/man") else None
    if run is None:
        pytest.skip("man is not installed")
    assert run.returncode == 0 and run.stderr == ""
