//! Capabilities and interrupts of every protection domain, as Microkit 2.3 lays them out.

use model_spec::slots::{
    CHILD_TCB_BASE, FAULT_ENDPOINT, INPUT, IRQ_BASE, MONITOR_ENDPOINT, OUTPUT_ENDPOINT_BASE,
    OUTPUT_NOTIFICATION_BASE, REPLY, TCB, VSPACE,
};
use model_spec::{
    CAP_SPACE_MICROKIT, CAP_SPACE_ROOT, Cap, CapKind, Config, Irq, Trigger as SpecTrigger, rights,
};

use crate::sdf::{CapKind as RootCap, PdIndex, ProtectionDomain, System, Trigger};

/// Badge bit of a fault message.
const FAULT_BADGE: u64 = 1 << 62;
/// Badge bit of a protected call.
const CALL_BADGE: u64 = 1 << 63;

/// All interrupts, ascending by number.
#[must_use]
pub fn irqs(system: &System) -> Vec<Irq> {
    let mut irqs = Vec::new();
    for (pd, domain) in numbered(system) {
        irqs.extend(domain.irqs.iter().map(|irq| Irq {
            badge: 1 << irq.id,
            intid: irq.irq.into(),
            pd,
            trigger: match irq.trigger {
                Trigger::Level => SpecTrigger::Level,
                Trigger::Edge => SpecTrigger::Edge,
            } as u8,
            reserved: 0,
        }));
    }
    irqs.sort_by_key(|irq| irq.intid);
    irqs
}

/// All capabilities, ascending by domain, space and slot. `irqs` is the table from [`irqs`].
#[must_use]
pub fn caps(system: &System, irqs: &[Irq], config: Config) -> Vec<Cap> {
    let mut caps = Vec::new();
    for (pd, domain) in numbered(system) {
        let mut owner = Owner { pd, caps: &mut caps };
        own_objects(&mut owner, system, domain, config);
        wiring(&mut owner, system, domain, irqs);
    }
    caps.sort_by_key(|cap| (cap.pd, cap.space, cap.slot));
    caps
}

/// Domains with the numbers that the boot specification knows them by.
fn numbered(system: &System) -> impl Iterator<Item = (u16, &ProtectionDomain)> {
    (0..).zip(&system.domains)
}

/// The parser admits 63 domains, so their numbers fit.
fn number(pd: PdIndex) -> u16 {
    u16::try_from(pd.0).unwrap_or(u16::MAX)
}

/// The CSpace that capabilities are being put into.
struct Owner<'a> {
    pd: u16,
    caps: &'a mut Vec<Cap>,
}

impl Owner<'_> {
    fn add(&mut self, slot: u16, kind: CapKind, object: u16, badge: u64) {
        let rights = match kind {
            CapKind::Endpoint | CapKind::MonitorEndpoint => rights::ENDPOINT,
            CapKind::Notification => rights::NOTIFICATION,
            _ => 0,
        };
        self.caps.push(Cap {
            badge,
            pd: self.pd,
            slot,
            object,
            space: CAP_SPACE_MICROKIT,
            kind: kind as u8,
            rights,
            reserved: [0; 7],
        });
    }

    fn add_root(&mut self, slot: u8, kind: CapKind, object: u16) {
        self.add(slot.into(), kind, object, 0);
        if let Some(cap) = self.caps.last_mut() {
            cap.space = CAP_SPACE_ROOT;
        }
    }
}

fn own_objects(owner: &mut Owner<'_>, system: &System, domain: &ProtectionDomain, config: Config) {
    let pd = owner.pd;
    let input = match system.needs_endpoint(PdIndex(pd.into())) {
        true => CapKind::Endpoint,
        false => CapKind::Notification,
    };
    owner.add(INPUT, input, pd, 0);
    let monitor_badge = u64::from(pd) + 1;
    match domain.parent {
        Some((parent, id)) => owner.add(
            FAULT_ENDPOINT,
            CapKind::Endpoint,
            number(parent),
            FAULT_BADGE | u64::from(id),
        ),
        None => owner.add(FAULT_ENDPOINT, CapKind::MonitorEndpoint, 0, monitor_badge),
    }
    owner.add(VSPACE, CapKind::VSpace, pd, 0);
    owner.add(REPLY, CapKind::Reply, pd, 0);
    if domain.passive {
        owner.add(MONITOR_ENDPOINT, CapKind::MonitorEndpoint, 0, monitor_badge);
    }
    if config == Config::Benchmark {
        owner.add(TCB, CapKind::Tcb, pd, 0);
    }
}

fn wiring(owner: &mut Owner<'_>, system: &System, domain: &ProtectionDomain, irqs: &[Irq]) {
    let pd = PdIndex(owner.pd.into());
    for (near, far) in system.ends_of(pd) {
        let (id, peer) = (u16::from(near.id), number(far.pd));
        if near.notify {
            let slot = OUTPUT_NOTIFICATION_BASE + id;
            owner.add(slot, CapKind::Notification, peer, 1 << far.id);
        }
        if near.pp {
            let slot = OUTPUT_ENDPOINT_BASE + id;
            owner.add(slot, CapKind::Endpoint, peer, CALL_BADGE | u64::from(far.id));
        }
    }
    for irq in &domain.irqs {
        let entry = irqs.partition_point(|other| other.intid < irq.irq.into());
        let entry = u16::try_from(entry).unwrap_or(u16::MAX);
        owner.add(IRQ_BASE + u16::from(irq.id), CapKind::IrqHandler, entry, 0);
    }
    for (child, id) in system.children_of(pd) {
        owner.add(CHILD_TCB_BASE + u16::from(id), CapKind::Tcb, number(child), 0);
    }
    for cap in &domain.caps {
        let kind = match cap.kind {
            RootCap::Tcb => CapKind::Tcb,
            RootCap::SchedContext => CapKind::SchedContext,
            RootCap::VSpace => CapKind::VSpace,
        };
        owner.add_root(cap.slot, kind, number(cap.pd));
    }
}
