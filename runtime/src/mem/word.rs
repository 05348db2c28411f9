//! Checked handles on words of a region: the only door to atomics for what other threads or processes read.
//!
//! The methods are named after the ordering of spec 01 §0.2. Who writes which word, with which ordering, stands in the
//! table beside each `layout.rs`.

use std::fmt;

use super::{
    atomic::{AtomicI32, AtomicI64, Ordering},
    region::{OutOfRegion, Pinned32, Pinned64, Region},
};

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $pinned:ty, $atomic:ty, $int:ty) => {
        $(#[$doc])*
        ///
        /// The address was checked against the region when the handle was made, and the handle keeps the region alive.
        #[derive(Clone)]
        pub struct $name($pinned);

        impl $name {
            /// Relaxed load (Aeron's plain and opaque): for the word's only writer, or where nothing else is read.
            pub fn load_relaxed(&self) -> $int {
                self.word().load(Ordering::Relaxed)
            }

            /// Acquire load: what the writer stored before its release is visible afterwards.
            pub fn load_acquire(&self) -> $int {
                self.word().load(Ordering::Acquire)
            }

            /// Sequentially consistent load (Aeron's volatile).
            pub fn load_volatile(&self) -> $int {
                self.word().load(Ordering::SeqCst)
            }

            /// Relaxed store (Aeron's plain and opaque).
            pub fn store_relaxed(&self, value: $int) {
                self.word().store(value, Ordering::Relaxed);
            }

            /// Release store (Aeron's ordered): publishes everything stored before.
            pub fn store_release(&self, value: $int) {
                self.word().store(value, Ordering::Release);
            }

            /// Sequentially consistent store (Aeron's volatile).
            pub fn store_volatile(&self, value: $int) {
                self.word().store(value, Ordering::SeqCst);
            }

            /// Atomic get-and-add, wrapping; returns the value before.
            pub fn fetch_add(&self, delta: $int) -> $int {
                self.word().fetch_add(delta, Ordering::SeqCst)
            }

            /// Atomic get-and-set; returns the value before.
            pub fn fetch_set(&self, value: $int) -> $int {
                self.word().swap(value, Ordering::SeqCst)
            }

            /// Compare-and-set; returns whether it took place.
            pub fn compare_and_set(&self, expected: $int, update: $int) -> bool {
                self.word().compare_exchange(expected, update, Ordering::SeqCst, Ordering::SeqCst).is_ok()
            }

            /// Adds without a read-modify-write, wrapping: for the word's only writer. Release.
            pub fn add_release(&self, delta: $int) {
                self.store_release(self.load_relaxed().wrapping_add(delta));
            }

            /// Raises the word to `value` if it is larger: for the word's only writer. Release. Returns whether it was.
            pub fn propose_max_release(&self, value: $int) -> bool {
                let raises = self.load_relaxed() < value;
                if raises {
                    self.store_release(value);
                }
                raises
            }

            fn word(&self) -> &$atomic {
                self.0.get()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.load_relaxed())
            }
        }
    };
}

word! {
    /// A 32-bit word of a region.
    Word32, Pinned32, AtomicI32, i32
}
word! {
    /// A 64-bit word of a region.
    Word64, Pinned64, AtomicI64, i64
}

impl Region {
    /// A handle on the 32-bit word at `offset`, checked once here.
    ///
    /// # Errors
    /// [`OutOfRegion`] when the word is misaligned or does not lie inside.
    pub fn word32(&self, offset: usize) -> Result<Word32, OutOfRegion> {
        self.pin32(offset).map(Word32)
    }

    /// A handle on the 64-bit word at `offset`, checked once here.
    ///
    /// # Errors
    /// [`OutOfRegion`] when the word is misaligned or does not lie inside.
    pub fn word64(&self, offset: usize) -> Result<Word64, OutOfRegion> {
        self.pin64(offset).map(Word64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raises_only_upwards() {
        let word = Region::heap(8).word64(0).unwrap();
        assert!(word.propose_max_release(5));
        assert!(!word.propose_max_release(5));
        assert!(!word.propose_max_release(-1));
        assert_eq!(word.load_acquire(), 5);
    }

    #[test]
    fn counts_atomically_and_compares() {
        let word = Region::heap(8).word32(4).unwrap();
        assert_eq!(word.fetch_add(3), 0);
        assert!(!word.compare_and_set(0, 9));
        assert!(word.compare_and_set(3, i32::MAX));
        word.add_release(1);
        assert_eq!(word.load_volatile(), i32::MIN);
    }
}
