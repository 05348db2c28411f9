//! The ring itself: entries in, completions out, and what of ours the kernel may be touching meanwhile.

use std::{
    collections::VecDeque,
    io,
    marker::PhantomData,
    os::fd::RawFd,
    thread::{self, ThreadId},
};

use io_uring::{
    IoUring, opcode,
    squeue::{Entry, Flags},
    types::{self, CancelBuilder, SubmitArgs},
};

use super::probe::{DormantRing, RingSizes};

/// Tries after which a kernel without memory for requests counts as broken.
const TRIES: usize = 10_000;

/// One thread's ring.
///
/// Three kinds of operation are on it, told apart by the user data of their completions:
/// - a *round* of operations that the kernel does inline (`MSG_DONTWAIT`, cancels): [`Self::finish_round`] returns when all of
///   them are done, so what they point at is the kernel's only during that call;
/// - *polls*, which point at nothing;
/// - *transfers* of files, which end whenever they do; their memory is kept by a table of the caller's.
///
/// # Soundness
/// Pushing is `unsafe`: what an entry points at stays valid until its completion was taken. The ring is bound to one thread
/// (`SINGLE_ISSUER`), so the type is not `Send`; whoever drops it while something is in flight must leak that memory, because
/// closing a ring does not wait.
pub(super) struct Ring {
    uring: IoUring,
    sizes: RingSizes,
    owner: ThreadId,
    registered: Registered,
    round: Round,
    polls: Polls,
    /// Transfers whose completion was not seen.
    transfers: usize,
    /// Completions of transfers, to be taken with [`Self::take_transfer`].
    ended: VecDeque<(u32, i32)>,
    calls: u64,
    entries: u64,
    /// A ring is entered by its owner alone.
    not_send: PhantomData<*mut ()>,
}

/// A descriptor as entries name it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// A slot of the ring's table.
    Registered(u32),
    Descriptor(RawFd),
}

/// Builds an entry for either kind of [`Target`].
macro_rules! entry {
    ($target:expr, $fd:ident => $entry:expr) => {
        match $target {
            $crate::io::uring::ring::Target::Registered(slot) => {
                let $fd = io_uring::types::Fixed(slot);
                $entry
            }
            $crate::io::uring::ring::Target::Descriptor(fd) => {
                let $fd = io_uring::types::Fd(fd);
                $entry
            }
        }
    };
}
pub(super) use entry;

/// Sets the link that makes the next entry wait for this one's success.
pub(super) fn linked(entry: Entry) -> Entry {
    entry.flags(Flags::IO_LINK)
}

/// A poll's place in the ring's table.
#[derive(Debug)]
pub(super) struct PollSlot(u32);

struct Registered {
    free: Vec<u32>,
    /// Since the kernel lets go of a registered socket at once when its slot is emptied. Before Linux 6.4 that took up to a
    /// second, in which the port stayed bound.
    sockets: bool,
}

#[derive(Default)]
struct Round {
    results: Vec<i32>,
    left: usize,
}

struct Polls {
    armed: Vec<bool>,
    armed_count: usize,
    free: Vec<u32>,
}

/// The kind of an entry, in the upper half of its user data; the lower half is an index of that kind.
const IN_ROUND: u64 = 1 << 32;
const POLL: u64 = 2 << 32;
const TRANSFER: u64 = 3 << 32;
const INDEX: u64 = u32::MAX as u64;

impl Ring {
    /// Binds a ring to the calling thread.
    pub(super) fn start(dormant: DormantRing) -> io::Result<Self> {
        let DormantRing {
            uring,
            sizes,
            files,
        } = dormant;
        uring.submitter().register_enable_rings()?;
        cap_workers(&uring);
        let registered = Registered {
            free: (0..files).rev().collect(),
            // Linux 6.10 says so of itself; 6.4 doesn't.
            sockets: uring.params().is_feature_recvsend_bundle(),
        };
        let polls = Polls {
            armed: vec![false; sizes.polls],
            armed_count: 0,
            free: (0..sizes.polls as u32).rev().collect(),
        };
        Ok(Self {
            uring,
            sizes,
            owner: thread::current().id(),
            registered,
            round: Round::default(),
            polls,
            transfers: 0,
            ended: VecDeque::with_capacity(sizes.transfers),
            calls: 0,
            entries: 0,
            not_send: PhantomData,
        })
    }

    pub(super) fn register_socket(&mut self, fd: RawFd) -> Target {
        if self.registered.sockets {
            return self.register(fd);
        }
        Target::Descriptor(fd)
    }

