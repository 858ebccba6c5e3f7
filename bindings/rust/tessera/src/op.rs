//! Ops of one's own, with a CPU kernel and, if they have one, a gradient.

use std::ffi::{c_char, c_void};

use serde_json::Value as Json;
use tessera_sys as sys;

use crate::ffi;
use crate::graph::Value;
use crate::module::Scope;
use crate::tensor::{DType, Element};
use crate::{Error, Result, Runtime};

/// What a kernel reads: a whole operand.
pub struct Operand<'a>(&'a sys::tsr_kernel_operand);

/// What a kernel writes.
pub struct OperandMut<'a>(&'a sys::tsr_kernel_operand);

macro_rules! operand {
    ($name:ident) => {
        impl $name<'_> {
            pub fn dims(&self) -> &[i64] {
                // SAFETY: `rank` dims, valid during the call.
                unsafe { ffi::slice(self.0.dims, self.0.rank.max(0) as usize) }
            }

            pub fn dtype(&self) -> Result<DType> {
                DType::from_raw(self.0.dtype)
            }

            fn expect<T: Element>(&self) -> Result<usize> {
                match self.dtype()? {
                    dtype if dtype == T::DTYPE => Ok(self.dims().iter().product::<i64>() as usize),
                    dtype => Err(Error::new(
                        crate::Code::Unimplemented,
                        format!("operand: expected {}, got {}", T::DTYPE.name(), dtype.name()),
                    )),
                }
            }
        }
    };
}
operand!(Operand);
operand!(OperandMut);

impl Operand<'_> {
    /// The elements; an error when `T` is not the dtype.
    pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
        let count = self.expect::<T>()?;
        // SAFETY: row-major data of these dims and this dtype, valid during the call.
        Ok(unsafe { ffi::slice(self.0.data.cast(), count) })
    }
}

impl OperandMut<'_> {
    pub fn as_mut_slice<T: Element>(&mut self) -> Result<&mut [T]> {
        match self.expect::<T>()? {
            0 => Ok(&mut []),
            // SAFETY: as of `Operand`; outputs overlap nothing.
            count => Ok(unsafe { std::slice::from_raw_parts_mut(self.0.data.cast(), count) }),
        }
    }
}

type Run = dyn Fn(&Json, &[Operand<'_>], &mut [OperandMut<'_>]) -> Result<()> + Send + Sync;
type Gradient = dyn Fn(&Scope<'_>, &Json, &[Value]) -> Result<Vec<Option<Value>>> + Send + Sync;

/// An op of one's own, for [`Runtime::register_op`].
///
/// ```
/// # fn main() -> tessera::Result<()> {
/// use tessera::{OpDef, Runtime};
///
/// let square = OpDef::new("square_of", "x[..., D] -> y[..., D]", |_attrs, inputs, outputs| {
///     let y = outputs[0].as_mut_slice::<f32>()?;
///     y.iter_mut().zip(inputs[0].as_slice::<f32>()?).for_each(|(y, x)| *y = x * x);
///     Ok(())
/// })
/// .gradient(|scope, _attrs, values| {
///     // values: the input x, the output y, the gradient of y
///     let product = scope.add("mul", &[values[0], values[2]], ())?;
///     Ok(vec![Some(scope.add("add", &[product, product], ())?)])
/// });
/// Runtime::new()?.register_op(square)?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct OpDef {
    name: String,
    signature: String,
    version: u32,
    doc: String,
    kernel: Kernel,
}

struct Kernel {
    run: Box<Run>,
    gradient: Option<Box<Gradient>>,
}

impl OpDef {
    /// `name` in lower_case; `signature` in index notation, `"x[..., D] -> y[..., D]"`. `run`
    /// computes whole operands on one of the runtime's threads, never two at a time for one
    /// program.
    pub fn new<F>(name: &str, signature: &str, run: F) -> OpDef
    where
        F: Fn(&Json, &[Operand<'_>], &mut [OperandMut<'_>]) -> Result<()> + Send + Sync + 'static,
    {
        OpDef {
            name: name.into(),
            signature: signature.into(),
            version: 1,
            doc: String::new(),
            kernel: Kernel { run: Box::new(run), gradient: None },
        }
    }

