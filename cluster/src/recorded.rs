//! The proof that bytes are in the local archive.

/// A position up to which the local archive has recorded the log, in bytes.
///
/// An AppendPosition can be built from nothing else (spec 09 §19.1.4), so a follower can't acknowledge what it only received. Makers: the recorder when a
/// write has completed, and the one reader of its `rec-pos` counter or stop position.
///
/// ```compile_fail
/// let forged = taranis_cluster::recorded::Recorded(4096);
/// ```
/// ```compile_fail
/// let forged = taranis_cluster::recorded::Recorded::completed(4096);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recorded(i64);

impl Recorded {
    /// Of an empty log nothing has to be recorded.
    pub const NOTHING: Self = Self(0);

    /// For the recorder's completion and the reader of the recording counter alone.
    pub(crate) const fn completed(position: i64) -> Self {
        Self(position)
    }

    /// The position in bytes.
    #[must_use]
    pub const fn position(self) -> i64 {
        self.0
    }
}
