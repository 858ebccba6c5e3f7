"""Programs that were compiled with a recorded header go on working; newer ones are refused clearly.

Method: libabigail compares libraries made of the declarations of two headers, compiled with debug
information: a recorded one of capi/abi and today's. That comparison is shown to find each kind of
offence. A program is compiled with the recorded header and run with the library of the build; one
is compiled with a header of tomorrow and says what it lacks.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("TESSERA_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("TESSERA_BUILD") or os.path.join(SOURCE, "build")
LIBRARIES = os.path.join(BUILD, "lib")
HEADER = os.path.join(SOURCE, "capi", "include", "tessera.h")
RECORDED = sorted(glob.glob(os.path.join(SOURCE, "capi", "abi", "tessera-*.h")))
# Structs that have grown at their end since a header was recorded, which those that say their size
# may. Nothing else of them is compared then, so look at their fields before adding a name.
GROWN = ()
SUPPRESSION = """
[suppress_type]
  type_kind = struct
  name_regexp = ^({})$
  has_data_member_inserted_at = end
"""
STANDARDS = {"cc": ("c99", "c11", "c17"), "c++": ("c++11", "c++17", "c++20")}
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wcast-qual", "-Wundef",
            "-Werror"]


def read(path):
    """The text of a file; of a header with what stands beside it and is included."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return re.sub(r'^#include "(tessera_\w+\.h)"\n',
                  lambda match: read(os.path.join(os.path.dirname(path), match[1])), text,
                  flags=re.M)


def install_abidiff():
    """A gate that is skipped where its tool is missing is none."""
    if shutil.which("abidiff"):
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise AssertionError("abidiff: expected on PATH; install abigail-tools")
    for words in (["update", "-qq"], ["install", "-y", "-qq", "abigail-tools"]):
        subprocess.run(["apt-get", *words], check=True, stdout=subprocess.DEVNULL)


