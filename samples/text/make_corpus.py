"""Makes a text corpus from the sources of Python's standard library: over 10 MB of real code.

    python3 samples/text/make_corpus.py OUT

The same Python gives the same bytes: files in the order of their names, those that are not UTF-8 or
belong to installed packages left out. The library's own tests are added only when the rest is less
than 10 MB. A file at OUT that is right already is left as it is.
"""

import argparse
import os
import sys
import sysconfig

ENOUGH_BYTES = 10_000_000
PACKAGES = {"site-packages", "dist-packages", "__pycache__"}
TESTS = {"test", "tests", "idle_test"}


def source_files(folder, with_tests):
    found = []
    for at, names, leaves in os.walk(folder):
        names[:] = [n for n in names if n not in PACKAGES and (with_tests or n not in TESTS)]
        found += [os.path.join(at, leaf) for leaf in leaves if leaf.endswith(".py")]
    return sorted(found, key=lambda path: os.path.relpath(path, folder))


def read_texts(paths):
    for path in paths:
        try:
            with open(path, "rb") as file:
                text = file.read().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if text.strip():
            yield text.replace("\r\n", "\n").rstrip("\n") + "\n"


def make_corpus():
    folder = sysconfig.get_path("stdlib")
    corpus = b""
    for with_tests in (False, True):
        files = source_files(folder, with_tests)
        corpus = "\n".join(read_texts(files)).encode("utf-8")
        if len(corpus) >= ENOUGH_BYTES:
            break
    return folder, corpus


def main():
    parser = argparse.ArgumentParser(description="A corpus of Python's standard library.")
    parser.add_argument("out", help="where to write it")
    out = parser.parse_args().out
    folder, corpus = make_corpus()
    if not corpus:
        sys.exit(f"make_corpus.py: no Python sources in {folder}; give a text of your own instead")
    if not (os.path.exists(out) and open(out, "rb").read() == corpus):
        with open(out + ".part", "wb") as file:
            file.write(corpus)
        os.replace(out + ".part", out)
    print(f"{out}: {len(corpus) / 1e6:.1f} MB from {folder}")


if __name__ == "__main__":
    main()
