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
import statistics
import sys

import pairs
import torch

# (rows, columns, terms, left side transposed, right side transposed)
SHAPES = [
    (4096, 1536, 512, 0, 0), (4096, 512, 512, 0, 0), (4096, 2816, 512, 0, 0),
    (4096, 512, 1408, 0, 0), (4096, 512, 1536, 0, 1), (4096, 512, 512, 0, 1),
    (4096, 512, 2816, 0, 1), (4096, 1408, 512, 0, 1), (512, 1536, 4096, 1, 0),
    (512, 512, 4096, 1, 0), (512, 2816, 4096, 1, 0), (1408, 512, 4096, 1, 0)]


def ours(bench, threads, dtype):
    """Seconds by shape, of the kernel that a step takes: the first in the table."""
    command = [bench, str(threads), "1", "matmul." + dtype]
    seconds = {}
    for line in pairs.output(command).splitlines():
        words = line.split()
        if len(words) == 10 and words[1] == dtype:
            transposed = tuple(int(letter == "T") for letter in words[5])
            seconds.setdefault(tuple(map(int, words[2:5])) + transposed, float(words[6]) * 1e-6)
    missing = [shape for shape in SHAPES if shape not in seconds]
    if missing:
        sys.exit(f"{' '.join(command)}: expected times of {missing}, got none")
    return seconds


def theirs(dtype):
    seconds = {}
    for shape in SHAPES:
        m, n, k, left, right = shape
        a = pairs.filled((k, m) if left else (m, k), dtype)
        b = pairs.filled((n, k) if right else (k, n), dtype)
        a, b = a.t() if left else a, b.t() if right else b
        seconds[shape] = pairs.least(lambda a=a, b=b: torch.mm(a, b), 3)
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", choices=sorted(pairs.TYPES), default="f32")
    args = pairs.options(parser, "gemm_bench", 7)
    theirs(args.dtype)
    mine, peer = pairs.alternate(args.rounds, lambda: ours(args.bench, args.threads, args.dtype),
                                 lambda: theirs(args.dtype))
    ratios, of_least = [], []
    print(f"{'m':>5} {'n':>5} {'k':>5}  T  tessera GFLOP/s  torch GFLOP/s  median ratio  of least")
    for shape in SHAPES:
        m, n, k, left, right = shape
        of_pairs = [p[shape] / o[shape] for o, p in zip(mine, peer)]
        our_least = min(o[shape] for o in mine)
        their_least = min(p[shape] for p in peer)
        ratios.append(statistics.median(of_pairs))
        of_least.append(their_least / our_least)
        print(f"{m:5} {n:5} {k:5} {'T' if left else '-'}{'T' if right else '-'} "
              f"{2e-9 * m * n * k / our_least:16.0f} {2e-9 * m * n * k / their_least:14.0f} "
              f"{ratios[-1]:13.2f} {of_least[-1]:9.2f}")
    print(f"geometric mean of {args.rounds} rounds, {args.dtype}, {args.threads} threads: "
          f"{statistics.geometric_mean(ratios):.2f} (worst shape {min(ratios):.2f}); "
          f"of least times {statistics.geometric_mean(of_least):.2f} ({min(of_least):.2f})")


if __name__ == "__main__":
    main()
