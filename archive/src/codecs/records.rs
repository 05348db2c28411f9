//! Client to archive: questions about recordings, and their maintenance (06 §2.1).
//!
//! Positions are bytes; -1 stands for "none".

use taranis_runtime::sbe;

use super::ARCHIVE;

sbe::messages! {
    schema ARCHIVE;

    /// Asks for descriptors from a recording id on.
    ListRecordingsRequest = 8, block 28 {
        control_session_id: i64,
        correlation_id: i64,
        from_recording_id: i64,
        record_count: i32,
    }

    /// Asks for descriptors of recordings whose channel contains a text.
    ListRecordingsForUriRequest<'a> = 9, block 32 {
        control_session_id: i64,
        correlation_id: i64,
        from_recording_id: i64,
        record_count: i32,
        stream_id: i32,
        ;
        channel: &'a str,
    }

    /// Asks for the descriptor of one recording.
    ListRecordingRequest = 10, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
    }

    /// Asks how far an active recording has got.
    RecordingPositionRequest = 12, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
    }

    /// Cuts a stopped recording off behind a position.
    TruncateRecordingRequest = 13, block 32 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
        position: i64,
    }

    /// Asks where a recording stopped.
    StopPositionRequest = 15, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
    }

    /// Asks for the newest recording that matches.
    FindLastMatchingRecordingRequest<'a> = 16, block 32 {
        control_session_id: i64,
        correlation_id: i64,
        min_recording_id: i64,
        session_id: i32,
        stream_id: i32,
        ;
        channel: &'a str,
    }

    /// Asks for the subscriptions that recordings are made from.
    ListRecordingSubscriptionsRequest<'a> = 17, block 32 {
        control_session_id: i64,
        correlation_id: i64,
        pseudo_index: i32,
        subscription_count: i32,
        apply_stream_id: bool,
        stream_id: i32,
        ;
        channel: &'a str,
    }

    /// Asks where a recording starts.
    StartPositionRequest = 52, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
    }

    /// Moves the start of a recording, leaving the segment files before it alone.
    DetachSegmentsRequest = 53, block 32 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
        new_start_position: i64,
    }

    /// Deletes the segment files before a recording's start.
    DeleteDetachedSegmentsRequest = 54, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
    }

    /// Moves the start of a recording and deletes the segment files before it.
    PurgeSegmentsRequest = 55, block 32 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
        new_start_position: i64,
    }

    /// Moves the start of a recording back over segment files that are still there.
    AttachSegmentsRequest = 56, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
    }

    /// Moves segment files to the front of another recording.
    MigrateSegmentsRequest = 57, block 32 {
        control_session_id: i64,
        correlation_id: i64,
        src_recording_id: i64,
        dst_recording_id: i64,
    }

    /// Asks how far a recording goes, active or not.
    MaxRecordedPositionRequest = 67, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
    }

    /// Deletes a stopped recording.
    PurgeRecordingRequest = 104, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
    }

    /// Changes the channel in a recording's descriptor.
    UpdateChannelRequest<'a> = 107, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
        ;
        channel: &'a str,
    }
}
