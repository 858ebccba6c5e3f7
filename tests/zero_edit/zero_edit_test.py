"""Zero edits: an op, a module, an optimizer, a schedule, two kernels, a data source and a pass, as
new files only; and the walk of samples/custom_module.

Lays overlay/ and the walk's files over a copy of the tree, builds the library, the program and two
tests there, and finds each addition in the catalogue and at work. The walk's README must show what
git says of it. Skipped (77) under sanitizers and with TESSERA_SHORT:
what is proved does not depend on them, and it is a build of its own.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ.get("TESSERA_SOURCE", os.getcwd())
BUILD = os.environ.get("TESSERA_BUILD", os.path.join(SOURCE, "build"))
OVERLAY = os.path.join(SOURCE, "tests", "zero_edit", "overlay")
WALK = os.path.join(SOURCE, "tests", "zero_edit", "walk")
README = os.path.join(SOURCE, "samples", "custom_module", "README.md")

CONFIG = {
    "model": {
        "type": "LanguageModel", "vocab_size": 256, "model_dim": 16,
        "decoder": {"num_layers": 1, "norm": "ParabolaNorm",
                    "layer": {"norm": "ParabolaNorm", "attention": {"num_heads": 2},
                              "feed_forward": {"hidden_dim": 32}}},
    },
    "data": {"train": "corpus.lines", "tokenizer": "ByteTokenizer", "validation_fraction": 0},
    "trainer": {"steps": 2, "batch_size": 2, "sequence_length": 16},
    "optimizer": {"type": "SignSgd", "learning_rate": 0.01},
    "schedule": {"type": "Staircase", "every": 1},
    "runtime": {"seed": 1, "dtype": "fp32"},
}


def skip(reason):
    print("skipped: " + reason)
    sys.exit(77)


def run(command, folder, **options):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit("%s gave %d:\n%s" % (" ".join(command), done.returncode, done.stdout[-6000:]))
    return done.stdout


def files_below(root):
    for folder, _, names in os.walk(root):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), root)


def lay_over(overlay, target):
    for name in files_below(overlay):
        path = os.path.join(target, name)
        if os.path.exists(path):
            sys.exit("%s: expected a new file, the tree has it already" % name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy2(os.path.join(overlay, name), path)


def copy_tree(target):
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], SOURCE)
    for name in filter(None, listed.split("\0")):
        source = os.path.join(SOURCE, name)
        if not os.path.isfile(source):
            continue  # deleted, or a link to a folder
        os.makedirs(os.path.dirname(os.path.join(target, name)), exist_ok=True)
        shutil.copy2(source, os.path.join(target, name))
    lay_over(OVERLAY, target)


def walk(tree):
    """The files of samples/custom_module, as a commit that changes no other file would add them."""
    run(["git", "init", "-q"], tree)
    run(["git", "add", "-A"], tree)
    run(["git", "-c", "user.name=walk", "-c", "user.email=walk@localhost", "commit", "-q", "-m",
         "before the walk"], tree)
    lay_over(WALK, tree)
    run(["git", "add", "-A"], tree)
    stat = run(["git", "diff", "--cached", "--stat=100", "--stat-graph-width=20"], tree)
    with open(README, encoding="utf-8") as readme:
        if stat.strip() not in readme.read():
            sys.exit("samples/custom_module/README.md: expected to show\n%s" % stat)


def check_walk(program, tree):
    text = run([program, "describe", "GatedAttention"], tree)
    if "opened and closed by the token that reads" not in text:
        sys.exit("describe GatedAttention: expected its doc in:\n%s" % text)
    with open(os.path.join(tree, "gated.json"), "w", encoding="utf-8") as modifier:
        json.dump({"replace": "Attention", "with": "GatedAttention"}, modifier)
    for recipe in ("samples/text/gpt.json", "samples/text/shakespeare.json"):
        resolved = run([program, "config", recipe, "--modify", "gated.json"], tree)
        if '"GatedAttention"' not in resolved or '"Attention"' in resolved:
            sys.exit("%s: expected GatedAttention for Attention in:\n%s" % (recipe, resolved))
    run([program, "train", "overlay.json", "--modify", "gated.json", "--out", "gated"], tree)
    run([os.path.join(tree, "build", "bin", "custom_module_test")], tree)


def cache_value(name):
    with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as cache:
        for line in cache:
            if line.startswith(name + ":"):
                return line.rstrip("\n").split("=", 1)[1]
    return ""


def build(tree):
    options = ["-DCMAKE_BUILD_TYPE=Release", "-DTESSERA_TESTS=ON"]
    for name in ("TESSERA_DEPS", "CMAKE_PREFIX_PATH", "TESSERA_PCH", "TESSERA_WERROR",
                 "CMAKE_CXX_COMPILER"):
        value = cache_value(name)
        if value:
            options.append("-D%s=%s" % (name, value))
    run(["cmake", "-S", ".", "-B", "build", "-G", "Ninja"] + options, tree)
    run(["ninja", "-C", "build", "tessera_cli", "overlay_test", "custom_module_test"],
        tree)


def names_of(program, kind, tree):
    entries = json.loads(run([program, "list", kind, "--json"], tree))
    key = {"ops": "op", "kernels": "kernel", "data": "name"}.get(kind, "type")
    return {entry[key] for entry in entries}


def check_catalogue(program, tree):
    wanted = {"ops": "parabola", "modules": "ParabolaNorm", "optimizers": "SignSgd",
              "schedules": "Staircase", "kernels": "sign.f32.fast", "data": "lines"}
    for kind, name in wanted.items():
        names = names_of(program, kind, tree)
        if name not in names:
            sys.exit("list %s: expected %s among %s" % (kind, name, sorted(names)))
    for name, doc in (("parabola", "y = x^2 - 1"), ("ParabolaNorm", "plus its parabola"),
                      ("SignSgd", "along the sign"), ("Staircase", "halves every")):
        text = run([program, "describe", name], tree)
        if doc not in text:
            sys.exit("describe %s: expected '%s' in:\n%s" % (name, doc, text))


def check_training(program, tree):
    with open(os.path.join(tree, "corpus.lines"), "w", encoding="utf-8") as corpus:
        corpus.write("a line is a document of its own\n" * 200)
    with open(os.path.join(tree, "overlay.json"), "w", encoding="utf-8") as config:
        json.dump(CONFIG, config)
    run([program, "train", "overlay.json", "--out", "run"], tree)
    with open(os.path.join(tree, "run", "metrics.jsonl"), encoding="utf-8") as metrics:
        steps = [row for row in map(json.loads, metrics) if "loss" in row]
    rates = [row["lr"] for row in steps]
    if len(steps) != 2 or abs(rates[0] / rates[1] - 2) > 1e-6:
        sys.exit("train: expected 2 steps, the rate halved, got %s" % steps)
    if not all(0 < row["loss"] < 20 for row in steps):
        sys.exit("train: expected losses of an untrained model, got %s" % steps)


def main():
    if os.environ.get("TESSERA_SANITIZE"):
        skip("a sanitizer build proves nothing more here")
    if os.environ.get("TESSERA_SHORT"):
        skip("TESSERA_SHORT is set, and this is a build of its own")
    if shutil.which("git") is None or not os.path.isdir(os.path.join(SOURCE, ".git")):
        skip("the tree is no git checkout")
    with tempfile.TemporaryDirectory(prefix="tessera_zero_edit_") as tree:
        copy_tree(tree)
        walk(tree)
        build(tree)
        program = os.path.join(tree, "build", "bin", "tessera")
        check_catalogue(program, tree)
        check_training(program, tree)
        run([os.path.join(tree, "build", "bin", "overlay_test")], tree)
        check_walk(program, tree)
    print("passed: 8 additions and a walk in new files only")


main()
