//! [`Program`]: a compiled model or graph, run on tensors with or without gradients.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Index;
use std::path::Path;
use std::ptr::{self, NonNull};

use serde_json::{Map, Value as Json};
use tessera_sys as sys;

use crate::ffi::{self, start};
use crate::paths::path_text;
use crate::{Config, Error, Graph, Result, Runtime, Tensor};

/// How a program is compiled; what is not set has the library's default.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ProgramOptions {
    options: Map<String, Json>,
}

impl ProgramOptions {
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// `evaluate`, `train` or `decode`; not for graphs.
    pub fn mode(self, mode: &str) -> Self {
        self.with("mode", mode)
    }

    /// Whether [`Program::run_with_gradients`] will be asked for.
    pub fn gradients(self, has_gradients: bool) -> Self {
        self.with("gradients", has_gradients)
    }

    /// `fp32`, `bf16`, `fp64`; not for graphs.
    pub fn dtype(self, dtype: &str) -> Self {
        self.with("dtype", dtype)
    }

    /// `none`, `selective` or `full`.
    pub fn recompute(self, policy: &str) -> Self {
        self.with("recompute", policy)
    }

    /// `record` or `replay`: the choices of mixtures of experts, as outputs or inputs; not for
    /// graphs.
    pub fn routing(self, routing: &str) -> Self {
        self.with("routing", routing)
    }

    pub fn seed(self, seed: u64) -> Self {
        self.with("seed", seed)
    }

    fn text(&self) -> String {
        Json::Object(self.options.clone()).to_string()
    }
}

/// What a run gives: tensors by name, in the order of [`Program::describe`].
#[derive(Debug)]
pub struct Outputs {
    names: Vec<String>,
    tensors: Vec<Tensor>,
}

impl Outputs {
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.names.iter().position(|other| other == name).map(|index| &self.tensors[index])
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.names.iter().map(String::as_str).zip(&self.tensors)
    }

    pub fn into_vec(self) -> Vec<Tensor> {
        self.tensors
    }
}

impl Index<&str> for Outputs {
    type Output = Tensor;

    /// # Panics
    /// When there is no such output.
    fn index(&self, name: &str) -> &Tensor {
        self.get(name)
            .unwrap_or_else(|| panic!("expected an output of {:?}, got '{name}'", self.names))
    }
}

/// A compiled model or graph. One thread at a time uses it: runs take `&mut self`.
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<tessera::Program>();
/// ```
pub struct Program {
    pub(crate) handle: NonNull<sys::tsr_program>,
    output_names: Vec<String>,
    not_sync: PhantomData<Cell<()>>,
}

ffi::owned_handle!(Program, tsr_program, tsr_program_free);

impl Program {
    fn of(handle: NonNull<sys::tsr_program>) -> Result<Program> {
        let mut program = Program { handle, output_names: Vec::new(), not_sync: PhantomData };
        let described = program.describe()?;
        let outputs = described["outputs"].as_array().into_iter().flatten();
        program.output_names =
            outputs.map(|output| output["name"].as_str().unwrap_or_default().to_string()).collect();
        Ok(program)
    }

    /// Compiles the model of a config; parameters start as its initialisers say.
    pub fn from_config(config: &Config, options: &ProgramOptions) -> Result<Program> {
        let options = options.text();
        // SAFETY: pointer and length of the options; the handle is owned by the result.
        Program::of(unsafe {
            ffi::handle(|out| {
                let len = options.len();
                sys::tsr_program_from_config(config.raw(), start(&options), len, out)
            })?
        })
    }

    /// Compiles a graph.
    pub fn from_graph(graph: &Graph, options: &ProgramOptions) -> Result<Program> {
        let options = options.text();
        // SAFETY: as in `from_config`.
        Program::of(unsafe {
            ffi::handle(|out| {
                sys::tsr_program_from_graph(graph.raw(), start(&options), options.len(), out)
            })?
        })
    }

    /// The model of a checkpoint with its parameters. The functions stored there are used, so the
    /// code of its modules is not needed.
    pub fn from_checkpoint(
        runtime: &Runtime,
        path: impl AsRef<Path>,
        options: &ProgramOptions,
    ) -> Result<Program> {
        let (path, options) = (path_text(path.as_ref())?, options.text());
        // SAFETY: as in `from_config`.
        Program::of(unsafe {
            ffi::handle(|out| {
                sys::tsr_program_from_checkpoint(
                    runtime.raw(),
                    start(path),
                    path.len(),
                    start(&options),
                    options.len(),
                    out,
                )
            })?
        })
    }

