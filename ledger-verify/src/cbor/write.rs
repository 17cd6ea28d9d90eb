//! The same encoding, written.

use super::{ARRAY, BYTES, TEXT, UNSIGNED};

/// Where encoded bytes go: a hasher in the verifier, a buffer in the writing side.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for crate::digest::ShortHasher {
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

#[cfg(any(test, feature = "write"))]
impl Sink for std::vec::Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

pub(crate) fn unsigned(sink: &mut impl Sink, value: u64) {
    head(sink, UNSIGNED, value);
}

pub(crate) fn bytes(sink: &mut impl Sink, value: &[u8]) {
    head(sink, BYTES, value.len() as u64);
    sink.put(value);
}

pub(crate) fn text(sink: &mut impl Sink, value: &str) {
    head(sink, TEXT, value.len() as u64);
    sink.put(value.as_bytes());
}

pub(crate) fn array(sink: &mut impl Sink, length: usize) {
    head(sink, ARRAY, length as u64);
}

#[inline(never)]
fn head(sink: &mut impl Sink, major: u8, value: u64) {
    let [.., b3, b2, b1, b0] = value.to_be_bytes();
    let major = major << 5;
    match value {
        0..=23 => sink.put(&[major | b0]),
        24..=0xff => sink.put(&[major | 24, b0]),
        0x100..=0xffff => sink.put(&[major | 25, b1, b0]),
        0x1_0000..=0xffff_ffff => sink.put(&[major | 26, b3, b2, b1, b0]),
        _ => {
            sink.put(&[major | 27]);
            sink.put(&value.to_be_bytes());
        }
    }
}

#[cfg(any(test, feature = "write"))]
pub(crate) fn null(sink: &mut impl Sink) {
    sink.put(&[super::NULL]);
}
