"""Import, fine-tune, generate, export: the commands of samples/fine_tune/README.md on small models.

Method: models of random weights with a tokenizer are written here as Hugging Face folders and taken
that way by the README's own lines. The exported folder is imported again: it must give the logits
that the checkpoint gives with its adapters; what no adapter stands around keeps its bytes.
"""

import json
import os
import re
import shlex
import struct
import unittest

import cli_testing
import import_test
from cli_testing import SOURCE, read_safetensors, write_safetensors

README = os.path.join(SOURCE, "samples", "fine_tune", "README.md")
LOGIT_TOLERANCE = 2e-5
QUICK = ("trainer.steps=12", "trainer.batch_size=2", "trainer.sequence_length=12",
         "trainer.eval_every=0", "trainer.save_every=12", "optimizer.learning_rate=0.02",
         "schedule.warmup_steps=1")


def byte_chars():
    """The printable character that stands for each byte in byte-level vocabularies."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = [byte for byte in range(256) if byte not in kept]
    return [chr(byte if byte in kept else 256 + moved.index(byte)) for byte in range(256)]


def tokenizer():
    return {"version": "1.0", "added_tokens": [], "normalizer": None,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
            "post_processor": None, "decoder": {"type": "ByteLevel"},
            "model": {"type": "BPE", "merges": ["t h", "th e"],
                      "vocab": {**{c: i for i, c in enumerate(byte_chars())}, "th": 256,
                                "the": 257}}}


class FineTuneTest(cli_testing.CliTest):
    def setUp(self):
        super().setUp()
        self.text = self.at("notes.txt")
        with open(self.text, "w", encoding="utf-8") as file:
            file.write("the cat and the dog, the dog and the cat. " * 40)

    def write_model(self, name, config, shapes):
        folder = import_test.ImportTest.write_model(self, name, config,
                                                    import_test.random_tensors(shapes))
        with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
            json.dump(tokenizer(), file)
        return folder

    def commands(self, folder, adapters):
        """Of the README, with places here and a shorter run; other adapters than lora.json's."""
        with open(README, encoding="utf-8") as file:
            block = re.search(r"```\n(.*?)```", file.read(), re.DOTALL).group(1)
        places = {"SmolLM2-135M": folder, "out/base": self.at("base"), "out/tuned": self.at("run"),
                  "SmolLM2-135M-tuned": folder + "-tuned", "data.train=notes.txt":
                  "data.train=" + self.text, "out/tuned/checkpoints": self.at("run", "checkpoints")}
        for line in block.strip().split("\n"):
            words = [places.get(word, word) for word in shlex.split(line)]
            words = [adapters if adapters and word.endswith("lora.json") else word
                     for word in words]
            words = [os.path.join(SOURCE, word) if word.startswith("samples/") else word
                     for word in words]
            self.assertEqual(words[0], "tessera")
            if words[1] == "train":
                words += [word for change in QUICK for word in ("--set", change)]
            if words[1] == "generate":
                words += ["--max-tokens", "4"]
            yield words[1:]

    def logits(self, checkpoint):
        ids = [(7 * i + 3) % 250 for i in range(16)]
        write_safetensors(self.at("io"), {"input_ids": ("I64", [2, 8], struct.pack("<16q", *ids))})
        self.ok("eval", checkpoint, "--input", self.at("io"), "--output", self.at("logits"),
                "--dtype", "fp32")
        return read_safetensors(self.at("logits"))["logits"]

    def check_walk(self, folder, adapters=None):
        for words in self.commands(folder, adapters):
            result = cli_testing.run(*words)
            self.assertEqual(result.returncode, 0, f"{words}\n{result.stdout}\n{result.stderr}")
            if words[0] == "export":
                self.assertIn("are merged into their weights", result.stderr)
        self.ok("import", folder + "-tuned", "--out", self.at("back"))
        base, tuned = self.logits(self.at("base")), self.logits(self.at("run", "checkpoints"))
        self.assertGreater(import_test.largest_difference(tuned, base), 1e-3)
        self.assertLessEqual(import_test.largest_difference(self.logits(self.at("back")), tuned),
                             LOGIT_TOLERANCE)
        want = read_safetensors(os.path.join(folder, "model.safetensors"))
        got = read_safetensors(os.path.join(folder + "-tuned", "model.safetensors"))
        self.assertEqual(sorted(got), sorted(want))
        changed = [name for name in want if got[name] != want[name]]
        self.assertTrue(changed)
        self.assertEqual([name for name in changed if "attn" not in name], [])
        for name in ("config.json", "tokenizer.json"):
            with open(os.path.join(folder, name), encoding="utf-8") as mine, \
                    open(os.path.join(folder + "-tuned", name), encoding="utf-8") as theirs:
                self.assertEqual(json.load(mine), json.load(theirs), name)

    def test_llama_with_adapters(self):
        config = import_test.llama_config(vocab_size=258)
        self.check_walk(self.write_model("llama", config, import_test.llama_shapes(config)))

    def test_adapters_that_are_no_sum(self):
        config = import_test.llama_config(vocab_size=258)
        self.check_walk(
            self.write_model("llama", config, import_test.llama_shapes(config)),
            '[{"wrap": {"type": "Linear", "path": "**.attention.*"}, "with": "DecomposedAdapter"}, '
            '{"set": {"trainer.init_missing": "**/dora_*", '
            '"optimizer.groups": [{"match": "**/dora_*"}, {"match": "**", "frozen": true}]}}]')

    def test_two_ranks_start_with_the_same(self):
        config = import_test.llama_config(vocab_size=258)
        folder = self.write_model("llama", config, import_test.llama_shapes(config))
        self.ok("import", folder, "--out", self.at("base"))
        losses = []
        for ranks in (1, 2):
            out = self.at(f"run{ranks}")
            changes = [*QUICK, "data.train=" + self.text, f"parallel.data={ranks}"]
            self.ok(*(["launch", "--ranks", "2", "--", cli_testing.PROGRAM] if ranks == 2 else []),
                    "train", self.at("base"), "--out", out,
                    *[word for change in changes for word in ("--set", change)])
            losses.append([m["loss"] for m in cli_testing.read_metrics(out) if "loss" in m])
        for one, two in zip(*losses, strict=True):
            self.assertAlmostEqual(one, two, delta=1e-3 * one)
        self.assertAlmostEqual(losses[0][0], losses[1][0], delta=1e-6 * losses[0][0])

    def test_gpt2_whose_projections_have_biases(self):
        config, shapes = import_test.gpt2_model()
        config.update(vocab_size=258, pad_token_id=7)
        shapes["wte.weight"] = [258, 8]
        self.check_walk(self.write_model("gpt2", config, shapes))

    def test_a_checkpoint_that_does_not_fit_is_one_error(self):
        config = import_test.llama_config(vocab_size=258)
        folder = self.write_model("llama", config, import_test.llama_shapes(config))
        self.ok("import", folder, "--out", self.at("base"))
        error = self.fails(
            "train", self.at("base"), "--out", self.at("run"), "--set",
            "data.train=" + self.text, "--set", "trainer.sequence_length=12", "--set",
            "trainer.steps=1", "--set", "model.decoder.num_layers=3", lines=None)
        self.assertIn("trainer.init_from", error)
        self.assertIn("decoder/layers/2/attention/q_proj/weight", error)

    def test_adapters_of_experts_are_not_lost_silently(self):
        recipes = os.path.join(SOURCE, "samples", "recipes")
        self.ok("train", os.path.join(recipes, "mixtral-8x7b.json"), "--modify",
                os.path.join(recipes, "tiny.json"), "--modify",
                '{"wrap": {"type": "Linear", "path": "**.expert.*"}, "with": "LowRankAdapter"}',
                "--set", "data.train=" + self.text, "--set", "trainer.steps=1", "--set",
                "trainer.save_every=1", "--set", "data.tokenizer=ByteTokenizer", "--out",
                self.at("run"))
        error = self.fails("export", self.at("run", "checkpoints"), "--out", self.at("out"))
        self.assertIn("cannot be merged into it: decoder/layers/0/feed_forward/experts/", error)
        self.assertFalse(os.path.exists(self.at("out")))

    def test_a_tokenizer_file_gives_its_ids_to_any_model(self):
        path = self.at("tokenizer.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(tokenizer(), file)
        config = os.path.join(SOURCE, "samples", "text", "gpt.json")
        words = ["train", config, "--out", self.at("run"), "--set", "data.train=" + self.text,
                 "--set", 'data.tokenizer={"type": "PretrainedTokenizer", "file": '
                 + json.dumps(path) + "}", "--set", "trainer.steps=2", "--set",
                 "trainer.sequence_length=8", "--set", "model.decoder.num_layers=1"]
        error = self.fails(*words, lines=None)
        self.assertIn("model.vocab_size: expected at least 258", error)
        self.ok(*words, "--set", "model.vocab_size=258", "--set", "trainer.save_every=2")
        self.ok("generate", "--checkpoint", self.at("run", "checkpoints"), "--prompt", "the cat",
                "--max-tokens", "3")


if __name__ == "__main__":
    cli_testing.main()
