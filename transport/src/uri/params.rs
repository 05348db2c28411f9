//! Parameters one by one, with their types (04 §1.2, §1.3, §1.5; 05 §5.2).

use super::error::UriError;
use super::flow_control::FlowControl;
use super::grammar::{ChannelUri, Media};
use super::keys;
use super::quantity::{NumberFault, parse_duration_ns, parse_integer, parse_size};

const SIZE: &str = "digits and k, m or g";
const DURATION: &str = "digits and s, ms, us or ns";

/// How the destinations of a channel come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlMode {
    /// The application adds and removes them.
    Manual,
    /// Receivers make themselves known.
    Dynamic,
    /// The publication answers a subscription.
    Response,
}

impl ControlMode {
    /// The mode of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "manual" => Some(Self::Manual),
            "dynamic" => Some(Self::Dynamic),
            "response" => Some(Self::Response),
            _ => None,
        }
    }

    /// Its name in a channel.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Dynamic => "dynamic",
            Self::Response => "response",
        }
    }
}

/// The session a channel asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionId {
    /// This one.
    Id(i32),
    /// That of the publication with this entity tag.
    Tag(i64),
}

/// `group`: forced one way or the other, or taken from the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inferable {
    /// As if multicast.
    ForceTrue,
    /// As if unicast.
    ForceFalse,
    /// As the channel is.
    Infer,
}

/// What a publication responds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseCorrelation {
    /// Nothing (−1).
    None,
    /// A publication made to be copied (−2 inside the driver, `prototype` in a channel).
    Prototype,
    /// An image or a subscription.
    Id(i64),
}

/// Where in a frame's payload a timestamp goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampOffset {
    /// Into the reserved value of the header (`reserved`, −8).
    Reserved,
    /// So many bytes into the payload.
    Payload(u32),
}

impl TimestampOffset {
    fn from_number(offset: i64) -> Option<Self> {
        match offset {
            -8 => Some(Self::Reserved),
            _ => u32::try_from(offset).ok().map(Self::Payload),
        }
    }

    fn number(self) -> i64 {
        match self {
            Self::Reserved => -8,
            Self::Payload(offset) => i64::from(offset),
        }
    }
}

/// How a receiver's window follows the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CongestionControl {
    /// A fixed window.
    Static,
    /// CUBIC.
    Cubic,
}

/// Values of any key.
impl ChannelUri {
    /// `true` or `false`.
    ///
    /// # Errors
    /// [`UriError::Bool`]
    pub fn bool(&self, key: &'static str) -> Result<Option<bool>, UriError> {
        match self.get(key) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(value) => Err(UriError::Bool {
                key,
                value: value.to_owned(),
            }),
        }
    }

    /// Bytes.
    ///
    /// # Errors
    /// [`UriError::Quantity`]
    pub fn size(&self, key: &'static str) -> Result<Option<u64>, UriError> {
        self.quantity(key, SIZE, parse_size)
    }

    /// Bytes of something whose length is an `i32`: buffers, windows.
    ///
    /// # Errors
    /// [`UriError::Quantity`], [`UriError::TooLarge`] above 2147483647.
    pub fn length(&self, key: &'static str) -> Result<Option<i32>, UriError> {
        let Some(size) = self.size(key)? else {
            return Ok(None);
        };
        i32::try_from(size)
            .map(Some)
            .map_err(|_| UriError::TooLarge {
                key,
                value: size.to_string(),
                max: u64::from(i32::MAX.unsigned_abs()),
            })
    }

    /// Nanoseconds.
    ///
    /// # Errors
    /// [`UriError::Quantity`]
    pub fn duration_ns(&self, key: &'static str) -> Result<Option<i64>, UriError> {
        self.quantity(key, DURATION, parse_duration_ns)
    }

    /// An integer of 32 bits: decimal, `0x…` or octal with a leading `0`.
    ///
    /// # Errors
    /// [`UriError::Integer`]
    pub fn int32(&self, key: &'static str) -> Result<Option<i32>, UriError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        parse_integer(value)
            .and_then(|number| i32::try_from(number).map_err(|_| NumberFault::OutOfRange))
            .map(Some)
            .map_err(|fault| UriError::Integer {
                key,
                value: value.to_owned(),
                kind: "int32_t",
                fault,
            })
    }

    /// An integer of 64 bits.
    ///
    /// # Errors
    /// [`UriError::Integer`]
    pub fn int64(&self, key: &'static str) -> Result<Option<i64>, UriError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        parse_integer(value)
            .map(Some)
            .map_err(|fault| UriError::Integer {
                key,
                value: value.to_owned(),
                kind: "int64_t",
                fault,
            })
    }

    fn quantity<T>(
        &self,
        key: &'static str,
        allowed: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, UriError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match parse(value) {
            Some(quantity) => Ok(Some(quantity)),
            None => Err(UriError::Quantity {
                key,
                value: value.to_owned(),
                allowed,
            }),
        }
    }
}