    /// Puts a descriptor into the ring's table if there is room.
    pub(super) fn register(&mut self, fd: RawFd) -> Target {
        let Some(slot) = self.registered.free.pop() else {
            return Target::Descriptor(fd);
        };
        self.calls += 1;
        match self.uring.submitter().register_files_update(slot, &[fd]) {
            Ok(1) => Target::Registered(slot),
            _ => {
                self.registered.free.push(slot);
                Target::Descriptor(fd)
            }
        }
    }

    /// Empties the slot. Nothing may be in flight on the target.
    pub(super) fn unregister(&mut self, target: Target) {
        let Target::Registered(slot) = target else {
            return;
        };
        self.calls += 1;
        // A slot that can't be emptied is not used again.
        if let Ok(1) = self.uring.submitter().register_files_update(slot, &[-1]) {
            self.registered.free.push(slot);
        }
    }

    /// How many operations fit into one round.
    pub(super) fn round_capacity(&self) -> usize {
        self.sizes.entries as usize
    }

    /// Begins a round of at most [`Self::round_capacity`] operations, which go to the kernel together: a chain of linked
    /// entries may not be cut.
    pub(super) fn begin_round(&mut self, count: usize) {
        assert_eq!(self.round.left, 0, "the last round is done");
        debug_assert!(count <= self.round_capacity(), "a round fits the ring");
        let queue = self.uring.submission();
        let room = queue.capacity() - queue.len();
        drop(queue);
        if room < count {
            self.enter(0);
        }
        self.round.results.clear();
    }

    /// Adds an operation to the round; its result will be at the index of its turn.
    ///
    /// # Safety
    /// The kernel does the operation inline, and what the entry points at is valid until [`Self::finish_round`] returned, or
    /// for ever if that unwinds.
    pub(super) unsafe fn push_in_round(&mut self, entry: Entry) {
        let index = self.round.results.len() as u64;
        self.round.results.push(-libc::EIO);
        self.round.left += 1;
        // SAFETY: the caller's promise covers the time to the completion, which `finish_round` waits for.
        unsafe { self.push(entry.user_data(IN_ROUND | index)) };
    }

    /// Submits what is staged, and returns when the round is done. Never waits for anything but the kernel's own work.
    pub(super) fn finish_round(&mut self) {
        while self.round.left > 0 {
            self.enter(self.round.left);
            self.reap();
        }
    }

    /// The result of the round's operation at `index`: as a system call's, an error negated.
    pub(super) fn result(&self, index: usize) -> i32 {
        self.round.results[index]
    }

    /// Stages a transfer; its result comes from [`Self::take_transfer`] with this index.
    ///
    /// # Safety
    /// What the entry points at is valid until [`Self::take_transfer`] gave `index` back, or for ever if that never happens.
    pub(super) unsafe fn push_transfer(&mut self, entry: Entry, index: u32) {
        self.transfers += 1;
        // SAFETY: the caller's promise.
        unsafe { self.push(entry.user_data(TRANSFER | u64::from(index))) };
    }

    /// Tells the kernel to end a transfer early, if it can. The transfer's own result tells how it ended.
    pub(super) fn cancel_transfer(&mut self, index: u32) {
        self.cancel(CancelBuilder::user_data(TRANSFER | u64::from(index)));
    }

    /// The index and result of a transfer that ended, in order.
    pub(super) fn take_transfer(&mut self) -> Option<(u32, i32)> {
        self.ended.pop_front()
    }

    /// A place for a socket's poll; `None` when all are taken.
    pub(super) fn take_poll(&mut self) -> Option<PollSlot> {
        self.polls.free.pop().map(PollSlot)
    }

    /// Gives a poll's place back; the poll is cancelled before, and does not hold its socket any more.
    pub(super) fn give_back_poll(&mut self, poll: PollSlot) {
        let PollSlot(slot) = poll;
        if self.polls.armed[slot as usize] {
            self.cancel(CancelBuilder::user_data(POLL | u64::from(slot)));
        }
        while self.polls.armed[slot as usize] {
            self.enter(1);
            self.reap();
        }
        self.polls.free.push(slot);
    }

    /// Stages a poll for datagrams, unless the last one did not fire yet.
    pub(super) fn arm(&mut self, poll: &PollSlot, target: Target) {
        let slot = poll.0 as usize;
        if self.polls.armed[slot] {
            return;
        }
        self.polls.armed[slot] = true;
        self.polls.armed_count += 1;
        let events = libc::POLLIN as u32;
        let entry = entry!(target, fd => opcode::PollAdd::new(fd, events).build());
        // SAFETY: a poll points at nothing.
        unsafe { self.push(entry.user_data(POLL | u64::from(poll.0))) };
    }

