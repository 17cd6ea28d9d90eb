//! A question that many may ask at once and that is asked of a peer only once.

/// What was asked for: an answer to a question not older than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// A question to a peer and the newest answer.
#[derive(Debug)]
pub(crate) struct Question<A> {
    /// Serial of the newest question.
    asked: u64,
    /// Has it been sent? If not, there was no room.
    is_sent: bool,
    /// Serial of the question that `answer` answers.
    answered: u64,
    answer: Option<A>,
}

impl<A: Copy> Question<A> {
    /// Nobody has asked.
    pub(crate) const fn new() -> Self {
        Self { asked: 0, is_sent: false, answered: 0, answer: None }
    }

    /// Asks; joins a question that has not been answered.
    pub(crate) fn ask(&mut self) -> Ticket {
        if self.asked == self.answered {
            self.asked += 1;
            self.is_sent = false;
        }
        Ticket(self.asked)
    }

    /// The serial of a question that is to be sent.
    pub(crate) fn pending(&self) -> Option<u64> {
        (self.asked > self.answered && !self.is_sent).then_some(self.asked)
    }

    /// The question has been sent.
    pub(crate) fn sent(&mut self) {
        self.is_sent = true;
    }

    /// What was sent is void.
    pub(crate) fn ask_again(&mut self) {
        self.is_sent = false;
    }

    /// Is a question on its way whose serial `is_its` recognises?
    pub(crate) fn is_sent_as(&self, is_its: impl FnOnce(u64) -> bool) -> bool {
        self.is_sent && self.asked > self.answered && is_its(self.asked)
    }

    /// Takes the answer.
    pub(crate) fn take(&mut self, answer: A) {
        self.answered = self.asked;
        self.answer = Some(answer);
    }

    /// The answer, if it is not older than the ticket.
    pub(crate) fn answer(&self, ticket: Ticket) -> Option<A> {
        self.answer.filter(|_| Ticket(self.answered) >= ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_ask_and_one_question_goes_out() {
        let mut question = Question::new();
        let (first, second) = (question.ask(), question.ask());
        assert_eq!((first, question.pending()), (second, Some(1)));
        question.sent();
        assert_eq!(question.pending(), None);
        assert!(question.is_sent_as(|serial| serial == 1));
        question.take('a');
        assert_eq!((question.answer(first), question.pending()), (Some('a'), None));
        let third = question.ask();
        assert_eq!((question.answer(third), question.answer(second)), (None, Some('a')));
        question.sent();
        question.ask_again();
        assert_eq!(question.pending(), Some(2));
        question.take('b');
        assert_eq!(question.answer(third), Some('b'));
    }
}
