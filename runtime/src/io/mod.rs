//! The border to the world: what an agent stages in its turn, and what comes back in its mail.
//!
//! ```text
//!   agent's turn                     thread's backend                        next turns
//!   net.send(..)     ┐                                                  ┌ mail.datagrams()
//!   files.write(..)  ├ staged ─► submit: one io_uring_enter, or  ─► ...  ┤ mail.take_completions()
//!   chores.ask(..)   ┘            syscalls, or a simulated world        └
//! ```
//!
//! Staging ([`Desk`]) is apart from the [`Backend`], of which a thread has one; there are three: io_uring, plain syscalls, and the
//! simulator's. Read [`desk`] first.

pub mod backend;
pub mod choose;
pub mod chores;
pub mod desk;
pub mod files;
pub mod mail;
pub mod net;
pub mod plain;
pub mod setup;
pub mod socket;
mod table;
pub mod ticket;
pub mod uring;

pub use backend::{Backend, IoWork};
pub use choose::{BackendChoice, Backends};
pub use chores::{Chore, ChoreCounter, ChoreDesk, Chores, Entry, Opening};
pub use desk::{Desk, Wake};
pub use files::{Durability, File, FileAccess, FileOps, FileToken};
pub use mail::{Completion, Datagram, Mail, Outcome};
pub use net::NetOut;
pub use setup::{Disk, MemoryDisk, OsDisk};
pub use socket::{Interest, IoFailure, Multicast, Socket, SocketOptions, SocketToken};
pub use ticket::{AgentId, Full, Ticket};
