//! Durable files on the ring.
//!
//! What would start a kernel worker is done with a plain call instead: buffered writes and `fdatasync` always, and whatever
//! the file system can't do without waiting (`RWF_NOWAIT`: a write into a hole, a file system without such writes).

use std::{
    collections::VecDeque,
    io, mem,
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

use io_uring::{opcode, squeue::Entry};

use super::ring::{Ring, Target, entry};
use crate::{
    io::{
        backend::IoWork,
        files::{Durability, File, FileAccess, FileOp, FileOps, FileToken},
        mail::Outcome,
        plain::files::{check_alignment, offset, read, sync, write},
        socket::IoFailure,
        ticket::Ticket,
    },
    mem::Span,
};

/// The files of a thread's agents, and the transfers that are under way.
///
/// # Soundness
/// The kernel writes into or reads from a transfer's span until the ring gave the transfer's index back; the span stands in
/// `under_way` until then, and keeps its region alive. Dropping this while transfers are under way is for the backend to
/// prevent, by draining or leaking.
pub(super) struct Files {
    open: Vec<Option<OpenFile>>,
    under_way: Vec<Option<Transfer>>,
    free: Vec<u32>,
    /// Transfers for which there is no room on the ring yet.
    waiting: VecDeque<Transfer>,
    said: bool,
}

/// The files that one agent holds: the place in [`Files`] by the handle's slot.
#[derive(Default)]
pub(super) struct Held(Vec<Option<usize>>);

/// Takes the end of an operation.
pub(super) type Post<'a> = dyn FnMut(Ticket, Outcome) + 'a;

struct OpenFile {
    handle: File,
    fd: OwnedFd,
    target: Target,
    access: FileAccess,
    /// Whether buffered reads wait for their pages without a worker.
    reads_wait: bool,
    /// The file system does nothing without waiting: all is done with plain calls.
    inline: bool,
    transfers: usize,
    closing: Option<Closing>,
}

#[derive(Clone, Copy)]
enum Closing {
    Asked(Ticket),
    /// Its agent is gone.
    Orphaned,
}

struct Transfer {
    ticket: Ticket,
    file: usize,
    span: Span,
    at: u64,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Read,
    Write(Durability),
}

/// The most that Linux moves in one call.
const LONGEST_TRANSFER_BYTES: usize = 0x7fff_f000;

impl Files {
    pub(super) fn new(transfers: usize) -> Self {
        Self {
            open: Vec::new(),
            under_way: (0..transfers).map(|_| None).collect(),
            free: (0..transfers as u32).rev().collect(),
            waiting: VecDeque::new(),
            said: false,
        }
    }

    /// Takes everything an agent staged: onto the ring, or done at once.
    pub(super) fn perform(
        &mut self,
        files: &mut FileOps,
        held: &mut Held,
        ring: &mut Ring,
        work: &mut IoWork,
        post: &mut Post<'_>,
    ) {
        for op in files.staged.drain(..) {
            match op {
                FileOp::Adopt { file, token } => self.adopt(file, token, held, ring),
                FileOp::Read {
                    ticket,
                    file,
                    span,
                    at,
                } => {
                    let file = self.place(file, held);
                    let kind = Kind::Read;
                    self.accept(
                        Transfer {
                            ticket,
                            file,
                            span,
                            at,
                            kind,
                        },
                        ring,
                        work,
                        post,
                    );
                }
                FileOp::Write {
                    ticket,
                    file,
                    span,
                    at,
                    durability,
                } => {
                    let file = self.place(file, held);
                    let kind = Kind::Write(durability);
                    self.accept(
                        Transfer {
                            ticket,
                            file,
                            span,
                            at,
                            kind,
                        },
                        ring,
                        work,
                        post,
                    );
                }
                FileOp::Sync { ticket, file } => {
                    let fd = self.at(self.place(file, held)).fd.as_raw_fd();
                    work.system_calls += 1;
                    self.say_inline();
                    post(ticket, outcome_of(sync(fd)));
                }
                FileOp::Release { ticket, file } => {
                    let at = self.place(file, held);
                    held.0[usize::from(file.slot)] = None;
                    self.close(at, Closing::Asked(ticket), ring, post);
                }
            }
        }
        files.taken();
    }

    /// Ends the transfers that the ring gave back, and starts waiting ones in their place.
    pub(super) fn settle(&mut self, ring: &mut Ring, work: &mut IoWork, post: &mut Post<'_>) {
        while let Some((index, result)) = ring.take_transfer() {
            let ended = self.under_way[index as usize].take();
            let transfer = ended.expect("the ring gives back what was put on it, once");
            self.free.push(index);
            self.end(transfer, result, ring, work, post);
        }
        while !self.free.is_empty()
            && let Some(transfer) = self.waiting.pop_front()
        {
            self.start(transfer, ring);
        }
    }

    /// Closes what an agent that is gone still held: cancels what can be cancelled, and leaves the rest to end by itself, each
    /// file being closed when nothing of it is in flight any more.
    pub(super) fn orphan(&mut self, held: Held, ring: &mut Ring) {
        for at in held.0.into_iter().flatten() {
            let before = self.waiting.len();
            self.waiting.retain(|transfer| transfer.file != at);
            self.at_mut(at).transfers -= before - self.waiting.len();
            for (index, transfer) in self.under_way.iter().enumerate() {
                if transfer
                    .as_ref()
                    .is_some_and(|transfer| transfer.file == at)
                {
                    ring.cancel_transfer(index as u32);
                }
            }
            self.close(at, Closing::Orphaned, ring, &mut |_, _| {});
        }
    }

    /// Whether no file is open.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.open.iter().all(Option::is_none)
    }

    fn adopt(&mut self, handle: File, token: FileToken, held: &mut Held, ring: &mut Ring) {
        let fd = token.source.into_os();
        let file = OpenFile {
            handle,
            target: ring.register(fd.as_raw_fd()),
            reads_wait: reads_wait(fd.as_raw_fd()),
            fd,
            access: token.access,
            inline: false,
            transfers: 0,
            closing: None,
        };
        let at = self.open.iter().position(Option::is_none);
        let at = at.unwrap_or_else(|| {
            self.open.push(None);
            self.open.len() - 1
        });
        self.open[at] = Some(file);
        let slot = usize::from(handle.slot);
        if held.0.len() <= slot {
            held.0.resize(slot + 1, None);
        }
        held.0[slot] = Some(at);
    }

    fn accept(
        &mut self,
        transfer: Transfer,
        ring: &mut Ring,
        work: &mut IoWork,
        post: &mut Post<'_>,
    ) {
        let file = self.at(transfer.file);
        // The kernel takes a position that is no `i64` for "where the last call ended".
        let checked = offset(transfer.at)
            .and_then(|_| check_alignment(file.access, &transfer.span, transfer.at));
        if let Err(error) = checked {
            post(transfer.ticket, outcome_of(Err(error)));
            return;
        }
        let buffered_write =
            matches!(transfer.kind, Kind::Write(_)) && file.access == FileAccess::Buffered;
        if file.inline || buffered_write {
            self.say_inline();
            let outcome = self.do_inline(&transfer, work);
            post(transfer.ticket, outcome);
            return;
        }
        self.at_mut(transfer.file).transfers += 1;
        // Those that wait go first.
        if self.free.is_empty() || !self.waiting.is_empty() {
            self.waiting.push_back(transfer);
        } else {
            self.start(transfer, ring);
        }
    }

    fn start(&mut self, transfer: Transfer, ring: &mut Ring) {
        let index = self.free.pop().expect("the caller saw a free place");
        let entry = entry_for(&transfer, self.at(transfer.file));
        self.under_way[index as usize] = Some(transfer);
        // SAFETY: the entry points at the span's bytes alone, and the span stands in `under_way` until the ring gives the
        // index back (or for ever, when the backend leaks).
        unsafe { ring.push_transfer(entry, index) };
    }

    fn end(
        &mut self,
        transfer: Transfer,
        result: i32,
        ring: &mut Ring,
        work: &mut IoWork,
        post: &mut Post<'_>,
    ) {
        let orphaned = matches!(self.at(transfer.file).closing, Some(Closing::Orphaned));
        let outcome = match result {
            failure @ ..0 if orphaned => Outcome::Failed(IoFailure { errno: -failure }),
            refusal if refusal == -libc::EAGAIN || refusal == -libc::EOPNOTSUPP => {
                self.at_mut(transfer.file).inline |= refusal == -libc::EOPNOTSUPP;
                self.say_inline();
                self.do_inline(&transfer, work)
            }
            failure @ ..0 => Outcome::Failed(IoFailure { errno: -failure }),
            moved => {
                let direct = self.at(transfer.file).access == FileAccess::Direct;
                if direct && matches!(transfer.kind, Kind::Write(_)) {
                    work.ring_direct_writes += 1;
                }
                Outcome::Moved(self.finish_short(&transfer, moved as usize, work))
            }
        };
        let (ticket, at) = (transfer.ticket, transfer.file);
        // The span goes before the agent hears of it.
        drop(transfer);
        post(ticket, outcome);
        let file = self.at_mut(at);
        file.transfers -= 1;
        if let Some(closing) = file.closing {
            self.close(at, closing, ring, post);
        }
    }

    /// Closes a file now, or when its last transfer ended.
    fn close(&mut self, at: usize, closing: Closing, ring: &mut Ring, post: &mut Post<'_>) {
        let file = self.at_mut(at);
        if file.transfers > 0 {
            file.closing = Some(closing);
            return;
        }
        ring.unregister(file.target);
        self.open[at] = None;
        if let Closing::Asked(ticket) = closing {
            post(ticket, Outcome::Done);
        }
    }

    fn do_inline(&self, transfer: &Transfer, work: &mut IoWork) -> Outcome {
        let fd = self.at(transfer.file).fd.as_raw_fd();
        work.system_calls += 1;
        outcome_of(match transfer.kind {
            Kind::Read => read(fd, &transfer.span, transfer.at),
            Kind::Write(durability) => write(fd, &transfer.span, transfer.at, durability),
        })
    }

    /// Without waiting, less may have been moved than there is: the rest is done with a plain call.
    fn finish_short(&self, transfer: &Transfer, moved: usize, work: &mut IoWork) -> usize {
        let span = &transfer.span;
        if moved == 0 || moved == span.len() {
            return moved;
        }
        let rest = Transfer {
            span: span
                .region()
                .span(span.offset() + moved, span.len() - moved)
                .expect("a part of a span lies inside its region"),
            at: transfer.at + moved as u64,
            ..*transfer
        };
        match self.do_inline(&rest, work) {
            Outcome::Moved(more) => moved + more,
            _ => moved,
        }
    }

    /// Says once per thread that not everything goes over the ring.
    fn say_inline(&mut self) {
        if !mem::replace(&mut self.said, true) {
            tracing::info!(
                "file operations that would start a kernel worker (buffered writes, fdatasync, writes into holes) are plain \
                 system calls on this thread"
            );
        }
    }

    fn place(&self, file: File, held: &Held) -> usize {
        let at = held.0.get(usize::from(file.slot)).copied().flatten();
        at.filter(|at| self.at(*at).handle == file)
            .expect("the desk hands out handles of adopted files only")
    }

    fn at(&self, at: usize) -> &OpenFile {
        self.open[at].as_ref().expect("a held file is open")
    }

    fn at_mut(&mut self, at: usize) -> &mut OpenFile {
        self.open[at].as_mut().expect("a held file is open")
    }
}

