//! [`Trainer`]: steps, evaluation, checkpoints.

use std::cell::Cell;
use std::ffi::{c_char, c_void};
use std::marker::PhantomData;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{json, Value as Json};
use tessera_sys as sys;

use crate::ffi::{self, start};
use crate::paths::path_text;
use crate::{Code, Config, Error, Generator, Job, Result};

/// What one step reports.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// From 1.
    pub step: i64,
    /// Mean over the target tokens of the global batch.
    pub loss: f64,
    /// Before clipping.
    pub grad_norm: f64,
    pub learning_rate: f64,
    /// Of all steps so far.
    pub tokens: i64,
    pub tokens_per_s: f64,
    pub step_s: f64,
    /// When this step evaluated.
    pub eval_loss: Option<f64>,
    /// The gradient was not finite and the step was not applied.
    pub skipped: bool,
}

impl Step {
    pub(crate) fn from_raw(raw: &sys::tsr_step_result) -> Step {
        Step {
            step: raw.step,
            loss: raw.loss,
            grad_norm: raw.grad_norm,
            learning_rate: raw.learning_rate,
            tokens: raw.tokens,
            tokens_per_s: raw.tokens_per_s,
            step_s: raw.step_s,
            eval_loss: Some(raw.eval_loss).filter(|loss| !loss.is_nan()),
            skipped: raw.skipped != 0,
        }
    }
}

/// The first panic of a metrics sink, which cannot go through C: the call that follows reports it.
#[derive(Clone, Default)]
pub(crate) struct SinkFailure(Arc<Mutex<Option<String>>>);

impl SinkFailure {
    fn put(&self, text: &str) {
        let mut failure = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| text.to_string());
    }

    pub(crate) fn check(&self) -> Result<()> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            None => Ok(()),
            Some(text) => {
                Err(Error::new(Code::Unknown, format!("the metrics sink panicked: {text}")))
            }
        }
    }
}

/// Where a trainer writes and how it begins; made by [`Trainer::builder`].
#[must_use]
pub struct TrainerBuilder<'a> {
    config: &'a Config,
    out_dir: PathBuf,
    is_resumed: bool,
}

impl TrainerBuilder<'_> {
    /// Where `metrics.jsonl` and `checkpoints/` go, for which the config may name another folder; by
    /// default nowhere.
    pub fn out_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out_dir = folder.into();
        self
    }

    /// Goes on from the newest complete checkpoint of the folder.
    pub fn resume(mut self, is_resumed: bool) -> Self {
        self.is_resumed = is_resumed;
        self
    }

    pub fn build(self) -> Result<Trainer> {
        let out_dir = path_text(&self.out_dir)?;
        let options = json!({"resume": self.is_resumed}).to_string();
        // SAFETY: pointers with lengths; the handle is owned by the result.
        let handle = unsafe {
            ffi::handle(|out| {
                sys::tsr_trainer_new(
                    self.config.raw(),
                    start(out_dir),
                    out_dir.len(),
                    start(&options),
                    options.len(),
                    out,
                )
            })?
        };
        Ok(Trainer { handle, sink_failure: SinkFailure::default(), not_sync: PhantomData })
    }
}

/// Trains the model of a config: step by step, or on a thread of its own as a [`Job`].
///
/// ```no_run
/// # fn main() -> tessera::Result<()> {
/// use tessera::{Config, Runtime, Trainer};
///
/// let runtime = Runtime::new()?;
/// let config = Config::load(&runtime, "samples/text/gpt.json")?;
/// let mut trainer = Trainer::builder(&config).out_dir("out/rust").build()?;
/// for step in trainer.steps().take(100) {
///     let step = step?;
///     println!("step {}: loss {:.4}", step.step, step.loss);
/// }
/// trainer.save()?;
/// # Ok(())
/// # }
/// ```
///
/// One thread at a time uses it:
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<tessera::Trainer>();
/// ```
pub struct Trainer {
    pub(crate) handle: NonNull<sys::tsr_trainer>,
    sink_failure: SinkFailure,
    not_sync: PhantomData<Cell<()>>,
}

// Dropping it cancels a running job and waits for its step.
ffi::owned_handle!(Trainer, tsr_trainer, tsr_trainer_free);

impl Trainer {
    /// A trainer that writes nothing by itself.
    pub fn new(config: &Config) -> Result<Trainer> {
        Trainer::builder(config).build()
    }

