//! Commands between the driver's agents: enums by value through bounded channels, one per direction.
//!
//! A full queue is never waited for. The conductor takes a client command only when each queue has room for
//! [`FAN_OUT_MAX`] more commands, the worst that one client command or one event can cause; sender and receiver keep what they
//! can't hand over and try again in their next turn.

use std::{collections::VecDeque, net::SocketAddr};

use crossbeam_channel::{Receiver, Sender};
use taranis_runtime::{
    io::SocketToken,
    mem::{Region, Word64},
};

use super::{image_state::ReceiverImageState, stream_state::SenderState};

/// Commands that one queue holds.
pub(crate) const QUEUE_CAPACITY: usize = 1024;
/// Commands to one agent that a single client command, or a single event, can cause at most.
pub(crate) const FAN_OUT_MAX: usize = 64;

/// A send endpoint: a socket of the sender's, with the publications on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SendEndpointId(pub(crate) i64);

/// A receive endpoint: a dispatcher of the receiver's, with one socket per destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReceiveEndpointId(pub(crate) i64);

/// Conductor to sender.
#[derive(Debug)]
pub(crate) enum ToSender {
    AddEndpoint(Box<SendEndpointSeed>),
    /// Answered by [`FromSender::EndpointClosed`], when its port is free.
    RemoveEndpoint(SendEndpointId),
    AddPublication(Box<SenderSeed>),
    /// Answered by [`FromSender::PublicationReleased`], when nothing of its log is in flight.
    RemovePublication {
        registration_id: i64,
    },
    AddDestination {
        endpoint: SendEndpointId,
        destination: Box<SendDestination>,
    },
    RemoveDestination {
        endpoint: SendEndpointId,
        address: SocketAddr,
    },
    RemoveDestinationById {
        endpoint: SendEndpointId,
        registration_id: i64,
    },
}

/// Sender to conductor.
#[derive(Debug)]
pub(crate) enum FromSender {
    EndpointClosed(SendEndpointId),
    PublicationReleased {
        registration_id: i64,
    },
    /// A receiver rejected a publication's image.
    PublicationError(Box<PublicationError>),
    /// For the error log.
    Problem(Box<str>),
}

/// What the sender needs for an endpoint.
#[derive(Debug)]
pub(crate) struct SendEndpointSeed {
    pub(crate) id: SendEndpointId,
    pub(crate) socket: SocketToken,
    pub(crate) target: SendTarget,
    /// Multicast, or several destinations: SETUPs say so.
    pub(crate) group: bool,
    /// `mdc-num-dest`, for several destinations.
    pub(crate) destination_count: Option<Word64>,
}

/// Where an endpoint's datagrams go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SendTarget {
    /// To one address; on a connected socket the system knows it.
    One {
        address: SocketAddr,
        connected: bool,
    },
    /// To the destinations that clients add.
    Manual,
    /// To whoever sends status messages.
    Dynamic,
}

/// A destination of a publication with `control-mode=manual`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SendDestination {
    pub(crate) registration_id: i64,
    /// `None` while its name does not resolve.
    pub(crate) address: Option<SocketAddr>,
}

/// The sender's half of a network publication, on its way.
#[derive(Debug)]
pub(crate) struct SenderSeed {
    pub(crate) endpoint: SendEndpointId,
    pub(crate) registration_id: i64,
    pub(crate) session_id: i32,
    pub(crate) stream_id: i32,
    pub(crate) log: Region,
    pub(crate) state: SenderState,
    pub(crate) counters: SenderCounters,
    pub(crate) settings: SenderSettings,
}

/// Counters that the sender's half writes; `snd-pos` holds the position to start at.
#[derive(Debug)]
pub(crate) struct SenderCounters {
    pub(crate) position: Word64,
    pub(crate) limit: Word64,
    pub(crate) back_pressure: Word64,
    pub(crate) naks_received: Word64,
    /// `fc-receivers`, where the strategy counts them.
    pub(crate) receivers: Option<Word64>,
}

