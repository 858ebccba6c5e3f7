"""The builds that packages are made of: the C library's floor, and another machine's.

Method: small programs with threads, exceptions, waits and constructors are linked for each target
as a package is, run (by qemu-user for another machine), and their versions of glibc read; what the
floor lacks must not link. A long run builds the packages of the targets from nothing and compares
their bytes, and runs the tests of the other machine. Targets whose compiler or emulator is not
installed are left out, and named; with none, skipped.

Time limit: 21600 s
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("TESSERA_SOURCE") or os.path.dirname(os.path.dirname(HERE))
IS_LONG = bool(os.environ.get("TESSERA_LONG"))
TIMEOUT_S = 300
sys.dont_write_bytecode = True
for folder in ("packages", "targets"):
    sys.path.insert(0, os.path.join(SOURCE, "tools", folder))
import floor  # noqa: E402  (of tools/targets)
import library  # noqa: E402  (of tools/packages)

PROGRAM = """
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>

int made = 0;
struct Global {
  Global() { ++made; }
} global;

int main(int, char** words) {
  using std::chrono::steady_clock;
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock<std::mutex> lock(mutex);
  const auto start = steady_clock::now();
  const bool timed_out = never.wait_for(lock, std::chrono::milliseconds(30)) ==
                         std::cv_status::timeout;
  const bool waited = steady_clock::now() - start >= std::chrono::milliseconds(30);
  int caught = 0;
  std::thread([&] {
    for (int i = 0; i < 1000; ++i) {
      try {
        if (std::filesystem::file_size(words[0]) > 0) throw std::runtime_error("on purpose");
      } catch (const std::exception&) {
        ++caught;
      }
    }
  }).join();
  bool has_no_file = false;
  try {
    std::filesystem::file_size("/no/such/file");
  } catch (const std::filesystem::filesystem_error& error) {
    has_no_file = error.code() == std::errc::no_such_file_or_directory;
  }
  std::random_device random;
  std::cout << made << " " << (timed_out || waited) << " " << caught << " " << has_no_file << " "
            << (random() != random() || random() != random()) << std::endl;
}
"""
EXPECTED = "1 1 1000 1 1\n"
TOO_NEW = """
#include <unistd.h>
int main() { closefrom(100); }
"""


def runner(target):
    """What a program of the target is run by, or None."""
    if os.uname().machine == target:
        return []
    for name in (f"qemu-{target}-static", f"qemu-{target}"):
        if shutil.which(name):
            return [name, "-L", f"/usr/{target}-linux-gnu"]
    return None


TARGETS = [target for target in floor.TARGETS
           if shutil.which(floor.compiler(target, "g++")) and runner(target) is not None]


def run(*command, timeout=TIMEOUT_S, **options):
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False,
                            timeout=timeout, **options)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit code {result.returncode}\n"
                             f"{result.stdout[-6000:]}\n{result.stderr[-6000:]}")
    return result.stdout


class TargetsTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="tessera-targets-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def build(self, target, text):
        source = os.path.join(self.folder, "program.cc")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        program = os.path.join(self.folder, "program")
        run(floor.compiler(target, "g++"), "-std=c++20", "-O1", source, "-o", program,
            "-L" + floor.folder_of(target), "-static-libgcc", "-static-libstdc++")
        return program

    def test_a_program_runs_and_asks_for_no_later_glibc(self):
        for target in TARGETS:
            with self.subTest(target):
                program = self.build(target, PROGRAM)
                self.assertEqual(run(*runner(target), program), EXPECTED)
                version, symbols = library.glibc_floor(program)
                self.assertLessEqual(version, floor.FLOOR, symbols)

    def test_what_the_floor_lacks_does_not_link(self):
        for target in TARGETS:
            with self.subTest(target), self.assertRaisesRegex(AssertionError, "closefrom"):
                self.build(target, TOO_NEW)

    @unittest.skipUnless(IS_LONG, "with TESSERA_LONG: builds for each target, twice from nothing")
    def test_packages_from_nothing_have_the_same_bytes(self):
        options = [word for target in TARGETS for word in ("--target", target)]
        run(sys.executable, os.path.join(SOURCE, "tools", "release"), "--only", "native,wheel",
            "--out", os.path.join(self.folder, "packages"), "--twice", *options, timeout=3 * 3600)

    @unittest.skipUnless(IS_LONG, "with TESSERA_LONG: builds and runs the tests of each target")
    def test_the_tests_of_another_machine(self):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("TESSERA_")}
        for target in TARGETS:
            if target != os.uname().machine:
                with self.subTest(target):
                    run(os.path.join(SOURCE, "tests", "run"), "--target", target, timeout=4 * 3600,
                        env=environment)


if __name__ == "__main__":
    LEFT_OUT = [target for target in floor.TARGETS if target not in TARGETS]
    if LEFT_OUT:
        print(f"left out, no compiler or emulator: {', '.join(LEFT_OUT)}")
    if os.environ.get("TESSERA_SANITIZE"):
        print("skipped: packages are made of builds of their own")
        sys.exit(77)
    if not TARGETS:
        print("skipped: no compiler of a target (Debian: g++, g++-aarch64-linux-gnu, "
              "qemu-user-static)")
        sys.exit(77)
    unittest.main()
