//! The writes of one recording: from pieces of the stream to its segment files (07 §4.2).

use std::path::PathBuf;

use taranis_runtime::{
    io::{Chores, Completion, Durability, FileAccess, FileOps, IoFailure, Outcome, Ticket},
    mem::Span,
};

use super::{
    Recorded,
    block::Piece,
    copies::Copies,
    flight::{Flight, Hold, Write},
    open::{OpenSegment, Opening, SegmentOpener},
    pages::{OpenPages, PAGE},
};
use crate::{
    catalog::Recording,
    checksum::Checksum,
    context::{Context, WriteMode},
    error::ErrorCode,
    segment::Geometry,
};

/// Most bytes that are staged in one turn where writes go past the page cache, or are copied: a larger direct write keeps
/// the thread in the kernel for long.
pub const BYTES_PER_TURN: usize = 128 * 1024;

/// How a recording is written.
#[derive(Clone, Debug)]
pub struct WriterSettings {
    /// The archive's directory.
    pub directory: PathBuf,
    /// Through the page cache or past it.
    pub mode: WriteMode,
    /// When a write counts as complete.
    pub durability: Durability,
    /// What takes the place of data frames' session ids.
    pub checksum: Option<Checksum>,
    /// Most bytes of a buffered write.
    pub io_length_max: usize,
}

impl WriterSettings {
    /// What the archive's settings say.
    pub fn of(context: &Context) -> Self {
        Self {
            directory: context.dir.clone(),
            mode: context.write_mode,
            durability: context.durability(),
            checksum: context.record_checksum,
            // In range by the setting's rule.
            io_length_max: context.file_io_max_length.0 as usize,
        }
    }
}

/// Writes one recording's frames to its segment files.
///
/// In each turn: [`Self::take`] the pieces that [`Self::limit`] has room for, from [`Self::next_position`] on;
/// [`Self::work`]; give it the completions with [`Self::ended`]. [`Self::recorded`] follows the completed writes: the end of
/// the contiguous part, at a frame's end. Say it in this order: [`ProgressSlot::advance`](super::ProgressSlot::advance), the
/// rec-pos counter, the image's position.
///
/// * *buffered*: one write per piece, straight from the term buffer.
/// * *direct*: whole pages straight from the term buffer; a page that is not whole goes through a page of the writer's,
///   zero beyond the position, and is written when nothing else is under way: so under load it is written once, full.
/// * A recording that is extended goes on buffered in the file it has; files of another archive need not have their blocks.
///
/// # Threading
/// Belongs to the recorder.
#[derive(Debug)]
pub struct Writer {
    settings: WriterSettings,
    recording_id: i64,
    geometry: Geometry,
    segment: SegmentOpener,
    /// Everything before was taken.
    taken: i64,
    recorded: i64,
    bytes_left: usize,
    flight: Flight,
    pages: Option<OpenPages>,
    copies: Option<Copies>,
    failed: Option<WriteFailed>,
}

/// A recording can't be written on: it ends at what is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("recording {recording_id}: {doing} at position {position} failed: {failure}")]
pub struct WriteFailed {
    /// The recording.
    pub recording_id: i64,
    /// What was being done.
    pub doing: &'static str,
    /// Where the file's bytes begin, or the first that are not recorded.
    pub position: i64,
    /// What the system said.
    pub failure: IoFailure,
}

impl WriteFailed {
    /// Aeron's code for it.
    pub fn code(&self) -> ErrorCode {
        match self.failure.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                ErrorCode::StorageSpace
            }
            _ => ErrorCode::Generic,
        }
    }
}

impl Writer {
    /// The writer of a new recording.
    pub fn new(settings: WriterSettings, recording: &Recording) -> Self {
        Self::at(settings, recording, recording.start_position, Opening::New)
    }

    /// The writer of a recording that goes on where it stopped.
    pub fn extending(settings: WriterSettings, recording: &Recording, stop: i64) -> Self {
        Self::at(settings, recording, stop, Opening::Existing)
    }

    fn at(
        settings: WriterSettings,
        recording: &Recording,
        position: i64,
        opening: Opening,
    ) -> Self {
        let copies = settings
            .checksum
            .map(|checksum| Copies::new(checksum, BYTES_PER_TURN));
        let pages = (settings.mode == WriteMode::Direct).then(OpenPages::new);
        Self {
            recording_id: recording.id,
            geometry: recording.geometry,
            segment: SegmentOpener::new(
                recording.id,
                recording.geometry,
                settings.mode.access(),
                recording.segment_base(position),
                opening,
            ),
            taken: position,
            recorded: position,
            bytes_left: 0,
            flight: Flight::new(settings.durability),
            pages,
            copies,
            failed: None,
            settings,
        }
    }

