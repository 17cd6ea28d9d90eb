//! What a path in a volume may be.

use core::fmt;

/// Bytes of the longest path.
pub const PATH_BYTES_MAX: usize = 1024;
/// Bytes of the longest component between two slashes.
pub const COMPONENT_BYTES_MAX: usize = 255;
/// Bytes of the longest volume name.
pub const NAME_BYTES_MAX: usize = 32;

/// Why some bytes are no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathFault {
    /// No bytes at all.
    Empty,
    /// More than [`PATH_BYTES_MAX`] bytes.
    TooLong,
    /// Not UTF-8.
    NotUtf8,
    /// Contains a control character.
    Control,
    /// A component is empty: a leading, trailing or doubled slash.
    EmptyComponent,
    /// A component is `.` or `..`.
    Dots,
    /// A component has more than [`COMPONENT_BYTES_MAX`] bytes.
    ComponentTooLong,
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "path is empty",
            Self::TooLong => "path is longer than 1024 bytes",
            Self::NotUtf8 => "path is not UTF-8",
            Self::Control => "path holds a control character",
            Self::EmptyComponent => "path has an empty component",
            Self::Dots => "path has a component . or ..",
            Self::ComponentTooLong => "path has a component longer than 255 bytes",
        })
    }
}

impl core::error::Error for PathFault {}

/// Accepts `bytes` as a path: relative, UTF-8, slash-separated, of plain components.
pub fn check_path(bytes: &[u8]) -> Result<&str, PathFault> {
    if bytes.is_empty() {
        return Err(PathFault::Empty);
    }
    if bytes.len() > PATH_BYTES_MAX {
        return Err(PathFault::TooLong);
    }
    let path = core::str::from_utf8(bytes).map_err(|_| PathFault::NotUtf8)?;
    if path.chars().any(char::is_control) {
        return Err(PathFault::Control);
    }
    for component in path.split('/') {
        match component {
            "" => return Err(PathFault::EmptyComponent),
            "." | ".." => return Err(PathFault::Dots),
            long if long.len() > COMPONENT_BYTES_MAX => return Err(PathFault::ComponentTooLong),
            _ => {}
        }
    }
    Ok(path)
}

/// Whether `bytes` may name a volume: 1 to 32 of `a-z 0-9 . _ -`, not starting with a dot.
pub fn is_volume_name(bytes: &[u8]) -> bool {
    let plain = |&b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    (1..=NAME_BYTES_MAX).contains(&bytes.len())
        && bytes.iter().all(plain)
        && bytes.first() != Some(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn each_path_fault_is_found() {
        let cases: [(&[u8], PathFault); 11] = [
            (b"", PathFault::Empty),
            (&[b'a'; 1025], PathFault::TooLong),
            (b"a\xff", PathFault::NotUtf8),
            (b"a\0b", PathFault::Control),
            (b"a\x7fb", PathFault::Control),
            (b"/a", PathFault::EmptyComponent),
            (b"a/", PathFault::EmptyComponent),
            (b"a//b", PathFault::EmptyComponent),
            (b"a/./b", PathFault::Dots),
            (b"..", PathFault::Dots),
            (&[b'a'; 256], PathFault::ComponentTooLong),
        ];
        for (bytes, fault) in cases {
            assert_eq!(check_path(bytes), Err(fault), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn accepts_the_longest_of_everything() {
        let component = [b'a'; 255];
        let path = [&component[..], &component, &component, &component].join(&b'/');
        assert_eq!(path.len(), 1023);
        assert!(check_path(&path).is_ok());
        assert_eq!(check_path("ä/..b/日本".as_bytes()), Ok("ä/..b/日本"));
    }

    #[test]
    fn volume_names_are_plain() {
        assert!(is_volume_name(b"demo-1.0_b") && is_volume_name(&[b'a'; 32]));
        let bad: [&[u8]; 6] = [b"", &[b'a'; 33], b"A", b".a", b"a/b", b"\xff"];
        assert!(!bad.into_iter().any(is_volume_name));
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = check_path(&bytes);
            let _ = is_volume_name(&bytes);
        }
    }
}
