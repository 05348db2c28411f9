//! What all states share: this member's and the others' terms and positions.

use super::effect::{NodeStateEntry, Ticket};
use super::facts::Settings;
use super::impaired::Impaired;
use super::message::RequestVote;
use super::state::{Init, Stage, State};
use crate::evidence::{Rank, Seen};
use crate::proposed::TermProposed;
use crate::recorded::Recorded;
use crate::rules::Rules;
use crate::term_ladder::Ladder;

/// What the node's files say at start; read before the first step.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// `node-state.dat`: its candidate term and our entry, if the file exists.
    pub node_state: Option<(TermProposed, NodeStateEntry)>,
    /// The TERM entries.
    pub ladder: Ladder,
    /// The log recording, if a TERM entry names one.
    pub recording_id: Option<i64>,
    /// First byte of that recording.
    pub log_start: i64,
    /// Its end, or the newest snapshot's position without a recording.
    pub append: Recorded,
    /// Position of the newest valid snapshot, 0 without one.
    pub snapshot: i64,
    /// leadershipTermId of that snapshot, -1 without one.
    pub snapshot_term: i64,
}

/// A member as this node knows it, beside its [`Seen`] evidence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) id: i32,
    /// Its vote: term, granted.
    pub(crate) vote: Option<(i64, bool)>,
    /// Any message of it.
    pub(crate) heard_ns: Option<i64>,
    /// The last message sent to it alone or to all.
    pub(crate) sent_ns: Option<i64>,
    /// It has told a term or promise since this start.
    pub(crate) told: bool,
    /// It has said that it leads, at this term.
    pub(crate) leads: Option<i64>,
    /// Since when it canvasses with a greater promise than the term led here (P 4).
    pub(crate) fenced_since_ns: Option<i64>,
    pub(crate) protocol_version: i32,
}

/// How far a node start has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Startup {
    /// In its first canvass, which waits longer.
    Canvassing,
    /// In its first election.
    Electing,
    /// It has completed an election.
    Over,
}

/// All that states share. Fields are written by the election alone; the rest of the crate reads them.
#[derive(Debug)]
pub struct Common {
    pub(crate) own: usize,
    pub(crate) members: Vec<Member>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) ladder: Ladder,
    pub(crate) recording_id: Option<i64>,
    pub(crate) log_start: i64,
    /// Highest candidate term known to be on disk.
    pub(crate) proposed: Option<TermProposed>,
    pub(crate) entry: NodeStateEntry,
    pub(crate) entry_on_disk: Option<NodeStateEntry>,
    pub(crate) entry_stored_ns: i64,
    /// Highest term stood in, voted TRUE in or followed (§19.4 P).
    pub(crate) promise: i64,
    /// Highest term this node stood in or voted in, either way.
    pub(crate) candidate_term: i64,
    /// The last term voted TRUE in for another.
    pub(crate) voted_term: Option<i64>,
    /// The election's leadershipTermId.
    pub(crate) leadership_term_id: i64,
    /// Term of the last NewLeadershipTermEvent consumed: what Java's module calls its leadershipTermId in catch-up.
    pub(crate) consumed_term: i64,
    /// The highest position known to be committed in this run.
    pub(crate) commit: i64,
    pub(crate) snapshot: i64,
    /// The leader's commit position, as told in this election.
    pub(crate) notified: i64,
    pub(crate) impaired: Option<Impaired>,
    pub(crate) java_seen: bool,
    /// The last member term for which a hole in the ladder was reported.
    pub(crate) hole_reported: Option<i64>,
    /// A vote request that could not be answered yet (P 6).
    pub(crate) kept_vote: Option<RequestVote>,
    pub(crate) gracefully_closed_leader: Option<usize>,
    pub(crate) leader_update_ns: Option<i64>,
    /// How long ago the node has started.
    pub(crate) startup: Startup,
    pub(crate) since_ns: i64,
    /// The interval clock of the state's periodic send.
    pub(crate) sent_ns: Option<i64>,
    /// Ladder writes under way.
    pub(crate) writes: Vec<Ticket>,
    next_ticket: u32,
}

