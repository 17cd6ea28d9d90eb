//! One request on its way: what it has done, what it needs next.

use protocols::Reason;
use protocols::integrity::{LIST_BYTES_MAX, ListEntry, PATH_BYTES_MAX, Status};
use protocols::store;
use sel4_shared_ring_buffer::{DataRegion, Span};
use volume::Error;
use volume::geometry::{BLOCK_BYTES, Block};
use volume::verify::{BlockWant, Find, Need, Next, NodeWant, TocWant, VerifiedEntry, VerifiedRoot};
use zerocopy::IntoBytes;

use crate::blocks::{FILE_BLOCKS_MAX, ProvenBlocks};
use crate::fetch::{Fetched, Fetcher, Part};
use crate::object::ShortPath;
use crate::service::Nodes;

/// A path as a request gives it.
pub(crate) type Path = heapless::String<PATH_BYTES_MAX>;

/// Why a request failed.
pub(crate) type Failure = (Status, Reason);

/// Memory that jobs share, one at a time.
pub(crate) struct Scratch {
    /// A tree node may begin in one block and end in the next.
    pub(crate) raw: [u8; 2 * BLOCK_BYTES],
}

/// Everything a job works with.
pub(crate) struct Tools<'t, 'a, F: FnMut()> {
    pub(crate) root: &'t VerifiedRoot,
    pub(crate) nodes: &'t mut Nodes,
    pub(crate) blocks: &'t mut ProvenBlocks<'a>,
    pub(crate) scratch: &'t mut Scratch,
    pub(crate) fetcher: &'t mut Fetcher<'a, F>,
    pub(crate) output: DataRegion<'a>,
}

/// A node that has been asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want {
    Toc(TocWant),
    Tree(NodeWant),
    /// Data blocks from this index on.
    Data(u64),
}

/// What a job has come to.
pub(crate) enum Progress {
    /// A part has been asked for.
    Waits(Want),
    Opened(VerifiedEntry),
    /// So many bytes were written.
    Written(u32),
}

/// The work of a request.
pub(crate) enum Job {
    Open(Path),
    Read(Read),
    List { cursor: Path, target: u64, written: usize },
}

/// A read, from `position` on.
pub(crate) struct Read {
    pub(crate) entry: VerifiedEntry,
    pub(crate) path: ShortPath,
    pub(crate) position: u64,
    pub(crate) target: Span,
    pub(crate) done: u32,
    /// Blocks at hand, from the index on.
    pub(crate) batch: Option<(u64, Fetched)>,
}

impl Job {
    /// Goes on as far as possible without another part.
    pub(crate) fn advance<F: FnMut()>(
        &mut self,
        tools: &mut Tools<'_, '_, F>,
    ) -> Result<Progress, Failure> {
        match self {
            Self::Open(path) => match tools.root.find(tools.nodes, path) {
                Find::Need(want) => Ok(tools.ask_toc(want)),
                Find::Found(entry) => Ok(Progress::Opened(entry)),
                Find::Absent => {
                    Err((Status::NotFound, Reason::new("no such object, and that is proven")))
                }
            },
            Self::Read(read) => read.advance(tools),
            Self::List { cursor, target, written } => list(cursor, *target, written, tools),
        }
    }

    /// Takes a part that was asked for.
    pub(crate) fn take<F: FnMut()>(
        &mut self,
        want: Want,
        fetched: Fetched,
        tools: &mut Tools<'_, '_, F>,
    ) -> Result<(), Failure> {
        match (want, self) {
            (Want::Toc(want), _) => tools.prove_toc(want, fetched),
            (Want::Tree(want), Self::Read(read)) => {
                let proven = tools.prove_node(want, fetched);
                proven.map_err(|error| not_proven(error, &read.path))
            }
            (Want::Data(index), Self::Read(read)) => {
                read.batch = Some((index, fetched));
                Ok(())
            }
            (_, _) => {
                tools.fetcher.release(fetched);
                Ok(())
            }
        }
    }

