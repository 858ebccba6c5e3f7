"""The shared library exports capi/symbols.txt and nothing else, and needs the C library only.

Method: the dynamic symbol table and the NEEDED entries as binutils read them.
"""

import os
import re
import subprocess
import sys
import unittest

import source_tree

# The loader, and the parts of glibc that older versions keep in files of their own.
ALLOWED_LIBRARIES = re.compile(r"(libc|libm|libpthread|libdl|librt|ld-linux.*)\.so\.\d+")
SKIPPED = 77


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class ExportsTest(unittest.TestCase):
    library = ""

    def test_exports_are_the_list(self):
        listed = source_tree.read(source_tree.tree_root(), "capi/symbols.txt").split("\n")
        listed = {line.split("#")[0].strip() for line in listed} - {""}
        exported = set()
        for line in run("nm", "-D", "--defined-only", self.library).splitlines():
            _, kind, name = line.split()
            if kind != "A":  # the name of the version itself
                exported.add(name.split("@")[0])
        self.assertEqual(sorted(exported - listed), [], "exported and not in capi/symbols.txt")
        self.assertEqual(sorted(listed - exported), [], "in capi/symbols.txt and not exported")

    def test_needs_the_c_library_only(self):
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", "-W", self.library))
        self.assertTrue(needed)
        self.assertEqual([name for name in needed if not ALLOWED_LIBRARIES.fullmatch(name)], [])

    def test_every_export_begins_with_tsr(self):
        for line in run("nm", "-D", "--defined-only", self.library).splitlines():
            self.assertRegex(line.split()[2], r"^(tsr_|TESSERA_)")


if __name__ == "__main__":
    build = os.environ.get("TESSERA_BUILD", "build")
    ExportsTest.library = os.path.join(build, "lib/libtessera.so")
    if not os.path.exists(ExportsTest.library):
        print(f"skipped: there is no {ExportsTest.library}")
        sys.exit(SKIPPED)
    if os.environ.get("TESSERA_SANITIZE"):
        print("skipped: an instrumented library exports and needs the sanitizer's own")
        sys.exit(SKIPPED)
    unittest.main(argv=[sys.argv[0]])
