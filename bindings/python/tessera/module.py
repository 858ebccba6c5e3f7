"""Module: a part of a model written in Python.

Its `build` runs while a model is traced, so training speed does not depend on Python; the functions
that it built are stored in checkpoints, which then run where the class is not.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Mapping, TypeVar

from . import _raw
from .graph import dims_text, init_text
from .runtime import Runtime
from .value import Builder, Value

__all__ = ["Configured", "Module", "Scope", "field", "slot"]

P = TypeVar("P", bound="Configured")


class Field:
    """A field or slot of a module's config, as its schema says it."""

    def __init__(self, kind: str, default: Any, doc: str, attributes: Mapping[str, Any]) -> None:
        self.kind = kind
        self.default = default
        self.doc = doc
        self.attributes = attributes

    def schema(self, name: str) -> str:
        """The line of the FlatBuffers schema."""
        words = []
        for key, value in self.attributes.items():
            if value is True:
                words.append(key)
            elif value is not False and value is not None:
                words.append(f"{key}: {json.dumps(str(value))}")
        default = ""
        if self.default is not None and self.kind == "string":
            words.append(f"default_text: {json.dumps(self.default)}")
        elif self.default is not None:
            default = f" = {json.dumps(self.default)}"
        doc = "".join(f"  /// {line}\n" for line in self.doc.splitlines())
        return f"{doc}  {name}: {self.kind}{default}{f' ({chr(44).join(words)})' if words else ''};"


_KINDS = {bool: "bool", int: "long", float: "double", str: "string"}


def field(kind: type, default: Any = None, *, doc: str = "", required: bool = False,
          min: Any = None, max: Any = None, above: Any = None, below: Any = None,
          unit: str | None = None, flows: str | None = None, divides: str | None = None,
          inherits: str | None = None) -> Any:
    """A field of a module's config: `hidden_dim = ts.field(int, required=True, min=1)`.

    Args:
        kind: bool, int, float or str.
        default: its value when a config says nothing.
        required: a config must set it (or the surroundings dictate it, see `flows`).
        min, max, above, below: bounds; the latter two are exclusive.
        flows: a dim that the model dictates, such as "model_dim".
        divides: must divide that field of the same type.
        inherits: left unset, it is what a slot above `gives` under this name.
    """
    if kind not in _KINDS:
        raise TypeError(f"field: expected bool, int, float or str, got {kind!r}")
    return Field(_KINDS[kind], default, doc, {
        "flows": flows, "required_field": required, "min": min, "max": max, "above": above,
        "below": below, "unit": unit, "divides": divides, "inherits": inherits})


def slot(role: str, default: str | None = None, *, doc: str = "", optional: bool = False,
         dims: str | None = None, names: str | None = None, gives: str | None = None,
         only_if: str | None = None) -> Any:
    """A place for another module: `norm = ts.slot("norm", "RmsNorm")`; built by `scope.call`.

    Args:
        role: any type with this role may stand there.
        default: the type when a config says nothing.
        optional: a config may empty it (null).
        dims: for linear parts, the fields it leads from and to: "model_dim -> hidden_dim".
        names: what the rules of a mesh call these dims: "embed -> mlp".
        gives: fields that it hands down: "bias; init_std".
        only_if: there is such a part only if this bool field is true.
    """
    return Field("Slot", None, doc, {
        "role": role, "default_type": default, "optional": optional, "dims": dims, "names": names,
        "gives": gives, "only_if": only_if})


