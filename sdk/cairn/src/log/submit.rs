//! The log's side of c2sp.org/tlog-witness: requests for cosignatures.

use ledger_verify::write::log::Tree;
use ureq::http::Method;

use super::REQUEST_BYTES_MAX;
use super::folder::{LogFolder, head};
use super::policy::{Policy, Witness};
use super::publish::unreadable;
use super::request::Request;
use super::signatures::{Cosigned, without_cosignatures};
use super::store::Http;
use crate::Error;

/// The request to cosign the log's last checkpoint, for a witness that has cosigned `old_size` entries.
pub(super) fn request(folder: &LogFolder, old_size: u64) -> Result<String, Error> {
    let (note, store) = (without_cosignatures(folder)?, folder.store()?);
    let size = head(&note)?.size;
    if old_size > size {
        let message = format!(
            "the log has {size} entries; who has cosigned {old_size} knows more than its folder: is \
             that an old copy?"
        );
        return Err(Error::Usage(message));
    }
    let mut tree = Tree::new(size, |path: &str| store.get(path));
    // No proof starts from an empty tree.
    let proof = tree.consistency(old_size).map_err(unreadable)?.unwrap_or_default();
    Ok(Request { old_size, proof, note: &note }.to_body())
}

/// Asks every witness of the policy that has a URL to cosign the log's last checkpoint. Answers who did
/// not, and why.
pub(super) fn submit(
    folder: &LogFolder,
    policy: &Policy,
    cosigned: &mut Cosigned<'_>,
) -> Result<Vec<String>, Error> {
    let http = Http::new()?;
    let mut failed = Vec::new();
    for witness in &policy.witnesses {
        let Some(url) = &witness.url else { continue };
        let names = ask(&http, folder, witness, url).and_then(|lines| cosigned.add(&lines));
        match names {
            Ok(names) if names.is_empty() => {
                failed.push(format!("{}: answered no cosignature of its own", witness.key.name()));
            }
            Ok(_) => {}
            Err(error) => failed.push(format!("{}: {error}", witness.key.name())),
        }
    }
    Ok(failed)
}

/// The signature lines that a witness answers. It says itself what it has cosigned before.
fn ask(http: &Http, folder: &LogFolder, witness: &Witness, url: &str) -> Result<String, Error> {
    let url = format!("{url}/add-checkpoint");
    let send = |old_size| -> Result<_, Error> {
        http.send(Method::POST, &url, &[], request(folder, old_size)?.as_bytes())
    };
    let mut answer = send(0)?;
    if answer.status == 409 {
        let size = std::str::from_utf8(&answer.body).ok();
        let size = size.and_then(|size| size.trim_end().parse().ok()).ok_or_else(|| {
            Error::Refused(format!("{}: does not say what it cosigned", witness.key.name()))
        })?;
        answer = send(size)?;
    }
    if answer.status != 200 {
        return Err(answer.unexpected(&url));
    }
    if answer.body.len() as u64 > REQUEST_BYTES_MAX {
        return Err(Error::Refused(format!("{url}: answered too much")));
    }
    String::from_utf8(answer.body).map_err(|_| Error::Refused(format!("{url}: answered no text")))
}
