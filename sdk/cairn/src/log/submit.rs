//! The log's side of c2sp.org/tlog-witness: requests for cosignatures, and what becomes of them.

use std::path::Path;

use ledger_verify::write::log::Tree;
use ureq::http::Method;

use super::REQUEST_BYTES_MAX;
use super::describe::Submitted;
use super::folder::{LogFolder, head};
use super::policy::{Policy, Witness};
use super::publish::{publish, unreadable};
use super::request::Request;
use super::signatures::{Gathered, without_cosignatures};
use super::store::Http;
use crate::{Error, Output};

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

/// Asks every witness of the policy that has a URL to cosign the log's last checkpoint, and publishes it if
/// it has enough cosignatures then.
pub(super) fn submit(folder: &LogFolder, policy: &Policy, output: &Output) -> Result<(), Error> {
    let mut gathered = Gathered::open(folder, policy)?;
    let http = Http::new()?;
    let mut failed = Vec::new();
    for witness in &policy.witnesses {
        let Some(url) = &witness.url else { continue };
        let name = witness.key.name();
        let lines = match ask(&http, folder, witness, url) {
            Ok(lines) => lines,
            Err(error) => {
                failed.push(format!("{name}: {error}"));
                continue;
            }
        };
        match gathered.add(&lines) {
            Ok(names) if names.is_empty() => {
                failed.push(format!("{name}: answered no cosignature of its own"));
            }
            Ok(_) => {}
            Err(Error::Refused(what)) => failed.push(format!("{name}: {what}")),
            Err(error) => return Err(error),
        }
    }
    publish_gathered(&gathered, failed, output)
}

/// Adds cosignatures that came in files to the log's last checkpoint, and publishes it if it has enough.
pub(super) fn attach(
    folder: &LogFolder,
    policy: &Policy,
    files: &[(&Path, String)],
    output: &Output,
) -> Result<(), Error> {
    let mut gathered = Gathered::open(folder, policy)?;
    for (path, lines) in files {
        let refused = |what: &str| Error::Refused(format!("{}: {what}", path.display()));
        match gathered.add(lines) {
            Ok(names) if names.is_empty() => {
                return Err(refused("no cosignature by a witness of the policy"));
            }
            Ok(_) => {}
            Err(Error::Refused(what)) => return Err(refused(&what)),
            Err(error) => return Err(error),
        }
    }
    publish_gathered(&gathered, Vec::new(), output)
}

/// Publishes the last checkpoint if as many witnesses have cosigned it as the policy wants, and says who has
/// and who `failed`.
fn publish_gathered(
    gathered: &Gathered<'_>,
    failed: Vec<String>,
    output: &Output,
) -> Result<(), Error> {
    let Gathered { folder, policy, .. } = gathered;
    let submitted = Submitted { cosigned: gathered.names()?, failed, wanted: policy.wanted };
    if submitted.is_enough() {
        publish(folder, &folder.store()?)?;
    }
    output.answer(&submitted)?;
    submitted.into_result()
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
