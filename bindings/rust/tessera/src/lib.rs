//! Compose, train and run large models inside your program.
//!
//! A model is a [`Config`]; a [`Trainer`] trains it, a [`Generator`] writes text with it, a
//! [`Program`] runs it on tensors, with gradients if wanted. Parts of one's own are closures:
//! [`Runtime::register_module`], [`Runtime::register_op`], [`Runtime::register_source`],
//! [`Runtime::register_optimizer`], [`Runtime::register_schedule`]; a [`CheckpointStore`] is a
//! place for checkpoints.
//!
//! Threads: [`Runtime`], [`Config`], [`Tensor`], [`Job`] and [`Checkpoint`] can be shared between
//! threads; [`Graph`], [`Program`], [`Trainer`] and [`Generator`] can be sent to another one.
//! Nothing unwinds through the library: panics of closures become errors.
//!
//! Building needs the prebuilt library and no C compiler: `TESSERA_LIB_DIR` names its folder, or
//! pkg-config knows it. Features: `ndarray` (views of tensors), `half` (bf16 and fp16 elements).

#![warn(missing_debug_implementations, rust_2018_idioms)]

mod checkpoint;
mod config;
pub mod configs;
mod data;
mod dlpack;
mod error;
mod ffi;
mod generator;
mod graph;
mod job;
mod module;
mod op;
pub mod ops;
mod optimizer;
mod paths;
mod plugin;
mod program;
mod runtime;
mod store;
mod tensor;
mod trainer;

pub use checkpoint::{Checkpoint, TensorInfo};
pub use config::Config;
pub use data::Corpus;
pub use error::{Code, Error, Result};
pub use generator::{GenerateOptions, Generator};
pub use graph::{Graph, Init, Value};
pub use job::{Canceller, Job, Progress};
pub use module::{ModuleConfig, Scope};
pub use op::{OpDef, Operand, OperandMut};
pub use optimizer::Update;
#[doc(hidden)]
pub use plugin::{start_plugin, PluginDef, PluginRuntime, PluginStatus};
pub use program::{Outputs, Program, ProgramOptions};
pub use runtime::{Runtime, RuntimeBuilder};
pub use store::CheckpointStore;
pub use tensor::{DType, Element, Tensor};
pub use trainer::{Step, Steps, Trainer, TrainerBuilder};

/// Compiler, instruction sets and version of the library that is loaded.
pub fn build_info() -> Result<serde_json::Value> {
    // SAFETY: a function without arguments but its outputs.
    unsafe { ffi::json(|text, len| tessera_sys::tsr_build_info(text, len)) }
}

/// The version of the library that is loaded: major, minor, patch.
pub fn version() -> (u32, u32, u32) {
    // SAFETY: a function without arguments.
    let version = unsafe { tessera_sys::tsr_version() };
    (version >> 16, version >> 8 & 0xff, version & 0xff)
}
