//! [`Generator`]: text from a trained model.

use std::any::Any;
use std::cell::Cell;
use std::ffi::{c_char, c_void};
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::path::Path;
use std::ptr::{self, NonNull};

use serde_json::{Map, Value as Json};
use tessera_sys as sys;

use crate::ffi::{self, start};
use crate::paths::path_text;
use crate::{Result, Runtime};

/// How to sample; what is not set has the library's default.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct GenerateOptions {
    options: Map<String, Json>,
}

impl GenerateOptions {
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    pub fn max_tokens(self, count: u32) -> Self {
        self.with("max_tokens", count)
    }

    /// 0 takes the likeliest token.
    pub fn temperature(self, temperature: f64) -> Self {
        self.with("temperature", temperature)
    }

    /// Samples among the `count` likeliest tokens; 0 for all.
    pub fn top_k(self, count: u32) -> Self {
        self.with("top_k", count)
    }

    /// Samples among the likeliest tokens that together have this probability.
    pub fn top_p(self, probability: f64) -> Self {
        self.with("top_p", probability)
    }

    pub fn seed(self, seed: u64) -> Self {
        self.with("seed", seed)
    }

    fn text(&self) -> String {
        Json::Object(self.options.clone()).to_string()
    }
}

/// Text from a trained model. One thread at a time uses it: generating takes `&mut self`.
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<tessera::Generator>();
/// ```
pub struct Generator {
    handle: NonNull<sys::tsr_generator>,
    not_sync: PhantomData<Cell<()>>,
}

ffi::owned_handle!(Generator, tsr_generator, tsr_generator_free);

impl Generator {
    pub(crate) fn of(handle: NonNull<sys::tsr_generator>) -> Generator {
        Generator { handle, not_sync: PhantomData }
    }

    /// From a checkpoint, or the newest complete one in a folder of them.
    pub fn from_checkpoint(runtime: &Runtime, path: impl AsRef<Path>) -> Result<Generator> {
        Generator::from_checkpoint_in(runtime, path, "")
    }

    /// As [`Generator::from_checkpoint`], computing in `fp32`, `bf16` or `fp64`.
    pub fn from_checkpoint_in(
        runtime: &Runtime,
        path: impl AsRef<Path>,
        dtype: &str,
    ) -> Result<Generator> {
        let path = path_text(path.as_ref())?;
        let options = serde_json::json!({ "dtype": dtype }).to_string();
        // SAFETY: pointers with lengths; the handle is owned by the result.
        let handle = unsafe {
            ffi::handle(|out| {
                sys::tsr_generator_from_checkpoint(
                    runtime.raw(),
                    start(path),
                    path.len(),
                    start(&options),
                    options.len(),
                    out,
                )
            })?
        };
        Ok(Generator::of(handle))
    }

    /// Continues `prompt`. A model of bytes may write what is no UTF-8; that is replaced by U+FFFD,
    /// see [`Generator::generate_bytes`].
    pub fn generate(&mut self, prompt: &str, options: &GenerateOptions) -> Result<String> {
        Ok(ffi::into_text(self.generate_bytes(prompt, options, |_| ControlFlow::Continue(()))?))
    }

    /// As [`Generator::generate`], giving each piece of whole characters as it is there; `Break`
    /// stops. A panic of `sink` stops too and goes on in the caller.
    pub fn generate_with(
        &mut self,
        prompt: &str,
        options: &GenerateOptions,
        mut sink: impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<String> {
        let mut pieces = Pieces::default();
        let bytes = self.generate_bytes(prompt, options, |bytes| match pieces.push(bytes) {
            piece if piece.is_empty() => ControlFlow::Continue(()),
            piece => sink(&piece),
        })?;
        let rest = pieces.rest();
        if !rest.is_empty() {
            let _ = sink(&rest);
        }
        Ok(ffi::into_text(bytes))
    }

    /// The bytes of the continuation, and of each token as it is there.
    pub fn generate_bytes(
        &mut self,
        prompt: &str,
        options: &GenerateOptions,
        sink: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<Vec<u8>> {
        let options = options.text();
        let mut stream = Stream { sink, panic: None };
        let user = ptr::from_mut(&mut stream).cast::<c_void>();
        let callback = callback_of(&stream);
        // SAFETY: the callback is called on this thread during the call, with `stream`.
        let result = unsafe {
            ffi::bytes(|text, len| {
                sys::tsr_generator_generate(
                    self.raw(),
                    start(prompt),
                    prompt.len(),
                    start(&options),
                    options.len(),
                    Some(callback),
                    user,
                    text,
                    len,
                )
            })
        };
        if let Some(panic) = stream.panic {
            resume_unwind(panic);
        }
        result
    }
}

struct Stream<F> {
    sink: F,
    panic: Option<Box<dyn Any + Send>>,
}

type Callback = unsafe extern "C" fn(*mut c_void, *const c_char, usize) -> i32;

fn callback_of<F: FnMut(&[u8]) -> ControlFlow<()>>(_stream: &Stream<F>) -> Callback {
    piece_callback::<F>
}

unsafe extern "C" fn piece_callback<F: FnMut(&[u8]) -> ControlFlow<()>>(
    user: *mut c_void,
    text: *const c_char,
    length: usize,
) -> i32 {
    let stream = &mut *user.cast::<Stream<F>>();
    let bytes = ffi::slice(text.cast(), length);
    match catch_unwind(AssertUnwindSafe(|| (stream.sink)(bytes))) {
        Ok(flow) => i32::from(flow.is_break()),
        Err(panic) => {
            stream.panic = Some(panic);
            1
        }
    }
}

/// Cuts a stream of bytes at the ends of characters.
#[derive(Default)]
struct Pieces {
    pending: Vec<u8>,
}

impl Pieces {
    fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut piece = String::new();
        loop {
            match std::str::from_utf8(&self.pending) {
                Ok(text) => {
                    piece.push_str(text);
                    self.pending.clear();
                    return piece;
                }
                Err(error) => {
                    let valid = error.valid_up_to();
                    piece.push_str(&String::from_utf8_lossy(&self.pending[..valid]));
                    let Some(wrong) = error.error_len() else {
                        self.pending.drain(..valid); // the beginning of a character
                        return piece;
                    };
                    piece.push(char::REPLACEMENT_CHARACTER);
                    self.pending.drain(..valid + wrong);
                }
            }
        }
    }

    /// What is left when nothing more comes.
    fn rest(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned()
    }
}

ffi::debug_name!(Generator);

#[cfg(test)]
mod tests {
    use super::Pieces;

    #[test]
    fn pieces_are_whole_characters() {
        let text = "aé→😀b";
        let mut pieces = Pieces::default();
        let got: Vec<String> = text.bytes().map(|byte| pieces.push(&[byte])).collect();
        assert_eq!(got.concat(), text);
        assert_eq!(pieces.rest(), "");
        assert_eq!(got.iter().filter(|piece| !piece.is_empty()).count(), 5);
    }

    #[test]
    fn wrong_bytes_are_replaced_as_in_whole_texts() {
        let bytes = b"a\xff\xe2\x86b\xf0\x9f";
        let mut pieces = Pieces::default();
        let mut got: String = bytes.iter().map(|byte| pieces.push(&[*byte])).collect();
        got += &pieces.rest();
        assert_eq!(got, String::from_utf8_lossy(bytes));
    }
}
