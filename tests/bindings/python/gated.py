"""Modules written in Python that build what modules of the catalogue build.

Used by several suites; `import gated` needs no runtime.
"""

import tessera as ts
from tessera import ops


class PythonFeedForward(ts.Module):
    """y = (silu(x Wg) * (x Wu)) Wd."""

    role = "feed_forward,expert"
    model_dim = ts.field(int, required=True, min=1, flows="model_dim", doc="Width outside.")
    hidden_dim = ts.field(int, required=True, min=1, doc="Width inside.")
    bias = ts.field(bool, False)
    init_std = ts.field(float, 0.02, min=0)
    up_proj = ts.slot("linear", "Linear", dims="model_dim -> hidden_dim", names="embed -> mlp",
                      gives="bias; init_std")
    gate_proj = ts.slot("linear", "Linear", dims="model_dim -> hidden_dim", names="embed -> mlp",
                        gives="bias; init_std")
    down_proj = ts.slot("linear", "Linear", dims="hidden_dim -> model_dim", names="mlp -> embed",
                        gives="bias; init_std")

    def build(self, scope, x):
        up = scope.call("up_proj", x)
        gate = scope.call("gate_proj", x)
        return scope.call("down_proj", ops.glu(gate, up, activation="silu"))


class PythonGate(ts.Module):
    """The top_k experts of the largest logits; weights by softmax over these (TopKGate)."""

    role = "gate"
    model_dim = ts.field(int, required=True, min=1, flows="model_dim")
    num_experts = ts.field(int, required=True, min=1, flows="num_experts")
    top_k = ts.field(int, 2, min=1, inherits="top_k")

    def build(self, scope, x):
        logits = x @ scope.param("weight", (self.model_dim, self.num_experts), init={
            "kind": "normal", "stddev": 0.02, "logical_dims": ["embed", "router"]})
        _, ids = ops.top_k(logits, k=self.top_k)
        scores = ops.softmax(logits)
        return ids, ops.softmax(ops.pick(logits, ids)), scores, logits


class PythonLoss(ts.Module):
    """Mean over the target tokens of -log of the target's probability (CrossEntropy)."""

    role = "loss"
    ignore_index = ts.field(int, -100)

    def build(self, scope, logits, targets):
        losses, _ = ops.cross_entropy(logits, targets, ignore_index=self.ignore_index)
        ignored = scope.add("fill", value=float(self.ignore_index), dtype="i32", shape="[]")
        counted = ops.cast(ops.not_equal(targets, ignored), dtype="f32")
        count = ops.reduce_sum(counted, dims=(0, 1))
        scope.loss("cross_entropy", ops.reduce_sum(losses, dims=(0, 1)), count)
        return ()
