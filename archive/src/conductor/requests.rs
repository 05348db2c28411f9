//! Control requests: which verb each is (06 §2.1, §5.5).

use taranis_transport::{
    client::{ClientError, Subscription},
    log::Action,
    uri::{ChannelUri, UriError},
};

use super::{core::Core, list::Listing, record::Extend, replay::ReplayAsk};
use crate::{
    catalog::RefusedEdit,
    codecs::{ControlRequest, SourceLocation},
    control::{ControlSession, channel},
    error::ErrorCode,
};

/// Requests taken from one control stream in one turn.
const REQUESTS_PER_TURN: usize = 10;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) words: String,
}

/// Who asked: control session and correlation id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) session_id: i64,
    pub(super) correlation_id: i64,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, words: impl Into<String>) -> Self {
        Self {
            code,
            words: words.into(),
        }
    }

    pub(super) fn generic(words: impl ToString) -> Self {
        Self::new(ErrorCode::Generic, words.to_string())
    }

    pub(super) fn unknown(recording_id: i64) -> Self {
        Self::new(
            ErrorCode::UnknownRecording,
            format!("unknown recording id: {recording_id}"),
        )
    }
}

impl From<UriError> for Refusal {
    fn from(error: UriError) -> Self {
        Self::generic(error)
    }
}

impl From<RefusedEdit> for Refusal {
    fn from(error: RefusedEdit) -> Self {
        Self::generic(error)
    }
}

impl From<ClientError> for Refusal {
    fn from(error: ClientError) -> Self {
        Self::generic(error)
    }
}

impl Core {
    /// Takes requests from all control streams.
    pub(super) fn take_requests(&mut self) -> usize {
        let mut taken = 0;
        let mut control = std::mem::take(&mut self.control);
        for subscription in &mut control {
            taken += self.take_from(subscription);
        }
        self.control = control;
        self.end_orphaned_sessions();
        taken
    }

    fn take_from(&mut self, subscription: &mut Subscription) -> usize {
        let mut taken = 0;
        for image in subscription.images() {
            let image_id = image.info().correlation_id();
            taken += image.controlled_poll(REQUESTS_PER_TURN, |message| {
                match ControlRequest::decode(message.payload) {
                    Ok(request) => self.on_request(&request, image_id),
                    Err(error) => tracing::warn!("control request refused: {error}"),
                }
                Action::Continue
            });
        }
        taken
    }

    /// Sessions whose request image is gone end.
    fn end_orphaned_sessions(&mut self) {
        let Self {
            control, sessions, ..
        } = self;
        sessions.for_each_mut(|_, session| {
            let is_live = control.iter_mut().any(|subscription| {
                let mut images = subscription.images().iter();
                images.any(|image| image.info().correlation_id() == session.request_image_id)
            });
            if !is_live {
                session.close();
            }
        });
    }

    fn on_request(&mut self, request: &ControlRequest<'_>, image_id: i64) {
        match request {
            ControlRequest::AuthConnectRequest(connect) => {
                let stream = (connect.response_channel, connect.response_stream_id);
                self.connect(connect.correlation_id, connect.version, stream, image_id);
            }
            ControlRequest::ConnectRequest(connect) => {
                let stream = (connect.response_channel, connect.response_stream_id);
                self.connect(connect.correlation_id, connect.version, stream, image_id);
            }
            ControlRequest::CloseSessionRequest(close) => {
                if let Some(session) = self.session(close.control_session_id) {
                    session.close();
                }
            }
            request => self.on_session_request(request),
        }
    }

    fn connect(
        &mut self,
        correlation_id: i64,
        version: i32,
        (channel, stream_id): (&str, i32),
        image_id: i64,
    ) {
        let settings = &self.settings;
        let made = ChannelUri::parse(channel)
            .and_then(|uri| {
                let (term, mtu) = (
                    settings.control_term_buffer_length.0,
                    settings.control_mtu_length.0,
                );
                channel::response(&uri, term, mtu, true)
            })
            .map_err(|error| error.to_string())
            .and_then(|uri| {
                let added = self
                    .aeron
                    .async_add_exclusive_publication(&uri.to_string(), stream_id);
                added.map_err(|error| error.to_string())
            });
        match made {
            Ok(publication) => {
                let id = self.take_session_id();
                let times = (self.now.mono_ns, self.settings.connect_timeout.0);
                let session = ControlSession::new(
                    (id, image_id),
                    correlation_id,
                    version,
                    publication,
                    times,
                );
                self.sessions.insert(id, session);
            }
            Err(problem) => tracing::warn!("connect request refused: {problem}"),
        }
    }

