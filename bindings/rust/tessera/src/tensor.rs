//! [`Tensor`]: an element type, dims and row-major data.

use std::ffi::c_void;
use std::fmt;
use std::ptr::NonNull;

use tessera_sys as sys;

use crate::dlpack;
use crate::ffi;
use crate::{Code, Error, Result};

/// The element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DType {
    F64,
    F32,
    BF16,
    F16,
    I64,
    I32,
    I8,
    U32,
    U16,
    U8,
    Bool,
}

const DTYPES: [(sys::tsr_dtype, DType, usize, &str); 11] = [
    (sys::TSR_F64, DType::F64, 8, "f64"),
    (sys::TSR_F32, DType::F32, 4, "f32"),
    (sys::TSR_BF16, DType::BF16, 2, "bf16"),
    (sys::TSR_F16, DType::F16, 2, "f16"),
    (sys::TSR_I64, DType::I64, 8, "i64"),
    (sys::TSR_I32, DType::I32, 4, "i32"),
    (sys::TSR_I8, DType::I8, 1, "i8"),
    (sys::TSR_U32, DType::U32, 4, "u32"),
    (sys::TSR_U16, DType::U16, 2, "u16"),
    (sys::TSR_U8, DType::U8, 1, "u8"),
    (sys::TSR_BOOL, DType::Bool, 1, "bool"),
];

impl DType {
    fn row(self) -> &'static (sys::tsr_dtype, DType, usize, &'static str) {
        DTYPES.iter().find(|row| row.1 == self).expect("every dtype has a row")
    }

    pub(crate) fn raw(self) -> sys::tsr_dtype {
        self.row().0
    }

    pub(crate) fn from_raw(raw: sys::tsr_dtype) -> Result<DType> {
        DTYPES.iter().find(|row| row.0 == raw).map(|row| row.1).ok_or_else(|| {
            Error::new(Code::Unimplemented, format!("dtype {raw}: unknown to this crate"))
        })
    }

    /// The dtype of a name as the library writes it, `bf16`.
    pub fn from_name(name: &str) -> Option<DType> {
        DTYPES.iter().find(|row| row.3 == name).map(|row| row.1)
    }

    pub fn name(self) -> &'static str {
        self.row().3
    }

    /// Bytes of one element.
    pub fn size(self) -> usize {
        self.row().2
    }
}

/// A Rust type that stands for a dtype.
///
/// # Safety
/// The type has the size and the alignment of the dtype's elements, and every bit pattern is valid.
pub unsafe trait Element: Copy + Send + Sync + 'static {
    const DTYPE: DType;
}

macro_rules! elements {
    ($($type:ty => $dtype:ident),*) => {
        // SAFETY: plain numbers of the dtype's size.
        $(unsafe impl Element for $type { const DTYPE: DType = DType::$dtype; })*
    };
}
elements!(f64 => F64, f32 => F32, i64 => I64, i32 => I32, i8 => I8, u32 => U32, u16 => U16,
          u8 => U8);
#[cfg(feature = "half")]
elements!(half::bf16 => BF16, half::f16 => F16);

/// An element type, dims and row-major data, shared with the library and not copied.
///
/// ```
/// # fn main() -> tessera::Result<()> {
/// use tessera::Tensor;
///
/// let mut tokens = Tensor::from_vec(vec![1i32, 2, 3, 4], &[2, 2])?;
/// tokens.as_mut_slice::<i32>()?[3] = 5;
/// assert_eq!(tokens.as_slice::<i32>()?, [1, 2, 3, 5]);
/// assert!(tokens.as_slice::<f32>().is_err());
/// # Ok(())
/// # }
/// ```
pub struct Tensor {
    pub(crate) handle: NonNull<sys::tsr_tensor>,
}

ffi::owned_handle!(Tensor, tsr_tensor, tsr_tensor_free);
// SAFETY: all functions of a tensor say "Threads: any"; data is written through &mut self alone.
unsafe impl Sync for Tensor {}

impl Tensor {
    /// A tensor of zeros.
    pub fn zeros(dtype: DType, dims: &[i64]) -> Result<Tensor> {
        let rank = rank_of(dims)?;
        // SAFETY: `rank` elements at `dims`; the handle is owned by the result.
        let handle = unsafe {
            ffi::handle(|out| sys::tsr_tensor_new(dtype.raw(), dims.as_ptr(), rank, out))?
        };
        Ok(Tensor { handle })
    }