    pub fn builder(config: &Config) -> TrainerBuilder<'_> {
        TrainerBuilder { config, out_dir: PathBuf::new(), is_resumed: false }
    }

    /// Does one optimizer step. `OutOfRange` when `trainer.steps` are done.
    pub fn step(&mut self) -> Result<Step> {
        let mut result = sys::tsr_step_result {
            struct_size: size_of::<sys::tsr_step_result>() as u32,
            ..Default::default()
        };
        // SAFETY: the struct says its size.
        unsafe { ffi::check(sys::tsr_trainer_step(self.raw(), &mut result))? };
        self.sink_failure.check()?;
        Ok(Step::from_raw(&result))
    }

    /// The steps that are left, one done for each item. Ends after `trainer.steps`, or the first
    /// error.
    pub fn steps(&mut self) -> Steps<'_> {
        Steps { trainer: self, is_done: false }
    }

    /// Trains on a thread of its own until `trainer.steps`, evaluating and saving as configured.
    pub fn run(&mut self) -> Result<Job> {
        self.start_job(0)
    }

    /// As [`Trainer::run`], for `count` steps more.
    pub fn run_steps(&mut self, count: u32) -> Result<Job> {
        match count {
            0 => Err(Error::invalid_argument("count: expected at least 1, got 0")),
            _ => self.start_job(i64::from(count)),
        }
    }

    fn start_job(&mut self, steps: i64) -> Result<Job> {
        // SAFETY: the handle is owned by the job.
        let handle = unsafe { ffi::handle(|out| sys::tsr_trainer_run(self.raw(), steps, out))? };
        Ok(Job::new(handle, self.sink_failure.clone()))
    }

    /// Mean loss over the whole validation split.
    pub fn evaluate(&mut self) -> Result<f64> {
        let mut loss = f64::NAN;
        // SAFETY: a place for the result.
        unsafe { ffi::check(sys::tsr_trainer_evaluate(self.raw(), &mut loss))? };
        Ok(loss)
    }

    /// Saves as `step_N` among the checkpoints of the run; returns when it is complete.
    pub fn save(&mut self) -> Result<()> {
        // SAFETY: an empty path.
        unsafe { ffi::check(sys::tsr_trainer_save(self.raw(), ptr::null(), 0)) }
    }

    /// Saves a checkpoint to `path`.
    pub fn save_to(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path_text(path.as_ref())?;
        if path.is_empty() {
            return Err(Error::invalid_argument("path: expected a folder, got nothing"));
        }
        // SAFETY: pointer and length.
        unsafe { ffi::check(sys::tsr_trainer_save(self.raw(), start(path), path.len())) }
    }

    /// Loads parameters, optimizer and data position from a checkpoint.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path_text(path.as_ref())?;
        // SAFETY: pointer and length.
        unsafe { ffi::check(sys::tsr_trainer_load(self.raw(), start(path), path.len())) }
    }

    /// Step, parameters, memory, data, checkpoints found and refused, numerics fingerprint.
    pub fn describe(&self) -> Result<Json> {
        // SAFETY: the handle is alive.
        unsafe { ffi::json(|text, len| sys::tsr_trainer_describe(self.raw(), text, len)) }
    }

    /// Time, kernel, flops and bytes per op of the steps since the last call; needs
    /// `trainer.profile`.
    pub fn profile(&mut self) -> Result<Json> {
        // SAFETY: the handle is alive.
        unsafe { ffi::json(|text, len| sys::tsr_trainer_profile(self.raw(), text, len)) }
    }

    /// Calls `sink` with the JSON record of each step and evaluation, on the thread that steps. It
    /// must not use its trainer, but may cancel the job. A panic of it is the error of that step.
    pub fn add_sink(&mut self, sink: impl FnMut(&str) + Send + 'static) -> Result<()> {
        let kept = Sink { call: Box::new(sink), failure: self.sink_failure.clone() };
        let user = ffi::keep(kept);
        // SAFETY: the library calls `destroy` once, also on failure, and the sink on one thread at
        // a time.
        unsafe {
            ffi::check(sys::tsr_trainer_add_sink(
                self.raw(),
                Some(sink_callback),
                user,
                Some(ffi::destroy::<Sink>),
            ))
        }
    }

    /// A generator that shares the parameters; it gives an error while this trainer steps.
    pub fn generator(&mut self) -> Result<Generator> {
        // SAFETY: the handle is owned by the result.
        let handle =
            unsafe { ffi::handle(|out| sys::tsr_generator_from_trainer(self.raw(), out))? };
        Ok(Generator::of(handle))
    }
}

struct Sink {
    call: Box<dyn FnMut(&str) + Send>,
    failure: SinkFailure,
}

unsafe extern "C" fn sink_callback(user: *mut c_void, record: *const c_char, length: usize) {
    let sink = &mut *user.cast::<Sink>();
    let call = catch_unwind(AssertUnwindSafe(|| {
        if let Ok(record) = ffi::argument_text(record, length) {
            (sink.call)(record);
        }
    }));
    if let Err(panic) = call {
        sink.failure.put(ffi::panic_text(&*panic));
    }
}

/// The steps of a trainer, each done when it is asked for.
pub struct Steps<'a> {
    trainer: &'a mut Trainer,
    is_done: bool,
}

impl std::iter::FusedIterator for Steps<'_> {}

impl Iterator for Steps<'_> {
    type Item = Result<Step>;

    fn next(&mut self) -> Option<Result<Step>> {
        if self.is_done {
            return None;
        }
        match self.trainer.step() {
            Ok(step) => Some(Ok(step)),
            Err(error) => {
                self.is_done = true;
                (error.code() != Code::OutOfRange).then_some(Err(error))
            }
        }
    }
}

ffi::debug_name!(Trainer, TrainerBuilder<'_>, Steps<'_>);
