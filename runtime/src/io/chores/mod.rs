//! What may block: mapping, opening, allocating, binding, resolving. Done for agents by one explicit agent.
//!
//! An agent asks with [`Chores::ask`]; the [`ChoreDesk`] agent does it where the layout put it (Aeron's native resource
//! agent, spec 01 §13.5), or the backend does it inline where a layout has no such agent; the outcome comes by mail.

mod desk_agent;
mod perform;

use std::{net::SocketAddr, path::PathBuf};

pub(crate) use desk_agent::ChoreLink;
pub use desk_agent::{ChoreCounter, ChoreDesk};
pub(crate) use perform::{allocate, perform, read_directory, sync_directory_of, unlink};

use super::{
    files::FileAccess,
    socket::SocketOptions,
    ticket::{AgentId, Full, Lane, Ticket, Tickets},
};
use crate::mem::{Pages, Region};

/// Chores of one agent that may be under way.
pub const CHORES_PER_AGENT: usize = 256;

/// Something that may block.
#[derive(Clone, Debug)]
pub enum Chore {
    /// Create a shared-memory object in place of one of that name. → `Region`
    CreateShared {
        /// Its name.
        path: PathBuf,
        /// Length in bytes.
        len: usize,
        /// Whether its pages are there from the start.
        pages: Pages,
    },
    /// Map an existing shared-memory object. → `Region`
    OpenShared {
        /// Its name.
        path: PathBuf,
    },
    /// Open a durable file. → `File`
    OpenFile {
        /// Its name.
        path: PathBuf,
        /// How its bytes travel.
        access: FileAccess,
        /// Existing, or new.
        opening: Opening,
    },
    /// Rename a file, replacing the target, and sync the directory. → `Done`
    Rename {
        /// Present name.
        from: PathBuf,
        /// New name, in the same directory.
        to: PathBuf,
    },
    /// Remove a name. Something that does not exist counts as removed. → `Done`
    Unlink {
        /// The name.
        path: PathBuf,
    },
    /// Create a directory and its parents. → `Done`
    CreateDirectory {
        /// Its name.
        path: PathBuf,
    },
    /// Make everything of a durable file from byte `at` on zero; its length and blocks stay. → `Done`
    ZeroFrom {
        /// Its name.
        path: PathBuf,
        /// The first byte.
        at: u64,
    },
    /// List a directory. → `Entries`
    ReadDirectory {
        /// Its name.
        path: PathBuf,
    },
    /// Drop a region here: unmapping interrupts every core the process runs on. → `Done`
    Free {
        /// What to drop.
        region: Region,
    },
    /// Bind a UDP socket. → `Socket`
    Bind {
        /// Local address; port 0 lets the system choose.
        local: SocketAddr,
        /// How.
        options: SocketOptions,
    },
    /// Resolve a host name. → `Addresses`
    Resolve {
        /// Name, or an address in text form.
        host: String,
    },
}

/// Which file [`Chore::OpenFile`] opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// One that is there.
    Existing,
    /// A new one with all blocks of `len` bytes allocated (zeros); it is an error if the name exists. The directory is synced.
    New {
        /// Length in bytes; 0 for an empty file.
        len: u64,
    },
    /// One that is there, or a new, empty one.
    OrEmpty,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name, without the directory; entries with names that are not UTF-8 are left out.
    pub name: String,
    /// Length in bytes.
    pub len: u64,
}

/// The agent's way to ask for chores.
#[derive(Debug)]
pub struct Chores {
    tickets: Tickets,
    pub(crate) staged: Vec<(Ticket, Chore)>,
    under_way: usize,
}

impl Chores {
    pub(crate) fn of(agent: AgentId) -> Self {
        Self {
            tickets: Tickets::of(agent, Lane::Chores),
            staged: Vec::new(),
            under_way: 0,
        }
    }

    /// Asks for a chore; its outcome comes by mail, under the ticket.
    ///
    /// # Errors
    /// [`Full`] when [`CHORES_PER_AGENT`] are under way.
    pub fn ask(&mut self, chore: Chore) -> Result<Ticket, Full> {
        if self.under_way == CHORES_PER_AGENT {
            return Err(Full {
                what: "an agent's chores",
                limit: CHORES_PER_AGENT,
            });
        }
        self.under_way += 1;
        let ticket = self.tickets.issue();
        self.staged.push((ticket, chore));
        Ok(ticket)
    }

    /// Called when the outcome of a chore is put into the agent's mail.
    pub(crate) fn ended(&mut self, count: usize) {
        self.under_way -= count;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.staged.is_empty()
    }
}
