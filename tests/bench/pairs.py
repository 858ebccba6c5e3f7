"""What comparisons with PyTorch share: operands that both sides make alike, alternating rounds, and
the ratios of pairs. Imported by the *_compare.py that run a benchmark beside PyTorch in-process.
"""
import json
import math
import statistics
import subprocess
import sys
import time

import torch

TYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def filled(dims, dtype, shift=0):
    """The numbers of FillOperand (bench_kit.h)."""
    index = torch.arange(math.prod(dims), dtype=torch.int64)
    value = ((index * 7919 + shift) % 1021).to(torch.float32) / 1021.0 - 0.5
    return value.to(TYPES[dtype]).reshape(dims)


def least(work, reps):
    """The least seconds of `reps` calls."""
    best = math.inf
    for _ in range(reps):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def output(command):
    """What a benchmark prints; ends the program where it does not end well."""
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-1000:]}"
                 f"{done.stderr[-1000:]}")
    return done.stdout


def alternate(rounds, ours, theirs):
    """Results of `rounds` pairs of calls, the order changing from pair to pair."""
    mine, peer = [], []
    for number in range(rounds):
        if number % 2:
            peer.append(theirs())
        mine.append(ours())
        if not number % 2:
            peer.append(theirs())
    return mine, peer


def report(name, mine, peer, **more):
    """Prints a line of figures.jsonl from the seconds of pairs."""
    ratios = [p / m for m, p in zip(mine, peer)]
    print(json.dumps({"name": name, "peer": "torch " + torch.__version__, "rounds": len(ratios),
                      "speedup_median": round(statistics.median(ratios), 3),
                      "speedup_min": round(min(ratios), 3), "speedup_max": round(max(ratios), 3),
                      "of_least": round(min(peer) / min(mine), 3),
                      "least_ms": round(1e3 * min(mine), 3),
                      "peer_least_ms": round(1e3 * min(peer), 3), **more}), flush=True)


def options(parser, bench, rounds):
    """The words that all of them take."""
    parser.add_argument("--bench", default=f"build/bin/{bench}")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error(f"--rounds: expected at least 1, got {args.rounds}")
    torch.set_num_threads(args.threads)
    return args
