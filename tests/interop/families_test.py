"""Every family of models against the public implementation, with weights made here.

Method: the public library (PyTorch and Transformers) makes a small model of random weights for each
case, saves it as it saves all models, and computes logits, loss and the gradient of every tensor;
`tessera import` and `eval --gradients` must agree, and `export` must give the same bytes and config
again. The library is large: it is installed into the cache in long runs only, or taken from
TESSERA_TORCH_PYTHON, a Python that has both; without it these tests are skipped. What it made of
the cases in STORED lies in stored/, so that they are checked everywhere; `families_test.py NAME
stored/NAME` makes them anew.
"""

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))
import cli_testing  # noqa: E402
from cli_testing import read_safetensors  # noqa: E402

PACKAGES = ["torch==2.15.0", "transformers==5.24.0"]
LOGIT_TOLERANCE, GRADIENT_TOLERANCE, LOSS_TOLERANCE = 2e-5, 5e-5, 5e-6

COMMON = {"vocab_size": 96, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
          "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}
ROUTED = {"num_experts_per_tok": 2, "moe_intermediate_size": 24, "num_experts": 4}
LATENT = {**COMMON, "num_key_value_heads": 4, "num_hidden_layers": 3, "kv_lora_rank": 12,
          "qk_nope_head_dim": 6, "qk_rope_head_dim": 4, "v_head_dim": 10, "n_routed_experts": 8,
          "num_experts_per_tok": 3, "n_group": 4, "topk_group": 2, "n_shared_experts": 2,
          "moe_intermediate_size": 24, "first_k_dense_replace": 1, "num_mtp_layers": 0}
SEQUENCES = {"vocab_size": 96, "d_model": 32, "d_kv": 6, "d_ff": 48, "num_layers": 2,
             "num_heads": 4, "relative_attention_num_buckets": 8,
             "relative_attention_max_distance": 12}
CASES = {
    "llama": ("Llama", {**COMMON, "attention_bias": True, "mlp_bias": True, "head_dim": 12}),
    "llama_scaled": ("Llama", {**COMMON, "rope_parameters": {
        "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 16}}),
    "llama_linear": ("Llama", {**COMMON, "rope_parameters": {
        "rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}}),
    "llama_yarn": ("Llama", {**COMMON, "rope_parameters": {
        "rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0,
        "original_max_position_embeddings": 16}}),
    "mistral": ("Mistral", {**COMMON, "sliding_window": 5}),
    "mixtral": ("Mixtral", {**COMMON, "num_local_experts": 4, "num_experts_per_tok": 2}),
    "bert": ("Bert", {"vocab_size": 96, "hidden_size": 32, "intermediate_size": 48,
                      "num_hidden_layers": 2, "num_attention_heads": 4,
                      "max_position_embeddings": 32, "type_vocab_size": 3}),
    "gpt2": ("GPT2", {"vocab_size": 96, "n_embd": 32, "n_layer": 2, "n_head": 4,
                      "n_positions": 32}),
    "qwen2": ("Qwen2", {**COMMON, "tie_word_embeddings": True}),
    "qwen2_moe": ("Qwen2Moe", {**COMMON, **ROUTED, "shared_expert_intermediate_size": 40}),
    "qwen3": ("Qwen3", {**COMMON, "head_dim": 16}),
    "qwen3_moe": ("Qwen3Moe", {**COMMON, **ROUTED, "head_dim": 16, "norm_topk_prob": True}),
    "gemma2": ("Gemma2", {**COMMON, "num_hidden_layers": 3, "head_dim": 16, "sliding_window": 5,
                          "query_pre_attn_scalar": 20, "attn_logit_softcapping": 2.0,
                          "final_logit_softcapping": 3.0}),
    "olmo": ("Olmo", {**COMMON, "tie_word_embeddings": True}),
    "olmo2": ("Olmo2", COMMON),
    "deepseek_v3": ("DeepseekV3", {**LATENT, "q_lora_rank": 20, "rope_parameters": {
        "rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "mscale": 0.8,
        "mscale_all_dim": 1.2, "original_max_position_embeddings": 16}}),
    "deepseek_v3_plain": ("DeepseekV3", {
        **LATENT, "q_lora_rank": None, "attention_bias": True, "norm_topk_prob": False,
        "n_shared_experts": 1, "first_k_dense_replace": 0, "rope_interleave": False}),
    "gpt_oss": ("GptOss", {**COMMON, "num_hidden_layers": 3, "head_dim": 16, "sliding_window": 5,
                           "num_local_experts": 4, "num_experts_per_tok": 2, "swiglu_limit": 0.5,
                           "rope_parameters": {
                               "rope_type": "yarn", "rope_theta": 150000.0, "factor": 32.0,
                               "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False,
                               "original_max_position_embeddings": 16}}),
    "t5": ("T5", {**SEQUENCES, "num_layers": 3, "num_decoder_layers": 2}),
    "t5_gated": ("T5", {**SEQUENCES, "feed_forward_proj": "gated-gelu",
                        "tie_word_embeddings": False}),
    # What a null says: no window, no cap.
    "mistral_unbounded": ("Mistral", {**COMMON, "sliding_window": None}),
    "gemma2_uncapped": ("Gemma2", {**COMMON, "head_dim": 16, "sliding_window": 5,
                                   "attn_logit_softcapping": None,
                                   "final_logit_softcapping": None}),
    "olmoe": ("Olmoe", {**COMMON, "num_experts_per_tok": 2, "num_experts": 4}),
}
SMALL = {**COMMON, "vocab_size": 40, "hidden_size": 16, "intermediate_size": 24}
STORED = {
    "stored_llama": ("Llama", {**SMALL, "rope_parameters": CASES["llama_scaled"][1][
        "rope_parameters"]}),
    "stored_qwen3_moe": ("Qwen3Moe", {**SMALL, **ROUTED, "moe_intermediate_size": 12,
                                      "head_dim": 8, "norm_topk_prob": True}),
}
HEADS = {"GPT2": "LMHeadModel", "Bert": "ForMaskedLM", "T5": "ForConditionalGeneration"}
QUICK = ("llama_scaled", "qwen3_moe")  # when the library is there anyway


def library_python(variable, packages, alone=()):
    """A Python with the packages (those of `alone` without what they depend on), named by the
    variable or kept in the cache, or None."""
    named = os.environ.get(variable)
    if named:
        return named
    cache = os.environ.get("TESSERA_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "tessera")
    folder = os.path.join(cache, "-".join([*packages, *alone]).replace("==", "-"))
    python, done = os.path.join(folder, "bin", "python"), os.path.join(folder, "complete")
    if os.path.exists(done):
        return python
    if not cli_testing.IS_LONG:
        return None
    try:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
        for words in ([*packages], ["--no-deps", *alone]):
            if words[-1] != "--no-deps":
                subprocess.run([python, "-m", "pip", "install", "-q", *words], check=True,
                               capture_output=True, timeout=1500)
    except (OSError, subprocess.SubprocessError):
        return None
    with open(done, "w", encoding="utf-8"):
        return python


# --- In the Python that has the library -----------------------------------------------------------

def spread(model):
    """Weights large enough that every part shows; norms around their neutral value."""
    import torch
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name.lower() or "ln_" in name:
                parameter.add_(0.2 * noise)
            else:
                is_large = "gate.weight" in name or "router" in name or "sinks" in name
                parameter.copy_((0.3 if is_large else 0.1) * noise)
        for name, buffer in model.named_buffers():
            if "correction_bias" in name:
                buffer.copy_(0.1 * torch.randn(buffer.shape, generator=generator))



def make_case(name, folder):
    """config.json, model.safetensors and io.safetensors, gradients under the names on disk."""
    import torch
    import transformers
    from safetensors.torch import load_file, save_file
    kind, fields = {**CASES, **STORED}[name]
    config = getattr(transformers, kind + "Config")(**fields)
    config._attn_implementation = "eager"
    model = getattr(transformers, kind + HEADS.get(kind, "ForCausalLM"))(config).float().eval()
    spread(model)
    model.save_pretrained(folder)
    generator = torch.Generator().manual_seed(2)
    ids = torch.randint(0, fields["vocab_size"], (2, 16), generator=generator)
    labels = ids.clone()
    labels[0, 3:6] = -100
    inputs = {"input_ids": ids}
    if kind == "T5":   # the source of another length
        inputs = {"input_ids": torch.randint(0, 96, (2, 21)), "decoder_input_ids": ids}
    logits = model(**inputs, use_cache=False).logits
    # Each place is scored against the next token, or, where all are seen, against its own.
    targets = labels
    if kind not in ("Bert", "T5"):
        targets = torch.nn.functional.pad(labels[:, 1:], (0, 1), value=-100)
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]).float(),
                                             targets.reshape(-1), ignore_index=-100)
    loss.backward()
    # Saved as weights are: the library knows how its parameters are named and cut on disk.
    with torch.no_grad():
        for parameter in model.parameters():
            gradient = parameter.grad
            parameter.copy_(torch.zeros_like(parameter) if gradient is None else gradient)
    with tempfile.TemporaryDirectory() as other:
        model.save_pretrained(other)
        gradients = load_file(os.path.join(other, "model.safetensors"))
    buffers = {name for name, _ in model.named_buffers()}  # no loss moves them
    tensors = {"grad." + key: (value * 0 if key in buffers else value).contiguous()
               for key, value in gradients.items()}
    tensors["targets" if kind == "Bert" else "labels"] = labels
    tensors.update({**inputs, "logits": logits.detach().contiguous(),
                    "loss": loss.detach().reshape(1)})
    save_file(tensors, os.path.join(folder, "io.safetensors"))


# --- In the test ----------------------------------------------------------------------------------

def floats(tensor):
    return struct.unpack(f"<{len(tensor[2]) // 4}f", tensor[2])


def largest_difference(got, want, floor=0):
    """Relative to the largest of `want`, or to `floor`."""
    got, want = floats(got), floats(want)
    scale = max(floor, max(abs(v) for v in want)) or 1
    return max(abs(a - b) for a, b in zip(got, want)) / scale if len(got) == len(want) else 1e9


PYTHON = library_python("TESSERA_TORCH_PYTHON", PACKAGES)


class FamilyTest(cli_testing.CliTest):
    def check(self, folder):
        checkpoint, out, copy = self.at("checkpoint"), self.at("out"), self.at("copy")
        self.ok("import", folder, "--out", checkpoint)
        io = os.path.join(folder, "io.safetensors")
        self.ok("eval", checkpoint, "--input", io, "--output", out, "--gradients")
        want, got = read_safetensors(io), read_safetensors(out)
        self.assertLessEqual(largest_difference(got["logits"], want["logits"]), LOGIT_TOLERANCE)
        self.assertLessEqual(largest_difference(got["loss"], want["loss"]), LOSS_TOLERANCE)
        gradients = sorted(n for n in want if n.startswith("grad."))
        self.assertEqual(gradients, sorted(n for n in got if n.startswith("grad.")))
        # Some are zero but for rounding, such as those of keys' biases without rotary positions.
        floor = 2e-4 * max(abs(v) for n in gradients for v in floats(want[n]))
        for gradient in gradients:
            self.assertEqual(got[gradient][1], want[gradient][1], gradient)
            self.assertLessEqual(largest_difference(got[gradient], want[gradient], floor),
                                 GRADIENT_TOLERANCE, gradient)
        self.ok("export", checkpoint, "--out", copy)
        self.assertEqual(read_safetensors(os.path.join(copy, "model.safetensors")),
                         read_safetensors(os.path.join(folder, "model.safetensors")))
        with open(os.path.join(copy, "config.json"), encoding="utf-8") as mine, \
                open(os.path.join(folder, "config.json"), encoding="utf-8") as theirs:
            self.assertEqual(json.load(mine), json.load(theirs))


class StoredFamiliesTest(FamilyTest):
    def test_they_agree_with_what_the_library_gave(self):
        for name in STORED:
            with self.subTest(name):
                shutil.rmtree(self.at("checkpoint"), ignore_errors=True)
                shutil.rmtree(self.at("copy"), ignore_errors=True)
                self.check(os.path.join(HERE, "stored", name))


@unittest.skipUnless(PYTHON, "PyTorch and Transformers are not there (a long run installs them)")
class FamiliesTest(FamilyTest):
    def make_and_check(self, name):
        folder = self.at(name)
        subprocess.run([PYTHON, os.path.abspath(__file__), name, folder], check=True,
                       capture_output=True)
        self.check(folder)


for case in CASES if cli_testing.IS_LONG else QUICK:
    setattr(FamiliesTest, f"test_{case}", lambda self, name=case: self.make_and_check(name))


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in {**CASES, **STORED}:
        make_case(*sys.argv[1:])
    else:
        cli_testing.main()
