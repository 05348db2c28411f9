//! One replay: reads a stretch of a segment file, gives the frames their new session and stream, and publishes them.

use std::path::PathBuf;

use taranis_runtime::{
    io::{Chores, Completion, File, FileAccess, FileOps, Outcome, Ticket},
    mem::Region,
};
use taranis_transport::client::{ExclusivePublication, Pending, Refused};

use crate::{
    catalog::Recording,
    error::ErrorCode,
    frame::{FrameHeader, HEADER, put_session_id, put_stream_id},
    segment::SegmentName,
};

/// What a replay is to do.
#[derive(Debug)]
pub(crate) struct ReplaySettings {
    pub(crate) directory: PathBuf,
    /// Where it begins.
    pub(crate) position: i64,
    /// Behind the last byte it may publish; `i64::MAX` to follow.
    pub(crate) end: i64,
    /// Bytes of one read.
    pub(crate) read_length: usize,
    /// How long a subscriber is waited for.
    pub(crate) connect_timeout_ns: i64,
    /// Never past that counter.
    pub(crate) limit_counter_id: Option<i32>,
}

/// A replay.
#[derive(Debug)]
pub(crate) struct ReplaySession {
    pub(crate) id: i64,
    pub(crate) recording_id: i64,
    pub(crate) correlation_id: i64,
    pub(crate) control_session_id: i64,
    recording: Recording,
    settings: ReplaySettings,
    stream_id: i32,
    position: i64,
    buffer: Region,
    bytes: Vec<u8>,
    segment: Segment,
    state: State,
    deadline_ns: i64,
    is_announced: bool,
    is_aborted: bool,
    /// How it ended while a completion was taken: for the next turn to say.
    outcome: Option<Replaying>,
}

#[derive(Debug)]
enum Segment {
    Closed,
    Opening {
        base: i64,
        ticket: Ticket,
    },
    Open {
        base: i64,
        file: File,
    },
    Reading {
        base: i64,
        file: File,
        ticket: Ticket,
    },
}

#[derive(Debug)]
enum State {
    Adding(Pending<ExclusivePublication>),
    Running(Box<ExclusivePublication>),
    Done,
}

/// What a turn of a replay came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Replaying {
    /// It goes on; that much was done.
    Worked(usize),
    /// Its publication is there: the request is to be answered with this id.
    Started,
    /// It is over: all was published, or nobody listens.
    Ended,
    /// It failed.
    Failed { code: ErrorCode, why: String },
}

impl ReplaySession {
    pub(crate) fn new(
        (correlation_id, control_session_id): (i64, i64),
        recording: Recording,
        settings: ReplaySettings,
        (publication, stream_id): (Pending<ExclusivePublication>, i32),
        now_ns: i64,
    ) -> Self {
        Self {
            id: -1,
            recording_id: recording.id,
            correlation_id,
            control_session_id,
            position: settings.position,
            buffer: Region::heap(settings.read_length),
            bytes: Vec::with_capacity(settings.read_length),
            segment: Segment::Closed,
            state: State::Adding(publication),
            deadline_ns: now_ns + settings.connect_timeout_ns,
            is_announced: false,
            is_aborted: false,
            outcome: None,
            recording,
            settings,
            stream_id,
        }
    }

    pub(crate) fn limit_counter_id(&self) -> Option<i32> {
        self.settings.limit_counter_id
    }

    /// It ends in its next turn.
    pub(crate) fn abort(&mut self) {
        self.is_aborted = true;
    }

    /// How far it has published.
    pub(crate) fn position(&self) -> i64 {
        self.position
    }

    /// One turn. `recorded` is how far the recording may be read now; `is_final` when it never gets further.
    pub(crate) fn turn(
        &mut self,
        ordinal: i64,
        (recorded, is_final): (i64, bool),
        (files, chores): (&mut FileOps, &mut Chores),
        now_ns: i64,
    ) -> Replaying {
        if self.is_aborted {
            return Replaying::Ended;
        }
        if let Some(outcome) = self.outcome.take() {
            return outcome;
        }
        let is_connected = match &mut self.state {
            State::Adding(pending) => match pending.poll() {
                Ok(Some(publication)) => {
                    let low = i64::from(publication.session_id()) & 0xFFFF_FFFF;
                    self.id = ordinal << 32 | low;
                    self.state = State::Running(Box::new(publication));
                    return Replaying::Started;
                }
                Ok(None) => return Replaying::Worked(0),
                Err(error) => {
                    let why = format!("failed to create replay publication: {error}");
                    return Replaying::Failed {
                        code: ErrorCode::Generic,
                        why,
                    };
                }
            },
            State::Running(publication) => publication.is_connected(),
            State::Done => return Replaying::Ended,
        };
        if !is_connected {
            return self.await_subscriber(now_ns);
        }
        self.is_announced = true;
        let end = self
            .settings
            .end
            .min(if is_final { recorded } else { i64::MAX });
        if self.position >= end && !matches!(self.segment, Segment::Reading { .. }) {
            return Replaying::Ended;
        }
        self.read(recorded.min(self.settings.end), files, chores)
    }

