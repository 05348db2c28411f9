//! An agent's durable files under the plain backend.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

use crate::{
    io::{
        backend::IoWork,
        files::{Durability, File, FileAccess, FileOp, FileOps, FileToken},
        mail::{Mail, Outcome},
        socket::IoFailure,
    },
    mem::{Span, region::REGION_ALIGNMENT},
};

#[derive(Default)]
pub(super) struct AgentFiles {
    open: Vec<Option<OpenFile>>,
}

struct OpenFile {
    handle: File,
    fd: OwnedFd,
    access: FileAccess,
}

impl AgentFiles {
    /// Does everything staged, in order.
    pub(super) fn perform(&mut self, files: &mut FileOps, inbox: &mut Mail, work: &mut IoWork) {
        if files.is_empty() {
            return;
        }
        for op in files.staged.drain(..) {
            work.system_calls += 1;
            let (ticket, result) = match op {
                FileOp::Adopt { file, token } => {
                    self.adopt(file, token);
                    continue;
                }
                FileOp::Read {
                    ticket,
                    file,
                    span,
                    at,
                } => {
                    let (fd, access) = self.get(file);
                    let aligned = check_alignment(access, &span, at);
                    (ticket, aligned.and_then(|()| read(fd, &span, at)))
                }
                FileOp::Write {
                    ticket,
                    file,
                    span,
                    at,
                    durability,
                } => {
                    let (fd, access) = self.get(file);
                    let aligned = check_alignment(access, &span, at);
                    (
                        ticket,
                        aligned.and_then(|()| write(fd, &span, at, durability)),
                    )
                }
                FileOp::Sync { ticket, file } => (ticket, sync(self.get(file).0)),
                FileOp::Release { ticket, file } => {
                    self.open[usize::from(file.slot)] = None;
                    (ticket, Ok(Outcome::Done))
                }
            };
            let outcome = result.unwrap_or_else(|error| Outcome::Failed(IoFailure::from(error)));
            inbox.push_completion(ticket, outcome);
        }
        files.taken();
    }

    fn adopt(&mut self, handle: File, token: FileToken) {
        let fd = token.source.into_os();
        let slot = usize::from(handle.slot);
        if self.open.len() <= slot {
            self.open.resize_with(slot + 1, || None);
        }
        self.open[slot] = Some(OpenFile {
            handle,
            fd,
            access: token.access,
        });
    }

    fn get(&self, file: File) -> (RawFd, FileAccess) {
        let open = self.open[usize::from(file.slot)]
            .as_ref()
            .filter(|open| open.handle == file);
        let open = open.expect("the desk hands out handles of adopted files only");
        (open.fd.as_raw_fd(), open.access)
    }
}

/// The rule of [`FileAccess::Direct`], kept here because file systems differ in what they let pass.
pub(crate) fn check_alignment(access: FileAccess, span: &Span, at: u64) -> io::Result<()> {
    let block = REGION_ALIGNMENT;
    let aligned = access == FileAccess::Buffered
        || span.as_ptr().addr().is_multiple_of(block)
            && span.len().is_multiple_of(block)
            && at.is_multiple_of(block as u64);
    if aligned {
        return Ok(());
    }
    Err(io::Error::from_raw_os_error(libc::EINVAL))
}

pub(crate) fn read(fd: RawFd, span: &Span, at: u64) -> io::Result<Outcome> {
    let at = offset(at)?;
    // SAFETY: the span's bytes are valid for its length while the span lives, here through the call.
    let count = unsafe { libc::pread(fd, span.as_ptr().cast(), span.len(), at) };
    moved(count)
}

pub(crate) fn write(
    fd: RawFd,
    span: &Span,
    at: u64,
    durability: Durability,
) -> io::Result<Outcome> {
    let at = offset(at)?;
    let part = libc::iovec {
        iov_base: span.as_ptr().cast(),
        iov_len: span.len(),
    };
    let flags = match durability {
        Durability::Taken => 0,
        Durability::OnDisk => libc::RWF_DSYNC,
    };
    // SAFETY: one part, whose bytes are valid while the span lives, here through the call.
    let count = unsafe { libc::pwritev2(fd, &raw const part, 1, at, flags) };
    moved(count)
}

pub(crate) fn sync(fd: RawFd) -> io::Result<Outcome> {
    // SAFETY: a system call on an open descriptor, without pointers.
    match unsafe { libc::fdatasync(fd) } {
        0 => Ok(Outcome::Done),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(crate) fn offset(at: u64) -> io::Result<libc::off_t> {
    libc::off_t::try_from(at).map_err(|_| io::Error::from_raw_os_error(libc::EOVERFLOW))
}

fn moved(count: isize) -> io::Result<Outcome> {
    usize::try_from(count)
        .map(Outcome::Moved)
        .map_err(|_| io::Error::last_os_error())
}
