//! `cairn graph`: the drawing is well-formed, complete, marks what is wrong, and is the one in `docs/`.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

use std::fs;
use std::path::{Path, PathBuf};

use cairn::compose::{Composed, Sources, inspect};
use cairn::graph::{to_dot, to_svg};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn composed(system: PathBuf, platform: PathBuf) -> Composed {
    let sources = Sources {
        system,
        platform,
        overlay: Vec::new(),
        search_path: vec![root().join("sdk/cairn/tests/fixtures/accept")],
        allow: Vec::new(),
        kernel: String::new(),
        config: String::new(),
        revision: String::new(),
    };
    inspect(&sources).unwrap()
}

fn fixture(name: &str) -> Composed {
    let folder = root().join("sdk/cairn/tests/fixtures");
    composed(folder.join(name), folder.join("board.xml"))
}

/// (left, top) of each card in a drawing.
fn cards(svg: &str) -> Vec<(f64, f64)> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let rects = document.descendants().filter(|node| node.attribute("rx") == Some("10"));
    let number =
        |node: &roxmltree::Node<'_, '_>, key| node.attribute(key).unwrap().parse().unwrap();
    rects.map(|node| (number(&node, "x"), number(&node, "y"))).collect()
}

#[test]
fn the_drawing_shows_every_pd_apart_from_the_others() {
    let composed = fixture("accept/system.xml");
    let svg = to_svg(&composed);
    for pd in ["supervisor", "serial", "two-words", ">a<"] {
        assert!(svg.contains(pd), "{pd}");
    }
    let cards = cards(&svg);
    assert_eq!(cards.len(), 4);
    for (index, a) in cards.iter().enumerate() {
        for b in &cards[index + 1..] {
            assert!((a.0 - b.0).abs() >= 196.0 || (a.1 - b.1).abs() >= 84.0, "{a:?} {b:?}");
        }
    }
    assert_eq!(to_svg(&composed), svg, "the drawing depends on something else");
}

#[test]
fn what_is_wrong_stands_out() {
    let cycle = to_svg(&fixture("reject/cycle.xml"));
    assert_eq!(cycle.matches("class=\"edge circular\" d=\"M").count(), 3 + 1, "edges and legend");
    let inverted = to_svg(&fixture("reject/pp-priority.xml"));
    assert_eq!(inverted.matches("class=\"edge inverted\" d=\"M").count(), 1 + 1);
    let wx = to_svg(&fixture("reject/wx-one-map.xml"));
    assert_eq!(wx.matches("W and X!").count(), 1);
    assert_eq!(wx.matches(">W^X<").count(), 3);
}

#[test]
fn dot_names_every_edge() {
    let dot = to_dot(&fixture("accept/system.xml"));
    assert!(
        dot.contains("\"a\" -> \"two-words\" [label=\"words\\ncall\\nshared\", style=bold"),
        "{dot}"
    );
    assert!(!dot.contains("lifecycle"));
}

/// `make graph` brings it up to date.
#[test]
fn the_picture_in_the_docs_is_that_of_the_system() {
    let composed =
        composed(root().join("system.xml"), root().join("platforms/qemu_virt_aarch64.xml"));
    let drawn = fs::read_to_string(root().join("docs/system.svg")).unwrap();
    assert!(drawn == to_svg(&composed), "docs/system.svg is out of date: run `make graph`");
}
