//! What stands on the screen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Sparkline, Table};

use super::history::{History, Rates};
use crate::status::{Event, Pd, Status, duration, fullest_ring, headline, printable, stack};

/// Columns before the sparkline: heading and width.
const COLUMNS: [(&str, u16); 11] = [
    ("PD", 12),
    ("STATE", 12),
    ("LIFE", 5),
    ("PRIO", 4),
    ("CPU %", 6),
    ("STACK", 13),
    ("RAM KiB", 7),
    ("WOKEN/s", 8),
    ("SENT/s", 8),
    ("RING", 15),
    ("VIOL", 5),
];
/// Space between two columns.
const GAP: u16 = 1;
const EVENTS: u16 = 7;

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, history: &History) {
    let area = frame.area();
    let [top, middle, bottom, keys] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Min(3),
        Constraint::Length(EVENTS),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(head(history), top);
    frame.render_widget(Line::from(" q quit   sort by: c CPU  p priority  n name").dim(), keys);
    let Some(status) = history.last() else { return };
    draw_pds(frame, middle, history);
    frame.render_widget(news(status), bottom);
}

fn head(history: &History) -> Paragraph<'static> {
    let mut lines = match history.last() {
        Some(status) => headline(status).lines().map(|line| Line::from(line.to_owned())).collect(),
        None => vec![Line::from(format!("asking {} ...", history.address))],
    };
    if let Some(failure) = &history.failure {
        lines.truncate(2);
        lines.push(Line::from(printable(failure)).fg(Color::Red));
    }
    Paragraph::new(Text::from(lines))
}

fn draw_pds(frame: &mut Frame<'_>, area: Rect, history: &History) {
    let pds = history.pds();
    let rows = pds.iter().map(|pd| row(pd, history.rates(&pd.name)));
    let heading = Row::new(COLUMNS.map(|(name, _)| name)).add_modifier(Modifier::BOLD);
    let table = Table::new(rows, COLUMNS.map(|(_, width)| Constraint::Length(width)));
    frame.render_widget(table.header(heading).column_spacing(GAP), area);
    // Behind the table, one line each, what the CPU time was.
    let taken: u16 = COLUMNS.iter().map(|(_, width)| width + GAP).sum();
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

fn row(pd: &Pd, rates: Option<Rates>) -> Row<'static> {
    let number = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    let cpu = rates.as_ref().and_then(|rates| rates.cpu_permille);
    let cpu = cpu.map_or("-".into(), |permille| format!("{}.{}", permille / 10, permille % 10));
    let cells = [
        Cell::from(printable(&pd.name)),
        Cell::from(printable(&pd.state)).style(colour(&pd.state)),
        Cell::from(pd.generation.to_string()),
        Cell::from(number(pd.priority)),
        Cell::from(cpu),
        Cell::from(stack(pd)).style(stack_colour(pd)),
        Cell::from(number(pd.ram_bytes.map(|bytes| bytes / 1024))),
        Cell::from(number(rates.as_ref().map(|rates| rates.wakeups))),
        Cell::from(number(rates.as_ref().map(|rates| rates.notifications))),
        Cell::from(fullest_ring(pd)),
        Cell::from(pd.violations.to_string()).style(if pd.violations > 0 {
            Color::Red.into()
        } else {
            Style::default()
        }),
    ];
    Row::new(cells)
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
fn news(status: &Status) -> Paragraph<'static> {
    let block = Block::bordered().title(" events ");
    let events = status.events.iter().rev().map(|event| Line::from(describe(event)));
    let reasons = status.pds.iter().filter(|pd| !pd.text.is_empty());
    let reasons = reasons
        .map(|pd| Line::from(printable(&format!("{} is {}: {}", pd.name, pd.state, pd.text))));
    let lines: Vec<_> = reasons.chain(events).take(usize::from(EVENTS)).collect();
    Paragraph::new(Text::from(lines)).block(block)
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
        assert!(lines[3].starts_with("PD           STATE"), "{lines:#?}");
        assert!(lines[4].starts_with("net          running      2     190  19.0   65000/65536"));
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
