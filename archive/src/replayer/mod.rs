//! The replayer: from segment files to a publication (07 §7).

mod session;

pub(crate) use session::{ReplaySession, ReplaySettings, Replaying};
