//! One client's control session, as the archive sees it (06 §5.3, §5.4).

use std::collections::VecDeque;

use taranis_runtime::sbe::Message;
use taranis_transport::{
    client::{ExclusivePublication, Pending, Refused},
    cnc::SemanticVersion,
};

use crate::{
    codecs::{
        ControlResponseCode, PROTOCOL_VERSION, RecordingSignal,
        response::{ControlResponse, Ping, RecordingSignalEvent},
    },
    error::ErrorCode,
};

/// How often the answer to a connect request is repeated until the client speaks.
const RESEND_NS: i64 = 200_000_000;
/// How often a live session is pinged.
const PING_NS: i64 = 1_000_000_000;
/// Answers that may wait for a client; one that lets more pile up is gone.
const QUEUE_MAX: usize = 4096;

/// A control session.
#[derive(Debug)]
pub(crate) struct ControlSession {
    pub(crate) id: i64,
    /// Image of the requests: the session ends with it.
    pub(crate) request_image_id: i64,
    connect_correlation_id: i64,
    state: State,
    deadline_ns: Option<i64>,
    timeout_ns: i64,
    resend_ns: i64,
    ping_ns: i64,
    queue: VecDeque<Vec<u8>>,
    version_is_wrong: Option<String>,
}

#[derive(Debug)]
enum State {
    Adding(Pending<ExclusivePublication>),
    Connecting(Box<ExclusivePublication>),
    /// The connect request was answered; the client has not spoken yet.
    Authenticated(Box<ExclusivePublication>),
    Active(Box<ExclusivePublication>),
    Done,
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionEnd {
    pub(crate) why: String,
}

impl ControlSession {
    pub(crate) fn new(
        (id, request_image_id): (i64, i64),
        connect_correlation_id: i64,
        version: i32,
        publication: Pending<ExclusivePublication>,
        (now_ns, timeout_ns): (i64, i64),
    ) -> Self {
        let is_wrong = version >> 16 != PROTOCOL_VERSION >> 16;
        let words = format!(
            "invalid client version {}, archive is {}",
            SemanticVersion::from_wire(version),
            SemanticVersion::from_wire(PROTOCOL_VERSION)
        );
        Self {
            id,
            request_image_id,
            connect_correlation_id,
            state: State::Adding(publication),
            deadline_ns: Some(now_ns + timeout_ns),
            timeout_ns,
            resend_ns: now_ns,
            ping_ns: now_ns + PING_NS,
            queue: VecDeque::new(),
            version_is_wrong: is_wrong.then_some(words),
        }
    }

    /// A request came: the client has heard the answer to its first one. Whether the session takes requests.
    pub(crate) fn activate(&mut self) -> bool {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Authenticated(publication) | State::Active(publication) => {
                self.state = State::Active(publication);
                true
            }
            other => {
                self.state = other;
                false
            }
        }
    }

    /// One turn; an end when the session is over.
    pub(crate) fn turn(&mut self, now_ns: i64) -> Result<usize, SessionEnd> {
        if self
            .deadline_ns
            .is_some_and(|deadline_ns| now_ns > deadline_ns)
        {
            let timeout_ms = self.timeout_ns / 1_000_000;
            return Err(end(format!(
                "failed to send response for more than connectTimeoutMs={timeout_ms}"
            )));
        }
        match std::mem::replace(&mut self.state, State::Done) {
            State::Adding(pending) => self.adding(pending),
            State::Connecting(publication) => Ok(self.connecting(publication, now_ns)),
            State::Authenticated(publication) => {
                let is_connected = publication.is_connected();
                self.state = State::Authenticated(publication);
                if !is_connected {
                    return Err(end("control response publication is not connected"));
                }
                Ok(self.answer_connect(now_ns))
            }
            State::Active(publication) => {
                let is_connected = publication.is_connected();
                self.state = State::Active(publication);
                if !is_connected {
                    return Err(end("control response publication is not connected"));
                }
                self.ping(now_ns);
                self.drain(now_ns)
            }
            State::Done => Err(end("session closed")),
        }
    }

    fn adding(&mut self, mut pending: Pending<ExclusivePublication>) -> Result<usize, SessionEnd> {
        match pending.poll() {
            Ok(Some(publication)) => {
                self.state = State::Connecting(Box::new(publication));
                Ok(1)
            }
            Ok(None) => {
                self.state = State::Adding(pending);
                Ok(0)
            }
            Err(error) => Err(end(format!("failed with exception: {error}"))),
        }
    }

