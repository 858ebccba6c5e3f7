"""Data of one's own: token ids from any iterator, as a file that `data.train` reads."""

from __future__ import annotations

import array
import os
from typing import Any, Iterable

from .config import PathLike

__all__ = ["write_tokens"]

_TYPES = {2: "H", 4: "I"}
# Ids that are held at a time.
_CHUNK = 1 << 16


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
