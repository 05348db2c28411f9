//! What the catalog file is made of (06 §2.4, §2.6, §3.1).
//!
//! In the file none of these has a message header: use `encode_body` and `decode_body`, with [`acting`]. A
//! [`RecordingDescriptor`] is a message, too.

use taranis_runtime::sbe::{self, Acting, Encode};

use super::{ARCHIVE, RecordingState};

/// How to read a `T` in the catalog: the file has no versions of its messages.
pub const fn acting<T: Encode>() -> Acting {
    Acting {
        block_length: T::BLOCK_LENGTH,
        version: ARCHIVE.version,
    }
}

sbe::messages! {
    schema ARCHIVE;

    /// The head of the catalog. `length` is 32; `alignment` is that of the entries, 0 in files of a format before 3.
    CatalogHeader = 20, block 32 {
        version: i32,
        length: i32,
        next_recording_id: i64,
        alignment: i32,
        @31 reserved: i8,
    }

    /// The head of a catalog entry. `length` counts the bytes after it, padding included.
    RecordingDescriptorHeader = 21, block 32 {
        length: i32,
        state: RecordingState,
        checksum: i32,
        @31 reserved: i8,
    }

    /// Describes a recording. In the catalog the first two fields belong to nobody; on the wire they are the asking
    /// session's. Zero padding may follow. Positions are bytes, timestamps epoch milliseconds; the stop is -1 while the
    /// recording is active.
    RecordingDescriptor<'a> = 22, block 80 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
        start_timestamp: i64,
        stop_timestamp: i64,
        start_position: i64,
        stop_position: i64,
        initial_term_id: i32,
        segment_file_length: i32,
        term_buffer_length: i32,
        mtu_length: i32,
        session_id: i32,
        stream_id: i32,
        ;
        stripped_channel: &'a str,
        original_channel: &'a str,
        source_identity: &'a str,
    }
}
