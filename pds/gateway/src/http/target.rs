//! Request targets (RFC 9112, section 3.2) and what this server has under which path.

/// The form of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For browsers.
    Html,
    /// For programs.
    Json,
    /// For people at a terminal.
    Text,
}

/// What a request target names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource<'b> {
    /// The volume's table, in the form that the query asks for.
    Listing(Option<Format>),
    /// The object whose path is percent-encoded here.
    Object(&'b str),
    /// The state of the system, for programs and the status page.
    Status,
    /// The same for Prometheus.
    Metrics,
    /// Nothing that exists.
    Unknown,
}

impl<'b> Resource<'b> {
    /// The resource of a target in origin form or absolute form.
    pub(crate) fn of(target: &'b str) -> Self {
        let (path, query) = match split(origin(target), '?') {
            (path, Some(query)) => (path, query),
            (path, None) => (path, ""),
        };
        match path {
            "/" => Self::Listing(format_in(query)),
            "/status" => Self::Status,
            "/metrics" => Self::Metrics,
            // The status page is made of objects like any other.
            "/ui" | "/ui/" => Self::Object("ui/index.html"),
            _ if path.starts_with("/ui/") => Self::Object(path.get(1..).unwrap_or_default()),
            _ => path.strip_prefix("/o/").map_or(Self::Unknown, Self::Object),
        }
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// The target without scheme and authority (RFC 9112, section 3.2.2: servers must accept them).
fn origin(target: &str) -> &str {
    let Some(rest) = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")) else {
        return target;
    };
    let authority = target.get(rest.len()..).unwrap_or_default();
    authority.find('/').and_then(|at| authority.get(at..)).unwrap_or("/")
}

fn format_in(query: &str) -> Option<Format> {
    query.split('&').filter_map(|pair| pair.strip_prefix("format=")).find_map(|name| match name {
        "html" => Some(Format::Html),
        "json" => Some(Format::Json),
        "text" => Some(Format::Text),
        _ => None,
    })
}

/// Why a path cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// `%` without two hexadecimal digits.
    Malformed,
    /// Longer than the room for it.
    TooLong,
}

/// Percent-decodes a path into the front of `into`.
pub(crate) fn decode<'d>(path: &str, into: &'d mut [u8]) -> Result<&'d [u8], DecodeError> {
    let mut len = 0;
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let (byte, after) = match first {
            b'%' => {
                let (pair, after) = after.split_first_chunk().ok_or(DecodeError::Malformed)?;
                (hex_pair(*pair).ok_or(DecodeError::Malformed)?, after)
            }
            _ => (first, after),
        };
        *into.get_mut(len).ok_or(DecodeError::TooLong)? = byte;
        len += 1;
        rest = after;
    }
    Ok(into.get(..len).unwrap_or_default())
}

fn hex_pair(pair: [u8; 2]) -> Option<u8> {
    let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;
    use proptest::prelude::*;
    use std::string::String;
    use std::vec;

    #[test]
    fn knows_its_resources() {
        for (target, resource) in [
            ("/", Resource::Listing(None)),
            ("/?format=json", Resource::Listing(Some(Format::Json))),
            ("/?a=b&format=html", Resource::Listing(Some(Format::Html))),
            ("/?format=x", Resource::Listing(None)),
            ("/status", Resource::Status),
            ("/status?x", Resource::Status),
            ("/metrics", Resource::Metrics),
            ("/ui", Resource::Object("ui/index.html")),
            ("/ui/", Resource::Object("ui/index.html")),
            ("/ui/app.js?v", Resource::Object("ui/app.js")),
            ("/uix", Resource::Unknown),
            ("/o/a/b?c", Resource::Object("a/b")),
            ("/o/", Resource::Object("")),
            ("http://cairn:8080/o/a", Resource::Object("a")),
            ("HTTP://cairn", Resource::Listing(None)),
            ("/o", Resource::Unknown),
            ("/statusx", Resource::Unknown),
            ("*", Resource::Unknown),
            ("", Resource::Unknown),
            ("o/a", Resource::Unknown),
        ] {
            assert_eq!(Resource::of(target), resource, "{target}");
        }
    }

    #[test]
    fn refuses_malformed_and_long_paths() {
        let mut room = [0; 4];
        assert_eq!(decode("a%2Fb", &mut room), Ok(&b"a/b"[..]));
        assert_eq!(decode("%ff%00", &mut room), Ok(&b"\xff\0"[..]));
        assert_eq!(decode("abcd", &mut room), Ok(&b"abcd"[..]));
        assert_eq!(decode("abcde", &mut room), Err(DecodeError::TooLong));
        for malformed in ["%", "%1", "a%g0", "%+1", "%%20"] {
            assert_eq!(decode(malformed, &mut room), Err(DecodeError::Malformed));
        }
    }

    proptest! {
        #[test]
        fn decodes_what_is_encoded(path: String) {
            let mut encoded = vec![0; 3 * path.len()];
            let mut text = Text::new(&mut encoded);
            text.uri(&path);
            let encoded = core::str::from_utf8(text.as_bytes()).unwrap();
            let mut decoded = vec![0; path.len()];
            prop_assert_eq!(decode(encoded, &mut decoded), Ok(path.as_bytes()));
        }

        #[test]
        fn never_panics(target: String) {
            let _ = Resource::of(&target);
            let _ = decode(&target, &mut [0; 16]);
        }
    }
}
