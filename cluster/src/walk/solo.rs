//! Scripts of one core: each command is an input, the outcome is the states and effects (spec 09 §11).
//!
//! | command | meaning |
//! |---|---|
//! | `members N self I [aeron] [bootstrap] [appointed K]` | first line; Aeron's default times |
//! | `disk [T@BASE …] [append P] [candidate C] [impaired] [commit P] [truncating P term T]` | files of an earlier life; without it they are empty |
//! | `start [applied P]` | the process starts; ticks until INIT has done its work or waits |
//! | `tick [MS]`, `run MS` | time passes, then one tick; ticks every 50 ms for so long |
//! | `canvass M term T pos P [promise T] [java]`, `request M cand C term T pos P`, `vote M granted\|refused [cand C] [term T pos P]` | messages of member M |
//! | `leader M term T base P log-term T [next T] [next-base P] [next-end P] [pos P] [commit P]` | NewLeadershipTerm |
//! | `append M term T pos P [catchup]`, `commit M term T pos P`, `catchup M term T pos P`, `stop-catchup term T` | messages of member M |
//! | `record P [term T]`, `apply P` | the archive has recorded, the module has consumed so far |
//! | `replicated`, `joined`, `failed`, `closed [eos]` | what became of the replication, the log join; the image has ended |
//! | `hold`, `ok`, `fail`, `release` | disk chores wait; the oldest completes, fails; they are done at once again |
//!
//! A message equal to one sent since the last change of state is not shown again.

use super::disk::{Disk, TERM_EVENT_LENGTH};
use super::member::{Member, Replication};
use super::show;
use super::words::{Parsed, ScriptError, Words};
use crate::election::{
    APPEND_POSITION_FLAG_CATCHUP, AppendPosition, CanvassPosition, CatchupPosition, CommitPosition,
    Effect, Effects, Input, NewLeadershipTerm, NodeStateEntry, Outcome, RequestVote, Settings,
    State, StopCatchup, Ticket, Truncation, Vote,
};
use crate::rules::{PROTOCOL_JAVA, PROTOCOL_TARANIS, Rules};
use crate::term_ladder::TermEvent;

/// Plays the commands of `script` on one core; the outcome, line by line.
///
/// # Errors
/// If a line is no command.
pub fn play_core(script: &str) -> Result<String, ScriptError> {
    let mut solo = Solo::new();
    for (index, text) in script.lines().enumerate() {
        let mut words = Words::new(text);
        if words.is_empty() {
            continue;
        }
        let done = solo.command(&mut words).and_then(|()| words.end());
        done.map_err(|rule| ScriptError {
            line: index + 1,
            text: text.into(),
            rule,
        })?;
    }
    Ok(solo.outcome)
}

struct Solo {
    member: Member,
    now_ms: i64,
    effects: Effects,
    chores: Vec<Effect>,
    holds: bool,
    shown: Vec<String>,
    outcome: String,
}

impl Solo {
    fn new() -> Self {
        let settings = Settings::new(1, vec![1, 2, 3]);
        let member = Member {
            index: 0,
            settings,
            disk: Disk::default(),
            process: None,
            life: 0,
            asleep_until: 0,
        };
        Self {
            member,
            now_ms: 0,
            effects: Effects::default(),
            chores: Vec::new(),
            holds: false,
            shown: Vec::new(),
            outcome: String::new(),
        }
    }

    fn command(&mut self, words: &mut Words<'_>) -> Parsed<()> {
        match words.verb() {
            "members" => self.members(words),
            "disk" => {
                self.member.disk = disk_of(words)?;
                Ok(())
            }
            "start" => self.start(words),
            "tick" => {
                self.now_ms += words.number().unwrap_or(0);
                self.input(&Input::Tick);
                Ok(())
            }
            "run" => {
                let until = self.now_ms + words.number::<i64>()?;
                while self.now_ms < until {
                    self.now_ms += 50;
                    self.input(&Input::Tick);
                }
                Ok(())
            }
            "record" => {
                let (to, term) = (words.number()?, words.value_or("term", 0)?);
                self.member.disk.extend(term, to);
                Ok(())
            }
            "apply" => {
                self.process()?.applied = words.number()?;
                Ok(())
            }
            "replicated" => self.replicated(),
            "joined" => {
                let ticket = self.join_ticket()?;
                self.member.disk.has_recording = true;
                self.joined(ticket)
            }
            "failed" => {
                let ticket = self.replication_ticket().or_else(|_| self.join_ticket())?;
                self.input(&Input::Done(ticket, Outcome::Failed));
                Ok(())
            }
            "closed" => {
                let end_of_stream = words.flag("eos");
                let reading = self
                    .process()?
                    .reading
                    .as_mut()
                    .ok_or("no image has joined")?;
                (reading.closed, reading.end_of_stream) = (true, end_of_stream);
                Ok(())
            }
            "hold" => {
                self.holds = true;
                Ok(())
            }
            "release" => {
                self.holds = false;
                self.do_chores();
                Ok(())
            }
            "ok" => {
                let effect = self.oldest_chore()?;
                self.complete(&effect);
                Ok(())
            }
            "fail" => {
                let effect = self.oldest_chore()?;
                let (ticket, _) = self
                    .member
                    .perform(&effect, 7)
                    .ok_or("that chore has no completion")?;
                self.input(&Input::Done(ticket, Outcome::Failed));
                Ok(())
            }
            verb => self.message(verb, words),
        }
    }

