//! Transparency logs: proof that what a device is told is what everybody is told.
//!
//! * [`tree`]: inclusion and consistency proofs of RFC 6962 and RFC 9162.
//! * [`note`]: signed notes (c2sp.org/signed-note), their keys and signatures.
//! * [`checkpoint`]: tree heads (c2sp.org/tlog-checkpoint), cosignatures (c2sp.org/tlog-cosignature)
//!   and the policy that says whose signatures are needed.
//! * [`proof`]: offline proofs (c2sp.org/tlog-proof).
//!
//! Logs hash with SHA-256. All parsers work on text in memory, read each byte a bounded number of
//! times and accept one encoding only.

mod base64;
pub mod checkpoint;
mod error;
pub mod note;
pub mod proof;
mod text;
pub mod tree;

pub use error::{Error, Reason};
