//! Waiting for datagrams while a thread parks.

use std::os::fd::RawFd;

/// Longest wait in nanoseconds: packets end a park, shared memory does not.
pub(crate) const LONGEST_PARK_NS: u64 = 1_000_000;

/// The descriptors to wait on, rebuilt only when sockets came or went.
#[derive(Default)]
pub(super) struct PollSet {
    fds: Vec<libc::pollfd>,
    valid: bool,
}

impl PollSet {
    pub(super) fn invalidate(&mut self) {
        self.valid = false;
    }

    /// Waits for at most `max_ns`, and at most a millisecond.
    pub(super) fn wait(&mut self, sockets: impl Iterator<Item = RawFd>, max_ns: u64) {
        if !self.valid {
            self.fds.clear();
            self.fds.extend(sockets.map(|fd| libc::pollfd {
                fd,
                events: libc::POLLIN,
                revents: 0,
            }));
            self.valid = true;
        }
        let wait_ns = max_ns.min(LONGEST_PARK_NS);
        let timeout = libc::timespec {
            tv_sec: 0,
            tv_nsec: wait_ns as libc::c_long,
        };
        let count = self.fds.len() as libc::nfds_t;
        // SAFETY: the array holds `count` entries and lives through the call; the signal mask is optional. An error
        // (a signal) only ends the wait early.
        unsafe {
            libc::ppoll(
                self.fds.as_mut_ptr(),
                count,
                &raw const timeout,
                std::ptr::null(),
            )
        };
    }
}
