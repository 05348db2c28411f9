//! The header of the archive's mark file (06 §3.3).
//!
//! Offsets in the file are those of the message: an 8-byte message header, then a block of 128 bytes.

use taranis_runtime::sbe;

use super::ARCHIVE_MARK;

sbe::messages! {
    schema ARCHIVE_MARK;

    /// The mark file from its first byte to the end of its strings. `version` is 0 until the archive is ready.
    MarkFileHeader<'a> = 200, block 128 padded {
        version: i32,
        @8 activity_timestamp: i64,
        start_timestamp: i64,
        pid: i64,
        control_stream_id: i32,
        local_control_stream_id: i32,
        events_stream_id: i32,
        header_length: i32 = since 1 or 0,
        error_buffer_length: i32 = since 1 or 0,
        @56 archive_id: i64 = since 2 or -1,
        ;
        control_channel: &'a str,
        local_control_channel: &'a str,
        events_channel: &'a str,
        aeron_directory: &'a str,
    }
}
