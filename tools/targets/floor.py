#!/usr/bin/env python3
"""The C library of a target as glibc 2.28 had it, to link against.

    tools/targets/floor.py x86_64       makes it in the cache unless it is there; prints its folder
    tools/targets/floor.py aarch64

A program or library linked with `-L FOLDER` before the compiler's own folders asks for no symbol of
a later glibc, though compiled against later headers: what glibc 2.28 did not have does not link.
FOLDER holds shared libraries with the names and versions that the installed ones export, but no
code: later versions are left out, and functions that glibc 2.34 moved into libc stand in the
library where they were before (libpthread, libdl, librt, libutil). libfloor.a (floor.c, start.c)
has the few functions that the compiler's runtime and our sources want and that 2.28 lacks.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FLOOR = (2, 28)
TARGETS = ("x86_64", "aarch64")
# Of each library: its name for the linker, and which of libc's moved functions were in it. In libc
# stands what none of them has.
LIBRARIES = {
    "libpthread.so.0": ("pthread", r"_{0,2}pthread_|sem_|__pthread|_pthread_cleanup|mtx_|cnd_|"
                        r"tss_|thrd_(create|detach|exit|join)|call_once|lockf64$"),
    "libdl.so.2": ("dl", r"dl(addr1?|close|error|info|mopen|open|sym|vsym)$"),
    "librt.so.1": ("rt", r"(aio|lio|mq|shm|timer)_|__mq_open_2$"),
    "libutil.so.1": ("util", r"(forkpty|openpty|login|login_tty|logout|logwtmp)$"),
    "libm.so.6": ("m", None),
    "libc.so.6": ("c", None),
}
SOURCES = ("floor.c", "start.c")
# Of libanl and libresolv, which nothing here links; and what 2.28 had in libm alone.
ELSEWHERE = re.compile(r"((gai_(cancel|error|suspend)|getaddrinfo_a|__isnanf128)$|ns_name_)")
LOADERS = {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}
SYMBOL = re.compile(r"\s(\d+) (FUNC|OBJECT|IFUNC|TLS|NOTYPE) +(?:GLOBAL|WEAK) +DEFAULT +\d+ "
                    r"(\S+?)(@@?)GLIBC_([\d.]+)$")


def compiler(target, name="gcc"):
    """The program of GCC that compiles for the target."""
    native = os.uname().machine == target
    return name if native else f"{target}-linux-gnu-{name}"


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def version_of(text):
    return tuple(int(part) for part in text.split("."))


def exported(path):
    """{name: (kind, size, {version: is default})} of a shared library."""
    found = {}
    for line in run("readelf", "-W", "--dyn-syms", path).splitlines():
        match = SYMBOL.search(line)
        if match:
            size, kind, name, marks, version = match.groups()
            _, _, versions = found.setdefault(name, (kind, int(size), {}))
            versions[version_of(version)] = marks == "@@"
    return found


def chosen(symbols):
    """{name: (kind, size, version, was moved)}: the version that 2.28 linked to. One that a
    program can no longer be linked to, having no default, is left out."""
    out = {}
    for name, (kind, size, versions) in symbols.items():
        default = [version for version, is_default in versions.items() if is_default]
        old = [version for version in versions if version <= FLOOR]
        if default and old:
            out[name] = (kind, size, max(old), default[0] > FLOOR)
    return out


def source_of(symbols):
    """Assembler text that exports the symbols, and the linker's list of their versions."""
    lines = []
    for number, (name, (kind, size, version, _)) in enumerate(sorted(symbols.items())):
        stub = f"stub_{number}"
        section = {"OBJECT": ".section .bss", "TLS": '.section .tbss,"awT",%nobits'}.get(
            kind, ".text")
        mark = {"OBJECT": "%object", "TLS": "%tls_object"}.get(kind, "%function")
        dotted = ".".join(map(str, version))
        lines += [section, f".globl {stub}", f".type {stub}, {mark}", ".balign 16", f"{stub}:",
                  f".skip {max(size, 1) if section != '.text' else 16}",
                  f".size {stub}, {size if section != '.text' else 16}",
                  f".symver {stub}, {name}@@GLIBC_{dotted}"]
    nodes, previous = [], ""
    for version in sorted({entry[2] for entry in symbols.values()}):
        node = f"GLIBC_{'.'.join(map(str, version))}"
        nodes.append(f"{node} {{ {'' if previous else 'local: stub_*;'} }} {previous};")
        previous = node
    return "\n".join(lines) + "\n", "\n".join(nodes) + "\n"