def run(*words, code=0, **options):
    result = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False,
                            **options)
    if result.returncode != code:
        raise AssertionError(f"{words}: {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result.stdout + result.stderr


def definitions(header):
    """Every declared function of a header's text, defined: it does nothing."""
    plain = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    found = re.findall(r"^TSR_API[^;{]*?\btsr_\w+\s*\([^;]*?\);", plain, re.M | re.S)
    return "#include \"tessera.h\"\n" + "\n".join(
        text.replace("TSR_MUST_USE ", "")[:-1] + " { __builtin_trap(); }" for text in found)


class AbiTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="tessera-abi-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def at(self, *parts):
        path = os.path.join(self.folder, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, text, *parts):
        with open(self.at(*parts), "w", encoding="utf-8") as file:
            file.write(text)
        return self.at(*parts)

    def library(self, header, name):
        """A library with the functions and types of a header's text."""
        self.write(header, name, "tessera.h")
        source = self.write(definitions(header), name, "stub.c")
        path = self.at(name, "libtessera.so")
        run("cc", "-std=c11", "-g", "-O0", "-fPIC", "-shared", "-w", "-I", self.at(name, ""),
            source, "-o", path)
        return path

    def difference(self, old, new, grown=GROWN):
        """(is it one that breaks programs?, what abidiff says)."""
        install_abidiff()
        path = self.write(SUPPRESSION.format("|".join(grown)) if grown else "", "suppressions")
        result = subprocess.run(
            ["abidiff", "--suppressions", path, "--no-added-syms", self.library(old, "old"),
             self.library(new, "new")], capture_output=True, text=True, timeout=120, check=False)
        if result.returncode & 3:
            raise AssertionError(f"abidiff: {result.returncode}: {result.stdout}{result.stderr}")
        return result.returncode != 0, result.stdout

    def test_recorded_headers_are_kept(self):
        self.assertTrue(RECORDED)
        today = read(HEADER)
        major = [re.search(rf"TSR_VERSION_{part} (\d+)", today)[1] for part in ("MAJOR", "MINOR")]
        group = ".".join(major) if major[0] == "0" else major[0]
        for path in RECORDED:
            if not os.path.basename(path).startswith(f"tessera-{group}"):
                continue
            with self.subTest(header=path):
                is_broken, said = self.difference(read(path), today)
                self.assertFalse(is_broken, said)

    def test_offences_are_found_and_growth_is_none(self):
        header = read(HEADER)

        def changed(old, new):
            self.assertEqual(header.count(old), 1, old)
            return header.replace(old, new)

        offences = {
            "a function gone": changed("TSR_API void tsr_text_free(char* text);", ""),
            "a parameter's type": changed(
                "tsr_job* job, double timeout_s", "tsr_job* job, float s"),
            "a field in the middle": changed("  int32_t done;", "  int64_t m;\n  int32_t done;"),
            "a field's type": changed("  double grad_norm;", "  float grad_norm;"),
            "a constant": changed("TSR_CANCELLED = 1,", "TSR_CANCELLED = 21,"),
            "a callback": changed("(*tsr_metrics_sink)(void* user,", "(*tsr_metrics_sink)(int u,"),
        }
        for what, text in offences.items():
            with self.subTest(offence=what):
                self.assertTrue(self.difference(header, text)[0])
        grown = changed("  double eval_loss;", "  double eval_loss;\n  double more;\n")
        grown = grown.replace("TSR_API uint32_t tsr_version(void);",
                              "TSR_API uint32_t tsr_version(void);\nTSR_API void tsr_new(void);")
        # tsr_progress holds a tsr_step_result, whose growth moves nothing there: it stands last.
        self.assertTrue(self.difference(header, grown)[0])
        is_broken, said = self.difference(header, grown, ("tsr_step_result", "tsr_progress"))
        self.assertFalse(is_broken, said)

    def build(self, source, include, library, name):
        program = self.at(name)
        run("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", source, "-I", include,
            "-L", library, "-ltessera", f"-Wl,-rpath,{LIBRARIES}", "-o", program)
        return program

    def test_a_program_of_then_runs_today(self):
        corpus = self.write("the quick brown fox jumps over the lazy dog. " * 300, "corpus.txt")
        for path in RECORDED:
            with self.subTest(header=path):
                shutil.copy(path, self.at("then", "tessera.h"))
                program = self.build(os.path.join(SOURCE, "capi", "abi", "consumer.c"),
                                     self.at("then"), LIBRARIES, "consumer")
                self.assertRegex(run(program, corpus), r"^step 4 of 4, loss \d\.\d+ after \d\.\d+, "
                                                       r"\d records, 1 layouts kept\n")

    def test_a_program_of_tomorrow_says_what_it_lacks(self):
        header = read(HEADER)
        newer = header.replace("TSR_API uint32_t tsr_version(void);",
                               "TSR_API uint32_t tsr_version(void);\nTSR_API int tsr_newer(void);")
        self.write(newer, "tomorrow", "tessera.h")
        stub = self.write(definitions(newer), "tomorrow", "stub.c")
        script = self.write("TESSERA_9.9 { global: tsr_*; local: *; };\n", "tomorrow", "map")
        run("cc", "-w", "-fPIC", "-shared", "-I", self.at("tomorrow"), stub,
            "-Wl,-soname,libtessera.so.0", f"-Wl,--version-script={script}", "-o",
            self.at("tomorrow", "libtessera.so"))
        source = self.write('#include "tessera.h"\nint main(void) { return tsr_newer(); }\n',
                            "tomorrow", "main.c")
        program = self.build(source, self.at("tomorrow"), self.at("tomorrow"), "newer")
        said = run(program, code=1)
        self.assertRegex(said, r"libtessera\.so\.0: version `TESSERA_9\.9' not found")
        # Through dlopen, or with a struct that has grown: the library itself says it.
        end = "  void (*destroy)(void* user);   /* may be NULL */\n} tsr_module_def;"
        grown = header.replace(
            end, "  void (*destroy)(void* user);\n  void* more;\n} tsr_module_def;")
        self.assertNotEqual(grown, header)
        self.write(grown, "grown", "tessera.h")
        source = self.write(
            '#include <stdio.h>\n#include "tessera.h"\nint main(void) {\n  tsr_runtime* runtime;\n'
            "  tsr_module_def def = {0};\n  tsr_status* status = tsr_runtime_new(0, 0, &runtime);\n"
            "  if (status) return 2;\n  def.struct_size = sizeof(def);\n  def.more = &def;\n"
            "  status = tsr_runtime_register_module(runtime, &def);\n"
            "  puts(tsr_status_message(status));\n  return 0;\n}\n", "grown", "main.c")
        program = self.build(source, self.at("grown"), LIBRARIES, "grower")
        self.assertIn("def: expected zero in the fields that a newer version added", run(program))

    def test_the_header_compiles_as_every_standard(self):
        source = self.write("#include <tessera.h>\nint main(void) "
                            "{ return tsr_version() == 0; }\n", "only.c")
        for compiler, standards in STANDARDS.items():
            for standard in standards:
                with self.subTest(standard=standard):
                    run(compiler, "-x", "c++" if compiler == "c++" else "c", f"-std={standard}",
                        *WARNINGS, "-fsyntax-only", "-I", os.path.dirname(HEADER), source)


if __name__ == "__main__":
    if os.environ.get("TESSERA_SANITIZE"):
        print("skipped: an instrumented library needs programs that are")
        sys.exit(77)
    unittest.main()
