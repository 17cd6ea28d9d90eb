//! The picture as SVG.

use super::layout::{Layout, NODE, as_f64};
use super::model::{Edge, Kind, Node, Part, Picture};

const LEGEND_HEIGHT: f64 = 96.0;
const TITLE_HEIGHT: f64 = 56.0;
const LABEL_LINE: f64 = 13.0;
/// Mean width of a character of a label.
const LABEL_CHARACTER: f64 = 6.1;

const STYLE: &str = "\
svg{background:#fff}text{font-family:'Inter','Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2733}\
.name{font-size:16px;font-weight:600}.fact{font-size:11px;fill:#556070}\
.label{font-size:11px;fill:#2b3442;paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}\
.band{font-size:11px;fill:#8a94a3}.rule{stroke:#e6e9ee;stroke-width:1}\
.title{font-size:20px;font-weight:600}.mark{font-size:10px;font-weight:600}\
.edge{fill:none;stroke-width:1.6}.link{stroke:#4a5bd0}.call{stroke:#1f2733;stroke-width:2.6}\
.notification{stroke:#8a94a3;stroke-dasharray:2 4}.region{stroke:#1d8a72;stroke-dasharray:7 4}\
.inverted{stroke:#e08a00}.circular{stroke:#d1242f;stroke-width:2.6}";

/// A rectangle that labels keep clear of: left, top, right, bottom.
type Box = (f64, f64, f64, f64);

/// The whole drawing.
pub(super) fn svg(picture: &Picture, layout: &Layout) -> String {
    let width = layout.width.max(860.0);
    let height = TITLE_HEIGHT + layout.height + LEGEND_HEIGHT;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n\
         <title>The composed system: protection domains by priority</title>\n\
         <style>{STYLE}</style>\n{}",
        markers()
    );
    text.push_str(&format!("<rect width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#fff\"/>\n"));
    text.push_str(&heading(picture));
    text.push_str(&format!("<g transform=\"translate(0 {TITLE_HEIGHT})\">\n"));
    for (low, high, y) in &layout.bands {
        text.push_str(&band(*low, *high, *y, width));
    }
    for (edge, route) in picture.edges.iter().zip(&layout.routes) {
        text.push_str(&path(edge, route));
    }
    for (node, at) in picture.nodes.iter().zip(&layout.nodes) {
        text.push_str(&card(node, *at));
    }
    text.push_str(&labels(picture, layout));
    text.push_str("</g>\n");
    text.push_str(&legend(height - LEGEND_HEIGHT + 14.0));
    text.push_str("</svg>\n");
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn markers() -> String {
    let colours = [
        ("link", "#4a5bd0"),
        ("call", "#1f2733"),
        ("notification", "#8a94a3"),
        ("region", "#1d8a72"),
        ("inverted", "#e08a00"),
        ("circular", "#d1242f"),
    ];
    let markers: String = colours
        .iter()
        .map(|(name, colour)| {
            format!(
                "<marker id=\"to-{name}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" \
                 markerUnits=\"userSpaceOnUse\" markerWidth=\"11\" markerHeight=\"11\" \
                 orient=\"auto\"><path d=\"M0 1 10 5 0 9z\" fill=\"{colour}\"/></marker>"
            )
        })
        .collect();
    format!("<defs>{markers}</defs>\n")
}

fn heading(picture: &Picture) -> String {
    format!(
        "<text class=\"title\" x=\"24\" y=\"34\">The composed system</text>\
         <text class=\"fact\" x=\"24\" y=\"52\">{} protection domains, {} memory regions, {} channels, \
         {} KiB in regions and stacks · urgent on top</text>\n",
        picture.nodes.len(),
        picture.regions,
        picture.channels,
        picture.ram_bytes.div_ceil(1024)
    )
}

