//! What `cairn chain` prints.

use std::fmt;

use ledger_verify::Digest;
use ledger_verify::chain::{Event, Kind, Proven};
use ledger_verify::registers::{Policy, Release, Value, WriteValue};
use serde::Serialize;

use super::ChainFolder;
use crate::Error;

/// The chain's position after a command.
#[derive(Serialize)]
pub(super) struct Made {
    done: &'static str,
    id: String,
    sequence: u64,
    digest: String,
}

impl Made {
    pub(super) fn of(folder: &ChainFolder, done: &'static str) -> Result<Self, Error> {
        let position = folder.proven()?.anchor();
        let (id, digest) = (position.chain.to_string(), position.digest.to_string());
        Ok(Self { done, id, sequence: position.sequence, digest })
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chain {}: {}\nevent {}  {}", self.id, self.done, self.sequence, self.digest)
    }
}

/// A whole chain.
#[derive(Serialize)]
pub(super) struct Overview {
    id: String,
    events: Vec<EventLine>,
    registers: Vec<RegisterLine>,
}

#[derive(Serialize)]
struct EventLine {
    sequence: u64,
    time_s: u64,
    kind: &'static str,
    /// The weakest of the keys that sign it.
    algorithm: String,
    digest: String,
    /// Commitment to the recovery key.
    recovery: Option<String>,
    writes: Vec<RegisterLine>,
}

/// A register's value, or a write to it.
#[derive(Default, Serialize)]
pub(super) struct RegisterLine {
    name: String,
    kind: &'static str,
    /// Generation, version, number of items, or weakest algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// What a release needs, if it needs anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<String>,
    /// How many seconds old the last event may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_max_s: Option<u64>,
}

impl Overview {
    pub(super) fn of(folder: &ChainFolder) -> Result<Self, Error> {
        let proven = folder.proven()?;
        let events = folder.parsed()?.iter().map(EventLine::of).collect();
        let id = proven.anchor().chain.to_string();
        Ok(Self { id, events, registers: RegisterLine::all(&proven) })
    }
}

impl RegisterLine {
    /// All registers of a chain.
    pub(super) fn all(proven: &Proven<'_>) -> Vec<Self> {
        let registers = proven.registers().iter().map(|(name, value)| match value {
            Value::Release(release) => Self::release(name, release),
            Value::Pointer { root, generation } => {
                Self::of(name, "pointer", Some(generation.to_string()), Some(*root))
            }
            Value::List { count, digest } => {
                Self::of(name, "list", Some(count.to_string()), Some(*digest))
            }
            Value::Policy(policy) => Self::policy(name, policy),
        });
        registers.collect()
    }

    fn written(name: &str, value: &WriteValue) -> Self {
        match value {
            WriteValue::Release(release) => Self::release(name, release),
            WriteValue::Pointer { root, generation } => {
                Self::of(name, "pointer", Some(generation.to_string()), Some(*root))
            }
            WriteValue::Append(item) => Self::of(name, "item", None, Some(*item)),
            WriteValue::Policy(policy) => Self::policy(name, policy),
        }
    }

    fn of(name: &str, kind: &'static str, version: Option<String>, digest: Option<Digest>) -> Self {
        let digest = digest.map(|digest| digest.to_string());
        Self { name: name.to_owned(), kind, version, digest, ..Self::default() }
    }

    fn release(name: &str, release: &Release) -> Self {
        let needed = (release.capabilities != 0).then(|| format!("{:#x}", release.capabilities));
        let version = Some(release.version.to_string());
        let line = Self::of(name, "release", version, Some(release.digest));
        Self { capabilities: needed, ..line }
    }

    fn policy(name: &str, policy: &Policy) -> Self {
        let line = Self::of(name, "policy", Some(policy.weakest.to_string()), None);
        Self { age_max_s: Some(policy.age_max_s), ..line }
    }
}

impl EventLine {
    fn of(event: &Event<'_>) -> Self {
        let kind = match event.kind {
            Kind::Ordinary => "ordinary",
            Kind::Recovery => "recovery",
            Kind::Revocation => "revocation",
        };
        let writes = event.writes.clone();
        Self {
            sequence: event.sequence,
            time_s: event.time_s,
            kind,
            algorithm: event.keys.weakest.to_string(),
            digest: event.digest.to_string(),
            recovery: event.recovery.map(|commitment| commitment.to_string()),
            writes: writes
                .map(|write| RegisterLine::written(write.name.as_str(), &write.value))
                .collect(),
        }
    }
}

impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "chain {}", self.id)?;
        for event in &self.events {
            let EventLine { sequence, time_s, kind, algorithm, digest, .. } = event;
            writeln!(f, "event {sequence}  {}  {kind}  {algorithm}  {digest}", utc(*time_s))?;
            for write in &event.writes {
                writeln!(f, "    {write}")?;
            }
        }
        let recovery = self.events.last().and_then(|event| event.recovery.as_deref());
        writeln!(f, "recovery key: {}", recovery.unwrap_or("none"))?;
        write!(f, "registers: {}", self.registers.len())?;
        self.registers.iter().try_for_each(|register| write!(f, "\n    {register}"))
    }
}

impl fmt::Display for RegisterLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, version, digest, capabilities, age_max_s } = self;
        write!(f, "{kind} {name}")?;
        [version, digest].into_iter().flatten().try_for_each(|part| write!(f, "  {part}"))?;
        if let Some(bits) = capabilities {
            write!(f, "  needs {bits}")?;
        }
        match age_max_s {
            None | Some(0) => Ok(()),
            Some(seconds) => write!(f, "  at most {seconds} s old"),
        }
    }
}

/// Seconds since 1970 as a date and time of day, in UTC.
pub(crate) fn utc(time_s: u64) -> String {
    let (days, second) = (time_s / 86_400, time_s % 86_400);
    // Counted from 1 March 0000 in eras of 400 years: leap days then come last in their year, and a
    // month's first day is a linear function of its number.
    let since_march_0 = days + 719_468;
    let (era, day_of_era) = (since_march_0 / 146_097, since_march_0 % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn dates_are_right_around_leap_days() {
        for (time_s, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(time_s), date);
        }
        let _no_overflow = utc(u64::MAX);
    }
}
