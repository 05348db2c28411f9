//! Messages in flight: delayed, reordered, lost, cut off.

use super::rng::Rng;
use crate::election::{
    AppendPosition, CanvassPosition, CatchupPosition, CommitPosition, Input, Message,
    NewLeadershipTerm, RequestVote, StopCatchup, Vote,
};

/// A message as it travels: plain values, without the proofs it was built from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Packet {
    CanvassPosition(CanvassPosition),
    RequestVote(RequestVote),
    Vote(Vote),
    NewLeadershipTerm(NewLeadershipTerm),
    AppendPosition(AppendPosition),
    CommitPosition(CommitPosition),
    CatchupPosition(CatchupPosition),
    StopCatchup(StopCatchup),
}

impl Packet {
    pub(crate) const fn new(message: &Message) -> Self {
        match message {
            Message::CanvassPosition(message) => Self::CanvassPosition(*message),
            Message::RequestVote(message) => Self::RequestVote(*message.message()),
            Message::Vote(message) => Self::Vote(*message.message()),
            Message::NewLeadershipTerm(message) => Self::NewLeadershipTerm(*message),
            Message::AppendPosition(message) => Self::AppendPosition(*message.message()),
            Message::CommitPosition(message) => Self::CommitPosition(*message),
            Message::CatchupPosition(message) => Self::CatchupPosition(*message),
            Message::StopCatchup(message) => Self::StopCatchup(*message),
        }
    }

    pub(crate) const fn input(&self) -> Input<'_> {
        match self {
            Self::CanvassPosition(message) => Input::CanvassPosition(message),
            Self::RequestVote(message) => Input::RequestVote(message),
            Self::Vote(message) => Input::Vote(message),
            Self::NewLeadershipTerm(message) => Input::NewLeadershipTerm(message),
            Self::AppendPosition(message) => Input::AppendPosition(message),
            Self::CommitPosition(message) => Input::CommitPosition(message),
            Self::CatchupPosition(message) => Input::CatchupPosition(message),
            Self::StopCatchup(message) => Input::StopCatchup(message),
        }
    }

    /// Aeron's name of the message.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::CanvassPosition(_) => "CanvassPosition",
            Self::RequestVote(_) => "RequestVote",
            Self::Vote(_) => "Vote",
            Self::NewLeadershipTerm(_) => "NewLeadershipTerm",
            Self::AppendPosition(_) => "AppendPosition",
            Self::CommitPosition(_) => "CommitPosition",
            Self::CatchupPosition(_) => "CatchupPosition",
            Self::StopCatchup(_) => "StopCatchup",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlight {
    due: u64,
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The receiver's process when it was sent: a later one has other sockets.
    pub(crate) life: u32,
    pub(crate) packet: Packet,
}

#[derive(Clone, Debug)]
pub(crate) struct Network {
    members: usize,
    /// `cut[from * members + to]`.
    cut: Vec<bool>,
    pub(crate) flying: Vec<InFlight>,
    /// One in so many is lost; 0 for none.
    pub(crate) loss: u64,
    /// Rounds a message takes at most.
    pub(crate) delay: u64,
    /// Message names that a script holds back, with sender and receiver if named.
    pub(crate) dropped: Vec<(String, Option<usize>, Option<usize>)>,
}

impl Network {
    pub(crate) fn new(members: usize) -> Self {
        Self {
            members,
            cut: vec![false; members * members],
            flying: Vec::with_capacity(64),
            loss: 0,
            delay: 2,
            dropped: Vec::new(),
        }
    }

    pub(crate) fn is_up(&self, from: usize, to: usize) -> bool {
        !self.cut[from * self.members + to]
    }

    pub(crate) fn cut(&mut self, from: usize, to: usize, is_cut: bool) {
        self.cut[from * self.members + to] = is_cut;
    }

    pub(crate) fn join_all(&mut self) {
        self.cut.fill(false);
    }

    pub(crate) fn heal(&mut self) {
        self.join_all();
        self.loss = 0;
        self.delay = 2;
        self.dropped.clear();
    }

    pub(crate) fn send(&mut self, round: u64, rng: &mut Rng, mut flight: InFlight) {
        let name = flight.packet.name();
        let is_dropped = self.dropped.iter().any(|(dropped, from, to)| {
            dropped == name
                && from.is_none_or(|from| from == flight.from)
                && to.is_none_or(|to| to == flight.to)
        });
        if is_dropped || !self.is_up(flight.from, flight.to) || rng.one_in(self.loss) {
            return;
        }
        flight.due = round + 1 + rng.below(self.delay.max(1));
        self.flying.push(flight);
    }

    /// Takes out what is due, in the order sent; delays reorder.
    pub(crate) fn take_due(
        &mut self,
        round: u64,
        due: &mut Vec<InFlight>,
        is_awake: impl Fn(usize) -> bool,
    ) {
        due.clear();
        self.flying.retain(|flight| {
            let is_due = flight.due <= round && is_awake(flight.to);
            if is_due {
                due.push(*flight);
            }
            !is_due
        });
    }
}

impl InFlight {
    pub(crate) const fn new(from: usize, to: usize, life: u32, packet: Packet) -> Self {
        Self {
            due: 0,
            from,
            to,
            life,
            packet,
        }
    }
}
