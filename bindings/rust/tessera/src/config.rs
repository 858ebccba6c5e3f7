//! [`Config`]: a model, its data and its training as a tree of typed parts.

use std::path::Path;
use std::ptr::NonNull;

use serde::de::DeserializeOwned;
use serde::Serialize;
use serde_json::Value as Json;
use tessera_sys as sys;

use crate::ffi::{self, start};
use crate::graph::attrs_text;
use crate::paths::path_text;
use crate::trainer::SinkFailure;
use crate::{Job, Result, Runtime};

/// A model, its data and its training as a tree of typed parts.
///
/// ```
/// # fn main() -> tessera::Result<()> {
/// use tessera::{Config, Runtime};
///
/// let runtime = Runtime::new()?;
/// let mut config = Config::parse(&runtime, r#"{"trainer": {"steps": 10}}"#, "mine.json")?;
/// config.set("trainer.batch_size", 4)?;
/// let steps: i64 = config.get("trainer.steps")?;
/// assert_eq!(steps, 10);
///
/// let error = config.set("trainer.batchsize", 4).unwrap_err();
/// assert_eq!(error.code(), tessera::Code::InvalidArgument);
/// assert_eq!(error.path(), Some("trainer.batchsize"));
/// # Ok(())
/// # }
/// ```
pub struct Config {
    pub(crate) handle: NonNull<sys::tsr_config>,
}

ffi::owned_handle!(Config, tsr_config, tsr_config_free);
// SAFETY: what takes &self says "Threads: any"; what says "one" takes &mut self.
unsafe impl Sync for Config {}

impl Config {
    /// Reads JSON text (comments and trailing commas allowed); `name` stands in errors for the
    /// file. All errors of the text are reported at once:
    /// [`Error::details`](crate::Error::details).
    pub fn parse(runtime: &Runtime, text: &str, name: &str) -> Result<Config> {
        // SAFETY: pointers with lengths; the handle is owned by the result.
        let handle = unsafe {
            ffi::handle(|out| {
                let (name, name_len) = (start(name), name.len());
                sys::tsr_config_parse(runtime.raw(), start(text), text.len(), name, name_len, out)
            })?
        };
        Ok(Config { handle })
    }

    /// A config of `serde_json::json!` or of structs of one's own.
    pub fn from_value(runtime: &Runtime, value: &impl Serialize) -> Result<Config> {
        Config::parse(runtime, &serde_json::to_string_pretty(value)?, "value")
    }

    pub fn load(runtime: &Runtime, path: impl AsRef<Path>) -> Result<Config> {
        let path = path_text(path.as_ref())?;
        // SAFETY: as in `parse`.
        let handle = unsafe {
            ffi::handle(|out| sys::tsr_config_load(runtime.raw(), start(path), path.len(), out))?
        };
        Ok(Config { handle })
    }

    /// Reads the FlatBuffers form, verified before use.
    pub fn from_bytes(runtime: &Runtime, bytes: &[u8]) -> Result<Config> {
        // SAFETY: as in `parse`.
        let handle = unsafe {
            ffi::handle(|out| {
                sys::tsr_config_from_bytes(runtime.raw(), bytes.as_ptr().cast(), bytes.len(), out)
            })?
        };
        Ok(Config { handle })
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        // SAFETY: the handle is alive.
        unsafe { ffi::bytes(|text, len| sys::tsr_config_to_bytes(self.raw(), text, len)) }
    }

    /// An independent copy.
    pub fn try_clone(&self) -> Result<Config> {
        // SAFETY: the handle is alive.
        let handle = unsafe { ffi::handle(|out| sys::tsr_config_copy(self.raw(), out))? };
        Ok(Config { handle })
    }

    /// Sets the field at `path` (`trainer.steps`, `model.decoder.layers[2].norm`) to a value: a
    /// number, a text, or an object of `serde_json::json!` for a part with its own fields.
    pub fn set(&mut self, path: &str, value: impl Serialize) -> Result<&mut Self> {
        self.set_text(path, &serde_json::to_string(&value)?)
    }

