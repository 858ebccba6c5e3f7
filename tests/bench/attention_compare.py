#!/usr/bin/env python3
"""Times causal attention, forward and backward, beside PyTorch's, in alternating rounds.

Both sides get the same operands of 4096 tokens (8192 for the longest), 8 heads of 64; each reads
and writes what its own layers have ([batch, position, head, depth] here, heads before positions
there). Results and gradients are compared first, with PyTorch's in fp32. A shape counts with the
least time of a round; what is printed, one line of figures.jsonl each, are ratios of pairs. Needs a
Python that has PyTorch, and a build with -DTESSERA_BENCH=ON:

  tests/bench/attention_compare.py --rounds 10
"""
import argparse
import json
import os
import tempfile

import pairs
import torch
from torch.nn.functional import scaled_dot_product_attention

HEADS, DEPTH = 8, 64
# Of the largest element: what sums of thousands of fp32 products differ by in another order; bf16
# results, whose weights are rounded too, beside fp32 on the same operands.
MOST_APART = {"bf16": 2 ** -6, "f32": 2e-5}


class Case:
    def __init__(self, args, dtype, length):
        self.args, self.dtype, self.length = args, dtype, length
        self.batch = max(1, 4096 // length)
        self.reps = 1 if length > 4096 else args.reps
        dims = (self.batch, length, HEADS, DEPTH)
        self.operands = [pairs.filled(dims, dtype, shift).transpose(1, 2).contiguous()
                         for shift in (0, 100, 200, 300)]

    def ours(self, file=None):
        words = [self.args.bench, "case", self.batch, self.length, HEADS, DEPTH, self.dtype,
                 self.args.threads, self.reps]
        return json.loads(pairs.output(words + ([file] if file else [])))

    def step(self, dtype=None):
        q, k, v, dy = (x.to(dtype) for x in self.operands) if dtype else self.operands
        q, k, v = (x.detach().requires_grad_() for x in (q, k, v))
        y = scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.125)
        y.backward(dy)
        return y.detach(), q.grad, k.grad, v.grad

    def theirs(self):
        return pairs.least(self.step, self.reps)

    def apart(self):
        """How far our results and the peer's are from the peer's in fp32: the largest difference of
        y, dq, dk, dv, relative to the largest element of each."""
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "results")
            self.ours(file)
            mine = torch.from_file(file, dtype=pairs.TYPES[self.dtype],
                                   size=4 * self.operands[0].numel()).clone().chunk(4)
        most = [0.0, 0.0]
        for ours, peer, exact in zip(mine, self.step(), self.step(torch.float32)):
            exact = exact.transpose(1, 2).flatten()
            peer = peer.transpose(1, 2).flatten()
            for i, result in enumerate((ours, peer)):
                most[i] = max(most[i], ((result - exact).abs().max() / exact.abs().max()).item())
        return most


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtypes", nargs="+", choices=sorted(pairs.TYPES), default=["bf16", "f32"])
    parser.add_argument("--lengths", nargs="+", type=int, default=[512, 2048, 8192])
    parser.add_argument("--reps", type=int, default=3, help="of a round, but for the longest")
    args = pairs.options(parser, "attention_bench", 10)
    for length in args.lengths:
        for dtype in args.dtypes:
            case = Case(args, dtype, length)
            apart, peer_apart = case.apart()
            if not apart <= MOST_APART[dtype]:
                raise SystemExit(f"{dtype}, {length}: results differ by {apart:.2g} of the largest,"
                                 f" expected at most {MOST_APART[dtype]:.2g}")
            mine, peer = pairs.alternate(args.rounds, case.ours, case.theirs)
            seconds = [one["both_s"] for one in mine]
            pairs.report(f"attention {length}, {dtype}, forward and backward", seconds, peer,
                         apart=float(f"{apart:.2g}"), peer_apart=float(f"{peer_apart:.2g}"),
                         gflops_per_s=round(mine[0]["flops"] / min(seconds) / 1e9, 1),
                         workspace_mb=[round(x / 1e6, 1) for x in mine[0]["workspace_bytes"]])


if __name__ == "__main__":
    main()
