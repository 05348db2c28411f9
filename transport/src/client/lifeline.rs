//! How a handle and its conductor learn of each other's end, without ever waiting for each other.
//!
//! | word | writers | ordering | readers |
//! |---|---|---|---|
//! | latch | the handle's owner, the conductor | release | owner on the data path, conductor: acquire |
//! | held | the handle's owner, once | release | conductor: acquire |
//! | given back | all owners | get-and-add | conductor: acquire |
//! | outstanding | handles, conductor | get-and-add | anyone: acquire |
//! | phase | handles (to closing), conductor | release | handles: acquire |

use taranis_runtime::mem::{Region, Word32, Word64};

use crate::log::Latch;

const HELD: i32 = 0;
const GIVEN_BACK: i32 = 1;
const GIVEN_BACK_REVOKED: i32 = 2;

const OPEN: i32 = 0;
const CLOSING: i32 = 1;
const CLOSED: i32 = 2;

/// Between one handle and the conductor.
#[derive(Clone, Debug)]
pub(super) struct Lifeline {
    latch: Latch,
    held: Word32,
}

/// How a handle was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GivenBack {
    /// Drop what was not sent yet.
    pub(super) revoke: bool,
}

impl Lifeline {
    pub(super) fn new() -> Self {
        Self {
            latch: Latch::new(),
            held: word32(),
        }
    }

    /// What the data path looks at.
    pub(super) fn latch(&self) -> &Latch {
        &self.latch
    }

    pub(super) fn is_closed(&self) -> bool {
        self.latch.is_closed()
    }

    /// The owner has no more use for it. Only the first call has an effect.
    pub(super) fn give_back(&self, signals: &Signals, revoke: bool) {
        self.latch.close();
        let how = if revoke {
            GIVEN_BACK_REVOKED
        } else {
            GIVEN_BACK
        };
        if self.held.compare_and_set(HELD, how) {
            signals.outstanding.fetch_add(1);
            // SYNC given-back: pairs with `Signals::given_back`; the word above is visible then.
            signals.given_back.fetch_add(1);
        }
    }

    /// Whether the owner has given it back.
    pub(super) fn given_back(&self) -> Option<GivenBack> {
        match self.held.load_acquire() {
            HELD => None,
            how => Some(GivenBack {
                revoke: how == GIVEN_BACK_REVOKED,
            }),
        }
    }
}

/// Between all handles of a client and its conductor.
#[derive(Clone, Debug)]
pub(super) struct Signals {
    given_back: Word64,
    outstanding: Word64,
    phase: Word32,
}

impl Signals {
    pub(super) fn new() -> Self {
        Self {
            given_back: word64(),
            outstanding: word64(),
            phase: word32(),
        }
    }

    /// How many handles were given back so far.
    pub(super) fn given_back(&self) -> i64 {
        // SYNC given-back: pairs with `Lifeline::give_back`.
        self.given_back.load_acquire()
    }

    /// Commands that the driver has not answered yet.
    pub(super) fn outstanding(&self) -> i64 {
        self.outstanding.load_acquire()
    }

    /// Asks the conductor to close the client.
    pub(super) fn ask_to_close(&self) {
        self.phase.compare_and_set(OPEN, CLOSING);
    }

    /// Whether the conductor was asked to close the client.
    pub(super) fn is_asked_to_close(&self) -> bool {
        self.phase.load_acquire() == CLOSING
    }

    /// Whether the client takes no more commands.
    pub(super) fn is_closed(&self) -> bool {
        self.phase.load_acquire() != OPEN
    }

    /// Whether the conductor has closed the client.
    pub(super) fn is_at_end(&self) -> bool {
        self.phase.load_acquire() == CLOSED
    }

    /// The conductor has closed everything.
    pub(super) fn set_closed(&self) {
        self.phase.store_release(CLOSED);
    }
}

/// One command that the driver has not answered yet; counted while it lives.
#[derive(Debug)]
pub(super) struct Outstanding(Word64);

impl Outstanding {
    /// Counts one more.
    pub(super) fn begin(signals: &Signals) -> Self {
        signals.outstanding.fetch_add(1);
        Self::adopt(signals)
    }

    /// Takes over one that a handle counted when it was given back.
    pub(super) fn adopt(signals: &Signals) -> Self {
        Self(signals.outstanding.clone())
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.0.fetch_add(-1);
    }
}

fn word32() -> Word32 {
    Region::heap(size_of::<i32>())
        .word32(0)
        .expect("the first word of a region of four bytes lies inside")
}

fn word64() -> Word64 {
    Region::heap(size_of::<i64>())
        .word64(0)
        .expect("the first word of a region of eight bytes lies inside")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_given_back_once() {
        let (signals, lifeline) = (Signals::new(), Lifeline::new());
        assert_eq!(lifeline.given_back(), None);
        lifeline.give_back(&signals, true);
        lifeline.give_back(&signals, false);
        assert!(lifeline.is_closed());
        assert_eq!(lifeline.given_back(), Some(GivenBack { revoke: true }));
        assert_eq!(signals.given_back(), 1);
        assert_eq!(signals.outstanding(), 1);
        drop(Outstanding::adopt(&signals));
        assert_eq!(signals.outstanding(), 0);
    }
}
