//! `Range` (RFC 9110, section 14).

/// The one byte range that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeSpec {
    /// From this byte to the end.
    From(u64),
    /// From the first to the second byte, both included.
    Between(u64, u64),
    /// So many last bytes.
    Last(u64),
}

/// The range lies outside the representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsatisfiable;

impl RangeSpec {
    /// The range in a field value; `None` for what a server ignores: another unit, a malformed set,
    /// and more than one range.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let (unit, set) = split_at_byte(value, b'=')?;
        if !unit.eq_ignore_ascii_case(b"bytes") {
            return None;
        }
        let (first, last) = split_at_byte(set.trim_ascii(), b'-')?;
        match (first, last) {
            ([], last) => number(last).map(Self::Last),
            (first, []) => number(first).map(Self::From),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::Between(first, last))
            }
        }
    }

    /// The bytes of a representation of `size` bytes that are meant: first byte, and the one after
    /// the last. Never empty.
    pub(crate) fn resolve(self, size: u64) -> Result<(u64, u64), Unsatisfiable> {
        let (start, end) = match self {
            Self::From(first) => (first, size),
            Self::Between(first, last) => (first, last.saturating_add(1).min(size)),
            Self::Last(len) => (size.saturating_sub(len), size),
        };
        if start < end { Ok((start, end)) } else { Err(Unsatisfiable) }
    }
}

fn split_at_byte(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&other| other == byte)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// A decimal number; one that is too large to be any position counts as the largest.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::vec::Vec;

    #[test]
    fn reads_the_three_forms() {
        assert_eq!(RangeSpec::parse(b"bytes=2-5"), Some(RangeSpec::Between(2, 5)));
        assert_eq!(RangeSpec::parse(b"Bytes= 2-"), Some(RangeSpec::From(2)));
        assert_eq!(RangeSpec::parse(b"bytes=-5 "), Some(RangeSpec::Last(5)));
        let huge = b"bytes=0-99999999999999999999999";
        assert_eq!(RangeSpec::parse(huge), Some(RangeSpec::Between(0, u64::MAX)));
    }

    #[test]
    fn ignores_what_is_no_single_range() {
        for value in [
            &b"bytes=0-1,3-4"[..],
            b"bytes=",
            b"bytes=-",
            b"bytes=5-2",
            b"bytes=a-b",
            b"bytes=1",
            b"lines=1-2",
            b"bytes",
            b"bytes=1-2-3",
            b"bytes=+1-2",
            b"",
        ] {
            assert_eq!(RangeSpec::parse(value), None, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn resolves_within_the_size() {
        assert_eq!(RangeSpec::Between(2, 5).resolve(10), Ok((2, 6)));
        assert_eq!(RangeSpec::Between(2, u64::MAX).resolve(10), Ok((2, 10)));
        assert_eq!(RangeSpec::From(9).resolve(10), Ok((9, 10)));
        assert_eq!(RangeSpec::From(10).resolve(10), Err(Unsatisfiable));
        assert_eq!(RangeSpec::Last(3).resolve(10), Ok((7, 10)));
        assert_eq!(RangeSpec::Last(30).resolve(10), Ok((0, 10)));
        assert_eq!(RangeSpec::Last(0).resolve(10), Err(Unsatisfiable));
        assert_eq!(RangeSpec::Last(3).resolve(0), Err(Unsatisfiable));
    }

    proptest! {
        #[test]
        fn what_resolves_is_a_part(value: Vec<u8>, first: u64, last: u64, size: u64) {
            let text = format!("bytes={first}-{last}");
            for spec in [RangeSpec::parse(&value), RangeSpec::parse(text.as_bytes())] {
                if let Some(Ok((start, end))) = spec.map(|spec| spec.resolve(size)) {
                    prop_assert!(start < end && end <= size);
                }
            }
        }
    }
}
