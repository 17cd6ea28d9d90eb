//! `report.txt`: what is in an image, for people and for scripts that read columns.

use std::fmt::{self, Display, Write};

use model_spec::Config;
use model_spec::layout::RAM_START;
use model_spec::slots::{IRQ_BASE, OUTPUT_ENDPOINT_BASE, OUTPUT_NOTIFICATION_BASE};

use crate::elf::Program;
use crate::kernel::Kernel;
use crate::layout::{Content, Layout};
use crate::sdf::{PdIndex, ProtectionDomain, System, Trigger};

/// Everything a report tells.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The board's name.
    pub board: &'a str,
    /// The configuration.
    pub config: Config,
    /// The description.
    pub system: &'a System,
    /// Its programs.
    pub programs: &'a [Program],
    /// Their sizes as linked: patching spells out zeros of `.bss`.
    pub sizes: &'a [ProgramSizes],
    /// The kernel.
    pub kernel: &'a Kernel,
    /// Where everything lies.
    pub layout: &'a Layout,
    /// Length of the raw image in bytes.
    pub image_bytes: usize,
}

/// The name of a configuration on the command line.
#[must_use]
pub fn config_name(config: Config) -> &'static str {
    match config {
        Config::Debug => "debug",
        Config::Release => "release",
        Config::Benchmark => "benchmark",
    }
}

/// Sizes of one program in bytes, as `size` counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProgramSizes {
    /// Contents that are never written: code and constants.
    pub text: u64,
    /// Contents that may be written.
    pub data: u64,
    /// Memory that begins as zeros.
    pub bss: u64,
}

impl ProgramSizes {
    /// Adds up a program's segments.
    #[must_use]
    pub fn of(program: &Program) -> Self {
        let mut sizes = Self::default();
        for segment in &program.segments {
            let contents = segment.bytes.len() as u64;
            let part = if segment.perms.write { &mut sizes.data } else { &mut sizes.text };
            *part += contents;
            sizes.bss += segment.size - contents;
        }
        sizes
    }
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary(f)?;
        self.domains(f)?;
        self.regions(f)?;
        self.mappings(f)?;
        self.channels(f)?;
        self.interrupts(f)
    }
}

