"""Plug-ins in C and in Rust, loaded into Python: they train, and wrong ones are refused.

PLUGINS: JSON, {"right": {gate: path}, "wrong": {path: what is said of it}}.
"""

import json
import os
import unittest

import tessera as ts
from suite import Suite

PLUGINS = json.loads(os.environ["PLUGINS"])


class PluginSuite(Suite):
    def setUp(self):
        super().setUp()
        self.runtime = ts.Runtime(threads=1, checked=True, plugins=True)
        self.addCleanup(self.runtime.close)

    def test_gates_of_plugins_train(self):
        for gate, path in PLUGINS["right"].items():
            with self.subTest(gate=gate):
                self.assertNotIn(gate, str(self.runtime.list("gate")))
                manifest = self.runtime.load_plugin(path)
                self.assertEqual(manifest["provides"], [gate])
                config = self.config(steps=8)
                config["model.decoder.layer.feed_forward"] = {
                    "type": "MixtureOfExperts", "num_experts": 4, "top_k": 2,
                    "gate": {"type": gate}, "expert": {"type": "FeedForward", "hidden_dim": 32}}
                with ts.Trainer(config) as trainer:
                    losses = [step.loss for step in trainer.run()]
                self.assertLess(losses[-1], losses[0])
                with self.assertRaisesRegex(ts.AlreadyExists, gate):
                    self.runtime.load_plugin(path)
                # Another runtime does not know of it, and may load it too.
                other = ts.Runtime(threads=1, plugins=True)
                self.assertNotIn(gate, str(other.list("gate")))
                other.load_plugin(path)
                other.close()

    def test_wrong_plugins_are_refused(self):
        for path, said in PLUGINS["wrong"].items():
            with self.subTest(expected=said), self.assertRaises(ts.TesseraError) as caught:
                self.runtime.load_plugin(path)
            self.assertIn(said, str(caught.exception))
            self.assertIn(os.path.basename(path), str(caught.exception))

    def test_they_are_off(self):
        with ts.Runtime(threads=1) as closed:
            for path in PLUGINS["right"].values():
                with self.assertRaisesRegex(ts.PermissionDenied, "plug-ins are off"):
                    closed.load_plugin(path)


if __name__ == "__main__":
    unittest.main()