fn band(low: u64, high: u64, y: f64, width: f64) -> String {
    let range = if low == high { low.to_string() } else { format!("{high}–{low}") };
    format!(
        "<line class=\"rule\" x1=\"24\" x2=\"{:.0}\" y1=\"{y:.0}\" y2=\"{y:.0}\"/>\
         <text class=\"band\" x=\"24\" y=\"{:.0}\">{range}</text>\n",
        width - 24.0,
        y - 6.0
    )
}

fn class(edge: &Edge) -> &'static str {
    match (edge.is_circular, edge.is_inverted, edge.kind) {
        (true, ..) => "circular",
        (_, true, _) => "inverted",
        (.., Kind::Link) => "link",
        (.., Kind::Call) => "call",
        (.., Kind::Notification) => "notification",
        (.., Kind::Region) => "region",
    }
}

fn path(edge: &Edge, route: &[(f64, f64)]) -> String {
    let mut curve = String::new();
    for (index, pair) in route.windows(2).enumerate() {
        let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
        if index == 0 {
            curve.push_str(&format!("M{x0:.1} {y0:.1}"));
        }
        let bend = (y1 - y0) * 0.45;
        curve.push_str(&format!(
            "C{x0:.1} {:.1} {x1:.1} {:.1} {x1:.1} {y1:.1}",
            y0 + bend,
            y1 - bend
        ));
    }
    let class = class(edge);
    format!("<path class=\"edge {class}\" d=\"{curve}\" marker-end=\"url(#to-{class})\"/>\n")
}

fn card(node: &Node, (x, y): (f64, f64)) -> String {
    let (fill, line) = match node.part {
        Part::Supervisor => ("#fdf3dc", "#d9a441"),
        Part::Driver => ("#e2f4ef", "#3fa58e"),
        Part::Service => ("#eceffb", "#7c89d9"),
    };
    let (left, top) = (x - NODE.0 / 2.0, y - NODE.1 / 2.0);
    let mut facts = format!("priority {} · stack {} KiB", node.priority, node.stack_bytes / 1024);
    if node.passive {
        facts.push_str(" · passive");
    }
    let limits = node.budget_us.map(|(budget, period)| format!("budget {budget}/{period} µs"));
    let second: Vec<_> = limits.into_iter().chain(node.devices.iter().cloned()).collect();
    let mut text = format!(
        "<g><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{}\" height=\"{}\" rx=\"10\" fill=\"{fill}\" \
         stroke=\"{line}\" stroke-width=\"1.5\"/>\
         <text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\
         <text class=\"fact\" x=\"{:.1}\" y=\"{:.1}\">{facts}</text>\
         <text class=\"fact\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        NODE.0,
        NODE.1,
        left + 14.0,
        top + 25.0,
        escape(&node.name),
        left + 14.0,
        top + 43.0,
        left + 14.0,
        top + 59.0,
        escape(&second.join(" · "))
    );
    text.push_str(&marks(node, left + 14.0, top + 75.0));
    text.push_str("</g>\n");
    text
}

/// What every PD has, or should have: W^X, lifecycle page, log.
fn marks(node: &Node, x: f64, y: f64) -> String {
    let wx = if node.keeps_wx { ("W^X", "#3a7d44") } else { ("W and X!", "#d1242f") };
    let others = [(node.has_lifecycle, "lifecycle"), (node.has_log, "log")];
    let shown = others.into_iter().filter(|(has, _)| *has).map(|(_, name)| (name, "#7a8594"));
    let spans: Vec<_> = std::iter::once(wx)
        .chain(shown)
        .map(|(name, colour)| format!("<tspan style=\"fill:{colour}\">{name}</tspan>"))
        .collect();
    format!("<text class=\"mark\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", spans.join(" · "))
}

