"""What is linked into the library: names, versions, licences; as SPDX, and as the licences' texts.

The versions and checksums are those of tools/deps; a dependency that is added there and not here is
an error. What belongs to the compiler is found by asking it.
"""

import hashlib
import json
import os
import re
import subprocess
import tarfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Licence, and the file with its text in the source archive.
LINKED = {
    "abseil": ("Apache-2.0", "LICENSE", "https://abseil.io"),
    "rapidjson": ("MIT", "license.txt", "https://rapidjson.org"),
    "dlpack": ("Apache-2.0", "LICENSE", "https://github.com/dmlc/dlpack"),
    "highway": ("Apache-2.0 OR BSD-3-Clause", "LICENSE-BSD3", "https://github.com/google/highway"),
    "flatbuffers": ("Apache-2.0", "LICENSE", "https://flatbuffers.dev"),
    "gloo": ("BSD-3-Clause", "LICENSE", "https://github.com/facebookincubator/gloo"),
}
ONLY_FOR_TESTS = {"googletest", "benchmark"}
COMPILER_LICENCE = "GPL-3.0-or-later WITH GCC-exception-3.1"


def sources():
    """{name: (version, SHA-256)} of tools/deps."""
    with open(os.path.join(ROOT, "tools", "deps"), encoding="utf-8") as file:
        block = re.search(r'^SOURCES="\n(.*?)^"', file.read(), re.M | re.S)[1]
    found = {name: (version, checksum)
             for name, version, checksum in (line.split() for line in block.splitlines())}
    unknown = set(found) - set(LINKED) - ONLY_FOR_TESTS
    gone = set(LINKED) - set(found)
    if unknown or gone:
        raise ValueError(f"tools/packages/parts.py: expected the parts of tools/deps, lacks "
                         f"{sorted(unknown)} and still has {sorted(gone)}")
    return found


def compiler_version(compiler):
    return subprocess.run([compiler, "-dumpfullversion"], check=True, capture_output=True,
                          text=True).stdout.strip()


def archive_folder():
    base = os.environ.get("TESSERA_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "tessera")
    return os.path.join(base, "sources")


def licence_texts(compiler):
    """{file name: text} for every part, ours included."""
    with open(os.path.join(ROOT, "LICENSE"), encoding="utf-8") as file:
        texts = {"tessera.txt": file.read()}
    for name, (_, checksum) in sources().items():
        if name in ONLY_FOR_TESTS:
            continue
        path = os.path.join(archive_folder(), f"{name}-{checksum}")
        wanted = LINKED[name][1]
        with tarfile.open(path) as archive:
            found = [entry for entry in archive.getmembers()
                     if entry.name.count("/") <= 1 and os.path.basename(entry.name) == wanted]
            if len(found) != 1:
                raise ValueError(f"{path}: expected one {wanted} at its top, found {len(found)}")
            texts[f"{name}.txt"] = archive.extractfile(found[0]).read().decode("utf-8")
    texts["libstdc++.txt"] = (
        f"libstdc++ and libgcc {compiler_version(compiler)}, parts of the GNU Compiler\n"
        "Collection, are linked in statically. They are under the GNU General Public License,\n"
        "version 3 or later, with the GCC Runtime Library Exception, version 3.1, which grants\n"
        "permission to convey a work that is made by combining them with independent modules\n"
        "under terms of one's choice.\n"
        "The texts: https://www.gnu.org/licenses/gpl-3.0.html and\n"
        "https://www.gnu.org/licenses/gcc-exception-3.1.html\n")
    return texts


def spdx(version, library, date, compiler):
    """The bill of materials of the library, as the text of SPDX 2.3 JSON."""
    with open(library, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()

    def package(name, its_version, licence, home, checksum=None):
        entry = {"SPDXID": f"SPDXRef-{name.replace('+', '-plus')}", "name": name,
                 "versionInfo": its_version, "licenseConcluded": licence,
                 "licenseDeclared": licence, "copyrightText": "NOASSERTION",
                 "downloadLocation": home, "filesAnalyzed": False}
        if checksum:
            entry["checksums"] = [{"algorithm": "SHA256", "checksumValue": checksum}]
        return entry

    ours = package("tessera", version, "Apache-2.0", "NOASSERTION", digest)
    parts = [package(name, its_version.split("-")[0].split("+")[0], LINKED[name][0],
                     LINKED[name][2], checksum)
             for name, (its_version, checksum) in sorted(sources().items())
             if name not in ONLY_FOR_TESTS]
    parts += [package(name, compiler_version(compiler), COMPILER_LICENCE, "https://gcc.gnu.org")
              for name in ("libgcc", "libstdc++")]
    document = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"tessera-{version}",
        "documentNamespace": f"https://tessera.io/spdx/tessera-{version}-{digest[:16]}",
        "creationInfo": {"created": date.strftime("%Y-%m-%dT%H:%M:%SZ"),
                         "creators": ["Tool: tools/release"]},
        "packages": [ours] + parts,
        "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                           "relatedSpdxElement": ours["SPDXID"]}] + [
            {"spdxElementId": ours["SPDXID"], "relationshipType": "STATIC_LINK",
             "relatedSpdxElement": part["SPDXID"]} for part in parts],
    }
    return json.dumps(document, indent=2) + "\n"
