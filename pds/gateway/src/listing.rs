//! The volume's table as a page: HTML for browsers, JSON for programs, lines for people.

use protocols::integrity::ListEntry;

use crate::http::Format;
use crate::readers::Volume;
use crate::text::Text;

/// Media type of a page.
pub(crate) const fn media(format: Format) -> &'static str {
    match format {
        Format::Html => "text/html; charset=utf-8",
        Format::Json => "application/json",
        Format::Text => "text/plain; charset=utf-8",
    }
}

/// Writes what stands before the entries.
pub(crate) fn write_top(format: Format, volume: &Volume, out: &mut Text<'_>) {
    match format {
        Format::Html => {
            out.str(HTML_TOP).html(volume.name()).str("</title>\n<h1>");
            out.html(volume.name()).str("</h1>\n<p>Generation ").decimal(volume.generation);
            out.str(", ").decimal(volume.entries).str(" objects, root <code>").hex(&volume.root);
            out.str("</code></p>\n<table>\n<tr><th>Path<th>Bytes<th>Merkle root\n");
        }
        Format::Json => {
            out.str("{\"volume\": ").json(volume.name());
            out.str(", \"generation\": ").decimal(volume.generation);
            out.str(", \"root\": \"").hex(&volume.root);
            out.str("\", \"entries\": ").decimal(volume.entries).str(", \"objects\": [");
        }
        Format::Text => {}
    }
}

/// Writes one entry.
pub(crate) fn write_entry(
    format: Format,
    is_first: bool,
    entry: &ListEntry,
    path: &str,
    out: &mut Text<'_>,
) {
    match format {
        Format::Html => {
            out.str("<tr><td><a href=\"/o/").uri(path).str("\">").html(path);
            out.str("</a><td>").decimal(entry.size).str("<td><code>").hex(&entry.root);
            out.str("</code>\n");
        }
        Format::Json => {
            out.str(if is_first { "\n" } else { ",\n" }).str("{\"path\": ").json(path);
            out.str(", \"size\": ").decimal(entry.size);
            out.str(", \"root\": \"").hex(&entry.root).str("\"}");
        }
        Format::Text => {
            out.hex(&entry.root).str(" ").decimal(entry.size).str(" ").str(path).str("\n");
        }
    }
}

/// Writes what stands after the entries.
pub(crate) fn write_bottom(format: Format, out: &mut Text<'_>) {
    out.str(match format {
        Format::Html => "</table>\n<p><a href=\"/status\">Status</a></p>\n",
        Format::Json => "\n]}\n",
        Format::Text => "",
    });
}

const HTML_TOP: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width\">\n<style>\n\
    body { font: 16px/1.5 sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }\n\
    table { border-collapse: collapse; width: 100% }\n\
    th, td { border-bottom: 1px solid #ddd; padding: .3rem .6rem; text-align: left }\n\
    td:nth-child(2) { text-align: right }\n\
    code { color: #666; font-size: .8em; overflow-wrap: anywhere }\n\
    </style>\n<title>";
