//! [`Runtime`]: threads, kernels and registered types.

use std::path::Path;
use std::ptr::NonNull;

use serde_json::{Map, Value as Json};
use tessera_sys as sys;

use crate::ffi::{self, start};
use crate::paths::path_text;
use crate::Result;

/// Threads, kernels and registered types: the first thing a program makes. Two runtimes do not know
/// of each other; what was made from one keeps it alive.
pub struct Runtime {
    pub(crate) handle: NonNull<sys::tsr_runtime>,
}

ffi::owned_handle!(Runtime, tsr_runtime, tsr_runtime_free);
// SAFETY: all functions of a runtime say "Threads: any".
unsafe impl Sync for Runtime {}

/// The options of a [`Runtime`]; what is not set has the library's default.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct RuntimeBuilder {
    options: Map<String, Json>,
}

impl RuntimeBuilder {
    fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// Threads that compute; 0 for all cores.
    pub fn threads(self, count: u32) -> Self {
        self.with("threads", count)
    }

    /// How long an idle thread spins before it sleeps.
    pub fn spin_us(self, spin_us: u32) -> Self {
        self.with("spin_us", spin_us)
    }

    /// The instruction set: `reference`, `baseline`, `avx2`, `avx512`, `avx512_bf16`, `amx`.
    pub fn isa(self, name: &str) -> Self {
        self.with("isa", name)
    }

    /// Checks handles and that modules are pure, at some cost; for tests.
    pub fn checked(self, is_checked: bool) -> Self {
        self.with("checked", is_checked)
    }

    pub fn memory_limit_bytes(self, bytes: u64) -> Self {
        self.with("memory_limit_bytes", bytes)
    }

    /// This process is `rank` of `world_size` that meet at `address:port`.
    pub fn rank(self, rank: u32, world_size: u32, address: &str, port: u16) -> Self {
        self.with("rank", rank)
            .with("world_size", world_size)
            .with("master_addr", address)
            .with("master_port", port)
    }

    /// What modifiers with `when` are told of the machine, in place of what it is: fields of the
    /// config type Hardware.
    pub fn hardware(self, fields: Json) -> Self {
        self.with("hardware", fields)
    }

    /// How long the ranks wait for each other.
    pub fn timeout_s(self, timeout_s: u32) -> Self {
        self.with("timeout_s", timeout_s)
    }

    /// Allows [`Runtime::load_plugin`], which runs code of a file.
    pub fn plugins(self, are_allowed: bool) -> Self {
        self.with("plugins", are_allowed)
    }

    pub fn build(self) -> Result<Runtime> {
        let options = Json::Object(self.options).to_string();
        // SAFETY: pointer and length of one text; the handle is owned by the result.
        let handle = unsafe {
            ffi::handle(|out| sys::tsr_runtime_new(start(&options), options.len(), out))?
        };
        Ok(Runtime { handle })
    }
}

impl Runtime {
    /// A runtime with the default options: all cores, the best instruction set.
    pub fn new() -> Result<Runtime> {
        Runtime::builder().build()
    }

    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// What it uses: threads, instruction set and why, rank, kernels, backends with the reasons of
    /// those that refuse.
    pub fn describe(&self) -> Result<Json> {
        // SAFETY: the handle is alive.
        unsafe { ffi::json(|text, len| sys::tsr_runtime_describe(self.raw(), text, len)) }
    }

    /// The catalogue of a kind: `modules`, `ops`, `optimizers`, `schedules`, `kernels`, `data`, a
    /// role such as `norm`, or `all`.
    pub fn list(&self, kind: &str) -> Result<Json> {
        // SAFETY: the handle is alive.
        unsafe {
            ffi::json(|text, len| {
                sys::tsr_runtime_list(self.raw(), start(kind), kind.len(), text, len)
            })
        }
    }

    /// A JSON Schema of config files and of files of modifiers, with the types that this runtime
    /// knows: an editor completes and checks with it.
    pub fn json_schema(&self) -> Result<Json> {
        // SAFETY: the handle is alive.
        unsafe { ffi::json(|text, len| sys::tsr_runtime_json_schema(self.raw(), text, len)) }
    }

    /// Loads a shared library that registers parts of its own with this runtime; its manifest.
    /// `PermissionDenied` unless [`RuntimeBuilder::plugins`] allowed it.
    pub fn load_plugin(&self, path: impl AsRef<Path>) -> Result<Json> {
        let path = path_text(path.as_ref())?;
        // SAFETY: the handle is alive; pointer with length.
        unsafe {
            ffi::json(|text, len| {
                let (data, size) = (start(path), path.len());
                sys::tsr_runtime_load_plugin(self.raw(), data, size, text, len)
            })
        }
    }

    /// Fields, ranges, defaults and docs of a config type or an op.
    pub fn describe_type(&self, name: &str) -> Result<Json> {
        // SAFETY: the handle is alive.
        unsafe {
            ffi::json(|text, len| {
                sys::tsr_runtime_describe_type(self.raw(), start(name), name.len(), text, len)
            })
        }
    }
}

ffi::debug_name!(Runtime);
