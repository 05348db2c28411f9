//! A value that belongs to one thread, inside something that may travel.

use std::{
    mem::ManuallyDrop,
    thread::{self, Thread},
};

/// A value that only the thread that made it can reach. Elsewhere it can be moved about and dropped; then it is leaked.
///
/// # Soundness
/// The value need not be `Send`: [`Self::get`] gives it out on its own thread alone, and dropping anywhere else leaks it
/// (a ring whose buffers the kernel may still write must not be freed by another thread either).
pub(crate) struct ThreadBound<T> {
    owner: Thread,
    value: ManuallyDrop<T>,
}

impl<T> ThreadBound<T> {
    /// Binds a value to the calling thread.
    pub(crate) fn new(value: T) -> Self {
        Self {
            owner: thread::current(),
            value: ManuallyDrop::new(value),
        }
    }

    /// The value, on its own thread.
    pub(crate) fn get(&mut self) -> Option<&mut T> {
        self.is_here().then(|| &mut *self.value)
    }

    /// As [`Self::get`], for reading.
    pub(crate) fn peek(&self) -> Option<&T> {
        self.is_here().then(|| &*self.value)
    }

    /// The thread it belongs to.
    pub(crate) fn owner(&self) -> &Thread {
        &self.owner
    }

    /// Whether the caller is on that thread.
    pub(crate) fn is_here(&self) -> bool {
        thread::current().id() == self.owner.id()
    }
}

impl<T> Drop for ThreadBound<T> {
    fn drop(&mut self) {
        if self.is_here() && !thread::panicking() {
            // SAFETY: dropped once, here, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.value) }
        }
    }
}

// SAFETY: see the paragraph on soundness.
unsafe impl<T> Send for ThreadBound<T> {}
// SAFETY: as above; a shared one gives the value out on its own thread alone, too.
unsafe impl<T> Sync for ThreadBound<T> {}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn another_thread_neither_reaches_nor_drops_it() {
        let witness = Rc::new(());
        let mut bound = ThreadBound::new(Rc::clone(&witness));
        assert!(bound.get().is_some());
        let other = thread::Builder::new();
        let travelled = other
            .spawn(move || bound.get().is_none() && bound.peek().is_none())
            .unwrap();
        assert!(travelled.join().unwrap());
        assert_eq!(Rc::strong_count(&witness), 2, "leaked, not dropped");

        drop(ThreadBound::new(Rc::clone(&witness)));
        assert_eq!(Rc::strong_count(&witness), 2, "dropped on its own thread");
    }
}
