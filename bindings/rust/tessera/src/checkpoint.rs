//! [`Checkpoint`]: what is on disk.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value as Json;
use tessera_sys as sys;

use crate::ffi::{self, start};
use crate::graph::attrs_text;
use crate::paths::path_text;
use crate::tensor::DType;
use crate::trainer::SinkFailure;
use crate::{Code, Error, Job, Result, Runtime, Tensor};

/// A tensor of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TensorInfo {
    /// The path of the parameter it belongs to.
    pub path: String,
    /// `param`, `optimizer` and so on.
    pub kind: String,
    /// Which of the optimizer's, `m`; empty for the parameter.
    pub slot: String,
    pub dtype: DType,
    pub dims: Vec<i64>,
    file: String,
    offset: u64,
    bytes: usize,
    is_part: bool,
}

/// A complete checkpoint: step, config, tensors.
///
/// ```no_run
/// # fn main() -> tessera::Result<()> {
/// let checkpoint = tessera::Checkpoint::open("out/rust/checkpoints")?;
/// println!("step {}", checkpoint.step());
/// let embedding = checkpoint.read("embedding/weight")?;
/// println!("{embedding:?}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    json: Json,
    tensors: Vec<TensorInfo>,
}

impl Checkpoint {
    /// A checkpoint, or the newest complete one in a folder of them. Checksums are not read.
    pub fn open(path: impl AsRef<Path>) -> Result<Checkpoint> {
        Checkpoint::inspect(path.as_ref(), 0)
    }

    /// As [`Checkpoint::open`], comparing every checksum. `DataLoss` says what is damaged and
    /// where.
    pub fn verify(path: impl AsRef<Path>) -> Result<Checkpoint> {
        Checkpoint::inspect(path.as_ref(), 1)
    }

    /// As [`Checkpoint::verify`], of a path that may be in a store of the runtime: its tensors are
    /// read by [`Runtime::read_tensor`].
    pub fn verify_in(runtime: &Runtime, path: impl AsRef<Path>) -> Result<Checkpoint> {
        let path = path_text(path.as_ref())?;
        Checkpoint::from_json(runtime.inspect(path, 1)?, path)
    }

    /// As [`Checkpoint::open`], of a path that may be in a store of the runtime.
    pub fn open_in(runtime: &Runtime, path: impl AsRef<Path>) -> Result<Checkpoint> {
        let path = path_text(path.as_ref())?;
        Checkpoint::from_json(runtime.inspect(path, 0)?, path)
    }

    fn inspect(path: &Path, verify: i32) -> Result<Checkpoint> {
        let path = path_text(path)?;
        // SAFETY: pointer and length.
        let json: Json = unsafe {
            ffi::json(|text, len| {
                sys::tsr_checkpoint_inspect(start(path), path.len(), verify, text, len)
            })?
        };
        Checkpoint::from_json(json, path)
    }

    fn from_json(json: Json, path: &str) -> Result<Checkpoint> {
        let tensors: Result<Vec<_>> =
            json["tensors"].as_array().into_iter().flatten().map(TensorInfo::from_json).collect();
        let folder = PathBuf::from(json["path"].as_str().unwrap_or(path));
        Ok(Checkpoint { folder, tensors: tensors?, json })
    }

    /// Reads a model from elsewhere into a new checkpoint at `path`: `source` is a Hugging Face folder
    /// or a GGUF file. The job's progress counts bytes; one that fails leaves nothing.
    pub fn import(
        runtime: &Runtime,
        source: impl AsRef<Path>,
        path: impl AsRef<Path>,
    ) -> Result<Job> {
        let (source, path) = (path_text(source.as_ref())?, path_text(path.as_ref())?);
        // SAFETY: pointers with lengths; the handle is owned by the job.
        let handle = unsafe {
            ffi::handle(|out| {
                let (path, path_len) = (start(path), path.len());
                let (source, source_len) = (start(source), source.len());
                sys::tsr_checkpoint_import(runtime.raw(), source, source_len, path, path_len, out)
            })?
        };
        Ok(Job::new(handle, SinkFailure::default()))
    }

    /// Writes the model of a checkpoint (or of the newest one in a folder of them) as a Hugging Face
    /// folder. `options` serialises to `{"family": "llama", "max_file_bytes": 1000000}`, or is `()`.
    pub fn export(
        runtime: &Runtime,
        path: impl AsRef<Path>,
        folder: impl AsRef<Path>,
        options: impl Serialize,
    ) -> Result<Job> {
        let (path, folder) = (path_text(path.as_ref())?, path_text(folder.as_ref())?);
        let options = attrs_text(&options)?;
        // SAFETY: as in `import`.
        let handle = unsafe {
            ffi::handle(|out| {
                sys::tsr_checkpoint_export(
                    runtime.raw(),
                    start(path),
                    path.len(),
                    start(folder),
                    folder.len(),
                    start(&options),
                    options.len(),
                    out,
                )
            })?
        };
        Ok(Job::new(handle, SinkFailure::default()))
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    pub fn step(&self) -> i64 {
        self.json["step"].as_i64().unwrap_or(0)
    }

    /// All that is known of it, as the library writes it.
    pub fn json(&self) -> &Json {
        &self.json
    }

    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// The parameter at `path`.
    pub fn read(&self, path: &str) -> Result<Tensor> {
        self.read_slot(path, "")
    }

    /// What the optimizer keeps for the parameter at `path`.
    pub fn read_slot(&self, path: &str, slot: &str) -> Result<Tensor> {
        let info = self.tensors.iter().find(|info| info.path == path && info.slot == slot);
        let info = info.ok_or_else(|| {
            let slot = if slot.is_empty() { String::new() } else { format!(" ({slot})") };
            let folder = self.folder.display();
            Error::new(Code::NotFound, format!("{folder}: holds no tensor '{path}'{slot}"))
        })?;
        self.read_tensor(info)
    }

    fn read_tensor(&self, info: &TensorInfo) -> Result<Tensor> {
        if info.is_part {
            return Err(Error::new(
                Code::Unimplemented,
                format!("{}: expected a whole tensor, got the part of a rank", info.path),
            ));
        }
        let mut tensor = Tensor::zeros(info.dtype, &info.dims)?;
        let file = self.folder.join(&info.file);
        let failed = |error: std::io::Error| {
            Error::new(Code::DataLoss, format!("{}: {error}", file.display()))
        };
        let data = tensor.as_mut_bytes();
        if data.len() != info.bytes {
            let text = format!(
                "{}: expected {} bytes of '{}', got {}",
                file.display(),
                data.len(),
                info.path,
                info.bytes
            );
            return Err(Error::new(Code::DataLoss, text));
        }
        let mut opened = File::open(&file).map_err(failed)?;
        opened.seek(SeekFrom::Start(info.offset)).map_err(failed)?;
        opened.read_exact(data).map_err(failed)?;
        Ok(tensor)
    }
}

impl TensorInfo {
    fn from_json(json: &Json) -> Result<TensorInfo> {
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_string();
        let number = |name: &str| json[name].as_u64().unwrap_or(0);
        let dtype = text("dtype");
        Ok(TensorInfo {
            path: text("path"),
            kind: text("kind"),
            slot: text("slot"),
            dtype: DType::from_name(&dtype).ok_or_else(|| {
                Error::new(Code::Unimplemented, format!("dtype '{dtype}': unknown to this crate"))
            })?,
            dims: json["dims"].as_array().into_iter().flatten().filter_map(Json::as_i64).collect(),
            file: text("file"),
            offset: number("offset"),
            bytes: number("bytes") as usize,
            is_part: json.get("box_offset").is_some(),
        })
    }
}