class Scope(Builder):
    """Where a module stands while it is traced: gives parameters, children and ambient values.

    Valid during `build` only.
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    @property
    def handle(self) -> Any:
        if self._handle is None:
            raise RuntimeError("the scope has ended: it is valid during build only")
        return self._handle

    def _end(self) -> None:
        self._handle = None

    def _add(self, op: str, inputs: list[int], attrs: str) -> list[int]:
        return _raw.tsr_scope_add(self.handle, op, inputs, attrs)

    def param(self, path: str, dims: Any, init: Any = None) -> Value:
        """The parameter of the module at a relative path, in the model's dtype; `init` as of
        `Graph.param`."""
        return Value(self, _raw.tsr_scope_param(self.handle, path, dims_text(dims),
                                                init_text(init)))

    def call(self, slot_name: str, *inputs: Value) -> Any:
        """Builds the child in a slot; "layers[2]" is a child of a list."""
        return self._values(_raw.tsr_scope_call(self.handle, slot_name,
                                                [self._number(x) for x in inputs]))

    def ambient(self, name: str) -> Value:
        """What the surroundings provide: "positions", "segments"."""
        return Value(self, _raw.tsr_scope_ambient(self.handle, name))

    def loss(self, name: str, numerator: Value, denominator: Value, weight: float = 1) -> None:
        """Adds a loss, as `Graph.loss`."""
        _raw.tsr_scope_loss(self.handle, name, self._number(numerator),
                            self._number(denominator), weight)

    def dim(self, value: Value, index: int) -> str:
        """A dim of a value as text: "B", "512"."""
        return _raw.tsr_scope_dim(self.handle, self._number(value), index)


class Configured:
    """Base of what has a config of its own: modules, optimizers and schedules written in Python.

    Its fields, made by `tessera.field` and `tessera.slot`, are what configs set; an object has the
    resolved ones as attributes.
    """

    role: ClassVar[str] = ""

    @classmethod
    def fields(cls) -> dict[str, Field]:
        """Fields and slots, those of base classes first."""
        found: dict[str, Field] = {}
        for base in reversed(cls.__mro__):
            found.update((name, value) for name, value in vars(base).items()
                         if isinstance(value, Field))
        return found

    @classmethod
    def schema(cls) -> str:
        """The FlatBuffers schema of its config."""
        if not cls.role:
            raise TypeError(f"{cls.__name__}: expected a role, such as role = \"feed_forward\"")
        doc = (cls.__doc__ or cls.__name__).strip().splitlines()[0]
        lines = [f"/// {doc}", f"table {cls.__name__} (role: {json.dumps(cls.role)}) {{"]
        lines += [entry.schema(name) for name, entry in cls.fields().items()]
        return "\n".join(lines + ["}", ""])

    @classmethod
    def _resolved(cls: type[P], config: Mapping[str, Any]) -> P:
        """An object with the fields of a resolved config."""
        part = cls()
        for name, entry in cls.fields().items():
            if entry.kind != "Slot":
                setattr(part, name, config.get(name))
        return part


class Module(Configured):
    """Base of modules written in Python.

    ```
    class GatedFeedForward(ts.Module):
        '''y = (silu(x Wg) * (x Wu)) Wd.'''
        role = "feed_forward"
        model_dim = ts.field(int, required=True, min=1, flows="model_dim")
        hidden_dim = ts.field(int, required=True, min=1)

        def build(self, scope, x):
            ...
    ts.register(GatedFeedForward)
    ```
    Configs name it by its class: `{"type": "GatedFeedForward", "hidden_dim": 64}`. `self` has the
    resolved fields as attributes. `build` must be pure: the same config and inputs give the same
    calls (a runtime with `checked=True` looks).
    """

    def build(self, scope: Scope, *inputs: Value) -> Any:
        """Builds the module: its result, or a tuple of them."""
        raise NotImplementedError(f"{type(self).__name__}.build")

    @classmethod
    def register_with(cls, runtime: Runtime) -> None:
        """Makes the type known to a runtime; `runtime.register` calls it."""
        def build(handle: Any, config: str, inputs: list[int]) -> list[int]:
            module = cls._resolved(json.loads(config))
            scope = Scope(handle)
            try:
                results = module.build(scope, *(Value(scope, number) for number in inputs))
                results = results if isinstance(results, (tuple, list)) else (results,)
                return [scope._number(value) for value in results]
            finally:
                scope._end()

        _raw.tsr_runtime_register_module(runtime.handle, (cls.__name__, cls.schema(), build))
