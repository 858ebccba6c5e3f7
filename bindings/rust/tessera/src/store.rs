//! Checkpoint stores of one's own: checkpoints elsewhere than in folders.

use std::ffi::{c_char, c_void};
use std::path::Path;

use tessera_sys as sys;

use crate::ffi::{self, start};
use crate::paths::path_text;
use crate::{Code, Error, Result, Runtime, Tensor};

/// A place for checkpoints other than a folder: object storage, a database, memory. A checkpoint is
/// some named objects.
///
/// The methods are called on whichever thread saves or loads, one at a time, and must not use the
/// store through the library. An error or a panic is that of the call that saves or loads. What
/// they have returned from must survive the process, as far as the store is to.
pub trait CheckpointStore: Send + 'static {
    /// Puts `data` behind the `offset` bytes that the new object has so far. The call with `is_last`
    /// ends the object, and may bring no bytes; before it the object is not listed.
    fn write(&mut self, name: &str, offset: u64, data: &[u8], is_last: bool) -> Result<()>;

    /// Fills `buffer` with the bytes from `offset` on; gives how many there were. Fewer, because the
    /// object ends, are reported as damage.
    fn read(&mut self, name: &str, offset: u64, buffer: &mut [u8]) -> Result<usize>;

    /// Every ended object whose name begins with `prefix`, with its size in bytes.
    fn list(&mut self, prefix: &str) -> Result<Vec<(String, u64)>>;

    /// Gives every object whose name begins with `from` one that begins with `to`. This commits a
    /// checkpoint, and takes one away before it is removed: it should be atomic. Where it cannot be,
    /// `manifest.tsm` moves last: nothing is loaded without it.
    fn rename(&mut self, from: &str, to: &str) -> Result<()>;

    /// Removes one object, ended or not; one that is not there is fine.
    fn remove(&mut self, name: &str) -> Result<()>;
}

impl Runtime {
    /// Registers a checkpoint store that this process alone saves to: `NAME://PATH` is a path in it
    /// wherever a checkpoint's path is asked for, such as the config's `trainer.checkpoint_folder`.
    pub fn register_store(&self, name: &str, store: impl CheckpointStore) -> Result<()> {
        self.add_store(name, store, false)
    }

    /// Registers a checkpoint store that other processes save to, too. Then nobody knows whether the
    /// writer of what is named `.tmp-...` is dead, and what such a one left stays.
    pub fn register_shared_store(&self, name: &str, store: impl CheckpointStore) -> Result<()> {
        self.add_store(name, store, true)
    }

    fn add_store<S: CheckpointStore>(&self, name: &str, store: S, is_shared: bool) -> Result<()> {
        let name = ffi::c_string(name, "name")?;
        let def = sys::tsr_store_def {
            struct_size: size_of::<sys::tsr_store_def>() as u32,
            is_shared: is_shared.into(),
            name: name.as_ptr(),
            write: Some(write::<S>),
            read: Some(read::<S>),
            list: Some(list::<S>),
            rename: Some(rename::<S>),
            remove: Some(remove::<S>),
            user: ffi::keep(store),
            destroy: Some(ffi::destroy::<S>),
        };
        // SAFETY: the library copies the name and calls `destroy` once, also on failure.
        unsafe { ffi::check(sys::tsr_runtime_register_store(self.raw(), &def)) }
    }

    /// What a checkpoint holds, as JSON; its path may be in a store.
    pub(crate) fn inspect(&self, path: &str, verify: i32) -> Result<serde_json::Value> {
        // SAFETY: the handle is alive; pointer with length.
        unsafe {
            ffi::json(|text, len| {
                sys::tsr_runtime_inspect(self.raw(), start(path), path.len(), verify, text, len)
            })
        }
    }

    /// The parameter `name` of the checkpoint at `path`, or of the newest one there, or what the
    /// optimizer keeps for it in `slot`; `path` may be in a store.
    pub fn read_tensor(&self, path: impl AsRef<Path>, name: &str, slot: &str) -> Result<Tensor> {
        let path = path_text(path.as_ref())?;
        // SAFETY: the handle is alive; pointers with lengths; the tensor is owned by the result.
        let handle = unsafe {
            ffi::handle(|out| {
                sys::tsr_runtime_read_tensor(
                    self.raw(),
                    start(path),
                    path.len(),
                    start(name),
                    name.len(),
                    start(slot),
                    slot.len(),
                    out,
                )
            })?
        };
        Ok(Tensor { handle })
    }
}

/// The store behind `user`. The library calls a store from one thread at a time.
unsafe fn store<'a, S>(user: *mut c_void) -> &'a mut S {
    &mut *user.cast::<S>()
}

fn position(offset: i64) -> Result<u64> {
    u64::try_from(offset)
        .map_err(|_| Error::new(Code::Internal, format!("offset of the library: {offset}")))
}

unsafe extern "C" fn write<S: CheckpointStore>(
    user: *mut c_void,
    name: *const c_char,
    name_len: usize,
    offset: i64,
    bytes: *const c_void,
    len: usize,
    last: i32,
) -> *mut sys::tsr_status {
    ffi::callback(|| {
        let data = ffi::slice(bytes.cast::<u8>(), len);
        let name = ffi::argument_text(name, name_len)?;
        store::<S>(user).write(name, position(offset)?, data, last != 0)
    })
}

unsafe extern "C" fn read<S: CheckpointStore>(
    user: *mut c_void,
    name: *const c_char,
    name_len: usize,
    offset: i64,
    buffer: *mut c_void,
    len: usize,
    out_len: *mut usize,
) -> *mut sys::tsr_status {
    ffi::callback(|| {
        // The library's memory may not have been written yet, which a slice must have been.
        buffer.cast::<u8>().write_bytes(0, len);
        let buffer = std::slice::from_raw_parts_mut(buffer.cast::<u8>(), len);
        let name = ffi::argument_text(name, name_len)?;
        *out_len = store::<S>(user).read(name, position(offset)?, buffer)?;
        Ok(())
    })
}

unsafe extern "C" fn list<S: CheckpointStore>(
    user: *mut c_void,
    prefix: *const c_char,
    prefix_len: usize,
    listing: *mut sys::tsr_listing,
) -> *mut sys::tsr_status {
    ffi::callback(|| {
        for (name, size) in store::<S>(user).list(ffi::argument_text(prefix, prefix_len)?)? {
            let bytes = i64::try_from(size).map_err(|_| {
                Error::invalid_argument(format!("{name}: expected a size, got {size}"))
            })?;
            ffi::check(sys::tsr_listing_add(listing, start(&name), name.len(), bytes))?;
        }
        Ok(())
    })
}

unsafe extern "C" fn rename<S: CheckpointStore>(
    user: *mut c_void,
    from: *const c_char,
    from_len: usize,
    to: *const c_char,
    to_len: usize,
) -> *mut sys::tsr_status {
    ffi::callback(|| {
        let from = ffi::argument_text(from, from_len)?;
        store::<S>(user).rename(from, ffi::argument_text(to, to_len)?)
    })
}

unsafe extern "C" fn remove<S: CheckpointStore>(
    user: *mut c_void,
    name: *const c_char,
    name_len: usize,
) -> *mut sys::tsr_status {
    ffi::callback(|| store::<S>(user).remove(ffi::argument_text(name, name_len)?))
}
