//! Module types of one's own: closures that build a part of a model op by op.

use std::cell::Cell;
use std::ffi::{c_char, c_void};
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::Serialize;
use serde_json::Value as Json;
use tessera_sys as sys;

use crate::ffi::{self, start};
use crate::graph::{attrs_text, only, outputs, Init, Value};
use crate::{Code, Error, Result, Runtime};

/// Where a module stands while it is traced: gives parameters, children and ambient values, and
/// takes ops. It lives during the call only, on the thread that traces.
pub struct Scope<'a> {
    raw: *mut sys::tsr_scope,
    call: PhantomData<&'a Cell<()>>,
}

impl Scope<'_> {
    /// # Safety
    /// `raw` is valid for the lifetime of the result.
    pub(crate) unsafe fn new(raw: *mut sys::tsr_scope) -> Self {
        Scope { raw, call: PhantomData }
    }

    /// A parameter at the relative `path`, in the model's dtype.
    pub fn param(&self, path: &str, dims: &[i64], init: &Init) -> Result<Value> {
        let dims: Vec<String> = dims.iter().map(i64::to_string).collect();
        let (dims, init) = (dims.join(","), init.to_json());
        let mut value = Value(-1);
        // SAFETY: the scope is alive; pointers with lengths.
        unsafe {
            ffi::check(sys::tsr_scope_param(
                self.raw,
                start(path),
                path.len(),
                start(&dims),
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
            // SAFETY: Value is a tsr_value; the scope is alive.
            unsafe {
                sys::tsr_scope_add(
                    self.raw,
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

    /// Builds the child in `slot`; `layers[2]` is a child of a list.
    pub fn call(&self, slot: &str, inputs: &[Value]) -> Result<Vec<Value>> {
        outputs(|values, count| {
            let (inputs, input_count) = (inputs.as_ptr().cast(), inputs.len());
            // SAFETY: as in `add_many`.
            unsafe {
                sys::tsr_scope_call(
                    self.raw,
                    start(slot),
                    slot.len(),
                    inputs,
                    input_count,
                    values,
                    count,
                )
            }
        })
    }

    /// What the surroundings provide: `positions`, `segments`.
    pub fn ambient(&self, name: &str) -> Result<Value> {
        let mut value = Value(-1);
        // SAFETY: the scope is alive.
        unsafe {
            let status = sys::tsr_scope_ambient(self.raw, start(name), name.len(), &mut value.0);
            ffi::check(status)?;
        }
        Ok(value)
    }

    /// Adds a loss, as [`Graph::loss`](crate::Graph::loss).
    pub fn loss(
        &self,
        name: &str,
        numerator: Value,
        denominator: Value,
        weight: f64,
    ) -> Result<()> {
        let (name, len) = (start(name), name.len());
        // SAFETY: the scope is alive.
        unsafe {
            ffi::check(sys::tsr_scope_loss(self.raw, name, len, numerator.0, denominator.0, weight))
        }
    }

    /// A dim of a value as text: `B`, `512`.
    pub fn dim(&self, value: Value, index: i32) -> Result<String> {
        // SAFETY: the scope is alive.
        unsafe { ffi::text(|text, len| sys::tsr_scope_dim(self.raw, value.0, index, text, len)) }
    }
}

/// The resolved config of a module, optimizer or schedule: every field has its value.
#[derive(Clone, Debug)]
pub struct ModuleConfig(Json);

impl ModuleConfig {
    pub(crate) fn new(fields: Json) -> Self {
        ModuleConfig(fields)
    }

    /// A field's value.
    pub fn get<T: DeserializeOwned>(&self, field: &str) -> Result<T> {
        let value = self.0.get(field).ok_or_else(|| {
            Error::new(Code::NotFound, format!("the module's config has no field '{field}'"))
        })?;
        T::deserialize(value)
            .map_err(|error| Error::invalid_argument(format!("field '{field}': {error}")))
    }

    pub fn json(&self) -> &Json {
        &self.0
    }
}

impl Runtime {
    /// Registers a module type: slots, configs, the catalogue and checkpoints treat it as one of
    /// the library's own. `schema` is the FlatBuffers text of the type's table, `type_name` the
    /// name of that table. `build` is called while a model is traced and must be pure; what it
    /// costs is paid then, not in each step. An error or a panic of it fails the trace.
    ///
    /// ```
    /// # fn main() -> tessera::Result<()> {
    /// use tessera::{Init, Runtime};
    ///
    /// const SCHEMA: &str = r#"
    ///     /// Multiplies each feature by a learned factor.
    ///     table Scale (role: "norm") { model_dim: long (flows: "model_dim", required_field); }"#;
    ///
    /// let runtime = Runtime::new()?;
    /// runtime.register_module(SCHEMA, "Scale", |scope, config, inputs| {
    ///     let dim: i64 = config.get("model_dim")?;
    ///     let scale = scope.param("scale", &[dim], &Init::constant(1.0))?;
    ///     Ok(vec![scope.add("mul", &[inputs[0], scale], ())?])
    /// })?;
    /// assert!(runtime.list("norm")?.to_string().contains("Scale"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn register_module<F>(&self, schema: &str, type_name: &str, build: F) -> Result<()>
    where
        F: Fn(&Scope<'_>, &ModuleConfig, &[Value]) -> Result<Vec<Value>> + Send + Sync + 'static,
    {
        let schema = ffi::c_string(schema, "schema")?;
        let type_name = ffi::c_string(type_name, "type_name")?;
        let def = sys::tsr_module_def {
            struct_size: size_of::<sys::tsr_module_def>() as u32,
            schema: schema.as_ptr(),
            type_: type_name.as_ptr(),
            build: Some(build_callback::<F>),
            user: ffi::keep(build),
            destroy: Some(ffi::destroy::<F>),
        };
        // SAFETY: the library copies the texts and calls `destroy` once, also on failure.
        unsafe { ffi::check(sys::tsr_runtime_register_module(self.raw(), &def)) }
    }
}

unsafe extern "C" fn build_callback<F>(
    user: *mut c_void,
    scope: *mut sys::tsr_scope,
    config: *const c_char,
    config_len: usize,
    inputs: *const sys::tsr_value,
    input_count: usize,
    outputs: *mut sys::tsr_value,
    inout_output_count: *mut usize,
) -> *mut sys::tsr_status
where
    F: Fn(&Scope<'_>, &ModuleConfig, &[Value]) -> Result<Vec<Value>> + Send + Sync + 'static,
{
    ffi::callback(|| {
        let build = &*user.cast::<F>();
        let config = ffi::argument_text(config, config_len)?;
        let config = ModuleConfig::new(serde_json::from_str(config)?);
        let inputs = ffi::slice(inputs.cast::<Value>(), input_count);
        let values = build(&Scope::new(scope), &config, inputs)?;
        write_values(&values, outputs, inout_output_count)
    })
}

/// Writes what a callback built to where the library wants it.
///
/// # Safety
/// There is room for `*inout_count` values at `outputs`.
pub(crate) unsafe fn write_values(
    values: &[Value],
    outputs: *mut sys::tsr_value,
    inout_count: *mut usize,
) -> Result<()> {
    let room = *inout_count;
    if values.len() > room {
        let text = format!("expected at most {room} outputs, got {}", values.len());
        return Err(Error::invalid_argument(text));
    }
    for (index, value) in values.iter().enumerate() {
        *outputs.add(index) = value.0;
    }
    *inout_count = values.len();
    Ok(())
}

ffi::debug_name!(Scope<'_>);
