//! What can go wrong between a request and its proven bytes.

use protocols::Reason;
use protocols::integrity::{Completion, Status};

use crate::http::Code;

/// Which answer a failure deserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// There is no such object, and that is proven.
    NotFound,
    /// What was read does not prove.
    NotProven,
    /// The chain that vouched for it is revoked.
    Revoked,
    /// The disk or the store failed.
    Storage,
    /// `integrity` has too many objects open.
    NoRoom,
    /// `integrity` is gone, silent or broken.
    Lost,
}

/// A failure, and one line about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    /// Which.
    pub(crate) kind: Kind,
    /// What failed, for people.
    pub(crate) reason: Reason,
}

impl Failure {
    /// The failure in an answer of `integrity`; `None` when it is a good one.
    pub(crate) fn of(completion: &Completion) -> Option<Self> {
        let kind = match Status::from_code(completion.status) {
            Some(Status::Ok) => return None,
            // What no volume can hold as a path is not there, either.
            Some(Status::NotFound | Status::BadRequest) => Kind::NotFound,
            Some(Status::NotProven) => Kind::NotProven,
            Some(Status::Revoked) => Kind::Revoked,
            Some(Status::Storage) => Kind::Storage,
            Some(Status::NoRoom) => Kind::NoRoom,
            None => Kind::Lost,
        };
        Some(Self { kind, reason: completion.reason })
    }

    /// `integrity` did not answer in time: it, or somebody whom it asks.
    pub(crate) fn silence() -> Self {
        Self {
            kind: Kind::Lost,
            reason: Reason::new(
                "no proof in time: integrity, or the store or disk behind it, does not answer",
            ),
        }
    }

    /// The status code of the answer.
    pub(crate) const fn code(&self) -> Code {
        match self.kind {
            Kind::NotFound => Code::NotFound,
            Kind::NotProven => Code::BadGateway,
            Kind::Revoked => Code::Gone,
            Kind::Storage | Kind::NoRoom | Kind::Lost => Code::ServiceUnavailable,
        }
    }
}
