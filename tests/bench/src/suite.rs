//! The figures of one kernel.

mod healing;
pub(crate) mod ledger;
mod network;
pub(crate) mod nexus;
mod system;
mod web;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::images::{Overhead, Workshop};
use crate::row::{Goal, Row};

/// Wall-clock figures are the median of so many.
const SAMPLES: usize = 5;

/// Measures everything. Only what cannot even be built is an error.
pub(crate) fn measure(
    workshop: &Workshop<'_>,
    kernel: &str,
    overhead: Overhead,
) -> Result<Suite, String> {
    let images = workshop.make_images(kernel)?;
    let mut suite = Suite::default();
    suite.system(workshop, &images, kernel);
    suite.web(workshop, &images);
    suite.network(workshop, &images);
    suite.reading(workshop, &images, overhead);
    suite.healing(workshop, &images);
    suite.memory(&images);
    Ok(suite)
}

/// How long `make test-host` took last, which notes it. Compiling the tests is a part of it.
pub(crate) fn host_tests(build: &Path) -> Row {
    let path = build.join("host-tests.seconds");
    let seconds = fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<f64>().ok());
    let minutes = seconds.map(|seconds| seconds / 60.0).ok_or("run `make test-host` first".into());
    Row::new("host tests", "min", Goal::AtMost(10.0), minutes)
}

/// What was measured.
#[derive(Default)]
pub(crate) struct Suite {
    pub(crate) rows: Vec<Row>,
    /// RAM of each protection domain, in KiB.
    pub(crate) domains: BTreeMap<String, f64>,
}

/// The median of some measurements; the first failure, if there is one.
fn median_of(mut once: impl FnMut() -> Result<f64, String>) -> Result<f64, String> {
    let mut samples = (0..SAMPLES).map(|_| once()).collect::<Result<Vec<f64>, String>>()?;
    crate::load::median(&mut samples).ok_or_else(|| "nothing was measured".into())
}