def make_library(target, folder, soname, symbols):
    text, versions = source_of(symbols)
    source = os.path.join(folder, soname + ".s")
    script = os.path.join(folder, soname + ".map")
    for path, content in ((source, text), (script, versions)):
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
    run(compiler(target), "-shared", "-nostdlib", f"-Wl,-soname,{soname}", "-Wl,--build-id=none",
        f"-Wl,--version-script={script}", source, "-o", os.path.join(folder, soname))
    os.remove(source)
    os.remove(script)


def make(target, folder):
    """Everything, into an empty folder."""
    loader = LOADERS[target]
    paths = {name: run(compiler(target), f"-print-file-name={name}").strip()
             for name in ("libc.so.6", "libm.so.6", loader)}
    for name, path in paths.items():
        if not os.path.isabs(path):
            raise ValueError(f"{name}: {compiler(target)} does not find it; install "
                             f"g++ for the target and its C library")
    libc = chosen(exported(paths["libc.so.6"]))
    contents = {name: {} for name in LIBRARIES}
    contents["libm.so.6"] = chosen(exported(paths["libm.so.6"]))
    for symbol, entry in libc.items():
        if ELSEWHERE.match(symbol):
            continue
        home = "libc.so.6"
        for name, (_, moved) in LIBRARIES.items():
            if entry[3] and moved and re.match(moved, symbol):
                home = name
        contents[home][symbol] = entry
    contents[loader] = chosen(exported(paths[loader]))
    for name, symbols in contents.items():
        make_library(target, folder, name, symbols)
    for name in SOURCES:
        run(compiler(target), "-std=gnu11", "-O2", "-fPIC", "-Wall", "-Wextra", "-Werror",
            "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections", "-c",
            os.path.join(HERE, name), "-o", name[:-1] + "o", cwd=folder)
    run(compiler(target, "ar"), "rcsD", "libfloor.a", "floor.o", "start.o", cwd=folder)
    # libc_nonshared.a has atexit and its like, which call what 2.28 has too.
    rest = run(compiler(target), "-print-file-name=libc_nonshared.a").strip()
    parts = " ".join(name for name in contents if name not in ("libc.so.6", "libm.so.6"))
    with open(os.path.join(folder, "libc.so"), "w", encoding="utf-8") as file:
        file.write(f"GROUP ( libfloor.a libc.so.6 {rest} AS_NEEDED ( {parts} ) )\n")
    for soname, (name, _) in LIBRARIES.items():
        if name != "c":
            os.symlink(soname, os.path.join(folder, f"lib{name}.so"))


def key_of(target):
    """Changes with whatever the folder is made from."""
    sums = hashlib.sha256(target.encode())
    for name in ("floor.py", *SOURCES):
        with open(os.path.join(HERE, name), "rb") as file:
            sums.update(file.read())
    for name in ("libc.so.6", "libm.so.6"):
        path = run(compiler(target), f"-print-file-name={name}").strip()
        with open(path, "rb") as file:
            sums.update(file.read())
    sums.update(run(compiler(target), "-dumpfullversion").encode())
    return sums.hexdigest()[:16]


def folder_of(target):
    """The folder, made unless it is there."""
    cache = os.environ.get("TESSERA_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "tessera")
    folder = os.path.join(cache, f"floor-{target}-{key_of(target)}")
    os.makedirs(cache, exist_ok=True)
    with open(folder + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(folder):
            work = folder + ".work"
            shutil.rmtree(work, ignore_errors=True)
            os.makedirs(work)
            make(target, work)
            os.rename(work, folder)
    return folder


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"floor.py: expected one of {', '.join(TARGETS)}, got {sys.argv[1:]}")
    try:
        print(folder_of(sys.argv[1]))
    except FileNotFoundError as error:
        sys.exit(f"floor.py: {error.filename}: not found; install g++ for {sys.argv[1]} "
                 f"(Debian: g++-{sys.argv[1].replace('_', '-')}-linux-gnu)")
    except subprocess.CalledProcessError as error:
        sys.exit(f"floor.py: {' '.join(error.cmd)}:\n{error.stderr}")
    except ValueError as error:
        sys.exit(f"floor.py: {error}")


if __name__ == "__main__":
    main()
