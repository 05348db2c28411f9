//! Effects and members in a script's words.

use std::fmt::Write as _;

use super::member::Member;
use super::network::Packet;
use crate::election::{Draft, Effect, Source, To};
use crate::term_ladder::{Change, Ladder};

/// One line for an effect; none for what a script does not show.
pub(crate) fn effect(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Enter { from, to, reason } => {
            format!("{} -> {}  ({})", from.name(), to.name(), reason.text())
        }
        Effect::SetRole(_) => return None,
        Effect::Send { to, message } => {
            format!("send {} {}", receiver(*to), packet(&Packet::new(message)))
        }
        Effect::PersistThenSend {
            candidate_term,
            then: None,
            ..
        } => format!("persist candidate term {candidate_term}"),
        Effect::PersistThenSend {
            candidate_term,
            then: Some((to, then)),
            ..
        } => {
            let packet = match then {
                Draft::RequestVote(request) => packet_of_request(request),
                Draft::Vote(vote) => packet_of_vote(vote),
            };
            format!(
                "persist candidate term {candidate_term}, then send {} {packet}",
                receiver(*to)
            )
        }
        Effect::WriteNodeState { entry, .. } => {
            let cut = entry.truncation.map_or_else(String::new, |cut| {
                format!(", truncation to {} in term {}", cut.to, cut.term)
            });
            format!(
                "write node state: {}{cut}",
                if entry.impaired { "impaired" } else { "whole" }
            )
        }
        Effect::StoreNodeState(entry) => format!("store commit {}", entry.commit),
        Effect::WriteLadder { change, .. } => format!("write {}", change_of(change)),
        Effect::CheckLadder { .. } => "check ladder".into(),
        Effect::Prepare { .. } => "prepare for new leadership".into(),
        Effect::TruncateLog { to, .. } => format!("truncate log to {to}"),
        Effect::OpenLog { position, .. } => format!("open log publication @{position}"),
        Effect::JoinAsLeader {
            leadership_term_id,
            position,
            ..
        } => format!("join log as leader of {leadership_term_id} @{position}"),
        Effect::AppendTermEvent {
            leadership_term_id,
            base,
            ..
        } => format!("append term event {leadership_term_id} @{base}"),
        Effect::Replay { from, to, .. } => format!("replay {from}..{to}"),
        Effect::Replicate { leader, to, .. } => format!("replicate from {leader} to {to}"),
        Effect::StopReplication => "stop replication".into(),
        Effect::SubscribeLog {
            source: Source::Live,
            ..
        } => "subscribe live log".into(),
        Effect::SubscribeLog {
            source: Source::Catchup,
            ..
        } => "subscribe catch-up".into(),
        Effect::JoinLog { position, .. } => format!("join log @{position}"),
        Effect::AddLiveDestination => "add live destination".into(),
        Effect::RemoveCatchupDestination => "remove catch-up destination".into(),
        Effect::StartCatchup { member, position } => {
            format!("start catch-up of {member} @{position}")
        }
        Effect::StopCatchup { member } => format!("stop catch-up of {member}"),
        Effect::Commit(committed) => format!("commit {}", committed.position()),
        Effect::Complete {
            leader,
            leadership_term_id,
            log_position,
        } => format!("complete: {leader} leads {leadership_term_id} @{log_position}"),
        Effect::ReportJava { member } => format!("report: {member} runs Java"),
        Effect::ReportHole { term } => format!("report: no term after {term} on the ladder"),
        Effect::Stop(fatal) => format!("stop: {fatal}"),
    })
}

fn receiver(to: To) -> String {
    match to {
        To::All => "all".into(),
        To::Member(id) => id.to_string(),
    }
}

fn change_of(change: &Change) -> String {
    match change {
        Change::Term { term, base } => format!("TERM {term} @{base}"),
        Change::AeronTerm { term, base, end } => format!(
            "TERM {term} @{base}..{}",
            end.map_or_else(String::new, |end| end.to_string())
        ),
        Change::End { term, end } => format!("end of TERM {term}: {end}"),
        Change::Clamp { to } => format!("ladder clamped to {to}"),
        Change::Invalidate { above } => format!("TERMs above {above} invalid"),
    }
}

fn packet_of_request(request: &crate::election::RequestVote) -> String {
    packet(&Packet::RequestVote(*request))
}

fn packet_of_vote(vote: &crate::election::Vote) -> String {
    packet(&Packet::Vote(*vote))
}

fn packet(packet: &Packet) -> String {
    let name = packet.name();
    let body = match packet {
        Packet::CanvassPosition(m) => format!(
            "({}, {}) promise {}",
            m.log_leadership_term_id, m.log_position, m.leadership_term_id
        ),
        Packet::RequestVote(m) => format!(
            "({}, {}) candidate term {}",
            m.log_leadership_term_id, m.log_position, m.candidate_term_id
        ),
        Packet::Vote(m) => format!(
            "{} in {}",
            if m.vote { "granted" } else { "refused" },
            m.candidate_term_id
        ),
        Packet::NewLeadershipTerm(m) => format!(
            "{} @{}, for log term {}, next {} @{}..{}, log {}, commit {}",
            m.leadership_term_id,
            m.term_base_log_position,
            m.log_leadership_term_id,
            m.next_leadership_term_id,
            m.next_term_base_log_position,
            m.next_log_position,
            m.log_position,
            m.commit_position
        ),
        Packet::AppendPosition(m) => format!(
            "({}, {}){}",
            m.leadership_term_id,
            m.log_position,
            if m.flags == 0 { "" } else { " CATCHUP" }
        ),
        Packet::CommitPosition(m) => format!("({}, {})", m.leadership_term_id, m.log_position),
        Packet::CatchupPosition(m) => format!("({}, {})", m.leadership_term_id, m.log_position),
        Packet::StopCatchup(m) => format!("{} in {}", m.follower_member_id, m.leadership_term_id),
    };
    format!("{name} {body}")
}

/// The last entries: `0@0..96 1@96..`
pub(crate) fn ladder(ladder: &Ladder) -> String {
    let hidden = ladder.entries().len().saturating_sub(4);
    let mut text = String::from(if hidden > 0 { " …" } else { "" });
    for entry in &ladder.entries()[hidden..] {
        let end = entry.end.map_or_else(String::new, |end| end.to_string());
        let _ = write!(text, " {}@{}..{end}", entry.term, entry.base);
    }
    text
}

/// One line for a member of a world.
pub(crate) fn member(member: &Member) -> String {
    let id = member.settings.member_id;
    let disk = format!(
        "log {}, ladder{}",
        member.disk.log.end(),
        ladder(&member.disk.ladder)
    );
    let Some(process) = &member.process else {
        return format!("{id} down, {disk}");
    };
    let role = match member.is_settled() {
        Some((term, true)) => format!("leads {term}"),
        Some((term, false)) => format!("follows {term}"),
        None => process.state.code().name().into(),
    };
    let impaired = if process.common.is_impaired() {
        ", impaired"
    } else {
        ""
    };
    format!("{id} {role}, applied {}, {disk}{impaired}", process.applied)
}
