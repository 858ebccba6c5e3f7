"""Counts the single cases of a test run: python3 tests/count.py RESULTS | --sum SUMMARY...

RESULTS holds ctest.junit, what ctest says of each of its tests, and one <name>.xml per googletest
binary. A googletest binary counts as its cases; if it died or failed outside of a case, that is one
failure more. Everything else counts as one. The reasons of skipped cases are printed, then the
failed ones, and the last line is 'N passed, N failed, N skipped'. Exit code 1 if something failed
or nothing ran.
"""

import os
import re
import sys
import xml.etree.ElementTree as ElementTree

CLOSING_LINE = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped")


def googletest_cases(path):
    """[(name, outcome, reason)] of a googletest result file, or None when there is no whole one."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return None
    cases = []
    for case in root.iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None:
            cases.append((name, "failed", ""))
        elif skipped is not None or case.get("result") == "skipped":
            reason = skipped.get("message", "") if skipped is not None else ""
            cases.append((name, "skipped", reason.strip().split("\n")[-1]))
        elif case.get("status") == "notrun":
            cases.append((name, "skipped", "disabled"))
        else:
            cases.append((name, "passed", ""))
    return cases


def script_outcome(case):
    status = case.get("status")
    output = (case.findtext("system-out") or "").strip()
    if status == "run":
        return "passed", ""
    if status == "fail":
        return "failed", ""
    skipped = case.find("skipped")
    if skipped is not None and "SKIP" in skipped.get("message", ""):   # not: no such program
        reasons = [line for line in output.split("\n") if "skip" in line.lower()]
        return "skipped", reasons[-1] if reasons else output.split("\n")[-1]
    return "failed", ""


def all_cases(results):
    try:
        root = ElementTree.parse(os.path.join(results, "ctest.junit")).getroot()
    except (OSError, ElementTree.ParseError) as error:
        return [(f"ctest itself: {error}", "failed", "")]
    cases = []
    for case in root.iter("testcase"):
        name = case.get("name")
        outcome, reason = script_outcome(case)
        inner = googletest_cases(os.path.join(results, name + ".xml"))
        if inner is None:
            cases.append((name, outcome, reason))
            continue
        cases += [(f"{name}: {inner_name}", o, r) for inner_name, o, r in inner]
        if outcome == "failed" and all(o != "failed" for _, o, _ in inner):
            cases.append((name + " (outside of its cases)", "failed", ""))
    return cases


def closing_line(counts):
    return "{passed} passed, {failed} failed, {skipped} skipped".format(**counts)


def count(results):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    failed = []
    for name, outcome, reason in all_cases(results):
        counts[outcome] += 1
        if outcome == "skipped":
            print(f"skipped: {name}: {reason}")
        elif outcome == "failed":
            failed.append(name)
    for name in failed:
        print(f"failed: {name}")
    print(closing_line(counts))
    return 1 if counts["failed"] or not counts["passed"] else 0


def add_up(paths):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        numbers = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                numbers = CLOSING_LINE.fullmatch(file.read().strip())
        if numbers is None:
            counts["failed"] += 1
            continue
        for key, number in zip(("passed", "failed", "skipped"), numbers.groups()):
            counts[key] += int(number)
    print(closing_line(counts))
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--sum"]:
        sys.exit(add_up(sys.argv[2:]))
    sys.exit(count(sys.argv[1]))
