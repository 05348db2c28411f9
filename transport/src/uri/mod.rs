//! Channel URIs: where a stream goes and how it behaves (04 §1, 05 §5, 03 §6.1).
//!
//! ```text
//!   text ──► ChannelUri ──┬─► PublicationParams, SubscriptionParams       what a command asks for, with defaults filled in
//!            (grammar)    ├─► UdpNames ──► names resolved elsewhere ──► UdpChannel      what an endpoint is made of
//!                         └─► typed parameters one by one (params)
//!   ChannelUriBuilder ──► ChannelUri ──► text
//! ```
//!
//! Read [`ChannelUri`] first. Everything here is pure: no name is looked up, no interface listed, no socket opened; addresses
//! and interfaces come in as values. What Aeron's drivers take is taken; what they take by accident (another key with the same
//! beginning, text after a number, an empty last value) is refused with the rule, the value and the place.

#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]

mod address;
mod builder;
mod canonical;
mod edit;
mod error;
mod flow_control;
mod grammar;
mod interface;
pub mod keys;
mod params;
mod publication;
pub mod quantity;
mod rules;
mod subscription;

pub use address::{Host, HostPort, Scope, multicast_control_address, replace_port_with_wildcard};
pub use builder::ChannelUriBuilder;
pub use canonical::{CanonicalSuffixes, ChannelKind, ChannelRole, Resolved, UdpChannel, UdpNames};
pub use error::UriError;
pub use flow_control::{FlowControl, GroupOptions};
pub use grammar::{ChannelUri, MAX_URI_LENGTH, Media, Remark, SPY_PREFIX};
pub use interface::{InterfaceAddress, InterfaceQuery, InterfaceSpec, LocalInterface, Wanted};
pub use params::{
    CongestionControl, ControlMode, Inferable, ResponseCorrelation, SessionId, TimestampOffset,
};
pub use publication::{
    InitialPosition, PublicationDefaults, PublicationParams, Setting, TaggedPublication,
    UntetheredTimeouts,
};
pub use rules::{
    check_destination, check_original_publication, check_publication, check_send_destination,
    check_subscription,
};
pub use subscription::{SubscriptionDefaults, SubscriptionParams};
