//! Aeron Archive: catalog, segments, recorder, replayer, control protocol and client.
#![forbid(unsafe_code)]

pub mod client;
pub mod codecs;
