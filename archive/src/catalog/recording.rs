//! A recording, as its catalog entry describes it (06 §2.4).

use taranis_transport::log::{Shape, frame::FRAME_ALIGNMENT};

use crate::{codecs::catalog::RecordingDescriptor, segment::Geometry};

/// What is known of a recording. Positions are bytes of the stream, timestamps epoch milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Its id: ids ascend and are never given out twice.
    pub id: i64,
    /// Control session of whoever extended it last; 0 for one that never was.
    pub control_session_id: i64,
    /// Request that extended it last; 0 for one that never was.
    pub correlation_id: i64,
    /// When it was started.
    pub start_timestamp_ms: i64,
    /// Position of its first byte.
    pub start_position: i64,
    /// Where and when it stopped; `None` while it is being recorded, or was when its archive died.
    pub stop: Option<Stop>,
    /// Shape of its terms and segment files.
    pub geometry: Geometry,
    /// Longest frame of the stream.
    pub mtu_length: i32,
    /// Session of the (last) publication.
    pub session_id: i32,
    /// Stream of the publication.
    pub stream_id: i32,
    /// What of the channel makes it the channel it is.
    pub stripped_channel: String,
    /// The channel as it was asked for.
    pub original_channel: String,
    /// Where the publication was.
    pub source_identity: String,
}

/// The end of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Position behind its last byte.
    pub position: i64,
    /// When.
    pub timestamp_ms: i64,
}

/// Aeron's "none" for positions and timestamps.
pub(super) const NULL: i64 = -1;

impl Recording {
    /// Reads a descriptor.
    ///
    /// # Errors
    /// The broken rule, with the value, for what no recording can be.
    pub fn of(descriptor: &RecordingDescriptor<'_>) -> Result<Self, String> {
        let shape = Shape::new(descriptor.term_buffer_length, descriptor.initial_term_id)
            .map_err(|problem| problem.to_string())?;
        let geometry = Geometry::new(shape, descriptor.segment_file_length)
            .map_err(|problem| problem.to_string())?;
        let start = descriptor.start_position;
        if start < 0 || !shape.is_frame_position(start) {
            return Err(format!(
                "startPosition={start}: a position is a multiple of {FRAME_ALIGNMENT} from 0 on"
            ));
        }
        let stop = match descriptor.stop_position {
            NULL => None,
            position => Some(Stop {
                position,
                timestamp_ms: descriptor.stop_timestamp,
            }),
        };
        if let Some(Stop { position, .. }) = stop
            && (position < start || !shape.is_frame_position(position))
        {
            return Err(format!(
                "stopPosition={position}: a multiple of {FRAME_ALIGNMENT} from startPosition={start} on, or {NULL}"
            ));
        }
        Ok(Self {
            id: descriptor.recording_id,
            control_session_id: descriptor.control_session_id,
            correlation_id: descriptor.correlation_id,
            start_timestamp_ms: descriptor.start_timestamp,
            start_position: start,
            stop,
            geometry,
            mtu_length: descriptor.mtu_length,
            session_id: descriptor.session_id,
            stream_id: descriptor.stream_id,
            stripped_channel: descriptor.stripped_channel.to_owned(),
            original_channel: descriptor.original_channel.to_owned(),
            source_identity: descriptor.source_identity.to_owned(),
        })
    }

    /// The descriptor of the catalog; a message carries the asking session's two ids in place of the first two fields.
    pub fn descriptor(&self) -> RecordingDescriptor<'_> {
        RecordingDescriptor {
            control_session_id: self.control_session_id,
            correlation_id: self.correlation_id,
            recording_id: self.id,
            start_timestamp: self.start_timestamp_ms,
            stop_timestamp: self.stop.map_or(NULL, |stop| stop.timestamp_ms),
            start_position: self.start_position,
            stop_position: self.stop.map_or(NULL, |stop| stop.position),
            initial_term_id: self.geometry.shape().initial_term_id(),
            segment_file_length: self.geometry.segment_length(),
            term_buffer_length: self.geometry.shape().term_length(),
            mtu_length: self.mtu_length,
            session_id: self.session_id,
            stream_id: self.stream_id,
            stripped_channel: &self.stripped_channel,
            original_channel: &self.original_channel,
            source_identity: &self.source_identity,
        }
    }

    /// Whether it is a recording of that stream on a channel that contains `fragment`, as it was asked for (07 §6). An
    /// empty fragment is contained in every channel.
    pub fn is_of(&self, stream_id: i32, fragment: &[u8]) -> bool {
        let channel = self.original_channel.as_bytes();
        self.stream_id == stream_id
            && (fragment.is_empty() || channel.windows(fragment.len()).any(|part| part == fragment))
    }

    /// Base of the segment that `position` lies in.
    pub fn segment_base(&self, position: i64) -> i64 {
        self.geometry.base(self.start_position, position)
    }
}
