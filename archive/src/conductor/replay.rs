//! Replays: what is checked before one starts, and their turns (07 §7).

use taranis_runtime::{cycle::Cycle, io::FileOps};
use taranis_transport::uri::{ChannelUri, keys};

use super::{
    core::Core,
    requests::{Asked, Refusal},
};
use crate::{
    catalog::Recording,
    codecs::control::{BoundedReplayRequest, ReplayRequest},
    control::channel,
    error::ErrorCode,
    replayer::{ReplaySession, ReplaySettings, Replaying},
};

/// Follow a live recording.
const AND_FOLLOW: i64 = -1;
/// Stop at the end that is known now.
const AND_STOP: i64 = -2;
/// Bytes of one read of a replay at most.
const READ_MAX: usize = 256 * 1024;

/// A replay that was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplayAsk<'a> {
    recording_id: i64,
    position: i64,
    length: i64,
    channel: &'a str,
    stream_id: i32,
    file_io_max_length: i32,
    limit_counter_id: Option<i32>,
}

impl<'a> ReplayAsk<'a> {
    pub(super) fn of(request: &ReplayRequest<'a>) -> Self {
        Self {
            recording_id: request.recording_id,
            position: request.position,
            length: request.length,
            channel: request.replay_channel,
            stream_id: request.replay_stream_id,
            file_io_max_length: request.file_io_max_length,
            limit_counter_id: None,
        }
    }

    pub(super) fn of_bounded(request: &BoundedReplayRequest<'a>) -> Self {
        Self {
            recording_id: request.recording_id,
            position: request.position,
            length: request.length,
            channel: request.replay_channel,
            stream_id: request.replay_stream_id,
            file_io_max_length: request.file_io_max_length,
            limit_counter_id: Some(request.limit_counter_id),
        }
    }
}

impl Core {
    pub(super) fn replay(&mut self, asked: Asked, ask: &ReplayAsk<'_>) -> Result<(), Refusal> {
        let uri = ChannelUri::parse(ask.channel)?;
        let max = self.settings.max_concurrent_replays;
        if self.replays.len() >= max {
            return Err(Refusal::new(
                ErrorCode::MaxReplays,
                format!("max concurrent replays reached {max}"),
            ));
        }
        let id = ask.recording_id;
        let recording = self.recording(id)?.clone();
        let limit = self.limit_of(ask)?;
        let begin = begin_of(ask, &recording)?;
        let end = end_of(ask, &recording, begin, limit)?;
        let read_length = read_length(ask, &recording, self.context.file_io_max_length.0)?;
        let channel = replay_channel(
            &uri,
            &recording,
            begin,
            self.settings.replay_linger_timeout.0,
        )
        .map_err(|error| Refusal::generic(format!("failed to process replayChannel - {error}")))?;
        let publication = self
            .aeron
            .async_add_exclusive_publication(&channel.to_string(), ask.stream_id)?;
        let settings = ReplaySettings {
            directory: self.context.dir.clone(),
            position: begin,
            end,
            read_length,
            connect_timeout_ns: self.settings.connect_timeout.0,
            limit_counter_id: ask.limit_counter_id,
        };
        let ids = (asked.correlation_id, asked.session_id);
        let session = ReplaySession::new(
            ids,
            recording,
            settings,
            (publication, ask.stream_id),
            self.now.mono_ns,
        );
        self.replays.push(session);
        Ok(())
    }

    /// How far a replay may go at most now: by its counter, or by the recording while it is active.
    fn limit_of(&self, ask: &ReplayAsk<'_>) -> Result<Option<i64>, Refusal> {
        match ask.limit_counter_id {
            Some(counter_id) => {
                self.value_of(counter_id).map(Some).ok_or_else(|| {
                    let words = format!(
                        "unable to create replay limit counter id= {counter_id} because of: it is not allocated"
                    );
                    Refusal::generic(words)
                })
            }
            None => Ok(self.recorded_position(ask.recording_id)),
        }
    }

    /// The value of a counter that is allocated.
    fn value_of(&self, counter_id: i32) -> Option<i64> {
        let counter = self.aeron.counters().readable(counter_id);
        counter
            .filter(|counter| counter.is_alive())
            .map(|counter| counter.get())
    }

    pub(super) fn stop_replays(
        &mut self,
        asked: Asked,
        is_it: impl Fn(&ReplaySession) -> bool,
    ) -> Result<(), Refusal> {
        for replay in self.replays.iter_mut().filter(|replay| is_it(replay)) {
            replay.abort();
        }
        self.ok(asked, 0);
        Ok(())
    }

    pub(super) fn turn_replays(&mut self, cycle: &mut Cycle<'_>) -> usize {
        let mut work = 0;
        let mut at = 0;
        while at < self.replays.len() {
            let readable = self.readable_of(at);
            let now_ns = self.now.mono_ns;
            let ordinal = self.next_replay;
            let replay = &mut self.replays[at];
            match replay.turn(ordinal, readable, (cycle.files, cycle.chores), now_ns) {
                Replaying::Worked(done) => work += done,
                Replaying::Started => {
                    self.next_replay += 1;
                    let asked = Asked {
                        session_id: replay.control_session_id,
                        correlation_id: replay.correlation_id,
                    };
                    let id = replay.id;
                    self.ok(asked, id);
                    work += 1;
                }
                ended => {
                    self.end_replay(at, ended, cycle.files);
                    work += 1;
                    continue;
                }
            }
            at += 1;
        }
        work
    }

