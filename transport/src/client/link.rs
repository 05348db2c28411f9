//! The handles' way to their conductor: a bounded queue of requests, and the driver's counter of ids.

use std::{fmt, sync::Arc};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use taranis_runtime::mem::counters::CountersReader;

use super::{
    counter::{Counter, CounterListener},
    error::ClientError,
    exclusive::ExclusivePublication,
    image::ImageHandlers,
    lifeline::{Outstanding, Signals},
    pending::{Pending, Reply},
    publication::Publication,
    subscription::Subscription,
};
use crate::{
    cnc::Cnc,
    command::{CommandBody, commands::NULL_ID},
};

/// Requests that wait for the conductor's next turn.
const REQUESTS_MAX: usize = 256;

/// What every handle of a client holds.
pub(super) struct Link {
    pub(super) client_id: i64,
    pub(super) cnc: Cnc,
    pub(super) counters: CountersReader,
    pub(super) signals: Signals,
    requests: Sender<Request>,
}

impl Link {
    pub(super) fn new(
        client_id: i64,
        cnc: Cnc,
        counters: CountersReader,
    ) -> (Arc<Self>, Receiver<Request>) {
        let (requests, receiver) = bounded(REQUESTS_MAX);
        let link = Self {
            client_id,
            cnc,
            counters,
            signals: Signals::new(),
            requests,
        };
        (Arc::new(link), receiver)
    }

    /// Asks for something that is answered; the answer's id is taken from the driver's counter.
    pub(super) fn ask<T>(
        &self,
        ask: impl FnOnce(Reply<T>) -> Ask,
    ) -> Result<Pending<T>, ClientError> {
        let correlation_id = self.cnc.next_correlation_id();
        let (reply, pending) = Pending::new(correlation_id);
        self.send(correlation_id, ask(reply))?;
        Ok(pending)
    }

    /// Tells the conductor something that no driver answers.
    pub(super) fn tell(&self, ask: Ask) -> Result<(), ClientError> {
        self.send(NULL_ID, ask)
    }

    fn send(&self, correlation_id: i64, ask: Ask) -> Result<(), ClientError> {
        if self.signals.is_closed() {
            return Err(ClientError::Closed);
        }
        let outstanding = Outstanding::begin(&self.signals);
        let request = Request {
            correlation_id,
            ask,
            _outstanding: outstanding,
        };
        self.requests
            .try_send(request)
            .map_err(|error| match error {
                TrySendError::Full(_) => ClientError::Busy {
                    capacity: REQUESTS_MAX,
                },
                TrySendError::Disconnected(_) => ClientError::Closed,
            })
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link(client {})", self.client_id)
    }
}

/// One request to the conductor; later, the record of what its answer is for.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) correlation_id: i64,
    pub(super) ask: Ask,
    pub(super) _outstanding: Outstanding,
}

/// A stream by its channel and id.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) channel: Arc<str>,
    pub(super) stream_id: i32,
}

/// What is asked of the conductor.
pub(super) enum Ask {
    AddPublication {
        stream: Stream,
        reply: Reply<Publication>,
    },
    AddExclusivePublication {
        stream: Stream,
        reply: Reply<ExclusivePublication>,
    },
    AddSubscription {
        stream: Stream,
        handlers: ImageHandlers,
        reply: Reply<Subscription>,
    },
    AddCounter {
        spec: CounterSpec,
        reply: Reply<Counter>,
    },
    AddStaticCounter {
        registration_id: i64,
        spec: CounterSpec,
        reply: Reply<Counter>,
    },
    ChangeDestination {
        change: DestinationChange,
        registration_id: i64,
        reply: Reply<()>,
    },
    RejectImage {
        image_correlation_id: i64,
        position: i64,
        reason: String,
        reply: Reply<()>,
    },
    NextSessionId {
        stream_id: i32,
        reply: Reply<i32>,
    },
    RemovePublication {
        registration_id: i64,
        revoke: bool,
    },
    RemoveSubscription {
        registration_id: i64,
    },
    RemoveCounter {
        registration_id: i64,
    },
    AddCounterListener {
        id: i64,
        listener: CounterListener,
    },
    RemoveCounterListener {
        id: i64,
    },
}

/// What a new counter is to look like.
#[derive(Debug)]
pub(super) struct CounterSpec {
    pub(super) type_id: i32,
    pub(super) key: Vec<u8>,
    pub(super) label: String,
}

