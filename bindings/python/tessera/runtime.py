"""Runtime: threads, kernels, and the types that are registered; `default_runtime` makes one."""

from __future__ import annotations

import json
import os
import threading
from typing import Any, Mapping

from . import _raw
from .handle import Owner

__all__ = ["Runtime", "default_runtime", "version", "build_info"]


class Runtime(Owner):
    """Threads, kernels and registered types. Two runtimes do not know of each other.

    Args:
        threads: how many threads compute; 0 means all cores.
        isa: instruction set ("reference", "baseline", "avx2", "avx512", "avx512_bf16", "amx");
            "" takes the best that the machine has.
        checked: find freed and foreign handles, and module code that is not pure.
        memory_limit_bytes: refuse to plan more memory than that; 0 means no limit.
        rank, world_size, master_addr, master_port, timeout_s: a group of processes; with
            world_size > 1 the constructor meets the other ranks.
        spin_us: how long idle threads spin before they sleep.
        hardware: fields of the config type Hardware, which modifiers with `when` ask; what is left
            out is this machine's.
        plugins: allow `load_plugin`, which runs code of a file.
    """

    def __init__(self, *, threads: int = 0, isa: str = "", checked: bool = False,
                 memory_limit_bytes: int = 0, rank: int = 0, world_size: int = 1,
                 master_addr: str = "", master_port: int = 0, timeout_s: float = 60,
                 spin_us: int = 0, hardware: Mapping[str, Any] | None = None,
                 plugins: bool = False) -> None:
        options: dict[str, Any] = {
            "threads": threads, "isa": isa, "checked": checked,
            "memory_limit_bytes": memory_limit_bytes, "rank": rank, "world_size": world_size,
            "master_addr": master_addr, "master_port": master_port, "timeout_s": timeout_s,
            "spin_us": spin_us, "plugins": plugins}
        if hardware is not None:
            options["hardware"] = dict(hardware)
        super().__init__(_raw.tsr_runtime_new(json.dumps(options)), _raw.tsr_runtime_free)

    def describe(self) -> dict[str, Any]:
        """What it uses: threads, instruction set and why, kernels, backends."""
        return json.loads(_raw.tsr_runtime_describe(self.handle))

    def list(self, kind: str = "all") -> Any:
        """The catalogue of one kind: "modules", "ops", "optimizers", "schedules", "kernels",
        "data", or a role such as "norm"."""
        return json.loads(_raw.tsr_runtime_list(self.handle, kind))

    def describe_type(self, name: str) -> dict[str, Any]:
        """Fields, ranges, defaults, units and docs of a config type, or attributes of an op."""
        return json.loads(_raw.tsr_runtime_describe_type(self.handle, name))

    def json_schema(self) -> dict[str, Any]:
        """A JSON Schema of config files and modifiers, for editors to complete and check with."""
        return json.loads(_raw.tsr_runtime_json_schema(self.handle))

    def register(self, *parts: Any) -> None:
        """Adds parts of one's own: classes derived from `tessera.Module`, `tessera.Op`,
        `tessera.Optimizer` or `tessera.Schedule`, each `tessera.DataSource` and each
        `tessera.CheckpointStore`.

        Raises:
            AlreadyExists: there is a type or op of that name.
        """
        for part in parts:
            part.register_with(self)

    def load_plugin(self, path: Any) -> dict[str, Any]:
        """Loads a shared library that registers parts of its own with this runtime; its manifest.

        Raises:
            PermissionDenied: the runtime was made without `plugins=True`.
            NotFound: there is no such file.
            FailedPrecondition: it is no plug-in, or one for another version.
        """
        return json.loads(_raw.tsr_runtime_load_plugin(self.handle, os.fspath(path)))

    def __repr__(self) -> str:
        if self.closed:
            return "<tessera.Runtime, closed>"
        facts = self.describe()
        return f"<tessera.Runtime: {facts['threads']} threads, {facts['isa']}>"


_default: Runtime | None = None
_default_lock = threading.Lock()


def default_runtime() -> Runtime:
    """The runtime that is used where none is given; made when it is first asked for."""
    global _default
    with _default_lock:
        if _default is None or _default.closed:
            _default = Runtime()
        return _default


def _forget_default() -> None:
    """In the child of a fork: the parent's threads are not here."""
    global _default, _default_lock
    _default = None
    _default_lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_default)


def version() -> str:
    """Version of the library that is loaded."""
    number = _raw.tsr_version()
    return f"{number >> 16}.{number >> 8 & 255}.{number & 255}"


def build_info() -> dict[str, Any]:
    """How the library was built: version, compiler, instruction sets, sanitizer."""
    return json.loads(_raw.tsr_build_info())
