//! From a request to its response.

use protocols::integrity::PATH_BYTES_MAX;

use crate::connection::{Connection, Context, State};
use crate::failure::{Failure, Kind};
use crate::http::{
    Code, DecodeError, Format, Method, Request, Resource, decode, parse, preferred, type_of,
};
use crate::objects::Wanted;
use crate::pages::{Page, Report};
use crate::question::Ticket;
use crate::readers::ReaderId;
use crate::status::Asked;

/// What a client is told that asks for something else.
const HERE: &str = "here are /, /o/<path>, /ui/, /status and /metrics";
/// How long a report waits for the PDs that it asks.
const REPORT_NS: u64 = 1_000_000_000;

/// What the end of a response needs to know of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    pub(crate) head_len: usize,
    pub(crate) content_len: u64,
    pub(crate) keep_alive: bool,
    pub(crate) is_head: bool,
    pub(crate) is_http_10: bool,
    /// Neither a range nor a condition.
    pub(crate) is_plain: bool,
}

impl Exchange {
    /// One after which the connection ends.
    pub(crate) const LAST: Self = Self {
        head_len: 0,
        content_len: 0,
        keep_alive: false,
        is_head: false,
        is_http_10: false,
        is_plain: true,
    };
}

/// What is being done for a request.
#[derive(Debug)]
pub(crate) enum Activity {
    /// No reader is free.
    Waiting,
    /// The object is being opened.
    Opening { reader: ReaderId, media: &'static str },
    /// Its first bytes are being proven.
    Proving { reader: ReaderId, wanted: Wanted },
    /// Its bytes go out; so many are left.
    Body { reader: ReaderId, left: u64 },
    /// The volume is being asked for, for a listing.
    Volume { ticket: Ticket, format: Format },
    /// Everybody is being asked, for a report.
    Asking { asked: Asked, report: Report, until_ns: u64 },
    /// A page goes out.
    Page(Page),
}

impl Activity {
    /// The reader in use.
    pub(crate) const fn reader(&self) -> Option<ReaderId> {
        match self {
            Self::Opening { reader, .. } | Self::Proving { reader, .. } => Some(*reader),
            Self::Body { reader, .. } => Some(*reader),
            Self::Page(page) => page.reader(),
            Self::Waiting | Self::Volume { .. } | Self::Asking { .. } => None,
        }
    }

    /// Has some of the response been written?
    pub(crate) const fn has_begun(&self) -> bool {
        match self {
            Self::Body { .. } => true,
            Self::Page(page) => page.has_begun(),
            _ => false,
        }
    }

    /// When waiting ends, if this activity has a rule of its own.
    pub(crate) const fn deadline_ns(&self) -> Option<u64> {
        match self {
            Self::Asking { until_ns, .. } => Some(*until_ns),
            _ => None,
        }
    }
}

/// What a request leads to.
enum Route {
    Line(Code, &'static str),
    Begin(Activity),
}

impl Connection {
    /// A whole head is here.
    pub(crate) fn receive<F: FnMut()>(&mut self, head_len: usize, cx: &mut Context<'_, '_, F>) {
        let head = self.inbox.bytes().get(..head_len).unwrap_or_default();
        let request = match parse(head) {
            Ok(request) => request,
            Err(code) => return self.refuse(code, cx),
        };
        cx.counters.requests += 1;
        let exchange = Exchange {
            head_len,
            content_len: request.content_len,
            keep_alive: request.keep_alive,
            is_head: request.method == Method::Head,
            is_http_10: request.is_http_10,
            is_plain: request.range.is_none()
                && request.if_match.is_none()
                && request.if_none_match.is_none(),
        };
        self.follow(route(&request, cx), exchange, cx.now_ns, cx);
    }

    fn follow<F: FnMut()>(
        &mut self,
        route: Route,
        exchange: Exchange,
        since_ns: u64,
        cx: &mut Context<'_, '_, F>,
    ) {
        match route {
            Route::Line(code, line) => {
                self.respond(code, line, &exchange, cx);
                self.finish(&exchange, cx);
            }
            Route::Begin(activity) => {
                self.state = State::Serving { exchange, activity, since_ns };
            }
        }
    }