    fn members(&mut self, words: &mut Words<'_>) -> Parsed<()> {
        let count: usize = words.number()?;
        let own: i32 = words.value_or("self", 1)?;
        let mut settings = Settings::new(own, (1..).take(count).collect());
        settings.rules = if words.flag("aeron") {
            Rules::Aeron
        } else {
            Rules::Strict
        };
        settings.bootstrap = words.flag("bootstrap");
        settings.appointed_leader = words.value("appointed")?;
        self.effects = Effects::with_room_for(count);
        self.member.index = settings
            .members
            .iter()
            .position(|&id| id == own)
            .ok_or("self is one of the members")?;
        self.member.settings = settings;
        Ok(())
    }

    fn start(&mut self, words: &mut Words<'_>) -> Parsed<()> {
        self.member.start(self.now_ms * 1_000_000);
        self.process()?.applied = words.value_or("applied", 0)?;
        self.input(&Input::Tick);
        while matches!(self.process()?.state, State::Init(_)) && self.chores.is_empty() {
            self.input(&Input::Tick);
        }
        Ok(())
    }

    fn process(&mut self) -> Parsed<&mut super::member::Process> {
        self.member
            .process
            .as_mut()
            .ok_or("the process has not started")
    }

    fn join_ticket(&mut self) -> Parsed<Ticket> {
        let reading = self
            .process()?
            .reading
            .as_mut()
            .ok_or("nothing is joining")?;
        let (ticket, _) = reading.joining.take().ok_or("nothing is joining")?;
        Ok(ticket)
    }

    fn joined(&mut self, ticket: Ticket) -> Parsed<()> {
        let reading = self
            .process()?
            .reading
            .as_mut()
            .ok_or("nothing is joining")?;
        reading.joined = true;
        self.input(&Input::Done(ticket, Outcome::Joined { recording_id: 0 }));
        Ok(())
    }

    fn replication_ticket(&mut self) -> Parsed<Ticket> {
        self.process()?
            .replication
            .take()
            .map(|replication| replication.ticket)
            .ok_or("nothing replicates")
    }

    fn replicated(&mut self) -> Parsed<()> {
        let Replication { ticket, to, .. } =
            self.process()?.replication.ok_or("nothing replicates")?;
        if !self.member.disk.has_recording {
            self.member.disk.has_recording = true;
            self.input(&Input::Done(ticket, Outcome::Joined { recording_id: 0 }));
        }
        let term = self.member.disk.ladder.last_term();
        self.member.disk.extend(term, to);
        self.input(&Input::Done(ticket, Outcome::Replicated));
        Ok(())
    }

    fn oldest_chore(&mut self) -> Parsed<Effect> {
        if self.chores.is_empty() {
            Err("no chore waits")
        } else {
            Ok(self.chores.remove(0))
        }
    }

    fn message(&mut self, verb: &str, words: &mut Words<'_>) -> Parsed<()> {
        let from = if verb == "stop-catchup" {
            0
        } else {
            words.number()?
        };
        let own = self.member.settings.member_id;
        let term: i64 = words.value_or("term", -1)?;
        let position: i64 = words.value_or("pos", 0)?;
        match verb {
            "canvass" => {
                let protocol_version = if words.flag("java") {
                    PROTOCOL_JAVA
                } else {
                    PROTOCOL_TARANIS
                };
                self.input(&Input::CanvassPosition(&CanvassPosition {
                    log_leadership_term_id: term,
                    log_position: position,
                    leadership_term_id: words.value_or("promise", term)?,
                    follower_member_id: from,
                    protocol_version,
                }));
            }
            "request" => self.input(&Input::RequestVote(&RequestVote {
                log_leadership_term_id: term,
                log_position: position,
                candidate_term_id: words.value_or("cand", 0)?,
                candidate_member_id: from,
                protocol_version: PROTOCOL_TARANIS,
            })),
            "vote" => self.input(&Input::Vote(&Vote {
                candidate_term_id: words.value_or("cand", 0)?,
                log_leadership_term_id: term,
                log_position: position,
                candidate_member_id: own,
                follower_member_id: from,
                vote: words.flag("granted") || !words.flag("refused"),
            })),
            "leader" => self.leader(from, term, position, words)?,
            "append" => {
                let flags = if words.flag("catchup") {
                    APPEND_POSITION_FLAG_CATCHUP
                } else {
                    0
                };
                let message = AppendPosition {
                    leadership_term_id: term,
                    log_position: position,
                    follower_member_id: from,
                    flags,
                };
                self.input(&Input::AppendPosition(&message));
            }
            "commit" => {
                let message = CommitPosition {
                    leadership_term_id: term,
                    log_position: position,
                    leader_member_id: from,
                };
                self.input(&Input::CommitPosition(&message));
            }
            "catchup" => {
                let message = CatchupPosition {
                    leadership_term_id: term,
                    log_position: position,
                    follower_member_id: from,
                };
                self.input(&Input::CatchupPosition(&message));
            }
            "stop-catchup" => self.input(&Input::StopCatchup(&StopCatchup {
                leadership_term_id: term,
                follower_member_id: own,
            })),
            "event" => self.input(&Input::TermEvent(TermEvent {
                term,
                base: position,
            })),
            _ => return Err("no such command"),
        }
        Ok(())
    }

