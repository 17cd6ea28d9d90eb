//! Doubly linked queues of threads; a thread is in at most one at a time.

use crate::object::{ThreadId, Threads};

/// A queue; the links are in the threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queue {
    /// First thread.
    pub(crate) head: Option<ThreadId>,
    /// Last thread.
    pub(crate) tail: Option<ThreadId>,
}

impl Queue {
    /// A queue without threads.
    pub(crate) const EMPTY: Self = Self { head: None, tail: None };

    /// True if no thread is in it.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// Puts `thread` between `before` and `after`, which are neighbours in this queue.
    fn link(
        &mut self,
        threads: &mut Threads,
        before: Option<ThreadId>,
        thread: ThreadId,
        after: Option<ThreadId>,
    ) {
        threads[thread].previous = before;
        threads[thread].next = after;
        match before {
            Some(before) => threads[before].next = Some(thread),
            None => self.head = Some(thread),
        }
        match after {
            Some(after) => threads[after].previous = Some(thread),
            None => self.tail = Some(thread),
        }
    }

    /// Adds `thread` at the front.
    pub(crate) fn prepend(&mut self, threads: &mut Threads, thread: ThreadId) {
        self.link(threads, None, thread, self.head);
    }

    /// Adds `thread` at the end.
    pub(crate) fn append(&mut self, threads: &mut Threads, thread: ThreadId) {
        self.link(threads, self.tail, thread, None);
    }

    /// Adds `thread` after the last one that `stays_before` accepts, scanning from the end.
    ///
    /// In a sorted queue that keeps equal elements in order of arrival.
    pub(crate) fn insert_sorted(
        &mut self,
        threads: &mut Threads,
        thread: ThreadId,
        stays_before: impl Fn(&Threads, ThreadId) -> bool,
    ) {
        let mut before = self.tail;
        let mut after = None;
        while let Some(candidate) = before {
            if stays_before(threads, candidate) {
                break;
            }
            after = before;
            before = threads[candidate].previous;
        }
        self.link(threads, before, thread, after);
    }

    /// Adds `thread` behind all threads of the same or a higher priority.
    pub(crate) fn insert_by_priority(&mut self, threads: &mut Threads, thread: ThreadId) {
        let priority = threads[thread].priority;
        self.insert_sorted(threads, thread, |threads, other| threads[other].priority >= priority);
    }

    /// Takes `thread`, which must be in this queue, out of it.
    pub(crate) fn remove(&mut self, threads: &mut Threads, thread: ThreadId) {
        let (previous, next) = (threads[thread].previous, threads[thread].next);
        match previous {
            Some(previous) => threads[previous].next = next,
            None => self.head = next,
        }
        match next {
            Some(next) => threads[next].previous = previous,
            None => self.tail = previous,
        }
        threads[thread].previous = None;
        threads[thread].next = None;
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::vec::Vec;

    use super::*;
    use crate::object::{OBJECT_COUNT, Objects, Thread};

    fn order(queue: &Queue, threads: &Threads) -> Vec<u8> {
        let mut forward = Vec::new();
        let mut cursor = queue.head;
        while let Some(thread) = cursor {
            forward.push(thread.0);
            cursor = threads[thread].next;
        }
        let mut backward = Vec::new();
        let mut cursor = queue.tail;
        while let Some(thread) = cursor {
            backward.insert(0, thread.0);
            cursor = threads[thread].previous;
        }
        assert_eq!(forward, backward);
        forward
    }

    #[test]
    fn keeps_order_of_arrival_within_a_priority() {
        let mut threads = Box::new(Objects::new([const { Thread::EMPTY }; OBJECT_COUNT]));
        let mut queue = Queue::EMPTY;
        for (thread, priority) in [(0, 5), (1, 9), (2, 5), (3, 1), (4, 9), (5, 7)] {
            threads[ThreadId(thread)].priority = priority;
            queue.insert_by_priority(&mut threads, ThreadId(thread));
        }
        assert_eq!(order(&queue, &threads), [1, 4, 5, 0, 2, 3]);
        queue.remove(&mut threads, ThreadId(1));
        queue.remove(&mut threads, ThreadId(3));
        queue.remove(&mut threads, ThreadId(0));
        assert_eq!(order(&queue, &threads), [4, 5, 2]);
        queue.prepend(&mut threads, ThreadId(0));
        queue.append(&mut threads, ThreadId(1));
        assert_eq!(order(&queue, &threads), [0, 4, 5, 2, 1]);
        for thread in [0, 1, 2, 4, 5] {
            queue.remove(&mut threads, ThreadId(thread));
        }
        assert!(queue.is_empty());
        assert_eq!(queue.tail, None);
    }
}
