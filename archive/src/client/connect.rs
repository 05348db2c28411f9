//! Connecting to an archive, polled (06 §7).

use taranis_runtime::clock::Now;
use taranis_transport::{
    client::{Aeron, ExclusivePublication, ImageHandlers, Pending, Subscription},
    uri::{ChannelUri, keys},
};

use super::{
    context::ArchiveContext,
    error::ArchiveError,
    session::{Incoming, Response, Session},
};
use crate::codecs::{
    PROTOCOL_VERSION,
    control::{ArchiveIdRequest, AuthConnectRequest},
};

/// Server version from which an archive tells its id, 1.11.0.
const ARCHIVE_ID_VERSION: i32 = 1 << 16 | 11 << 8;

/// An archive client that is connecting. Poll it once per turn.
#[derive(Debug)]
pub struct Connect {
    context: ArchiveContext,
    deadline_ns: i64,
    step: Step,
}

#[derive(Debug)]
enum Step {
    SessionId(Pending<i32>),
    AddSubscription(Channels),
    Subscription {
        channels: Channels,
        pending: Pending<Subscription>,
    },
    AddPublication {
        channels: Channels,
        subscription: Subscription,
    },
    Publication {
        channels: Channels,
        subscription: Subscription,
        pending: Pending<ExclusivePublication>,
    },
    Request(Box<Session>),
    Response {
        session: Box<Session>,
        correlation_id: i64,
    },
    AskArchiveId(Box<Session>),
    ArchiveId {
        session: Box<Session>,
        correlation_id: i64,
    },
    /// Only while a step is being taken.
    Taken,
}

#[derive(Clone, Debug)]
struct Channels {
    request: String,
    response: String,
}

impl Connect {
    /// Begins to connect.
    ///
    /// # Errors
    /// When the Aeron client is closed, or a channel can't be parsed.
    pub fn new(context: ArchiveContext, aeron: &Aeron, now: Now) -> Result<Self, ArchiveError> {
        ChannelUri::parse(&context.control_channel)?;
        ChannelUri::parse(&context.control_response_channel)?;
        let pending = aeron.async_next_session_id(context.control_stream_id)?;
        let deadline_ns = now.mono_ns.saturating_add(context.message_timeout.0);
        Ok(Self {
            context,
            deadline_ns,
            step: Step::SessionId(pending),
        })
    }

    /// One step further, if there is one; gives the session at the end. Call it no more after that, or after an error.
    ///
    /// # Errors
    /// [`ArchiveError::Timeout`] past the message timeout, [`ArchiveError::Refused`] when the archive refuses.
    pub fn poll(&mut self, aeron: &Aeron, now: Now) -> Result<Option<Session>, ArchiveError> {
        let step = std::mem::replace(&mut self.step, Step::Taken);
        let waiting_for = step.waiting_for();
        let next = self.advance(step, aeron)?;
        if let Step::ArchiveId { session, .. } | Step::Response { session, .. } = &next
            && session.is_ready()
        {
            let (Step::ArchiveId { session, .. } | Step::Response { session, .. }) = next else {
                return Err(ArchiveError::Disconnected);
            };
            return Ok(Some(*session));
        }
        self.step = next;
        if now.mono_ns > self.deadline_ns {
            let timeout_ms = self.context.message_timeout.0 / 1_000_000;
            return Err(ArchiveError::Timeout {
                waiting_for,
                timeout_ms,
            });
        }
        Ok(None)
    }

    fn advance(&self, step: Step, aeron: &Aeron) -> Result<Step, ArchiveError> {
        Ok(match step {
            Step::SessionId(mut pending) => match pending.poll()? {
                Some(session_id) => Step::AddSubscription(self.channels(session_id)?),
                None => Step::SessionId(pending),
            },
            Step::AddSubscription(channels) => {
                let stream_id = self.context.control_response_stream_id;
                let pending = aeron.async_add_subscription(
                    &channels.response,
                    stream_id,
                    ImageHandlers::default(),
                )?;
                Step::Subscription { channels, pending }
            }
            Step::Subscription {
                channels,
                mut pending,
            } => match pending.poll() {
                Ok(Some(subscription)) => Step::AddPublication {
                    channels,
                    subscription,
                },
                Ok(None) => Step::Subscription { channels, pending },
                Err(error) if error.is_temporary() => Step::AddSubscription(channels),
                Err(error) => return Err(error.into()),
            },
            Step::AddPublication {
                channels,
                subscription,
            } => {
                let stream_id = self.context.control_stream_id;
                let pending =
                    aeron.async_add_exclusive_publication(&channels.request, stream_id)?;
                Step::Publication {
                    channels,
                    subscription,
                    pending,
                }
            }
            Step::Publication {
                channels,
                subscription,
                mut pending,
            } => match pending.poll() {
                Ok(Some(publication)) => Step::Request(Box::new(Session::new(
                    publication,
                    subscription,
                    aeron.clone(),
                ))),
                Ok(None) => Step::Publication {
                    channels,
                    subscription,
                    pending,
                },
                Err(error) if error.is_temporary() => Step::AddPublication {
                    channels,
                    subscription,
                },
                Err(error) => return Err(error.into()),
            },
            Step::Request(session) => self.request(session)?,
            Step::Response {
                session,
                correlation_id,
            } => await_response(session, correlation_id)?,
            Step::AskArchiveId(session) => ask_archive_id(session)?,
            Step::ArchiveId {
                session,
                correlation_id,
            } => await_archive_id(session, correlation_id)?,
            Step::Taken => return Err(ArchiveError::Disconnected),
        })
    }

