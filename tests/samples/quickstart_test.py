"""samples/quickstart and what belongs to it, on a tiny text and few steps in the tree being tested.

Method: the script runs as a newcomer runs it, but for sizes; what it prints and leaves is looked
at.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("TESSERA_SOURCE") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("TESSERA_BUILD") or os.path.join(SOURCE, "build")
SMALL = ("model.model_dim=32", "model.decoder.num_layers=1",
         "model.decoder.layer.attention.num_heads=2",
         "model.decoder.layer.feed_forward.hidden_dim=64",
         "trainer.sequence_length=32", "trainer.eval_every=10", "trainer.eval_batches=2",
         "trainer.save_every=10", "trainer.log_every=5")
TIMEOUT_S = 900


class QuickstartTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="tessera-quickstart-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def at(self, name):
        return os.path.join(self.folder, name)

    def quickstart(self, *words):
        command = [os.path.join(SOURCE, "samples/quickstart"), "--build", BUILD, *words]
        for change in SMALL:
            command += ["--set", change]
        result = subprocess.run(command, capture_output=True, text=True, errors="replace",
                                timeout=TIMEOUT_S, cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def test_it_trains_on_any_text_and_shows_what_came_out(self):
        with open(self.at("text.txt"), "w", encoding="utf-8") as file:
            file.write("Once upon a time there was a text to learn from.\n" * 400)
        # Paths are those of the caller's folder.
        text = self.quickstart("--text", "text.txt", "--out", "run", "--steps", "20")
        for expected in ("validation loss", "step     20", "Once upon a time", "●",
                         "checkpoints/step_20", "metrics.jsonl"):
            self.assertIn(expected, text)
        with open(self.at("run/metrics.jsonl"), encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        losses = [r["eval_loss"] for r in records if "eval_loss" in r]
        self.assertLess(losses[-1], losses[0])
        # Again: nothing is left to do, and what is there is shown.
        again = self.quickstart("--text", "text.txt", "--out", "run", "--steps", "20")
        self.assertIn("checkpoints/step_20", again)
        # And further, from where it was.
        more = self.quickstart("--text", "text.txt", "--out", "run", "--steps", "30")
        self.assertIn("going on from step 20", more)
        self.assertIn("checkpoints/step_30", more)

    def test_wrong_use_is_said(self):
        script = os.path.join(SOURCE, "samples/quickstart")
        for words, expected in ((["--text", "nowhere.txt"], "nowhere.txt"),
                                (["--texd", "x"], "--texd")):
            result = subprocess.run([script, *words], capture_output=True, text=True,
                                    cwd=self.folder, check=False)
            self.assertEqual(result.returncode, 1)
            self.assertIn(expected, result.stderr)
        self.assertIn("--text FILE",
                      subprocess.run([script, "--help"], capture_output=True, text=True,
                                     check=True).stdout)

    def test_the_corpus_is_large_and_the_same_each_time(self):
        script = os.path.join(SOURCE, "samples/text/make_corpus.py")
        texts = []
        for name in ("a.txt", "b.txt"):
            subprocess.run([sys.executable, script, self.at(name)], check=True,
                           capture_output=True)
            with open(self.at(name), "rb") as file:
                texts.append(file.read())
        self.assertEqual(texts[0], texts[1])
        self.assertGreater(len(texts[0]), 5_000_000)
        texts[0].decode("utf-8")

    def test_curves_are_drawn_from_metrics(self):
        path = self.at("metrics.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for step in range(1, 401):
                file.write(json.dumps({"step": step, "loss": 5.0 / step + 1}) + "\n")
                if step % 100 == 0:
                    file.write(json.dumps({"step": step, "eval_loss": 1.2}) + "\n")
        script = os.path.join(SOURCE, "samples/text/plot_curves.py")
        out = self.at("curves.svg")
        subprocess.run([sys.executable, script, out, f"fp32={path}"], check=True)
        root = ElementTree.parse(out).getroot()
        self.assertEqual(sum(1 for e in root.iter() if e.tag.endswith("circle")), 4)
        self.assertIn("fp32 (last validation 1.200)", "".join(root.itertext()))
        self.assertNotEqual(subprocess.run([sys.executable, script, out], capture_output=True,
                                           check=False).returncode, 0)


if __name__ == "__main__":
    unittest.main()
