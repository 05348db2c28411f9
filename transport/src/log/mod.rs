//! One log buffer, both sides of it: three terms that a stream's frames go round in (02 §3–§5).
//!
//! Read [`shape`] first (positions, terms, offsets), then [`buffer`]: a [`LogBuffer`] is made or attached to, and gives out
//! handles, each the capability to do one thing:
//!
//! ```text
//!   ConcurrentAppender, Appender ──► term n ──► Reader (subscriber, spy, recorder)      Unblocker: past a dead claim
//!                                       └─────► Scanner (sender) ──► network            Cleaner: zeros behind them all
//!
//!   network ──► Inserter ──► term n ──► Reader         GapScanner: what is missing      Inserter: fills what never comes
//! ```
//!
//! | file | what |
//! |---|---|
//! | `layout`, `metadata`, `status` | where the words lie, who writes them; the constants, checked; the words that change |
//! | `frame`, `term` | a frame's header; every raw access to the terms' bytes |
//! | `tail` | the tails of a publication, and rotation |
//! | `claim`, `append`, `concurrent`, `exclusive` | producing |
//! | `read`, `block`, `assemble` | consuming |
//! | `scan`, `gap`, `insert`, `unblock`, `clean` | the driver's halves |
//!
//! # Soundness
//!
//! This folder hands out ordinary slices of memory that other threads and processes write. What makes that sound, and where
//! it ends:
//!
//! - *Bounds never depend on anybody.* A frame's length is loaded once, clamped to its term, and only the local copy is used;
//!   offsets are masked into the term. Whatever another process writes into tails, headers or counters, every access stays
//!   inside the mapping, and nothing panics.
//! - *Frame words are atomics, always*: 32 bits at every multiple of 32 of a term, also where a copy or the cleaning passes
//!   over them. So scans may look at any of them at any time. The other header words are atomics too, of fixed widths.
//! - *A claimed frame belongs to the claimant.* The get-and-add (or the one exclusive tail) gives each byte range to one claim;
//!   until the Release of the positive length nobody else touches its payload, afterwards nobody writes it (SYNC
//!   frame-committed in the code).
//! - *A committed frame stays until its readers have passed it.* A reader's slices borrow the [`Reader`]; only the exclusive
//!   borrow of [`Reader::commit`], or the end of a poll, moves its position, with Release. The driver loads all positions with
//!   Acquire before it says how far to clean (SYNC position-consumed), and lets nobody write to the cleaned room before its own
//!   Release of the limit (SYNC term-cleaned). So cleaning happens after the last look of every reader that keeps to its
//!   window, and before the first write of the next claim.
//!
//! These rules are kept by the agents of this process and by every correct peer, but the type system can't see other
//! processes. Rust has no word for memory that a stranger scribbles on; as in every program that reads a shared mapping, the
//! honest statement is: when one of the following happens, a payload slice may change while it is looked at. It is then garbage
//! within its bounds, as if the publisher had sent garbage, and two looks at a byte may differ.
//!
//! - Another process writes where it must not (committed frames, tails set back, terms cleaned too early).
//! - A publisher sleeps longer than the unblock timeout *inside* a claim, and goes on: its frame has become padding.
//! - An untethered subscriber falls so far behind that the driver no longer waits for it. Handlers of such streams copy first
//!   and check afterwards.
//! - A sender's frames overlap each other (a broken or hostile peer): the second write goes into a frame that may be being read.
//! - The caller of [`Cleaner::clean`] or [`Inserter::insert`] gives a position it has no right to, or a log is attached to
//!   twice for the same role.

#![expect(
    unsafe_code,
    reason = "slices of shared memory are made here and nowhere else in this crate"
)]

mod append;
pub mod assemble;
pub mod block;
pub mod buffer;
pub mod claim;
pub mod clean;
pub mod concurrent;
pub mod exclusive;
pub mod frame;
pub mod gap;
pub mod insert;
pub mod latch;
pub mod layout;
pub mod metadata;
pub mod read;
pub mod scan;
pub mod shape;
pub mod status;
pub mod tail;
mod term;
pub mod unblock;

pub use append::ReservedValueSupplier;
pub use assemble::{Assembler, ImageAssembler};
pub use block::Block;
pub use buffer::LogBuffer;
pub use claim::{Claim, Refused};
pub use clean::Cleaner;
pub use concurrent::ConcurrentAppender;
pub use exclusive::Appender;
pub use frame::{Fragment, Header, PendingFrame};
pub use gap::{Gap, GapScanner, Rebuilt};
pub use insert::{Inserted, Inserter};
pub use latch::Latch;
pub use metadata::{Constants, Kind, LogError};
pub use read::{Action, Frames, Reader};
pub use scan::{Available, Scanner};
pub use shape::{Partition, Place, Shape};
pub use status::{Status, StatusWriter};
pub use tail::Tails;
pub use unblock::Unblocker;
