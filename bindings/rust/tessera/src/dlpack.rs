//! The layout of DLPack's DLManagedTensor (dlpack.h, version 0.x), for tensors that keep a Vec.

use std::ffi::c_void;
use std::ptr;

use crate::tensor::{DType, Element};

const CPU: i32 = 1;

#[repr(C)]
struct Device {
    kind: i32,
    id: i32,
}

#[repr(C)]
struct DataType {
    code: u8,
    bits: u8,
    lanes: u16,
}

#[repr(C)]
struct DLTensor {
    data: *mut c_void,
    device: Device,
    ndim: i32,
    dtype: DataType,
    shape: *mut i64,
    strides: *mut i64,
    byte_offset: u64,
}

#[repr(C)]
struct DLManagedTensor {
    tensor: DLTensor,
    manager_ctx: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut DLManagedTensor)>,
}

/// What the tensor points into. The managed tensor comes first, so that both have one address.
#[repr(C)]
struct Owner<T> {
    managed: DLManagedTensor,
    dims: Vec<i64>,
    data: Vec<T>,
}

fn data_type(dtype: DType) -> DataType {
    let code = match dtype {
        DType::I64 | DType::I32 | DType::I8 => 0,
        DType::U32 | DType::U16 | DType::U8 => 1,
        DType::F64 | DType::F32 | DType::F16 => 2,
        DType::BF16 => 4,
        DType::Bool => 6,
    };
    DataType { code, bits: (dtype.size() * 8) as u8, lanes: 1 }
}

unsafe extern "C" fn drop_owner<T>(managed: *mut DLManagedTensor) {
    // Numbers and vectors of them do not panic when dropped.
    drop(Box::from_raw(managed.cast::<Owner<T>>()));
}

/// A managed tensor that owns `data`, to be given to the library or to [`delete`].
pub(crate) fn from_vec<T: Element>(data: Vec<T>, dims: &[i64]) -> *mut c_void {
    let tensor = DLTensor {
        data: ptr::null_mut(),
        device: Device { kind: CPU, id: 0 },
        ndim: dims.len() as i32,
        dtype: data_type(T::DTYPE),
        shape: ptr::null_mut(),
        strides: ptr::null_mut(),
        byte_offset: 0,
    };
    let managed =
        DLManagedTensor { tensor, manager_ctx: ptr::null_mut(), deleter: Some(drop_owner::<T>) };
    let mut owner = Box::new(Owner { managed, dims: dims.to_vec(), data });
    owner.managed.tensor.data = owner.data.as_mut_ptr().cast();
    owner.managed.tensor.shape = owner.dims.as_mut_ptr();
    Box::into_raw(owner).cast()
}

/// # Safety
/// `managed` comes from [`from_vec`] and nobody else owns it.
pub(crate) unsafe fn delete(managed: *mut c_void) {
    let managed = managed.cast::<DLManagedTensor>();
    if let Some(deleter) = (*managed).deleter {
        deleter(managed);
    }
}
