//! `Accept` (RFC 9110, section 12.5.1), for the one page that has several forms.

use super::Format;

/// The form of a page that a client prefers: the one it names with the highest weight. A client
/// that names none of them, be it with wildcards, gets plain text.
pub(crate) fn preferred(accept: Option<&[u8]>) -> Format {
    let mut best = (0, Format::Text);
    for range in accept.unwrap_or_default().split(|&byte| byte == b',') {
        let mut parts = range.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let name = parts.next().unwrap_or_default();
        let named = [
            (&b"text/html"[..], Format::Html),
            (b"application/json", Format::Json),
            (b"text/plain", Format::Text),
        ];
        let found = named.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
        let weight = parts.find_map(weight).unwrap_or(1000);
        if let Some((_, format)) = found
            && weight > best.0
        {
            best = (weight, *format);
        }
    }
    best.1
}

/// The weight in a parameter, in thousandths; 0 for one that is malformed.
fn weight(parameter: &[u8]) -> Option<u16> {
    let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="))?;
    let (whole, fraction) = value.split_first()?;
    let mut thousandths = match whole {
        b'0' => 0,
        b'1' => 1000,
        _ => return Some(0),
    };
    for (digit, worth) in fraction.iter().skip(1).zip([100, 10, 1]) {
        thousandths += worth * u16::from(digit.wrapping_sub(b'0').min(9));
    }
    Some(thousandths.min(1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn the_highest_weight_wins() {
        let browser = b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert_eq!(preferred(Some(browser)), Format::Html);
        assert_eq!(preferred(Some(b"*/*")), Format::Text);
        assert_eq!(preferred(None), Format::Text);
        assert_eq!(preferred(Some(b"application/json")), Format::Json);
        assert_eq!(preferred(Some(b"text/html;q=0.2, application/json;q=0.75")), Format::Json);
        assert_eq!(preferred(Some(b"text/html; level=1; q=0")), Format::Text);
        assert_eq!(preferred(Some(b"text/plain, text/html")), Format::Text);
    }

    proptest! {
        #[test]
        fn never_panics(value: Vec<u8>) {
            let _ = preferred(Some(&value));
            let _ = weight(&value);
        }
    }
}
