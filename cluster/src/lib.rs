//! Aeron Cluster: consensus module, election, log, service container and cluster client.
#![forbid(unsafe_code)]

pub mod client;
pub mod codecs;
