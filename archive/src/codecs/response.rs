//! Archive to client: the control response stream, and the recording events stream (06 §2.2, §2.5).

use taranis_runtime::sbe;

use super::catalog::RecordingDescriptor;
use super::{ARCHIVE, ControlResponseCode, RecordingSignal};

sbe::messages! {
    schema ARCHIVE;

    /// Answers a request. What `relevant_id` is depends on the code and on the request (06 §5.5).
    ControlResponse<'a> = 1, block 32 {
        control_session_id: i64,
        correlation_id: i64,
        relevant_id: i64,
        code: ControlResponseCode,
        version: i32 = since 4 or 0,
        ;
        error_message: &'a str,
    }

    /// A subscription that recordings are made from.
    RecordingSubscriptionDescriptor<'a> = 23, block 28 {
        control_session_id: i64,
        correlation_id: i64,
        subscription_id: i64,
        stream_id: i32,
        ;
        stripped_channel: &'a str,
    }

    /// Something happened to a recording.
    RecordingSignalEvent = 24, block 44 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
        subscription_id: i64,
        position: i64,
        signal: RecordingSignal,
    }

    /// Asks a client that connects to prove who it is. Aeron leaves `version` unset: it is to be ignored.
    Challenge<'a> = 59, block 20 {
        control_session_id: i64,
        correlation_id: i64,
        version: i32,
        ;
        encoded_challenge: &'a [u8],
    }

    /// Finds out whether the client still reads; clients ignore it.
    Ping = 106, block 8 {
        control_session_id: i64,
    }

    /// A recording run has started. `start_position` is where this run started, not the recording.
    RecordingStarted<'a> = 101, block 24 {
        recording_id: i64,
        start_position: i64,
        session_id: i32,
        stream_id: i32,
        ;
        channel: &'a str,
        source_identity: &'a str,
    }

    /// A recording run has got further.
    RecordingProgress = 102, block 24 {
        recording_id: i64,
        start_position: i64,
        position: i64,
    }

    /// A recording run has stopped.
    RecordingStopped = 103, block 24 {
        recording_id: i64,
        start_position: i64,
        stop_position: i64,
    }
}

sbe::dispatch! {
    schema ARCHIVE;
    /// What the archive sends to a client: the control response stream (06 §2.2).
    pub enum ControlReply<'a> {
        ControlResponse<'a>,
        RecordingDescriptor<'a>,
        RecordingSubscriptionDescriptor<'a>,
        RecordingSignalEvent,
        Challenge<'a>,
        Ping,
    }
}

sbe::dispatch! {
    schema ARCHIVE;
    /// What the archive tells anyone: the recording events stream (06 §2.5).
    pub enum RecordingEvent<'a> {
        RecordingStarted<'a>,
        RecordingProgress,
        RecordingStopped,
    }
}
