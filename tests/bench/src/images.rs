//! What is measured: a volume and four images, made by the project's own Makefile and `cairn`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ledger_verify::digest::Digest;
use serde_json::Value;
use volume::geometry::TreeLayout;

use crate::commands::{output, run};
use crate::options::Options;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// Large enough for Merkle overhead to be that of real volumes.
const ARCHIVE_BYTES: usize = 100 * MIB;
/// Files of the volume, and their sizes.
const FILES: [(&str, usize); 3] =
    [("1k.bin", KIB), ("1m.bin", MIB), ("archive.bin", ARCHIVE_BYTES)];

/// Makes what is measured.
pub(crate) struct Workshop<'a> {
    options: &'a Options,
    folder: PathBuf,
}

/// The images of one kernel.
pub(crate) struct Images {
    /// The system as users get it.
    pub(crate) plain: PathBuf,
    /// With the echo service.
    pub(crate) echo: PathBuf,
    /// With the program that reads a file through `integrity`.
    pub(crate) reader: PathBuf,
    /// With programs that harm themselves on order.
    pub(crate) sabotage: PathBuf,
}

impl<'a> Workshop<'a> {
    pub(crate) fn new(options: &'a Options) -> Self {
        Self { folder: options.build.join("bench"), options }
    }

    /// The volume's image.
    pub(crate) fn volume(&self) -> PathBuf {
        self.folder.join("volume.img")
    }

    fn chain(&self) -> PathBuf {
        self.folder.join("chain")
    }

    /// The content of a file of the volume.
    pub(crate) fn content(&self, name: &str) -> Result<Vec<u8>, String> {
        let path = self.folder.join("files").join(name);
        fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn make(&self) -> Command {
        let mut make = Command::new("make");
        // This is a build of its own, not a part of the one that started us.
        make.env_remove("MAKEFLAGS").env_remove("MFLAGS").env_remove("MAKEOVERRIDES");
        make.arg(format!("BUILD={}", self.options.build.display()));
        make.arg(format!("PLATFORM={}", self.options.platform));
        make.arg(format!("CONFIG={}", self.options.config));
        make
    }

    fn cairn(&self) -> PathBuf {
        self.options.build.join("cargo/host/debug/cairn")
    }

    /// Makes the volume, once; what it has beyond the data.
    pub(crate) fn make_volume(&self) -> Result<Overhead, String> {
        run(self.make().arg(self.cairn()))?;
        let description = self.folder.join("volume.json");
        if !(description.exists() && self.volume().exists()) {
            let files = self.folder.join("files");
            write_files(&files)?;
            let chain = self.chain();
            if chain.exists() {
                fs::remove_dir_all(&chain).map_err(|error| error.to_string())?;
            }
            run(Command::new(self.cairn()).args(["chain", "init"]).arg(&chain))?;
            let mut build = Command::new(self.cairn());
            build.args(["volume", "build", "--json", "--chain"]).arg(&chain);
            let text = output(build.arg(&files).arg(self.volume()))?;
            fs::write(&description, text).map_err(|error| error.to_string())?;
        }
        let text = fs::read_to_string(&description).map_err(|error| error.to_string())?;
        overhead(&text).ok_or_else(|| format!("{}: has no sizes", description.display()))
    }

    /// Makes the images of a kernel.
    pub(crate) fn make_images(&self, kernel: &str) -> Result<Images, String> {
        let system = format!("{kernel}-{}", self.options.config);
        let folder = self.options.build.join(&self.options.platform).join(system);
        run(self.make().arg("sabotage-image").arg(format!("KERNEL={kernel}")))?;
        let with = |overlay: &str, programs: &str| -> Result<PathBuf, String> {
            let folder = folder.with_extension(overlay);
            let mut make = self.make();
            make.arg("image")
                .arg(format!("KERNEL={kernel}"))
                .arg(format!("OUT={}", folder.display()))
                .arg(format!("CHAIN={}", self.chain().display()))
                .arg(format!("OVERLAY=tests/bench/{overlay}.xml"))
                .arg(format!("PROGRAMS={programs}"))
                // A benchmark's own needs are not the product's.
                .arg("ALLOW=ram");
            run(&mut make).map(|()| folder)
        };
        let (echo, reader) = (with("echo", "")?, with("reader", "on-target-bench")?);
        let sabotage = folder.with_extension("sabotage");
        Ok(Images { echo, reader, sabotage, plain: folder })
    }

    /// The volume that images without an overlay trust.
    pub(crate) fn demo_volume(&self) -> PathBuf {
        self.options.build.join("demo/volume.img")
    }

    /// Lines `bench <name> <value> <unit>` of the on-target benchmarks.
    pub(crate) fn on_target(&self, kernel: &str) -> Result<Vec<(String, f64)>, String> {
        let text = output(self.make().arg("bench-on-target").arg(format!("KERNEL={kernel}")))?;
        Ok(text.lines().filter_map(figure).collect())
    }
}

/// A line `bench <name> <value> <unit>`.
fn figure(line: &str) -> Option<(String, f64)> {
    let mut words = line.strip_prefix("bench ")?.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}

/// Bytes that nobody can compress, the same each time.
fn write_files(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for (name, bytes) in FILES {
        let mut content = Vec::with_capacity(bytes);
        while content.len() < bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            content.extend(state.to_le_bytes());
        }
        fs::write(folder.join(name), content).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// What a volume has beyond its data, in percent of the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Overhead {
    /// Hash trees.
    pub(crate) trees: f64,
    /// Everything: also superblocks, table of contents, chain events, unused ends of blocks.
    pub(crate) total: f64,
}

fn overhead(description: &str) -> Option<Overhead> {
    let built: Value = serde_json::from_str(description).ok()?;
    let (image, data) = (built["image_bytes"].as_f64()?, built["data_bytes"].as_f64()?);
    let slots = |(_, bytes): (&str, usize)| Some(TreeLayout::of_size(bytes as u64)?.slot_count());
    let slots: u64 = FILES.into_iter().map(slots).sum::<Option<u64>>()?;
    let trees = (slots * Digest::BYTES as u64) as f64;
    Some(Overhead { trees: trees / data * 100.0, total: (image / data - 1.0) * 100.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computes_the_overhead() {
        let data: usize = FILES.iter().map(|(_, bytes)| bytes).sum();
        let description = format!("{{\"data_bytes\": {data}, \"image_bytes\": {}}}", data * 2);
        let overhead_of = overhead(&description).unwrap();
        assert_eq!(overhead_of.total, 100.0);
        assert!((0.78..0.80).contains(&overhead_of.trees), "{overhead_of:?}");
        assert_eq!(overhead("{}"), None);
    }

    #[test]
    fn finds_figures_among_other_lines() {
        assert_eq!(figure("bench ring_single 52 instructions"), Some(("ring_single".into(), 52.0)));
        assert_eq!(figure("bench done"), None);
        assert_eq!(figure("bench on sel4 release"), None);
        assert_eq!(figure("on-target: ok"), None);
    }
}
