//! Recorders: from an image to its recording, one each (07 §4).

use taranis_runtime::io::{Chores, FileOps};
use taranis_transport::{
    client::{Counter, Image, Pending},
    counters::type_id,
};

use super::{
    core::Core,
    requests::{Asked, Refusal},
};
use crate::{
    catalog::{Extension, Mark, NewRecording, Recording, Stop, recover::run_tag},
    codecs::RecordingSignal,
    error::ErrorCode,
    recorder::{Piece, ProgressSlot, RecPosKey, Writer, WriterSettings},
    segment::Geometry,
};

/// One image being recorded.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) recording_id: i64,
    pub(super) writer: Writer,
    pub(super) subscription_id: i64,
    asked: Asked,
    pub(super) image: Image,
    counter: CounterState,
    slot: Option<ProgressSlot>,
    /// From here on the catalog file knows of the recording: not before is anything acknowledged.
    known: Mark,
    signal: RecordingSignal,
    is_stopping: bool,
    join_position: i64,
    auto_stop: bool,
}

#[derive(Debug)]
enum CounterState {
    Adding(Pending<Counter>),
    Added(Counter),
}

/// The recording as the catalog has it, what its client will be told, and when the catalog's file has it too.
type Begun = (Recording, RecordingSignal, Mark);

impl Recorder {
    /// Nothing more is taken; what was taken is written.
    pub(super) fn stop(&mut self) {
        self.is_stopping = true;
    }

    /// One turn: from the term buffer to the files, and the positions after the completions.
    pub(super) fn turn(&mut self, files: &mut FileOps, chores: &mut Chores) -> usize {
        let CounterState::Added(counter) = &self.counter else {
            return 0;
        };
        let mut work = 0;
        self.writer.begin_turn();
        while !self.is_stopping
            && let Some(limit) = self.writer.limit()
            && let Some(block) = self.image.block(self.writer.next_position(), limit)
        {
            self.writer.take(&Piece::of(&block), files);
            work += 1;
        }
        work += self.writer.work(files, chores);
        let recorded = self.writer.recorded();
        if recorded.position() > self.image.position() {
            if let Some(slot) = &self.slot {
                slot.advance(recorded);
            }
            counter.set(recorded.position());
            self.image.commit(recorded.position());
            work += 1;
        }
        if self.is_at_end() {
            self.is_stopping = true;
        }
        work
    }

    /// Whether nothing more will come.
    fn is_at_end(&self) -> bool {
        let info = self.image.info();
        let has_all = self.writer.next_position() >= info.end_of_stream_position();
        self.writer.failed().is_some()
            || self.image.is_closed()
            || (info.is_end_of_stream() && has_all)
    }
}

impl Core {
    pub(super) fn on_image(&mut self, subscription_id: i64, image: Image) {
        let Some(subscription) = self.subscriptions.get(subscription_id) else {
            return;
        };
        let (asked, auto_stop) = (subscription.asked, subscription.auto_stop);
        let begun = match subscription.extends {
            None => {
                let channels = (subscription.stripped.clone(), subscription.original.clone());
                self.begin_new(channels, &image)
            }
            Some(id) => self.begin_extension(id, asked, &image),
        };
        match begun {
            Ok(begun) => self.begin_recorder((subscription_id, asked, auto_stop), image, &begun),
            Err(refusal) => {
                self.refuse(asked, &refusal);
                if auto_stop {
                    self.stop_subscription(subscription_id);
                }
            }
        }
    }

    fn begin_new(
        &mut self,
        (stripped_channel, original_channel): (String, String),
        image: &Image,
    ) -> Result<Begun, Refusal> {
        let info = image.info();
        let configured = i32::try_from(self.context.segment_file_length.0).unwrap_or(i32::MAX);
        let geometry =
            Geometry::of_new_recording(*info.shape(), configured).map_err(Refusal::generic)?;
        let new = NewRecording {
            start_timestamp_ms: self.now.epoch_ms(),
            start_position: info.join_position(),
            geometry,
            mtu_length: info.mtu_length(),
            session_id: info.session_id(),
            stream_id: info.stream_id(),
            stripped_channel,
            original_channel,
            source_identity: info.source_identity().to_owned(),
        };
        let (id, changes) = self.catalog.added(new)?;
        let known = self.stage(changes);
        let recording = self.recording(id)?.clone();
        Ok((recording, RecordingSignal::Start, known))
    }

