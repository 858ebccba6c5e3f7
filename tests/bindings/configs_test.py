"""The config builders and op wrappers of Rust, Go and Java are those of the catalogue.

Method: bindings/generate writes them anew from the built library. A short run asks that what
stands in the tree is still there, type by type and field by field; a long one that they are the
same bytes.
"""

import importlib.machinery
import importlib.util
import os
import re

import binding_testing
from binding_testing import BINDINGS, LIBRARY_FOLDER, run

GENERATE = os.path.join(BINDINGS, "generate")
# How the name of a type and that of a field are found in each language.
PATTERNS = {"rust": (r"^impl (\w+) \{", r'insert\(\s*"(\w+)"'),
            "go": (r"^type (\w+) struct", r'json:"(\w+),'),
            "java": (r"^  public static final class (\w+)", r'put\("(\w+)"')}
OP_PATTERNS = {"rust": r'to\.add_op\(\s*"(\w+)"', "go": r'b\.AddMany\("(\w+)"',
               "java": r'      super\("(\w+)"\)'}


def files():
    loader = importlib.machinery.SourceFileLoader("generate", GENERATE)
    spec = importlib.util.spec_from_loader("generate", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module.FILES, module.op_wrappers.FILES


def fields(text, language):
    """{type.field} of a file of builders."""
    of_type, of_field = PATTERNS[language]
    found, name = set(), None
    for match in re.finditer(f"{of_type}|{of_field}", text, re.M):
        if match[1]:
            name = match[1]
            found.add(name)
        else:
            found.add(f"{name}.{match[2]}")
    return found


class ConfigsTest(binding_testing.BindingTest):
    def test_builders_are_those_of_the_catalogue(self):
        run([GENERATE, os.path.join(LIBRARY_FOLDER, "libtessera.so"), self.folder])
        for language, path in files()[0].items():
            kept = binding_testing.read(BINDINGS, path)
            made = binding_testing.read(self.at(path))
            if binding_testing.IS_LONG:
                self.assertTrue(kept == made, f"{path}: run bindings/refresh")
            found = fields(kept, language)
            self.assertGreater(len(found), 300, path)
            self.assertEqual(found - fields(made, language), set(), "run bindings/refresh")
        for language, path in files()[1].items():
            kept, made = (set(re.findall(OP_PATTERNS[language], binding_testing.read(*parts)))
                          for parts in ((BINDINGS, path), (self.folder, path)))
            self.assertGreater(len(kept), 100, path)
            self.assertEqual(kept - made, set(), "run bindings/refresh")


if __name__ == "__main__":
    binding_testing.main()
