"""Tensor: memory that is shared with NumPy, PyTorch and others, without copies."""

from __future__ import annotations

import math
from typing import Any, Iterable, Sequence

from . import _raw

__all__ = ["Tensor", "DTYPES"]

# Numbers of tsr_dtype, by the names that the library prints.
DTYPES = {"f64": 1, "f32": 2, "bf16": 3, "f16": 4, "i64": 5, "i32": 6, "i8": 7, "u32": 8,
          "u16": 9, "u8": 10, "bool": 11}
_NAMES = {number: name for name, number in DTYPES.items()}
_ALIASES = {"fp64": "f64", "fp32": "f32", "fp16": "f16", "float64": "f64", "float32": "f32",
            "bfloat16": "bf16", "float16": "f16", "int64": "i64", "int32": "i32", "int8": "i8",
            "uint32": "u32", "uint16": "u16", "uint8": "u8"}
_FORMATS = {"f64": "d", "f32": "f", "f16": "e", "i64": "q", "i32": "i", "i8": "b", "u32": "I",
            "u16": "H", "u8": "B", "bool": "?"}


def dtype_number(dtype: Any) -> int:
    """The number of a dtype that is given by name, or as NumPy's or PyTorch's."""
    name = str(getattr(dtype, "name", dtype)).removeprefix("torch.")
    name = _ALIASES.get(name, name)
    if name not in DTYPES:
        raise ValueError(f"dtype: expected one of {', '.join(DTYPES)}, got {dtype!r}")
    return DTYPES[name]


def dtype_name(number: int) -> str:
    """The name of a dtype by its number."""
    return _NAMES[number]


def _shape_of(data: Any) -> tuple[int, ...]:
    shape: list[int] = []
    while isinstance(data, (list, tuple)):
        shape.append(len(data))
        if not data:
            break
        data = data[0]
    return tuple(shape)


def _flatten(data: Any, shape: Sequence[int]) -> Iterable[Any]:
    if not shape:
        yield data
        return
    if not isinstance(data, (list, tuple)) or len(data) != shape[0]:
        raise ValueError(f"expected nested lists of one shape, {shape[0]} items here, got {data!r}")
    for item in data:
        yield from _flatten(item, shape[1:])


def _usual_dtype(values: Sequence[Any]) -> str:
    if values and all(isinstance(value, bool) for value in values):
        return "bool"
    if all(isinstance(value, int) for value in values):
        return "i32"
    return "f32"


