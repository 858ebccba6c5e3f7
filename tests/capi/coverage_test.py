"""tessera.h, capi/symbols.txt and the tests of the interface say the same.

Method: the declarations and comments of the header as text. Every function is listed for export,
documented by the grammar that the header states (Threads, Since), named in a test, and mentioned in
the change log.
"""

import glob
import os
import re
import sys
import unittest

ROOT = os.environ.get("TESSERA_SOURCE", os.path.join(os.path.dirname(__file__), "../.."))
DECLARATION = re.compile(
    r"/\*(?P<doc>(?:(?!\*/).)*)\*/\s*TSR_API\s[^;]*?\b(?P<name>tsr_\w+)\s*\([^;]*\);", re.S)
MOST_FUNCTIONS = 150


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def functions(header):
    """Name to comment of every exported function of a header's text."""
    return {match["name"]: " ".join(match["doc"].replace("\n *", " ").split())
            for match in DECLARATION.finditer(header)}


def doc_errors(name, doc):
    """What the comment of a function lacks."""
    errors = []
    if not re.search(r"Threads: (any|one|the tracing one)\b", doc):
        errors.append(f"{name}: no 'Threads: any', 'Threads: one' or 'Threads: the tracing one'")
    if not re.search(r"Since: \d+\.\d+\.", doc):
        errors.append(f"{name}: no 'Since: VERSION.'")
    if len(doc) < 30 or not doc[0].isupper():
        errors.append(f"{name}: the comment does not begin with what it does")
    return errors


class CoverageTest(unittest.TestCase):
    header = "".join(read(path) for path in sorted(glob.glob("capi/include/*.h", root_dir=ROOT)))
    found = functions(header)

    def test_every_declaration_is_understood(self):
        # Each TSR_API but its own definitions is a function that this script sees with its comment.
        declared = len(re.findall(r"^TSR_API\b", self.header, re.M))
        self.assertEqual(declared, len(self.found))
        self.assertLess(len(self.found), MOST_FUNCTIONS)

    def test_symbols_are_the_functions_of_the_header(self):
        lines = [line.split("#")[0].strip() for line in read("capi/symbols.txt").split("\n")]
        listed = [line for line in lines if line]
        self.assertEqual(sorted(set(listed)), listed, "sorted, each once")
        self.assertEqual(listed, sorted(self.found))

    def test_every_function_is_documented(self):
        errors = [error for name, doc in self.found.items() for error in doc_errors(name, doc)]
        self.assertEqual(errors, [])

    def test_every_function_is_tested_by_name(self):
        tests = ""
        folder = os.path.join(ROOT, "tests/capi")
        for name in sorted(os.listdir(folder)):
            if name.endswith((".c", ".cc")):
                tests += read(os.path.join("tests/capi", name))
        missing = [name for name in self.found if not re.search(rf"\b{name}\s*\(", tests)]
        self.assertEqual(missing, [])

    def test_fallible_functions_must_be_used(self):
        for match in re.finditer(r"TSR_API (?P<use>TSR_MUST_USE )?tsr_status\* (?P<name>\w+)",
                                 self.header):
            if match["name"] != "tsr_status_new":
                self.assertTrue(match["use"], match["name"])

    def test_the_change_log_names_the_version(self):
        numbers = [re.search(rf"TSR_VERSION_{part} (\d+)", self.header)[1]
                   for part in ("MAJOR", "MINOR")]
        self.assertIn(f"## {'.'.join(numbers)}", read("capi/CHANGELOG.md"))

    def test_offences_are_found(self):
        text = "/* Does a thing that takes long enough.\n * Threads: any. Since: 0.1. */\n" \
               "TSR_API TSR_MUST_USE tsr_status* tsr_a_b(int x,\n  int y);\n" \
               "/* lower. Threads: some. */\nTSR_API void tsr_a_free(void);\n"
        found = functions(text)
        self.assertEqual(sorted(found), ["tsr_a_b", "tsr_a_free"])
        self.assertEqual(doc_errors("tsr_a_b", found["tsr_a_b"]), [])
        self.assertEqual(len(doc_errors("tsr_a_free", found["tsr_a_free"])), 3)


if __name__ == "__main__":
    sys.exit(unittest.main(argv=[sys.argv[0]]))
