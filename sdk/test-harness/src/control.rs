//! What the harness and a subject tell each other.
//!
//! | word | writer | meaning |
//! |---|---|---|
//! | `command` | harness | 0: report yourself; n: run test n - 1 |
//! | `phase` | harness | how often this test restarted itself |
//! | `test_count` | subject | length of its list |
//! | `expectation` | subject | how the test is to end |
//! | `name`, `message` | subject | UTF-8, cut to size |
//! | `scratch` | subject | survives restarts |

use core::fmt::{self, Write};
use core::ptr::NonNull;

use sel4_externally_shared::{ExternallySharedPtr, map_field};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Words that a test keeps over a restart.
pub const SCRATCH_WORDS: usize = 32;

/// Message registers that an expectation can name.
pub const EXPECTED_WORDS_MAX: usize = 8;

const NAME_BYTES: usize = 64;
const MESSAGE_BYTES: usize = 240;

/// The shared page.
#[derive(FromBytes, IntoBytes, Debug, Clone, Copy)]
#[repr(C)]
pub struct Control {
    command: u32,
    phase: u32,
    test_count: u32,
    name_bytes: u32,
    message_bytes: u32,
    reserved: u32,
    expectation: Expectation,
    name: [u8; NAME_BYTES],
    message: [u8; MESSAGE_BYTES],
    scratch: [u64; SCRATCH_WORDS],
}

/// How a test is to end.
#[derive(FromBytes, IntoBytes, Immutable, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Expectation {
    /// One of the constants below.
    pub kind: u32,
    /// How many of `words` count.
    pub word_count: u32,
    /// The fault message's label.
    pub label: u64,
    /// What its message registers hold.
    pub words: [ExpectedWord; EXPECTED_WORDS_MAX],
}

impl Expectation {
    /// The test returns.
    pub const RETURN: u32 = 0;
    /// The test ends in the fault that `label` and `words` describe.
    pub const FAULT: u32 = 1;
    /// The test panics with a message that contains what `message` held when it ran.
    pub const PANIC: u32 = 2;
}

/// What a message register holds.
#[derive(FromBytes, IntoBytes, Immutable, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ExpectedWord {
    /// Which register.
    pub index: u64,
    /// Which of its bits are compared.
    pub mask: u64,
    /// What they are.
    pub value: u64,
}

/// What a subject asks of the harness: the number in x0 of the system call [`REQUEST_SYSCALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Request {
    /// "I am up and wait for a command."
    Ready = 1,
    /// "I begin the test in `name`": answered at once.
    Started = 2,
    /// "The test returned."
    Done = 3,
    /// "Start me again for the same test, with `phase` one higher."
    Restart = 4,
}

/// A system-call number that no kernel has.
pub const REQUEST_SYSCALL: i64 = -0x7e57;

impl Request {
    /// Finds the request in an unknown-syscall fault.
    pub fn from_fault(fault: &sel4::UnknownSyscall) -> Option<Self> {
        if fault.syscall() != REQUEST_SYSCALL.cast_unsigned() {
            return None;
        }
        let known = [Self::Ready, Self::Started, Self::Done, Self::Restart];
        let number = fault.gprs().first().copied();
        known.into_iter().find(|&request| Some(request as u64) == number)
    }
}

