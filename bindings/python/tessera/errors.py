"""Errors: one exception class for each status code, with what the library says about it.

Every exception here is a `TesseraError`; those that Python has a class for are of that class too,
so that `except ValueError` and `except FileNotFoundError` work as anywhere else.
"""

from __future__ import annotations

import collections
import itertools
import json
import re
import threading
from typing import Any

__all__ = [
    "TesseraError", "Cancelled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound",
    "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted",
    "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss",
]


class TesseraError(Exception):
    """A call that the library refused or could not finish.

    Attributes:
        code: name of the status code, such as "INVALID_ARGUMENT".
        message: what was expected and what was got.
        path: the config or parameter path that it is about ("model.decoder.num_layers"), or "".
        file: the file that it is about, or "".
        line: the line in that file, from 1, or 0.
        rank: the rank that failed in a group of processes, or -1.
        retryable: may the same call succeed later?
        payload: details as a dict.
    """

    code = "UNKNOWN"

    def __init__(self, message: str, *, path: str = "", file: str = "", line: int = 0,
                 rank: int = -1, retryable: bool = False,
                 payload: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.file = file
        self.line = line
        self.rank = rank
        self.retryable = retryable
        self.payload = payload or {}

    @property
    def errors(self) -> list[dict[str, Any]]:
        """All errors of a config, each with file, line, column, path, expected and got."""
        return list(self.payload.get("errors", ()))

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: getattr(self, name)
                 for name in ("path", "file", "line", "rank", "retryable", "payload")}
        return _rebuild, (type(self), self.message, state)


def _rebuild(kind: type[TesseraError], message: str, state: dict[str, Any]) -> TesseraError:
    return kind(message, **state)


class Cancelled(TesseraError):
    """The work was cancelled; a training job has finished its step and saved."""
    code = "CANCELLED"


class Unknown(TesseraError):
    """An error of a callback that is not Python's."""
    code = "UNKNOWN"


class InvalidArgument(TesseraError, ValueError):
    """A wrong value, config, shape or dtype."""
    code = "INVALID_ARGUMENT"


class DeadlineExceeded(TesseraError, TimeoutError):
    """The work was not done in time."""
    code = "DEADLINE_EXCEEDED"


class NotFound(TesseraError, KeyError, FileNotFoundError):
    """A file, checkpoint, op, type, field or parameter that is not there."""
    code = "NOT_FOUND"


class AlreadyExists(TesseraError, FileExistsError):
    """Something of that name is there already."""
    code = "ALREADY_EXISTS"


class PermissionDenied(TesseraError, PermissionError):
    """The system does not allow it."""
    code = "PERMISSION_DENIED"


class ResourceExhausted(TesseraError, MemoryError):
    """Memory, disk space or threads ran out."""
    code = "RESOURCE_EXHAUSTED"


class FailedPrecondition(TesseraError, RuntimeError):
    """Not in this state: a second thread, a closed object, a loss that is not finite."""
    code = "FAILED_PRECONDITION"


class Aborted(TesseraError):
    """Another rank failed."""
    code = "ABORTED"


class OutOfRange(TesseraError):
    """All steps of the config are done."""
    code = "OUT_OF_RANGE"


class Unimplemented(TesseraError, NotImplementedError):
    """Not supported: a device, a dtype, strides."""
    code = "UNIMPLEMENTED"


class Internal(TesseraError):
    """An error in Tessera itself. The runtime refuses everything from now on."""
    code = "INTERNAL"


class Unavailable(TesseraError):
    """Another rank could not be reached."""
    code = "UNAVAILABLE"


class DataLoss(TesseraError):
    """A checkpoint or file is damaged; the message says which and where."""
    code = "DATA_LOSS"


_BY_CODE: dict[int, type[TesseraError]] = dict(enumerate(
    [Cancelled, Unknown, InvalidArgument, DeadlineExceeded, NotFound, AlreadyExists,
     PermissionDenied, ResourceExhausted, FailedPrecondition, Aborted, OutOfRange, Unimplemented,
     Internal, Unavailable, DataLoss], start=1))

# Exceptions of callbacks on their way through the library, by the number in the status' text.
# A status that no Python code ever sees leaves its exception here; old ones make room.
_MOST_KEPT = 64
_kept: collections.OrderedDict[int, BaseException] = collections.OrderedDict()
_numbers = itertools.count(1)
_lock = threading.Lock()
_MARK = re.compile(r" \[Python exception (\d+)\]")


def keep(error: BaseException) -> str:
    """Keeps a callback's exception; the text that its status carries. Used by the raw layer."""
    with _lock:
        number = next(_numbers)
        _kept[number] = error
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return f"{type(error).__name__}: {error} [Python exception {number}]"


def from_status(code: int, message: str, path: str, file: str, line: int, rank: int,
                retryable: int, payload: str) -> BaseException:
    """The exception of a status: a callback's own one, or a TesseraError. Used by the raw layer."""
    mark = _MARK.search(message)
    if mark is not None:
        with _lock:
            original = _kept.pop(int(mark[1]), None)
        message = _MARK.sub("", message)
        if original is not None:
            # Where in the model it was raised.
            original.add_note(f"tessera: {message}")
            return original
    try:
        details = json.loads(payload)
    except ValueError:
        details = {}
    kind = _BY_CODE.get(code, Unknown)
    return kind(message, path=path, file=file, line=line, rank=rank, retryable=bool(retryable),
                payload=details if isinstance(details, dict) else {})
