//! Segments before a recording's start: detached, purged, deleted, attached again (07 §5.4, §5.5).

use taranis_runtime::{
    cycle::Cycle,
    io::{Chore, Completion, File, FileAccess, FileOps, FileToken, Outcome, Ticket},
    mem::Region,
};
use taranis_transport::log::frame::FRAME_ALIGNMENT;

use super::{
    core::Core,
    requests::{Asked, Refusal},
};
use crate::{
    catalog::Recording,
    codecs::RecordingSignal,
    frame::{FrameHeader, HEADER},
    segment::{SegmentFiles, SegmentName},
};

/// Bytes of a segment that are looked at in one go, for its first frame.
const PIECE: usize = 64 << 10;

/// A request that needs to know which segment files there are.
#[derive(Debug)]
pub(super) struct Search {
    asked: Asked,
    recording: Recording,
    wants: Wants,
    state: State,
}

#[derive(Debug)]
enum Wants {
    DeleteDetached,
    Attach(Attach),
}

/// Segments found behind each other, from the start downwards.
#[derive(Debug)]
struct Attach {
    files: SegmentFiles,
    buffer: Region,
    /// Base of the segment that is looked at.
    base: i64,
    /// Offset in it of the piece that is looked at.
    offset: usize,
    attached: i64,
}

#[derive(Debug)]
enum State {
    List(Option<Ticket>),
    Listed(SegmentFiles),
    Open(Option<Ticket>),
    Read(File, Option<Ticket>),
    /// The piece is in the buffer.
    Piece(File),
    Failed(String),
}

/// What a look at a piece of a segment came to.
enum Seen {
    /// No frame up to its end.
    Nothing,
    /// The first frame lies at this offset of the segment, and is the recording's.
    Frame(usize),
}

impl Search {
    fn new(asked: Asked, recording: Recording, wants: Wants) -> Self {
        Self {
            asked,
            recording,
            wants,
            state: State::List(None),
        }
    }

    /// Takes a completion, if it is this search's. Gives it back otherwise.
    pub(super) fn ended(
        &mut self,
        completion: Completion,
        files: &mut FileOps,
    ) -> Option<Completion> {
        let ours = Some(completion.ticket);
        self.state = match (&self.state, completion.outcome) {
            (State::List(ticket), Outcome::Entries(entries)) if *ticket == ours => {
                match SegmentFiles::among(&entries) {
                    Ok(files) => State::Listed(files),
                    Err(error) => State::Failed(error.to_string()),
                }
            }
            (State::Open(ticket), Outcome::File(token)) if *ticket == ours => adopt(token, files),
            (State::Read(file, ticket), Outcome::Moved(PIECE)) if *ticket == ours => {
                State::Piece(*file)
            }
            (State::Read(file, ticket), other) if *ticket == ours => {
                files.release(*file);
                State::Failed(format!("read failed: {other:?}"))
            }
            (State::List(ticket) | State::Open(ticket), other) if *ticket == ours => {
                State::Failed(format!("{other:?}"))
            }
            (_, outcome) => {
                return Some(Completion {
                    outcome,
                    ..completion
                });
            }
        };
        None
    }
}

fn adopt(token: FileToken, files: &mut FileOps) -> State {
    match files.adopt(token) {
        Ok(file) => State::Read(file, None),
        Err(full) => State::Failed(full.to_string()),
    }
}

impl Attach {
    /// Looks for the first frame in the piece, and at whether it is one of the recording's.
    fn look(&self, recording: &Recording) -> Result<Seen, String> {
        for at in (0..PIECE).step_by(FRAME_ALIGNMENT as usize) {
            let mut bytes = [0; HEADER];
            let read = self.buffer.read(at, &mut bytes);
            read.map_err(|error| error.to_string())?;
            let Some(header) = FrameHeader::read(&bytes).filter(|header| header.length > 0) else {
                continue;
            };
            let place = recording.geometry.shape().place(self.base);
            let pairs = [
                ("term id", header.term_id, place.term_id),
                ("stream id", header.stream_id, recording.stream_id),
            ];
            for (what, actual, expected) in pairs {
                if actual != expected {
                    return Err(format!(
                        "{what} does not match: actual={actual} expected={expected}"
                    ));
                }
            }
            return Ok(Seen::Frame(self.offset + at));
        }
        Ok(Seen::Nothing)
    }
}