    /// A tensor with a copy of `data`.
    pub fn from_slice<T: Element>(data: &[T], dims: &[i64]) -> Result<Tensor> {
        expect_count(data.len(), dims)?;
        let mut tensor = Tensor::zeros(T::DTYPE, dims)?;
        tensor.as_mut_slice::<T>()?.copy_from_slice(data);
        Ok(tensor)
    }

    /// A tensor that keeps the memory of `data`.
    pub fn from_vec<T: Element>(data: Vec<T>, dims: &[i64]) -> Result<Tensor> {
        expect_count(data.len(), dims)?;
        rank_of(dims)?;
        let managed = dlpack::from_vec(data, dims);
        // SAFETY: a DLManagedTensor of contiguous CPU memory; on error it stays ours.
        unsafe { Tensor::from_dlpack(managed).inspect_err(|_| dlpack::delete(managed)) }
    }

    /// A tensor without dims.
    pub fn scalar<T: Element>(value: T) -> Result<Tensor> {
        Tensor::from_slice(&[value], &[])
    }

    /// Takes a `DLManagedTensor*` (CPU, row-major contiguous) without copying.
    ///
    /// # Safety
    /// `managed` points to a valid DLManagedTensor whose memory nobody else writes. On success it
    /// belongs to the tensor, on error to the caller.
    pub unsafe fn from_dlpack(managed: *mut c_void) -> Result<Tensor> {
        let handle = ffi::handle(|out| sys::tsr_tensor_from_dlpack(managed, out))?;
        Ok(Tensor { handle })
    }

    /// A `DLManagedTensor*` that shares the memory, which lives until its deleter is called.
    /// Whoever reads it must not while this tensor is written, and the reverse.
    pub fn to_dlpack(&self) -> Result<*mut c_void> {
        let mut managed = std::ptr::null_mut();
        // SAFETY: the handle is alive.
        unsafe { ffi::check(sys::tsr_tensor_to_dlpack(self.raw(), &mut managed))? };
        Ok(managed)
    }

    pub fn dtype(&self) -> DType {
        // SAFETY: the handle is alive.
        let raw = unsafe { sys::tsr_tensor_dtype(self.raw()) };
        DType::from_raw(raw).expect("a library of this version knows the same dtypes")
    }

    pub fn dims(&self) -> Vec<i64> {
        // SAFETY: the handle is alive.
        unsafe {
            let rank = sys::tsr_tensor_rank(self.raw());
            (0..rank).map(|index| sys::tsr_tensor_dim(self.raw(), index)).collect()
        }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.as_bytes().len() / self.dtype().size()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: the data lives as long as the tensor, and is written through &mut self alone.
        unsafe {
            ffi::slice(sys::tsr_tensor_data(self.raw()).cast(), sys::tsr_tensor_bytes(self.raw()))
        }
    }

    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is borrowed for writing.
        unsafe {
            match sys::tsr_tensor_bytes(self.raw()) {
                0 => &mut [],
                size => {
                    std::slice::from_raw_parts_mut(sys::tsr_tensor_data(self.raw()).cast(), size)
                }
            }
        }
    }

    /// The elements; an error when `T` is not the dtype.
    pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
        self.expect_dtype(T::DTYPE)?;
        let bytes = self.as_bytes();
        // SAFETY: elements of the dtype, aligned by the library, every pattern valid.
        Ok(unsafe { ffi::slice(bytes.as_ptr().cast(), bytes.len() / size_of::<T>()) })
    }

    pub fn as_mut_slice<T: Element>(&mut self) -> Result<&mut [T]> {
        self.expect_dtype(T::DTYPE)?;
        let bytes = self.as_mut_bytes();
        if bytes.is_empty() {
            return Ok(&mut []);
        }
        // SAFETY: as above.
        Ok(unsafe {
            std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len() / size_of::<T>())
        })
    }

    /// The only element of a tensor that has one.
    pub fn item<T: Element>(&self) -> Result<T> {
        match self.as_slice::<T>()? {
            [value] => Ok(*value),
            values => Err(Error::invalid_argument(format!(
                "item: expected one element, got {}",
                values.len()
            ))),
        }
    }

    /// A copy in f32 of any float dtype.
    pub fn to_f32_vec(&self) -> Result<Vec<f32>> {
        let halves = |to: fn(u16) -> f32| {
            let bytes = self.as_bytes().chunks_exact(2);
            bytes.map(|pair| to(u16::from_ne_bytes([pair[0], pair[1]]))).collect()
        };
        match self.dtype() {
            DType::F32 => Ok(self.as_slice::<f32>()?.to_vec()),
            DType::F64 => Ok(self.as_slice::<f64>()?.iter().map(|value| *value as f32).collect()),
            DType::BF16 => Ok(halves(|bits| f32::from_bits(u32::from(bits) << 16))),
            DType::F16 => Ok(halves(f16_to_f32)),
            dtype => Err(Error::invalid_argument(format!(
                "to_f32_vec: expected a float dtype, got {}",
                dtype.name()
            ))),
        }
    }

    fn expect_dtype(&self, expected: DType) -> Result<()> {
        match self.dtype() {
            dtype if dtype == expected => Ok(()),
            dtype => Err(Error::invalid_argument(format!(
                "tensor: expected {}, got {}",
                expected.name(),
                dtype.name()
            ))),
        }
    }
}

