//! Pages that are composed while they go out: of any length, in bounded memory.

use protocols::integrity::PATH_BYTES_MAX;

use crate::connection::{Connection, Context, State};
use crate::exchange::{Activity, Exchange};
use crate::failure::Failure;
use crate::http::{Code, Format, Head, Length};
use crate::listing::{media, write_bottom, write_entry, write_top};
use crate::readers::{Next, ReaderId, Volume};
use crate::status::Asked;
use crate::text::Text;
use crate::{metrics, status};

/// Bytes around a chunk: its size, line ends, and the last chunk (RFC 9112, section 7.1).
const CHUNK_FRAME_BYTES: usize = 8 + 2 + 2 + 5;
/// Less room is not used while there will be more: many small chunks cost more than a few large ones.
const PIECES_BYTES_MIN: usize = 4096;

/// How the state of the system is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Report {
    /// As JSON.
    Status,
    /// For Prometheus.
    Metrics,
}

impl Report {
    const fn media(self) -> &'static str {
        match self {
            Self::Status => media(Format::Json),
            Self::Metrics => metrics::MEDIA,
        }
    }
}

/// Where the text of a page comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// The volume's table. No reader is free as long as there is none.
    Listing { reader: Option<ReaderId>, format: Format, volume: Volume },
    /// The state of the system.
    State { report: Report, asked: Asked, volume: Option<Result<Volume, Failure>> },
}

/// A page on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    source: Source,
    /// The head has been written.
    has_begun: bool,
    /// Pieces written.
    next: usize,
}

/// What became of a piece.
enum Piece {
    Written,
    /// Everything has been written.
    Last,
    Waits,
    Failed(Failure),
}

impl Page {
    pub(crate) const fn reader(&self) -> Option<ReaderId> {
        match self.source {
            Source::Listing { reader, .. } => reader,
            Source::State { .. } => None,
        }
    }

    pub(crate) const fn has_begun(&self) -> bool {
        self.has_begun
    }

    fn head(&self, exchange: &Exchange) -> Head<'static> {
        let length = match exchange {
            Exchange { is_head: true, .. } => Length::Nothing,
            Exchange { is_http_10: true, .. } => Length::Connection,
            _ => Length::Chunked,
        };
        let (media, varies) = match self.source {
            Source::Listing { format, .. } => (media(format), true),
            Source::State { report, .. } => (report.media(), false),
        };
        Head { media, varies, ..Head::new(Code::Ok, length, exchange.keep_alive) }
    }

    /// Writes the next piece, or as much of it as fits.
    fn write<F: FnMut()>(&mut self, cx: &mut Context<'_, '_, F>, out: &mut Text<'_>) -> Piece {
        match &self.source {
            Source::State { report, asked, volume } => {
                let (next, asked, volume) = (self.next, *asked, *volume);
                let has_more = match report {
                    Report::Status => {
                        status::write_piece(next, cx.facts, asked, volume, cx.now_ns, out)
                    }
                    Report::Metrics => {
                        metrics::write_piece(next, cx.facts, asked, volume, cx.now_ns, out)
                    }
                };
                if !has_more {
                    return Piece::Last;
                }
            }
            Source::Listing { reader: None, .. } => return Piece::Waits,
            Source::Listing { format, volume, .. } if self.next == 0 => {
                write_top(*format, volume, out);
            }
            Source::Listing { reader: Some(reader), format, .. } => {
                let mut path = [0; PATH_BYTES_MAX];
                match cx.readers.next(*reader, &mut path) {
                    Next::Waits => return Piece::Waits,
                    Next::Failed(failure) => return Piece::Failed(failure),
                    Next::End => {
                        write_bottom(*format, out);
                        return Piece::Last;
                    }
                    Next::Entry { entry, path } => {
                        write_entry(*format, self.next == 1, &entry, path, out);
                        if !out.is_cut() {
                            cx.readers.advance(*reader, path);
                        }
                    }
                }
            }
        }
        Piece::Written
    }

    /// Writes as many pieces as fit.
    fn fill<F: FnMut()>(&mut self, cx: &mut Context<'_, '_, F>, out: &mut Text<'_>) -> Piece {
        loop {
            let before = out.len();
            let piece = self.write(cx, out);
            if out.is_cut() {
                out.rewind(before);
                return Piece::Written;
            }
            match piece {
                Piece::Written => self.next += 1,
                piece => return piece,
            }
        }
    }
}

impl Connection {
    /// The volume is proven: begins its listing.
    pub(crate) fn begin_listing<F: FnMut()>(
        &mut self,
        exchange: Exchange,
        format: Format,
        volume: Volume,
        cx: &mut Context<'_, '_, F>,
    ) -> bool {
        let source = Source::Listing { reader: None, format, volume };
        self.begin_page(exchange, source, cx);
        true
    }

