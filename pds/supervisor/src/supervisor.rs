//! The state machine.

use protocols::lifecycle::{COUNTERS, Page, State};
use protocols::system::{Condition, PdEntry, PdStatus, STATUS_PDS_MAX, Status, text};
use sel4::{Fault, UserContext};
use sel4_externally_shared::ExternallySharedRef;
use zerocopy::FromZeros;

use crate::crash::CrashRecord;

/// PDs at most, `supervisor` included.
pub const PDS_MAX: usize = STATUS_PDS_MAX;

/// Where children tell about themselves.
pub trait Pages {
    /// A copy of the lifecycle page of the PD at `index` of the table; `None` if it has none.
    fn page(&self, index: usize) -> Option<Page>;
}

/// Everything `supervisor` knows.
pub struct Supervisor<'a, P: Pages> {
    entries: heapless::Vec<PdEntry, PDS_MAX>,
    pds: [PdStatus; PDS_MAX],
    pages: P,
    page: ExternallySharedRef<'a, Status>,
    sequence: u64,
    boot_us: u64,
}

impl<'a, P: Pages> Supervisor<'a, P> {
    /// A supervisor of the PDs in `table`, of which it watches the first [`PDS_MAX`].
    pub fn new(
        table: impl IntoIterator<Item = PdEntry>,
        pages: P,
        page: ExternallySharedRef<'a, Status>,
    ) -> Self {
        let mut entries = heapless::Vec::new();
        for entry in table {
            if entries.push(entry).is_err() {
                log::error!("more than {PDS_MAX} PDs, the rest is not watched");
                break;
            }
        }
        let mut pds = [PdStatus::new_zeroed(); PDS_MAX];
        for (status, entry) in pds.iter_mut().zip(&entries) {
            status.name = entry.name;
            status.state = State::Initialising.code();
        }
        Self { entries, pds, pages, page, sequence: 0, boot_us: 0 }
    }

    /// Looks at every page again; `now_us` since the counter's zero. The first time that nobody is
    /// initialising any more, announces it.
    pub fn refresh(&mut self, now_us: u64) {
        for index in 0..self.entries.len() {
            self.look_at(index, now_us);
        }
        let everybody = self.pds.get(..self.entries.len()).unwrap_or_default();
        let is_up = everybody.iter().all(|pd| pd.state != State::Initialising.code());
        if is_up && self.boot_us == 0 {
            self.boot_us = now_us;
            self.announce();
        }
        self.publish();
    }

    /// A child faulted: says so, and leaves it where it is.
    pub fn fault(
        &mut self,
        child: usize,
        fault: Fault,
        registers: Option<UserContext>,
        now_us: u64,
    ) {
        let entry = self.entries.iter().position(|entry| usize::from(entry.child) == child);
        let Some(index) = entry else {
            log::error!("fault of a child {child} that nobody declared: {fault}");
            return;
        };
        self.look_at(index, now_us);
        let Some(pd) = self.pds.get_mut(index) else { return };
        let panicked = pd.state == State::Panicked.code();
        let message = panicked.then(|| text(&pd.text)).filter(|message| !message.is_empty());
        let record = CrashRecord {
            name: text(&pd.name),
            generation: pd.generation,
            fault,
            panic: message,
            registers,
        };
        record.lines(|line| log::error!("{line}"));
        if message.is_none() {
            set_text(pd, format_args!("{fault}"));
        }
        pd.state = Condition::Failed as u16;
        pd.faults = pd.faults.saturating_add(1);
        self.refresh(now_us);
    }

    /// Microseconds from the counter's zero until everybody was up; zero before.
    #[must_use]
    pub fn boot_us(&self) -> u64 {
        self.boot_us
    }

    /// Takes over what a child claims about itself, unless it has failed.
    fn look_at(&mut self, index: usize, now_us: u64) {
        let Some(pd) = self.pds.get_mut(index) else { return };
        let Some(page) = self.pages.page(index) else {
            // Only `supervisor` itself has no page: it runs, or this line would not.
            pd.state = State::Running.code();
            if pd.ready_ns == 0 {
                pd.ready_ns = now_us.saturating_mul(1000);
            }
            return;
        };
        pd.counters = page.counters;
        pd.generation = page.generation;
        if pd.state == Condition::Failed as u16 {
            return;
        }
        pd.state = State::from_code(page.state).unwrap_or(State::Initialising).code();
        pd.ready_ns = page.ready_ns;
        pd.text = page.text;
        pd.text_len = page.text_len.min(u16::try_from(page.text.len()).unwrap_or(0));
    }

    fn announce(&self) {
        log::info!("CAIRN READY {}", self.boot_us);
        for (pd, entry) in self.pds.iter().zip(&self.entries) {
            log::info!(
                "  {:<12} {:<12} priority {:>3}  ready {:>7} us  {}",
                text(&pd.name),
                state_name(pd.state),
                entry.priority,
                pd.ready_ns / 1000,
                text(&pd.text)
            );
        }
    }

