"""Multi-gate mixtures against one gate and a shared bottom: the runs of PROTOCOL.md.

    python3 samples/mmoe/study.py census --program MMOE --data adult.data --out census.json
    python3 samples/mmoe/study.py synthetic --program MMOE --out synthetic.json --plot synthetic.svg

MMOE is what README.md builds. Needs nothing but Python. Every run is one process, so that runs in
parallel (--jobs) do not change a number.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
# pylint: disable-next=wrong-import-position
from mean_interval import mean_and_interval

MODELS = ("mmoe", "one_gate", "shared_bottom")
RATES = (0.001, 0.003, 0.01)
TUNING_SEEDS = (101, 102)
COSINES = (0.5, 0.9, 1.0)
COLORS = {"mmoe": "#1f6feb", "one_gate": "#9a6700", "shared_bottom": "#d1242f"}


def run(program, model, data, seed, rate, epochs, batch):
    words = [program, os.path.join(HERE, model + ".json"), data, seed, rate, epochs, batch]
    result = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}: {result.stderr.strip()}")
    return json.loads(result.stdout)


class Study:
    def __init__(self, words):
        self.words = words
        self.pool = concurrent.futures.ThreadPoolExecutor(words.jobs)

    def runs(self, model, data, seeds, rate):
        return [self.pool.submit(run, self.words.program, model, data, seed, rate,
                                 self.words.epochs, self.words.batch) for seed in seeds]

    def compare(self, data, larger_is_better):
        """Per model: the rate that tuning chose, and its runs over the seeds."""
        tuning = {(m, r): self.runs(m, data, TUNING_SEEDS, r) for m in MODELS for r in RATES}
        results = {}
        for model in MODELS:
            scores = {r: sum(f.result()["best_validation"] for f in tuning[model, r])
                      for r in RATES}
            rate = (max if larger_is_better else min)(scores, key=scores.get)
            runs = [f.result() for f in self.runs(model, data, range(1, self.words.seeds + 1),
                                                  rate)]
            results[model] = {"rate": rate, "runs": runs}
        return results


def print_table(results, digits):
    print("| model | weights | rate | task 0 | task 1 |\n|---|---|---|---|---|")
    for model, found in results.items():
        cells = []
        for task in (0, 1):
            mean, interval = mean_and_interval([r["test"][task] for r in found["runs"]])
            cells.append(f"{mean:.{digits}f} ± {interval:.{digits}f}")
        print(f"| {model} | {found['runs'][0]['weights']} | {found['rate']} | "
              f"{' | '.join(cells)} |")


def svg(results):
    """Three panels side by side, one for each cosine: mean validation error over epochs."""
    width, height, left, top = 250, 220, 55, 40
    curves = {c: {m: [sum(sum(r["validation"][e]) / 2 for r in found["runs"]) / len(found["runs"])
                      for e in range(len(found["runs"][0]["validation"]))]
                  for m, found in by_model.items()} for c, by_model in results.items()}
    values = [v for by_model in curves.values() for curve in by_model.values() for v in curve]
    low, high = min(values), sorted(values)[int(len(values) * 0.97)]
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + 3 * (width + 30)}" '
             f'height="{top + height + 60}" font-family="sans-serif" font-size="11">',
             '<rect width="100%" height="100%" fill="#fff"/>']
    for panel, (cosine, by_model) in enumerate(curves.items()):
        x0 = left + panel * (width + 30)
        parts.append(f'<text x="{x0}" y="{top - 10}" font-size="13">cosine of the tasks {cosine}'
                     f'</text><rect x="{x0}" y="{top}" width="{width}" height="{height}" '
                     'fill="none" stroke="#888"/>')
        for line, (model, curve) in enumerate(by_model.items()):
            points = []
            for e, value in enumerate(curve):
                x = x0 + width * e / max(1, len(curve) - 1)
                share = (min(value, high) - low) / max(high - low, 1e-12)
                points.append(f"{x:.1f},{top + height * (1 - share):.1f}")
            color = COLORS[model]
            parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}" '
                         f'stroke-width="1.8"/><text x="{x0 + 110}" y="{top + 16 + 14 * line}" '
                         f'fill="{color}">{model} {curve[-1]:.3f}</text>')
        parts.append(f'<text x="{x0}" y="{top + height + 16}">epoch 1</text>'
                     f'<text x="{x0 + width}" y="{top + height + 16}" text-anchor="end">'
                     f'{len(next(iter(by_model.values())))}</text>')
    parts.append(f'<text x="{left - 6}" y="{top + 10}" text-anchor="end">{high:.2f}</text>'
                 f'<text x="{left - 6}" y="{top + height}" text-anchor="end">{low:.2f}</text>'
                 f'<text x="{left}" y="{top + height + 40}">mean squared error of both tasks on '
                 'the validation rows, mean over seeds</text></svg>')
    return "\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description="The runs of PROTOCOL.md.")
    parser.add_argument("study", choices=("census", "synthetic"))
    parser.add_argument("--program", required=True)
    parser.add_argument("--data", help="adult.data, for census")
    parser.add_argument("--out", required=True, help="every number, as JSON")
    parser.add_argument("--plot", help="curves as SVG, for synthetic")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--jobs", type=int, default=2)
    words = parser.parse_args()
    study = Study(words)
    if words.study == "census":
        if not words.data:
            parser.error("census: expected --data PATH of adult.data")
        results = study.compare(words.data, True)
        print("Area under the curve on test rows: income above 50K, never married\n")
        print_table(results, 4)
    else:
        results = {c: study.compare(f"synthetic:{c}", False) for c in COSINES}
        for cosine, by_model in results.items():
            print(f"\nCosine {cosine}: mean squared error on test rows\n")
            print_table(by_model, 4)
        if words.plot:
            with open(words.plot, "w", encoding="utf-8") as file:
                file.write(svg(results))
    with open(words.out, "w", encoding="utf-8") as file:
        json.dump(results, file)


if __name__ == "__main__":
    main()
