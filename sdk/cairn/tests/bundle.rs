//! `cairn chain`: bundles, releases, revocation, anchors and forks, as a user runs them.

#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic and has no reader of docs")]

mod bench;

use std::fs;

use bench::{Bench, copy_folder};

/// A folder with a chain that released `app`, and a pointer.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("app.elf", &[7; 70_000]);
    bench.ok("chain init chain");
    bench.ok("chain append chain --release app=app.elf,1.2.3,qemu_virt_aarch64 --age-max 3600");
    bench.ok(&format!("chain append chain --pointer volume/demo={}", "ab".repeat(32)));
    bench
}

#[test]
fn a_bundle_takes_a_device_from_its_anchor_to_the_chains_end() {
    let bench = bench();
    bench.ok("chain anchor chain -o anchor");
    bench.ok("chain append chain");
    for from in ["", "--from 2"] {
        bench.ok(&format!("chain bundle make chain -o bundle {from}"));
        let proven = bench.json("chain bundle verify bundle --anchor anchor");
        assert_eq!((&proven["sequence"], &proven["revoked"]), (&3.into(), &false.into()));
        assert_eq!(proven["registers"][0]["name"], "app");
        assert_eq!(proven["registers"][0]["version"], "1.2.3");
        assert_eq!(proven["registers"][2]["digest"], "ab".repeat(32));
    }
    // Cut to the first event behind the anchor, such a bundle proves nothing to others.
    bench.ok("chain bundle make chain -o late --from 3");
    bench.refused("chain bundle verify late --anchor anchor", "not the anchored event");
    bench.fails("chain bundle make chain -o late --from 4", 2);
    let mut bytes = fs::read(bench.path("bundle")).unwrap();
    let signature = bytes.len() - 42;
    bytes[signature] ^= 1;
    fs::write(bench.path("bundle"), bytes).unwrap();
    bench.refused("chain bundle verify bundle --anchor anchor", "chain event 3: bad signature");
}

#[test]
fn a_binary_runs_where_its_release_says() {
    let bench = bench();
    bench.ok("chain anchor chain -o anchor");
    bench.ok("chain bundle make chain -o bundle");
    let verify = "chain bundle verify bundle --anchor anchor --binary app=app.elf --platform";
    bench.ok(&format!("{verify} qemu_virt_aarch64"));
    bench.refused(&format!("{verify} zynqmp"), "another platform");
    fs::write(bench.path("app.elf"), vec![7; 70_001]).unwrap();
    bench.refused(&format!("{verify} qemu_virt_aarch64"), "not the binary of the release");
    for argument in ["app=app.elf", "app=app.elf,1.2,q", "app=app.elf,1.2.3,a b", "=x,1.2.3,q"] {
        let output = bench.command("chain append chain --release").arg(argument).output();
        assert_eq!(output.unwrap().status.code(), Some(2), "{argument}");
    }
    // The same version of another binary.
    bench.refused(
        "chain append chain --release app=app.elf,1.2.3,qemu_virt_aarch64",
        "release version not higher",
    );
}

#[test]
fn a_stale_chain_is_noticed_by_who_has_a_clock() {
    let bench = bench();
    let lines =
        ["chain verify chain --fresh", "chain bundle verify bundle --anchor anchor --fresh"];
    let pack = || {
        bench.ok("chain anchor chain -o anchor");
        bench.ok("chain bundle make chain -o bundle");
    };
    pack();
    // The clock judges, not the time that the chain's events are given.
    lines.iter().for_each(|line| bench.refused(line, " s old, at most 3600 s allowed"));
    let now = bench.command("chain append chain").env_remove("SOURCE_DATE_EPOCH").output().unwrap();
    assert!(now.status.success());
    pack();
    for line in lines {
        bench.ok(line);
    }
}

#[test]
fn an_anchor_never_moves_backwards() {
    let bench = bench();
    copy_folder(&bench.path("chain"), &bench.path("old"));
    bench.ok("chain append chain");
    bench.ok("chain anchor chain -o anchor");
    bench.refused("chain verify old --anchor anchor", "chain ends before event 3, anchored is 3");
    bench.refused("chain anchor old -o anchor", "chain ends before event 3, anchored is 3");
    bench.ok("chain append chain");
    bench.ok("chain anchor chain -o anchor");
    bench.ok("chain verify chain --anchor anchor");
    fs::write(bench.path("anchor"), "x").unwrap();
    bench.refused("chain verify chain --anchor anchor", "not an anchor");
}

#[test]
fn a_revoked_chain_is_pinned_by_nobody() {
    let bench = bench();
    bench.ok("chain anchor chain -o anchor");
    assert_eq!(bench.json("chain revoke chain")["done"], "revoked");
    bench.refused("chain append chain", "chain is revoked");
    bench.refused("chain anchor chain -o other", "no image is to pin it");
    bench.ok("chain verify chain --anchor anchor");
    bench.ok("chain bundle make chain -o bundle");
    assert_eq!(bench.json("chain bundle verify bundle --anchor anchor")["revoked"], true);
    let line = "chain bundle verify bundle --anchor anchor --binary app=app.elf --platform q";
    bench.refused(line, "the chain is revoked");
}

#[test]
fn two_tongues_are_evidence() {
    let bench = bench();
    copy_folder(&bench.path("chain"), &bench.path("other"));
    bench.refused("chain fork chain other", "no fork");
    bench.ok("chain append chain");
    bench.refused("chain fork chain other", "no fork");
    bench.ok(&format!("chain append other --item list={}", "cd".repeat(32)));
    // What is no chain forked nothing, and is not the end of one.
    fs::write(bench.path("garbage"), "garbage").unwrap();
    bench.refused("chain fork chain garbage", "garbage: ");
    // A pipe stays what it is.
    bench.refused("chain fork chain other -o /dev/null", "/dev/null: no regular file");
    let fork = bench.json("chain fork chain other/chain.cbor -o evidence");
    assert_eq!(fork["sequence"], 3);
    assert_ne!(fork["events"][0], fork["events"][1]);
    assert_eq!(bench.json("chain fork evidence")["events"], fork["events"]);
    // Whose keys these are, only a chain that was replayed tells.
    assert_eq!(fork["keys_checked"], true);
    assert_eq!(bench.json("chain fork evidence")["keys_checked"], false);
    assert_eq!(bench.json("chain fork chain/chain.cbor other")["keys_checked"], false);
    assert!(bench.ok("chain fork evidence").contains("anybody's"));
    let mut forged = fs::read(bench.path("evidence")).unwrap();
    let signature = forged.len() - 40;
    forged[signature] ^= 1;
    fs::write(bench.path("evidence"), forged).unwrap();
    bench.refused("chain fork evidence", "no fork");
}