    /// Inputs, outputs, parameters (path, dtype, dims) and losses.
    pub fn describe(&self) -> Result<Json> {
        // SAFETY: the handle is alive.
        unsafe { ffi::json(|text, len| sys::tsr_program_describe(self.raw(), text, len)) }
    }

    /// The compiled program: functions, parameters, schedule.
    pub fn to_text(&self) -> Result<String> {
        // SAFETY: the handle is alive.
        unsafe { ffi::text(|text, len| sys::tsr_program_to_text(self.raw(), text, len)) }
    }

    /// Runs the forward on inputs by name. Inputs that have a usual value may be left out.
    pub fn run(&mut self, inputs: &[(&str, &Tensor)]) -> Result<Outputs> {
        let handle = self.raw();
        self.call(inputs, |names, tensors, count, outputs, inout| {
            // SAFETY: `count` names and tensors; room for `*inout` outputs.
            unsafe { sys::tsr_program_run(handle, names, tensors, count, outputs, inout) }
        })
    }

    /// Runs forward and backward: the weighted sum of the losses, and the outputs. Gradients are
    /// then read by [`Program::gradient`].
    pub fn run_with_gradients(&mut self, inputs: &[(&str, &Tensor)]) -> Result<(f64, Outputs)> {
        let handle = self.raw();
        let mut loss = f64::NAN;
        let outputs = self.call(inputs, |names, tensors, count, outputs, inout| {
            // SAFETY: as in `run`.
            unsafe {
                sys::tsr_program_run_with_gradients(
                    handle, names, tensors, count, outputs, inout, &mut loss,
                )
            }
        })?;
        Ok((loss, outputs))
    }

    fn call(
        &mut self,
        inputs: &[(&str, &Tensor)],
        run: impl FnOnce(
            *const *const std::ffi::c_char,
            *const *mut sys::tsr_tensor,
            usize,
            *mut *mut sys::tsr_tensor,
            *mut usize,
        ) -> *mut sys::tsr_status,
    ) -> Result<Outputs> {
        let names: Result<Vec<_>> =
            inputs.iter().map(|(name, _)| ffi::c_string(name, "input name")).collect();
        let names = names?;
        let name_pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        let tensors: Vec<_> = inputs.iter().map(|(_, tensor)| tensor.raw()).collect();
        let mut outputs = vec![ptr::null_mut(); self.output_names.len()];
        let mut count = outputs.len();
        let status = run(
            name_pointers.as_ptr(),
            tensors.as_ptr(),
            inputs.len(),
            outputs.as_mut_ptr(),
            &mut count,
        );
        // SAFETY: the status is the library's; each output is a new handle.
        unsafe { Error::take(status)? };
        outputs.truncate(count);
        let tensors = outputs.into_iter().filter_map(NonNull::new);
        Ok(Outputs {
            names: self.output_names.clone(),
            tensors: tensors.map(|handle| Tensor { handle }).collect(),
        })
    }

    /// A copy of the parameter at `path`.
    pub fn param(&self, path: &str) -> Result<Tensor> {
        // SAFETY: the handle is alive; the tensor is owned by the result.
        let handle = unsafe {
            ffi::handle(|out| sys::tsr_program_get_param(self.raw(), start(path), path.len(), out))?
        };
        Ok(Tensor { handle })
    }

    /// Copies a tensor of the same dims into the parameter at `path`; dtypes are converted.
    pub fn set_param(&mut self, path: &str, tensor: &Tensor) -> Result<()> {
        // SAFETY: both handles are alive.
        unsafe {
            let status =
                sys::tsr_program_set_param(self.raw(), start(path), path.len(), tensor.raw());
            ffi::check(status)
        }
    }

    /// The gradient of the parameter at `path`, of the last run with gradients.
    pub fn gradient(&self, path: &str) -> Result<Tensor> {
        // SAFETY: as in `param`.
        let handle = unsafe {
            ffi::handle(|out| {
                sys::tsr_program_get_gradient(self.raw(), start(path), path.len(), out)
            })?
        };
        Ok(Tensor { handle })
    }
}

ffi::debug_name!(Program);