    /// A new turn, with its share of bytes.
    pub fn begin_turn(&mut self) {
        let is_buffered = self.settings.mode == WriteMode::Buffered && self.copies.is_none();
        self.bytes_left = if is_buffered {
            self.settings.io_length_max
        } else {
            BYTES_PER_TURN
        };
    }

    /// Most bytes of the next piece; `None` when nothing can be taken now. A padding frame may be longer.
    #[inline]
    pub fn limit(&self) -> Option<usize> {
        let open = self.segment.open()?;
        let is_direct = open.access == FileAccess::Direct;
        // A direct piece may end in two writes: of the page before it, filled up, and of its own pages.
        let writes = if is_direct { 2 } else { 1 };
        let left_in_segment = self.geometry.next_base(open.base) - self.taken;
        let is_possible = self.failed.is_none()
            && self.bytes_left > 0
            && left_in_segment > 0
            && self.flight.room() >= writes
            && !self.flight.has_open_page();
        is_possible.then_some(self.bytes_left)
    }

    /// Where the next piece begins.
    pub fn next_position(&self) -> i64 {
        self.taken
    }

    /// How far the recording is written.
    #[inline]
    pub fn recorded(&self) -> Recorded {
        Recorded::completed(self.recorded)
    }

    /// Why nothing more is written.
    pub fn failed(&self) -> Option<WriteFailed> {
        self.failed
    }

    /// Whether everything that was taken is recorded, or never will be; and nothing is with the system.
    pub fn is_settled(&self) -> bool {
        let is_opening = self.segment.ticket().is_some();
        let is_written = self.recorded == self.taken || self.failed.is_some();
        is_written && !is_opening && !self.flight.is_staged()
    }

    /// Takes the frames from [`Self::next_position`] on.
    ///
    /// # Panics
    /// For a piece that is not the next one, or when [`Self::limit`] had no room for one.
    pub fn take(&mut self, piece: &Piece, files: &mut FileOps) {
        assert!(self.limit().is_some(), "there was no room for a piece");
        assert_eq!(piece.position, self.taken, "pieces are taken in order");
        let Some(to) = self.segment.open() else {
            return;
        };
        assert!(
            piece.is_well_formed() && piece.next_position <= self.geometry.next_base(to.base),
            "a piece is whole frames of one segment, or the header of one padding frame"
        );
        self.bytes_left = self.bytes_left.saturating_sub(piece.span.len());
        match (to.access, piece.is_padding) {
            (FileAccess::Buffered, _) => self.take_buffered(piece, to, files),
            (FileAccess::Direct, true) => self.take_padding(piece, to, files),
            (FileAccess::Direct, false) => self.take_pages(piece, to, files),
        }
        self.taken = piece.next_position;
    }

    /// Opens files, and writes the page that is not whole when nothing else is under way. Once per turn, at its end.
    pub fn work(&mut self, files: &mut FileOps, chores: &mut Chores) -> usize {
        if self.failed.is_some() {
            return 0;
        }
        let mut work = self.flight.stage(files);
        match self.segment.open() {
            Some(open) if self.recorded == self.geometry.next_base(open.base) => {
                self.segment.roll(files);
            }
            Some(open) => work += self.write_open_page(open, files),
            None => {}
        }
        work + self.segment.work(&self.settings.directory, chores)
    }

    /// Takes the end of an operation, if it is one of this writer's. Gives it back otherwise.
    pub fn ended(&mut self, completion: Completion, files: &mut FileOps) -> Option<Completion> {
        if self.flight.owns(completion.ticket) {
            self.write_ended(completion.ticket, &completion.outcome);
            return None;
        }
        if self.segment.ticket() != Some(completion.ticket) {
            return Some(completion);
        }
        match self.segment.ended(completion.outcome, self.taken, files) {
            Ok(Some(open)) => self.opened(open),
            Ok(None) => {}
            Err(failure) => self.fail("opening a segment", self.taken, failure),
        }
        None
    }

    /// Closes the file. Only when it [is settled](Self::is_settled).
    pub fn close(&mut self, files: &mut FileOps) {
        self.segment.close(files);
    }

    fn take_buffered(&mut self, piece: &Piece, to: OpenSegment, files: &mut FileOps) {
        let at = to.offset(piece.position);
        let (span, hold) = self.source(piece, at);
        self.flight.add(
            Write {
                file: to.file,
                span,
                at,
                recorded_to: piece.next_position,
                hold,
            },
            files,
        );
    }

