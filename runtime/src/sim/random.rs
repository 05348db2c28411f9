//! Seeded random numbers: a stream per use, so that one more draw in one does not shift the others.

use fastrand::Rng;

use super::hash::Hash;

/// The streams of a world.
#[derive(Debug)]
pub(super) struct Streams {
    seed: u64,
    /// Delay, loss and order of datagrams; completions of sends.
    pub(super) network: Rng,
    /// Completions of file operations; what a kill and a power cut leave of writes.
    pub(super) disk: Rng,
    /// Delays of chores.
    pub(super) chores: Rng,
    /// Order of turns, and the time they take.
    pub(super) schedule: Rng,
}

impl Streams {
    pub(super) fn of(seed: u64) -> Self {
        Self {
            seed,
            network: stream(seed, "network"),
            disk: stream(seed, "disk"),
            chores: stream(seed, "chores"),
            schedule: stream(seed, "schedule"),
        }
    }

    /// A stream of its own for something with a name: it depends on the seed and the name alone.
    pub(super) fn named(&self, name: &str) -> Rng {
        stream(self.seed, name)
    }
}

fn stream(seed: u64, name: &str) -> Rng {
    let mut hash = Hash::new();
    hash.word(seed);
    hash.bytes(name.as_bytes());
    Rng::with_seed(hash.finish())
}

/// Chances are counted in parts per million: no floating point decides anything.
pub const MILLION: u32 = 1_000_000;

/// Draws whether something with a chance of `ppm` in a million happens. Draws nothing for 0.
pub(super) fn happens(rng: &mut Rng, ppm: u32) -> bool {
    ppm > 0 && rng.u32(0..MILLION) < ppm
}

/// Some time, drawn evenly between two bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// The shortest, in nanoseconds.
    pub least_ns: u64,
    /// The longest, in nanoseconds; not below `least_ns`.
    pub most_ns: u64,
}

impl Delay {
    /// Between the two, in nanoseconds.
    ///
    /// # Panics
    /// When `least_ns` is above `most_ns`.
    pub const fn between(least_ns: u64, most_ns: u64) -> Self {
        assert!(
            least_ns <= most_ns,
            "a delay's least_ns is not above its most_ns"
        );
        Self { least_ns, most_ns }
    }

    /// Always the same.
    pub const fn exactly(ns: u64) -> Self {
        Self::between(ns, ns)
    }

    pub(super) fn draw(self, rng: &mut Rng) -> u64 {
        rng.u64(self.least_ns..=self.most_ns.max(self.least_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_draw_from_a_stream_leaves_the_others_alone() {
        let (mut a, mut b) = (Streams::of(7), Streams::of(7));
        a.network.u64(..);
        assert_eq!(a.disk.u64(..), b.disk.u64(..));
        assert_eq!(a.named("x").u64(..), b.named("x").u64(..));
        assert_ne!(a.network.u64(..), b.network.u64(..));
        assert_ne!(a.named("x").u64(..), a.named("y").u64(..));
    }

    #[test]
    fn chances_are_kept() {
        let mut rng = Rng::with_seed(3);
        let hits = (0..100_000).filter(|_| happens(&mut rng, 10_000)).count();
        assert!((800..1_200).contains(&hits), "{hits} of about 1,000");
        assert!(!happens(&mut rng, 0));
        assert!(happens(&mut rng, MILLION));
    }
}
