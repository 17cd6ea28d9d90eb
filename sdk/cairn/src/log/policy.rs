//! Whose signatures make a checkpoint believable: c2sp.org/tlog-policy, as far as a device can hold it,
//! that is one log and k of n witnesses. Groups of groups are refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ledger_verify::log::checkpoint::{self, Trusted, WITNESSES_MAX};
use ledger_verify::log::note::{Key, KeyType, Note};

use super::keys::PublicKey;
use crate::Error;

/// A policy with keys of its own.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(super) log: PublicKey,
    pub(super) witnesses: Vec<Witness>,
    pub(super) wanted: usize,
}

/// A witness, and where it answers requests.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    pub(super) key: PublicKey,
    pub(super) url: Option<String>,
}

impl Policy {
    /// The policy of a log alone.
    pub(super) fn of_log(verifier_key: &str) -> Result<Self, Error> {
        let log = PublicKey::parse(verifier_key)?;
        Ok(Self { log, witnesses: Vec::new(), wanted: 0 })
    }

    /// Reads a policy file.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(Error::io(path))?;
        Self::parse(&text)
            .map_err(|(line, what)| Error::Refused(format!("{}:{line}: {what}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut parser = Parser::default();
        for (index, line) in text.lines().enumerate() {
            parser.line(line).map_err(|what| (index + 1, what))?;
        }
        let end = text.lines().count().max(1);
        parser.finish().map_err(|what| (end, what))
    }

    /// Verifies a checkpoint, or says why not.
    pub(super) fn verify<'n>(&self, note: &Note<'n>) -> Result<Trusted<'n>, Error> {
        self.apply(|policy| policy.verify(note))?
            .map_err(|error| Error::Refused(format!("checkpoint: {error}")))
    }

