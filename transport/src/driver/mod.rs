//! The media driver: conductor, sender and receiver, each an agent of its own.
//!
//! What Aeron keeps in one object touched by three threads is here one *half* per agent. Halves meet only in shared memory
//! (the log buffer, counters, and the few words of `stream_state` and `image_state`) and through the bounded channels of
//! `delegates`:
//!
//! ```text
//!   clients ──to-driver ring──► conductor ──ToSender────► sender   ──► network
//!           ◄──broadcast────────    ▲  │ ◄──FromSender───
//!                                   │  └───ToReceiver──► receiver ◄── network
//!                                   └──────FromReceiver──
//! ```
//!
//! The conductor makes a stream (log, counters, socket) and hands the sender or receiver its half; to remove it, it asks the
//! half first, and frees only when the half has acknowledged. Read [`MediaDriver`] first.

mod conductor;
mod context;
pub(crate) mod delegates;
mod flow;
pub(crate) mod image_state;
mod network_counters;
pub(crate) mod receiver;
mod sender;
mod stall;
mod start;
pub(crate) mod stream_state;

pub use conductor::{DriverConductor, TerminationValidator};
pub use context::DriverSettings;
pub use receiver::Receiver;
pub use sender::Sender;
pub use start::{MediaDriver, StartError};
