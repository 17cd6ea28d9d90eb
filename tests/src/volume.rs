//! Chains, volumes, and what is in them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::random::Random;

/// Paths and contents.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A signature chain in a folder.
#[derive(Clone, Debug)]
pub struct Chain {
    environment: Environment,
    /// The folder.
    pub folder: PathBuf,
}

impl Chain {
    /// A new chain.
    #[must_use]
    pub fn new(environment: &Environment, folder: PathBuf) -> Self {
        Self::with(environment, folder, &[])
    }

    /// A new chain, made with options of `cairn chain init`.
    #[must_use]
    pub fn with(environment: &Environment, folder: PathBuf, options: &[&str]) -> Self {
        let init = [OsStr::new("chain"), "init".as_ref(), folder.as_ref()];
        environment.cairn(init.into_iter().chain(options.iter().map(OsStr::new)));
        Self { environment: environment.clone(), folder }
    }

    /// A copy of the chain, which may go on differently.
    ///
    /// # Panics
    /// If it cannot be written.
    #[must_use]
    pub fn copied(&self, folder: PathBuf) -> Self {
        fs::create_dir(&folder).unwrap();
        for entry in fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
        Self { environment: self.environment.clone(), folder }
    }

    /// Builds the next generation of the volume `name` with these files.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn volume(&self, name: &str, files: &Files) -> PathBuf {
        let scratch = tempfile::tempdir().unwrap();
        write_files(scratch.path(), files);
        let count = fs::read_dir(self.folder.parent().unwrap()).unwrap().count();
        let image = self.folder.with_file_name(format!("{name}-{count}.img"));
        let arguments: [&OsStr; 8] = [
            "volume".as_ref(),
            "build".as_ref(),
            "--name".as_ref(),
            name.as_ref(),
            "--chain".as_ref(),
            self.folder.as_ref(),
            scratch.path().as_ref(),
            image.as_ref(),
        ];
        self.environment.cairn(arguments);
        image
    }

    /// Makes a new key for the chain, with its recovery secret.
    pub fn recover(&self, secret: &Path) {
        let [chain, recover, recovery] = ["chain", "recover", "--recovery"].map(OsStr::new);
        let arguments = [chain, recover, self.folder.as_ref(), recovery, secret.as_ref()];
        self.environment.cairn(arguments);
    }

    /// Ends the chain for good.
    pub fn revoke(&self) {
        self.environment.cairn([OsStr::new("chain"), "revoke".as_ref(), self.folder.as_ref()]);
    }

    /// A copy of a volume that carries the chain as it is now.
    ///
    /// # Panics
    /// If it cannot be written.
    #[must_use]
    pub fn embedded(&self, image: &Path) -> PathBuf {
        let copy = image.with_extension("embedded.img");
        fs::copy(image, &copy).unwrap();
        let [volume, embed, chain] = ["volume", "embed", "--chain"].map(OsStr::new);
        self.environment.cairn([volume, embed, copy.as_ref(), chain, self.folder.as_ref()]);
        copy
    }

    /// What `cairn chain show` says, as JSON.
    #[must_use]
    pub fn show(&self) -> String {
        let [json, chain, show] = ["--json", "chain", "show"].map(OsStr::new);
        self.environment.cairn([json, chain, show, self.folder.as_ref()])
    }

    /// What `cairn volume ls` says about an image, as JSON.
    #[must_use]
    pub fn list(&self, image: &Path) -> String {
        let [json, volume, ls, chain] = ["--json", "volume", "ls", "--chain"].map(OsStr::new);
        self.environment.cairn([json, volume, ls, image.as_ref(), chain, self.folder.as_ref()])
    }
}

/// Writes files below a folder.
///
/// # Panics
/// If that fails.
pub fn write_files(folder: &Path, files: &Files) {
    for (path, content) in files {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
}

/// Files of every size and name that matters: around a block, around a node of a tree (128 blocks),
/// deep, with letters from everywhere and every character that an URL or a page must escape.
#[must_use]
pub fn files() -> Files {
    let blocks = |count: usize, more: usize| count * 4096 + more;
    let mut files: Files = [
        ("empty", 0),
        ("one-byte", 1),
        ("block-less-one.bin", 4095),
        ("block.bin", 4096),
        ("block-and-one.bin", 4097),
        ("node.bin", blocks(128, 0)),
        ("node-and-one.bin", blocks(128, 1)),
        ("large/mebibyte.bin", 1 << 20),
        ("large/odd.bin", blocks(700, 1234)),
        ("a/b/c/d/e/f/g/h/deep.txt", 600),
        ("grüße/日本語 файл.txt", 5000),
        ("100% sure?/a b+c&d#e;f='g'<h>\"i\"\\.html", 77),
        ("..dots/...", 3),
    ]
    .map(|(path, len)| (path.to_owned(), content(path, len)))
    .into();
    files.extend(status_page());
    // Enough of them that the table of contents has more leaves than any cache holds.
    for number in 0..2000 {
        let path = format!("many/file-{number:04}-{}", "x".repeat(number % 40));
        let bytes = content(&path, 16 + number % 200);
        files.insert(path, bytes);
    }
    files
}

/// The files of the status page, as the demo volume has them.
fn status_page() -> Files {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/ui");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let name = |entry: &fs::DirEntry| entry.file_name().into_string().unwrap();
    files.map(|entry| (format!("ui/{}", name(&entry)), fs::read(entry.path()).unwrap())).collect()
}

/// Few files, different ones for each `edition`.
#[must_use]
pub fn edition(edition: u64) -> Files {
    Files::from([("edition".to_owned(), format!("{edition}\n").into_bytes())])
}

fn content(path: &str, len: usize) -> Vec<u8> {
    let seed = path.bytes().fold(len as u64, |seed, byte| seed.wrapping_mul(257) + u64::from(byte));
    Random(seed).bytes(len)
}

/// The path as it stands in an URL, with everything escaped that may be.
#[must_use]
pub fn escape(path: &str) -> String {
    let escaped = path.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    escaped.collect()
}
