//! The recorder: from the term buffer to the segment files.
//!
//! ```text
//!   reader.block(from, limit) ──► Writer ──► files.write(span of the term buffer) ──► completion ──► Writer
//!                                                                                                      │ contiguous prefix
//!   reader.commit(position) ◄── rec-pos counter ◄── Progress (shared memory) ◄── Recorded(position) ◄──┘
//! ```
//!
//! Nothing moves on submission: the image's position, the rec-pos counter and what recovery goes by all follow completed
//! writes ([`Recorded`]). Read [`mod@write`] first.
//!
//! | file | what |
//! |---|---|
//! | [`recorded`] | the proof that bytes are recorded |
//! | [`mod@write`] | [`Writer`]: the writes of one recording |
//! | [`block`] | what is taken from the stream |
//! | `open`, `flight` | the segment file; the writes under way |
//! | `pages`, `copies` | pages that are not whole yet; copies with checksums |
//! | [`progress`] | what a recorder leaves behind for recovery |
//! | [`rec_pos`] | the rec-pos counter: its key, its label, its one reader |

pub mod block;
mod copies;
mod flight;
mod open;
mod pages;
pub mod progress;
pub mod rec_pos;
pub mod recorded;
pub mod write;

pub use block::Piece;
pub use progress::{Evidence, Progress, ProgressSlot};
pub use rec_pos::{RecPos, RecPosKey};
pub use recorded::Recorded;
pub use write::{WriteFailed, Writer, WriterSettings};
