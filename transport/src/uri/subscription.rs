//! What an ADD_SUBSCRIPTION asks for (04 §1.4): the channel's parameters, with the driver's settings where it has none.

use super::error::UriError;
use super::grammar::ChannelUri;
use super::keys;
use super::params::{ControlMode, Inferable};
use super::publication::UntetheredTimeouts;

/// The driver's settings a subscription falls back to; the defaults are Aeron's (04 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four settings of Aeron's that have nothing to do with each other"
)]
pub struct SubscriptionDefaults {
    /// `AERON_RELIABLE_STREAM`
    pub is_reliable: bool,
    /// `AERON_TERM_BUFFER_SPARSE_FILE`
    pub is_sparse: bool,
    /// `AERON_TETHER_SUBSCRIPTIONS`
    pub is_tether: bool,
    /// `AERON_REJOIN_STREAM`
    pub is_rejoin: bool,
    /// `AERON_RECEIVER_GROUP_CONSIDERATION`
    pub group: Inferable,
    /// `AERON_RCV_INITIAL_WINDOW_LENGTH`
    pub initial_window_length: i32,
    /// `AERON_UNTETHERED_*`
    pub untethered: UntetheredTimeouts,
}

impl Default for SubscriptionDefaults {
    fn default() -> Self {
        Self {
            is_reliable: true,
            is_sparse: true,
            is_tether: true,
            is_rejoin: true,
            group: Inferable::Infer,
            initial_window_length: 128 * 1024,
            untethered: UntetheredTimeouts::default(),
        }
    }
}

/// Everything a subscription is made with, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "five switches of Aeron's that have nothing to do with each other"
)]
pub struct SubscriptionParams {
    /// Are gaps retransmitted, or filled with padding?
    pub is_reliable: bool,
    /// Sparse term files of images.
    pub is_sparse: bool,
    /// May the subscription hold the stream back?
    pub is_tether: bool,
    /// May an untethered subscription come back?
    pub is_rejoin: bool,
    /// Is this the subscription of a response channel?
    pub is_response: bool,
    /// Group semantics.
    pub group: Inferable,
    /// The only session to take.
    pub session_id: Option<i32>,
    /// Window before anything is known of the network.
    pub initial_window_length: i32,
    /// Patience with this subscription if untethered.
    pub untethered: UntetheredTimeouts,
}

impl SubscriptionParams {
    /// Evaluates a channel in Aeron's order, because the first error is the one reported.
    ///
    /// A `tag:` session id is for publications: here it is refused as no number.
    ///
    /// # Errors
    /// The first parameter that is wrong.
    pub fn evaluate(uri: &ChannelUri, defaults: &SubscriptionDefaults) -> Result<Self, UriError> {
        Ok(Self {
            is_reliable: uri.bool(keys::RELIABLE)?.unwrap_or(defaults.is_reliable),
            is_sparse: uri.bool(keys::SPARSE)?.unwrap_or(defaults.is_sparse),
            is_tether: uri.bool(keys::TETHER)?.unwrap_or(defaults.is_tether),
            is_rejoin: uri.bool(keys::REJOIN)?.unwrap_or(defaults.is_rejoin),
            group: uri.group().unwrap_or(defaults.group),
            session_id: uri.int32(keys::SESSION_ID)?,
            initial_window_length: uri
                .length(keys::RCV_WND)?
                .unwrap_or(defaults.initial_window_length),
            is_response: uri.control_mode() == Some(ControlMode::Response),
            untethered: defaults.untethered.or_of(uri)?,
        })
    }
}