    /// Everybody has answered, or had time to: begins the report.
    pub(crate) fn begin_report<F: FnMut()>(
        &mut self,
        exchange: Exchange,
        report: Report,
        asked: Asked,
        volume: Option<Result<Volume, Failure>>,
        cx: &mut Context<'_, '_, F>,
    ) {
        cx.facts.copy_page();
        self.begin_page(exchange, Source::State { report, asked, volume }, cx);
    }

    fn begin_page<F: FnMut()>(
        &mut self,
        mut exchange: Exchange,
        source: Source,
        cx: &mut Context<'_, '_, F>,
    ) {
        // Where the connection's end is the page's end, no request follows.
        exchange.keep_alive &= !exchange.is_http_10 || exchange.is_head;
        let page = Page { source, has_begun: false, next: 0 };
        if exchange.is_head {
            self.write_head(&page.head(&exchange), cx);
            self.finish(&exchange, cx);
            return;
        }
        let (activity, since_ns) = (Activity::Page(page), cx.now_ns);
        self.state = State::Serving { exchange, activity, since_ns };
    }

    /// Composes what has room; `false` when it must wait.
    pub(crate) fn serve_page<F: FnMut()>(
        &mut self,
        exchange: Exchange,
        cx: &mut Context<'_, '_, F>,
    ) -> bool {
        let State::Serving { activity: Activity::Page(page), .. } = &self.state else {
            return false;
        };
        let mut page = *page;
        let scratch = core::mem::take(&mut cx.scratch);
        let head_bytes = if page.has_begun { 0 } else { Head::BYTES_MAX };
        let room = (self.outbox.room() as usize).saturating_sub(CHUNK_FRAME_BYTES + head_bytes);
        let limit = room.min(scratch.len());
        if limit < PIECES_BYTES_MIN && !self.outbox.is_empty() {
            cx.scratch = scratch;
            return false;
        }
        // From here on the page is kept, and its reader with it.
        if let Source::Listing { reader: reader @ None, .. } = &mut page.source {
            *reader = cx.readers.list();
        }
        let mut text = Text::new(scratch.get_mut(..limit).unwrap_or_default());
        let piece = page.fill(cx, &mut text);
        let goes_on = self.send_pieces(exchange, &mut page, &piece, text.as_bytes(), cx);
        cx.scratch = scratch;
        goes_on
    }

    fn send_pieces<F: FnMut()>(
        &mut self,
        exchange: Exchange,
        page: &mut Page,
        piece: &Piece,
        text: &[u8],
        cx: &mut Context<'_, '_, F>,
    ) -> bool {
        // A listing begins when its first entry is proven, not before.
        let is_proven = match piece {
            Piece::Written | Piece::Last => true,
            Piece::Waits => page.has_begun || page.next > 1,
            Piece::Failed(_) => page.has_begun,
        };
        if !is_proven {
            // What was composed is composed again.
            page.next = 0;
        } else if !text.is_empty() || matches!(piece, Piece::Last) {
            if !page.has_begun {
                self.write_head(&page.head(&exchange), cx);
                page.has_begun = true;
            }
            self.write_chunk(&exchange, text, matches!(piece, Piece::Last), cx);
        }
        let is_stuck = matches!(piece, Piece::Written) && text.is_empty() && self.outbox.is_empty();
        if let State::Serving { activity: Activity::Page(kept), since_ns, .. } = &mut self.state {
            *kept = *page;
            if is_proven && !text.is_empty() {
                *since_ns = cx.now_ns;
            }
        }
        match piece {
            Piece::Failed(failure) => self.fail(failure, cx),
            Piece::Last => {
                if let Some(reader) = page.reader() {
                    cx.readers.release(reader);
                }
                self.finish(&exchange, cx);
            }
            // Longer than anything has room for: nothing that a volume or this system contains.
            Piece::Written if is_stuck => self.abort(cx),
            Piece::Written | Piece::Waits => return false,
        }
        true
    }

    fn write_chunk<F: FnMut()>(
        &mut self,
        exchange: &Exchange,
        text: &[u8],
        is_last: bool,
        cx: &mut Context<'_, '_, F>,
    ) {
        let mut frame = [0; CHUNK_FRAME_BYTES];
        let mut size = Text::new(&mut frame);
        size.hex_number(text.len()).str("\r\n");
        if exchange.is_http_10 {
            self.outbox.write(cx.output, text);
            return;
        }
        if !text.is_empty() {
            self.outbox.write(cx.output, size.as_bytes());
            self.outbox.write(cx.output, text);
            self.outbox.write(cx.output, b"\r\n");
        }
        if is_last {
            self.outbox.write(cx.output, b"0\r\n\r\n");
        }
    }
}
