//! The catalog: which recordings there are (06 §3.1, 07 §6).
//!
//! ```text
//!   at start:    setup ── reads, creates ──► Catalog ◄── recovery ── walks the last segments of recordings that were cut off
//!   afterwards:  Catalog::added, stopped, … ──► Changes ──► CatalogFile ── one write after the other ──► archive.catalog
//! ```
//!
//! [`Catalog`] is the whole catalog in memory and decides; it does no I/O. What it changes comes out as [`Changes`]: the
//! writes that make the file say the same, in their order.
//!
//! | file | what |
//! |---|---|
//! | [`layout`] | the file, byte by byte |
//! | [`recording`] | an entry as a checked value |
//! | [`index`] | [`Catalog`]: all entries, by id |
//! | [`edit`] | what changes them |
//! | [`mod@file`] | writes, with tickets |
//! | [`setup`] | opening or creating, at start |
//! | [`recover`], [`walk`], [`repair`] | stop positions after a crash: the rule, the frames, the doing |

pub mod edit;
pub mod file;
pub mod index;
pub mod layout;
pub mod recording;
pub mod recover;
pub mod repair;
pub mod setup;
pub mod walk;

pub use edit::{Extension, NewRecording, RefusedEdit, Replacement};
pub use file::{CatalogFile, Changes, Mark};
pub use index::Catalog;
pub use recording::{Recording, Stop};
pub use setup::{CatalogError, open};
