//! Where a replay may begin, and what stands at the pin.

use super::pin::{Commitment, is_hybrid};
use super::{Chain, Refused};
use crate::nexus::address::Kind;
use crate::nexus::error::Reason;
use crate::nexus::operation::Operation;
use crate::nexus::transaction::Transaction;

impl<const N: usize> Chain<N> {
    /// Checks that a replay may begin with `transaction`: the chain's first, which is proven once the
    /// pin is met, or the one that the pin authenticates.
    pub(super) fn check_start(&mut self, transaction: &Transaction<'_>) -> Result<(), Refused> {
        let may_begin = [0, self.pin.authenticated()].contains(&transaction.sequence);
        self.demand(may_begin, transaction.offsets.sequence(), Reason::Start)
    }

    /// Checks `transaction` against the pin, if it stands there.
    pub(super) fn check_pin(&mut self, transaction: &Transaction<'_>) -> Result<(), Refused> {
        let offsets = &transaction.offsets;
        let is_at_pin = transaction.sequence == self.pin.sequence();
        let is_authenticated = transaction.sequence == self.pin.authenticated();
        let (is_pinned, offset) = match &self.pin.commitment {
            Commitment::Transaction(id) => {
                (!is_at_pin || transaction.id == *id, offsets.sequence())
            }
            Commitment::NextKey(key) if is_at_pin => (transaction.next == *key, offsets.next()),
            // Not the recovery key: what came before could be of anybody's making.
            Commitment::NextKey(key) => {
                (!is_authenticated || transaction.key_hash() == *key, offsets.public_key())
            }
        };
        self.demand(is_pinned, offset, Reason::NotPinned)
    }

    /// Checks what the first transaction of a chain does. Its proof of work is not checked: it keeps the
    /// network from being flooded, and a pin says more.
    pub(super) fn check_first(&mut self, transaction: &Transaction<'_>) -> Result<(), Refused> {
        if transaction.sequence != 0 || is_hybrid(&transaction.genesis) {
            return Ok(());
        }
        // What may still be created.
        let (mut names, mut trusts, mut accounts, mut cryptos) = (2, 1, 1, 1_u8);
        for contract in transaction.contracts() {
            let operation = Operation::read(&contract, &mut contract.reader());
            let kind = match operation {
                Operation::Create { address, .. } => address.kind(),
                _ => None,
            };
            let left = match kind {
                Some(Kind::Name) => &mut names,
                Some(Kind::Trust) => &mut trusts,
                Some(Kind::Account) => &mut accounts,
                Some(Kind::Crypto) => &mut cryptos,
                _ => &mut 0,
            };
            self.demand(*left != 0, contract.operations_offset, Reason::FirstContracts)?;
            *left -= 1;
        }
        Ok(())
    }
}
