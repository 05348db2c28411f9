//! The client library: publications, subscriptions and counters of a media driver (spec 05).
//!
//! ```text
//!   your threads                                   the conductor's thread                     media driver
//!   Aeron ──────── requests (bounded queue) ──────► ClientConductor ── to-driver ring ──────► conductor
//!   Pending ◄───── answers (one each) ───────────── ClientConductor ◄─ to-clients broadcast ─ conductor
//!   Subscription ◄ images (bounded queue) ───────── ClientConductor
//!   Publication ── messages (log buffer, no lock, no allocation) ──────────────────────────► sender
//!   Subscription ◄ messages (log buffer, no lock, no allocation) ─────────────────────────── receiver
//! ```
//!
//! Read [`Aeron`] first, then [`Publication`] and [`Subscription`]. [`Connect`] gives an [`Aeron`] for asking and a
//! [`ClientConductor`], the agent that must be given a thread, or turns. An agent that needs a client polls its [`Pending`]s;
//! an application may wait for them, through a [`Client`].
//!
//! Every handle may be dropped in any order, on any thread, whether the driver lives or not. The memory behind a handle lives
//! as long as the handle. A closed handle answers that it is closed; it never leads to memory that is gone.

mod aeron;
mod application;
mod conductor;
mod context;
mod counter;
mod destination;
mod driver_check;
mod error;
mod exclusive;
mod image;
mod lifeline;
mod link;
mod pending;
mod publication;
mod status;
mod subscription;

pub use aeron::{Aeron, Connect};
pub use application::Client;
pub use conductor::{
    ClientConductor, ErrorHandler, Handlers, PublicationErrorFrame, PublicationErrorHandler,
};
pub use context::{CLIENT_NAME_MAX, Context, Millis};
pub use counter::{Counter, CounterEvent, CounterListener};
pub use driver_check::{DriverState, driver_state, request_driver_termination};
pub use error::{ClientError, ConfigError};
pub use exclusive::ExclusivePublication;
pub use image::{Image, ImageHandler, ImageHandlers, ImageInfo};
pub use pending::Pending;
pub use publication::Publication;
pub use status::ChannelStatus;
pub use subscription::{ImageChange, Subscription};

pub use crate::log::{Action, Assembler, Claim, Fragment, Header, ImageAssembler, Refused};
