"""Modules of the catalogue as `torch.nn.Module`, with autograd.

```
import tessera.torch as tt
from tessera import configs

layer = tt.Module(configs.FeedForward(model_dim=64, hidden_dim=256))
y = layer(torch.randn(8, 16, 64))
y.sum().backward()                     # layer.parameters() have gradients
```
Parameters are PyTorch's: optimizers, `state_dict`, `deepcopy` and `to(dtype)` work as for any
module. The names of parameters have "." where Tessera has "/". Tensors go in and out through DLPack
without copies; gradients that PyTorch wants to keep are copied out of the program.

The backward pass computes the forward again, as checkpointing does. Weights are copied into the
program at each call: they may have been written to through memory that they share, which PyTorch
does not count. CPU only; float32, bfloat16 and float64.
"""

from __future__ import annotations

import copy
from typing import Any, Mapping

import torch

from .config import Config
from .graph import Graph
from .program import Program
from .runtime import Runtime, default_runtime
from .tensor import Tensor, dtype_name, dtype_number

__all__ = ["Module"]

_FLOATS = ("f32", "bf16", "f64")
# The path of an input that is a parameter of the backward program; no module has such a one.
_INPUT = "input.{}"


class _Compiled:
    """The module as two programs for one shape of inputs.

    The backward one has the float inputs as parameters, so that it gives their gradients too; its
    loss is the sum of results times cotangents, whose gradients are what autograd asks for.
    """

    def __init__(self, config: Config, inputs: tuple[torch.Tensor, ...], mode: str) -> None:
        self._config, self._mode = config, mode
        self._types = [(_dtype_name(given.dtype), tuple(given.shape)) for given in inputs]
        self.forward = self._compile(with_gradients=False)
        self._backward: Program | None = None

    def _compile(self, with_gradients: bool, seed: int = 0) -> Program:
        graph = Graph(runtime=self._config.runtime)
        values = []
        for index, (dtype, shape) in enumerate(self._types):
            if with_gradients and dtype in _FLOATS:
                values.append(graph.param(_INPUT.format(index), dtype, shape))
            else:
                values.append(graph.input(f"x{index}", dtype, shape))
        outputs = graph.call(self._config, *values, mode=self._mode)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        for index, value in enumerate(outputs):
            graph.output(f"y{index}", value)
        if with_gradients:
            _add_cotangents(graph, outputs)
        return graph.compile(gradients=with_gradients, seed=seed)

    def initial(self, seed: int) -> dict[str, torch.Tensor]:
        """Parameters as the config's initialisers say."""
        program = self._compile(with_gradients=False, seed=seed)
        return {path: tensor.torch() for path, tensor in program.parameters.items()}

    def _surroundings(self, program: Program, step: int) -> dict[str, Tensor]:
        """What a model would provide: positions, segments, and the step that keys dropout."""
        shape = next((shape for _, shape in self._types if len(shape) >= 2), (1, 1))
        row = torch.arange(shape[1], dtype=torch.int32)
        known = {"positions": row.expand(shape[0], -1), "segments": torch.zeros_like(
            row).expand(shape[0], -1), "batch_offset": torch.tensor(0),
                 "step": torch.tensor(step)}
        return {fact["name"]: Tensor.from_dlpack(known[fact["name"]].contiguous())
                for fact in program.describe()["inputs"] if fact["name"] in known}

    def run(self, weights: Mapping[str, torch.Tensor], inputs: tuple[torch.Tensor, ...],
            step: int) -> list[torch.Tensor]:
        """Results, in PyTorch's memory or the program's."""
        for path, value in weights.items():
            self.forward.parameters[path] = value
        given = {f"x{index}": value for index, value in enumerate(inputs)}
        results = self.forward.run({**self._surroundings(self.forward, step), **given})
        return [result.torch() for name, result in results.items() if name.startswith("y")]

    def gradients(self, weights: Mapping[str, torch.Tensor], inputs: tuple[torch.Tensor, ...],
                  cotangents: tuple[torch.Tensor, ...], step: int) -> dict[str, torch.Tensor]:
        """Gradients of weights, and of float inputs under the name of _INPUT."""
        if self._backward is None:
            self._backward = self._compile(with_gradients=True)
        program = self._backward
        given: dict[str, Any] = {f"g{index}": value for index, value in enumerate(cotangents)}
        for path, value in weights.items():
            program.parameters[path] = value
        for index, value in enumerate(inputs):
            if _dtype_name(value.dtype) in _FLOATS:
                program.parameters[_INPUT.format(index)] = value
            else:
                given[f"x{index}"] = value
        program.run_with_gradients({**self._surroundings(program, step), **given})
        return {path: program.gradient(path).torch() for path in program.parameters}


def _dtype_name(dtype: torch.dtype) -> str:
    return dtype_name(dtype_number(dtype))


