//! An open session: messages in, answers out, and the way to the next leader (08 §4.4, §4.5).

use taranis_runtime::{clock::Now, sbe::Message};
use taranis_transport::{
    client::{Aeron, ExclusivePublication, Pending, Refused, Subscription},
    log::Action,
};

use super::{context::ClusterContext, egress::Egress, endpoints::Endpoints, error::ClusterError};
use crate::codecs::{
    EgressMessage, EventCode, SessionMessageHeader,
    egress::NewLeaderEvent,
    ingress::{SessionCloseRequest, SessionKeepAlive},
};

/// Fragments taken in one poll.
const FRAGMENT_LIMIT: usize = 10;

/// A session with a cluster.
///
/// # Threading
/// Belongs to one agent or application thread. Nothing in it waits.
#[derive(Debug)]
pub struct ClusterSession {
    aeron: Aeron,
    context: ClusterContext,
    endpoints: Endpoints,
    egress: Subscription,
    ingress: Option<ExclusivePublication>,
    opened: Opened,
    new_leader_timeout_ns: i64,
    link: Link,
}

/// What the cluster said when the session opened, kept up with each new leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) cluster_session_id: i64,
    pub(super) leadership_term_id: i64,
    pub(super) leader_member_id: i32,
    pub(super) heartbeat_timeout_ns: i64,
    /// Session id of the egress image in use.
    pub(super) image_id: i32,
}

/// Where a session stands, for its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Offers go to the leader.
    Connected,
    /// The leader is gone; a new one is waited for.
    AwaitNewLeader,
    /// There is a new leader; the way to it is being made.
    AwaitNewLeaderConnection,
    /// It is over.
    Closed {
        /// Why.
        why: &'static str,
    },
}

#[derive(Debug)]
enum Link {
    Connected,
    AwaitNewLeader { deadline_ns: i64 },
    AwaitConnection { deadline_ns: i64, adding: Adding },
    Closed { why: &'static str },
}

#[derive(Debug)]
enum Adding {
    Add,
    Pending(Pending<ExclusivePublication>),
    Added,
}

impl ClusterSession {
    pub(super) fn new(
        aeron: Aeron,
        (context, endpoints): (ClusterContext, Endpoints),
        (ingress, egress): (ExclusivePublication, Subscription),
        opened: Opened,
    ) -> Self {
        let new_leader_timeout_ns = context
            .new_leader_timeout
            .map_or(2 * opened.heartbeat_timeout_ns, |timeout| timeout.0);
        let (ingress, link) = (Some(ingress), Link::Connected);
        Self {
            aeron,
            context,
            endpoints,
            egress,
            ingress,
            opened,
            new_leader_timeout_ns,
            link,
        }
    }

    /// Where the session stands.
    pub fn state(&self) -> State {
        match self.link {
            Link::Connected => State::Connected,
            Link::AwaitNewLeader { .. } => State::AwaitNewLeader,
            Link::AwaitConnection { .. } => State::AwaitNewLeaderConnection,
            Link::Closed { why } => State::Closed { why },
        }
    }

    /// Id of the session in the cluster.
    pub fn cluster_session_id(&self) -> i64 {
        self.opened.cluster_session_id
    }

    /// Term of the leader in use.
    pub fn leadership_term_id(&self) -> i64 {
        self.opened.leadership_term_id
    }

    /// Member id of the leader in use.
    pub fn leader_member_id(&self) -> i32 {
        self.opened.leader_member_id
    }

    /// Heartbeat time-out of the cluster.
    pub fn heartbeat_timeout_ns(&self) -> i64 {
        self.opened.heartbeat_timeout_ns
    }

    /// Longest message that one offer takes.
    pub fn max_message_length(&self) -> usize {
        let longest = self
            .ingress
            .as_ref()
            .map_or(0, ExclusivePublication::max_message_length);
        longest.saturating_sub(SessionMessageHeader::LENGTH)
    }

    /// Offers a message; it has been taken, but it is not committed before it is answered. Allocates nothing.
    ///
    /// # Errors
    /// [`Refused`]: temporary while the leader is busy or being changed, final when the session is closed.
    pub fn offer(&mut self, message: &[u8], now: Now) -> Result<i64, Refused> {
        let header = SessionMessageHeader {
            leadership_term_id: self.opened.leadership_term_id,
            cluster_session_id: self.opened.cluster_session_id,
            timestamp: 0,
        };
        let mut bytes = [0; SessionMessageHeader::LENGTH];
        header
            .encode(&mut bytes)
            .expect("a session header has 32 bytes");
        self.send(&[&bytes, message], now)
    }

