//! The image tool: joins a system description and its programs into one loader image for the
//! model kernel, with the command line of the Microkit 2.3 tool.
//!
//! It refuses, with a place and a reason, whatever the model kernel cannot run; it never panics on
//! a bad description or program. It trusts the SDK folder and the file system it runs on.

#![forbid(unsafe_code)]

pub mod sdf;
