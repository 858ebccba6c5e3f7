#!/usr/bin/env python3
"""Times matrix products beside PyTorch's, in alternating rounds on the same machine.

The shapes are forward, input gradient and weight gradient of the four products of a layer of
samples/bench/dense.json, 4096 rows; neither side has its weights packed beforehand. Each round runs
build/bin/gemm_bench and then PyTorch, or the other way round; a shape counts with the least time of
a round, and what is printed is the median over the rounds of the ratio, with the least times beside
it. Needs a Python that has PyTorch, and a build with -DTESSERA_BENCH=ON:

  tests/bench/gemm_compare.py --rounds 7 --dtype f32
"""
import argparse
import math
import statistics
import subprocess
import sys
import time

import torch

# (rows, columns, terms, left side transposed, right side transposed)
SHAPES = [
    (4096, 1536, 512, 0, 0), (4096, 512, 512, 0, 0), (4096, 2816, 512, 0, 0),
    (4096, 512, 1408, 0, 0), (4096, 512, 1536, 0, 1), (4096, 512, 512, 0, 1),
    (4096, 512, 2816, 0, 1), (4096, 1408, 512, 0, 1), (512, 1536, 4096, 1, 0),
    (512, 512, 4096, 1, 0), (512, 2816, 4096, 1, 0), (1408, 512, 4096, 1, 0)]
TYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def ours(bench, threads, dtype):
    """Seconds by shape, of the kernel that a step takes: the first in the table."""
    command = [bench, str(threads), "1", "matmul." + dtype]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = {}
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) == 10 and words[1] == dtype:
            transposed = tuple(int(letter == "T") for letter in words[5])
            seconds.setdefault(tuple(map(int, words[2:5])) + transposed, float(words[6]) * 1e-6)
    missing = [shape for shape in SHAPES if shape not in seconds]
    if done.returncode != 0 or missing:
        sys.exit(f"{' '.join(command)}: expected times of {missing}, got exit code "
                 f"{done.returncode}\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    return seconds


def theirs(dtype):
    seconds = {}
    for shape in SHAPES:
        m, n, k, left, right = shape
        a = torch.rand((k, m) if left else (m, k)).sub(0.5).to(TYPES[dtype])
        b = torch.rand((n, k) if right else (k, n)).sub(0.5).to(TYPES[dtype])
        a, b = a.t() if left else a, b.t() if right else b
        least = math.inf
        for _ in range(3):
            start = time.perf_counter()
            torch.mm(a, b)
            least = min(least, time.perf_counter() - start)
        seconds[shape] = least
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", default="build/bin/gemm_bench")
    parser.add_argument("--dtype", choices=sorted(TYPES), default="f32")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error(f"--rounds: expected at least 1, got {args.rounds}")
    torch.set_num_threads(args.threads)
    theirs(args.dtype)
    mine, peer = [], []
    for number in range(args.rounds):
        if number % 2:
            peer.append(theirs(args.dtype))
        mine.append(ours(args.bench, args.threads, args.dtype))
        if not number % 2:
            peer.append(theirs(args.dtype))
    ratios, of_least = [], []
    print(f"{'m':>5} {'n':>5} {'k':>5}  T  tessera GFLOP/s  torch GFLOP/s  median ratio  of least")
    for shape in SHAPES:
        m, n, k, left, right = shape
        pairs = [p[shape] / o[shape] for o, p in zip(mine, peer)]
        our_least = min(o[shape] for o in mine)
        their_least = min(p[shape] for p in peer)
        ratios.append(statistics.median(pairs))
        of_least.append(their_least / our_least)
        print(f"{m:5} {n:5} {k:5} {'T' if left else '-'}{'T' if right else '-'} "
              f"{2e-9 * m * n * k / our_least:16.0f} {2e-9 * m * n * k / their_least:14.0f} "
              f"{ratios[-1]:13.2f} {of_least[-1]:9.2f}")
    print(f"geometric mean of {args.rounds} rounds, {args.dtype}, {args.threads} threads: "
          f"{statistics.geometric_mean(ratios):.2f} (worst shape {min(ratios):.2f}); "
          f"of least times {statistics.geometric_mean(of_least):.2f} ({min(of_least):.2f})")


if __name__ == "__main__":
    main()
