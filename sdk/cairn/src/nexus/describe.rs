//! What `cairn nexus` prints.

use std::fmt;

use ledger_verify::nexus::chain::Proven;
use ledger_verify::nexus::hash::sk1024;
use ledger_verify::nexus::operation::Operation;
use ledger_verify::nexus::record::Record;
use ledger_verify::nexus::register::object::{Field, Object, Type};
use ledger_verify::nexus::register::{Custody, Found, Kind, Origin};
use ledger_verify::nexus::transaction::{Contract, Transaction};
use ledger_verify::nexus::{Number, Reason};
use ledger_verify::registers::Value;
use serde::Serialize;

use super::block::{HeaderLine, Inclusion, Place};
use super::input::Content;
use super::proof::Proof;
use crate::Error;
use crate::chain::utc;

/// Transactions and blocks as they say they are.
#[derive(Serialize)]
pub(super) struct Shown {
    form: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<String>,
    transactions: Vec<TransactionLine>,
    inclusions: Vec<InclusionLine>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<HeaderLine>,
}

#[derive(Serialize)]
struct TransactionLine {
    sequence: u32,
    id: String,
    genesis: String,
    version: u32,
    time_s: u64,
    key: String,
    key_hash: String,
    next: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery: Option<String>,
    signed: bool,
    contracts: Vec<ContractLine>,
}

#[derive(Serialize)]
struct ContractLine {
    operation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<RecordLine>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldLine>,
}

#[derive(Serialize)]
struct InclusionLine {
    sequence: u32,
    headers: usize,
    /// The block that it has to be believed by.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
}

#[derive(Serialize)]
struct FieldLine {
    name: String,
    mutable: bool,
    value: String,
}

/// Cairn's register in one of Nexus's.
#[derive(Serialize)]
struct RecordLine {
    name: String,
    kind: &'static str,
    version: String,
    digest: String,
}

impl Shown {
    pub(super) fn of(content: &Content) -> Result<Self, Reason> {
        let transactions = content.raws.iter().map(|raw| TransactionLine::of(raw));
        let headers = content.headers.iter().filter_map(|bytes| HeaderLine::of(bytes).ok());
        Ok(Self {
            form: content.form,
            block: content.block.map(|block| block.to_string()),
            transactions: transactions.collect::<Result<_, _>>().map_err(|(_, reason)| reason)?,
            inclusions: content.places.iter().map(InclusionLine::of).collect(),
            headers: headers.collect(),
        })
    }
}

impl InclusionLine {
    fn of(place: &Place) -> Self {
        let from = place.headers.first().map(|first| Number(sk1024(first)).to_string());
        Self { sequence: place.sequence, headers: place.headers.len(), from }
    }
}

impl TransactionLine {
    fn of(raw: &[u8]) -> Result<Self, (usize, Reason)> {
        let transaction = Transaction::parse_raw(raw)?;
        let recovery = transaction.recovery;
        Ok(Self {
            sequence: transaction.sequence,
            id: transaction.id.to_string(),
            genesis: transaction.genesis.to_string(),
            version: transaction.version,
            time_s: transaction.time_s,
            key: transaction.key_type.to_string(),
            key_hash: transaction.key_hash().to_string(),
            next: transaction.next.to_string(),
            recovery: (recovery != Number::ZERO).then(|| recovery.to_string()),
            signed: transaction.verify_signature().is_ok(),
            contracts: transaction
                .contracts()
                .map(|c| ContractLine::of(&c))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl ContractLine {
    fn of(contract: &Contract<'_>) -> Result<Self, (usize, Reason)> {
        let operation = contract.operation()?;
        let (mut recipient, mut record, mut fields) = (None, None, Vec::new());
        let address = match operation {
            Operation::Create { address, kind, data, .. } => {
                // What a record is, a register's type decides, and not its owner or times.
                record = Kind::from_number(kind).and_then(|kind| RecordLine::in_data(kind, data));
                if kind == Kind::Object as u8 {
                    fields = field_lines(data);
                }
                Some(address)
            }
            Operation::Write { address, data, change } => {
                record = RecordLine::in_data(change.before.kind, data);
                Some(address)
            }
            Operation::Append { address, .. } | Operation::Claim { address, .. } => Some(address),
            Operation::Transfer { address, recipient: to, .. } => {
                recipient = Some(to.to_string());
                Some(address)
            }
            Operation::Other(_) => None,
        };
        let address = address.map(|address| address.to_string());
        Ok(Self { operation: operation.name(), address, recipient, record, fields })
    }
}

fn field_lines(data: &[u8]) -> Vec<FieldLine> {
    let line = |field: Field<'_>| FieldLine {
        name: String::from_utf8_lossy(field.name).into_owned(),
        mutable: field.is_mutable,
        value: match field.kind {
            Type::String => String::from_utf8_lossy(field.value).into_owned(),
            Type::Bytes => hex(field.value.iter()),
            _ => field
                .number()
                .map_or_else(|| hex(field.value.iter().rev()), |number| number.to_string()),
        },
    };
    Object::parse(data).map_or_else(|_| Vec::new(), |object| object.fields().map(line).collect())
}

fn hex<'a>(bytes: impl Iterator<Item = &'a u8>) -> String {
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

impl RecordLine {
    fn in_data(kind: Kind, data: &[u8]) -> Option<Self> {
        use ledger_verify::nexus::register::State;
        let state = State { kind, owner: Number::ZERO, created_s: 0, modified_s: 0, data };
        Record::of(&state).map(|record| Self::of(&record))
    }

    fn of(record: &Record) -> Self {
        let (kind, version, digest) = match record.value {
            Value::Release(release) => ("release", release.version.to_string(), release.digest),
            Value::Pointer { root, generation } => ("pointer", generation.to_string(), root),
            Value::List { count, digest } => ("list", count.to_string(), digest),
            Value::Policy(policy) => {
                ("policy", policy.weakest.to_string(), ledger_verify::Digest::ZERO)
            }
        };
        Self { name: record.name.to_string(), kind, version, digest: digest.to_string() }
    }
}

impl fmt::Display for RecordLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, version, digest } = self;
        write!(f, "{kind} {name}  {version}  {digest}")
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (claimed, not proven)", self.form)?;
        if let Some(block) = &self.block {
            write!(f, "\nblock {block}")?;
        }
        for transaction in &self.transactions {
            write!(f, "\n{transaction}")?;
        }
        for InclusionLine { sequence, headers, from } in &self.inclusions {
            write!(f, "\ninclusion of transaction {sequence}, {headers} headers")?;
            if let Some(from) = from {
                write!(f, " from {from} down")?;
            }
        }
        self.headers.iter().try_for_each(|header| write!(f, "\n{header}"))
    }
}

