//! Maintenance: truncating and purging recordings (07 §5).

use std::path::PathBuf;

use taranis_runtime::{
    cycle::Cycle,
    io::{Chore, Completion, File, FileAccess, FileOps, Outcome, Ticket},
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
    Opening(Ticket),
    Reading {
        file: File,
        ticket: Ticket,
    },
    /// The frame was read, or could not be.
    Read(Result<(), String>),
    Zeroing(Ticket),
    Zeroed(Result<(), String>),
}

impl Truncation {
    /// Takes a completion, if it is this truncation's. Gives it back otherwise.
    pub(super) fn ended(
        &mut self,
        completion: Completion,
        files: &mut FileOps,
    ) -> Option<Completion> {
        match self.state {
            State::Opening(ticket) if ticket == completion.ticket => {
                self.state = match completion.outcome {
                    Outcome::File(token) => self.read(token, files),
                    other => State::Read(Err(format!("{}: {other:?}", self.path.display()))),
                };
                None
            }
            State::Reading { file, ticket } if ticket == completion.ticket => {
                files.release(file);
                self.state = State::Read(match completion.outcome {
                    Outcome::Moved(HEADER) => self.check(),
                    other => Err(format!("{}: {other:?}", self.path.display())),
                });
                None
            }
            State::Zeroing(ticket) if ticket == completion.ticket => {
                self.state = State::Zeroed(match completion.outcome {
                    Outcome::Done => Ok(()),
                    other => Err(format!("{}: {other:?}", self.path.display())),
                });
                None
            }
            State::Opening(_)
            | State::Reading { .. }
            | State::Read(_)
            | State::Zeroing(_)
            | State::Zeroed(_) => Some(completion),
        }
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
                Ok(State::Reading { file, ticket })
            });
        begun.unwrap_or_else(|words| State::Read(Err(words)))
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
        let recording = self
            .catalog
            .get(id)
            .ok_or_else(|| Refusal::unknown(id))?
            .clone();
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
            return Err(Refusal::new(ErrorCode::Generic, words));
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
        let chore = name.open_in(&self.context.dir, FileAccess::Buffered);
        let Chore::OpenFile { path, .. } = &chore else {
            return Err(Refusal::new(ErrorCode::Generic, "a segment is a file"));
        };
        self.truncations.push(Truncation {
            asked,
            path: path.clone(),
            recording,
            position,
            buffer: Region::heap(HEADER),
            state: State::Read(Err("not opened".to_owned())),
        });
        self.opening.push(chore);
        Ok(())
    }

    pub(super) fn purge(&mut self, asked: Asked, id: i64) -> Result<(), Refusal> {
        let recording = self
            .catalog
            .get(id)
            .ok_or_else(|| Refusal::unknown(id))?
            .clone();
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
        let changes = self
            .catalog
            .purged(id)
            .map_err(|error| Refusal::new(ErrorCode::Generic, error.to_string()))?;
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
        let changes = self
            .catalog
            .stop_moved(recording.id, position)
            .map_err(|error| Refusal::new(ErrorCode::Generic, error.to_string()))?;
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
            if let Chore::OpenFile { path, .. } =
                name.open_in(&self.context.dir, FileAccess::Buffered)
            {
                let known = self.file.mark();
                self.loose_chores.push_back((known, Chore::Unlink { path }));
            }
            count += 1;
            base = recording.geometry.next_base(base);
        }
        count
    }

    pub(super) fn turn_truncations(&mut self, cycle: &mut Cycle<'_>) -> usize {
        let opening = std::mem::take(&mut self.opening);
        for chore in opening {
            let Chore::OpenFile { path, .. } = &chore else {
                continue;
            };
            let waiting = self.truncations.iter_mut().find(|one| one.path == *path);
            match (waiting, cycle.chores.ask(chore.clone())) {
                (Some(truncation), Ok(ticket)) => truncation.state = State::Opening(ticket),
                (_, Err(_)) => self.opening.push(chore),
                (None, Ok(_)) => {}
            }
        }
        let mut work = 0;
        let mut at = 0;
        while at < self.truncations.len() {
            if self.turn_truncation(at, cycle) {
                work += 1;
            } else {
                at += 1;
            }
        }
        work
    }

    /// Whether the truncation is over, and gone from the table.
    fn turn_truncation(&mut self, at: usize, cycle: &mut Cycle<'_>) -> bool {
        let is_opening = self.opening.iter().any(|chore| {
            matches!(chore, Chore::OpenFile { path, .. } if *path == self.truncations[at].path)
        });
        let truncation = &mut self.truncations[at];
        let result = match &truncation.state {
            State::Read(Ok(())) => {
                let chore = Chore::ZeroFrom {
                    path: truncation.path.clone(),
                    at: truncation.offset(),
                };
                if let Ok(ticket) = cycle.chores.ask(chore) {
                    truncation.state = State::Zeroing(ticket);
                }
                return false;
            }
            State::Read(Err(_)) if is_opening => return false,
            State::Read(Err(words)) | State::Zeroed(Err(words)) => Err(words.clone()),
            State::Zeroed(Ok(())) => Ok(()),
            State::Opening(_) | State::Reading { .. } | State::Zeroing(_) => return false,
        };
        let truncation = self.truncations.remove(at);
        let asked = truncation.asked;
        let done = result
            .map_err(|words| Refusal::new(ErrorCode::Generic, words))
            .and_then(|()| self.cut(asked, &truncation.recording, truncation.position));
        if let Err(refusal) = done
            && let Some(session) = self.session(asked.session_id)
        {
            session.error(asked.correlation_id, refusal.code, &refusal.words);
        }
        true
    }
}