impl Report<'_> {
    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layout, kernel, .. } = self;
        writeln!(f, "# Image")?;
        writeln!(f, "kernel        model kernel (for development and tests; not seL4)")?;
        writeln!(f, "kernel-blake3 {}", kernel.digest)?;
        writeln!(f, "spec-version  {}", model_spec::VERSION)?;
        writeln!(f, "board         {}", self.board)?;
        writeln!(f, "config        {}", config_name(self.config))?;
        writeln!(f, "image-bytes   {}", self.image_bytes)?;
        writeln!(f, "ram-bytes     {}", layout.ram_bytes())?;
        writeln!(f, "kernel-memory {:#x}..{:#x}", layout.kernel.start, layout.kernel.end)?;
        writeln!(f, "page-tables   {:#x}..{:#x}", layout.tables.start, layout.tables.end)
    }

    fn domains(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n# Protection domains (bytes; times in microseconds)")?;
        let mut table = Table::new(&[
            "pd", "name", "parent", "priority", "budget", "period", "passive", "fpu", "text",
            "data", "bss", "stack", "ram", "entry", "program",
        ]);
        for (index, (domain, program)) in self.system.domains.iter().zip(self.programs).enumerate()
        {
            let ProgramSizes { text, data, bss } = self.sizes[index];
            let parent = domain.parent.map_or_else(
                || "-".to_owned(),
                |(parent, id)| format!("{}:{id}", self.system.domain(parent).name),
            );
            table.row(&[
                &index,
                &domain.name,
                &parent,
                &domain.priority,
                &domain.budget_us,
                &domain.period_us,
                &domain.passive,
                &domain.fpu,
                &text,
                &data,
                &bss,
                &domain.stack_size,
                &self.own_bytes(domain, program),
                &format_args!("{:#x}", program.entry),
                &domain.program.path,
            ]);
        }
        table.fmt(f)
    }

    /// Memory that only this domain has: program pages, stack and IPC buffer.
    fn own_bytes(&self, domain: &ProtectionDomain, program: &Program) -> u64 {
        let pages =
            program.segments.iter().map(|segment| segment.pages_end() - segment.first_page());
        pages.sum::<u64>() + domain.stack_size + crate::sdf::limits::PAGE
    }

    fn regions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n# Memory regions")?;
        let mut table =
            Table::new(&["region", "paddr", "bytes", "page", "kind", "prefill", "mapped-by"]);
        let together = self.system.regions.iter().zip(&self.layout.regions).enumerate();
        for (index, (region, &paddr)) in together {
            let frames = &self.layout.frames;
            let is_filled = frames.iter().any(
                |frames| matches!(frames.content, Content::Region(filled) if filled.0 == index),
            );
            let kind = match (is_filled && paddr >= RAM_START, region.phys_addr) {
                (true, None) => "ram",
                (true, Some(_)) => "ram-fixed",
                (false, _) => "device",
            };
            let users = self
                .system
                .domains
                .iter()
                .filter(|domain| domain.maps.iter().any(|map| map.region.0 == index));
            let users: Vec<&str> = users.map(|domain| domain.name.as_str()).collect();
            let users = if users.is_empty() { "-".to_owned() } else { users.join(",") };
            table.row(&[
                &region.name,
                &format_args!("{paddr:#x}"),
                &region.bytes(),
                &format_args!("{:#x}", region.page_size),
                &kind,
                &region.prefill.as_ref().map_or("-", |prefill| prefill.path.as_str()),
                &users,
            ]);
        }
        table.fmt(f)
    }

    fn mappings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n# Mappings")?;
        let mut table = Table::new(&["pd", "vaddr", "paddr", "bytes", "page", "rights", "memory"]);
        for (domain, laid_out) in self.system.domains.iter().zip(&self.layout.domains) {
            for mapping in &laid_out.mappings {
                let right = |bit, letter| if mapping.rights & bit == 0 { '-' } else { letter };
                let rights: String = [
                    right(model_spec::map_rights::READ, 'r'),
                    right(model_spec::map_rights::WRITE, 'w'),
                    right(model_spec::map_rights::EXECUTE, 'x'),
                ]
                .iter()
                .collect();
                let is_cached = mapping.memory == model_spec::MemoryKind::Cached as u8;
                table.row(&[
                    &domain.name,
                    &format_args!("{:#x}", mapping.vaddr),
                    &format_args!("{:#x}", mapping.paddr),
                    &mapping.bytes,
                    &format_args!("{:#x}", 1u64 << mapping.page_bits),
                    &rights,
                    &if is_cached { "cached" } else { "device" },
                ]);
            }
        }
        table.fmt(f)
    }

    fn channels(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n# Channels (one row per end and right)")?;
        let mut table = Table::new(&["from", "id", "to", "to-id", "right", "slot", "badge"]);
        for index in 0..self.system.domains.len() {
            let pd = PdIndex(index);
            for (near, far) in self.system.ends_of(pd) {
                let rights = [
                    (near.notify, "notify", OUTPUT_NOTIFICATION_BASE, 1 << far.id),
                    (near.pp, "call", OUTPUT_ENDPOINT_BASE, 1 << 63 | u64::from(far.id)),
                ];
                for (_, right, base, badge) in rights.into_iter().filter(|right| right.0) {
                    table.row(&[
                        &self.system.domain(pd).name,
                        &near.id,
                        &self.system.domain(far.pd).name,
                        &far.id,
                        &right,
                        &(base + u16::from(near.id)),
                        &format_args!("{badge:#x}"),
                    ]);
                }
            }
        }
        table.fmt(f)
    }

    fn interrupts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n# Interrupts")?;
        let mut table = Table::new(&["irq", "pd", "id", "trigger", "slot", "badge"]);
        for domain in &self.system.domains {
            for irq in &domain.irqs {
                table.row(&[
                    &irq.irq,
                    &domain.name,
                    &irq.id,
                    &if irq.trigger == Trigger::Edge { "edge" } else { "level" },
                    &(IRQ_BASE + u16::from(irq.id)),
                    &format_args!("{:#x}", 1u64 << irq.id),
                ]);
            }
        }
        table.fmt(f)
    }
}

/// Rows with columns as wide as their widest cell.
struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    /// Adds a row. White space in a cell becomes `_`, so that a script may split on it.
    fn row(&mut self, cells: &[&dyn Display]) {
        let cell = |cell: &&dyn Display| cell.to_string().replace(char::is_whitespace, "_");
        self.rows.push(cells.iter().map(cell).collect());
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, &width) in row.iter().zip(&widths) {
                write!(line, "{cell:<width$} ")?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