/// Values of particular keys.
impl ChannelUri {
    /// `control-mode`; a mode nobody knows counts as none, as in Aeron (see [`remarks`](Self::remarks)).
    #[must_use]
    pub fn control_mode(&self) -> Option<ControlMode> {
        self.get(keys::CONTROL_MODE)
            .and_then(ControlMode::from_name)
    }

    /// The first half of `tags`, as written.
    #[must_use]
    pub fn channel_tag_text(&self) -> Option<&str> {
        let tags = self.get(keys::TAGS)?;
        let tag = tags.split_once(',').map_or(tags, |(channel, _)| channel);
        Some(tag).filter(|tag| !tag.is_empty())
    }

    /// The second half of `tags`, as written.
    #[must_use]
    pub fn entity_tag_text(&self) -> Option<&str> {
        self.get(keys::TAGS)?
            .split_once(',')
            .map(|(_, entity)| entity)
            .filter(|tag| !tag.is_empty())
    }

    /// The tag of the channel's endpoint.
    ///
    /// # Errors
    /// [`UriError::ChannelTag`]
    pub fn channel_tag(&self) -> Result<Option<i64>, UriError> {
        let Some(text) = self.channel_tag_text() else {
            return Ok(None);
        };
        parse_tag(text)
            .map(Some)
            .ok_or_else(|| UriError::ChannelTag {
                value: text.to_owned(),
            })
    }

    /// The tag of the publication.
    ///
    /// # Errors
    /// [`UriError::EntityTag`]
    pub fn entity_tag(&self) -> Result<Option<i64>, UriError> {
        let Some(text) = self.entity_tag_text() else {
            return Ok(None);
        };
        parse_tag(text)
            .map(Some)
            .ok_or_else(|| UriError::EntityTag {
                value: text.to_owned(),
            })
    }

    /// `session-id`: a number, or `tag:` and the entity tag of a publication.
    ///
    /// # Errors
    /// [`UriError::Integer`], [`UriError::SessionTag`]
    pub fn session_id(&self) -> Result<Option<SessionId>, UriError> {
        let Some(value) = self.get(keys::SESSION_ID) else {
            return Ok(None);
        };
        match value.strip_prefix("tag:") {
            Some(tag) => parse_integer(tag)
                .map(|tag| Some(SessionId::Tag(tag)))
                .map_err(|fault| UriError::SessionTag {
                    value: value.to_owned(),
                    fault,
                }),
            None => Ok(self.int32(keys::SESSION_ID)?.map(SessionId::Id)),
        }
    }

    /// `ttl`, 0 when absent; above 255 it is 255, as in Aeron.
    ///
    /// # Errors
    /// [`UriError::Quantity`] if it is no number.
    pub fn ttl(&self) -> Result<u8, UriError> {
        let parse = |text: &str| match parse_integer(text) {
            Ok(number) => u64::try_from(number).ok(),
            Err(NumberFault::OutOfRange) if !text.starts_with('-') => Some(u64::MAX),
            Err(_) => None,
        };
        let ttl = self.quantity(keys::TTL, "a number from 0 to 255", parse)?;
        Ok(ttl.map_or(0, |ttl| u8::try_from(ttl).unwrap_or(u8::MAX)))
    }

    /// `so-tos`: the traffic class of the channel's sockets.
    ///
    /// # Errors
    /// [`UriError::TrafficClass`], [`UriError::Integer`]
    pub fn traffic_class(&self) -> Result<Option<u8>, UriError> {
        let Some(value) = self.int32(keys::SO_TOS)? else {
            return Ok(None);
        };
        u8::try_from(value)
            .map(Some)
            .map_err(|_| UriError::TrafficClass {
                value: value.to_string(),
            })
    }

    /// `group`: `true`, `infer`, or anything else for no.
    #[must_use]
    pub fn group(&self) -> Option<Inferable> {
        self.get(keys::GROUP).map(|value| match value {
            "true" => Inferable::ForceTrue,
            "infer" => Inferable::Infer,
            _ => Inferable::ForceFalse,
        })
    }

