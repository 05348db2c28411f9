//! Operations under way: what they do when their time comes, and what a kill leaves of them.

use std::{io, net::IpAddr, path::Path};

use super::{HostId, ProcessId, disk::SimFile, errno, random::happens, world::Inner};
use crate::{
    io::{
        Chore, FileAccess, FileToken, IoFailure, Opening, Outcome, SocketToken, Ticket,
        files::FileSource, socket::SocketSource,
    },
    mem::Span,
};

/// An operation that an agent staged, until its completion.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) process: ProcessId,
    pub(super) thread: u32,
    pub(super) ticket: Ticket,
    pub(super) work: Work,
}

#[derive(Debug)]
pub(super) enum Work {
    /// Nothing is left to do: the outcome was known when it was staged.
    Told(Outcome),
    Read {
        file: SimFile,
        span: Span,
        at: u64,
    },
    Write(Write),
    Sync {
        file: SimFile,
        pages: Vec<u64>,
        len: u64,
    },
    Chore(Chore),
}

#[derive(Debug)]
pub(super) struct Write {
    pub(super) file: SimFile,
    pub(super) span: Span,
    pub(super) at: u64,
    /// Whether it survives a power cut.
    pub(super) through: bool,
    pub(super) access: FileAccess,
}

impl Work {
    pub(super) fn is_chore(&self) -> bool {
        matches!(self, Self::Chore(_))
    }
}

/// Bytes of which a device writes all or none, however it is interrupted.
const SECTOR_BYTES: usize = 512;

impl Inner {
    /// Does an operation; gives its outcome, and the bytes that it brought.
    pub(super) fn perform(&mut self, process: ProcessId, work: Work) -> (Outcome, Vec<u8>) {
        let host = self.process(process).host;
        let outcome = match work {
            Work::Told(outcome) => Ok(outcome),
            Work::Read { file, span, at } => {
                let mut bytes = vec![0; span.len()];
                let count = file.with(|inode| inode.read(at, &mut bytes));
                bytes.truncate(count);
                span.write(&bytes);
                return (Outcome::Moved(count), bytes);
            }
            Work::Write(write) => {
                let len = self.length_taken(&write);
                self.write(host, &write, len)
            }
            Work::Sync { file, pages, len } => {
                file.with(|inode| inode.synced(&pages, len));
                Ok(Outcome::Done)
            }
            Work::Chore(chore) => self.chore(process, chore),
        };
        (outcome.unwrap_or_else(Outcome::Failed), Vec::new())
    }

    /// The process of an operation was killed: a write in flight is there whole, in part or not at all, by seed; a chore
    /// took place or not. Nobody hears of it.
    pub(super) fn leave_behind(&mut self, operation: Operation) {
        let host = self.process(operation.process).host;
        match operation.work {
            Work::Write(write) => {
                let len = match self.random.disk.u8(0..3) {
                    0 => return,
                    1 => write.span.len(),
                    _ => self.prefix(&write),
                };
                // A full disk takes nothing of it, which is one of the legal ends.
                let _ = self.write(host, &write, len);
            }
            Work::Chore(
                chore @ (Chore::CreateShared { .. }
                | Chore::OpenFile { .. }
                | Chore::Rename { .. }
                | Chore::Unlink { .. }
                | Chore::CreateDirectory { .. }
                | Chore::ZeroFrom { .. }),
            ) => {
                if self.random.chores.bool() {
                    // Whether it could be done or not, there is nobody to tell.
                    let _ = self.chore(operation.process, chore);
                }
            }
            Work::Sync { file, pages, len } => {
                if self.random.disk.bool() {
                    file.with(|inode| inode.synced(&pages, len));
                }
            }
            Work::Told(_) | Work::Read { .. } | Work::Chore(_) => {}
        }
    }

    fn length_taken(&mut self, write: &Write) -> usize {
        let len = write.span.len();
        if !happens(&mut self.random.disk, self.settings.disk.short_ppm) {
            return len;
        }
        match self.prefix(write) {
            0 => len,
            part => part,
        }
    }

    /// How much of a write that was interrupted is there.
    fn prefix(&mut self, write: &Write) -> usize {
        let prefix = self.random.disk.usize(0..=write.span.len());
        match write.access {
            FileAccess::Buffered => prefix,
            FileAccess::Direct => prefix - prefix % SECTOR_BYTES,
        }
    }

