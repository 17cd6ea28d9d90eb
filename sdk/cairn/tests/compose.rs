//! `cairn compose` over whole files: what is accepted and how it comes out, what is refused and why.
//!
//! Each file in `fixtures/reject` says in `<!-- expect [file:]<line>: <message> -->` which findings it
//! must produce; it produces no others.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

mod target;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use cairn::Error;
use cairn::compose::report::Lint;
use cairn::compose::{Sources, compose, inspect};
use cairn::graph::to_svg;
use proptest::prelude::*;
use protocols::system::{BuildInfo, ClientEntry, PdEntry, text};
use zerocopy::FromBytes;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn sources(system: PathBuf) -> Sources {
    Sources {
        system,
        platform: fixtures().join("board.xml"),
        overlay: Vec::new(),
        search_path: vec![fixtures().join("accept")],
        allow: Vec::new(),
        kernel: "model 0.1.0".into(),
        config: "debug".into(),
        revision: "0123456789ab".into(),
    }
}

fn accepted() -> Sources {
    let mut sources = sources(fixtures().join("accept/system.xml"));
    sources.overlay = vec![fixtures().join("accept/overlay.xml")];
    sources
}

fn reject_files() -> Vec<PathBuf> {
    let folder = fs::read_dir(fixtures().join("reject")).unwrap();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// (file:line, message) of each expectation in a fixture.
fn expectations(path: &Path, text: &str) -> Vec<(String, String)> {
    let expects = text.lines().filter_map(|line| line.strip_prefix("<!-- expect "));
    expects
        .map(|line| {
            let line = line.strip_suffix(" -->").unwrap();
            let (at, message) = line.split_once(": ").unwrap();
            let (file, line) = at.split_once(':').unwrap_or(("", at));
            let file = if file.is_empty() { path.to_owned() } else { fixtures().join(file) };
            (format!("{}:{line}: error: ", file.display()), message.to_owned())
        })
        .collect()
}

#[test]
fn each_rejected_fixture_produces_its_messages_and_no_others() {
    let paths = reject_files();
    assert!(paths.len() > 50, "fixtures are missing");
    for path in paths {
        let expected = expectations(&path, &fs::read_to_string(&path).unwrap());
        assert!(!expected.is_empty(), "{}", path.display());
        let Err(Error::Refused(message)) = compose(&sources(path.clone())) else {
            panic!("{}: accepted", path.display());
        };
        let errors: Vec<_> = message.lines().filter(|line| line.contains(": error: ")).collect();
        assert_eq!(errors.len(), expected.len(), "{}: {message}", path.display());
        for (place, text) in expected {
            let found = errors.iter().any(|e| e.starts_with(&place) && e.contains(&text));
            assert!(found, "{}: wanted `{place}... {text}`, got\n{message}", path.display());
        }
    }
}

#[test]
fn every_lint_has_a_fixture_and_can_be_allowed() {
    let messages: String =
        reject_files().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let names =
        "wx device writer pp-client pp-priority cycle sharing ram stack stack-guard parent budget";
    for name in names.split(' ') {
        assert!(messages.contains(&format!("[{name}]")), "no fixture for {name}");
    }
    let mut sources = sources(fixtures().join("reject/wx-one-map.xml"));
    assert!(compose(&sources).is_err());
    sources.allow = vec![Lint::Wx];
    compose(&sources).unwrap();
}

#[test]
fn a_server_below_its_client_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("system.xml");
    let text = fs::read_to_string(fixtures().join("accept/system.xml")).unwrap();
    let text = text
        .replace("\"two-words\" priority=\"120\"", "\"two-words\" priority=\"99\"")
        .replace(" pp=\"true\"", "");
    fs::write(&path, &text).unwrap();
    let findings = || -> (Vec<_>, String) {
        let composed = compose(&sources(path.clone())).unwrap();
        let findings = composed.report.findings().iter().map(ToString::to_string).collect();
        (findings, to_svg(&composed))
    };
    let (found, picture) = findings();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("server `two-words` has priority 99, below its client `a` with 100"));
    // Who wrote the file may know better.
    fs::write(&path, text.replace("client=\"a\"", "client=\"a\" allow=\"inversion\"")).unwrap();
    assert_eq!(findings(), (vec![], picture), "the picture marks it nevertheless");
}

