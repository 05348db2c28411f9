//! A control session: requests out, everything the archive says in (06 §8).

use taranis_runtime::sbe::Message;
use taranis_transport::{
    client::{Aeron, ExclusivePublication, Refused, Subscription},
    log::Action,
};

use super::error::ArchiveError;
use crate::codecs::{
    ControlResponseCode, RecordingSignal,
    catalog::RecordingDescriptor,
    control::CloseSessionRequest,
    response::{ControlReply, RecordingSignalEvent},
};

/// Messages taken in one poll.
const FRAGMENT_LIMIT: usize = 10;
/// Offers of one request before its caller is told.
const OFFERS: usize = 3;

/// A connected control session. Nothing in it waits.
///
/// # Threading
/// Belongs to one agent or application thread.
#[derive(Debug)]
pub struct Session {
    publication: ExclusivePublication,
    subscription: Subscription,
    aeron: Aeron,
    buffer: Vec<u8>,
    pub(super) control_session_id: i64,
    archive_id: Option<i64>,
}

/// Something the archive said to this session.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming<'a> {
    /// The answer to a request.
    Response(Response),
    /// One recording of a listing.
    Descriptor(Descriptor<'a>),
    /// Something happened to a recording.
    Signal(Signal),
    /// The archive wants credentials.
    Challenged,
}

/// A recording as the archive describes it (06 §2.4).
pub type Descriptor<'a> = RecordingDescriptor<'a>;

/// A recording signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Of the request that started what happened.
    pub correlation_id: i64,
    /// The recording.
    pub recording_id: i64,
    /// The recording's subscription in the archive.
    pub subscription_id: i64,
    /// Where in the recording.
    pub position: i64,
    /// What.
    pub signal: RecordingSignal,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The session that answers.
    pub control_session_id: i64,
    /// Of the request.
    pub correlation_id: i64,
    /// What it means depends on the request and the code (06 §5.5).
    pub relevant_id: i64,
    /// Whether it went well.
    pub code: ControlResponseCode,
    /// Why not.
    pub message: String,
}

impl Response {
    /// The relevant id of a good answer.
    ///
    /// # Errors
    /// [`ArchiveError::Refused`] for any other.
    pub fn into_result(self) -> Result<i64, ArchiveError> {
        match self.code {
            ControlResponseCode::Ok => Ok(self.relevant_id),
            ControlResponseCode::Error
            | ControlResponseCode::RecordingUnknown
            | ControlResponseCode::SubscriptionUnknown => Err(ArchiveError::Refused {
                correlation_id: self.correlation_id,
                code: self.relevant_id,
                message: self.message,
            }),
        }
    }
}

impl Session {
    pub(super) fn new(
        publication: ExclusivePublication,
        subscription: Subscription,
        aeron: Aeron,
    ) -> Self {
        let buffer = vec![0; publication.max_message_length()];
        Self {
            publication,
            subscription,
            aeron,
            buffer,
            control_session_id: -1,
            archive_id: None,
        }
    }

    /// Id of the archive; −1 for one too old to have one.
    pub fn archive_id(&self) -> i64 {
        self.archive_id.unwrap_or(-1)
    }

    /// Id of the session in the archive.
    pub fn control_session_id(&self) -> i64 {
        self.control_session_id
    }

    /// Whether both ways are open.
    pub fn is_connected(&mut self) -> bool {
        self.subscription.is_connected() && self.publication.is_connected()
    }

