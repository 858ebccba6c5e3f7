"""What owns a handle of the library: closed on demand, by the garbage collector, or at exit.

Handles may be freed in any order (the library counts references), so finalisers need none either.
After a fork the child has none of the library's threads: what the parent made cannot be used there,
and is left alone.
"""

from __future__ import annotations

import itertools
import os
import weakref
from typing import Any, Callable, TypeVar

from .errors import FailedPrecondition

_forks = itertools.count(1)
_generation = 0
Self = TypeVar("Self", bound="Owner")


def _count_fork() -> None:
    global _generation
    _generation = next(_forks)


os.register_at_fork(after_in_child=_count_fork)


def _free(free: Callable[[Any], None], handle: Any, generation: int) -> None:
    if generation == _generation:
        free(handle)


class Owner:
    """Base of the objects that own a handle of the library."""

    def __init__(self, handle: Any, free: Callable[[Any], None]) -> None:
        self._handle = handle
        self._generation = _generation
        self._finalizer = weakref.finalize(self, _free, free, handle, _generation)

    @property
    def handle(self) -> Any:
        """The raw layer's handle."""
        if not self._finalizer.alive:
            raise FailedPrecondition(f"the {type(self).__name__} is closed")
        if self._generation != _generation:
            raise FailedPrecondition(
                f"the {type(self).__name__} was made before a fork: the threads of its runtime "
                "stayed in the parent; make runtime and objects in the child")
        return self._handle

    @property
    def closed(self) -> bool:
        """Has `close` been called?"""
        return not self._finalizer.alive

    def close(self) -> None:
        """Lets go of the object; what was made from it stays usable. Again: nothing happens."""
        self._finalizer()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
