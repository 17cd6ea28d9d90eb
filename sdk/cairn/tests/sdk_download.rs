//! `ci/sdk.sh` against a file server on this machine: only what the pinned key signed is installed.
//!
//! The script under test is a copy in which the pinned fingerprint is that of a fresh test key.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const VERSION: &str = "microkit-sdk-2.3.0";

/// A folder with a release, keys, a copy of the script, and a server of the release.
struct Release {
    folder: tempfile::TempDir,
    url: String,
    requests: Arc<AtomicUsize>,
    fingerprint: String,
}

fn shell(folder: &Path, script: &str) -> String {
    let output = Command::new("sh").args(["-ec", script]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Makes a signing key called `name` with its own key ring, exports it to `<name>.asc`.
fn make_key(folder: &Path, name: &str) -> String {
    shell(
        folder,
        &format!(
            "mkdir -m 700 {name}; export GNUPGHOME=$PWD/{name}
             gpg --batch --quiet --passphrase '' --quick-gen-key {name} ed25519 sign never 2>/dev/null
             gpg --batch --armor --export {name} >{name}.asc
             gpg --batch --with-colons --list-keys {name} | awk -F: '/^fpr/ {{ printf $10; exit }}'"
        ),
    )
}

fn serve(folder: PathBuf) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = requests.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            counter.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
            let answer = match fs::read(folder.join(path)) {
                Ok(body) => [
                    format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into(),
                    body,
                ]
                .concat(),
                Err(_) => b"HTTP/1.0 404 Not Found\r\n\r\n".to_vec(),
            };
            // The client may be gone; that is its test's business.
            drop(stream.write_all(&answer));
        }
    });
    (url, requests)
}

fn tarball() -> String {
    let machine = std::env::consts::ARCH.replace('_', "-");
    format!("{VERSION}-{}-{machine}.tar.gz", std::env::consts::OS)
}

