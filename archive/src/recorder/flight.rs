//! The writes of one recording that are under way, in the order of the stream.

use std::collections::VecDeque;

use taranis_runtime::{
    io::{Durability, File, FileOps, IoFailure, Outcome, Ticket},
    mem::Span,
};

/// Writes of one recording that may be under way.
pub(super) const WRITES_MAX: usize = 4;
/// How often the rest of a write that came back short is tried.
const TRIES_MAX: u32 = 16;

/// Writes under way. They complete in any order; what is recorded is the part before the first that has not.
#[derive(Debug)]
pub(super) struct Flight {
    writes: VecDeque<UnderWay>,
    durability: Durability,
    /// What a direct write's rest must begin at a multiple of.
    block: usize,
}

/// A write that is wanted.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) file: File,
    pub(super) span: Span,
    /// Byte of the file.
    pub(super) at: u64,
    /// Everything before this position is recorded when this write and those before it are complete.
    pub(super) recorded_to: i64,
    /// What it holds until it is complete.
    pub(super) hold: Hold,
}

/// One that is under way.
#[derive(Debug)]
struct UnderWay {
    write: Write,
    state: WriteState,
    done: usize,
    tries: u32,
}

/// Memory of the recorder's that a write is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// None: it is the term buffer.
    Term,
    /// A page, given back at the end.
    Page(usize),
    /// A page that is not full yet and stays in use.
    OpenPage,
    /// A copy of frames with their checksums.
    Copy(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteState {
    /// To be staged: new, short, or refused by a full queue.
    Waiting,
    Staged(Ticket),
    Complete,
    /// Nothing of it is with the system any more, and never will be.
    Failed,
}

impl Flight {
    pub(super) fn new(durability: Durability) -> Self {
        Self {
            writes: VecDeque::with_capacity(WRITES_MAX),
            durability,
            block: 1,
        }
    }

    /// From now on writes go to a file that takes whole blocks of this many bytes.
    pub(super) fn set_block(&mut self, block: usize) {
        self.block = block;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// How many more writes may be added.
    pub(super) fn room(&self) -> usize {
        WRITES_MAX - self.writes.len()
    }

    /// Whether the page that is not full yet is being written.
    pub(super) fn has_open_page(&self) -> bool {
        self.writes.iter().any(|it| it.write.hold == Hold::OpenPage)
    }

    /// Adds a write, and stages it if there is room.
    pub(super) fn add(&mut self, write: Write, files: &mut FileOps) {
        self.writes.push_back(UnderWay {
            write,
            state: WriteState::Waiting,
            done: 0,
            tries: 0,
        });
        self.stage(files);
    }

    /// Stages what waits; returns how many.
    pub(super) fn stage(&mut self, files: &mut FileOps) -> usize {
        let mut staged = 0;
        for write in &mut self.writes {
            if write.state != WriteState::Waiting {
                continue;
            }
            let Some(ticket) = write.stage(files, self.durability) else {
                break;
            };
            write.state = WriteState::Staged(ticket);
            staged += 1;
        }
        staged
    }

    pub(super) fn owns(&self, ticket: Ticket) -> bool {
        self.writes
            .iter()
            .any(|write| write.state == WriteState::Staged(ticket))
    }

    /// An operation ended. What it held comes back when its write is complete.
    pub(super) fn ended(
        &mut self,
        ticket: Ticket,
        outcome: &Outcome,
    ) -> Result<Option<Hold>, IoFailure> {
        let state = WriteState::Staged(ticket);
        let Some(write) = self.writes.iter_mut().find(|write| write.state == state) else {
            return Ok(None);
        };
        match write.ended(outcome, self.block) {
            Ok(true) => Ok(Some(write.write.hold)),
            Ok(false) => Ok(None),
            Err(failure) => {
                write.state = WriteState::Failed;
                Err(failure)
            }
        }
    }

    /// Drops the complete writes at the front; gives the position that everything before is recorded to, if it moved.
    pub(super) fn contiguous(&mut self) -> Option<i64> {
        let mut recorded = None;
        while let Some(front) = self.writes.front()
            && front.state == WriteState::Complete
        {
            recorded = Some(front.write.recorded_to);
            self.writes.pop_front();
        }
        recorded
    }

    /// Whether an operation is with the system: its memory is not ours before it ends.
    pub(super) fn is_staged(&self) -> bool {
        self.writes
            .iter()
            .any(|write| matches!(write.state, WriteState::Staged(_)))
    }
}

impl UnderWay {
    fn stage(&self, files: &mut FileOps, durability: Durability) -> Option<Ticket> {
        let Write { file, span, at, .. } = &self.write;
        let left = span.len() - self.done;
        let rest = span.region().span(span.offset() + self.done, left);
        let rest = rest.expect("the rest of a span lies inside its region");
        files
            .write(*file, rest, at + self.done as u64, durability)
            .ok()
    }

    /// Counts what was moved; returns whether that is all.
    fn ended(&mut self, outcome: &Outcome, block: usize) -> Result<bool, IoFailure> {
        match outcome {
            Outcome::Moved(0) => return Err(NO_SPACE),
            Outcome::Moved(count) => self.done += count,
            Outcome::Failed(failure) if failure.is_would_block() => {}
            Outcome::Failed(failure) => return Err(*failure),
            _ => return Err(UNEXPECTED),
        }
        if self.done >= self.write.span.len() {
            self.state = WriteState::Complete;
            return Ok(true);
        }
        self.tries += 1;
        if self.tries == TRIES_MAX {
            return Err(NO_SPACE);
        }
        self.done -= self.done % block;
        self.state = WriteState::Waiting;
        Ok(false)
    }
}

/// `ENOSPC`: a write that moves nothing has found no room.
const NO_SPACE: IoFailure = IoFailure { errno: 28 };
/// `EIO`.
const UNEXPECTED: IoFailure = IoFailure { errno: 5 };
