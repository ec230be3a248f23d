#!/usr/bin/env python3
"""Breaks a small tree on purpose: each check of tidy.py must notice."""
import os
import subprocess
import sys
import tempfile

TIDY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tidy.py")


def expect(what, check, source, build, fragment):
    out = subprocess.run([sys.executable, TIDY, check, "--source", source, "--build", build],
                         capture_output=True, text=True)
    if out.returncode != 1 or fragment not in out.stdout:
        sys.exit(f"{what}: not noticed (exit {out.returncode}): {out.stdout}{out.stderr}")
    print(f"noticed: {what}")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def archive(folder, name, source):
    path, obj = os.path.join(folder, name), os.path.join(folder, name + ".o")
    subprocess.run(["gcc", "-w", "-x", "c", "-c", "-o", obj, "-"], input=source, text=True, check=True)
    if os.path.exists(path):
        os.remove(path)
    subprocess.run(["ar", "rcs", path, obj], check=True)


def main():
    with tempfile.TemporaryDirectory() as tmp:
        tree, build = os.path.join(tmp, "tree"), os.path.join(tmp, "build")
        core = os.path.join(tree, "common/core")
        os.makedirs(build)
        for name in ["libbase.a", "libcore.a", "libedge_core.a", "libglobal_core.a"]:
            archive(build, name, "int %s;" % name.replace(".", "_"))
        write(os.path.join(build, "compile_commands.json"), "[]")
        for name in ["time", "getenv", "rand", "socket", "setlocale", "localtime", "pthread_create", "fopen"]:
            archive(build, "libcore.a", f"long {name}(); long f(void) {{ return {name}(0, 0, 0, 0); }}")
            expect(f"the core calls {name}", "purity", tree, build, f"calls {name}")
        archive(build, "libcore.a", "long base_now(void); long f(void) { return base_now(); }")
        archive(build, "libbase.a", "long clock_gettime(); long base_now(void) { return clock_gettime(0, 0); }")
        expect("base wraps a clock", "purity", tree, build, "calls clock_gettime")
        write(os.path.join(core, "x.c"), '#include "common/io/loop.h"\n')
        expect("core includes io", "includes", tree, build, "must not include common/io")
        expect("a file nobody builds", "unbuilt", tree, build, "nobody builds")
        write(os.path.join(core, "x.c"), "int x; /* TO" + "DO later */\n")
        expect("an unfinished mark", "words", tree, build, "x.c:1")
        write(os.path.join(core, "x.c"), "int   x;\n")
        expect("a file out of format", "format", tree, build, "clang-format")
        write(os.path.join(core, "model/y.h"), '#include "common/core/api/z.h"\nstruct a {\n    struct b c;\n};\n')
        write(os.path.join(core, "api/z.h"), "\n")
        expect("model includes api", "includes", tree, build, "comes after it")
        expect("a header that needs others", "headers", tree, build, "does not compile alone")


if __name__ == "__main__":
    main()
