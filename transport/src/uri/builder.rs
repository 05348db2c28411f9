//! Making channels (05 §5.4).

use super::error::UriError;
use super::grammar::{ChannelUri, Media};
use super::keys;
use super::params::{ControlMode, Inferable, ResponseCorrelation, SessionId, TimestampOffset};
use super::publication::{PublicationDefaults, PublicationParams, TaggedPublication};
use super::quantity::{format_duration_ns, format_size};
use crate::frame::limits::TERM_MAX_LENGTH;

/// The smallest MTU a publication can have: a multiple of 32 above 32.
const LEAST_MTU_LENGTH: i32 = 64;

/// Makes a channel from typed values. Parameters are written in one order, whatever the order they were set in.
///
/// Values are checked by [`build`](Self::build), all at once, by the rules the driver applies.
///
/// ```
/// use taranis_transport::uri::{ChannelUriBuilder, Media};
///
/// let channel = ChannelUriBuilder::new(Media::Udp)
///     .set("endpoint", "localhost:40123")
///     .size("term-length", 64 * 1024)
///     .duration_ns("linger", 250_000_000)
///     .build()?;
/// assert_eq!(channel.to_string(), "aeron:udp?endpoint=localhost:40123|term-length=64k|linger=250ms");
/// # Ok::<(), taranis_transport::uri::UriError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ChannelUriBuilder {
    media: Media,
    is_spy: bool,
    params: Vec<(String, String)>,
}

impl ChannelUriBuilder {
    /// A channel without parameters.
    #[must_use]
    pub const fn new(media: Media) -> Self {
        Self {
            media,
            is_spy: false,
            params: Vec::new(),
        }
    }

    /// Starts from a channel; keys nobody knows are kept.
    #[must_use]
    pub fn from_channel(channel: &ChannelUri) -> Self {
        Self {
            media: channel.media(),
            is_spy: channel.is_spy(),
            params: channel
                .params()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    /// Reads another publication of the driver.
    #[must_use]
    pub const fn spy(mut self) -> Self {
        self.is_spy = true;
        self
    }

    /// Sets any parameter, by a key of [`keys`] or another.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        match self.params.iter_mut().find(|(known, _)| known == key) {
            Some((_, kept)) => *kept = value,
            None => self.params.push((key.to_owned(), value)),
        }
        self
    }

    /// Removes a parameter.
    #[must_use]
    pub fn unset(mut self, key: &str) -> Self {
        self.params.retain(|(known, _)| known != key);
        self
    }

    /// Sets a size in bytes, written `64k` where that is exact: `mtu`, `term-length`, `so-*`, `rcv-wnd`, `pub-wnd`.
    #[must_use]
    pub fn size(self, key: &str, bytes: u64) -> Self {
        self.set(key, format_size(bytes))
    }

    /// Sets a duration, written in the largest exact unit: `linger`, `nak-delay`, `untethered-*`.
    #[must_use]
    pub fn duration_ns(self, key: &str, duration_ns: i64) -> Self {
        self.set(key, format_duration_ns(duration_ns))
    }

    /// Sets a switch: `reliable`, `sparse`, `eos`, `tether`, `rejoin`, `ssc`.
    #[must_use]
    pub fn switch(self, key: &str, is_on: bool) -> Self {
        self.set(key, is_on.to_string())
    }

    /// Sets `control-mode`.
    #[must_use]
    pub fn control_mode(self, mode: ControlMode) -> Self {
        self.set(keys::CONTROL_MODE, mode.name())
    }

    /// Sets `tags`: that of the endpoint, and that of the publication.
    #[must_use]
    pub fn tags(self, channel: i64, entity: Option<i64>) -> Self {
        let tags = entity.map_or_else(
            || channel.to_string(),
            |entity| format!("{channel},{entity}"),
        );
        self.set(keys::TAGS, tags)
    }

    /// Sets `session-id`.
    #[must_use]
    pub fn session_id(self, session: SessionId) -> Self {
        let value = match session {
            SessionId::Id(id) => id.to_string(),
            SessionId::Tag(tag) => format!("tag:{tag}"),
        };
        self.set(keys::SESSION_ID, value)
    }

    /// Sets `group`.
    #[must_use]
    pub fn group(self, group: Inferable) -> Self {
        let value = match group {
            Inferable::ForceTrue => "true",
            Inferable::ForceFalse => "false",
            Inferable::Infer => "infer",
        };
        self.set(keys::GROUP, value)
    }

    /// Sets one of the timestamp offsets.
    #[must_use]
    pub fn timestamp_offset(self, key: &str, offset: TimestampOffset) -> Self {
        match offset {
            TimestampOffset::Reserved => self.set(key, "reserved"),
            TimestampOffset::Payload(offset) => self.set(key, offset.to_string()),
        }
    }

    /// Sets or removes `response-correlation-id`.
    #[must_use]
    pub fn response_correlation(self, correlation: ResponseCorrelation) -> Self {
        match correlation {
            ResponseCorrelation::None => self.unset(keys::RESPONSE_CORRELATION_ID),
            ResponseCorrelation::Prototype => self.set(keys::RESPONSE_CORRELATION_ID, "prototype"),
            ResponseCorrelation::Id(id) => self.set(keys::RESPONSE_CORRELATION_ID, id.to_string()),
        }
    }

    /// Writes the channel: known keys in Aeron's order, then the others as they were set.
    ///
    /// # Errors
    /// A value that breaks a rule of the driver, or can't be written.
    pub fn build(&self) -> Result<ChannelUri, UriError> {
        let mut channel = ChannelUri::new(self.media);
        channel.set_spy(self.is_spy);
        let rank = |key: &str| {
            keys::ALL
                .iter()
                .position(|known| *known == key)
                .unwrap_or(usize::MAX)
        };
        let mut params: Vec<_> = self.params.iter().collect();
        params.sort_by_key(|(key, _)| rank(key));
        for (key, value) in params {
            channel.put(key, value)?;
        }
        check_values(&channel)?;
        Ok(channel)
    }
}

/// Checks every value, publication's and subscription's, as the driver would.
fn check_values(channel: &ChannelUri) -> Result<(), UriError> {
    // The settings of the driver that will open the channel are not known here, so those must do that refuse least.
    let lenient = PublicationDefaults {
        term_length: TERM_MAX_LENGTH,
        ipc_term_length: TERM_MAX_LENGTH,
        mtu_length: LEAST_MTU_LENGTH,
        ipc_mtu_length: LEAST_MTU_LENGTH,
        ..PublicationDefaults::default()
    };
    let tagged = |_| {
        Some(TaggedPublication {
            session_id: 0,
            mtu_length: LEAST_MTU_LENGTH,
            term_length: TERM_MAX_LENGTH,
        })
    };
    PublicationParams::evaluate(channel, &lenient, tagged)?;
    channel.channel_tag()?;
    for key in [keys::RELIABLE, keys::TETHER, keys::REJOIN, keys::ATS] {
        channel.bool(key)?;
    }
    for key in [keys::SO_SNDBUF, keys::SO_RCVBUF, keys::RCV_WND] {
        channel.length(key)?;
    }
    channel.nak_delay_ns()?;
    channel.group_tag()?;
    channel.int32(keys::STREAM_ID)?;
    channel.traffic_class()?;
    channel.ttl()?;
    channel.congestion_control()?;
    channel.flow_control()?;
    channel.check_timestamps()
}
