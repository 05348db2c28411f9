//! The model world: members, network and virtual time, one round after the other.

use std::collections::BTreeSet;

use super::disk::{Block, Disk, Pull, TERM_EVENT_LENGTH};
use super::history::History;
use super::member::{Chore, Member, Replication};
use super::network::{InFlight, Network, Packet};
use super::rng::Rng;
use crate::election::{Closed, Code, Effect, Effects, Input, Outcome, Settings, State, Ticket, To};
use crate::rules::Rules;
use crate::term_ladder::TermEvent;

/// Virtual time of a round.
pub(crate) const ROUND_NS: i64 = 20_000_000;

/// A change of state, for scripts and coverage.
pub(crate) type Edge = (Code, Code);

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) members: Vec<Member>,
    pub(crate) network: Network,
    pub(crate) history: History,
    pub(crate) rng: Rng,
    pub(crate) round: u64,
    /// One in so many rounds a leader appends a frame; 0 for never.
    pub(crate) append_one_in: u64,
    /// Rounds a chore takes at most.
    pub(crate) chore_delay: u64,
    pub(crate) edges: BTreeSet<Edge>,
    /// What happened, for a script; none in a walk.
    pub(crate) trace: Option<Vec<String>>,
    /// Members whose state has just changed.
    pub(crate) changed: Vec<(usize, Code)>,
    next_id: u64,
    next_session: i32,
    effects: Effects,
    due: Vec<InFlight>,
    asked: Vec<Effect>,
}

impl World {
    pub(crate) fn new(members: usize, rules: Rules, seed: u64) -> Self {
        let ids: Vec<i32> = (1..).take(members).collect();
        let settings = |id: i32| Settings {
            rules,
            leader_heartbeat_timeout_ns: 12 * ROUND_NS,
            leader_heartbeat_interval_ns: 3 * ROUND_NS,
            startup_canvass_timeout_ns: 24 * ROUND_NS,
            election_timeout_ns: 10 * ROUND_NS,
            election_status_interval_ns: 2 * ROUND_NS,
            live_join_window: 1 << 20,
            ..Settings::new(id, ids.clone())
        };
        let member = |(index, &id): (usize, &i32)| Member {
            index,
            settings: settings(id),
            disk: Disk::default(),
            process: None,
            life: 0,
            asleep_until: 0,
        };
        Self {
            members: ids.iter().enumerate().map(member).collect(),
            network: Network::new(members),
            history: History::default(),
            rng: Rng::new(seed),
            round: 0,
            append_one_in: 4,
            chore_delay: 2,
            edges: BTreeSet::new(),
            trace: None,
            changed: Vec::new(),
            next_id: 0,
            next_session: 0,
            effects: Effects::with_room_for(members),
            due: Vec::with_capacity(64),
            asked: Vec::with_capacity(64),
        }
    }

    pub(crate) fn now_ns(&self) -> i64 {
        i64::try_from(self.round).unwrap_or(i64::MAX / ROUND_NS) * ROUND_NS
    }

    pub(crate) fn start(&mut self, index: usize) {
        let now_ns = self.now_ns();
        if self.members[index].process.is_none() {
            self.members[index].start(now_ns);
        }
    }

    /// The process dies; of the writes under way a prefix reaches the disk.
    pub(crate) fn kill(&mut self, index: usize, prefix_survives: bool) {
        let Some(process) = self.members[index].process.take() else {
            return;
        };
        for chore in process.chores {
            if !prefix_survives || self.rng.one_in(2) {
                break;
            }
            let is_write = matches!(
                chore.effect,
                Effect::PersistThenSend { .. }
                    | Effect::WriteNodeState { .. }
                    | Effect::StoreNodeState(_)
                    | Effect::WriteLadder { .. }
                    | Effect::CheckLadder { .. }
                    | Effect::TruncateLog { .. }
            );
            if is_write {
                self.members[index].perform(&chore.effect, 0);
            }
        }
    }

    /// The disk is replaced by an empty one.
    pub(crate) fn wipe(&mut self, index: usize) {
        self.members[index].process = None;
        self.members[index].disk = Disk::default();
    }

    pub(crate) fn run_round(&mut self) {
        self.round += 1;
        self.changed.clear();
        self.deliver();
        for index in 0..self.members.len() {
            if self.members[index].process.is_none()
                || self.members[index].asleep_until > self.round
            {
                continue;
            }
            self.do_chores(index);
            self.read_log(index);
            self.replicate(index);
            self.consume(index);
            self.step(index, Input::Tick);
            self.append_as_leader(index);
        }
    }

