#!/usr/bin/env python3
"""Times a layer of experts beside a peer's, in alternating runs on the same machine.

Each round runs both programs in turn, the order changing from round to round; each prints one JSON
object per variant (variant, and step_s or step_s_min). What counts is the median over the rounds of
the ratio to the peer's fastest variant of that round.

  tests/bench/moe_compare.py --python PYTHON_WITH_TESSERA \\
      --peer "PYTHON_WITH_PYTORCH ../shared/peers/torch_moe_layer.py --reps 2" --dtype bf16
"""
import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def run(command):
    """{variant: least seconds of a step}."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    times = {row["variant"]: row.get("step_s", row.get("step_s_min")) for row in rows
             if "error" not in row}
    if done.returncode != 0 or not times:
        sys.exit(f"{shlex.join(command)}: exit code {done.returncode}\n{done.stdout[-2000:]}"
                 f"{done.stderr[-2000:]}")
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="one that has the package")
    parser.add_argument("--peer", required=True)
    parser.add_argument("--dtype", default="bf16", choices=["bf16", "fp32"])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--more", default="", help="words for both, such as '--experts 8'")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error(f"--rounds: expected at least 1, got {args.rounds}")
    words = ["--dtype", args.dtype, *shlex.split(args.more)]
    ours = [args.python, os.path.join(HERE, "moe_layer.py"), "--reps", "2", *words]
    peer = [*shlex.split(args.peer), *words]
    ratios, shares = [], []
    for number in range(args.rounds):
        if number % 2 == 0:
            theirs, mine = run(peer), run(ours)
        else:
            mine, theirs = run(ours), run(peer)
        best = min((seconds, name) for name, seconds in theirs.items() if name != "dense")
        ratios.append(best[0] / mine["moe"])
        shares.append(mine["dense"] / mine["moe"])
        others = ", ".join(f"{name} {seconds:.2f}" for name, seconds in theirs.items())
        print(f"round {number + 1}: tessera {mine['moe']:.2f} s (dense {mine['dense']:.2f}), peer "
              f"{others}: {ratios[-1]:.2f}x its {best[1]}", flush=True)
    print(json.dumps({"dtype": args.dtype, "rounds": args.rounds,
                      "speedup_median": round(statistics.median(ratios), 3),
                      "speedup_min": round(min(ratios), 3),
                      "share_of_dense_median": round(statistics.median(shares), 3)}))


if __name__ == "__main__":
    main()