    /// Stored with checkpoints as `name@version`.
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    pub fn doc(mut self, doc: &str) -> Self {
        self.doc = doc.into();
        self
    }

    /// Emits the gradient of one use: from inputs, outputs and the gradients of the outputs, one
    /// gradient per input. Without it the op runs, and asking for a gradient is an error.
    pub fn gradient<F>(mut self, gradient: F) -> Self
    where
        F: Fn(&Scope<'_>, &Json, &[Value]) -> Result<Vec<Option<Value>>> + Send + Sync + 'static,
    {
        self.kernel.gradient = Some(Box::new(gradient));
        self
    }
}

impl Runtime {
    /// Registers an op with its CPU kernel.
    pub fn register_op(&self, op: OpDef) -> Result<()> {
        let name = ffi::c_string(&op.name, "name")?;
        let signature = ffi::c_string(&op.signature, "signature")?;
        let doc = ffi::c_string(&op.doc, "doc")?;
        let has_gradient = op.kernel.gradient.is_some();
        let def = sys::tsr_op_def {
            struct_size: size_of::<sys::tsr_op_def>() as u32,
            version: op.version,
            name: name.as_ptr(),
            signature: signature.as_ptr(),
            doc: doc.as_ptr(),
            run: Some(run_callback),
            gradient: has_gradient.then_some(gradient_callback as _),
            user: ffi::keep(op.kernel),
            destroy: Some(ffi::destroy::<Kernel>),
        };
        // SAFETY: the library copies the texts and calls `destroy` once, also on failure.
        unsafe { ffi::check(sys::tsr_runtime_register_op(self.raw(), &def)) }
    }
}

unsafe fn attrs_json(attrs: *const c_char, attrs_len: usize) -> Result<Json> {
    match ffi::argument_text(attrs, attrs_len)? {
        "" => Ok(Json::Object(Default::default())),
        text => Ok(serde_json::from_str(text)?),
    }
}

unsafe extern "C" fn run_callback(
    user: *mut c_void,
    attrs: *const c_char,
    attrs_len: usize,
    inputs: *const sys::tsr_kernel_operand,
    input_count: usize,
    outputs: *const sys::tsr_kernel_operand,
    output_count: usize,
) -> *mut sys::tsr_status {
    ffi::callback(|| {
        let kernel = &*user.cast::<Kernel>();
        let inputs = ffi::slice(inputs, input_count).iter().map(Operand).collect::<Vec<_>>();
        let outputs = ffi::slice(outputs, output_count).iter();
        let mut outputs = outputs.map(OperandMut).collect::<Vec<_>>();
        (kernel.run)(&attrs_json(attrs, attrs_len)?, &inputs, &mut outputs)
    })
}

unsafe extern "C" fn gradient_callback(
    user: *mut c_void,
    scope: *mut sys::tsr_scope,
    attrs: *const c_char,
    attrs_len: usize,
    values: *const sys::tsr_value,
    value_count: usize,
    gradients: *mut sys::tsr_value,
    input_count: usize,
) -> *mut sys::tsr_status {
    ffi::callback(|| {
        let kernel = &*user.cast::<Kernel>();
        let gradient = kernel.gradient.as_ref().expect("registered with a gradient");
        let values = ffi::slice(values.cast::<Value>(), value_count);
        let found = gradient(&Scope::new(scope), &attrs_json(attrs, attrs_len)?, values)?;
        if found.len() != input_count {
            return Err(Error::invalid_argument(format!(
                "expected {input_count} gradients, one per input, got {}",
                found.len()
            )));
        }
        for (index, value) in found.into_iter().enumerate() {
            *gradients.add(index) = value.map_or(-1, |value| value.0);
        }
        Ok(())
    })
}

ffi::debug_name!(OpDef, Operand<'_>, OperandMut<'_>);
