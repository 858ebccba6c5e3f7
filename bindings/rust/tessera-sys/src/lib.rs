//! The C interface of Tessera as bindgen reads it; use the crate `tessera` instead.
//!
//! `bindings.rs` is made from `tessera.h` by `bindings/rust/regenerate`. Enums are integers here: a
//! newer library may return values that this crate does not know. Building needs the prebuilt
//! library and no C compiler: `TESSERA_LIB_DIR` names its folder, or pkg-config knows it, or it
//! stands in a folder of the system.

#![no_std]
#![allow(non_camel_case_types, non_upper_case_globals)]

#[rustfmt::skip]
mod bindings;
pub use bindings::*;
