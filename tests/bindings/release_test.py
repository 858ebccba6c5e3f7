"""What tools/release makes, installed into fresh folders without the source tree: the README of
each language runs there.

Method: the packages are made once from this build; each test unpacks or installs one as its users
would: the archive for C++, pip for the wheel, Maven with a repository of files, cargo with the
unpacked crates, go with a proxy of files. A long run makes them twice and compares the bytes.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import binding_testing
import python_env
from binding_testing import SOURCE, run

OUT = os.path.join(binding_testing.scratch("release"), "packages")
CONSUMER = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>fresh</groupId><artifactId>fresh</artifactId><version>1</version>
  <properties><maven.compiler.release>17</maven.compiler.release></properties>
  <repositories>
    <repository><id>packages</id><url>file://{packages}</url></repository>
  </repositories>
  <dependencies>
    <dependency>
      <groupId>io.tessera</groupId><artifactId>tessera</artifactId><version>{version}</version>
    </dependency>
    <dependency>
      <groupId>io.tessera</groupId><artifactId>tessera</artifactId><version>{version}</version>
      <classifier>{platform}</classifier>
    </dependency>
  </dependencies>
  <build><plugins><plugin>
    <groupId>org.apache.maven.plugins</groupId><artifactId>maven-compiler-plugin</artifactId>
    <version>3.13.0</version>
  </plugin></plugins></build>
</project>
"""


