"""The samples in C: compiled as their READMEs say, run for a few steps on a small text.

Method: a small config and corpus in a temporary folder; what the programs print and leave is looked
at. The program that runs the custom layer's checkpoint is linked without the layer. Skipped where
there is no C compiler.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("TESSERA_SOURCE") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("TESSERA_BUILD") or os.path.join(SOURCE, "build")
SANITIZER = os.environ.get("TESSERA_SANITIZE", "")
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
TIMEOUT_S = 300
MOST_LAYER_LINES = 40
CONFIG = {
    "model": {"type": "LanguageModel", "vocab_size": 256, "model_dim": 16,
              "decoder": {"num_layers": 2, "position": "RotaryPosition",
                          "layer": {"attention": {"num_heads": 2},
                                    "feed_forward": {"hidden_dim": 32}}}},
    "data": {"tokenizer": "ByteTokenizer", "validation_fraction": 0.1},
    "trainer": {"steps": 30, "batch_size": 4, "sequence_length": 32},
    "optimizer": {"learning_rate": 0.01},
    "runtime": {"seed": 1, "dtype": "bf16"},
}


class SamplesInCTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="tessera-c-samples-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        with open(self.at("small.json"), "w", encoding="utf-8") as file:
            json.dump(CONFIG, file)
        with open(self.at("corpus.txt"), "w", encoding="utf-8") as file:
            for i in range(400):
                file.write(f"line {i % 10}: the quick brown fox jumps over the lazy dog.\n")

    def at(self, name):
        return os.path.join(self.folder, name)

    def build(self, name, *sources):
        library = os.path.join(BUILD, "lib")
        flags = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                 "-I", os.path.join(SOURCE, "capi/include")]
        if SANITIZER:
            flags.append("-fsanitize=" + ("address,undefined" if SANITIZER == "address"
                                          else SANITIZER))
        command = [COMPILER, *flags, *(os.path.join(SOURCE, "samples", s) for s in sources),
                   "-o", self.at(name), "-L", library, "-Wl,-rpath," + library, "-ltessera"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        self.assertEqual(result.returncode, 0, result.stderr)

    def run_program(self, *words, code=0):
        result = subprocess.run([self.at(words[0]), *words[1:]], capture_output=True, text=True,
                                timeout=TIMEOUT_S, cwd=self.folder)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout if code == 0 else result.stderr

    def test_training_with_a_job(self):
        self.build("train", "c/train.c")
        output = self.run_program("train", "small.json", "corpus.txt", "out", "12")
        self.assertIn("step 12 of 12: loss ", output)
        with open(self.at("out/metrics.jsonl"), encoding="utf-8") as file:
            steps = [json.loads(line) for line in file]
        losses = [step["loss"] for step in steps if "loss" in step]
        self.assertEqual(len(losses), 12)
        self.assertLess(losses[-1], losses[0])
        self.assertTrue(os.listdir(self.at("out/checkpoints")))

    def test_a_gate_of_ones_own(self):
        self.build("train_moe", "moe/train.c", "moe/sharp_gate.c", "moe/mixture_of_depths.c")
        for words in (["out"], ["out_depths"]):
            more = ["depths"] if words[0] == "out_depths" else []
            output = self.run_program("train_moe", "small.json", "corpus.txt", *words, "20", *more)
            losses = [float(line.split("loss ")[1]) for line in output.splitlines()
                      if "loss" in line]
            self.assertLess(losses[-1], losses[0])
        with open(os.path.join(SOURCE, "samples/moe/sharp_gate.c"), encoding="utf-8") as file:
            self.assertLess(len(file.readlines()), 60)

    def test_errors_are_one_line_that_says_what_to_do(self):
        self.build("train", "c/train.c")
        error = self.run_program("train", "nowhere.json", "corpus.txt", "out", code=1)
        self.assertIn("nowhere.json", error)
        error = self.run_program("train", "small.json", "nowhere.txt", "out", code=1)
        self.assertIn("nowhere.txt", error)
        self.assertIn("usage", self.run_program("train", code=1))

    def test_a_custom_layer_trains_and_runs_without_its_code(self):
        self.build("train", "custom_layer/train.c", "custom_layer/rms_feed_forward.c")
        self.build("run", "custom_layer/run.c")
        output = self.run_program("train", "small.json", "corpus.txt", "out", "60")
        losses = [float(line.split()[-1]) for line in output.splitlines()]
        self.assertLess(losses[-1], losses[0] - 1.5)
        self.assertIn("next byte: ", self.run_program("run", "out", "the quick brown f"))
        self.assertIn("nothing_here", self.run_program("run", "nothing_here", "text", code=1))

    def test_the_layer_is_short(self):
        path = os.path.join(SOURCE, "samples/custom_layer/rms_feed_forward.c")
        with open(path, encoding="utf-8") as file:
            lines = [line for line in file if line.strip()]
        self.assertLess(len(lines), MOST_LAYER_LINES)


if __name__ == "__main__":
    if COMPILER is None:
        print("skipped: there is no C compiler")
        sys.exit(77)
    unittest.main()
