//! Stopping a node: one flag for all its threads, with the reason of whoever raised it first.

use std::sync::{Arc, OnceLock};

/// The request to stop, shared by the threads of one node (and by nothing else: two nodes in one process have two).
#[derive(Clone, Debug, Default)]
pub struct Halt {
    reason: Arc<OnceLock<HaltReason>>,
}

/// Who asked first, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaltReason {
    /// The agent, or the application.
    pub by: String,
    /// In words.
    pub why: String,
}

impl Halt {
    /// A halt that nobody requested yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks all threads to close their agents. Only the first reason is kept.
    pub fn request(&self, by: &str, why: &str) {
        // A second request changes nothing: the node is stopping already.
        let _ = self.reason.set(HaltReason {
            by: by.to_owned(),
            why: why.to_owned(),
        });
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        self.reason.get().is_some()
    }

    /// The first reason.
    pub fn reason(&self) -> Option<&HaltReason> {
        self.reason.get()
    }
}
