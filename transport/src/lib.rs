//! Aeron Transport: channel URIs, frames, log buffers, CnC, client and media driver.
//!
//! ```text
//!   client ──command──► cnc (ring) ──► driver ──frame──► network
//!          ◄──event──── cnc (broadcast)  │
//!          ◄────────────── log buffers ──┘   counters: for everybody to read
//! ```
//!
//! Formats stand apart from those who use them: [`uri`], [`frame`], [`cnc`], [`command`], [`counters`] and [`log`] know neither
//! client nor driver. Read [`log`] first (everything flows through it), then [`client`] or [`driver`].
#![deny(unsafe_code)]

pub mod client;
pub mod cnc;
pub mod command;
pub mod counters;
pub mod driver;
pub mod frame;
pub mod log;
pub mod uri;
