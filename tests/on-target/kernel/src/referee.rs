//! Keeps the callers going and compares digests. Drives the UART itself.
#![no_std]
#![no_main]

use core::fmt::{self, Write as _};

use on_target_kernel::shared::{EXTRA_CAPS, SHIFT, STACK_TOP, note, random, write_buffer};
use on_target_kernel::{
    ACTIONS, CALLER_COUNT, CONTEXT_SLOT, DIGEST, LIMIT, RANDOM, TCB_SLOT, root,
};
use sel4::{MessageInfo, UserContext, cap, svc};
use sel4_microkit::{Channel, ENTRY_POINT, Never, protection_domain};
use test_harness::{Console, words};

/// Actions in a round.
const ROUND: u64 = 1000;
/// What seL4 16.0.0 gives after each round, in every configuration.
const EXPECTED: [u64; 6] = [
    0xa1be_1548_8919_f399,
    0x444b_6036_bdfd_d631,
    0x6daa_ab0d_6420_db45,
    0x85ee_e547_cc65_7075,
    0x186d_ffcc_3082_ac1d,
    0x3747_9fb5_52a5_f961,
];
/// Label of the invocation that binds a scheduling context.
const BIND: u64 = 34 + SHIFT;

#[protection_domain]
fn init() -> Never {
    say(format_args!("running {} tests\n", EXPECTED.len()));
    words().set(RANDOM, 0x0123_4567_89ab_cdef);
    let mut passed = 0;
    for (round, expected) in (0..).zip(EXPECTED) {
        words().set(ACTIONS, 0);
        words().set(LIMIT, ROUND);
        play();
        let digest = words().get(DIGEST);
        let is_right = digest == expected;
        passed += u32::from(is_right);
        say(format_args!("test kernel::random_calls_{round} ... "));
        if is_right {
            say(format_args!("ok\n"));
        } else {
            say(format_args!("FAILED: digest {digest:#018x}\n"));
        }
    }
    let failed = u32::try_from(EXPECTED.len()).unwrap_or(0) - passed;
    let outcome = if failed == 0 { "ok" } else { "FAILED" };
    say(format_args!("test result: {outcome}. {passed} passed; {failed} failed\n"));
    loop {
        sel4::r#yield();
    }
}

/// Plays a round.
fn play() {
    while words().add(ACTIONS, 1) < ROUND {
        let caller = random(CALLER_COUNT);
        let thread = cap::Tcb::from_bits(root(TCB_SLOT + caller));
        match random(4) {
            0..2 => note(restart(thread)),
            2 => note(thread.tcb_resume().is_err().into()),
            _ => Channel::new(usize::try_from(caller).unwrap_or(0)).notify(),
        }
        (0..CALLER_COUNT).for_each(|caller| note(bind(caller)));
    }
}

/// Starts a caller from its entry with all other registers zero.
fn restart(thread: cap::Tcb) -> u64 {
    let mut registers = UserContext::new();
    *registers.pc_mut() = ENTRY_POINT;
    *registers.sp_mut() = STACK_TOP;
    thread.tcb_write_registers(true, UserContext::LENGTH, &mut registers).is_err().into()
}

/// Gives a caller its scheduling context back, if both are free.
fn bind(caller: u64) -> u64 {
    write_buffer(EXTRA_CAPS, root(TCB_SLOT + caller));
    let info = MessageInfo::new(BIND, 0, 1, 0);
    let context = root(CONTEXT_SLOT + caller);
    let (answer, _) = svc::call(context, info, [0; 4]);
    answer.label()
}

fn say(text: fmt::Arguments<'_>) {
    // The console accepts everything, so there is no error to report.
    let _ = Console::new().write_fmt(text);
}
