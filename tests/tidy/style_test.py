"""Style that a program can judge, with a ratchet for old offenders (ratchet.txt).

Method: each rule is run over the whole tree; what ratchet.txt does not list fails, and so does a
line there whose offender has shrunk or gone. Made-up files show that each rule finds its offence.
"""

import os
import re
import sys
import unittest

import functions
import source_tree

LONGEST_FUNCTION = 70
LONGEST_FILE = 800
WIDEST_LINE = 100

CODE = (".h", ".hpp", ".cc", ".c", ".cu", ".cuh")
SOURCES = CODE + (".py", ".sh", ".fbs", ".cmake", "CMakeLists.txt", ".cases")
TEXT = SOURCES + (".md", ".txt", ".json", ".i")
BINDINGS = (".rs", ".go", ".java")  # whose own tools see to the rest of their style
GENERATED = re.compile(r"\bMade from .* by bindings/\S+; not edited\.")
LIBRARY = ("cpp/", "kernels/", "capi/src/")

# Split, so that this file does not offend.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|root|home)/[a-z]")

# What the library never does (decision 19 of the design): it is a guest in its host.
GUEST_RULES = [
    (r"(?<![\w.>:])(?:std::)?(abort|exit|_exit|quick_exit|terminate)\s*\(", "ends the process"),
    (r"\b(printf|puts|fprintf|perror)\s*\(|std::(cout|cerr|clog)\b", "prints"),
    (r"\b(getenv|secure_getenv|setenv|putenv|unsetenv)\s*\(", "touches the environment"),
    (r"(?<![\w.>:])(?:std::|::)?(signal|sigaction)\s*\(", "touches signal handlers"),
    (r"(?<!\w)throw\b(?!\s*\()", "throws"),
    (r"\b(?:ABSL_)?D?(?:CHECK|QCHECK)(?:_\w+)?\s*\(|\bLOG\s*\(\s*(?:Q?FATAL)\b", "may abort"),
]


def offences(path, text):
    """[(rule, name, value, line)]; value 1 where there is nothing to measure."""
    lines = text.split("\n")
    found = []

    def at_line(rule, number, value=1):
        found.append((rule, path, value, number))

    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            at_line("trailing-space", number)
        if path.endswith(SOURCES) and len(line) > WIDEST_LINE:
            at_line("width", number)
        if "\t" in line and path.endswith(CODE + (".py", ".md")):
            at_line("tab", number)
        if UNFINISHED.search(line):
            at_line("unfinished", number)
        if MACHINE_PATH.search(line):
            at_line("machine-path", number)
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        at_line("last-line", len(lines))
    is_written = path.endswith(SOURCES) or (
        path.endswith(BINDINGS) and not GENERATED.search(text))
    if is_written and len(lines) - 1 > LONGEST_FILE:
        at_line("file-length", 1, len(lines) - 1)
    if path.endswith(CODE):
        found += code_offences(path, text)
    if path.endswith(".py"):
        found += long_functions(path, functions.python_functions(text))
    return found


def long_functions(path, lengths):
    return [
        ("function-length", f"{path}:{name}", length, line)
        for name, line, length in lengths
        if length > LONGEST_FUNCTION
    ]


def code_offences(path, text):
    found = long_functions(path, functions.cpp_functions(text))
    if path.endswith((".h", ".cuh")):
        if not re.search(r"^#pragma once$|^#ifndef \w+_H_?$", text, re.MULTILINE):
            found.append(("header-guard", path, 1, 1))
        if not text.startswith(("//", "/*")):
            found.append(("header-comment", path, 1, 1))
        if re.search(r"^using namespace ", text, re.MULTILINE):
            found.append(("using-namespace", path, 1, 1))
    if path.startswith(LIBRARY) and not path.startswith("cpp/cli/"):
        code = source_tree.strip_cpp(text)
        for pattern, what in GUEST_RULES:
            for match in re.finditer(pattern, code):
                line = code.count("\n", 0, match.start()) + 1
                found.append((f"guest: {what}", path, 1, line))
    return found


def compare(found, ratchet):
    """Texts of what is wrong, given {(rule, name): allowed value}."""
    wrong = []
    worst = {}
    for rule, name, value, line in found:
        worst[(rule, name)] = max(value, worst.get((rule, name), 0))
        if value > ratchet.get((rule, name), 0):
            path, _, function = name.partition(":")
            measured = f" ({value})" if value > 1 else ""
            wrong.append(f"{path}:{line}: {rule}{measured} {function}".rstrip())
    for (rule, name), allowed in ratchet.items():
        value = worst.get((rule, name), 0)
        if value < allowed:
            wrong.append(f"ratchet.txt: {rule} {name} is {value} now, lower or remove {allowed}")
    return wrong


