"""`tessera launch`: ranks, their output, their deaths, and two ranks against one.

Method: shell commands as ranks where only processes matter; real runs of two ranks for the loss and
for a rank that is killed.
"""

import os
import re
import signal
import subprocess
import time

import cli_testing
from cli_testing import PROGRAM, read_metrics, run, start, tensor_digests

RELATIVE_TOLERANCE = 1e-5  # what the order of sums of two ranks may change in fp32


class LaunchTest(cli_testing.CliTest):
    def test_ranks_get_their_environment_and_lines_get_their_rank(self):
        text = self.ok("launch", "--ranks", "3", "--", "sh", "-c",
                       "echo $RANK of $WORLD_SIZE at $MASTER_ADDR; printf unfinished")
        lines = sorted(text.strip().split("\n"))
        self.assertEqual(lines, sorted([f"[{r}] {r} of 3 at 127.0.0.1" for r in range(3)] +
                                       [f"[{r}] unfinished" for r in range(3)]))
        port = self.ok("launch", "--ranks", "1", "--port", "12345", "--", "sh", "-c",
                       "echo $MASTER_PORT")
        self.assertEqual(port, "[0] 12345\n")

    def test_a_failing_rank_is_named_and_the_others_end(self):
        started = time.monotonic()
        text = self.fails("launch", "--ranks", "3", "--timeout", "1", "--", "sh", "-c",
                          "[ $RANK = 1 ] && exit 3; sleep 60")
        self.assertIn("rank 1 exited with code 3", text)
        self.assertLess(time.monotonic() - started, 30)
        self.assertIn("killed by signal 9", self.fails(
            "launch", "--ranks", "2", "--timeout", "1", "--", "sh", "-c",
            "[ $RANK = 0 ] && kill -9 $$; sleep 60"))
        self.assertIn("nosuchcommand", self.fails("launch", "--ranks", "2", "--", "nosuchcommand"))

    def test_ranks_that_ignore_the_end_are_killed(self):
        text = self.fails("launch", "--ranks", "2", "--timeout", "0.2", "--", "sh", "-c",
                          "[ $RANK = 0 ] && exit 1; trap '' TERM; "
                          "while true; do sleep 0.2; done")
        self.assertIn("rank 0", text)

    def test_signals_are_passed_on(self):
        process = start("launch", "--ranks", "2", "--", "sh", "-c",
                        "trap 'echo stopping; exit 0' TERM; echo ready; "
                        "while true; do sleep 0.05; done")
        for _ in range(2):
            self.assertIn("ready", process.stdout.readline())
        process.terminate()
        text, errors = process.communicate(timeout=cli_testing.TIMEOUT_S)
        self.assertEqual(process.returncode, 0, errors)
        self.assertEqual(sorted(text.strip().split("\n")), ["[0] stopping", "[1] stopping"])

    def test_ranks_end_with_the_launcher(self):
        process = start("launch", "--ranks", "1", "--", "sh", "-c", "echo $$; exec sleep 60")
        pid = int(process.stdout.readline().split()[1])
        process.kill()
        process.communicate()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and os.path.exists(f"/proc/{pid}"):
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return  # ended; whoever adopted it has not looked yet
            time.sleep(0.05)
        self.assertFalse(os.path.exists(f"/proc/{pid}"))


class TwoRanksTest(cli_testing.CliTest):
    def losses(self, out):
        return [record["loss"] for record in read_metrics(out) if "loss" in record]

    def test_two_ranks_learn_what_one_does(self):
        config = self.write_config(steps=20)
        self.ok("train", config, "--out", self.at("one"))
        text = self.ok("launch", "--ranks", "2", "--", PROGRAM, "train", config, "--out",
                       self.at("two"))
        self.assertIn("[0] step 20/20", text)
        self.assertNotIn("[1] step", text)
        one, two = self.losses(self.at("one")), self.losses(self.at("two"))
        self.assertEqual(len(one), 20)
        self.assertEqual(len(two), 20)
        for a, b in zip(one, two):
            self.assertLessEqual(abs(a - b), RELATIVE_TOLERANCE * abs(a))
        self.assertEqual(len(tensor_digests(self.at("two", "checkpoints"))),
                         len(tensor_digests(self.at("one", "checkpoints"))))

    def test_a_killed_rank_ends_the_other_with_an_error_that_names_it(self):
        config = self.write_config(steps=1_000_000)
        out = self.at("run")
        process = subprocess.Popen(
            [PROGRAM, "launch", "--ranks", "2", "--", "sh", "-c",
             'echo "pid $$"; exec "$@"', "sh", PROGRAM, "train", config, "--out", out,
             "--set", "parallel.timeout_s=20", "--set", "parallel.heartbeat_s=0.5"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=cli_testing.environment())
        pids = {}
        for line in process.stdout:
            found = re.match(r"\[(\d)\] pid (\d+)", line)
            if found:
                pids[found.group(1)] = int(found.group(2))
            if re.match(r"\[0\] step \d", line):
                break
        self.assertEqual(sorted(pids), ["0", "1"])
        killed = time.monotonic()
        os.kill(pids["1"], signal.SIGKILL)
        _, errors = process.communicate(timeout=cli_testing.TIMEOUT_S)
        self.assertLess(time.monotonic() - killed, 25)
        self.assertEqual(process.returncode, 1)
        self.assertRegex(errors, r"\[0\] tessera train: .*rank 1")
        self.assertIn("rank 1 was killed by signal 9", errors)

    def test_a_signal_to_the_launcher_saves_and_ends_both_with_0(self):
        config = self.write_config(steps=1_000_000)
        out = self.at("run")
        process = start("launch", "--ranks", "2", "--", PROGRAM, "train", config, "--out", out)
        for line in process.stdout:
            if re.match(r"\[0\] step \d", line):
                break
        process.terminate()
        text, errors = process.communicate(timeout=cli_testing.TIMEOUT_S)
        self.assertEqual(process.returncode, 0, text + errors)
        self.assertIn("stopped by a signal", text)
        self.assertTrue(tensor_digests(out + "/checkpoints"))

    def test_a_rank_that_never_comes_is_an_error_within_the_timeout(self):
        config = self.write_config()
        env = cli_testing.environment(RANK=0, WORLD_SIZE=2, MASTER_ADDR="127.0.0.1",
                                      MASTER_PORT=29999 - os.getpid() % 500)
        started = time.monotonic()
        result = run("train", config, "--out", self.at("run"), "--set", "parallel.timeout_s=2",
                     "--set", "parallel.heartbeat_s=0.5", env=env)
        self.assertEqual(result.returncode, 1)
        self.assertIn("1", result.stderr)
        self.assertLess(time.monotonic() - started, 30)


if __name__ == "__main__":
    cli_testing.main()