    /// Submits what is staged, and lets the kernel run what it put off, if there is either.
    pub(super) fn flush(&mut self) {
        let queue = self.uring.submission();
        let due = !queue.is_empty() || queue.taskrun() || queue.cq_overflow();
        drop(queue);
        if due {
            self.enter(0);
        }
    }

    /// Submits what is staged, and waits for one completion for at most `max_ns`, which is less than a second.
    pub(super) fn wait(&mut self, max_ns: u64) {
        let timeout = types::Timespec::new().nsec(max_ns as u32);
        let args = SubmitArgs::new().timespec(&timeout);
        self.calls += 1;
        if let Err(error) = self.uring.submitter().submit_with_args(1, &args) {
            match error.raw_os_error() {
                Some(libc::ETIME | libc::EINTR | libc::EAGAIN | libc::EBUSY) => {}
                _ => broken(&error),
            }
        }
    }

    /// Takes the completions that are there: sorts results of the round, polls and transfers apart. What did not fit into the
    /// queue is kept by the kernel, and put there by the next enter that waits or flushes.
    pub(super) fn reap(&mut self) {
        for completion in self.uring.completion() {
            let index = (completion.user_data() & INDEX) as u32;
            let result = completion.result();
            match completion.user_data() & !INDEX {
                IN_ROUND => {
                    self.round.results[index as usize] = result;
                    self.round.left -= 1;
                }
                POLL => {
                    self.polls.armed[index as usize] = false;
                    self.polls.armed_count -= 1;
                }
                _ => {
                    self.ended.push_back((index, result));
                    self.transfers -= 1;
                }
            }
        }
    }

    /// Cancels what can be cancelled, and returns when nothing is in flight.
    pub(super) fn drain(&mut self) {
        self.cancel(CancelBuilder::any());
        while self.transfers + self.polls.armed_count > 0 {
            self.enter(1);
            self.reap();
        }
    }

    /// Whether [`Self::drain`] may be called: on the ring's thread, while the kernel takes it.
    pub(super) fn may_drain(&self) -> bool {
        thread::current().id() == self.owner && self.round.left == 0
    }

    /// Polls that did not fire yet.
    #[cfg(test)]
    pub(super) fn armed(&self) -> usize {
        self.polls.armed_count
    }

    /// Calls of `io_uring_enter` and `io_uring_register`.
    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    /// Entries put on the ring.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    fn cancel(&mut self, which: CancelBuilder) {
        self.begin_round(1);
        // SAFETY: a cancel is done inline and points at nothing.
        unsafe { self.push_in_round(opcode::AsyncCancel2::new(which).build()) };
        self.finish_round();
    }

    /// # Safety
    /// What the entry points at is valid until its completion was reaped.
    unsafe fn push(&mut self, entry: Entry) {
        if self.uring.submission().is_full() {
            self.enter(0);
        }
        // SAFETY: the caller's promise.
        let pushed = unsafe { self.uring.submission().push(&entry) };
        pushed.expect("an enter empties the submission queue");
        self.entries += 1;
    }

    /// Submits all that is staged, and returns when at least `want` completions lie in the ring.
    fn enter(&mut self, want: usize) {
        for _ in 0..TRIES {
            self.calls += 1;
            match self.uring.submitter().submit_and_wait(want) {
                Ok(_) if self.uring.submission().is_empty() => return,
                Ok(_) => {}
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => {}
                    // No memory for requests at the moment.
                    Some(libc::EAGAIN | libc::EBUSY) => thread::yield_now(),
                    _ => broken(&error),
                },
            }
        }
        broken(&io::Error::from_raw_os_error(libc::EAGAIN));
    }
}

/// Nothing on the ring is meant to start a kernel worker. Should one start all the same, there is only one, and it takes
/// its time from this thread's cores.
fn cap_workers(uring: &IoUring) {
    let submitter = uring.submitter();
    let capped = submitter.register_iowq_max_workers(&mut [1, 1]);
    // SAFETY: all zeros are an empty set of cores.
    let mut cores: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills the set, whose size it is told; 0 is the calling thread.
    let known = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut cores) };
    let placed = if known == 0 {
        submitter.register_iowq_aff(&cores)
    } else {
        Err(io::Error::last_os_error())
    };
    if let Some(error) = capped.and(placed).err() {
        tracing::debug!("the kernel's workers for this ring are not capped: {error}");
    }
}

/// The kernel no longer takes a ring that it granted: there is no way on for this thread, and what is in flight is leaked as
/// the panic unwinds.
fn broken(error: &io::Error) -> ! {
    panic!("io_uring_enter: {error}; the ring of this thread is lost");
}
