"""Checkpoint stores of one's own: checkpoints elsewhere than in folders."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from . import _raw
from .runtime import Runtime

__all__ = ["CheckpointStore"]


class CheckpointStore:
    """Base of places to keep checkpoints in: object storage, a database, memory.

    ```
    class MemoryStore(ts.CheckpointStore):
        '''Checkpoints that end with the process.'''

        def __init__(self):
            super().__init__("memory")
            self.objects, self.open = {}, {}

        def write(self, name, offset, data, last):
            self.open[name] = self.open.get(name, b"") + data
            if last:
                self.objects[name] = self.open.pop(name)

        def read(self, name, offset, size):
            return self.objects[name][offset:offset + size]

        def list(self, prefix):
            return {name: len(data) for name, data in self.objects.items()
                    if name.startswith(prefix)}

        def rename(self, source, target):
            self.objects = {target + name[len(source):] if name.startswith(source) else name: data
                            for name, data in self.objects.items()}

        def remove(self, name):
            self.objects.pop(name, None)
            self.open.pop(name, None)

    runtime.register(MemoryStore())
    config["trainer.checkpoint_folder"] = "memory://runs/a"
    ```
    A checkpoint is some named objects; "memory://runs/a/step_40" is a path wherever a checkpoint's
    path is asked for, with the runtime. The methods are called on whichever thread saves or loads,
    one at a time, and must not use the store through the library. What they raise is raised by the
    call that saves or loads. What they have returned from must survive the process, as far as the
    store is to.

    Args:
        name: what paths begin with, before "://"; lower-case letters, digits and "_".
        shared: other processes save there too; then nobody knows whether the writer of what is
            named `.tmp-...` is dead, and what such a one left stays. Otherwise the next save
            removes it.
    """

    def __init__(self, name: str, *, shared: bool = False) -> None:
        self.name = name
        self.shared = shared

    def write(self, name: str, offset: int, data: bytes, last: bool) -> None:
        """Puts `data` behind the `offset` bytes that the new object has so far. The call with
        `last` ends the object, and may bring no bytes; before it the object is not listed."""
        raise NotImplementedError(f"{type(self).__name__}.write")

    def read(self, name: str, offset: int, size: int) -> Any:
        """The `size` bytes from `offset` on: bytes, or anything with a buffer. Fewer, because the
        object ends, are reported as damage."""
        raise NotImplementedError(f"{type(self).__name__}.read")

    def list(self, prefix: str) -> Mapping[str, int] | Iterable[tuple[str, int]]:
        """Every ended object whose name begins with `prefix`, with its size in bytes."""
        raise NotImplementedError(f"{type(self).__name__}.list")

    def rename(self, source: str, target: str) -> None:
        """Gives every object whose name begins with `source` one that begins with `target`.

        This commits a checkpoint, and takes one away before it is removed: it should be atomic.
        Where it cannot be, `manifest.tsm` moves last: nothing is loaded without it.
        """
        raise NotImplementedError(f"{type(self).__name__}.rename")

    def remove(self, name: str) -> None:
        """Removes one object, ended or not; one that is not there is fine."""
        raise NotImplementedError(f"{type(self).__name__}.remove")

    def register_with(self, runtime: Runtime) -> None:
        """Makes the store known to a runtime; `runtime.register` calls it."""

        def find(prefix: str, listing: Any) -> None:
            found = self.list(prefix)
            for name, size in found.items() if isinstance(found, Mapping) else found:
                _raw.tsr_listing_add(listing, name, size)

        _raw.tsr_runtime_register_store(
            runtime.handle,
            (self.name, self.shared, self.write, self.read, find, self.rename, self.remove))
