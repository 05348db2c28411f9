//! What the archive owns while it runs, and its turn.

use std::collections::{BTreeMap, VecDeque};

use taranis_runtime::{clock::Now, cycle::Cycle, idmap::IdMap, io::Chore};
use taranis_transport::client::{Aeron, Subscription};

use super::{
    list::Listing,
    maintain::Truncation,
    record::RecordingSubscription,
    recorders::Recorder,
    requests::Refusal,
    segments::Search,
    setup::{ArchiveSettings, ArchiveSetup},
};
use crate::{
    catalog::{Catalog, CatalogFile, Changes, Mark, Recording, file::CatalogWriteFailed},
    context::Context,
    control::ControlSession,
    recorder::{Progress, ProgressSlot},
    replayer::ReplaySession,
};

/// The archive's tables. Verbs stand beside their kind of request.
pub(super) struct Core {
    pub(super) context: Context,
    pub(super) settings: ArchiveSettings,
    pub(super) archive_id: i64,
    pub(super) aeron: Aeron,
    pub(super) catalog: Catalog,
    pub(super) file: CatalogFile,
    pub(super) progress: Progress,
    pub(super) control: Vec<Subscription>,
    pub(super) sessions: IdMap<ControlSession>,
    /// By registration id.
    pub(super) subscriptions: IdMap<RecordingSubscription>,
    pub(super) recorders: Vec<Recorder>,
    /// What ended recordings left for recovery, until the catalog's file has their stop.
    pub(super) leaving: Vec<(Mark, ProgressSlot)>,
    pub(super) replays: Vec<ReplaySession>,
    pub(super) listings: BTreeMap<i64, Listing>,
    pub(super) truncations: Vec<Truncation>,
    pub(super) searches: Vec<Search>,
    /// Chores whose outcome nobody waits for, each once the catalog's file is that far: it never names a file that is gone.
    pub(super) loose_chores: VecDeque<(Mark, Chore)>,
    pub(super) next_session_id: i64,
    pub(super) next_replay: i64,
    pub(super) now: Now,
}

impl Core {
    pub(super) fn new(
        setup: ArchiveSetup,
        aeron: Aeron,
        file: CatalogFile,
        control: Vec<Subscription>,
    ) -> Self {
        let ArchiveSetup {
            context,
            settings,
            catalog,
            progress,
            ..
        } = setup;
        let archive_id = settings
            .archive_id
            .unwrap_or_else(|| aeron.next_correlation_id());
        Self {
            context,
            settings,
            archive_id,
            catalog,
            file,
            progress,
            control,
            sessions: IdMap::new(),
            subscriptions: IdMap::new(),
            recorders: Vec::new(),
            leaving: Vec::new(),
            replays: Vec::new(),
            listings: BTreeMap::new(),
            truncations: Vec::new(),
            searches: Vec::new(),
            loose_chores: VecDeque::new(),
            // Unlike those of an archive before it in the same directory, as good as always.
            next_session_id: aeron
                .client_id()
                .wrapping_mul(0x9E37_79B9)
                .rem_euclid(1 << 31),
            next_replay: 1,
            now: Now {
                mono_ns: 0,
                epoch_ns: 0,
            },
            aeron,
        }
    }

    /// One turn of everything.
    pub(super) fn turn(&mut self, cycle: &mut Cycle<'_>) -> Result<usize, CatalogWriteFailed> {
        self.now = cycle.now;
        let mut work = self.take_completions(cycle);
        work += self.take_requests();
        work += self.turn_sessions();
        work += self.turn_recorders(cycle);
        work += self.turn_replays(cycle);
        work += self.turn_listings();
        work += self.turn_truncations(cycle);
        work += self.turn_searches(cycle);
        work += self.file.work(cycle.files, cycle.chores)?;
        self.free_progress();
        self.flush(cycle);
        cycle.wake.at(self.now.mono_ns + TICK_NS);
        Ok(work)
    }

    /// One turn of closing: recordings end, the catalog is written, then it is over.
    pub(super) fn close_turn(&mut self, cycle: &mut Cycle<'_>) -> Result<bool, CatalogWriteFailed> {
        self.now = cycle.now;
        self.take_completions(cycle);
        for recorder in &mut self.recorders {
            recorder.stop();
        }
        for replay in &mut self.replays {
            replay.close(cycle.files);
        }
        self.replays.clear();
        self.turn_recorders(cycle);
        self.turn_sessions();
        self.file.work(cycle.files, cycle.chores)?;
        self.free_progress();
        self.flush(cycle);
        Ok(self.recorders.is_empty() && self.file.is_idle() && self.loose_chores.is_empty())
    }

    fn take_completions(&mut self, cycle: &mut Cycle<'_>) -> usize {
        let Self {
            file,
            recorders,
            replays,
            truncations,
            searches,
            ..
        } = self;
        let (mail, files, chores) = (&mut *cycle.mail, &mut *cycle.files, &mut *cycle.chores);
        let mut count = 0;
        for completion in mail.take_completions() {
            count += 1;
            let mut left = file.take(completion, files, chores);
            for recorder in recorders.iter_mut() {
                left = left.and_then(|completion| recorder.writer.ended(completion, files));
            }
            for replay in replays.iter_mut() {
                left = left.and_then(|completion| replay.ended(completion, files));
            }
            for truncation in truncations.iter_mut() {
                left = left.and_then(|completion| truncation.ended(completion, files));
            }
            for search in searches.iter_mut() {
                left = left.and_then(|completion| search.ended(completion, files));
            }
        }
        count
    }

    fn turn_sessions(&mut self) -> usize {
        let now_ns = self.now.mono_ns;
        let mut work = 0;
        let Self {
            sessions, listings, ..
        } = self;
        sessions.retain(|id, session| match session.turn(now_ns) {
            Ok(done) => {
                work += done;
                true
            }
            Err(end) => {
                tracing::info!("control session {id} ended: {}", end.why);
                listings.remove(&id);
                false
            }
        });
        work
    }

    fn flush(&mut self, cycle: &mut Cycle<'_>) {
        while let Some((known, chore)) = self.loose_chores.front() {
            if !self.file.is_written(*known) || cycle.chores.ask(chore.clone()).is_err() {
                return;
            }
            self.loose_chores.pop_front();
        }
    }

    pub(super) fn stage(&mut self, changes: Changes) -> Mark {
        self.file.stage(changes)
    }

    /// The session, if it is still there: answers to one that is gone go nowhere.
    pub(super) fn session(&mut self, id: i64) -> Option<&mut ControlSession> {
        self.sessions.get_mut(id)
    }

    /// A recording that is asked for.
    pub(super) fn recording(&self, id: i64) -> Result<&Recording, Refusal> {
        self.catalog.get(id).ok_or_else(|| Refusal::unknown(id))
    }

    /// How far an active recording is recorded.
    pub(super) fn recorded_position(&self, recording_id: i64) -> Option<i64> {
        let active = self
            .recorders
            .iter()
            .find(|recorder| recorder.recording_id == recording_id)?;
        Some(active.writer.recorded().position())
    }
}

/// Longest time between two looks at time-outs.
const TICK_NS: i64 = 10_000_000;
