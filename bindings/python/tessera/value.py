"""Value: a result in a graph or scope, and what both have in common: adding ops to it."""

from __future__ import annotations

import json
import math
from typing import Any, Union

__all__ = ["Value", "Builder"]


def attrs_json(attrs: dict[str, Any]) -> str:
    """Attributes as the library reads them: numbers that JSON lacks are texts."""
    plain = {}
    for name, value in attrs.items():
        if isinstance(value, float) and not math.isfinite(value):
            value = "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
        elif isinstance(value, tuple):
            value = list(value)
        plain[name] = value
    return json.dumps(plain) if plain else ""


class Value:
    """A value of a graph or scope: dtype and dims, no data yet.

    Arithmetic adds ops: `x + y`, `x * y`, `x @ w`, `-x`. All ops are functions of `tessera.ops`.
    """

    __slots__ = ("builder", "number")

    def __init__(self, builder: "Builder", number: int) -> None:
        self.builder = builder
        self.number = number

    def __index__(self) -> int:
        return self.number

    def __add__(self, other: "Value") -> "Value":
        return self.builder.add("add", self, other)

    def __sub__(self, other: "Value") -> "Value":
        return self.builder.add("sub", self, other)

    def __mul__(self, other: "Value") -> "Value":
        return self.builder.add("mul", self, other)

    def __truediv__(self, other: "Value") -> "Value":
        return self.builder.add("div", self, other)

    def __matmul__(self, other: "Value") -> "Value":
        return self.builder.add("matmul", self, other)

    def __neg__(self) -> "Value":
        return self.builder.add("neg", self)

    def __repr__(self) -> str:
        return f"<tessera.Value %{self.number}>"


def builder_of(op: str, inputs: tuple[Value, ...]) -> Builder:
    """Where operands belong to. Used by `tessera.ops`."""
    if not inputs:
        raise TypeError(f"{op}: expected operands, which say where the op is added; one without "
                        f"any is added by name: graph.add({op!r}, ...), scope.add({op!r}, ...)")
    for value in inputs:
        if not isinstance(value, Value):
            raise TypeError(f"{op}: expected Values, got {type(value).__name__}")
    return inputs[0].builder


class Builder:
    """What Graph and Scope share."""

    def _add(self, op: str, inputs: list[int], attrs: str) -> list[int]:
        raise NotImplementedError

    def add(self, op: str, *inputs: Value, **attrs: Any) -> Any:
        """Adds one op by name; its result, or a tuple of results.

        Raises:
            NotFound: there is no such op; the message has the nearest name.
            InvalidArgument: shapes, dtypes or attributes that do not fit.
        """
        return self._values(self._add(op, [self._number(x) for x in inputs], attrs_json(attrs)))

    def _number(self, value: Union[Value, int]) -> int:
        if isinstance(value, Value):
            if value.builder is not self:
                raise ValueError(f"{value!r} belongs to another graph")
            return value.number
        raise TypeError(f"expected a Value, got {type(value).__name__}")

    def _values(self, numbers: list[int]) -> Any:
        values = tuple(Value(self, number) for number in numbers)
        return values[0] if len(values) == 1 else values
