"""Modifiers, recipes that extend others, and what editors are given, on the command line.

Method: output is compared with what the files say; the JSON Schema is held against real recipes and
wrong ones by a checker of the keywords that it uses, written here, and by `jsonschema` where that
is installed.
"""

import glob
import json
import os
import re

import cli_testing

RECIPES = os.path.join(cli_testing.SOURCE, "samples", "recipes")


def load(path):
    """A config with comments and trailing commas."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r'("(?:[^"\\]|\\.)*")|//[^\n]*', lambda m: m.group(1) or "", text)
    return json.loads(re.sub(r",(\s*[}\]])", r"\1", text))


class Checker:
    """Checks the keywords of JSON Schema that Tessera's uses; any other keyword is an error."""

    IGNORED = {"$schema", "$defs", "title", "description", "default", "examples"}
    TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
             "number": (int, float), "integer": int}

    def __init__(self, schema):
        self.schema = schema

    def ok(self, value, schema):
        if isinstance(schema, bool):
            return schema
        for keyword, argument in schema.items():
            if keyword in self.IGNORED or keyword in ("then", "else"):
                continue
            if not getattr(self, "on_" + keyword.strip("$"))(value, argument, schema):
                return False
        return True

    def is_type(self, value, name):
        if isinstance(value, bool):
            return name == "boolean"
        if name == "integer" and isinstance(value, float):
            return value == int(value)
        return isinstance(value, self.TYPES[name])

    def on_ref(self, value, argument, _):
        return self.ok(value, self.schema["$defs"][argument.removeprefix("#/$defs/")])

    def on_type(self, value, argument, _):
        names = argument if isinstance(argument, list) else [argument]
        return any(self.is_type(value, name) for name in names)

    def on_anyOf(self, value, argument, _):
        return any(self.ok(value, form) for form in argument)

    def on_allOf(self, value, argument, _):
        return all(self.ok(value, form) for form in argument)

    def on_not(self, value, argument, _):
        return not self.ok(value, argument)

    def on_if(self, value, argument, schema):
        branch = schema.get("then" if self.ok(value, argument) else "else", True)
        return self.ok(value, branch)

    def on_const(self, value, argument, _):
        return value == argument

    def on_enum(self, value, argument, _):
        return value in argument

    def on_pattern(self, value, argument, _):
        return not isinstance(value, str) or re.search(argument, value) is not None

    def on_required(self, value, argument, _):
        return not isinstance(value, dict) or all(name in value for name in argument)

    def on_properties(self, value, argument, _):
        return not isinstance(value, dict) or all(
            self.ok(member, argument[name]) for name, member in value.items() if name in argument)

    def on_additionalProperties(self, value, argument, schema):
        assert argument is False
        return not isinstance(value, dict) or set(value) <= set(schema["properties"])

    def on_items(self, value, argument, _):
        return not isinstance(value, list) or all(self.ok(item, argument) for item in value)

    @staticmethod
    def compared(value, holds):
        return isinstance(value, bool) or not isinstance(value, (int, float)) or holds(value)

    def on_minimum(self, value, argument, _):
        return self.compared(value, lambda number: number >= argument)

    def on_maximum(self, value, argument, _):
        return self.compared(value, lambda number: number <= argument)

    def on_exclusiveMinimum(self, value, argument, _):
        return self.compared(value, lambda number: number > argument)

    def on_exclusiveMaximum(self, value, argument, _):
        return self.compared(value, lambda number: number < argument)


