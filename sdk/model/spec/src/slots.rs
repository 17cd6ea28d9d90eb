//! Slot numbers of a Microkit 2.3 PD's CSpace.
//!
//! Slots of the Microkit CNode (0 to 511) are addressed by PDs as the plain number; slots of the
//! root CNode (1 to 63, filled by `<cspace>`) as `slot << 58`.

/// Endpoint of the PD if it has children or serves PPCs, else its notification.
pub const INPUT: u16 = 1;
/// Endpoint of the parent (badge `1 << 62 | child id`) or of the monitor (badge `index + 1`).
pub const FAULT_ENDPOINT: u16 = 2;
/// The PD's own VSpace.
pub const VSPACE: u16 = 3;
/// The PD's reply object.
pub const REPLY: u16 = 4;
/// Passive PDs only: monitor endpoint, badge `index + 1`.
pub const MONITOR_ENDPOINT: u16 = 5;
/// Configuration `benchmark` only: the PD's own TCB.
pub const TCB: u16 = 6;
/// First of 62: the peer's notification, badge `1 << peer channel`.
pub const OUTPUT_NOTIFICATION_BASE: u16 = 10;
/// First of 62: the peer's endpoint, badge `1 << 63 | peer channel`.
pub const OUTPUT_ENDPOINT_BASE: u16 = 74;
/// First of 62: IRQ handlers.
pub const IRQ_BASE: u16 = 138;
/// First of 62: TCBs of children, by child id.
pub const CHILD_TCB_BASE: u16 = 202;

/// Slots in the Microkit CNode.
pub const MICROKIT_SLOTS: u16 = 512;
/// Slots in the root CNode; slot 0 holds the Microkit CNode.
pub const ROOT_SLOTS: u16 = 64;
