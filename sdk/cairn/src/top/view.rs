//! What stands on the screen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Sparkline, Table, Wrap};

use super::history::{History, Rates};
use crate::status::{Event, Pd, Status, duration, fullest_ring, headline, printable, stack};

/// A column before the sparkline.
struct Column {
    heading: &'static str,
    /// Narrower it never is, so that it stays where it is while figures change.
    width_min: u16,
    is_number: bool,
    /// Columns of the highest rank go first where the window is too narrow for all.
    rank: u8,
}

const fn column(heading: &'static str, width_min: u16, is_number: bool, rank: u8) -> Column {
    Column { heading, width_min, is_number, rank }
}

const COLUMNS: [Column; 11] = [
    column("PD", 10, false, 0),
    column("STATE", 8, false, 0),
    column("LIFE", 4, true, 2),
    column("PRIO", 4, true, 6),
    column("CPU %", 5, true, 0),
    column("STACK", 11, true, 3),
    column("RAM KiB", 7, true, 5),
    column("WOKEN/s", 7, true, 7),
    column("SENT/s", 6, true, 8),
    column("FULLEST RING", 14, false, 4),
    column("VIOL", 4, true, 1),
];
/// Space between two columns.
const GAP: u16 = 1;

/// Draws everything. Where there is too little room, PDs go before events, and what is left out is said.
pub fn draw(frame: &mut Frame<'_>, history: &History) {
    let head = head(history);
    let area = frame.area();
    let pds = history.last().map_or(0, |status| status.pds.len());
    let [top, middle, bottom, keys] = Layout::vertical([
        Constraint::Length(rows(&head, area.width).saturating_add(1)),
        Constraint::Length(u16::try_from(pds).unwrap_or(u16::MAX).saturating_add(1)),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(head).wrap(Wrap { trim: false }), top);
    let mut help = " q quit   sort by: c CPU  p priority  n name".to_owned();
    if let Some(status) = history.last() {
        let hidden = draw_pds(frame, middle, history);
        if !hidden.is_empty() {
            help.push_str(&format!("   wider: {}", hidden.join(", ")));
        }
        frame.render_widget(news(status, bottom.height), bottom);
    }
    frame.render_widget(Line::from(help).dim(), keys);
}

/// Lines that `text` takes in a window of this width. Breaking between words may take one more, for
/// which the empty line below is.
fn rows(text: &Text<'_>, width: u16) -> u16 {
    let rows =
        text.lines.iter().map(|line| line.width().div_ceil(usize::from(width.max(1))).max(1));
    u16::try_from(rows.sum::<usize>()).unwrap_or(u16::MAX)
}

fn head(history: &History) -> Text<'static> {
    let mut lines = match history.last() {
        Some(status) => headline(status).lines().map(|line| Line::from(line.to_owned())).collect(),
        None => vec![Line::from(format!("asking {} ...", history.address))],
    };
    if let Some(failure) = &history.failure {
        lines.push(Line::from(printable(failure)).fg(Color::Red));
    }
    Text::from(lines)
}

