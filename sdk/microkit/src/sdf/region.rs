//! `<memory_region>`.

use super::error::{Problem, SdfError};
use super::limits::{LARGE_PAGE, PAGE, PHYS_END};
use super::model::{MemoryRegion, Prefill};
use super::reader::Element;

const ATTRIBUTES: [&str; 6] =
    ["name", "size", "page_size", "phys_addr", "prefill_path", "prefill_bootinfo"];

/// Reads one region; the prefill file itself is not opened.
pub(super) fn read(element: Element<'_, '_>) -> Result<MemoryRegion, SdfError> {
    element.allow(&ATTRIBUTES)?;
    element.allow_no_children()?;
    let name = element.required("name")?.to_owned();
    if element.text("prefill_bootinfo").is_some() {
        let problem = Problem::Unsupported("boot information from the loader");
        return Err(element.attribute_error("prefill_bootinfo", problem));
    }
    let page_size_given = element.number("page_size")?;
    let page_size = page_size_given.unwrap_or(PAGE);
    if page_size != PAGE && page_size != LARGE_PAGE {
        let text = element.text("page_size").unwrap_or_default().to_owned();
        let problem = Problem::NotAChoice { text, choices: "0x1000 or 0x200000" };
        return Err(element.attribute_error("page_size", problem));
    }
    let prefill = element.text("prefill_path").map(|path| Prefill {
        at: element.attribute_at("prefill_path"),
        path: path.to_owned(),
        bytes: Vec::new(),
    });
    let size = read_size(element, page_size)?;
    if size.is_none() && prefill.is_none() {
        return Err(element.attribute_error("size", Problem::NoSize));
    }
    let phys_addr = element.number("phys_addr")?;
    if let Some(start) = phys_addr {
        element.check_aligned("phys_addr", start, page_size)?;
        let size = size.unwrap_or(page_size);
        if start.checked_add(size).is_none_or(|end| end > PHYS_END) {
            let problem = Problem::RangePastEnd { start, size, limit: PHYS_END };
            return Err(element.attribute_error("phys_addr", problem));
        }
    }
    Ok(MemoryRegion {
        at: element.at(),
        name,
        size,
        page_size,
        page_size_given: page_size_given.is_some(),
        phys_addr,
        prefill,
    })
}

fn read_size(element: Element<'_, '_>, page_size: u64) -> Result<Option<u64>, SdfError> {
    let Some(size) = element.number("size")? else { return Ok(None) };
    element.check_aligned("size", size, page_size)?;
    element.bounded("size", size, page_size, PHYS_END).map(Some)
}
