//! [`Error`]: what the library says when a call does not succeed.

use std::ffi::{c_char, CStr};
use std::fmt;

use tessera_sys as sys;

/// The result of calls into the library.
pub type Result<T> = std::result::Result<T, Error>;

/// What kind of error it is: the codes of Abseil and gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    Cancelled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
}

const CODES: [(sys::tsr_code, Code); 15] = [
    (sys::TSR_CANCELLED, Code::Cancelled),
    (sys::TSR_UNKNOWN, Code::Unknown),
    (sys::TSR_INVALID_ARGUMENT, Code::InvalidArgument),
    (sys::TSR_DEADLINE_EXCEEDED, Code::DeadlineExceeded),
    (sys::TSR_NOT_FOUND, Code::NotFound),
    (sys::TSR_ALREADY_EXISTS, Code::AlreadyExists),
    (sys::TSR_PERMISSION_DENIED, Code::PermissionDenied),
    (sys::TSR_RESOURCE_EXHAUSTED, Code::ResourceExhausted),
    (sys::TSR_FAILED_PRECONDITION, Code::FailedPrecondition),
    (sys::TSR_ABORTED, Code::Aborted),
    (sys::TSR_OUT_OF_RANGE, Code::OutOfRange),
    (sys::TSR_UNIMPLEMENTED, Code::Unimplemented),
    (sys::TSR_INTERNAL, Code::Internal),
    (sys::TSR_UNAVAILABLE, Code::Unavailable),
    (sys::TSR_DATA_LOSS, Code::DataLoss),
];

impl Code {
    /// A code that this version does not know is `Unknown`.
    fn from_raw(raw: sys::tsr_code) -> Code {
        CODES.iter().find(|(number, _)| *number == raw).map_or(Code::Unknown, |(_, code)| *code)
    }

    fn raw(self) -> sys::tsr_code {
        CODES.iter().find(|(_, code)| *code == self).map_or(sys::TSR_UNKNOWN, |(number, _)| *number)
    }
}

/// An error of the library, or of a closure that it called.
///
/// Errors of configs name the file, the line and the path of the field. When a config has several,
/// [`Error::details`] has all of them.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Code,
    message: String,
    path: String,
    file: String,
    line: u32,
    rank: Option<u32>,
    is_retryable: bool,
    payload: String,
}

impl Error {
    /// An error of one's own, for closures to return.
    pub fn new(code: Code, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            code,
            message: message.into(),
            path: String::new(),
            file: String::new(),
            line: 0,
            rank: None,
            is_retryable: matches!(code, Code::Unavailable | Code::Aborted),
            payload: String::new(),
        }))
    }

    pub fn invalid_argument(message: impl Into<String>) -> Error {
        Error::new(Code::InvalidArgument, message)
    }

    pub fn code(&self) -> Code {
        self.0.code
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The config or parameter path that the error is about, `model.decoder.num_layers`.
    pub fn path(&self) -> Option<&str> {
        Some(self.0.path.as_str()).filter(|path| !path.is_empty())
    }

    pub fn file(&self) -> Option<&str> {
        Some(self.0.file.as_str()).filter(|file| !file.is_empty())
    }

    /// The line in [`Error::file`], from 1.
    pub fn line(&self) -> Option<u32> {
        Some(self.0.line).filter(|line| *line > 0)
    }

    /// The rank that failed in a group of processes.
    pub fn rank(&self) -> Option<u32> {
        self.0.rank
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.0.is_retryable
    }

    /// Details as JSON; for configs and options `{"errors": [...]}` with file, line, column, path,
    /// expected, got and nearest name of each. Null when there are none.
    pub fn details(&self) -> serde_json::Value {
        serde_json::from_str(&self.0.payload).unwrap_or_default()
    }

    /// Takes a status of the library, which is freed.
    ///
    /// # Safety
    /// `status` is one that the library returned, or null, and is not used afterwards.
    pub(crate) unsafe fn take(status: *mut sys::tsr_status) -> Result<()> {
        if status.is_null() {
            return Ok(());
        }
        let rank = sys::tsr_status_rank(status);
        let inner = Inner {
            code: Code::from_raw(sys::tsr_status_code(status)),
            message: lossy(sys::tsr_status_message(status)),
            path: lossy(sys::tsr_status_path(status)),
            file: lossy(sys::tsr_status_file(status)),
            line: sys::tsr_status_line(status).try_into().unwrap_or(0),
            rank: rank.try_into().ok(),
            is_retryable: sys::tsr_status_retryable(status) != 0,
            payload: lossy(sys::tsr_status_payload(status)),
        };
        sys::tsr_status_free(status);
        Err(Error(Box::new(inner)))
    }

    /// A status for the library, which is its owner.
    pub(crate) fn to_status(&self) -> *mut sys::tsr_status {
        let message = &self.0.message;
        // SAFETY: pointer and length of one text, which is copied.
        unsafe { sys::tsr_status_new(self.0.code.raw(), message.as_ptr().cast(), message.len()) }
    }
}

unsafe fn lossy(text: *const c_char) -> String {
    CStr::from_ptr(text).to_string_lossy().into_owned()
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        let mut out = formatter.debug_struct("Error");
        out.field("code", &inner.code).field("message", &inner.message);
        if let Some(path) = self.path() {
            out.field("path", &path);
        }
        if let (Some(file), line) = (self.file(), inner.line) {
            out.field("file", &file).field("line", &line);
        }
        if let Some(rank) = inner.rank {
            out.field("rank", &rank);
        }
        out.finish()
    }
}

impl std::error::Error for Error {}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        Error::invalid_argument(format!("JSON: {error}"))
    }
}