    fn await_subscriber(&mut self, now_ns: i64) -> Replaying {
        if self.is_announced {
            return Replaying::Ended;
        }
        if now_ns > self.deadline_ns {
            let why = format!(
                "no connection established for replayStreamId={}",
                self.stream_id
            );
            return Replaying::Failed {
                code: ErrorCode::Generic,
                why,
            };
        }
        Replaying::Worked(0)
    }

    /// Stages the next read, if there is something new and room for it.
    fn read(&mut self, recorded: i64, files: &mut FileOps, chores: &mut Chores) -> Replaying {
        let base = self.recording.segment_base(self.position);
        match self.segment {
            Segment::Closed => {
                let name = SegmentName {
                    recording_id: self.recording_id,
                    base,
                };
                if let Ok(ticket) =
                    chores.ask(name.open_in(&self.settings.directory, FileAccess::Buffered))
                {
                    self.segment = Segment::Opening { base, ticket };
                }
                Replaying::Worked(1)
            }
            Segment::Open { base: open, file } if open != base => {
                files.release(file);
                self.segment = Segment::Closed;
                Replaying::Worked(1)
            }
            Segment::Open { file, .. } => {
                let length = self.readable(recorded);
                if length == 0 {
                    return Replaying::Worked(0);
                }
                let at = self.offset(base);
                let span = self
                    .buffer
                    .span(0, length)
                    .expect("at most the buffer's length is read");
                match files.read(file, span, at) {
                    Ok(ticket) => {
                        self.segment = Segment::Reading { base, file, ticket };
                        Replaying::Worked(1)
                    }
                    Err(_) => Replaying::Worked(0),
                }
            }
            Segment::Opening { .. } | Segment::Reading { .. } => Replaying::Worked(0),
        }
    }

    /// Bytes that may be read now: recorded, of one term, within the subscriber's window.
    fn readable(&self, recorded: i64) -> usize {
        let State::Running(publication) = &self.state else {
            return 0;
        };
        let window = publication.available_window().unwrap_or(0);
        let left_in_term = i64::from(self.recording.geometry.shape().left_in_term(self.position));
        let most = (recorded - self.position)
            .min(left_in_term)
            .min(self.settings.read_length as i64);
        if window <= 0 || most < HEADER as i64 {
            return 0;
        }
        usize::try_from(most).unwrap_or(0)
    }

    fn offset(&self, base: i64) -> u64 {
        (self.position - base).cast_unsigned()
    }

    /// Takes a completion of this replay's; gives it back otherwise.
    pub(crate) fn ended(
        &mut self,
        completion: Completion,
        files: &mut FileOps,
    ) -> Option<Completion> {
        self.outcome = match self.segment {
            Segment::Opening { base, ticket } if ticket == completion.ticket => {
                match completion.outcome {
                    Outcome::File(token) => match files.adopt(token) {
                        Ok(file) => {
                            self.segment = Segment::Open { base, file };
                            None
                        }
                        Err(full) => Some(failed(full.to_string())),
                    },
                    _ => Some(failed(format!("recording segment not found: base={base}"))),
                }
            }
            Segment::Reading { base, file, ticket } if ticket == completion.ticket => {
                self.segment = Segment::Open { base, file };
                match completion.outcome {
                    Outcome::Moved(length) => self.publish(length),
                    other => Some(failed(format!("reading segment base={base}: {other:?}"))),
                }
            }
            Segment::Closed
            | Segment::Open { .. }
            | Segment::Opening { .. }
            | Segment::Reading { .. } => return Some(completion),
        };
        None
    }

