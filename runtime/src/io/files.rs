//! What an agent stages for durable files: positional reads, writes and syncs, each with a ticket.
//!
//! Durable files (catalog, segments, recording.log, node-state) are never mapped by us, so that a simulated power cut can
//! drop and tear what was not synced.

use std::{fmt, os::fd::OwnedFd};

use super::{
    table::Slots,
    ticket::{AgentId, Full, Lane, Ticket, Tickets},
};
use crate::{mem::Span, sim::SimFile};

/// Operations of one agent that may be staged in one turn.
pub const FILE_OPS_PER_TURN: usize = 64;
/// Files that one agent may hold open.
pub const FILES_PER_AGENT: u16 = 1024;

/// The agent's way to durable files. Everything is staged and completes through the mail, in any order.
///
/// # Threading
/// Belongs to one agent on one thread.
#[derive(Debug)]
pub struct FileOps {
    tickets: Tickets,
    files: Slots,
    pub(crate) staged: Vec<FileOp>,
    transfers: usize,
}

#[derive(Debug)]
pub(crate) enum FileOp {
    Adopt {
        file: File,
        token: FileToken,
    },
    Read {
        ticket: Ticket,
        file: File,
        span: Span,
        at: u64,
    },
    Write {
        ticket: Ticket,
        file: File,
        span: Span,
        at: u64,
        durability: Durability,
    },
    Sync {
        ticket: Ticket,
        file: File,
    },
    Release {
        ticket: Ticket,
        file: File,
    },
}

/// An open file on its way to the agent that will own it. Made by a chore.
pub struct FileToken {
    pub(crate) source: FileSource,
    pub(crate) access: FileAccess,
    pub(crate) len: u64,
}

pub(crate) enum FileSource {
    Os(OwnedFd),
    Simulated(SimFile),
}

impl FileSource {
    /// The descriptor, for a backend of the system.
    ///
    /// # Panics
    /// For a simulated file: worlds are not mixed.
    pub(crate) fn into_os(self) -> OwnedFd {
        match self {
            Self::Os(fd) => fd,
            Self::Simulated(_) => panic!("a thread of the system adopts a simulated file"),
        }
    }
}

impl FileToken {
    /// Length in bytes when it was opened.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file had no bytes when it was opened.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Debug for FileToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileToken({:?}, {} bytes)", self.access, self.len)
    }
}

/// How a file's bytes travel. One file, one way: never two modes on one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileAccess {
    /// Through the page cache.
    Buffered,
    /// `O_DIRECT`: span, position and length are multiples of 4,096, and written blocks were allocated before.
    Direct,
}

/// When a write is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When the system has taken the bytes (page cache, or the device's cache for direct access).
    Taken,
    /// When they survive a power cut (`RWF_DSYNC`).
    OnDisk,
}

/// A file that an agent adopted: valid for that agent alone, until it releases it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct File {
    pub(crate) slot: u16,
    pub(crate) generation: u16,
}

impl FileOps {
    pub(crate) fn of(agent: AgentId) -> Self {
        Self {
            tickets: Tickets::of(agent, Lane::Files),
            files: Slots::new("an agent's file table", FILES_PER_AGENT),
            staged: Vec::with_capacity(FILE_OPS_PER_TURN + 16),
            transfers: 0,
        }
    }

    /// Takes a file over into this thread's backend.
    ///
    /// # Errors
    /// [`Full`] when the agent holds [`FILES_PER_AGENT`] files; the token is then closed.
    pub fn adopt(&mut self, token: FileToken) -> Result<File, Full> {
        let (slot, generation) = self.files.take()?;
        let file = File { slot, generation };
        self.staged.push(FileOp::Adopt { file, token });
        Ok(file)
    }

    /// Reads the span's length at byte `at` into the span. The completion tells how many bytes there were.
    ///
    /// # Errors
    /// [`Full`] when [`FILE_OPS_PER_TURN`] operations are staged in this turn.
    ///
    /// # Panics
    /// When `file` was released: handles are the agent's own.
    pub fn read(&mut self, file: File, span: Span, at: u64) -> Result<Ticket, Full> {
        let ticket = self.ticket_for(file)?;
        self.staged.push(FileOp::Read {
            ticket,
            file,
            span,
            at,
        });
        Ok(ticket)
    }

    /// Writes the span at byte `at`. The region lives, and its bytes must not change, until the completion.
    ///
    /// # Errors
    /// As [`Self::read`].
    ///
    /// # Panics
    /// As [`Self::read`].
    pub fn write(
        &mut self,
        file: File,
        span: Span,
        at: u64,
        durability: Durability,
    ) -> Result<Ticket, Full> {
        let ticket = self.ticket_for(file)?;
        self.staged.push(FileOp::Write {
            ticket,
            file,
            span,
            at,
            durability,
        });
        Ok(ticket)
    }

    /// Makes everything written before, and completed, survive a power cut (`fdatasync`).
    ///
    /// # Errors
    /// As [`Self::read`].
    ///
    /// # Panics
    /// As [`Self::read`].
    pub fn sync(&mut self, file: File) -> Result<Ticket, Full> {
        let ticket = self.ticket_for(file)?;
        self.staged.push(FileOp::Sync { ticket, file });
        Ok(ticket)
    }

    /// Closes a file. The completion tells that nothing of it is in flight any more.
    ///
    /// # Panics
    /// As [`Self::read`].
    pub fn release(&mut self, file: File) -> Ticket {
        self.must_hold(file);
        self.files.give_back(file.slot);
        let ticket = self.tickets.issue();
        self.staged.push(FileOp::Release { ticket, file });
        ticket
    }

    pub(crate) fn taken(&mut self) {
        self.staged.clear();
        self.transfers = 0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.staged.is_empty()
    }

    fn ticket_for(&mut self, file: File) -> Result<Ticket, Full> {
        self.must_hold(file);
        if self.transfers == FILE_OPS_PER_TURN {
            return Err(Full {
                what: "a turn's file queue",
                limit: FILE_OPS_PER_TURN,
            });
        }
        self.transfers += 1;
        Ok(self.tickets.issue())
    }

    fn must_hold(&self, file: File) {
        assert!(
            self.files.holds(file.slot, file.generation),
            "{file:?} was released before"
        );
    }
}