/// A change of the destinations of a publication or subscription.
#[derive(Clone, Debug)]
pub(super) enum DestinationChange {
    AddToPublication(String),
    RemoveFromPublication(String),
    RemoveFromPublicationById(i64),
    AddToSubscription(String),
    RemoveFromSubscription(String),
}

impl Ask {
    /// The driver's command for it, if it has one.
    pub(super) fn command(&self) -> Option<CommandBody<'_>> {
        Some(match self {
            Self::AddPublication { stream, .. } => CommandBody::AddPublication {
                stream_id: stream.stream_id,
                channel: &stream.channel,
            },
            Self::AddExclusivePublication { stream, .. } => CommandBody::AddExclusivePublication {
                stream_id: stream.stream_id,
                channel: &stream.channel,
            },
            Self::AddSubscription { stream, .. } => CommandBody::AddSubscription {
                stream_id: stream.stream_id,
                channel: &stream.channel,
            },
            Self::AddCounter { spec, .. } => CommandBody::AddCounter {
                type_id: spec.type_id,
                key: &spec.key,
                label: spec.label.as_bytes(),
            },
            Self::AddStaticCounter {
                registration_id,
                spec,
                ..
            } => CommandBody::AddStaticCounter {
                registration_id: *registration_id,
                type_id: spec.type_id,
                key: &spec.key,
                label: spec.label.as_bytes(),
            },
            Self::ChangeDestination {
                change,
                registration_id,
                ..
            } => change.command(*registration_id),
            Self::RejectImage {
                image_correlation_id,
                position,
                reason,
                ..
            } => CommandBody::RejectImage {
                image_correlation_id: *image_correlation_id,
                position: *position,
                reason: reason.as_bytes(),
            },
            Self::NextSessionId { stream_id, .. } => CommandBody::GetNextAvailableSessionId {
                stream_id: *stream_id,
            },
            Self::RemovePublication {
                registration_id,
                revoke,
            } => CommandBody::RemovePublication {
                registration_id: *registration_id,
                revoke: *revoke,
            },
            Self::RemoveSubscription { registration_id } => CommandBody::RemoveSubscription {
                registration_id: *registration_id,
            },
            Self::RemoveCounter { registration_id } => CommandBody::RemoveCounter {
                registration_id: *registration_id,
            },
            Self::AddCounterListener { .. } | Self::RemoveCounterListener { .. } => return None,
        })
    }

    /// Answers with a failure, where somebody waits for an answer.
    pub(super) fn fail(self, error: ClientError) {
        match self {
            Self::AddPublication { reply, .. } => reply.fail(error),
            Self::AddExclusivePublication { reply, .. } => reply.fail(error),
            Self::AddSubscription { reply, .. } => reply.fail(error),
            Self::AddCounter { reply, .. } | Self::AddStaticCounter { reply, .. } => {
                reply.fail(error)
            }
            Self::ChangeDestination { reply, .. } | Self::RejectImage { reply, .. } => {
                reply.fail(error)
            }
            Self::NextSessionId { reply, .. } => reply.fail(error),
            // A handle that is gone already: nothing can be done, and nobody asks.
            Self::RemovePublication { .. }
            | Self::RemoveSubscription { .. }
            | Self::RemoveCounter { .. }
            | Self::AddCounterListener { .. }
            | Self::RemoveCounterListener { .. } => {}
        }
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.command() {
            Some(command) => command.fmt(f),
            None => f.write_str("change of counter listeners"),
        }
    }
}

impl DestinationChange {
    fn command(&self, registration_id: i64) -> CommandBody<'_> {
        match self {
            Self::AddToPublication(channel) => CommandBody::AddDestination {
                registration_id,
                channel,
            },
            Self::RemoveFromPublication(channel) => CommandBody::RemoveDestination {
                registration_id,
                channel,
            },
            Self::RemoveFromPublicationById(destination_id) => CommandBody::RemoveDestinationById {
                registration_id,
                destination_id: *destination_id,
            },
            Self::AddToSubscription(channel) => CommandBody::AddRcvDestination {
                registration_id,
                channel,
            },
            Self::RemoveFromSubscription(channel) => CommandBody::RemoveRcvDestination {
                registration_id,
                channel,
            },
        }
    }
}

/// Channels go to the driver as ASCII.
pub(super) fn checked_channel(channel: &str) -> Result<(), ClientError> {
    if channel.is_ascii() && !channel.is_empty() {
        return Ok(());
    }
    Err(ClientError::InvalidArgument {
        what: "channel",
        value: channel.to_owned(),
        rule: "ASCII text, and not empty",
    })
}
