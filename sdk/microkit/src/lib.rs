//! The image tool: joins a system description and its programs into one loader image for the
//! model kernel, with the command line of the Microkit 2.3 tool.
//!
//! It refuses, with a place and a reason, whatever the model kernel cannot run; it never panics on
//! a bad description or program. It trusts the SDK folder and the file system it runs on.
//!
//! The way of an image: [`sdf`] and [`elf`] read, [`layout`] places, [`symbols`] patches,
//! [`image`] writes, [`report`] tells; [`tool`] is the whole run.

#![forbid(unsafe_code)]

pub mod caps;
pub mod elf;
pub mod image;
pub mod inject;
pub mod kernel;
pub mod layout;
mod memory;
pub mod report;
pub mod sdf;
pub mod sdk;
pub mod symbols;
pub mod tool;