    /// Takes what the archive said to this session; gives the number of messages. Signals and answers come in order.
    ///
    /// # Errors
    /// [`ArchiveError::Malformed`]; the message is skipped.
    pub fn poll(&mut self, mut handler: impl FnMut(Incoming<'_>)) -> Result<usize, ArchiveError> {
        self.poll_any(|incoming, _| handler(incoming))
    }

    /// A new correlation id of the driver's.
    pub fn next_correlation_id(&self) -> i64 {
        self.aeron.next_correlation_id()
    }

    /// Ends the session. A message that can't be sent any more is not missed: the archive notices.
    pub fn close(mut self) {
        let request = CloseSessionRequest {
            control_session_id: self.control_session_id,
        };
        let _ = self.offer("close request", &request);
    }

    pub(super) fn is_ready(&self) -> bool {
        self.archive_id.is_some()
    }

    pub(super) fn set_ready(&mut self, archive_id: i64) {
        self.archive_id = Some(archive_id);
    }

    pub(super) fn is_request_connected(&self) -> bool {
        self.publication.is_connected()
    }

    pub(super) fn resolved_response_channel(&self) -> Option<String> {
        self.subscription.try_resolve_channel_endpoint_port()
    }

    /// Sends a request: a few offers, no waiting.
    pub(super) fn offer(
        &mut self,
        what: &'static str,
        request: &impl Message,
    ) -> Result<(), ArchiveError> {
        let limit = self.buffer.len();
        let length = request
            .encode(&mut self.buffer)
            .map_err(|_| ArchiveError::TooLong {
                what,
                length: request.encoded_len(),
                limit,
            })?;
        let mut refused = Refused::AdminAction;
        for _ in 0..OFFERS {
            match self.publication.offer(&self.buffer[..length]) {
                Ok(_) => return Ok(()),
                Err(cause) if cause.is_temporary() => refused = cause,
                Err(cause) => return Err(ArchiveError::Send { what, cause }),
            }
        }
        Err(ArchiveError::Send {
            what,
            cause: refused,
        })
    }

    /// As [`Self::poll`], also before the session's id is known, and with the archive's protocol version.
    pub(super) fn poll_any(
        &mut self,
        mut handler: impl FnMut(Incoming<'_>, i32),
    ) -> Result<usize, ArchiveError> {
        let mine = self.control_session_id;
        let mut malformed = None;
        let polled = self
            .subscription
            .controlled_poll(FRAGMENT_LIMIT, |message| {
                match ControlReply::decode(message.payload) {
                    Ok(reply) => dispatch(reply, mine, &mut handler),
                    Err(error) => malformed = Some(error),
                }
                Action::Continue
            });
        match malformed {
            Some(error) => Err(error.into()),
            None => Ok(polled),
        }
    }
}

fn dispatch(reply: ControlReply<'_>, mine: i64, handler: &mut impl FnMut(Incoming<'_>, i32)) {
    let is_mine = |control_session_id: i64| mine == -1 || control_session_id == mine;
    match reply {
        ControlReply::ControlResponse(response) if is_mine(response.control_session_id) => {
            let incoming = Response {
                control_session_id: response.control_session_id,
                correlation_id: response.correlation_id,
                relevant_id: response.relevant_id,
                code: response.code,
                message: response.error_message.to_owned(),
            };
            handler(Incoming::Response(incoming), response.version);
        }
        ControlReply::RecordingDescriptor(descriptor) if is_mine(descriptor.control_session_id) => {
            handler(Incoming::Descriptor(descriptor), 0);
        }
        ControlReply::RecordingSignalEvent(event) if is_mine(event.control_session_id) => {
            handler(Incoming::Signal(signal(event)), 0);
        }
        ControlReply::Challenge(challenge) if is_mine(challenge.control_session_id) => {
            handler(Incoming::Challenged, 0);
        }
        // Pings, what belongs to another session, and what a newer archive may say.
        ControlReply::ControlResponse(_)
        | ControlReply::RecordingDescriptor(_)
        | ControlReply::RecordingSubscriptionDescriptor(_)
        | ControlReply::RecordingSignalEvent(_)
        | ControlReply::Challenge(_)
        | ControlReply::Ping(_)
        | ControlReply::Unknown(_) => {}
    }
}

fn signal(event: RecordingSignalEvent) -> Signal {
    Signal {
        correlation_id: event.correlation_id,
        recording_id: event.recording_id,
        subscription_id: event.subscription_id,
        position: event.position,
        signal: event.signal,
    }
}
