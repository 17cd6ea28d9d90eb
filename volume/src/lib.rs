//! The volume format.

#![no_std]
#![forbid(unsafe_code)]