    fn deliver(&mut self) {
        let mut due = std::mem::take(&mut self.due);
        let (round, members) = (self.round, &self.members);
        // A sleeping process reads its messages when it wakes, before it looks at its clock.
        self.network
            .take_due(round, &mut due, |to| members[to].asleep_until <= round);
        for flight in &due {
            if self.members[flight.to].life == flight.life {
                self.step(flight.to, flight.packet.input());
            }
        }
        self.due = due;
    }

    pub(crate) fn step(&mut self, index: usize, input: Input<'_>) {
        let now_ns = self.now_ns();
        let random = self.rng.next();
        let mut effects = std::mem::take(&mut self.effects);
        self.members[index].step(now_ns, random, input, &mut effects);
        self.asked.clear();
        self.asked.extend(effects.drain());
        self.effects = effects;
        for at in 0..self.asked.len() {
            let effect = self.asked[at];
            self.take(index, effect);
        }
    }

    /// Takes an effect: at once, or as a chore.
    fn take(&mut self, index: usize, effect: Effect) {
        if Member::is_chore(&effect) {
            let due = self.round + 1 + self.rng.below(self.chore_delay.max(1));
            if let Some(process) = &mut self.members[index].process {
                process.chores.push_back(Chore { due, effect });
            }
            return;
        }
        match effect {
            Effect::Enter { from, to, reason } => self.entered(index, from, to, reason.text()),
            Effect::Send { to, message } => self.send(index, to, Packet::new(&message)),
            Effect::Commit(committed) => self.commit(index, committed.position()),
            Effect::Complete {
                leader,
                leadership_term_id,
                ..
            } => {
                let own = self.members[index].settings.member_id;
                if leader == own {
                    self.history
                        .leads(own, leadership_term_id, &self.members[index].disk.log);
                }
            }
            Effect::Stop(fatal) => {
                self.history.stopped(self.members[index].settings.member_id);
                self.note(index, &fatal.to_string());
            }
            Effect::SetRole(_)
            | Effect::Replicate { .. }
            | Effect::StopReplication
            | Effect::JoinLog { .. }
            | Effect::AddLiveDestination
            | Effect::RemoveCatchupDestination
            | Effect::StartCatchup { .. }
            | Effect::StopCatchup { .. }
            | Effect::ReportJava { .. }
            | Effect::ReportHole { .. }
            | Effect::PersistThenSend { .. }
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
            | Effect::SubscribeLog { .. } => self.take_log_effect(index, &effect),
        }
    }

    fn take_log_effect(&mut self, index: usize, effect: &Effect) {
        let leader_index = |id: i32| {
            self.members
                .iter()
                .position(|member| member.settings.member_id == id)
        };
        let source = if let Effect::Replicate { leader, .. } = effect {
            leader_index(*leader)
        } else {
            None
        };
        let Some(process) = &mut self.members[index].process else {
            return;
        };
        if let Effect::Replicate { ticket, to, .. } = *effect {
            process.replication = source.map(|source| Replication { ticket, source, to });
        }
        if *effect == Effect::StopReplication {
            process.replication = None;
        }
        let Some(reading) = &mut process.reading else {
            return;
        };
        if let Effect::JoinLog {
            ticket, position, ..
        } = *effect
        {
            reading.joining = Some((ticket, position));
        }
        reading.live |= *effect == Effect::AddLiveDestination;
        reading.catchup &= *effect != Effect::RemoveCatchupDestination;
    }

    fn entered(&mut self, index: usize, from: Code, to: Code, reason: &str) {
        self.edges.insert((from, to));
        self.changed.push((index, to));
        if self.trace.is_some() {
            self.note(
                index,
                &format!("{} -> {}  ({reason})", from.name(), to.name()),
            );
        }
        if to == Code::LeaderLogReplication
            && let Some(process) = &self.members[index].process
        {
            let term = process.common.leadership_term_id;
            self.history
                .elected(self.members[index].settings.member_id, term);
        }
    }

