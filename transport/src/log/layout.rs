//! Where the words of a log file lie (02 §3.1, §3.2).
//!
//! ```text
//!   0          T          2T         3T                        file length - 4096
//!   +----------+----------+----------+- - - - - - - - - - - - -+------------------+
//!   | term 0   | term 1   | term 2   | gap, if the page asks   | metadata, 4096   |
//!   +----------+----------+----------+- - - - - - - - - - - - -+------------------+
//!
//!   metadata:
//!   0    raw tail 0 (i64)   8  raw tail 1   16  raw tail 2   24  active term count (i32)
//!   128  end of stream position (i64)   136  is connected (i32)   140  active transport count (i32)
//!   256  registration id (i64)   264  initial term id   268  header length   272  MTU   276  term length   280  page size
//!   284  publication window   288  receiver window   292..316  socket buffers: send (own, default, max), receive (same)
//!   316  max resend   320  default frame header (32 of 128 bytes)
//!   448  entity tag (i64)   456  response correlation id (i64)   464  linger   472  window limit   480  resting (ns)
//!   488  group  response  rejoin  reliable  sparse  signal EOS  spies simulate connection  tether  (u8 each)
//!   496  revoked (u8)   497  log kind (u8)   500  untethered linger (i64, at a multiple of 4 only)
//! ```
//!
//! Words that change, who writes them and who reads them:
//!
//! | word | only writer | ordering | readers |
//! |---|---|---|---|
//! | raw tails | publishers: add (concurrent), Release (exclusive); rotation and unblocker: compare-and-set | SYNC tail | publishers and driver, Acquire |
//! | active term count | publishers and unblocker: compare-and-set (concurrent), Release (exclusive) | SYNC rotation | publishers and driver, Acquire |
//! | end of stream position | driver | Release | clients, Acquire |
//! | is connected | driver | Release | publishers, Acquire |
//! | active transport count | driver, images only | Release | clients, Acquire |
//! | revoked (low byte of the word at 496) | driver | Release | clients and sender, Acquire |
//! | all others | driver, before the log is announced | the announcement's | everybody |

use super::shape::{PARTITIONS, TERM_LENGTH_MIN};

/// Length of the metadata section: the last bytes of the file.
pub const METADATA_LENGTH: usize = 4096;

/// Shortest log file: three terms of 64 KiB and the metadata.
pub const LOG_LENGTH_MIN: usize = PARTITIONS * TERM_LENGTH_MIN as usize + METADATA_LENGTH;

/// Smallest page size of a log file.
pub const PAGE_SIZE_MIN: i32 = 4 * 1024;

/// Largest page size of a log file.
pub const PAGE_SIZE_MAX: i32 = 1024 * 1024 * 1024;

/// Length of a log file: three terms and the metadata, in whole pages. Both arguments are powers of two in their ranges.
pub const fn log_length(term_length: i32, page_size: i32) -> usize {
    (PARTITIONS * term_length as usize + METADATA_LENGTH).next_multiple_of(page_size as usize)
}

