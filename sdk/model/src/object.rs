//! Kernel objects. Each PD owns one of every kind, so object numbers are PD numbers.

use core::marker::PhantomData;
use core::ops::{Index, IndexMut};

use crate::cspace::Rights;
use crate::fault::Fault;
use crate::queue::Queue;
use crate::registers::Registers;

/// Objects of one kind; the last one belongs to the built-in monitor.
pub const OBJECT_COUNT: usize = 64;

/// A number that names an object of one kind.
pub trait Id: Copy {
    /// Position in the table, below [`OBJECT_COUNT`].
    fn index(self) -> usize;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $name(pub u8);

            impl Id for $name {
                fn index(self) -> usize {
                    usize::from(self.0) % OBJECT_COUNT
                }
            }
        )*
    };
}

ids! {
    /// Names a thread, and the VSpace and IPC buffer that go with it.
    ThreadId
    /// Names an endpoint.
    EndpointId
    /// Names a notification.
    NotificationId
    /// Names a reply object.
    ReplyId
    /// Names a scheduling context.
    ContextId
}

/// The monitor's endpoint.
pub(crate) const MONITOR_ENDPOINT: EndpointId = EndpointId(63);

/// All objects of one kind.
pub(crate) struct Objects<I, T> {
    items: [T; OBJECT_COUNT],
    id: PhantomData<I>,
}

impl<I, T> Objects<I, T> {
    /// A table of `items`.
    pub(crate) const fn new(items: [T; OBJECT_COUNT]) -> Self {
        Self { items, id: PhantomData }
    }
}

impl<I: Id, T> Index<I> for Objects<I, T> {
    type Output = T;

    fn index(&self, id: I) -> &T {
        &self.items[id.index()]
    }
}

impl<I: Id, T> IndexMut<I> for Objects<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.items[id.index()]
    }
}

/// All threads.
pub(crate) type Threads = Objects<ThreadId, Thread>;

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing until somebody resumes it.
    Inactive,
    /// Executing, or ready to.
    Running,
    /// Ready to execute again from its restart address.
    Restart,
    /// Waiting for a message.
    BlockedOnReceive {
        /// Where.
        endpoint: EndpointId,
        /// Object that will hold the caller, if the receiver can reply.
        reply: Option<ReplyId>,
    },
    /// Waiting for a receiver.
    BlockedOnSend {
        /// Where.
        endpoint: EndpointId,
        /// Badge of the cap that was used.
        badge: u64,
        /// The cap has the grant right.
        can_grant: bool,
        /// The cap lets the receiver reply.
        can_reply: bool,
        /// The sender waits for a reply.
        is_call: bool,
    },
    /// Waiting for a signal.
    BlockedOnNotification(NotificationId),
    /// Waiting for a reply.
    BlockedOnReply(ReplyId),
}

/// The scheduler queue a thread is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheduled {
    /// None.
    Not,
    /// The ready queue of its priority.
    Ready,
    /// The queue of threads waiting for budget.
    Release,
}

/// An endpoint as a thread's fault handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FaultHandler {
    /// Where fault messages go.
    pub(crate) endpoint: EndpointId,
    /// The badge they carry.
    pub(crate) badge: u64,
    /// What the cap allows.
    pub(crate) rights: Rights,
}

/// A thread.
#[repr(C)]
pub(crate) struct Thread {
    /// User registers.
    pub(crate) registers: Registers,
    /// What it is doing.
    pub(crate) state: State,
    /// Why it stopped, until the fault is replied to.
    pub(crate) fault: Option<Fault>,
    /// Who hears about its faults.
    pub(crate) fault_handler: Option<FaultHandler>,
    /// Scheduling context it runs on.
    pub(crate) context: Option<ContextId>,
    /// Notification whose signals it receives on any endpoint.
    pub(crate) notification: Option<NotificationId>,
    /// Context that it yielded to and whose consumption it will be told.
    pub(crate) yield_to: Option<ContextId>,
    /// Scheduler queue.
    pub(crate) scheduled: Scheduled,
    /// Neighbour in whichever queue it is in.
    pub(crate) next: Option<ThreadId>,
    /// Neighbour in whichever queue it is in.
    pub(crate) previous: Option<ThreadId>,
    /// Priority.
    pub(crate) priority: u8,
    /// Highest priority it may give to a thread.
    pub(crate) maximum_priority: u8,
}

impl Thread {
    /// A thread that does not exist yet.
    pub(crate) const EMPTY: Self = Self {
        registers: Registers::ZERO,
        state: State::Inactive,
        fault: None,
        fault_handler: None,
        context: None,
        notification: None,
        yield_to: None,
        scheduled: Scheduled::Not,
        next: None,
        previous: None,
        priority: 0,
        maximum_priority: 0,
    };

    /// True if it could execute, given a scheduling context with budget.
    #[must_use]
    pub(crate) fn is_runnable(&self) -> bool {
        matches!(self.state, State::Running | State::Restart)
    }

    /// True if only time keeps it from executing.
    #[must_use]
    pub(crate) fn is_schedulable(&self) -> bool {
        self.is_runnable() && self.context.is_some() && self.scheduled != Scheduled::Release
    }

    /// True if it waits for another thread or a signal.
    #[must_use]
    pub(crate) fn is_blocked(&self) -> bool {
        !self.is_runnable() && self.state != State::Inactive
    }
}

/// An endpoint: senders or receivers waiting for the other side, never both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Nobody waits.
    Idle,
    /// Senders wait.
    Senders(Queue),
    /// Receivers wait.
    Receivers(Queue),
}

/// Signals of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// None pending, nobody waits.
    Idle,
    /// Threads wait for one.
    Waiting(Queue),
    /// Pending, with the OR of the badges.
    Active(u64),
}

/// A notification.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notification {
    /// Pending signals or waiting threads.
    pub(crate) signal: Signal,
    /// Thread that receives its signals on any endpoint.
    pub(crate) thread: Option<ThreadId>,
    /// Context lent to that thread when it has none.
    pub(crate) context: Option<ContextId>,
}

/// What follows a reply object on a call stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Above {
    /// Nothing: not on a stack.
    Nothing,
    /// The reply object of the call that the callee made in turn.
    Reply(ReplyId),
    /// The top of the stack: the context that travels along it.
    Context(ContextId),
}

/// A reply object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    /// The caller waiting for the reply, or the receiver that waits for a call with this object.
    pub(crate) thread: Option<ThreadId>,
    /// The call below this one.
    pub(crate) below: Option<ReplyId>,
    /// What is above it.
    pub(crate) above: Above,
}

impl Notification {
    /// A notification that does not exist yet.
    pub(crate) const EMPTY: Self = Self { signal: Signal::Idle, thread: None, context: None };
}

impl Reply {
    /// A reply object that holds nobody.
    pub(crate) const EMPTY: Self = Self { thread: None, below: None, above: Above::Nothing };
}
