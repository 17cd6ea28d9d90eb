//! A folder in which `cairn` runs, for a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The folder. `demo` in it has a file, `a.txt`.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

#[allow(dead_code, reason = "each test has its own copy of this module, and no use for all of it")]
impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(bench.path("demo")).unwrap();
        bench.write("demo/a.txt", b"hello\n");
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// `cairn` with these arguments, at one time on every run.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
        command.current_dir(self.folder.path()).args(line.split_whitespace());
        command.env("SOURCE_DATE_EPOCH", "1700000000");
        command
    }

    pub(crate) fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Expects success, and nothing to complain of.
    pub(crate) fn ok(&self, line: &str) -> String {
        let output = self.run(line);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && errors.is_empty(), "{line}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("--json {line}"))).unwrap()
    }

    /// Expects `code`; answers standard output and standard error together.
    pub(crate) fn fails(&self, line: &str, code: i32) -> String {
        let output = self.run(line);
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {text}");
        text
    }

    /// Expects a refusal with `reason` in it.
    pub(crate) fn refused(&self, line: &str, reason: &str) {
        let text = self.fails(line, 1);
        assert!(text.contains(reason), "`{reason}` is not in:\n{text}");
    }
}

#[allow(dead_code, reason = "each test has its own copy of this module, and no use for all of it")]
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
