"""What the tests of the bindings share: folders, commands, the code blocks of a README, functions
of the C interface that a binding does not reach, and parity.

Parity: one program in each language does the same actions on the same config and prints what came
out as JSON; the command line does them too, and all must agree, losses to the last bit.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("TESSERA_SOURCE") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("TESSERA_BUILD") or os.path.join(SOURCE, "build"))
LIBRARY_FOLDER = os.path.join(BUILD, "lib")
BINDINGS = os.path.join(SOURCE, "bindings")
IS_LONG = bool(os.environ.get("TESSERA_LONG"))
TIMEOUT_S = 1500  # the first time, packages are downloaded and compiled

sys.path.insert(0, os.path.join(SOURCE, "tests", "cli"))
import cli_testing  # noqa: E402  (the folder of the command line's tests)

# Debian's names of what the tests of a language run.
PACKAGES = {
    "cargo": ["cargo", "rustc"],
    "go": ["golang-go"],
    "java": ["default-jdk-headless"],
    "mvn": ["default-jdk-headless", "maven"],
}

PARITY_STEPS = 20
PROMPT = "the "
GREEDY_TOKENS = 24
WRONG_CONFIG = '{\n  "trainer": {\n    "stepz": 5\n  }\n}\n'


def scratch(name):
    """A folder of the build tree where a binding is built; kept, so that the next time is quick."""
    folder = os.path.join(BUILD, "bindings", name)
    os.makedirs(folder, exist_ok=True)
    return folder


def install(program):
    """Gets the tools of a language where they are missing; a language's own installer may have put
    newer ones on PATH, which are then used."""
    packages = PACKAGES.get(program)
    if packages is None or shutil.which(program):
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise AssertionError(f"{program}: expected on PATH; install {' '.join(packages)}")
    for words in (["update", "-qq"],
                  ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", *words], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def run(command, cwd=None, env=None, timeout=TIMEOUT_S):
    """stdout of a command that must pass; what it printed is in the error when it does not."""
    install(command[0])
    result = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True,
                            errors="replace", timeout=timeout)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit code {result.returncode}\n"
                             f"{result.stdout[-6000:]}\n{result.stderr[-6000:]}")
    return result.stdout


def header_paths():
    """tessera.h and those that it includes, from the root of the tree."""
    return sorted(glob.glob("capi/include/*.h", root_dir=SOURCE))


def read(*parts):
    with open(os.path.join(SOURCE, *parts), encoding="utf-8") as file:
        return file.read()


def code_blocks(text, language):
    """The fenced blocks of a language in a README."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def source_text(folder, suffixes):
    """The text of all sources below a folder of bindings/."""
    text = ""
    for at, folders, names in os.walk(os.path.join(BINDINGS, folder)):
        folders[:] = [name for name in folders if name not in ("target", "tests", "test")]
        for name in sorted(names):
            if name.endswith(suffixes):
                text += read(at, name)
    return text


def unreached(text, prefix, reasons):
    """Functions of capi/symbols.txt that neither `text` uses, as prefix + name, nor `reasons`
    lists; and reasons that are no longer needed."""
    symbols = [line.split("#")[0].strip() for line in read("capi/symbols.txt").split("\n")]
    symbols = [name for name in symbols if name]
    used = set(re.findall(rf"{re.escape(prefix)}(tsr_\w+)", text))
    wrong = [f"{name}: not reached" for name in symbols if name not in used | set(reasons)]
    wrong += [f"{name}: reached, so it needs no reason" for name in reasons if name in used]
    return wrong + [f"{name}: no such function" for name in reasons if name not in symbols]


class BindingTest(unittest.TestCase):
    """A folder of its own for each test, with a corpus and a config of the tests of the program."""

    maxDiff = None

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="tessera-bindings-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        self.corpus = self.at("corpus.txt")
        cli_testing.write_corpus(self.corpus)

    def at(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        with open(self.at(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.at(name)

    def check_parity(self, command, env=None):
        """`command` CONFIG OUT WRONG_CONFIG prints the JSON of expected_parity."""
        config, wrong = parity_configs(self.folder)
        text = run([*command, config, self.at("out"), wrong], env=env)
        got = json.loads(text.strip().split("\n")[-1])
        expected = expected_parity(config, self.at("cli"), wrong)
        self.assertEqual(got, expected)
        # The bytes on disk, too.
        self.assertEqual(cli_testing.tensor_digests(self.at("out", "checkpoints")),
                         cli_testing.tensor_digests(self.at("cli", "checkpoints")))


def parity_configs(folder):
    """The paths of the config and of the wrong one, in `folder`."""
    corpus = os.path.join(folder, "corpus.txt")
    cli_testing.write_corpus(corpus)
    config = cli_testing.tiny_config(corpus, steps=PARITY_STEPS, eval_every=PARITY_STEPS,
                                     eval_batches=0)
    paths = os.path.join(folder, "parity.json"), os.path.join(folder, "wrong.json")
    for path, text in zip(paths, (json.dumps(config), WRONG_CONFIG)):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return paths


def expected_parity(config, out, wrong):
    """What the command line says of the same actions."""
    run([cli_testing.PROGRAM, "train", config, "--out", out, "--quiet"],
        env=cli_testing.environment())
    records = cli_testing.read_metrics(out)
    text = run([cli_testing.PROGRAM, "generate", "--checkpoint", out, "--prompt", PROMPT,
                "--max-tokens", str(GREEDY_TOKENS), "--temperature", "0", "--json"])
    failed = subprocess.run([cli_testing.PROGRAM, "config", wrong, "--json"], capture_output=True,
                            text=True, timeout=TIMEOUT_S)
    error = json.loads(failed.stdout)["error"]
    return {
        "losses": [record["loss"] for record in records if "loss" in record],
        "eval_loss": [record["eval_loss"] for record in records if "eval_loss" in record][-1],
        "text": json.loads(text)["text"],
        "error": {key: error[key] for key in ("code", "path", "file", "line")},
    }


def main():
    if os.environ.get("TESSERA_SANITIZE"):
        print("skipped: an instrumented library cannot be loaded into a plain process")
        sys.exit(77)
    unittest.main()
