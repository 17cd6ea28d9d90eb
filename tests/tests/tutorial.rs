//! Performs `docs/adding-a-pd.md` on a copy of the tree: writes its files, makes its changes, runs its
//! commands, and looks for the output it shows.
//!
//! The copy shares the build folder's `cargo`, so that only what the page adds is compiled.
#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use cairn_tests::environment::{Environment, run};
use cairn_tests::machine::{Machine, free_port};

const PAGE: &str = "docs/adding-a-pd.md";
/// How long a command may take that compiles a little on a busy machine.
const COMMAND_SECONDS: &str = "900";

/// A fenced block of the page.
struct Block<'a> {
    language: &'a str,
    /// The file that it is, or changes; empty for commands and their output.
    path: &'a str,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut lines = page.lines();
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let (language, path) = info.split_once(' ').unwrap_or((info, ""));
        let text = lines.by_ref().take_while(|line| *line != "```");
        let text = text.map(|line| format!("{line}\n")).collect();
        blocks.push(Block { language, path, text });
    }
    blocks
}

/// Applies a difference by its lines alone: `@@ @@` separates places, each of which must be there once.
fn apply(text: &str, difference: &str) -> String {
    let mut text = text.to_owned();
    for hunk in difference.split("@@ @@\n").filter(|hunk| !hunk.is_empty()) {
        let side = |mark: char| -> String {
            let lines =
                hunk.lines().filter(|line| line.starts_with([' ', mark]) || line.is_empty());
            lines.map(|line| format!("{}\n", line.get(1..).unwrap_or_default())).collect()
        };
        let (old, new) = (side('-'), side('+'));
        assert_eq!(text.matches(&old).count(), 1, "{PAGE} wants to change this:\n{old}");
        text = text.replace(&old, &new);
    }
    text
}

/// Copies what git knows or would take, times of change included: cargo goes by them.
fn copy_tree(from: &Path, to: &Path) {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(from);
    for name in run(&mut git).split_terminator('\0') {
        let (old, new) = (from.join(name), to.join(name));
        // A file that was removed is listed until that is committed.
        if old.exists() {
            fs::create_dir_all(new.parent().unwrap()).unwrap();
            fs::copy(&old, &new).unwrap();
            let changed = fs::metadata(&old).unwrap().modified().unwrap();
            File::options().append(true).open(&new).unwrap().set_modified(changed).unwrap();
        }
    }
}

/// Somebody who does what the page says.
struct Reader<'a> {
    environment: &'a Environment,
    tree: &'a Path,
    port: u16,
    machine: Option<Machine>,
    /// What the last command printed, unless it was the one that runs the machine.
    output: Option<String>,
}

impl Reader<'_> {
    fn command(&self, program: &[&str], line: &str) -> Command {
        let line = line.replace("8080", &self.port.to_string());
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).args(["-c", &line]).current_dir(self.tree);
        for inherited in ["CARGO_TARGET_DIR", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"] {
            command.env_remove(inherited);
        }
        let environment = self.environment;
        command
            .env("KERNEL", &environment.kernel)
            .env("CONFIG", &environment.config)
            .env("PLATFORM", &environment.platform)
            .env("MICROKIT_SDK", &environment.sdk)
            .env("HTTP_PORT", self.port.to_string());
        command
    }

    fn run(&mut self, line: &str) {
        if line.starts_with("make run") {
            let mut command = self.command(&["sh"], line);
            // Through its console it can be told to stop.
            command.stdin(Stdio::piped());
            let log = self.environment.log("tutorial");
            self.machine = Some(Machine::spawn(&mut command, log, self.port));
            self.output = None;
        } else {
            let mut command = self.command(&["timeout", COMMAND_SECONDS, "sh"], line);
            self.output = Some(run(command.stdin(Stdio::null())));
        }
    }

    fn see(&self, expected: &str) {
        for line in expected.lines() {
            match (&self.output, &self.machine) {
                (Some(output), _) => assert!(output.contains(line), "no `{line}` in:\n{output}"),
                (None, Some(machine)) => drop(machine.wait_for(line)),
                (None, None) => panic!("{PAGE} shows output before any command"),
            }
        }
    }

    fn follow(&mut self, block: &Block<'_>) {
        let path = self.tree.join(block.path);
        match (block.language, block.path) {
            ("sh", "") => block.text.lines().for_each(|line| self.run(line)),
            ("console", "") => self.see(&block.text),
            ("diff", _) => {
                let old = fs::read_to_string(&path).unwrap();
                fs::write(&path, apply(&old, &block.text)).unwrap();
            }
            ("toml" | "rust", _) if !block.path.is_empty() => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &block.text).unwrap();
            }
            (language, path) => panic!("{PAGE}: what is a block `{language} {path}`?"),
        }
    }
}

#[test]
fn whoever_follows_the_page_sees_what_it_shows() {
    let environment = Environment::read();
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path();
    copy_tree(&environment.workspace, tree);
    fs::create_dir(tree.join("build")).unwrap();
    let cargo = environment.workspace.join("build/cargo");
    std::os::unix::fs::symlink(cargo, tree.join("build/cargo")).unwrap();

    let page = fs::read_to_string(tree.join(PAGE)).unwrap();
    let blocks = blocks(&page);
    assert!(blocks.iter().any(|block| block.language == "diff"), "{PAGE} changes nothing");
    assert!(blocks.iter().filter(|block| block.language == "console").count() > 1);
    let mut reader =
        Reader { environment: &environment, tree, port: free_port(), machine: None, output: None };
    for block in &blocks {
        reader.follow(block);
    }
}

#[test]
fn a_difference_is_applied_where_it_belongs() {
    let difference = "@@ @@\n a\n-b\n+c\n@@ @@\n+e\n f\n";
    assert_eq!(apply("a\nb\nd\nf\n", difference), "a\nc\nd\ne\nf\n");
}
