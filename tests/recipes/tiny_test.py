"""Every recipe, made tiny by one modifier, trains: 20 steps on the program's own command line.

Method: `tessera train RECIPE --modify tiny.json` on generated text; the loss of the last steps is
finite and below that of the first ones. ViT reads generated images whose class is a colour.
"""

import os
import random
import sys
import tempfile
import unittest

SOURCE = os.environ.get("TESSERA_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "cli"))

import cli_testing  # noqa: E402

RECIPES = os.path.join(SOURCE, "samples", "recipes")
MODIFIERS = {"fit", "lora", "moe", "rope", "tiny"}
IMAGES = {"vit-b-16"}


def write_images(path, count=40, size=32):
    """Records of CIFAR-10's form: the class, then red, green, blue; each class has a colour."""
    rng = random.Random(3)
    with open(path, "wb") as file:
        for i in range(count):
            label = i % 10
            file.write(bytes([label]))
            for channel in range(3):
                level = (label * (71, 113, 197)[channel]) % 200
                file.write(bytes(level + rng.randrange(40) for _ in range(size * size)))


def recipes():
    names = sorted(name[:-5] for name in os.listdir(RECIPES) if name.endswith(".json"))
    return [name for name in names if name not in MODIFIERS]


class TinyTest(unittest.TestCase):
    def train(self, recipe, folder, *words):
        out = os.path.join(folder, recipe)
        result = cli_testing.run(
            "train", os.path.join(RECIPES, recipe + ".json"), "--modify",
            os.path.join(RECIPES, "tiny.json"), *words, "--set",
            "data.train=" + os.path.join(folder, "images" if recipe in IMAGES else "corpus.txt"),
            "--out", out)
        return out, result

    def losses(self, recipe, folder, *words):
        out, result = self.train(recipe, folder, *words)
        self.assertEqual(result.returncode, 0, f"{recipe}: {result.stdout}{result.stderr}")
        return [step["loss"] for step in cli_testing.read_metrics(out) if "loss" in step]

    def test_every_recipe_trains(self):
        with tempfile.TemporaryDirectory(prefix="tessera-recipes-") as folder:
            cli_testing.write_corpus(os.path.join(folder, "corpus.txt"))
            write_images(os.path.join(folder, "images"))
            for recipe in recipes():
                with self.subTest(recipe):
                    losses = self.losses(recipe, folder)
                    self.assertEqual(len(losses), 20)
                    self.assertTrue(all(0 < loss < 20 for loss in losses), losses)
                    self.assertLess(sum(losses[-3:]), sum(losses[:3]), losses)

    def test_features_are_one_line_on_tiny_recipes_too(self):
        with tempfile.TemporaryDirectory(prefix="tessera-recipes-") as folder:
            cli_testing.write_corpus(os.path.join(folder, "corpus.txt"))
            for recipe, feature in (("gpt2-124m", "rope"), ("llama-2-7b", "moe"),
                                    ("qwen3-8b", "lora")):
                with self.subTest(f"{recipe} {feature}"):
                    losses = self.losses(recipe, folder, "--modify",
                                         os.path.join(RECIPES, feature + ".json"))
                    self.assertLess(sum(losses[-3:]), sum(losses[:3]), losses)


if __name__ == "__main__":
    cli_testing.main()
