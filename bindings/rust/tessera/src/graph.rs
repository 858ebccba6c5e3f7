//! [`Graph`]: a function built op by op.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;

use serde::Serialize;
use serde_json::{Map, Value as Json};
use tessera_sys as sys;

use crate::ffi::{self, start};
use crate::tensor::DType;
use crate::{Config, Error, Result, Runtime};

/// A value of a graph or scope: the result of an op, an input or a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Value(pub(crate) sys::tsr_value);

/// How a parameter starts, and what is known of its dims.
#[derive(Clone, Debug, PartialEq)]
pub struct Init {
    options: Map<String, Json>,
}

impl Init {
    fn of(kind: &str, field: &str, value: f64) -> Init {
        let mut options = Map::new();
        options.insert("kind".into(), kind.into());
        options.insert(field.into(), value.into());
        Init { options }
    }

    pub fn zeros() -> Init {
        Init::constant(0.0)
    }

    pub fn constant(value: f64) -> Init {
        Init::of("constant", "mean", value)
    }

    pub fn normal(stddev: f64) -> Init {
        Init::of("normal", "stddev", stddev)
    }

    /// Uniform between -stddev and stddev.
    pub fn uniform(stddev: f64) -> Init {
        Init::of("uniform", "stddev", stddev)
    }

    /// What the dims are, for rules of sharding: `["embed", "mlp"]`.
    pub fn logical_dims(mut self, names: &[&str]) -> Init {
        self.options.insert("logical_dims".into(), names.into());
        self
    }

    /// Whether weight decay applies; by default to two dims and more.
    pub fn decay(mut self, is_decayed: bool) -> Init {
        self.options.insert("decay".into(), is_decayed.into());
        self
    }

    pub(crate) fn to_json(&self) -> String {
        Json::Object(self.options.clone()).to_string()
    }
}

/// Attributes as the library takes them; `()` is none.
pub(crate) fn attrs_text(attrs: &impl Serialize) -> Result<String> {
    match serde_json::to_string(attrs)? {
        text if text == "null" => Ok(String::new()),
        text => Ok(text),
    }
}

/// As many outputs as an op may have.
const MOST_OUTPUTS: usize = 64;

/// The outputs that `call` writes into the room it is given.
pub(crate) fn outputs(
    call: impl FnOnce(*mut sys::tsr_value, *mut usize) -> *mut sys::tsr_status,
) -> Result<Vec<Value>> {
    let mut values = vec![Value(-1); MOST_OUTPUTS];
    let mut count = values.len();
    // SAFETY: Value is a tsr_value; there is room for `count`.
    unsafe { ffi::check(call(values.as_mut_ptr().cast(), &mut count))? };
    values.truncate(count.min(MOST_OUTPUTS));
    Ok(values)
}

/// The only one of `values`.
pub(crate) fn only(values: Vec<Value>, what: &str) -> Result<Value> {
    match values.as_slice() {
        [value] => Ok(*value),
        _ => Err(Error::invalid_argument(format!(
            "{what}: expected one output, got {}; use add_many",
            values.len()
        ))),
    }
}

/// A function built op by op, to be compiled into a [`Program`](crate::Program).
///
/// ```
/// # fn main() -> tessera::Result<()> {
/// use serde_json::json;
/// use tessera::{DType, Graph, Init, Program, ProgramOptions, Runtime, Tensor};
///
/// let runtime = Runtime::new()?;
/// let graph = Graph::new(&runtime)?;
/// let x = graph.input("x", DType::F32, "B,2")?;
/// let w = graph.param("w", DType::F32, "2,1", &Init::constant(0.5))?;
/// let y = graph.add("matmul", &[x, w], ())?;
/// graph.output("y", y)?;
///
/// let mut program = Program::from_graph(&graph, &ProgramOptions::default())?;
/// let x = Tensor::from_slice(&[1f32, 2.0], &[1, 2])?;
/// let outputs = program.run(&[("x", &x)])?;
/// assert_eq!(outputs["y"].as_slice::<f32>()?, [1.5]);
/// # Ok(())
/// # }
/// ```
///
/// One thread at a time uses a graph, so it can be sent but not shared:
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<tessera::Graph>();
/// ```
pub struct Graph {
    pub(crate) handle: NonNull<sys::tsr_graph>,
    not_sync: PhantomData<Cell<()>>,
}

ffi::owned_handle!(Graph, tsr_graph, tsr_graph_free);

impl Graph {
    fn of(handle: NonNull<sys::tsr_graph>) -> Graph {
        Graph { handle, not_sync: PhantomData }
    }

    pub fn new(runtime: &Runtime) -> Result<Graph> {
        // SAFETY: the handle is owned by the result.
        Ok(Graph::of(unsafe { ffi::handle(|out| sys::tsr_graph_new(runtime.raw(), out))? }))
    }

