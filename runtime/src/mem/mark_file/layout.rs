//! The header of archive's and cluster's mark files (spec 01 §7.2), all little-endian.
//!
//! ```text
//!  0              8          12                 16                   24                32   40
//!  ├ SBE header ──┼ version ─┼ (component type) ┼ activity timestamp ┼ start timestamp ─┼ pid ┼ of the kind …
//!  136                                          8192
//!  ├ variable data: channels, directories ── … ─┼ error log ── … ── to a multiple of the file page
//! ```
//!
//! A file that does not begin with the SBE header of its kind is of the old form: everything before the variable data
//! stands 8 bytes earlier.
//!
//! | word | only writer | ordering | readers |
//! |---|---|---|---|
//! | version: 0 not ready, −1 cluster start failed | owner | release | anybody (acquire) |
//! | activity timestamp: 0 none yet, −1 terminated, max being activated | owner; whoever activates (compare-and-set) | release | anybody (acquire) |
//! | all else | owner, before the version | relaxed | anybody, after the version |

/// Length of the header with its variable data; the error log begins here.
pub const HEADER_LEN: usize = 8192;
/// Where the variable data begin.
pub const VARIABLE_DATA_OFFSET: usize = SBE_HEADER_LEN + BLOCK_LEN;

pub(super) const SBE_HEADER_LEN: usize = 8;
pub(super) const BLOCK_LEN: usize = 128;
pub(super) const TEMPLATE_ID: u16 = 200;
pub(super) const SCHEMA_VERSION: u16 = 2;

/// A field of 32 bits, by its offset in the block behind the SBE header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field32(pub(super) usize);

/// A field of 64 bits, by its offset in the block behind the SBE header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field64(pub(super) usize);

pub(super) const VERSION: Field32 = Field32(0);
pub(super) const ACTIVITY_TIMESTAMP: Field64 = Field64(VERSION.0 + 8);
/// When the owner started, epoch ms.
pub const START_TIMESTAMP: Field64 = Field64(ACTIVITY_TIMESTAMP.0 + 8);
/// The owner's process id.
pub const PID: Field64 = Field64(START_TIMESTAMP.0 + 8);

/// Activity timestamp of an owner that ended.
pub(super) const TERMINATED: i64 = -1;
/// Activity timestamp while a new owner takes over.
pub(super) const ACTIVATING: i64 = i64::MAX;
/// Version of a cluster component whose start failed.
pub(super) const FAILED_START: i32 = -1;

/// Fields of `archive-mark.dat`.
pub mod archive {
    use super::{Field32, Field64, PID};

    /// Stream of control requests.
    pub const CONTROL_STREAM_ID: Field32 = Field32(PID.0 + 8);
    /// Stream of control requests over IPC.
    pub const LOCAL_CONTROL_STREAM_ID: Field32 = Field32(CONTROL_STREAM_ID.0 + 4);
    /// Stream of recording events.
    pub const EVENTS_STREAM_ID: Field32 = Field32(LOCAL_CONTROL_STREAM_ID.0 + 4);
    pub(in super::super) const HEADER_LENGTH: Field32 = Field32(EVENTS_STREAM_ID.0 + 4);
    pub(in super::super) const ERROR_BUFFER_LENGTH: Field32 = Field32(HEADER_LENGTH.0 + 4);
    /// The archive's id; −1 for none.
    pub const ARCHIVE_ID: Field64 = Field64(ERROR_BUFFER_LENGTH.0 + 8);
}

/// Fields of `cluster-mark.dat` and `cluster-mark-service-<id>.dat`.
pub mod cluster {
    use super::{Field32, Field64, PID, VERSION};

