//! What each client may do.

use protocols::crypto::Op;

/// The operations that a client may ask for, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy(u16);

impl Policy {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Random bytes and public computations.
    pub const PUBLIC: Self = Self::NONE.with(Op::Random).with(Op::Hash).with(Op::Verify);
    /// Everything.
    pub const ALL: Self = Self::PUBLIC
        .with(Op::Generate)
        .with(Op::PublicKey)
        .with(Op::Sign)
        .with(Op::Agree)
        .with(Op::Encapsulate)
        .with(Op::Decapsulate)
        .with(Op::Forget);

    /// The same set and `op`.
    #[must_use]
    pub const fn with(self, op: Op) -> Self {
        Self(self.0 | 1 << op.code())
    }

    /// Is `op` in the set?
    #[must_use]
    pub const fn allows(self, op: Op) -> bool {
        self.0 & 1 << op.code() != 0
    }

    /// The policy of the client with this name. A PD that faces the wire gets no keys, one that has no
    /// line here gets nothing.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "net" | "gateway" => Self::PUBLIC,
            _ => Self::NONE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_faces_the_wire_has_no_keys() {
        for name in ["net", "gateway"] {
            assert!(Policy::of(name).allows(Op::Random));
            assert!(!Policy::of(name).allows(Op::Generate));
            assert!(!Policy::of(name).allows(Op::Sign));
        }
    }

    #[test]
    fn a_stranger_may_do_nothing() {
        assert_eq!(Policy::of("stranger"), Policy::NONE);
    }

    #[test]
    fn none_allows_nothing() {
        assert!((0..16).filter_map(Op::from_code).all(|op| !Policy::NONE.allows(op)));
        assert!((0..16).filter_map(Op::from_code).all(|op| Policy::ALL.allows(op)));
    }
}
