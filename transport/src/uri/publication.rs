//! What an ADD_PUBLICATION asks for (04 §1.4): the channel's parameters, with the driver's settings where it has none.

use super::error::UriError;
use super::grammar::ChannelUri;
use super::keys;
use super::params::{ControlMode, ResponseCorrelation, SessionId};
use crate::frame::limits::{
    DEFAULT_IPC_MTU_LENGTH, DEFAULT_MTU_LENGTH, FRAME_ALIGNMENT, MAX_RESEND_MAX,
    MAX_UDP_PAYLOAD_LENGTH, TERM_MAX_LENGTH, TERM_MIN_LENGTH, max_message_length,
};

/// The driver's settings a publication falls back to; the defaults are Aeron's (04 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicationDefaults {
    /// `AERON_TERM_BUFFER_LENGTH`
    pub term_length: i32,
    /// `AERON_IPC_TERM_BUFFER_LENGTH`
    pub ipc_term_length: i32,
    /// `AERON_MTU_LENGTH`
    pub mtu_length: i32,
    /// `AERON_IPC_MTU_LENGTH`
    pub ipc_mtu_length: i32,
    /// `AERON_PUBLICATION_TERM_WINDOW_LENGTH`; 0 stands for half the term.
    pub window_length: i32,
    /// `AERON_IPC_PUBLICATION_TERM_WINDOW_LENGTH`; 0 stands for half the term.
    pub ipc_window_length: i32,
    /// `AERON_PUBLICATION_LINGER_TIMEOUT`
    pub linger_timeout_ns: i64,
    /// `AERON_TERM_BUFFER_SPARSE_FILE`
    pub is_sparse: bool,
    /// `AERON_SPIES_SIMULATE_CONNECTION`
    pub spies_simulate_connection: bool,
    /// `AERON_UNTETHERED_*`
    pub untethered: UntetheredTimeouts,
}

impl Default for PublicationDefaults {
    fn default() -> Self {
        Self {
            term_length: 16 * 1024 * 1024,
            ipc_term_length: 64 * 1024 * 1024,
            mtu_length: DEFAULT_MTU_LENGTH,
            ipc_mtu_length: DEFAULT_IPC_MTU_LENGTH,
            window_length: 0,
            ipc_window_length: 0,
            linger_timeout_ns: 5_000_000_000,
            is_sparse: true,
            spies_simulate_connection: false,
            untethered: UntetheredTimeouts::default(),
        }
    }
}

/// How long an untethered subscription may lag, linger and rest, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UntetheredTimeouts {
    /// Lag allowed below the window limit.
    pub window_limit_ns: i64,
    /// Time in the lingering state; `None` in settings stands for the window limit's.
    pub linger_ns: Option<i64>,
    /// Time in the resting state.
    pub resting_ns: i64,
}

impl Default for UntetheredTimeouts {
    fn default() -> Self {
        Self {
            window_limit_ns: 5_000_000_000,
            linger_ns: None,
            resting_ns: 10_000_000_000,
        }
    }
}

impl UntetheredTimeouts {
    /// The channel's timeouts over these. The linger time is there afterwards.
    pub(super) fn or_of(self, uri: &ChannelUri) -> Result<Self, UriError> {
        let window_limit_ns = uri
            .duration_ns(keys::UNTETHERED_WINDOW_LIMIT_TIMEOUT)?
            .unwrap_or(self.window_limit_ns);
        let asked = uri
            .duration_ns(keys::UNTETHERED_LINGER_TIMEOUT)?
            .filter(|&linger_ns| linger_ns > 0);
        let resting_ns = uri
            .duration_ns(keys::UNTETHERED_RESTING_TIMEOUT)?
            .unwrap_or(self.resting_ns);
        Ok(Self {
            window_limit_ns,
            linger_ns: asked.or(self.linger_ns).or(Some(window_limit_ns)),
            resting_ns,
        })
    }
}

/// What a `session-id=tag:N` takes over from the network publication with entity tag N.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaggedPublication {
    /// Its session.
    pub session_id: i32,
    /// Its MTU.
    pub mtu_length: i32,
    /// Its term length.
    pub term_length: i32,
}

/// A value, and whether the channel gives it: only what is given is compared with a publication that exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value in force.
    pub value: T,
    /// Does the channel say so?
    pub is_explicit: bool,
}

impl<T> Setting<T> {
    fn of(given: Option<T>, default: T) -> Self {
        match given {
            Some(value) => Self {
                value,
                is_explicit: true,
            },
            None => Self {
                value: default,
                is_explicit: false,
            },
        }
    }
}

