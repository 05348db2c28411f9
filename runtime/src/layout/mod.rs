//! Layouts: which agents share which thread, on which core, idling how.
//!
//! A layout is data. An agent is known by the *role* it plays (`conductor`, `sender`, …); a [`Layout`] names threads and
//! lists roles on each, in the order of their turns; [`Layout::assign`] holds it against the roles that a component has and
//! the machine's cores, and says what doesn't fit. Four layouts have Aeron's names (spec 01 §13.1).

mod assign;
mod named;

pub use assign::{Assignment, LayoutError, Placement};

use crate::{idle::IdleStrategy, pin::Core};

/// Threads and the roles on each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The threads, in the order they are started.
    pub threads: Vec<ThreadSpec>,
}

/// One thread of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadSpec {
    /// Its name; visible up to 15 bytes.
    pub name: String,
    /// Whether the runtime starts a thread for it, or hands it to the caller as an invoker.
    pub driven_by: DrivenBy,
    /// Roles in the order of their turns. A role ending in `*` stands for all roles with that beginning that no other
    /// entry names.
    pub roles: Vec<String>,
    /// The one core it may run on.
    pub core: Option<Core>,
    /// What it does when there is no work.
    pub idle: IdleStrategy,
}

/// Who calls a thread's cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrivenBy {
    /// A thread of the runtime's.
    Runner,
    /// The application, from a thread of its own.
    Caller,
}
