"""Tools and environments for the tests of the Python package.

Tools (SWIG, setuptools, NumPy) are installed once by pip into a virtual environment in Tessera's
cache; the wheel is built once for the same sources and library; each test run installs it into a
fresh environment.
"""

import contextlib
import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("TESSERA_SOURCE") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("TESSERA_BUILD") or os.path.join(SOURCE, "build")
LIBRARY = os.path.join(BUILD, "lib", "libtessera.so")
SANITIZER = os.environ.get("TESSERA_SANITIZE", "")
# What the wheel is built with, and what tests of the installed package need.
BUILD_TOOLS = ["setuptools==80.9.0", "swig==4.5.1", "pip", "mypy==1.18.2",
               "auditwheel==6.8.2"]
EXTRAS = ["numpy>=2", "tqdm"]
# What builds the wheel, relative to the tree.
PARTS = ("bindings/python", "bindings/swig/common.i", "bindings/swig/python.i",
         *sorted(glob.glob("capi/include/*.h", root_dir=SOURCE)))
TIMEOUT_S = 600


def run(*words, **options):
    """Runs a command that must pass; its stdout."""
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                            errors="surrogateescape", timeout=TIMEOUT_S, check=False, **options)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}\n{result.stdout}\n{result.stderr}")
    return result.stdout


@contextlib.contextmanager
def alone(path):
    """While inside, no other test that names this path is: tests run at the same time."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".lock", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def cache_folder():
    base = os.environ.get("TESSERA_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "tessera")
    return base


def install_python_parts():
    """venv and Python.h, which Debian has in packages of their own."""
    has_header = os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h"))
    has_venv = subprocess.run([sys.executable, "-c", "import venv, ensurepip"],
                              capture_output=True, check=False).returncode == 0
    if has_header and has_venv:
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise RuntimeError(f"{sys.executable} lacks venv or Python.h: install python3-venv and "
                           "python3-dev")
    run("apt-get", "update", "-qq")
    run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "python3-venv",
        "python3-dev")


def tools_python():
    """The Python of the environment with the tools."""
    text = " ".join(BUILD_TOOLS + EXTRAS) + sys.version
    folder = os.path.join(cache_folder(),
                          "python-" + hashlib.sha256(text.encode()).hexdigest()[:16])
    with alone(folder):
        return _made_tools(folder)


def _made_tools(folder):
    python = os.path.join(folder, "bin", "python")
    if os.path.exists(os.path.join(folder, "complete")):
        return python
    install_python_parts()
    shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "venv", folder)
    run(python, "-m", "pip", "install", "-q", *BUILD_TOOLS, *EXTRAS)
    # What goes into fresh environments, without the network.
    run(python, "-m", "pip", "download", "-q", "-d", os.path.join(folder, "wheels"), *EXTRAS)
    with open(os.path.join(folder, "complete"), "w", encoding="utf-8"):
        return python


def other_python(minor):
    """The path of Python 3.minor if it is installed and runs, or None."""
    for name in (f"python3.{minor}", *sorted(glob.glob(
            os.path.expanduser(f"~/.pyenv/versions/3.{minor}.*/bin/python")))):
        path = shutil.which(name)
        if path and subprocess.run([path, "-c", "import ctypes"], capture_output=True,
                                   check=False).returncode == 0:
            return path
    return None


def digest_of_parts():
    sums = hashlib.sha256()
    for part in PARTS:
        path = os.path.join(SOURCE, part)
        found = sorted(glob.glob(os.path.join(path, "**"), recursive=True)) or [path]
        for name in found:
            if os.path.isfile(name) and "__pycache__" not in name:
                with open(name, "rb") as file:
                    sums.update(name.encode() + b"\0" + file.read())
    with open(LIBRARY, "rb") as file:
        sums.update(file.read())
    return sums.hexdigest()[:16]


def build_wheel(folder):
    """Builds the wheel of this tree and library into a folder; its path."""
    python = tools_python()
    environment = dict(os.environ, TESSERA_LIBRARY=LIBRARY, PYTHONDONTWRITEBYTECODE="1",
                       PATH=os.path.dirname(python) + os.pathsep + os.environ["PATH"])
    run(python, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "--wheel-dir",
        folder, os.path.join(SOURCE, "bindings", "python"), env=environment)
    return glob.glob(os.path.join(folder, "*.whl"))[0]


def wheel():
    """The wheel of this tree and library, built unless it is there."""
    if not os.path.exists(LIBRARY):
        raise RuntimeError(f"{LIBRARY}: not built")
    with alone(os.path.join(BUILD, "python")):
        folder = os.path.join(BUILD, "python", digest_of_parts())
        found = glob.glob(os.path.join(folder, "*.whl"))
        if found:
            return found[0]
        # One that is older may be in use by another test.
        old = sorted(glob.glob(os.path.join(BUILD, "python", "*")), key=os.path.getmtime)[:-1]
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        return build_wheel(folder)


def fresh(folder, *extras):
    """The Python of a new environment with the wheel and the extras."""
    python = tools_python()
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    inside = os.path.join(folder, "bin", "python")
    wheels = os.path.join(os.path.dirname(os.path.dirname(python)), "wheels")
    run(python, "-m", "pip", "--python", inside, "install", "-q", "--no-index", "--find-links",
        wheels, wheel(), *extras)
    return inside
