//! A desk whose operations a test carries out by hand: late, in another order, in part, or never.

use std::os::fd::OwnedFd;

use crate::{
    io::{
        AgentId, Chore, Chores, Durability, File, FileAccess, FileOps, FileToken, Ticket,
        files::{FileOp, FileSource},
    },
    mem::Span,
};

/// Takes what code under test stages, in place of a backend. Completions are made by the test.
///
/// ```
/// use taranis_runtime::{io::{Durability, FileAccess}, mem::Region, testing::held::{HeldDesk, HeldOp}};
///
/// let mut desk = HeldDesk::new();
/// let file = desk.files.adopt(HeldDesk::token(FileAccess::Buffered, 0))?;
/// desk.files.write(file, Region::heap(8).span(0, 8)?, 64, Durability::Taken)?;
/// let ops = desk.take_file_ops();
/// assert!(matches!(ops[..], [HeldOp::Adopt { .. }, HeldOp::Write { at: 64, .. }]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HeldDesk {
    /// Where file operations are staged.
    pub files: FileOps,
    /// Where chores are staged.
    pub chores: Chores,
}

/// A staged file operation.
#[derive(Debug)]
pub enum HeldOp {
    /// A file is known by this handle from now on.
    Adopt {
        /// The handle.
        file: File,
    },
    /// A read is wanted.
    Read {
        /// Its ticket.
        ticket: Ticket,
        /// The file.
        file: File,
        /// Where the bytes go.
        span: Span,
        /// First byte of the file.
        at: u64,
    },
    /// A write is wanted.
    Write {
        /// Its ticket.
        ticket: Ticket,
        /// The file.
        file: File,
        /// Where the bytes are.
        span: Span,
        /// First byte of the file.
        at: u64,
        /// When it is complete.
        durability: Durability,
    },
    /// A sync is wanted.
    Sync {
        /// Its ticket.
        ticket: Ticket,
        /// The file.
        file: File,
    },
    /// A file is given back.
    Release {
        /// Its ticket.
        ticket: Ticket,
        /// The file.
        file: File,
    },
}

impl HeldDesk {
    /// An empty desk.
    pub fn new() -> Self {
        let agent = AgentId {
            slot: 0,
            generation: 0,
        };
        Self {
            files: FileOps::of(agent),
            chores: Chores::of(agent),
        }
    }

    /// The token of an opened file, for a completion; behind it is `/dev/null`.
    ///
    /// # Panics
    /// Where there is no `/dev/null`.
    pub fn token(access: FileAccess, len: u64) -> FileToken {
        let null = std::fs::OpenOptions::new().write(true).open("/dev/null");
        FileToken {
            source: FileSource::Os(OwnedFd::from(null.expect("/dev/null can be opened"))),
            access,
            len,
        }
    }

    /// Takes the staged file operations, in order: the end of a turn.
    pub fn take_file_ops(&mut self) -> Vec<HeldOp> {
        let ops = self.files.staged.drain(..).map(HeldOp::of).collect();
        self.files.taken();
        ops
    }

    /// Takes the staged chores, in order. They count as ended.
    pub fn take_chores(&mut self) -> Vec<(Ticket, Chore)> {
        let chores: Vec<_> = self.chores.staged.drain(..).collect();
        self.chores.ended(chores.len());
        chores
    }
}

impl Default for HeldDesk {
    fn default() -> Self {
        Self::new()
    }
}

impl HeldOp {
    fn of(op: FileOp) -> Self {
        match op {
            FileOp::Adopt { file, .. } => Self::Adopt { file },
            FileOp::Read {
                ticket,
                file,
                span,
                at,
            } => Self::Read {
                ticket,
                file,
                span,
                at,
            },
            FileOp::Write {
                ticket,
                file,
                span,
                at,
                durability,
            } => Self::Write {
                ticket,
                file,
                span,
                at,
                durability,
            },
            FileOp::Sync { ticket, file } => Self::Sync { ticket, file },
            FileOp::Release { ticket, file } => Self::Release { ticket, file },
        }
    }
}
