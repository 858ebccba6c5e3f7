"""Builds the wheel: the raw layer by SWIG, the catalogue's wrappers, and libtessera.so within.

    pip install bindings/python

The library is taken from $TESSERA_LIBRARY (the file), or from build/lib of the tree. Nothing is
written into the tree. The extension uses the stable ABI: one wheel for CPython 3.11 and later.
tools/release says by $TESSERA_PLATFORM_TAG which systems it is for (manylinux_2_28_x86_64), by
$TESSERA_LICENCES the folder with the licences of what is linked into the library, and where that
library is for another machine, by $TESSERA_CATALOGUE one of the same sources that runs on this one.
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
HEADER = os.path.join(TREE, "capi", "include", "tessera.h")
SONAME = "libtessera.so.0"
STABLE_ABI = "0x030b0000"   # CPython 3.11


def library():
    """The path of libtessera.so."""
    given = os.environ.get("TESSERA_LIBRARY")
    path = given or os.path.join(TREE, "build", "lib", "libtessera.so")
    if not os.path.exists(path):
        sys.exit(f"{path}: not found; set TESSERA_LIBRARY to libtessera.so, or build it: "
                 "tools/deps && cmake -S . -B build -G Ninja && ninja -C build tessera")
    return os.path.realpath(path)


def platform_tag():
    """The option that names the systems, where the packager does."""
    tag = os.environ.get("TESSERA_PLATFORM_TAG")
    return {"plat_name": tag} if tag else {}


def swig():
    """The SWIG that pyproject.toml asks for."""
    beside = os.path.join(os.path.dirname(sys.executable), "swig")
    return shutil.which("swig") or beside


class BuildRaw(build_ext):
    """Runs SWIG before the compiler."""

    def build_extension(self, ext):
        folder = self.build_temp
        os.makedirs(folder, exist_ok=True)
        wrapper = os.path.join(folder, "raw_wrap.c")
        subprocess.run([swig(), "-python", "-noproxy", "-Wall", "-Werror", "-DSWIGWORDSIZE64",
                        "-I" + TREE, "-I" + os.path.join(TREE, "bindings", "swig"), "-o", wrapper,
                        os.path.join(TREE, "bindings", "swig", "python.i")], check=True)
        ext.sources = [wrapper]
        ext.extra_objects = [library()]
        super().build_extension(ext)


class BuildPython(build_py):
    """Adds the wrappers of the catalogue, and the library."""

    def run(self):
        super().run()
        folder = os.path.join(self.build_lib, "tessera")
        shutil.copyfile(library(), os.path.join(folder, SONAME))
        licences = os.environ.get("TESSERA_LICENCES")
        if licences:
            shutil.copytree(licences, os.path.join(folder, "licences"))
        asked = os.environ.get("TESSERA_CATALOGUE") or library()
        subprocess.run([sys.executable, os.path.join(HERE, "tools", "generate.py"), asked, HEADER,
                        folder], check=True)


# The same sources and library give the same bytes: 2020-01-01, unless the packager says otherwise.
os.environ.setdefault("SOURCE_DATE_EPOCH", "1577836800")
scratch = tempfile.mkdtemp(prefix="tessera-wheel-")
if not glob.glob(os.path.join(HERE, "tessera", "*.py")):
    sys.exit(f"{HERE}: run it in the source tree")
setup(
    packages=["tessera"],
    package_data={"tessera": ["py.typed"]},
    ext_modules=[Extension(
        "tessera._raw", sources=[], py_limited_api=True,
        define_macros=[("Py_LIMITED_API", STABLE_ABI)], include_dirs=[TREE, HERE],
        # Assertions name the file they are in, and its folder is another one each time.
        extra_compile_args=["-std=c11", "-O2", "-g0", "-fvisibility=hidden",
                            f"-ffile-prefix-map={scratch}="],
        extra_link_args=["-Wl,-rpath,$ORIGIN"])],
    cmdclass={"build_ext": BuildRaw, "build_py": BuildPython},
    options={"build": {"build_base": scratch}, "egg_info": {"egg_base": scratch},
             "bdist_wheel": {"py_limited_api": "cp311", **platform_tag(),
                             "bdist_dir": os.path.join(scratch, "wheel")}},
)
shutil.rmtree(scratch, ignore_errors=True)
