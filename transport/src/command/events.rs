//! Events: what the driver tells its clients, through the to-clients broadcast (spec 02 §6.3).
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]

use std::{
    ffi::OsStr,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use super::{
    codes::{ErrorCode, EventCode},
    wire::{BufferTooShort, Fields, Malformed, Writer, aligned4},
};

/// Smallest ON_PUBLICATION_ERROR that C clients accept.
const PUBLICATION_ERROR_MIN: usize = 72;

/// An event of the driver. Every client gets all of them; the ids say whom they concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the fields are the protocol's own, told apart by the spec's tables"
)]
pub enum Event<'a> {
    /// A command was refused; with [`ErrorCode::ChannelEndpointError`] the id is a channel status counter's.
    Error {
        correlation_id: i64,
        code: ErrorCode,
        text: &'a [u8],
    },
    /// A subscription has one more image.
    AvailableImage(AvailableImage<'a>),
    /// A publication is there.
    PublicationReady(PublicationReady<'a>),
    /// An exclusive publication is there.
    ExclusivePublicationReady(PublicationReady<'a>),
    /// A command that creates nothing was done.
    OperationSuccess { correlation_id: i64 },
    /// A subscription has one image less.
    UnavailableImage {
        image_correlation_id: i64,
        subscription_id: i64,
        stream_id: i32,
        channel: &'a [u8],
    },
    /// A subscription is there; its images follow.
    SubscriptionReady {
        correlation_id: i64,
        channel_status_id: i32,
    },
    /// A counter is there; its registration id is the correlation id (a client's heartbeat counter: the client id).
    CounterReady {
        correlation_id: i64,
        counter_id: i32,
    },
    /// A counter is about to be freed.
    UnavailableCounter {
        registration_id: i64,
        counter_id: i32,
    },
    /// A client was not heard of for too long.
    ClientTimeout { client_id: i64 },
    /// A static counter is there.
    StaticCounter {
        correlation_id: i64,
        counter_id: i32,
    },
    /// A receiver sent an error about a publication.
    PublicationError(PublicationError<'a>),
    /// A session id free on the stream that was asked for.
    NextAvailableSessionId {
        correlation_id: i64,
        session_id: i32,
    },
}

/// A new image of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvailableImage<'a> {
    /// Id of the image; for IPC and spies the registration id of the publication.
    pub correlation_id: i64,
    /// Session of the stream.
    pub session_id: i32,
    /// Stream.
    pub stream_id: i32,
    /// Registration id of the subscription.
    pub subscription_id: i64,
    /// Counter of the subscriber's position.
    pub subscriber_position_id: i32,
    /// Path of the log buffer.
    pub log_file: &'a [u8],
    /// `ip:port` of the sender, or `aeron:ipc`.
    pub source_identity: &'a [u8],
}

/// A publication that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicationReady<'a> {
    /// Of the command; this client's registration id.
    pub correlation_id: i64,
    /// Registration id of the first add of this publication.
    pub registration_id: i64,
    /// Session of the stream.
    pub session_id: i32,
    /// Stream.
    pub stream_id: i32,
    /// Counter of the publisher's limit.
    pub limit_counter_id: i32,
    /// Counter of the channel's status; −1 for IPC.
    pub channel_status_id: i32,
    /// Path of the log buffer.
    pub log_file: &'a [u8],
}

/// An error that a receiver sent about a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicationError<'a> {
    /// Original registration id of the publication.
    pub registration_id: i64,
    /// Registration id of the destination, if it was added by hand.
    pub destination_id: Option<i64>,
    /// Session of the stream.
    pub session_id: i32,
    /// Stream.
    pub stream_id: i32,
    /// The receiver; −1 for IPC.
    pub receiver_id: i64,
    /// Group tag of the receiver; Java writes whatever the frame's field holds.
    pub group_tag: Option<i64>,
    /// Where the error came from, when known.
    pub source: Option<SocketAddr>,
    /// Why.
    pub code: ErrorCode,
    /// Why, in the receiver's words.
    pub text: &'a [u8],
}