    fn connecting(&mut self, publication: Box<ExclusivePublication>, now_ns: i64) -> usize {
        if !publication.is_connected() {
            self.state = State::Connecting(publication);
            return 0;
        }
        self.state = State::Authenticated(publication);
        if self.version_is_wrong.is_none() {
            self.deadline_ns = None;
        }
        self.answer_connect(now_ns)
    }

    /// The answer to the connect request, again and again until the client speaks.
    fn answer_connect(&mut self, now_ns: i64) -> usize {
        if now_ns < self.resend_ns {
            return 0;
        }
        self.resend_ns = now_ns + RESEND_NS;
        let (code, message) = match &self.version_is_wrong {
            Some(words) => (ControlResponseCode::Error, words.clone()),
            None => (ControlResponseCode::Ok, String::new()),
        };
        let response = self.response(self.connect_correlation_id, self.id, code, &message);
        let State::Authenticated(publication) = &mut self.state else {
            return 0;
        };
        // One that is not taken is repeated.
        usize::from(publication.offer(&response).is_ok())
    }

    fn response(
        &self,
        correlation_id: i64,
        relevant_id: i64,
        code: ControlResponseCode,
        message: &str,
    ) -> Vec<u8> {
        ControlResponse {
            control_session_id: self.id,
            correlation_id,
            relevant_id,
            code,
            version: PROTOCOL_VERSION,
            error_message: message,
        }
        .to_vec()
    }

    pub(crate) fn ok(&mut self, correlation_id: i64, relevant_id: i64) {
        let response = self.response(correlation_id, relevant_id, ControlResponseCode::Ok, "");
        self.queue.push_back(response);
    }

    pub(crate) fn error(&mut self, correlation_id: i64, code: ErrorCode, message: &str) {
        let response = self.response(
            correlation_id,
            code.relevant_id(),
            ControlResponseCode::Error,
            message,
        );
        self.queue.push_back(response);
    }

    pub(crate) fn recording_unknown(&mut self, correlation_id: i64, recording_id: i64) {
        let code = ControlResponseCode::RecordingUnknown;
        let response = self.response(correlation_id, recording_id, code, "");
        self.queue.push_back(response);
    }

    pub(crate) fn signal(
        &mut self,
        correlation_id: i64,
        (recording_id, subscription_id): (i64, i64),
        position: i64,
        signal: RecordingSignal,
    ) {
        let event = RecordingSignalEvent {
            control_session_id: self.id,
            correlation_id,
            recording_id,
            subscription_id,
            position,
            signal,
        };
        self.queue.push_back(event.to_vec());
    }

    /// A message that was encoded by the catalog.
    pub(crate) fn send(&mut self, message: Vec<u8>) {
        self.queue.push_back(message);
    }

    /// Whether more may be queued: listings go on only then.
    pub(crate) fn has_room(&self) -> bool {
        self.queue.len() < 64
    }

    pub(crate) fn close(&mut self) {
        self.state = State::Done;
    }

    /// Sends what waits, in order, until the client's window is full.
    fn drain(&mut self, now_ns: i64) -> Result<usize, SessionEnd> {
        let State::Active(publication) = &mut self.state else {
            return Ok(0);
        };
        let mut sent = 0;
        while let Some(message) = self.queue.front() {
            match publication.offer(message) {
                Ok(_) => {
                    self.queue.pop_front();
                    sent += 1;
                }
                Err(refused)
                    if refused.is_temporary() && !matches!(refused, Refused::NotConnected) =>
                {
                    break;
                }
                Err(refused) => {
                    return Err(end(format!("control response publication: {refused}")));
                }
            }
        }
        if self.queue.is_empty() {
            self.deadline_ns = None;
        } else if self.queue.len() > QUEUE_MAX {
            return Err(end(format!(
                "more than {QUEUE_MAX} responses wait for the client"
            )));
        } else if sent == 0 {
            self.deadline_ns = self.deadline_ns.or(Some(now_ns + self.timeout_ns));
        }
        Ok(sent)
    }

    fn ping(&mut self, now_ns: i64) {
        if now_ns < self.ping_ns || !self.queue.is_empty() {
            return;
        }
        self.ping_ns = now_ns + PING_NS;
        let ping = Ping {
            control_session_id: self.id,
        }
        .to_vec();
        let State::Active(publication) = &mut self.state else {
            return;
        };
        if publication.offer(&ping).is_err() {
            self.deadline_ns = self.deadline_ns.or(Some(now_ns + self.timeout_ns));
        } else {
            self.deadline_ns = None;
        }
    }
}

fn end(why: impl Into<String>) -> SessionEnd {
    SessionEnd { why: why.into() }
}