    /// How far a replay may read now, and whether that is for good.
    fn readable_of(&self, at: usize) -> (i64, bool) {
        let replay = &self.replays[at];
        let recorded = match self.recorded_position(replay.recording_id) {
            Some(position) => (position, false),
            None => {
                let stop = self
                    .catalog
                    .get(replay.recording_id)
                    .and_then(|recording| recording.stop);
                (stop.map_or(0, |stop| stop.position), true)
            }
        };
        match replay.limit_counter_id() {
            None => recorded,
            Some(counter_id) => self
                .value_of(counter_id)
                .map_or(recorded, |limit| (limit.min(recorded.0), false)),
        }
    }

    pub(super) fn end_replay(&mut self, at: usize, how: Replaying, files: &mut FileOps) {
        let mut replay = self.replays.remove(at);
        replay.close(files);
        if let Replaying::Failed { code, why } = how {
            let words = format!(
                "{why}, recordingId={}, replaySessionId={}",
                replay.recording_id, replay.id
            );
            tracing::warn!("replay failed: {words}");
            if let Some(session) = self.session(replay.control_session_id) {
                session.error(replay.correlation_id, code, &words);
            }
        }
    }
}

fn begin_of(ask: &ReplayAsk<'_>, recording: &Recording) -> Result<i64, Refusal> {
    let (id, position) = (ask.recording_id, ask.position);
    if position == -1 {
        return Ok(recording.start_position);
    }
    let invalid = |words: String| Err(Refusal::new(ErrorCode::InvalidPosition, words));
    if position % 32 != 0 {
        let words = format!(
            "requested replay start position={position} is not a multiple of FRAME_ALIGNMENT (32) for recording {id}"
        );
        return Err(Refusal::generic(words));
    }
    if position < recording.start_position {
        let start = recording.start_position;
        return invalid(format!(
            "requested replay start position={position} is less than recording start position={start} for recording {id}"
        ));
    }
    match recording.stop {
        Some(stop) if position >= stop.position => invalid(format!(
            "requested replay start position={position} must be less than the limit position={} for recording {id}",
            stop.position
        )),
        Some(_) | None => Ok(position),
    }
}

/// Behind the last byte of the replay; `i64::MAX` when it follows what is still to come.
fn end_of(
    ask: &ReplayAsk<'_>,
    recording: &Recording,
    begin: i64,
    limit: Option<i64>,
) -> Result<i64, Refusal> {
    let id = ask.recording_id;
    if let Some(limit) = limit.filter(|limit| begin > *limit) {
        let words = format!(
            "requested replay start position={begin} must be less than the limit position={limit} for recording {id}"
        );
        return Err(Refusal::new(ErrorCode::InvalidPosition, words));
    }
    let known = limit
        .or_else(|| recording.stop.map(|stop| stop.position))
        .unwrap_or(begin);
    let longest = if limit.is_some() { i64::MAX } else { known };
    match ask.length {
        AND_STOP if known == begin => {
            let words = format!(
                "when replaying and stopping the replay length must be non-zero, recordingId={id}"
            );
            Err(Refusal::new(ErrorCode::EmptyRecording, words))
        }
        AND_STOP => Ok(known),
        AND_FOLLOW => Ok(longest),
        length if length < 0 => {
            let words =
                format!("replay length must be positive: length={length} for recording {id}");
            Err(Refusal::generic(words))
        }
        length => Ok(begin.saturating_add(length).min(longest)),
    }
}

fn read_length(
    ask: &ReplayAsk<'_>,
    recording: &Recording,
    configured: u64,
) -> Result<usize, Refusal> {
    let mtu = recording.mtu_length;
    if ask.file_io_max_length > 0 && ask.file_io_max_length < mtu {
        let words = format!(
            "fileIoMaxLength={} < mtuLength={mtu}",
            ask.file_io_max_length
        );
        return Err(Refusal::generic(words));
    }
    let configured = usize::try_from(configured)
        .unwrap_or(READ_MAX)
        .min(READ_MAX);
    let asked = usize::try_from(ask.file_io_max_length)
        .ok()
        .filter(|length| *length > 0);
    Ok(asked
        .unwrap_or(configured)
        .min(configured)
        .max(usize::try_from(mtu).unwrap_or(0)))
}

/// The channel of a replay: the asked one, placed where the recording's stream is (07 §7.2).
fn replay_channel(
    asked: &ChannelUri,
    recording: &Recording,
    begin: i64,
    linger_ns: i64,
) -> Result<ChannelUri, taranis_transport::uri::UriError> {
    let mut channel = channel::stripped(asked)?;
    let shape = recording.geometry.shape();
    let term_length = shape.term_length();
    channel.set_initial_position(begin, shape.initial_term_id(), term_length)?;
    channel.put(keys::MTU, &recording.mtu_length.to_string())?;
    for key in [keys::EOS, keys::SPARSE] {
        if let Some(value) = asked.get(key) {
            channel.put(key, value)?;
        }
    }
    let linger = linger_ns.to_string();
    channel.put(keys::LINGER, asked.get(keys::LINGER).unwrap_or(&linger))?;
    Ok(channel)
}
