"""Data of one's own: documents from any iterator, held in memory or written to a file."""

from __future__ import annotations

import array
import os
from typing import Any, Callable, Iterable

from . import _raw
from .config import PathLike
from .runtime import Runtime

__all__ = ["DataSource", "write_tokens"]

_TYPES = {2: "H", 4: "I"}
# Ids that are held at a time.
_CHUNK = 1 << 16


class DataSource:
    """Documents from anywhere, for `data.source`.

    ```
    rows = ts.DataSource("rows", lambda name: (row.text for row in database.query(name)))
    runtime.register(rows)
    config["data.source"] = "rows"
    config["data.train"] = "select text from pages order by id"
    ```
    Args:
        name: what `data.source` says.
        read: called with each entry of `data.train` and `data.validation` while a trainer opens its
            data. Gives an iterable of documents: texts, or token ids: lists, NumPy or Arrow arrays,
            any iterable of ints. The same ones each time; a learning tokenizer reads them twice.
    """

    def __init__(self, name: str, read: Callable[[str], Iterable[Any]]) -> None:
        self.name = name
        self.read = read

    def register_with(self, runtime: Runtime) -> None:
        """Makes the source known to a runtime; `runtime.register` calls it."""
        read = self.read

        def give(corpus: Any, name: str) -> None:
            for document in read(name):
                document = document.as_py() if hasattr(document, "as_py") else document
                if isinstance(document, str):
                    _raw.tsr_corpus_add_text(corpus, document)
                else:
                    _raw.tsr_corpus_add_tokens(corpus, *_packed(document))

        _raw.tsr_runtime_register_source(runtime.handle, (self.name, give))


def _packed(ids: Any) -> tuple[Any, int]:
    """Ids as a buffer, and their width."""
    try:
        view = memoryview(ids)
    except TypeError:
        view = None
    if view is not None and view.format in ("H", "I") and view.contiguous and view.ndim == 1:
        return view, view.itemsize
    try:
        return array.array("I", _ids(ids)), 4
    except (OverflowError, TypeError) as error:
        raise ValueError(f"a document: expected text or ids from 0 to {256 ** 4 - 1}: {error}"
                         ) from None


def write_tokens(path: PathLike, source: Iterable[Any], *, width: int = 2) -> int:
    """Writes token ids to a file for training; how many they were.

    ```
    ts.write_tokens("train.bin", (encode(document) for document in documents))
    config["data.train"] = "train.bin"
    ```
    Args:
        path: ends in ".bin"; is there when all is written, or not at all.
        source: ids, or pieces of them: lists, NumPy arrays, Arrow arrays; any iterator. It is read
            once and not held in memory.
        width: bytes of an id, 2 or 4, as the config's data.token_width says.

    Raises:
        ValueError: an id that is negative or too large for the width; another ending.
    """
    name = os.fspath(path)
    if width not in _TYPES:
        raise ValueError(f"width: expected 2 or 4, got {width}")
    if not name.endswith(".bin"):
        raise ValueError(f"path: expected a name that ends in .bin, got {name!r}")
    count, held = 0, array.array(_TYPES[width])
    part = f"{name}.part"
    try:
        with open(part, "wb") as file:
            for piece in source:
                try:
                    held.extend(_ids(piece))
                except OverflowError:
                    raise ValueError(f"ids after the first {count}: expected 0 to "
                                     f"{256 ** width - 1}, got {piece!r}") from None
                if len(held) >= _CHUNK:
                    count += len(held)
                    held.tofile(file)
                    del held[:]
            count += len(held)
            held.tofile(file)
        os.replace(part, name)
    finally:
        if os.path.exists(part):
            os.remove(part)
    return count


def _ids(piece: Any) -> Iterable[int]:
    """One id, or several."""
    if hasattr(piece, "__index__") and not hasattr(piece, "__len__"):
        return (piece,)
    for convert in ("tolist", "to_pylist"):   # Python's own numbers are quicker to take
        if hasattr(piece, convert):
            values = getattr(piece, convert)()
            return values if isinstance(values, list) else (values,)
    return piece
