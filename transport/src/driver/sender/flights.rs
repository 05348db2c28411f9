//! What is in flight of one stream: positions move when the system has taken the bytes, never before.

use std::collections::VecDeque;

/// Datagrams of one stream that may be in flight.
pub(super) const IN_FLIGHT_MAX: usize = 64;

/// The data batches of a stream that were staged, in order of position.
///
/// A batch is complete when all its sends are (one per destination). `snd-pos` is the end of the contiguous completed
/// prefix. When one is refused, it and all behind it are void: what follows is sent again from the position.
#[derive(Debug)]
pub(super) struct Flights {
    batches: VecDeque<Batch>,
    next_id: u64,
}

#[derive(Clone, Copy, Debug)]
struct Batch {
    id: u64,
    end: i64,
    sends_left: usize,
}

/// What a completion came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landed {
    /// Nothing moves yet; or it belonged to a batch that is void.
    Waiting,
    /// Everything before is sent.
    Upto(i64),
    /// A send was refused: go on from the position.
    Refused,
}

impl Flights {
    pub(super) fn new() -> Self {
        Self {
            batches: VecDeque::with_capacity(IN_FLIGHT_MAX),
            next_id: 0,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.batches.len() < IN_FLIGHT_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The id under which the next batch's sends fly.
    pub(super) fn next_id(&self) -> u64 {
        self.next_id
    }

    /// A batch of `sends` sends was staged; with none (nobody to send to) it counts as sent.
    pub(super) fn staged(&mut self, end: i64, sends: usize) -> Landed {
        self.batches.push_back(Batch {
            id: self.next_id,
            end,
            sends_left: sends,
        });
        self.next_id += 1;
        self.land()
    }

    /// One send of a batch has ended.
    pub(super) fn ended(&mut self, id: u64, is_sent: bool) -> Landed {
        let Some(batch) = self.batches.iter_mut().find(|batch| batch.id == id) else {
            return Landed::Waiting;
        };
        if !is_sent {
            self.batches.clear();
            return Landed::Refused;
        }
        batch.sends_left -= 1;
        self.land()
    }

    fn land(&mut self) -> Landed {
        let mut landed = Landed::Waiting;
        while let Some(batch) = self.batches.front().filter(|batch| batch.sends_left == 0) {
            landed = Landed::Upto(batch.end);
            self.batches.pop_front();
        }
        landed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_is_the_end_of_the_contiguous_completed_prefix() {
        let mut flights = Flights::new();
        assert_eq!(flights.staged(100, 1), Landed::Waiting);
        assert_eq!(flights.staged(200, 2), Landed::Waiting);
        assert_eq!(flights.staged(300, 1), Landed::Waiting);
        assert_eq!(flights.ended(2, true), Landed::Waiting);
        assert_eq!(flights.ended(0, true), Landed::Upto(100));
        assert_eq!(flights.ended(1, true), Landed::Waiting);
        assert_eq!(flights.ended(1, true), Landed::Upto(300));
        assert!(flights.is_empty());
    }

    #[test]
    fn a_refused_send_voids_all_behind_it() {
        let mut flights = Flights::new();
        flights.staged(100, 1);
        flights.staged(200, 1);
        assert_eq!(flights.ended(0, false), Landed::Refused);
        assert_eq!(flights.ended(1, true), Landed::Waiting, "it is void");
        flights.staged(100, 1);
        assert_eq!(flights.ended(2, true), Landed::Upto(100));
    }

    #[test]
    fn a_batch_without_receivers_counts_as_sent() {
        assert_eq!(Flights::new().staged(64, 0), Landed::Upto(64));
    }
}