    fn begin_extension(&mut self, id: i64, asked: Asked, image: &Image) -> Result<Begun, Refusal> {
        let invalid = |words: String| Refusal::new(ErrorCode::InvalidExtension, words);
        if self.is_active(id) {
            return Err(Refusal::new(
                ErrorCode::ActiveRecording,
                format!("cannot extend active recording {id}"),
            ));
        }
        let recording = self.recording(id)?;
        let (info, shape) = (image.info(), recording.geometry.shape());
        let stop = recording.stop.map_or(-1, |stop| stop.position);
        let differs = [
            (
                "image.joinPosition",
                info.join_position(),
                "rec.stopPosition",
                stop,
            ),
            (
                "image.initialTermId",
                info.shape().initial_term_id().into(),
                "rec.initialTermId",
                shape.initial_term_id().into(),
            ),
            (
                "image.termBufferLength",
                info.shape().term_length().into(),
                "rec.termBufferLength",
                shape.term_length().into(),
            ),
            (
                "image.mtuLength",
                info.mtu_length().into(),
                "rec.mtuLength",
                recording.mtu_length.into(),
            ),
        ];
        if let Some((what, ours, of, theirs)) = differs
            .into_iter()
            .find(|(_, ours, _, theirs)| ours != theirs)
        {
            return Err(invalid(format!(
                "cannot extend recording {id} {what}={ours} != {of}={theirs}"
            )));
        }
        let by = Extension {
            control_session_id: asked.session_id,
            correlation_id: asked.correlation_id,
            session_id: info.session_id(),
        };
        let changes = self
            .catalog
            .extended(id, by)
            .map_err(|error| invalid(error.to_string()))?;
        let known = self.stage(changes);
        let recording = self.recording(id)?.clone();
        Ok((recording, RecordingSignal::Extend, known))
    }

    fn begin_recorder(
        &mut self,
        (subscription_id, asked, auto_stop): (i64, Asked, bool),
        image: Image,
        (recording, signal, known): &Begun,
    ) {
        let key = RecPosKey {
            recording_id: recording.id,
            session_id: recording.session_id,
            source_identity: recording.source_identity.clone(),
            archive_id: self.archive_id,
        };
        let label = key.label(recording.stream_id, &recording.stripped_channel);
        let join_position = image.position();
        let settings = WriterSettings::of(&self.context);
        let writer = match *signal {
            RecordingSignal::Extend => Writer::extending(settings, recording, join_position),
            _ => Writer::new(settings, recording),
        };
        match self
            .aeron
            .async_add_counter(type_id::RECORDING_POSITION, &key.encode(), &label)
        {
            Ok(pending) => self.recorders.push(Recorder {
                recording_id: recording.id,
                writer,
                subscription_id,
                asked,
                image,
                counter: CounterState::Adding(pending),
                slot: self
                    .progress
                    .claim(recording.id, run_tag(recording), join_position),
                signal: *signal,
                known: *known,
                is_stopping: false,
                join_position,
                auto_stop,
            }),
            Err(error) => self.refuse(asked, &error.into()),
        }
    }

    /// Counters that are there now: the recording begins, and its client is told.
    pub(super) fn turn_counters(&mut self) -> usize {
        let mut begun = Vec::new();
        for recorder in &mut self.recorders {
            let CounterState::Adding(pending) = &mut recorder.counter else {
                continue;
            };
            if !self.file.is_written(recorder.known) {
                continue;
            }
            match pending.poll() {
                Ok(Some(counter)) => {
                    counter.set(recorder.join_position);
                    recorder.counter = CounterState::Added(counter);
                    let signal = recorder.signal;
                    let ids = (recorder.recording_id, recorder.subscription_id);
                    begun.push((recorder.asked, ids, recorder.join_position, signal));
                }
                Ok(None) => {}
                Err(_) => recorder.is_stopping = true,
            }
        }
        let work = begun.len();
        for (asked, ids, position, signal) in begun {
            if let Some(session) = self.session(asked.session_id) {
                session.signal(asked.correlation_id, ids, position, signal);
            }
        }
        work
    }

    /// Recorders that have written all they will.
    pub(super) fn end_recorders(&mut self, files: &mut FileOps) -> usize {
        let mut ended = Vec::new();
        let mut at = 0;
        while at < self.recorders.len() {
            let recorder = &self.recorders[at];
            if recorder.is_stopping && recorder.writer.is_settled() {
                ended.push(self.recorders.remove(at));
            } else {
                at += 1;
            }
        }
        let work = ended.len();
        for mut recorder in ended {
            recorder.writer.close(files);
            self.end_recording(recorder);
        }
        work
    }

    /// The catalog says where it stopped, then its client hears of it (07 §4.3).
    fn end_recording(&mut self, mut recorder: Recorder) {
        let position = recorder.writer.recorded().position();
        let stop = Stop {
            position,
            timestamp_ms: self.now.epoch_ms(),
        };
        let mut known = recorder.known;
        match self.catalog.stopped(recorder.recording_id, stop) {
            Ok(changes) => known = self.stage(changes),
            Err(error) => tracing::warn!("recording {}: {error}", recorder.recording_id),
        }
        let failed = recorder.writer.failed();
        let ids = (recorder.recording_id, recorder.subscription_id);
        let asked = recorder.asked;
        if let Some(session) = self.session(asked.session_id) {
            if let Some(failed) = failed {
                session.error(asked.correlation_id, failed.code(), &failed.to_string());
            }
            session.signal(asked.correlation_id, ids, position, RecordingSignal::Stop);
        }
        if recorder.auto_stop {
            self.stop_subscription(recorder.subscription_id);
        }
        if let Some(slot) = recorder.slot.take() {
            self.leaving.push((known, slot));
        }
    }

    /// What recorders left for recovery is of no use any more once the file has their stop.
    pub(super) fn free_progress(&mut self) {
        let Self {
            leaving,
            progress,
            file,
            ..
        } = self;
        leaving.retain(|(known, slot)| {
            let is_needed = !file.is_written(*known);
            if !is_needed {
                progress.free(slot);
            }
            is_needed
        });
    }
}
