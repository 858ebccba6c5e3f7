#!/usr/bin/env python3
"""What calls and callbacks cost from Python, and what the loop over steps adds to a step.

    tests/bench/python_calls.py            in an environment made from this build (python_env.py)

Method: each line is the least of 5 rounds of many calls, with Python's own loop and call in it (the
first line). The overhead of the loop over steps is the time of a run less the time that the library
says its steps took.
"""

import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = 5


def per_call(function, count):
    """The least seconds per call."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(count):
            function()
        best = min(best, time.perf_counter() - start)
    return best / count


def line(name, seconds):
    print(f"{name:52} {seconds * 1e9:10.0f} ns")


def calls(ts):
    from tessera import _raw

    def show(name, function, count=50000):
        line(name, per_call(function, count))

    show("an empty Python call", lambda: None, 200000)
    tensor = ts.Tensor.zeros((4, 1000))
    handle = tensor.handle
    show("raw: a getter (tsr_version)", _raw.tsr_version)
    show("raw: a getter with a handle (tsr_tensor_rank)", lambda: _raw.tsr_tensor_rank(handle))
    graph = ts.Graph()
    value = graph.input("x", "f32", "B,T,64")
    graph_handle = graph.handle
    show("raw: a status and a text (tsr_graph_type)",
         lambda: _raw.tsr_graph_type(graph_handle, value.number))
    show("an error, raised and caught", lambda: caught(ts), 5000)
    show("Tensor.shape", lambda: tensor.shape)
    show("memoryview of a tensor", lambda: memoryview(tensor))
    show("DLPack out and in", lambda: ts.Tensor.from_dlpack(tensor))
    show("Tensor.zeros((1,)), closed", lambda: ts.Tensor.zeros((1,)))


def caught(ts):
    try:
        ts.Tensor.zeros((-1,))
    except ValueError:
        pass


def callbacks(ts):
    class Nothing(ts.Op):
        """It does nothing."""
        name = "bench_nothing"
        signature = "x[N] -> y[N]"

        def run(self, inputs, outputs):
            pass

    ts.register(Nothing)
    from tessera import _raw
    _raw.tsr_runtime_register_op(ts.default_runtime().handle, (
        "bench_raw", 1, "x[N] -> y[N]", "", lambda attrs, inputs, outputs: None, None))

    def time_of(op, count):
        graph = ts.Graph()
        x = graph.input("x", "f32", "N")
        for _ in range(count):
            x = graph.add(op, x)
        graph.output("y", x)
        program, given = graph.compile(), ts.Tensor.zeros((16,))
        return per_call(lambda: program(x=given), 500)

    line("Program.run of one op", time_of("neg", 1))
    for name, op in (("a kernel's callback, raw layer", "bench_raw"),
                     ("a kernel as a class (Op.run), two operands", "bench_nothing")):
        line(name, (time_of(op, 41) - time_of(op, 1)) / 40)


def loop(ts, folder):
    corpus = os.path.join(folder, "corpus.txt")
    with open(corpus, "w", encoding="utf-8") as file:
        file.write("a line to learn from, and then another one\n" * 2000)
    config = ts.Config({
        "model": {"type": "LanguageModel", "vocab_size": 256, "model_dim": 128,
                  "decoder": {"num_layers": 2, "layer": {"attention": {"num_heads": 4},
                                                         "feed_forward": {"hidden_dim": 256}}}},
        "data": {"train": corpus}, "trainer": {"steps": 100000, "batch_size": 8,
                                               "sequence_length": 128}})
    trainer = ts.Trainer(config)
    trainer.step()   # measures the peak once
    for name, steps in (("trainer.run", trainer.run(steps=40)),
                        ("trainer.step", (trainer.step() for _ in range(40)))):
        start = time.perf_counter()
        inside = [result.step_s for result in steps]
        whole = time.perf_counter() - start
        added = (whole - sum(inside)) / len(inside)
        line(f"{name}: added to a step of {sum(inside) / len(inside) * 1e3:.1f} ms", added)
        print(f"{'':52} {added / (sum(inside) / len(inside)) * 100:9.2f} %")


def main():
    try:
        import tessera as ts
    except ImportError:
        sys.path.insert(0, os.path.join(os.path.dirname(HERE), "bindings"))
        import python_env
        with tempfile.TemporaryDirectory(prefix="tessera-bench-") as folder:
            python = python_env.fresh(os.path.join(folder, "fresh"))
            sys.exit(subprocess.run([python, os.path.abspath(__file__)], check=False).returncode)
    calls(ts)
    callbacks(ts)
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as folder:
        loop(ts, folder)


if __name__ == "__main__":
    main()
