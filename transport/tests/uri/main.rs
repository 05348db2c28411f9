//! Channel URIs (04 §1, 05 §5, 03 §6.1): what is taken, what is refused and why, and which channels share an endpoint.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod any_text;
mod builder;
mod canonical;
mod flow_control;
mod grammar;
mod interface;
mod params;
mod publication;
mod quantity;
mod rules;
