//! The body of tlog-witness's `add-checkpoint`: what a log sends to a witness.

use ledger_verify::Digest;
use ledger_verify::log::checkpoint::Checkpoint;
use ledger_verify::write::log::hash_lines;

/// A proof from a tree of 2^64 entries has no more hashes.
const PROOF_LINES_MAX: usize = 63;

/// A request, taken apart; nothing it says is proven.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request<'a> {
    /// Size of the tree that the witness is to have cosigned last.
    pub(super) old_size: u64,
    pub(super) proof: Vec<Digest>,
    pub(super) note: &'a str,
}

impl<'a> Request<'a> {
    /// Reads a request; `None` for what is none.
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let body = std::str::from_utf8(body).ok()?;
        let (head, note) = body.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old = lines.next()?.strip_prefix("old ")?;
        let canonical = old == "0" || !old.starts_with('0');
        let old_size = if canonical && old.bytes().all(|byte| byte.is_ascii_digit()) {
            old.parse().ok()?
        } else {
            return None;
        };
        let proof = lines.map(hash).collect::<Option<Vec<_>>>()?;
        (proof.len() <= PROOF_LINES_MAX).then_some(Self { old_size, proof, note })
    }

    /// The request as it is sent.
    pub(super) fn to_body(&self) -> String {
        format!("old {}\n{}\n{}", self.old_size, hash_lines(&self.proof), self.note)
    }
}

/// A hash in base64, read as strictly as that in a checkpoint.
fn hash(line: &str) -> Option<Digest> {
    if line.contains('\n') {
        return None;
    }
    Checkpoint::parse(&format!("-\n1\n{line}\n")).ok().map(|checkpoint| checkpoint.root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_strictly() {
        let hash = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        let good = format!("old 5\n{hash}\n{hash}\n\nnote\n\nsignatures\n");
        let request = Request::parse(good.as_bytes()).unwrap();
        assert_eq!((request.old_size, request.proof.len()), (5, 2));
        assert_eq!(request.note, "note\n\nsignatures\n");
        assert_eq!(request.to_body(), good);
        let first = Request::parse(b"old 0\n\nnote\n").unwrap();
        assert_eq!((first.old_size, first.proof.len()), (0, 0));
        for bad in ["", "\n\n", "old 5", "old\n\n", "old 05\n\n", "old +5\n\n", "old -1\n\n"] {
            assert_eq!(Request::parse(bad.as_bytes()), None, "{bad}");
        }
        for bad in [&hash[1..], "", &format!("{hash} "), "extension"] {
            let body = format!("old 5\n{bad}\n{hash}\n\nnote\n");
            let is_cut = bad.is_empty();
            assert_eq!(Request::parse(body.as_bytes()).is_some(), is_cut, "{bad}");
        }
        let lines = |count| format!("old 5\n{}\nnote\n", format!("{hash}\n").repeat(count));
        assert!(Request::parse(lines(63).as_bytes()).is_some());
        assert!(Request::parse(lines(64).as_bytes()).is_none());
        assert!(Request::parse(b"old 18446744073709551616\n\nnote\n").is_none());
        assert!(Request::parse(b"old 1\n\xff\n\nnote\n").is_none());
    }
}