    /// Publishes the whole frames of what was read; what is not taken is read again.
    fn publish(&mut self, length: usize) -> Option<Replaying> {
        self.bytes.resize(length, 0);
        if self.buffer.read(0, &mut self.bytes).is_err() {
            return Some(failed("a read of more than was asked for".to_owned()));
        }
        let State::Running(publication) = &mut self.state else {
            return None;
        };
        let (session_id, stream_id) = (publication.session_id(), self.stream_id);
        let left = self.settings.end.saturating_sub(self.position);
        let batch = match walk(&mut self.bytes, left, session_id, stream_id) {
            Ok(batch) => batch,
            Err(offset) => {
                let position = self.position + offset as i64;
                return Some(failed(format!(
                    "unexpected end of recording at position={position}"
                )));
            }
        };
        if batch.data > 0 {
            match publication.offer_block(&self.bytes[..batch.data]) {
                Ok(_) => self.position += batch.data as i64,
                Err(refused) => return self.refused(refused),
            }
        }
        if let Some(padding) = batch.padding {
            match publication.append_padding(padding - HEADER) {
                Ok(_) => self.position += padding as i64,
                Err(refused) => return self.refused(refused),
            }
        }
        None
    }

    fn refused(&mut self, refused: Refused) -> Option<Replaying> {
        match refused {
            Refused::Closed | Refused::NotConnected => Some(Replaying::Ended),
            _ if refused.is_temporary() => None,
            other => Some(failed(other.to_string())),
        }
    }

    /// Closes its file; its publication goes with it.
    pub(crate) fn close(&mut self, files: &mut FileOps) {
        if let Segment::Open { file, .. } | Segment::Reading { file, .. } = self.segment {
            files.release(file);
        }
        self.segment = Segment::Closed;
        self.state = State::Done;
    }
}

/// What of a read can be published.
#[derive(Debug, PartialEq, Eq)]
struct Batch {
    /// Bytes of whole data frames from the beginning.
    data: usize,
    /// Length of the padding frame behind them.
    padding: Option<usize>,
}

/// Walks whole frames and gives each its new session and stream. `Err`: where there is no frame.
fn walk(bytes: &mut [u8], left: i64, session_id: i32, stream_id: i32) -> Result<Batch, usize> {
    let mut at = 0;
    while let Some(header) = FrameHeader::read(&bytes[at..])
        && (at as i64) < left
    {
        let frame = &mut bytes[at..];
        let length = usize::try_from(header.length).map_err(|_| at)?;
        if length < HEADER {
            return Err(at);
        }
        let aligned = length.next_multiple_of(32);
        if header.is_padding {
            return Ok(Batch {
                data: at,
                padding: Some(aligned),
            });
        }
        if aligned > frame.len() {
            break;
        }
        put_session_id(frame, session_id);
        put_stream_id(frame, stream_id);
        at += aligned;
    }
    Ok(Batch {
        data: at,
        padding: None,
    })
}

fn failed(why: String) -> Replaying {
    Replaying::Failed {
        code: ErrorCode::Generic,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: i32, kind: u16) -> Vec<u8> {
        let mut frame = vec![0; (length as usize).next_multiple_of(32)];
        frame[..4].copy_from_slice(&length.to_le_bytes());
        frame[6..8].copy_from_slice(&kind.to_le_bytes());
        frame
    }

    #[test]
    fn whole_frames_get_their_new_session_and_padding_ends_a_batch() {
        let mut bytes = [frame(40, 1), frame(32, 1), frame(96, 0)].concat();
        let batch = walk(&mut bytes, i64::MAX, 7, 8).unwrap();
        assert_eq!(
            batch,
            Batch {
                data: 96,
                padding: Some(96)
            }
        );
        assert_eq!(bytes[64 + 12..64 + 20], [7, 0, 0, 0, 8, 0, 0, 0]);
    }

    #[test]
    fn a_cut_frame_waits_and_zeros_are_no_frame() {
        let mut bytes = [frame(32, 1), frame(64, 1)].concat();
        bytes.truncate(64);
        assert_eq!(
            walk(&mut bytes, i64::MAX, 0, 0).unwrap(),
            Batch {
                data: 32,
                padding: None
            }
        );
        assert_eq!(
            walk(&mut [frame(32, 1), vec![0; 32]].concat(), i64::MAX, 0, 0),
            Err(32)
        );
        assert_eq!(
            walk(&mut [frame(32, 1), vec![0; 32]].concat(), 32, 0, 0)
                .unwrap()
                .data,
            32
        );
    }
}
