//! Commands: what clients ask of the driver, through the to-driver ring (spec 02 §6.2).
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]

use super::{
    codes::CommandCode,
    wire::{BufferTooShort, Fields, Malformed, Writer, aligned4},
};

/// The id that commands carry which nobody answers.
pub const NULL_ID: i64 = -1;

/// Bit of REMOVE_PUBLICATION's flags: drop what was not sent yet.
const REVOKE: i64 = 1;

/// Smallest REJECT_IMAGE that C drivers accept.
const REJECT_IMAGE_MIN: usize = 40;

/// A command of a client.
///
/// The correlation id of a command that creates something becomes that thing's registration id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// Who asks; C clients leave 0 here in REJECT_IMAGE.
    pub client_id: i64,
    /// Names the answer; [`NULL_ID`] where none comes.
    pub correlation_id: i64,
    /// What is asked.
    pub body: CommandBody<'a>,
}

/// What a command asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are the protocol's own, told apart by the spec's tables"
)]
pub enum CommandBody<'a> {
    /// A publication that may be shared. Answer: publication ready.
    AddPublication { stream_id: i32, channel: &'a str },
    /// A publication of one writer. Answer: exclusive publication ready.
    AddExclusivePublication { stream_id: i32, channel: &'a str },
    /// Give a publication back; `revoke` drops its unsent rest.
    RemovePublication { registration_id: i64, revoke: bool },
    /// A subscription. Answer: subscription ready, then its images.
    AddSubscription { stream_id: i32, channel: &'a str },
    /// Give a subscription back.
    RemoveSubscription { registration_id: i64 },
    /// The client lives. No current client sends it: the heartbeat counter says so.
    ClientKeepalive,
    /// The client goes. No answer.
    ClientClose,
    /// One more destination of a publication; `registration_id` is its original one.
    AddDestination {
        registration_id: i64,
        channel: &'a str,
    },
    /// One destination of a publication less.
    RemoveDestination {
        registration_id: i64,
        channel: &'a str,
    },
    /// One destination of a publication less, by the correlation id of its addition.
    RemoveDestinationById {
        registration_id: i64,
        destination_id: i64,
    },
    /// One more destination of a subscription.
    AddRcvDestination {
        registration_id: i64,
        channel: &'a str,
    },
    /// One destination of a subscription less.
    RemoveRcvDestination {
        registration_id: i64,
        channel: &'a str,
    },
    /// A counter that lives as long as its client.
    AddCounter {
        type_id: i32,
        key: &'a [u8],
        label: &'a [u8],
    },
    /// A counter that outlives its client, by type and registration id.
    AddStaticCounter {
        registration_id: i64,
        type_id: i32,
        key: &'a [u8],
        label: &'a [u8],
    },
    /// Give a counter back.
    RemoveCounter { registration_id: i64 },
    /// End the driver, if its validator accepts the token. No answer.
    TerminateDriver { token: &'a [u8] },
    /// Refuse what an image brings.
    RejectImage {
        image_correlation_id: i64,
        position: i64,
        reason: &'a [u8],
    },
    /// A session id free on that stream.
    GetNextAvailableSessionId { stream_id: i32 },
}

/// Why a record of the ring is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandRefused {
    /// No command has that type id.
    #[error("command={type_id} unknown")]
    UnknownTypeId {
        /// The id in the record's header.
        type_id: i32,
        /// For the answer, when the message is long enough for one.
        correlation_id: Option<i64>,
    },
    /// Too short for its fixed part or for a length it carries.
    #[error("command={} too short: length={}: {malformed}", code.to_wire(), malformed.len)]
    Malformed {
        /// Which command.
        code: CommandCode,
        /// For the answer, when the message is long enough for one.
        correlation_id: Option<i64>,
        /// What did not fit.
        malformed: Malformed,
    },
}

impl<'a> Command<'a> {
    /// Reads a record of the to-driver ring. Bytes after the last field are ignored.
    ///
    /// # Errors
    /// [`CommandRefused`], with the correlation id to answer when it could be read.
    pub fn decode(type_id: i32, message: &'a [u8]) -> Result<Self, CommandRefused> {
        let Some(code) = CommandCode::from_wire(type_id) else {
            return Err(CommandRefused::UnknownTypeId {
                type_id,
                correlation_id: correlation_id(message),
            });
        };
        Self::decode_as(code, message).map_err(|malformed| CommandRefused::Malformed {
            code,
            correlation_id: correlation_id(message),
            malformed,
        })
    }

    fn decode_as(code: CommandCode, message: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new(message);
        Ok(Self {
            client_id: fields.i64("client id")?,
            correlation_id: fields.i64("correlation id")?,
            body: CommandBody::decode(code, &mut fields)?,
        })
    }

    /// Length in bytes of what [`Self::encode`] writes.
    pub fn encoded_len(&self) -> usize {
        self.body.encoded_len()
    }

    /// Writes the message at the start of `into` (a claimed record) and returns its length.
    ///
    /// # Errors
    /// [`BufferTooShort`] when `into` is shorter than [`Self::encoded_len`].
    pub fn encode(&self, into: &mut [u8]) -> Result<usize, BufferTooShort> {
        let len = self.encoded_len();
        let writer = Writer::new(into, len)?
            .i64(self.client_id)
            .i64(self.correlation_id);
        self.body.encode(writer);
        Ok(len)
    }
}

impl<'a> CommandBody<'a> {
    /// The type id of the record.
    pub const fn code(&self) -> CommandCode {
        match self {
            Self::AddPublication { .. } => CommandCode::AddPublication,
            Self::AddExclusivePublication { .. } => CommandCode::AddExclusivePublication,
            Self::RemovePublication { .. } => CommandCode::RemovePublication,
            Self::AddSubscription { .. } => CommandCode::AddSubscription,
            Self::RemoveSubscription { .. } => CommandCode::RemoveSubscription,
            Self::ClientKeepalive => CommandCode::ClientKeepalive,
            Self::ClientClose => CommandCode::ClientClose,
            Self::AddDestination { .. } => CommandCode::AddDestination,
            Self::RemoveDestination { .. } => CommandCode::RemoveDestination,
            Self::RemoveDestinationById { .. } => CommandCode::RemoveDestinationById,
            Self::AddRcvDestination { .. } => CommandCode::AddRcvDestination,
            Self::RemoveRcvDestination { .. } => CommandCode::RemoveRcvDestination,
            Self::AddCounter { .. } => CommandCode::AddCounter,
            Self::AddStaticCounter { .. } => CommandCode::AddStaticCounter,
            Self::RemoveCounter { .. } => CommandCode::RemoveCounter,
            Self::TerminateDriver { .. } => CommandCode::TerminateDriver,
            Self::RejectImage { .. } => CommandCode::RejectImage,
            Self::GetNextAvailableSessionId { .. } => CommandCode::GetNextAvailableSessionId,
        }
    }

    fn decode(code: CommandCode, fields: &mut Fields<'a>) -> Result<Self, Malformed> {
        Ok(match code {
            CommandCode::AddPublication => {
                let (stream_id, channel) = stream(fields)?;
                Self::AddPublication { stream_id, channel }
            }
            CommandCode::AddExclusivePublication => {
                let (stream_id, channel) = stream(fields)?;
                Self::AddExclusivePublication { stream_id, channel }
            }
            CommandCode::RemovePublication => remove_publication(fields)?,
            CommandCode::AddSubscription => {
                fields.i64("registration correlation id")?;
                let (stream_id, channel) = stream(fields)?;
                Self::AddSubscription { stream_id, channel }
            }
            CommandCode::RemoveSubscription => Self::RemoveSubscription {
                registration_id: registration_id(fields)?,
            },
            CommandCode::ClientKeepalive => Self::ClientKeepalive,
            CommandCode::ClientClose => Self::ClientClose,
            CommandCode::AddDestination => {
                let (registration_id, channel) = destination(fields)?;
                Self::AddDestination {
                    registration_id,
                    channel,
                }
            }
            CommandCode::RemoveDestination => {
                let (registration_id, channel) = destination(fields)?;
                Self::RemoveDestination {
                    registration_id,
                    channel,
                }
            }
            CommandCode::RemoveDestinationById => Self::RemoveDestinationById {
                registration_id: registration_id(fields)?,
                destination_id: fields.i64("destination registration id")?,
            },
            CommandCode::AddRcvDestination => {
                let (registration_id, channel) = destination(fields)?;
                Self::AddRcvDestination {
                    registration_id,
                    channel,
                }
            }
            CommandCode::RemoveRcvDestination => {
                let (registration_id, channel) = destination(fields)?;
                Self::RemoveRcvDestination {
                    registration_id,
                    channel,
                }
            }
            CommandCode::AddCounter => {
                let (type_id, key, label) = counter(fields)?;
                Self::AddCounter {
                    type_id,
                    key,
                    label,
                }
            }
            CommandCode::AddStaticCounter => {
                let registration_id = registration_id(fields)?;
                let (type_id, key, label) = counter(fields)?;
                Self::AddStaticCounter {
                    registration_id,
                    type_id,
                    key,
                    label,
                }
            }
            CommandCode::RemoveCounter => Self::RemoveCounter {
                registration_id: registration_id(fields)?,
            },
            CommandCode::TerminateDriver => Self::TerminateDriver {
                token: fields.bytes("token")?,
            },
            CommandCode::RejectImage => Self::RejectImage {
                image_correlation_id: fields.i64("image correlation id")?,
                position: fields.i64("position")?,
                reason: fields.bytes("reason")?,
            },
            CommandCode::GetNextAvailableSessionId => Self::GetNextAvailableSessionId {
                stream_id: fields.i32("stream id")?,
            },
        })
    }

    fn encoded_len(&self) -> usize {
        match self {
            Self::AddPublication { channel, .. }
            | Self::AddExclusivePublication { channel, .. } => sum(24, channel.len()),
            Self::AddSubscription { channel, .. } => sum(32, channel.len()),
            Self::RemovePublication { .. } | Self::RemoveDestinationById { .. } => 32,
            Self::RemoveSubscription { .. } | Self::RemoveCounter { .. } => 24,
            Self::ClientKeepalive | Self::ClientClose => 16,
            Self::AddDestination { channel, .. }
            | Self::RemoveDestination { channel, .. }
            | Self::AddRcvDestination { channel, .. }
            | Self::RemoveRcvDestination { channel, .. } => sum(28, channel.len()),
            Self::AddCounter { key, label, .. } => sum(sum(28, aligned4(key.len())), label.len()),
            Self::AddStaticCounter { key, label, .. } => {
                sum(sum(36, aligned4(key.len())), label.len())
            }
            Self::TerminateDriver { token } => sum(20, token.len()),
            Self::RejectImage { reason, .. } => sum(36, reason.len()).max(REJECT_IMAGE_MIN),
            Self::GetNextAvailableSessionId { .. } => 20,
        }
    }

    fn encode(&self, writer: Writer<'_>) {
        let _written = match *self {
            Self::AddPublication { stream_id, channel }
            | Self::AddExclusivePublication { stream_id, channel } => {
                writer.i32(stream_id).bytes(channel.as_bytes())
            }
            Self::RemovePublication {
                registration_id,
                revoke,
            } => writer
                .i64(registration_id)
                .i64(if revoke { REVOKE } else { 0 }),
            Self::AddSubscription { stream_id, channel } => {
                writer.i64(NULL_ID).i32(stream_id).bytes(channel.as_bytes())
            }
            Self::RemoveSubscription { registration_id }
            | Self::RemoveCounter { registration_id } => writer.i64(registration_id),
            Self::ClientKeepalive | Self::ClientClose => writer,
            Self::AddDestination {
                registration_id,
                channel,
            }
            | Self::RemoveDestination {
                registration_id,
                channel,
            }
            | Self::AddRcvDestination {
                registration_id,
                channel,
            }
            | Self::RemoveRcvDestination {
                registration_id,
                channel,
            } => writer.i64(registration_id).bytes(channel.as_bytes()),
            Self::RemoveDestinationById {
                registration_id,
                destination_id,
            } => writer.i64(registration_id).i64(destination_id),
            Self::AddCounter {
                type_id,
                key,
                label,
            } => writer.i32(type_id).bytes(key).align4().bytes(label),
            Self::AddStaticCounter {
                registration_id,
                type_id,
                key,
                label,
            } => writer
                .i64(registration_id)
                .i32(type_id)
                .bytes(key)
                .align4()
                .bytes(label),
            Self::TerminateDriver { token } => writer.bytes(token),
            Self::RejectImage {
                image_correlation_id,
                position,
                reason,
            } => writer.i64(image_correlation_id).i64(position).bytes(reason),
            Self::GetNextAvailableSessionId { stream_id } => writer.i32(stream_id),
        };
    }
}

impl CommandRefused {
    /// The correlation id to answer, when it could be read.
    pub const fn correlation_id(&self) -> Option<i64> {
        match self {
            Self::UnknownTypeId { correlation_id, .. } | Self::Malformed { correlation_id, .. } => {
                *correlation_id
            }
        }
    }
}

fn correlation_id(message: &[u8]) -> Option<i64> {
    let mut fields = Fields::new(message);
    fields.i64("client id").ok()?;
    fields.i64("correlation id").ok()
}

fn registration_id(fields: &mut Fields<'_>) -> Result<i64, Malformed> {
    fields.i64("registration id")
}

fn stream<'a>(fields: &mut Fields<'a>) -> Result<(i32, &'a str), Malformed> {
    Ok((fields.i32("stream id")?, fields.text("channel")?))
}

fn destination<'a>(fields: &mut Fields<'a>) -> Result<(i64, &'a str), Malformed> {
    Ok((registration_id(fields)?, fields.text("channel")?))
}

fn counter<'a>(fields: &mut Fields<'a>) -> Result<(i32, &'a [u8], &'a [u8]), Malformed> {
    let type_id = fields.i32("type id")?;
    let key = fields.bytes("key")?;
    fields.align4();
    Ok((type_id, key, fields.bytes("label")?))
}

/// The old form of 24 bytes has no flags.
fn remove_publication<'a>(fields: &mut Fields<'a>) -> Result<CommandBody<'a>, Malformed> {
    let registration_id = registration_id(fields)?;
    let flags = if fields.is_at_end() {
        0
    } else {
        fields.i64("flags")?
    };
    Ok(CommandBody::RemovePublication {
        registration_id,
        revoke: flags & REVOKE != 0,
    })
}

/// Lengths of slices that exist together: their sum can't overflow in practice, and saturates if it did.
const fn sum(fixed: usize, variable: usize) -> usize {
    fixed.saturating_add(variable)
}
