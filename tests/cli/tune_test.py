"""`tessera tune`: its report, its file, and that a run with that file is the same to the last bit.

Method: a tiny config; what is found is the machine's business, so the test looks at what must hold
of any report, and gives calls that the report names other legal values by a file of its own.
"""

import json
import os
import tempfile
import unittest

import cli_testing


class TuneTest(cli_testing.CliTest):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="tessera-tune-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        corpus = self.at("corpus.txt")
        cli_testing.write_corpus(corpus)
        self.config = self.at("config.json")
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(cli_testing.tiny_config(corpus, steps=4), file)

    def at(self, name):
        return os.path.join(self.folder, name)

    def losses(self, name, tuning):
        self.ok("train", self.config, "--out", self.at(name), "--quiet", "--set",
                f"runtime.tuning={tuning}")
        with open(self.at(name) + "/metrics.jsonl", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        return [row["loss"] for row in rows if "loss" in row], rows

    def test_a_search_reports_and_its_file_changes_no_bit(self):
        out = self.at("tuning.json")
        report = json.loads(self.ok("tune", self.config, "--timed", "3", "--exhaustive", "--out",
                                    out, "--json"))
        self.assertEqual(report["calls"], len(report["results"]))
        self.assertLessEqual(report["valid"], report["box"])
        for result in report["results"]:
            self.assertLessEqual(result["timed"], min(3, result["valid"]))
            self.assertEqual(set(result["own"]), set(result["found"]))
            self.assertGreater(result["own_s"], 0)
        with open(out, encoding="utf-8") as file:
            written = json.load(file)
        self.assertEqual(written, report["tuning"])
        calls = [{"kernel": result["kernel"], "version": 3, "call": result["call"],
                  "knobs": {name: 1 for name in result["own"]}} for result in report["results"]]
        with open(out, "w", encoding="utf-8") as file:
            json.dump({"type": "Tuning", "version": 1,
                       "machines": [{**report["machine"], "calls": calls}]}, file)
        tuned, rows = self.losses("tuned", out)
        plain, _ = self.losses("plain", "none")
        self.assertEqual(tuned, plain)
        self.assertIn(f"tuned values of {len(calls)} calls", json.dumps(rows))

    def test_text_says_what_was_searched(self):
        text = self.ok("tune", self.config, "--timed", "2")
        self.assertIn("combinations are legal", text)
        self.assertIn("calls are faster", text)

    def test_wrong_words_and_files_are_told(self):
        self.assertIn("--budget", self.fails("tune", self.config, "--budget", "soon"))
        other = self.at("other.json")
        with open(other, "w", encoding="utf-8") as file:
            file.write("{}")
        self.assertIn("other.json", self.fails("tune", self.config, "--out", other))
        self.assertIn("other.json", self.fails("train", self.config, "--out", self.at("run"),
                                               "--set", f"runtime.tuning={other}"))


if __name__ == "__main__":
    unittest.main()
