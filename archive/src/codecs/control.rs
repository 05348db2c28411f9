//! Client to archive: sessions, recording, replay and replication (06 §2.1). Questions and maintenance are in
//! [`records`](super::records).
//!
//! Positions are bytes; -1 stands for "none".

use taranis_runtime::sbe;

use super::records::{
    AttachSegmentsRequest, DeleteDetachedSegmentsRequest, DetachSegmentsRequest,
    FindLastMatchingRecordingRequest, ListRecordingRequest, ListRecordingSubscriptionsRequest,
    ListRecordingsForUriRequest, ListRecordingsRequest, MaxRecordedPositionRequest,
    MigrateSegmentsRequest, PurgeRecordingRequest, PurgeSegmentsRequest, RecordingPositionRequest,
    StartPositionRequest, StopPositionRequest, TruncateRecordingRequest, UpdateChannelRequest,
};
use super::{ARCHIVE, SourceLocation};

sbe::messages! {
    schema ARCHIVE;

    /// Opens a control session without credentials. Clients send [`AuthConnectRequest`] instead.
    ConnectRequest<'a> = 2, block 16 {
        correlation_id: i64,
        response_stream_id: i32,
        version: i32 = since 2 or 0,
        ;
        response_channel: &'a str,
    }

    /// Closes a control session; no response.
    CloseSessionRequest = 3, block 8 {
        control_session_id: i64,
    }

    /// Starts a recording, without auto stop.
    StartRecordingRequest<'a> = 4, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        stream_id: i32,
        source_location: SourceLocation,
        ;
        channel: &'a str,
    }

    /// Stops a recording by channel and stream id.
    StopRecordingRequest<'a> = 5, block 20 {
        control_session_id: i64,
        correlation_id: i64,
        stream_id: i32,
        ;
        channel: &'a str,
    }

    /// Starts a replay.
    ReplayRequest<'a> = 6, block 56 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
        position: i64,
        length: i64,
        replay_stream_id: i32,
        file_io_max_length: i32 = since 7 or -1,
        replay_token: i64 = since 10 or -1,
        ;
        replay_channel: &'a str,
    }

    /// Stops one replay.
    StopReplayRequest = 7, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        replay_session_id: i64,
    }

    /// Extends a stopped recording, without auto stop.
    ExtendRecordingRequest<'a> = 11, block 32 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
        stream_id: i32,
        source_location: SourceLocation,
        ;
        channel: &'a str,
    }

    /// Stops recording by the subscription id of the start's response.
    StopRecordingSubscriptionRequest = 14, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        subscription_id: i64,
    }

    /// Starts a replay that does not pass a counter's value.
    BoundedReplayRequest<'a> = 18, block 60 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
        position: i64,
        length: i64,
        limit_counter_id: i32,
        replay_stream_id: i32,
        file_io_max_length: i32 = since 7 or -1,
        replay_token: i64 = since 10 or -1,
        ;
        replay_channel: &'a str,
    }

    /// Stops all replays of a recording, or of all (-1).
    StopAllReplaysRequest = 19, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
    }

    /// Replicates a recording from another archive; an older form of [`ReplicateRequest2`].
    ReplicateRequest<'a> = 50, block 36 {
        control_session_id: i64,
        correlation_id: i64,
        src_recording_id: i64,
        dst_recording_id: i64,
        src_control_stream_id: i32,
        ;
        src_control_channel: &'a str,
        live_destination: &'a str,
    }

    /// Stops a replication.
    StopReplicationRequest = 51, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        replication_id: i64,
    }

    /// Opens a control session.
    AuthConnectRequest<'a> = 58, block 16 {
        correlation_id: i64,
        response_stream_id: i32,
        version: i32,
        ;
        response_channel: &'a str,
        encoded_credentials: &'a [u8],
        client_info: &'a str = since 12,
    }

    /// Answers a [`Challenge`](super::response::Challenge).
    ChallengeResponse<'a> = 60, block 16 {
        control_session_id: i64,
        correlation_id: i64,
        ;
        encoded_credentials: &'a [u8],
    }

    /// Activates a session; no response.
    KeepAliveRequest = 61, block 16 {
        control_session_id: i64,
        correlation_id: i64,
    }

    /// Replicates a recording with tags; an older form of [`ReplicateRequest2`].
    TaggedReplicateRequest<'a> = 62, block 52 {
        control_session_id: i64,
        correlation_id: i64,
        src_recording_id: i64,
        dst_recording_id: i64,
        channel_tag_id: i64,
        subscription_tag_id: i64,
        src_control_stream_id: i32,
        ;
        src_control_channel: &'a str,
        live_destination: &'a str,
    }

    /// Starts a recording.
    StartRecordingRequest2<'a> = 63, block 28 {
        control_session_id: i64,
        correlation_id: i64,
        stream_id: i32,
        source_location: SourceLocation,
        auto_stop: bool,
        ;
        channel: &'a str,
    }

    /// Extends a stopped recording.
    ExtendRecordingRequest2<'a> = 64, block 36 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
        stream_id: i32,
        source_location: SourceLocation,
        auto_stop: bool,
        ;
        channel: &'a str,
    }

    /// Stops a recording by its id.
    StopRecordingByIdentityRequest = 65, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
    }

    /// Replicates a recording from another archive.
    ReplicateRequest2<'a> = 66, block 68 {
        control_session_id: i64,
        correlation_id: i64,
        src_recording_id: i64,
        dst_recording_id: i64,
        stop_position: i64,
        channel_tag_id: i64,
        subscription_tag_id: i64,
        src_control_stream_id: i32,
        file_io_max_length: i32 = since 7 or -1,
        replication_session_id: i32 = since 8 or -1,
        ;
        src_control_channel: &'a str,
        live_destination: &'a str,
        replication_channel: &'a str,
        encoded_credentials: &'a [u8] = since 8,
        src_response_channel: &'a str = since 10,
    }

    /// Asks for the archive's id.
    ArchiveIdRequest = 68, block 16 {
        control_session_id: i64,
        correlation_id: i64,
    }

    /// Asks for a token that lets another session start a replay.
    ReplayTokenRequest = 105, block 24 {
        control_session_id: i64,
        correlation_id: i64,
        recording_id: i64,
    }
}

