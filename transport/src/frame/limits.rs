//! The numbers of the UDP protocol (03 §0, §1.12). Lengths in bytes, times in nanoseconds.

/// The only version of the frame header there is.
pub const FRAME_VERSION: i8 = 0;
/// Frames start at multiples of this in a term, and data frames in a datagram.
pub const FRAME_ALIGNMENT: i32 = 32;
/// Length of the header of a data or padding frame.
pub const DATA_HEADER_LENGTH: usize = 32;

/// The largest datagram, and so the largest MTU.
pub const MAX_UDP_PAYLOAD_LENGTH: i32 = 65_504;
/// The smallest MTU a SETUP may announce; a publication needs more than this (§1.12).
pub const MIN_SETUP_MTU_LENGTH: i32 = 32;
/// MTU of network publications unless set (`AERON_MTU_LENGTH`).
pub const DEFAULT_MTU_LENGTH: i32 = 1_408;
/// MTU of IPC publications unless set (`AERON_IPC_MTU_LENGTH`).
pub const DEFAULT_IPC_MTU_LENGTH: i32 = 1_408;

/// The shortest term.
pub const TERM_MIN_LENGTH: i32 = 64 * 1024;
/// The longest term.
pub const TERM_MAX_LENGTH: i32 = 1024 * 1024 * 1024;
/// The longest message, whatever the term length.
pub const MAX_MESSAGE_LENGTH: i32 = 16 * 1024 * 1024;

/// Time between SETUP frames while they are asked for.
pub const SETUP_INTERVAL_NS: i64 = 100_000_000;
/// Time between heartbeats of an idle sender.
pub const HEARTBEAT_INTERVAL_NS: i64 = 100_000_000;
/// How long a receiver waits for the SETUP it asked for.
pub const PENDING_SETUP_TIMEOUT_NS: i64 = 1_000_000_000;
/// Silence after which a destination or connection counts as gone.
pub const DESTINATION_TIMEOUT_NS: i64 = 5_000_000_000;
/// A receiver drains an ended stream for this many status message timeouts.
pub const EOS_STATUS_MESSAGE_MULTIPLE: i64 = 5;
/// Commands the sender and the receiver each take in one duty cycle.
pub const COMMAND_DRAIN_LIMIT: usize = 1;
/// Upper bound of the messages in one send call (since 1.54.0; 16 before).
pub const MAX_MESSAGES_PER_SEND: usize = 64;
/// Default of `max-resend`.
pub const DEFAULT_MAX_RESEND: u32 = 16;
/// Upper bound of `max-resend`; the lower one is 1.
pub const MAX_RESEND_MAX: u32 = 256;
/// The longest text of an ERR frame.
pub const MAX_ERROR_TEXT_LENGTH: usize = 1_023;
/// The longest ERR frame.
pub const MAX_ERROR_FRAME_LENGTH: usize = 1_063;

const _: () = assert!(MAX_ERROR_FRAME_LENGTH == 40 + MAX_ERROR_TEXT_LENGTH);
const _: () = assert!(MAX_UDP_PAYLOAD_LENGTH % FRAME_ALIGNMENT == 0);
const _: () = assert!(DEFAULT_MTU_LENGTH % FRAME_ALIGNMENT == 0);

/// The longest message that fits terms of `term_length`: an eighth of the term, at most 16 MiB.
#[must_use]
pub const fn max_message_length(term_length: i32) -> i32 {
    let eighth = term_length / 8;
    if eighth < MAX_MESSAGE_LENGTH {
        eighth
    } else {
        MAX_MESSAGE_LENGTH
    }
}

/// Is this a length a term can have: a power of two from 64 KiB to 1 GiB?
#[must_use]
pub const fn is_term_length(length: i32) -> bool {
    length >= TERM_MIN_LENGTH && length <= TERM_MAX_LENGTH && length & (length.wrapping_sub(1)) == 0
}

/// Can a frame start at this offset in a term of `term_length`: in `[0, term_length)`, a multiple of 32?
#[must_use]
pub const fn is_frame_offset(offset: i32, term_length: i32) -> bool {
    offset >= 0 && offset < term_length && offset % FRAME_ALIGNMENT == 0
}