impl Common {
    /// A node start: the shared part and the first state.
    ///
    /// # Panics
    /// If the settings' member is not among its members: checked when settings are read.
    #[must_use]
    pub fn start(settings: &Settings, recovered: Recovered, now_ns: i64) -> (Self, State) {
        let own = settings
            .members
            .iter()
            .position(|&id| id == settings.member_id);
        let own = own.expect("settings name a member that is not in members");
        let impaired = Impaired::diagnose(settings, &recovered, now_ns);
        let on_disk = recovered.node_state.map(|(_, entry)| entry);
        let mut entry = on_disk.unwrap_or(NodeStateEntry::ABSENT);
        entry.impaired = impaired.is_some();
        entry.strict_from = match settings.rules {
            Rules::Aeron => -1,
            Rules::Strict if entry.strict_from < 0 => recovered.ladder.last_term() + 1,
            Rules::Strict => entry.strict_from,
        };
        let candidate_term = recovered
            .node_state
            .map_or(-1, |(proposed, _)| proposed.candidate_term());
        let last_term = recovered.ladder.last_term();
        let cut = entry.truncation;
        let common = Self {
            own,
            members: settings
                .members
                .iter()
                .map(|&id| Member::unknown(id))
                .collect(),
            seen: vec![Seen::default(); settings.members.len()],
            recording_id: recovered.recording_id,
            log_start: recovered.log_start,
            proposed: recovered.node_state.map(|(proposed, _)| proposed),
            entry_on_disk: if settings.rules.ours() {
                on_disk
            } else {
                Some(entry)
            },
            entry,
            entry_stored_ns: now_ns,
            promise: candidate_term.max(last_term),
            candidate_term,
            voted_term: None,
            leadership_term_id: last_term.max(recovered.snapshot_term),
            consumed_term: recovered.snapshot_term,
            commit: recovered.snapshot,
            snapshot: recovered.snapshot,
            notified: 0,
            impaired,
            java_seen: false,
            hole_reported: None,
            kept_vote: None,
            gracefully_closed_leader: None,
            leader_update_ns: None,
            startup: Startup::Canvassing,
            since_ns: now_ns,
            sent_ns: None,
            writes: Vec::with_capacity(8),
            next_ticket: 0,
            ladder: recovered.ladder,
        };
        (
            common,
            State::Init(Init {
                stage: Stage::Flag,
                waiting: None,
                cut,
            }),
        )
    }

    /// The term that no leader, vote or report may go below.
    #[must_use]
    pub const fn promise(&self) -> i64 {
        self.promise
    }

    /// The highest position known to be committed in this run, in bytes.
    #[must_use]
    pub const fn commit(&self) -> i64 {
        self.commit
    }

    /// The TERM entries on disk.
    #[must_use]
    pub const fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// Whether this node has lost what it may have promised (§19.4 D).
    #[must_use]
    pub const fn is_impaired(&self) -> bool {
        self.impaired.is_some()
    }

    /// The bytes a leader may publish and apply before its gate opens (§19.4 G).
    #[must_use]
    pub fn floor(&self) -> i64 {
        self.commit.max(self.snapshot).max(self.proven_base())
    }

    /// The position no truncation may go below (§19.4 X).
    #[must_use]
    pub fn protected(&self) -> i64 {
        self.floor().max(self.entry.commit)
    }

    fn proven_base(&self) -> i64 {
        if self.entry.strict_from < 0 {
            return 0;
        }
        self.ladder.proven_base(self.entry.strict_from).unwrap_or(0)
    }

    pub(crate) fn rank(&self, append: Recorded) -> Rank {
        Rank {
            term: self.ladder.last_term(),
            position: append.position(),
        }
    }

    pub(crate) fn index_of(&self, id: i32) -> Option<usize> {
        self.members.iter().position(|member| member.id == id)
    }

    pub(crate) fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let own = self.own;
        (0..self.members.len()).filter(move |&index| index != own)
    }

    pub(crate) fn next_ticket(&mut self) -> Ticket {
        self.next_ticket = self.next_ticket.wrapping_add(1);
        Ticket(self.next_ticket)
    }

    /// The own term rises in memory; the disk follows before anything hangs on it.
    pub(crate) fn raise_promise(&mut self, term: i64) {
        self.promise = self.promise.max(term);
        self.candidate_term = self.candidate_term.max(term);
    }
}

impl Member {
    const fn unknown(id: i32) -> Self {
        Self {
            id,
            vote: None,
            heard_ns: None,
            sent_ns: None,
            told: false,
            leads: None,
            fenced_since_ns: None,
            protocol_version: 0,
        }
    }
}
