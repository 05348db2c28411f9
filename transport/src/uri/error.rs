//! Why a channel is refused.

use super::quantity::NumberFault;

/// A channel or one of its parameters that breaks a rule.
///
/// The text begins as Aeron's does, because programs look for it, and goes on with value, limit and place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// More than 4095 bytes.
    #[error("URI length ({length}) exceeds max supported length (4095): {head}")]
    TooLong {
        /// Bytes of the channel.
        length: usize,
        /// Its first 4095 bytes.
        head: String,
    },
    /// Not of the form `aeron:<media>?key=value|key=value`.
    #[error("{rule} at index {index}: {uri}")]
    Grammar {
        /// What is wrong.
        rule: &'static str,
        /// Where, in bytes.
        index: usize,
        /// The channel.
        uri: String,
    },
    /// A key or value that can't be written in a channel.
    #[error(
        "{key}={value} can't be written in a channel: neither may be empty or hold '|', nor a key '='"
    )]
    Unwritable {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Something the channel as a whole must not be, with INVALID_CHANNEL.
    #[error("{rule}: channel={uri}")]
    InvalidChannel {
        /// The rule.
        rule: &'static str,
        /// The channel.
        uri: String,
    },
    /// Something the channel as a whole must not be, with GENERIC_ERROR.
    #[error("{rule}: channel={uri}")]
    Refused {
        /// The rule.
        rule: &'static str,
        /// The channel.
        uri: String,
    },
    /// A destination with a parameter that belongs to its channel.
    #[error("destinations must not contain the key: {key} channel={uri}")]
    DestinationKey {
        /// The key.
        key: &'static str,
        /// The destination.
        uri: String,
    },
    /// A channel tag that is no decimal number.
    #[error("could not parse channel tag string: {value}: a tag is a decimal number other than -1")]
    ChannelTag {
        /// The tag.
        value: String,
    },
    /// An entity tag that is no decimal number.
    #[error("Entity tag invalid: {value}: a tag is a decimal number other than -1")]
    EntityTag {
        /// The tag.
        value: String,
    },
    /// Neither `true` nor `false`.
    #[error("could not parse {key}={value} as bool from URI: true or false")]
    Bool {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// Not an integer of the key's size.
    #[error("could not parse {key}={value} as {kind} in URI: {fault}")]
    Integer {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// `int32_t` or `int64_t`.
        kind: &'static str,
        /// What is wrong.
        fault: NumberFault,
    },
    /// A `tag:` session id whose tag is no integer.
    #[error("could not parse session-id={value} as int64_t in URI due to: {fault}")]
    SessionTag {
        /// The value.
        value: String,
        /// What is wrong.
        fault: NumberFault,
    },
    /// A `tag:` session id of no publication.
    #[error("session-id={value} must reference a network publication")]
    UnknownSessionTag {
        /// The value.
        value: String,
    },
    /// Not a size, duration or other quantity of the key.
    #[error("could not parse {key}={value} in URI: {allowed}")]
    Quantity {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What the key takes.
        allowed: &'static str,
    },
    /// `nak-delay` is no duration.
    #[error("nak-delay is not parseable: {value}: digits and s, ms, us or ns")]
    NakDelay {
        /// The value.
        value: String,
    },
    /// A timestamp offset that is neither a number nor `reserved`.
    #[error("Invalid {key}: {value}: an integer or reserved")]
    TimestampOffset {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// Two timestamps in the same bytes.
    #[error("{first} and {second} overlap: they are {distance} bytes apart, at least 8 are needed")]
    TimestampOverlap {
        /// One key.
        first: &'static str,
        /// The other key.
        second: &'static str,
        /// Their distance.
        distance: u64,
    },
    /// A term length no term can have.
    #[error("{rule}: length={length}")]
    TermLength {
        /// The rule.
        rule: &'static str,
        /// The length.
        length: u64,
    },
    /// `max-resend` out of range.
    #[error("invalid max-resend={value}, must be > 0 and <= 256")]
    MaxResend {
        /// The value.
        value: u64,
    },
    /// An MTU no publication can have.
    #[error("{rule}: mtuLength={length}")]
    Mtu {
        /// The rule.
        rule: &'static str,
        /// The MTU.
        length: u64,
    },
    /// An MTU above what a term of this length can hold in one message.
    #[error(
        "MTU greater than max message length for term length: mtu={mtu} maxMessageLength={limit} termLength={term_length}"
    )]
    MtuAboveMessage {
        /// The MTU.
        mtu: i32,
        /// The longest message.
        limit: i32,
        /// The term length.
        term_length: i32,
    },
    /// A publication window below the MTU.
    #[error("pub-wnd={window} cannot be less than the mtu={mtu}")]
    WindowBelowMtu {
        /// The window.
        window: u64,
        /// The MTU.
        mtu: i32,
    },
    /// A publication window above half the term.
    #[error("pub-wnd={window} must not exceed half the term-length={term_length}")]
    WindowAboveHalfTerm {
        /// The window.
        window: u64,
        /// The term length.
        term_length: i32,
    },
    /// A part of an initial position without the others.
    #[error("params: init-term-id term-id term-offset must be used as a complete set")]
    PositionIncomplete,
    /// A term before the initial one.
    #[error(
        "Param difference greater than 2^31 - 1: init-term-id={initial_term_id} term-id={term_id}"
    )]
    TermBeforeInitial {
        /// The initial term id.
        initial_term_id: i32,
        /// The term id.
        term_id: i32,
    },
    /// An offset beyond the term.
    #[error("Param term-offset={term_offset} > term-length={term_length}")]
    OffsetBeyondTerm {
        /// The offset.
        term_offset: u64,
        /// The term length.
        term_length: i32,
    },
    /// An offset where no frame can start.
    #[error("Param term-offset={term_offset} must be multiple of FRAME_ALIGNMENT: 32")]
    OffsetUnaligned {
        /// The offset.
        term_offset: u64,
    },
    /// A position that is negative or no multiple of 32.
    #[error("position not multiple of FRAME_ALIGNMENT: {position}: at least 0, a multiple of 32")]
    Position {
        /// The position.
        position: i64,
    },
    /// A response correlation id out of range.
    #[error(
        "invalid response-correlation-id, must be a number greater than or equal to -1, or 'prototype': found {value}"
    )]
    ResponseCorrelationId {
        /// The value.
        value: String,
    },
    /// A traffic class out of range.
    #[error("so-tos must be between 0 and 255 inclusive: {value}")]
    TrafficClass {
        /// The value.
        value: String,
    },
    /// A value above what the key allows.
    #[error("{key}={value} is more than {max}")]
    TooLarge {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// The limit.
        max: u64,
    },
    /// `fc` names no strategy.
    #[error("No flow control strategy name specified, URI: {uri}")]
    FlowControlNameMissing {
        /// The channel.
        uri: String,
    },
    /// `fc` names an unknown strategy.
    #[error("Invalid flow control strategy name: {name} from URI: {uri}: max, min or tagged")]
    FlowControlName {
        /// The name.
        name: String,
        /// The channel.
        uri: String,
    },
    /// An option of `fc` that is wrong.
    #[error("{rule}, field: {field}, options: {options}")]
    FlowControlOption {
        /// The rule.
        rule: &'static str,
        /// The option.
        field: String,
        /// All of `fc`.
        options: String,
    },
    /// A number in `fc` with more digits than any number has.
    #[error(
        "Flow control options - number field too long (found {found}, max 63), field: {field}, options: {options}"
    )]
    FlowControlNumber {
        /// Characters found.
        found: usize,
        /// The value.
        field: String,
        /// All of `fc`.
        options: String,
    },
    /// `cc` names an unknown strategy.
    #[error("cc={value}: congestion control is static or cubic")]
    CongestionControl {
        /// The value.
        value: String,
    },
    /// No address text.
    #[error("host address invalid: {value}: {key} is host:port, with an IPv6 address in brackets")]
    Host {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// No port, or no number.
    #[error("port invalid: {value}: a number from 0 to 65535")]
    Port {
        /// The port, or the whole text when there is none.
        value: String,
    },
    /// A port above 65535.
    #[error("port out of range: '{value}': at most 65535")]
    PortRange {
        /// The port.
        value: String,
    },
    /// An interface text that is no interface.
    #[error("could not parse interface='{value}': {rule}")]
    Interface {
        /// The value.
        value: String,
        /// What is wrong.
        rule: &'static str,
    },
    /// No interface with this name.
    #[error("unknown interface {name}")]
    UnknownInterface {
        /// The name.
        name: String,
    },
    /// An interface without an address of the family.
    #[error("no {family} addresses found on interface {name}")]
    NoAddressOnInterface {
        /// `INET` or `INET6`.
        family: &'static str,
        /// The name.
        name: String,
    },
    /// No interface in this subnet.
    #[error("could not find matching interface='{value}'")]
    NoMatchingInterface {
        /// The value.
        value: String,
    },
    /// A multicast group whose control address would not be the next one.
    #[error("Multicast data address must be odd: {address}")]
    MulticastEven {
        /// The address.
        address: std::net::IpAddr,
    },
    /// A tag that names a channel of another kind or address.
    #[error("matching tag {tag} has mismatched {what}: {requested} <> {existing}")]
    TagMismatch {
        /// The tag.
        tag: i64,
        /// `control-mode`, or `endpoint or control`.
        what: &'static str,
        /// The channel asked for.
        requested: String,
        /// The channel that has the tag.
        existing: String,
    },
    /// A name of the channel was not resolved before its addresses were asked for.
    #[error("Unresolved - {key}={value}")]
    Unresolved {
        /// The key.
        key: &'static str,
        /// The text.
        value: String,
    },
}

impl UriError {
    /// The error code a client gets: INVALID_CHANNEL (1), UNKNOWN_HOST (9) or GENERIC_ERROR (11).
    #[must_use]
    pub const fn code(&self) -> i32 {
        match self {
            Self::TooLong { .. }
            | Self::Grammar { .. }
            | Self::Unwritable { .. }
            | Self::InvalidChannel { .. }
            | Self::DestinationKey { .. }
            | Self::ChannelTag { .. } => 1,
            Self::Unresolved { .. } => 9,
            _ => 11,
        }
    }
}
