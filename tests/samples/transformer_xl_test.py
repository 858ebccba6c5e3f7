"""The Transformer-XL sample of samples/moe: its full size as the plan counts it, and a small run.

Method: the plan of the config as it is, on any text by its path; then two layers of width 32 for a
few steps from the sample's own file, whose recorded routing has 64 experts of which a token visits
2, and whose loss falls. Without its memory the first step is the same, when there is nothing to
remember, and the next ones are not; with windows that do not go on it is an error.
"""

import json
import os
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("TESSERA_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("TESSERA_BUILD") or os.path.join(SOURCE, "build"))
SAMPLE = os.path.join(SOURCE, "samples", "moe", "transformer_xl.json")


def call(*words):
    return subprocess.run([os.path.join(BUILD, "bin", "tessera"), *words], capture_output=True,
                          text=True, check=False)


def tessera(*words):
    done = call(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class TransformerXlTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="tessera-xl-")
        self.addCleanup(holder.cleanup)
        self.out = holder.name
        self.text = os.path.join(self.out, "text.txt")
        with open(self.text, "w", encoding="utf-8") as file:
            file.write("a byte is what this model reads, and a byte is what it writes\n" * 200)

    def test_the_full_size_is_planned(self):
        plan = json.loads(tessera("graph", SAMPLE, "--set", "data.train=" + self.text, "--json"))
        self.assertAlmostEqual(plan["parameters"]["count"] / 822.9e6, 1, 2)
        self.assertEqual(plan["step"]["tokens"], 22 * 512)

    def words(self, **changes):
        """The arguments of a small run, with the given fields of its trainer, data and model."""
        all_changes = {"data.train": self.text, "trainer.steps": 12, "trainer.batch_size": 4,
                       "trainer.sequence_length": 32, "model.decoder.num_layers": 2,
                       "model.model_dim": 32, "model.decoder.layer.attention.num_heads": 2,
                       "trainer.eval_batches": 1, "optimizer.learning_rate": 0.003}
        all_changes.update({path.replace("__", "."): value for path, value in changes.items()})
        return [w for path, value in all_changes.items() for w in ("--set", f"{path}={value}")]

    def losses(self, name, **changes):
        run = os.path.join(self.out, name)
        tessera("train", SAMPLE, "--out", run, "--quiet", *self.words(**changes))
        with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as file:
            return [r["loss"] for r in map(json.loads, file) if "loss" in r]

    def test_the_memory_is_read_from_the_second_step_on(self):
        changes = {"trainer__steps": 3, "model__decoder__layer__dropout": "null"}
        with_memory = self.losses("with", **changes)
        without = self.losses("without", **changes,
                              model__decoder__layer__attention__memory_length=0)
        self.assertAlmostEqual(with_memory[0], without[0], 5)
        self.assertNotAlmostEqual(with_memory[1], without[1], 5)

    def test_windows_that_do_not_go_on_are_refused(self):
        done = call("train", SAMPLE, "--out", os.path.join(self.out, "run"),
                    *self.words(data__sampling="random_window"))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("data.sampling: expected streams", done.stderr)

    def test_a_small_run_learns_with_64_experts(self):
        routing = os.path.join(self.out, "routing.safetensors")
        losses = self.losses("run", trainer__record_routing=json.dumps(routing))
        self.assertEqual(len(losses), 12)
        self.assertLess(losses[-1], losses[0] - 0.3)
        report = json.loads(tessera("moe-report", routing, "--json"))
        self.assertEqual(len(report["layers"]), 2)
        for layer in report["layers"]:
            self.assertGreater(layer["experts"], 32)   # more than half of them were chosen
            self.assertLessEqual(layer["experts"], 64)
            self.assertAlmostEqual(sum(layer["shares"]), 1, 6)


if __name__ == "__main__":
    unittest.main()
