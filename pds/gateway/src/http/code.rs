//! Status codes (RFC 9110, section 15).

/// The codes that this server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// The whole representation.
    Ok,
    /// A range of it.
    PartialContent,
    /// The client has it already.
    NotModified,
    /// What came is not HTTP.
    BadRequest,
    /// There is no such thing here.
    NotFound,
    /// It can only be read.
    MethodNotAllowed,
    /// What vouched for it is revoked.
    Gone,
    /// The request did not come in time.
    RequestTimeout,
    /// `If-Match` names another representation.
    PreconditionFailed,
    /// The request carries more bytes than this server is willing to skip.
    ContentTooLarge,
    /// The range lies outside.
    RangeNotSatisfiable,
    /// The request line or the fields are too long.
    HeadersTooLarge,
    /// What was read does not prove.
    BadGateway,
    /// It cannot be read now.
    ServiceUnavailable,
    /// Another major version of HTTP.
    VersionNotSupported,
}

impl Code {
    /// Number and reason phrase, as in a status line.
    pub(crate) const fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::PartialContent => "206 Partial Content",
            Self::NotModified => "304 Not Modified",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::Gone => "410 Gone",
            Self::RequestTimeout => "408 Request Timeout",
            Self::PreconditionFailed => "412 Precondition Failed",
            Self::ContentTooLarge => "413 Content Too Large",
            Self::RangeNotSatisfiable => "416 Range Not Satisfiable",
            Self::HeadersTooLarge => "431 Request Header Fields Too Large",
            Self::BadGateway => "502 Bad Gateway",
            Self::ServiceUnavailable => "503 Service Unavailable",
            Self::VersionNotSupported => "505 HTTP Version Not Supported",
        }
    }

    /// Is it an error, of either side?
    pub(crate) const fn is_error(self) -> bool {
        !matches!(self, Self::Ok | Self::PartialContent | Self::NotModified)
    }
}
