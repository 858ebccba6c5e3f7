"""One function for each package that tools/release makes, from a Release."""

import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

import archives
import library
import parts

ROOT = library.ROOT
sys.path.insert(0, os.path.join(ROOT, "tests", "bindings"))


def run(command, **options):
    """Runs a command that must pass; its stdout."""
    result = subprocess.run(command, capture_output=True, text=True, errors="replace",
                            check=False, **options)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {result.returncode}\n"
                           f"{result.stdout[-4000:]}{result.stderr[-4000:]}")
    return result.stdout


def read(*path):
    with open(os.path.join(ROOT, *path), "rb") as file:
        return file.read()


def native(release):
    """What `cmake --install` lays down, stripped, with licences and the bill of materials; this is
    where the other packages take the library from."""
    run(["cmake", "--install", release.build, "--prefix", release.stage, "--strip"])
    release.library = next(
        path for path in glob.glob(os.path.join(release.stage, "lib*", "**", library.SONAME),
                                   recursive=True))
    wrong = library.offences(release.library)
    if wrong:
        raise RuntimeError("\n".join([f"{release.library}:", *wrong]))
    print(library.figures(release.library))
    documents = os.path.join(release.stage, "share", "doc", "tessera")
    os.makedirs(release.licences, exist_ok=True)
    for name, text in parts.licence_texts().items():
        with open(os.path.join(release.licences, name), "w", encoding="utf-8") as file:
            file.write(text)
    shutil.copytree(release.licences, os.path.join(documents, "licences"))
    shutil.copy(os.path.join(ROOT, "capi", "CHANGELOG.md"), documents)
    name = f"tessera-{release.version}-{release.platform}"
    bill = os.path.join(release.out, f"{name}.spdx.json")
    with open(bill, "w", encoding="utf-8") as file:
        file.write(parts.spdx(release.version, release.library, release.date))
    shutil.copy(bill, os.path.join(documents, "tessera.spdx.json"))
    path = os.path.join(release.out, f"{name}.tar.gz")
    archives.write_tar(path, release.stage, name, release.epoch)


def wheel(release):
    """A wheel for CPython 3.11 and later whose tag is that of the library's glibc; auditwheel must
    say the same tag, or an older one."""
    import python_env  # the environment that the tests build wheels in
    floor, _ = library.glibc_floor(release.library)
    tag = f"manylinux_{floor[0]}_{floor[1]}_{release.machine}"
    python = python_env.tools_python()
    tools = os.path.dirname(python)
    environment = dict(os.environ, TESSERA_LIBRARY=release.library, TESSERA_PLATFORM_TAG=tag,
                       TESSERA_LICENCES=release.licences, SOURCE_DATE_EPOCH=str(release.epoch),
                       PYTHONDONTWRITEBYTECODE="1", PATH=tools + os.pathsep + os.environ["PATH"])
    run([python, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "--wheel-dir",
         release.out, os.path.join(ROOT, "bindings", "python")], env=environment)
    [path] = glob.glob(os.path.join(release.out, "*.whl"))
    said = " ".join(run([os.path.join(tools, "auditwheel"), "show", path]).split())
    found = re.search(r'consistent with the following platform tag: "manylinux_(\d+)_(\d+)', said)
    if not found or (int(found[1]), int(found[2])) > floor:
        raise RuntimeError(f"{path}: expected auditwheel to agree with {tag}, got:\n{said}")
    print(f"auditwheel: manylinux_{found[1]}_{found[2]}")


def jars(release):
    """A Maven repository with the classes, the natives as a classifier, and the sources."""
    java = os.path.join(ROOT, "bindings", "java")
    target = release.scratch("java")
    import python_env
    swig = os.path.join(os.path.dirname(python_env.tools_python()), "swig")
    environment = dict(os.environ, TESSERA_LIB_DIR=os.path.dirname(release.library), SWIG=swig,
                       TESSERA_LICENCES=release.licences)
    run(["mvn", "-q", "-B", f"-Dtessera.target={target}", "-Dmaven.test.skip=true",
         f"-Dproject.build.outputTimestamp={release.date:%Y-%m-%dT%H:%M:%SZ}", "package"],
        cwd=java, env=environment)
    name = f"tessera-{release.version}"
    folder = os.path.join(release.out, "maven", "io", "tessera", "tessera", release.version)
    os.makedirs(folder)
    for jar in (f"{name}.jar", f"{name}-{release.platform}.jar"):
        shutil.copy(os.path.join(target, jar), folder)
    shutil.copy(os.path.join(java, "pom.xml"), os.path.join(folder, f"{name}.pom"))
    contents = {}
    for below in (os.path.join(java, "src", "main", "java"), os.path.join(target, "sources")):
        for path in archives.files_below(below):
            contents[path] = read(below, path)
    archives.write_zip(os.path.join(folder, f"{name}-sources.jar"), contents, release.date)
    # Maven compares what it downloads with its sum.
    for path in sorted(glob.glob(os.path.join(folder, "*"))):
        with open(path + ".sha1", "w", encoding="utf-8") as file:
            file.write(hashlib.sha1(read(path)).hexdigest())


def crates(release):
    """The two crates as crates.io would get them."""
    target = release.scratch("rust")
    run(["cargo", "package", "--workspace", "--no-verify", "--allow-dirty", "--locked", "-q"],
        cwd=os.path.join(ROOT, "bindings", "rust"), env=dict(os.environ, CARGO_TARGET_DIR=target))
    folder = os.path.join(release.out, "crates")
    os.makedirs(folder)
    for path in sorted(glob.glob(os.path.join(target, "package", "*.crate"))):
        shutil.copy(path, folder)
    made = sorted(glob.glob(os.path.join(folder, "*.crate")))
    if len(made) != 2:
        raise RuntimeError(f"cargo package: expected two crates, got {made}")


def go_module(release):
    """The module as a proxy of Go modules serves it: GOPROXY=file://.../go."""
    version = f"v{release.version}"
    module = re.search(r"^module (\S+)$", read("bindings", "go", "go.mod").decode(), re.M)[1]
    folder = os.path.join(release.out, "go", module, "@v")
    os.makedirs(folder)
    source = os.path.join(ROOT, "bindings", "go")
    contents = {f"{module}@{version}/{path}": read(source, path)
                for path in archives.files_below(source)}
    contents[f"{module}@{version}/LICENSE"] = read("LICENSE")
    archives.write_zip(os.path.join(folder, f"{version}.zip"), contents, release.date)
    shutil.copy(os.path.join(source, "go.mod"), os.path.join(folder, f"{version}.mod"))
    with open(os.path.join(folder, f"{version}.info"), "w", encoding="utf-8") as file:
        json.dump({"Version": version, "Time": f"{release.date:%Y-%m-%dT%H:%M:%SZ}"}, file)
    with open(os.path.join(folder, "list"), "w", encoding="utf-8") as file:
        file.write(version + "\n")


BUILDERS = {"native": native, "wheel": wheel, "jars": jars, "crates": crates, "go": go_module}
