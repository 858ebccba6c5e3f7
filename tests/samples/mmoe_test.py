"""The multi-task sample: builds without warnings, learns on a small table of the census' form and
on synthetic tasks, and says what is wrong with a file that is not one.

Method: rows are drawn so that income follows age and education, and never having married follows
age; the areas under the curves must say so. Two runs of a seed print the same line.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("TESSERA_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("TESSERA_BUILD") or os.path.join(SOURCE, "build"))
SAMPLE = os.path.join(SOURCE, "samples", "mmoe")


def row(rng):
    age, education = rng.randrange(18, 80), rng.randrange(1, 17)
    rich = age * 0.02 + education * 0.1 + rng.gauss(0, 0.4) > 2
    single = age + rng.gauss(0, 8) < 32
    words = [age, rng.choice(["Private", "State-gov"]), rng.randrange(10000, 90000), "HS-grad",
             education, "Never-married" if single else "Married-civ-spouse",
             rng.choice(["Sales", "?", "Craft-repair"]), "Husband", "White",
             rng.choice(["Male", "Female"]), 0, 0, rng.randrange(20, 60), "United-States",
             ">50K" if rich else "<=50K"]
    return ", ".join(map(str, words))


class MmoeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory(prefix="tessera-mmoe-")
        cls.program = os.path.join(cls.holder.name, "mmoe")
        library = os.path.join(BUILD, "lib")
        words = ["cc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror",
                 "-I" + os.path.join(SOURCE, "capi", "include"),
                 os.path.join(SAMPLE, "mmoe.c"), os.path.join(SAMPLE, "rows.c"), "-o", cls.program,
                 "-L" + library, "-Wl,-rpath," + library, "-ltessera", "-lm"]
        sanitizer = os.environ.get("TESSERA_SANITIZE", "")
        if sanitizer:
            both = "address,undefined" if sanitizer == "address" else sanitizer
            words.insert(1, "-fsanitize=" + both)
        built = subprocess.run(words, capture_output=True, text=True, check=False)
        if built.returncode != 0:
            raise AssertionError(built.stderr)

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    def run_sample(self, model, data, *words, code=0):
        result = subprocess.run([self.program, os.path.join(SAMPLE, model + ".json"), data,
                                 *map(str, words)], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout if code == 0 else result.stderr

    def table(self, name, lines):
        path = os.path.join(self.holder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        return path

    def test_it_learns_both_tasks_of_a_table(self):
        rng = random.Random(5)
        names = ",".join(f"c{i}" for i in range(15))
        data = self.table("people.data", [names] + [row(rng) for _ in range(1500)] + [""])
        for model in ("mmoe", "one_gate", "shared_bottom"):
            text = self.run_sample(model, data, 3, 0.01, 6, 64)
            found = json.loads(text)
            self.assertGreater(min(found["test"]), 0.8, (model, found))
            self.assertEqual(len(found["validation"]), 6)
        self.assertEqual(text, self.run_sample("shared_bottom", data, 3, 0.01, 6, 64))

    def test_it_learns_synthetic_tasks(self):
        found = json.loads(self.run_sample("mmoe", "synthetic:0.9", 2, 0.01, 2))
        first, last = (sum(scores) for scores in found["validation"])
        self.assertLess(last, 0.8 * first)
        self.assertGreater(first, last)

    def test_models_have_equally_many_weights(self):
        weights = [json.loads(self.run_sample(m, "synthetic:1", 1, 0.001, 1))["weights"]
                   for m in ("mmoe", "one_gate", "shared_bottom")]
        self.assertLess(max(weights) / min(weights), 1.03)

    def test_wrong_tables_and_words_are_named(self):
        short = self.table("short.data", ["1, 2, 3"] * 200)
        self.assertIn("expected at least 100 rows of 15 fields",
                      self.run_sample("mmoe", short, 1, 0.01, 1, code=1))
        self.assertIn("cannot be opened", self.run_sample("mmoe", "nowhere", 1, 0.01, 1, code=1))
        self.assertIn("usage", self.run_sample("mmoe", short, 1, 0.01, 0, code=1))
        self.assertIn("nothing.json", self.run_sample("nothing", "synthetic:1", 1, 0.01, 1,
                                                      code=1))


if __name__ == "__main__":
    if shutil.which("cc") is None:
        print("skipped: there is no C compiler")
        sys.exit(77)
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