/// What a program reads that the image tool sets, as `sel4_microkit::var!` has it.
const PROGRAM: &str = r#"
#![no_std]
#![no_main]

#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".setvars")]
static SYMBOL: u64 = 0;

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    loop {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
"#;

#[test]
fn a_program_that_lacks_what_it_needs_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |symbol: &str| {
        let program = target::compile(folder.path(), "a", &PROGRAM.replace("SYMBOL", symbol));
        fs::rename(program, folder.path().join("a.elf")).unwrap();
        let mut sources = sources(fixtures().join("accept/system.xml"));
        sources.search_path.push(folder.path().to_owned());
        compose(&sources).err().map(|error| error.to_string())
    };
    for (symbol, expected) in [
        ("timer_link_vaddr", "a <link> with `timer` is missing [unset]"),
        ("build_info_vaddr", "<build_info/> is missing [unset]"),
        ("memory_vaddr", "a <map>, or data of a <link>, is missing [unset]"),
        ("queues_paddr", "a <setvar> is missing [unset]"),
    ] {
        let refused = refusal(symbol).unwrap();
        let place = "system.xml:22: error: <protection_domain name=\"a\">: its program needs";
        assert!(refused.contains(&format!("{place} `{symbol}`: {expected}")), "{refused}");
        assert_eq!(refused.matches(": error: ").count(), 1, "{refused}");
    }
    for symbol in ["two_words_link_vaddr", "shared_vaddr", "call", "clients_vaddr", "number"] {
        assert_eq!(refusal(symbol), None, "{symbol}");
    }
}

/// Set `BLESS=1` to accept a change of the output format.
#[test]
fn the_accepted_fixture_comes_out_as_recorded() {
    let composed = compose(&accepted()).unwrap();
    let path = fixtures().join("accept/expected.xml");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, composed.to_sdf()).unwrap();
    }
    assert_eq!(composed.to_sdf(), fs::read_to_string(path).unwrap());
    assert_eq!(composed.qemu.join(" "), "qemu -device loader,file={image} -smp 1");
    assert_eq!(compose(&accepted()).unwrap().to_sdf(), composed.to_sdf());
}

