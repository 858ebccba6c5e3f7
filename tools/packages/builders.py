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
sys.path.insert(0, os.path.join(ROOT, "tools", "targets"))
import floor  # noqa: E402  (a folder of its own)


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


def configure_and_build(release):
    """The library and the program for a target, in a build tree of its own."""
    if release.is_foreign:   # the compiler too
        run([os.path.join(ROOT, "tools", "deps"), "--target", release.target])
    if not os.path.exists(os.path.join(release.build, "CMakeCache.txt")):
        run(["cmake", "-S", ROOT, "-B", release.build, "-G", "Ninja", "-DTESSERA_TESTS=OFF",
             f"-DTESSERA_TARGET={release.target}",
             "-DCMAKE_TOOLCHAIN_FILE=" + os.path.join(ROOT, "tools", "cmake", "target.cmake")])
    print(f"building for {release.target} in {release.build}", flush=True)
    run(["ninja", "-C", release.build, "tessera", "tessera_cli"])


def compile_environment(release):
    """Variables by which the builds of the raw layers compile for the target, and link to the
    C library of its floor."""
    if not release.target:
        return {}
    compiler = re.sub(r"g\+\+$", "gcc", release.compiler)
    folder = f"-L{floor.folder_of(release.target)}"
    # Debian's pyconfig.h leads to that of the machine compiled for. To the stable ABI the ones of
    # two 64-bit machines are the same.
    headers = release.scratch("include")
    here = glob.glob(f"/usr/include/{os.uname().machine}-linux-gnu/python3*")
    for path in here if release.is_foreign else []:
        links = os.path.join(headers, f"{release.target}-linux-gnu")
        os.makedirs(links, exist_ok=True)
        if not os.path.exists(os.path.join(links, os.path.basename(path))):
            os.symlink(path, os.path.join(links, os.path.basename(path)))
    return {"CC": compiler, "LDSHARED": f"{compiler} -shared", "LDFLAGS": folder,
            "CFLAGS": f"-I{headers}", "TESSERA_PLATFORM": release.platform,
            "_PYTHON_HOST_PLATFORM": f"linux-{release.machine}",
            **({"TESSERA_CATALOGUE": release.catalogue} if release.is_foreign else {})}


def native(release):
    """What `cmake --install` lays down, stripped, with licences and the bill of materials; this is
    where the other packages take the library from."""
    if release.target:
        configure_and_build(release)
    run(["cmake", "--install", release.build, "--prefix", release.stage, "--strip"])
    release.library = next(
        path for path in glob.glob(os.path.join(release.stage, "lib*", "**", library.SONAME),
                                   recursive=True))
    oldest = library.GLIBC_FLOOR if release.target else library.BUILD_TREE_FLOOR
    wrong = library.offences(release.library, oldest)
    program = os.path.join(release.stage, "bin", "tessera")
    if release.target and library.glibc_floor(program)[0] > oldest:
        wrong.append(f"{program}: expected glibc {oldest}, got {library.glibc_floor(program)}")
    if wrong:
        raise RuntimeError("\n".join([f"{release.library}:", *wrong]))
    print(f"{release.platform}: {library.figures(release.library)}")
    documents = os.path.join(release.stage, "share", "doc", "tessera")
    os.makedirs(release.licences, exist_ok=True)
    for name, text in parts.licence_texts(release.compiler).items():
        with open(os.path.join(release.licences, name), "w", encoding="utf-8") as file:
            file.write(text)
    shutil.copytree(release.licences, os.path.join(documents, "licences"))
    shutil.copy(os.path.join(ROOT, "capi", "CHANGELOG.md"), documents)
    name = f"tessera-{release.version}-{release.platform}"
    bill = os.path.join(release.out, f"{name}.spdx.json")
    with open(bill, "w", encoding="utf-8") as file:
        file.write(parts.spdx(release.version, release.library, release.date, release.compiler))
    shutil.copy(bill, os.path.join(documents, "tessera.spdx.json"))
    path = os.path.join(release.out, f"{name}.tar.gz")
    archives.write_tar(path, release.stage, name, release.epoch)


