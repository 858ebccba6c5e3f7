//! The edge to C: statuses to results, returned texts to strings, closures behind callbacks.

use std::any::Any;
use std::ffi::{c_char, c_void, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::{self, NonNull};

use serde::de::DeserializeOwned;
use tessera_sys as sys;

use crate::{Code, Error, Result};

/// A text's pointer, for an argument whose length follows.
pub(crate) fn start(text: &str) -> *const c_char {
    text.as_ptr().cast()
}

/// What a call that has no results says.
///
/// # Safety
/// `status` comes from the library.
pub(crate) unsafe fn check(status: *mut sys::tsr_status) -> Result<()> {
    Error::take(status)
}

/// The handle that a call writes.
///
/// # Safety
/// `call` is a function of the library that writes its `out_` argument on success.
pub(crate) unsafe fn handle<T>(
    call: impl FnOnce(*mut *mut T) -> *mut sys::tsr_status,
) -> Result<NonNull<T>> {
    let mut out = ptr::null_mut();
    Error::take(call(&mut out))?;
    NonNull::new(out).ok_or_else(|| Error::new(Code::Internal, "no handle was returned"))
}

/// The bytes that a call writes; the library's copy is freed.
///
/// # Safety
/// As of [`handle`], for `out_text` and `out_len`.
pub(crate) unsafe fn bytes(
    call: impl FnOnce(*mut *mut c_char, *mut usize) -> *mut sys::tsr_status,
) -> Result<Vec<u8>> {
    let mut out: *mut c_char = ptr::null_mut();
    let mut length = 0;
    Error::take(call(&mut out, &mut length))?;
    let copy = match out.is_null() {
        true => Vec::new(),
        false => std::slice::from_raw_parts(out.cast::<u8>(), length).to_vec(),
    };
    sys::tsr_text_free(out);
    Ok(copy)
}

/// The text that a call writes.
///
/// # Safety
/// As of [`bytes`].
pub(crate) unsafe fn text(
    call: impl FnOnce(*mut *mut c_char, *mut usize) -> *mut sys::tsr_status,
) -> Result<String> {
    Ok(into_text(bytes(call)?))
}

/// The JSON that a call writes.
///
/// # Safety
/// As of [`bytes`].
pub(crate) unsafe fn json<T: DeserializeOwned>(
    call: impl FnOnce(*mut *mut c_char, *mut usize) -> *mut sys::tsr_status,
) -> Result<T> {
    Ok(serde_json::from_slice(&bytes(call)?)?)
}

/// Text of bytes that should be UTF-8; what is not (a model of bytes may write anything) is
/// replaced.
pub(crate) fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

pub(crate) fn c_string(text: &str, what: &str) -> Result<CString> {
    CString::new(text).map_err(|error| {
        Error::invalid_argument(format!(
            "{what}: expected text without NUL, got one at byte {}",
            error.nul_position()
        ))
    })
}

/// The text of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without text")
}

/// Runs the body of a callback. Errors and panics become the status that is returned: nothing
/// unwinds into C.
pub(crate) fn callback(body: impl FnOnce() -> Result<()>) -> *mut sys::tsr_status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => ptr::null_mut(),
        Ok(Err(error)) => error.to_status(),
        Err(panic) => {
            Error::new(Code::Unknown, format!("panicked: {}", panic_text(&*panic))).to_status()
        }
    }
}

/// A slice of what C gives as pointer and count, where the pointer may be null when empty.
///
/// # Safety
/// `count` elements at `data` are valid for `'a`.
pub(crate) unsafe fn slice<'a, T>(data: *const T, count: usize) -> &'a [T] {
    match count {
        0 => &[],
        _ => std::slice::from_raw_parts(data, count),
    }
}

/// The text of a callback's argument.
///
/// # Safety
/// `length` bytes at `data` are valid for `'a`.
pub(crate) unsafe fn argument_text<'a>(data: *const c_char, length: usize) -> Result<&'a str> {
    std::str::from_utf8(slice(data.cast(), length))
        .map_err(|error| Error::new(Code::Internal, format!("text of the library: {error}")))
}

/// Owns a closure for the library, which calls [`destroy`] with it exactly once.
pub(crate) fn keep<T>(closure: T) -> *mut c_void {
    Box::into_raw(Box::new(closure)).cast()
}

/// The `destroy` of [`keep`]. A value whose drop panics is the host's fault; nobody can be told.
pub(crate) unsafe extern "C" fn destroy<T>(user: *mut c_void) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(Box::from_raw(user.cast::<T>()))));
}

/// A type that owns one handle, frees it when dropped, and is `Send`, as every handle is.
macro_rules! owned_handle {
    ($name:ident, $raw:ident, $free:ident) => {
        impl $name {
            #[allow(dead_code)]
            pub(crate) fn raw(&self) -> *mut tessera_sys::$raw {
                self.handle.as_ptr()
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: the handle is this value's own and is not used again.
                unsafe { tessera_sys::$free(self.handle.as_ptr()) }
            }
        }

        // SAFETY: tessera.h: handles may be used and freed on any thread.
        unsafe impl Send for $name {}
    };
}

/// Debug for what has nothing to show but its name.
macro_rules! debug_name {
    ($($type:ty),*) => {
        $(impl std::fmt::Debug for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let name = stringify!($type).trim_end_matches("<'_>");
                formatter.debug_struct(name).finish_non_exhaustive()
            }
        })*
    };
}
pub(crate) use debug_name;
pub(crate) use owned_handle;
