//! Base64 (RFC 4648, section 4), decoded strictly: padding where it belongs, unused bits zero.

/// Decodes `text` into `buffer`; `None` when it is not canonical base64 or too long.
pub(super) fn decode<'a>(text: &str, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let (groups, []) = text.as_bytes().as_chunks() else { return None };
    let mut length = 0_usize;
    for (index, group) in groups.iter().enumerate() {
        let (bytes, count) = decode_group(group, index + 1 == groups.len())?;
        for byte in bytes.iter().take(count) {
            *buffer.get_mut(length)? = *byte;
            length += 1;
        }
    }
    buffer.get(..length)
}

/// Whether `text` is canonical base64, of any length.
pub(super) fn is_base64(text: &str) -> bool {
    let (groups, rest) = text.as_bytes().as_chunks();
    let mut indexed = groups.iter().enumerate();
    rest.is_empty()
        && indexed.all(|(index, group)| decode_group(group, index + 1 == groups.len()).is_some())
}

/// The bytes of four digits, and how many of them count.
fn decode_group(group: &[u8; 4], is_last: bool) -> Option<([u8; 3], usize)> {
    let (digits, count) = match group {
        [a, b, b'=', b'='] if is_last => ([*a, *b, b'A', b'A'], 1),
        [a, b, c, b'='] if is_last => ([*a, *b, *c, b'A'], 2),
        all => (*all, 3),
    };
    let mut bits = 0;
    for digit in digits {
        bits = (bits << 6) + u32::from(value(digit)?);
    }
    let [_, bytes @ ..] = bits.to_be_bytes();
    let unused_are_zero = bytes.iter().skip(count).all(|byte| *byte == 0);
    unused_are_zero.then_some((bytes, count))
}

/// Decodes text of exactly `N` bytes.
pub(super) fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    (decode(text, &mut bytes)?.len() == N).then_some(bytes)
}

const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_the_rfcs_examples() {
        // RFC 4648, section 10.
        let examples = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (length, text) in examples.iter().enumerate() {
            let mut buffer = [0; 6];
            assert_eq!(decode(text, &mut buffer), b"foobar".get(..length));
            assert!(is_base64(text));
        }
    }

    #[test]
    fn refuses_what_is_not_canonical() {
        let bad = [
            "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zg==Zg==", "Zm8=Zm8=", "Zm 9", "Zm9v\n",
            "=Zg=", "____",
        ];
        for text in bad {
            assert_eq!(decode(text, &mut [0; 16]), None, "{text}");
            assert!(!is_base64(text), "{text}");
        }
        assert_eq!(decode("Zm9v", &mut [0; 2]), None);
        assert_eq!(decode_array::<4>("Zm9v"), None);
        assert_eq!(decode_array::<2>("Zm9v"), None);
        assert_eq!(decode_array::<3>("Zm9v"), Some(*b"foo"));
    }
}
