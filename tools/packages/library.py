"""What must hold of a library that is handed out, and the figures that go with it.

    tools/packages/library.py build/lib/libtessera.so     prints the figures; fails on an offence

Method: binutils' readelf, which reads the files of any machine.
"""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SONAME = "libtessera.so.0"
VERSION_NODE = "TESSERA_0.1"
MOST_BYTES = 15_000_000
# The oldest C library that a package runs with, which targets/floor.py lets a build link against.
GLIBC_FLOOR = (2, 28)
# That of a build tree's own library, for this machine: what GCC 12 needs of Debian 12's: threads
# within libc (2.34), and the unwinder's _dl_find_object (2.35).
BUILD_TREE_FLOOR = (2, 35)
DYNAMIC_SYMBOL = re.compile(r"\s(\S+)\s+(?:DEFAULT|PROTECTED)\s+(\S+)\s+([^\s@]+)(@@?)?(\S*)")
ALLOWED = re.compile(r"(libc|libm|libpthread|libdl|librt|ld-linux.*)\.so\.\d+")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def dynamic_symbols(path):
    """(name, version, is defined) of the symbols that a library exports or asks for."""
    found = []
    for line in run("readelf", "-W", "--dyn-syms", path).splitlines():
        match = DYNAMIC_SYMBOL.search(line)
        if match and match[1] != "LOCAL" and match[2] != "ABS":   # not the version's own name
            found.append((match[3], match[5], match[2] != "UND"))
    return found


def glibc_floor(path):
    """The newest version of glibc that a symbol asks for, and these symbols."""
    found = {}
    for name, version, is_defined in dynamic_symbols(path):
        match = re.fullmatch(r"GLIBC_(\d+(?:\.\d+)+)", version)
        if match and not is_defined:
            found.setdefault(tuple(map(int, match[1].split("."))), []).append(name)
    if not found:
        raise ValueError(f"{path}: expected symbols of glibc, found none")
    newest = max(found)
    return newest, sorted(found[newest])


def stripped_bytes(path):
    """What the file takes without the symbols that only debuggers read."""
    left_out = 0
    for line in run("readelf", "-S", "-W", path).splitlines():
        # [number] name type address offset size
        words = line.partition("]")[2].split()
        if words and re.fullmatch(r"\.symtab|\.strtab|\.debug\S*", words[0]):
            left_out += int(words[4], 16)
    return os.path.getsize(path) - left_out


def listed_symbols():
    with open(os.path.join(ROOT, "capi", "symbols.txt"), encoding="utf-8") as file:
        return {line.split("#")[0].strip() for line in file} - {""}


def offences(path, most_glibc=GLIBC_FLOOR):
    """What is wrong with the library, one line each."""
    wrong = []
    dynamic = run("readelf", "-d", "-W", path)
    soname = re.search(r"\(SONAME\).*\[(.*)\]", dynamic)
    if soname is None or soname[1] != SONAME:
        wrong.append(f"SONAME: expected {SONAME}, got {soname and soname[1]}")
    if re.search(r"\((RPATH|RUNPATH)\)", dynamic):
        wrong.append("RPATH: expected none")
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic):
        if not ALLOWED.fullmatch(name):
            wrong.append(f"NEEDED: expected the C library alone, got {name}")
    exported = {name: version for name, version, is_defined in dynamic_symbols(path)
                if is_defined}
    for name in sorted(set(exported) ^ listed_symbols()):
        wrong.append(f"{name}: in capi/symbols.txt or exported, not both")
    wrong += [f"{name}: expected version {VERSION_NODE}, got '{version}'"
              for name, version in sorted(exported.items()) if version != VERSION_NODE]
    floor, symbols = glibc_floor(path)
    if floor > most_glibc:
        wrong.append(f"glibc: expected {'.'.join(map(str, most_glibc))} at most, got "
                     f"{'.'.join(map(str, floor))} for {', '.join(symbols)}; build with "
                     "tools/release --target, or on Debian 12 or older for a build tree's own")
    if stripped_bytes(path) > MOST_BYTES:
        wrong.append(f"size: expected {MOST_BYTES} bytes at most without symbols, got "
                     f"{stripped_bytes(path)}")
    return wrong


def figures(path):
    floor, symbols = glibc_floor(path)
    return (f"{stripped_bytes(path) / 1e6:.1f} MB, {SONAME}, {len(listed_symbols())} functions of "
            f"{VERSION_NODE}, glibc {'.'.join(map(str, floor))} ({', '.join(symbols)})")


def main():
    wrong = offences(sys.argv[1], BUILD_TREE_FLOOR)
    print(figures(sys.argv[1]))
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
