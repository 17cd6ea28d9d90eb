//! The status page in a real browser. A screenshot is kept beside the consoles.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::reading::Served;
use crate::shared::{Tests, named};

pub(crate) fn tests() -> Tests<Served> {
    named!["page": a_browser_shows_the_system, its_files_are_proven_objects]
}

/// Debian's Chromium, or one that calls itself so.
fn browser() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut paths = std::env::split_paths(&folders).flat_map(|at| names.map(|name| at.join(name)));
    paths.find(|path| path.is_file())
}

/// What the page consists of once its scripts have looked at the system a few times.
fn open(browser: &Path, url: &str, screenshot: &Path) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--dump-dom"])
        .args(["--window-size=1260,1700", "--virtual-time-budget=5000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--screenshot={}", screenshot.display()))
        .arg(url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The text of the element with this id, without the markup in it.
fn text_of<'p>(page: &'p str, id: &str) -> &'p str {
    let (_, after) = page.split_once(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("{id}"));
    after.split_once('>').unwrap().1.split('<').next().unwrap()
}

pub(crate) fn a_browser_shows_the_system(served: &Served) {
    let Some(browser) = browser() else {
        eprintln!("*** NOT TESTED: the status page, for there is no Chromium (Debian: chromium)");
        return;
    };
    let screenshot = served.machine.log().with_file_name("status-page.png");
    let url = format!("http://127.0.0.1:{}/ui/", served.machine.port());
    let page = open(&browser, &url, &screenshot);
    assert_eq!(text_of(&page, "contact"), "live", "{page}");
    assert_eq!((text_of(&page, "volume"), text_of(&page, "chain")), ("proven", "proven"));
    let status: Value = serde_json::from_slice(&served.machine.get("/status").body).unwrap();
    let root = &status["volume"]["root"].as_str().unwrap()[..16];
    assert!(text_of(&page, "volume-detail").contains(root), "{root}");
    assert!(text_of(&page, "system").contains(status["kernel"].as_str().unwrap()));
    let pds = status["pds"].as_array().unwrap();
    let all = format!("{0} of {0} run", pds.len());
    assert_eq!(text_of(&page, "running"), all);
    let (_, table) = page.split_once("<tbody id=\"pds\">").unwrap();
    let (_, picture) = page.split_once("id=\"picture\"").unwrap();
    for pd in pds {
        let name = pd["name"].as_str().unwrap();
        let row = table.split("<tr>").find(|row| row.contains(&format!(">{name}</th>")));
        assert!(row.unwrap_or_else(|| panic!("{name}")).contains(">running</span>"), "{name}");
        assert!(picture.contains(&format!(">{name}</text>")), "{name} is not in the picture");
    }
    let (_, rings) = page.split_once("id=\"rings\"").unwrap();
    let of_gateway = rings.split_once(">gateway</h3>").unwrap().1.split("</h3>").next().unwrap();
    for peer in ["net", "integrity", "ledger", "crypto", "timer"] {
        assert!(of_gateway.contains(&format!("<span>{peer}</span>")), "{peer}: {of_gateway}");
    }
    let png = std::fs::read(&screenshot).unwrap();
    assert!(png.starts_with(b"\x89PNG") && png.len() > 50_000, "{} bytes", png.len());
}

pub(crate) fn its_files_are_proven_objects(served: &Served) {
    for (target, path) in
        [("/ui/", "ui/index.html"), ("/ui/app.js", "ui/app.js"), ("/ui/style.css", "ui/style.css")]
    {
        let response = served.machine.get(target);
        assert_eq!((response.status, &*response.body), (200, served.file(path)), "{target}");
        let tag = format!("\"{}\"", served.house().root_of(path));
        assert_eq!(response.field("etag"), Some(&*tag), "{target}");
    }
}
