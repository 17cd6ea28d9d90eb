//! Where a replay may begin, and what stands at the pin.

use super::pin::{Commitment, Pin, is_hybrid};
use crate::nexus::address::Kind;
use crate::nexus::error::{At, Reason};
use crate::nexus::operation::Operation;
use crate::nexus::transaction::Transaction;

/// Checks that a replay may begin with `transaction`: the chain's first, which is proven once the pin
/// is met, or the one that the pin authenticates.
pub(super) fn check_start(pin: &Pin, transaction: &Transaction<'_>) -> Result<(), At> {
    if [0, pin.authenticated()].contains(&transaction.sequence) {
        Ok(())
    } else {
        Err((transaction.offsets.sequence, Reason::Start))
    }
}

/// Checks `transaction` against the pin, if it stands there.
pub(super) fn check_pin(pin: &Pin, transaction: &Transaction<'_>) -> Result<(), At> {
    let offsets = &transaction.offsets;
    let is_at_pin = transaction.sequence == pin.sequence();
    let is_authenticated = transaction.sequence == pin.authenticated();
    let (is_pinned, offset) = match pin.commitment() {
        Commitment::Transaction(id) => (!is_at_pin || transaction.id == id, offsets.sequence),
        Commitment::NextKey(key) if is_at_pin => (transaction.next == key, offsets.next),
        // Not the recovery key: what came before could be of anybody's making.
        Commitment::NextKey(key) => {
            (!is_authenticated || transaction.key_hash() == key, offsets.public_key)
        }
    };
    if is_pinned { Ok(()) } else { Err((offset, Reason::NotPinned)) }
}

/// Checks what the first transaction of a chain does. Its proof of work is not checked: it keeps the
/// network from being flooded, and a pin says more.
pub(super) fn check_first(transaction: &Transaction<'_>) -> Result<(), At> {
    if is_hybrid(&transaction.genesis) {
        return Ok(());
    }
    let (mut names, mut trusts, mut accounts, mut cryptos) = (0, 0, 0, 0);
    let refuse = |offset| Err((offset, Reason::FirstContracts));
    for contract in transaction.contracts() {
        let Operation::Create { address, .. } = contract.operation()? else {
            return refuse(contract.operations_offset);
        };
        let (count, max) = match address.kind() {
            Some(Kind::Name) => (&mut names, 2),
            Some(Kind::Trust) => (&mut trusts, 1),
            Some(Kind::Account) => (&mut accounts, 1),
            Some(Kind::Crypto) => (&mut cryptos, 1),
            _ => return refuse(contract.operations_offset),
        };
        *count += 1;
        if *count > max {
            return refuse(contract.operations_offset);
        }
    }
    Ok(())
}
