//! What conductor and sender tell each other about one network publication, all the time: words in memory of the driver's own.
//!
//! ```text
//!   offset  word                     only writer   ordering          reader
//!   0       has receivers            sender        release/acquire   conductor
//!   8       unicast end-of-stream    sender        release/acquire   conductor
//!   16      has spies                conductor     release/acquire   sender
//!   24      furthest spy position    conductor     release/acquire   sender
//!   32      end of stream            conductor     release/acquire   sender
//! ```
//!
//! `snd-pos` and `snd-lmt` are counters, so that tools see them, too.

use taranis_runtime::mem::{OutOfRegion, Region, Word64};

const HAS_RECEIVERS: usize = 0;
const UNICAST_EOS: usize = 8;
const HAS_SPIES: usize = 16;
const SPY_POSITION: usize = 24;
const END_OF_STREAM: usize = 32;
const BYTES: usize = 64;

/// The conductor's end.
#[derive(Debug)]
pub(crate) struct ConductorState {
    has_receivers: Word64,
    unicast_eos: Word64,
    has_spies: Word64,
    spy_position: Word64,
    end_of_stream: Word64,
}

/// The sender's end.
#[derive(Debug)]
pub(crate) struct SenderState {
    has_receivers: Word64,
    unicast_eos: Word64,
    has_spies: Word64,
    spy_position: Word64,
    end_of_stream: Word64,
}

/// Both ends of a new publication's state: nobody receives, nobody spies, the stream goes on.
pub(crate) fn stream_state() -> Result<(ConductorState, SenderState), OutOfRegion> {
    let region = Region::heap(BYTES);
    let conductor = ConductorState {
        has_receivers: region.word64(HAS_RECEIVERS)?,
        unicast_eos: region.word64(UNICAST_EOS)?,
        has_spies: region.word64(HAS_SPIES)?,
        spy_position: region.word64(SPY_POSITION)?,
        end_of_stream: region.word64(END_OF_STREAM)?,
    };
    let sender = SenderState {
        has_receivers: conductor.has_receivers.clone(),
        unicast_eos: conductor.unicast_eos.clone(),
        has_spies: conductor.has_spies.clone(),
        spy_position: conductor.spy_position.clone(),
        end_of_stream: conductor.end_of_stream.clone(),
    };
    Ok((conductor, sender))
}

impl ConductorState {
    /// Whether at least as many receivers as flow control requires are live (03 §2.9.2).
    pub(crate) fn has_receivers(&self) -> bool {
        self.has_receivers.load_acquire() != 0
    }

    /// Whether the one receiver of a unicast stream said it has it all.
    pub(crate) fn has_unicast_eos(&self) -> bool {
        self.unicast_eos.load_acquire() != 0
    }

    /// Tells the sender of the spies: the furthest position of one, `None` without any.
    pub(crate) fn set_spies(&self, furthest: Option<i64>) {
        if let Some(position) = furthest {
            self.spy_position.store_release(position);
        }
        self.has_spies.store_release(furthest.is_some().into());
    }

    /// Tells the sender that nothing follows what is in the log.
    pub(crate) fn set_end_of_stream(&self) {
        self.end_of_stream.store_release(1);
    }
}

impl SenderState {
    /// Tells the conductor whether enough receivers are live.
    pub(crate) fn set_has_receivers(&self, has_receivers: bool) {
        self.has_receivers.store_release(has_receivers.into());
    }

    /// Tells the conductor that the unicast receiver has it all.
    pub(crate) fn set_unicast_eos(&self) {
        self.unicast_eos.store_release(1);
    }

    /// The furthest position of a spy, `None` without any.
    pub(crate) fn spies(&self) -> Option<i64> {
        (self.has_spies.load_acquire() != 0).then(|| self.spy_position.load_acquire())
    }

    /// Whether nothing follows what is in the log.
    pub(crate) fn is_end_of_stream(&self) -> bool {
        self.end_of_stream.load_acquire() != 0
    }
}
