//! The error codes of the control protocol (06 §4).

/// Why a request was refused: the relevant id of a control response whose code is `Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorCode {
    /// Anything that has no code of its own.
    Generic = 0,
    /// The session is listing recordings already.
    ActiveListing = 1,
    /// The recording is being recorded, or replayed where that is what is in the way.
    ActiveRecording = 2,
    /// A stream and channel are being recorded already.
    ActiveSubscription = 3,
    /// Nothing is recorded from that stream and channel.
    UnknownSubscription = 4,
    /// There is no such recording.
    UnknownRecording = 5,
    /// There is no such replay; never sent.
    UnknownReplay = 6,
    /// As many replays as there may be are active.
    MaxReplays = 7,
    /// As many recordings as there may be are active.
    MaxRecordings = 8,
    /// The stream does not go on where the recording stopped, or has another shape.
    InvalidExtension = 9,
    /// Who asked did not prove who it is.
    AuthenticationRejected = 10,
    /// The disk is full, or nearly.
    StorageSpace = 11,
    /// There is no such replication.
    UnknownReplication = 12,
    /// Who asked may not do that.
    UnauthorisedAction = 13,
    /// The archive to replicate from can't be reached.
    ReplicationConnectionFailure = 14,
    /// There is nothing in the recording to replay.
    EmptyRecording = 15,
    /// A position that is outside the recording, or no frame's.
    InvalidPosition = 16,
}

impl ErrorCode {
    /// Every code, in order.
    pub const ALL: [Self; 17] = [
        Self::Generic,
        Self::ActiveListing,
        Self::ActiveRecording,
        Self::ActiveSubscription,
        Self::UnknownSubscription,
        Self::UnknownRecording,
        Self::UnknownReplay,
        Self::MaxReplays,
        Self::MaxRecordings,
        Self::InvalidExtension,
        Self::AuthenticationRejected,
        Self::StorageSpace,
        Self::UnknownReplication,
        Self::UnauthorisedAction,
        Self::ReplicationConnectionFailure,
        Self::EmptyRecording,
        Self::InvalidPosition,
    ];

    /// The code of a relevant id; `None` for one that this version does not know.
    pub fn of(relevant_id: i64) -> Option<Self> {
        let known = Self::ALL;
        let code = usize::try_from(relevant_id).ok()?;
        known.get(code).copied()
    }

    /// The relevant id.
    pub const fn relevant_id(self) -> i64 {
        self as i64
    }

    /// Aeron's name of the code.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "GENERIC",
            Self::ActiveListing => "ACTIVE_LISTING",
            Self::ActiveRecording => "ACTIVE_RECORDING",
            Self::ActiveSubscription => "ACTIVE_SUBSCRIPTION",
            Self::UnknownSubscription => "UNKNOWN_SUBSCRIPTION",
            Self::UnknownRecording => "UNKNOWN_RECORDING",
            Self::UnknownReplay => "UNKNOWN_REPLAY",
            Self::MaxReplays => "MAX_REPLAYS",
            Self::MaxRecordings => "MAX_RECORDINGS",
            Self::InvalidExtension => "INVALID_EXTENSION",
            Self::AuthenticationRejected => "AUTHENTICATION_REJECTED",
            Self::StorageSpace => "STORAGE_SPACE",
            Self::UnknownReplication => "UNKNOWN_REPLICATION",
            Self::UnauthorisedAction => "UNAUTHORISED_ACTION",
            Self::ReplicationConnectionFailure => "REPLICATION_CONNECTION_FAILURE",
            Self::EmptyRecording => "EMPTY_RECORDING",
            Self::InvalidPosition => "INVALID_POSITION",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 06 §4
    #[test]
    fn codes_and_relevant_ids_go_there_and_back() {
        for (id, code) in (0..).zip(ErrorCode::ALL) {
            assert_eq!(code.relevant_id(), id);
            assert_eq!(ErrorCode::of(id), Some(code));
        }
        assert_eq!(ErrorCode::of(17), None);
        assert_eq!(ErrorCode::of(-1), None);
        assert_eq!(ErrorCode::StorageSpace.name(), "STORAGE_SPACE");
    }
}