    fn leader(&mut self, from: i32, term: i64, position: i64, words: &mut Words<'_>) -> Parsed<()> {
        let base = words.value_or("base", 0)?;
        let log_term = words.value_or("log-term", self.member.disk.ladder.last_term())?;
        let message = NewLeadershipTerm {
            log_leadership_term_id: log_term,
            next_leadership_term_id: words
                .value_or("next", if log_term < term { term } else { -1 })?,
            next_term_base_log_position: words
                .value_or("next-base", if log_term < term { base } else { -1 })?,
            next_log_position: words.value_or("next-end", -1)?,
            leadership_term_id: term,
            term_base_log_position: base,
            log_position: position.max(base),
            leader_recording_id: 0,
            timestamp: 0,
            leader_member_id: from,
            log_session_id: 9,
            app_version: 1,
            is_startup: false,
            commit_position: words.value_or("commit", 0)?,
        };
        self.input(&Input::NewLeadershipTerm(&message));
        Ok(())
    }

    fn input(&mut self, input: &Input<'_>) {
        self.member
            .step(self.now_ms * 1_000_000, 0, input.clone(), &mut self.effects);
        let asked: Vec<Effect> = self.effects.drain().collect();
        for effect in asked {
            self.show(&effect);
            if Member::is_chore(&effect) {
                self.chores.push(effect);
            } else {
                self.take(&effect);
            }
        }
        if !self.holds {
            self.do_chores();
        }
    }

    fn show(&mut self, effect: &Effect) {
        let Some(line) = show::effect(effect) else {
            return;
        };
        if matches!(effect, Effect::Enter { .. }) {
            self.shown.clear();
        } else if matches!(effect, Effect::Send { .. }) && self.shown.contains(&line) {
            return;
        }
        self.outcome.push_str(&line);
        self.outcome.push('\n');
        self.shown.push(line);
    }

    fn take(&mut self, effect: &Effect) {
        let Some(process) = &mut self.member.process else {
            return;
        };
        if let Effect::Replicate { ticket, to, .. } = *effect {
            process.replication = Some(Replication {
                ticket,
                source: 0,
                to,
            });
        }
        if let (
            Effect::JoinLog {
                ticket, position, ..
            },
            Some(reading),
        ) = (effect, &mut process.reading)
        {
            reading.joining = Some((*ticket, *position));
        }
    }

    fn do_chores(&mut self) {
        while !self.chores.is_empty() {
            let effect = self.chores.remove(0);
            self.complete(&effect);
        }
    }

    fn complete(&mut self, effect: &Effect) {
        if let (
            Effect::SubscribeLog {
                source,
                log_session_id,
                ..
            },
            Some(process),
        ) = (effect, &mut self.member.process)
        {
            process.subscribe(*source, *log_session_id, 0);
        }
        if let Effect::AppendTermEvent {
            ticket,
            leadership_term_id,
            base,
        } = *effect
        {
            self.member
                .disk
                .extend(leadership_term_id, base + TERM_EVENT_LENGTH);
            self.input(&Input::Done(ticket, Outcome::Done));
        } else if let Effect::Replay { ticket, to, .. } = *effect {
            if let Some(process) = &mut self.member.process {
                process.applied = to;
            }
            self.input(&Input::Done(ticket, Outcome::Done));
        } else if let Some((ticket, outcome)) = self.member.perform(effect, 7) {
            self.input(&Input::Done(ticket, outcome));
        }
    }
}

/// The files of an earlier life: whole, unless said otherwise.
pub(crate) fn disk_of(words: &mut Words<'_>) -> Parsed<Disk> {
    let mut terms = words.terms();
    terms.sort_unstable();
    let end = terms.last().map_or(0, |&(_, base)| base);
    let append = words.value_or("append", end)?;
    let mut disk = Disk::of_earlier_life(&terms, append);
    let last = disk.ladder.last_term();
    let candidate = words.value_or("candidate", last)?;
    let truncation = match words.value("truncating")? {
        Some(to) => Some(Truncation {
            to,
            term: words.value_or("term", last)?,
        }),
        None => None,
    };
    let strict_from = words.value_or("strict-from", 0)?;
    disk.propose(candidate);
    disk.entry = Some(NodeStateEntry {
        impaired: words.flag("impaired"),
        strict_from,
        commit: words.value_or("commit", 0)?,
        truncation,
    });
    Ok(disk)
}