    /// Hands the policy to a verifier.
    pub(crate) fn apply<T>(
        &self,
        verify: impl FnOnce(checkpoint::Policy<'_>) -> T,
    ) -> Result<T, Error> {
        let keys: Vec<Key<'_>> =
            self.witnesses.iter().map(|witness| witness.key.key()).collect::<Result<_, _>>()?;
        let log = self.log.key()?;
        Ok(verify(checkpoint::Policy { log, witnesses: &keys, witnesses_wanted: self.wanted }))
    }
}

#[derive(Default)]
struct Parser {
    logs: Vec<PublicKey>,
    witnesses: BTreeMap<String, Witness>,
    /// Threshold and members.
    groups: BTreeMap<String, (usize, Vec<String>)>,
    members: Vec<String>,
    quorum: Option<String>,
}

impl Parser {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.contains(|c: char| c.is_ascii_control() && c != '\t') {
            return Err("a control character".into());
        }
        let words: Vec<_> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match words[..] {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key] | ["log", key, _] => self.log(key),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(url)),
            ["group", name, threshold, ref members @ ..] => self.group(name, threshold, members),
            ["quorum", name] => self.quorum(name),
            _ => Err(format!("`{}` is no line of a policy", words.join(" "))),
        }
    }

    fn log(&mut self, key: &str) -> Result<(), String> {
        self.logs.push(PublicKey::parse(key).map_err(|error| error.to_string())?);
        Ok(())
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&str>) -> Result<(), String> {
        self.free(name)?;
        let key = PublicKey::parse(key).map_err(|error| error.to_string())?;
        if key.key_type() == KeyType::Note {
            return Err(format!("{}: the key of a log, not of a witness", key.name()));
        }
        let public = |key: &PublicKey| key.key().map(|key| key.public().to_vec()).ok();
        if self.witnesses.values().any(|witness| public(&witness.key) == public(&key)) {
            return Err(format!("{name}: has another witness's key"));
        }
        let url = url.map(|url| url.trim_end_matches('/').to_owned());
        self.witnesses.insert(name.to_owned(), Witness { key, url });
        Ok(())
    }

    fn group(&mut self, name: &str, threshold: &str, members: &[&str]) -> Result<(), String> {
        self.free(name)?;
        for member in members {
            if self.groups.contains_key(*member) {
                return Err(format!("{member}: a group in a group, which devices do not know"));
            }
            if !self.witnesses.contains_key(*member) {
                return Err(format!("{member}: no witness above has this name"));
            }
            if self.members.iter().any(|other| other == member) {
                return Err(format!("{member}: is in a group already"));
            }
            self.members.push((*member).to_owned());
        }
        let threshold = match threshold {
            "all" => members.len(),
            "any" => 1,
            number => number.parse().map_err(|_| format!("{number}: no threshold"))?,
        };
        if !(1..=members.len()).contains(&threshold) {
            return Err(format!("{threshold} of {} witnesses", members.len()));
        }
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        self.groups.insert(name.to_owned(), (threshold, members));
        Ok(())
    }

    fn quorum(&mut self, name: &str) -> Result<(), String> {
        if self.quorum.is_some() {
            return Err("a second quorum".into());
        }
        if name != "none" && !self.groups.contains_key(name) && !self.witnesses.contains_key(name) {
            return Err(format!("{name}: nothing above has this name"));
        }
        self.quorum = Some(name.to_owned());
        Ok(())
    }

    fn free(&self, name: &str) -> Result<(), String> {
        let is_taken = self.witnesses.contains_key(name) || self.groups.contains_key(name);
        if is_taken || name == "none" { Err(format!("{name}: is taken")) } else { Ok(()) }
    }

    fn finish(mut self) -> Result<Policy, String> {
        let quorum = self.quorum.take().ok_or("no quorum")?;
        let (wanted, names) = match self.groups.remove(&quorum) {
            Some(group) => group,
            None if quorum == "none" => (0, self.witnesses.keys().cloned().collect()),
            None => (1, vec![quorum]),
        };
        if names.len() > WITNESSES_MAX {
            return Err(format!("{} witnesses, at most {WITNESSES_MAX}", names.len()));
        }
        let witnesses = names.iter().filter_map(|name| self.witnesses.remove(name)).collect();
        match <[PublicKey; 1]>::try_from(self.logs) {
            Ok([log]) => Ok(Policy { log, witnesses, wanted }),
            Err(logs) => Err(format!("{} logs, exactly one wanted", logs.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "log.example+00000000+AQ";
    const KEYS: [&str; 3] = [
        "witness.example.org+b8a2cf20+BFLN3yikSfFkVAJtrnh/CiY3Zozkoy7clp+P7XB28qUN",
        "mirror.example.org+3fb148ef+BAAjjch9GyYz0sJsJx7ALhbdAtz2ov0unbzSl1vMp94O",
        "witness2.example.org+2e55b896+BIZ7fpceQWd60IfqQeS9IAnmNOCZjMDne8lZuguz/bi9",
    ];
    const NOTE_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    /// A policy of that log and those witnesses, with more lines.
    fn parse(lines: &str) -> Result<(usize, usize), (usize, String)> {
        let [a, b, c] = KEYS;
        let text = format!(
            "# a comment\n\nlog {NOTE_KEY} https://log.example/\nwitness a {a} https://a.example/\n\
             \twitness b {b}\nwitness c {c}\n{lines}"
        );
        Policy::parse(&text).map(|policy| (policy.wanted, policy.witnesses.len()))
    }

    #[test]
    fn thresholds_and_their_words_are_read() {
        assert_eq!(parse("quorum none\n"), Ok((0, 3)));
        assert_eq!(parse("quorum b\n"), Ok((1, 1)));
        assert_eq!(parse("group g 2 a b c\nquorum g"), Ok((2, 3)));
        assert_eq!(parse("group g all a b\nquorum g"), Ok((2, 2)));
        assert_eq!(parse("group g any a b\nquorum g"), Ok((1, 2)));
        let [a, ..] = KEYS;
        let policy = format!("log {NOTE_KEY}\nwitness a {a} https://a.example/w/\nquorum a\n");
        let policy = Policy::parse(&policy).unwrap();
        assert_eq!(policy.log.name(), "example.com/foo");
        assert_eq!(policy.witnesses[0].url.as_deref(), Some("https://a.example/w"));
    }

    #[test]
    fn what_no_device_can_hold_is_refused_at_its_line() {
        let [a, ..] = KEYS;
        for (lines, at) in [
            ("", 6),
            ("quorum none\nquorum a", 8),
            ("quorum g", 7),
            ("group g 2 a b\ngroup h 1 g c\nquorum h", 8),
            ("group g 2 a b\ngroup h 1 b c\nquorum h", 8),
            ("group g 2 a a\nquorum g", 7),
            ("group g 0 a b\nquorum g", 7),
            ("group g 3 a b\nquorum g", 7),
            ("group g -1 a\nquorum g", 7),
            ("group g 1 d\nquorum g", 7),
            ("group g all\nquorum g", 7),
            ("group a 1 b\nquorum a", 7),
            ("group none 1 b\nquorum none", 7),
            ("qorum none", 7),
            ("quorum none\r", 7),
            ("witness a2\nquorum none", 7),
            (&format!("witness d {a}\nquorum none"), 7),
            (&format!("witness d {NOTE_KEY}\nquorum none"), 7),
            (&format!("log {NOTE_KEY}\nquorum none"), 8),
        ] {
            assert_eq!(parse(lines).map_err(|(line, _)| line), Err(at), "{lines}");
        }
        assert!(Policy::parse(&format!("log {LOG}\nquorum none\n")).is_err());
        assert!(Policy::parse("quorum none\n").is_err());
    }
}
