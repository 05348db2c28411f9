//! The archive's messages and the headers of its files, to the byte those of Aeron (06 §1 to §3).
//!
//! | file | direction |
//! |---|---|
//! | [`control`], [`records`] | client to archive; [`ControlRequest`] is any of them |
//! | [`response`] | archive to client: [`ControlReply`]; archive to anyone: [`RecordingEvent`] |
//! | [`catalog`] | the catalog file |
//! | [`mark`] | the mark file |
//!
//! A message is a plain struct; see [`taranis_runtime::sbe`] for how it is encoded and decoded. Block lengths are exactly
//! those of schema version 13: C clients rely on them (06 §1).
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]

use taranis_runtime::sbe::{self, Schema};

pub mod catalog;
pub mod control;
pub mod mark;
pub mod records;
pub mod response;

pub use control::ControlRequest;
pub use response::{ControlReply, RecordingEvent};

/// The schema of the streams and of the catalog.
pub const ARCHIVE: Schema = Schema {
    id: 101,
    version: 13,
};

/// Version of the archive protocol that client and archive speak, 1.12.0 (06 §5.2).
pub const PROTOCOL_VERSION: i32 = 1 << 16 | 12 << 8;

/// The schema of the mark file.
pub const ARCHIVE_MARK: Schema = Schema {
    id: 100,
    version: 2,
};

sbe::enums! {
    /// How a request went.
    pub enum ControlResponseCode {
        /// As wished.
        Ok = 0,
        /// Not at all; `relevant_id` is an error code (06 §4).
        Error = 1,
        /// There is no such recording; `relevant_id` is the id asked for.
        RecordingUnknown = 2,
        /// There are no more subscriptions.
        SubscriptionUnknown = 3,
    }

    /// Where a recorded publication is.
    pub enum SourceLocation {
        /// On the archive's own driver: recorded as a spy.
        Local = 0,
        /// Anywhere: recorded by subscribing.
        Remote = 1,
    }

    /// What happened to a recording.
    pub enum RecordingSignal {
        /// A recording was started.
        Start = 0,
        /// It stopped.
        Stop = 1,
        /// It was extended.
        Extend = 2,
        /// A replication of it has begun.
        Replicate = 3,
        /// A replication has merged with the live stream.
        Merge = 4,
        /// A replication has caught up.
        Sync = 5,
        /// Segment files were deleted.
        Delete = 6,
        /// A replication has ended.
        ReplicateEnd = 7,
    }

    /// Whether a catalog entry counts.
    pub enum RecordingState {
        /// It was marked as invalid.
        Invalid = 0,
        /// It counts.
        Valid = 1,
        /// The recording was purged. Since version 10.
        Deleted = 2,
    }
}
