//! `/o/<path>`: conditions, ranges, and the bytes themselves.

use crate::connection::{Connection, Context, State};
use crate::exchange::{Activity, Exchange};
use crate::http::{
    Code, Head, Length, RangeSpec, Request, Unsatisfiable, names, names_strongly, parse,
};
use crate::readers::{Object, Outcome, ReaderId};

/// What goes out of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    object: Object,
    media: &'static str,
    /// First byte, and the one after the last; `None` for the whole.
    range: Option<(u64, u64)>,
}

impl Connection {
    /// Is the object open? Then its size and root are proven.
    pub(crate) fn serve_opening<F: FnMut()>(
        &mut self,
        exchange: Exchange,
        reader: ReaderId,
        media: &'static str,
        cx: &mut Context<'_, '_, F>,
    ) -> bool {
        let object = match cx.readers.outcome(reader) {
            Outcome::Waits => return false,
            Outcome::Failed(failure) => {
                self.fail(&failure, cx);
                return true;
            }
            Outcome::Opened(object) => object,
        };
        let head = self.inbox.bytes().get(..exchange.head_len).unwrap_or_default();
        let request = if exchange.is_plain { None } else { parse(head).ok() };
        let (code, range) = match &request {
            Some(request) => choose(request, exchange.is_head, &object),
            None => (Code::Ok, None),
        };
        let wanted = Wanted { object, media, range };
        let (start, end) = range.unwrap_or((0, object.size));
        let has_bytes = matches!(code, Code::Ok | Code::PartialContent) && start < end;
        if has_bytes && !exchange.is_head {
            cx.readers.read(reader, start, end);
            self.enter(Activity::Proving { reader, wanted });
            return true;
        }
        cx.readers.release(reader);
        self.write_head(&wanted.head(code, exchange.keep_alive), cx);
        self.finish(&exchange, cx);
        true
    }

    /// Are its first bytes proven? Then the response begins.
    pub(crate) fn serve_proving<F: FnMut()>(
        &mut self,
        exchange: Exchange,
        reader: ReaderId,
        wanted: Wanted,
        cx: &mut Context<'_, '_, F>,
    ) -> bool {
        if let Some(failure) = cx.readers.failure(reader) {
            self.fail(&failure, cx);
            return true;
        }
        if cx.readers.ready(reader).is_none() {
            return false;
        }
        let (start, end) = wanted.range.unwrap_or((0, wanted.object.size));
        if end - start > u64::from(self.outbox.room()) {
            self.outbox.widen(cx.lanes);
        }
        let code = wanted.range.map_or(Code::Ok, |_| Code::PartialContent);
        self.write_head(&wanted.head(code, exchange.keep_alive), cx);
        self.enter(Activity::Body { reader, left: end - start });
        true
    }

    /// Copies what is proven and has room.
    pub(crate) fn serve_body<F: FnMut()>(
        &mut self,
        exchange: Exchange,
        reader: ReaderId,
        mut left: u64,
        cx: &mut Context<'_, '_, F>,
    ) -> bool {
        if left > u64::from(self.outbox.room()) {
            self.outbox.widen(cx.lanes);
        }
        while left > 0
            && self.outbox.room() > 0
            && let Some(span) = cx.readers.ready(reader)
        {
            let copied = self.outbox.copy(cx.output, cx.readers.region(), span);
            if copied == 0 {
                break;
            }
            cx.readers.consume(reader, copied);
            left = left.saturating_sub(u64::from(copied));
        }
        if left == 0 {
            cx.readers.release(reader);
            self.finish(&exchange, cx);
            return true;
        }
        if let State::Serving { activity: Activity::Body { left: kept, .. }, since_ns, .. } =
            &mut self.state
            && *kept != left
        {
            *kept = left;
            *since_ns = cx.now_ns;
        }
        if let Some(failure) = cx.readers.failure(reader) {
            self.fail(&failure, cx);
            return true;
        }
        false
    }
}

impl Wanted {
    fn head(&self, code: Code, keep_alive: bool) -> Head<'static> {
        let (start, end) = self.range.unwrap_or((0, self.object.size));
        let length = match code {
            Code::NotModified => Length::Nothing,
            code if code.is_error() => Length::Bytes(0),
            _ => Length::Bytes(end - start),
        };
        Head {
            media: if code.is_error() || code == Code::NotModified { "" } else { self.media },
            root: Some(self.object.root),
            range: self.range,
            size: self.object.size,
            ..Head::new(code, length, keep_alive)
        }
    }
}

/// Evaluates the conditions of a request in the order of RFC 9110, section 13.2.2, and its range.
fn choose(request: &Request<'_>, is_head: bool, object: &Object) -> (Code, Option<(u64, u64)>) {
    if request.if_match.is_some_and(|tags| !names(tags, &object.root)) {
        return (Code::PreconditionFailed, None);
    }
    if request.if_none_match.is_some_and(|tags| names(tags, &object.root)) {
        return (Code::NotModified, None);
    }
    let is_current = request.if_range.is_none_or(|tag| names_strongly(tag, &object.root));
    let spec = request.range.filter(|_| is_current && !is_head);
    match spec.map(|spec: RangeSpec| spec.resolve(object.size)) {
        None => (Code::Ok, None),
        Some(Ok(range)) => (Code::PartialContent, Some(range)),
        Some(Err(Unsatisfiable)) => (Code::RangeNotSatisfiable, None),
    }
}
