#!/usr/bin/env python3
"""Times a training step beside a peer's, in alternating runs on the same machine.

Each round runs the peer and `tessera bench CONFIG --json` in turn (the order changes from round to
round) and takes the ratio of their median steps, so that neighbours trouble both alike; what counts
is the median of these ratios. Both commands must end with a JSON object with step_s_median,
step_s_min, tokens_per_s and peak_rss_mb. Where both say the loss of their last step, the two have
to be within --loss-within of each other: batches and first weights are drawn by each side, so that
they agree as two seeds do. The peer needs a Python that has PyTorch:

  tests/bench/compare.py --peer "python ../shared/peers/torch_train.py --dtype bf16 --steps 5"
"""
import argparse
import json
import shlex
import statistics
import subprocess
import sys
import time

MIB = 1 << 20


def run(command, from_start):
    """The JSON object that `command` prints last; from_start: all its seconds are of its step."""
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begin
    lines = done.stdout.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("{")]
    if done.returncode != 0 or not starts:
        sys.exit(f"{shlex.join(command)}: expected a JSON object, got exit code "
                 f"{done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    result = json.loads("\n".join(lines[starts[-1]:]))
    missing = [key for key in ("step_s_median", "step_s_min", "tokens_per_s", "peak_rss_mb")
               if key not in result]
    if missing:
        sys.exit(f"{shlex.join(command)}: its JSON lacks {', '.join(missing)}")
    if from_start:
        result["step_s_median"] = seconds
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="samples/bench/dense.json")
    parser.add_argument("--tessera", default="build/bin/tessera")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=3, help="of ours, before --steps")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="path=value",
                        help="changes a field of the config, such as runtime.dtype=fp32")
    parser.add_argument("--loss-within", type=float, default=0.25,
                        help="most that the last losses may differ; of as many steps, where the "
                             "peer takes as many, warm-up included")
    parser.add_argument("--from-start", action="store_true",
                        help="compares whole runs of one step: give the peer --steps 1 --warmup 0")
    parser.add_argument("--peer", default="python3 ../shared/peers/torch_train.py --steps 5")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error(f"--rounds: expected at least 1, got {args.rounds}")
    if args.from_start:
        args.steps, args.warm_up = 1, 0
    ours = [args.tessera, "bench", args.config, "--steps", str(args.steps), "--warm-up",
            str(args.warm_up), "--json"]
    for change in args.set:
        ours += ["--set", change]
    peer = shlex.split(args.peer)
    pairs = []
    for number in range(args.rounds):
        if number % 2 == 0:
            theirs = run(peer, args.from_start)
            mine = run(ours, args.from_start)
        else:
            mine = run(ours, args.from_start)
            theirs = run(peer, args.from_start)
        pairs.append((mine, theirs))
        ratio = theirs["step_s_median"] / mine["step_s_median"]
        print(f"round {number + 1}: tessera {mine['step_s_median']:.3f} s, peer "
              f"{theirs['step_s_median']:.3f} s, {ratio:.2f}x", flush=True)
    ratios = [theirs["step_s_median"] / mine["step_s_median"] for mine, theirs in pairs]
    losses = [(mine["loss"], theirs["loss"]) for mine, theirs in pairs
              if "loss" in mine and "loss" in theirs]
    apart = max((abs(mine - theirs) for mine, theirs in losses), default=None)
    # Ours are MB, the peers' are what Linux counts in KiB, over 1024.
    memory = [mine["peak_rss_mb"] / (theirs["peak_rss_mb"] * MIB / 1e6) for mine, theirs in pairs]
    print(json.dumps({
        "config": args.config,
        "peer": pairs[-1][1].get("peer", args.peer),
        "rounds": args.rounds,
        "speedup_median": round(statistics.median(ratios), 3),
        "speedup_min": round(min(ratios), 3),
        "tokens_per_s": max(mine["tokens_per_s"] for mine, _ in pairs),
        "peer_tokens_per_s": max(theirs["tokens_per_s"] for _, theirs in pairs),
        "memory_share": round(statistics.median(memory), 3),
        "peak_rss_mb": round(max(mine["peak_rss_mb"] for mine, _ in pairs)),
        "peer_peak_rss_mb": round(max(theirs["peak_rss_mb"] for _, theirs in pairs) * MIB / 1e6),
        "losses": losses,
    }))
    if apart is not None and apart > args.loss_within:
        sys.exit(f"losses: expected to be within {args.loss_within} of the peer's, got {apart:.3f}")


if __name__ == "__main__":
    main()