/// Draws the table; the headings of columns that do not fit.
fn draw_pds(frame: &mut Frame<'_>, area: Rect, history: &History) -> Vec<&'static str> {
    let mut pds = history.pds();
    let room = usize::from(area.height.saturating_sub(1));
    let hidden = pds.len().saturating_sub(room);
    if hidden > 0 {
        // The last line says how many are missing.
        pds.truncate(room.saturating_sub(1));
    }
    let cells: Vec<_> = pds.iter().map(|pd| cells(pd, history.rates(&pd.name))).collect();
    let widths = widths(&cells);
    let shown = shown(&widths, area.width);
    let mut rows: Vec<_> =
        pds.iter().zip(&cells).map(|(pd, cells)| row(pd, cells, &shown)).collect();
    if hidden > 0 {
        rows.push(Row::new([format!("+{} more", hidden + 1)]).dim());
    }
    let heading = |&index: &usize| align(&COLUMNS[index], COLUMNS[index].heading.to_owned());
    let heading = Row::new(shown.iter().map(heading)).add_modifier(Modifier::BOLD);
    let table = Table::new(rows, shown.iter().map(|&index| Constraint::Length(widths[index])));
    frame.render_widget(table.header(heading).column_spacing(GAP), area);
    let taken =
        shown.iter().map(|&index| widths[index].saturating_add(GAP)).fold(0, u16::saturating_add);
    draw_past(frame, area, taken, &pds, history);
    let is_hidden = |index: &usize| !shown.contains(index);
    (0..COLUMNS.len()).filter(is_hidden).map(|index| COLUMNS[index].heading).collect()
}

/// Behind the table, one line each, what the CPU time was.
fn draw_past(frame: &mut Frame<'_>, area: Rect, taken: u16, pds: &[&Pd], history: &History) {
    let Some(width) = area.width.checked_sub(taken).filter(|width| *width > 0) else { return };
    for (pd, y) in pds.iter().zip(area.y.saturating_add(1)..area.bottom()) {
        let place = Rect { x: area.x + taken, y, width, height: 1 };
        let past = history.cpu(&pd.name);
        let latest = past.get(past.len().saturating_sub(usize::from(width))..).unwrap_or_default();
        // The scale of each line is its own: most PDs use little.
        let line = Sparkline::default().data(latest.iter().copied()).fg(Color::Cyan);
        frame.render_widget(line, place);
    }
}

/// What each column needs.
fn widths(cells: &[[String; COLUMNS.len()]]) -> [u16; COLUMNS.len()] {
    std::array::from_fn(|index| {
        let column = &COLUMNS[index];
        let texts = cells.iter().map(|cells| cells[index].as_str()).chain([column.heading]);
        let widest = texts.map(|text| text.chars().count()).max().unwrap_or(0);
        u16::try_from(widest).unwrap_or(u16::MAX).max(column.width_min)
    })
}

/// The columns that fit as they are, in order: a figure that is cut would be another one.
fn shown(widths: &[u16; COLUMNS.len()], width: u16) -> Vec<usize> {
    let mut ranked: Vec<_> = (0..COLUMNS.len()).collect();
    ranked.sort_by_key(|&index| COLUMNS[index].rank);
    let mut end = 0_u16;
    let fits = |index: &usize| {
        end = end.saturating_add(widths[*index]).saturating_add(GAP);
        end <= width.saturating_add(GAP)
    };
    let mut shown: Vec<_> = ranked.into_iter().take_while(fits).collect();
    shown.sort_unstable();
    shown
}

fn cells(pd: &Pd, rates: Option<Rates>) -> [String; COLUMNS.len()] {
    let number = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    let cpu = rates.as_ref().and_then(|rates| rates.cpu_permille);
    let cpu = cpu.map_or("-".into(), |permille| format!("{}.{}", permille / 10, permille % 10));
    [
        printable(&pd.name),
        printable(&pd.state),
        pd.generation.to_string(),
        number(pd.priority),
        cpu,
        stack(pd),
        number(pd.ram_bytes.map(|bytes| bytes / 1024)),
        number(rates.as_ref().map(|rates| rates.wakeups)),
        number(rates.as_ref().map(|rates| rates.notifications)),
        fullest_ring(pd),
        pd.violations.to_string(),
    ]
}

fn row(pd: &Pd, cells: &[String; COLUMNS.len()], shown: &[usize]) -> Row<'static> {
    let cell = |&index: &usize| {
        let column = &COLUMNS[index];
        let style = match column.heading {
            "STATE" => colour(&pd.state),
            "STACK" => stack_colour(pd),
            "VIOL" if pd.violations > 0 => Color::Red.into(),
            _ => Style::default(),
        };
        align(column, cells[index].clone()).style(style)
    };
    Row::new(shown.iter().map(cell))
}

fn align(column: &Column, text: String) -> Cell<'static> {
    let line = Line::from(text);
    Cell::from(if column.is_number { line.right_aligned() } else { line })
}

fn colour(state: &str) -> Style {
    match state {
        "running" => Color::Green.into(),
        "initialising" | "loaded" | "degraded" | "paused" | "terminating" => Color::Yellow.into(),
        "terminated" => Color::DarkGray.into(),
        _ => Style::from(Color::Red).add_modifier(Modifier::BOLD),
    }
}

/// Nine tenths of a stack in use are a warning.
fn stack_colour(pd: &Pd) -> Style {
    match (pd.stack_used_bytes, pd.stack_bytes) {
        (Some(used), Some(bytes)) if used > bytes / 10 * 9 => Color::Red.into(),
        _ => Style::default(),
    }
}

/// The latest events, or why PDs are in the state they are in.
fn news(status: &Status, height: u16) -> Paragraph<'static> {
    let block = Block::bordered().title(" events ");
    let events = status.events.iter().rev().map(|event| Line::from(describe(event)));
    let reasons = status.pds.iter().filter(|pd| !pd.text.is_empty());
    let reasons = reasons
        .map(|pd| Line::from(printable(&format!("{} is {}: {}", pd.name, pd.state, pd.text))));
    let lines: Vec<_> = reasons.chain(events).take(usize::from(height)).collect();
    Paragraph::new(Text::from(lines)).wrap(Wrap { trim: false }).block(block)
}

