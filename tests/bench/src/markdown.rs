//! The same figures as tables for `docs/benchmarks.md`.

use crate::row::{Figure, Row};
use crate::suite::Suite;

/// A table of all figures with a column for each kernel, and one of the memory of protection domains.
pub(crate) fn page(qemu: &str, suites: &[(String, Suite)], host: &[Row]) -> String {
    let titles: String = suites.iter().map(|(title, _)| format!(" {title} |")).collect();
    let rules = "---:|".repeat(suites.len());
    let mut text = format!("{qemu}.\n\n| figure | unit | goal |{titles}\n|---|---|---:|{rules}\n");
    let count = suites.iter().map(|(_, suite)| suite.rows.len()).max().unwrap_or(0);
    for number in 0..count {
        let rows: Vec<_> = suites.iter().filter_map(|(_, suite)| suite.rows.get(number)).collect();
        text += &line(&rows);
    }
    text.extend(host.iter().map(|row| line(&vec![row; suites.len()])));
    text += &format!("\n| KiB: program, stack, IPC buffer |{titles}\n|---|{rules}\n");
    let names = suites.iter().flat_map(|(_, suite)| suite.domains.keys());
    for name in names.collect::<std::collections::BTreeSet<_>>() {
        let cell = |(_, suite): &(String, Suite)| match suite.domains.get(name) {
            Some(kib) => format!(" {kib:.0} |"),
            None => " |".into(),
        };
        text += &format!("| `{name}` |{}\n", suites.iter().map(cell).collect::<String>());
    }
    text
}

/// The same figure of several kernels.
fn line(rows: &[&Row]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let cells: String = rows.iter().map(|row| format!(" {} |", cell(row))).collect();
    format!("| {} | {} | {} |{cells}\n", first.name, first.unit, first.goal)
}

/// A figure that misses its goal stands out, and says by how much.
fn cell(row: &Row) -> String {
    match (&row.value, row.missed_by()) {
        (Err(_), _) => "not measured".into(),
        (Ok(value), Some(percent)) if percent > 0.0 => {
            format!("**{}** ({} %)", Figure(*value), Figure(percent))
        }
        (Ok(value), _) => Figure(*value).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Goal;

    #[test]
    fn each_kernel_has_its_column() {
        let suite = |value| Suite {
            rows: vec![Row::new("boot", "ms", Goal::AtMost(50.0), value)],
            domains: [("net".to_owned(), 12.4)].into(),
        };
        let suites = [("a".into(), suite(Ok(75.0))), ("b".into(), suite(Err("no".into())))];
        let host_tests = Row::new("host tests", "min", Goal::AtMost(10.0), Ok(9.0));
        let page = page("QEMU 10", &suites, &[host_tests]);
        let expected = "QEMU 10.\n\n| figure | unit | goal | a | b |\n|---|---|---:|---:|---:|\n\
            | boot | ms | <= 50 | **75** (50 %) | not measured |\n\
            | host tests | min | <= 10 | 9 | 9 |\n\n\
            | KiB: program, stack, IPC buffer | a | b |\n|---|---:|---:|\n| `net` | 12 | 12 |\n";
        assert_eq!(page, expected);
    }
}