impl Core {
    /// Whether the start may move there; refusals in Aeron's order (07 §5.4).
    fn check_detach(&self, recording: &Recording, new_start: i64) -> Result<(), Refusal> {
        let generic = |words: String| Err(Refusal::generic(words));
        if new_start != recording.segment_base(new_start) {
            return generic(format!(
                "invalid segment start: newStartPosition={new_start}"
            ));
        }
        let first = recording.segment_base(recording.start_position);
        let lower = recording.geometry.next_base(first);
        if new_start < lower {
            return generic(format!(
                "invalid detach: newStartPosition={new_start} lowerBound={lower}"
            ));
        }
        let end = self
            .recorded_position(recording.id)
            .or_else(|| recording.stop.map(|stop| stop.position))
            .unwrap_or(recording.start_position);
        let upper = recording.segment_base(end);
        if new_start > upper {
            return generic(format!(
                "invalid detach: in use, newStartPosition={new_start} upperBound={upper}"
            ));
        }
        let replays = self.replays.iter();
        let lowest = replays
            .filter(|replay| replay.recording_id == recording.id)
            .map(|replay| recording.segment_base(replay.position()))
            .min();
        match lowest {
            Some(lowest) if lowest < new_start => generic(format!(
                "invalid detach: replay in progress -  newStartPosition={new_start} upperBound={lowest}"
            )),
            _ => Ok(()),
        }
    }

    fn move_start(&mut self, id: i64, position: i64) -> Result<(), Refusal> {
        let changes = self.catalog.start_moved(id, position)?;
        self.stage(changes);
        Ok(())
    }

    pub(super) fn detach_segments(
        &mut self,
        asked: Asked,
        id: i64,
        new_start: i64,
    ) -> Result<(), Refusal> {
        let recording = self.recording(id)?.clone();
        self.check_detach(&recording, new_start)?;
        self.move_start(id, new_start)?;
        self.ok(asked, 0);
        Ok(())
    }

    pub(super) fn purge_segments(
        &mut self,
        asked: Asked,
        id: i64,
        new_start: i64,
    ) -> Result<(), Refusal> {
        let recording = self.recording(id)?.clone();
        self.check_detach(&recording, new_start)?;
        self.move_start(id, new_start)?;
        let first = recording.segment_base(recording.start_position);
        let count = self.unlink(&recording, first, new_start - 1);
        self.answer_deleted(asked, id, count);
        Ok(())
    }

    pub(super) fn delete_detached_segments(
        &mut self,
        asked: Asked,
        id: i64,
    ) -> Result<(), Refusal> {
        let recording = self.recording(id)?.clone();
        self.searches
            .push(Search::new(asked, recording, Wants::DeleteDetached));
        Ok(())
    }

    pub(super) fn attach_segments(&mut self, asked: Asked, id: i64) -> Result<(), Refusal> {
        let recording = self.recording(id)?.clone();
        let attach = Attach {
            files: SegmentFiles::default(),
            buffer: Region::heap(PIECE),
            base: recording.start_position,
            offset: 0,
            attached: 0,
        };
        self.searches
            .push(Search::new(asked, recording, Wants::Attach(attach)));
        Ok(())
    }

    pub(super) fn turn_searches(&mut self, cycle: &mut Cycle<'_>) -> usize {
        let mut left = std::mem::take(&mut self.searches);
        let before = left.len();
        left.retain_mut(|search| !self.turn_search(search, cycle));
        let over = before - left.len();
        self.searches.append(&mut left);
        over
    }

