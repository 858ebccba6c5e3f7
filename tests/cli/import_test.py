"""`tessera import`, `export` and `eval` of models from elsewhere, as a user runs them.

Method: small models with random weights are written here as Hugging Face folders, in one file and
in several, imported, exported and compared byte for byte; then folders with one thing wrong each,
whose error must name it and leave nothing behind. Where the published reference numbers lie
beside the repository, their models are imported and logits, losses and gradients held against
them.
"""

import json
import math
import os
import random
import struct
import unittest

import cli_testing
from cli_testing import SOURCE, read_safetensors, write_safetensors

GOLDEN = os.path.join(SOURCE, "..", "shared", "golden")
# Of the largest magnitude in a tensor, as the README there asks.
LOGIT_TOLERANCE, GRADIENT_TOLERANCE, LOSS_TOLERANCE = 2e-5, 5e-5, 2e-6


def llama_config(**changes):
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 20,
            "hidden_size": 12, "intermediate_size": 10, "num_hidden_layers": 2,
            "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 6,
            "rms_norm_eps": 1e-05, "tie_word_embeddings": False, "bos_token_id": 1,
            "rope_theta": 5000.0, "max_position_embeddings": 64, **changes}


def llama_shapes(config):
    width, inner = config["hidden_size"], config["intermediate_size"]
    head = config["head_dim"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    shapes = {"model.embed_tokens.weight": [config["vocab_size"], width],
              "model.norm.weight": [width]}
    if not config["tie_word_embeddings"]:
        shapes["lm_head.weight"] = [config["vocab_size"], width]
    for layer in range(config["num_hidden_layers"]):
        name = f"model.layers.{layer}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            shapes[f"{name}{norm}.weight"] = [width]
        for part, rows in (("q", queries), ("k", keys), ("v", keys)):
            shapes[f"{name}self_attn.{part}_proj.weight"] = [rows, width]
        shapes[f"{name}self_attn.o_proj.weight"] = [width, queries]
        for part in ("gate", "up"):
            shapes[f"{name}mlp.{part}_proj.weight"] = [inner, width]
        shapes[f"{name}mlp.down_proj.weight"] = [width, inner]
    return shapes


def gpt2_model():
    config = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 15,
              "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 16, "n_inner": None,
              "layer_norm_epsilon": 1e-05, "activation_function": "gelu_new"}
    shapes = {"wte.weight": [15, 8], "wpe.weight": [16, 8], "ln_f.weight": [8], "ln_f.bias": [8]}
    for name, shape in {"ln_1.weight": [8], "ln_1.bias": [8], "ln_2.weight": [8], "ln_2.bias": [8],
                        "attn.c_attn.weight": [8, 24], "attn.c_attn.bias": [24],
                        "attn.c_proj.weight": [8, 8], "attn.c_proj.bias": [8],
                        "mlp.c_fc.weight": [8, 32], "mlp.c_fc.bias": [32],
                        "mlp.c_proj.weight": [32, 8], "mlp.c_proj.bias": [8]}.items():
        shapes["h.0." + name] = shape
    return config, shapes


def random_tensors(shapes, dtype="F32", seed=1):
    rng = random.Random(seed)
    tensors = {}
    for name, shape in shapes.items():
        count = math.prod(shape)
        if dtype == "BF16":
            data = struct.pack(f"<{count}H", *(rng.randrange(0x3C00, 0x3E00) for _ in range(count)))
        else:
            data = struct.pack(f"<{count}f", *(rng.uniform(-0.3, 0.3) for _ in range(count)))
        tensors[name] = (dtype, shape, data)
    return tensors


def floats(tensor):
    return struct.unpack(f"<{len(tensor[2]) // 4}f", tensor[2])


def largest_difference(got, want):
    """Of the largest magnitude that is wanted."""
    got, want = floats(got), floats(want)
    scale = max(abs(v) for v in want) or 1
    return max(abs(a - b) for a, b in zip(got, want)) / scale if len(got) == len(want) else 1e9


