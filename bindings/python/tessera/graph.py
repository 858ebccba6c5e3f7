"""Graph: a function built op by op, to be compiled into a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

from . import _raw, display
from .config import Config, _json
from .handle import Owner
from .runtime import Runtime, default_runtime
from .tensor import dtype_number
from .value import Builder, Value

if TYPE_CHECKING:
    from .program import Program

__all__ = ["Graph"]


def dims_text(dims: Any) -> str:
    """Dims as the library reads them: "B,T,512", from such a text, an int or a sequence."""
    if isinstance(dims, str):
        return dims
    if isinstance(dims, int):
        return str(dims)
    return ",".join(str(dim) for dim in dims)


def init_text(init: Any) -> str:
    """How a parameter starts: nothing for zeros, a number for a constant, a dict as it is."""
    if init is None:
        return ""
    if isinstance(init, (int, float)):
        return _json({"kind": "constant", "mean": init})
    if isinstance(init, Mapping):
        return _json(init)
    raise TypeError(f"init: expected None, a number or a dict, got {type(init).__name__}")


class Graph(Owner, Builder):
    """A function of inputs and parameters.

    ```
    graph = ts.Graph()
    x = graph.input("x", "f32", "B,3")
    w = graph.param("w", "f32", (3, 2), init={"kind": "normal", "stddev": 0.1})
    graph.output("y", x @ w)
    program = graph.compile()
    ```
    """

    def __init__(self, *, runtime: Runtime | None = None) -> None:
        self.runtime = runtime or default_runtime()
        super().__init__(_raw.tsr_graph_new(self.runtime.handle), _raw.tsr_graph_free)

    @classmethod
    def from_bytes(cls, data: bytes, *, runtime: Runtime | None = None) -> "Graph":
        """Reads what `to_bytes` wrote."""
        graph = cls.__new__(cls)
        graph.runtime = runtime or default_runtime()
        Owner.__init__(graph, _raw.tsr_graph_from_bytes(graph.runtime.handle, data),
                       _raw.tsr_graph_free)
        return graph

    def _add(self, op: str, inputs: list[int], attrs: str) -> list[int]:
        return _raw.tsr_graph_add(self.handle, op, inputs, attrs)

    def input(self, name: str, dtype: Any, dims: Any) -> Value:
        """An argument of the program; dims may be symbols: "B,T,512"."""
        return Value(self, _raw.tsr_graph_input(self.handle, name, dtype_number(dtype),
                                                dims_text(dims)))

    def param(self, path: str, dtype: Any, dims: Any, init: Any = None) -> Value:
        """A parameter; `init` is a constant, a dict such as {"kind": "normal", "stddev": 0.02},
        or nothing for zeros."""
        return Value(self, _raw.tsr_graph_param(self.handle, path, dtype_number(dtype),
                                                dims_text(dims), init_text(init)))

    def call(self, module: Any, *inputs: Value, path: str = "", mode: str = "evaluate",
             dtype: str = "") -> Any:
        """Adds a module of the catalogue: its result, or a tuple of them.

        Args:
            module: a part, dict or Config of the module alone: `configs.Attention(model_dim=64,
                num_heads=4)`.
            path: what its parameters' paths begin with.
            mode: "evaluate" or "train" (with dropout, and losses of experts).
            dtype: of its parameters; that of the first float input when left out.
        """
        config = module if isinstance(module, Config) else Config(module, runtime=self.runtime)
        options = _json({"mode": mode, "dtype": dtype})
        return self._values(_raw.tsr_graph_call(self.handle, config.handle, path, options,
                                                [self._number(x) for x in inputs]))

    def output(self, name: str, value: Value) -> None:
        """Makes a value a result of the program."""
        _raw.tsr_graph_output(self.handle, name, self._number(value))

    def loss(self, name: str, numerator: Value, denominator: Value, weight: float = 1) -> None:
        """Makes weight * numerator / denominator a loss; both are scalars, summed over the batch,
        and the denominator depends on no parameter."""
        _raw.tsr_graph_loss(self.handle, name, self._number(numerator),
                            self._number(denominator), weight)

    def type(self, value: Value) -> str:
        """Dtype and dims of a value: "bf16[B,T,512]"."""
        return _raw.tsr_graph_type(self.handle, self._number(value))

    def compile(self, **options: Any) -> Program:
        """A program; options as of `tessera.Program`."""
        from .program import Program as Compiled  # pylint: disable=import-outside-toplevel
        return Compiled(self, **options)

    def to_text(self) -> str:
        """The graph as text."""
        return _raw.tsr_graph_to_text(self.handle)

    def to_bytes(self) -> bytes:
        """The graph as FlatBuffers."""
        return _raw.tsr_graph_to_bytes(self.handle)

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return display.text_html("" if self.closed else self.to_text())
