//! A member of the model world: the core, its disk, and the executor between them.

use std::collections::VecDeque;

use super::disk::Disk;
use crate::election::{
    Closed, Common, Effect, Effects, Facts, Image, Input, Outcome, Settings, Source, State, Ticket,
    step,
};

/// What a member does for itself takes a while; this is asked but not done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chore {
    pub(crate) due: u64,
    pub(crate) effect: Effect,
}

/// A subscription to a leader's log.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about a subscription, not states of one machine"
)]
pub(crate) struct Reading {
    pub(crate) leader: usize,
    pub(crate) log_session_id: i32,
    pub(crate) live: bool,
    pub(crate) catchup: bool,
    pub(crate) joined: bool,
    pub(crate) joining: Option<(Ticket, i64)>,
    pub(crate) closed: bool,
    pub(crate) end_of_stream: bool,
}

/// A replication from another member's archive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replication {
    pub(crate) ticket: Ticket,
    pub(crate) source: usize,
    pub(crate) to: i64,
}

/// A running process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) common: Common,
    pub(crate) state: State,
    pub(crate) chores: VecDeque<Chore>,
    pub(crate) applied: i64,
    /// The log may be consumed up to here.
    pub(crate) bound: i64,
    /// Blocks of the log compared with the history.
    pub(crate) checked: usize,
    /// Session of the own log publication.
    pub(crate) publishing: Option<i32>,
    pub(crate) reading: Option<Reading>,
    pub(crate) replication: Option<Replication>,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) index: usize,
    pub(crate) settings: Settings,
    pub(crate) disk: Disk,
    pub(crate) process: Option<Process>,
    pub(crate) life: u32,
    /// Stopped, as by a debugger, until this round.
    pub(crate) asleep_until: u64,
}

impl Member {
    pub(crate) fn start(&mut self, now_ns: i64) {
        let recovered = self.disk.recover();
        let (common, state) = Common::start(&self.settings, recovered, now_ns);
        self.life += 1;
        self.process = Some(Process {
            common,
            state,
            chores: VecDeque::new(),
            applied: 0,
            bound: 0,
            checked: 0,
            publishing: None,
            reading: None,
            replication: None,
        });
    }

    /// One step of the core; its effects are left in `out`.
    pub(crate) fn step(&mut self, now_ns: i64, random: u64, input: Input<'_>, out: &mut Effects) {
        let Some(process) = &mut self.process else {
            return;
        };
        let image = process
            .reading
            .filter(|reading| reading.joined)
            .map(|reading| Image {
                position: self.disk.log.end(),
                closed: reading.closed,
                end_of_stream: reading.end_of_stream,
            });
        let facts = Facts {
            settings: &self.settings,
            now_ns,
            timestamp: 0,
            random,
            recorded: self.disk.recorded(),
            applied: process.applied,
            image,
        };
        let state = std::mem::replace(&mut process.state, State::FollowerBallot);
        process.state = step(state, &mut process.common, &facts, input, out);
    }

