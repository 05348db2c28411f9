//! What conductor and receiver tell each other about one image, all the time: words in memory of the driver's own.
//!
//! ```text
//!   offset  words                              only writer   reader
//!   0       promise: position, window          conductor     receiver    seqlock (03 §4.7)
//!   32      gap: term id and offset, length    conductor     receiver    seqlock (03 §4.8)
//!   64      time of the last packet, ns        receiver      conductor   release/acquire
//!   72      end of stream                      receiver      conductor   release/acquire
//!   80      say the end in status messages     conductor     receiver    release/acquire
//! ```
//!
//! `rcv-hwm` and `rcv-pos` are counters, so that tools see them, too.

use taranis_runtime::mem::{
    OutOfRegion, Region, Word64,
    seqlock::{SeqReader, SeqWriter, seqlock},
};

const PROMISE: usize = 0;
const GAP: usize = 32;
const LAST_PACKET: usize = 64;
const END_OF_STREAM: usize = 72;
const SAY_END: usize = 80;
const BYTES: usize = 128;

/// The conductor's end.
#[derive(Debug)]
pub(crate) struct ConductorImageState {
    promise: SeqWriter<2>,
    gap: SeqWriter<2>,
    last_packet: Word64,
    end_of_stream: Word64,
    say_end: Word64,
}

/// The receiver's end.
#[derive(Debug)]
pub(crate) struct ReceiverImageState {
    promise: SeqReader<2>,
    gap: SeqReader<2>,
    last_packet: Word64,
    end_of_stream: Word64,
    say_end: Word64,
}

/// A missing stretch of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) term_id: i32,
    pub(crate) term_offset: i32,
    pub(crate) length: i32,
}

/// What the sender may fill: everything before `position + window` is clean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Promise {
    pub(crate) position: i64,
    pub(crate) window: i32,
}

/// Both ends of a new image's state; `now_ns` counts as the time of its first packet.
pub(crate) fn image_state(
    now_ns: i64,
) -> Result<(ConductorImageState, ReceiverImageState), OutOfRegion> {
    let region = Region::heap(BYTES);
    let (promise_writer, promise) = seqlock(&region, PROMISE)?;
    let (gap_writer, gap) = seqlock(&region, GAP)?;
    let conductor = ConductorImageState {
        promise: promise_writer,
        gap: gap_writer,
        last_packet: region.word64(LAST_PACKET)?,
        end_of_stream: region.word64(END_OF_STREAM)?,
        say_end: region.word64(SAY_END)?,
    };
    conductor.last_packet.store_release(now_ns);
    let receiver = ReceiverImageState {
        promise,
        gap,
        last_packet: conductor.last_packet.clone(),
        end_of_stream: conductor.end_of_stream.clone(),
        say_end: conductor.say_end.clone(),
    };
    Ok((conductor, receiver))
}

impl ConductorImageState {
    /// Promises clean space; call it after cleaning, never before.
    pub(crate) fn promise(&mut self, promise: Promise) {
        self.promise
            .publish([promise.position, promise.window.into()]);
    }

    /// Reports a gap to be asked for (or filled, on an unreliable stream).
    pub(crate) fn report_gap(&mut self, gap: Gap) {
        let place = i64::from(gap.term_id) << 32 | i64::from(gap.term_offset);
        self.gap.publish([place, gap.length.into()]);
    }

    /// When the last packet came in, on the monotonic clock.
    pub(crate) fn last_packet_ns(&self) -> i64 {
        self.last_packet.load_acquire()
    }

    /// Whether all sources said where the stream ends (the position stands in the log's metadata).
    pub(crate) fn is_end_of_stream(&self) -> bool {
        self.end_of_stream.load_acquire() != 0
    }

    /// From now on status messages say that this receiver has it all, or goes.
    pub(crate) fn say_end(&self) {
        self.say_end.store_release(1);
    }
}

impl ReceiverImageState {
    /// A promise not taken before.
    pub(crate) fn take_promise(&mut self) -> Option<Promise> {
        self.promise.take().map(promise_of)
    }

    /// The newest promise; `None` while one is being written, or before the first.
    pub(crate) fn promise(&self) -> Option<Promise> {
        self.promise.get().map(promise_of)
    }

    /// A gap not taken before.
    pub(crate) fn take_gap(&mut self) -> Option<Gap> {
        let [place, length] = self.gap.take()?;
        // Both halves were 32-bit values when they were packed.
        Some(Gap {
            term_id: (place >> 32) as i32,
            term_offset: place as i32,
            length: length as i32,
        })
    }

    /// A packet came in.
    pub(crate) fn set_last_packet_ns(&self, now_ns: i64) {
        self.last_packet.store_release(now_ns);
    }

    /// All sources said where the stream ends.
    pub(crate) fn set_end_of_stream(&self) {
        self.end_of_stream.store_release(1);
    }

    /// Whether status messages are to say the end.
    pub(crate) fn says_end(&self) -> bool {
        self.say_end.load_acquire() != 0
    }
}

fn promise_of([position, window]: [i64; 2]) -> Promise {
    // The window was a 32-bit value when it was packed.
    Promise {
        position,
        window: window as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_with_a_negative_term_id_arrives_as_it_was() {
        let (mut conductor, mut receiver) = image_state(0).unwrap();
        let gap = Gap {
            term_id: -7,
            term_offset: 65_504,
            length: 32,
        };
        conductor.report_gap(gap);
        assert_eq!(receiver.take_gap(), Some(gap));
        assert_eq!(receiver.take_gap(), None);
    }
}
