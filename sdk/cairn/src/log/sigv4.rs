//! AWS Signature Version 4 as S3-compatible stores want it: in headers, with the payload's hash.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::store::Header;
use crate::chain::utc;
use crate::private_folder::hex;

/// Who asks.
pub(super) struct Credentials {
    pub(super) key_id: String,
    pub(super) secret: String,
    /// Of temporary credentials.
    pub(super) token: Option<String>,
}

/// What is signed of a request. None of ours has a query string.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// With the port, if the URL has one.
    pub(super) host: &'a str,
    /// As in the URL: encoded, from the first slash.
    pub(super) path: &'a str,
    pub(super) body: &'a [u8],
}

impl Request<'_> {
    /// All headers of the request, which are `headers` (names in lower case) and those that sign it.
    pub(super) fn sign<'a>(
        &self,
        mut headers: Vec<Header<'a>>,
        credentials: &Credentials,
        region: &str,
        time_s: u64,
    ) -> Vec<Header<'a>> {
        let time = utc(time_s).replace(['-', ':'], "");
        let date = time.get(..8).unwrap_or_default().to_owned();
        let payload = hex(&Sha256::digest(self.body));
        headers.push(("host", self.host.to_owned()));
        headers.push(("x-amz-content-sha256", payload.clone()));
        headers.push(("x-amz-date", time.clone()));
        if let Some(token) = &credentials.token {
            headers.push(("x-amz-security-token", token.clone()));
        }
        headers.sort();
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let canonical = format!("{}\n{}\n\n{lines}\n{names}\n{payload}", self.method, self.path);

        let scope = format!("{date}/{region}/s3/aws4_request");
        let hash = hex(&Sha256::digest(canonical));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
        let secret = format!("AWS4{}", credentials.secret);
        let key = [&date, region, "s3", "aws4_request"]
            .iter()
            .fold(secret.into_bytes(), |key, part| hmac(&key, part));
        let signature = hex(&hmac(&key, &to_sign));
        let value = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}",
            credentials.key_id
        );
        headers.push(("authorization", value));
        headers
    }
}

/// A path as it stands in URLs: all but the unreserved characters and slashes in percent signs.
pub(super) fn encode_path(path: &str) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples in AWS's documentation, "Signature Calculations for the Authorization Header".
    fn signature(request: &Request<'_>, headers: &[(&'static str, &str)]) -> String {
        let credentials = Credentials {
            key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            token: None,
        };
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        // 24 May 2013, midnight.
        let headers = request.sign(headers, &credentials, "us-east-1", 1_369_353_600);
        let (_, value) = headers.last().unwrap();
        value.rsplit_once('=').unwrap().1.to_owned()
    }

    #[test]
    fn signs_the_documentations_requests() {
        let host = "examplebucket.s3.amazonaws.com";
        let get = Request { method: "GET", host, path: "/test.txt", body: b"" };
        assert_eq!(
            signature(&get, &[("range", "bytes=0-9")]),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let path = encode_path("/test$file.text");
        let put = Request { method: "PUT", host, path: &path, body: b"Welcome to Amazon S3." };
        let headers = [
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ];
        assert_eq!(
            signature(&put, &headers),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
    }

    #[test]
    fn paths_are_encoded_byte_by_byte() {
        assert_eq!(encode_path("a b/\u{e9}$~"), "a%20b/%C3%A9%24~");
    }
}