def environment(**changes):
    """Without what points to the tree."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("TESSERA_", "CGO_", "PYTHON", "LD_"))}
    return {**kept, **changes}


class ReleaseTest(binding_testing.BindingTest):
    @classmethod
    def setUpClass(cls):
        words = [sys.executable, os.path.join(SOURCE, "tools", "release"), "--build",
                 binding_testing.BUILD, "--out", OUT]
        run(words + (["--twice"] if binding_testing.IS_LONG else []))
        [cls.archive] = glob.glob(os.path.join(OUT, "tessera-*.tar.gz"))
        name = os.path.basename(cls.archive)
        cls.version, cls.platform = re.fullmatch(
            r"tessera-([\d.]+)-(\S+)\.tar\.gz", name).groups()

    def unpacked(self):
        """The folder of the archive of the C library."""
        run(["tar", "xzf", self.archive, "-C", self.folder])
        return self.at(f"tessera-{self.version}-{self.platform}")

    def libraries(self):
        [path] = glob.glob(os.path.join(self.unpacked(), "lib*", "**", "libtessera.so"),
                           recursive=True)
        return os.path.dirname(path)

    def check_losses(self, text):
        losses = [float(loss) for loss in re.findall(r"step \d+: loss ([\d.]+)", text)]
        self.assertEqual(len(losses), 4)
        self.assertLess(losses[-1], losses[0])
        self.assertRegex(text, r"(?m)^the .+")

    def test_sums_are_those_of_the_files(self):
        run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=OUT)

    def test_the_archive(self):
        prefix = self.unpacked()
        program = os.path.join(prefix, "bin", "tessera")
        moved = self.at("elsewhere")
        os.rename(prefix, moved)
        program = os.path.join(moved, "bin", "tessera")
        self.assertIn(self.version, run([program, "--version"], env=environment()))
        licences = os.listdir(os.path.join(moved, "share", "doc", "tessera", "licences"))
        with open(os.path.join(moved, "share", "doc", "tessera", "tessera.spdx.json"),
                  encoding="utf-8") as file:
            bill = json.load(file)
        names = {package["name"] for package in bill["packages"]}
        self.assertLessEqual({"tessera", "abseil", "gloo", "highway", "libstdc++"}, names)
        self.assertEqual({os.path.splitext(name)[0] for name in licences} | {"libgcc"}, names)
        for package in bill["packages"]:
            self.assertRegex(package["versionInfo"], r"^\d")

    def test_an_offence_of_a_library_is_found(self):
        sys.path.insert(0, os.path.join(SOURCE, "tools", "packages"))
        import library
        source = self.write("other.c", "#include <dlfcn.h>\nint tsr_other(void) "
                            "{ return dlopen(0, 2) == 0; }\n")
        other = self.at("other.so")
        run(["cc", "-shared", "-fPIC", "-Wl,-rpath,/nowhere", source, "-o", other])
        wrong = "\n".join(library.offences(other))
        for expected in ("SONAME: expected libtessera.so.0, got None", "RPATH: expected none",
                         "tsr_other: in capi/symbols.txt or exported, not both",
                         "tsr_other: expected version TESSERA_0.1, got ''"):
            self.assertIn(expected, wrong)

    def test_cpp_from_the_archive(self):
        prefix = self.unpacked()
        os.makedirs(self.at("cpp"))
        self.write("cpp/main.cc", '#include <cstdio>\n#include <tessera.hpp>\n'
                   'int main() { tessera::Runtime runtime(R"({"threads": 1})");\n'
                   '  std::printf("%u %zu\\n", tessera::Version(), runtime.Describe().size()); }\n')
        self.write("cpp/CMakeLists.txt", "cmake_minimum_required(VERSION 3.16)\nproject(c CXX)\n"
                   "find_package(Tessera REQUIRED)\nadd_executable(main main.cc)\n"
                   "target_compile_features(main PRIVATE cxx_std_17)\n"
                   "target_link_libraries(main PRIVATE Tessera::tessera)\n")
        run(["cmake", "-S", self.at("cpp"), "-B", self.at("cpp/build"),
             f"-DCMAKE_PREFIX_PATH={prefix}"], env=environment())
        run(["cmake", "--build", self.at("cpp/build")], env=environment())
        self.assertRegex(run([self.at("cpp/build/main")], env=environment()), r"^\d+ \d\d+")

    def test_python_from_the_wheel(self):
        [wheel] = glob.glob(os.path.join(OUT, "*.whl"))
        self.assertRegex(os.path.basename(wheel), r"-cp311-abi3-manylinux_2_\d+_\w+\.whl$")
        python = self.at("venv/bin/python")
        run([sys.executable, "-m", "venv", "--without-pip", self.at("venv")])
        tools = python_env.tools_python()
        wheels = os.path.join(os.path.dirname(os.path.dirname(tools)), "wheels")
        run([tools, "-m", "pip", "--python", python, "install", "-q", "--no-index", "--find-links",
             wheels, wheel, "numpy"], env=environment())
        readme = binding_testing.read("bindings", "python", "README.md")
        self.write("readme.py", "\n".join(binding_testing.code_blocks(readme, "python")))
        run([python, "readme.py"], cwd=self.folder, env=environment())

    def test_rust_from_the_crates(self):
        readme = binding_testing.read("bindings", "rust", "README.md")
        main, layer = binding_testing.code_blocks(readme, "rust")
        [dependencies] = binding_testing.code_blocks(readme, "toml")
        patch = "\n[patch.crates-io]\n"
        for crate in ("tessera", "tessera-sys"):
            run(["tar", "xzf", os.path.join(OUT, "crates", f"{crate}-{self.version}.crate"), "-C",
                 self.folder])
            patch += f'{crate} = {{ path = "../{crate}-{self.version}" }}\n'
        os.makedirs(self.at("fresh", "src", "bin"))
        self.write("fresh/Cargo.toml", '[package]\nname = "fresh"\nversion = "0.1.0"\n'
                   f'edition = "2021"\n\n{dependencies}{patch}[workspace]\n')
        self.write("fresh/src/main.rs", main)
        self.write("fresh/src/bin/layer.rs", layer)
        shutil.copy(self.corpus, self.at("fresh"))
        shutil.copy(os.path.join(SOURCE, "bindings", "rust", "Cargo.lock"), self.at("fresh"))
        env = environment(CARGO_TARGET_DIR=os.path.join(binding_testing.scratch("rust"), "target"),
                          TESSERA_LIB_DIR=self.libraries(), CARGO_TERM_COLOR="never")
        self.check_losses(run(["cargo", "run", "--quiet", "--bin", "fresh"], cwd=self.at("fresh"),
                              env=env))
        run(["cargo", "run", "--quiet", "--bin", "layer"], cwd=self.at("fresh"), env=env)

    def test_java_from_a_maven_repository(self):
        # Maven keeps what it has fetched, plugins too; of an earlier release nothing may stay.
        local = binding_testing.scratch("maven")
        shutil.rmtree(os.path.join(local, "io", "tessera"), ignore_errors=True)
        main, layer = binding_testing.code_blocks(
            binding_testing.read("bindings", "java", "README.md"), "java")
        os.makedirs(self.at("src/main/java"))
        self.write("src/main/java/Main.java", main)
        self.write("src/main/java/Layer.java", layer)
        self.write("pom.xml", CONSUMER.format(packages=os.path.join(OUT, "maven"),
                                              version=self.version, platform=self.platform))
        for name in ("Main", "Layer"):
            text = run(["mvn", "-q", "-B", f"-Dmaven.repo.local={local}", "compile",
                        "org.codehaus.mojo:exec-maven-plugin:3.5.0:java",
                        f"-Dexec.mainClass={name}", f"-Dio.tessera.cache={self.at('cache')}"],
                       cwd=self.folder, env=environment())
            if name == "Main":
                self.check_losses(text)
        [natives] = glob.glob(os.path.join(OUT, "maven", "**", f"*-{self.platform}.jar"),
                              recursive=True)
        with zipfile.ZipFile(natives) as archive:
            self.assertIn("META-INF/licences/abseil.txt", archive.namelist())
        [docs] = glob.glob(os.path.join(OUT, "maven", "**", "*-javadoc.jar"), recursive=True)
        with zipfile.ZipFile(docs) as archive:
            self.assertIn(b"step, config, tensors", archive.read("io/tessera/Checkpoint.html"))

    def test_go_from_a_proxy(self):
        readme = binding_testing.read("bindings", "go", "README.md")
        libraries = self.libraries()
        env = environment(GOPROXY=f"file://{OUT}/go", GONOSUMDB="tessera.io", GOTOOLCHAIN="local",
                          GOFLAGS="-mod=mod", GOMODCACHE=self.at("modules"),
                          CGO_LDFLAGS=f"-L{libraries} -Wl,-rpath,{libraries}")
        self.addCleanup(subprocess.run, ["chmod", "-R", "u+w", self.at("modules")], check=False)
        for name, block in zip(("fresh", "layer"), binding_testing.code_blocks(readme, "go"),
                               strict=True):
            os.makedirs(self.at(name))
            self.write(f"{name}/main.go", block)
            run(["go", "mod", "init", name], cwd=self.at(name), env=env)
            run(["go", "get", f"tessera.io/tessera@v{self.version}"], cwd=self.at(name), env=env)
            run(["go", "build", "-o", self.at("program-" + name), "."], cwd=self.at(name), env=env)
        self.check_losses(run([self.at("program-fresh")], cwd=self.folder, env=environment()))
        run([self.at("program-layer")], env=environment())


if __name__ == "__main__":
    binding_testing.main()