    pub(crate) fn note(&mut self, index: usize, text: &str) {
        let id = self.members[index].settings.member_id;
        let round = self.round;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{round:>4} {id} {text}"));
        }
    }

    fn send(&mut self, index: usize, to: To, packet: Packet) {
        for receiver in 0..self.members.len() {
            let is_meant = match to {
                To::All => receiver != index,
                To::Member(id) => self.members[receiver].settings.member_id == id,
            };
            if is_meant {
                let flight = InFlight::new(index, receiver, self.members[receiver].life, packet);
                self.network.send(self.round, &mut self.rng, flight);
            }
        }
    }

    /// A leader answers up to here; a follower may consume up to here.
    fn commit(&mut self, index: usize, position: i64) {
        let id = self.members[index].settings.member_id;
        let Member {
            process: Some(process),
            disk,
            ..
        } = &mut self.members[index]
        else {
            return;
        };
        process.bound = process.bound.max(position);
        if let State::Closed(Closed::Leader(leading)) = &process.state {
            self.history
                .committed(id, &disk.log, position, leading.term, &mut process.checked);
            process.applied = process.applied.max(position);
        }
    }

    fn do_chores(&mut self, index: usize) {
        loop {
            let Some(process) = &mut self.members[index].process else {
                return;
            };
            let Some(chore) = process
                .chores
                .front()
                .copied()
                .filter(|chore| chore.due <= self.round)
            else {
                return;
            };
            process.chores.pop_front();
            self.next_session += 1;
            if let Effect::AppendTermEvent {
                ticket,
                leadership_term_id,
                base,
            } = chore.effect
            {
                self.append_event(index, ticket, leadership_term_id, base);
            } else if let Effect::Replay { ticket, to, .. } = chore.effect {
                self.replay(index, ticket, to);
            } else {
                self.subscribe(index, &chore.effect);
                self.complete(index, &chore.effect);
            }
        }
    }

    fn subscribe(&mut self, index: usize, effect: &Effect) {
        let Effect::SubscribeLog {
            source,
            log_session_id,
            ..
        } = *effect
        else {
            return;
        };
        let publishes = |member: &Member| {
            member
                .process
                .as_ref()
                .is_some_and(|process| process.publishing == Some(log_session_id))
        };
        let leader = self.members.iter().position(publishes).unwrap_or(index);
        if let Some(process) = &mut self.members[index].process {
            process.subscribe(source, log_session_id, leader);
        }
    }

    fn complete(&mut self, index: usize, effect: &Effect) {
        let session = self.next_session;
        let Some((ticket, outcome)) = self.members[index].perform(effect, session) else {
            return;
        };
        if let (
            Effect::PersistThenSend {
                then: Some((to, draft)),
                ..
            },
            Outcome::Proposed(proof),
        ) = (effect, &outcome)
            && let Some(message) = draft.seal(*proof)
        {
            self.send(index, *to, Packet::new(&message));
        }
        self.step(index, Input::Done(ticket, outcome));
    }

    fn append_event(&mut self, index: usize, ticket: Ticket, term: i64, base: i64) {
        let is_publishing = self.members[index]
            .process
            .as_ref()
            .is_some_and(|process| process.publishing.is_some());
        if is_publishing && self.members[index].disk.log.end() == base {
            self.push_block(index, TERM_EVENT_LENGTH, Some(TermEvent { term, base }));
            self.step(index, Input::Done(ticket, Outcome::Done));
        } else {
            self.step(index, Input::Done(ticket, Outcome::Failed));
        }
    }

    pub(crate) fn push_block(&mut self, index: usize, length: i64, event: Option<TermEvent>) {
        self.next_id += 1;
        let end = self.members[index].disk.log.end() + length;
        self.members[index].disk.log.blocks.push(Block {
            end,
            id: self.next_id,
            event,
        });
    }

    fn append_as_leader(&mut self, index: usize) {
        let leads = matches!(self.members[index].is_settled(), Some((_, true)));
        if leads && self.rng.one_in(self.append_one_in) {
            let length = 32 * (1 + i64::try_from(self.rng.below(4)).unwrap_or(0));
            self.push_block(index, length, None);
        }
    }

    fn replay(&mut self, index: usize, ticket: Ticket, to: i64) {
        self.apply(index, to);
        if let Some(process) = &mut self.members[index].process {
            process.applied = process.applied.max(to);
        }
        self.step(index, Input::Done(ticket, Outcome::Done));
    }

    /// A joined follower consumes what it may.
    fn consume(&mut self, index: usize) {
        let Some(process) = &self.members[index].process else {
            return;
        };
        if process.reading.is_some_and(|reading| reading.joined) && process.bound > process.applied
        {
            self.apply(index, process.bound);
        }
    }

    /// Applies whole frames up to `limit`: the services have seen them.
    fn apply(&mut self, index: usize, limit: i64) {
        loop {
            let Some(process) = &self.members[index].process else {
                return;
            };
            let log = &self.members[index].disk.log;
            let next = log
                .index_at(process.applied)
                .and_then(|at| log.blocks.get(at))
                .copied();
            let Some(block) = next.filter(|block| block.end <= limit) else {
                return;
            };
            let (id, term) = (
                self.members[index].settings.member_id,
                process.common.leadership_term_id,
            );
            let Member {
                process: Some(process),
                disk,
                ..
            } = &mut self.members[index]
            else {
                return;
            };
            process.applied = block.end;
            self.history
                .committed(id, &disk.log, block.end, term, &mut process.checked);
            if let Some(event) = block.event {
                self.step(index, Input::TermEvent(event));
            }
        }
    }

    /// The live log or a catch-up replay: the next frames, if the leader still publishes the session.
    fn read_log(&mut self, index: usize) {
        let Some(mut reading) = self.members[index]
            .process
            .as_ref()
            .and_then(|process| process.reading)
        else {
            return;
        };
        let leader = reading.leader;
        if leader == index || !self.network.is_up(leader, index) {
            return;
        }
        let source = &self.members[leader];
        let publishes = source
            .process
            .as_ref()
            .is_some_and(|process| process.publishing == Some(reading.log_session_id));
        if !publishes {
            // The end of a stream is seen when the publisher closes it, or when its driver has been silent for long.
            reading.closed = true;
            reading.end_of_stream = source.process.is_some();
            self.set_reading(index, reading);
            return;
        }
        let replays = source
            .process
            .as_ref()
            .is_some_and(|process| process.common.seen[index].replaying);
        let source_end = source.disk.log.end();
        if let Some((ticket, position)) = reading.joining
            && (!reading.catchup || replays)
        {
            reading.joining = None;
            let joins_elsewhere = !reading.catchup && source_end != position;
            reading.joined = !joins_elsewhere;
            self.set_reading(index, reading);
            let outcome = if joins_elsewhere {
                Outcome::Failed
            } else {
                Outcome::Joined { recording_id: 0 }
            };
            self.members[index].disk.has_recording |= !joins_elsewhere;
            self.step(index, Input::Done(ticket, outcome));
            return;
        }
        let flows = reading.live || (reading.catchup && replays);
        if reading.joined && flows {
            for _ in 0..=self.rng.below(3) {
                self.pull(index, leader, i64::MAX);
            }
        }
    }

    fn set_reading(&mut self, index: usize, reading: super::member::Reading) {
        if let Some(process) = &mut self.members[index].process {
            process.reading = Some(reading);
        }
    }

    fn pull(&mut self, index: usize, source: usize, limit: i64) -> Pull {
        let mut log = std::mem::take(&mut self.members[index].disk.log);
        let pull = log.pull(&self.members[source].disk.log, limit);
        self.members[index].disk.log = log;
        pull
    }

    fn replicate(&mut self, index: usize) {
        let Some(Replication { ticket, source, to }) = self.members[index]
            .process
            .as_ref()
            .and_then(|process| process.replication)
        else {
            return;
        };
        let is_up = self.network.is_up(source, index) && self.network.is_up(index, source);
        if !is_up || self.members[source].process.is_none() {
            return;
        }
        if !self.members[index].disk.has_recording {
            self.members[index].disk.has_recording = true;
            self.step(
                index,
                Input::Done(ticket, Outcome::Joined { recording_id: 0 }),
            );
            return;
        }
        for _ in 0..=self.rng.below(3) {
            if self.pull(index, source, to) == Pull::Misaligned {
                self.end_replication(index, ticket, Outcome::Failed);
                return;
            }
        }
        if self.members[index].disk.log.end() >= to {
            self.end_replication(index, ticket, Outcome::Replicated);
        }
    }

    fn end_replication(&mut self, index: usize, ticket: Ticket, outcome: Outcome) {
        if let Some(process) = &mut self.members[index].process {
            process.replication = None;
        }
        self.step(index, Input::Done(ticket, outcome));
    }
}
