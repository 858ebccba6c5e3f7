#!/usr/bin/env python3
"""Times the update of the 26M model beside PyTorch's, in alternating rounds.

Both sides clip gradients by their norm over all parameters, update with AdamW and refresh bf16
copies of the weights; PyTorch by clip_grad_norm_, its fused AdamW and one _foreach_copy_. The
parameters after a few updates are compared first. A round counts with its least time; what is
printed is a line of figures.jsonl. PyTorch's many short parallel regions suffer where other
programs want the same processors: only a quiet machine gives a ratio to believe. Needs a Python
that has PyTorch, and a build with -DTESSERA_BENCH=ON:

  tests/bench/adamw_compare.py --rounds 10
"""
import argparse
import json
import os
import tempfile

import pairs
import torch

# Parameters are of order 0.03; fp32 numbers of that size are 2e-9 apart, an update moves them 3e-4.
MOST_APART = 1e-7


class Peer:
    """A model's parameters, with gradients that stay."""

    def __init__(self, dims):
        self.params = []
        for number, dim in enumerate(dims):
            param = torch.nn.Parameter(pairs.filled(dim, "f32", number) * 0.06)
            param.grad = pairs.filled(dim, "f32", number + 500) * 0.01
            self.params.append(param)
        self.copies = [param.detach().bfloat16() for param in self.params]
        self.optimizer = torch.optim.AdamW(self.params, lr=3e-4, betas=(0.9, 0.95), eps=1e-8,
                                           weight_decay=0.1, fused=True)

    def update(self):
        torch.nn.utils.clip_grad_norm_(self.params, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_copy_(self.copies, self.params)  # pylint: disable=protected-access


def most_apart(command, reps):
    """The largest difference between our parameters and the peer's after reps + 1 updates."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "results")
        printed = json.loads(pairs.output(command + [reps, file]))
        mine = torch.from_file(file, dtype=torch.float32, size=printed["parameters"]).clone()
    peer = Peer(printed["dims"])
    for _ in range(reps + 1):
        peer.update()
    theirs = torch.cat([param.detach().flatten() for param in peer.params])
    return peer, (mine - theirs).abs().max().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="samples/bench/dense.json")
    parser.add_argument("--reps", type=int, default=5, help="of a round")
    args = pairs.options(parser, "update_bench", 10)
    command = [args.bench, args.config, args.threads]
    peer, apart = most_apart(command, 3)
    if not apart <= MOST_APART:
        raise SystemExit(f"parameters differ by {apart:.2g}, expected at most {MOST_APART:.2g}")
    mine, theirs = pairs.alternate(args.rounds,
                                   lambda: json.loads(pairs.output(command + [args.reps])),
                                   lambda: pairs.least(peer.update, args.reps))
    seconds = [one["update_s"] for one in mine]
    pairs.report("AdamW, clipping and bf16 copies, 26M", seconds, theirs,
                 apart=float(f"{apart:.2g}"),
                 gb_per_s=round(mine[0]["bytes"] / min(seconds) / 1e9, 1))


if __name__ == "__main__":
    main()