    /// As [`Config::set`], with the value as it is written on the command line: JSON, or plain
    /// text.
    pub fn set_text(&mut self, path: &str, value: &str) -> Result<&mut Self> {
        // SAFETY: the handle is alive and, by &mut, used by this thread alone.
        unsafe {
            let (value, value_len) = (start(value), value.len());
            ffi::check(sys::tsr_config_set(self.raw(), start(path), path.len(), value, value_len))?;
        }
        Ok(self)
    }

    /// Applies a modifier or a list of them, all or nothing: `json!({"replace": "FeedForward", "with":
    /// "MixtureOfExperts", "set": {"num_experts": 8}})`. The verbs are replace, wrap, set, unset,
    /// insert, remove, chain and when. Gives what each did.
    pub fn modify(&mut self, modifiers: impl Serialize) -> Result<Json> {
        self.modify_text(&serde_json::to_string_pretty(&modifiers)?, "modifiers")
    }

    /// As [`Config::modify`], from JSON text; `name` stands in errors and origins for the file.
    pub fn modify_text(&mut self, text: &str, name: &str) -> Result<Json> {
        // SAFETY: as in `set_text`.
        unsafe {
            ffi::json(|report, report_len| {
                sys::tsr_config_modify(
                    self.raw(),
                    start(text),
                    text.len(),
                    start(name),
                    name.len(),
                    report,
                    report_len,
                )
            })
        }
    }

    /// The value at `path`; defaults count.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        // SAFETY: the handle is alive.
        unsafe {
            ffi::json(|text, len| {
                sys::tsr_config_get(self.raw(), start(path), path.len(), text, len)
            })
        }
    }

    /// Canonical JSON with the fields that were set.
    pub fn to_json(&self) -> Result<String> {
        // SAFETY: the handle is alive.
        unsafe { ffi::text(|text, len| sys::tsr_config_to_json(self.raw(), text, len)) }
    }

    /// Every field with its value and where it came from. Fails with every unmet requirement.
    pub fn resolve(&self) -> Result<Json> {
        // SAFETY: the handle is alive.
        unsafe { ffi::json(|text, len| sys::tsr_config_resolve(self.raw(), 1, text, len)) }
    }

    /// [`Config::resolve`] as text for people.
    pub fn explain(&self) -> Result<String> {
        // SAFETY: the handle is alive.
        unsafe { ffi::text(|text, len| sys::tsr_config_resolve(self.raw(), 0, text, len)) }
    }

    /// Where two configs differ, a line a field: path, value here, value there.
    pub fn diff(&self, other: &Config) -> Result<String> {
        // SAFETY: both handles are alive.
        unsafe { ffi::text(|text, len| sys::tsr_config_diff(self.raw(), other.raw(), text, len)) }
    }

    /// Parameters, flops of a step, bytes of memory by kind and ops, without allocating weights.
    pub fn plan(&self) -> Result<Json> {
        self.plan_with("")
    }

    /// [`Config::plan`] with the program too: `{"text": true, "dot": true}`.
    pub fn plan_with(&self, options: &str) -> Result<Json> {
        // SAFETY: the handle is alive.
        unsafe {
            ffi::json(|text, len| {
                sys::tsr_config_plan(self.raw(), start(options), options.len(), text, len)
            })
        }
    }

    /// Looks for what makes the kernels of a training step faster on this machine. `options`
    /// serialises to `{"out": "tuning.json", "budget_s": 60, "most_timed": 32, "exhaustive":
    /// false}`, or is `()`. No result changes by a bit; the job's report says what was found.
    pub fn tune(&self, options: impl Serialize) -> Result<Job> {
        let options = attrs_text(&options)?;
        // SAFETY: the handle is alive.
        let handle = unsafe {
            ffi::handle(|out| {
                sys::tsr_config_tune(self.raw(), start(&options), options.len(), out)
            })?
        };
        Ok(Job::new(handle, SinkFailure::default()))
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.to_json().unwrap_or_else(|error| error.to_string()))
    }
}
