//! An allocator that counts, so that a test can say that a path allocates nothing.
//!
//! ```
//! use taranis_runtime::testing::{CountingAllocator, allocations};
//!
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator = CountingAllocator;
//!
//! let mut values = Vec::with_capacity(8);
//! let count = allocations(|| values.push(1));
//! assert_eq!(count.here, 0);
//! ```

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
};

/// The system's allocator, counting. A test binary that counts has one as its `#[global_allocator]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

/// Number of times memory was asked for (allocated or grown).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocations {
    /// By the thread that counted.
    pub here: u64,
    /// By all threads of the process: other tests' too, so only a test alone in its binary can judge by it.
    pub everywhere: u64,
}

/// Runs `work` and counts the allocations meanwhile.
///
/// # Panics
/// When the binary's global allocator is not a [`CountingAllocator`]: nothing would be counted.
pub fn allocations(work: impl FnOnce()) -> Allocations {
    let before = totals();
    drop(black_box(Box::new(0_u8)));
    assert!(
        totals().here > before.here,
        "declare a CountingAllocator as this test binary's #[global_allocator]"
    );
    let before = totals();
    work();
    let after = totals();
    Allocations {
        here: after.here - before.here,
        everywhere: after.everywhere - before.everywhere,
    }
}

static EVERYWHERE: AtomicU64 = AtomicU64::new(0);

thread_local! {
    // Neither lazily initialised nor dropped, so that counting never allocates.
    static HERE: Cell<u64> = const { Cell::new(0) };
}

fn totals() -> Allocations {
    Allocations {
        here: HERE.get(),
        everywhere: EVERYWHERE.load(Ordering::Relaxed),
    }
}

fn count() {
    HERE.set(HERE.get() + 1);
    // Relaxed: a number, nothing is published by it.
    EVERYWHERE.fetch_add(1, Ordering::Relaxed);
}

// SAFETY: every call is passed on unchanged to the system's allocator, which upholds the contract; counting neither
// allocates nor unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller upholds `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller upholds `alloc_zeroed`'s contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller upholds `realloc`'s contract; `block` came from `System` by the methods above.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds `dealloc`'s contract; `block` came from `System` by the methods above.
        unsafe { System.dealloc(block, layout) }
    }
}
