//! An agent's durable files under the plain backend.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

use crate::{
    io::{
        backend::IoWork,
        files::{Durability, File, FileOp, FileOps, FileSource, FileToken},
        mail::{Mail, Outcome},
        socket::IoFailure,
    },
    mem::Span,
};

#[derive(Default)]
pub(super) struct AgentFiles {
    open: Vec<Option<(File, OwnedFd)>>,
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
                } => (ticket, read(self.fd(file), &span, at)),
                FileOp::Write {
                    ticket,
                    file,
                    span,
                    at,
                    durability,
                } => (ticket, write(self.fd(file), &span, at, durability)),
                FileOp::Sync { ticket, file } => (ticket, sync(self.fd(file))),
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

    fn adopt(&mut self, file: File, token: FileToken) {
        let FileSource::Os(fd) = token.source;
        let slot = usize::from(file.slot);
        if self.open.len() <= slot {
            self.open.resize_with(slot + 1, || None);
        }
        self.open[slot] = Some((file, fd));
    }

    fn fd(&self, file: File) -> RawFd {
        let open = self.open[usize::from(file.slot)]
            .as_ref()
            .filter(|(handle, _)| *handle == file);
        open.expect("the desk hands out handles of adopted files only")
            .1
            .as_raw_fd()
    }
}

fn read(fd: RawFd, span: &Span, at: u64) -> io::Result<Outcome> {
    let at = offset(at)?;
    // SAFETY: the span's bytes are valid for its length while the span lives, here through the call.
    let count = unsafe { libc::pread(fd, span.as_ptr().cast(), span.len(), at) };
    moved(count)
}

fn write(fd: RawFd, span: &Span, at: u64, durability: Durability) -> io::Result<Outcome> {
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

fn sync(fd: RawFd) -> io::Result<Outcome> {
    // SAFETY: a system call on an open descriptor, without pointers.
    match unsafe { libc::fdatasync(fd) } {
        0 => Ok(Outcome::Done),
        _ => Err(io::Error::last_os_error()),
    }
}

fn offset(at: u64) -> io::Result<libc::off_t> {
    libc::off_t::try_from(at).map_err(|_| io::Error::from_raw_os_error(libc::EOVERFLOW))
}

fn moved(count: isize) -> io::Result<Outcome> {
    usize::try_from(count)
        .map(Outcome::Moved)
        .map_err(|_| io::Error::last_os_error())
}
