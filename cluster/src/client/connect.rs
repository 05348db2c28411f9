//! Opening a session, polled (08 §4.2, §4.3).

use taranis_runtime::{clock::Now, sbe::Message};
use taranis_transport::{
    client::{Aeron, ExclusivePublication, ImageHandlers, Pending, Subscription},
    log::Action,
    uri::{ChannelUri, Media, keys},
};

use super::{
    context::ClusterContext,
    endpoints::Endpoints,
    error::ClusterError,
    session::{ClusterSession, Opened},
};
use crate::codecs::{EgressMessage, EventCode, ingress::SessionConnectRequest};

/// Version of the client protocol, 0.3.0 (08 §1.3).
const PROTOCOL_VERSION: i32 = 3 << 8;
/// Fragments taken in one poll.
const FRAGMENT_LIMIT: usize = 10;
/// Heartbeat time-out of a cluster that does not tell its own.
const HEARTBEAT_TIMEOUT_NS: i64 = 10_000_000_000;

/// A session that is being opened. Poll it once per turn.
#[derive(Debug)]
pub struct Connect {
    context: ClusterContext,
    endpoints: Endpoints,
    deadline_ns: i64,
    step: Step,
}

#[derive(Debug)]
enum Step {
    AddEgress,
    Egress(Pending<Subscription>),
    /// Publications to the members; the first that connects is asked.
    Ingress {
        egress: Subscription,
        members: Vec<Member>,
    },
    Request {
        egress: Subscription,
        ingress: Ingress,
    },
    Response {
        egress: Subscription,
        ingress: Ingress,
        correlation_id: i64,
    },
    /// Only while a step is being taken.
    Taken,
}

#[derive(Debug)]
struct Member {
    id: i32,
    state: MemberState,
}

#[derive(Debug)]
enum MemberState {
    Add,
    Adding(Pending<ExclusivePublication>),
    Added(Box<ExclusivePublication>),
    /// Could not be added: the others are tried.
    Failed,
}

/// A way into the cluster.
#[derive(Debug)]
struct Ingress {
    publication: ExclusivePublication,
}

/// What the cluster answered to the connect request.
enum Answer {
    Opened(Opened),
    Redirect {
        leader_member_id: i32,
        endpoints: String,
    },
}

impl Connect {
    /// Begins to connect.
    ///
    /// # Errors
    /// When a channel or the endpoints can't be parsed.
    pub fn new(context: ClusterContext, now: Now) -> Result<Self, ClusterError> {
        ChannelUri::parse(&context.ingress_channel)?;
        ChannelUri::parse(&context.egress_channel)?;
        let endpoints = Endpoints::parse(&context.ingress_endpoints)?;
        let deadline_ns = now.mono_ns.saturating_add(context.message_timeout.0);
        Ok(Self {
            context,
            endpoints,
            deadline_ns,
            step: Step::AddEgress,
        })
    }

    /// One step further, if there is one; gives the session at the end. Call it no more after that, or after an error.
    ///
    /// # Errors
    /// [`ClusterError::Timeout`] past the message timeout, [`ClusterError::Refused`] when the cluster refuses.
    pub fn poll(
        &mut self,
        aeron: &Aeron,
        now: Now,
    ) -> Result<Option<ClusterSession>, ClusterError> {
        let step = std::mem::replace(&mut self.step, Step::Taken);
        let waiting_for = step.waiting_for();
        self.step = match step {
            Step::AddEgress => Step::Egress(self.add_egress(aeron)?),
            Step::Egress(mut pending) => match pending.poll() {
                Ok(Some(egress)) => Step::Ingress {
                    egress,
                    members: self.members(),
                },
                Ok(None) => Step::Egress(pending),
                Err(error) if error.is_temporary() => Step::AddEgress,
                Err(error) => return Err(error.into()),
            },
            Step::Ingress { egress, members } => self.await_member(aeron, egress, members)?,
            Step::Request { egress, ingress } => self.request(aeron, egress, ingress)?,
            Step::Response {
                mut egress,
                ingress,
                correlation_id,
            } => match poll_answer(&mut egress, correlation_id)? {
                None => Step::Response {
                    egress,
                    ingress,
                    correlation_id,
                },
                Some(Answer::Redirect {
                    leader_member_id,
                    endpoints,
                }) => self.redirect(egress, leader_member_id, &endpoints)?,
                Some(Answer::Opened(opened)) => {
                    let both = (ingress.publication, egress);
                    let settings = (self.context.clone(), self.endpoints.clone());
                    return Ok(Some(ClusterSession::new(
                        aeron.clone(),
                        settings,
                        both,
                        opened,
                    )));
                }
            },
            Step::Taken => {
                return Err(ClusterError::Closed {
                    why: "connecting failed before",
                });
            }
        };
        if now.mono_ns > self.deadline_ns {
            let timeout_ms = self.context.message_timeout.0 / 1_000_000;
            return Err(ClusterError::Timeout {
                waiting_for,
                timeout_ms,
            });
        }
        Ok(None)
    }

    fn add_egress(&self, aeron: &Aeron) -> Result<Pending<Subscription>, ClusterError> {
        let mut uri = ChannelUri::parse(&self.context.egress_channel)?;
        if uri.media() == Media::Udp {
            uri.put(keys::REJOIN, "false")?;
        }
        let stream_id = self.context.egress_stream_id;
        Ok(aeron.async_add_subscription(&uri.to_string(), stream_id, ImageHandlers::default())?)
    }

    fn members(&self) -> Vec<Member> {
        let new = |id| Member {
            id,
            state: MemberState::Add,
        };
        if self.endpoints.is_empty() {
            vec![new(-1)]
        } else {
            self.endpoints.ids().map(new).collect()
        }
    }