#[test]
fn tables_say_what_the_composed_file_says() {
    let composed = compose(&accepted()).unwrap();
    let sdf = composed.to_sdf();
    let blob = |name: &str| &composed.blobs.iter().find(|blob| blob.name == name).unwrap().bytes;

    let info = BuildInfo::read_from_bytes(blob("build_info.bin")).unwrap();
    assert_eq!((text(&info.kernel), text(&info.config)), ("model 0.1.0", "debug"));
    assert_eq!((text(&info.platform), text(&info.revision)), ("board", "0123456789ab"));

    let pds = <[PdEntry]>::ref_from_bytes(blob("pd_table.bin")).unwrap();
    let names: Vec<_> = pds.iter().map(|pd| text(&pd.name)).collect();
    assert_eq!(names, ["supervisor", "serial", "two-words", "a", "echo"]);
    assert_eq!((pds[0].child, pds[0].channel, pds[0].lifecycle_vaddr), (0xff, 0xff, 0));
    assert_eq!((pds[1].child, pds[2].child, pds[3].child), (7, 0, 1));
    assert_eq!((pds[2].budget_us, pds[2].period_us, pds[2].priority), (500, 2000, 120));
    assert_eq!((pds[3].budget_us, pds[3].period_us, pds[3].stack_bytes), (1000, 1000, 0x2000));
    let map =
        format!("mr=\"two-words_lifecycle\" vaddr=\"{:#x}\" perms=\"r\"", pds[2].lifecycle_vaddr);
    assert!(sdf.contains(&map), "{map}");
    let slots: Vec<_> = pds.iter().map(|pd| pd.sched_context).collect();
    assert_eq!(slots, [1, 2, 3, 4, 5]);
    assert_eq!((pds[3].restarts_max, pds[3].window_ms), (5, 10_000));
    for (vaddr, perms) in [(pds[3].stack_vaddr, "rw"), (pds[3].stack_view_vaddr, "r")] {
        let map = format!("mr=\"a_stack\" vaddr=\"{vaddr:#x}\" perms=\"{perms}\"");
        assert!(sdf.contains(&map), "{map}");
    }
    assert!(pds[2].stack_vaddr != 0 && pds[2].stack_view_vaddr == 0, "it keeps secrets");

    let clients = <[ClientEntry]>::ref_from_bytes(blob("serial_clients.bin")).unwrap();
    let names: Vec<_> = clients.iter().map(|client| text(&client.name)).collect();
    assert_eq!(names, ["supervisor", "two-words", "a", "echo"]);
    for client in clients {
        let name = text(&client.name);
        assert_eq!((client.link_bytes, client.client_data_bytes), (0x2000, 0));
        let map = format!("mr=\"serial_{name}_link\" vaddr=\"{:#x}\"", client.link_vaddr);
        assert!(sdf.contains(&map), "{map}");
        assert!(sdf.contains(&format!("<end pd=\"serial\" id=\"{}\"/>", client.channel)));
    }
    // Both ends of a link count, and of logs only the reader's.
    let known: Vec<Vec<_>> = pds
        .iter()
        .map(|pd| {
            let peers = pd.peer_channels.iter().zip(pds).filter(|(channel, _)| **channel != 0xff);
            peers.map(|(channel, peer)| (text(&peer.name), *channel)).collect()
        })
        .collect();
    let logs: Vec<_> = clients.iter().map(|client| (text(&client.name), client.channel)).collect();
    assert_eq!(known[1], logs);
    let names = |pd: usize| known[pd].iter().map(|peer| peer.0).collect::<Vec<_>>();
    assert_eq!((names(0), names(2), names(3)), (vec![], vec!["a", "echo"], vec!["two-words"]));
    let end = |pd: &str, channel: u8| format!("<end pd=\"{pd}\" id=\"{channel}\"");
    let (_, channel) = sdf.split_once(&end("a", known[3][0].1)).unwrap();
    let (channel, _) = channel.split_once("</channel>").unwrap();
    assert!(channel.contains(&end("two-words", known[2][0].1)), "{channel}");
}

#[test]
fn there_are_no_more_peers_than_the_status_page_shows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("system.xml");
    // Each link has two peers, each log one.
    let refusal = |links: usize| {
        let names: Vec<_> = (0..10).map(|number| format!("pd{number}")).collect();
        let mut text = String::from("<system><limits ram=\"0x1000000\" stack=\"0x4000\"/>");
        text += "<protection_domain name=\"top\" priority=\"200\"><pd_table/>";
        text += "<program_image path=\"top.elf\"/>";
        for (name, priority) in names.iter().zip(10..) {
            text += &format!("<protection_domain name=\"{name}\" priority=\"{priority}\">");
            text += "<program_image path=\"a.elf\"/></protection_domain>";
        }
        text += "</protection_domain>";
        let pairs = (0..10).flat_map(|client| (client + 1..10).map(move |server| (server, client)));
        for (server, client) in pairs.take(links) {
            let (server, client) = (&names[server], &names[client]);
            text += &format!("<link server=\"{server}\" client=\"{client}\" ");
            text += "protocol=\"words\" ring=\"0x1000\"/>";
        }
        fs::write(&path, text + "</system>").unwrap();
        compose(&sources(path.clone())).err().map(|error| error.to_string())
    };
    assert_eq!(refusal(40), None);
    let refusal = refusal(41).unwrap();
    assert!(refusal.contains("its status page shows 80 peers, links have 82"), "{refusal}");
}