fn entry_for(transfer: &Transfer, file: &OpenFile) -> Entry {
    let bytes = transfer.span.as_ptr();
    let len = transfer.span.len().min(LONGEST_TRANSFER_BYTES) as u32;
    match transfer.kind {
        Kind::Read => {
            let may_wait = file.access == FileAccess::Buffered && file.reads_wait;
            let flags = if may_wait { 0 } else { libc::RWF_NOWAIT };
            entry!(file.target, fd => opcode::Read::new(fd, bytes, len).offset(transfer.at).rw_flags(flags).build())
        }
        Kind::Write(durability) => {
            let flags = libc::RWF_NOWAIT
                | match durability {
                    Durability::Taken => 0,
                    Durability::OnDisk => libc::RWF_DSYNC,
                };
            entry!(file.target, fd => opcode::Write::new(fd, bytes, len).offset(transfer.at).rw_flags(flags).build())
        }
    }
}

fn outcome_of(result: io::Result<Outcome>) -> Outcome {
    result.unwrap_or_else(|error| Outcome::Failed(IoFailure::from(error)))
}

/// Whether the file lies on a file system whose buffered reads call back when their pages are there (`FOP_BUFFER_RASYNC`);
/// on others, only what the page cache holds is read on the ring.
fn reads_wait(fd: RawFd) -> bool {
    // SAFETY: all zeros are a valid statfs.
    let mut system: libc::statfs = unsafe { mem::zeroed() };
    // SAFETY: an open descriptor, and a structure that the kernel fills.
    let known = unsafe { libc::fstatfs(fd, &raw mut system) } == 0;
    known
        && [
            libc::EXT4_SUPER_MAGIC,
            libc::XFS_SUPER_MAGIC,
            libc::BTRFS_SUPER_MAGIC,
            libc::F2FS_SUPER_MAGIC,
        ]
        .contains(&system.f_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        io::uring::probe::{DormantRing, RingSizes},
        mem::Region,
    };

    /// What is moved in part is moved in full by a plain call, or a reader would take the part for the end of the file.
    #[test]
    fn a_transfer_that_fell_short_is_finished() {
        let name = format!("taranis-{}-short", std::process::id());
        let path = std::env::current_exe().unwrap().with_file_name(name);
        std::fs::write(&path, [[1; 100], [2; 100]].concat()).unwrap();
        let fd = std::fs::OpenOptions::new().read(true).open(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        let token = FileToken {
            source: crate::io::files::FileSource::Os(fd.into()),
            access: FileAccess::Buffered,
            len: 200,
        };
        let mut ring = Ring::start(DormantRing::create(RingSizes::default()).unwrap()).unwrap();
        let (mut files, mut held) = (Files::new(1), Held::default());
        let mut ops = FileOps::of(crate::io::AgentId {
            slot: 0,
            generation: 0,
        });
        let file = ops.adopt(token).unwrap();
        let region = Region::heap(300);
        let ticket = ops.read(file, region.span(0, 300).unwrap(), 0).unwrap();
        let (mut work, mut ends) = (IoWork::default(), Vec::new());
        let mut post = |ticket, outcome| ends.push((ticket, outcome));
        files.perform(&mut ops, &mut held, &mut ring, &mut work, &mut post);
        ring.drain();
        let (0, 200) = ring.take_transfer().unwrap() else {
            panic!("one read of the whole file");
        };
        region.zero(0, 300).unwrap();
        let transfer = files.under_way[0].take().unwrap();
        files.end(transfer, 150, &mut ring, &mut work, &mut post);
        assert!(matches!(ends[..], [(done, Outcome::Moved(200))] if done == ticket));
        let mut bytes = [9; 300];
        region.read(0, &mut bytes).unwrap();
        assert_eq!(bytes[149..151], [0, 2], "only the rest was read again");
    }
}
