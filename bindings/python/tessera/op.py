"""Op: an operation with a kernel written in Python.

Unlike modules, the kernel runs in every step, on one of the runtime's threads with the interpreter
lock: for what no op can do, and for trying something out.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Sequence

from . import _raw
from .module import Scope
from .runtime import Runtime
from .tensor import dtype_name
from .value import Value

__all__ = ["Op", "Operand"]


class Operand:
    """One operand of a kernel; the memory is valid during the call only.

    Attributes:
        dtype: its element type. Of bf16 the view holds the bits, 16-bit integers.
        view: a memoryview with format and shape.
    """

    __slots__ = ("dtype", "view", "_base")

    def __init__(self, base: Any) -> None:
        self._base = base
        self.dtype = dtype_name(base.dtype)
        self.view = memoryview(base)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.view.shape or ())

    def numpy(self) -> Any:
        """A NumPy array over the memory (needs NumPy). Keep no reference to it."""
        import numpy  # pylint: disable=import-outside-toplevel
        return numpy.asarray(self._base)

    def _end(self) -> bool:
        """Ends it; was the memory let go of?"""
        try:
            self.view.release()
        except BufferError:
            return False
        return self._base.end() == 0


class Op:
    """Base of ops written in Python.

    ```
    class Shifted(ts.Op):
        '''y = x + by.'''
        name = "shifted"
        signature = "x[..., D] -> y[..., D]"

        def run(self, inputs, outputs, by=1.0):
            outputs[0].numpy()[...] = inputs[0].numpy() + by

        def gradient(self, scope, inputs, outputs, cotangents, by=1.0):
            return [cotangents[0]]
    ```
    """

    name: ClassVar[str] = ""
    signature: ClassVar[str] = ""
    version: ClassVar[int] = 1

    def run(self, inputs: Sequence[Operand], outputs: Sequence[Operand], **attrs: Any) -> None:
        """Fills the outputs. Called on a thread of the runtime, not twice at a time for one
        program."""
        raise NotImplementedError(f"{type(self).__name__}.run")

    # gradient(self, scope, inputs, outputs, cotangents, **attrs) -> one Value or None an input.
    gradient: Any = None

    @classmethod
    def register_with(cls, runtime: Runtime) -> None:
        """Makes the op known to a runtime; `runtime.register` calls it."""
        op = cls()

        def run(attrs: str, inputs: list[Any], outputs: list[Any]) -> None:
            operands = [[Operand(item) for item in items] for items in (inputs, outputs)]
            op.run(*operands, **json.loads(attrs or "{}"))
            # All of them, also after one that is kept.
            ended = [operand._end() for operand in operands[0] + operands[1]]
            if not all(ended):
                raise BufferError(f"op '{cls.name}' kept an array over an operand, whose memory is "
                                  "valid during the call only: copy it")

        def gradient(handle: Any, attrs: str, values: list[int], count: int) -> list[int]:
            scope = Scope(handle)
            all_values = [Value(scope, number) for number in values]
            outputs = (len(values) - count) // 2
            try:
                results = op.gradient(scope, all_values[:count],
                                      all_values[count:count + outputs],
                                      all_values[count + outputs:], **json.loads(attrs or "{}"))
                return [-1 if value is None else scope._number(value) for value in results]
            finally:
                scope._end()

        _raw.tsr_runtime_register_op(
            runtime.handle,
            (cls.name, cls.version, cls.signature, (cls.__doc__ or "").strip(), run,
             None if cls.gradient is None else gradient))
