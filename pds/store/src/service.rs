//! The state machine: requests of clients in, block requests out, and back.

use protocols::disk;
use protocols::store::{BLOCKS_PER_REQUEST_MAX, Completion, Op, RING_SLOTS, Request, Status};
use sel4_externally_shared::access::ReadOnly;
use sel4_shared_ring_buffer::{
    BufferGrid, BufferIndex, BufferPool, ClientEnd, DataRegion, LinkError, ServerEnd,
};
use volume::geometry::{BLOCK_BYTES, Block};

use crate::leaves::Leaves;
use crate::volume_state::{Place, VolumeState, place};

/// Clients at most.
pub const CLIENTS_MAX: usize = 4;
/// Bytes of a group, the unit in which the block region is handed out.
pub const GROUP_BYTES: u32 = 16 * 4096;
/// Groups at most: one word of the pool.
const GROUPS_MAX: usize = 64;

const _: () = assert!(GROUP_BYTES as usize == BLOCKS_PER_REQUEST_MAX as usize * BLOCK_BYTES);

/// The rings between `store` and one client.
pub type Link<'a, F> = ServerEnd<'a, Request, Completion, RING_SLOTS, F>;
/// The link to `disk`.
pub type DiskLink<'a, F> = ClientEnd<'a, disk::Request, disk::Completion, { disk::RING_SLOTS }, F>;

/// A client.
pub struct Client<'a, F: FnMut()> {
    link: Link<'a, F>,
    /// Groups lent to it or being filled for it.
    held: usize,
    is_cut_off: bool,
}

impl<'a, F: FnMut()> Client<'a, F> {
    /// A client that holds nothing.
    pub fn new(link: Link<'a, F>) -> Self {
        Self { link, held: 0, is_cut_off: false }
    }
}

/// What a group is used for.
#[derive(Clone, Copy, Debug)]
enum Use {
    /// Nothing.
    Free,
    /// The disk fills it for `store` itself: a superblock slot.
    Superblock,
    /// The disk fills it with leaf `leaf`, to find what `request` of `client` asks for.
    Leaf { client: usize, request: Request, leaf: u64 },
    /// The disk fills it with `count` blocks for `client`.
    Filling { client: usize, cookie: u64, count: u16 },
    /// The disk fills it for nobody any more.
    Abandoned,
    /// Lent to `client`.
    Lent { client: usize },
}

/// The PD's whole state.
pub struct Store<'a, F: FnMut()> {
    volume: VolumeState,
    leaves: &'a mut Leaves,
    disk: DiskLink<'a, F>,
    blocks: DataRegion<'a, ReadOnly>,
    pool: BufferPool<1>,
    uses: [Use; GROUPS_MAX],
    /// What the disk was last asked for each group: a new life of it is asked again.
    asked: [Option<disk::Request>; GROUPS_MAX],
    clients: heapless::Vec<Client<'a, F>, CLIENTS_MAX>,
    /// Requests answered.
    pub requests: u64,
    /// Requests answered with an error.
    pub errors: u64,
    /// Times that a peer broke its link.
    pub violations: u64,
    /// Blocks handed out.
    pub block_count: u64,
}

impl<'a, F: FnMut()> Store<'a, F> {
    /// A service that has asked for the first superblock slot; `None` when the block region holds no
    /// group for each client and one for itself.
    pub fn new(
        leaves: &'a mut Leaves,
        disk: DiskLink<'a, F>,
        blocks: DataRegion<'a, ReadOnly>,
        clients: heapless::Vec<Client<'a, F>, CLIENTS_MAX>,
    ) -> Option<Self> {
        let grid = BufferGrid::new(blocks.len(), GROUP_BYTES)?;
        let pool = BufferPool::full(grid);
        if pool.held_count() <= clients.len() {
            return None;
        }
        let mut store = Self {
            volume: VolumeState::Unknown,
            leaves,
            disk,
            blocks,
            pool,
            uses: [Use::Free; GROUPS_MAX],
            asked: [None; GROUPS_MAX],
            clients,
            requests: 0,
            errors: 0,
            violations: 0,
            block_count: 0,
        };
        store.load();
        Some(store)
    }

    /// Has a superblock been found?
    #[must_use]
    pub fn has_volume(&self) -> bool {
        matches!(self.volume, VolumeState::Known(_))
    }

    /// Is the superblock still being looked for?
    #[must_use]
    pub fn is_loading(&self) -> bool {
        matches!(self.volume, VolumeState::Loading { .. })
    }

    /// Does what there is to do and prepares the links for sleep.
    pub fn step(&mut self) {
        loop {
            self.hear_disk();
            for client in 0..self.clients.len() {
                self.serve(client);
            }
            let mut is_idle = self.disk.arm();
            for client in &mut self.clients {
                is_idle &= client.link.arm();
            }
            if is_idle {
                return;
            }
        }
    }

    /// Groups that one client may hold: an equal share, so that nobody takes another's.
    fn share(&self) -> usize {
        (self.pool.grid().count() - 1) / self.clients.len().max(1)
    }

