//! Aeron Transport: channel URIs, frames, log buffers, CnC, client and media driver.
#![deny(unsafe_code)]

pub mod client;
pub mod cnc;
pub mod command;
pub mod counters;
pub mod driver;
pub mod frame;
pub mod log;
pub mod uri;
