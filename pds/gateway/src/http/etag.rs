//! Entity tags (RFC 9110, sections 8.8.3 and 13.1): a representation's tag is its Merkle root in
//! hexadecimal digits.

/// Does a list of tags (`If-None-Match`, `If-Match`) name `root`? Weak tags count: they differ from
/// strong ones only where two representations share a tag, and no two share a root.
pub(crate) fn names(list: &[u8], root: &[u8; 32]) -> bool {
    list.trim_ascii() == b"*"
        || list.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).any(|tag| {
            let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
            names_strongly(tag, root)
        })
}

/// Is `tag` the strong tag of `root`, as `If-Range` needs it?
pub(crate) fn names_strongly(tag: &[u8], root: &[u8; 32]) -> bool {
    let Some(digits) = tag.strip_prefix(b"\"").and_then(|tag| tag.strip_suffix(b"\"")) else {
        return false;
    };
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        && pairs.len() == root.len()
        && pairs.iter().zip(root).all(|(pair, byte)| {
            let [high, low] = pair.map(digit);
            high.zip(low).is_some_and(|(high, low)| high << 4 | low == *byte)
        })
}

/// Tags are compared byte by byte, so only the digits that this server writes are digits.
const fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;

    const ROOT: [u8; 32] = [0xa7; 32];

    fn tag() -> String {
        format!("\"{}\"", "a7".repeat(32))
    }

    #[test]
    fn finds_the_tag_in_a_list() {
        for list in [tag(), "*".into(), format!("\"x\", W/{} ,", tag()), format!("\"\",{}", tag())]
        {
            assert!(names(list.as_bytes(), &ROOT), "{list}");
        }
    }

    #[test]
    fn refuses_other_tags() {
        for list in ["", "a7", "\"a7\"", "\"", "W/", "**"] {
            assert!(!names(list.as_bytes(), &ROOT), "{list}");
        }
        assert!(!names(tag().to_uppercase().as_bytes(), &ROOT));
        assert!(!names(tag().replace("7\"", "8\"").as_bytes(), &ROOT));
        assert!(!names_strongly(format!("W/{}", tag()).as_bytes(), &ROOT));
        assert!(names_strongly(tag().as_bytes(), &ROOT));
    }
}
