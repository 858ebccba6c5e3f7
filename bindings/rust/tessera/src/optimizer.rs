//! Optimizers and schedules of one's own.

use std::ffi::{c_char, c_void};

use tessera_sys as sys;

use crate::ffi;
use crate::graph::Value;
use crate::module::{write_values, ModuleConfig, Scope};
use crate::{Error, Result, Runtime};

/// What an update is built from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Update {
    pub config: ModuleConfig,
    /// That of the parameter's group: zero for norms and biases.
    pub weight_decay: f64,
    pub dims: Vec<i64>,
    /// As [`Scope::add`] writes it: `f32`.
    pub dtype: String,
    pub param: Value,
    pub gradient: Value,
    pub slots: Vec<Value>,
    /// A scalar: the learning rate of the parameter's group.
    pub learning_rate: Value,
    /// A scalar, from 1.
    pub step: Value,
    /// A scalar: the factor that clips the gradient.
    pub clip: Value,
}

impl Update {
    fn new(settings: &str, values: &[Value]) -> Result<Update> {
        let settings = ModuleConfig::new(serde_json::from_str(settings)?);
        let [param, gradient, slots @ .., learning_rate, step, clip] = values else {
            return Err(Error::invalid_argument("an update has at least five values"));
        };
        Ok(Update {
            config: ModuleConfig::new(settings.get("config")?),
            weight_decay: settings.get("weight_decay")?,
            dims: settings.get("dims")?,
            dtype: settings.get("dtype")?,
            param: *param,
            gradient: *gradient,
            slots: slots.to_vec(),
            learning_rate: *learning_rate,
            step: *step,
            clip: *clip,
        })
    }
}

impl Runtime {
    /// Registers an optimizer. `schema` is the FlatBuffers text of its table, with the role
    /// `optimizer` and a field `learning_rate: double`; `slots` names what is kept per parameter.
    /// `update` gives the new parameter, then the new slots. It is called while a program is
    /// compiled and must be pure; training costs what its ops cost.
    ///
    /// ```
    /// # fn main() -> tessera::Result<()> {
    /// use serde_json::json;
    ///
    /// const SCHEMA: &str = r#"
    ///     /// Stochastic gradient descent with momentum.
    ///     table Momentum (role: "optimizer") {
    ///       learning_rate: double = 0.01;
    ///       decay: double = 0.9;
    ///     }"#;
    ///
    /// let runtime = tessera::Runtime::new()?;
    /// runtime.register_optimizer(SCHEMA, "Momentum", &["sum"], |scope, update| {
    ///     let decay: f64 = update.config.get("decay")?;
    ///     let (rate, step) = (update.learning_rate, update.step);
    ///     scope.add_many(
    ///         "sgd_update",
    ///         &[update.param, update.gradient, update.slots[0], rate, step, update.clip],
    ///         json!({"momentum": decay}),
    ///     )
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn register_optimizer<F>(
        &self,
        schema: &str,
        type_name: &str,
        slots: &[&str],
        update: F,
    ) -> Result<()>
    where
        F: Fn(&Scope<'_>, &Update) -> Result<Vec<Value>> + Send + Sync + 'static,
    {
        let schema = ffi::c_string(schema, "schema")?;
        let type_name = ffi::c_string(type_name, "type_name")?;
        let slots = ffi::c_string(&slots.join(","), "slots")?;
        let def = sys::tsr_optimizer_def {
            struct_size: size_of::<sys::tsr_optimizer_def>() as u32,
            schema: schema.as_ptr(),
            type_: type_name.as_ptr(),
            slots: slots.as_ptr(),
            build: Some(update_callback::<F>),
            user: ffi::keep(update),
            destroy: Some(ffi::destroy::<F>),
        };
        // SAFETY: the library copies the texts and calls `destroy` once, also on failure.
        unsafe { ffi::check(sys::tsr_runtime_register_optimizer(self.raw(), &def)) }
    }

    /// Registers a schedule of the learning rate. `factor` gives the factor for optimizer step
    /// number `step + 1` of `total_steps`: `|config, step, total_steps| ...`. It is called once a
    /// step, on the thread that steps.
    pub fn register_schedule<F>(&self, schema: &str, type_name: &str, factor: F) -> Result<()>
    where
        F: Fn(&ModuleConfig, i64, i64) -> Result<f64> + Send + Sync + 'static,
    {
        let schema = ffi::c_string(schema, "schema")?;
        let type_name = ffi::c_string(type_name, "type_name")?;
        let def = sys::tsr_schedule_def {
            struct_size: size_of::<sys::tsr_schedule_def>() as u32,
            schema: schema.as_ptr(),
            type_: type_name.as_ptr(),
            factor: Some(factor_callback::<F>),
            user: ffi::keep(factor),
            destroy: Some(ffi::destroy::<F>),
        };
        // SAFETY: as above.
        unsafe { ffi::check(sys::tsr_runtime_register_schedule(self.raw(), &def)) }
    }
}

unsafe extern "C" fn update_callback<F>(
    user: *mut c_void,
    scope: *mut sys::tsr_scope,
    settings: *const c_char,
    settings_len: usize,
    values: *const sys::tsr_value,
    value_count: usize,
    outputs: *mut sys::tsr_value,
    inout_output_count: *mut usize,
) -> *mut sys::tsr_status
where
    F: Fn(&Scope<'_>, &Update) -> Result<Vec<Value>> + Send + Sync + 'static,
{
    ffi::callback(|| {
        let build = &*user.cast::<F>();
        let settings = ffi::argument_text(settings, settings_len)?;
        let update = Update::new(settings, ffi::slice(values.cast::<Value>(), value_count))?;
        write_values(&build(&Scope::new(scope), &update)?, outputs, inout_output_count)
    })
}

unsafe extern "C" fn factor_callback<F>(
    user: *mut c_void,
    config: *const c_char,
    config_len: usize,
    step: i64,
    total_steps: i64,
    out_factor: *mut f64,
) -> *mut sys::tsr_status
where
    F: Fn(&ModuleConfig, i64, i64) -> Result<f64> + Send + Sync + 'static,
{
    ffi::callback(|| {
        let factor = &*user.cast::<F>();
        let config = ffi::argument_text(config, config_len)?;
        *out_factor = factor(&ModuleConfig::new(serde_json::from_str(config)?), step, total_steps)?;
        Ok(())
    })
}
