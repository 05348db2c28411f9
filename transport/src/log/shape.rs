//! The geometry of a log: the only place where positions are shifted and masked (02 §3.4).

use std::fmt;

use super::frame::FRAME_ALIGNMENT;

/// Number of term partitions of a log.
pub const PARTITIONS: usize = 3;

/// Shortest term: 64 KiB.
pub const TERM_LENGTH_MIN: i32 = 64 * 1024;

/// Longest term: 1 GiB.
pub const TERM_LENGTH_MAX: i32 = 1024 * 1024 * 1024;

/// Longest message whatever the term length: 16 MiB.
const MESSAGE_LENGTH_MAX: i32 = 16 * 1024 * 1024;

/// Term length and initial term id of one log, and all arithmetic between positions, term ids and term offsets.
///
/// A *position* is the number of bytes since the start of the stream; a *term id* counts terms from a random initial id and
/// wraps through `i32::MAX` to `i32::MIN`; a *term count* is the number of terms since the start. Every function is total: a
/// value that another process or a peer made up gives a place inside the log, never a panic.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    term_length: i32,
    bits: u32,
    initial_term_id: i32,
}

impl Shape {
    /// The shape of a log with terms of `term_length` bytes.
    ///
    /// # Errors
    /// [`BadTermLength`] unless it is a power of two from [`TERM_LENGTH_MIN`] to [`TERM_LENGTH_MAX`].
    pub fn new(term_length: i32, initial_term_id: i32) -> Result<Self, BadTermLength> {
        let in_range = (TERM_LENGTH_MIN..=TERM_LENGTH_MAX).contains(&term_length);
        if !in_range || !term_length.cast_unsigned().is_power_of_two() {
            return Err(BadTermLength(term_length));
        }
        Ok(Self {
            term_length,
            bits: term_length.trailing_zeros(),
            initial_term_id,
        })
    }

    /// Length of a term in bytes.
    pub fn term_length(&self) -> i32 {
        self.term_length
    }

    /// Id of the stream's first term.
    pub fn initial_term_id(&self) -> i32 {
        self.initial_term_id
    }

    /// log2 of the term length, 16 to 30 (Aeron's `positionBitsToShift`).
    pub fn position_bits_to_shift(&self) -> u32 {
        self.bits
    }

    /// The position at which a stream is used up: 2^31 terms.
    pub fn max_position(&self) -> i64 {
        i64::from(self.term_length) << 31
    }

    /// Longest message in bytes: an eighth of a term, at most 16 MiB (02 §4.1).
    pub fn max_message_length(&self) -> usize {
        (self.term_length / 8).min(MESSAGE_LENGTH_MAX) as usize
    }

    /// Number of terms since the start of the stream; negative for an id before the initial one.
    pub fn term_count(&self, term_id: i32) -> i32 {
        term_id.wrapping_sub(self.initial_term_id)
    }

    /// Id of the term with `count` terms before it.
    pub fn term_id(&self, count: i32) -> i32 {
        self.initial_term_id.wrapping_add(count)
    }

    /// Position of `term_offset` in the term `term_id`.
    pub fn position(&self, term_id: i32, term_offset: i32) -> i64 {
        (i64::from(self.term_count(term_id)) << self.bits) + i64::from(term_offset)
    }

    /// Position of a term id and offset that came from outside: `None` when the term lies before the initial one, or the
    /// offset is negative, beyond the term, or not that of a frame.
    pub fn checked_position(&self, term_id: i32, term_offset: i32) -> Option<i64> {
        let is_offset =
            (0..self.term_length).contains(&term_offset) && term_offset % FRAME_ALIGNMENT == 0;
        (is_offset && self.term_count(term_id) >= 0).then(|| self.position(term_id, term_offset))
    }

    /// Where the frame at a position lies in the log. A position where none can begin is rounded down.
    pub fn place(&self, position: i64) -> Place {
        // The shift leaves the count in the low half: positions end at 2^31 terms.
        let count = (position >> self.bits) as i32;
        Place {
            partition: Partition::of(count),
            term_count: count,
            term_id: self.term_id(count),
            offset: self.offset(position),
        }
    }