    /// `nak-delay` in nanoseconds.
    ///
    /// # Errors
    /// [`UriError::NakDelay`]
    pub fn nak_delay_ns(&self) -> Result<Option<i64>, UriError> {
        let Some(value) = self.get(keys::NAK_DELAY) else {
            return Ok(None);
        };
        parse_duration_ns(value)
            .map(Some)
            .ok_or_else(|| UriError::NakDelay {
                value: value.to_owned(),
            })
    }

    /// `response-correlation-id`: a number from −1, or `prototype`.
    ///
    /// # Errors
    /// [`UriError::ResponseCorrelationId`]
    pub fn response_correlation(&self) -> Result<ResponseCorrelation, UriError> {
        match self.get(keys::RESPONSE_CORRELATION_ID) {
            None => Ok(ResponseCorrelation::None),
            Some("prototype") => Ok(ResponseCorrelation::Prototype),
            Some(value) => match parse_integer(value) {
                Ok(-1) => Ok(ResponseCorrelation::None),
                Ok(id) if id >= 0 => Ok(ResponseCorrelation::Id(id)),
                _ => Err(UriError::ResponseCorrelationId {
                    value: value.to_owned(),
                }),
            },
        }
    }

    /// `cc`.
    ///
    /// # Errors
    /// [`UriError::CongestionControl`]; Aeron takes such a channel and then makes no image for it.
    pub fn congestion_control(&self) -> Result<Option<CongestionControl>, UriError> {
        match self.get(keys::CC) {
            None => Ok(None),
            Some("static") => Ok(Some(CongestionControl::Static)),
            Some("cubic") => Ok(Some(CongestionControl::Cubic)),
            Some(value) => Err(UriError::CongestionControl {
                value: value.to_owned(),
            }),
        }
    }

    /// `fc`. It counts only where the channel has group semantics.
    ///
    /// # Errors
    /// Those of [`FlowControl::parse`].
    pub fn flow_control(&self) -> Result<Option<FlowControl>, UriError> {
        self.get(keys::FC)
            .map(|options| FlowControl::parse(options, self))
            .transpose()
    }

    /// `gtag`: the group tag of a receiver.
    ///
    /// # Errors
    /// [`UriError::Integer`]
    pub fn group_tag(&self) -> Result<Option<i64>, UriError> {
        self.int64(keys::GTAG)
    }

    /// One of the three timestamp offsets; negative ones other than −8 switch it off.
    ///
    /// # Errors
    /// [`UriError::TimestampOffset`]
    pub fn timestamp_offset(&self, key: &'static str) -> Result<Option<TimestampOffset>, UriError> {
        match self.get(key).filter(|_| self.is_udp()) {
            None => Ok(None),
            Some("reserved") => Ok(Some(TimestampOffset::Reserved)),
            Some(value) => parse_integer(value)
                .ok()
                .filter(|&offset| i32::try_from(offset).is_ok())
                .map(TimestampOffset::from_number)
                .ok_or_else(|| UriError::TimestampOffset {
                    key,
                    value: value.to_owned(),
                }),
        }
    }

    /// Checks that no two of the three timestamps lie in the same bytes.
    ///
    /// # Errors
    /// [`UriError::TimestampOverlap`], [`UriError::TimestampOffset`]
    pub fn check_timestamps(&self) -> Result<(), UriError> {
        let pairs = [
            (keys::MEDIA_RCV_TS_OFFSET, keys::CHANNEL_RCV_TS_OFFSET),
            (keys::MEDIA_RCV_TS_OFFSET, keys::CHANNEL_SND_TS_OFFSET),
            (keys::CHANNEL_RCV_TS_OFFSET, keys::CHANNEL_SND_TS_OFFSET),
        ];
        for (first, second) in pairs {
            if let (Some(one), Some(other)) = (
                self.timestamp_offset(first)?,
                self.timestamp_offset(second)?,
            ) {
                let distance = one.number().abs_diff(other.number());
                if distance < 8 {
                    return Err(UriError::TimestampOverlap {
                        first,
                        second,
                        distance,
                    });
                }
            }
        }
        Ok(())
    }
}

/// Questions about the whole channel.
impl ChannelUri {
    /// Is the channel's publication or subscription part of a response pair? On IPC only subscriptions are.
    #[must_use]
    pub fn has_control_mode_response(&self) -> bool {
        self.control_mode() == Some(ControlMode::Response)
    }

    /// For the media's own default: `ipc` or `udp`.
    pub(super) fn by_media<T>(&self, udp: T, ipc: T) -> T {
        match self.media() {
            Media::Udp => udp,
            Media::Ipc => ipc,
        }
    }
}

/// A tag: decimal, and not the −1 that stands for none.
fn parse_tag(text: &str) -> Option<i64> {
    text.parse().ok().filter(|&tag| tag != -1)
}
