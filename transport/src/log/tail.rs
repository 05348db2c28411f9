//! The tails of a publication: where the next claim begins, and how one term follows another (02 §3.4, §3.5).

use taranis_runtime::mem::{OutOfRegion, Region, Word32, Word64};

use super::{
    layout,
    shape::{PARTITIONS, Partition, RawTail, Shape},
};

/// The three raw tails and the active term count.
#[derive(Clone, Debug)]
pub struct Tails {
    raw: [Word64; PARTITIONS],
    active_term_count: Word32,
    shape: Shape,
}

impl Tails {
    pub(super) fn new(metadata: &Region, shape: Shape) -> Result<Self, OutOfRegion> {
        let [first, second, third] = layout::RAW_TAILS;
        Ok(Self {
            raw: [
                metadata.word64(first)?,
                metadata.word64(second)?,
                metadata.word64(third)?,
            ],
            active_term_count: metadata.word32(layout::ACTIVE_TERM_COUNT)?,
            shape,
        })
    }

    /// Position behind the last claim of the active term; what is claimed need not be committed.
    pub fn producer_position(&self) -> i64 {
        let raw = self.raw(Partition::of(self.active_term_count()));
        self.shape.position(raw.term_id(), raw.offset(&self.shape))
    }

    /// Terms before the active one.
    #[inline]
    pub fn active_term_count(&self) -> i32 {
        // SYNC rotation: pairs with `rotate` and `rotate_exclusive`.
        self.active_term_count.load_acquire()
    }

    /// A partition's tail.
    #[inline]
    pub(super) fn raw(&self, partition: Partition) -> RawTail {
        // SYNC tail: pairs with claims and rotations.
        RawTail(self.word(partition).load_acquire())
    }

    /// Takes the next `length` bytes of a partition, whether or not they fit: returns the tail before.
    #[inline]
    pub(super) fn claim(&self, partition: Partition, length: i32) -> RawTail {
        // SYNC tail: sequentially consistent, pairs with `raw`.
        RawTail(self.word(partition).fetch_add(i64::from(length)))
    }

    /// Moves an exclusive publication's tail, before the frame is written.
    #[inline]
    pub(super) fn advance_exclusive(&self, partition: Partition, tail: RawTail) {
        // SYNC tail: Release, pairs with `raw`.
        self.word(partition).store_release(tail.0);
    }

    /// Begins the term after `term_count` (whose id is `term_id`), by whoever comes first of any number of publishers and
    /// the unblocker. Returns whether the active count was moved by this call; failing to is harmless.
    pub(super) fn rotate(&self, term_count: i32, term_id: i32) -> bool {
        let next_count = term_count.wrapping_add(1);
        let next_id = term_id.wrapping_add(1);
        let next = Partition::of(next_count);
        let expected = next_id.wrapping_sub(Partition::COUNT);
        loop {
            let raw = self.raw(next);
            // Once another did it the id no longer matches; insisting would corrupt the tail.
            if raw.term_id() != expected {
                break;
            }
            // SYNC tail: sequentially consistent, pairs with `raw`.
            if self
                .word(next)
                .compare_and_set(raw.0, RawTail::pack(next_id, 0).0)
            {
                break;
            }
        }
        // SYNC rotation: sequentially consistent, pairs with `active_term_count`.
        self.active_term_count
            .compare_and_set(term_count, next_count)
    }

    /// Begins the next term of an exclusive publication.
    pub(super) fn rotate_exclusive(&self, next_count: i32, next_id: i32) {
        // Relaxed: the count's Release publishes it.
        self.word(Partition::of(next_count))
            .store_relaxed(RawTail::pack(next_id, 0).0);
        // SYNC rotation: Release, pairs with `active_term_count`.
        self.active_term_count.store_release(next_count);
    }

    /// Writes a tail of a log nobody else knows yet; what announces the log publishes it.
    pub(super) fn initialise(&self, partition: Partition, tail: RawTail) {
        self.word(partition).store_relaxed(tail.0);
    }

    /// As [`Tails::initialise`], for the count.
    pub(super) fn initialise_active_term_count(&self, term_count: i32) {
        self.active_term_count.store_relaxed(term_count);
    }

    #[inline]
    fn word(&self, partition: Partition) -> &Word64 {
        &self.raw[partition.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::layout::METADATA_LENGTH;

    const TERM_LENGTH: i32 = 64 * 1024;

    /// Tails as the driver initialises them, for a first term with this id.
    fn tails(initial_term_id: i32) -> Tails {
        let shape = Shape::new(TERM_LENGTH, initial_term_id).unwrap();
        let tails = Tails::new(&Region::heap(METADATA_LENGTH), shape).unwrap();
        for count in 0..Partition::COUNT {
            let behind = if count == 0 { 0 } else { Partition::COUNT };
            let term_id = initial_term_id.wrapping_add(count).wrapping_sub(behind);
            tails.initialise(Partition::of(count), RawTail::pack(term_id, 0));
        }
        tails
    }

    /// 02 §3.5: every publisher that trips rotates; who comes late must not touch what the next term has claimed by then.
    #[test]
    fn a_late_rotation_changes_nothing() {
        for initial in [0, -1, i32::MAX, i32::MIN] {
            let tails = tails(initial);
            for count in 0..7 {
                let term_id = initial.wrapping_add(count);
                assert!(tails.rotate(count, term_id));
                let next = Partition::of(count + 1);
                assert_eq!(
                    tails.claim(next, 96),
                    RawTail::pack(term_id.wrapping_add(1), 0)
                );
                assert!(!tails.rotate(count, term_id));
                assert_eq!(tails.raw(next), RawTail::pack(term_id.wrapping_add(1), 96));
                assert_eq!(tails.active_term_count(), count + 1);
            }
            // Later by three terms: the partition is the same, the term is another.
            let now = tails.raw(Partition::of(7));
            assert!(!tails.rotate(3, initial.wrapping_add(3)));
            assert_eq!(tails.raw(Partition::of(7)), now);
        }
    }

    /// 02 §3.5: one who died between the two steps is completed by the next
    #[test]
    fn half_a_rotation_is_completed() {
        let tails = tails(5);
        tails.initialise(Partition::of(1), RawTail::pack(6, 0));
        assert!(tails.rotate(0, 5));
        assert_eq!(tails.active_term_count(), 1);
        assert_eq!(tails.raw(Partition::of(1)), RawTail::pack(6, 0));
    }

    /// 02 §3.4: a tail beyond the term counts as the term's end
    #[test]
    fn the_producer_position_is_clamped_to_the_term() {
        let tails = tails(5);
        tails.claim(Partition::of(0), TERM_LENGTH - 32);
        assert_eq!(tails.producer_position(), i64::from(TERM_LENGTH) - 32);
        tails.claim(Partition::of(0), 4096);
        assert_eq!(tails.producer_position(), i64::from(TERM_LENGTH));
    }
}
