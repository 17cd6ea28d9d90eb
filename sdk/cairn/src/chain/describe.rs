//! What `cairn chain` prints.

use std::fmt;

use ledger_verify::chain::{Event, Kind, Proven, Reason, split};
use ledger_verify::registers::{Value, WriteValue};
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
    digest: String,
    writes: Vec<RegisterLine>,
}

/// A register's value, or a write to it.
#[derive(Serialize)]
pub(super) struct RegisterLine {
    name: String,
    kind: &'static str,
    /// Generation, version, number of items, or weakest algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

impl Overview {
    pub(super) fn of(folder: &ChainFolder) -> Result<Self, Error> {
        let proven = folder.proven()?;
        let mut events = Vec::new();
        let mut rest = folder.events();
        while !rest.is_empty() {
            let refused = |(_, reason): (_, Reason)| Error::Refused(reason.to_string());
            let (parts, after) = split(rest).map_err(refused)?;
            events.push(EventLine::of(&Event::parse(parts.body).map_err(refused)?));
            rest = after;
        }
        let id = proven.anchor().chain.to_string();
        Ok(Self { id, events, registers: RegisterLine::all(&proven) })
    }
}

impl RegisterLine {
    /// All registers of a chain.
    pub(super) fn all(proven: &Proven<'_>) -> Vec<Self> {
        let registers = proven.registers().iter().map(|(name, value)| {
            let (kind, version, digest) = match value {
                Value::Release(release) => {
                    ("release", release.version.to_string(), Some(release.digest))
                }
                Value::Pointer { root, generation } => {
                    ("pointer", generation.to_string(), Some(*root))
                }
                Value::List { count, digest } => ("list", count.to_string(), Some(*digest)),
                Value::Policy(policy) => ("policy", policy.weakest.to_string(), None),
            };
            let digest = digest.map(|digest| digest.to_string());
            RegisterLine { name: name.to_owned(), kind, version: Some(version), digest }
        });
        registers.collect()
    }
}

impl EventLine {
    fn of(event: &Event<'_>) -> Self {
        let kind = match event.kind {
            Kind::Ordinary => "ordinary",
            Kind::Recovery => "recovery",
            Kind::Revocation => "revocation",
        };
        let writes = event.writes.clone().map(|write| {
            let (kind, version, digest) = match write.value {
                WriteValue::Release(release) => {
                    ("release", Some(release.version.to_string()), Some(release.digest))
                }
                WriteValue::Pointer { root, generation } => {
                    ("pointer", Some(generation.to_string()), Some(root))
                }
                WriteValue::Append(item) => ("item", None, Some(item)),
                WriteValue::Policy(policy) => ("policy", Some(policy.weakest.to_string()), None),
            };
            let digest = digest.map(|digest| digest.to_string());
            RegisterLine { name: write.name.to_string(), kind, version, digest }
        });
        let (sequence, time_s) = (event.sequence, event.time_s);
        Self { sequence, time_s, kind, digest: event.digest.to_string(), writes: writes.collect() }
    }
}

impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "chain {}", self.id)?;
        for event in &self.events {
            let EventLine { sequence, time_s, kind, digest, writes } = event;
            writeln!(f, "event {sequence}  {}  {kind}  {digest}", utc(*time_s))?;
            for write in writes {
                writeln!(f, "    {write}")?;
            }
        }
        write!(f, "registers: {}", self.registers.len())?;
        self.registers.iter().try_for_each(|register| write!(f, "\n    {register}"))
    }
}

impl fmt::Display for RegisterLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, version, digest } = self;
        write!(f, "{kind} {name}")?;
        [version, digest].into_iter().flatten().try_for_each(|part| write!(f, "  {part}"))
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