pub(super) const RAW_TAILS: [usize; PARTITIONS] = [0, 8, 16];
pub(super) const ACTIVE_TERM_COUNT: usize = 24;
pub(super) const END_OF_STREAM_POSITION: usize = 128;
pub(super) const IS_CONNECTED: usize = END_OF_STREAM_POSITION + 8;
pub(super) const ACTIVE_TRANSPORT_COUNT: usize = IS_CONNECTED + 4;
pub(super) const REGISTRATION_ID: usize = 256;
pub(super) const INITIAL_TERM_ID: usize = REGISTRATION_ID + 8;
pub(super) const DEFAULT_HEADER_LENGTH: usize = INITIAL_TERM_ID + 4;
pub(super) const MTU: usize = DEFAULT_HEADER_LENGTH + 4;
pub(super) const TERM_LENGTH: usize = MTU + 4;
pub(super) const PAGE_SIZE: usize = TERM_LENGTH + 4;
pub(super) const PUBLICATION_WINDOW: usize = PAGE_SIZE + 4;
pub(super) const RECEIVER_WINDOW: usize = PUBLICATION_WINDOW + 4;
pub(super) const SOCKET_SNDBUF: usize = RECEIVER_WINDOW + 4;
pub(super) const OS_DEFAULT_SOCKET_SNDBUF: usize = SOCKET_SNDBUF + 4;
pub(super) const OS_MAX_SOCKET_SNDBUF: usize = OS_DEFAULT_SOCKET_SNDBUF + 4;
pub(super) const SOCKET_RCVBUF: usize = OS_MAX_SOCKET_SNDBUF + 4;
pub(super) const OS_DEFAULT_SOCKET_RCVBUF: usize = SOCKET_RCVBUF + 4;
pub(super) const OS_MAX_SOCKET_RCVBUF: usize = OS_DEFAULT_SOCKET_RCVBUF + 4;
pub(super) const MAX_RESEND: usize = OS_MAX_SOCKET_RCVBUF + 4;
pub(super) const DEFAULT_HEADER: usize = MAX_RESEND + 4;
pub(super) const ENTITY_TAG: usize = DEFAULT_HEADER + 128;
pub(super) const RESPONSE_CORRELATION_ID: usize = ENTITY_TAG + 8;
pub(super) const LINGER_TIMEOUT_NS: usize = RESPONSE_CORRELATION_ID + 8;
pub(super) const UNTETHERED_WINDOW_LIMIT_TIMEOUT_NS: usize = LINGER_TIMEOUT_NS + 8;
pub(super) const UNTETHERED_RESTING_TIMEOUT_NS: usize = UNTETHERED_WINDOW_LIMIT_TIMEOUT_NS + 8;
pub(super) const GROUP: usize = UNTETHERED_RESTING_TIMEOUT_NS + 8;
pub(super) const IS_RESPONSE: usize = GROUP + 1;
pub(super) const REJOIN: usize = IS_RESPONSE + 1;
pub(super) const RELIABLE: usize = REJOIN + 1;
pub(super) const SPARSE: usize = RELIABLE + 1;
pub(super) const SIGNAL_EOS: usize = SPARSE + 1;
pub(super) const SPIES_SIMULATE_CONNECTION: usize = SIGNAL_EOS + 1;
pub(super) const TETHER: usize = SPIES_SIMULATE_CONNECTION + 1;
pub(super) const IS_REVOKED: usize = TETHER + 1;
pub(super) const LOG_KIND: usize = IS_REVOKED + 1;
pub(super) const UNTETHERED_LINGER_TIMEOUT_NS: usize = 500;
/// First byte of the constant part.
pub(super) const CONSTANTS: usize = REGISTRATION_ID;
/// Length of the constant part; the rest of the section is zero.
pub(super) const CONSTANTS_LENGTH: usize = UNTETHERED_LINGER_TIMEOUT_NS + 8 - CONSTANTS;

const _: () = {
    // The formats are little-endian, and words of a mapping are used as they lie.
    assert!(cfg!(target_endian = "little"));
    assert!(LOG_LENGTH_MIN == 200_704);
    assert!(log_length(1 << 30, 4096) == 3_221_229_568);
    assert!(IS_CONNECTED == 136 && ACTIVE_TRANSPORT_COUNT == 140);
    assert!(INITIAL_TERM_ID == 264 && MTU == 272 && TERM_LENGTH == 276 && PAGE_SIZE == 280);
    assert!(PUBLICATION_WINDOW == 284 && RECEIVER_WINDOW == 288);
    assert!(SOCKET_SNDBUF == 292 && SOCKET_RCVBUF == 304 && MAX_RESEND == 316);
    assert!(DEFAULT_HEADER == 320 && ENTITY_TAG == 448 && LINGER_TIMEOUT_NS == 464);
    assert!(GROUP == 488 && TETHER == 495 && IS_REVOKED == 496 && LOG_KIND == 497);
    assert!(CONSTANTS == 256 && CONSTANTS + CONSTANTS_LENGTH == 508);
    // Words that change are aligned; the one at 500 is not, and is constant.
    assert!(ACTIVE_TERM_COUNT.is_multiple_of(4) && END_OF_STREAM_POSITION.is_multiple_of(8));
    assert!(IS_REVOKED.is_multiple_of(4));
};