    /// Writes the status page; readers see an odd sequence while it changes.
    fn publish(&mut self) {
        let status = Status {
            sequence: self.sequence.wrapping_add(1),
            boot_us: self.boot_us,
            pd_count: u32::try_from(self.entries.len()).unwrap_or(0),
            reserved: 0,
            pds: self.pds,
        };
        let page = self.page.as_mut_ptr();
        let sequence = sel4_externally_shared::map_field!(page.sequence);
        sequence.atomic_store(status.sequence, core::sync::atomic::Ordering::Relaxed);
        core::sync::atomic::fence(core::sync::atomic::Ordering::Release);
        page.write(status);
        self.sequence = self.sequence.wrapping_add(2);
        sequence.atomic_store(self.sequence, core::sync::atomic::Ordering::Release);
    }
}

/// The name of a state in a [`PdStatus`].
fn state_name(code: u16) -> &'static str {
    match State::from_code(code) {
        Some(State::Initialising) => "initialising",
        Some(State::Running) => "running",
        Some(State::Degraded) => "degraded",
        Some(State::Panicked) => "panicked",
        None if code == Condition::Failed as u16 => "failed",
        None => "unknown",
    }
}

fn set_text(pd: &mut PdStatus, message: core::fmt::Arguments<'_>) {
    let reason = protocols::Reason::new(message);
    let bytes = reason.as_str().as_bytes();
    pd.text = [0; 128];
    let len = bytes.len().min(pd.text.len());
    for (to, from) in pd.text.iter_mut().zip(bytes) {
        *to = *from;
    }
    pd.text_len = u16::try_from(len).unwrap_or(0);
}

const _: () = assert!(COUNTERS >= 16);

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use sel4::MessageInfo;

    #[derive(Clone, Default)]
    struct FakePages(Rc<RefCell<Vec<Option<Page>>>>);

    impl Pages for FakePages {
        fn page(&self, index: usize) -> Option<Page> {
            self.0.borrow()[index]
        }
    }

    fn entry(name: &str, child: u8) -> PdEntry {
        let mut entry = PdEntry::new_zeroed();
        entry.name[..name.len()].copy_from_slice(name.as_bytes());
        entry.child = child;
        entry
    }

    fn page(state: State) -> Option<Page> {
        let mut page = Page::new_zeroed();
        page.state = state.code();
        page.generation = 1;
        Some(page)
    }

    fn with_supervisor(test: impl FnOnce(&FakePages, Supervisor<'_, FakePages>)) {
        let mut status = Box::new(Status::new_zeroed());
        let pages = FakePages::default();
        *pages.0.borrow_mut() = vec![None, page(State::Initialising), page(State::Initialising)];
        let table = [entry("supervisor", 0xff), entry("net", 1), entry("store", 2)];
        let shared = ExternallySharedRef::from_mut_ref(&mut *status);
        test(&pages, Supervisor::new(table, pages.clone(), shared));
    }

    fn status(supervisor: &Supervisor<'_, FakePages>) -> Status {
        supervisor.page.as_ptr().read()
    }

    fn null_write() -> Fault {
        let mrs = [0x20_0100, 0, 0, 0x93df_8046];
        Fault::decode(MessageInfo::new(6, 0, 0, mrs.len()), &mrs)
    }

    #[test]
    fn is_ready_when_nobody_initialises_any_more() {
        with_supervisor(|pages, mut supervisor| {
            supervisor.refresh(10);
            assert_eq!(status(&supervisor).boot_us, 0);
            pages.0.borrow_mut()[1] = page(State::Running);
            pages.0.borrow_mut()[2] = page(State::Degraded);
            supervisor.refresh(20);
            supervisor.refresh(30);
            assert_eq!((status(&supervisor).boot_us, status(&supervisor).pd_count), (20, 3));
            assert_eq!(status(&supervisor).sequence % 2, 0);
        });
    }

    #[test]
    fn a_failed_pd_stays_failed_whatever_its_page_says() {
        with_supervisor(|pages, mut supervisor| {
            supervisor.fault(1, null_write(), None, 5);
            pages.0.borrow_mut()[1] = page(State::Running);
            supervisor.refresh(6);
            assert_eq!(status(&supervisor).pds[1].state, Condition::Failed as u16);
            assert_eq!(status(&supervisor).pds[1].faults, 1);
            assert!(text(&status(&supervisor).pds[1].text).starts_with("null write"));
        });
    }

    #[test]
    fn a_failed_pd_does_not_hold_up_the_others() {
        with_supervisor(|pages, mut supervisor| {
            pages.0.borrow_mut()[2] = page(State::Running);
            supervisor.fault(1, null_write(), None, 7);
            assert_eq!(status(&supervisor).boot_us, 7);
        });
    }

    #[test]
    fn a_forged_fault_of_an_unknown_child_changes_nothing() {
        with_supervisor(|_, mut supervisor| {
            supervisor.refresh(1);
            let before = status(&supervisor);
            supervisor.fault(61, Fault::Unknown { label: 99 }, None, 2);
            assert_eq!(status(&supervisor), before);
        });
    }

    #[test]
    fn garbage_in_a_page_is_shown_and_survived() {
        with_supervisor(|pages, mut supervisor| {
            let mut garbage = Page::new_zeroed();
            garbage.state = 0xffff;
            garbage.text_len = 0xffff;
            garbage.text = [0xff; 128];
            pages.0.borrow_mut()[1] = Some(garbage);
            supervisor.refresh(1);
            assert_eq!(status(&supervisor).pds[1].state, State::Initialising.code());
            assert!(status(&supervisor).pds[1].text_len <= 128);
            supervisor.fault(1, null_write(), None, 2);
        });
    }
}
