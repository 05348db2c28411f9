//! Maintenance: truncating and purging recordings (07 §5).

use std::path::PathBuf;

use taranis_runtime::{
    cycle::Cycle,
    io::{Chore, Chores, Completion, File, FileAccess, FileOps, Opening, Outcome, Ticket},
    mem::Region,
};

use super::{
    core::Core,
    requests::{Asked, Refusal},
};
use crate::{
    catalog::Recording,
    error::ErrorCode,
    frame::{FrameHeader, HEADER},
    segment::SegmentName,
};

/// A truncation whose position lies inside a segment: the frame there is looked at first.
#[derive(Debug)]
pub(super) struct Truncation {
    asked: Asked,
    recording: Recording,
    position: i64,
    path: PathBuf,
    buffer: Region,
    state: State,
}

#[derive(Debug)]
enum State {
    Open(Option<Ticket>),
    Read(File, Ticket),
    /// The frame is the recording's: what is behind it goes.
    Zero(Option<Ticket>),
    Over(Result<(), String>),
}

impl Truncation {
    /// Takes a completion, if it is this truncation's. Gives it back otherwise.
    pub(super) fn ended(
        &mut self,
        completion: Completion,
        files: &mut FileOps,
    ) -> Option<Completion> {
        let ours = Some(completion.ticket);
        self.state = match (&self.state, completion.outcome) {
            (State::Open(ticket), Outcome::File(token)) if *ticket == ours => {
                self.read(token, files)
            }
            (State::Read(file, ticket), outcome) if Some(*ticket) == ours => {
                files.release(*file);
                let checked = match outcome {
                    Outcome::Moved(HEADER) => self.check(),
                    other => Err(self.problem(&other)),
                };
                checked.map_or_else(|words| State::Over(Err(words)), |()| State::Zero(None))
            }
            (State::Zero(ticket), Outcome::Done) if *ticket == ours => State::Over(Ok(())),
            (State::Open(ticket) | State::Zero(ticket), other) if *ticket == ours => {
                State::Over(Err(self.problem(&other)))
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

    fn problem(&self, outcome: &Outcome) -> String {
        format!("{}: {outcome:?}", self.path.display())
    }

    fn offset(&self) -> u64 {
        (self.position - self.recording.segment_base(self.position)).cast_unsigned()
    }

    fn read(&self, token: taranis_runtime::io::FileToken, files: &mut FileOps) -> State {
        let begun = files
            .adopt(token)
            .map_err(|full| full.to_string())
            .and_then(|file| {
                let span = self
                    .buffer
                    .span(0, HEADER)
                    .map_err(|error| error.to_string())?;
                let ticket = files
                    .read(file, span, self.offset())
                    .map_err(|full| full.to_string())?;
                Ok(State::Read(file, ticket))
            });
        begun.unwrap_or_else(|words| State::Over(Err(words)))
    }

    /// The frame at the position must be one of the recording's, at just that place.
    fn check(&self) -> Result<(), String> {
        let mut header = [0; HEADER];
        self.buffer
            .read(0, &mut header)
            .map_err(|error| error.to_string())?;
        let place = self.recording.geometry.shape().place(self.position);
        FrameHeader::read(&header)
            .filter(|header| {
                header.term_offset == place.offset
                    && header.term_id == place.term_id
                    && header.stream_id == self.recording.stream_id
            })
            .map(|_| ())
            .ok_or_else(|| format!("{} position not aligned to a data header", self.position))
    }
}

impl Core {
    pub(super) fn truncate(&mut self, asked: Asked, id: i64, position: i64) -> Result<(), Refusal> {
        let recording = self.recording(id)?.clone();
        let Some(stop) = recording.stop.filter(|_| !self.is_active(id)) else {
            return Err(Refusal::new(
                ErrorCode::ActiveRecording,
                "cannot truncate active recording",
            ));
        };
        let start = recording.start_position;
        if position < start || position > stop.position || position % 32 != 0 {
            let words = format!(
                "invalid position {position}: start={start} stop={} alignment=32",
                stop.position
            );
            return Err(Refusal::new(ErrorCode::InvalidPosition, words));
        }
        if self.truncations.iter().any(|one| one.recording.id == id) {
            let words = format!("another delete operation in progress for recording id: {id}");
            return Err(Refusal::generic(words));
        }
        for replay in self
            .replays
            .iter_mut()
            .filter(|replay| replay.recording_id == id)
        {
            replay.abort();
        }
        let base = recording.segment_base(position);
        if position == base || position == start || position == stop.position {
            return self.cut(asked, &recording, position);
        }
        let name = SegmentName {
            recording_id: id,
            base,
        };
        self.truncations.push(Truncation {
            asked,
            path: name.path_in(&self.context.dir),
            recording,
            position,
            buffer: Region::heap(HEADER),
            state: State::Open(None),
        });
        Ok(())
    }

    pub(super) fn purge(&mut self, asked: Asked, id: i64) -> Result<(), Refusal> {
        let recording = self.recording(id)?.clone();
        if self.replays.iter().any(|replay| replay.recording_id == id) {
            let words = format!("cannot purge recording with active replay {id}");
            return Err(Refusal::new(ErrorCode::ActiveRecording, words));
        }
        let Some(stop) = recording.stop.filter(|_| !self.is_active(id)) else {
            return Err(Refusal::new(
                ErrorCode::ActiveRecording,
                format!("cannot purge active recording {id}"),
            ));
        };
        let changes = self.catalog.purged(id)?;
        self.stage(changes);
        let start = recording.start_position;
        let first = recording.segment_base(start);
        let count = self.unlink(&recording, first, stop.position);
        self.answer_deleted(asked, id, count);
        Ok(())
    }

    /// Moves the stop position and removes the files behind it.
    fn cut(&mut self, asked: Asked, recording: &Recording, position: i64) -> Result<(), Refusal> {
        let old = recording.stop.map_or(position, |stop| stop.position);
        let changes = self.catalog.stop_moved(recording.id, position)?;
        self.stage(changes);
        let base = recording.segment_base(position);
        let is_at_base = position == base || position == recording.start_position;
        let first = if is_at_base {
            base
        } else {
            recording.geometry.next_base(base)
        };
        let count = self.unlink(recording, first, old);
        self.answer_deleted(asked, recording.id, count);
        Ok(())
    }

    /// Removes the segment files from base `first` to the one that position `last` lies in; how many there are by name.
    pub(super) fn unlink(&mut self, recording: &Recording, first: i64, last: i64) -> i64 {
        let mut base = first;
        let mut count = 0;
        while base <= last {
            let name = SegmentName {
                recording_id: recording.id,
                base,
            };
            let path = name.path_in(&self.context.dir);
            let known = self.file.mark();
            self.loose_chores.push_back((known, Chore::Unlink { path }));
            count += 1;
            base = recording.geometry.next_base(base);
        }
        count
    }

    pub(super) fn turn_truncations(&mut self, cycle: &mut Cycle<'_>) -> usize {
        let mut left = std::mem::take(&mut self.truncations);
        let before = left.len();
        left.retain_mut(|truncation| !self.turn_truncation(truncation, cycle.chores));
        let over = before - left.len();
        self.truncations = left;
        over
    }

    /// Whether it is over.
    fn turn_truncation(&mut self, truncation: &mut Truncation, chores: &mut Chores) -> bool {
        match &truncation.state {
            State::Open(None) => {
                let chore = Chore::OpenFile {
                    path: truncation.path.clone(),
                    access: FileAccess::Buffered,
                    opening: Opening::Existing,
                };
                truncation.state = State::Open(chores.ask(chore).ok());
                false
            }
            State::Zero(None) => {
                let chore = Chore::ZeroFrom {
                    path: truncation.path.clone(),
                    at: truncation.offset(),
                };
                truncation.state = State::Zero(chores.ask(chore).ok());
                false
            }
            State::Over(result) => {
                let (asked, recording) = (truncation.asked, &truncation.recording);
                let done = result
                    .clone()
                    .map_err(Refusal::generic)
                    .and_then(|()| self.cut(asked, recording, truncation.position));
                if let Err(refusal) = done {
                    self.refuse(asked, &refusal);
                }
                true
            }
            State::Open(Some(_)) | State::Read(..) | State::Zero(Some(_)) => false,
        }
    }
}
