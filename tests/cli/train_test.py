"""`tessera train`: what it writes and prints, stopping by a signal, going on to the same bits.

Method: runs of milliseconds a step. Checkpoints are compared by the bytes of their tensors.
"""

import json
import os
import re
import select
import signal
import subprocess
import time

import cli_testing
from cli_testing import PROGRAM, read_metrics, start, tensor_digests


class TrainTest(cli_testing.CliTest):
    def train(self, config, out, *words, **options):
        return self.ok("train", config, "--out", out, *words, **options)

    def test_metrics_log_lines_chart_and_checkpoint(self):
        config = self.write_config(steps=40, eval_every=20)
        out = self.at("run")
        text = self.train(config, out)
        self.assertRegex(text, r"step 5/40 +loss \d+\.\d+ +grad norm \d+\.\d+ +lr [\d.e-]+")
        self.assertRegex(text, r"step 20: validation loss \d")
        self.assertIn("●", text)
        self.assertRegex(text, r"40 steps in .*validation loss \d")
        self.assertIn(f"checkpoint {out}/checkpoints/step_40", text)
        self.assertNotIn("\r", text)
        records = read_metrics(out)
        steps = [r for r in records if "loss" in r]
        self.assertEqual([r["step"] for r in steps], list(range(1, 41)))
        for name in ("grad_norm", "lr", "tokens", "tokens_per_s", "step_s", "mfu"):
            self.assertIn(name, steps[0])
        self.assertEqual(steps[-1]["tokens"], 40 * 4 * 32)
        evaluations = [r for r in records if "eval_loss" in r]
        self.assertEqual([r["step"] for r in evaluations], [20, 40])
        self.assertLess(evaluations[-1]["eval_loss"], evaluations[0]["eval_loss"])
        self.assertLess(steps[-1]["loss"], steps[0]["loss"] - 0.5)

    def test_quiet_is_quiet_and_a_bar_stands_on_a_terminal_only(self):
        config = self.write_config(steps=4)
        self.assertEqual(self.train(config, self.at("quiet"), "--quiet"), "")
        try:
            import pty
        except ImportError:
            self.skipTest("skipped: no pseudo-terminals")
        controller, terminal = pty.openpty()
        process = subprocess.Popen(
            [PROGRAM, "train", config, "--out", self.at("bar"), "--set", "trainer.steps=30"],
            stdout=subprocess.DEVNULL, stderr=terminal,
            env=cli_testing.environment(TERM="xterm"))
        os.close(terminal)
        shown = b""
        try:
            while True:
                ready, _, _ = select.select([controller], [], [], cli_testing.TIMEOUT_S)
                data = os.read(controller, 65536) if ready else b""
                if not data:
                    break
                shown += data
        except OSError:  # the terminal is gone with its last user
            pass
        os.close(controller)
        self.assertEqual(process.wait(cli_testing.TIMEOUT_S), 0)
        self.assertIn("▕".encode(), shown)
        self.assertTrue(shown.rstrip().endswith(b"\x1b[K"), shown[-80:])

    def test_a_folder_with_checkpoints_is_not_overwritten(self):
        config = self.write_config(steps=3)
        out = self.at("run")
        self.train(config, out)
        before = tensor_digests(out + "/checkpoints")
        self.assertIn("resume", self.fails("train", config, "--out", out))
        self.assertEqual(tensor_digests(out + "/checkpoints"), before)
        # All is done: nothing to do is no error.
        self.train(config, out, "--resume")
        self.assertEqual(tensor_digests(out + "/checkpoints"), before)

    def test_equal_seeds_give_equal_bytes_with_any_number_of_threads(self):
        for dtype in ("fp32", "bf16"):
            config = self.write_config(steps=8, dtype=dtype)
            digests = []
            for name, threads in (("a", 1), ("b", 1), ("c", 2)):
                out = self.at(dtype + name)
                self.train(config, out, "--set", f"runtime.threads={threads}")
                digests.append(tensor_digests(out + "/checkpoints"))
            self.assertEqual(digests[0], digests[1])
            self.assertEqual(digests[0], digests[2])
            other = self.at(dtype + "other")
            self.train(config, other, "--set", "runtime.seed=8")
            self.assertNotEqual(digests[0], tensor_digests(other + "/checkpoints"))

    def wait_for_steps(self, process, out, least):
        path = os.path.join(out, "metrics.jsonl")
        deadline = time.monotonic() + cli_testing.TIMEOUT_S
        while time.monotonic() < deadline:
            self.assertIsNone(process.poll(), "ended before it was stopped")
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    if file.read().count("\n") >= least:
                        return
            time.sleep(0.01)
        self.fail("no steps within the time")

    def test_signals_save_exit_0_and_going_on_gives_the_same_bits(self):
        for dtype, number in (("fp32", signal.SIGTERM), ("bf16", signal.SIGINT)):
            # The schedule must not depend on where it was stopped, so the number of steps is fixed.
            config = self.write_config(steps=2000 if not cli_testing.IS_SANITIZED else 400,
                                       dtype=dtype)
            stopped = self.at("stopped" + dtype)
            process = start("train", config, "--out", stopped)
            self.wait_for_steps(process, stopped, 3)
            process.send_signal(number)
            text, errors = process.communicate(timeout=cli_testing.TIMEOUT_S)
            self.assertEqual(process.returncode, 0, text + errors)
            self.assertIn("stopped by a signal", text)
            step = int(re.search(r"step_(\d+)\n", text).group(1))
            self.assertEqual(read_metrics(stopped)[-1]["step"], step)
            if step >= 300:
                self.skipTest(f"skipped: the machine was too slow to stop in time (step {step})")
            # On for some steps more by the same config, stopped at a step that both reach.
            end = step + 5
            for out, words in ((stopped, ["--resume"]), (self.at("whole" + dtype), [])):
                self.run_until(config, out, end, words)
            self.assertEqual(tensor_digests(f"{stopped}/checkpoints/step_{end}"),
                             tensor_digests(f"{self.at('whole' + dtype)}/checkpoints/step_{end}"))
            losses = [[(r["step"], r["loss"]) for r in read_metrics(out)
                       if "loss" in r and r["step"] <= end]
                      for out in (stopped, self.at("whole" + dtype))]
            self.assertEqual(losses[0], losses[1])

    def run_until(self, config, out, end, words):
        """Trains with a checkpoint at `end`, then stops the run once that is there."""
        process = start("train", config, "--out", out, "--set", f"trainer.save_every={end}",
                        "--set", "trainer.keep_checkpoints=0", *words)
        path = f"{out}/checkpoints/step_{end}"
        deadline = time.monotonic() + cli_testing.TIMEOUT_S
        while not os.path.exists(path) and time.monotonic() < deadline:
            self.assertIsNone(process.poll(), process.poll() is not None and process.communicate())
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        text, errors = process.communicate(timeout=cli_testing.TIMEOUT_S)
        self.assertEqual(process.returncode, 0, text + errors)

    def test_resuming_goes_on_in_the_metrics_without_gaps(self):
        config = self.write_config(steps=30, save_every=7)
        out = self.at("run")
        self.train(config, out, "--steps", "17")
        text = self.train(config, out, "--resume")
        self.assertIn("going on from step 17", text)
        self.assertEqual([r["step"] for r in read_metrics(out) if "loss" in r],
                         list(range(1, 31)))

    def test_wrong_data_and_configs_are_errors_before_anything_is_written(self):
        config = self.write_config()
        out = self.at("run")
        self.assertIn("nowhere.txt", self.fails("train", config, "--out", out, "--set",
                                                "data.train=nowhere.txt"))
        self.assertIn("num_heads", self.fails(
            "train", config, "--out", out, "--set",
            "model.decoder.layer.attention.num_heads=5", lines=None))
        self.assertFalse(os.path.exists(os.path.join(out, "checkpoints", "step_1")))

    def test_a_resume_with_another_model_says_what_differs(self):
        config = self.write_config(steps=3)
        out = self.at("run")
        self.train(config, out)
        before = json.dumps(tensor_digests(out + "/checkpoints"))
        self.fails("train", config, "--out", out, "--resume", "--set", "model.model_dim=64",
                   lines=None)
        self.assertEqual(json.dumps(tensor_digests(out + "/checkpoints")), before)


if __name__ == "__main__":
    cli_testing.main()
