"""Writes the unicode_*.cc that are tables, beside this script.

  pip install unicodedata2==16.0.0 && python3 make_unicode_tables.py

The versions are those of the public tokenizers library 0.23, so that the same characters are
letters and numbers here as there: categories of Unicode 16, normal forms of Unicode 9 (what a
character is made of never changes once it is assigned, so of the newer data those are taken that
were there then; Perl knows which). What BERT's normalizer asks of characters it asks of Unicode 8,
and lower case is that of Unicode 17. unicodedata2 is Python's own module for a chosen version;
lower case is Python's own, with the pairs that came after Unicode 14.
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


def assigned_in(version):
    """Code points that a version of Unicode had."""
    script = (r'for (0 .. 0x10FFFF) { next if $_ >= 0xD800 && $_ <= 0xDFFF; '
              rf'print "$_\n" if chr($_) =~ /\p{{Present_In: {version}}}/ }}')
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


def compatibility(known):
    """[(code, the code points that it is made of)] of "<...>" decompositions."""
    for code in sorted(known):
        parts = unicode.decomposition(chr(code)).split()
        if parts and parts[0].startswith("<"):
            yield code, [int(part, 16) for part in parts[1:]]


def write_compatibility(known):
    ranges, texts = [], []   # ranges: code, how many, what the first is
    for code, parts in compatibility(known):
        if len(parts) > 1:
            texts += [code << 8 | len(parts), *parts]
        elif ranges and ranges[-1][0] + ranges[-1][1] == code and \
                ranges[-1][2] + ranges[-1][1] == parts[0]:
            ranges[-1][1] += 1
        else:
            ranges.append([code, 1, parts[0]])
    write("unicode_compatibility.cc",
          "// First code point, how many, what the first is made of; the others follow.\n"
          + array("kRanges", (f"{value:#x}" for one in ranges for value in one))
          + "\n// Code point << 8 | how many it is made of; these.\n"
          + array("kTexts", (f"{value:#x}" for value in texts))
          + "\nabsl::Span<const uint32_t> UnicodeCompatibilityRanges() { return kRanges; }\n"
          + "absl::Span<const uint32_t> UnicodeCompatibilityTexts() { return kTexts; }\n")


# Pairs of Unicode 15 to 17: first capital, how many, distance to the small one.
LATER_CAPITALS = ((0x1C89, 1, 1), (0xA7CB, 1, 0x264 - 0xA7CB), (0xA7CC, 1, 1), (0xA7CE, 1, 1),
                  (0xA7D2, 1, 1), (0xA7D4, 1, 1), (0xA7DA, 1, 1), (0xA7DC, 1, 0x19B - 0xA7DC),
                  (0x10D50, 22, 32), (0x16EA0, 25, 27))


def write_lowercase():
    small = {code: ord(chr(code).lower()) for code in range(0x110000)
             if len(chr(code).lower()) == 1 and chr(code).lower() != chr(code)}
    for first, count, distance in LATER_CAPITALS:
        small.update({code: code + distance for code in range(first, first + count)})
    words = [f"{value:#x}" for code in sorted(small) for value in (code, small[code])]
    write("unicode_lowercase.cc",
          "// Capital, small; U+0130, which becomes two, is not in it.\n" + array("kPairs", words)
          + "\nabsl::Span<const uint32_t> UnicodeLowercasePairs() { return kPairs; }\n")


def write_ages():
    known = assigned_in("8.0")
    words = [f"{code << 8 | value:#x}" for code, value in runs(lambda c: int(ord(c) in known))]
    write("unicode_ages.cc", "// First code point << 8 | was it in Unicode 8, of every run.\n"
          + array("kAgeRuns", words)
          + "\nabsl::Span<const uint32_t> UnicodeAgeRuns() { return kAgeRuns; }\n")


def main():
    assert unicode.unidata_version == VERSION, unicode.unidata_version
    categories = [f"{code << 8 | CATEGORIES.index(value):#x}"
                  for code, value in runs(unicode.category)]
    write("unicode_categories.cc",
          "// First code point << 8 | category, of every run.\n"
          + array("kCategoryRuns", categories)
          + "\nabsl::Span<const uint32_t> UnicodeCategoryRuns() { return kCategoryRuns; }\n")
    write_lowercase()
    write_ages()
    known = assigned_in("9.0")
    write_compatibility(known)
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
