"""The Python package: built as a wheel, installed into a fresh environment, tried there.

Method: the wheel is built from bindings/python with this build's library, and installed beside
NumPy into an empty virtual environment; everything else runs with that environment's Python in a
folder of its own, without the source tree: the code of the README, the sample, and each suite of
python/. The PyTorch suite needs a Python that has PyTorch ($TESSERA_TORCH_PYTHON, or this one), as
PyTorch is too large to be fetched by a test; without one it is skipped, with that reason.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

import binding_testing
import plugin_testing
import python_env as env

SUITES = os.path.join(env.HERE, "python")
LARGEST_WHEEL_BYTES = 15_000_000
SUITE_TIMEOUT_S = 300


class ParityTest(binding_testing.BindingTest):
    def test_the_program_and_the_package_do_the_same(self):
        python = env.fresh(self.at("fresh"))   # without NumPy
        self.check_parity([python, os.path.join(SUITES, "parity.py")])


class PythonTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="tessera-python-test-")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = holder.name
        cls.wheel = env.wheel()
        cls.python = env.fresh(os.path.join(cls.folder, "fresh"), "numpy", "tqdm")

    def run_python(self, *words, python=None, cwd=None, **changes):
        variables = {name: value for name, value in os.environ.items()
                     if not name.startswith(("TESSERA_", "PYTHON"))}
        variables.update(changes, PYTHONDONTWRITEBYTECODE="1", PYTHONFAULTHANDLER="1")
        result = subprocess.run([python or self.python, *words], capture_output=True, text=True,
                                errors="replace", cwd=cwd or self.folder, env=variables,
                                timeout=SUITE_TIMEOUT_S, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout + result.stderr

    def suite(self, name, python=None, **changes):
        output = self.run_python(os.path.join(SUITES, name + "_suite.py"), python=python,
                                 TESSERA_SOURCE=env.SOURCE, TESSERA_BUILD=env.BUILD, **changes)
        self.assertRegex(output, r"Ran [1-9]\d* tests? in")
        return output

    def package_folder(self):
        return self.run_python("-c", "import sysconfig; "
                               "print(sysconfig.get_path('purelib'))").strip()

    def package_alone(self):
        """A folder with the installed package and nothing else, for other Pythons."""
        folder = os.path.join(self.folder, "alone")
        os.makedirs(folder, exist_ok=True)
        if not os.path.exists(os.path.join(folder, "tessera")):
            os.symlink(os.path.join(self.package_folder(), "tessera"),
                       os.path.join(folder, "tessera"))
        return folder

    def test_the_wheel(self):
        name = os.path.basename(self.wheel)
        self.assertRegex(name, r"^tessera-\d+\.\d+\.\d+-cp311-abi3-linux_\w+\.whl$")
        with zipfile.ZipFile(self.wheel) as archive:
            names = archive.namelist()
        for part in ("__init__.py", "_raw.abi3.so", "_raw.pyi", "configs.py", "ops.py", "py.typed",
                     "libtessera.so.0"):
            self.assertIn(f"tessera/{part}", names)
        self.assertEqual([name for name in names if name.endswith((".c", ".h", ".i"))], [])
        self.assertLess(os.path.getsize(self.wheel), LARGEST_WHEEL_BYTES)
        # Nothing is left in the tree.
        left = {"build", "dist", "tessera.egg-info"} & set(
            os.listdir(os.path.join(env.SOURCE, "bindings", "python")))
        self.assertEqual(left, set())

    def test_building_again_gives_the_same_bytes(self):
        if not binding_testing.IS_LONG:
            self.skipTest("compiling again takes a while; TESSERA_LONG=1 does")
        again = env.build_wheel(os.path.join(self.folder, "again"))
        with open(self.wheel, "rb") as first, open(again, "rb") as second:
            self.assertEqual(first.read(), second.read())

    def test_the_library_is_the_one_inside(self):
        output = self.run_python("-c", "import tessera, tessera._raw; print(*(line.split()[-1] for "
                                 "line in open('/proc/self/maps') if 'tessera' in line))")
        loaded = {path for path in output.split() if path.endswith((".so", ".so.0"))}
        self.assertEqual({os.path.basename(path) for path in loaded},
                         {"_raw.abi3.so", "libtessera.so.0"})
        for path in loaded:
            self.assertTrue(path.startswith(os.path.realpath(self.folder)), path)

    def test_type_checkers_see_the_types(self):
        cache = os.path.join(self.folder, "mypy")
        check = [env.tools_python(), "-m", "mypy", "--cache-dir", cache, "--python-executable",
                 self.python]
        # The PyTorch part is checked where there is PyTorch, which has the types of its own.
        result = subprocess.run([*check, "-p", "tessera"], capture_output=True, text=True,
                                cwd=self.package_folder(), check=False)
        errors = [line for line in result.stdout.splitlines()
                  if ": error:" in line and not line.startswith("tessera/torch.py")]
        self.assertEqual(errors, [])
        user = os.path.join(self.folder, "user.py")
        with open(user, "w", encoding="utf-8") as file:
            file.write("from tessera import Config, Trainer, configs\n"
                       "configs.Attention(num_heads='four')\n"
                       "loss: float = next(Trainer(Config({})).run()).loss\n"
                       "step: str = next(Trainer(Config({})).run()).step\n")
        result = subprocess.run([*check, user], capture_output=True, text=True, check=False)
        self.assertRegex(result.stdout, r"user.py:2: error: .*num_heads")
        self.assertRegex(result.stdout, r"user.py:4: error: .*Incompatible")
        self.assertNotIn("user.py:3", result.stdout)

    def test_a_missing_library_is_said(self):
        result = subprocess.run(
            [env.tools_python(), "setup.py", "build"], capture_output=True, text=True, check=False,
            cwd=os.path.join(env.SOURCE, "bindings", "python"),
            env=dict(os.environ, TESSERA_LIBRARY="nowhere/libtessera.so",
                     PYTHONDONTWRITEBYTECODE="1"))
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("nowhere/libtessera.so: not found; set TESSERA_LIBRARY", result.stderr)

    def test_the_readme_in_an_empty_folder(self):
        path = os.path.join(env.SOURCE, "bindings", "python", "README.md")
        with open(path, encoding="utf-8") as file:
            blocks = re.findall(r"```python\n(.*?)```", file.read(), re.S)
        self.assertGreater(len(blocks), 3)
        folder = os.path.join(self.folder, "readme")
        os.mkdir(folder)
        with open(os.path.join(folder, "readme.py"), "w", encoding="utf-8") as file:
            file.write("\n".join(blocks))
        self.run_python("readme.py", cwd=folder)

    def test_the_sample(self):
        folder = os.path.join(self.folder, "sample")
        shutil.copytree(os.path.join(env.SOURCE, "samples", "python_script"), folder)
        output = self.run_python("train.py", "--steps", "30", cwd=folder)
        self.assertRegex(output, r"step 30: loss \d")

    def test_later_pythons_use_the_same_wheel(self):
        later = [path for path in (env.other_python(minor) for minor in range(12, 20)) if path]
        if not later:
            self.skipTest("there is no Python later than 3.11 here")
        for python in later:
            with self.subTest(python=python):
                for name in ("config", "complete"):
                    self.suite(name, python=python, PYTHONPATH=self.package_alone())
        self.suite("lifetime", python=later[-1], PYTHONPATH=self.package_alone())

    def test_configs(self):
        self.suite("config")

    def test_data(self):
        self.suite("data")

    def test_tensors(self):
        self.suite("tensor")

    def test_trainers_and_jobs(self):
        self.suite("trainer")

    def test_custom_parts(self):
        self.suite("custom")

    def test_data_sources_optimizers_and_schedules(self):
        self.suite("parts")

    def test_checkpoint_stores(self):
        self.suite("store")

    def test_plugins(self):
        plugins = {"right": {"SharpGate": plugin_testing.sharp_gate(self.folder),
                             "BluntGate": plugin_testing.blunt_gate()},
                   "wrong": plugin_testing.wrong_plugins(self.folder)}
        self.suite("plugin", PLUGINS=json.dumps(plugins))

    def test_lifetimes(self):
        self.suite("lifetime")

    def test_everything_is_reachable(self):
        self.suite("complete")

    def test_pytorch(self):
        python = os.environ.get("TESSERA_TORCH_PYTHON") or sys.executable
        found = subprocess.run([python, "-c", "import torch, numpy"], capture_output=True,
                               check=False)
        if found.returncode != 0:
            self.skipTest(f"{python} has no PyTorch; set TESSERA_TORCH_PYTHON")
        self.suite("torch", python=python, PYTHONPATH=self.package_alone())


def main():
    if env.SANITIZER:
        print(f"skipped: Python is not built with the {env.SANITIZER} sanitizer, and a library "
              "that is cannot be loaded into it")
        sys.exit(77)
    unittest.main()


if __name__ == "__main__":
    main()
