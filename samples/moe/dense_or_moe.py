"""Dense against mixture of experts at equal active flops: the runs of DENSE_OR_MOE.md.

    python3 samples/moe/dense_or_moe.py --out FOLDER [--text FILE] [--steps N] [--seeds N]

Needs the built program and nothing but Python. Without a text the corpus is made of the sources of
Python's standard library. The folder keeps every run; those that are complete are not run again.
Prints tables and writes curves.svg and loads.svg there.
"""

import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))
# pylint: disable-next=wrong-import-position
from mean_interval import mean_and_interval

PROGRAM = os.path.join(os.environ.get("TESSERA_BUILD") or os.path.join(SOURCE, "build"), "bin",
                       "tessera")
TEXT = os.path.join(SOURCE, "samples", "text")
RECIPE = {"model.vocab_size": 256, "data.tokenizer": "ByteTokenizer", "runtime.dtype": "bf16",
          "data.validation_fraction": 0.02, "trainer.eval_batches": 0}
EXPERT = {"type": "FeedForward", "hidden_dim": 256, "activation": "gelu", "gated": False,
          "output_init_std": 0.00707}
MIXTURE = {"type": "MixtureOfExperts", "num_experts": 16, "top_k": 2, "expert": EXPERT,
           "gate": {"type": "DeepSeekGate", "bias_rate": 0.01},   # no loss for balance
           "balance": [{"type": "LoadMetrics", "loads": True}]}
MODELS = {"dense": {**EXPERT, "hidden_dim": 512}, "moe": MIXTURE}
RATES = (0.001, 0.002, 0.004, 0.008)   # tried for each model
SEARCH_SEED = 100               # of the runs that try them, which count for nothing else
LAST_STEPS = 100   # over which the balance is told


def metrics(folder):
    path = os.path.join(folder, "metrics.jsonl")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def evaluations(records):
    return [(r["step"], r["eval_loss"]) for r in records if "eval_loss" in r]


def train(words, model, seed, rate):
    folder = os.path.join(words.out, f"{model}-{seed}-{rate}")
    records = metrics(folder)
    if any(step == words.steps for step, _ in evaluations(records)):
        return records
    changes = {**RECIPE, "model.decoder.layer.feed_forward": MODELS[model],
               "data.train": words.text, "trainer.steps": words.steps,
               "schedule.total_steps": words.steps, "optimizer.learning_rate": rate,
               "trainer.eval_every": max(1, words.steps // 10), "runtime.seed": seed,
               "runtime.threads": words.threads}
    command = [PROGRAM, "train", os.path.join(TEXT, "shakespeare.json"), "--out", folder, "--quiet"]
    for path, value in changes.items():
        command += ["--set", f"{path}={json.dumps(value)}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(result.stderr.strip())
    records = metrics(folder)
    print(f"{os.path.basename(folder)}: {evaluations(records)[-1][1]:.4f}", file=sys.stderr)
    return records


def best_rate(words, model):
    """The learning rate of the least last loss; a row of the table of all of them."""
    found = {rate: evaluations(train(words, model, SEARCH_SEED, rate))[-1][1] for rate in RATES}
    return min(found, key=found.get), [f"{loss:.4f}" for loss in found.values()]


def summary(values):
    mean, interval = mean_and_interval(values)
    return f"{mean:.4f}" if len(values) < 2 else f"{mean:.4f} ± {interval:.4f}"


def balance(records):
    """Of each mixture: the mean max_violation of the last steps, and that of them together."""
    steps = [r for r in records if "loss" in r][-LAST_STEPS:]
    found = []
    for key in sorted(k for k in steps[0] if k.endswith("/max_violation")):
        of_steps = sum(r[key] for r in steps) / len(steps)
        experts = [k for k in steps[0] if k.startswith(key.replace("/max_violation", "/load_"))]
        loads = [sum(r[expert] for r in steps) for expert in experts]
        found.append((of_steps, max(loads) * len(loads) / sum(loads) - 1))
    return found


def write_pictures(words, runs):
    """The mean over seeds of each model's losses, and the loads of the first mixture."""
    curves = []
    for model, found in runs.items():
        path = os.path.join(words.out, f"mean-{model}.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for rows in zip(*found):   # records of the same step
                means = {name: sum(r[name] for r in rows) / len(rows)
                         for name in ("loss", "eval_loss") if name in rows[0]}
                file.write(json.dumps({"step": rows[0]["step"], **means}) + "\n")
        curves.append(f"{model}={path}")
    subprocess.run([sys.executable, os.path.join(TEXT, "plot_curves.py"),
                    os.path.join(words.out, "curves.svg"), *curves], check=True)
    first = os.path.join(words.out, f"moe-1-{words.rates['moe']}")
    subprocess.run([PROGRAM, "moe-report", first, "--columns", "40", "--svg",
                    os.path.join(words.out, "loads.svg")], check=True, stdout=subprocess.DEVNULL)


def report(words, runs):
    print("\n| model | learning rate | validation loss | ms a step |\n|---|---|---|---|")
    losses = {model: [evaluations(r)[-1][1] for r in found] for model, found in runs.items()}
    for model, found in runs.items():
        medians = [sorted(r["step_s"] for r in records if "loss" in r)[words.steps // 2]
                   for records in found]
        print(f"| {model} | {words.rates[model]} | {summary(losses[model])} | "
              f"{1000 * min(medians):.1f} |")
    gaps = [d - m for d, m in zip(losses["dense"], losses["moe"])]
    print(f"\ndense less moe, by seed: {summary(gaps)}")
    print(f"\n| max_violation, last {LAST_STEPS} steps | of a step | of all together |")
    print("|---|---|---|")
    for layer, pairs in enumerate(zip(*(balance(records) for records in runs["moe"]))):
        print(f"| layer {layer} | {summary([p[0] for p in pairs])} | "
              f"{summary([p[1] for p in pairs])} |")


def main():
    parser = argparse.ArgumentParser(description="The runs of DENSE_OR_MOE.md.")
    parser.add_argument("--text", help="any text; default: the sources of the standard library")
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    words = parser.parse_args()
    os.makedirs(words.out, exist_ok=True)
    if words.text is None:
        words.text = os.path.join(words.out, "corpus.txt")
        subprocess.run([sys.executable, os.path.join(TEXT, "make_corpus.py"), words.text],
                       check=True)
    words.text = os.path.abspath(words.text)
    print(f"| learning rate | {' | '.join(map(str, RATES))} |\n|---|{'---|' * len(RATES)}")
    words.rates = {}
    for model in MODELS:
        words.rates[model], row = best_rate(words, model)
        print(f"| {model}, seed {SEARCH_SEED} | {' | '.join(row)} |")
    runs = {model: [] for model in MODELS}
    for seed in range(1, words.seeds + 1):
        for model, found in runs.items():
            found.append(train(words, model, seed, words.rates[model]))
    report(words, runs)
    write_pictures(words, runs)


if __name__ == "__main__":
    main()
