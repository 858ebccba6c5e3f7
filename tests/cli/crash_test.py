"""Runs that are killed at any moment always go on from a complete checkpoint with its own bytes.

Method: a reference run keeps every checkpoint. Another run of the same config, which saves after
every step, is killed with SIGKILL at random moments and resumed; after each kill the newest
complete checkpoint must hold the bytes that the reference has for that step. TESSERA_LONG=1: 100
kills.
"""

import json
import os
import random
import time

import cli_testing
from cli_testing import run, start, tensor_digests

KILLS = 100 if cli_testing.IS_LONG else 6
STEPS = 4000
SEED = int(os.environ.get("TESSERA_SEED", "20"))


class CrashTest(cli_testing.CliTest):
    def newest(self, out):
        """(step, digests) of the newest complete checkpoint, or None when there is none yet."""
        result = run("inspect", out + "/checkpoints", "--json")
        if result.returncode != 0:
            self.assertIn("NOT_FOUND", result.stdout)
            return None
        return json.loads(result.stdout)["step"], tensor_digests(out + "/checkpoints")

    def reference(self, config, steps):
        """{step: digests} of an uninterrupted run up to `steps`."""
        out = self.at(f"reference{steps}")
        # The same schedule: the run is long, and is stopped when it is far enough.
        process = start("train", config, "--out", out, "--quiet", "--set",
                        "trainer.keep_checkpoints=0")
        deadline = time.monotonic() + cli_testing.TIMEOUT_S * 4
        while not os.path.exists(f"{out}/checkpoints/step_{steps}"):
            self.assertIsNone(process.poll(), process.poll() is not None and process.communicate())
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        process.terminate()
        process.communicate(timeout=cli_testing.TIMEOUT_S)
        self.assertEqual(process.returncode, 0)
        return out

    def test_killed_at_random_moments_it_resumes_from_the_bytes_of_that_step(self):
        print(f"seed {SEED} (TESSERA_SEED replays)")
        rng = random.Random(SEED)
        config = self.write_config(steps=STEPS, save_every=1, keep_checkpoints=2)
        out = self.at("killed")
        seen = {}
        last = 0
        for kill in range(KILLS):
            process = start("train", config, "--out", out, "--resume", "--quiet")
            # Now and then soon, so that starting and resuming are hit as well.
            time.sleep(rng.uniform(0, 0.1) if kill % 3 == 2 else rng.uniform(0.1, 0.7))
            self.assertIsNone(process.poll(), process.poll() is not None and process.communicate())
            process.kill()
            process.communicate(timeout=cli_testing.TIMEOUT_S)
            found = self.newest(out)
            if found is None:
                self.assertEqual(last, 0, "a checkpoint was there and is no more")
                continue
            step, digests = found
            self.assertGreaterEqual(step, last, "an older checkpoint than before")
            seen[step] = digests
            last = step
        self.assertGreater(last, 0, "no kill came after a checkpoint")
        reference = self.reference(config, last)
        for step, digests in seen.items():
            self.assertEqual(digests, tensor_digests(f"{reference}/checkpoints/step_{step}"), step)
        # What was left behind does not stay for ever.
        process = start("train", config, "--out", out, "--resume", "--quiet")
        deadline = time.monotonic() + cli_testing.TIMEOUT_S
        while not os.path.exists(f"{out}/checkpoints/step_{last + 3}"):
            self.assertLess(time.monotonic(), deadline)
            self.assertIsNone(process.poll())
            time.sleep(0.01)
            names = os.listdir(f"{out}/checkpoints")
            if any(name.startswith("step_") and int(name[5:]) > last + 3 for name in names):
                break
        process.terminate()
        process.communicate(timeout=cli_testing.TIMEOUT_S)
        self.assertEqual(process.returncode, 0)
        left = [n for n in os.listdir(f"{out}/checkpoints") if n.startswith(".tmp")]
        self.assertEqual(left, [])


if __name__ == "__main__":
    cli_testing.main()