    /// Writes the first `len` bytes of a write's span. They are read only now: whoever changes them before the completion
    /// has changed what is written.
    fn write(&mut self, host: HostId, write: &Write, len: usize) -> Result<Outcome, IoFailure> {
        let end = write.at.checked_add(len as u64);
        let end = end.filter(|end| i64::try_from(*end).is_ok());
        let end = end.ok_or_else(|| errno(libc::EFBIG))?;
        let growth = end.saturating_sub(write.file.with(|inode| inode.len()));
        if growth > 0 && growth > self.room(host) {
            return Err(errno(libc::ENOSPC));
        }
        let mut bytes = vec![0; len];
        write.span.read(&mut bytes);
        write.file.with(|inode| {
            if write.through {
                inode.write_through(write.at, &bytes);
            } else {
                inode.write(write.at, &bytes);
            }
        });
        Ok(Outcome::Moved(len))
    }

    fn room(&self, host: HostId) -> u64 {
        match self.settings.disk.capacity_bytes {
            u64::MAX => u64::MAX,
            capacity => capacity.saturating_sub(self.host(host).tree.used_bytes()),
        }
    }

    fn chore(&mut self, process: ProcessId, chore: Chore) -> Result<Outcome, IoFailure> {
        let host = self.process(process).host;
        match chore {
            Chore::CreateShared { path, len, .. } => {
                self.create_shared(host, &path, len).map(Outcome::Region)
            }
            Chore::OpenShared { path } => {
                self.host(host).tree.open_shared(&path).map(Outcome::Region)
            }
            Chore::OpenFile {
                path,
                access,
                opening,
            } => self.open_file(host, &path, access, opening),
            Chore::Rename { from, to } => self.host_mut(host).tree.rename(&from, &to).map(done),
            Chore::Unlink { path } => match self.host_mut(host).tree.unlink(&path) {
                Err(failure) if failure.kind() != io::ErrorKind::NotFound => Err(failure),
                _ => Ok(Outcome::Done),
            },
            Chore::CreateDirectory { path } => {
                self.host_mut(host).tree.create_directory(&path).map(done)
            }
            Chore::ReadDirectory { path } => self.host(host).tree.list(&path).map(Outcome::Entries),
            Chore::ZeroFrom { path, at } => self.zero_from(host, &path, at).map(done),
            Chore::Free { region } => {
                drop(region);
                Ok(Outcome::Done)
            }
            Chore::Bind { local, options } => {
                let place = (host, process);
                let rng = &mut self.random.network;
                let (handle, local, options) = self.network.bind(place, local, &options, rng)?;
                Ok(Outcome::Socket(SocketToken {
                    source: SocketSource::Simulated(handle),
                    local,
                    options,
                }))
            }
            Chore::Resolve { host } => self.resolve(&host).map(Outcome::Addresses),
        }
    }

    fn open_file(
        &mut self,
        host: HostId,
        path: &Path,
        access: FileAccess,
        opening: Opening,
    ) -> Result<Outcome, IoFailure> {
        let room = self.room(host);
        let file = self.host_mut(host).tree.open_file(path, opening, room)?;
        let len = file.with(|inode| inode.len());
        Ok(Outcome::File(FileToken {
            source: FileSource::Simulated(file),
            access,
            len,
        }))
    }

    fn zero_from(&mut self, host: HostId, path: &Path, at: u64) -> Result<(), IoFailure> {
        let tree = &mut self.host_mut(host).tree;
        let file = tree.open_file(path, Opening::Existing, 0)?;
        file.with(|inode| {
            let zeros = vec![0; usize::try_from(inode.len().saturating_sub(at)).unwrap_or(0)];
            inode.write_through(at, &zeros);
        });
        Ok(())
    }

    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, IoFailure> {
        if let Ok(address) = name.parse() {
            return Ok(vec![address]);
        }
        // The system's resolver reports an unknown name without an error number, which a failure carries as EIO.
        self.names
            .get(name)
            .cloned()
            .ok_or_else(|| errno(libc::EIO))
    }
}

fn done((): ()) -> Outcome {
    Outcome::Done
}
