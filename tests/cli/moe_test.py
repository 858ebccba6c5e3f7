"""Mixtures of experts in whole runs: training, resuming, threads, ranks, generating.

Method: runs of milliseconds a step with every kind of state that a mixture adds: balance losses
over totals, a router's bias that is no parameter of the optimizer, jitter. Bytes of checkpoints are
compared.
"""

import json
import os
import struct

import cli_testing
from cli_testing import PROGRAM, read_metrics, tensor_digests

DEEP_SEEK = {
    "type": "MixtureOfExperts", "num_experts": 8, "top_k": 2, "jitter": 0.01,
    "gate": {"type": "DeepSeekGate", "bias_rate": 0.01},
    "expert": {"type": "FeedForward", "hidden_dim": 24},
    "shared": {"type": "FeedForward", "hidden_dim": 16},
    "balance": [{"type": "LoadBalance", "scope": "sequence", "weight": 0.001},
                {"type": "LoadMetrics"}],
}
SWITCH = {
    "type": "MixtureOfExperts", "num_experts": 4, "top_k": 1, "capacity_factor": 1.25,
    "group": "sequence", "gate": {"type": "SwitchGate"},
    "expert": {"type": "FeedForward", "hidden_dim": 24, "gated": False, "bias": True},
    "balance": [{"type": "LoadBalance"}, {"type": "RouterZLoss"}],
}


class MoeTest(cli_testing.CliTest):
    def write_moe(self, mixture, **settings):
        config = cli_testing.tiny_config(self.corpus, **settings)
        config["model"]["decoder"]["layer"]["feed_forward"] = mixture
        config["schedule"] = {"type": "Constant"}   # so that fewer steps are a beginning of more
        path = self.at(f"{mixture['gate']['type']}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        return path

    def train(self, config, out, *words):
        return self.ok("train", config, "--out", out, "--quiet", *words)

    def test_the_loss_falls_and_the_model_generates(self):
        for mixture in (DEEP_SEEK, SWITCH):
            config = self.write_moe(mixture, steps=60)
            out = self.at("run" + mixture["gate"]["type"])
            self.train(config, out)
            steps = [r for r in read_metrics(out) if "loss" in r]
            self.assertLess(steps[-1]["loss"], steps[0]["loss"] - 0.5)
            text = self.ok("generate", "--checkpoint", out + "/checkpoints", "--prompt", "the ",
                           "--max-tokens", "20")
            self.assertTrue(text)

    def test_the_graph_says_how_many_parameters_a_token_meets(self):
        config = self.write_moe(DEEP_SEEK)
        plan = json.loads(self.ok("graph", config, "--json"))
        layers, expert = 2, 3 * 32 * 24   # three matrices: an expert is gated
        idle = layers * (8 - 2) * expert
        self.assertEqual(plan["active_parameters"], plan["parameters"]["count"] - idle)
        self.assertIn("active_parameters", self.ok("graph", config))

    def test_going_on_gives_the_bits_of_one_run_in_both_dtypes_and_with_threads(self):
        for dtype in ("fp32", "bf16"):
            config = self.write_moe(DEEP_SEEK, steps=12, dtype=dtype, save_every=6)
            whole, threads, parts = (self.at(dtype + name) for name in ("w", "t", "p"))
            self.train(config, whole)
            expected = tensor_digests(whole + "/checkpoints")
            self.train(config, threads, "--set", "runtime.threads=2")
            self.assertEqual(tensor_digests(threads + "/checkpoints"), expected)
            self.train(config, parts, "--steps", "6")
            self.assertNotEqual(tensor_digests(parts + "/checkpoints"), expected)
            self.train(config, parts, "--resume")
            self.assertEqual(tensor_digests(parts + "/checkpoints"), expected)

    def test_the_bias_moves_by_its_rate_and_is_in_the_checkpoint(self):
        config = self.write_moe(DEEP_SEEK, steps=3)
        self.train(config, self.at("run"))
        inspection = json.loads(self.ok("inspect", self.at("run/checkpoints"), "--json"))
        biases = [t for t in inspection["tensors"] if t["path"].endswith("gate/bias")]
        self.assertEqual(len(biases), 2)
        for tensor in biases:
            self.assertEqual(tensor.get("slot", ""), "")   # no moments: no optimizer moves it
            with open(os.path.join(inspection["path"], tensor["file"]), "rb") as file:
                file.seek(tensor["offset"])
                values = struct.unpack("<8f", file.read(32))
            self.assertTrue(any(values))
            for value in values:
                self.assertAlmostEqual(value / 0.01, round(value / 0.01), places=4)
                self.assertLessEqual(abs(value), 0.03 + 1e-6)

    def test_a_bias_alone_balances(self):
        def violation(gate):
            mixture = {"type": "MixtureOfExperts", "num_experts": 8, "top_k": 2, "gate": gate,
                       "expert": {"type": "FeedForward", "hidden_dim": 24},
                       "balance": [{"type": "LoadMetrics"}]}
            out = self.at("balance" + gate["type"])
            self.train(self.write_moe(mixture, steps=300, batch_size=8), out)
            steps = [r for r in read_metrics(out) if "loss" in r][-50:]
            values = [v for r in steps for k, v in r.items() if k.endswith("max_violation")]
            self.assertEqual(len(values), 100)
            return sum(values) / len(values)

        self.assertLess(violation({"type": "DeepSeekGate", "bias_rate": 0.005}), 0.5)
        self.assertGreater(violation({"type": "TopKGate"}), 1.0)

    def test_two_ranks_are_one(self):
        for mixture in (DEEP_SEEK, SWITCH):
            config = self.write_moe(mixture, steps=10)
            name = mixture["gate"]["type"]
            one, two = self.at("one" + name), self.at("two" + name)
            self.train(config, one)
            self.ok("launch", "--ranks", "2", "--", PROGRAM, "train", config, "--out", two,
                    "--quiet")
            for a, b in zip(read_metrics(one), read_metrics(two)):
                if "loss" not in a:
                    continue
                self.assertLess(abs(a["loss"] - b["loss"]), 2e-5 * a["loss"], (name, a, b))
                self.assertLess(abs(a["grad_norm"] - b["grad_norm"]), 2e-4 * a["grad_norm"])


if __name__ == "__main__":
    cli_testing.main()
