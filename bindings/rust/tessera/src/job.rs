//! [`Job`]: training, an import or an export that runs on a thread of its own.

use std::ffi::c_void;
use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde_json::Value as Json;
use tessera_sys as sys;

use crate::ffi;
use crate::trainer::{SinkFailure, Step};
use crate::{Code, Result};

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    pub is_done: bool,
    pub step: i64,
    pub total_steps: i64,
    /// The last step, when there was one.
    pub last: Option<Step>,
}

struct Handle {
    handle: NonNull<sys::tsr_job>,
}

ffi::owned_handle!(Handle, tsr_job, tsr_job_free);
// SAFETY: all functions of a job say "Threads: any".
unsafe impl Sync for Handle {}

impl Handle {
    fn wait(&self, timeout_s: f64) -> Result<()> {
        // SAFETY: the handle is alive.
        unsafe { ffi::check(sys::tsr_job_wait(self.raw(), timeout_s)) }
    }

    fn progress(&self) -> Result<Progress> {
        let mut raw = sys::tsr_progress {
            struct_size: size_of::<sys::tsr_progress>() as u32,
            ..Default::default()
        };
        // SAFETY: the struct says its size.
        unsafe { ffi::check(sys::tsr_job_progress(self.raw(), &mut raw))? };
        Ok(Progress {
            is_done: raw.done != 0,
            step: raw.step,
            total_steps: raw.total_steps,
            last: (raw.last.step > 0).then(|| Step::from_raw(&raw.last)),
        })
    }
}

/// Asks a job to stop, from wherever it is kept.
#[derive(Clone)]
pub struct Canceller(Arc<Handle>);

impl Canceller {
    /// The job finishes its step, saves as configured and ends with `Cancelled`.
    pub fn cancel(&self) {
        // SAFETY: the handle is alive.
        unsafe { sys::tsr_job_cancel(self.0.raw()) }
    }
}

/// Training, an import or an export on a thread of its own: wait for it, or await it. Awaiting needs
/// no runtime of any kind, nor a thread: the job's end wakes whoever polled. Dropping a job cancels
/// it and waits for the step that runs.
///
/// ```no_run
/// # async fn train(trainer: &mut tessera::Trainer) -> tessera::Result<()> {
/// let job = trainer.run()?;
/// let progress = job.await?;
/// println!("{} steps", progress.step);
/// # Ok(())
/// # }
/// ```
pub struct Job {
    shared: Arc<Handle>,
    sink_failure: SinkFailure,
    waiting: Option<Arc<Mutex<Waiting>>>,
}

/// What a future and the end of its job share.
#[derive(Default)]
struct Waiting {
    is_done: bool,
    waker: Option<Waker>,
}

impl Job {
    pub(crate) fn new(handle: NonNull<sys::tsr_job>, sink_failure: SinkFailure) -> Job {
        Job { shared: Arc::new(Handle { handle }), sink_failure, waiting: None }
    }

    /// Waits for the end: where it got to, or why it did not.
    pub fn wait(&self) -> Result<Progress> {
        self.shared.wait(-1.0)?;
        self.end()
    }

    /// Waits up to `timeout`; None when the job is still running.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Option<Progress>> {
        match self.shared.wait(timeout.as_secs_f64()) {
            Ok(()) => self.end().map(Some),
            // A job may itself end with that code; then it is done.
            Err(error) if error.code() == Code::DeadlineExceeded && !self.progress()?.is_done => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn end(&self) -> Result<Progress> {
        self.sink_failure.check()?;
        self.progress()
    }

    pub fn progress(&self) -> Result<Progress> {
        self.shared.progress()
    }

    /// What a job that has ended well reports, as an object: of an import the family of the model,
    /// its tensors and bytes, and notes. Of a training it is empty.
    pub fn report(&self) -> Result<Json> {
        // SAFETY: the handle is alive.
        unsafe { ffi::json(|text, len| sys::tsr_job_report(self.shared.raw(), text, len)) }
    }

    /// The job finishes its step, saves as configured and ends with `Cancelled`.
    pub fn cancel(&self) {
        self.canceller().cancel();
    }

    pub fn canceller(&self) -> Canceller {
        Canceller(Arc::clone(&self.shared))
    }

    /// Has the end tell whoever polls.
    fn start_waiting(&mut self) -> Result<Arc<Mutex<Waiting>>> {
        if let Some(waiting) = &self.waiting {
            return Ok(Arc::clone(waiting));
        }
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let user = ffi::keep(Arc::clone(&waiting));
        let destroy =
            Some(ffi::destroy::<Arc<Mutex<Waiting>>> as unsafe extern "C" fn(*mut c_void));
        // SAFETY: the library calls `destroy` once, after the callback, also on failure.
        unsafe { ffi::check(sys::tsr_job_on_end(self.shared.raw(), Some(on_end), user, destroy))? };
        self.waiting = Some(Arc::clone(&waiting));
        Ok(waiting)
    }
}

unsafe extern "C" fn on_end(user: *mut c_void) {
    let waiting = &*user.cast::<Arc<Mutex<Waiting>>>();
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.is_done = true;
    let waker = waiting.waker.take();
    drop(waiting);
    // A waker that panics is the executor's fault; nobody can be told.
    let _ = catch_unwind(AssertUnwindSafe(|| waker.map(Waker::wake)));
}

impl Future for Job {
    type Output = Result<Progress>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Progress>> {
        let waiting = match self.start_waiting() {
            Ok(waiting) => waiting,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_done {
            drop(waiting);
            return Poll::Ready(self.wait());
        }
        waiting.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.cancel();
        // On the job's own thread (a sink) this is refused at once; elsewhere it waits for the
        // step.
        let _ = self.shared.wait(-1.0);
    }
}

ffi::debug_name!(Job, Canceller);