    /// Position of the first byte of the term that `position` lies in.
    pub fn term_begin(&self, position: i64) -> i64 {
        position & !i64::from(self.term_length - 1)
    }

    /// Bytes from the frame at `position` to the end of its term, 32 to the term length.
    pub fn left_in_term(&self, position: i64) -> i32 {
        self.term_length - self.offset(position)
    }

    /// Whether `position` is one of a stream's, its end included, and a multiple of 32.
    pub fn is_position(&self, position: i64) -> bool {
        (0..=self.max_position()).contains(&position) && self.is_frame_position(position)
    }

    /// Whether a frame can begin at `position`.
    pub fn is_frame_position(&self, position: i64) -> bool {
        position & i64::from(FRAME_ALIGNMENT - 1) == 0
    }

    /// Whether both positions lie in the same term.
    pub fn same_term(&self, one: i64, other: i64) -> bool {
        one >> self.bits == other >> self.bits
    }

    /// Byte of the log file at which the bytes of `position` lie.
    pub fn file_offset(&self, place: Place) -> usize {
        self.partition_start(place.partition) + place.offset as usize
    }

    /// Byte of the log file at which a partition starts.
    pub(super) fn partition_start(&self, partition: Partition) -> usize {
        partition.index() * self.term_length as usize
    }

    /// Offset of the frame that begins at `position`, or before it when none can begin there.
    fn offset(&self, position: i64) -> i32 {
        // Masked to less than a term, so it fits.
        (position & i64::from(self.term_length - FRAME_ALIGNMENT)) as i32
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Shape({} bytes a term, first term {})",
            self.term_length, self.initial_term_id
        )
    }
}

/// Where a position lies in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The partition that holds the term.
    pub partition: Partition,
    /// Terms before this one.
    pub term_count: i32,
    /// Id of the term.
    pub term_id: i32,
    /// Bytes from the start of the term to the frame: a multiple of 32, less than the term's length.
    pub offset: i32,
}

/// One of the three term partitions, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition(u8);

impl Partition {
    /// How many there are, as a difference of term ids.
    pub(super) const COUNT: i32 = PARTITIONS as i32;

    /// The partition of a term: its count modulo three.
    pub fn of(term_count: i32) -> Self {
        // A count is never negative; one that was made up elsewhere still gives an index below three.
        Self((term_count.cast_unsigned() % 3) as u8)
    }

    /// The partition of the term after this one's.
    pub fn next(self) -> Self {
        Self((self.0 + 1) % 3)
    }

    /// 0, 1 or 2.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A raw tail as it stands in the metadata: the term id in the high half, the offset behind the last claim in the low half
/// (unsigned; beyond the term's end once the term was tripped).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawTail(pub i64);

impl RawTail {
    /// The tail of term `term_id` at `offset`.
    pub fn pack(term_id: i32, offset: i32) -> Self {
        Self((i64::from(term_id) << 32) | i64::from(offset.cast_unsigned()))
    }

    /// Id of the term.
    pub fn term_id(self) -> i32 {
        (self.0 >> 32) as i32
    }