class ImportTest(cli_testing.CliTest):
    def write_model(self, name, config, tensors, shards=1):
        folder = self.at(name)
        os.makedirs(folder)
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
            json.dump(config, file)
        names = list(tensors)
        if shards == 1:
            write_safetensors(os.path.join(folder, "model.safetensors"), tensors)
            return folder
        weight_map = {}
        for shard in range(shards):
            file_name = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
            part = names[shard::shards]
            write_safetensors(os.path.join(folder, file_name), {n: tensors[n] for n in part})
            weight_map.update({n: file_name for n in part})
        self.write_index(folder, weight_map)
        return folder

    @staticmethod
    def write_index(folder, weight_map):
        with open(os.path.join(folder, "model.safetensors.index.json"), "w",
                  encoding="utf-8") as file:
            json.dump({"metadata": {}, "weight_map": weight_map}, file)

    def read_model(self, folder):
        tensors = {}
        for name in os.listdir(folder):
            if name.endswith(".safetensors"):
                tensors.update(read_safetensors(os.path.join(folder, name)))
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            return json.load(file), tensors

    def assert_round_trip(self, folder, *flags):
        checkpoint, copy = folder + "-checkpoint", folder + "-copy"
        self.ok("import", folder, "--out", checkpoint)
        self.ok("export", checkpoint, "--out", copy, *flags)
        want_config, want = self.read_model(folder)
        got_config, got = self.read_model(copy)
        self.assertEqual(got_config, want_config)
        self.assertEqual(sorted(got), sorted(want))
        for name, tensor in want.items():
            self.assertEqual(got[name], tensor, name)
        return checkpoint

    def test_what_comes_in_goes_out_again(self):
        config = llama_config()
        tensors = random_tensors(llama_shapes(config))
        self.assert_round_trip(self.write_model("llama", config, tensors))
        self.assert_round_trip(self.write_model("shards", config, tensors, shards=3),
                               "--max-file-bytes", "1000")
        self.assertGreater(len(os.listdir(self.at("shards-copy"))), 5)
        tied = llama_config(tie_word_embeddings=True, num_key_value_heads=3)
        self.assert_round_trip(
            self.write_model("tied", tied, random_tensors(llama_shapes(tied), "BF16")))
        config, shapes = gpt2_model()
        self.assert_round_trip(self.write_model("gpt2", config, random_tensors(shapes)))
        prefixed = {"transformer." + name: shape for name, shape in shapes.items()}
        self.assert_round_trip(self.write_model("gpt2_prefix", config, random_tensors(prefixed)))

    def test_gradients_have_the_names_and_the_layout_of_the_model(self):
        config, shapes = gpt2_model()
        folder = self.write_model("gpt2", config, random_tensors(shapes))
        checkpoint = self.at("checkpoint")
        self.ok("import", folder, "--out", checkpoint)
        ids = [(7 * i + 3) % 15 for i in range(16)]
        write_safetensors(self.at("io"), {
            "input_ids": ("I64", [2, 8], struct.pack("<16q", *ids)),
            "labels": ("I64", [2, 8], struct.pack("<16q", *ids))})
        words = ["eval", checkpoint, "--input", self.at("io"), "--output"]
        self.ok(*words, self.at("out"), "--gradients")
        results = read_safetensors(self.at("out"))
        gradients = {n[5:]: t[1] for n, t in results.items() if n.startswith("grad.")}
        self.assertEqual(gradients, shapes)
        self.ok(*words, self.at("own"), "--gradients", "--names", "tessera")
        own = read_safetensors(self.at("own"))
        path = "grad.decoder/layers/0/attention/k_proj/bias"
        self.assertEqual(floats(own[path]),
                         floats(results["grad.h.0.attn.c_attn.bias"])[8:16])
        self.assertIn("--names", self.fails(*words, self.at("no"), "--names", "mine"))

    def test_a_model_that_was_trained_here_is_said_in_a_family(self):
        config = self.write_config(steps=2)
        self.ok("train", config, "--out", self.at("run"), "--quiet")
        self.ok("export", self.at("run", "checkpoints"), "--out", self.at("llama"))
        exported, tensors = self.read_model(self.at("llama"))
        self.assertEqual(exported["model_type"], "llama")
        self.assertEqual(exported["hidden_size"], 32)
        self.assertIn("model.layers.1.self_attn.q_proj.weight", tensors)
        self.ok("import", self.at("llama"), "--out", self.at("again"))
        self.assertIn("the family gpt2", self.fails(
            "export", self.at("run", "checkpoints"), "--out", self.at("gpt2"), "--family", "gpt2"))
        self.assertFalse(os.path.exists(self.at("gpt2", "config.json")))
        self.assertIn("did you mean 'llama'", self.fails(
            "export", self.at("again"), "--out", self.at("x"), "--family", "lama"))

    def fails_to_import(self, folder):
        message = self.fails("import", folder, "--out", self.at("never"))
        left = [n for n in os.listdir(self.folder) if n.startswith((".tmp", "never"))]
        self.assertEqual(left, [])
        return message

    def test_wrong_tensors_are_named(self):
        config = llama_config()
        shapes = llama_shapes(config)
        tensors = random_tensors(shapes)
        name = "model.layers.1.mlp.up_proj.weight"
        missing = {n: t for n, t in tensors.items() if n != name}
        self.assertIn(f"missing: '{name}'",
                      self.fails_to_import(self.write_model("missing", config, missing)))
        extra = {**tensors, "model.layers.2.mlp.up_proj.weight": tensors[name]}
        self.assertIn("'model.layers.2.mlp.up_proj.weight'",
                      self.fails_to_import(self.write_model("extra", config, extra)))
        turned = {**tensors, name: ("F32", [12, 10], tensors[name][2])}
        self.assertIn("expected dims [10,12] by its config, got [12,10]",
                      self.fails_to_import(self.write_model("turned", config, turned)))
        integers = {**tensors, name: ("I32", [10, 12], tensors[name][2])}
        self.assertIn("expected a float dtype, got i32",
                      self.fails_to_import(self.write_model("integers", config, integers)))
        tied = llama_config(tie_word_embeddings=True)
        self.assertIn("lm_head.weight is model.embed_tokens.weight, but",
                      self.fails_to_import(self.write_model("tied", tied, tensors)))
        copied = {**tensors, "lm_head.weight": tensors["model.embed_tokens.weight"]}
        self.ok("import", self.write_model("copied", tied, copied), "--out", self.at("copied_ck"))

    def test_wrong_configs_are_named(self):
        tensors = random_tensors(llama_shapes(llama_config()))
        for number, (config, text) in enumerate([
                ({"model_type": "llamma"}, "did you mean 'llama'"),
                ({}, "expected a text 'model_type'"),
                (llama_config(hidden_act="swoosh"), "hidden_act: expected silu"),
                (llama_config(rope_scaling={"type": "odd", "factor": 2.0}), "got \"odd\""),
                (llama_config(quantization_config={"bits": 4}), "quantization_config"),
                (llama_config(num_attention_heads=0), "num_heads"),
                (llama_config(num_hidden_layers="two"), "num_layers"),
                (llama_config(num_key_value_heads=2), "a divisor of num_heads"),
                (llama_config(hidden_size=1 << 62), "model_dim")]):
            folder = self.write_model(f"config{number}", config, tensors)
            self.assertIn(text, self.fails_to_import(folder), config)
        folder = self.write_model("note", llama_config(mystery=3), tensors)
        result = cli_testing.run("import", folder, "--out", self.at("noted"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("'mystery'", result.stderr)

    def test_an_index_stays_in_its_folder(self):
        config = llama_config()
        tensors = random_tensors(llama_shapes(config))
        outside = self.at("outside.safetensors")
        write_safetensors(outside, tensors)
        for number, name in enumerate(["../outside.safetensors", outside, "a/b.safetensors", "",
                                       ".hidden.safetensors", "config.json", 7]):
            folder = self.write_model(f"index{number}", config, tensors, shards=2)
            self.write_index(folder, {n: name for n in tensors})
            self.assertIn("plain name", self.fails_to_import(folder), name)
        folder = self.write_model("link", config, tensors)
        os.remove(os.path.join(folder, "model.safetensors"))
        os.symlink(outside, os.path.join(folder, "model.safetensors"))
        self.assertIn("a link to", self.fails_to_import(folder))
        folder = self.write_model("lies", config, tensors, shards=2)
        self.write_index(folder, {n: "model-00001-of-00002.safetensors" for n in tensors})
        self.assertIn("which", self.fails_to_import(folder))

    def test_folders_that_are_no_models(self):
        os.makedirs(self.at("empty"))
        self.assertIn("config.json", self.fails_to_import(self.at("empty")))
        self.assertIn("nowhere", self.fails_to_import(self.at("nowhere")))
        folder = self.write_model("pickled", llama_config(), {})
        os.rename(os.path.join(folder, "model.safetensors"),
                  os.path.join(folder, "pytorch_model.bin"))
        self.assertIn("convert them to safetensors", self.fails_to_import(folder))
        folder = self.write_model("broken", llama_config(), {})
        for content in (b"", b"{", b"[]", b"\xff\xfe", b"[" * 100000):
            with open(os.path.join(folder, "config.json"), "wb") as file:
                file.write(content)
            self.assertIn("config.json", self.fails_to_import(folder))


@unittest.skipUnless(os.path.isdir(GOLDEN), "no reference numbers at ../shared/golden")
class GoldenTest(cli_testing.CliTest):
    def check(self, name):
        folder = os.path.join(GOLDEN, name)
        checkpoint, out, copy = self.at("checkpoint"), self.at("out"), self.at("copy")
        self.ok("import", folder, "--out", checkpoint)
        self.ok("eval", checkpoint, "--input", os.path.join(folder, "io.safetensors"), "--output",
                out, "--gradients")
        want, got = read_safetensors(os.path.join(folder, "io.safetensors")), read_safetensors(out)
        self.assertLessEqual(largest_difference(got["logits"], want["logits"]), LOGIT_TOLERANCE)
        self.assertLessEqual(largest_difference(got["loss"], want["loss"]), LOSS_TOLERANCE)
        gradients = [n for n in want if n.startswith("grad.")]
        self.assertEqual(sorted(gradients), sorted(n for n in got if n.startswith("grad.")))
        for gradient in gradients:
            self.assertEqual(got[gradient][1], want[gradient][1], gradient)
            self.assertLessEqual(largest_difference(got[gradient], want[gradient]),
                                 GRADIENT_TOLERANCE, gradient)
        self.ok("export", checkpoint, "--out", copy)
        self.assertEqual(read_safetensors(os.path.join(copy, "model.safetensors")),
                         read_safetensors(os.path.join(folder, "model.safetensors")))
        with open(os.path.join(copy, "config.json"), encoding="utf-8") as mine, \
                open(os.path.join(folder, "config.json"), encoding="utf-8") as theirs:
            self.assertEqual(json.load(mine), json.load(theirs))

    def test_llama(self):
        self.check("llama_tiny")

    def test_llama_with_a_tied_head(self):
        self.check("llama_tied")

    def test_gpt2(self):
        self.check("gpt2_tiny")

    def test_mixtral(self):
        self.check("mixtral_tiny")


if __name__ == "__main__":
    cli_testing.main()