    /// Tells the cluster that the session lives. Needed within the cluster's session time-out (10 s) when nothing is
    /// offered, and after a change of leader.
    ///
    /// # Errors
    /// As [`Self::offer`].
    pub fn keep_alive(&mut self, now: Now) -> Result<i64, Refused> {
        let message = SessionKeepAlive {
            leadership_term_id: self.opened.leadership_term_id,
            cluster_session_id: self.opened.cluster_session_id,
        };
        let mut bytes = [0; 32];
        let length = message
            .encode(&mut bytes)
            .expect("a keep-alive has 24 bytes");
        self.send(&[&bytes[..length]], now)
    }

    /// Takes what the cluster said to this session and looks after the way to the leader; gives the number of fragments.
    ///
    /// # Errors
    /// [`ClusterError::Closed`] once the session is over, with the reason.
    pub fn poll(
        &mut self,
        now: Now,
        mut handler: impl FnMut(Egress<'_>),
    ) -> Result<usize, ClusterError> {
        if let Link::Closed { why } = self.link {
            return Err(ClusterError::Closed { why });
        }
        let mut news = News::default();
        let mine = self.opened.cluster_session_id;
        let polled = self.egress.controlled_poll(FRAGMENT_LIMIT, |message| {
            match EgressMessage::decode(message.payload) {
                Ok(egress) => dispatch(
                    &egress,
                    (mine, message.header.session_id),
                    &mut news,
                    &mut handler,
                ),
                Err(error) => news.malformed = Some(error),
            }
            // What a new leader means must be taken in before anything else of it.
            if news.new_leader.is_some() {
                Action::Commit
            } else {
                Action::Continue
            }
        });
        if let Some(new_leader) = news.new_leader {
            self.on_new_leader(new_leader, now)?;
        } else if news.is_closed {
            self.end("closed by the cluster");
        } else if self.egress_is_gone() {
            self.lose_leader(now);
        }
        self.advance(now)?;
        match news.malformed {
            Some(error) => Err(error.into()),
            None => Ok(polled),
        }
    }

    /// Ends the session. A message that can't be sent any more is not missed: the cluster's time-out ends it, too.
    pub fn close(mut self, now: Now) {
        let message = SessionCloseRequest {
            leadership_term_id: self.opened.leadership_term_id,
            cluster_session_id: self.opened.cluster_session_id,
        };
        let mut bytes = [0; 32];
        if let Ok(length) = message.encode(&mut bytes) {
            for _ in 0..3 {
                if self.send(&[&bytes[..length]], now).is_ok() {
                    break;
                }
            }
        }
    }

    fn send(&mut self, parts: &[&[u8]], now: Now) -> Result<i64, Refused> {
        let Some(ingress) = &mut self.ingress else {
            return Err(if matches!(self.link, Link::Closed { .. }) {
                Refused::Closed
            } else {
                Refused::NotConnected
            });
        };
        let offered = ingress.offer_parts(parts);
        match offered {
            Ok(_) => {
                if matches!(self.link, Link::AwaitConnection { .. }) {
                    self.link = Link::Connected;
                }
            }
            Err(Refused::NotConnected | Refused::Closed)
                if matches!(self.link, Link::Connected) =>
            {
                self.lose_leader(now);
            }
            Err(Refused::MaxPositionExceeded) => self.end("the ingress stream is at its end"),
            Err(_) => {}
        }
        offered
    }

    fn egress_is_gone(&mut self) -> bool {
        if matches!(self.link, Link::AwaitNewLeader { .. }) {
            return false;
        }
        let image_id = self.opened.image_id;
        self.egress
            .image_by_session_id(image_id)
            .is_none_or(|image| image.is_closed())
    }

    fn lose_leader(&mut self, now: Now) {
        self.ingress = None;
        let deadline_ns = now.mono_ns.saturating_add(self.new_leader_timeout_ns);
        self.link = Link::AwaitNewLeader { deadline_ns };
    }

    fn on_new_leader(&mut self, new_leader: NewLeader, now: Now) -> Result<(), ClusterError> {
        self.opened.leadership_term_id = new_leader.leadership_term_id;
        self.opened.leader_member_id = new_leader.leader_member_id;
        self.opened.image_id = new_leader.image_id;
        self.ingress = None;
        if !self.endpoints.is_empty() {
            self.endpoints = Endpoints::parse(&new_leader.ingress_endpoints)?;
        }
        let deadline_ns = now.mono_ns.saturating_add(self.context.message_timeout.0);
        self.link = Link::AwaitConnection {
            deadline_ns,
            adding: Adding::Add,
        };
        Ok(())
    }

    /// Makes the way to a new leader, and minds the deadlines.
    fn advance(&mut self, now: Now) -> Result<(), ClusterError> {
        match &mut self.link {
            Link::Connected => {}
            Link::AwaitNewLeader { deadline_ns } => {
                if now.mono_ns > *deadline_ns {
                    self.end("no new leader within the time-out");
                }
            }
            Link::AwaitConnection {
                deadline_ns,
                adding,
            } => {
                if now.mono_ns > *deadline_ns {
                    self.end("no connection to the new leader within the time-out");
                    return Ok(());
                }
                match adding {
                    Adding::Add => {
                        let leader = self.opened.leader_member_id;
                        let channel = self
                            .endpoints
                            .channel_of(&self.context.ingress_channel, leader)?;
                        let stream_id = self.context.ingress_stream_id;
                        let pending = self
                            .aeron
                            .async_add_exclusive_publication(&channel, stream_id)?;
                        *adding = Adding::Pending(pending);
                    }
                    Adding::Pending(pending) => match pending.poll() {
                        Ok(Some(publication)) => {
                            self.ingress = Some(publication);
                            *adding = Adding::Added;
                        }
                        Ok(None) => {}
                        Err(error) if error.is_temporary() => *adding = Adding::Add,
                        Err(error) => return Err(error.into()),
                    },
                    Adding::Added => {
                        // The first thing said to the new leader makes it known.
                        if self
                            .ingress
                            .as_ref()
                            .is_some_and(ExclusivePublication::is_connected)
                        {
                            let _ = self.keep_alive(now);
                        }
                    }
                }
            }
            Link::Closed { .. } => {}
        }
        Ok(())
    }

    fn end(&mut self, why: &'static str) {
        self.ingress = None;
        self.link = Link::Closed { why };
    }
}

/// What one poll brought besides messages.
#[derive(Default)]
struct News {
    new_leader: Option<NewLeader>,
    is_closed: bool,
    malformed: Option<taranis_runtime::sbe::Malformed>,
}

struct NewLeader {
    leadership_term_id: i64,
    leader_member_id: i32,
    image_id: i32,
    ingress_endpoints: String,
}

/// Several sessions may share an egress stream: what belongs to another one is skipped.
fn dispatch(
    egress: &EgressMessage<'_>,
    (mine, image_id): (i64, i32),
    news: &mut News,
    handler: &mut impl FnMut(Egress<'_>),
) {
    match egress {
        EgressMessage::SessionMessage(message) if message.header.cluster_session_id == mine => {
            handler(Egress::Message {
                timestamp: message.header.timestamp,
                payload: message.payload,
            });
        }
        EgressMessage::SessionEvent(event) if event.cluster_session_id == mine => {
            news.is_closed |= event.code == EventCode::Closed;
            let (correlation_id, code, detail) = (event.correlation_id, event.code, event.detail);
            handler(Egress::Session {
                correlation_id,
                code,
                detail,
            });
        }
        EgressMessage::NewLeaderEvent(event) if event.cluster_session_id == mine => {
            news.new_leader = Some(new_leader(event, image_id));
            let (leadership_term_id, leader_member_id) =
                (event.leadership_term_id, event.leader_member_id);
            handler(Egress::NewLeader {
                leadership_term_id,
                leader_member_id,
            });
        }
        EgressMessage::SessionMessage(_)
        | EgressMessage::SessionEvent(_)
        | EgressMessage::NewLeaderEvent(_)
        | EgressMessage::Challenge(_)
        | EgressMessage::AdminResponse(_)
        | EgressMessage::Unknown(_) => {}
    }
}

fn new_leader(event: &NewLeaderEvent<'_>, image_id: i32) -> NewLeader {
    NewLeader {
        leadership_term_id: event.leadership_term_id,
        leader_member_id: event.leader_member_id,
        image_id,
        ingress_endpoints: event.ingress_endpoints.to_owned(),
    }
}
