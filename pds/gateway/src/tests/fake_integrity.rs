//! `integrity` with files in memory, and failures on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use protocols::Reason;
use protocols::integrity::{
    Completion, LIST_BYTES_MAX, ListEntry, Op, RING_SLOTS, Request, Status,
};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{DataRegion, LinkError, RawLink};
use zerocopy::{FromZeros, IntoBytes};

use super::{Server, padded, silent};

pub(crate) type Raw = RawLink<Request, Completion, RING_SLOTS>;

pub(crate) struct FakeIntegrity {
    raw: &'static Raw,
    pub(crate) link: Server<Request, Completion, RING_SLOTS>,
    paths: DataRegion<'static, ReadOnly>,
    output: DataRegion<'static>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    objects: BTreeMap<u32, String>,
    next_object: u32,
    pub(crate) objects_max: usize,
    /// Blocks that do not prove.
    pub(crate) bad: BTreeSet<(String, u64)>,
    /// Why the volume is refused; empty when it is not.
    pub(crate) refusal: &'static str,
    pub(crate) refusal_status: Status,
    /// Is the disk gone?
    pub(crate) has_no_disk: bool,
    /// Answers nothing.
    pub(crate) is_silent: bool,
    /// Answers so many requests, and then nothing until told otherwise.
    pub(crate) answers_left: usize,
    pub(crate) counts: BTreeMap<u16, usize>,
}

/// The root of a file, as good as any.
pub(crate) fn root_of(bytes: &[u8]) -> [u8; 32] {
    let mut root = [0x5a_u8; 32];
    for (at, byte) in bytes.iter().enumerate() {
        let slot = &mut root[at % 32];
        *slot = slot.rotate_left(1) ^ byte;
    }
    root
}

impl FakeIntegrity {
    pub(crate) fn new(
        raw: &'static Raw,
        paths: DataRegion<'static, ReadOnly>,
        output: DataRegion<'static>,
    ) -> Self {
        Self {
            raw,
            link: raw.server(silent()),
            paths,
            output,
            files: BTreeMap::new(),
            objects: BTreeMap::new(),
            next_object: 1,
            objects_max: 64,
            bad: BTreeSet::new(),
            refusal: "",
            refusal_status: Status::NotProven,
            has_no_disk: false,
            is_silent: false,
            answers_left: usize::MAX,
            counts: BTreeMap::new(),
        }
    }

    /// A new life; answers the end of the old one.
    pub(crate) fn restart(&mut self) -> Server<Request, Completion, RING_SLOTS> {
        self.objects.clear();
        core::mem::replace(&mut self.link, self.raw.server(silent()))
    }

    pub(crate) fn put(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.insert(path.to_string(), bytes.into());
    }

    pub(crate) fn count(&self, op: Op) -> usize {
        self.counts.get(&op.code()).copied().unwrap_or(0)
    }

    pub(crate) fn step(&mut self) -> bool {
        let mut is_busy = false;
        while !self.is_silent && self.answers_left > 0 && self.link.room() > 0 {
            match self.link.receive() {
                Ok(Some(request)) => {
                    self.answers_left -= 1;
                    *self.counts.entry(request.op).or_default() += 1;
                    let completion = self.answer(&request);
                    self.link.send(completion).unwrap();
                }
                Err(LinkError::PeerRestarted) => self.objects.clear(),
                Ok(None) | Err(LinkError::PeerMisbehavior) => break,
            }
            is_busy = true;
        }
        self.link.flush();
        if self.is_silent || self.answers_left == 0 { is_busy } else { is_busy | !self.link.arm() }
    }

    fn answer(&mut self, request: &Request) -> Completion {
        let mut completion = Completion::new_zeroed();
        let answer = self.perform(request, &mut completion);
        completion.cookie = request.cookie;
        completion.status = Status::Ok.code();
        if let Err((status, reason)) = answer {
            completion.status = status.code();
            completion.reason = Reason::new(reason);
        }
        completion
    }

    fn perform(
        &mut self,
        request: &Request,
        completion: &mut Completion,
    ) -> Result<(), (Status, String)> {
        assert_eq!((request.reserved, request.reserved2), (0, 0));
        let op = Op::from_code(request.op).expect("a known operation");
        if op == Op::Close {
            self.objects.remove(&request.object).expect("closed once");
            return Ok(());
        }
        if !self.refusal.is_empty() {
            return Err((self.refusal_status, self.refusal.into()));
        }
        if self.has_no_disk && op != Op::Volume {
            return Err((Status::Storage, "disk does not answer".into()));
        }
        match op {
            Op::Open => {
                let path = self.path(request);
                let bytes = self.files.get(&path);
                let bytes = bytes.ok_or((Status::NotFound, "no such object".to_string()))?;
                if self.objects.len() >= self.objects_max {
                    return Err((Status::NoRoom, "too many objects are open".into()));
                }
                completion.size = bytes.len() as u64;
                completion.root = root_of(bytes);
                completion.object = self.next_object;
                self.objects.insert(self.next_object, path);
                self.next_object += 1;
            }
            Op::Read => completion.len = self.read(request)?,
            Op::List => completion.len = self.list(request),
            Op::Volume => {
                completion.name = padded("demo");
                completion.generation = 5;
                completion.size = self.files.len() as u64;
                completion.root = [0xaa; 32];
            }
            Op::Close => {}
        }
        Ok(())
    }

    fn path(&self, request: &Request) -> String {
        let span = self.paths.span(request.offset, request.len).expect("within the region");
        let mut bytes = std::vec![0; request.len as usize];
        self.paths.copy_out(span, &mut bytes).unwrap();
        // What is no UTF-8 is no path.
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn read(&self, request: &Request) -> Result<u32, (Status, String)> {
        let path = self.objects.get(&request.object).expect("an open object");
        let bytes = &self.files[path];
        let start = usize::try_from(request.position).unwrap();
        let wanted = &bytes[start..start + request.len as usize];
        assert!(!wanted.is_empty());
        let end = request.position + u64::from(request.len);
        for block in request.position / 4096..end.div_ceil(4096) {
            if self.bad.contains(&(path.clone(), block)) {
                let reason = format!("block {block} of /{path}: hash mismatch");
                return Err((Status::NotProven, reason));
            }
        }
        let span = self.output.span(request.offset, request.len).expect("within the region");
        self.output.copy_in(span, wanted).unwrap();
        Ok(request.len)
    }

    fn list(&self, request: &Request) -> u32 {
        let cursor = self.path(request);
        let mut listing = Vec::new();
        for (path, bytes) in self.files.iter().filter(|(path, _)| **path > cursor) {
            let len = (size_of::<ListEntry>() + path.len()).next_multiple_of(8);
            if listing.len() + len > LIST_BYTES_MAX {
                break;
            }
            let mut entry = ListEntry::new_zeroed();
            entry.size = bytes.len() as u64;
            entry.path_len = u16::try_from(path.len()).unwrap();
            entry.root = root_of(bytes);
            let end = listing.len() + len;
            listing.extend(entry.as_bytes());
            listing.extend(path.as_bytes());
            listing.resize(end, 0);
        }
        let (offset, len) = (u32::try_from(request.position), u32::try_from(listing.len()));
        let span = self.output.span(offset.unwrap(), len.unwrap()).expect("within the region");
        self.output.copy_in(span, &listing).unwrap();
        span.len()
    }
}