/// The program of `a` is this test: an ELF file with symbols, but none of those that links set.
#[test]
fn symbols_that_a_program_lacks_are_not_set() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(std::env::current_exe().unwrap(), folder.path().join("a.elf")).unwrap();
    let mut sources = sources(fixtures().join("accept/system.xml"));
    let text = fs::read_to_string(&sources.system).unwrap();
    sources.system = folder.path().join("system.xml");
    // What the file itself spells out stays; the image tool will say that it is missing.
    fs::write(&sources.system, text).unwrap();
    sources.search_path.push(folder.path().to_owned());
    assert!(compose(&sources).unwrap_err().to_string().contains("[ram]"), "programs count");
    sources.allow = vec![Lint::Ram];
    let composed = compose(&sources).unwrap();
    let sdf = composed.to_sdf();
    assert!(sdf.contains("setvar_vaddr=\"shared_vaddr\"") && sdf.contains("setvar_id=\"call\""));
    assert!(!sdf.contains("two_words_"), "{sdf}");
    assert!(sdf.contains("setvar_vaddr=\"a_link_vaddr\""), "the other end has no program here");
    let findings: Vec<_> = composed.report.findings().iter().map(ToString::to_string).collect();
    let missing: Vec<_> =
        findings.iter().filter_map(|f| f.split_once("has no symbol `").map(|(_, s)| s)).collect();
    let expected = [
        "lifecycle_vaddr`",
        "serial_link_vaddr`",
        "two_words_link_vaddr`",
        "two_words_client_data_vaddr`",
        "two_words_server_data_vaddr`",
    ];
    assert_eq!(missing, expected, "{findings:?}");
    // The table knows where the program starts.
    let table = &composed.blobs.iter().find(|blob| blob.name == "pd_table.bin").unwrap().bytes;
    let pds = <[PdEntry]>::ref_from_bytes(table).unwrap();
    assert_eq!(pds.iter().filter(|pd| pd.entry != 0).count(), 1);
}

#[test]
fn a_platform_may_not_be_a_system() {
    let mut sources = accepted();
    sources.platform = sources.system.clone();
    assert!(compose(&sources).unwrap_err().to_string().contains("expected <platform> here"));
    sources.platform = fixtures().join("none.xml");
    assert_eq!(compose(&sources).unwrap_err().exit_code(), 3);
}

fn cairn(system: &Path, output: &Path) -> Command {
    let mut command = Command::cargo_bin("cairn").unwrap();
    command
        .args(["compose", "--platform"])
        .arg(fixtures().join("board.xml"))
        .arg("--system")
        .arg(system)
        .arg("--search-path")
        .arg(fixtures().join("accept"))
        .arg("-o")
        .arg(output);
    command
}

#[test]
fn the_command_writes_the_system_and_its_files_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("deep/system.xml");
    cairn(&fixtures().join("reject/cycle.xml"), &output)
        .assert()
        .code(1)
        .stderr(predicates::str::contains("[cycle]"));
    assert!(!output.exists() && !folder.path().join("deep").exists());

    cairn(&fixtures().join("accept/system.xml"), &output).assert().success();
    let mut names: Vec<_> = fs::read_dir(output.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = ["build_info.bin", "pd_table.bin", "run.sh", "serial_clients.bin", "system.xml"];
    assert_eq!(names, expected);
}

#[test]
fn the_system_is_rewritten_exactly_when_something_changed() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("system.xml");
    let system = fixtures().join("accept/system.xml");
    let modified = || fs::metadata(&output).unwrap().modified().unwrap();
    cairn(&system, &output).assert().success();
    let first = modified();
    std::thread::sleep(std::time::Duration::from_millis(20));
    cairn(&system, &output).assert().success();
    assert_eq!(modified(), first);
    // Only a blob changes.
    cairn(&system, &output).args(["--revision", "next"]).assert().success();
    assert!(modified() > first);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is done to one of the files, the answer is a system or an error, never a panic; and so
    /// is the drawing.
    #[test]
    fn damaged_descriptions_never_panic(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, "[ -~]{0,12}"), 1..4),
    ) {
        let mut paths = reject_files();
        paths.extend(["accept/system.xml", "accept/overlay.xml", "board.xml"].map(|n| fixtures().join(n)));
        let original = which.get(&paths);
        let mut text = fs::read(original).unwrap();
        for (at, length, with) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, with.bytes());
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.xml");
        fs::write(&path, text).unwrap();
        let mut sources = accepted();
        if original.ends_with("overlay.xml") {
            sources.overlay = vec![path];
        } else if original.ends_with("board.xml") {
            sources.platform = path;
        } else {
            sources.system = path;
        }
        if let Ok(composed) = inspect(&sources) {
            to_svg(&composed);
        }
    }
}
