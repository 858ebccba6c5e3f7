"""Layer rules: who may include whom, by cpp/layers.txt.

Method: every #include of cpp/, kernels/, capi/src/ and samples/ is looked up in the table; then two
folders must not include each other. A made-up tree with one violation of each kind shows that each
is found.
"""

import os
import re
import sys
import tempfile
import unittest

import source_tree

OPEN = {"base", "tensor"}
EXTERNAL = ("flatbuffers", "rapidjson", "gloo", "hwy")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


class Rules:
    """The table: for each layer what headers and .cc files may include."""

    def __init__(self, text):
        self.anywhere = {}
        self.in_cc = {}
        for line in text.splitlines():
            line = line.split("#")[0].strip()
            if not line:
                continue
            layer, _, rest = line.partition(":")
            headers, _, cc = rest.partition("cc:")
            self.anywhere[layer.strip()] = {word.strip("[]") for word in headers.split()}
            self.in_cc[layer.strip()] = {word.strip("[]") for word in cc.split()}

    def allows(self, layer, target, is_cc):
        allowed = self.anywhere[layer] | (self.in_cc[layer] if is_cc else set())
        name = target_layer(target)
        return (
            name in allowed
            or name == layer
            or (name in OPEN and layer not in OPEN and layer != "cli")
            or (layer == "tensor" and name == "base")
            or target.removeprefix("cpp/") in allowed
        )


def layer_of(path):
    """The layer that the file at `path` belongs to, or None."""
    parts = path.split("/")
    if parts[0] == "cpp" and len(parts) > 2:
        return parts[1]
    if parts[0] == "kernels" and len(parts) > 2:
        return "/".join(parts[:2])
    if path.startswith("capi/src/"):
        return "capi"
    if parts[0] == "samples":
        return "cli"  # what a user may include: tessera.h
    return None


def target_layer(target):
    """The name under which an included path stands in the table; None when no rule concerns it."""
    parts = target.split("/")
    if parts[0] in ("cpp", "kernels") or target.startswith("capi/src/"):
        return layer_of(target)
    if parts[0] == "gen":
        return "generated/" + parts[1].split(".")[0]
    if target.endswith("tessera.h"):
        return "capi/include/tessera.h"
    if parts[0] in EXTERNAL:
        return "external/" + parts[0]
    return None


def violations(root):
    rules = Rules(source_tree.read(root, "cpp/layers.txt"))
    found = []
    edges = {}
    paths = source_tree.files(root, (".h", ".cc", ".c"), ("cpp", "kernels", "capi/src", "samples"))
    for path in paths:
        layer = layer_of(path)
        if layer is None:
            found.append(f"{path}: in no layer")
            continue
        if layer not in rules.anywhere:
            found.append(f"{path}: layer '{layer}' is not in cpp/layers.txt")
            continue
        text = source_tree.read(root, path)
        for match in INCLUDE.finditer(text):
            target = match.group(2)
            line = text.count("\n", 0, match.start(2)) + 1
            name = target_layer(target)
            if name is None:
                # A sample is compiled by its reader, who has no root: its own folder is enough.
                beside = os.path.join(root, os.path.dirname(path), target)
                if path.startswith("samples/") and os.path.exists(beside):
                    continue
                if match.group(1) == '"' and not target.startswith(("absl/", "dlpack/")):
                    found.append(f"{path}:{line}: includes {target}, expected a path from the root")
                continue
            if layer == "capi" and name == "capi/include/tessera.h":
                continue
            if not rules.allows(layer, target, path.endswith(".cc")):
                found.append(f"{path}:{line}: {layer} may not include {target}")
            edges.setdefault(layer, set()).add(name)
    for layer, names in sorted(edges.items()):
        for name in sorted(names):
            if layer < name and layer in edges.get(name, set()):
                found.append(f"{layer} and {name} include each other")
    return found


class LayersTest(unittest.TestCase):
    def test_the_tree_keeps_the_table(self):
        found = violations(source_tree.tree_root())
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_each_kind_of_violation_is_found(self):
        made_up = {
            "cpp/layers.txt": "base:\ntensor: base\nir: cc: external/flatbuffers\nops: ir\n"
            "passes: ir ops/fused.h\nkernels/cpu:\ncli: capi/include/tessera.h\n",
            "cpp/ir/a.h": '#include "cpp/tensor/t.h"\n#include "cpp/ops/x.h"\n',
            "cpp/ir/b.cc": '#include "flatbuffers/verifier.h"\n#include "cpp/ir/a.h"\n',
            "cpp/ir/c.h": "#include <flatbuffers/verifier.h>\n",
            "cpp/ops/x.h": '#include "cpp/ir/a.h"\n',
            "cpp/passes/p.cc": '#include "cpp/ops/fused.h"\n#include "cpp/ops/x.h"\n',
            "cpp/base/s.h": '#include "cpp/tensor/t.h"\n',
            "cpp/new/n.h": "",
            "samples/s/s.c": '#include "s.h"\n#include "t.h"\n#include "tessera.h"\n',
            "samples/s/s.h": "",
            "kernels/cpu/k.cc": '#include "cpp/ir/a.h"\n#include "k.h"\n',
            "cpp/cli/main.cc": '#include "cpp/base/s.h"\n#include "capi/include/tessera.h"\n',
        }
        with tempfile.TemporaryDirectory() as root:
            for path, text in made_up.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            self.assertEqual(
                violations(root),
                [
                    "cpp/base/s.h:1: base may not include cpp/tensor/t.h",
                    "cpp/cli/main.cc:1: cli may not include cpp/base/s.h",
                    "cpp/ir/a.h:2: ir may not include cpp/ops/x.h",
                    "cpp/ir/c.h:1: ir may not include flatbuffers/verifier.h",
                    "cpp/new/n.h: layer 'new' is not in cpp/layers.txt",
                    "cpp/passes/p.cc:2: passes may not include cpp/ops/x.h",
                    "kernels/cpu/k.cc:1: kernels/cpu may not include cpp/ir/a.h",
                    "kernels/cpu/k.cc:2: includes k.h, expected a path from the root",
                    "samples/s/s.c:2: includes t.h, expected a path from the root",
                    "ir and ops include each other",
                ],
            )


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
