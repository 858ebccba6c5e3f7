"""What the tests of the program share: running it, small configs, the bytes of checkpoints.

Scripts end with cli_testing.main(): exit code 77 when every test was skipped.
"""

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("TESSERA_SOURCE") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("TESSERA_BUILD") or os.path.join(SOURCE, "build")
PROGRAM = os.path.join(BUILD, "bin", "tessera")
IS_SANITIZED = bool(os.environ.get("TESSERA_SANITIZE"))
IS_LONG = bool(os.environ.get("TESSERA_LONG"))
# A sanitizer slows everything down; so may neighbours.
TIMEOUT_S = 300 if IS_SANITIZED else 120

RUN_VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "TESSERA_ISA")


def environment(**changes):
    """The environment without what would make a run part of another."""
    env = {k: v for k, v in os.environ.items() if k not in RUN_VARIABLES}
    env.update({k: str(v) for k, v in changes.items()})
    return env


def run(*words, env=None, timeout=TIMEOUT_S, cwd=None):
    """The program's CompletedProcess, with text output."""
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True,
                          errors="replace", timeout=timeout, env=env or environment(), cwd=cwd)


def start(*words, env=None):
    return subprocess.Popen([PROGRAM, *map(str, words)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, errors="replace",
                            env=env or environment())


def write_corpus(path, size=20000, seed=1):
    """Text with something to learn: sentences of few words."""
    words = "the of and a model learns to read what it was never told by anyone".split()
    rng = random.Random(seed)
    text = ""
    while len(text) < size:
        text += " ".join(rng.choice(words) for _ in range(8)) + ".\n"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def tiny_config(corpus, steps=20, dtype="fp32", **trainer):
    """A language model that takes milliseconds a step."""
    return {
        "model": {
            "type": "LanguageModel",
            "vocab_size": 256,
            "model_dim": 32,
            "decoder": {
                "num_layers": 2,
                "layer": {
                    "attention": {"num_heads": 2},
                    "feed_forward": {"hidden_dim": 64},
                },
            },
            "head": {"tied": True},
        },
        "data": {"train": corpus, "validation_fraction": 0.1},
        "trainer": {"steps": steps, "batch_size": 4, "sequence_length": 32, "log_every": 5,
                    **trainer},
        "optimizer": {"type": "AdamW", "learning_rate": 0.003},
        "schedule": {"type": "Cosine", "warmup_steps": 5},
        "runtime": {"seed": 7, "threads": 1, "dtype": dtype},
    }


class CliTest(unittest.TestCase):
    """A folder of its own for each test, with a corpus in it."""

    def setUp(self):
        self.assertTrue(os.path.exists(PROGRAM), f"{PROGRAM}: not built")
        holder = tempfile.TemporaryDirectory(prefix="tessera-cli-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        self.corpus = self.at("corpus.txt")
        write_corpus(self.corpus)

    def at(self, *parts):
        return os.path.join(self.folder, *parts)

    def write_config(self, name="config.json", **settings):
        path = self.at(name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(tiny_config(self.corpus, **settings), file)
        return path

    def ok(self, *words, **options):
        """Runs a command that must pass; its stdout."""
        result = run(*words, **options)
        self.assertEqual(result.returncode, 0, f"{words}\n{result.stdout}\n{result.stderr}")
        return result.stdout

    def fails(self, *words, lines=1, **options):
        """Runs a command that must fail with so many lines on stderr; these."""
        result = run(*words, **options)
        self.assertEqual(result.returncode, 1, f"{words}\n{result.stdout}\n{result.stderr}")
        if lines is not None:
            self.assertEqual(result.stderr.count("\n"), lines, result.stderr)
        self.assertNotEqual(result.stderr.strip(), "")
        return result.stderr


def tensor_digests(checkpoint):
    """{path and slot: SHA-256 of the bytes} of every tensor of a checkpoint."""
    result = run("inspect", checkpoint, "--json")
    if result.returncode != 0:
        raise AssertionError(f"inspect {checkpoint}: {result.stdout}{result.stderr}")
    inspection = json.loads(result.stdout)
    digests = {}
    for tensor in inspection["tensors"]:
        with open(os.path.join(inspection["path"], tensor["file"]), "rb") as file:
            file.seek(tensor["offset"])
            data = file.read(tensor["bytes"])
        assert len(data) == tensor["bytes"], tensor
        key = f"{tensor['path']}:{tensor.get('slot', '')}:{tensor.get('box_offset', '')}"
        digests[key] = hashlib.sha256(data).hexdigest()
    assert digests
    return digests


def read_safetensors(path):
    """{name: (dtype, shape, bytes)} by a reader of its own."""
    with open(path, "rb") as file:
        data = file.read()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    return {
        name: (entry["dtype"], entry["shape"],
               data[8 + length + entry["data_offsets"][0]:8 + length + entry["data_offsets"][1]])
        for name, entry in header.items()
    }


def write_safetensors(path, tensors):
    """`tensors`: {name: (dtype, shape, bytes)}."""
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)


def read_metrics(out):
    with open(os.path.join(out, "metrics.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def main():
    program = unittest.main(exit=False)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun and len(result.skipped) == result.testsRun:
        sys.exit(77)
