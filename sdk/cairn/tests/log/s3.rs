//! An S3-compatible store in memory: objects of one bucket, conditional writes, and signatures
//! verified by the letter of "Signature Version 4", with an HMAC of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};

use crate::http::{Answer, Request, serve};

pub(crate) const KEY_ID: &str = "AKIDEXAMPLE";
pub(crate) const SECRET: &str = "secret/of+this=test";
pub(crate) const REGION: &str = "eu-test-1";
pub(crate) const BUCKET: &str = "bucket";

#[derive(Default)]
pub(crate) struct State {
    pub(crate) objects: BTreeMap<String, Vec<u8>>,
    /// Content type and caching of what was written.
    pub(crate) headers: BTreeMap<String, (String, String)>,
    /// So many writes succeed; then all requests fail. `None` for no such limit.
    pub(crate) writes_left: Option<usize>,
    /// A condition that this store knows nothing of.
    pub(crate) ignored: Option<&'static str>,
    /// So many requests are answered that the server is busy.
    pub(crate) busy: usize,
    /// What another writer puts there just before the next write to a key that ends so.
    pub(crate) intruder: Option<(&'static str, BTreeMap<String, Vec<u8>>)>,
    /// Requests whose signature did not verify.
    pub(crate) refused: usize,
}

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let url = serve(move |request| answer(&mut shared.lock().unwrap(), &request));
        Self { url, state }
    }

    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.state.lock().unwrap().objects.clone()
    }
}

fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", &hex(&Sha256::digest(bytes))[..32])
}

fn answer(state: &mut State, request: &Request) -> Answer {
    let fail = |status, code: &str| {
        (status, String::new(), format!("<Error><Code>{code}</Code></Error>").into_bytes())
    };
    if !is_signed(request) {
        state.refused += 1;
        return fail(403, "SignatureDoesNotMatch");
    }
    if state.busy > 0 {
        state.busy -= 1;
        return fail(503, "SlowDown");
    }
    if state.writes_left == Some(0) {
        // Not 500, which would be tried again.
        return fail(507, "InsufficientStorage");
    }
    let Some(key) = request.path.strip_prefix(&format!("/{BUCKET}/")) else {
        return fail(404, "NoSuchBucket");
    };
    let comes = |(end, _): &mut (&str, _)| request.method == "PUT" && key.ends_with(*end);
    if let Some((_, objects)) = state.intruder.take_if(comes) {
        state.objects.extend(objects);
    }
    let now = state.objects.get(key);
    match request.method.as_str() {
        "GET" => match now {
            Some(bytes) => (200, etag(bytes), bytes.clone()),
            None => fail(404, "NoSuchKey"),
        },
        "PUT" => {
            let is_met = match (request.header("if-none-match"), request.header("if-match"), now) {
                (Some("*"), None, now) => now.is_none(),
                (None, Some(expected), Some(now)) => etag(now) == expected,
                _ => false,
            };
            let is_met = is_met || state.ignored.is_some_and(|name| request.header(name).is_some());
            if !is_met {
                return fail(412, "PreconditionFailed");
            }
            let header = |name| request.header(name).unwrap_or_default().to_owned();
            let kind = (header("content-type"), header("cache-control"));
            state.headers.insert(key.to_owned(), kind);
            state.objects.insert(key.to_owned(), request.body.clone());
            state.writes_left = state.writes_left.map(|left| left - 1);
            (200, etag(&request.body), Vec::new())
        }
        _ => fail(405, "MethodNotAllowed"),
    }
}

/// Whether the request is signed with the one secret there is.
fn is_signed(request: &Request) -> bool {
    let expect = || {
        let value = request.header("authorization")?.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let field = |name: &str| {
            value.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let time = request.header("x-amz-date")?;
        let scope = format!("{}/{REGION}/s3/aws4_request", time.get(..8)?);
        if field("Credential")? != format!("{KEY_ID}/{scope}") {
            return None;
        }
        let payload = hex(&Sha256::digest(&request.body));
        if request.header("x-amz-content-sha256")? != payload {
            return None;
        }
        let names = field("SignedHeaders")?;
        // All that decides what the request does has to be signed.
        let signed: Vec<_> = names.split(';').collect();
        for name in ["host", "x-amz-date", "x-amz-content-sha256", "if-match", "if-none-match"] {
            if request.header(name).is_some() && !signed.contains(&name) {
                return None;
            }
        }
        let mut canonical = format!("{}\n{}\n\n", request.method, request.path);
        for name in &signed {
            canonical += &format!("{name}:{}\n", request.header(name)?);
        }
        canonical += &format!("\n{names}\n{payload}");
        let hash = hex(&Sha256::digest(canonical));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
        let mut key = format!("AWS4{SECRET}").into_bytes();
        for part in [time.get(..8)?, REGION, "s3", "aws4_request"] {
            key = hmac(&key, part.as_bytes());
        }
        Some(field("Signature")? == hex(&hmac(&key, to_sign.as_bytes())))
    };
    expect() == Some(true)
}

/// RFC 2104, for keys that are no longer than a block.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::digest([&block.map(|byte| byte ^ 0x36)[..], text].concat());
    Sha256::digest([&block.map(|byte| byte ^ 0x5c)[..], &inner].concat()).to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