def wheel(release):
    """A wheel for CPython 3.11 and later whose tag is that of the library's glibc; auditwheel must
    say the same tag, or an older one."""
    import python_env  # the environment that the tests build wheels in
    oldest = library.GLIBC_FLOOR if release.target else library.glibc_floor(release.library)[0]
    tag = f"manylinux_{oldest[0]}_{oldest[1]}_{release.machine}"
    python = python_env.tools_python()
    tools = os.path.dirname(python)
    environment = dict(os.environ, TESSERA_LIBRARY=release.library, TESSERA_PLATFORM_TAG=tag,
                       TESSERA_LICENCES=release.licences, SOURCE_DATE_EPOCH=str(release.epoch),
                       PYTHONDONTWRITEBYTECODE="1", PATH=tools + os.pathsep + os.environ["PATH"],
                       **compile_environment(release))
    run([python, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "--wheel-dir",
         release.out, os.path.join(ROOT, "bindings", "python")], env=environment)
    [path] = glob.glob(os.path.join(release.out, f"*_{release.machine}.whl"))
    said = " ".join(run([os.path.join(tools, "auditwheel"), "show", path]).split())
    found = re.search(r'consistent with the following platform tag: "manylinux_(\d+)_(\d+)', said)
    if not found or (int(found[1]), int(found[2])) > oldest:
        raise RuntimeError(f"{path}: expected auditwheel to agree with {tag}, got:\n{said}")
    print(f"auditwheel: manylinux_{found[1]}_{found[2]}_{release.machine}")


def javadoc(release, folders, path):
    """A jar of the docs of io.tessera. A comment that is not well formed, or names what is not
    there, is an error."""
    out = release.scratch("javadoc-" + release.machine)
    run(["javadoc", "-quiet", "-notimestamp", "-Xdoclint:all,-missing", "-Werror", "--release",
         "17", "-encoding", "UTF-8", "-docencoding", "UTF-8", "-windowtitle",
         f"Tessera {release.version}", "-d", out, "-sourcepath", os.pathsep.join(folders),
         "io.tessera"])
    contents = {name: read(out, name) for name in archives.files_below(out)}
    archives.write_zip(path, contents, release.date)


def jars(release):
    """A Maven repository: classes, the natives as a classifier, sources and docs."""
    java = os.path.join(ROOT, "bindings", "java")
    target = release.scratch("java-" + release.machine)
    import python_env
    swig = os.path.join(os.path.dirname(python_env.tools_python()), "swig")
    environment = dict(os.environ, TESSERA_LIB_DIR=os.path.dirname(release.library), SWIG=swig,
                       TESSERA_LICENCES=release.licences, **compile_environment(release))
    run(["mvn", "-q", "-B", f"-Dtessera.target={target}", "-Dmaven.test.skip=true",
         f"-Dtessera.platform={release.platform}",
         f"-Dproject.build.outputTimestamp={release.date:%Y-%m-%dT%H:%M:%SZ}", "package"],
        cwd=java, env=environment)
    name = f"tessera-{release.version}"
    folder = os.path.join(release.out, "maven", "io", "tessera", "tessera", release.version)
    os.makedirs(folder, exist_ok=True)
    for jar in (f"{name}.jar", f"{name}-{release.platform}.jar"):
        shutil.copy(os.path.join(target, jar), folder)
    shutil.copy(os.path.join(java, "pom.xml"), os.path.join(folder, f"{name}.pom"))
    contents = {}
    folders = (os.path.join(java, "src", "main", "java"), os.path.join(target, "sources"))
    javadoc(release, folders, os.path.join(folder, f"{name}-javadoc.jar"))
    for below in folders:
        for path in archives.files_below(below):
            contents[path] = read(below, path)
    archives.write_zip(os.path.join(folder, f"{name}-sources.jar"), contents, release.date)
    # Maven compares what it downloads with its sum.
    for path in sorted(glob.glob(os.path.join(folder, "*[!1]"))):
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
SAME_FOR_ALL = {"crates", "go"}   # targets