impl fmt::Display for TransactionLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, id, genesis, version, time_s, key, key_hash, next, .. } = self;
        let signed = if self.signed { "signed by" } else { "NOT signed by" };
        writeln!(f, "transaction {sequence}  {}  version {version}  {id}", utc(*time_s))?;
        writeln!(f, "    of {genesis}, {signed} its {key} key")?;
        write!(f, "    key {key_hash}, next {next}")?;
        if let Some(recovery) = &self.recovery {
            write!(f, ", recovery {recovery}")?;
        }
        for ContractLine { operation, address, recipient, record, fields } in &self.contracts {
            write!(f, "\n    {operation}")?;
            for part in [address, recipient].into_iter().flatten() {
                write!(f, "  {part}")?;
            }
            if let Some(record) = record {
                write!(f, "\n        {record}")?;
            }
            for FieldLine { name, mutable, value } in fields {
                let mutable = if *mutable { " (mutable)" } else { "" };
                write!(f, "\n        {name}{mutable}: {value}")?;
            }
        }
        Ok(())
    }
}

/// What a chain proves.
#[derive(Serialize)]
pub(super) struct Verdict {
    genesis: String,
    transactions: usize,
    sequence: u32,
    id: String,
    time_s: u64,
    /// The pin to remember.
    pin: String,
    registers: Vec<RegisterLine>,
    inclusions: Vec<Inclusion>,
    /// Inclusions of which nothing is said, because no block is trusted.
    inclusions_not_judged: usize,
}

#[derive(Serialize)]
struct RegisterLine {
    address: String,
    kind: &'static str,
    bytes: usize,
    custody: &'static str,
    origin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<RecordLine>,
}

impl Verdict {
    pub(super) fn of(proof: &Proof) -> Result<Self, Error> {
        let proven = proof.proven()?;
        let head = proven.head();
        Ok(Self {
            genesis: proven.pin().genesis().to_string(),
            transactions: proof.transactions,
            sequence: head.sequence,
            id: head.id.to_string(),
            time_s: head.time_s,
            pin: proven.pin().to_string(),
            registers: registers(&proven),
            inclusions: Vec::new(),
            inclusions_not_judged: proof.places.len(),
        })
    }

    /// With the blocks that all transactions are in whose place is known.
    pub(super) fn with_inclusions(self, inclusions: Vec<Inclusion>) -> Self {
        Self { inclusions, inclusions_not_judged: 0, ..self }
    }
}

fn registers<const N: usize>(proven: &Proven<'_, N>) -> Vec<RegisterLine> {
    let line = |found: Found<'_>| RegisterLine {
        address: found.address.to_string(),
        kind: match found.state.kind {
            Kind::ReadOnly => "readonly",
            Kind::Append => "append",
            Kind::Raw => "raw",
            Kind::Object => "object",
        },
        bytes: found.state.data.len(),
        custody: match found.custody {
            Custody::Held => "held",
            Custody::Left(_) => "left",
            Custody::Arriving(_) => "arriving",
            Custody::Returned => "returned",
        },
        origin: match found.origin {
            Origin::Created => "created",
            Origin::Stated => "stated",
        },
        record: found.record.map(|record| RecordLine::of(&record)),
    };
    proven.registers().iter().map(line).collect()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { genesis, transactions, sequence, id, time_s, pin, registers, .. } = self;
        writeln!(f, "chain of {genesis}: {transactions} transactions, proven")?;
        writeln!(f, "last {sequence}  {}  {id}", utc(*time_s))?;
        writeln!(f, "pin {pin}")?;
        write!(f, "registers: {}", registers.len())?;
        for RegisterLine { address, kind, bytes, custody, origin, record } in registers {
            write!(f, "\n    {kind} {address}  {bytes} bytes, {origin}, {custody}")?;
            if let Some(record) = record {
                write!(f, "\n        {record}")?;
            }
        }
        for inclusion in &self.inclusions {
            write!(f, "\n{inclusion}")?;
        }
        match self.inclusions_not_judged {
            0 => Ok(()),
            count => write!(f, "\ninclusions: {count}, not judged without --block"),
        }
    }
}
