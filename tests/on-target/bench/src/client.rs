//! Measures round trips and prints `bench <name> <value> <unit>` lines.
#![no_std]
#![no_main]

use core::fmt::Write;

use bench_pds::{ROUNDS, WARM_UP_ROUNDS, nanos_per_round};
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, IrqAckError, MessageInfo,
    get_mr, protection_domain, set_mr,
};
use test_harness::{Console, ticks, ticks_per_second};

const SERVER: Channel = Channel::new(0);
const PLAIN: Channel = Channel::new(1);
const DEFERRED: Channel = Channel::new(2);

#[protection_domain]
fn init() -> impl Handler {
    let mut console = Console::new();
    report(&mut console, "ppcall_0_mrs", measure_calls(call_without_registers));
    report(&mut console, "ppcall_1_mr", measure_calls(call_with_one_register));
    PLAIN.notify();
    Client { console, deferred: DeferredActionSlot::new(), rounds: 0, started_ticks: 0 }
}

fn report(console: &mut Console, name: &str, ticks: u64) {
    let nanos = nanos_per_round(ticks, ticks_per_second());
    // The console does not fail.
    let _ = writeln!(console, "bench {name} {nanos} ns");
}

fn call_without_registers() {
    SERVER.pp_call(MessageInfo::new(0, 0));
}

fn call_with_one_register() {
    set_mr(0, 0x5a5a);
    SERVER.pp_call(MessageInfo::new(0, 1));
    assert_eq!(get_mr(0), 0x5a5a);
}

fn measure_calls(call: fn()) -> u64 {
    (0..WARM_UP_ROUNDS).for_each(|_| call());
    let start = ticks();
    (0..ROUNDS).for_each(|_| call());
    ticks() - start
}

struct Client {
    console: Console,
    deferred: DeferredActionSlot,
    rounds: u64,
    started_ticks: u64,
}

impl Client {
    /// Counts a round; the ticks of the measurement once it is complete.
    fn count_round(&mut self) -> Option<u64> {
        self.rounds += 1;
        if self.rounds == WARM_UP_ROUNDS {
            self.started_ticks = ticks();
        }
        if self.rounds < WARM_UP_ROUNDS + ROUNDS {
            return None;
        }
        self.rounds = 0;
        Some(ticks() - self.started_ticks)
    }
}

impl Handler for Client {
    type Error = IrqAckError;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), IrqAckError> {
        if channels.contains(PLAIN) {
            match self.count_round() {
                None => PLAIN.notify(),
                Some(ticks) => {
                    report(&mut self.console, "notify_plain", ticks);
                    DEFERRED.notify();
                }
            }
        }
        if channels.contains(DEFERRED) {
            match self.count_round() {
                None => self.deferred.defer_notify(DEFERRED)?,
                Some(ticks) => {
                    report(&mut self.console, "notify_deferred", ticks);
                    let _ = writeln!(self.console, "bench done");
                }
            }
        }
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}
