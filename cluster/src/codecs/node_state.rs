//! The entries of `node-state.dat` (08 §2.4).
//!
//! The file begins with a [`NodeStateHeader`] that has no header of its own; each entry after it stands behind an
//! [`EntryHeader`] of 16 bytes, instead of the 8-byte message header of the streams.

use taranis_runtime::sbe::{self, Acting, Message};

use super::NODE_STATE;

sbe::messages! {
    schema NODE_STATE;

    /// The head of the file. `version` is 768 (0.3.0).
    NodeStateHeader = 300, block 8 {
        version: i32,
        padding: i32,
    }

    /// The highest term this node has been a candidate of, or voted in. All fields are -1 at first; the timestamp is in epoch
    /// milliseconds.
    CandidateTerm = 301, block 24 {
        candidate_term_id: i64,
        timestamp: i64,
        log_position: i64,
    }

    /// Never written: to be skipped.
    ClusterMembers<'a> = 303, block 16 {
        leadership_term_id: i64,
        member_id: i32,
        high_member_id: i32,
        ;
        cluster_members: &'a str,
    }

    /// Ends the file.
    NodeStateFooter = 304, block 0 {
    }
}

sbe::entries! {
    /// Stands before every entry. `frame_length` counts itself, the entry, and no padding; the next entry is 8-byte aligned.
    EntryHeader, block 16 {
        block_length: u16,
        template_id: u16,
        schema_id: u16,
        version: u16,
        frame_length: i32,
        padding: i32,
    }
}

impl EntryHeader {
    /// Length in bytes.
    pub const LENGTH: usize = 16;

    /// How to read one.
    pub const ACTING: Acting = Acting {
        block_length: 16,
        version: NODE_STATE.version,
    };

    /// The header of an entry.
    pub fn of<M: Message>(entry: &M) -> Self {
        let length = Self::LENGTH.saturating_add(entry.body_len());
        Self {
            block_length: M::BLOCK_LENGTH,
            template_id: M::TEMPLATE_ID,
            schema_id: M::SCHEMA.id,
            version: M::VERSION,
            // Strings are limited to 1 GiB, so the length fits.
            frame_length: i32::try_from(length).unwrap_or(i32::MAX),
            padding: 0,
        }
    }

    /// By what the entry after it has to be read.
    pub const fn acting(self) -> Acting {
        Acting {
            block_length: self.block_length,
            version: self.version,
        }
    }
}
