//! What the image tools report about memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

/// Where RAM begins for kernel and system on this board; below it are devices.
const RAM_START: u64 = 0x6000_0000;
const PAGE_BYTES: u64 = 0x1000;
const LARGE_PAGE_BYTES: u64 = 0x20_0000;

/// Memory of an image, in bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Everything: kernel, initial task, kernel objects, programs, stacks, regions.
    pub(crate) total: u64,
    /// Program, stack and IPC buffer of each protection domain, by name.
    pub(crate) domains: BTreeMap<String, u64>,
}

/// Reads the report beside an image.
pub(crate) fn read(image: &Path) -> Result<Memory, String> {
    let path = image.join("report.txt");
    let problem = |error: io::Error| format!("{}: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(problem)?;
    let memory = of_model(&text).or_else(|| of_sel4(&text));
    memory.ok_or_else(|| format!("{}: says nothing about memory", path.display()))
}

/// The model's tool: a line `ram-bytes N`, and a table of protection domains.
fn of_model(text: &str) -> Option<Memory> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut lines = text.lines().map(words);
    let total = lines.find(|line| line.first().is_some_and(|word| word == "ram-bytes"))?;
    let total = total.get(1)?.parse().ok()?;
    let head = lines.find(|line| line.first().is_some_and(|word| word == "pd"))?;
    let column = |name: &str| head.iter().position(|word| word == name);
    let (name, ram) = (column("name")?, column("ram")?);
    let row = |line: Vec<String>| Some((line.get(name)?.clone(), line.get(ram)?.parse().ok()?));
    Some(Memory { total, domains: lines.map_while(row).collect() })
}

/// The official tool: a list of objects with their addresses as the tool expects them. Pages of programs
/// have addresses of their own there, but what boots uses them where the initial task brings them.
fn of_sel4(text: &str) -> Option<Memory> {
    let mut memory = Memory::default();
    let (mut end, mut embedded) = (0, 0);
    for (kind, name, address) in text.lines().filter_map(object) {
        let bytes = match kind {
            _ if kind.starts_with("Page(2 MiB)") => LARGE_PAGE_BYTES,
            _ if kind.starts_with("Page(") => PAGE_BYTES,
            _ => 0,
        };
        end = end.max(address + bytes);
        let owner = if let Some(page) = name.strip_prefix("frame_elf_") {
            embedded += bytes;
            page.rsplit_once('_').map(|(owner, _)| owner)
        } else if let Some(owner) = name.strip_prefix("frame_ipcbuf_") {
            Some(owner)
        } else {
            // A stack is the image tool's own, or a region named after its owner.
            let page = name.strip_prefix("frame_mr_").or_else(|| name.strip_prefix("frame_"));
            page.and_then(|page| page.rsplit_once("_stack")).map(|(owner, _)| owner)
        };
        if let Some(owner) = owner {
            *memory.domains.entry(owner.to_owned()).or_default() += bytes;
        }
    }
    memory.total = end.checked_sub(RAM_START + embedded)?;
    Some(memory)
}

/// A line `12 - Page(4 KiB): 'frame_elf_net_000000000' @ 0x0000607e0000`.
fn object(line: &str) -> Option<(&str, &str, u64)> {
    let (number, rest) = line.trim_start().split_once(" - ")?;
    number.parse::<u32>().ok()?;
    let (kind, rest) = rest.split_once(": '")?;
    let (name, address) = rest.split_once("' @ 0x")?;
    Some((kind, name, u64::from_str_radix(address.trim(), 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_official_report() {
        let text = "# Kernel Objects Details\n\
            \t0 - Page(4 KiB): 'frame_mr_uart_000000000' @ 0x000009000000\n\
            \t1 - Page(4 KiB): 'frame_elf_net_000000000' @ 0x000060001000\n\
            \t2 - Page(4 KiB): 'frame_net_stack_000000000' @ 0x000060002000\n\
            \t3 - Page(2 MiB): 'frame_mr_large_000000000' @ 0x000060200000\n\
            \t4 - Page(4 KiB): 'frame_ipcbuf_net' @ 0x000060003000\n\
            \t5 - Page(4 KiB): 'frame_mr_net_stack_000000000' @ 0x000060004000\n";
        let domains = [("net".to_owned(), 4 * PAGE_BYTES)].into();
        assert_eq!(of_sel4(text), Some(Memory { total: 0x40_0000 - PAGE_BYTES, domains }));
        assert_eq!(of_sel4("nothing"), None);
    }

    #[test]
    fn reads_the_report_of_the_model() {
        let text = "# Image\nram-bytes     499712\n\n# Protection domains\n\
            pd name   text ram\n0  client 7 28672\n1  server 7 24576\n\n# Memory regions\n";
        let domains = [("client".to_owned(), 28672), ("server".to_owned(), 24576)].into();
        assert_eq!(of_model(text), Some(Memory { total: 499_712, domains }));
        assert_eq!(of_model("ram-bytes many"), None);
    }
}
