//! The requests of a session: each returns its correlation id, by which its answer is known (06 §8).

use super::{error::ArchiveError, session::Session};
use crate::codecs::{
    SourceLocation,
    control::{
        BoundedReplayRequest, ExtendRecordingRequest2, KeepAliveRequest, ReplayRequest,
        ReplicateRequest2, StartRecordingRequest2, StopAllReplaysRequest,
        StopRecordingByIdentityRequest, StopRecordingSubscriptionRequest, StopReplayRequest,
        StopReplicationRequest,
    },
    records::{
        FindLastMatchingRecordingRequest, ListRecordingRequest, ListRecordingsForUriRequest,
        ListRecordingsRequest, MaxRecordedPositionRequest, PurgeRecordingRequest,
        RecordingPositionRequest, StartPositionRequest, StopPositionRequest,
        TruncateRecordingRequest,
    },
};

/// A replay: what of a recording, and where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay<'a> {
    /// The recording.
    pub recording_id: i64,
    /// From where; −1 for its start.
    pub position: i64,
    /// How many bytes; −1 to follow a live recording, −2 to stop at its present end.
    pub length: i64,
    /// Channel to publish it on.
    pub channel: &'a str,
    /// Stream to publish it on.
    pub stream_id: i32,
    /// A counter that the replay must not run past.
    pub limit_counter_id: Option<i32>,
}

/// A replication: what of another archive's recording, and into which of this one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replication<'a> {
    /// The recording there.
    pub src_recording_id: i64,
    /// The recording here; −1 for a new one.
    pub dst_recording_id: i64,
    /// Where to stop; −1 for the end.
    pub stop_position: i64,
    /// Control channel of the other archive.
    pub src_control_channel: &'a str,
    /// Its stream.
    pub src_control_stream_id: i32,
    /// Live destination to merge with; empty for none.
    pub live_destination: &'a str,
    /// Channel for the replay from there; empty for this archive's default.
    pub replication_channel: &'a str,
}

macro_rules! ask {
    ($self:ident, $what:literal, $message:ident { $($fields:tt)* }) => {{
        let correlation_id = $self.next_correlation_id();
        let control_session_id = $self.control_session_id;
        $self.offer($what, &$message { control_session_id, correlation_id, $($fields)* })?;
        Ok(correlation_id)
    }};
}

