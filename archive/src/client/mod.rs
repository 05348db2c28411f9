//! The archive client: a control session with any Aeron archive (06 §5–§8).
//!
//! ```text
//!   Connect ──poll──► Session ── requests (one correlation id each) ──► archive
//!                     Session ◄── responses, descriptors, signals ───── archive
//! ```
//!
//! Read [`Session`] first. Nothing here waits: an agent polls [`Connect`] and then [`Session::poll`] in its turns and matches
//! responses by the correlation id its request returned. [`Archive`] is for applications that may wait.

mod archive;
mod connect;
mod context;
mod error;
mod request;
mod session;

pub use archive::{Archive, Recording};
pub use connect::Connect;
pub use context::ArchiveContext;
pub use error::ArchiveError;
pub use request::{Replay, Replication};
pub use session::{Descriptor, Incoming, Response, Session, Signal};