    fn load(&mut self) {
        self.leaves.clear();
        let Some(group) = self.pool.take() else { return };
        self.volume = VolumeState::Loading { slot: 0, best: None };
        self.read_slot(group, 0);
    }

    fn read_slot(&mut self, group: BufferIndex, slot: u64) {
        self.uses[group.get()] = Use::Superblock;
        if !self.read(group, slot, 1) {
            self.volume = VolumeState::Unknown;
            self.free(group);
        }
    }

    /// Asks the disk to fill a group; `false` when it takes no requests.
    fn read(&mut self, group: BufferIndex, block: u64, count: u16) -> bool {
        let request = disk::Request {
            cookie: group.get() as u64,
            block,
            offset: self.pool.grid().offset_of(group),
            op: disk::Op::Read.code(),
            count,
            reserved: 0,
        };
        self.asked[group.get()] = Some(request);
        let sent = self.disk.send(request).is_ok();
        self.disk.flush();
        sent
    }

    fn free(&mut self, group: BufferIndex) {
        self.uses[group.get()] = Use::Free;
        // It was taken for the use that ends here.
        let _ = self.pool.give_back(self.pool.grid().offset_of(group));
    }

    fn hear_disk(&mut self) {
        loop {
            match self.disk.receive() {
                Ok(Some(completion)) => self.take(&completion),
                Ok(None) => return,
                Err(LinkError::PeerRestarted) => self.ask_again(),
                Err(LinkError::PeerMisbehavior) => {
                    if self.uses.iter().any(is_with_disk) {
                        self.violations += 1;
                        log::error!("disk broke its link");
                        self.forget_disk();
                    }
                    return;
                }
            }
        }
    }

    /// A new life of the disk has not heard what the old one was asked for. It resets its device before
    /// it lets it write into any buffer.
    fn ask_again(&mut self) {
        for index in 0..self.pool.grid().count() {
            let is_owed = self.uses.get(index).is_some_and(is_with_disk);
            let request = self.asked.get(index).copied().flatten().filter(|_| is_owed);
            if let Some(request) = request
                && self.disk.send(request).is_err()
            {
                self.complete(index, Err(Status::Disk));
            }
        }
        self.disk.flush();
    }

    /// Nothing that the disk was asked for will come.
    fn forget_disk(&mut self) {
        for index in 0..self.pool.grid().count() {
            if self.uses.get(index).is_some_and(is_with_disk) {
                self.complete(index, Err(Status::Disk));
            }
        }
    }

    fn take(&mut self, completion: &disk::Completion) {
        let index = usize::try_from(completion.cookie).unwrap_or(usize::MAX);
        if !self.uses.get(index).is_some_and(is_with_disk) {
            self.violations += 1;
            self.disk.blame();
            return;
        }
        let result = match disk::Status::from_code(completion.status) {
            Some(disk::Status::Ok) => Ok(()),
            Some(disk::Status::OutOfRange) => Err(Status::NotFound),
            _ => Err(Status::Disk),
        };
        self.complete(index, result);
    }

    /// The disk is done with group number `index`.
    fn complete(&mut self, index: usize, result: Result<(), Status>) {
        let offset = u32::try_from(index).unwrap_or(u32::MAX).saturating_mul(GROUP_BYTES);
        let Ok(group) = self.pool.grid().at(offset) else { return };
        match self.uses[group.get()] {
            Use::Free | Use::Lent { .. } => {}
            Use::Abandoned => self.free(group),
            Use::Superblock => {
                let mut block = [0; BLOCK_BYTES];
                let read = result
                    .and_then(|()| copy_block(self.blocks, self.pool.grid(), group, &mut block));
                match self.volume.take_slot(read.is_ok().then_some(&block)) {
                    Some(next) => self.read_slot(group, next),
                    None => self.free(group),
                }
            }
            Use::Leaf { client, request, leaf } => {
                let read = result.and_then(|()| self.keep_leaf(group, leaf));
                let outcome = read.and_then(|()| self.start(client, &request, group));
                if let Err(status) = outcome {
                    self.refuse(client, request.cookie, status);
                    self.release(client, group);
                }
            }
            Use::Filling { client, cookie, count } => match result {
                Ok(()) => {
                    self.uses[group.get()] = Use::Lent { client };
                    self.block_count += u64::from(count);
                    self.answer(client, cookie, Status::Ok, offset, count);
                }
                Err(status) => {
                    self.refuse(client, cookie, status);
                    self.release(client, group);
                }
            },
        }
    }

    fn keep_leaf(&mut self, group: BufferIndex, leaf: u64) -> Result<(), Status> {
        copy_block(self.blocks, self.pool.grid(), group, self.leaves.room(leaf))
    }

    fn serve(&mut self, index: usize) {
        // Requests wait while the superblock is looked for.
        for _ in 0..RING_SLOTS {
            let is_loading = self.is_loading();
            let Some(client) = self.clients.get_mut(index) else { return };
            if is_loading || client.link.room() == 0 {
                return;
            }
            match client.link.receive() {
                Ok(Some(request)) => self.execute(index, &request),
                Ok(None) => return,
                Err(LinkError::PeerRestarted) => {
                    client.is_cut_off = false;
                    self.forget_client(index);
                }
                Err(LinkError::PeerMisbehavior) => {
                    if !client.is_cut_off {
                        client.is_cut_off = true;
                        self.violations += 1;
                        self.forget_client(index);
                    }
                    return;
                }
            }
        }
    }

