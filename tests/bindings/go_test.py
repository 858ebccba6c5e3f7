"""The Go binding: its tests under the race detector, parity, and that nothing is missing. (Its
README: release_test.py.)

Method: the go command with the library of the build tree. A long run also checks how pointers cross
to C (cgocheck2).
"""

import json
import os
import re
import signal
import subprocess

import binding_testing
from binding_testing import BINDINGS, LIBRARY_FOLDER, run

MODULE = os.path.join(BINDINGS, "go")
SCRATCH = binding_testing.scratch("go")

# Functions that the package has no use for.
NOT_NEEDED = {}


def environment(**changes):
    return {**os.environ, "CGO_LDFLAGS": f"-L{LIBRARY_FOLDER} -Wl,-rpath,{LIBRARY_FOLDER}",
            "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", **changes}


def go(*words, cwd=MODULE, **changes):
    return run(["go", *words], cwd=cwd, env=environment(**changes))


class GoTest(binding_testing.BindingTest):
    def test_vet_format_and_tests_with_the_race_detector(self):
        self.assertEqual(run(["gofmt", "-l", "."], cwd=MODULE), "", "run gofmt -w bindings/go")
        go("vet", "./...")
        text = go("test", "-race", "-count=1", "-v", "./...")
        self.assertGreaterEqual(text.count("\n--- PASS: Test"), 15, text[-3000:])
        self.assertNotIn("--- FAIL", text)

    def test_pointers_cross_rightly(self):
        if not binding_testing.IS_LONG:
            self.skipTest("skipped: the runtime would be compiled anew; a long run does")
        go("test", "-count=1", "./...", GOEXPERIMENT="cgocheck2")

    def test_parity_with_the_command_line(self):
        program = os.path.join(SCRATCH, "parity")
        go("build", "-o", program, "./internal/parity")
        self.check_parity([program])

    def test_the_sample_is_interrupted_and_goes_on(self):
        sample = os.path.join(binding_testing.SOURCE, "samples", "go_tool")
        program = os.path.join(SCRATCH, "go_tool")
        self.assertEqual(run(["gofmt", "-l", "."], cwd=sample), "")
        go("build", "-o", program, ".", cwd=sample)
        config = json.dumps(binding_testing.cli_testing.tiny_config("replaced.txt"))
        words = [program, self.write("config.json", config), self.corpus, self.at("out")]
        running = subprocess.Popen([*words, "1000000"], stdout=subprocess.PIPE, text=True)
        first = running.stdout.readline()
        self.assertRegex(first, r"^step \d+ of 1000000: loss \d")
        running.send_signal(signal.SIGINT)
        rest, _ = running.communicate(timeout=60)
        self.assertEqual(running.returncode, 0, rest)
        self.assertIn(f"the checkpoint is in {self.at('out')}/checkpoints", rest)
        saved = max(int(name[5:]) for name in os.listdir(self.at("out", "checkpoints"))
                    if re.fullmatch(r"step_\d+", name))
        text = run([*words, str(saved + 2)])
        self.assertIn(f"step {saved + 2} of {saved + 2}: loss ", text)

    def test_a_missing_library_is_said_clearly(self):
        result = subprocess.run(["go", "build", "-o", os.devnull, "./internal/parity"], cwd=MODULE,
                                env=environment(CGO_LDFLAGS=f"-L{self.folder}"),
                                capture_output=True, text=True, timeout=300)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("-ltessera", result.stderr)

    def test_every_function_is_reached(self):
        text = binding_testing.source_text("go", (".go", ".c"))
        text = re.sub(r"(?<![\w.])tsr_(?=\w+\()", "C.tsr_", text)  # those that callbacks.c calls
        self.assertEqual(binding_testing.unreached(text, "C.", NOT_NEEDED), [])

    def test_the_headers_are_those_of_the_interface(self):
        paths = binding_testing.header_paths()
        self.assertIn("capi/include/tessera.h", paths)
        for path in paths:
            copy, header = (binding_testing.read(file) for file in (
                f"bindings/go/{os.path.basename(path)}", path))
            if not binding_testing.IS_LONG:  # comments may lag behind
                copy, header = (re.sub(r"/\*.*?\*/|\s+", " ", text, flags=re.S)
                                for text in (copy, header))
            self.assertTrue(re.sub(" +", " ", copy) == re.sub(" +", " ", header),
                            "run bindings/refresh")


if __name__ == "__main__":
    binding_testing.main()