    /// Gives back what it holds.
    pub(crate) fn end<F: FnMut()>(&mut self, fetcher: &mut Fetcher<'_, F>) {
        if let Self::Read(read) = self
            && let Some((_, batch)) = read.batch.take()
        {
            fetcher.release(batch);
        }
    }
}

impl Read {
    fn advance<F: FnMut()>(&mut self, tools: &mut Tools<'_, '_, F>) -> Result<Progress, Failure> {
        while self.done < self.target.len() {
            let at = self.position + u64::from(self.done);
            let index = at / BLOCK_BYTES as u64;
            if let Some(block) = tools.blocks.get(&self.entry.root(), index) {
                let bytes = valid(&self.entry, index, block);
                self.done += copy_part(tools.output, self.target, self.done, at, bytes)?;
                continue;
            }
            match self.entry.need(tools.nodes, index) {
                Ok(Need::Node(want)) => return Ok(tools.ask_node(want)),
                Ok(Need::Block(want)) => {
                    if !self.prove_block(&want, index, at, tools)? {
                        return Ok(self.ask_data(index, tools));
                    }
                }
                Err(error) => return Err(not_proven(error, &self.path)),
            }
        }
        Ok(Progress::Written(self.done))
    }

    /// Proves a block of the batch and hands its bytes out; `false` when the batch does not have it.
    fn prove_block<F: FnMut()>(
        &mut self,
        want: &BlockWant,
        index: u64,
        at: u64,
        tools: &mut Tools<'_, '_, F>,
    ) -> Result<bool, Failure> {
        let Some((first, fetched)) = self.batch else { return Ok(false) };
        let nth = index.checked_sub(first).and_then(|nth| usize::try_from(nth).ok());
        let Some(nth) = nth.filter(|&nth| nth < usize::from(fetched.count)) else {
            tools.fetcher.release(fetched);
            self.batch = None;
            return Ok(false);
        };
        let Some(raw) = tools.scratch.raw.first_chunk_mut::<BLOCK_BYTES>() else {
            return Ok(false);
        };
        if !tools.fetcher.copy(fetched, nth * BLOCK_BYTES, raw) {
            return Err((Status::Storage, Reason::new("store named a block outside the region")));
        }
        let proven = want.prove(raw).map_err(|error| not_proven(error, &self.path))?;
        self.done += copy_part(tools.output, self.target, self.done, at, proven.bytes())?;
        if self.entry.block_count() <= FILE_BLOCKS_MAX {
            tools.blocks.insert(self.entry.root(), index, raw);
        }
        Ok(true)
    }

    fn ask_data<F: FnMut()>(&self, index: u64, tools: &mut Tools<'_, '_, F>) -> Progress {
        let end = self.position + u64::from(self.target.len());
        let last = end.saturating_sub(1) / BLOCK_BYTES as u64;
        let wanted = last.saturating_sub(index).saturating_add(1);
        let count = wanted.min(store::BLOCKS_PER_REQUEST_MAX.into());
        tools.fetcher.ask(Part {
            op: store::Op::Data,
            object: self.entry.object().number(),
            level: 0,
            index,
            count: u16::try_from(count).unwrap_or(1),
        });
        Progress::Waits(Want::Data(index))
    }
}

impl<F: FnMut()> Tools<'_, '_, F> {
    fn ask_toc(&mut self, want: TocWant) -> Progress {
        let (op, index) = (store::Op::TocNode, want.index());
        self.fetcher.ask(Part { op, object: 0, level: 0, index, count: 1 });
        Progress::Waits(Want::Toc(want))
    }

    fn ask_node(&mut self, want: NodeWant) -> Progress {
        self.fetcher.ask(Part {
            op: store::Op::TreeNode,
            object: want.object().number(),
            level: u16::try_from(want.level()).unwrap_or(u16::MAX),
            index: want.index(),
            count: 1,
        });
        Progress::Waits(Want::Tree(want))
    }