/// A view of the page. Either side copies a field whole, then looks at its copy.
#[derive(Debug, Clone, Copy)]
pub struct ControlPage(ExternallySharedPtr<'static, Control>);

macro_rules! fields {
    ($($(#[$doc:meta])* $get:ident, $set:ident: $type:ty;)*) => {
        $(
            $(#[$doc])*
            pub fn $get(self) -> $type {
                let page = self.0;
                map_field!(page.$get).read()
            }

            $(#[$doc])*
            pub fn $set(self, value: $type) {
                let page = self.0;
                map_field!(page.$get).write(value);
            }
        )*
    };
}

impl ControlPage {
    /// The page at `pointer`.
    ///
    /// # Safety
    ///
    /// `pointer` is a mapped page, for ever.
    pub const unsafe fn new(pointer: NonNull<Control>) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { ExternallySharedPtr::new(pointer) })
    }

    fields! {
        /// 0: report yourself; n: run test n - 1.
        command, set_command: u32;
        /// How often the test restarted itself.
        phase, set_phase: u32;
        /// Length of the subject's list.
        test_count, set_test_count: u32;
        /// How the test is to end.
        expectation, set_expectation: Expectation;
    }

    /// The running test's name.
    pub fn name(self) -> Text<NAME_BYTES> {
        let page = self.0;
        Text { length: map_field!(page.name_bytes).read(), bytes: map_field!(page.name).read() }
    }

    /// Sets the running test's name.
    pub fn set_name(self, name: fmt::Arguments<'_>) {
        let page = self.0;
        let mut text = Text::<NAME_BYTES>::new("");
        // Cut where it does not fit.
        let _ = text.write_fmt(name);
        map_field!(page.name).write(text.bytes);
        map_field!(page.name_bytes).write(text.length);
    }

    /// What the test said last: a panic's message, or part of the one it expects.
    pub fn message(self) -> Text<MESSAGE_BYTES> {
        let page = self.0;
        let length = map_field!(page.message_bytes).read();
        Text { length, bytes: map_field!(page.message).read() }
    }

    /// Sets the message; returns how much of it fits.
    pub fn set_message(self, message: &Text<MESSAGE_BYTES>) {
        let page = self.0;
        map_field!(page.message).write(message.bytes);
        map_field!(page.message_bytes).write(message.length);
    }

    /// A word that survives restarts; 0 outside.
    pub fn scratch(self, index: usize) -> u64 {
        let page = self.0;
        map_field!(page.scratch).as_slice().get(index).map_or(0, ExternallySharedPtr::read)
    }

    /// Sets a word that survives restarts.
    pub fn set_scratch(self, index: usize, value: u64) {
        let page = self.0;
        if let Some(word) = map_field!(page.scratch).as_slice().get(index) {
            word.write(value);
        }
    }

    /// Forgets the last test.
    pub fn clear(self) {
        self.set_phase(0);
        self.set_expectation(Expectation::default());
        self.set_name(format_args!(""));
        self.set_message(&Text::new(""));
        (0..SCRATCH_WORDS).for_each(|index| self.set_scratch(index, 0));
    }
}

/// Text of bounded length on one line, cut where it does not fit.
#[derive(Debug, Clone, Copy)]
pub struct Text<const N: usize> {
    length: u32,
    bytes: [u8; N],
}

/// A message's text.
pub type Message = Text<MESSAGE_BYTES>;

impl<const N: usize> Text<N> {
    /// The text, cut to size.
    pub fn new(text: &str) -> Self {
        let mut this = Self { length: 0, bytes: [0; N] };
        // Cannot fail.
        let _ = this.write_str(text);
        this
    }

    /// The text; a part that is not UTF-8 ends it.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length as usize).unwrap_or(&self.bytes);
        match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => str::from_utf8(bytes.split_at(error.valid_up_to()).0).unwrap_or_default(),
        }
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            let Some(place) = self.bytes.get_mut(self.length as usize) else { break };
            // One line each: the console's reader goes by lines.
            *place = if byte == b'\n' { b' ' } else { byte };
            self.length += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;

    use zerocopy::FromZeros;

    use super::*;

    fn page() -> ControlPage {
        let control = Box::leak(Box::new(Control::new_zeroed()));
        // SAFETY: leaked, hence for ever.
        unsafe { ControlPage::new(NonNull::from(control)) }
    }

    #[test]
    fn fits_a_page() {
        assert!(size_of::<Control>() <= 0x1000);
    }

    #[test]
    fn keeps_what_was_set_until_cleared() {
        let page = page();
        let mut message = Message::new("a ");
        write!(message, "\n{}", 42).unwrap();
        page.set_name(format_args!("some_test"));
        page.set_message(&message);
        page.set_scratch(31, 7);
        page.set_scratch(32, 7);
        assert_eq!(page.name().as_str(), "some_test");
        assert_eq!(page.message().as_str(), "a  42");
        assert_eq!((page.scratch(31), page.scratch(32)), (7, 0));
        page.clear();
        assert_eq!(page.name().as_str(), "");
        assert_eq!(page.scratch(31), 0);
    }

    #[test]
    fn text_is_cut_at_its_size_and_at_bad_bytes() {
        assert_eq!(Text::<4>::new("abcdef").as_str(), "abcd");
        assert_eq!(Text { length: 99, bytes: *b"ab\xffd" }.as_str(), "ab");
        assert_eq!(Text::<3>::new("aé€").as_str(), "aé");
    }

    #[test]
    fn a_request_is_told_from_any_other_unknown_call() {
        let decode = |number: i64, x0: u64| {
            let mut mrs = [0; 13];
            (mrs[0], mrs[12]) = (x0, number.cast_unsigned());
            match sel4::Fault::decode(sel4::MessageInfo::new(2, 0, 0, 13), &mrs) {
                sel4::Fault::UnknownSyscall(fault) => Request::from_fault(&fault),
                fault => panic!("{fault:?}"),
            }
        };
        assert_eq!(decode(REQUEST_SYSCALL, 3), Some(Request::Done));
        assert_eq!(decode(REQUEST_SYSCALL, 0), None);
        assert_eq!(decode(REQUEST_SYSCALL, 5), None);
        assert_eq!(decode(-12, 3), None);
    }
}
