//! The picture as Graphviz input.

use super::model::{Edge, Kind, Node, Part, Picture};

/// The whole graph.
pub(super) fn dot(picture: &Picture) -> String {
    let mut text = String::from(
        "digraph system {\n    rankdir=TB;\n    node [shape=box, style=\"rounded,filled\"];\n",
    );
    for node in &picture.nodes {
        text.push_str(&format!("    {}\n", declare(node)));
    }
    for edge in &picture.edges {
        text.push_str(&format!("    {}\n", join(picture, edge)));
    }
    text.push_str("}\n");
    text
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn declare(node: &Node) -> String {
    let fill = match node.part {
        Part::Supervisor => "#fdf0d5",
        Part::Driver => "#ddf1ec",
        Part::Service => "#e8ebfa",
    };
    let mut label = format!("{}\npriority {}", node.name, node.priority);
    for device in &node.devices {
        label.push_str(&format!("\n{device}"));
    }
    if !node.keeps_wx {
        label.push_str("\nW and X");
    }
    format!("{} [label={}, fillcolor=\"{fill}\"];", quote(&node.name), quote(&label))
}

fn join(picture: &Picture, edge: &Edge) -> String {
    let style = match edge.kind {
        Kind::Link => "solid",
        Kind::Call => "bold",
        Kind::Notification => "dotted",
        Kind::Region => "dashed",
    };
    let colour = match (edge.is_circular, edge.is_inverted) {
        (true, _) => "red",
        (_, true) => "orange",
        _ => "black",
    };
    format!(
        "{} -> {} [label={}, style={style}, color={colour}];",
        quote(&picture.nodes[edge.from].name),
        quote(&picture.nodes[edge.to].name),
        quote(&edge.labels.join("\n"))
    )
}