class Tensor(_raw.TensorBase):
    """A dense row-major tensor on the CPU.

    It has the buffer protocol and DLPack, so `numpy.asarray(tensor)`, `torch.from_dlpack(tensor)`
    and `memoryview(tensor)` share its memory, and stay valid whichever side is gone first.
    bf16, which the buffer protocol lacks, goes by DLPack (PyTorch), `bits()` or `to("f32")`.
    """

    @classmethod
    def zeros(cls, shape: Sequence[int], dtype: Any = "f32") -> "Tensor":
        """Zeros of a shape."""
        return cls(_raw.tsr_tensor_new(dtype_number(dtype), tuple(shape)))

    @classmethod
    def of(cls, data: Any, dtype: Any = None) -> "Tensor":
        """A copy of numbers: a number, nested lists of them, or anything with a buffer.

        Without a dtype whole numbers are i32 (what token inputs want) and others f32; arrays keep
        theirs.
        """
        if hasattr(data, "__dlpack__"):
            shared = cls.from_dlpack(data)
            copy = cls.zeros(shared.shape, shared.dtype)
            copy._bytes()[:] = shared._bytes()
            return copy if dtype is None else copy.to(dtype)
        if not isinstance(data, (list, tuple, int, float)):
            data = memoryview(data).tolist()
        shape = _shape_of(data)
        values = list(_flatten(data, shape))
        name = _NAMES[dtype_number(_usual_dtype(values) if dtype is None else dtype)]
        if name in ("bf16", "f16"):
            return cls.of(data, "f32").to("bf16")
        tensor = cls.zeros(shape, name)
        format_name: Any = _FORMATS[name]
        view = tensor._bytes().cast(format_name)
        for index, value in enumerate(values):
            view[index] = value
        return tensor

    @classmethod
    def from_dlpack(cls, source: Any) -> "Tensor":
        """The memory of an array that has `__dlpack__`, not copied.

        Raises:
            Unimplemented: not on the CPU, not row-major, or of a dtype that Tessera lacks.
            BufferError: the array is read-only.
        """
        if isinstance(source, Tensor):
            return cls(_raw.tsr_tensor_from_dlpack(source.__dlpack__()))
        if hasattr(source, "__dlpack__"):
            source = source.__dlpack__()
        return cls(_raw.tsr_tensor_from_dlpack(source))

    @property
    def dtype(self) -> str:
        """Name of the element type: "f32", "bf16", "i32" and so on."""
        return _NAMES[_raw.tsr_tensor_dtype(self.handle)]

    @property
    def shape(self) -> tuple[int, ...]:
        handle = self.handle
        return tuple(_raw.tsr_tensor_dim(handle, index)
                     for index in range(_raw.tsr_tensor_rank(handle)))

    @property
    def ndim(self) -> int:
        return _raw.tsr_tensor_rank(self.handle)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return _raw.tsr_tensor_bytes(self.handle)

    @property
    def address(self) -> int:
        """Where its data begin."""
        return _raw.tsr_tensor_data(self.handle) or 0

    def __dlpack__(self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None,
                   copy: bool | None = None) -> Any:
        """A capsule that shares the memory, for `from_dlpack` of other packages."""
        if stream is not None:
            raise BufferError("a tensor on the CPU has no stream")
        if dl_device is not None and tuple(dl_device) != (1, 0):
            raise BufferError("the tensor is on the CPU, DLPack device (1, 0)")
        if copy:
            return Tensor.of(self).__dlpack__()
        return _raw.tsr_tensor_to_dlpack(self.handle)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def numpy(self) -> Any:
        """A NumPy array over the same memory (needs NumPy)."""
        import numpy  # pylint: disable=import-outside-toplevel
        return numpy.asarray(self)

    def torch(self) -> Any:
        """A PyTorch tensor over the same memory (needs PyTorch)."""
        import torch  # type: ignore[import-not-found,unused-ignore]
        return torch.from_dlpack(self)

    def _bytes(self) -> memoryview:
        """The memory as bytes, also of bf16 and of no elements."""
        if self.nbytes == 0:
            return memoryview(bytearray())
        view = memoryview(self.bits() if self.dtype == "bf16" else self)
        return view.cast("B")

    def bits(self) -> "Tensor":
        """The bits of a float tensor, as integers over the same memory: bf16 becomes u16."""
        return Tensor(self._bits())

    def to(self, dtype: Any) -> "Tensor":
        """A copy in another dtype, as the library converts."""
        from .graph import Graph  # pylint: disable=import-outside-toplevel
        number = dtype_number(dtype)
        if _NAMES[number] == self.dtype:
            return Tensor.of(self)
        with Graph() as graph:
            dims = ",".join(map(str, self.shape))
            value = graph.input("x", self.dtype, dims)
            graph.output("y", graph.add("cast", value, dtype=_NAMES[number]))
            with graph.compile() as program:
                return program(x=self)["y"]

    def tolist(self) -> Any:
        """Nested lists of numbers, or one number."""
        if self.size == 0:
            return _empty_list(self.shape)
        source = self.to("f32") if self.dtype in ("bf16", "f16") else self
        return memoryview(source).tolist()

    def item(self) -> Any:
        """The one element."""
        if self.size != 1:
            raise ValueError(f"item: expected one element, got shape {self.shape}")
        values = self.tolist()
        while isinstance(values, list):
            values = values[0]
        return values

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("a tensor without dims has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        try:
            return f"<tessera.Tensor {self.dtype}[{','.join(map(str, self.shape))}]>"
        except ValueError:
            return "<tessera.Tensor, closed>"


def _empty_list(shape: Sequence[int]) -> Any:
    if not shape:
        return []
    return [_empty_list(shape[1:]) for _ in range(shape[0])]
