//! A cell that belongs to the thread that made it.

use std::cell::RefCell;

use crate::thread_bound::ThreadBound;

/// A `RefCell` that may be held anywhere and used on one thread alone; a call from another is refused.
///
/// The makers of backends and the names are `Send` because real threads need that. The simulated world has one thread, so
/// what they lead to has neither lock nor atomic.
pub(crate) struct OneThread<T> {
    value: ThreadBound<RefCell<T>>,
}

impl<T> OneThread<T> {
    /// A cell of the calling thread.
    pub(crate) fn new(value: T) -> Self {
        Self {
            value: ThreadBound::new(RefCell::new(value)),
        }
    }

    /// Lends the value to `use_it`, which must not come back here.
    ///
    /// # Panics
    /// On another thread, and when the value is lent already.
    #[track_caller]
    pub(crate) fn with<R>(&self, use_it: impl FnOnce(&mut T) -> R) -> R {
        let Some(value) = self.value.peek() else {
            panic!(
                "a simulated world belongs to the thread that made it ({:?}); it was used from another",
                self.value.owner().id()
            );
        };
        use_it(&mut value.borrow_mut())
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use super::*;

    #[test]
    fn another_thread_is_refused() {
        let cell = Arc::new(OneThread::new(7));
        let moved = Arc::clone(&cell);
        let used = thread::Builder::new().spawn(move || moved.with(|value| *value));
        assert!(used.unwrap().join().is_err());
        assert_eq!(cell.with(|value| *value), 7);
    }
}
