"""Routings written down: the load of experts of a run as a report, choices recorded and replayed.

Method: a run of milliseconds a step whose mixtures report their loads; the report's numbers against
the metrics, its picture read as XML. An evaluation with recorded routing replayed: every tensor of
the output has the same bytes; another routing gives another output. Files that are not what they
should be end in one line.
"""

import json
import os
import struct
import xml.etree.ElementTree as ElementTree

import cli_testing
from cli_testing import read_metrics, read_safetensors, write_safetensors

EXPERTS = 6
MIXTURE = {
    "type": "MixtureOfExperts", "num_experts": EXPERTS, "top_k": 2, "skip_padding": True,
    "gate": {"type": "TopKGate", "softmax_after": False},
    "expert": {"type": "FeedForward", "hidden_dim": 24},
    "balance": [{"type": "LoadBalance"}, {"type": "LoadMetrics", "loads": True}],
}
LAYERS = ["decoder/layers/0/feed_forward", "decoder/layers/1/feed_forward"]


class RoutingTest(cli_testing.CliTest):
    def trained(self, mixture=None, steps=12, *words, out="run"):
        config = cli_testing.tiny_config(self.corpus, steps=steps)
        if mixture:
            config["model"]["decoder"]["layer"]["feed_forward"] = mixture
        path, out = self.at("config.json"), self.at(out)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.ok("train", path, "--out", out, "--quiet", *words)
        return out

    def evaluated(self, out, name, *words):
        ids = [(7 * i * i + 3 * i) % 100 for i in range(36)]
        io = self.at("io.safetensors")
        write_safetensors(io, {"input_ids": ("I64", [3, 12], struct.pack("<36q", *ids)),
                               "labels": ("I64", [3, 12], struct.pack("<36q", *ids))})
        path = self.at(name + ".safetensors")
        self.ok("eval", out + "/checkpoints", "--input", io, "--output", path, "--gradients",
                *words)
        return path

    def test_the_report_says_what_the_metrics_say(self):
        out = self.trained(MIXTURE)
        picture = self.at("load.svg")
        report = json.loads(self.ok("moe-report", out, "--json", "--svg", picture, "--columns",
                                    "4"))
        self.assertEqual([layer["name"] for layer in report["layers"]], LAYERS)
        steps = [r for r in read_metrics(out) if "loss" in r]
        for layer in report["layers"]:
            self.assertEqual((layer["experts"], len(layer["columns"])), (EXPERTS, 4))
            for e in range(EXPERTS):
                loads = [r[f"{layer['name']}/balance/1/load_{e}"] for r in steps]
                self.assertAlmostEqual(layer["shares"][e], sum(loads) / len(loads), 6)
                self.assertAlmostEqual(layer["columns"][1]["shares"][e], sum(loads[3:6]) / 3, 6)
            self.assertAlmostEqual(sum(layer["shares"]), 1, 5)
            self.assertEqual([c["step"] for c in layer["columns"]], [1, 4, 7, 10])
            self.assertAlmostEqual(layer["max_violation"], EXPERTS * max(layer["shares"]) - 1, 5)
        root = ElementTree.parse(picture).getroot()
        cells = [e for e in root.iter() if e.tag.endswith("rect")]
        self.assertGreaterEqual(len(cells), 2 * 4 * EXPERTS)
        table = self.ok("moe-report", out + "/metrics.jsonl")
        self.assertIn(LAYERS[1], table)
        self.assertIn("max_violation", table)

    def test_a_replayed_routing_gives_the_same_bytes(self):
        out = self.trained(MIXTURE)
        plain = read_safetensors(self.evaluated(out, "plain"))
        record = self.evaluated(out, "record", "--record-routing")
        recorded = read_safetensors(record)
        names = ["routing/" + layer for layer in LAYERS]
        for name in names:
            self.assertEqual(recorded[name][:2], ("I32", [3, 12, 2]))
        for threads in ("1", "2"):
            again = read_safetensors(self.evaluated(out, "again", "--replay-routing", record,
                                                    "--threads", threads))
            self.assertEqual(again, plain)
        for name in names:
            del recorded[name]
        self.assertEqual(recorded, plain)
        report = json.loads(self.ok("moe-report", record, "--json"))
        self.assertEqual((report["time"], len(report["layers"][0]["columns"])), ("token", 12))
        self.assertAlmostEqual(sum(report["layers"][0]["shares"]), 1, 6)

        one = struct.pack("<72i", *([0, 1] * 36))
        write_safetensors(self.at("other.safetensors"),
                          {name: ("I32", [3, 12, 2], one) for name in names})
        other = read_safetensors(self.evaluated(out, "changed", "--replay-routing",
                                                self.at("other.safetensors")))
        self.assertNotEqual(other["logits"], plain["logits"])
        gate = other[f"grad.{LAYERS[0]}/experts/up_proj/weight"][2]
        self.assertEqual(gate[len(gate) // 3:].strip(b"\0"), b"")   # experts 2 to 5

    def test_the_record_of_a_run_is_what_its_metrics_say(self):
        # Method: the shares that the metrics have, and those counted from the recorded choices.
        record = self.at("routing.safetensors")
        out = self.trained(MIXTURE, 12, "--set", "trainer.record_routing=" + json.dumps(record))
        counted = json.loads(self.ok("moe-report", record, "--json", "--columns", "5"))
        metrics = json.loads(self.ok("moe-report", out, "--json", "--columns", "5"))
        self.assertEqual(counted["time"], "step")
        for mine, theirs in zip(counted["layers"], metrics["layers"], strict=True):
            self.assertEqual((mine["name"], mine["experts"]), (theirs["name"], theirs["experts"]))
            for column, expected in zip(mine["columns"], theirs["columns"], strict=True):
                self.assertEqual(column["step"], expected["step"])
                for e in range(EXPERTS):
                    self.assertAlmostEqual(column["shares"][e], expected["shares"][e], 6)
        picture = self.at("load.svg")
        self.ok("moe-report", record, "--svg", picture)
        self.assertTrue(ElementTree.parse(picture).getroot().tag.endswith("svg"))
        losses = [r["loss"] for r in read_metrics(out) if "loss" in r]
        again = self.trained(MIXTURE, 12, "--set", "trainer.replay_routing=" + json.dumps(record),
                             out="again")
        self.assertEqual([r["loss"] for r in read_metrics(again) if "loss" in r], losses)

    def test_wrong_files_are_named(self):
        out = self.trained(MIXTURE, steps=2)
        record = self.evaluated(out, "record", "--record-routing")
        io, target = self.at("io.safetensors"), self.at("x.safetensors")
        words = ("eval", out + "/checkpoints", "--input", io, "--output", target)
        wrong = self.at("wrong.safetensors")
        names = ["routing/" + layer for layer in LAYERS]
        choices = [0, 1] * 36
        choices[7] = 9
        write_safetensors(wrong, {name: ("I32", [3, 12, 2], struct.pack("<72i", *choices))
                                  for name in names})
        self.assertIn("token 3, slot 1: expected expert 0 to 5, or -1 for none, got 9",
                      self.fails(*words, "--replay-routing", wrong))
        write_safetensors(wrong, {names[0]: ("I32", [36, 2], struct.pack("<72i", *choices))})
        self.assertIn("expected a tensor '" + names[1],
                      self.fails(*words, "--replay-routing", wrong))
        write_safetensors(wrong, {name: ("I32", [36, 2], struct.pack("<72i", *choices))
                                  for name in names})
        self.assertIn("expected i32[B,T,2]", self.fails(*words, "--replay-routing", wrong))
        self.assertIn("without --replay-routing",
                      self.fails(*words, "--record-routing", "--replay-routing", record))
        write_safetensors(wrong, {names[0]: ("I32", [1, 2], struct.pack("<2i", -7, 0))})
        self.assertIn("expected experts from -1", self.fails("moe-report", wrong))
        write_safetensors(wrong, {"logits": ("F32", [1], struct.pack("<f", 0))})
        self.assertIn("it has no recorded routing", self.fails("moe-report", wrong))
        with open(self.at("metrics.jsonl"), "w", encoding="utf-8") as file:
            file.write('{"step":1,"a/balance/0/load_60000":1}\n')
        self.assertIn("without gaps", self.fails("moe-report", self.at("metrics.jsonl")))

    def test_a_dense_model_has_no_routing(self):
        out = self.trained(steps=2)
        self.assertIn('set "loads": true', self.fails("moe-report", out))
        io = self.at("io.safetensors")
        write_safetensors(io, {"input_ids": ("I64", [1, 2], struct.pack("<2q", 1, 2))})
        self.assertIn("the model has no mixture of experts",
                      self.fails("eval", out + "/checkpoints", "--input", io, "--output",
                                 self.at("o.safetensors"), "--record-routing"))
        self.assertFalse(os.path.exists(self.at("o.safetensors")))


if __name__ == "__main__":
    cli_testing.main()