impl<'a> Event<'a> {
    /// Reads a record of the broadcast; `None` for an event this version doesn't know, which is to be ignored. Bytes
    /// after the last field are ignored.
    ///
    /// # Errors
    /// [`Malformed`] when the message is too short for its fixed part or for a length it carries.
    pub fn decode(type_id: i32, message: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let Some(code) = EventCode::from_wire(type_id) else {
            return Ok(None);
        };
        let fields = &mut Fields::new(message);
        Ok(Some(match code {
            EventCode::Error => Self::Error {
                correlation_id: fields.i64("offending correlation id")?,
                code: ErrorCode::from_wire(fields.i32("error code")?),
                text: fields.bytes("error text")?,
            },
            EventCode::AvailableImage => Self::AvailableImage(AvailableImage::decode(fields)?),
            EventCode::PublicationReady => {
                Self::PublicationReady(PublicationReady::decode(fields)?)
            }
            EventCode::ExclusivePublicationReady => {
                Self::ExclusivePublicationReady(PublicationReady::decode(fields)?)
            }
            EventCode::OperationSuccess => Self::OperationSuccess {
                correlation_id: fields.i64("correlation id")?,
            },
            EventCode::UnavailableImage => Self::UnavailableImage {
                image_correlation_id: fields.i64("image correlation id")?,
                subscription_id: fields.i64("subscription registration id")?,
                stream_id: fields.i32("stream id")?,
                channel: fields.bytes("channel")?,
            },
            EventCode::SubscriptionReady => Self::SubscriptionReady {
                correlation_id: fields.i64("correlation id")?,
                channel_status_id: fields.i32("channel status counter id")?,
            },
            EventCode::CounterReady => Self::CounterReady {
                correlation_id: fields.i64("correlation id")?,
                counter_id: fields.i32("counter id")?,
            },
            EventCode::UnavailableCounter => Self::UnavailableCounter {
                registration_id: fields.i64("registration id")?,
                counter_id: fields.i32("counter id")?,
            },
            EventCode::ClientTimeout => Self::ClientTimeout {
                client_id: fields.i64("client id")?,
            },
            EventCode::StaticCounter => Self::StaticCounter {
                correlation_id: fields.i64("correlation id")?,
                counter_id: fields.i32("counter id")?,
            },
            EventCode::PublicationError => {
                Self::PublicationError(PublicationError::decode(fields)?)
            }
            EventCode::NextAvailableSessionId => Self::NextAvailableSessionId {
                correlation_id: fields.i64("correlation id")?,
                session_id: fields.i32("session id")?,
            },
        }))
    }

    /// The type id of the record.
    pub const fn code(&self) -> EventCode {
        match self {
            Self::Error { .. } => EventCode::Error,
            Self::AvailableImage(_) => EventCode::AvailableImage,
            Self::PublicationReady(_) => EventCode::PublicationReady,
            Self::ExclusivePublicationReady(_) => EventCode::ExclusivePublicationReady,
            Self::OperationSuccess { .. } => EventCode::OperationSuccess,
            Self::UnavailableImage { .. } => EventCode::UnavailableImage,
            Self::SubscriptionReady { .. } => EventCode::SubscriptionReady,
            Self::CounterReady { .. } => EventCode::CounterReady,
            Self::UnavailableCounter { .. } => EventCode::UnavailableCounter,
            Self::ClientTimeout { .. } => EventCode::ClientTimeout,
            Self::StaticCounter { .. } => EventCode::StaticCounter,
            Self::PublicationError(_) => EventCode::PublicationError,
            Self::NextAvailableSessionId { .. } => EventCode::NextAvailableSessionId,
        }
    }

    /// Length in bytes of what [`Self::encode`] writes.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Error { text, .. } => sum(16, text.len()),
            Self::AvailableImage(image) => sum(
                sum(36, aligned4(image.log_file.len())),
                image.source_identity.len(),
            ),
            Self::PublicationReady(ready) | Self::ExclusivePublicationReady(ready) => {
                sum(36, ready.log_file.len())
            }
            Self::OperationSuccess { .. } | Self::ClientTimeout { .. } => 8,
            Self::UnavailableImage { channel, .. } => sum(24, channel.len()),
            Self::SubscriptionReady { .. }
            | Self::CounterReady { .. }
            | Self::UnavailableCounter { .. }
            | Self::StaticCounter { .. }
            | Self::NextAvailableSessionId { .. } => 12,
            Self::PublicationError(error) => sum(68, error.text.len()).max(PUBLICATION_ERROR_MIN),
        }
    }

    /// Writes the message at the start of `into` and returns its length.
    ///
    /// # Errors
    /// [`BufferTooShort`] when `into` is shorter than [`Self::encoded_len`].
    pub fn encode(&self, into: &mut [u8]) -> Result<usize, BufferTooShort> {
        let len = self.encoded_len();
        let writer = Writer::new(into, len)?;
        let _written = match *self {
            Self::Error {
                correlation_id,
                code,
                text,
            } => writer.i64(correlation_id).i32(code.to_wire()).bytes(text),
            Self::AvailableImage(image) => image.encode(writer),
            Self::PublicationReady(ready) | Self::ExclusivePublicationReady(ready) => {
                ready.encode(writer)
            }
            Self::OperationSuccess { correlation_id } => writer.i64(correlation_id),
            Self::UnavailableImage {
                image_correlation_id,
                subscription_id,
                stream_id,
                channel,
            } => writer
                .i64(image_correlation_id)
                .i64(subscription_id)
                .i32(stream_id)
                .bytes(channel),
            Self::SubscriptionReady {
                correlation_id: id,
                channel_status_id: other,
            }
            | Self::CounterReady {
                correlation_id: id,
                counter_id: other,
            }
            | Self::UnavailableCounter {
                registration_id: id,
                counter_id: other,
            }
            | Self::StaticCounter {
                correlation_id: id,
                counter_id: other,
            }
            | Self::NextAvailableSessionId {
                correlation_id: id,
                session_id: other,
            } => writer.i64(id).i32(other),
            Self::ClientTimeout { client_id } => writer.i64(client_id),
            Self::PublicationError(error) => error.encode(writer),
        };
        Ok(len)
    }
}

