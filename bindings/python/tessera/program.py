"""Program: a compiled model or graph, run with tensors, with or without gradients."""

from __future__ import annotations

import json
import os
from typing import Any, Iterator, Mapping

from . import _raw, display
from .config import Config, PathLike
from .graph import Graph
from .handle import Owner
from .runtime import Runtime, default_runtime
from .tensor import Tensor, dtype_number

__all__ = ["Program", "Parameters"]


class Program(Owner):
    """A model that runs.

    ```
    program = ts.Program(config, gradients=True)
    logits = program(tokens=[[1, 2, 3]])["logits"]
    ```
    Args:
        source: a Config, whose model is compiled, or a Graph.
        mode: "evaluate", "train" or "decode" (of a model).
        gradients: can `run_with_gradients` be called?
        dtype: "fp32", "bf16" or "fp64"; "" takes the config's.
        recompute: "none", "selective" or "full".
        routing: "record" or "replay": the choices of mixtures of experts, as outputs or inputs
            "routing/PATH" (of a model).
        seed: of initial parameters; the config's when left out.
    """

    def __init__(self, source: Config | Graph, *, mode: str | None = None,
                 gradients: bool = False, dtype: str | None = None, recompute: str | None = None,
                 seed: int | None = None, routing: str | None = None) -> None:
        options = _options(mode=mode, gradients=gradients, dtype=dtype, recompute=recompute,
                           seed=seed, routing=routing)
        make = {Config: _raw.tsr_program_from_config, Graph: _raw.tsr_program_from_graph}
        kinds = [kind for kind in make if isinstance(source, kind)]
        if not kinds:
            raise TypeError(f"expected a Config or a Graph, got {type(source).__name__}")
        self._own(make[kinds[0]](source.handle, options), source.runtime)

    def _own(self, handle: Any, runtime: Runtime) -> None:
        super().__init__(handle, _raw.tsr_program_free)
        self.runtime = runtime
        self._facts: dict[str, Any] | None = None

    @classmethod
    def from_checkpoint(cls, path: PathLike, *, runtime: Runtime | None = None,
                        mode: str | None = None, gradients: bool = False,
                        dtype: str | None = None, recompute: str | None = None,
                        routing: str | None = None) -> "Program":
        """The model of a checkpoint, with its parameters. The code of custom modules is not
        needed: what they built is stored."""
        runtime = runtime or default_runtime()
        options = _options(mode=mode, gradients=gradients, dtype=dtype, recompute=recompute,
                           routing=routing)
        program = cls.__new__(cls)
        program._own(_raw.tsr_program_from_checkpoint(runtime.handle, os.fspath(path), options),
                     runtime)
        return program

    def describe(self) -> dict[str, Any]:
        """Inputs, outputs, parameters, losses and state."""
        if self._facts is None:
            self._facts = json.loads(_raw.tsr_program_describe(self.handle))
        return self._facts

    @property
    def parameters(self) -> "Parameters":
        """The parameters by path: read and set like a dict."""
        return Parameters(self)

    def _tensors(self, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        dtypes = {fact["name"]: fact["dtype"] for fact in self.describe()["inputs"]}
        return {name: _tensor(value, dtypes.get(name)) for name, value in inputs.items()}

    def _results(self, handles: list[Any]) -> dict[str, Tensor]:
        names = [fact["name"] for fact in self.describe()["outputs"]]
        return {name: Tensor(handle) for name, handle in zip(names, handles)}

    def run(self, inputs: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Tensor]:
        """Runs the forward: {name: result}, the losses last ("loss/...").

        Inputs are tensors, arrays of NumPy or PyTorch (not copied where the dtype fits), or nested
        lists. What has a usual value (positions, targets, ...) may be left out.
        """
        tensors = self._tensors({**(inputs or {}), **more})
        handles = _raw.tsr_program_run(
            self.handle, {name: tensor.handle for name, tensor in tensors.items()},
            len(self.describe()["outputs"]))
        return self._results(handles)

    __call__ = run

    def run_with_gradients(self, inputs: Mapping[str, Any] | None = None,
                           **more: Any) -> tuple[float, dict[str, Tensor]]:
        """Runs forward and backward: the loss, and the results. `gradient` then has gradients."""
        tensors = self._tensors({**(inputs or {}), **more})
        handles, loss = _raw.tsr_program_run_with_gradients(
            self.handle, {name: tensor.handle for name, tensor in tensors.items()},
            len(self.describe()["outputs"]))
        return loss, self._results(handles)

    def gradient(self, path: str) -> Tensor:
        """A copy of the gradient of a parameter, of the last run with gradients."""
        return Tensor(_raw.tsr_program_get_gradient(self.handle, path))

    def gradients(self) -> dict[str, Tensor]:
        """Copies of all gradients of the last run with gradients."""
        return {path: self.gradient(path) for path in self.parameters}

    def to_text(self) -> str:
        """The compiled program: functions, parameters, schedule."""
        return _raw.tsr_program_to_text(self.handle)

    def __repr__(self) -> str:
        if self.closed:
            return "<tessera.Program, closed>"
        facts = self.describe()
        names = [", ".join(fact["name"] for fact in facts[kind]) for kind in ("inputs", "outputs")]
        return f"<tessera.Program {names[0]} -> {names[1]}; {len(self.parameters)} parameters>"

    def _repr_html_(self) -> str:
        return display.text_html(repr(self))


class Parameters(Mapping[str, Tensor]):
    """The parameters of a program by path; reading copies, setting converts dtypes."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def _paths(self) -> list[str]:
        return [fact["path"] for fact in self._program.describe()["parameters"]]

    def __getitem__(self, path: str) -> Tensor:
        return Tensor(_raw.tsr_program_get_param(self._program.handle, path))

    def __setitem__(self, path: str, value: Any) -> None:
        tensor = _tensor(value, None)   # lives until the call is over
        _raw.tsr_program_set_param(self._program.handle, path, tensor.handle)

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths())

    def __len__(self) -> int:
        return len(self._paths())


def _options(**options: Any) -> str:
    return json.dumps({name: value for name, value in options.items()
                       if value is not None and value is not False})


def _tensor(value: Any, dtype: str | None) -> Tensor:
    """A tensor of what is given, of the dtype that is wanted."""
    if isinstance(value, Tensor):
        tensor = value
    elif hasattr(value, "__dlpack__"):
        tensor = Tensor.from_dlpack(_dense(value))
    else:
        return Tensor.of(value, dtype)
    if dtype is None or dtype_number(dtype) == dtype_number(tensor.dtype):
        return tensor
    return tensor.to(dtype)


def _dense(array: Any) -> Any:
    """The array, or a copy of one that has gaps."""
    if hasattr(array, "is_contiguous"):
        return array.detach().contiguous()
    flags = getattr(array, "flags", None)
    if flags is not None and not (flags.c_contiguous and flags.writeable):
        return array.copy(order="C")
    return array
