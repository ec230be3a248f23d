#!/usr/bin/env python3
"""Checks of the sources: layers, purity of the core, banned words, files nobody builds, format.

usage: tidy.py CHECK --source DIR --build DIR
CHECK: purity includes words unbuilt headers format clang
Prints each offence as `file:line: text`; exits 1 if there was any. clang (clang-tidy) takes minutes.
"""
import argparse
import json
import os
import re
import subprocess
import sys

PURE_ARCHIVES = ["libbase.a", "libcore.a", "libedge_core.a", "libglobal_core.a"]

# What pure code may call: libc and libraries that only touch the memory they are given, and the
# compiler's own. A clock, a socket, a file, the environment, the locale, entropy, threads and stdio
# streams are not here; abort and __assert_fail end a process that has a bug.
ALLOWED = """
abort __assert_fail calloc free malloc realloc __errno_location
memchr memcmp memcpy memmove memset memmem memrchr mempcpy
strchr strrchr strcmp strncmp strlen strnlen strstr strspn strcspn strcasecmp strncasecmp
snprintf vsnprintf __snprintf_chk __vsnprintf_chk __memcpy_chk __memmove_chk __memset_chk
qsort bsearch
__udivti3 __umodti3 __modti3 __stack_chk_fail _GLOBAL_OFFSET_TABLE_ __tls_get_addr __cpu_model __cpu_indicator_init
""".split()
ALLOWED_PATTERNS = [
    r"^json_(object|tokener|type)_", r"^yaml_(parser|event|token)_", r"^_ZN?K?3re2",
    r"^(EVP_|HMAC$|SHA256|CRYPTO_memcmp$)",
    r"^__cxa_|^__gxx_personality_v0$|^_Unwind_Resume$", r"^_Z(dl|na|da|nw)", r"^_ZN?K?St", r"^_ZT[IVSh]",
    r"^__(asan|ubsan|sanitizer|lsan|sancov)_",
]

# A file may include its own layer and those listed for it: base <- core <- io <- daemon.
LAYERS = {
    "common/base": {"common/base"},
    "common/core": {"common/base", "common/core"},
    "edge/core": {"common/base", "common/core", "edge/core"},
    "global/core": {"common/base", "common/core", "global/core"},
    "common/io": {"common/base", "common/core", "common/io"},
    "common/daemon": {"common/base", "common/core", "common/io", "common/daemon"},
}
# Within the core: the way an alert goes. A folder may include those before it.
CORE_ORDER = ["model", "config", "alerts", "route", "group", "mute", "notify", "integrations", "template",
              "gossip", "api", "metrics"]
# The configuration is made of routes, inhibitions, time intervals and integrations' fields; a route has its intervals; a
# notifier speaks through the one shape of all integrations, which render templates; whoever counts writes its own metrics.
CORE_EXCEPTIONS = {("config", "route"), ("config", "mute"), ("config", "integrations"), ("route", "mute"),
                   ("notify", "integrations"), ("integrations", "template")}
CORE_ANYWHERE = {"metrics"}

BANNED_WORDS = [
    (r"\b(TODO|FIXME|XXX|HACK)\b", "finish it, or write an issue"),
    (r"\b(whitelist|blacklist)\b", "allow-list, deny-list"),
    (r"\bslave\b", "replica, follower"),
    ("/" + r"(work|root)/\w", "a path of one machine"),
]
TEXT = (".c", ".h", ".cc", ".py", ".sh", ".md", ".txt", ".cmake", ".json", ".yml", ".1")


def tracked(source, suffixes=None):
    out = subprocess.run(["git", "-C", source, "ls-files", "--cached", "--others", "--exclude-standard"],
                         capture_output=True, text=True)
    if out.returncode != 0 or not out.stdout:
        names = [os.path.relpath(os.path.join(d, f), source) for d, _, fs in os.walk(source) for f in fs]
    else:
        names = out.stdout.splitlines()
    names = sorted(n for n in set(names) if os.path.isfile(os.path.join(source, n)) and not n.startswith("build/"))
    return [n for n in names if suffixes is None or n.endswith(suffixes)]


def lines(source, name):
    with open(os.path.join(source, name), encoding="utf-8", errors="replace") as f:
        return list(enumerate(f, 1))


def included_by(source, name):
    for number, line in lines(source, name):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if m:
            yield number, m.group(1)


def symbols(archive, *flags):
    out = subprocess.run(["nm", *flags, archive], capture_output=True, text=True, check=True).stdout
    found, member = {}, "?"
    for line in out.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        elif line.split():
            found.setdefault(line.split()[-1].split("@")[0], member)
    return found


