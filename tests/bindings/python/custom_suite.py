"""Modules and ops in Python: program and losses as built in; exceptions; other processes."""

import math
import subprocess
import sys
import threading
import unittest

import numpy as np
import tessera as ts
from tessera import ops
from gated import PythonFeedForward, PythonGate, PythonLoss
from suite import Suite

ELSEWHERE = """
import sys, tessera as ts
assert "gated" not in sys.modules
program = ts.Program.from_checkpoint(sys.argv[1])
print(program(tokens=[[116, 104, 101]])["logits"].tolist())
"""


class Mine(Exception):
    """An exception of the suite's own."""


class Shifted(ts.Op):
    """y = x + by."""

    name = "suite_shifted"
    signature = "x[..., D] -> y[..., D]"

    def run(self, inputs, outputs, by=1.0):
        outputs[0].numpy()[...] = inputs[0].numpy() + by

    def gradient(self, scope, inputs, outputs, cotangents, by=1.0):
        return [cotangents[0]]


class CustomSuite(Suite):
    def replaced(self, kind, **fields):
        config = self.config(steps=8)
        part = {"type": kind, "hidden_dim": 64, **fields}
        config["model.decoder.layer.feed_forward"] = {
            name: value for name, value in part.items() if value is not None}
        return config

    def test_the_same_program_and_losses_as_built_in(self):
        self.runtime.register(PythonFeedForward)
        kinds = ("FeedForward", "PythonFeedForward")
        self.assertEqual(*(sorted(ts.Program(self.replaced(kind)).parameters) for kind in kinds))
        self.assert_same_training(*map(self.replaced, kinds))

    def assert_same_training(self, *configs):
        programs = [ts.Program(config, gradients=True) for config in configs]
        self.assertEqual(*(program.describe()["program_hash"] for program in programs))
        losses = [[result.loss for result in ts.Trainer(config).run()] for config in configs]
        self.assertEqual(len(losses[0]), 8)
        self.assertLess(losses[0][-1], losses[0][0])
        self.assertEqual(*losses)

    def test_gates_and_experts_too(self):
        self.runtime.register(PythonGate, PythonFeedForward)

        def routed(gate, expert):
            return self.replaced("MixtureOfExperts", num_experts=4, top_k=2, hidden_dim=None,
                                 gate={"type": gate}, expert={"type": expert, "hidden_dim": 32})

        self.assert_same_training(routed("TopKGate", "FeedForward"),
                                  routed("PythonGate", "PythonFeedForward"))

    def test_losses_too(self):
        self.runtime.register(PythonLoss)
        plain, custom = self.config(steps=8), self.config(steps=8)
        custom["model.loss"] = {"type": "PythonLoss"}
        self.assert_same_training(plain, custom)

    def test_a_checkpoint_runs_where_the_class_is_not(self):
        self.runtime.register(PythonFeedForward)
        with ts.Trainer(self.replaced("PythonFeedForward"), out=self.at("out")) as trainer:
            trainer.train()
            here = ts.Program.from_checkpoint(self.at("out", "checkpoints"), runtime=self.runtime)
        mine = here(tokens=[[116, 104, 101]])["logits"].tolist()
        result = subprocess.run([sys.executable, "-c", ELSEWHERE, self.at("out", "checkpoints")],
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.strip(), str(mine))

    def test_types_are_described_and_checked(self):
        self.runtime.register(PythonFeedForward)
        facts = self.runtime.describe_type("PythonFeedForward")
        self.assertEqual([entry["name"] for entry in facts["fields"]],
                         ["model_dim", "hidden_dim", "bias", "init_std", "up_proj", "gate_proj",
                          "down_proj"])
        self.assertEqual(facts["fields"][1]["doc"], "Width inside.")
        with self.assertRaises(ts.InvalidArgument):
            self.replaced("PythonFeedForward", hidden=3)
        with self.assertRaises(ts.AlreadyExists):
            self.runtime.register(PythonFeedForward)
        other = ts.Runtime(threads=1)
        with self.assertRaises(ts.NotFound):
            other.describe_type("PythonFeedForward")

    def test_slots_hold_other_modules(self):
        class Twice(ts.Module):
            """Two feed-forwards, one after the other."""
            role = "feed_forward"
            first = ts.slot("feed_forward", "FeedForward")
            second = ts.slot("feed_forward", "FeedForward")

            def build(self, scope, x):
                return scope.call("second", scope.call("first", x))

        self.runtime.register(Twice)
        config = self.config(steps=2)
        config["model.decoder.layer.feed_forward"] = {
            "type": "Twice", "first": {"hidden_dim": 16}, "second": {"hidden_dim": 24}}
        self.assertLess(list(ts.Trainer(config).run())[-1].loss, math.log(256) + 1)

    def test_exceptions_of_build_come_back_as_themselves(self):
        class Broken(ts.Module):
            """It raises."""
            role = "feed_forward"
            model_dim = ts.field(int, required=True, flows="model_dim")
            what = ts.field(str, "mine")

            def build(self, scope, x):
                if self.what == "mine":
                    raise Mine("from build")
                if self.what == "op":
                    return scope.add("matmull", x, x)
                if self.what == "leave":
                    raise KeyboardInterrupt
                return {"number": 3, "text": "x", "nothing": None}[self.what]

        self.runtime.register(Broken)
        config = self.config()

        def compile_with(what):
            config["model.decoder.layer.feed_forward"] = {"type": "Broken", "what": what}
            return ts.Program(config)

        with self.assertRaises(Mine) as caught:
            compile_with("mine")
        self.assertEqual(str(caught.exception), "from build")
        self.assertIn("module 'Broken'", caught.exception.__notes__[0])
        self.assertNotIn("Python exception", caught.exception.__notes__[0])
        with self.assertRaises(ts.NotFound) as caught:
            compile_with("op")
        self.assertIn("matmul", str(caught.exception))
        with self.assertRaises(KeyboardInterrupt):
            compile_with("leave")
        for what in ("number", "text", "nothing"):
            with self.assertRaises(TypeError):
                compile_with(what)
        with self.assertRaises(Mine):
            ts.Trainer(config.update({"model.decoder.layer.feed_forward.what": "mine"}))

    def test_a_scope_ends_with_its_build(self):
        kept = []

        class Keeps(ts.Module):
            """It keeps its scope."""
            role = "feed_forward"

            def build(self, scope, x):
                kept.append((scope, x))
                return x

        self.runtime.register(Keeps)
        config = self.config()
        config["model.decoder.layer.feed_forward"] = {"type": "Keeps"}
        ts.Program(config)
        scope, value = kept[0]
        with self.assertRaises(RuntimeError):
            scope.add("neg", value)
        with self.assertRaises(ValueError):
            ts.Graph(runtime=self.runtime).add("neg", value)

    def graph_of_shifted(self, **attrs):
        graph = ts.Graph(runtime=self.runtime)
        x = graph.input("x", "f32", "N,3")
        w = graph.param("w", "f32", (3, 2), init=0.5)
        y = graph.add("suite_shifted", x @ w, **attrs)
        graph.output("y", y)
        total = ops.reduce_sum(y, dims=(0, 1)) if hasattr(ops, "reduce_sum") else y
        return graph, total

    def test_an_op_runs_and_has_its_gradient(self):
        self.runtime.register(Shifted)
        graph, total = self.graph_of_shifted(by=2.0)
        one = graph.input("one", "f32", "")
        graph.loss("l", total, one)
        program = graph.compile(gradients=True)
        x = np.arange(6, dtype=np.float32).reshape(2, 3)
        loss, results = program.run_with_gradients(x=x, one=np.array(1, np.float32))
        np.testing.assert_allclose(results["y"].numpy(), x @ np.full((3, 2), 0.5) + 2)
        np.testing.assert_allclose(loss, results["y"].numpy().sum(), rtol=1e-6)
        np.testing.assert_allclose(program.gradient("w").numpy(),
                                   np.repeat(x.sum(0)[:, None], 2, 1), rtol=1e-6)

    def test_exceptions_of_kernels_come_back_as_themselves(self):
        outer = self

        class Raises(ts.Op):
            """It raises."""
            name = "suite_raises"
            signature = "x[..., D] -> y[..., D]"

            def run(self, inputs, outputs, what="mine"):
                if what == "keep":
                    outer.kept = inputs[0].numpy()
                    return
                raise Mine(threading.current_thread().name)

        self.runtime.register(Raises)
        graph = ts.Graph(runtime=self.runtime)
        x = graph.input("x", "f32", "N")
        graph.output("y", graph.add("suite_raises", x))
        with self.assertRaises(Mine):
            graph.compile()(x=[1.0, 2.0])
        graph = ts.Graph(runtime=self.runtime)
        x = graph.input("x", "f32", "N")
        graph.output("y", graph.add("suite_raises", x, what="keep"))
        with self.assertRaisesRegex(BufferError, "copy it"):
            graph.compile()(x=[1.0, 2.0])
        del self.kept

    def test_callbacks_may_call_back_in(self):
        inner = ts.Graph(runtime=self.runtime)
        inner.output("y", ops.exp(inner.input("x", "f32", "N")))
        program = inner.compile()

        class Calls(ts.Op):
            """It runs another program."""
            name = "suite_calls"
            signature = "x[N] -> y[N]"

            def run(self, inputs, outputs):
                outputs[0].view[:] = memoryview(program(x=inputs[0].numpy().copy())["y"])

        self.runtime.register(Calls)
        graph = ts.Graph(runtime=self.runtime)
        graph.output("y", graph.add("suite_calls", graph.input("x", "f32", "N")))
        result = graph.compile()(x=[0.0, 1.0])["y"].tolist()
        self.assertAlmostEqual(result[1], math.e, places=5)


if __name__ == "__main__":
    unittest.main()
