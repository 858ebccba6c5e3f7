"""How the program answers to right and wrong words on its command line.

Method: every command is asked for its help; wrong use must end with code 1 and one line that says
what was expected, with the nearest name where there is one.
"""

import json
import os
import subprocess

import cli_testing
from cli_testing import PROGRAM, run

COMMANDS = ("train", "generate", "config", "describe", "list", "graph", "bench", "inspect", "eval",
            "import", "export", "launch", "moe-report", "tune", "version")


class UsageTest(cli_testing.CliTest):
    def test_help_lists_every_command_and_each_has_its_own(self):
        text = self.ok("--help")
        for command in COMMANDS:
            self.assertIn(f"\n  {command} ", text)
            own = self.ok(command, "--help")
            self.assertIn(f"usage: tessera {command}", own)
            self.assertEqual(own, self.ok("help", command))
            self.assertLessEqual(max(map(len, own.split("\n"))), 100)

    def test_the_version_is_that_of_program_and_library(self):
        self.assertIn("tessera 0.1.0, library 0.1.0", self.ok("--version"))
        described = json.loads(self.ok("version", "--json"))
        self.assertEqual(described["program"], described["library"])
        self.assertIn("build", described)

    def test_unknown_words_name_the_nearest(self):
        self.assertIn("'trian', did you mean 'train'?", self.fails("trian"))
        self.assertIn("`tessera --help`", self.fails("xyzzyxyzzy"))
        self.assertIn("'--ouy', did you mean '--out'?", self.fails("train", "x", "--ouy", "y"))
        self.assertIn("`tessera train --help`", self.fails("train", "x", "--zzzzzzzzzz"))
        self.assertIn("expected a command", self.fails())

    def test_missing_and_surplus_words_are_named(self):
        config = self.write_config()
        self.assertIn("expected CONFIG", self.fails("train", "--out", "x"))
        self.assertIn("expected --out DIR", self.fails("train", config))
        self.assertIn("expected DIR after it", self.fails("train", config, "--out"))
        self.assertIn("unexpected argument 'more'", self.fails("config", config, "more"))
        self.assertIn("expected once", self.fails("train", config, "--out", "a", "--out=b"))
        self.assertIn("expected no value", self.fails("config", config, "--json=yes"))
        self.assertIn("expected an integer from 1", self.fails("launch", "--ranks", "two", "--",
                                                               "true"))
        self.assertIn("nothing after '--'", self.fails("launch", "--ranks", "2"))
        self.assertIn("expected path=value", self.fails("config", config, "--set", "trainer"))

    def test_every_command_with_a_config_reads_modifiers(self):
        config = self.write_config()
        for command in (["config", config], ["graph", config],
                        ["train", config, "--out", self.at("out")]):
            self.assertIn("x.json: No such file", self.fails(*command, "--modify", "x.json"))
        self.assertFalse(os.path.exists(self.at("out")))

    def test_wrong_environments_are_errors(self):
        config = self.write_config()
        env = cli_testing.environment(TESSERA_ISA="avx1024")
        self.assertIn("avx1024", self.fails("config", config, env=env))
        env = cli_testing.environment(WORLD_SIZE="two")
        self.assertIn("WORLD_SIZE", self.fails("config", config, env=env))
        env = cli_testing.environment(WORLD_SIZE=2, RANK=0)
        self.assertIn("MASTER_ADDR", self.fails("train", config, "--out", self.at("o"), env=env))
        env = cli_testing.environment(WORLD_SIZE=2, RANK=2, MASTER_ADDR="localhost",
                                      MASTER_PORT=1)
        self.assertIn("RANK", self.fails("train", config, "--out", self.at("o"), env=env))

    def test_an_output_that_cannot_be_written_is_an_error(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("skipped: no /dev/full")
        with open("/dev/full", "w", encoding="utf-8") as full:
            result = subprocess.run([PROGRAM, "list", "modules"], stdout=full,
                                    stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("stdout", result.stderr)

    def test_a_reader_that_goes_away_does_not_kill_by_signal(self):
        process = subprocess.Popen([PROGRAM, "list", "ops"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        process.stdout.close()
        process.stderr.read()
        self.assertGreaterEqual(process.wait(cli_testing.TIMEOUT_S), 0)
        process.stderr.close()

    def test_errors_of_reading_a_file_are_one_line(self):
        self.assertIn("nowhere.json", self.fails("config", self.at("nowhere.json")))
        self.assertNotEqual(run("config", self.folder).returncode, 0)


if __name__ == "__main__":
    cli_testing.main()