    /// 0 unknown, 1 consensus module, 2 container, 3 backup, 4 standby.
    pub const COMPONENT_TYPE: Field32 = Field32(VERSION.0 + 4);
    /// The term this member last stood for.
    pub const CANDIDATE_TERM_ID: Field64 = Field64(PID.0 + 8);
    /// Stream of control requests of the member's archive.
    pub const ARCHIVE_STREAM_ID: Field32 = Field32(CANDIDATE_TERM_ID.0 + 8);
    /// Stream from the consensus module to services.
    pub const SERVICE_STREAM_ID: Field32 = Field32(ARCHIVE_STREAM_ID.0 + 4);
    /// Stream from services to the consensus module.
    pub const CONSENSUS_MODULE_STREAM_ID: Field32 = Field32(SERVICE_STREAM_ID.0 + 4);
    /// Stream of clients' messages.
    pub const INGRESS_STREAM_ID: Field32 = Field32(CONSENSUS_MODULE_STREAM_ID.0 + 4);
    /// The member's id.
    pub const MEMBER_ID: Field32 = Field32(INGRESS_STREAM_ID.0 + 4);
    /// The service's id.
    pub const SERVICE_ID: Field32 = Field32(MEMBER_ID.0 + 4);
    pub(in super::super) const HEADER_LENGTH: Field32 = Field32(SERVICE_ID.0 + 4);
    pub(in super::super) const ERROR_BUFFER_LENGTH: Field32 = Field32(HEADER_LENGTH.0 + 4);
    /// The cluster's id.
    pub const CLUSTER_ID: Field32 = Field32(ERROR_BUFFER_LENGTH.0 + 4);
}

const _: () = assert!(PID.0 + SBE_HEADER_LEN == 32 && VARIABLE_DATA_OFFSET == 136);
const _: () = assert!(archive::ERROR_BUFFER_LENGTH.0 + SBE_HEADER_LEN == 56);
const _: () = assert!(archive::ARCHIVE_ID.0 + SBE_HEADER_LEN == 64);
const _: () = assert!(cluster::MEMBER_ID.0 + SBE_HEADER_LEN == 64);
const _: () = assert!(cluster::ERROR_BUFFER_LENGTH.0 + SBE_HEADER_LEN == 76);
const _: () = assert!(cluster::CLUSTER_ID.0 + SBE_HEADER_LEN == 80);

/// Which component a mark file is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An archive: `archive-mark.dat`.
    Archive,
    /// A consensus module, a service container or a backup: `cluster-mark.dat`, `cluster-mark-service-<id>.dat`.
    Cluster,
}

impl Kind {
    /// The version written by an owner that is ready: 3.1.0 or 0.3.0, packed.
    pub fn version(self) -> i32 {
        match self {
            Self::Archive => 3 << 16 | 1 << 8,
            Self::Cluster => 3 << 8,
        }
    }

    pub(super) fn schema_id(self) -> u16 {
        match self {
            Self::Archive => 100,
            Self::Cluster => 110,
        }
    }

    pub(super) fn header_length(self) -> Field32 {
        match self {
            Self::Archive => archive::HEADER_LENGTH,
            Self::Cluster => cluster::HEADER_LENGTH,
        }
    }

    pub(super) fn error_buffer_length(self) -> Field32 {
        match self {
            Self::Archive => archive::ERROR_BUFFER_LENGTH,
            Self::Cluster => cluster::ERROR_BUFFER_LENGTH,
        }
    }

    /// Whether a file of that version may be taken over: never ready, failed to start, or of our major version.
    pub(super) fn takes_over(self, version: i32) -> bool {
        let major = version >> 16 & 0xFF;
        match self {
            Self::Archive => version == 0 || major == 3,
            Self::Cluster => version == FAILED_START || major == 0,
        }
    }

    /// The eight bytes a file of this kind begins with.
    pub(super) fn sbe_header(self) -> [u8; SBE_HEADER_LEN] {
        let mut header = [0; SBE_HEADER_LEN];
        let words = [
            BLOCK_LEN as u16,
            TEMPLATE_ID,
            self.schema_id(),
            SCHEMA_VERSION,
        ];
        for (bytes, word) in header.chunks_exact_mut(2).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        header
    }
}

/// Length of a mark file: header and error log, to a multiple of the file page size.
pub fn file_len(error_buffer_len: usize, page_size: usize) -> usize {
    (HEADER_LEN + error_buffer_len).next_multiple_of(page_size)
}
