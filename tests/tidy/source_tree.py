"""What the tidy tests share: the files of the tree, and C++ without its comments.

Not a parser: code is read as lines and braces, which is enough for the shape of our own sources.
"""

import os
import re

SKIPPED_FOLDERS = {".git", ".cache", "out", "__pycache__", "node_modules", "target"}


def tree_root():
    """The source tree under test: TESSERA_SOURCE, or the one this file stands in."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("TESSERA_SOURCE") or os.path.dirname(os.path.dirname(here))


def files(root, suffixes, folders=("",)):
    """Paths relative to `root`, sorted, of files that end in one of `suffixes`."""
    found = set()
    for folder in folders:
        for at, names, leaves in os.walk(os.path.join(root, folder)):
            # A build tree is known by its cache, whatever it is called.
            if "CMakeCache.txt" in leaves:
                names[:] = []
                continue
            names[:] = [n for n in names if n not in SKIPPED_FOLDERS]
            for leaf in leaves:
                if leaf.endswith(suffixes):
                    found.add(os.path.relpath(os.path.join(at, leaf), root))
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


_TOKEN = re.compile(
    r'R"(?P<delimiter>[^\s()\\]{0,16})\(.*?\)(?P=delimiter)"'  # raw string
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|(?<![0-9A-Fa-f])'(?:[^'\\\n]|\\.)+'"  # character, but not the ' of 1'000
    r"|//[^\n]*"
    r"|/\*.*?\*/",
    re.DOTALL,
)


def strip_cpp(text):
    """The code with comments and literals emptied; line numbers stay what they are."""

    def blank(match):
        token = match.group(0)
        newlines = "\n" * token.count("\n")
        if token.startswith("/"):
            return newlines or " "
        return '""' + newlines

    return _TOKEN.sub(blank, text)