#[cfg(feature = "ndarray")]
mod views {
    use ndarray::{ArrayViewD, ArrayViewMutD, IxDyn};

    use super::{Element, Tensor};
    use crate::{Error, Result};

    /// Views of the tensor's own memory.
    impl Tensor {
        pub fn view<T: Element>(&self) -> Result<ArrayViewD<'_, T>> {
            ArrayViewD::from_shape(self.shape(), self.as_slice()?).map_err(shape_error)
        }

        pub fn view_mut<T: Element>(&mut self) -> Result<ArrayViewMutD<'_, T>> {
            let shape = self.shape();
            ArrayViewMutD::from_shape(shape, self.as_mut_slice()?).map_err(shape_error)
        }

        /// Keeps the memory of an array in standard layout, else copies it.
        pub fn from_array<T: Element>(
            array: ndarray::Array<T, impl ndarray::Dimension>,
        ) -> Result<Tensor> {
            let dims: Vec<i64> = array.shape().iter().map(|dim| *dim as i64).collect();
            if array.is_standard_layout() {
                let count = array.len();
                let (data, offset) = array.into_raw_vec_and_offset();
                if data.len() == count && offset.unwrap_or(0) == 0 {
                    return Tensor::from_vec(data, &dims);
                }
                let from = offset.unwrap_or(0);
                return Tensor::from_slice(&data[from..from + count], &dims);
            }
            Tensor::from_vec(array.iter().copied().collect(), &dims)
        }

        fn shape(&self) -> IxDyn {
            IxDyn(&self.dims().iter().map(|dim| *dim as usize).collect::<Vec<_>>())
        }
    }

    fn shape_error(error: ndarray::ShapeError) -> Error {
        Error::invalid_argument(format!("tensor as an array: {error}"))
    }
}

fn rank_of(dims: &[i64]) -> Result<i32> {
    const MOST: usize = 8;
    match dims.len() {
        rank if rank <= MOST => Ok(rank as i32),
        rank => Err(Error::invalid_argument(format!("dims: expected at most {MOST}, got {rank}"))),
    }
}

fn expect_count(count: usize, dims: &[i64]) -> Result<()> {
    let expected =
        dims.iter().try_fold(1i64, |product, dim| product.checked_mul(*dim).filter(|_| *dim >= 0));
    match expected {
        Some(expected) if expected == count as i64 => Ok(()),
        _ => Err(Error::invalid_argument(format!(
            "data: expected as many elements as dims {dims:?} hold, got {count}"
        ))),
    }
}

fn f16_to_f32(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f32::from(bits & 0x3ff);
    match exponent {
        0 => sign * fraction * 2f32.powi(-24),
        0x1f if fraction == 0.0 => sign * f32::INFINITY,
        0x1f => f32::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{:?}", self.dtype().name(), self.dims())
    }
}

#[cfg(test)]
mod tests {
    use super::f16_to_f32;

    #[test]
    fn halves_are_their_numbers() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x8000, 0.0),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(f16_to_f32(bits), value, "{bits:#x}");
        }
        assert!(f16_to_f32(0x7e00).is_nan());
    }
}