    fn prove_toc(&mut self, want: TocWant, fetched: Fetched) -> Result<(), Failure> {
        let Some(raw) = self.scratch.raw.first_chunk_mut::<BLOCK_BYTES>() else { return Ok(()) };
        let copied = self.fetcher.copy(fetched, 0, raw);
        self.fetcher.release(fetched);
        if !copied {
            return Err((Status::Storage, Reason::new("store named a block outside the region")));
        }
        want.prove(raw, self.nodes).map_err(|error| (Status::NotProven, Reason::new(error)))
    }

    fn prove_node(&mut self, want: NodeWant, fetched: Fetched) -> Result<(), Error> {
        let bytes = want.span().bytes();
        let raw = self.scratch.raw.get_mut(..bytes.len()).unwrap_or_default();
        let copied = self.fetcher.copy(fetched, bytes.start, raw);
        self.fetcher.release(fetched);
        // What could not be copied is not the node.
        want.prove(if copied { raw } else { &[] }, self.nodes)
    }
}

/// The bytes of a block that belong to the file.
fn valid<'b>(entry: &VerifiedEntry, index: u64, block: &'b Block) -> &'b [u8] {
    let left = entry.size().saturating_sub(index.saturating_mul(BLOCK_BYTES as u64));
    let len = usize::try_from(left).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
    block.get(..len).unwrap_or_default()
}

/// Copies what the read still wants of a proven block, which holds byte `at` of the file, behind the
/// `done` bytes written before; answers how many it were.
fn copy_part(
    output: DataRegion<'_>,
    target: Span,
    done: u32,
    at: u64,
    bytes: &[u8],
) -> Result<u32, Failure> {
    let skip = usize::try_from(at % BLOCK_BYTES as u64).unwrap_or(BLOCK_BYTES);
    let rest = bytes.get(skip..).unwrap_or_default();
    let len = u32::try_from(rest.len()).unwrap_or(0).min(target.len() - done);
    let part = rest.get(..len as usize).unwrap_or_default();
    let span = target.part(done, len);
    match span.and_then(|span| output.copy_in(span, part)) {
        Ok(()) if len > 0 => Ok(len),
        _ => Err((Status::BadRequest, Reason::new("nothing to read there"))),
    }
}

fn list<F: FnMut()>(
    cursor: &mut Path,
    target: u64,
    written: &mut usize,
    tools: &mut Tools<'_, '_, F>,
) -> Result<Progress, Failure> {
    loop {
        match tools.root.next_after(tools.nodes, cursor) {
            Next::Need(want) => return Ok(tools.ask_toc(want)),
            Next::End => break,
            Next::Entry(entry, path) => {
                let len = (size_of::<ListEntry>() + path.len()).next_multiple_of(8);
                if *written + len > LIST_BYTES_MAX {
                    break;
                }
                let head = ListEntry {
                    size: entry.size(),
                    path_len: u16::try_from(path.len()).unwrap_or(u16::MAX),
                    reserved: [0; 6],
                    root: entry.root().0,
                };
                let at = target + *written as u64;
                put(tools.output, at, head.as_bytes())?;
                put(tools.output, at + size_of::<ListEntry>() as u64, path.as_bytes())?;
                *written += len;
                let too_long = |_| (Status::NotProven, Reason::new("a path is too long"));
                *cursor = Path::try_from(path).map_err(too_long)?;
            }
        }
    }
    Ok(Progress::Written(u32::try_from(*written).unwrap_or(0)))
}

fn put(output: DataRegion<'_>, at: u64, bytes: &[u8]) -> Result<(), Failure> {
    let outside = (Status::BadRequest, Reason::new("the listing does not fit into the region"));
    let (Ok(at), Ok(len)) = (u32::try_from(at), u32::try_from(bytes.len())) else {
        return Err(outside);
    };
    let span = output.span(at, len);
    span.and_then(|span| output.copy_in(span, bytes)).map_err(|_| outside)
}

fn not_proven(error: Error, path: &ShortPath) -> Failure {
    (Status::NotProven, Reason::new(error.of(path)))
}