/// Each request is offered a few times and not waited for.
///
/// # Errors
/// All: [`ArchiveError::Send`] when the control stream does not take it now (temporary, unless the archive is gone), and
/// [`ArchiveError::TooLong`].
#[expect(clippy::missing_errors_doc, reason = "the same for all, said above")]
impl Session {
    /// Starts recording a stream; with `auto_stop` it ends with the first image. Answer: subscription id.
    pub fn start_recording(
        &mut self,
        channel: &str,
        stream_id: i32,
        source_location: SourceLocation,
        auto_stop: bool,
    ) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "start recording request",
            StartRecordingRequest2 {
                stream_id,
                source_location,
                auto_stop,
                channel
            }
        )
    }

    /// Goes on with a recording that stopped. Answer: subscription id.
    pub fn extend_recording(
        &mut self,
        recording_id: i64,
        (channel, stream_id): (&str, i32),
        source_location: SourceLocation,
        auto_stop: bool,
    ) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "extend recording request",
            ExtendRecordingRequest2 {
                recording_id,
                stream_id,
                source_location,
                auto_stop,
                channel
            }
        )
    }

    /// Stops the recordings of a subscription, by the id that starting gave.
    pub fn stop_recording(&mut self, subscription_id: i64) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "stop recording request",
            StopRecordingSubscriptionRequest { subscription_id }
        )
    }

    /// Stops one recording. Answer: 1 if one was stopped, else 0.
    pub fn stop_recording_by_identity(&mut self, recording_id: i64) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "stop recording request",
            StopRecordingByIdentityRequest { recording_id }
        )
    }

    /// Starts a replay. Answer: replay session id, whose low 32 bits are the session id of its stream.
    pub fn replay(&mut self, replay: &Replay<'_>) -> Result<i64, ArchiveError> {
        let Replay {
            recording_id,
            position,
            length,
            channel,
            stream_id,
            limit_counter_id,
        } = *replay;
        match limit_counter_id {
            Some(limit_counter_id) => ask!(
                self,
                "bounded replay request",
                BoundedReplayRequest {
                    recording_id,
                    position,
                    length,
                    limit_counter_id,
                    replay_stream_id: stream_id,
                    file_io_max_length: -1,
                    replay_token: -1,
                    replay_channel: channel,
                }
            ),
            None => ask!(
                self,
                "replay request",
                ReplayRequest {
                    recording_id,
                    position,
                    length,
                    replay_stream_id: stream_id,
                    file_io_max_length: -1,
                    replay_token: -1,
                    replay_channel: channel,
                }
            ),
        }
    }

    /// Stops a replay.
    pub fn stop_replay(&mut self, replay_session_id: i64) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "stop replay request",
            StopReplayRequest { replay_session_id }
        )
    }

    /// Stops all replays of a recording, or of every one (−1).
    pub fn stop_all_replays(&mut self, recording_id: i64) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "stop all replays request",
            StopAllReplaysRequest { recording_id }
        )
    }

    /// Lists one recording: a descriptor, or an answer with code "recording unknown".
    pub fn list_recording(&mut self, recording_id: i64) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "list recording request",
            ListRecordingRequest { recording_id }
        )
    }

    /// Lists recordings from an id on: descriptors, and "recording unknown" when there are fewer.
    pub fn list_recordings(
        &mut self,
        from_recording_id: i64,
        record_count: i32,
    ) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "list recordings request",
            ListRecordingsRequest {
                from_recording_id,
                record_count
            }
        )
    }

    /// Lists recordings of a stream whose channel contains `channel`.
    pub fn list_recordings_for_uri(
        &mut self,
        (from_recording_id, record_count): (i64, i32),
        channel: &str,
        stream_id: i32,
    ) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "list recordings request",
            ListRecordingsForUriRequest {
                from_recording_id,
                record_count,
                stream_id,
                channel
            }
        )
    }

    /// Finds the newest recording of a stream. Answer: its id, or −1.
    pub fn find_last_matching_recording(
        &mut self,
        min_recording_id: i64,
        channel: &str,
        stream_id: i32,
        session_id: i32,
    ) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "find last matching recording request",
            FindLastMatchingRecordingRequest {
                min_recording_id,
                session_id,
                stream_id,
                channel
            }
        )
    }

    /// Answer: where a recording starts.
    pub fn start_position(&mut self, recording_id: i64) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "start position request",
            StartPositionRequest { recording_id }
        )
    }

    /// Answer: where a recording stopped; −1 while it is active.
    pub fn stop_position(&mut self, recording_id: i64) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "stop position request",
            StopPositionRequest { recording_id }
        )
    }

    /// Answer: how far an active recording is; −1 when it is not.
    pub fn recording_position(&mut self, recording_id: i64) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "recording position request",
            RecordingPositionRequest { recording_id }
        )
    }

    /// Answer: how far a recording is, active or not.
    pub fn max_recorded_position(&mut self, recording_id: i64) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "max recorded position request",
            MaxRecordedPositionRequest { recording_id }
        )
    }

    /// Cuts a stopped recording. Answer: files removed.
    pub fn truncate_recording(
        &mut self,
        recording_id: i64,
        position: i64,
    ) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "truncate recording request",
            TruncateRecordingRequest {
                recording_id,
                position
            }
        )
    }

    /// Removes a recording with its files. Answer: files removed.
    pub fn purge_recording(&mut self, recording_id: i64) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "purge recording request",
            PurgeRecordingRequest { recording_id }
        )
    }

    /// Copies a recording of another archive. Answer: replication id.
    pub fn replicate(&mut self, replication: &Replication<'_>) -> Result<i64, ArchiveError> {
        let Replication {
            src_recording_id,
            dst_recording_id,
            stop_position,
            ..
        } = *replication;
        ask!(
            self,
            "replicate request",
            ReplicateRequest2 {
                src_recording_id,
                dst_recording_id,
                stop_position,
                channel_tag_id: -1,
                subscription_tag_id: -1,
                src_control_stream_id: replication.src_control_stream_id,
                file_io_max_length: -1,
                replication_session_id: -1,
                src_control_channel: replication.src_control_channel,
                live_destination: replication.live_destination,
                replication_channel: replication.replication_channel,
                encoded_credentials: &[],
                src_response_channel: "",
            }
        )
    }

    /// Stops a replication.
    pub fn stop_replication(&mut self, replication_id: i64) -> Result<i64, ArchiveError> {
        ask!(
            self,
            "stop replication request",
            StopReplicationRequest { replication_id }
        )
    }

    /// A sign of life, not answered.
    pub fn keep_alive(&mut self) -> Result<i64, ArchiveError> {
        ask!(self, "keep-alive request", KeepAliveRequest {})
    }
}
