"""Commands that use a trained checkpoint: generate, inspect, eval, export, bench.

Method: one small run for the whole file; its results are held against each other and against a
reader and arithmetic of the test's own.
"""

import json
import math
import os
import struct
import tempfile
import unittest
import xml.etree.ElementTree

import cli_testing
from cli_testing import read_safetensors, run, write_safetensors


def floats(tensor):
    assert tensor[0] == "F32", tensor[0]
    return struct.unpack(f"<{len(tensor[2]) // 4}f", tensor[2])


class ModelTest(cli_testing.CliTest):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="tessera-model-")
        cls.addClassCleanup(holder.cleanup)
        corpus = os.path.join(holder.name, "corpus.txt")
        cli_testing.write_corpus(corpus)
        cls.config = os.path.join(holder.name, "config.json")
        with open(cls.config, "w", encoding="utf-8") as file:
            json.dump(cli_testing.tiny_config(corpus, steps=150), file)
        cls.run_folder = os.path.join(holder.name, "run")
        result = run("train", cls.config, "--out", cls.run_folder, "--quiet")
        if result.returncode != 0:
            raise AssertionError(result.stderr)
        cls.checkpoint = cls.run_folder + "/checkpoints/step_150"

    def test_generation_is_repeatable_by_seed_and_continues_the_prompt(self):
        words = ["generate", "--checkpoint", self.checkpoint, "--prompt", "the ", "--max-tokens",
                 "40"]
        first = self.ok(*words, "--seed", "3")
        self.assertTrue(first.startswith("the "))
        self.assertEqual(self.ok(*words, "--seed", "3"), first)
        self.assertNotEqual(self.ok(*words, "--seed", "4"), first)
        greedy = self.ok(*words, "--temperature", "0")
        self.assertEqual(self.ok(*words, "--temperature", "0", "--seed", "9"), greedy)
        as_json = json.loads(self.ok(*words, "--seed", "3", "--json"))
        self.assertEqual(as_json["prompt"] + as_json["text"] + "\n", first)
        # A folder of checkpoints means the newest.
        self.assertEqual(self.ok("generate", "--checkpoint", self.run_folder + "/checkpoints",
                                 *words[3:], "--seed", "3"), first)

    def test_wrong_sampling_options_are_named(self):
        for flag, value in (("--temperature", "-1"), ("--top-p", "1.5"), ("--top-k", "-2"),
                            ("--max-tokens", "many"), ("--seed", "x")):
            self.assertIn(flag, self.fails("generate", "--checkpoint", self.checkpoint, flag,
                                           value))

    def test_inspect_lists_tensors_and_verifies(self):
        text = self.ok("inspect", self.checkpoint)
        self.assertIn("every checksum verified", text)
        self.assertIn("decoder/layers/1/attention/q_proj/weight", text)
        found = json.loads(self.ok("inspect", self.checkpoint, "--json"))
        self.assertTrue(found["verified"])
        self.assertEqual(found["step"], 150)
        quick = json.loads(self.ok("inspect", self.checkpoint, "--json", "--no-verify"))
        self.assertFalse(quick["verified"])

    def test_export_is_the_checkpoint_in_one_plain_file(self):
        out = self.at("export")
        self.ok("export", self.checkpoint, "--out", out, "--format", "tessera")
        exported = read_safetensors(out + "/model.safetensors")
        found = json.loads(self.ok("inspect", self.checkpoint, "--json"))
        parameters = [t for t in found["tensors"] if t["kind"] == "parameter"]
        self.assertEqual(sorted(exported), sorted(t["path"] for t in parameters))
        for tensor in parameters:
            with open(os.path.join(found["path"], tensor["file"]), "rb") as file:
                file.seek(tensor["offset"])
                data = file.read(tensor["bytes"])
            self.assertEqual(exported[tensor["path"]][1], tensor["dims"])
            self.assertEqual(exported[tensor["path"]][2], data, tensor["path"])
        with open(out + "/config.json", encoding="utf-8") as file:
            self.assertEqual(json.load(file)["model"]["model_dim"], 32)
        self.assertIn("exists", self.fails("export", self.checkpoint, "--out", out, "--format",
                                           "tessera"))

    def write_io(self, name="io.safetensors", rows=2, columns=16, **more):
        ids = [97 + (7 * i + 3) % 26 for i in range(rows * columns)]
        pack = lambda values: struct.pack(f"<{len(values)}q", *values)
        tensors = {"input_ids": ("I64", [rows, columns], pack(ids))}
        for tensor, values in more.items():
            tensors[tensor] = ("I64", [rows, columns], pack(values))
        path = self.at(name)
        write_safetensors(path, tensors)
        return path, ids

    def test_eval_gives_logits_loss_and_gradients_that_fit_together(self):
        _, ids = self.write_io()
        path, _ = self.write_io(labels=[-100 if i % 5 == 0 else v for i, v in enumerate(ids)])
        out = self.at("out.safetensors")
        self.ok("eval", self.checkpoint, "--input", path, "--output", out, "--gradients")
        results = read_safetensors(out)
        self.assertEqual(results["logits"][1], [2, 16, 256])
        logits = floats(results["logits"])
        losses = []
        for row in range(2):
            for column in range(15):
                target_index = row * 16 + column + 1
                if target_index % 5 == 0:
                    continue
                begin = (row * 16 + column) * 256
                scores = logits[begin:begin + 256]
                top = max(scores)
                total = math.fsum(math.exp(s - top) for s in scores)
                losses.append(top + math.log(total) - scores[ids[target_index]])
        self.assertAlmostEqual(floats(results["loss"])[0], sum(losses) / len(losses), places=4)
        gradients = {n: t for n, t in results.items() if n.startswith("grad.")}
        found = json.loads(self.ok("inspect", self.checkpoint, "--json"))
        shapes = {t["path"]: t["dims"] for t in found["tensors"] if t["kind"] == "parameter"}
        self.assertEqual({n[5:]: t[1] for n, t in gradients.items()}, shapes)
        self.assertTrue(all(any(v != 0 for v in floats(t)) for t in gradients.values()))
        # The same as targets: what position t predicts.
        shifted = [-100 if i % 16 == 15 or (i + 1) % 5 == 0 else ids[i + 1] for i in range(32)]
        path, _ = self.write_io("targets.safetensors", targets=shifted)
        self.ok("eval", self.checkpoint, "--input", path, "--output", out)
        again = read_safetensors(out)
        self.assertEqual(again["logits"][2], results["logits"][2])
        self.assertAlmostEqual(floats(again["loss"])[0], floats(results["loss"])[0], places=6)

    def test_eval_without_targets_has_no_loss(self):
        path, _ = self.write_io(rows=1, columns=5)
        out = self.at("out.safetensors")
        self.ok("eval", self.checkpoint, "--input", path, "--output", out)
        self.assertEqual(list(read_safetensors(out)), ["logits"])
        self.assertIn("'targets' or 'labels'", self.fails(
            "eval", self.checkpoint, "--input", path, "--output", out, "--gradients"))

    def test_eval_refuses_inputs_that_are_none(self):
        out = self.at("out.safetensors")
        words = ["eval", self.checkpoint, "--output", out, "--input"]
        self.assertIn("nowhere", self.fails(*words, self.at("nowhere")))
        bad = self.at("bad.safetensors")
        for content in (b"", b"\xff" * 64, b"\x10" + b"\0" * 7 + b"not json at all!"):
            with open(bad, "wb") as file:
                file.write(content)
            self.assertIn("bad.safetensors", self.fails(*words, bad))
        write_safetensors(bad, {"input_ids": ("F32", [1, 1], b"\0" * 4)})
        self.assertIn("integers", self.fails(*words, bad))
        write_safetensors(bad, {"other": ("I64", [1, 1], b"\0" * 8)})
        self.assertIn("input_ids", self.fails(*words, bad))
        write_safetensors(bad, {"input_ids": ("I64", [1, 1], struct.pack("<q", 256))})
        self.assertIn("from 0 to 255, got 256", self.fails(*words, bad))
        write_safetensors(bad, {"input_ids": ("I64", [1, 1], b"\0" * 8),
                                "labels": ("I64", [1, 2], b"\0" * 16)})
        self.assertIn("labels", self.fails(*words, bad))
        self.assertFalse(os.path.exists(out))

    def test_bench_measures_what_scripts_read_and_people_see(self):
        measured = json.loads(self.ok("bench", self.config, "--steps", "3", "--json"))
        for name in ("step_s_min", "step_s_median", "tokens_per_s", "gflops_per_s",
                     "peak_rss_mb", "loss"):
            self.assertGreater(measured[name], 0, name)
        self.assertLessEqual(measured["step_s_min"], measured["step_s_median"])
        self.assertAlmostEqual(measured["tokens_per_s"] * measured["step_s_median"], 4 * 32,
                               places=3)
        text = self.ok("bench", self.config, "--steps", "2")
        self.assertRegex(text, r"compute +[\d.]+ GFLOP/s, [\d.]+ % of the [\d.]+")
        self.assertRegex(text, r"memory +[\d.]+ GB/s")
        self.assertRegex(text, r"(?m)^matmul ")

    def test_bench_draws_what_it_measured(self):
        trace, picture = self.at("step.json"), self.at("ops.svg")
        measured = json.loads(self.ok("bench", self.config, "--steps", "2", "--json", "--ops",
                                      "--trace", trace, "--roofline", picture))
        self.assertGreater(measured["peak"]["gflops_per_s"], 0)
        self.assertIn("matmul", [row["op"] for row in measured["ops"]])
        with open(trace, encoding="utf-8") as file:
            spans = [event for event in json.load(file)["traceEvents"] if event["ph"] == "X"]
        self.assertIn("matmul", [span["name"] for span in spans])
        self.assertEqual({span["pid"] for span in spans}, {0})
        # What one thread does, it does one after the other.
        ends = {}
        for span in sorted(spans, key=lambda span: span["ts"]):
            self.assertGreaterEqual(span["ts"] + 1e-3, ends.get(span["tid"], 0), span)
            ends[span["tid"]] = span["ts"] + span["dur"]
        root = xml.etree.ElementTree.parse(picture).getroot()
        namespace = "{http://www.w3.org/2000/svg}"
        self.assertEqual(root.tag, namespace + "svg")
        titles = [title.text for title in root.iter(namespace + "title")]
        self.assertTrue(any(title.startswith("matmul: ") for title in titles), titles)
        self.assertIn("none/step.json", self.fails("bench", self.config, "--steps", "1",
                                                   "--trace", self.at("none/step.json")))


if __name__ == "__main__":
    unittest.util._MAX_LENGTH = 400
    cli_testing.main()