def check_purity(source, build):
    """The closure of base and the cores: whatever they don't define themselves must be allowed."""
    defined, wanted = set(), {}
    for name in PURE_ARCHIVES:
        path = os.path.join(build, name)
        defined |= set(symbols(path, "--defined-only"))
        for symbol, member in symbols(path, "--undefined-only").items():
            wanted.setdefault(symbol, f"{name}({member})")
    for symbol, where in sorted(wanted.items()):
        if symbol in defined or symbol in ALLOWED or any(re.match(p, symbol) for p in ALLOWED_PATTERNS):
            continue
        yield f"{where}: calls {symbol}, which pure code may not"


def layer_of(path):
    return next((layer for layer in LAYERS if path.startswith(layer + "/")), None)


def core_folder(path):
    parts = path.split("/")
    return parts[2] if len(parts) > 3 else None


def core_order_broken(name, target):
    a, b = core_folder(name), core_folder(target)
    if a is None or b is None or a == b or b in CORE_ANYWHERE or (a, b) in CORE_EXCEPTIONS:
        return False
    return CORE_ORDER.index(b) > CORE_ORDER.index(a)


def check_includes(source, build):
    for name in tracked(source, (".c", ".h", ".cc")):
        layer = layer_of(name)
        for number, target in included_by(source, name):
            to = layer_of(target)
            if layer is None:
                continue
            if to is None:
                yield f"{name}:{number}: includes {target}: write the path from the top"
            elif to not in LAYERS[layer]:
                yield f"{name}:{number}: {layer} must not include {to}"
            elif layer == to == "common/core" and core_order_broken(name, target):
                yield f"{name}:{number}: {name} must not include {target}, which comes after it"


def check_words(source, build):
    for name in tracked(source):
        if name.startswith("tests/tidy/") or name == "LICENSE" or "/corpus/" in name:
            continue
        if not name.endswith(TEXT) and not os.access(os.path.join(source, name), os.X_OK):
            continue
        for number, line in lines(source, name):
            for pattern, instead in BANNED_WORDS:
                if re.search(pattern, line):
                    yield f"{name}:{number}: {line.strip()[:80]} ({instead})"


def compiled(source, build):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        return {os.path.relpath(e["file"], source) for e in json.load(f)}


def check_unbuilt(source, build):
    built, included = compiled(source, build), {"common/base/banned.h"}
    for name in tracked(source, (".c", ".h", ".cc")):
        for _, target in included_by(source, name):
            included.add(target)
            included.add(os.path.normpath(os.path.join(os.path.dirname(name), target)))
    for name in tracked(source, (".c", ".cc")):
        if name not in built:
            yield f"{name}:1: nobody builds this"
    for name in tracked(source, (".h",)):
        if name not in included:
            yield f"{name}:1: nobody includes this"


def check_headers(source, build):
    for name in tracked(source, (".h",)):
        out = subprocess.run(
            ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-DTOCSIN_BUGS=0", '-DTOCSIN_VERSION="0"', "-I", source,
             "-fsyntax-only", "-x", "c", "-"],
            input=f'#include "{name}"\n', capture_output=True, text=True)
        if out.returncode != 0:
            yield f"{name}:1: does not compile alone: {out.stderr.splitlines()[0] if out.stderr else ''}"


def check_format(source, build):
    names = tracked(source, (".c", ".h", ".cc"))
    out = subprocess.run(["clang-format-14", "--dry-run", *names], cwd=source, capture_output=True, text=True)
    for name in sorted({line.split(":", 1)[0] for line in out.stderr.splitlines() if ": warning: " in line}):
        yield f"{name}:1: run clang-format-14 -i"


def check_clang(source, build):
    built = compiled(source, build)
    for name in tracked(source, (".c",)):
        if name not in built or name.startswith("tests/"):
            continue
        out = subprocess.run(["clang-tidy-14", "--quiet", "-p", build, name], cwd=source, capture_output=True, text=True)
        for line in out.stdout.splitlines():
            if re.search(r"(warning|error): ", line):
                yield line.removeprefix(source + "/")


CHECKS = {n[len("check_"):]: f for n, f in globals().items() if n.startswith("check_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=sorted(CHECKS))
    parser.add_argument("--source", required=True)
    parser.add_argument("--build", required=True)
    args = parser.parse_args()
    offences = 0
    for offence in CHECKS[args.check](os.path.abspath(args.source), os.path.abspath(args.build)):
        print(offence, flush=True)
        offences += 1
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