class ModifyTest(cli_testing.CliTest):
    def write(self, name, text):
        path = self.at(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text if isinstance(text, str) else json.dumps(text))
        return path

    def test_modifiers_come_from_files_and_from_the_command_line(self):
        config = self.write_config()
        modifier = self.write("m.json", '{"replace": "RmsNorm", "with": "LayerNorm"}')
        resolved = json.loads(self.ok(
            "config", config, "--json", "--modify", modifier,
            "--modify", ' {"set": {"epsilon": 0.5}, "in": "LayerNorm"}',
            "--set", "model.decoder.norm.epsilon=0.25"))
        decoder = resolved["config"]["model"]["decoder"]
        self.assertEqual(decoder["layer"]["norm"]["type"], "LayerNorm")
        self.assertEqual(decoder["layer"]["norm"]["epsilon"], 0.5)
        self.assertEqual(decoder["norm"]["epsilon"], 0.25)
        self.assertIn("(modifier 1)", resolved["origins"]["model.decoder.layer.norm.epsilon"])

    def test_diff_alone_says_what_changed_and_who(self):
        config = self.write_config()
        modifier = self.write("m.json", '[\n{"set": {"num_heads": 4}, "in": "Attention"}]')
        self.assertEqual(self.ok("config", config, "--diff"), "")
        lines = self.ok("config", config, "--modify", modifier, "--diff").splitlines()
        self.assertEqual(lines, [
            f"model.decoder.layer.attention.num_heads: 2 -> 4  // {modifier}:2:23 (modifier 1)"])
        changes = json.loads(self.ok("config", config, "--modify", modifier, "--diff", "--json",
                                     "--set", "trainer.steps=3"))["differences"]
        self.assertEqual([change["path"] for change in changes],
                         ["model.decoder.layer.attention.num_heads", "trainer.steps"])
        self.assertEqual(changes[1]["by"], "--set trainer.steps=3")

    def test_settings_that_find_no_place_are_told(self):
        config = self.write_config()
        words = ("config", config, "--set", "model.decoder.norm.epsilon=0.5", "--modify",
                 '[{"set": {"norm": {"type": "LayerNorm", "bias": false}}, "in": "Decoder"},'
                 ' {"replace": "LayerNorm", "with": "RmsNorm"}]')
        result = cli_testing.run(*words)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, r"^note: --modify:1:\d+: modifier 2 \(replace LayerNorm\): "
                         r"dropped model\.decoder\.norm\.bias = false\n$")

    def test_wrong_modifiers_name_file_line_and_path(self):
        config = self.write_config()
        modifier = self.write("m.json", '[\n{"set": {"num_head": 4}, "in": "Attention"}]')
        error = self.fails("config", config, "--modify", modifier)
        self.assertIn(f"{modifier}:2:22: modifier 1 (set Attention): "
                      "model.decoder.layer.attention.num_head", error)
        self.assertIn("did you mean 'num_heads'?", error)
        self.assertIn("missing.json", self.fails("config", config, "--modify",
                                                 self.at("missing.json")))

    def test_hardware_decides_what_when_does(self):
        config = self.write_config()
        rule = ('{"when": {"memory_gib": {"ge": 40}, "mesh": "big"}, '
                '"then": {"set": {"trainer.batch_size": 64}}}')
        big = self.write("big.json", '{"type": "Hardware", "memory_gib": 80, "mesh": "big"}')

        def size(*words):
            text = self.ok("config", config, "--modify", rule, "--json", *words)
            return json.loads(text)["config"]["trainer"]["batch_size"]

        self.assertEqual(size(), 4)
        self.assertEqual(size("--hardware", big), 64)
        self.assertIn("memory_gib", self.fails("config", config, "--hardware", '{"memory_gb": 1}'))

    def test_extended_files_give_their_own_origins(self):
        self.write("bases/base.json", json.dumps(
            {"parameters": {"width": 32}, **cli_testing.tiny_config(self.corpus)}
        ).replace('"model_dim": 32', '"model_dim": "$width"'))
        config = self.write("run.json", {"extends": "bases/base.json",
                                         "parameters": {"width": 64},
                                         "trainer": {"steps": 3}})
        resolved = json.loads(self.ok("config", config, "--json"))
        self.assertEqual(resolved["config"]["model"]["model_dim"], 64)
        self.assertEqual(resolved["config"]["trainer"]["steps"], 3)
        self.assertEqual(resolved["config"]["trainer"]["batch_size"], 4)
        # Whoever gave the parameter is behind the value.
        self.assertIn("run.json:1:", resolved["origins"]["model.model_dim"])
        self.assertIn("base.json:1:", resolved["origins"]["model.vocab_size"])
        self.assertIn("run.json:1:", resolved["origins"]["trainer.steps"])

    def test_every_type_is_described_with_an_example_that_reads(self):
        names = {entry["type"] for kind in ("modules", "optimizers", "schedules")
                 for entry in json.loads(self.ok("list", kind, "--json"))}
        self.assertGreater(len(names), 20)
        for name in sorted(names):
            description = json.loads(self.ok("describe", name, "--json"))
            self.assertEqual(description["example"]["type"], name)
            self.assertTrue(description["doc"], name)
            for field in description["fields"]:
                self.assertTrue(field["doc"], f"{name}.{field['name']}")
        self.assertIn("example\n  {\"type\":\"RmsNorm\"", self.ok("describe", "RmsNorm"))

    def test_the_json_schema_knows_right_from_wrong(self):
        schema = json.loads(self.ok("describe", "--json-schema"))
        check = Checker(schema)
        valid = lambda value: check.ok(value, schema)
        files = glob.glob(os.path.join(RECIPES, "*.json"))
        files += glob.glob(os.path.join(RECIPES, "bases", "*.json"))
        files += glob.glob(os.path.join(cli_testing.SOURCE, "samples", "*", "*.json"))
        self.assertGreater(len(files), 20)
        values = [load(path) for path in files]
        for path, value in zip(files, values):
            if os.path.basename(path) != "package.json":
                self.assertTrue(valid(value), path)
        wrong = [
            {"model": {"decoder": {"num_layer": 2}}},
            {"model": {"decoder": {"num_layers": "two"}}},
            {"model": {"decoder": {"num_layers": 0}}},
            {"model": {"decoder": {"position": "RmsNorm"}}},
            {"model": {"decoder": {"layer": {"attention": {"type": "Attention", "rank": 2}}}}},
            {"model": {"decoder": {"layer": {"feed_forward": {"activation": "swish"}}}}},
            {"extends": "base.txt"},
            {"replace": "NoSuchType", "with": "RmsNorm"},
            {"replace": "RmsNorm", "with": {"type": "LayerNorm", "epsilon": "small"}},
            {"replace": "RmsNorm", "wiht": "LayerNorm"},
        ]
        for value in wrong:
            self.assertFalse(valid(value), value)
        try:
            import jsonschema
        except ImportError:
            return
        validator = jsonschema.Draft202012Validator(schema)
        jsonschema.Draft202012Validator.check_schema(schema)
        for value in values:
            self.assertEqual([], [str(error) for error in validator.iter_errors(value)])
        for value in wrong:
            self.assertFalse(validator.is_valid(value), value)


if __name__ == "__main__":
    cli_testing.main()
