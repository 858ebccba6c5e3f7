"""Dense against mixture of experts at equal active flops: the runs of DENSE_OR_MOE.md.

    python3 samples/moe/dense_or_moe.py --text FILE --out FOLDER [--steps N] [--seeds N]

Needs the built program and nothing but Python. The folder keeps every run; those that are complete
are not run again. Prints a table and writes curves.svg and loads.svg there.
"""

import argparse
import json
import math
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
PROGRAM = os.path.join(os.environ.get("TESSERA_BUILD") or os.path.join(SOURCE, "build"), "bin",
                       "tessera")
RECIPE = os.path.join(SOURCE, "samples", "text", "shakespeare.json")
EXPERT = {"type": "FeedForward", "hidden_dim": 256, "activation": "gelu", "gated": False,
          "output_init_std": 0.00707}
MIXTURE = {"type": "MixtureOfExperts", "num_experts": 16, "top_k": 2, "expert": EXPERT,
           "gate": {"type": "DeepSeekGate", "bias_rate": 0.01},   # no loss for balance
           "balance": [{"type": "LoadMetrics", "loads": True}]}
MODELS = {"dense": {**EXPERT, "hidden_dim": 512}, "moe": MIXTURE}
STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365}
LAST_STEPS = 100   # over which the balance is told


def metrics(folder):
    path = os.path.join(folder, "metrics.jsonl")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def train(words, model, seed):
    folder = os.path.join(words.out, f"{model}-{seed}")
    records = metrics(folder)
    if any("eval_loss" in r and r["step"] == words.steps for r in records):
        return records
    changes = {"model.decoder.layer.feed_forward": MODELS[model], "data.train": words.text,
               "trainer.steps": words.steps, "schedule.total_steps": words.steps,
               "trainer.eval_every": max(1, words.steps // 5), "trainer.eval_batches": 0,
               "runtime.seed": seed, "runtime.threads": words.threads}
    command = [PROGRAM, "train", RECIPE, "--out", folder, "--quiet"]
    for path, value in changes.items():
        command += ["--set", f"{path}={json.dumps(value)}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(result.stderr.strip())
    return metrics(folder)


def summary(values):
    mean = sum(values) / len(values)
    if len(values) < 2:
        return f"{mean:.4f}"
    spread = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    interval = STUDENT.get(len(values) - 1, 1.96) * spread / math.sqrt(len(values))
    return f"{mean:.4f} ± {interval:.4f}"


def balance(records):
    """The mean max_violation of all mixtures over the last steps."""
    steps = [r for r in records if "loss" in r][-LAST_STEPS:]
    values = [v for r in steps for k, v in r.items() if k.endswith("/max_violation")]
    return sum(values) / len(values)


def main():
    parser = argparse.ArgumentParser(description="The runs of DENSE_OR_MOE.md.")
    parser.add_argument("--text", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    words = parser.parse_args()
    words.text = os.path.abspath(words.text)
    os.makedirs(words.out, exist_ok=True)
    losses = {model: [] for model in MODELS}
    seconds = {model: [] for model in MODELS}
    violations = []
    for seed in range(1, words.seeds + 1):
        for model in MODELS:
            records = train(words, model, seed)
            losses[model].append([r["eval_loss"] for r in records if "eval_loss" in r][-1])
            seconds[model].append(sorted(r["step_s"] for r in records if "loss" in r)
                                  [words.steps // 2])
            if model == "moe":
                violations.append(balance(records))
    print("| model | validation loss | ms a step |\n|---|---|---|")
    for model, values in losses.items():
        print(f"| {model} | {summary(values)} | {1000 * min(seconds[model]):.1f} |")
    gaps = [d - m for d, m in zip(losses["dense"], losses["moe"])]
    print(f"\ndense less moe, by seed: {summary(gaps)}")
    print(f"max_violation over the last {LAST_STEPS} steps: {summary(violations)}")
    curves = [f"{m}={os.path.join(words.out, f'{m}-1', 'metrics.jsonl')}" for m in MODELS]
    subprocess.run([sys.executable, os.path.join(SOURCE, "samples", "text", "plot_curves.py"),
                    os.path.join(words.out, "curves.svg"), *curves], check=True)
    subprocess.run([PROGRAM, "moe-report", os.path.join(words.out, "moe-1"), "--svg",
                    os.path.join(words.out, "loads.svg")], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
