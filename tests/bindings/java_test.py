"""The Java binding: its JUnit tests under -Xcheck:jni, the README with the jars alone, parity, and
that nothing is missing.

Method: Maven builds in the build tree against the library there, once; the tests look at what came
out.
"""

import glob
import os
import re
import subprocess

import binding_testing
import plugin_testing
import python_env
from binding_testing import BINDINGS, LIBRARY_FOLDER, run

TARGET = os.path.join(binding_testing.scratch("java"), "target")

# Functions that io.tessera has no use for.
NOT_NEEDED = {
    "tsr_text_free": "native/arrays.h frees what it copies",
    "tsr_status_code": "native/errors.h reads the status",
    "tsr_status_file": "native/errors.h reads the status",
    "tsr_status_free": "native/errors.h frees the status",
    "tsr_status_line": "native/errors.h reads the status",
    "tsr_status_message": "native/errors.h reads the status",
    "tsr_status_path": "native/errors.h reads the status",
    "tsr_status_payload": "native/errors.h reads the status",
    "tsr_status_rank": "native/errors.h reads the status",
    "tsr_status_retryable": "native/errors.h reads the status",
}


# Trains with the gates of plug-ins: arguments are a corpus, then pairs of gate and path.
PLUGIN_HOST = """
import io.tessera.*;
import io.tessera.Runtime;
import java.nio.file.Path;
import java.util.Map;

public class Plugins {
  public static void main(String[] words) throws Exception {
    try (Runtime runtime = Runtime.builder().threads(1).plugins(true).build()) {
      for (int i = 1; i < words.length; i += 2) {
        if (!runtime.loadPlugin(Path.of(words[i + 1])).contains(words[i])) {
          throw new AssertionError(words[i]);
        }
        Map<String, ?> mixture = Map.of("type", "MixtureOfExperts", "num_experts", 4, "top_k", 2,
            "gate", Map.of("type", words[i]),
            "expert", Map.of("type", "FeedForward", "hidden_dim", 16));
        try (Config config = Config.of(runtime, Map.of(
                "model", Map.of("type", "LanguageModel", "vocab_size", 256, "model_dim", 16,
                    "decoder", Map.of("num_layers", 1, "layer", Map.of(
                        "attention", Map.of("num_heads", 2), "feed_forward", mixture))),
                "data", Map.of("train", words[0]),
                "trainer", Map.of("steps", 3, "batch_size", 2, "sequence_length", 16)));
            Trainer trainer = Trainer.create(config)) {
          Step last = null;
          for (Step step : trainer.steps()) {
            last = step;
          }
          System.out.printf("%s: %.3f%n", words[i], last.loss());
        }
      }
    }
  }
}
"""


def environment():
    """With the library, and the SWIG that the tests of Python have installed."""
    swig = os.path.join(os.path.dirname(python_env.tools_python()), "swig")
    return {**os.environ, "TESSERA_LIB_DIR": LIBRARY_FOLDER, "SWIG": swig}


class JavaTest(binding_testing.BindingTest):
    @classmethod
    def setUpClass(cls):
        run(["mvn", "-q", "-B", f"-Dtessera.target={TARGET}", "package"],
            cwd=os.path.join(BINDINGS, "java"), env=environment())
        [cls.natives] = glob.glob(os.path.join(TARGET, "tessera-*-linux-*.jar"))
        [cls.classes] = set(glob.glob(os.path.join(TARGET, "tessera-*.jar"))) - {cls.natives}

    def java(self, class_path, *words, cwd=None):
        return run(["java", "-Xmx512m", f"-Dio.tessera.cache={self.at('cache')}", "-cp",
                    os.pathsep.join(class_path), *words], cwd=cwd)

    def test_junit_ran_and_jni_was_used_rightly(self):
        reports = glob.glob(os.path.join(TARGET, "surefire-reports", "*"))
        text = "".join(binding_testing.read(path) for path in reports if path.endswith(".txt"))
        counts = [int(count) for count in re.findall(r"Tests run: (\d+), Failures: 0", text)]
        self.assertGreaterEqual(sum(counts), 17, text)
        for path in reports:  # what -Xcheck:jni says of a call ends in one of these
            self.assertNotIn("WARNING in native method", binding_testing.read(path))

    def test_parity_with_the_command_line(self):
        self.check_parity(["java", "-cp", os.pathsep.join(
            [self.classes, self.natives, os.path.join(TARGET, "test-classes")]),
            f"-Dio.tessera.cache={self.at('cache')}", "io.tessera.Parity"])

    def test_the_readme_with_the_jars_alone(self):
        readme = binding_testing.read("bindings", "java", "README.md")
        blocks = binding_testing.code_blocks(readme, "java")
        for name, block in zip(("Main", "Layer"), blocks, strict=True):
            self.write(f"{name}.java", block)
            run(["javac", "--release", "17", "-Xlint:all,-try", "-Werror", "-cp", self.classes,
                 "-d", self.folder, self.at(f"{name}.java")])
        text = self.java([self.classes, self.natives, self.folder], "Main", cwd=self.folder)
        losses = [float(loss) for loss in re.findall(r"step \d+: loss ([\d.]+)", text)]
        self.assertEqual(len(losses), 4)
        self.assertLess(losses[-1], losses[0])
        self.assertRegex(text, r"(?m)^the .+")
        self.java([self.classes, self.natives, self.folder], "Layer")
        # The second run found what the first had written.
        [cached] = os.listdir(self.at("cache", "tessera"))
        self.assertRegex(cached, r"^\d+\.\d+\.\d+-[0-9a-f]{16}$")
        self.assertEqual(sorted(os.listdir(self.at("cache", "tessera", cached))),
                         ["libtessera.so.0", "libtesserajni.so"])

    def test_plugins_in_c_and_rust(self):
        self.write("Plugins.java", PLUGIN_HOST)
        run(["javac", "-cp", self.classes, "-d", self.folder, self.at("Plugins.java")])
        text = self.java([self.classes, self.natives, self.folder], "Plugins", self.corpus,
                         "SharpGate", plugin_testing.sharp_gate(self.folder),
                         "BluntGate", plugin_testing.blunt_gate())
        self.assertRegex(text, r"SharpGate: \d\.\d+\nBluntGate: \d\.\d+\n")

    def test_a_missing_library_is_said_clearly(self):
        self.write("Version.java", "public class Version { public static void main(String[] a) {"
                   " System.out.println(io.tessera.Runtime.version()); } }")
        run(["javac", "-cp", self.classes, "-d", self.folder, self.at("Version.java")])
        path = os.pathsep.join([self.classes, self.folder])
        for option, expected in (
                ("-Dnone=1", "class path: no /io/tessera/natives/linux-"),
                (f"-Dio.tessera.library.path={self.folder}", f"{self.folder}: ")):
            result = subprocess.run(["java", option, "-cp", path, "Version"], capture_output=True,
                                    text=True, timeout=60)
            self.assertEqual(result.returncode, 1)
            self.assertIn("the native library of Tessera was not found", result.stderr)
            self.assertIn(expected, result.stderr)
            self.assertIn("-Dio.tessera.library.path", result.stderr)

    def test_every_function_is_reached(self):
        text = binding_testing.source_text("java/src/main", (".java",)).replace("Raw::", "Raw.")
        self.assertEqual(binding_testing.unreached(text, "Raw.", NOT_NEEDED), [])


if __name__ == "__main__":
    binding_testing.main()