/// Where a publication starts when it does not start anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitialPosition {
    /// First term of the stream.
    pub initial_term_id: i32,
    /// Term to start in; at most 2^31 − 1 terms after the first.
    pub term_id: i32,
    /// Offset in it: at most the term length, a multiple of 32.
    pub term_offset: i32,
}

/// Everything a publication is made with, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four switches of Aeron's that have nothing to do with each other"
)]
pub struct PublicationParams {
    /// The session asked for.
    pub session_id: Option<i32>,
    /// The publication's own tag.
    pub entity_tag: Option<i64>,
    /// Stay after close.
    pub linger_timeout_ns: i64,
    /// Bytes of a term.
    pub term_length: Setting<i32>,
    /// Largest datagram.
    pub mtu_length: Setting<i32>,
    /// Bytes the publisher may be ahead of its slowest consumer: from the MTU to half the term.
    pub window_length: Setting<i32>,
    /// Retransmissions at a time, where the channel says.
    pub max_resend: Option<u32>,
    /// Where to start.
    pub position: Option<InitialPosition>,
    /// Sparse term files.
    pub is_sparse: bool,
    /// Tell receivers of the end of the stream.
    pub signals_eos: bool,
    /// Do spies count as receivers?
    pub spies_simulate_connection: bool,
    /// Is this the publication of a response channel?
    pub is_response: bool,
    /// What it responds to.
    pub response_correlation: ResponseCorrelation,
    /// Patience with untethered subscriptions and spies.
    pub untethered: UntetheredTimeouts,
}

impl PublicationParams {
    /// Evaluates a channel in Aeron's order, because the first error is the one reported.
    ///
    /// `tagged` finds the network publication with an entity tag.
    ///
    /// # Errors
    /// The first parameter that is wrong.
    pub fn evaluate(
        uri: &ChannelUri,
        defaults: &PublicationDefaults,
        tagged: impl FnOnce(i64) -> Option<TaggedPublication>,
    ) -> Result<Self, UriError> {
        let session = session(uri, tagged)?;
        let entity_tag = uri.entity_tag()?;
        let linger_timeout_ns = uri
            .duration_ns(keys::LINGER)?
            .unwrap_or(defaults.linger_timeout_ns);

        let term_default = match session {
            Session::Of(publication) => publication.term_length,
            Session::Any | Session::Id(_) => {
                uri.by_media(defaults.term_length, defaults.ipc_term_length)
            }
        };
        let term_length = Setting::of(term_length(uri)?, term_default);
        let max_resend = max_resend(uri)?;
        let mtu_default = match session {
            Session::Of(publication) => publication.mtu_length,
            Session::Any | Session::Id(_) => {
                uri.by_media(defaults.mtu_length, defaults.ipc_mtu_length)
            }
        };
        let mtu_length = Setting::of(mtu_length(uri)?, mtu_default);
        check_mtu_against_message(mtu_length.value, term_length.value)?;
        let window_default = uri.by_media(defaults.window_length, defaults.ipc_window_length);
        let window_length =
            window_length(uri, window_default, mtu_length.value, term_length.value)?;

        Ok(Self {
            session_id: match session {
                Session::Any => None,
                Session::Id(id) => Some(id),
                Session::Of(publication) => Some(publication.session_id),
            },
            entity_tag,
            linger_timeout_ns,
            term_length,
            mtu_length,
            window_length,
            max_resend,
            position: position(uri, term_length.value)?,
            is_sparse: uri.bool(keys::SPARSE)?.unwrap_or(defaults.is_sparse),
            signals_eos: uri.bool(keys::EOS)?.unwrap_or(true),
            spies_simulate_connection: uri
                .bool(keys::SSC)?
                .unwrap_or(defaults.spies_simulate_connection),
            is_response: uri.is_udp() && uri.control_mode() == Some(ControlMode::Response),
            response_correlation: uri.response_correlation()?,
            untethered: defaults.untethered.or_of(uri)?,
        })
    }
}

/// The session of the channel, with the publication a tag leads to.
enum Session {
    Any,
    Id(i32),
    Of(TaggedPublication),
}

fn session(
    uri: &ChannelUri,
    tagged: impl FnOnce(i64) -> Option<TaggedPublication>,
) -> Result<Session, UriError> {
    Ok(match uri.session_id()? {
        None => Session::Any,
        Some(SessionId::Id(id)) => Session::Id(id),
        Some(SessionId::Tag(tag)) => match tagged(tag) {
            Some(publication) => Session::Of(publication),
            None => {
                return Err(UriError::UnknownSessionTag {
                    value: format!("tag:{tag}"),
                });
            }
        },
    })
}

