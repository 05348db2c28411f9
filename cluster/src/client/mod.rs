//! The cluster client: a session with any Aeron cluster, which finds and follows the leader (08 §4).
//!
//! ```text
//!   Connect ──poll──► ClusterSession ── ingress: header + message ──► leader
//!                     ClusterSession ◄─ egress: answers, events ───── leader
//!                          │  the leader is gone: waits for the new one to introduce itself, and goes on
//! ```
//!
//! Read [`ClusterSession`] first. Nothing in it waits: an agent polls it in its turns. [`AeronCluster`] is for applications that
//! may wait. An accepted offer is not a committed message: what is unanswered when the leader changes may be lost, and it
//! is the application that sends it again.

mod cluster;
mod connect;
mod context;
mod egress;
mod endpoints;
mod error;
mod session;

pub use cluster::AeronCluster;
pub use connect::Connect;
pub use context::ClusterContext;
pub use egress::Egress;
pub use endpoints::Endpoints;
pub use error::ClusterError;
pub use session::{ClusterSession, State};