    /// Goes on with the request that is being served; `false` when it must wait.
    pub(crate) fn serve<F: FnMut()>(&mut self, cx: &mut Context<'_, '_, F>) -> bool {
        let State::Serving { exchange, activity, since_ns } = &self.state else { return false };
        let (exchange, since_ns) = (*exchange, *since_ns);
        match activity {
            Activity::Waiting => {
                let head = self.inbox.bytes().get(..exchange.head_len).unwrap_or_default();
                let Ok(request) = parse(head) else { return false };
                let route = route(&request, cx);
                let goes_on = !matches!(route, Route::Begin(Activity::Waiting));
                self.follow(route, exchange, since_ns, cx);
                goes_on
            }
            &Activity::Opening { reader, media } => self.serve_opening(exchange, reader, media, cx),
            &Activity::Proving { reader, wanted } => {
                self.serve_proving(exchange, reader, wanted, cx)
            }
            &Activity::Body { reader, left } => self.serve_body(exchange, reader, left, cx),
            &Activity::Volume { ticket, format } => match cx.readers.volume(ticket) {
                Some(Ok(volume)) => self.begin_listing(exchange, format, volume, cx),
                Some(Err(failure)) => {
                    self.fail(&failure, cx);
                    true
                }
                None => false,
            },
            &Activity::Asking { asked, report, until_ns } => {
                let volume = cx.readers.volume(asked.volume);
                let is_complete = cx.facts.is_complete(asked.facts) && volume.is_some();
                if !is_complete && cx.now_ns < until_ns {
                    return false;
                }
                self.begin_report(exchange, report, asked, volume, cx);
                true
            }
            Activity::Page(_) => self.serve_page(exchange, cx),
        }
    }

    /// Goes on with another activity.
    pub(crate) fn enter(&mut self, next: Activity) {
        if let State::Serving { activity, .. } = &mut self.state {
            *activity = next;
        }
    }

    /// Answers a failure, or ends the connection where an answer has begun: the client sees that it
    /// is short.
    pub(crate) fn fail<F: FnMut()>(&mut self, failure: &Failure, cx: &mut Context<'_, '_, F>) {
        let State::Serving { exchange, activity, .. } = &self.state else { return };
        let (exchange, reader) = (*exchange, activity.reader());
        let (code, has_begun) = (failure.code(), activity.has_begun());
        let reason = failure.reason.as_str();
        cx.counters.not_proven += u64::from(failure.kind == Kind::NotProven);
        // `integrity` has said itself what does not prove.
        if !matches!(failure.kind, Kind::NotFound | Kind::NotProven | Kind::Revoked) {
            log::warn!("{reason}");
        }
        if has_begun {
            cx.counters.errors += 1;
            self.abort(cx);
            return;
        }
        if let Some(reader) = reader {
            cx.readers.release(reader);
        }
        let line = if reason.is_empty() { code.line() } else { reason };
        self.respond(code, line, &exchange, cx);
        self.finish(&exchange, cx);
    }
}

/// Decides what a request leads to, and starts it.
fn route<F: FnMut()>(request: &Request<'_>, cx: &mut Context<'_, '_, F>) -> Route {
    if request.method == Method::Other {
        return Route::Line(Code::MethodNotAllowed, "only GET and HEAD are possible here");
    }
    if request.is_too_large {
        return Route::Line(Code::ContentTooLarge, "the request carries too much content");
    }
    match request.resource {
        Resource::Unknown => Route::Line(Code::NotFound, HERE),
        Resource::Listing(format) => Route::Begin(Activity::Volume {
            ticket: cx.readers.ask_volume(),
            format: format.unwrap_or_else(|| preferred(request.accept)),
        }),
        Resource::Status => ask(Report::Status, cx),
        Resource::Metrics => ask(Report::Metrics, cx),
        Resource::Object(encoded) => {
            let mut path = [0; PATH_BYTES_MAX];
            match decode(encoded, &mut path) {
                Err(DecodeError::Malformed) => {
                    Route::Line(Code::BadRequest, "the path is not percent-encoded")
                }
                Ok([]) | Err(DecodeError::TooLong) => {
                    Route::Line(Code::NotFound, "no object has such a path")
                }
                Ok(path) => Route::Begin(match cx.readers.open(path) {
                    Some(reader) => Activity::Opening { reader, media: type_of(path) },
                    None => Activity::Waiting,
                }),
            }
        }
    }
}

fn ask<F: FnMut()>(report: Report, cx: &mut Context<'_, '_, F>) -> Route {
    let asked = Asked { facts: cx.facts.ask(), volume: cx.readers.ask_volume() };
    let until_ns = cx.now_ns.saturating_add(REPORT_NS);
    Route::Begin(Activity::Asking { asked, report, until_ns })
}
