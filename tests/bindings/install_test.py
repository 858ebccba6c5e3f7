"""What `cmake --install` lays down, used from elsewhere: CMake, pkg-config, and dlopen alone.

Method: installed into a temporary folder, which is then moved; programs are built there without the
source tree: one through find_package, one through pkg-config, and samples/c_embed, which opens the
library by itself. Where there is no pkg-config that part is skipped, and says so.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("TESSERA_SOURCE") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("TESSERA_BUILD") or os.path.join(SOURCE, "build")
SANITIZER = os.environ.get("TESSERA_SANITIZE", "")
TIMEOUT_S = 300
PROGRAM = """
#include <cstdio>
#include <tessera.hpp>
int main() {
  tessera::Runtime runtime(R"({"threads": 1})");
  std::printf("%u %s\\n", tessera::Version(), runtime.Describe().substr(0, 11).c_str());
}
"""
PROJECT = """
cmake_minimum_required(VERSION 3.16)
project(consumer CXX)
find_package(Tessera {version} REQUIRED)
add_executable(consumer consumer.cc)
target_compile_features(consumer PRIVATE cxx_std_17)
target_link_libraries(consumer PRIVATE Tessera::tessera)
"""


def run(*words, code=0, **options):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                            timeout=TIMEOUT_S, check=False, **options)
    if result.returncode != code:
        raise AssertionError(f"{words}: {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result.stdout if code == 0 else result.stdout + result.stderr


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="tessera-install-")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = holder.name
        first = os.path.join(cls.folder, "first")
        run("cmake", "--install", BUILD, "--prefix", first)
        cls.prefix = os.path.join(cls.folder, "moved", "tessera")
        os.makedirs(os.path.dirname(cls.prefix))
        os.rename(first, cls.prefix)
        cls.lib = next(os.path.join(cls.prefix, name) for name in ("lib", "lib64")
                       if os.path.isdir(os.path.join(cls.prefix, name)))
        for root, folders, names in os.walk(cls.lib):
            if "libtessera.so" in names:
                cls.libraries = root

    def at(self, *parts):
        path = os.path.join(self.folder, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, text, *parts):
        with open(self.at(*parts), "w", encoding="utf-8") as file:
            file.write(text)

    def run_program(self, *words, code=0):
        return run(*words, code=code, env=dict(os.environ, LD_LIBRARY_PATH=self.libraries))

    def test_find_package(self):
        self.write(PROGRAM, "cmake", "consumer.cc")
        self.write(PROJECT.format(version="0.1"), "cmake", "CMakeLists.txt")
        folder = self.at("cmake", "build")
        run("cmake", "-S", self.at("cmake"), "-B", folder, f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run("cmake", "--build", folder)
        self.assertRegex(run(os.path.join(folder, "consumer")), r'^\d+ {"version"')

    def test_another_version_is_refused(self):
        self.write(PROJECT.format(version="0.9"), "other", "CMakeLists.txt")
        output = run("cmake", "-S", self.at("other"), "-B", self.at("other", "build"),
                     f"-DCMAKE_PREFIX_PATH={self.prefix}", code=1)
        self.assertIn("version", output)
        self.assertIn("0.9", output)

    def test_pkg_config(self):
        if shutil.which("pkg-config") is None:
            self.skipTest("there is no pkg-config")
        folder = os.path.join(self.libraries, "pkgconfig")
        flags = run("pkg-config", "--cflags", "--libs", "tessera",
                    env=dict(os.environ, PKG_CONFIG_PATH=folder)).split()
        self.write(PROGRAM, "pkg", "consumer.cc")
        run("c++", "-std=c++17", self.at("pkg", "consumer.cc"), *flags, "-o", self.at("pkg", "run"))
        self.assertRegex(self.run_program(self.at("pkg", "run")), r'^\d+ {"version"')

    def test_dlopen_alone(self):
        program = self.at("embed", "embed")
        run("cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror",
            os.path.join(SOURCE, "samples", "c_embed", "embed.c"),
            "-I", os.path.join(self.prefix, "include"), "-ldl", "-o", program)
        library = os.path.join(self.libraries, "libtessera.so")
        self.assertIn("silu(2) = 1.7616", run(program, library))
        self.assertIn("no Tessera here", run(program, self.at("nowhere.so"), code=1))
        self.assertIn("lacks tsr_version", run(program, "libm.so.6", code=1))
        needed = run("readelf", "-d", program)
        self.assertNotIn("tessera", needed.lower().replace(self.folder.lower(), ""))

    def test_the_wrapper_reaches_every_function(self):
        used = set()
        for name in glob.glob("*.hpp", root_dir=os.path.join(self.prefix, "include")):
            with open(os.path.join(self.prefix, "include", name), encoding="utf-8") as file:
                used |= set(re.findall(r"\btsr_\w+(?=\s*\(|[;>,)])", file.read()))
        with open(os.path.join(SOURCE, "capi", "symbols.txt"), encoding="utf-8") as file:
            functions = {line.split("#")[0].strip() for line in file} - {""}
        self.assertEqual(functions - used, set())

    def test_headers_of_both_kinds(self):
        include = os.path.join(self.prefix, "include")
        self.assertEqual(sorted(os.listdir(include)),
                         sorted(os.listdir(os.path.join(SOURCE, "capi", "include"))))
        self.write("#include <tessera.h>\nint main(void) { return tsr_version() == 0; }\n",
                   "c", "only.c")
        for standard in ("c99", "c11"):
            run("cc", f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                "-fsyntax-only", "-I", include, self.at("c", "only.c"))
        self.write(PROGRAM, "c", "only.cc")
        for standard in ("c++17", "c++20"):
            run("c++", f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror",
                "-fsyntax-only", "-I", include, self.at("c", "only.cc"))


if __name__ == "__main__":
    if SANITIZER:
        print("skipped: a library with a sanitizer needs programs with one")
        sys.exit(77)
    unittest.main()