    /// Offset behind the last claim, at most the term's length. Claims are whole frames; what is none is rounded down.
    pub fn offset(self, shape: &Shape) -> i32 {
        // The low half, unsigned.
        let low = self.0 as u32;
        low.min(shape.term_length.cast_unsigned()).cast_signed() & !(FRAME_ALIGNMENT - 1)
    }
}

/// A term length that no log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "term length {0}: a term length is a power of two from {TERM_LENGTH_MIN} to {TERM_LENGTH_MAX}"
)]
pub struct BadTermLength(pub i32);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The obvious version: whole terms by division, in 128 bits.
    fn slow_place(term_length: i32, initial: i32, position: i64) -> (i128, i32, i128) {
        let term_length = i128::from(term_length);
        let count = i128::from(position) / term_length;
        let term_id = (i128::from(initial) + count + (1 << 31)).rem_euclid(1 << 32) - (1 << 31);
        (
            count,
            i32::try_from(term_id).unwrap(),
            i128::from(position) % term_length,
        )
    }

    fn shapes() -> impl Strategy<Value = Shape> {
        let ids = prop_oneof![
            any::<i32>(),
            Just(i32::MAX),
            Just(i32::MIN),
            Just(-1),
            Just(0)
        ];
        (16_u32..=30, ids).prop_map(|(bits, id)| Shape::new(1 << bits, id).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 4 } else { 512 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// 02 §3.4
        #[test]
        fn a_place_and_its_position_agree_with_division(shape in shapes(), part in 0_i64..i64::MAX) {
            let position = (part % shape.max_position()) & !31;
            let place = shape.place(position);
            let (count, term_id, offset) =
                slow_place(shape.term_length(), shape.initial_term_id(), position);
            prop_assert_eq!(i128::from(place.term_count), count);
            prop_assert_eq!(place.term_id, term_id);
            prop_assert_eq!(i128::from(place.offset), offset);
            prop_assert_eq!(place.partition.index() as i128, count % 3);
            prop_assert_eq!(shape.position(place.term_id, place.offset), position);
            prop_assert_eq!(shape.term_begin(position) + i64::from(place.offset), position);
            prop_assert_eq!(shape.left_in_term(position), shape.term_length() - place.offset);
        }

        /// 02 §3.4, its trap on signs
        #[test]
        fn a_packed_tail_keeps_id_and_offset(term_id in any::<i32>(), frames in 0..=TERM_LENGTH_MAX / 32) {
            let offset = frames * 32;
            let shape = Shape::new(TERM_LENGTH_MAX, 0).unwrap();
            let raw = RawTail::pack(term_id, offset);
            prop_assert_eq!(raw.term_id(), term_id);
            prop_assert_eq!(raw.offset(&shape), offset);
        }

        #[test]
        fn nothing_made_up_panics(shape in shapes(), position in any::<i64>(), raw in any::<i64>(), id in any::<i32>()) {
            let place = shape.place(position);
            prop_assert!(place.partition.index() < 3);
            prop_assert!((0..shape.term_length()).contains(&place.offset));
            let offset = RawTail(raw).offset(&shape);
            prop_assert!((0..=shape.term_length()).contains(&offset));
            let _ = shape.checked_position(id, offset);
        }
    }

    #[test]
    fn term_ids_wrap_and_positions_go_on() {
        let shape = Shape::new(TERM_LENGTH_MIN, i32::MAX).unwrap();
        let second = shape.place(i64::from(TERM_LENGTH_MIN) + 64);
        assert_eq!(second.term_id, i32::MIN);
        assert_eq!(second.offset, 64);
        assert_eq!(shape.position(i32::MIN, 64), 65_600);
        assert_eq!(shape.checked_position(i32::MAX - 1, 0), None);
        assert_eq!(shape.checked_position(i32::MIN, 33), None);
        assert_eq!(shape.checked_position(i32::MIN, TERM_LENGTH_MIN), None);
    }

    #[test]
    fn a_tripped_tail_is_clamped_to_the_term() {
        let shape = Shape::new(TERM_LENGTH_MIN, -7).unwrap();
        let raw = RawTail(RawTail::pack(-7, TERM_LENGTH_MIN).0 + 1_000);
        assert_eq!(raw.term_id(), -7);
        assert_eq!(raw.offset(&shape), TERM_LENGTH_MIN);
    }

    #[test]
    fn refuses_a_length_no_term_has() {
        for length in [0, -1, i32::MIN, 65_535, 65_537, 100_000, i32::MAX] {
            assert_eq!(Shape::new(length, 0), Err(BadTermLength(length)));
        }
        assert_eq!(
            BadTermLength(100_000).to_string(),
            "term length 100000: a term length is a power of two from 65536 to 1073741824"
        );
    }
}