def _add_cotangents(graph: Graph, outputs: tuple[Any, ...]) -> None:
    """Makes the sum of results times inputs g0, g1, ... the loss."""
    total: Any = None
    for index, value in enumerate(outputs):
        dtype, dims = graph.type(value).rstrip("]").split("[")
        wide = "f64" if dtype == "f64" else "f32"
        cotangent = graph.input(f"g{index}", dtype, dims)
        part = graph.add("mul", graph.add("cast", value, dtype=wide),
                         graph.add("cast", cotangent, dtype=wide))
        if dims:
            part = graph.add("reduce_sum", part, dims=list(range(dims.count(",") + 1)))
        total = part if total is None else graph.add("add", total, part)
    graph.loss("cotangents", total, graph.add("fill", value=1, dtype="f64"))


class _Function(torch.autograd.Function):
    """Glue between autograd and a compiled module."""

    @staticmethod
    def forward(ctx: Any, compiled: _Compiled, paths: list[str], count: int, step: int,
                *tensors: torch.Tensor) -> Any:
        ctx.compiled, ctx.paths, ctx.count, ctx.step = compiled, paths, count, step
        ctx.save_for_backward(*tensors)
        plain = [tensor.detach() for tensor in tensors]
        results = compiled.run(dict(zip(paths, plain[count:])), tuple(plain[:count]), step)
        return results[0] if len(results) == 1 else tuple(results)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *cotangents: torch.Tensor) -> Any:
        tensors = [tensor.detach() for tensor in ctx.saved_tensors]
        found = ctx.compiled.gradients(
            dict(zip(ctx.paths, tensors[ctx.count:])), tuple(tensors[:ctx.count]),
            tuple(gradient.contiguous() for gradient in cotangents), ctx.step)
        names = [_INPUT.format(index) for index in range(ctx.count)] + ctx.paths
        return (None, None, None, None, *(
            found[name].to(tensor.dtype) if name in found else None
            for name, tensor in zip(names, tensors)))


class Module(torch.nn.Module):
    """A module of the catalogue as a PyTorch module.

    Args:
        config: a part of `tessera.configs`, a dict or a Config of the module alone.
        dtype: of its parameters: torch.float32, torch.bfloat16 or torch.float64.
        seed: of its initial parameters, which start as the config's initialisers say.
        example: inputs such as it will get, where one input of shape (1, 1, model_dim) will not do.

    In `train()` it is traced with dropout and losses of its own, in `eval()` without.
    """

    def __init__(self, config: Any, *, dtype: torch.dtype = torch.float32, seed: int = 0,
                 example: tuple[torch.Tensor, ...] | None = None,
                 runtime: Runtime | None = None) -> None:
        super().__init__()
        runtime = runtime or default_runtime()
        self.config = config if isinstance(config, Config) else Config(config, runtime=runtime)
        if example is None:
            example = (torch.zeros(1, 1, int(self.config.get("model_dim")), dtype=dtype),)
        if _dtype_name(dtype) not in _FLOATS:
            raise TypeError(f"dtype: expected float32, bfloat16 or float64, got {dtype}")
        self._programs: dict[Any, _Compiled] = {}
        self._steps = 0
        self._paths: list[str] = []
        for path, value in _Compiled(self.config, example, "evaluate").initial(seed).items():
            self._paths.append(path)
            self._register(path, torch.nn.Parameter(value.to(dtype).clone()))

    def _register(self, path: str, parameter: torch.nn.Parameter) -> None:
        """The parameter at a path of submodules, as state_dict names it."""
        *folders, leaf = path.split("/")
        at: torch.nn.Module = self
        for folder in folders:
            child = at._modules.get(folder)
            if child is None:
                child = torch.nn.Module()
                at.add_module(folder, child)
            at = child
        at.register_parameter(leaf, parameter)

    def _parameter(self, path: str) -> torch.Tensor:
        return self.get_parameter(path.replace("/", "."))

    def forward(self, *inputs: torch.Tensor) -> Any:
        """Results of the module; positions are 0, 1, 2, ... and there is one segment."""
        inputs = tuple(given.contiguous() for given in inputs)
        key = (self.training, tuple((given.dtype, tuple(given.shape)) for given in inputs))
        if key not in self._programs:
            mode = "train" if self.training else "evaluate"
            self._programs[key] = _Compiled(self.config, inputs, mode)
        if self.training:
            self._steps += 1   # other random numbers
        weights = [self.get_parameter(path.replace("/", ".")).contiguous() for path in self._paths]
        return _Function.apply(self._programs[key], self._paths, len(inputs), self._steps, *inputs,
                               *weights)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Module":
        other = self.__class__.__new__(self.__class__)
        memo[id(self)] = other
        # Programs are made anew where they are wanted; a config copies itself.
        special = {"_programs": {}, "config": self.config.copy()}
        for name, value in self.__dict__.items():
            is_special = name in special
            other.__dict__[name] = special[name] if is_special else copy.deepcopy(value, memo)
        return other

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.config.to_dict().items())