impl Release {
    fn new() -> Self {
        // Sockets of gpg-agent have short names only: not below the build folder.
        let folder = tempfile::Builder::new().prefix("sdk").tempdir_in("/tmp").unwrap();
        let root = folder.path();
        let fingerprint = make_key(root, "good");
        make_key(root, "evil");
        shell(
            root,
            &format!(
                "mkdir -p {VERSION}/bin release
                 printf '#!/bin/sh\\necho genuine\\n' >{VERSION}/bin/microkit
                 chmod +x {VERSION}/bin/microkit; tar -czf release/{} {VERSION}",
                tarball()
            ),
        );
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ci/sdk.sh");
        let text = fs::read_to_string(script).unwrap();
        let pinned: Vec<_> = text.lines().filter(|line| line.starts_with("FINGERPRINT=")).collect();
        assert_eq!(pinned, ["FINGERPRINT=FE91486443B0F4EB9ECC36524D868A34EDF3FDCA"]);
        let text = text.replace(pinned[0], &format!("FINGERPRINT={fingerprint}"));
        fs::write(root.join("sdk.sh"), text).unwrap();
        let (url, requests) = serve(root.to_owned());
        let release = Self { folder, url, requests, fingerprint };
        release.sign("good");
        release
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sign(&self, key: &str) {
        let script = format!(
            "GNUPGHOME=$PWD/{key} gpg --batch --quiet --yes --armor --detach-sign release/{}",
            tarball()
        );
        shell(self.folder.path(), &script);
    }

    fn command(&self, mode: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .arg(self.path("sdk.sh"))
            .arg(mode)
            .env_remove("MICROKIT_SDK")
            .env_remove("MICROKIT_KEY")
            .env_remove("OFFLINE")
            .env_remove("http_proxy")
            .env("CAIRN_CACHE", self.path("cache"))
            .env("MICROKIT_URL", format!("{}/release", self.url))
            .env("MICROKIT_KEY_URLS", format!("{0}/none {0}/good.asc", self.url));
        command
    }

    fn run(&self, mode: &str) -> Output {
        self.command(mode).output().unwrap()
    }

    fn installed(&self) -> PathBuf {
        self.path("cache").join(VERSION)
    }

    /// Asserts that `output` is a failure that says `message` and left nothing.
    fn refused(&self, output: &Output, message: &str) {
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{text}");
        assert!(text.contains(message), "{text}");
        assert!(!self.installed().exists());
        let left: Vec<_> = fs::read_dir(self.path("cache"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(left, [format!("{VERSION}.failed")]);
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        for key in ["good", "evil"] {
            // The agents end by themselves once their folder is gone; this is only sooner.
            drop(
                Command::new("gpgconf")
                    .args(["--kill", "gpg-agent"])
                    .env("GNUPGHOME", self.path(key))
                    .status(),
            );
        }
    }
}

#[test]
fn installs_what_the_pinned_key_signed_and_only_once() {
    let release = Release::new();
    let output = release.run("explicit");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("verified, unpacked to"), "{text}");
    let tool = release.installed().join("bin/microkit");
    assert_eq!(Command::new(tool).output().unwrap().stdout, b"genuine\n");

    let requests = release.requests.load(Ordering::SeqCst);
    let output = release.run("auto");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        release.installed().to_str().unwrap()
    );
    assert!(String::from_utf8_lossy(&release.run("explicit").stderr).contains("already there"));
    assert_eq!(release.requests.load(Ordering::SeqCst), requests, "downloaded again");
}

#[test]
fn takes_the_key_from_a_file() {
    let release = Release::new();
    let mut command = release.command("explicit");
    command.env("MICROKIT_KEY", release.path("good.asc")).env("MICROKIT_KEY_URLS", "");
    assert!(command.output().unwrap().status.success());
    assert!(release.installed().exists());
}

#[test]
fn refuses_a_changed_tarball() {
    let release = Release::new();
    let path = release.path("release").join(tarball());
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    release.refused(&release.run("explicit"), "is BAD");
}

#[test]
fn refuses_a_truncated_tarball() {
    let release = Release::new();
    let path = release.path("release").join(tarball());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    release.refused(&release.run("explicit"), "is BAD");
}

#[test]
fn refuses_a_good_signature_by_another_key() {
    let release = Release::new();
    release.sign("evil");
    let mut command = release.command("explicit");
    command.env("MICROKIT_KEY", release.path("evil.asc"));
    let message = format!("not by the pinned key {}", release.fingerprint);
    release.refused(&command.output().unwrap(), &message);
    // With the right key in the ring the signature cannot even be checked.
    release.refused(&release.run("explicit"), "not made by the release key");
}

#[test]
fn refuses_a_signed_tarball_without_the_tool() {
    let release = Release::new();
    shell(release.folder.path(), &format!("mkdir x; tar -czf release/{} x", tarball()));
    release.sign("good");
    release.refused(&release.run("explicit"), "holds no bin/microkit");
}

#[test]
fn says_what_is_missing() {
    let release = Release::new();
    let mut command = release.command("explicit");
    command.env("MICROKIT_KEY", release.path("sdk.sh"));
    release.refused(&command.output().unwrap(), "holds no OpenPGP key");
    let mut command = release.command("explicit");
    command.env("MICROKIT_KEY_URLS", format!("{}/none", release.url));
    release.refused(&command.output().unwrap(), "set MICROKIT_KEY");
    let mut command = release.command("explicit");
    command.env("MICROKIT_SDK", release.path("nowhere"));
    assert!(!command.output().unwrap().status.success());
}

#[test]
fn an_sdk_of_the_user_must_be_the_right_version() {
    let release = Release::new();
    let mine = release.path(VERSION);
    let run = || release.command("auto").env("MICROKIT_SDK", &mine).output().unwrap();
    fs::write(mine.join("VERSION"), "2.2.0\n").unwrap();
    let output = run();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not version 2.3.0"));
    fs::write(mine.join("VERSION"), "2.3.0\n").unwrap();
    let output = run();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), mine.to_str().unwrap());
    assert_eq!(release.requests.load(Ordering::SeqCst), 0);
}

#[test]
fn an_automatic_try_fails_quietly_and_is_not_repeated_that_day() {
    let release = Release::new();
    // A port nobody listens on.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = release.command("auto");
    command.env("MICROKIT_URL", format!("http://{closed}"));
    let output = command.output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, b"");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot download"));

    // The release is reachable now, but the failure is remembered ...
    let output = release.run("auto");
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b""[..], &b""[..]));
    assert_eq!(release.requests.load(Ordering::SeqCst), 0);
    // ... for a day, ...
    shell(&release.path("cache"), &format!("touch -d '25 hours ago' {VERSION}.failed"));
    assert!(!release.run("auto").stdout.is_empty());
    assert!(release.installed().exists());
    assert!(!release.path("cache").join(format!("{VERSION}.failed")).exists());
}

#[test]
fn an_explicit_try_is_made_in_spite_of_an_earlier_failure() {
    let release = Release::new();
    fs::create_dir(release.path("cache")).unwrap();
    fs::write(release.path("cache").join(format!("{VERSION}.failed")), "").unwrap();
    assert!(release.run("explicit").status.success());
}

#[test]
fn offline_tries_nothing() {
    let release = Release::new();
    let output = release.command("auto").env("OFFLINE", "1").output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, b"");
    assert_eq!(release.requests.load(Ordering::SeqCst), 0);
    assert!(!release.path("cache").exists());
}
