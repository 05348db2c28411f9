//! Whether this process may have a ring, and why not.

use std::{fs, io};

use io_uring::IoUring;

/// How large a ring is. What does not fit waits in the backend; nothing is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSizes {
    /// Entries staged for one `io_uring_enter`: rounded up to a power of two.
    pub entries: u32,
    /// Completions that lie in the ring until they are taken: at least `entries`, else as many.
    pub completions: u32,
    /// Reads and writes of files that are under way at one time; more wait their turn.
    pub transfers: usize,
    /// Sockets that a parked thread is woken by; further ones are looked at when the park ends, a millisecond later at most.
    pub polls: usize,
    /// Registered files and sockets; further ones go by their descriptors.
    pub files: u32,
}

impl Default for RingSizes {
    /// 256 entries, 4,096 completions (all that can be under way at one time), 256 transfers, 2,048 polls, 1,024 files.
    fn default() -> Self {
        Self {
            entries: 256,
            completions: 4096,
            transfers: 256,
            polls: 2048,
            files: 1024,
        }
    }
}

/// A ring that was granted and is not bound to a thread yet: it may be moved to the thread that will own it.
pub struct DormantRing {
    pub(super) uring: IoUring,
    pub(super) sizes: RingSizes,
    /// Registered files that the kernel granted.
    pub(super) files: u32,
}

impl DormantRing {
    /// Asks the kernel for a ring.
    ///
    /// # Errors
    /// [`RingRefused`], with the cause and the cure as far as they can be told.
    pub fn create(sizes: RingSizes) -> Result<Self, RingRefused> {
        let entries = sizes.entries.max(1).next_power_of_two();
        let sizes = RingSizes { entries, ..sizes };
        let uring = IoUring::builder()
            .dontfork()
            .setup_r_disabled()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_cqsize(sizes.completions.max(entries))
            .build(entries)
            .map_err(|error| RingRefused::by("io_uring_setup", &error))?;
        check_enter(&uring)?;
        let files = register_files(&uring, sizes.files)?;
        Ok(Self {
            uring,
            sizes,
            files,
        })
    }
}

/// The kernel gives no ring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {error}; {why}")]
pub struct RingRefused {
    call: &'static str,
    errno: i32,
    error: String,
    why: String,
}

impl RingRefused {
    fn by(call: &'static str, error: &io::Error) -> Self {
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        Self {
            call,
            errno,
            error: name_of(errno).map_or_else(|| error.to_string(), str::to_owned),
            why: why(errno, disabled()),
        }
    }

    /// The system's error number.
    pub fn errno(&self) -> i32 {
        self.errno
    }
}

/// A filter may let `io_uring_setup` pass and refuse `io_uring_enter`: a ring that is not enabled yet answers `EBADFD`.
fn check_enter(uring: &IoUring) -> Result<(), RingRefused> {
    // SAFETY: nothing is staged and there is no argument, so the kernel reads no memory of ours.
    let entered = unsafe { uring.submitter().enter::<()>(0, 0, 0, None) };
    match entered {
        Err(error) if error.raw_os_error() != Some(libc::EBADFD) => {
            Err(RingRefused::by("io_uring_enter", &error))
        }
        _ => Ok(()),
    }
}

/// Registers as many as the process's limit of open files allows.
fn register_files(uring: &IoUring, wanted: u32) -> Result<u32, RingRefused> {
    let mut count = wanted;
    while count > 0 {
        match uring.submitter().register_files_sparse(count) {
            Ok(()) => return Ok(count),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENOMEM)) => {
                count /= 4;
            }
            Err(error) => return Err(RingRefused::by("io_uring_register", &error)),
        }
    }
    Ok(0)
}

fn name_of(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::EPERM => "EPERM",
        libc::EACCES => "EACCES",
        libc::ENOSYS => "ENOSYS",
        libc::EINVAL => "EINVAL",
        libc::ENOMEM => "ENOMEM",
        libc::EMFILE => "EMFILE",
        libc::ENFILE => "ENFILE",
        _ => return None,
    })
}

/// The value of `kernel.io_uring_disabled`; `None` before Linux 6.6.
fn disabled() -> Option<u8> {
    let text = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok()?;
    text.trim().parse().ok()
}

/// Cause and cure.
fn why(errno: i32, disabled: Option<u8>) -> String {
    match (errno, disabled) {
        (libc::EPERM | libc::EACCES, Some(value @ 1..)) => format!(
            "kernel.io_uring_disabled is {value}; try: sysctl -w kernel.io_uring_disabled=0"
        ),
        (libc::EPERM | libc::EACCES, Some(0)) => "likely seccomp, as container runtimes set it by default; try: a seccomp \
             profile that allows io_uring_setup, io_uring_enter and io_uring_register"
            .into(),
        (libc::EPERM | libc::EACCES, None) => {
            "likely seccomp or kernel.io_uring_disabled; try: allow the io_uring system calls".into()
        }
        (libc::ENOSYS, _) => {
            "the kernel is built without io_uring, or seccomp hides it; try: allow the io_uring system calls".into()
        }
        (libc::EINVAL, _) => "the kernel lacks what is needed; try: Linux 6.1 or later".into(),
        (libc::ENOMEM, _) => "no memory for a ring; try: raise the limit of locked memory (ulimit -l)".into(),
        (libc::EMFILE | libc::ENFILE, _) => {
            "too many open files; try: raise the limit of open files (ulimit -n)".into()
        }
        _ => "no known cure".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_cause_and_cure() {
        assert!(why(libc::EPERM, Some(2)).contains("io_uring_disabled is 2; try: sysctl"));
        assert!(why(libc::EPERM, Some(0)).contains("seccomp"));
        assert!(why(libc::EINVAL, Some(0)).contains("Linux 6.1"));
        let refused = RingRefused::by(
            "io_uring_setup",
            &io::Error::from_raw_os_error(libc::ENOSYS),
        );
        assert!(
            refused.to_string().starts_with("io_uring_setup: ENOSYS; "),
            "{refused}"
        );
    }

    #[test]
    fn more_files_than_the_limit_allows_are_fewer_and_no_refusal() {
        let sizes = RingSizes {
            files: 1 << 30,
            ..RingSizes::default()
        };
        let dormant = DormantRing::create(sizes).unwrap();
        assert!(dormant.files < 1 << 30);
    }
}
