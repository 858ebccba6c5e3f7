#!/usr/bin/env python3
"""Times one layer of experts, forward and backward, on a given routing; prints one line of JSON.

Shape of FastMoE's own benchmark by default: 4096 tokens, width 1024, hidden 4096, 64 experts, 2 for
each token; two products with gelu between, gradients by x and by all weights. `dense` is one
feed-forward with as many flops. Runs in an environment that has the package:

  python tests/bench/moe_layer.py --dtype bf16 --variants moe,dense
"""
import argparse
import json
import os
import statistics
import time


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("tokens", 4096), ("dim", 1024), ("hidden", 4096), ("experts", 64),
                        ("topk", 2), ("reps", 5), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--dtype", default="bf16", choices=["bf16", "fp32"])
    parser.add_argument("--variants", default="moe,dense")
    return parser.parse_args()


def weights(graph, args, dtype, names):
    init = {"kind": "normal", "stddev": 0.02}
    return [graph.param(name, dtype, dims, init) for name, dims in names]


def finish(graph, y):
    """The gradient that reaches y is 1 everywhere."""
    total = graph.add("reduce_sum", graph.add("cast", y, dtype="f32"), dims=[0, 1])
    graph.loss("sum", total, graph.add("fill", shape="", dtype="f32", value=1.0))
    return graph.compile(gradients=True, recompute="none")


def moe(ts, args, dtype):
    graph = ts.Graph()
    rows = (args.tokens, args.topk)
    # A parameter, so that the gradient by x is made too.
    x = graph.param("x", dtype, (args.tokens, args.dim), {"kind": "normal", "stddev": 1.0})
    ids = graph.input("ids", "i32", rows)
    chosen = graph.input("weights", dtype, rows)
    up, down = weights(graph, args, dtype, [("up", (args.experts, args.dim, args.hidden)),
                                            ("down", (args.experts, args.hidden, args.dim))])
    places, slots, experts, _ = graph.add("plan", ids, num_experts=args.experts,
                                          rows_per_token=args.topk)
    h = graph.add("dispatch", x, slots, places)
    h = graph.add("gelu", graph.add("grouped_matmul", h, up, experts), tanh=True)
    h = graph.add("grouped_matmul", h, down, experts)
    return finish(graph, graph.add("combine", h, slots, places, chosen))


def dense(ts, args, dtype):
    graph = ts.Graph()
    rows = args.tokens * args.topk
    x = graph.param("x", dtype, (rows, args.dim), {"kind": "normal", "stddev": 1.0})
    up, down = weights(graph, args, dtype, [("up", (args.dim, args.hidden)),
                                            ("down", (args.hidden, args.dim))])
    return finish(graph, graph.add("gelu", x @ up, tanh=True) @ down)


def main():
    args = parse()
    import numpy as np   # pylint: disable=import-outside-toplevel
    import tessera as ts  # pylint: disable=import-outside-toplevel
    dtype = {"bf16": "bf16", "fp32": "f32"}[args.dtype]
    random = np.random.default_rng(0)
    ids = np.stack([random.permutation(args.experts)[:args.topk] for _ in range(args.tokens)])
    inputs = {"ids": ids.astype(np.int32),
              "weights": random.random((args.tokens, args.topk), dtype=np.float32)}
    for variant in args.variants.split(","):
        program = {"moe": moe, "dense": dense}[variant](ts, args, dtype)
        given = inputs if variant == "moe" else {}
        times = []
        for _ in range(args.reps + 1):
            start = time.perf_counter()
            program.run_with_gradients(given)
            times.append(time.perf_counter() - start)
        times = times[1:]
        flops = 12 * args.tokens * args.topk * args.dim * args.hidden
        print(json.dumps({
            "variant": variant, "dtype": args.dtype, "tokens": args.tokens, "dim": args.dim,
            "hidden": args.hidden, "experts": args.experts, "topk": args.topk,
            "step_s_min": min(times), "step_s_median": statistics.median(times),
            "gflops_per_s": flops / min(times) / 1e9}), flush=True)
        program.close()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    main()
