//! What is on the wire: every frame of Aeron's UDP protocol as a checked value (03 §1).
//!
//! [`Frame::decode`] takes a datagram as it came and gives one value per type, or the [`Invalid`] rule it breaks; every frame
//! has an `encode` that writes it to the byte and refuses to write what a peer would refuse to read. Nothing here allocates,
//! panics or knows a socket.
//!
//! ```text
//!    datagram ──► BaseHeader ──┬─► DataDatagram ──► walk(term_length) ──► TermSpan      data, padding, heartbeat
//!                              ├─► Setup                                                sender → receiver
//!                              ├─► StatusMessage, Nak ──► check(term_length)            receiver → sender
//!                              ├─► ErrorFrame, ResponseSetup                            receiver → sender
//!                              ├─► Rttm                                                 both
//!                              └─► Resolution ──► entries()                             driver ↔ driver
//! ```
//!
//! Rules that need no knowledge of the stream are checked by `decode`; those that need the term length by the two calls in the
//! drawing, because a frame of an unknown stream is dropped uncounted and not judged (03 §1.11.2).
//!
//! The frames are the same from 1.51.0 to 1.54.0. The checks are those released with 1.53.0: they accept everything a correct
//! peer of any version sends.

#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]

mod data;
mod error;
mod fields;
mod header;
pub mod limits;
mod nak;
mod resolution;
mod response_setup;
mod rttm;
mod setup;
mod status;

pub use data::{DataDatagram, DataFrames, DataHeader, Heartbeat, StreamState, TermSpan};
pub use error::ErrorFrame;
pub use header::{BaseHeader, FrameType, Invalid};
pub use nak::Nak;
pub use resolution::{Entries, EntryFault, Resolution, ResolutionEntry, ResolutionWriter};
pub use response_setup::ResponseSetup;
pub use rttm::Rttm;
pub use setup::Setup;
pub use status::{GroupTag, StatusMessage};

/// A datagram that passed the checks of 03 §1.11.2 which need no stream. Borrows from the datagram; allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame<'a> {
    /// One or more data frames, a padding, or a heartbeat.
    Data(DataDatagram<'a>),
    /// A gap a receiver wants filled.
    Nak(Nak),
    /// A receiver's position and window.
    StatusMessage(StatusMessage),
    /// A receiver's error.
    Error(ErrorFrame<'a>),
    /// A sender's announcement of its stream.
    Setup(Setup),
    /// Round-trip measurement, question or answer.
    Rttm(Rttm),
    /// Name-resolution gossip.
    Resolution(Resolution<'a>),
    /// The session of a response publication.
    ResponseSetup(ResponseSetup),
}

impl<'a> Frame<'a> {
    /// Reads one datagram.
    ///
    /// Which types make sense where is the endpoint's business: a type that passes here but is not for it is ignored there.
    ///
    /// # Errors
    /// The broken rule; the datagram is to be counted in "Invalid packets" and dropped.
    #[inline]
    pub fn decode(packet: &'a [u8]) -> Result<Self, Invalid> {
        let base = BaseHeader::decode(packet)?;
        match base.frame_type {
            FrameType::Pad | FrameType::Data => DataDatagram::from_packet(packet).map(Self::Data),
            FrameType::Nak => Nak::from_packet(base, packet).map(Self::Nak),
            FrameType::StatusMessage => {
                StatusMessage::from_packet(base, packet).map(Self::StatusMessage)
            }
            FrameType::Error => ErrorFrame::from_packet(base, packet).map(Self::Error),
            FrameType::Setup => Setup::from_packet(base, packet).map(Self::Setup),
            FrameType::Rttm => Rttm::from_packet(base, packet).map(Self::Rttm),
            FrameType::Resolution => Resolution::from_packet(base, packet).map(Self::Resolution),
            FrameType::ResponseSetup => {
                ResponseSetup::from_packet(base, packet).map(Self::ResponseSetup)
            }
        }
    }
}
