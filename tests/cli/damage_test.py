"""Damaged checkpoints and a full disk: a clear error, and what was saved before stays whole.

Method: bits are flipped and files cut short; a small tmpfs is filled (skipped where mounting is not
allowed).
"""

import json
import os
import shutil
import subprocess
import tempfile

import cli_testing
from cli_testing import run, tensor_digests


class DamageTest(cli_testing.CliTest):
    def setUp(self):
        super().setUp()
        self.config = self.write_config(steps=6, save_every=2, keep_checkpoints=0)
        self.out = self.at("run")
        self.ok("train", self.config, "--out", self.out, "--quiet")
        self.folder_of_checkpoints = self.out + "/checkpoints"

    def data_files(self, step):
        folder = f"{self.folder_of_checkpoints}/step_{step}"
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]

    def largest_file(self, step):
        return max(self.data_files(step), key=os.path.getsize)

    def check_step_6_is_refused(self, what):
        older = {step: tensor_digests(f"{self.folder_of_checkpoints}/step_{step}")
                 for step in (2, 4)}
        text = self.fails("inspect", self.folder_of_checkpoints + "/step_6")
        self.assertIn("step_6", text, what)
        # The newest complete one is taken, and the other is named, kept and not loaded.
        result = run("train", self.config, "--out", self.out, "--resume", "--steps", "8")
        self.assertEqual(result.returncode, 0, f"{what}: {result.stdout}{result.stderr}")
        self.assertIn("step_6", result.stderr, what)
        self.assertIn("going on from step 4", result.stdout, what)
        for step, digests in older.items():
            self.assertEqual(tensor_digests(f"{self.folder_of_checkpoints}/step_{step}"), digests)
        names = os.listdir(self.folder_of_checkpoints)
        self.assertTrue(any(name.startswith("step_6") for name in names), names)

    def test_a_flipped_bit_in_the_data(self):
        path = self.largest_file(6)
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) * 2 // 3)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 0x10]))
        self.check_step_6_is_refused("bit flipped in " + path)

    def test_a_flipped_bit_in_the_manifest(self):
        path = [p for p in self.data_files(6) if not p.endswith(".safetensors")][0]
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))
        self.check_step_6_is_refused("bit flipped in " + path)

    def test_a_truncated_file(self):
        path = self.largest_file(6)
        os.truncate(path, os.path.getsize(path) - 1000)
        self.check_step_6_is_refused("truncated " + path)

    def test_a_missing_file(self):
        os.remove(self.largest_file(6))
        self.check_step_6_is_refused("a file removed")

    def test_when_all_are_damaged_nothing_is_started_afresh(self):
        for step in (2, 4, 6):
            path = self.largest_file(step)
            os.truncate(path, os.path.getsize(path) // 2)
        text = self.fails("train", self.config, "--out", self.out, "--resume", lines=None)
        self.assertIn("step_", text)
        for step in (2, 4, 6):
            self.assertTrue(os.path.isdir(f"{self.folder_of_checkpoints}/step_{step}"))

    def test_a_checkpoint_that_is_not_there_is_named(self):
        self.assertIn("nowhere", self.fails("inspect", self.at("nowhere")))
        self.assertIn("nowhere", self.fails("generate", "--checkpoint", self.at("nowhere")))


class FullDiskTest(cli_testing.CliTest):
    def mount(self, megabytes):
        folder = tempfile.mkdtemp(prefix="tessera-disk-")
        self.addCleanup(shutil.rmtree, folder, True)
        result = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs",
                                 folder], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            self.skipTest(f"skipped: no tmpfs can be mounted here: {result.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=False)
        return folder

    def test_a_full_disk_is_an_error_and_older_checkpoints_stay_whole(self):
        disk = self.mount(4)
        out = os.path.join(disk, "run")
        config = self.write_config(steps=400, save_every=1, keep_checkpoints=0)
        result = run("train", config, "--out", out, "--quiet")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertRegex(result.stderr, "(?i)space")
        inspection = json.loads(self.ok("inspect", out + "/checkpoints", "--json"))
        self.assertTrue(inspection["verified"])
        self.assertGreaterEqual(inspection["step"], 1)
        # All that bears the name of a checkpoint is one.
        for name in os.listdir(out + "/checkpoints"):
            if name.startswith("step_"):
                self.ok("inspect", f"{out}/checkpoints/{name}")


if __name__ == "__main__":
    if not shutil.which("mount"):
        print("skipped in part: no mount program")
    cli_testing.main()