/// Settings of a network publication, checked by the conductor. (Lengths, MTU and term ids stand in the log's metadata.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SenderSettings {
    pub(crate) flow_control: FlowControlSettings,
    /// Initial window assumed of a receiver, in bytes.
    pub(crate) initial_window: i32,
    /// SETUP's time to live.
    pub(crate) ttl: u8,
    pub(crate) signal_eos: bool,
    pub(crate) spies_simulate_connection: bool,
    /// After how long without a status message a receiver counts as gone.
    pub(crate) connection_timeout_ns: i64,
    pub(crate) retransmit_delay_ns: i64,
    pub(crate) retransmit_linger_ns: i64,
    /// Retransmissions that may be under way.
    pub(crate) max_resend: usize,
}

/// How the sender's limit follows its receivers (03 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FlowControlSettings {
    Unicast,
    Max,
    Min(GroupSettings),
    Tagged { group: GroupSettings, tag: i64 },
}

/// Settings of flow control that waits for the slowest receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupSettings {
    pub(crate) receiver_timeout_ns: i64,
    /// Receivers without which the publication is not connected.
    pub(crate) group_min_size: i32,
}

/// An ERR frame that a publication got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicationError {
    pub(crate) registration_id: i64,
    /// −1 when no destination matches.
    pub(crate) destination_registration_id: i64,
    pub(crate) session_id: i32,
    pub(crate) stream_id: i32,
    pub(crate) receiver_id: i64,
    /// −1 without one.
    pub(crate) group_tag: i64,
    pub(crate) source: SocketAddr,
    pub(crate) error_code: i32,
    pub(crate) message: Box<str>,
}

/// Conductor to receiver.
#[derive(Debug)]
pub(crate) enum ToReceiver {
    AddEndpoint(Box<ReceiveEndpointSeed>),
    /// Answered by [`FromReceiver::EndpointClosed`], when its ports are free.
    RemoveEndpoint(ReceiveEndpointId),
    AddDestination {
        endpoint: ReceiveEndpointId,
        destination: Box<ReceiveDestination>,
    },
    /// Answered by [`FromReceiver::DestinationClosed`].
    RemoveDestination {
        endpoint: ReceiveEndpointId,
        destination: i64,
    },
    /// Interest in a stream: all sessions, or one.
    AddInterest {
        endpoint: ReceiveEndpointId,
        stream_id: i32,
        session_id: Option<i32>,
    },
    RemoveInterest {
        endpoint: ReceiveEndpointId,
        stream_id: i32,
        session_id: Option<i32>,
    },
    AddImage(Box<ReceiverSeed>),
    /// Answered by [`FromReceiver::ImageReleased`].
    RemoveImage {
        correlation_id: i64,
    },
    /// Drops the state of a session that keeps it from being set up (03 §4.2).
    Forget {
        endpoint: ReceiveEndpointId,
        stream_id: i32,
        session_id: i32,
        what: Forgotten,
    },
    /// From now on the image's packets are dropped and its senders told (03 §4.10).
    RejectImage {
        correlation_id: i64,
        reason: Box<str>,
    },
}

/// Which state [`ToReceiver::Forget`] drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgotten {
    InitInProgress,
    CoolDown,
}

/// Receiver to conductor.
#[derive(Debug)]
pub(crate) enum FromReceiver {
    /// A SETUP of a session that somebody wants.
    CreateImage(Box<ImageRequest>),
    ImageReleased {
        correlation_id: i64,
    },
    EndpointClosed(ReceiveEndpointId),
    DestinationClosed {
        endpoint: ReceiveEndpointId,
        destination: i64,
    },
    /// For the error log.
    Problem(Box<str>),
}

/// What the receiver needs for an endpoint.
#[derive(Debug)]
pub(crate) struct ReceiveEndpointSeed {
    pub(crate) id: ReceiveEndpointId,
    /// Unique per endpoint; never 0.
    pub(crate) receiver_id: i64,
    /// Tells groups of receivers apart (`gtag`).
    pub(crate) group_tag: Option<i64>,
    /// Its first destination; `None` with `control-mode=manual`.
    pub(crate) destination: Option<ReceiveDestination>,
}

