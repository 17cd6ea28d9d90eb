//! The harness PD: parent of the subjects.
//!
//! | symbol | set by | what |
//! |---|---|---|
//! | `uart_base` | `setvar_vaddr` | the UART, uncached |
//! | `control_0` … `control_7` | `setvar_vaddr` | control page of the child with that id, if a subject |
#![no_std]
#![no_main]

use sel4_microkit::{
    Child, ENTRY_POINT, Handler, MessageInfo, protection_domain, set_mr, var, with_msg_regs,
};
use test_harness::Console;
use test_harness::control::ControlPage;
use test_harness::harness::{Action, Runner, SUBJECTS_MAX};

#[protection_domain]
fn init() -> impl Handler {
    Harness(Runner::new(Console::new(), control_pages()))
}

fn control_pages() -> [Option<ControlPage>; SUBJECTS_MAX] {
    [
        *var!(control_0: usize = 0),
        *var!(control_1: usize = 0),
        *var!(control_2: usize = 0),
        *var!(control_3: usize = 0),
        *var!(control_4: usize = 0),
        *var!(control_5: usize = 0),
        *var!(control_6: usize = 0),
        *var!(control_7: usize = 0),
    ]
    .map(|address| {
        let pointer = core::ptr::NonNull::new(core::ptr::with_exposed_provenance_mut(address))?;
        // SAFETY: the system description maps it.
        Some(unsafe { ControlPage::new(pointer) })
    })
}

struct Harness(Runner<Console>);

/// Message register of an unknown-syscall fault that holds the program counter.
const FAULT_IP: usize = 8;

/// Message registers in the answer to an unknown-syscall fault.
const SYSCALL_WORDS: usize = 12;

impl Handler for Harness {
    type Error = sel4::Error;

    fn fault(&mut self, child: Child, info: MessageInfo) -> sel4::Result<Option<MessageInfo>> {
        let fault = info.fault();
        let action = with_msg_regs(|mrs| {
            let mrs = mrs.get(..info.count()).unwrap_or(mrs);
            self.0.fault(child.index(), info.label(), fault, mrs)
        });
        match action {
            Action::Leave => Ok(None),
            Action::Restart(index) => {
                let child = Child::new(index);
                child.stop()?;
                child.restart(ENTRY_POINT)?;
                Ok(None)
            }
            Action::StepOver => {
                const INSTRUCTION_BYTES: u64 = 4;
                let ip = fault.ip().unwrap_or_default();
                set_mr(FAULT_IP, ip + INSTRUCTION_BYTES);
                Ok(Some(MessageInfo::new(0, SYSCALL_WORDS)))
            }
        }
    }
}
