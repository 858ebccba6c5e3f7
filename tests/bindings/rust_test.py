"""The Rust crates: their tests, parity, and that nothing is missing. (README: release_test.py.)

Method: cargo builds in the build tree against the library there. A long run makes the bindings anew
with bindgen and compares them; a short one compares names and parameters with the header.
"""

import os
import re
import subprocess

import binding_testing
from binding_testing import BINDINGS, LIBRARY_FOLDER, run

CRATES = os.path.join(BINDINGS, "rust")
TARGET = os.path.join(binding_testing.scratch("rust"), "target")
RAW = "bindings/rust/tessera-sys/src/bindings.rs"

# Functions that the crate `tessera` has no use for.
NOT_NEEDED = {}


def environment(**changes):
    return {**os.environ, "CARGO_TARGET_DIR": TARGET, "TESSERA_LIB_DIR": LIBRARY_FOLDER,
            "CARGO_TERM_COLOR": "never", **changes}


def cargo(*words, cwd=CRATES, **changes):
    return run(["cargo", *words], cwd=cwd, env=environment(**changes))


def declared_functions(header):
    """{name: [parameter, ...]} of the C header."""
    header = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    found = {}
    for match in re.finditer(r"^TSR_API\s[^;(]*?\b(tsr_\w+)\s*\(([^;]*)\);", header, re.M | re.S):
        parameters = re.sub(r"\w+\s*\(\s*\*\s*(\w+)\s*\)\s*\([^)]*\)", r"x \1", match[2])
        names = [re.search(r"(\w+)\s*$", part) for part in parameters.split(",")]
        found[match[1]] = [name[1] for name in names if name and name[1] != "void"]
    return found


class RustTest(binding_testing.BindingTest):
    def test_cargo_test_with_all_features_and_none(self):
        text = cargo("test", "--locked", "--all-features")
        counts = [int(count) for count in re.findall(r"test result: ok\. (\d+) passed", text)]
        self.assertGreater(sum(counts), 25, text[-3000:])
        cargo("check", "--locked", "--no-default-features")

    def test_parity_with_the_command_line(self):
        cargo("build", "--locked", "--example", "parity")
        program = os.path.join(TARGET, "debug", "examples", "parity")
        self.check_parity([program], env=environment(LD_LIBRARY_PATH=LIBRARY_FOLDER))

    def test_a_missing_library_is_said_clearly(self):
        env = environment(TESSERA_LIB_DIR=self.folder, CARGO_TARGET_DIR=self.at("target"))
        result = subprocess.run(["cargo", "build", "--locked", "-p", "tessera-sys"], cwd=CRATES,
                                env=env, capture_output=True, text=True, timeout=300)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(f"TESSERA_LIB_DIR: {self.folder}/libtessera.so: no such file", result.stderr)
        self.assertIn("set TESSERA_LIB_DIR to the folder that holds it", result.stderr)

    def test_every_function_is_reached(self):
        text = binding_testing.source_text("rust/tessera/src", (".rs",))
        text = text.replace("tessera_sys::", "sys::").replace("tessera_sys::$free", "")
        # Handles are freed by a macro that is given the name.
        text += "".join(f"sys::{name} " for name in re.findall(r"\b(tsr_\w+_free)\);", text))
        self.assertEqual(binding_testing.unreached(text, "sys::", NOT_NEEDED), [])

    def test_the_raw_layer_is_that_of_the_header(self):
        if binding_testing.IS_LONG:
            made = self.at("bindings.rs")
            run([os.path.join(CRATES, "regenerate"), made])
            self.assertEqual(binding_testing.read(RAW), binding_testing.read(made),
                             "run bindings/rust/regenerate")
            return
        declared = declared_functions(
            "".join(binding_testing.read(path) for path in binding_testing.header_paths()))
        self.assertGreater(len(declared), 80)
        bound = {}
        # The parameters of a callback's own type are not the function's.
        raw = re.sub(r'unsafe extern "C" fn\([^()]*\)', "Callback", binding_testing.read(RAW))
        for match in re.finditer(r"pub fn (tsr_\w+)\((.*?)\)(?: -> [^;]*)?;", raw, re.S):
            names = re.findall(r"(?:^|[\s,(])(?:r#)?(\w+): ", match[2])
            bound[match[1]] = [name.rstrip("_") for name in names]  # `type_`, a keyword without
        for name, parameters in declared.items():
            self.assertEqual(bound.get(name), parameters, f"{name}: run bindings/rust/regenerate")
        self.assertEqual(sorted(bound), sorted(declared), "run bindings/rust/regenerate")


if __name__ == "__main__":
    binding_testing.main()
