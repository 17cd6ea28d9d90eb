//! Checking all of an image.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use volume::Superblock;
use volume::chain::HEAD_BYTES;
use volume::geometry::BLOCK_BYTES;
use volume::verify::VerifiedRoot;

use super::image::{Image, Listed, Reader};
use super::slack::Used;
use super::voucher::Voucher;
use crate::output::Progress;
use crate::{Error, Output};

/// Failures that are told one by one; more are only counted.
const FAILURES_MAX: usize = 100;

/// What a check of a volume found.
#[derive(Serialize, Default)]
pub(super) struct Report {
    ok: bool,
    name: String,
    generation: u64,
    root: String,
    files: u64,
    data_bytes: u64,
    failures: Vec<String>,
    failures_not_shown: u64,
}

impl Report {
    fn fail(&mut self, failure: impl fmt::Display) {
        let failure = failure.to_string();
        if self.failures.last() == Some(&failure) {
            // A bad tree node fails every block below it; once is enough.
            return;
        }
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(failure);
        } else {
            self.failures_not_shown += 1;
        }
    }

    /// The exit code's side of the report.
    pub(super) fn into_result(self, image: &Path) -> Result<(), Error> {
        if self.ok {
            return Ok(());
        }
        let count = self.failures.len() as u64 + self.failures_not_shown;
        let failures = if count == 1 { "failure" } else { "failures" };
        Err(Error::Refused(format!("{}: {count} {failures}", image.display())))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, generation, root, files, data_bytes, .. } = self;
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        if self.failures_not_shown > 0 {
            writeln!(f, "and {} more", self.failures_not_shown)?;
        }
        if root.is_empty() {
            return f.write_str("no volume that the chain vouches for");
        }
        let verdict = if self.ok { "proven" } else { "NOT proven" };
        writeln!(f, "volume {name}, generation {generation}, root {root}")?;
        write!(f, "{files} files of {data_bytes} bytes: {verdict}")
    }
}

/// Checks `image` against the chain that vouches for it.
pub(super) fn verify(image: &Path, voucher: &Voucher, output: &Output) -> Result<Report, Error> {
    let image = Image::open(image)?;
    let mut report = Report::default();
    for (slot, superblock) in image.superblocks()?.iter().enumerate() {
        if let Err(fault) = superblock {
            report.fail(format_args!("superblock {slot}: {fault}"));
        }
    }
    let Ok(claim) = image.claim()? else { return Ok(report) };
    if image.block_count < claim.block_count() {
        let (has, needs) = (image.block_count, claim.block_count());
        report.fail(format_args!("image ends after {has} of {needs} blocks"));
    }
    check_chain(&image, &claim, voucher, &mut report)?;
    let root = match image.admit_claim(&claim, voucher)? {
        Ok(root) => root,
        // Without a root that is vouched for there is nothing to check the rest against.
        Err(error) => {
            report.fail(error);
            return Ok(report);
        }
    };
    let superblock = root.superblock();
    report.name = superblock.name().to_owned();
    report.generation = superblock.generation();
    report.root = superblock.root().to_string();
    check_files(&image, root, &mut report, output)?;
    report.ok = report.failures.is_empty();
    Ok(report)
}

/// Replays the embedded chain as a device does that is anchored at the chain's last event.
fn check_chain(
    image: &Image,
    claim: &Superblock,
    voucher: &Voucher,
    report: &mut Report,
) -> Result<(), Error> {
    match image.events(claim)? {
        Err(fault) => report.fail(fault),
        Ok(events) => {
            if let Err(error) = voucher.check(&events) {
                report.fail(error);
            }
        }
    }
    Ok(())
}

fn check_files(
    image: &Image,
    root: VerifiedRoot,
    report: &mut Report,
    output: &Output,
) -> Result<(), Error> {
    let superblock = *root.superblock();
    let head = superblock.head();
    let mut used = Used::default();
    used.blocks(0, volume::SUPERBLOCK_SLOTS);
    used.blocks(head.toc_block.get(), head.toc_node_count.get());
    let event_bytes = image.events(&superblock)?.map_or(0, |events| events.len());
    let chain_bytes = (HEAD_BYTES + event_bytes) as u64;
    used.bytes(head.chain_block.get() * BLOCK_BYTES as u64, chain_bytes);

    let mut progress = output.progress("checking", superblock.head().data_bytes.get());
    let mut reader = Reader::new(image, root);
    let mut after = String::new();
    loop {
        match reader.next_after(&after)? {
            // What the rest of the table lists is unknown, so unused bytes are too.
            Err(error) => {
                report.fail(error);
                return Ok(());
            }
            Ok(None) => break,
            Ok(Some(file)) => {
                check_file(&mut reader, &file, &mut used, report, &mut progress)?;
                report.files += 1;
                report.data_bytes += file.entry.size();
                after = file.path;
            }
        }
    }
    if report.files != superblock.entry_count() || report.data_bytes != head.data_bytes.get() {
        report.fail("superblock: counts of files and bytes differ from the table of contents");
    }
    for block in used.dirty_blocks(image, superblock.block_count())? {
        report.fail(format_args!("disk block {block}: unused bytes are not zero"));
    }
    Ok(())
}

fn check_file(
    reader: &mut Reader<'_>,
    file: &Listed,
    used: &mut Used,
    report: &mut Report,
    progress: &mut Progress,
) -> Result<(), Error> {
    let place = reader.place(file.entry.object())?;
    if let Some(claimed) = place.entry() {
        for run in claimed.extents.as_slice() {
            used.blocks(run.block.get(), run.count.get());
        }
        let slots = claimed.tree().map_or(0, |tree| tree.slot_count());
        used.bytes(claimed.tree_slot * 32, slots * 32);
    }
    for index in 0..file.entry.block_count() {
        if let Err(error) = reader.check_block(&file.entry, &place, index)? {
            report.fail(error.of(&file.path));
        }
        progress.advance(BLOCK_BYTES as u64);
    }
    Ok(())
}
