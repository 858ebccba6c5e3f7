#!/usr/bin/env python3
"""What calls and callbacks cost from C, Rust, Go and Java, in ns, as a table.

    tests/bench/binding_calls.py     after tests/bindings/java_test.py has built the Java binding

Method: each is the least of some rounds of many calls. The callback is a use of an op whose kernel
does nothing, with what the executor does for it: a program of 201 uses less one of 1. For Python:
python_calls.py.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "bindings"))
import binding_testing  # noqa: E402  (the folder beside this one)
from binding_testing import BINDINGS, LIBRARY_FOLDER, run, scratch  # noqa: E402


def c():
    program = os.path.join(scratch("c"), "calls")
    run(["cc", "-std=c11", "-O2", "-Wall", "-Wextra", os.path.join(HERE, "calls.c"), "-I",
         os.path.join(os.path.dirname(BINDINGS), "capi", "include"), "-L", LIBRARY_FOLDER,
         "-ltessera", f"-Wl,-rpath,{LIBRARY_FOLDER}", "-o", program])
    return run([program])


def rust():
    target = os.path.join(scratch("rust"), "target")
    env = {**os.environ, "CARGO_TARGET_DIR": target, "TESSERA_LIB_DIR": LIBRARY_FOLDER}
    run(["cargo", "build", "--locked", "--release", "--example", "calls"],
        cwd=os.path.join(BINDINGS, "rust"), env=env)
    return run([os.path.join(target, "release", "examples", "calls")],
               env={**os.environ, "LD_LIBRARY_PATH": LIBRARY_FOLDER})


def go():
    program = os.path.join(scratch("go"), "calls")
    env = {**os.environ, "CGO_LDFLAGS": f"-L{LIBRARY_FOLDER} -Wl,-rpath,{LIBRARY_FOLDER}"}
    run(["go", "build", "-o", program, "./internal/calls"], cwd=os.path.join(BINDINGS, "go"),
        env=env)
    return run([program])


def java():
    target = os.path.join(scratch("java"), "target")
    folders = [os.path.join(target, name) for name in ("classes", "test-classes", "natives")]
    return run(["java", f"-Dio.tessera.cache={os.path.join(target, 'cache')}", "-cp",
                os.pathsep.join(folders), "io.tessera.Calls"])


def main():
    columns = {}
    for language in (c, rust, go, java):
        lines = language().strip().split("\n")
        columns[language.__name__] = dict(line.rsplit(": ", 1) for line in lines)
    print(f"{'ns':28}" + "".join(f"{name:>10}" for name in columns))
    for name in columns["rust"]:
        print(f"{name:28}" + "".join(f"{column[name]:>10}" for column in columns.values()))


if __name__ == "__main__":
    main()
