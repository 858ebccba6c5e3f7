"""Everything is reachable: functions of tessera.h, config types, ops; and has docs."""

import inspect
import os
import pydoc
import re
import unittest

import tessera as ts
from tessera import _raw, configs, ops
from suite import SOURCE, Suite

# Functions that the raw layer has no use for, with the reason.
LEFT_OUT = {"tsr_text_free": "texts are freed where they become str"}


def header_functions():
    path = os.path.join(SOURCE, "capi", "symbols.txt")
    with open(path, encoding="utf-8") as file:
        return {line.split("#")[0].strip() for line in file} - {""}


class CompleteSuite(Suite):
    def test_every_function_of_the_header_is_in_the_raw_layer(self):
        have = {name for name in dir(_raw) if name.startswith("tsr_")}
        self.assertEqual(header_functions() - have, set(LEFT_OUT))
        self.assertEqual(have - header_functions(), set())

    def test_every_function_is_used_by_the_classes(self):
        folder = os.path.dirname(inspect.getfile(ts))
        text = ""
        for name in sorted(os.listdir(folder)):
            if name.endswith(".py"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    text += file.read()
        unused = {name for name in header_functions() - set(LEFT_OUT)
                  if not re.search(rf"_raw\.{name}\b", text)}
        # Statuses become exceptions, and tensors are freed, in the raw layer itself (csrc).
        unused.discard("tsr_tensor_free")
        self.assertEqual({name for name in unused if not name.startswith("tsr_status_")}, set())

    def test_a_schema_for_editors(self):
        schema = self.runtime.json_schema()
        self.assertIn("$schema", schema)
        self.assertIn("FeedForward", str(schema))

    def test_statuses_are_reachable(self):
        status = _raw.tsr_status_new(5, "gone")
        self.assertEqual(_raw.tsr_status_code(status), 5)
        self.assertEqual(_raw.tsr_status_message(status), "gone")
        self.assertEqual(_raw.tsr_status_path(status), "")
        self.assertEqual(_raw.tsr_status_file(status), "")
        self.assertEqual(_raw.tsr_status_line(status), 0)
        self.assertEqual(_raw.tsr_status_rank(status), -1)
        self.assertEqual(_raw.tsr_status_retryable(status), 0)
        self.assertEqual(_raw.tsr_status_payload(status), "{}")
        _raw.tsr_status_free(status)

    def test_handles_of_another_kind_are_refused(self):
        with self.assertRaises(TypeError):
            _raw.tsr_config_to_json(self.runtime.handle)
        with self.assertRaises(ts.InvalidArgument):
            _raw.tsr_config_to_json(None)

    def test_every_config_type_has_its_class_and_every_field_its_argument(self):
        catalogue = self.runtime.list("all")
        types = {item["type"] for kind in ("modules", "optimizers", "schedules")
                 for item in catalogue[kind]}
        types |= {item["name"] for item in catalogue["data"] if item["kind"] != "source"}
        self.assertEqual(types - set(configs.__all__), set())
        for name in configs.__all__:
            facts = self.runtime.describe_type(name)
            arguments = list(inspect.signature(getattr(configs, name)).parameters)
            self.assertEqual([argument.rstrip("_") for argument in arguments],
                             [entry["name"] for entry in facts["fields"]], name)

    def test_every_op_has_its_function_and_every_attribute_its_argument(self):
        for item in self.runtime.list("ops"):
            facts = self.runtime.describe_type(item["op"])
            function = getattr(ops, item["op"])
            arguments = inspect.signature(function).parameters
            for attribute in facts["attrs"]:
                self.assertIn(attribute["name"], {name.rstrip("_") for name in arguments},
                              item["op"])
            self.assertTrue(function.__doc__)

    def test_an_op_without_operands_says_how(self):
        with self.assertRaisesRegex(TypeError, "graph.add.'fill'"):
            ops.fill(value=1.0)
        with self.assertRaisesRegex(TypeError, "expected Values, got int"):
            ops.abs(3)

    def test_all_public_things_have_docs(self):
        missing = []
        for name in ts.__all__:
            thing = getattr(ts, name)
            if not inspect.getdoc(thing):
                missing.append(name)
            if inspect.isclass(thing):
                for field, member in vars(thing).items():
                    if not field.startswith("_") and callable(member) and not member.__doc__:
                        missing.append(f"{name}.{field}")
        self.assertEqual(missing, [])
        text = pydoc.render_doc(ts.Trainer, renderer=pydoc.plaintext)
        self.assertIn("Trains, step by step", text)
        self.assertIn("Signature: ", pydoc.render_doc(ops.matmul, renderer=pydoc.plaintext))

    def test_the_package_is_typed(self):
        folder = os.path.dirname(inspect.getfile(ts))
        self.assertTrue(os.path.exists(os.path.join(folder, "py.typed")))
        with open(os.path.join(folder, "_raw.pyi"), encoding="utf-8") as file:
            stub = set(re.findall(r"def (tsr_\w+)", file.read()))
        self.assertEqual(stub, header_functions() - set(LEFT_OUT))


if __name__ == "__main__":
    unittest.main()
