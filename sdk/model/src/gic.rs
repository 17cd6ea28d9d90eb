//! The interrupt controller: GICv2, one core, everything in group 0.

/// Distributor registers.
const DISTRIBUTOR: usize = 0x0800_0000;
/// CPU interface registers.
const CPU_INTERFACE: usize = 0x0801_0000;

/// Distributor register offsets.
mod distributor {
    pub(super) const CONTROL: usize = 0x000;
    pub(super) const GROUP: usize = 0x080;
    pub(super) const SET_ENABLE: usize = 0x100;
    pub(super) const CLEAR_ENABLE: usize = 0x180;
    pub(super) const CLEAR_PENDING: usize = 0x280;
    pub(super) const PRIORITY: usize = 0x400;
    pub(super) const TARGET: usize = 0x800;
    pub(super) const CONFIGURATION: usize = 0xc00;
}

/// CPU interface register offsets.
mod cpu {
    pub(super) const CONTROL: usize = 0x00;
    pub(super) const PRIORITY_MASK: usize = 0x04;
    pub(super) const BINARY_POINT: usize = 0x08;
    pub(super) const ACKNOWLEDGE: usize = 0x0c;
    pub(super) const END: usize = 0x10;
}

/// Interrupts that are set up; `virt` has more, but PDs cannot have them.
const INTID_COUNT: usize = model_spec::layout::INTID_COUNT;
/// First interrupt number that means "none".
const NONE: u32 = 1020;
/// Shared interrupts start here.
const SHARED_START: usize = 32;

fn write(register: usize, value: u32) {
    // SAFETY: callers pass GIC registers, which the kernel's page tables map as device memory and
    // which no PD can map.
    unsafe { (register as *mut u32).write_volatile(value) };
}

fn read(register: usize) -> u32 {
    // SAFETY: as for `write`.
    unsafe { (register as *const u32).read_volatile() }
}

/// Register of `intid` in an array with `bits` bits per interrupt, and the shift within it.
fn field(array: usize, intid: u32, bits: u32) -> (usize, u32) {
    let position = intid * bits;
    (DISTRIBUTOR + array + (position / 32) as usize * 4, position % 32)
}

/// Masks everything and lets the CPU take interrupts.
pub(crate) fn init() {
    write(DISTRIBUTOR + distributor::CONTROL, 0);
    for offset in (0..INTID_COUNT / 8).step_by(4) {
        write(DISTRIBUTOR + distributor::CLEAR_ENABLE + offset, u32::MAX);
        write(DISTRIBUTOR + distributor::CLEAR_PENDING + offset, u32::MAX);
        write(DISTRIBUTOR + distributor::GROUP + offset, 0);
    }
    for offset in (SHARED_START..INTID_COUNT).step_by(4) {
        write(DISTRIBUTOR + distributor::PRIORITY + offset, 0x8080_8080);
        write(DISTRIBUTOR + distributor::TARGET + offset, 0x0101_0101);
    }
    write(DISTRIBUTOR + distributor::CONTROL, 1);
    write(CPU_INTERFACE + cpu::PRIORITY_MASK, 0xf0);
    write(CPU_INTERFACE + cpu::BINARY_POINT, 3);
    write(CPU_INTERFACE + cpu::CONTROL, 1);
}

/// Chooses how an interrupt line is sampled.
pub(crate) fn set_edge_triggered(intid: u32, edge: bool) {
    let (register, shift) = field(distributor::CONFIGURATION, intid, 2);
    let bit = 2 << shift;
    let value = read(register) & !bit;
    write(register, if edge { value | bit } else { value });
}

/// Stops or lets through an interrupt.
pub(crate) fn mask(intid: u32, masked: bool) {
    let array = if masked { distributor::CLEAR_ENABLE } else { distributor::SET_ENABLE };
    let (register, shift) = field(array, intid, 1);
    write(register, 1 << shift);
}

/// Takes the pending interrupt, if there is one.
pub(crate) fn acknowledge() -> Option<u32> {
    let intid = read(CPU_INTERFACE + cpu::ACKNOWLEDGE) & 0x3ff;
    (intid < NONE).then_some(intid)
}

/// Ends the handling of an interrupt.
pub(crate) fn end(intid: u32) {
    write(CPU_INTERFACE + cpu::END, intid);
}