    pub(super) fn take_session_id(&mut self) -> i64 {
        self.next_session_id = (self.next_session_id + 1) & i64::from(i32::MAX);
        self.next_session_id
    }

    /// Any other request: of a session that is known, or dropped.
    fn on_session_request(&mut self, request: &ControlRequest<'_>) {
        let Some(asked) = asked(request) else { return };
        let Some(session) = self.session(asked.session_id) else {
            tracing::warn!(
                "control request for unknown session: controlSessionId={}",
                asked.session_id
            );
            return;
        };
        if !session.activate() {
            return;
        }
        if let Err(refusal) = self.execute(asked, request) {
            self.refuse(asked, &refusal);
        }
    }

    fn execute(&mut self, asked: Asked, request: &ControlRequest<'_>) -> Result<(), Refusal> {
        match request {
            ControlRequest::StartRecordingRequest(one) => self.start_recording(
                asked,
                (one.channel, one.stream_id),
                one.source_location,
                false,
            ),
            ControlRequest::StartRecordingRequest2(one) => self.start_recording(
                asked,
                (one.channel, one.stream_id),
                one.source_location,
                one.auto_stop,
            ),
            ControlRequest::ExtendRecordingRequest(one) => {
                let extend = Extend {
                    recording_id: one.recording_id,
                    auto_stop: false,
                };
                self.extend_recording(
                    asked,
                    (one.channel, one.stream_id),
                    one.source_location,
                    extend,
                )
            }
            ControlRequest::ExtendRecordingRequest2(one) => {
                let extend = Extend {
                    recording_id: one.recording_id,
                    auto_stop: one.auto_stop,
                };
                self.extend_recording(
                    asked,
                    (one.channel, one.stream_id),
                    one.source_location,
                    extend,
                )
            }
            ControlRequest::StopRecordingRequest(one) => {
                self.stop_recording(asked, one.channel, one.stream_id)
            }
            ControlRequest::StopRecordingSubscriptionRequest(one) => {
                self.stop_recording_subscription(asked, one.subscription_id)
            }
            ControlRequest::StopRecordingByIdentityRequest(one) => {
                self.stop_recording_by_identity(asked, one.recording_id)
            }
            ControlRequest::ReplayRequest(one) => self.replay(asked, &ReplayAsk::of(one)),
            ControlRequest::BoundedReplayRequest(one) => {
                self.replay(asked, &ReplayAsk::of_bounded(one))
            }
            ControlRequest::StopReplayRequest(one) => {
                self.stop_replays(asked, |replay| replay.id == one.replay_session_id)
            }
            ControlRequest::StopAllReplaysRequest(one) => self.stop_replays(asked, |replay| {
                one.recording_id == -1 || replay.recording_id == one.recording_id
            }),
            ControlRequest::ListRecordingsRequest(one) => {
                let count = one.record_count;
                self.list(asked, Listing::all(asked, one.from_recording_id, count))
            }
            ControlRequest::ListRecordingsForUriRequest(one) => {
                let filter = (one.stream_id, one.channel.as_bytes().to_vec());
                self.list(
                    asked,
                    Listing::matching(asked, (one.from_recording_id, one.record_count), filter),
                )
            }
            ControlRequest::ListRecordingRequest(one) => self.list_one(asked, one.recording_id),
            ControlRequest::FindLastMatchingRecordingRequest(one) => {
                let key = (one.session_id, one.stream_id);
                self.find_last_matching(asked, one.min_recording_id, key, one.channel)
            }
            ControlRequest::StartPositionRequest(one) => {
                self.start_position(asked, one.recording_id)
            }
            ControlRequest::StopPositionRequest(one) => self.stop_position(asked, one.recording_id),
            ControlRequest::RecordingPositionRequest(one) => {
                self.recording_position(asked, one.recording_id)
            }
            ControlRequest::MaxRecordedPositionRequest(one) => {
                self.max_recorded_position(asked, one.recording_id)
            }
            ControlRequest::ArchiveIdRequest(_) => {
                let id = self.archive_id;
                self.ok(asked, id);
                Ok(())
            }
            ControlRequest::KeepAliveRequest(_) => Ok(()),
            ControlRequest::Unknown(_) => Ok(()),
            other => self.maintain(asked, other),
        }
    }

