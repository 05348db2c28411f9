//! The proof that a candidate term is in `node-state.dat`.

/// A candidate term that is on disk: nobody is asked for a vote, and none is given, in a term that a restart could forget (spec 09 §19.1.1, §19.4 P).
///
/// Maker: the completed write of `node-state.dat`, and its reader at start.
///
/// ```compile_fail
/// let forged = taranis_cluster::proposed::TermProposed(7);
/// ```
/// ```compile_fail
/// let forged = taranis_cluster::proposed::TermProposed::completed(7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TermProposed(i64);

impl TermProposed {
    /// For the completed write of `node-state.dat` and its reader at start alone.
    pub(crate) const fn completed(candidate_term: i64) -> Self {
        Self(candidate_term)
    }

    /// The candidate term.
    #[must_use]
    pub const fn candidate_term(self) -> i64 {
        self.0
    }
}
