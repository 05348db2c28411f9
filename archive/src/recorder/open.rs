//! The segment file that a recording is being written to: opened by chores, one after the other.

use std::{io::ErrorKind, path::Path};

use taranis_runtime::io::{
    Chores, File, FileAccess, FileOps, FileToken, IoFailure, Outcome, Ticket,
};

use crate::segment::{Geometry, SegmentName};

/// The file of one segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenSegment {
    /// Position of its first byte.
    pub(super) base: i64,
    pub(super) file: File,
    pub(super) access: FileAccess,
}

impl OpenSegment {
    /// Byte of the file at which a position lies.
    pub(super) fn offset(&self, position: i64) -> u64 {
        (position - self.base).unsigned_abs()
    }
}

/// Opens one segment after the other.
#[derive(Debug)]
pub(super) struct SegmentOpener {
    recording_id: i64,
    geometry: Geometry,
    access: FileAccess,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// A file is to be opened; without a ticket while the queue for chores is full.
    Opening {
        base: i64,
        opening: Opening,
        ticket: Option<Ticket>,
    },
    Open(OpenSegment),
    Closed,
}

/// Which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// It must not be there.
    New,
    /// It should be there: the recording stopped in it. Goes through the page cache, as its blocks need not be allocated.
    Existing,
}

impl SegmentOpener {
    /// Opens the segment at `base` first; new ones as `access` says.
    pub(super) fn new(
        recording_id: i64,
        geometry: Geometry,
        access: FileAccess,
        base: i64,
        opening: Opening,
    ) -> Self {
        Self {
            recording_id,
            geometry,
            access,
            state: State::Opening {
                base,
                opening,
                ticket: None,
            },
        }
    }

    /// The open file.
    #[inline]
    pub(super) fn open(&self) -> Option<OpenSegment> {
        match self.state {
            State::Open(open) => Some(open),
            State::Opening { .. } | State::Closed => None,
        }
    }

    /// What is under way.
    pub(super) fn ticket(&self) -> Option<Ticket> {
        match self.state {
            State::Opening { ticket, .. } => ticket,
            State::Open(_) | State::Closed => None,
        }
    }

    /// Asks for the file that is to be opened, if that was not done. Returns the work done.
    pub(super) fn work(&mut self, directory: &Path, chores: &mut Chores) -> usize {
        let State::Opening {
            base,
            opening,
            ticket,
        } = &mut self.state
        else {
            return 0;
        };
        if ticket.is_some() {
            return 0;
        }
        let name = SegmentName {
            recording_id: self.recording_id,
            base: *base,
        };
        let chore = match opening {
            Opening::New => name.create_in(directory, &self.geometry, self.access),
            Opening::Existing => name.open_in(directory, FileAccess::Buffered),
        };
        *ticket = chores.ask(chore).ok();
        usize::from(ticket.is_some())
    }

    /// The open segment is full: the next one is to be made.
    pub(super) fn roll(&mut self, files: &mut FileOps) {
        if let State::Open(open) = self.state {
            files.release(open.file);
            self.state = State::Opening {
                base: self.geometry.next_base(open.base),
                opening: Opening::New,
                ticket: None,
            };
        }
    }

    /// The chore ended: the file is open, or another has to be asked for, or there is none.
    pub(super) fn ended(
        &mut self,
        outcome: Outcome,
        position: i64,
        files: &mut FileOps,
    ) -> Result<Option<OpenSegment>, IoFailure> {
        let State::Opening { base, opening, .. } = self.state else {
            return Ok(None);
        };
        let failure = match outcome {
            Outcome::File(token) => return self.adopt(base, opening, token, files).map(Some),
            Outcome::Failed(failure) => failure,
            _ => UNEXPECTED,
        };
        let is_missing = opening == Opening::Existing && failure.kind() == ErrorKind::NotFound;
        if is_missing && base == position {
            // The recording stopped with its last file; who stopped it did not make the next.
            self.state = State::Opening {
                base,
                opening: Opening::New,
                ticket: None,
            };
            return Ok(None);
        }
        self.state = State::Closed;
        Err(failure)
    }

    /// Closes what is open.
    pub(super) fn close(&mut self, files: &mut FileOps) {
        if let State::Open(open) = self.state {
            files.release(open.file);
        }
        self.state = State::Closed;
    }

    fn adopt(
        &mut self,
        base: i64,
        opening: Opening,
        token: FileToken,
        files: &mut FileOps,
    ) -> Result<OpenSegment, IoFailure> {
        let access = match opening {
            Opening::New => self.access,
            Opening::Existing => FileAccess::Buffered,
        };
        let Ok(file) = files.adopt(token) else {
            self.state = State::Closed;
            return Err(TOO_MANY_FILES);
        };
        let open = OpenSegment { base, file, access };
        self.state = State::Open(open);
        Ok(open)
    }
}

/// `EMFILE`.
const TOO_MANY_FILES: IoFailure = IoFailure { errno: 24 };
/// `EIO`.
const UNEXPECTED: IoFailure = IoFailure { errno: 5 };
