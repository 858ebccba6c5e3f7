//! Paths as the library takes them: UTF-8 text.

use std::path::Path;

use crate::{Error, Result};

pub(crate) fn path_text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::invalid_argument(format!("path: expected UTF-8, got {}", path.display()))
    })
}
