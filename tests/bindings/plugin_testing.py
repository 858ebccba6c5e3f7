"""The sample plug-ins, and some that are wrong, built for the tests of the languages that load
them."""

import os

import binding_testing
from binding_testing import LIBRARY_FOLDER, SOURCE, run

SAMPLES = os.path.join(SOURCE, "samples")
WRONG = """#include "tessera.h"
TSR_API const tsr_plugin* tessera_plugin(void);
static tsr_status* Start(tsr_runtime* runtime) {
  return runtime == 0 ? 0 : tsr_status_new(TSR_UNAVAILABLE, "not today", 9);
}
const tsr_plugin* tessera_plugin(void) {
  static tsr_plugin plugin;
  plugin.struct_size = sizeof(plugin);
  plugin.version = tsr_version();
  plugin.manifest = "{\\"name\\": \\"wrong\\", \\"version\\": \\"1\\"}";
  plugin.start = &Start;
  WHAT
  return &plugin;
}
"""
# What is wrong, and what is said of it.
OFFENCES = {
    "return 0;": "expected a description from tessera_plugin, got NULL",
    "plugin.struct_size = 4;": "struct_size: expected at least",
    "plugin.version = 0x000901;": "got one for 0.9.1",
    "plugin.version = tsr_version() + 1;": "got one for 0.1.1",
    "plugin.manifest = 0;": "manifest: expected a pointer, got NULL",
    'plugin.manifest = "{";': "manifest",
    'plugin.manifest = "{}";': "expected a name and a version",
    "plugin.start = 0;": "start: expected a pointer, got NULL",
    ";": "not today",
}


def compile_c(path, *sources):
    """A shared library of C sources that uses the library of the build."""
    run(["cc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
         "-fvisibility=hidden", "-I", os.path.join(SOURCE, "capi", "include"), *sources, "-L",
         LIBRARY_FOLDER, "-ltessera", "-o", path])
    return path


def sharp_gate(folder):
    """The sample in C."""
    return compile_c(os.path.join(folder, "libsharp_gate.so"),
                     os.path.join(SAMPLES, "plugin", "sharp_gate_plugin.c"),
                     os.path.join(SAMPLES, "moe", "sharp_gate.c"))


def blunt_gate():
    """The sample in Rust."""
    target = os.path.join(binding_testing.scratch("rust"), "plugin")
    run(["cargo", "build", "--quiet"], cwd=os.path.join(SAMPLES, "plugin", "rust"),
        env={**os.environ, "CARGO_TARGET_DIR": target, "TESSERA_LIB_DIR": LIBRARY_FOLDER})
    return os.path.join(target, "debug", "libblunt_gate.so")


def wrong_plugins(folder):
    """{path: what is said of it}."""
    made = {}
    for number, (what, said) in enumerate(OFFENCES.items()):
        source = os.path.join(folder, f"wrong{number}.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(WRONG.replace("WHAT", what))
        made[compile_c(source[:-2] + ".so", source)] = said
    source = os.path.join(folder, "none.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write("int other(void);\nint other(void) { return 1; }\n")
    made[compile_c(source[:-2] + ".so", source)] = "expected a plug-in, which exports"
    return made