impl<'a> AvailableImage<'a> {
    /// The path of the log buffer.
    pub fn log_path(&self) -> &'a Path {
        Path::new(OsStr::from_bytes(self.log_file))
    }

    fn decode(fields: &mut Fields<'a>) -> Result<Self, Malformed> {
        let correlation_id = fields.i64("image correlation id")?;
        let session_id = fields.i32("session id")?;
        let stream_id = fields.i32("stream id")?;
        let subscription_id = fields.i64("subscription registration id")?;
        let subscriber_position_id = fields.i32("subscriber position counter id")?;
        let log_file = fields.bytes("log file name")?;
        fields.align4();
        Ok(Self {
            correlation_id,
            session_id,
            stream_id,
            subscription_id,
            subscriber_position_id,
            log_file,
            source_identity: fields.bytes("source identity")?,
        })
    }

    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        writer
            .i64(self.correlation_id)
            .i32(self.session_id)
            .i32(self.stream_id)
            .i64(self.subscription_id)
            .i32(self.subscriber_position_id)
            .bytes(self.log_file)
            .align4()
            .bytes(self.source_identity)
    }
}

impl<'a> PublicationReady<'a> {
    /// The path of the log buffer.
    pub fn log_path(&self) -> &'a Path {
        Path::new(OsStr::from_bytes(self.log_file))
    }

    fn decode(fields: &mut Fields<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            correlation_id: fields.i64("correlation id")?,
            registration_id: fields.i64("registration id")?,
            session_id: fields.i32("session id")?,
            stream_id: fields.i32("stream id")?,
            limit_counter_id: fields.i32("publication limit counter id")?,
            channel_status_id: fields.i32("channel status counter id")?,
            log_file: fields.bytes("log file name")?,
        })
    }

    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        writer
            .i64(self.correlation_id)
            .i64(self.registration_id)
            .i32(self.session_id)
            .i32(self.stream_id)
            .i32(self.limit_counter_id)
            .i32(self.channel_status_id)
            .bytes(self.log_file)
    }
}

impl<'a> PublicationError<'a> {
    fn decode(fields: &mut Fields<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            registration_id: fields.i64("publication registration id")?,
            destination_id: some_id(fields.i64("destination registration id")?),
            session_id: fields.i32("session id")?,
            stream_id: fields.i32("stream id")?,
            receiver_id: fields.i64("receiver id")?,
            group_tag: some_id(fields.i64("group tag")?),
            source: address(
                fields.i16("address type")?,
                fields.u16("port")?,
                fields.array("address")?,
            ),
            code: ErrorCode::from_wire(fields.i32("error code")?),
            text: fields.bytes("error text")?,
        })
    }

    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        let (address_type, port, address) = match self.source {
            None => (0, 0, [0; 16]),
            Some(SocketAddr::V4(source)) => {
                let [a, b, c, d] = source.ip().octets();
                let octets = [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                (1, source.port(), octets)
            }
            Some(SocketAddr::V6(source)) => (2, source.port(), source.ip().octets()),
        };
        writer
            .i64(self.registration_id)
            .i64(self.destination_id.unwrap_or(-1))
            .i32(self.session_id)
            .i32(self.stream_id)
            .i64(self.receiver_id)
            .i64(self.group_tag.unwrap_or(-1))
            .i16(address_type)
            .u16(port)
            .raw(&address)
            .i32(self.code.to_wire())
            .bytes(self.text)
    }
}

/// −1 stands for "none" in both places that use it.
const fn some_id(id: i64) -> Option<i64> {
    if id == -1 { None } else { Some(id) }
}

fn address(address_type: i16, port: u16, octets: [u8; 16]) -> Option<SocketAddr> {
    let [a, b, c, d, ..] = octets;
    let address = match address_type {
        1 => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        2 => IpAddr::V6(Ipv6Addr::from(octets)),
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

/// Lengths of slices that exist together: their sum can't overflow in practice, and saturates if it did.
const fn sum(fixed: usize, variable: usize) -> usize {
    fixed.saturating_add(variable)
}
