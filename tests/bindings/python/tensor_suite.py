"""Tensors: memory shared with NumPy both ways, whichever side dies first; odd shapes and dtypes."""

import gc
import unittest

import numpy as np
import tessera as ts
from suite import Suite

SHAPES = [(), (1,), (7,), (3, 5), (2, 3, 4, 5), (0,), (2, 0, 3), (1, 1)]
DTYPES = ["f64", "f32", "f16", "i64", "i32", "i8", "u32", "u16", "u8", "bool"]
NUMPY = {"f64": np.float64, "f32": np.float32, "f16": np.float16, "i64": np.int64,
         "i32": np.int32, "i8": np.int8, "u32": np.uint32, "u16": np.uint16, "u8": np.uint8,
         "bool": np.bool_}


def address(array):
    return array.__array_interface__["data"][0]


class TensorSuite(Suite):
    def test_numpy_sees_the_same_memory(self):
        for dtype in DTYPES:
            for shape in SHAPES:
                with self.subTest(dtype=dtype, shape=shape):
                    tensor = ts.Tensor.zeros(shape, dtype)
                    by_buffer, by_dlpack = np.asarray(tensor), np.from_dlpack(tensor)
                    for array in (by_buffer, by_dlpack):
                        self.assertEqual(array.shape, shape)
                        self.assertEqual(array.dtype, NUMPY[dtype])
                        if array.size:
                            self.assertEqual(address(array), tensor.address)
                    if by_buffer.size:
                        by_buffer.reshape(-1)[-1] = 1
                        self.assertEqual(by_dlpack.reshape(-1)[-1], 1)

    def test_tensors_see_numpys_memory(self):
        for dtype in DTYPES:
            for shape in SHAPES:
                with self.subTest(dtype=dtype, shape=shape):
                    array = np.zeros(shape, NUMPY[dtype])
                    tensor = ts.Tensor.from_dlpack(array)
                    self.assertEqual((tensor.shape, tensor.dtype), (shape, dtype))
                    self.assertEqual(tensor.nbytes, array.nbytes)
                    if array.size:
                        self.assertEqual(tensor.address, address(array))

    def test_either_side_may_die_first(self):
        tensor = ts.Tensor.of(list(range(1000)), "i32")
        arrays = [np.asarray(tensor), np.from_dlpack(tensor), memoryview(tensor)]
        tensor.close()
        del tensor
        gc.collect()
        _ = [ts.Tensor.zeros((1000,), "i32") for _ in range(20)]
        for array in arrays:
            self.assertEqual(list(array), list(range(1000)))
        array = np.arange(1000, dtype=np.float64)
        kept = ts.Tensor.from_dlpack(array)
        second = ts.Tensor.from_dlpack(kept)
        del array, kept
        gc.collect()
        _ = [np.zeros(1000) for _ in range(20)]
        self.assertEqual(second.tolist(), list(map(float, range(1000))))

    def test_what_cannot_be_shared_is_said(self):
        with self.assertRaises(ts.Unimplemented):
            ts.Tensor.from_dlpack(np.zeros((4, 6), np.float32)[:, ::2])
        with self.assertRaises(ts.Unimplemented):
            ts.Tensor.from_dlpack(np.zeros(3, np.complex64))
        frozen = np.zeros(3, np.float32)
        frozen.flags.writeable = False
        with self.assertRaises(BufferError):
            ts.Tensor.from_dlpack(frozen)
        with self.assertRaises((TypeError, ValueError)):
            ts.Tensor.from_dlpack(object())
        with self.assertRaises(ValueError):
            ts.Tensor.zeros((2,), "complex")
        with self.assertRaises(ts.InvalidArgument):
            ts.Tensor.zeros((1,) * 9)
        with self.assertRaises(ts.InvalidArgument):
            ts.Tensor.zeros((-1,))
        with self.assertRaises(ts.TesseraError):
            ts.Tensor.zeros((1 << 40, 1 << 40))
        with self.assertRaises(TypeError):
            ts.Tensor("no handle")

    def test_a_capsule_is_used_once_or_freed(self):
        tensor = ts.Tensor.zeros((3,))
        capsule = tensor.__dlpack__()
        first = ts.Tensor.from_dlpack(capsule)
        with self.assertRaises(ValueError):
            ts.Tensor.from_dlpack(capsule)
        tensor.__dlpack__()   # nobody takes it
        self.assertEqual(first.address, tensor.address)

    def test_bf16_goes_by_its_bits(self):
        tensor = ts.Tensor.of([[1.0, -2.5], [0.0, 3.140625]], "bf16")
        self.assertEqual(tensor.tolist(), [[1.0, -2.5], [0.0, 3.140625]])
        bits = np.asarray(tensor.bits())
        self.assertEqual(bits.tolist(), [[0x3f80, 0xc020], [0, 0x4049]])
        self.assertEqual(address(bits), tensor.address)
        with self.assertRaises(BufferError):
            memoryview(tensor)

    def test_numbers_in_and_out(self):
        self.assertEqual(ts.Tensor.of(3).item(), 3)
        self.assertEqual(ts.Tensor.of([[1, 2], [3, 4]]).dtype, "i32")
        self.assertEqual(ts.Tensor.of([1.5, 2]).tolist(), [1.5, 2.0])
        self.assertEqual(ts.Tensor.of([True, False]).tolist(), [True, False])
        self.assertEqual(ts.Tensor.of([0.5], "f16").tolist(), [0.5])
        self.assertEqual(ts.Tensor.of([]).tolist(), [])
        self.assertEqual(ts.Tensor.of([[], []]).shape, (2, 0))
        self.assertEqual(ts.Tensor.of(np.arange(6).reshape(2, 3)).tolist(), [[0, 1, 2], [3, 4, 5]])
        with self.assertRaises(ValueError):
            ts.Tensor.of([[1, 2], [3]])
        copy = ts.Tensor.of(source := ts.Tensor.zeros((2,)))
        self.assertNotEqual(copy.address, source.address)


if __name__ == "__main__":
    unittest.main()
