"""Optimizers and schedules written in Python."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Sequence

from . import _raw
from .module import Configured, Scope
from .runtime import Runtime
from .value import Value

__all__ = ["Optimizer", "Schedule"]


class Optimizer(Configured):
    """Base of optimizers: `update` builds the update of a parameter op by op, when a program is
    compiled, so training speed does not depend on Python.

    ```
    class Momentum(ts.Optimizer):
        '''Stochastic gradient descent with momentum.'''
        learning_rate = ts.field(float, 0.01, min=0)
        decay = ts.field(float, 0.9, min=0, below=1)
        slots = ("sum",)

        def update(self, scope, param, gradient, slots, rate, step, clip):
            return ops.sgd_update(param, gradient, slots[0], rate, step, clip,
                                  momentum=self.decay)
    runtime.register(Momentum)
    ```
    A field `learning_rate` it must have. One named `weight_decay` is, in `update`, that of the
    parameter's group: zero for norms and biases. `self.dims` and `self.dtype` are the parameter's.
    """

    role = "optimizer"
    slots: ClassVar[Sequence[str]] = ()
    """Names of the state that is kept per parameter: each like it, zero at first."""
    dims: tuple[int, ...]
    dtype: str

    def update(self, scope: Scope, param: Value, gradient: Value, slots: Sequence[Value],
               rate: Value, step: Value, clip: Value) -> Any:
        """The new parameter, then the new slots: a value, or a tuple of them.

        Args:
            scope: takes ops by name; it has neither parameters nor children.
            param, gradient, slots: as they were before the step.
            rate, step, clip: f32 scalars: the learning rate, the step from 1, and the factor that
                clips the gradient.
        """
        raise NotImplementedError(f"{type(self).__name__}.update")

    @classmethod
    def register_with(cls, runtime: Runtime) -> None:
        """Makes the type known to a runtime; `runtime.register` calls it."""

        def build(handle: Any, text: str, numbers: list[int]) -> list[int]:
            settings = json.loads(text)
            optimizer = cls._resolved(settings["config"])
            if "weight_decay" in cls.fields():
                setattr(optimizer, "weight_decay", settings["weight_decay"])
            optimizer.dims, optimizer.dtype = tuple(settings["dims"]), settings["dtype"]
            scope = Scope(handle)
            try:
                values = [Value(scope, number) for number in numbers]
                results = optimizer.update(scope, values[0], values[1], values[2:-3], *values[-3:])
                results = results if isinstance(results, (tuple, list)) else (results,)
                return [scope._number(value) for value in results]
            finally:
                scope._end()

        _raw.tsr_runtime_register_optimizer(
            runtime.handle, (cls.__name__, cls.schema(), ",".join(cls.slots), build))


class Schedule(Configured):
    """Base of schedules of the learning rate.

    ```
    class Fall(ts.Schedule):
        '''A straight line to nothing.'''
        def factor(self, step, total_steps):
            return 1 - step / total_steps
    runtime.register(Fall)
    ```
    """

    role = "schedule"

    def factor(self, step: int, total_steps: int) -> float:
        """The factor on the learning rate of optimizer step number `step` + 1. Called once a step,
        on the thread that steps; the same each time."""
        raise NotImplementedError(f"{type(self).__name__}.factor")

    @classmethod
    def register_with(cls, runtime: Runtime) -> None:
        """Makes the type known to a runtime; `runtime.register` calls it."""

        def factor(config: str, step: int, total_steps: int) -> float:
            return float(cls._resolved(json.loads(config)).factor(step, total_steps))

        _raw.tsr_runtime_register_schedule(runtime.handle, (cls.__name__, cls.schema(), factor))
