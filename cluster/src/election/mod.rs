//! Elections and the terms they lead to, as a pure core (spec 09 §5, §11, §19.4).
//!
//! ```text
//!  messages, completions, ticks ──► step(state, common, facts, input) ──► state', effects ──► executor (I/O)
//!                                        ▲                                                        │
//!                                        └────────────────────── Done(ticket, outcome) ───────────┘
//! ```
//!
//! Read `state.rs`, then `step.rs`. Nothing here does I/O, reads a clock or decides twice: the executor performs effects in order and gives back what became of
//! them. CLOSED is a state like the others: the term that runs is stepped by the same function, until something makes it an election again.
//!
//! | file | what |
//! |---|---|
//! | `state.rs` `edges.rs` `turn.rs` | the 18 states, the legal edges, the one door into a state |
//! | `init.rs` | what must be on disk before a canvass; truncation in its order |
//! | `canvass.rs` `ballot.rs` | standing and voting |
//! | `lead.rs` `announce.rs` | the leader's way to its first byte, and its term |
//! | `follow.rs` `copy.rs` `rejoin.rs` `established.rs` | the follower's decision, its way, its term |
//! | `impaired.rs` | a member that has lost its files (§19.4 D) |
#![deny(clippy::wildcard_enum_match_arm, clippy::float_arithmetic)]

mod announce;
mod ballot;
mod canvass;
mod common;
mod copy;
mod edges;
mod effect;
mod established;
mod facts;
mod follow;
mod impaired;
mod init;
mod lead;
mod message;
mod reason;
mod rejoin;
mod state;
mod step;
mod turn;

pub use common::{Common, Recovered};
pub use edges::Code;
pub use effect::{Effect, Effects, Fatal, NodeStateEntry, Role, Source, Ticket, To, Truncation};
pub use facts::{Facts, Image, Settings};
pub use message::{
    APPEND_POSITION_FLAG_CATCHUP, AppendPosition, CanvassPosition, CatchupPosition, CommitPosition,
    Draft, Message, NewLeadershipTerm, Proven, RequestVote, StopCatchup, Vote,
};
pub use reason::Reason;
pub use state::{
    CandidateBallot, Canvass, Closed, FollowerCatchup, FollowerLogInit, FollowerLogReplication,
    FollowerReplay, Following, Init, Joining, LeaderInit, LeaderLogReplication, LeaderReady,
    LeaderReplay, Leading, Nominate, State, Subscribing,
};
pub use step::{Input, Outcome, step};
