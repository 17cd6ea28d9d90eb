//! A log's files in an S3-compatible store: objects below a prefix of a bucket, addressed by path
//! (`https://host/bucket/key`), which all of them understand.
//!
//! Writes are conditional: tiles are made only where nothing is, the checkpoint is replaced only if it
//! is still the one that was read. A store that ignores `If-None-Match` or `If-Match` would take
//! away the protection from a second writer.

use std::env;

use ureq::http::Method;

use super::http::{Answer, Header, Http};
use super::{CHECKPOINT, Version};
use crate::Error;
use crate::chain::clock_s;
use crate::log::sigv4::{Credentials, Request, encode_path};

/// A bucket and a prefix in it.
pub(in crate::log) struct Bucket {
    http: Http,
    credentials: Credentials,
    region: String,
    /// `https://host[:port]`.
    endpoint: String,
    bucket: String,
    /// Without slashes around it.
    prefix: String,
}

impl Bucket {
    /// The bucket and prefix of `place`, and all else from the variables that AWS's own tools read.
    pub(super) fn from_environment(place: &str) -> Result<Self, Error> {
        let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let wanted = |name: &'static str| {
            variable(name).ok_or_else(|| Error::Usage(format!("s3://{place}: {name} is not set")))
        };
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() {
            return Err(Error::Usage(format!("s3://{place}: names no bucket")));
        }
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let region = region.unwrap_or_else(|| "us-east-1".into());
        let endpoint = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
        let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        match endpoint.split_once("://") {
            Some((_, host)) if !host.contains('/') => {}
            _ => return Err(Error::Usage(format!("{endpoint}: not the URL of a host alone"))),
        }
        let credentials = Credentials {
            key_id: wanted("AWS_ACCESS_KEY_ID")?,
            secret: wanted("AWS_SECRET_ACCESS_KEY")?,
            token: variable("AWS_SESSION_TOKEN"),
        };
        Ok(Self {
            http: Http::new()?,
            credentials,
            region,
            endpoint,
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
        })
    }

    pub(super) fn name(&self, path: &str) -> String {
        format!("s3://{}/{}", self.bucket, self.key(path))
    }

    fn key(&self, path: &str) -> String {
        if self.prefix.is_empty() { path.to_owned() } else { format!("{}/{path}", self.prefix) }
    }

    pub(super) fn get(&self, path: &str) -> Result<Option<(Vec<u8>, Version)>, Error> {
        let answer = self.send(Method::GET, path, Vec::new(), &[])?;
        match answer.status {
            200 => Ok(Some((answer.body, Version::ETag(answer.etag)))),
            404 => Ok(None),
            _ => Err(answer.unexpected(&self.name(path))),
        }
    }

    /// Writes an object where none is, or with `before` where that is. False if the store has something else
    /// there.
    pub(super) fn put(
        &self,
        path: &str,
        bytes: &[u8],
        before: Option<&Version>,
    ) -> Result<bool, Error> {
        let condition = match before {
            Some(Version::ETag(etag)) => ("if-match", etag.clone()),
            _ => ("if-none-match", "*".to_owned()),
        };
        let is_text = path == CHECKPOINT;
        let kind = if is_text { "text/plain; charset=utf-8" } else { "application/octet-stream" };
        let caching = if is_text { "no-cache" } else { "public, max-age=31536000, immutable" };
        let headers = vec![
            condition,
            ("content-type", kind.to_owned()),
            ("cache-control", caching.to_owned()),
        ];
        let answer = self.send(Method::PUT, path, headers, bytes)?;
        match answer.status {
            200 | 201 | 204 => Ok(true),
            // Somebody was there before, or is right now.
            409 | 412 => Ok(false),
            _ => Err(answer.unexpected(&self.name(path))),
        }
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        headers: Vec<Header<'_>>,
        body: &[u8],
    ) -> Result<Answer, Error> {
        let key = encode_path(&format!("{}/{}", self.bucket, self.key(path)));
        let url = format!("{}/{key}", self.endpoint);
        let host = self.endpoint.split_once("://").map_or("", |(_, host)| host);
        let request = Request { method: method.as_str(), host, path: &format!("/{key}"), body };
        let mut headers = request.sign(headers, &self.credentials, &self.region, clock_s());
        // What is compressed on the way has another ETag than what is stored.
        headers.push(("accept-encoding", "identity".to_owned()));
        self.http.send(method, &url, &headers, body)
    }
}