fn term_length(uri: &ChannelUri) -> Result<Option<i32>, UriError> {
    let Some(length) = uri.size(keys::TERM_LENGTH)? else {
        return Ok(None);
    };
    let rule = match i32::try_from(length) {
        Ok(fits) if fits < TERM_MIN_LENGTH => "term length less than min length of 65536",
        Ok(fits) if fits <= TERM_MAX_LENGTH => {
            if length.is_power_of_two() {
                return Ok(Some(fits));
            }
            "term length not a power of 2"
        }
        _ => "term length greater than max length of 1073741824",
    };
    Err(UriError::TermLength { rule, length })
}

fn max_resend(uri: &ChannelUri) -> Result<Option<u32>, UriError> {
    let Some(value) = uri.size(keys::MAX_RESEND)? else {
        return Ok(None);
    };
    u32::try_from(value)
        .ok()
        .filter(|count| (1..=MAX_RESEND_MAX).contains(count))
        .map(Some)
        .ok_or(UriError::MaxResend { value })
}

fn mtu_length(uri: &ChannelUri) -> Result<Option<i32>, UriError> {
    let Some(length) = uri.size(keys::MTU)? else {
        return Ok(None);
    };
    let rule = match i32::try_from(length) {
        Ok(mtu) if mtu > FRAME_ALIGNMENT && mtu <= MAX_UDP_PAYLOAD_LENGTH => {
            if mtu % FRAME_ALIGNMENT == 0 {
                return Ok(Some(mtu));
            }
            "mtuLength must be a multiple of FRAME_ALIGNMENT"
        }
        _ => "mtuLength must be a > HEADER_LENGTH and <= MAX_UDP_PAYLOAD_LENGTH",
    };
    Err(UriError::Mtu { rule, length })
}

/// As in Aeron's Java driver: a frame that is longer than the longest message has no place in the log's arithmetic.
const fn check_mtu_against_message(mtu: i32, term_length: i32) -> Result<(), UriError> {
    let limit = max_message_length(term_length);
    if mtu > limit {
        return Err(UriError::MtuAboveMessage {
            mtu,
            limit,
            term_length,
        });
    }
    Ok(())
}

fn window_length(
    uri: &ChannelUri,
    default: i32,
    mtu: i32,
    term_length: i32,
) -> Result<Setting<i32>, UriError> {
    let half = term_length / 2;
    let default = if default == 0 {
        half
    } else {
        default.min(half)
    };
    let Some(window) = uri.size(keys::PUB_WND)? else {
        return Ok(Setting::of(None, default));
    };
    match i32::try_from(window) {
        Ok(fits) if fits < mtu => Err(UriError::WindowBelowMtu { window, mtu }),
        Ok(fits) if fits <= half => Ok(Setting::of(Some(fits), default)),
        _ => Err(UriError::WindowAboveHalfTerm {
            window,
            term_length,
        }),
    }
}

fn position(uri: &ChannelUri, term_length: i32) -> Result<Option<InitialPosition>, UriError> {
    let initial_term_id = uri.int32(keys::INIT_TERM_ID)?;
    let term_id = uri.int32(keys::TERM_ID)?;
    let has_offset = uri.contains(keys::TERM_OFFSET);
    let (initial_term_id, term_id) = match (initial_term_id, term_id, has_offset) {
        (None, None, false) => return Ok(None),
        (Some(initial_term_id), Some(term_id), true) => (initial_term_id, term_id),
        _ => return Err(UriError::PositionIncomplete),
    };
    let offset = uri.int64(keys::TERM_OFFSET)?.unwrap_or(0);
    let Ok(term_offset) = u64::try_from(offset) else {
        return Err(UriError::Quantity {
            key: keys::TERM_OFFSET,
            value: offset.to_string(),
            allowed: "a number from 0 to the term length",
        });
    };
    if term_id.wrapping_sub(initial_term_id) < 0 {
        return Err(UriError::TermBeforeInitial {
            initial_term_id,
            term_id,
        });
    }
    let Some(fits) = i32::try_from(offset)
        .ok()
        .filter(|&fits| fits <= term_length)
    else {
        return Err(UriError::OffsetBeyondTerm {
            term_offset,
            term_length,
        });
    };
    if fits % FRAME_ALIGNMENT != 0 {
        return Err(UriError::OffsetUnaligned { term_offset });
    }
    Ok(Some(InitialPosition {
        initial_term_id,
        term_id,
        term_offset: fits,
    }))
}
