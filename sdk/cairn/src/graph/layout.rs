//! Places nodes in layers by priority and routes edges between them.
//!
//! The most urgent layer is on top. A layer holds neighbours in the order of priorities that share no
//! edge; edges over several layers pass through invisible points, so that they go around nodes.

use super::model::{Edge, Picture};

/// Width and height of a node.
pub(super) const NODE: (f64, f64) = (196.0, 84.0);
const NODE_GAP: f64 = 56.0;
const POINT_GAP: f64 = 34.0;
const LAYER_GAP: f64 = 96.0;
const NODES_PER_LAYER_MAX: usize = 4;
const SWEEPS: usize = 40;
const RELAXATIONS: usize = 200;

/// A place in a layer: a node, or a point that an edge passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Node(usize),
    Point,
}

/// Where everything is.
#[derive(Debug)]
pub(super) struct Layout {
    /// Centre of each node.
    pub(super) nodes: Vec<(f64, f64)>,
    /// For each edge its points from `from` to `to`, the first and last on the nodes' borders.
    pub(super) routes: Vec<Vec<(f64, f64)>>,
    /// Lowest and highest priority of each layer with its y.
    pub(super) bands: Vec<(u64, u64, f64)>,
    pub(super) width: f64,
    pub(super) height: f64,
}

struct Graph {
    slots: Vec<Slot>,
    layer_of: Vec<usize>,
    layers: Vec<Vec<usize>>,
    /// Slots of each edge from its `from` node to its `to` node.
    chains: Vec<Vec<usize>>,
    x: Vec<f64>,
}

/// Lays `picture` out.
pub(super) fn layout(picture: &Picture) -> Layout {
    let node_layers = layers(picture);
    let mut graph = Graph::new(picture, &node_layers);
    graph.order();
    graph.spread();
    graph.finish(picture)
}

/// Layer of each node, zero on top.
fn layers(picture: &Picture) -> Vec<usize> {
    let mut order: Vec<usize> = (0..picture.nodes.len()).collect();
    order.sort_by_key(|&node| std::cmp::Reverse(picture.nodes[node].priority));
    let joined = |a: usize, b: usize| {
        picture.edges.iter().any(|e| (e.from, e.to) == (a, b) || (e.from, e.to) == (b, a))
    };
    let mut layer_of = vec![0; order.len()];
    let mut members: Vec<usize> = Vec::new();
    let mut layer = 0;
    for node in order {
        let full = members.len() == NODES_PER_LAYER_MAX;
        if full || members.iter().any(|&other| joined(node, other)) {
            members.clear();
            layer += 1;
        }
        members.push(node);
        layer_of[node] = layer;
    }
    layer_of
}

impl Graph {
    fn new(picture: &Picture, node_layers: &[usize]) -> Self {
        let count = node_layers.iter().max().map_or(0, |last| last + 1);
        let mut graph = Self {
            slots: (0..node_layers.len()).map(Slot::Node).collect(),
            layer_of: node_layers.to_vec(),
            layers: vec![Vec::new(); count],
            chains: Vec::new(),
            x: Vec::new(),
        };
        for (node, layer) in node_layers.iter().enumerate() {
            graph.layers[*layer].push(node);
        }
        for edge in &picture.edges {
            let (from, to) = (node_layers[edge.from], node_layers[edge.to]);
            let mut between: Vec<usize> = (from.min(to) + 1..from.max(to)).collect();
            if from > to {
                between.reverse();
            }
            let mut chain = vec![edge.from];
            chain.extend(between.into_iter().map(|layer| graph.add_point(layer)));
            chain.push(edge.to);
            graph.chains.push(chain);
        }
        graph
    }

    fn add_point(&mut self, layer: usize) -> usize {
        let slot = self.slots.len();
        self.slots.push(Slot::Point);
        self.layer_of.push(layer);
        self.layers[layer].push(slot);
        slot
    }

    fn neighbours(&self, slot: usize) -> impl Iterator<Item = usize> {
        self.chains.iter().flat_map(|chain| chain.windows(2)).filter_map(move |pair| match *pair {
            [a, b] if a == slot => Some(b),
            [a, b] if b == slot => Some(a),
            _ => None,
        })
    }

