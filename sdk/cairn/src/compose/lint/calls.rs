//! Rules about who calls and who waits for whom.

use super::super::report::{Lint, Report};
use super::super::system::{Channel, System};
use super::super::xml::Element;
use super::Scene;

/// Caller and callee of a channel that has `pp`.
fn call(channel: &Channel<'_>) -> Option<(usize, usize)> {
    match channel.ends.map(|end| end.pp) {
        [true, _] => Some((channel.ends[0].pd, channel.ends[1].pd)),
        [_, true] => Some((channel.ends[1].pd, channel.ends[0].pd)),
        _ => None,
    }
}

/// A PPC server has one client: with two, either could intercept the other's calls.
pub(super) fn single_client(scene: &Scene<'_>, report: &mut Report) {
    let calls: Vec<_> = scene.system.channels.iter().filter_map(|c| Some((c, call(c)?))).collect();
    for (index, (channel, (caller, callee))) in calls.iter().enumerate() {
        let earlier =
            calls[..index].iter().find(|(_, (other, to))| to == callee && other != caller);
        if let Some((_, (other, _))) = earlier {
            let name = |pd: usize| scene.system.pds[pd].name;
            let message = format!(
                "`{}` is called by `{}` and `{}`: a protected procedure has one client",
                name(*callee),
                name(*other),
                name(*caller)
            );
            report.lint(Lint::PpClient, channel.element, message);
        }
    }
}

/// Callers below callees; servers not below their clients.
pub(super) fn priorities(scene: &Scene<'_>, report: &mut Report) {
    let pds = &scene.system.pds;
    for channel in &scene.system.channels {
        let Some((caller, callee)) = call(channel) else { continue };
        let (caller, callee) = (&pds[caller], &pds[callee]);
        if caller.priority >= callee.priority {
            let message = format!(
                "caller `{}` has priority {}, callee `{}` only {}",
                caller.name, caller.priority, callee.name, callee.priority
            );
            report.lint(Lint::PpPriority, channel.element, message);
        }
    }
    for link in scene.links.iter().filter(|link| link.waits() && !link.is_inversion_allowed) {
        let ends = scene.system.pd(&link.client).zip(scene.system.pd(&link.server));
        let Some((client, server)) = ends.map(|(client, server)| (&pds[client], &pds[server]))
        else {
            continue;
        };
        if server.priority < client.priority {
            let message = format!(
                "server `{}` has priority {}, below its client `{}` with {}",
                server.name, server.priority, client.name, client.priority
            );
            report.lint(Lint::Inversion, &link.element(), message);
        }
    }
}

/// One PD that waits for another.
pub(crate) struct Wait {
    pub(crate) client: usize,
    pub(crate) server: usize,
    element: Element,
}

fn waits(scene: &Scene<'_>) -> Vec<Wait> {
    let links = scene.links.iter().filter(|link| link.waits()).filter_map(|link| {
        let element = link.element();
        let (client, server) = (scene.system.pd(&link.client)?, scene.system.pd(&link.server)?);
        Some(Wait { client, server, element })
    });
    let calls = scene.system.channels.iter().filter_map(|channel| {
        let (client, server) = call(channel)?;
        Some(Wait { client, server, element: channel.element.clone() })
    });
    links.chain(calls).collect()
}

/// No circle of PDs in which each waits for the next.
pub(super) fn cycles(scene: &Scene<'_>, report: &mut Report) {
    let waits = waits(scene);
    let edges: Vec<_> = waits.iter().map(|wait| (wait.client, wait.server)).collect();
    if let Some(cycle) = find_cycle(scene.system.pds.len(), &edges) {
        let closing =
            waits.iter().find(|w| Some(&w.client) == cycle.last() && w.server == cycle[0]);
        let Some(closing) = closing else { return };
        report.lint(
            Lint::Cycle,
            &closing.element,
            format!("closes the circle {}", circle(scene.system, &cycle)),
        );
    }
}

fn circle(system: &System<'_>, cycle: &[usize]) -> String {
    let names: Vec<_> =
        cycle.iter().chain(cycle.first()).map(|pd| format!("`{}`", system.pds[*pd].name)).collect();
    names.join(" → ")
}

/// The nodes of a cycle in edge order, if there is one.
pub(crate) fn find_cycle(nodes: usize, edges: &[(usize, usize)]) -> Option<Vec<usize>> {
    // Strip nodes that wait for nobody until only nodes on or before a cycle are left.
    let mut alive = vec![true; nodes];
    loop {
        let waits = |node: usize| edges.iter().any(|&(from, to)| from == node && alive[to]);
        let idle = (0..nodes).find(|&node| alive[node] && !waits(node));
        match idle {
            Some(node) => alive[node] = false,
            None => break,
        }
    }
    let mut path = vec![alive.iter().position(|alive| *alive)?];
    loop {
        let here = *path.last()?;
        let (_, next) = edges.iter().find(|&&(from, to)| from == here && alive[to])?;
        if let Some(start) = path.iter().position(|node| node == next) {
            return Some(path.split_off(start));
        }
        path.push(*next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_cycle_and_nothing_else() {
        assert_eq!(find_cycle(3, &[(0, 1), (1, 2)]), None);
        assert_eq!(find_cycle(4, &[(0, 1), (1, 2), (2, 1), (2, 3)]), Some(vec![1, 2]));
        assert_eq!(find_cycle(1, &[(0, 0)]), Some(vec![0]));
        assert_eq!(find_cycle(0, &[]), None);
    }
}