    /// Requests that change recordings which are there.
    fn maintain(&mut self, asked: Asked, request: &ControlRequest<'_>) -> Result<(), Refusal> {
        match request {
            ControlRequest::TruncateRecordingRequest(one) => {
                self.truncate(asked, one.recording_id, one.position)
            }
            ControlRequest::PurgeRecordingRequest(one) => self.purge(asked, one.recording_id),
            ControlRequest::DetachSegmentsRequest(one) => {
                self.detach_segments(asked, one.recording_id, one.new_start_position)
            }
            ControlRequest::PurgeSegmentsRequest(one) => {
                self.purge_segments(asked, one.recording_id, one.new_start_position)
            }
            ControlRequest::DeleteDetachedSegmentsRequest(one) => {
                self.delete_detached_segments(asked, one.recording_id)
            }
            ControlRequest::AttachSegmentsRequest(one) => {
                self.attach_segments(asked, one.recording_id)
            }
            ControlRequest::UpdateChannelRequest(one) => {
                self.update_channel(asked, one.recording_id, one.channel)
            }
            other => {
                let words = format!("not supported yet: {}", other.name());
                Err(Refusal::generic(words))
            }
        }
    }

    pub(super) fn refuse(&mut self, asked: Asked, refusal: &Refusal) {
        if let Some(session) = self.session(asked.session_id) {
            session.error(asked.correlation_id, refusal.code, &refusal.words);
        }
    }

    pub(super) fn ok(&mut self, asked: Asked, relevant_id: i64) {
        if let Some(session) = self.session(asked.session_id) {
            session.ok(asked.correlation_id, relevant_id);
        }
    }
}

/// Whether a source is on the archive's own driver.
pub(super) fn is_local(location: SourceLocation) -> bool {
    location == SourceLocation::Local
}

macro_rules! asked_of {
    ($request:expr; $($variant:ident),* $(,)?) => {
        match $request {
            $(ControlRequest::$variant(one) => {
                Some(Asked { session_id: one.control_session_id, correlation_id: one.correlation_id })
            })*
            ControlRequest::ConnectRequest(_)
            | ControlRequest::AuthConnectRequest(_)
            | ControlRequest::CloseSessionRequest(_)
            | ControlRequest::Unknown(_) => None,
        }
    };
}

fn asked(request: &ControlRequest<'_>) -> Option<Asked> {
    asked_of!(
        request;
        StartRecordingRequest, StopRecordingRequest, ReplayRequest, StopReplayRequest, ListRecordingsRequest,
        ListRecordingsForUriRequest, ListRecordingRequest, ExtendRecordingRequest, RecordingPositionRequest,
        TruncateRecordingRequest, StopRecordingSubscriptionRequest, StopPositionRequest,
        FindLastMatchingRecordingRequest, ListRecordingSubscriptionsRequest, BoundedReplayRequest,
        StopAllReplaysRequest, ReplicateRequest, StopReplicationRequest, StartPositionRequest, DetachSegmentsRequest,
        DeleteDetachedSegmentsRequest, PurgeSegmentsRequest, AttachSegmentsRequest, MigrateSegmentsRequest,
        ChallengeResponse, KeepAliveRequest, TaggedReplicateRequest, StartRecordingRequest2,
        ExtendRecordingRequest2, StopRecordingByIdentityRequest, ReplicateRequest2, MaxRecordedPositionRequest,
        ArchiveIdRequest, PurgeRecordingRequest, ReplayTokenRequest, UpdateChannelRequest,
    )
}