    /// Orders each layer by the mean position of its neighbours above, then below, and so on, and
    /// keeps the order with the fewest crossings.
    fn order(&mut self) {
        let mut best = (self.crossings(), self.layers.clone());
        for sweep in 0..SWEEPS {
            let down = sweep % 2 == 0;
            let count = self.layers.len();
            for step in 1..count {
                let layer = if down { step } else { count - 1 - step };
                let fixed = if down { layer - 1 } else { layer + 1 };
                self.order_layer(layer, fixed);
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.layers.clone());
            }
        }
        self.layers = best.1;
    }

    fn order_layer(&mut self, layer: usize, fixed: usize) {
        let position = |slot: usize| self.layers[fixed].iter().position(|other| *other == slot);
        let mut keyed: Vec<(f64, usize)> = Vec::new();
        for (index, &slot) in self.layers[layer].iter().enumerate() {
            let places: Vec<f64> = self
                .neighbours(slot)
                .filter(|other| self.layer_of[*other] == fixed)
                .filter_map(position)
                .map(as_f64)
                .collect();
            keyed.push((mean(&places).unwrap_or(as_f64(index)), slot));
        }
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.layers[layer] = keyed.into_iter().map(|(_, slot)| slot).collect();
    }

    fn crossings(&self) -> usize {
        let mut position = vec![0; self.slots.len()];
        for layer in &self.layers {
            for (index, slot) in layer.iter().enumerate() {
                position[*slot] = index;
            }
        }
        let pieces: Vec<_> = self
            .chains
            .iter()
            .flat_map(|chain| chain.windows(2))
            .map(|pair| {
                let downwards = self.layer_of[pair[0]] < self.layer_of[pair[1]];
                if downwards { (pair[0], pair[1]) } else { (pair[1], pair[0]) }
            })
            .collect();
        let mut count = 0;
        for (index, a) in pieces.iter().enumerate() {
            for b in &pieces[index + 1..] {
                let same_gap = self.layer_of[a.0] == self.layer_of[b.0];
                let above = position[a.0].cmp(&position[b.0]);
                let below = position[a.1].cmp(&position[b.1]);
                count += usize::from(same_gap && above == below.reverse() && above.is_ne());
            }
        }
        count
    }

    fn half_width(&self, slot: usize) -> f64 {
        match self.slots[slot] {
            Slot::Node(_) => NODE.0 / 2.0,
            Slot::Point => 0.0,
        }
    }

    fn gap(&self, left: usize, right: usize) -> f64 {
        let nodes = [left, right].map(|slot| matches!(self.slots[slot], Slot::Node(_)));
        let between = if nodes == [true, true] { NODE_GAP } else { POINT_GAP };
        self.half_width(left) + between + self.half_width(right)
    }

    /// Pulls every slot towards its neighbours, keeping the order and the gaps.
    fn spread(&mut self) {
        self.x = vec![0.0; self.slots.len()];
        for layer in self.layers.clone() {
            for pair in layer.windows(2) {
                self.x[pair[1]] = self.x[pair[0]] + self.gap(pair[0], pair[1]);
            }
            let centre = layer.last().map_or(0.0, |last| self.x[*last] / 2.0);
            for slot in layer {
                self.x[slot] -= centre;
            }
        }
        for _ in 0..RELAXATIONS {
            for layer in self.layers.clone() {
                self.relax(&layer);
            }
        }
    }

    fn relax(&mut self, layer: &[usize]) {
        let wanted: Vec<f64> = layer
            .iter()
            .map(|&slot| {
                let places: Vec<f64> = self.neighbours(slot).map(|other| self.x[other]).collect();
                mean(&places).unwrap_or(self.x[slot])
            })
            .collect();
        // From the left and from the right, then the middle of both: order and gaps hold in each.
        let mut left = wanted.clone();
        for i in 1..layer.len() {
            left[i] = left[i].max(left[i - 1] + self.gap(layer[i - 1], layer[i]));
        }
        let mut right = wanted;
        for i in (1..layer.len()).rev() {
            right[i - 1] = right[i - 1].min(right[i] - self.gap(layer[i - 1], layer[i]));
        }
        for (i, slot) in layer.iter().enumerate() {
            self.x[*slot] = f64::midpoint(left[i], right[i]);
        }
    }

    fn finish(&self, picture: &Picture) -> Layout {
        let margin = NODE.0 / 2.0 + 40.0;
        let least = self.x.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let x = |slot: usize| self.x[slot] - least + margin + 60.0;
        let y = |layer: usize| as_f64(layer) * (NODE.1 + LAYER_GAP) + NODE.1 / 2.0 + 30.0;
        let nodes: Vec<_> =
            (0..picture.nodes.len()).map(|node| (x(node), y(self.layer_of[node]))).collect();
        let routes = self.chains.iter().map(|chain| {
            chain.iter().map(|&slot| (x(slot), y(self.layer_of[slot]))).collect::<Vec<_>>()
        });
        let bands = self.layers.iter().enumerate().filter_map(|(layer, slots)| {
            let of = slots.iter().filter_map(|slot| picture.nodes.get(*slot)).map(|n| n.priority);
            Some((of.clone().min()?, of.max()?, y(layer)))
        });
        let mut layout = Layout {
            routes: routes.collect(),
            bands: bands.collect(),
            width: most - least + 2.0 * margin + 60.0,
            height: y(self.layers.len().saturating_sub(1)) + NODE.1 / 2.0 + 30.0,
            nodes,
        };
        layout.attach(picture);
        layout
    }
}

impl Layout {
    /// Moves the ends of routes from the nodes' centres to their borders, side by side in the order
    /// in which they leave.
    fn attach(&mut self, picture: &Picture) {
        for node in 0..self.nodes.len() {
            for is_top in [true, false] {
                let leaves = |(index, edge): (usize, &Edge)| {
                    let route = &self.routes[index];
                    let is_start = edge.from == node;
                    let next = if is_start { route[1] } else { route[route.len() - 2] };
                    let here =
                        (is_start || edge.to == node) && (next.1 < self.nodes[node].1) == is_top;
                    here.then_some((next.0, index, is_start))
                };
                let ends = picture.edges.iter().enumerate().filter_map(leaves).collect();
                self.place_ends(node, is_top, ends);
            }
        }
    }

    fn place_ends(&mut self, node: usize, is_top: bool, mut ends: Vec<(f64, usize, bool)>) {
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (x, y) = self.nodes[node];
        let step = (NODE.0 - 40.0) / as_f64(ends.len() + 1);
        for (index, (_, edge, is_start)) in ends.into_iter().enumerate() {
            let at = (
                x - NODE.0 / 2.0 + 20.0 + step * as_f64(index + 1),
                if is_top { y - NODE.1 / 2.0 } else { y + NODE.1 / 2.0 },
            );
            let route = &mut self.routes[edge];
            let last = route.len() - 1;
            route[if is_start { 0 } else { last }] = at;
        }
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / as_f64(values.len()))
}

/// Counts in a picture are far below 2^32.
pub(super) fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
