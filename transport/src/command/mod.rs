//! The control protocol (spec 02 §6): commands go from clients to the driver through a ring, events go from the driver to
//! every client through a broadcast.
//!
//! Read [`commands`] first: a command is a value, decoded and encoded in one place each. The type id travels in the record's
//! header, not in the message. Whatever another process wrote is checked here once; no inner length is believed.

pub mod codes;
pub mod commands;
pub mod events;
#[cfg(test)]
mod tests;
mod wire;

pub use codes::{CommandCode, ErrorCode, EventCode};
pub use commands::{Command, CommandBody, CommandRefused};
pub use events::{AvailableImage, Event, PublicationError, PublicationReady};
pub use wire::{BufferTooShort, Malformed};