fn describe(event: &Event) -> String {
    let Event { at_us, pd, from, to, text } = event;
    let why = if text.is_empty() { String::new() } else { format!(": {text}") };
    printable(&format!("{:>12}  {pd}: {from} -> {to}{why}", duration(*at_us)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Peer;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn look(uptime_us: u64, cpu_us: u64, state: &str) -> Status {
        let pd = |name: &str, priority| Pd {
            name: name.into(),
            state: state.into(),
            generation: 2,
            priority: Some(priority),
            cpu_us: Some(cpu_us),
            stack_bytes: Some(65536),
            stack_used_bytes: Some(65000),
            ram_bytes: Some(294_912),
            wakeups: uptime_us / 1000,
            peers: vec![Peer { name: "nic".into(), most: 9, capacity: 128, ..Peer::default() }],
            text: if name == "net" { "no \u{1b}card".into() } else { String::new() },
            ..Pd::default()
        };
        Status {
            version: "0.1.0".into(),
            kernel: "sel4 16.0.0".into(),
            uptime_us,
            pds: vec![pd("gateway", 100), pd("net", 190)],
            events: vec![Event {
                at_us: 7_300_000,
                pd: "net".into(),
                from: "failed".into(),
                to: "running".into(),
                ..Event::default()
            }],
            ..Status::default()
        }
    }

    fn screen(width: u16, height: u16, history: &History) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, history)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let cells: Vec<_> = buffer.content().iter().map(|cell| cell.symbol().to_owned()).collect();
        cells.chunks(usize::from(width)).map(<[String]>::concat).collect()
    }

    #[test]
    fn shows_pds_by_priority_with_a_sparkline_each() {
        let mut history = History::new("here".into());
        for second in 1..=10 {
            history.add(look(second * 1_000_000, second * second * 10_000, "running"));
        }
        let lines = screen(120, 20, &history);
        assert!(lines[0].contains("Cairn 0.1.0") && lines[0].contains("up 10.0 s"), "{lines:#?}");
        assert!(lines[3].starts_with("PD         STATE"), "{lines:#?}");
        assert!(lines[4].starts_with("net        running     2  190  19.0 65000/65536     288"));
        assert!(lines[4].contains(" 288 ") && lines[4].contains(" 1000 "), "{}", lines[4]);
        assert!(lines[4].contains(" 9/128 nic "), "{}", lines[4]);
        assert!(lines[4].contains('█') && lines[4].contains('▁'), "{}", lines[4]);
        assert!(lines[5].starts_with("gateway"), "{lines:#?}");
        let all = lines.concat();
        assert!(all.contains("net is running: no ?card"), "{lines:#?}");
        assert!(all.contains("7.3 s  net: failed -> running"), "{lines:#?}");
    }

    #[test]
    fn says_that_nobody_answers_and_keeps_what_was_seen() {
        let mut history = History::new("here".into());
        assert!(screen(80, 12, &history).concat().contains("asking here ..."));
        history.lose("here: connection refused".into());
        assert!(screen(80, 12, &history).concat().contains("connection refused"));
        history.add(look(1, 1, "running"));
        history.lose("here: connection refused".into());
        let all = screen(80, 20, &history).concat();
        assert!(all.contains("connection refused") && all.contains("gateway"));
    }

    /// The PDs of the real system, whose names and figures are the longest.
    fn real(uptime_us: u64) -> Status {
        let names = "supervisor pulse timer disk entropy net nic store crypto ledger integrity serial gateway";
        let template = look(uptime_us, uptime_us / 7, "running").pds.remove(0);
        let peers = |name: &str| vec![Peer { name: name.into(), ..template.peers[0].clone() }];
        let pds = names.split(' ').map(|name| Pd {
            name: name.into(),
            peers: peers("integrity"),
            violations: 12,
            ..template.clone()
        });
        let version = "0.1.0".to_owned();
        Status {
            version,
            revision: "0123456789ab-dirty".into(),
            kernel: "sel4 16.0.0".into(),
            config: "benchmark".into(),
            platform: "qemu_virt_aarch64".into(),
            pds: pds.collect(),
            ..look(uptime_us, 0, "running")
        }
    }

    #[test]
    fn a_small_terminal_shows_every_pd_and_cuts_nothing() {
        let mut history = History::new("here".into());
        for day in 1..=2 {
            history.add(real(day * 90_061_000_000));
        }
        let lines = screen(80, 24, &history);
        let all = lines.join("\n");
        assert!(all.contains("2 d 02:02:02"), "{all}");
        for pd in &history.last().unwrap().pds {
            let line = lines.iter().find(|line| line.starts_with(&format!("{} ", pd.name)));
            let line = line.unwrap_or_else(|| panic!("no {}:\n{all}", pd.name));
            for text in ["running", " 14.2 ", "65000/65536", "9/128 integrity", " 288 ", " 12"] {
                assert!(line.contains(text), "no `{text}`:\n{all}");
            }
        }
        assert!(all.contains("wider: WOKEN/s, SENT/s"), "{all}");
        assert!(all.contains("7.3 s  net: failed -> running"), "{all}");
    }

    #[test]
    fn a_window_that_is_too_low_says_how_many_pds_it_hides() {
        let mut history = History::new("here".into());
        history.add(real(1));
        let lines = screen(120, 12, &history);
        let pds = lines.iter().filter(|line| line.contains(" running ")).count();
        let all = lines.join("\n");
        assert!(all.contains(&format!("+{} more", 13 - pds)), "{all}");
    }

    #[test]
    fn any_window_will_do() {
        let mut history = History::new("here".into());
        history.add(look(1, 1, "held"));
        history.add(look(2, 2, "held"));
        for (width, height) in [(1, 1), (7, 3), (200, 2), (20, 60), (300, 100)] {
            screen(width, height, &history);
        }
    }
}
