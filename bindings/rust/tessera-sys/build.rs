//! Finds the prebuilt library: TESSERA_LIB_DIR, then pkg-config, then the usual folders. Nothing is
//! downloaded and nothing is compiled; when it is nowhere, the error lists what was tried.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const VARIABLE: &str = "TESSERA_LIB_DIR";
const USUAL_FOLDERS: [&str; 5] = [
    "/usr/local/lib",
    "/usr/lib",
    "/usr/lib64",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
];

fn library_name() -> &'static str {
    match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => "libtessera.dylib",
        Ok("windows") => "tessera.dll",
        _ => "libtessera.so",
    }
}

fn from_pkg_config() -> Result<PathBuf, String> {
    let tool = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".into());
    let output = Command::new(&tool).args(["--variable=libdir", "tessera"]).output();
    let output = output.map_err(|error| format!("{tool}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{tool}: knows no tessera"));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

fn holds_library(folder: &Path) -> Result<(), String> {
    let path = folder.join(library_name());
    match path.exists() {
        true => Ok(()),
        false => Err(format!("{}: no such file", path.display())),
    }
}

/// The folder of the library, or what was tried.
fn find() -> Result<PathBuf, Vec<String>> {
    // Whoever names a folder means that one: no other is taken in its place.
    if let Some(folder) = env::var_os(VARIABLE).map(PathBuf::from) {
        return match holds_library(&folder) {
            Ok(()) => Ok(folder),
            Err(reason) => Err(vec![format!("{VARIABLE}: {reason}")]),
        };
    }
    let mut tried = vec![format!("{VARIABLE} is not set")];
    match from_pkg_config() {
        Ok(folder) => match holds_library(&folder) {
            Ok(()) => return Ok(folder),
            Err(reason) => tried.push(format!("pkg-config: {reason}")),
        },
        Err(reason) => tried.push(reason),
    }
    for folder in USUAL_FOLDERS {
        match holds_library(Path::new(folder)) {
            Ok(()) => return Ok(folder.into()),
            Err(reason) => tried.push(reason),
        }
    }
    Err(tried)
}

/// `cargo run` and `cargo test` search libraries in OUT_DIR when they start a program, and nowhere
/// else outside the system's folders; so the library is linked to there, under each of its names.
#[cfg(unix)]
fn stand_in_out_dir(folder: &Path) -> std::io::Result<PathBuf> {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let folder = fs::canonicalize(folder)?;
    for entry in fs::read_dir(&folder)? {
        let name = entry?.file_name();
        if name.to_string_lossy().starts_with(library_name()) {
            let link = out.join(&name);
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(folder.join(&name), link)?;
        }
    }
    Ok(out)
}

#[cfg(not(unix))]
fn stand_in_out_dir(folder: &Path) -> std::io::Result<PathBuf> {
    Ok(folder.to_path_buf())
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for variable in [VARIABLE, "PKG_CONFIG", "PKG_CONFIG_PATH", "DOCS_RS"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    // Documentation is made without the library.
    if env::var_os("DOCS_RS").is_some() {
        return;
    }
    let folder = find().unwrap_or_else(|tried| {
        eprintln!("error: the library of Tessera ({}) was not found:", library_name());
        tried.iter().for_each(|line| eprintln!("  {line}"));
        eprintln!("set {VARIABLE} to the folder that holds it, or install its pkg-config file");
        std::process::exit(1);
    });
    println!("cargo:rerun-if-changed={}", folder.join(library_name()).display());
    let search = stand_in_out_dir(&folder).unwrap_or_else(|error| {
        eprintln!("error: {}: {error}", folder.display());
        std::process::exit(1);
    });
    println!("cargo:rustc-link-search=native={}", search.display());
    println!("cargo:rustc-link-lib=dylib=tessera");
    // For build scripts of dependents, which may want an rpath: DEP_TESSERA_LIB_DIR.
    println!("cargo:lib_dir={}", folder.display());
}
