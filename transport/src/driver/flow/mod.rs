//! Flow control: how far the sender may go, by what its receivers say (spec 03 §3). Pure; time is an argument.

mod group;

use self::group::Group;
use super::delegates::FlowControlSettings;
use crate::frame::{GroupTag, StatusMessage};

/// Retransmission limit in receiver windows, for one receiver and for a group (03 §3.2, §3.3).
const UNICAST_RETRANSMIT_WINDOWS: i64 = 16;
const GROUP_RETRANSMIT_WINDOWS: i64 = 4;

/// The strategy of one publication.
#[derive(Debug)]
pub(crate) enum FlowControl {
    /// The one receiver's limit.
    Unicast,
    /// The furthest limit any receiver gave.
    Max,
    /// The limit of the slowest receiver.
    Min(Group),
    /// The limit of the slowest receiver with the tag.
    Tagged { group: Group, tag: i64 },
}

impl FlowControl {
    pub(crate) fn new(settings: &FlowControlSettings) -> Self {
        match settings {
            FlowControlSettings::Unicast => Self::Unicast,
            FlowControlSettings::Max => Self::Max,
            FlowControlSettings::Min(settings) => Self::Min(Group::new(settings)),
            FlowControlSettings::Tagged { group, tag } => Self::Tagged {
                group: Group::new(group),
                tag: *tag,
            },
        }
    }

    /// A receiver consumed up to `position`; gives the new limit.
    pub(crate) fn on_status_message(
        &mut self,
        message: &StatusMessage,
        position: i64,
        limit: i64,
        now_ns: i64,
    ) -> i64 {
        let claimed = position + i64::from(message.receiver_window);
        match self {
            Self::Unicast | Self::Max => limit.max(claimed),
            Self::Min(group) => group.on_status_message(message, position, limit, now_ns),
            Self::Tagged { group, tag } if message.group_tag == GroupTag::Present(*tag) => {
                group.on_status_message(message, position, limit, now_ns)
            }
            Self::Tagged { group, .. } => group.limit(limit, now_ns),
        }
    }

    /// Nothing was sent; gives the new limit.
    pub(crate) fn on_idle(&mut self, limit: i64, now_ns: i64) -> i64 {
        match self {
            Self::Unicast | Self::Max => limit,
            Self::Min(group) | Self::Tagged { group, .. } => group.on_idle(limit, now_ns),
        }
    }

    /// A receiver asked for a SETUP.
    pub(crate) fn on_setup_asked(&mut self, message: &StatusMessage) {
        match self {
            Self::Unicast | Self::Max => {}
            Self::Min(group) => group.on_setup_asked(),
            Self::Tagged { group, tag } => {
                if message.group_tag == GroupTag::Present(*tag) {
                    group.on_setup_asked();
                }
            }
        }
    }

    /// A SETUP that was asked for is being sent.
    pub(crate) fn on_setup_sent(&mut self, limit: i64, now_ns: i64) {
        match self {
            Self::Unicast | Self::Max => {}
            Self::Min(group) | Self::Tagged { group, .. } => group.on_setup_sent(limit, now_ns),
        }
    }

    /// A receiver rejected the stream.
    pub(crate) fn on_error(&mut self, receiver_id: i64) {
        match self {
            Self::Unicast | Self::Max => {}
            Self::Min(group) | Self::Tagged { group, .. } => group.on_error(receiver_id),
        }
    }

    /// Whether as many receivers are there as the publication needs to be connected.
    pub(crate) fn has_required_receivers(&self) -> bool {
        match self {
            Self::Unicast | Self::Max => true,
            Self::Min(group) | Self::Tagged { group, .. } => group.has_required(),
        }
    }

    /// Receivers that are counted; `None` where the strategy counts none.
    pub(crate) fn receivers(&self) -> Option<usize> {
        match self {
            Self::Unicast | Self::Max => None,
            Self::Min(group) | Self::Tagged { group, .. } => Some(group.receivers()),
        }
    }

    /// How many initial windows one retransmission may have.
    pub(crate) fn retransmit_windows(&self) -> i64 {
        match self {
            Self::Unicast => UNICAST_RETRANSMIT_WINDOWS,
            Self::Max | Self::Min(_) | Self::Tagged { .. } => GROUP_RETRANSMIT_WINDOWS,
        }
    }
}