    /// Does a chore to the disk. The outcome, and a message that waited for it.
    pub(crate) fn perform(&mut self, effect: &Effect, session: i32) -> Option<(Ticket, Outcome)> {
        let disk = &mut self.disk;
        let process = self.process.as_mut();
        match *effect {
            Effect::PersistThenSend {
                ticket,
                candidate_term,
                ..
            } => Some((ticket, Outcome::Proposed(disk.propose(candidate_term)))),
            Effect::WriteNodeState { ticket, entry } => {
                disk.entry = Some(entry);
                Some((ticket, Outcome::Written(entry)))
            }
            Effect::StoreNodeState(entry) => {
                disk.entry = Some(entry);
                None
            }
            Effect::WriteLadder { ticket, change } => {
                Some((ticket, Outcome::LadderWritten(disk.write_ladder(change))))
            }
            Effect::CheckLadder { ticket } => {
                Some((ticket, Outcome::LadderChecked(disk.check_ladder())))
            }
            Effect::TruncateLog { ticket, to } => {
                disk.log.truncate(to);
                let process = process?;
                process.applied = process.applied.min(to);
                process.checked = process.checked.min(disk.log.blocks.len());
                Some((ticket, Outcome::Done))
            }
            Effect::Prepare { ticket, .. } => {
                let process = process?;
                process.reading = None;
                process.replication = None;
                process.publishing = None;
                Some((ticket, Outcome::Done))
            }
            Effect::OpenLog { ticket, .. } => {
                process?.publishing = Some(session);
                Some((
                    ticket,
                    Outcome::Published {
                        log_session_id: session,
                    },
                ))
            }
            Effect::JoinAsLeader { ticket, .. } => {
                disk.has_recording = true;
                Some((ticket, Outcome::Joined { recording_id: 0 }))
            }
            Effect::SubscribeLog { ticket, .. } => Some((ticket, Outcome::Done)),
            Effect::Enter { .. }
            | Effect::SetRole(_)
            | Effect::Send { .. }
            | Effect::AppendTermEvent { .. }
            | Effect::Replay { .. }
            | Effect::Replicate { .. }
            | Effect::StopReplication
            | Effect::JoinLog { .. }
            | Effect::AddLiveDestination
            | Effect::RemoveCatchupDestination
            | Effect::StartCatchup { .. }
            | Effect::StopCatchup { .. }
            | Effect::Commit(_)
            | Effect::Complete { .. }
            | Effect::ReportJava { .. }
            | Effect::ReportHole { .. }
            | Effect::Stop(_) => None,
        }
    }

    pub(crate) fn is_settled(&self) -> Option<(i64, bool)> {
        let process = self.process.as_ref()?;
        match &process.state {
            State::Closed(Closed::Leader(leading)) => Some((leading.term, true)),
            State::Closed(Closed::Follower(following)) => Some((following.term, false)),
            State::Closed(Closed::Stopped(_))
            | State::Init(_)
            | State::Canvass(_)
            | State::Nominate(_)
            | State::CandidateBallot(_)
            | State::FollowerBallot
            | State::LeaderLogReplication(_)
            | State::LeaderReplay(_)
            | State::LeaderInit(_)
            | State::LeaderReady(_)
            | State::FollowerLogReplication(_)
            | State::FollowerReplay(_)
            | State::FollowerCatchupInit(_)
            | State::FollowerCatchupAwait(_)
            | State::FollowerCatchup(_)
            | State::FollowerLogInit(_)
            | State::FollowerLogAwait(_)
            | State::FollowerReady(_) => None,
        }
    }

    /// Whether an effect is answered later than asked.
    pub(crate) const fn is_chore(effect: &Effect) -> bool {
        match effect {
            Effect::PersistThenSend { .. }
            | Effect::WriteNodeState { .. }
            | Effect::StoreNodeState(_)
            | Effect::WriteLadder { .. }
            | Effect::CheckLadder { .. }
            | Effect::Prepare { .. }
            | Effect::TruncateLog { .. }
            | Effect::OpenLog { .. }
            | Effect::JoinAsLeader { .. }
            | Effect::AppendTermEvent { .. }
            | Effect::Replay { .. }
            | Effect::SubscribeLog { .. } => true,
            Effect::Enter { .. }
            | Effect::SetRole(_)
            | Effect::Send { .. }
            | Effect::Replicate { .. }
            | Effect::StopReplication
            | Effect::JoinLog { .. }
            | Effect::AddLiveDestination
            | Effect::RemoveCatchupDestination
            | Effect::StartCatchup { .. }
            | Effect::StopCatchup { .. }
            | Effect::Commit(_)
            | Effect::Complete { .. }
            | Effect::ReportJava { .. }
            | Effect::ReportHole { .. }
            | Effect::Stop(_) => false,
        }
    }
}

impl Process {
    pub(crate) fn subscribe(&mut self, source: Source, log_session_id: i32, leader: usize) {
        let catchup = source == Source::Catchup;
        self.reading = Some(Reading {
            leader,
            log_session_id,
            live: !catchup,
            catchup,
            joined: false,
            joining: None,
            closed: false,
            end_of_stream: false,
        });
    }
}
