//! What [`plugin!`](crate::plugin!) is made of.

use std::ffi::{c_char, CStr};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use tessera_sys as sys;

use crate::{ffi, Error, Result, Runtime};

/// Makes a crate of type `cdylib` a plug-in, which [`Runtime::load_plugin`] loads, and hosts in any
/// other language: its manifest, JSON with a `name` and a `version`, and a function that registers
/// what it has.
///
/// ```
/// fn start(runtime: &tessera::Runtime) -> tessera::Result<()> {
///     runtime.register_source("nothing", |_, _| Ok(()))
/// }
/// tessera::plugin!(r#"{"name": "nothing", "version": "1.0.0"}"#, start);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! plugin {
    ($manifest:expr, $start:expr) => {
        #[no_mangle]
        pub extern "C" fn tessera_plugin() -> *const $crate::PluginDef {
            unsafe extern "C" fn start_from_c(
                runtime: $crate::PluginRuntime,
            ) -> $crate::PluginStatus {
                $crate::start_plugin(runtime, $start)
            }
            static PLUGIN: $crate::PluginDef =
                $crate::PluginDef::new(concat!($manifest, "\0"), start_from_c);
            &PLUGIN
        }
    };
}

/// The runtime of a host, for the time of a call.
#[doc(hidden)]
pub type PluginRuntime = *mut sys::tsr_runtime;
#[doc(hidden)]
pub type PluginStatus = *mut sys::tsr_status;

#[doc(hidden)]
#[repr(transparent)]
#[derive(Debug)]
pub struct PluginDef(sys::tsr_plugin);

// SAFETY: it is constant.
unsafe impl Sync for PluginDef {}

impl PluginDef {
    /// `manifest` ends with a NUL.
    pub const fn new(
        manifest: &'static str,
        start: unsafe extern "C" fn(PluginRuntime) -> PluginStatus,
    ) -> Self {
        let manifest: *const c_char = match CStr::from_bytes_with_nul(manifest.as_bytes()) {
            Ok(text) => text.as_ptr(),
            Err(_) => panic!("manifest: expected text without NUL"),
        };
        PluginDef(sys::tsr_plugin {
            struct_size: size_of::<sys::tsr_plugin>() as u32,
            version: sys::TSR_VERSION_MAJOR << 16
                | sys::TSR_VERSION_MINOR << 8
                | sys::TSR_VERSION_PATCH,
            manifest,
            start: Some(start),
        })
    }
}

/// # Safety
/// `runtime` is valid for the time of the call.
#[doc(hidden)]
pub unsafe fn start_plugin(
    runtime: PluginRuntime,
    start: impl FnOnce(&Runtime) -> Result<()>,
) -> PluginStatus {
    ffi::callback(|| {
        let handle = NonNull::new(runtime)
            .ok_or_else(|| Error::invalid_argument("runtime: expected one, got NULL"))?;
        // It is the host's: not dropped here.
        start(&ManuallyDrop::new(Runtime { handle }))
    })
}
