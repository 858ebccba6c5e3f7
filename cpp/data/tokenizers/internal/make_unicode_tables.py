"""Writes unicode_categories.cc and unicode_decompositions.cc beside this script.

  pip install unicodedata2==16.0.0 && python3 make_unicode_tables.py

The versions are those of the public tokenizers library 0.23, so that the same characters are
letters and numbers here as there: categories of Unicode 16, normal forms of Unicode 9 (what a
character is made of never changes once it is assigned, so of the newer data those are taken that
were there then; Perl knows which). unicodedata2 is Python's own module for a chosen version.
"""
import os
import subprocess

import unicodedata2 as unicode

HERE = os.path.dirname(os.path.abspath(__file__))
VERSION = "16.0.0"
CATEGORIES = ("Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs "
              "Co Cn").split()
HEAD = """// Written by make_unicode_tables.py, which says from what. Do not edit.
#include "cpp/data/tokenizers/internal/unicode_tables.h"

namespace tessera {

"""


def runs(value_of):
    """(first code point, value) of every run of equal values."""
    previous = None
    for code in range(0x110000):
        value = value_of(chr(code))
        if value != previous:
            yield code, value
        previous = value


def rows(words):
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) + 2 > 98:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return "\n".join(lines + [line]) + "\n"


def array(name, words):
    words = list(words)
    return (f"static constexpr uint32_t {name}[] = {{\n{rows(words)}}};\n")


def write(name, text):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        file.write(HEAD + text + "\n}  // namespace tessera\n")


def assigned_then():
    """Code points that Unicode 9 had."""
    script = (r'for (0 .. 0x10FFFF) { next if $_ >= 0xD800 && $_ <= 0xDFFF; '
              r'print "$_\n" if chr($_) =~ /\p{Present_In: 9.0}/ }')
    lines = subprocess.run(["perl", "-e", script], capture_output=True, text=True, check=True)
    return set(map(int, lines.stdout.split()))


def decompositions(known):
    """code, first, second (0: none), whether it composes again."""
    for code in sorted(known):
        parts = unicode.decomposition(chr(code)).split()
        if not parts or parts[0].startswith("<"):
            continue
        values = [int(part, 16) for part in parts]
        composes = len(values) == 2 and unicode.normalize("NFC", chr(code)) == chr(code)
        yield code, values[0], values[1] if len(values) == 2 else 0, int(composes)


def main():
    assert unicode.unidata_version == VERSION, unicode.unidata_version
    categories = [f"{code << 8 | CATEGORIES.index(value):#x}"
                  for code, value in runs(unicode.category)]
    write("unicode_categories.cc",
          "// First code point << 8 | category, of every run.\n"
          + array("kCategoryRuns", categories)
          + "\nabsl::Span<const uint32_t> UnicodeCategoryRuns() { return kCategoryRuns; }\n")
    known = assigned_then()
    classes = [f"{code << 8 | value:#x}" for code, value in
               runs(lambda c: unicode.combining(c) if ord(c) in known else 0)]
    words = []
    for code, first, second, composes in decompositions(known):
        words += [f"{code << 1 | composes:#x}", f"{first:#x}", f"{second:#x}"]
    write("unicode_decompositions.cc",
          "// First code point << 8 | canonical combining class, of every run.\n"
          + array("kCombiningRuns", classes)
          + "\n// Code point << 1 | does it compose again; what it is made of (0: nothing more).\n"
          + array("kDecompositions", words)
          + "\nabsl::Span<const uint32_t> UnicodeCombiningRuns() { return kCombiningRuns; }\n"
          + "absl::Span<const uint32_t> UnicodeDecompositions() { return kDecompositions; }\n")


if __name__ == "__main__":
    main()
