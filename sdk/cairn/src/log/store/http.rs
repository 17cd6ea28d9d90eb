//! Requests to web servers, with the system's trusted certificates.

use std::sync::Arc;
use std::time::Duration;

use ureq::http::{Method, Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::{FILE_BYTES_MAX, io};
use crate::Error;

/// From the first byte of a request to the last one of its answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often a request is made that the server is too busy for, and the first pause between.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);

/// A client, which keeps connections open.
pub(in crate::log) struct Http {
    agent: Agent,
}

/// Status, ETag and body of an answer.
pub(in crate::log) struct Answer {
    pub(in crate::log) status: u16,
    pub(in crate::log) etag: String,
    pub(in crate::log) body: Vec<u8>,
}

/// Name and value of a header.
pub(in crate::log) type Header<'a> = (&'a str, String);

impl Http {
    pub(in crate::log) fn new() -> Result<Self, Error> {
        let loaded = rustls_native_certs::load_native_certs();
        let certificates: Vec<_> =
            loaded.certs.iter().map(|der| Certificate::from_der(der.as_ref()).to_owned()).collect();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&certificates))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            // A redirected request would need another signature, and a witness or store has no reason.
            .max_redirects(0)
            .user_agent(concat!("cairn/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.into() })
    }

    /// The file at a URL and its ETag, if there is one.
    pub(in crate::log) fn get(
        &self,
        url: &str,
        headers: &[Header<'_>],
    ) -> Result<Option<(Vec<u8>, String)>, Error> {
        let answer = self.send(Method::GET, url, headers, &[])?;
        match answer.status {
            200 => Ok(Some((answer.body, answer.etag))),
            404 => Ok(None),
            _ => Err(answer.unexpected(url)),
        }
    }

    /// Makes a request, a few times if the server says that it is too busy.
    pub(in crate::log) fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[Header<'_>],
        body: &[u8],
    ) -> Result<Answer, Error> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let answer = self.send_once(method.clone(), url, headers, body)?;
            if attempt == ATTEMPTS || !matches!(answer.status, 429 | 500 | 502..=504) {
                return Ok(answer);
            }
            std::thread::sleep(pause);
            pause *= 2;
        }
        Err(io(url, "no attempt"))
    }

    fn send_once(
        &self,
        method: Method,
        url: &str,
        headers: &[Header<'_>],
        body: &[u8],
    ) -> Result<Answer, Error> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let result = if body.is_empty() {
            request.body(()).map(|request| self.agent.run(request))
        } else {
            request.body(body).map(|request| self.agent.run(request))
        };
        let response = result.map_err(|error| io(url, error))?.map_err(|error| io(url, error))?;
        read(response).map_err(|error| io(url, error))
    }
}

fn read(mut response: Response<Body>) -> Result<Answer, ureq::Error> {
    let etag = response.headers().get("etag").and_then(|etag| etag.to_str().ok());
    let (status, etag) = (response.status().as_u16(), etag.unwrap_or_default().to_owned());
    let body = response.body_mut().with_config().limit(FILE_BYTES_MAX).read_to_vec()?;
    Ok(Answer { status, etag, body })
}

impl Answer {
    /// The error for a status that nobody asked for, with the start of what the server says to it.
    pub(in crate::log) fn unexpected(&self, url: &str) -> Error {
        // Whoever answers is a stranger: no control characters, which a terminal obeys.
        let text = String::from_utf8_lossy(&self.body);
        let text: String =
            text.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect();
        io(url, format!("status {}: {}", self.status, text.trim()))
    }
}