def read_ratchet(text):
    ratchet = {}
    for line in text.splitlines():
        words = line.split("#")[0].rsplit(None, 2)
        if len(words) == 3:
            ratchet[(words[0], words[1])] = int(words[2])
    return ratchet


class StyleTest(unittest.TestCase):
    def test_the_tree_keeps_the_style(self):
        root = source_tree.tree_root()
        found = []
        for path in source_tree.files(root, TEXT + BINDINGS):
            found += offences(path, source_tree.read(root, path))
        ratchet = read_ratchet(source_tree.read(root, "tests/tidy/ratchet.txt"))
        wrong = compare(found, ratchet)
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def rules_found(self, path, text):
        return sorted({rule for rule, _, _, _ in offences(path, text)})

    def test_each_rule_finds_its_offence(self):
        head = "// A header.\n#pragma once\n"
        body = "  Call();\n" * 69
        cases = {
            "trailing-space": ("cpp/a.cc", "int a; \n"),
            "width": ("cpp/a.cc", "// " + "x" * 98 + "\n"),
            "tab": ("cpp/a.cc", "\tint a;\n"),
            "unfinished": ("cpp/a.cc", "// TO" + "DO: more\n"),
            "machine-path": ("cpp/a.cc", "// see /wo" + "rk/main\n"),
            "last-line": ("cpp/a.cc", "int a;"),
            "file-length": ("cpp/a.cc", "int a;\n" * 801),
            "function-length": ("cpp/a.cc", "void F() {\n" + body + "}\n"),
            "header-guard": ("cpp/a.h", "// A header.\nint a;\n"),
            "header-comment": ("cpp/a.h", "#pragma once\n"),
            "using-namespace": ("cpp/a.h", head + "using namespace std;\n"),
            "guest: ends the process": ("cpp/a.cc", "void F() { std::abort(); }\n"),
            "guest: prints": ("cpp/a.cc", 'void F() { printf("x"); }\n'),
            "guest: touches the environment": ("cpp/a.cc", 'auto x = getenv("X");\n'),
            "guest: touches signal handlers": ("cpp/a.cc", "void F() { signal(2, g); }\n"),
            "guest: throws": ("cpp/a.cc", "void F() { throw 1; }\n"),
            "guest: may abort": ("cpp/a.cc", "void F() { CHECK_EQ(a, b); }\n"),
        }
        for rule, (path, text) in cases.items():
            self.assertEqual(self.rules_found(path, text), [rule], rule)
        self.assertEqual(self.rules_found("cpp/a.cc", "// abort() would end it\n"), [])
        long = "int a;\n" * 801
        self.assertEqual(self.rules_found("bindings/a.go", long), ["file-length"])
        made = "// Made from the catalogue by bindings/generate; not edited.\n"
        self.assertEqual(self.rules_found("bindings/a.go", made + long), [])
        self.assertEqual(self.rules_found("cpp/cli/a.cc", 'void F() { printf("x"); }\n'), [])

    def test_lengths_of_functions(self):
        text = (
            "namespace a {\nclass B : public C<int> {\n public:\n  B(int x) : x_(x) {\n  }\n"
            "  bool operator==(const B& b) const {\n    return true;\n  }\n};\n"
            "constexpr int kTable[] = {\n  1,\n  2,\n};\n"
            "template <typename T, class U = V<T>>\nT Long(T value,\n       int y = 2) {\n"
            "  auto f = [&](int z) {\n    return \"}\" + z;\n  };\n  return '{';\n}\n"
            "const auto kLambda = [](int a) {\n  return 1'000;\n};\n"
            "TEST(Suite, Name) {\n#if X\n  if (a) {\n#else\n  if (b) {\n#endif\n  }\n}\n}\n"
        )
        self.assertEqual(
            [(name, length) for name, _, length in functions.cpp_functions(text)],
            [("B", 2), ("operator==", 3), ("Long", 8), ("kLambda", 3), ("Suite.Name", 8)],
        )

    def test_the_ratchet_neither_grows_nor_rusts(self):
        ratchet = {("function-length", "a.cc:F"): 80}
        at = lambda value: [("function-length", "a.cc:F", value, 3)]
        self.assertEqual(compare(at(80), ratchet), [])
        self.assertEqual(compare(at(81), ratchet), ["a.cc:3: function-length (81) F"])
        self.assertEqual(len(compare(at(79), ratchet)), 1)
        self.assertEqual(len(compare([], ratchet)), 1)
        self.assertEqual(read_ratchet("# x\nguest: prints cpp/a.cc 1\n"),
                         {("guest: prints", "cpp/a.cc"): 1})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