/// Puts each edge's label where it covers neither node nor other label.
fn labels(picture: &Picture, layout: &Layout) -> String {
    let mut taken: Vec<Box> = layout
        .nodes
        .iter()
        .map(|(x, y)| (x - NODE.0 / 2.0, y - NODE.1 / 2.0, x + NODE.0 / 2.0, y + NODE.1 / 2.0))
        .collect();
    let mut text = String::new();
    for (edge, route) in picture.edges.iter().zip(&layout.routes) {
        let longest = edge.labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
        let half =
            (as_f64(longest) * LABEL_CHARACTER / 2.0, as_f64(edge.labels.len()) * LABEL_LINE / 2.0);
        let around = |(x, y): (f64, f64)| (x - half.0, y - half.1, x + half.0, y + half.1);
        let places = places(route);
        let free =
            places.iter().find(|at| taken.iter().all(|other| !overlap(around(**at), *other)));
        let Some(&(x, y)) = free.or(places.first()) else { continue };
        taken.push(around((x, y)));
        for (index, label) in edge.labels.iter().enumerate() {
            let line = y - half.1 + LABEL_LINE * (as_f64(index) + 0.8);
            text.push_str(&format!(
                "<text class=\"label\" x=\"{x:.1}\" y=\"{line:.1}\" text-anchor=\"middle\">{}</text>\n",
                escape(label)
            ));
        }
    }
    text
}

/// Candidates along a route: the middle of its first piece, then further away.
fn places(route: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let steps = [0.5, 0.4, 0.6, 0.3, 0.7, 0.25, 0.75, 0.2, 0.8];
    let pieces = route.windows(2).collect::<Vec<_>>();
    steps
        .iter()
        .flat_map(|step| pieces.iter().map(move |pair| along(pair[0], pair[1], *step)))
        .collect()
}

/// A point of the curve that `path` draws between two points.
fn along((x0, y0): (f64, f64), (x1, y1): (f64, f64), t: f64) -> (f64, f64) {
    let s = 1.0 - t;
    let bend = (y1 - y0) * 0.45;
    let weights = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
    let x = (weights[0] + weights[1]) * x0 + (weights[2] + weights[3]) * x1;
    let y = weights[0] * y0 + weights[1] * (y0 + bend) + weights[2] * (y1 - bend) + weights[3] * y1;
    (x, y)
}

/// Whether two boxes touch, or nearly.
fn overlap(a: Box, b: Box) -> bool {
    a.0 - 4.0 < b.2 && b.0 < a.2 + 4.0 && a.1 < b.3 && b.1 < a.3
}

fn legend(y: f64) -> String {
    let edges = [
        ("link", "link: asks → serves"),
        ("call", "protected call"),
        ("notification", "notification"),
        ("region", "shared region: bytes flow"),
        ("inverted", "server below its client"),
        ("circular", "circular wait"),
    ];
    let mut text = String::new();
    let mut x = 24.0;
    for (class, meaning) in edges {
        text.push_str(&format!(
            "<path class=\"edge {class}\" d=\"M{x:.0} {y:.0}h34\" marker-end=\"url(#to-{class})\"/>\
             <text class=\"fact\" x=\"{:.0}\" y=\"{:.0}\">{meaning}</text>\n",
            x + 41.0,
            y + 4.0
        ));
        x += 62.0 + as_f64(meaning.chars().count()) * 5.6;
    }
    let cards = [
        ("#fdf3dc", "#d9a441", "supervisor, parent of all"),
        ("#e2f4ef", "#3fa58e", "driver"),
        ("#eceffb", "#7c89d9", "service"),
    ];
    let (mut x, y) = (24.0, y + 20.0);
    for (fill, line, meaning) in cards {
        text.push_str(&format!(
            "<rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"22\" height=\"14\" rx=\"4\" fill=\"{fill}\" stroke=\"{line}\"/>\
             <text class=\"fact\" x=\"{:.0}\" y=\"{:.0}\">{meaning}</text>\n",
            x + 29.0,
            y + 11.0
        ));
        x += 62.0 + as_f64(meaning.chars().count()) * 5.6;
    }
    text.push_str(&format!(
        "<text class=\"fact\" x=\"24\" y=\"{:.0}\">Every child shares a lifecycle page with the supervisor, \
         and a log ring with the console's driver; both are marks on the cards.</text>\n",
        y + 36.0
    ));
    text
}