    /// Frames that lie in pages: fills the page before, gives the whole pages to the system, begins the next one.
    fn take_pages(&mut self, piece: &Piece, to: OpenSegment, files: &mut FileOps) {
        let at = to.offset(piece.position);
        let (span, hold) = self.source(piece, at);
        let Some(pages) = &mut self.pages else { return };
        let recorded_to = |end: usize| {
            if end == span.len() {
                piece.next_position
            } else {
                piece.position
            }
        };
        let mut done = 0;
        if pages.filled() > 0 {
            done = (PAGE - pages.filled()).min(span.len());
            pages.append(&part(&span, 0, done));
            if pages.filled() == PAGE {
                let page_at = at + done as u64 - PAGE as u64;
                let (page, full) = pages.write_full();
                let recorded_to = recorded_to(done);
                self.flight.add(
                    Write {
                        file: to.file,
                        span: full,
                        at: page_at,
                        recorded_to,
                        hold: Hold::Page(page),
                    },
                    files,
                );
            }
        }
        let whole = (span.len() - done) / PAGE * PAGE;
        if whole > 0 {
            let (bytes, at) = (part(&span, done, whole), at + done as u64);
            done += whole;
            self.flight.add(
                Write {
                    file: to.file,
                    span: bytes,
                    at,
                    recorded_to: recorded_to(done),
                    hold,
                },
                files,
            );
        } else if let (Hold::Copy(slot), Some(copies)) = (hold, &mut self.copies) {
            copies.give_back(slot);
        }
        if done < span.len() {
            pages.append(&part(&span, done, span.len() - done));
        }
    }

    /// A padding frame: its header is written; the file's bytes behind it are zeros since it was made.
    fn take_padding(&mut self, piece: &Piece, to: OpenSegment, files: &mut FileOps) {
        let Some(pages) = &mut self.pages else { return };
        let at = to.offset(piece.position);
        let end = to.offset(piece.next_position);
        pages.append(&piece.span);
        let page_end = (at / PAGE as u64 + 1) * PAGE as u64;
        if end < page_end {
            pages.skip((end - at) as usize - piece.span.len());
            return;
        }
        let (page, full) = pages.write_full();
        let at = page_end - PAGE as u64;
        let hold = Hold::Page(page);
        self.flight.add(
            Write {
                file: to.file,
                span: full,
                at,
                recorded_to: piece.next_position,
                hold,
            },
            files,
        );
        pages.begin((end % PAGE as u64) as usize);
    }

    fn write_open_page(&mut self, to: OpenSegment, files: &mut FileOps) -> usize {
        let is_free = self.flight.is_empty();
        let Some(pages) = self
            .pages
            .as_mut()
            .filter(|pages| is_free && pages.is_dirty())
        else {
            return 0;
        };
        let at = to.offset(self.taken) - pages.filled() as u64;
        let span = pages.write_open();
        self.flight.add(
            Write {
                file: to.file,
                span,
                at,
                recorded_to: self.taken,
                hold: Hold::OpenPage,
            },
            files,
        );
        1
    }

    /// What a piece is written from: the term buffer, or a copy with checksums.
    fn source(&mut self, piece: &Piece, at: u64) -> (Span, Hold) {
        match &mut self.copies {
            Some(copies) if !piece.is_padding => {
                let (slot, span) = copies.copy(&piece.span, at);
                (span, Hold::Copy(slot))
            }
            _ => (piece.span.clone(), Hold::Term),
        }
    }

    fn write_ended(&mut self, ticket: Ticket, outcome: &Outcome) {
        match self.flight.ended(ticket, outcome) {
            Ok(Some(Hold::Page(page))) => {
                if let Some(pages) = &mut self.pages {
                    pages.give_back(page);
                }
            }
            Ok(Some(Hold::Copy(slot))) => {
                if let Some(copies) = &mut self.copies {
                    copies.give_back(slot);
                }
            }
            Ok(Some(Hold::Term | Hold::OpenPage) | None) => {}
            Err(failure) => self.fail("writing", self.recorded, failure),
        }
        if let Some(recorded) = self.flight.contiguous() {
            self.recorded = recorded;
        }
    }

    fn opened(&mut self, open: OpenSegment) {
        let block = match open.access {
            FileAccess::Buffered => 1,
            FileAccess::Direct => PAGE,
        };
        self.flight.set_block(block);
        if let Some(pages) = &mut self.pages {
            // What lies before the first frame of a recording is zeros.
            let filled = open.offset(self.taken) % PAGE as u64;
            pages.begin(filled as usize);
        }
    }

    fn fail(&mut self, doing: &'static str, position: i64, failure: IoFailure) {
        self.failed = self.failed.or(Some(WriteFailed {
            recording_id: self.recording_id,
            doing,
            position,
            failure,
        }));
    }
}

fn part(span: &Span, from: usize, length: usize) -> Span {
    span.region()
        .span(span.offset() + from, length)
        .expect("a part of a span lies inside its region")
}