/// A socket to receive on.
#[derive(Debug)]
pub(crate) struct ReceiveDestination {
    /// Registration id of the command that made it.
    pub(crate) registration_id: i64,
    pub(crate) socket: SocketToken,
    /// Where status messages go, when not back to the source: `control`, or the group's control address.
    pub(crate) control: Option<ReceiveControl>,
    /// Time to live of a multicast destination, 0 if not set.
    pub(crate) ttl: u8,
}

/// Where a destination's status messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReceiveControl {
    /// The control address of a multicast group.
    Group(SocketAddr),
    /// An explicit `control` address, to which this receiver announces itself periodically.
    Explicit(SocketAddr),
}

/// What a SETUP said, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageRequest {
    pub(crate) endpoint: ReceiveEndpointId,
    pub(crate) destination: i64,
    pub(crate) session_id: i32,
    pub(crate) stream_id: i32,
    pub(crate) initial_term_id: i32,
    pub(crate) active_term_id: i32,
    pub(crate) term_offset: i32,
    pub(crate) term_length: i32,
    pub(crate) mtu: i32,
    /// The sender has a group of receivers.
    pub(crate) group: bool,
    /// Where status messages go.
    pub(crate) control: SocketAddr,
    pub(crate) source: SocketAddr,
}

/// The receiver's half of an image, on its way.
#[derive(Debug)]
pub(crate) struct ReceiverSeed {
    pub(crate) endpoint: ReceiveEndpointId,
    pub(crate) correlation_id: i64,
    pub(crate) session_id: i32,
    pub(crate) stream_id: i32,
    pub(crate) log: Region,
    pub(crate) state: ReceiverImageState,
    /// `rcv-hwm`; holds the join position.
    pub(crate) high_water_mark: Word64,
    /// `rcv-naks-sent`.
    pub(crate) naks_sent: Word64,
    /// The first source.
    pub(crate) destination: i64,
    pub(crate) control: SocketAddr,
    pub(crate) settings: ReceiverSettings,
}

/// Settings of an image, checked by the conductor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReceiverSettings {
    pub(crate) reliable: bool,
    pub(crate) initial_window: i32,
    pub(crate) max_window: i32,
    pub(crate) status_message_timeout_ns: i64,
    pub(crate) liveness_timeout_ns: i64,
}

/// One end of the queues between the conductor and a network agent.
#[derive(Debug)]
pub(crate) struct Queues<In, Out> {
    pub(crate) inbox: Receiver<In>,
    pub(crate) outbox: Outbox<Out>,
}

/// The sending end of a queue. What the queue has no room for waits here, so order is kept and nobody waits.
#[derive(Debug)]
pub(crate) struct Outbox<T> {
    queue: Sender<T>,
    waiting: VecDeque<T>,
}

impl<T> Outbox<T> {
    fn new(queue: Sender<T>) -> Self {
        Self {
            queue,
            waiting: VecDeque::new(),
        }
    }

    /// Hands something over now, if it is its turn.
    pub(crate) fn send(&mut self, item: T) {
        self.push(item);
        self.flush();
    }

    /// Keeps something for the next [`flush`](Self::flush).
    pub(crate) fn push(&mut self, item: T) {
        self.waiting.push_back(item);
    }

    pub(crate) fn flush(&mut self) {
        while let Some(item) = self.waiting.pop_front() {
            if let Err(refused) = self.queue.try_send(item) {
                self.waiting.push_front(refused.into_inner());
                return;
            }
        }
    }

    /// Whether the queue takes all that one command or event can cause.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.is_empty() && self.queue.len() + FAN_OUT_MAX <= QUEUE_CAPACITY
    }
}

/// Both ends of the queues between the conductor (left) and a network agent (right).
pub(crate) fn queues<To, From>() -> (Queues<From, To>, Queues<To, From>) {
    let (to, inbox) = crossbeam_channel::bounded(QUEUE_CAPACITY);
    let (outbox, from) = crossbeam_channel::bounded(QUEUE_CAPACITY);
    (
        Queues {
            inbox: from,
            outbox: Outbox::new(to),
        },
        Queues {
            inbox,
            outbox: Outbox::new(outbox),
        },
    )
}
