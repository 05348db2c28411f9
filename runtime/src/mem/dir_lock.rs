//! A directory's owner holds a lock of the kernel's on a file in it.
//!
//! The lock dies with its process, however that ends, so what a dead process left is taken over at once. Aeron's own
//! processes know nothing of it; towards them the timestamps of mark files and of the CnC file hold.

use std::{
    fs::{self, OpenOptions},
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

/// Name of the lock file in its directory. It stays when the lock is released: who deletes the directory's content
/// deletes it last, with the lock still held.
pub const LOCK_FILE_NAME: &str = "taranis.lock";

/// Length of the lock file: one line, overwritten in place, so that nobody ever reads a half.
const LINE_LEN: usize = 64;
/// How often the lock file may be replaced under our hands before we give up.
const MAX_TRIES: usize = 8;

/// A process that owns, or owned, a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its process id.
    pub pid: u32,
    /// When it started to own the directory, epoch ms. Tells processes with the same id apart (in containers, all are 1).
    pub start_ms: i64,
}

/// A directory's lock, held until dropped, or until the process ends.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: OwnedFd,
    path: PathBuf,
    previous: Option<Owner>,
}

impl DirectoryLock {
    /// Locks a directory that exists, for `owner`.
    ///
    /// May block as any file operation: for start-up.
    ///
    /// # Errors
    /// [`LockError::Held`] when a living process holds it, [`LockError::Unsupported`] when the file system has no locks,
    /// [`LockError::Io`] for what else the system reports.
    pub fn acquire(directory: &Path, owner: Owner) -> Result<Self, LockError> {
        let path = directory.join(LOCK_FILE_NAME);
        let failed = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        for _ in 0..MAX_TRIES {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o666)
                .open(&path)
                .map_err(failed)?;
            let mut line = [0; LINE_LEN];
            let read = |line: &mut [u8; LINE_LEN]| file.read_at(line, 0).map_err(failed);
            if let Err(source) = lock(file.as_raw_fd()) {
                read(&mut line)?;
                return Err(refusal(path, source, parse(&line)));
            }
            // Between opening and locking, its holder may have deleted it: then the name leads elsewhere now.
            let locked = file.metadata().map_err(failed)?;
            let is_named = fs::metadata(&path)
                .is_ok_and(|named| named.ino() == locked.ino() && named.dev() == locked.dev());
            if !is_named {
                continue;
            }
            read(&mut line)?;
            file.write_all_at(&print(owner), 0).map_err(failed)?;
            return Ok(Self {
                previous: parse(&line),
                _file: file.into(),
                path,
            });
        }
        let source = io::Error::other("the file was replaced again and again while being locked");
        Err(LockError::Io { path, source })
    }

    /// Who held the lock before. It is dead, or has released it.
    pub fn previous(&self) -> Option<Owner> {
        self.previous
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn lock(file: i32) -> io::Result<()> {
    // SAFETY: no memory is passed; a descriptor that was not open would be an error.
    if unsafe { libc::flock(file, libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

fn refusal(path: PathBuf, source: io::Error, holder: Option<Owner>) -> LockError {
    match source.raw_os_error() {
        Some(libc::EWOULDBLOCK) => LockError::Held { path, holder },
        Some(libc::ENOLCK | libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL) => {
            LockError::Unsupported { path, source }
        }
        _ => LockError::Io { path, source },
    }
}

fn print(owner: Owner) -> [u8; LINE_LEN] {
    let mut line = [b' '; LINE_LEN];
    let text = format!("pid={} start_ms={}", owner.pid, owner.start_ms);
    line[..text.len()].copy_from_slice(text.as_bytes());
    line[LINE_LEN - 1] = b'\n';
    line
}

fn parse(line: &[u8]) -> Option<Owner> {
    let text = std::str::from_utf8(line).ok()?;
    let (pid, start_ms) = text
        .trim_end()
        .strip_prefix("pid=")?
        .split_once(" start_ms=")?;
    Some(Owner {
        pid: pid.parse().ok()?,
        start_ms: start_ms.parse().ok()?,
    })
}

/// Why a directory is not locked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// A living process owns the directory.
    #[error("{} is locked by {}", .path.display(), named(.holder))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as far as the file says.
        holder: Option<Owner>,
    },
    /// There are no locks on this file system: only timestamps can tell whether an owner lives.
    #[error("{}: the file system has no locks: {source}", .path.display())]
    Unsupported {
        /// The lock file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The lock file can't be used.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

fn named(holder: &Option<Owner>) -> String {
    holder.map_or_else(
        || "a process that has not yet written its id".to_owned(),
        |holder| format!("pid {}", holder.pid),
    )
}
