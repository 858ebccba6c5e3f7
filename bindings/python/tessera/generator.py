"""Generator: text from a trained model, whole or as it comes."""

from __future__ import annotations

import codecs
import json
import os
import queue
import threading
from typing import Any, Callable, Iterator

from . import _raw
from .config import PathLike
from .handle import Owner
from .runtime import Runtime, default_runtime

__all__ = ["Generator"]

# Pieces that may wait for a slow reader.
_MOST_WAITING = 16


class Generator(Owner):
    """Continues text. From a checkpoint, or `trainer.generator()`."""

    def __init__(self, handle: Any) -> None:
        super().__init__(handle, _raw.tsr_generator_free)

    @classmethod
    def from_checkpoint(cls, path: PathLike, *, dtype: str = "",
                        runtime: Runtime | None = None) -> "Generator":
        """The model of a checkpoint, or of the newest complete one in a folder.

        Args:
            dtype: "fp32", "bf16" or "fp64"; "" takes the config's.
        """
        runtime = runtime or default_runtime()
        return cls(_raw.tsr_generator_from_checkpoint(runtime.handle, os.fspath(path),
                                                      json.dumps({"dtype": dtype})))

    def generate(self, prompt: str = "", *, max_tokens: int = 256, temperature: float = 1.0,
                 top_k: int = 0, top_p: float = 1.0, seed: int = 0,
                 on_text: Callable[[str], object] | None = None) -> str:
        """Continues a prompt; the continuation.

        Args:
            temperature: 0 takes the likeliest token.
            top_k, top_p: choose among the likeliest only; 0 and 1 mean all.
            on_text: called with each piece as it comes; a true result stops. What it raises is
                raised here.
        """
        options = json.dumps({"max_tokens": max_tokens, "temperature": temperature,
                              "top_k": top_k, "top_p": top_p, "seed": seed})
        if on_text is None:
            return _raw.tsr_generator_generate(self.handle, prompt, options, None)
        failure: list[BaseException] = []
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

        def receive(piece: bytes) -> bool:
            try:
                text = decoder.decode(piece)
                return bool(text and on_text(text))
            except BaseException as error:  # pylint: disable=broad-except  # raised below
                failure.append(error)
                return True

        text = _raw.tsr_generator_generate(self.handle, prompt, options, receive)
        if failure:
            raise failure[0]
        return text

    def stream(self, prompt: str = "", **options: Any) -> Iterator[str]:
        """Continues a prompt piece by piece: `for piece in generator.stream("def "): ...`.

        Options as of `generate`. It runs on a thread of its own; leaving the loop stops it.
        """
        pieces: queue.Queue[Any] = queue.Queue(_MOST_WAITING)
        stopped = threading.Event()
        end = object()

        def give(piece: Any) -> bool:
            while not stopped.is_set():
                try:
                    pieces.put(piece, timeout=0.1)
                    return False
                except queue.Full:
                    continue
            return True

        def work() -> None:
            try:
                self.generate(prompt, on_text=give, **options)
                give(end)
            except BaseException as error:  # pylint: disable=broad-except  # raised by the reader
                give(error)

        thread = threading.Thread(target=work, name="tessera-generate", daemon=True)
        thread.start()
        try:
            while (piece := pieces.get()) is not end:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            stopped.set()
            thread.join()
