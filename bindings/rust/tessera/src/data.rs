//! Data of one's own: documents from anywhere, for `data.source`.

use std::ffi::{c_char, c_void};
use std::marker::PhantomData;

use tessera_sys as sys;

use crate::ffi::{self, start};
use crate::{Result, Runtime};

/// Where a data source puts its documents. It lives during the call only.
pub struct Corpus<'a> {
    raw: *mut sys::tsr_corpus,
    call: PhantomData<&'a mut ()>,
}

impl Corpus<'_> {
    /// A document of text. All documents of a run are text, or all are ids.
    pub fn add_text(&mut self, text: &str) -> Result<()> {
        // SAFETY: the corpus is alive; pointer with length.
        unsafe { ffi::check(sys::tsr_corpus_add_text(self.raw, start(text), text.len())) }
    }

    /// A document of token ids.
    pub fn add_tokens(&mut self, ids: &[u32]) -> Result<()> {
        self.add_bytes(ids)
    }

    /// A document of token ids, narrow ones.
    pub fn add_narrow_tokens(&mut self, ids: &[u16]) -> Result<()> {
        self.add_bytes(ids)
    }

    fn add_bytes<T>(&mut self, ids: &[T]) -> Result<()> {
        let (data, size, width) = (ids.as_ptr().cast(), size_of_val(ids), size_of::<T>() as i32);
        // SAFETY: the corpus is alive; so many bytes are there.
        unsafe { ffi::check(sys::tsr_corpus_add_tokens(self.raw, data, size, width)) }
    }
}

impl Runtime {
    /// Registers a data source. `read` is called with each entry of `data.train` and
    /// `data.validation` while a trainer opens its data, and adds the documents that it stands for:
    /// the same ones each time, as a tokenizer that learns reads them twice. An error or a panic of
    /// it fails the trainer.
    ///
    /// ```
    /// # fn main() -> tessera::Result<()> {
    /// let runtime = tessera::Runtime::new()?;
    /// runtime.register_source("lines", |corpus, name| {
    ///     name.split('|').try_for_each(|line| corpus.add_text(line))
    /// })?;
    /// assert!(runtime.list("data")?.to_string().contains("lines"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn register_source<F>(&self, name: &str, read: F) -> Result<()>
    where
        F: Fn(&mut Corpus<'_>, &str) -> Result<()> + Send + Sync + 'static,
    {
        let name = ffi::c_string(name, "name")?;
        let def = sys::tsr_source_def {
            struct_size: size_of::<sys::tsr_source_def>() as u32,
            name: name.as_ptr(),
            read: Some(read_callback::<F>),
            user: ffi::keep(read),
            destroy: Some(ffi::destroy::<F>),
        };
        // SAFETY: the library copies the name and calls `destroy` once, also on failure.
        unsafe { ffi::check(sys::tsr_runtime_register_source(self.raw(), &def)) }
    }
}

unsafe extern "C" fn read_callback<F>(
    user: *mut c_void,
    corpus: *mut sys::tsr_corpus,
    name: *const c_char,
    name_len: usize,
) -> *mut sys::tsr_status
where
    F: Fn(&mut Corpus<'_>, &str) -> Result<()> + Send + Sync + 'static,
{
    ffi::callback(|| {
        let read = &*user.cast::<F>();
        read(&mut Corpus { raw: corpus, call: PhantomData }, ffi::argument_text(name, name_len)?)
    })
}

ffi::debug_name!(Corpus<'_>);