    fn await_member(
        &self,
        aeron: &Aeron,
        egress: Subscription,
        mut members: Vec<Member>,
    ) -> Result<Step, ClusterError> {
        for member in &mut members {
            self.advance_member(aeron, member)?;
        }
        let connected = members.iter().position(
            |member| matches!(&member.state, MemberState::Added(one) if one.is_connected()),
        );
        let is_resolved = egress.try_resolve_channel_endpoint_port().is_some();
        match connected {
            Some(at) if is_resolved => {
                let MemberState::Added(publication) = members.swap_remove(at).state else {
                    return Err(ClusterError::Closed {
                        why: "the member's publication is gone",
                    });
                };
                Ok(Step::Request {
                    egress,
                    ingress: Ingress {
                        publication: *publication,
                    },
                })
            }
            Some(_) | None => Ok(Step::Ingress { egress, members }),
        }
    }

    fn advance_member(&self, aeron: &Aeron, member: &mut Member) -> Result<(), ClusterError> {
        let state = std::mem::replace(&mut member.state, MemberState::Failed);
        member.state = match state {
            MemberState::Add => {
                let channel = self
                    .endpoints
                    .channel_of(&self.context.ingress_channel, member.id)?;
                let stream_id = self.context.ingress_stream_id;
                MemberState::Adding(aeron.async_add_exclusive_publication(&channel, stream_id)?)
            }
            MemberState::Adding(mut pending) => match pending.poll() {
                Ok(Some(publication)) => MemberState::Added(Box::new(publication)),
                Ok(None) => MemberState::Adding(pending),
                Err(error) if error.is_temporary() => MemberState::Add,
                Err(error) if self.endpoints.is_empty() => return Err(error.into()),
                Err(_) => MemberState::Failed,
            },
            MemberState::Added(publication) => MemberState::Added(publication),
            MemberState::Failed => MemberState::Failed,
        };
        Ok(())
    }

    fn request(
        &self,
        aeron: &Aeron,
        egress: Subscription,
        mut ingress: Ingress,
    ) -> Result<Step, ClusterError> {
        let Some(response_channel) = egress.try_resolve_channel_endpoint_port() else {
            return Ok(Step::Request { egress, ingress });
        };
        let correlation_id = aeron.next_correlation_id();
        let client_info = format!(
            "name={} version={}",
            self.context.client_name,
            env!("CARGO_PKG_VERSION")
        );
        let request = SessionConnectRequest {
            correlation_id,
            response_stream_id: self.context.egress_stream_id,
            version: PROTOCOL_VERSION,
            response_channel: &response_channel,
            encoded_credentials: &[],
            client_info: &client_info,
        };
        match ingress.publication.offer(&request.to_vec()) {
            Ok(_) => Ok(Step::Response {
                egress,
                ingress,
                correlation_id,
            }),
            Err(refused) if refused.is_temporary() && ingress.publication.is_connected() => {
                Ok(Step::Request { egress, ingress })
            }
            // The member went away between connecting and asking: begin again with all.
            Err(_) => Ok(Step::Ingress {
                egress,
                members: self.members(),
            }),
        }
    }

    /// Asks the leader; its endpoint comes with the redirect.
    fn redirect(
        &mut self,
        egress: Subscription,
        leader: i32,
        endpoints: &str,
    ) -> Result<Step, ClusterError> {
        self.endpoints = Endpoints::parse(endpoints)?;
        let members = vec![Member {
            id: leader,
            state: MemberState::Add,
        }];
        Ok(Step::Ingress { egress, members })
    }
}

impl Step {
    fn waiting_for(&self) -> &'static str {
        match self {
            Self::AddEgress | Self::Egress(_) => "adding the egress subscription",
            Self::Ingress { .. } | Self::Request { .. } => "waiting for a member to listen",
            Self::Response { .. } => "waiting for the session event",
            Self::Taken => "failing",
        }
    }
}

fn poll_answer(
    egress: &mut Subscription,
    correlation_id: i64,
) -> Result<Option<Answer>, ClusterError> {
    let mut answer = Ok(None);
    egress.controlled_poll(FRAGMENT_LIMIT, |message| {
        match EgressMessage::decode(message.payload) {
            Ok(EgressMessage::SessionEvent(event)) if event.correlation_id == correlation_id => {
                answer = match event.code {
                    EventCode::Ok => Ok(Some(Answer::Opened(Opened {
                        cluster_session_id: event.cluster_session_id,
                        leadership_term_id: event.leadership_term_id,
                        leader_member_id: event.leader_member_id,
                        heartbeat_timeout_ns: event
                            .leader_heartbeat_timeout_ns
                            .unwrap_or(HEARTBEAT_TIMEOUT_NS),
                        image_id: message.header.session_id,
                    }))),
                    EventCode::Redirect => Ok(Some(Answer::Redirect {
                        leader_member_id: event.leader_member_id,
                        endpoints: event.detail.to_owned(),
                    })),
                    EventCode::Error | EventCode::AuthenticationRejected => {
                        Err(ClusterError::Refused {
                            detail: event.detail.to_owned(),
                        })
                    }
                    EventCode::Closed => Ok(None),
                };
                Action::Break
            }
            Ok(EgressMessage::Challenge(challenge))
                if challenge.correlation_id == correlation_id =>
            {
                answer = Err(ClusterError::Challenged);
                Action::Break
            }
            Ok(_) => Action::Continue,
            Err(malformed) => {
                answer = Err(malformed.into());
                Action::Break
            }
        }
    });
    answer
}
