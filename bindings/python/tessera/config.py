"""Config: what a run is, as a tree of typed parts."""

from __future__ import annotations

import json
import os
from typing import Any, Mapping, Union

from . import _raw, display
from .handle import Owner
from .job import Job
from .runtime import Runtime, default_runtime

__all__ = ["Config", "Part"]

PathLike = Union[str, "os.PathLike[str]"]


class Unset:
    """The default of builders' arguments: the field is left to the library."""

    def __repr__(self) -> str:
        return "..."


UNSET: Any = Unset()


class Part(dict):
    """One typed part of a config: a dict with "type" first, as JSON has it.

    `tessera.configs` has a subclass for every type, with its fields as keyword arguments.
    """

    type_name = ""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__({"type": self.type_name} if self.type_name else {})
        self.update((name, value) for name, value in fields.items() if value is not UNSET)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.items() if name != "type")
        return f"{type(self).__name__}({fields})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_part, (type(self), dict(self))


def _rebuild_part(kind: type[Part], fields: dict[str, Any]) -> Part:
    part = kind.__new__(kind)
    dict.update(part, fields)
    return part


def _json(value: Any) -> str:
    return json.dumps(value, default=_as_json)


def _as_json(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Config):
        return value.to_dict()
    raise TypeError(f"a config holds numbers, texts, lists, dicts and parts, not {type(value)}")


class Config(Owner):
    """A config: load it, change it, look at it, train it.

    Args:
        source: a dict (parts of `tessera.configs` are dicts), or another config to copy.
        runtime: whose types it may use; the default runtime when left out.

    Raises:
        InvalidArgument: the dict is no config; `error.errors` lists everything that is wrong.

    Fields are read and set by path: `config["trainer.steps"] = 200`.
    """

    def __init__(self, source: Union[Mapping[str, Any], "Config"], *,
                 runtime: Runtime | None = None) -> None:
        if isinstance(source, Config):
            runtime = runtime or source.runtime
            handle = _raw.tsr_config_copy(source.handle)
        else:
            runtime = runtime or default_runtime()
            handle = _raw.tsr_config_parse(runtime.handle, _json(source), "<dict>")
        self._own(handle, runtime)

    def _own(self, handle: Any, runtime: Runtime) -> None:
        super().__init__(handle, _raw.tsr_config_free)
        self.runtime = runtime

    @classmethod
    def _of(cls, handle: Any, runtime: Runtime) -> "Config":
        config = cls.__new__(cls)
        config._own(handle, runtime)
        return config

    @classmethod
    def load(cls, path: PathLike, *, runtime: Runtime | None = None) -> "Config":
        """Reads a config file: JSON, with comments and trailing commas.

        Raises:
            NotFound: there is no such file.
            InvalidArgument: with file, line and path of the first error; `errors` has all.
        """
        runtime = runtime or default_runtime()
        return cls._of(_raw.tsr_config_load(runtime.handle, os.fspath(path)), runtime)

    @classmethod
    def parse(cls, text: str, *, name: str = "<text>", runtime: Runtime | None = None) -> "Config":
        """Reads a config from JSON text; `name` stands for the file in errors."""
        runtime = runtime or default_runtime()
        return cls._of(_raw.tsr_config_parse(runtime.handle, text, name), runtime)

    @classmethod
    def from_bytes(cls, data: bytes, *, runtime: Runtime | None = None) -> "Config":
        """Reads what `to_bytes` wrote."""
        runtime = runtime or default_runtime()
        return cls._of(_raw.tsr_config_from_bytes(runtime.handle, data), runtime)

    def copy(self) -> "Config":
        """An independent copy."""
        return Config(self)

    def get(self, path: str) -> Any:
        """The value at a path ("model.decoder.layers[2].norm"); defaults count.

        Raises:
            NotFound: there is no such field; the message has the nearest name.
        """
        return json.loads(_raw.tsr_config_get(self.handle, path))

    def set(self, path: str, value: Any) -> "Config":
        """Sets the field at a path; returns the config, so that calls can follow each other."""
        _raw.tsr_config_set(self.handle, path, _json(value))
        return self

    __getitem__ = get

    def __setitem__(self, path: str, value: Any) -> None:
        self.set(path, value)

    def update(self, values: Mapping[str, Any]) -> "Config":
        """Sets several fields, {path: value}."""
        for path, value in values.items():
            self.set(path, value)
        return self

    def modify(self, modifier: Union[Mapping[str, Any], list[Any], PathLike]) -> list[Any]:
        """Changes the config by a modifier: a dict, a list of them, or a JSON file of one.

        `config.modify({"replace": "LearnedPosition", "with": "RotaryPosition"})`. All or nothing:
        on an error the config is what it was. Returns what each one did: a dict with "places".
        """
        if isinstance(modifier, (str, os.PathLike)):
            name = os.fspath(modifier)
            with open(name, encoding="utf-8") as file:
                text = file.read()
        else:
            name, text = "<modifier>", _json(modifier)
        return json.loads(_raw.tsr_config_modify(self.handle, text, name))["modifiers"]

    def diff(self, other: "Config") -> str:
        """Where two configs differ, one line a field; empty when they are the same."""
        return _raw.tsr_config_diff(self.handle, other.handle)

    def to_json(self) -> str:
        """The fields that were set, as canonical JSON."""
        return _raw.tsr_config_to_json(self.handle)

    def to_dict(self) -> dict[str, Any]:
        """The fields that were set."""
        return json.loads(self.to_json())

    def to_bytes(self) -> bytes:
        """The config as FlatBuffers, with the schemas of types that are not built in."""
        return _raw.tsr_config_to_bytes(self.handle)

    def resolve(self) -> dict[str, Any]:
        """Every field with its value and origin.

        Raises:
            InvalidArgument: with all unmet requirements at once.
        """
        return json.loads(_raw.tsr_config_resolve(self.handle, 1))

    def explain(self) -> str:
        """Every field with its value and where it is from, as text."""
        return _raw.tsr_config_resolve(self.handle, 0)

    def plan(self, **options: Any) -> dict[str, Any]:
        """What a step will cost, without allocating its weights: parameters, flops, memory, ops.

        `text=True` adds the program as text, `dot=True` as a graph for Graphviz.
        """
        return json.loads(_raw.tsr_config_plan(self.handle, json.dumps(options)))

    def tune(self, **options: Any) -> Job:
        """Looks for what makes the kernels of a training step faster on this machine; a job.

        Options: `out` (a file for `runtime.tuning`), `budget_s`, `most_timed`, `exhaustive`. The
        report of the job says what was found; no result changes by a bit.
        """
        return Job(_raw.tsr_config_tune(self.handle, json.dumps(options)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Config):
            return NotImplemented
        return self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __reduce__(self) -> tuple[Any, ...]:
        return Config.from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        return "<tessera.Config, closed>" if self.closed else f"Config({self.to_json()})"

    def _repr_html_(self) -> str:
        return display.config_html(self)
