"""The counting of tests/count.py: a wrong count would hide failures.

Method: result files as ctest and googletest write them, one of each outcome.
"""

import contextlib
import io
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import count  # noqa: E402

CTEST = """<testsuite>
<testcase name="good" status="run"/>
<testcase name="dies" status="fail"><failure/></testcase>
<testcase name="leaks" status="fail"><failure/></testcase>
<testcase name="tidy/a_test.py" status="run"/>
<testcase name="tidy/b_test.py" status="fail"><failure/></testcase>
<testcase name="tidy/c_test.py" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/>
<system-out>skipped: no library
</system-out></testcase>
<testcase name="lost" status="notrun"><skipped message="Unable to find executable"/></testcase>
<testcase name="off" status="disabled"/>
</testsuite>"""
GOOD = """<testsuites><testsuite>
<testcase name="A" classname="S" status="run" result="completed"/>
<testcase name="B" classname="S" status="run" result="completed"><failure message="x"/></testcase>
<testcase name="C" classname="S" status="run" result="skipped">
<skipped message="f.cc:1&#x0A;no AMX"/></testcase>
<testcase name="D" classname="S" status="notrun" result="suppressed"/>
</testsuite></testsuites>"""
LEAKS = """<testsuites><testsuite>
<testcase name="A" classname="S" status="run" result="completed"/>
</testsuite></testsuites>"""


class CountTest(unittest.TestCase):
    def run_count(self, function, argument):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = function(argument)
        return code, out.getvalue().splitlines()

    def test_counts_cases_and_says_why_some_were_skipped(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {"ctest.junit": CTEST, "good.xml": GOOD, "leaks.xml": LEAKS}.items():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            code, lines = self.run_count(count.count, folder)
        self.assertEqual(code, 1)
        self.assertEqual(
            lines,
            [
                "skipped: good: S.C: no AMX",
                "skipped: good: S.D: disabled",
                "skipped: tidy/c_test.py: skipped: no library",
                "failed: good: S.B",
                "failed: dies",
                "failed: leaks (outside of its cases)",
                "failed: tidy/b_test.py",
                "failed: lost",
                "failed: off",
                "3 passed, 6 failed, 3 skipped",
            ],
        )

    def test_a_missing_summary_is_a_failure(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "summary")
            with open(path, "w", encoding="utf-8") as file:
                file.write("5 passed, 0 failed, 1 skipped\n")
            self.assertEqual(self.run_count(count.add_up, [path, path])[0], 0)
            self.assertEqual(self.run_count(count.add_up, [path, path + ".none"]),
                             (1, ["5 passed, 1 failed, 1 skipped"]))

    def test_nothing_run_is_a_failure(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "ctest.junit"), "w", encoding="utf-8") as file:
                file.write("<testsuite/>")
            self.assertEqual(self.run_count(count.count, folder),
                             (1, ["0 passed, 0 failed, 0 skipped"]))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