    /// Whether it is over.
    fn turn_search(&mut self, search: &mut Search, cycle: &mut Cycle<'_>) -> bool {
        match std::mem::replace(&mut search.state, State::List(None)) {
            State::List(None) => {
                let path = self.context.dir.clone();
                search.state = State::List(cycle.chores.ask(Chore::ReadDirectory { path }).ok());
                false
            }
            State::Listed(files) => match &mut search.wants {
                Wants::DeleteDetached => {
                    self.delete_before_start(search.asked, &search.recording, &files);
                    true
                }
                Wants::Attach(attach) => {
                    attach.files = files;
                    self.attach_next(search)
                }
            },
            State::Open(None) => {
                let Wants::Attach(attach) = &search.wants else {
                    return true;
                };
                let name = SegmentName {
                    recording_id: search.recording.id,
                    base: attach.base,
                };
                let chore = name.open_in(&self.context.dir, FileAccess::Buffered);
                search.state = State::Open(cycle.chores.ask(chore).ok());
                false
            }
            State::Read(file, None) => {
                search.state = State::Read(file, read_piece(search, file, cycle.files));
                false
            }
            State::Piece(file) => self.look_at(search, file, cycle.files),
            State::Failed(words) => {
                self.refuse(search.asked, &Refusal::generic(words));
                true
            }
            waiting @ (State::List(Some(_)) | State::Open(Some(_)) | State::Read(_, Some(_))) => {
                search.state = waiting;
                false
            }
        }
    }

    fn delete_before_start(&mut self, asked: Asked, recording: &Recording, files: &SegmentFiles) {
        let start = recording.segment_base(recording.start_position);
        let lowest = files.of(recording.id).next().map(|(base, _)| base);
        let count = match lowest {
            Some(lowest) if lowest < start => self.unlink(recording, lowest, start - 1),
            _ => 0,
        };
        self.answer_deleted(asked, recording.id, count);
    }

    /// Goes on with the segment below, or answers where there is none.
    fn attach_next(&mut self, search: &mut Search) -> bool {
        let Wants::Attach(attach) = &mut search.wants else {
            return true;
        };
        let length = i64::from(search.recording.geometry.segment_length());
        let below = attach.base - length;
        let found = attach.files.of(search.recording.id);
        let found = found.into_iter().find(|(base, _)| *base == below);
        match found {
            Some((_, found)) if found != length.unsigned_abs() => {
                search.state = State::Failed(format!(
                    "fileLength={found} not equal to segmentLength={length}"
                ));
                false
            }
            Some(_) if below >= 0 => {
                attach.base = below;
                attach.offset = 0;
                search.state = State::Open(None);
                false
            }
            _ => {
                let (asked, attached) = (search.asked, attach.attached);
                self.ok(asked, attached);
                true
            }
        }
    }

    fn look_at(&mut self, search: &mut Search, file: File, files: &mut FileOps) -> bool {
        let Wants::Attach(attach) = &mut search.wants else {
            return true;
        };
        let term_length = search.recording.geometry.shape().term_length();
        match attach.look(&search.recording) {
            Ok(Seen::Nothing) => {
                attach.offset += PIECE;
                if attach.offset < term_length.unsigned_abs() as usize {
                    search.state = State::Read(file, None);
                    return false;
                }
                files.release(file);
                let base = attach.base;
                search.state = State::Failed(format!(
                    "fragment not found in first term of segment {}-{base}.rec",
                    search.recording.id
                ));
                false
            }
            Ok(Seen::Frame(offset)) => {
                files.release(file);
                attach.attached += 1;
                let start = attach.base + offset as i64;
                if let Err(refusal) = self.move_start(search.recording.id, start) {
                    self.refuse(search.asked, &refusal);
                    return true;
                }
                if offset > 0 {
                    let (asked, attached) = (search.asked, attach.attached);
                    self.ok(asked, attached);
                    return true;
                }
                self.attach_next(search)
            }
            Err(words) => {
                files.release(file);
                search.state = State::Failed(words);
                false
            }
        }
    }

    pub(super) fn answer_deleted(&mut self, asked: Asked, recording_id: i64, count: i64) {
        if let Some(session) = self.session(asked.session_id) {
            session.ok(asked.correlation_id, count);
            session.signal(
                asked.correlation_id,
                (recording_id, -1),
                -1,
                RecordingSignal::Delete,
            );
        }
    }
}

fn read_piece(search: &Search, file: File, files: &mut FileOps) -> Option<Ticket> {
    let Wants::Attach(attach) = &search.wants else {
        return None;
    };
    let span = attach.buffer.span(0, PIECE);
    let span = span.expect("the buffer has a piece's length");
    files.read(file, span, attach.offset as u64).ok()
}