sbe::dispatch! {
    schema ARCHIVE;
    /// What a client sends to the archive: the control request stream (06 §2.1).
    pub enum ControlRequest<'a> {
        ConnectRequest<'a>,
        CloseSessionRequest,
        StartRecordingRequest<'a>,
        StopRecordingRequest<'a>,
        ReplayRequest<'a>,
        StopReplayRequest,
        ListRecordingsRequest,
        ListRecordingsForUriRequest<'a>,
        ListRecordingRequest,
        ExtendRecordingRequest<'a>,
        RecordingPositionRequest,
        TruncateRecordingRequest,
        StopRecordingSubscriptionRequest,
        StopPositionRequest,
        FindLastMatchingRecordingRequest<'a>,
        ListRecordingSubscriptionsRequest<'a>,
        BoundedReplayRequest<'a>,
        StopAllReplaysRequest,
        ReplicateRequest<'a>,
        StopReplicationRequest,
        StartPositionRequest,
        DetachSegmentsRequest,
        DeleteDetachedSegmentsRequest,
        PurgeSegmentsRequest,
        AttachSegmentsRequest,
        MigrateSegmentsRequest,
        AuthConnectRequest<'a>,
        ChallengeResponse<'a>,
        KeepAliveRequest,
        TaggedReplicateRequest<'a>,
        StartRecordingRequest2<'a>,
        ExtendRecordingRequest2<'a>,
        StopRecordingByIdentityRequest,
        ReplicateRequest2<'a>,
        MaxRecordedPositionRequest,
        ArchiveIdRequest,
        PurgeRecordingRequest,
        ReplayTokenRequest,
        UpdateChannelRequest<'a>,
    }
}