    /// Both channels with the session id the driver gave, and the control streams' settings where they say nothing.
    fn channels(&self, session_id: i32) -> Result<Channels, ArchiveError> {
        let context = &self.context;
        let complete = |channel: &str| -> Result<String, ArchiveError> {
            let mut uri = ChannelUri::parse(channel)?;
            let settings = [
                (
                    keys::TERM_LENGTH,
                    context.control_term_buffer_length.0.to_string(),
                ),
                (keys::MTU, context.control_mtu_length.0.to_string()),
                (keys::SPARSE, context.control_term_buffer_sparse.to_string()),
            ];
            for (key, value) in settings {
                if !uri.contains(key) {
                    uri.put(key, &value)?;
                }
            }
            uri.set_session_id(session_id)?;
            Ok(uri.to_string())
        };
        Ok(Channels {
            request: complete(&context.control_channel)?,
            response: complete(&context.control_response_channel)?,
        })
    }

    fn request(&self, mut session: Box<Session>) -> Result<Step, ArchiveError> {
        let Some(response_channel) = session.resolved_response_channel() else {
            return Ok(Step::Request(session));
        };
        if !session.is_request_connected() {
            return Ok(Step::Request(session));
        }
        let correlation_id = session.next_correlation_id();
        let client_info = format!(
            "name={} version={}",
            self.context.client_name,
            env!("CARGO_PKG_VERSION")
        );
        let request = AuthConnectRequest {
            correlation_id,
            response_stream_id: self.context.control_response_stream_id,
            version: PROTOCOL_VERSION,
            response_channel: &response_channel,
            encoded_credentials: &[],
            client_info: &client_info,
        };
        match session.offer("connect request", &request) {
            Ok(()) => Ok(Step::Response {
                session,
                correlation_id,
            }),
            Err(ArchiveError::Send { .. }) => Ok(Step::Request(session)),
            Err(error) => Err(error),
        }
    }
}

impl Step {
    fn waiting_for(&self) -> &'static str {
        match self {
            Self::SessionId(_) => "asking the driver for a session id",
            Self::AddSubscription(_) | Self::Subscription { .. } => {
                "adding the response subscription"
            }
            Self::AddPublication { .. } | Self::Publication { .. } => {
                "adding the request publication"
            }
            Self::Request(_) => "waiting for the archive to listen",
            Self::Response { .. } => "waiting for the connect response",
            Self::AskArchiveId(_) | Self::ArchiveId { .. } => "waiting for the archive id",
            Self::Taken => "failing",
        }
    }
}

fn await_response(mut session: Box<Session>, correlation_id: i64) -> Result<Step, ArchiveError> {
    let Some((response, version)) = session.take_response(correlation_id)? else {
        return Ok(Step::Response {
            session,
            correlation_id,
        });
    };
    session.control_session_id = response.control_session_id;
    response.into_result()?;
    if version < ARCHIVE_ID_VERSION {
        session.set_ready(-1);
        return Ok(Step::Response {
            session,
            correlation_id,
        });
    }
    Ok(Step::AskArchiveId(session))
}

fn ask_archive_id(mut session: Box<Session>) -> Result<Step, ArchiveError> {
    let correlation_id = session.next_correlation_id();
    let request = ArchiveIdRequest {
        control_session_id: session.control_session_id,
        correlation_id,
    };
    match session.offer("archive id request", &request) {
        Ok(()) => Ok(Step::ArchiveId {
            session,
            correlation_id,
        }),
        Err(ArchiveError::Send { .. }) => Ok(Step::AskArchiveId(session)),
        Err(error) => Err(error),
    }
}

fn await_archive_id(mut session: Box<Session>, correlation_id: i64) -> Result<Step, ArchiveError> {
    if let Some((response, _)) = session.take_response(correlation_id)? {
        let archive_id = response.into_result()?;
        session.set_ready(archive_id);
    }
    Ok(Step::ArchiveId {
        session,
        correlation_id,
    })
}

impl Session {
    /// The response to one request, with the archive's protocol version, if it came in; everything else is skipped.
    fn take_response(
        &mut self,
        correlation_id: i64,
    ) -> Result<Option<(Response, i32)>, ArchiveError> {
        let mut found = None;
        let mut is_challenged = false;
        self.poll_any(|incoming, version| match incoming {
            Incoming::Response(response) if response.correlation_id == correlation_id => {
                found = Some((response, version));
            }
            Incoming::Challenged => is_challenged = true,
            Incoming::Response(_) | Incoming::Descriptor(_) | Incoming::Signal(_) => {}
        })?;
        if is_challenged {
            return Err(ArchiveError::Challenged);
        }
        Ok(found)
    }
}