    /// The client's life is over: what was lent to it is free, what the disk still fills will be.
    fn forget_client(&mut self, client: usize) {
        for index in 0..self.pool.grid().count() {
            let offset = u32::try_from(index).unwrap_or(u32::MAX).saturating_mul(GROUP_BYTES);
            let Ok(group) = self.pool.grid().at(offset) else { continue };
            match self.uses[group.get()] {
                Use::Lent { client: owner } if owner == client => self.free(group),
                Use::Leaf { client: owner, .. } | Use::Filling { client: owner, .. }
                    if owner == client =>
                {
                    self.uses[group.get()] = Use::Abandoned;
                }
                _ => {}
            }
        }
        if let Some(client) = self.clients.get_mut(client) {
            client.held = 0;
        }
    }

    fn execute(&mut self, client: usize, request: &Request) {
        if let Err(status) = self.try_execute(client, request) {
            self.refuse(client, request.cookie, status);
        }
    }

    fn try_execute(&mut self, client: usize, request: &Request) -> Result<(), Status> {
        let op = Op::from_code(request.op).ok_or(Status::BadRequest)?;
        if request.reserved != [0; 10] {
            return Err(Status::BadRequest);
        }
        if op == Op::Release {
            return self.take_back(client, request.index);
        }
        if request.count == 0 || request.count > BLOCKS_PER_REQUEST_MAX {
            return Err(Status::BadRequest);
        }
        if matches!(self.volume, VolumeState::Unknown) && op != Op::Superblock {
            // This request is refused; the next one finds out whether the volume has come back.
            self.load();
            return Err(Status::NoVolume);
        }
        let share = self.share();
        if self.clients.get(client).is_none_or(|client| client.held >= share) {
            return Err(Status::NoRoom);
        }
        let group = self.pool.take().ok_or(Status::NoRoom)?;
        if let Some(client) = self.clients.get_mut(client) {
            client.held += 1;
        }
        self.start(client, request, group).inspect_err(|_| self.release(client, group))
    }

    /// Asks the disk for what `request` wants, or for the leaf that tells where it is.
    fn start(
        &mut self,
        client: usize,
        request: &Request,
        group: BufferIndex,
    ) -> Result<(), Status> {
        let op = Op::from_code(request.op).ok_or(Status::BadRequest)?;
        let (block, count, next) = match place(&self.volume, self.leaves, op, request)? {
            Place::Blocks { block, count } => {
                (block, count, Use::Filling { client, cookie: request.cookie, count })
            }
            Place::Leaf { leaf, block } => {
                (block, 1, Use::Leaf { client, request: *request, leaf })
            }
        };
        if !self.read(group, block, count) {
            return Err(Status::Disk);
        }
        self.uses[group.get()] = next;
        Ok(())
    }

    /// Frees a group that was taken for a client.
    fn release(&mut self, client: usize, group: BufferIndex) {
        self.free(group);
        if let Some(client) = self.clients.get_mut(client) {
            client.held = client.held.saturating_sub(1);
        }
    }

    fn take_back(&mut self, client: usize, offset: u64) -> Result<(), Status> {
        let offset = u32::try_from(offset).map_err(|_| Status::BadRequest)?;
        let group = self.pool.grid().at(offset).map_err(|_| Status::BadRequest)?;
        match self.uses[group.get()] {
            Use::Lent { client: owner } if owner == client => {
                self.release(client, group);
                Ok(())
            }
            _ => Err(Status::BadRequest),
        }
    }

    fn refuse(&mut self, client: usize, cookie: u64, status: Status) {
        self.errors += 1;
        self.answer(client, cookie, status, 0, 0);
    }

    fn answer(&mut self, client: usize, cookie: u64, status: Status, offset: u32, count: u16) {
        self.requests += 1;
        let completion = Completion { cookie, offset, status: status.code(), count, reserved: 0 };
        if let Some(client) = self.clients.get_mut(client) {
            // A client may have as many requests under way as its share of groups, which is less
            // than its ring holds; one that does not read loses its answers.
            let _ = client.link.send(completion);
        }
    }
}

/// Is the disk to write into the group?
fn is_with_disk(used: &Use) -> bool {
    !matches!(used, Use::Free | Use::Lent { .. })
}

/// Copies the first block of a group.
fn copy_block(
    blocks: DataRegion<'_, ReadOnly>,
    grid: &BufferGrid,
    group: BufferIndex,
    into: &mut Block,
) -> Result<(), Status> {
    let length = u32::try_from(BLOCK_BYTES).map_err(|_| Status::Disk)?;
    let span = blocks.span(grid.offset_of(group), length).map_err(|_| Status::Disk)?;
    blocks.copy_out(span, into).map(|_| ()).map_err(|_| Status::Disk)
}
