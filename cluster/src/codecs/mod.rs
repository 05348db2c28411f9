//! The cluster's messages and the headers of its files, to the byte those of Aeron (08 §1, §2).
//!
//! | file | stream or file | any message of it |
//! |---|---|---|
//! | [`session`] | before every application message | |
//! | [`ingress`] | client to cluster | [`IngressMessage`] |
//! | [`egress`] | cluster to client | [`EgressMessage`] |
//! | [`log`] | the log | [`LogEvent`] |
//! | [`service`] | services to consensus module, and back | [`ModuleControl`], [`ServiceControl`] |
//! | [`consensus`], [`backup`] | between members, from backup and standby nodes | [`ConsensusMessage`] |
//! | [`snapshot`] | snapshots | [`SnapshotRecord`] |
//! | [`mark`], [`node_state`] | mark files, `node-state.dat` | |
//!
//! A message is a plain struct; see [`taranis_runtime::sbe`] for how it is encoded and decoded. -1 stands for "none" in
//! ids, positions and times; times are in the cluster's unit unless their name says otherwise.
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]

use taranis_runtime::sbe::{self, Schema};

pub mod backup;
pub mod consensus;
pub mod egress;
pub mod ingress;
pub mod log;
pub mod mark;
pub mod node_state;
pub mod service;
pub mod session;
pub mod snapshot;

pub use consensus::ConsensusMessage;
pub use egress::EgressMessage;
pub use ingress::IngressMessage;
pub use log::LogEvent;
pub use service::{ModuleControl, ServiceControl};
pub use session::{SessionMessage, SessionMessageHeader};
pub use snapshot::SnapshotRecord;

/// The schema of the streams and of snapshots. One message is of version 17
/// ([`ServiceTerminationPosition`](service::ServiceTerminationPosition)).
pub const CLUSTER: Schema = Schema {
    id: 111,
    version: 16,
};

/// The schema of mark files.
pub const CLUSTER_MARK: Schema = Schema {
    id: 110,
    version: 2,
};

/// The schema of `node-state.dat`.
pub const NODE_STATE: Schema = Schema {
    id: 112,
    version: 10,
};

sbe::enums! {
    /// How a connect request went, or why a session ended.
    pub enum EventCode {
        /// The session is open.
        Ok = 0,
        /// Refused; `detail` says why.
        Error = 1,
        /// This member is not the leader; `detail` lists the ingress endpoints.
        Redirect = 2,
        /// The credentials were refused.
        AuthenticationRejected = 3,
        /// The session was closed.
        Closed = 4,
    }

    /// Why a session was closed.
    pub enum CloseReason {
        /// By its client.
        ClientAction = 0,
        /// By a service.
        ServiceAction = 1,
        /// Nothing was heard of the client.
        Timeout = 2,
    }

    /// What all nodes do at a position of the log.
    pub enum ClusterAction {
        /// Take no more ingress.
        Suspend = 0,
        /// Take ingress again.
        Resume = 1,
        /// Take a snapshot.
        Snapshot = 2,
    }

    /// Which place in a snapshot is marked.
    pub enum SnapshotMark {
        /// Its beginning.
        Begin = 0,
        /// Something readers ignore.
        Section = 1,
        /// Its end.
        End = 2,
    }

    /// What a membership change was; obsolete.
    pub enum ChangeType {
        /// A member joined.
        Join = 0,
        /// A member left.
        Quit = 1,
    }

    /// The unit of the cluster's time.
    pub enum ClusterTimeUnit {
        /// Milliseconds.
        Millis = 0,
        /// Microseconds.
        Micros = 1,
        /// Nanoseconds.
        Nanos = 2,
    }

    /// What an administrator may ask for.
    pub enum AdminRequestType {
        /// A snapshot.
        Snapshot = 0,
    }

    /// How an administrative request went.
    pub enum AdminResponseCode {
        /// It was taken up.
        Ok = 0,
        /// It was not; `message` says why.
        Error = 1,
        /// The client may not ask for it.
        UnauthorisedAccess = 2,
    }
}