    /// Reads the FlatBuffers form, verified.
    pub fn from_bytes(runtime: &Runtime, bytes: &[u8]) -> Result<Graph> {
        // SAFETY: pointer and length of the bytes; the handle is owned by the result.
        let handle = unsafe {
            ffi::handle(|out| {
                sys::tsr_graph_from_bytes(runtime.raw(), bytes.as_ptr().cast(), bytes.len(), out)
            })?
        };
        Ok(Graph::of(handle))
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        // SAFETY: the handle is alive.
        unsafe { ffi::bytes(|text, len| sys::tsr_graph_to_bytes(self.raw(), text, len)) }
    }

    /// An argument of the program; dims with symbols, `"B,T,512"`.
    pub fn input(&self, name: &str, dtype: DType, dims: &str) -> Result<Value> {
        let mut value = Value(-1);
        // SAFETY: pointers with lengths, and a place for the result.
        unsafe {
            ffi::check(sys::tsr_graph_input(
                self.raw(),
                start(name),
                name.len(),
                dtype.raw(),
                start(dims),
                dims.len(),
                &mut value.0,
            ))?;
        }
        Ok(value)
    }

    /// A trainable parameter at `path`.
    pub fn param(&self, path: &str, dtype: DType, dims: &str, init: &Init) -> Result<Value> {
        let mut value = Value(-1);
        let init = init.to_json();
        // SAFETY: as in `input`.
        unsafe {
            ffi::check(sys::tsr_graph_param(
                self.raw(),
                start(path),
                path.len(),
                dtype.raw(),
                start(dims),
                dims.len(),
                start(&init),
                init.len(),
                &mut value.0,
            ))?;
        }
        Ok(value)
    }

    /// Adds an op with one output. `attrs` is what serialises to an object, or `()`.
    pub fn add(&self, op: &str, inputs: &[Value], attrs: impl Serialize) -> Result<Value> {
        only(self.add_many(op, inputs, attrs)?, op)
    }

    /// Adds an op with any number of outputs.
    pub fn add_many(
        &self,
        op: &str,
        inputs: &[Value],
        attrs: impl Serialize,
    ) -> Result<Vec<Value>> {
        let attrs = attrs_text(&attrs)?;
        outputs(|values, count| {
            let (attrs, attrs_len) = (start(&attrs), attrs.len());
            // SAFETY: Value is a tsr_value; pointers with lengths.
            unsafe {
                sys::tsr_graph_add(
                    self.raw(),
                    start(op),
                    op.len(),
                    inputs.as_ptr().cast(),
                    inputs.len(),
                    attrs,
                    attrs_len,
                    values,
                    count,
                )
            }
        })
    }

    /// Adds a module of the catalogue. `config` is that of the module alone (`{"type":
    /// "FeedForward", "model_dim": 64, "hidden_dim": 128}`); names of its parameters and losses are
    /// below `path`. `options` serialises to `{"mode": "train", "dtype": "bf16"}`, or is `()`.
    pub fn call(
        &self,
        config: &Config,
        path: &str,
        inputs: &[Value],
        options: impl Serialize,
    ) -> Result<Vec<Value>> {
        let options = attrs_text(&options)?;
        outputs(|values, count| {
            let (options, options_len) = (start(&options), options.len());
            // SAFETY: Value is a tsr_value; pointers with lengths.
            unsafe {
                sys::tsr_graph_call(
                    self.raw(),
                    config.raw(),
                    start(path),
                    path.len(),
                    options,
                    options_len,
                    inputs.as_ptr().cast(),
                    inputs.len(),
                    values,
                    count,
                )
            }
        })
    }

    /// Makes a value a result of the program.
    pub fn output(&self, name: &str, value: Value) -> Result<()> {
        // SAFETY: the handle is alive.
        unsafe { ffi::check(sys::tsr_graph_output(self.raw(), start(name), name.len(), value.0)) }
    }

    /// Makes weight * numerator / denominator a loss; both are scalars summed over the batch.
    pub fn loss(
        &self,
        name: &str,
        numerator: Value,
        denominator: Value,
        weight: f64,
    ) -> Result<()> {
        let (name, len) = (start(name), name.len());
        // SAFETY: the handle is alive.
        unsafe {
            ffi::check(sys::tsr_graph_loss(
                self.raw(),
                name,
                len,
                numerator.0,
                denominator.0,
                weight,
            ))
        }
    }

    /// Dtype and dims of a value, `bf16[B,T,512]`.
    pub fn type_of(&self, value: Value) -> Result<String> {
        // SAFETY: the handle is alive.
        unsafe { ffi::text(|text, len| sys::tsr_graph_type(self.raw(), value.0, text, len)) }
    }

    pub fn to_text(&self) -> Result<String> {
        // SAFETY: the handle is alive.
        unsafe { ffi::text(|text, len| sys::tsr_graph_to_text(self.raw(), text, len)) }
    }
}

ffi::debug_name!(Graph);
