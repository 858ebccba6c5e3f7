"""Configs: from files, dicts and builders; errors with path, file and line; changes; pickles."""

import json
import pickle
import unittest

import tessera as ts
from tessera import configs
from suite import Suite, small_config


class ConfigSuite(Suite):
    def test_the_same_from_a_file_a_dict_and_builders(self):
        with open(self.at("c.json"), "w", encoding="utf-8") as file:
            json.dump(small_config(self.corpus), file)
        loaded = ts.Config.load(self.at("c.json"), runtime=self.runtime)
        built = ts.Config(configs.Experiment(
            model=configs.LanguageModel(
                vocab_size=256, model_dim=32,
                decoder=configs.Decoder(num_layers=2, layer=configs.TransformerLayer(
                    attention=configs.Attention(num_heads=2),
                    feed_forward=configs.FeedForward(hidden_dim=64))),
                head=configs.LanguageModelHead(tied=True)),
            data=configs.Data(train=self.corpus, validation_fraction=0.1),
            trainer=configs.Trainer(steps=20, batch_size=4, sequence_length=32),
            optimizer=configs.AdamW(learning_rate=0.003),
            schedule=configs.Cosine(warmup_steps=5),
            runtime=configs.Runtime(seed=7, threads=1, dtype="fp32")), runtime=self.runtime)
        self.assertEqual(loaded.diff(self.config()), "")
        self.assertEqual(loaded.diff(built), "")
        self.assertEqual(loaded.resolve()["config"], built.resolve()["config"])

    def test_values_by_path(self):
        config = self.config()
        self.assertEqual(config["trainer.steps"], 20)
        config["trainer.steps"] = 5
        config.set("data.train", "it's a \"path\"").update({"optimizer.learning_rate": 1e-3})
        self.assertEqual(config.get("trainer.steps"), 5)
        self.assertEqual(config["data.train"], ["it's a \"path\""])
        self.assertIn("trainer.steps", config.diff(self.config()))
        self.assertNotEqual(config, self.config())
        self.assertEqual(self.config(), self.config())
        with self.assertRaises(ts.NotFound) as caught:
            config.get("trainer.stepz")
        self.assertIn("steps", str(caught.exception))
        copy = config.copy()
        copy["trainer.steps"] = 6
        self.assertEqual(config["trainer.steps"], 5)

    def test_errors_say_where(self):
        text = json.dumps(small_config(self.corpus), indent=1).replace("num_layers", "num_layerz")
        text = text.replace('"batch_size": 4', '"batch_size": "many"')
        with open(self.at("bad.json"), "w", encoding="utf-8") as file:
            file.write(text)
        with self.assertRaises(ts.InvalidArgument) as caught:
            ts.Config.load(self.at("bad.json"), runtime=self.runtime)
        error = caught.exception
        self.assertIsInstance(error, ValueError)
        self.assertEqual(error.code, "INVALID_ARGUMENT")
        self.assertEqual(error.file, self.at("bad.json"))
        lines = text.split("\n")
        self.assertIn("num_layerz", lines[error.line - 1])
        self.assertEqual(len(error.errors), 2)
        self.assertEqual({entry["path"].rsplit(".", 1)[-1] for entry in error.errors},
                         {"num_layerz", "batch_size"})
        with self.assertRaises(FileNotFoundError):
            ts.Config.load(self.at("nowhere.json"), runtime=self.runtime)
        again = pickle.loads(pickle.dumps(error))
        self.assertEqual((type(again), str(again), again.line),
                         (type(error), str(error), error.line))

    def test_pickles_and_pictures(self):
        config = self.config()
        again = pickle.loads(pickle.dumps(config))
        self.assertEqual(again.to_json(), config.to_json())
        part = configs.Attention(num_heads=4)
        self.assertEqual(pickle.loads(pickle.dumps(part)), part)
        self.assertEqual(dict(part), {"type": "Attention", "num_heads": 4})
        self.assertEqual(repr(part), "Attention(num_heads=4)")
        config["data.train"] = "<script>"
        self.assertIn("LanguageModel", config._repr_html_())
        self.assertNotIn("<script>", config._repr_html_())

    def test_modifiers(self):
        config = self.config()
        before = config.to_json()
        with self.assertRaises(ts.InvalidArgument):
            config.modify({"replace": "NoSuchType", "with": "RmsNorm"})
        self.assertEqual(config.to_json(), before)
        report = config.modify({"replace": "RmsNorm", "with": "LayerNorm"})
        self.assertEqual(len(report), 1)
        self.assertGreater(len(report[0]["places"]), 0)
        self.assertIn("LayerNorm", config.to_json())
        with open(self.at("m.json"), "w", encoding="utf-8") as file:
            json.dump([{"replace": "LayerNorm", "with": "RmsNorm"}], file)
        config.modify(self.at("m.json"))
        self.assertNotIn("LayerNorm", config.to_json())

    def test_a_plan_without_weights(self):
        plan = self.config().plan(text=True)
        self.assertGreater(plan["parameters"]["count"], 0)

    def test_wrong_types_are_python_errors(self):
        with self.assertRaises(TypeError):
            ts.Config({"trainer": {"steps": object()}}, runtime=self.runtime)
        with self.assertRaises(TypeError):
            configs.Attention(nonsense=3)
        config = self.config()
        config.close()
        config.close()
        with self.assertRaises(ts.FailedPrecondition):
            config.to_json()


if __name__ == "__main__":
    unittest.main()
