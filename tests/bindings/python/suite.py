"""What the suites of the Python package share: a folder of their own, a small model.

A suite is NAME_suite.py; ../python_test.py runs each with the Python of a fresh virtual environment
that has the built wheel, NumPy and nothing of the tree. TESSERA_SOURCE and TESSERA_BUILD say where
the tree is, for what is compared with it.
"""

import os
import random
import tempfile
import unittest

import tessera as ts

SOURCE = os.environ["TESSERA_SOURCE"]
BUILD = os.environ["TESSERA_BUILD"]
PROGRAM = os.path.join(BUILD, "bin", "tessera")
WORDS = "the of and a model learns to read what it was never told by anyone".split()


def write_corpus(path, size=20000):
    rng = random.Random(1)
    text = ""
    while len(text) < size:
        text += " ".join(rng.choice(WORDS) for _ in range(8)) + ".\n"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def small_config(corpus, **trainer):
    """A model that takes milliseconds a step."""
    return {
        "model": {"type": "LanguageModel", "vocab_size": 256, "model_dim": 32,
                  "decoder": {"num_layers": 2,
                              "layer": {"attention": {"num_heads": 2},
                                        "feed_forward": {"hidden_dim": 64}}},
                  "head": {"tied": True}},
        "data": {"train": corpus, "validation_fraction": 0.1},
        "trainer": {"steps": 20, "batch_size": 4, "sequence_length": 32, **trainer},
        "optimizer": {"type": "AdamW", "learning_rate": 0.003},
        "schedule": {"type": "Cosine", "warmup_steps": 5},
        "runtime": {"seed": 7, "threads": 1, "dtype": "fp32"},
    }


class Suite(unittest.TestCase):
    """A test with a folder, a corpus in it, and a runtime of its own."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="tessera-python-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        self.corpus = self.at("corpus.txt")
        write_corpus(self.corpus)
        self.runtime = ts.Runtime(threads=2)
        self.addCleanup(self.runtime.close)

    def at(self, *parts):
        return os.path.join(self.folder, *parts)

    def config(self, **trainer):
        return ts.Config(small_config(self.corpus, **trainer), runtime=self.runtime)
