//! The archive client for applications that may wait.

use taranis_runtime::clock::Now;
use taranis_transport::client::{Client, Subscription};

use super::{
    connect::Connect,
    context::ArchiveContext,
    error::ArchiveError,
    request::Replay,
    session::{Incoming, Response, Session, Signal},
};
use crate::codecs::{ControlResponseCode, SourceLocation};

/// A session whose requests wait for their answers. The Aeron client must have a thread of its own, or be invoked here.
pub struct Archive<'c> {
    client: &'c mut Client,
    session: Session,
    timeout_ns: i64,
    signals: Vec<Signal>,
}

/// A recording, as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the catalog's own fields (06 §2.4)")]
pub struct Recording {
    pub recording_id: i64,
    pub start_timestamp_ms: i64,
    pub stop_timestamp_ms: i64,
    pub start_position: i64,
    pub stop_position: i64,
    pub initial_term_id: i32,
    pub segment_file_length: i32,
    pub term_buffer_length: i32,
    pub mtu_length: i32,
    pub session_id: i32,
    pub stream_id: i32,
    pub stripped_channel: String,
    pub original_channel: String,
    pub source_identity: String,
}

impl<'c> Archive<'c> {
    /// Connects, waiting up to the message timeout.
    ///
    /// # Errors
    /// As [`Connect::poll`].
    pub fn connect(client: &'c mut Client, context: ArchiveContext) -> Result<Self, ArchiveError> {
        let timeout_ns = context.message_timeout.0;
        let aeron = client.aeron().clone();
        let mut connect = Connect::new(context, &aeron, Now::read())?;
        loop {
            if let Some(session) = connect.poll(&aeron, Now::read())? {
                return Ok(Self {
                    client,
                    session,
                    timeout_ns,
                    signals: Vec::new(),
                });
            }
            pause(client);
        }
    }

    /// The session, for what has no waiting form.
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Takes the signals that came in while answers were awaited, and now.
    ///
    /// # Errors
    /// As [`Session::poll`].
    pub fn take_signals(&mut self) -> Result<Vec<Signal>, ArchiveError> {
        let signals = &mut self.signals;
        self.session.poll(|incoming| {
            if let Incoming::Signal(signal) = incoming {
                signals.push(signal);
            }
        })?;
        Ok(std::mem::take(&mut self.signals))
    }

    /// Starts recording a stream; gives the subscription id.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub fn start_recording(
        &mut self,
        channel: &str,
        stream_id: i32,
        source_location: SourceLocation,
    ) -> Result<i64, ArchiveError> {
        let correlation_id =
            self.session
                .start_recording(channel, stream_id, source_location, false)?;
        self.wait("start recording", correlation_id)
    }

    /// Stops the recordings of a subscription.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub fn stop_recording(&mut self, subscription_id: i64) -> Result<(), ArchiveError> {
        let correlation_id = self.session.stop_recording(subscription_id)?;
        self.wait("stop recording", correlation_id).map(|_| ())
    }

    /// How far an active recording is; `None` when it is not active.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub fn recording_position(&mut self, recording_id: i64) -> Result<Option<i64>, ArchiveError> {
        let correlation_id = self.session.recording_position(recording_id)?;
        self.wait("recording position", correlation_id)
            .map(|position| Some(position).filter(|at| *at >= 0))
    }

    /// Where a recording stopped; `None` while it is active.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub fn stop_position(&mut self, recording_id: i64) -> Result<Option<i64>, ArchiveError> {
        let correlation_id = self.session.stop_position(recording_id)?;
        self.wait("stop position", correlation_id)
            .map(|position| Some(position).filter(|at| *at >= 0))
    }

    /// The newest recording of a stream; `None` when there is none.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub fn find_last_matching_recording(
        &mut self,
        min_recording_id: i64,
        channel: &str,
        stream_id: i32,
        session_id: i32,
    ) -> Result<Option<i64>, ArchiveError> {
        let correlation_id = self.session.find_last_matching_recording(
            min_recording_id,
            channel,
            stream_id,
            session_id,
        )?;
        self.wait("find last matching recording", correlation_id)
            .map(|id| Some(id).filter(|id| *id >= 0))
    }

    /// Cuts a stopped recording; gives the number of files removed.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub fn truncate_recording(
        &mut self,
        recording_id: i64,
        position: i64,
    ) -> Result<i64, ArchiveError> {
        let correlation_id = self.session.truncate_recording(recording_id, position)?;
        self.wait("truncate recording", correlation_id)
    }

    /// Lists recordings from an id on.
    ///
    /// # Errors
    /// Refused, or no answer.
    pub fn list_recordings(
        &mut self,
        from: i64,
        count: i32,
    ) -> Result<Vec<Recording>, ArchiveError> {
        let correlation_id = self.session.list_recordings(from, count)?;
        let deadline_ns = self.deadline();
        let mut recordings = Vec::new();
        while recordings.len() < usize::try_from(count).unwrap_or(0) {
            let mut end = None;
            let polled = self.session.poll(|incoming| match incoming {
                Incoming::Descriptor(one) if one.correlation_id == correlation_id => {
                    recordings.push(Recording::from(&one));
                }
                Incoming::Response(response) if response.correlation_id == correlation_id => {
                    end = Some(response)
                }
                Incoming::Descriptor(_)
                | Incoming::Response(_)
                | Incoming::Signal(_)
                | Incoming::Challenged => {}
            })?;
            match end {
                Some(response) if response.code == ControlResponseCode::RecordingUnknown => break,
                Some(response) => {
                    response.into_result()?;
                }
                None => self.idle(polled, "list recordings", deadline_ns)?,
            }
        }
        Ok(recordings)
    }

    /// Starts a replay and subscribes to it.
    ///
    /// # Errors
    /// Refused, or no answer; the subscription's own errors.
    pub fn replay(&mut self, replay: &Replay<'_>) -> Result<Subscription, ArchiveError> {
        let correlation_id = self.session.replay(replay)?;
        let replay_session_id = self.wait("replay", correlation_id)?;
        let mut channel = taranis_transport::uri::ChannelUri::parse(replay.channel)?;
        // The low half is the session id of the stream.
        channel.set_session_id(replay_session_id as i32)?;
        Ok(self
            .client
            .add_subscription(&channel.to_string(), replay.stream_id)?)
    }

    /// Waits for the answer to a request of [`Self::session`].
    ///
    /// # Errors
    /// Refused, or no answer within the message timeout.
    pub fn wait(&mut self, what: &'static str, correlation_id: i64) -> Result<i64, ArchiveError> {
        let deadline_ns = self.deadline();
        loop {
            let mut found: Option<Response> = None;
            let signals = &mut self.signals;
            let polled = self.session.poll(|incoming| match incoming {
                Incoming::Response(response) if response.correlation_id == correlation_id => {
                    found = Some(response)
                }
                Incoming::Signal(signal) => signals.push(signal),
                Incoming::Response(_) | Incoming::Descriptor(_) | Incoming::Challenged => {}
            })?;
            match found {
                Some(response) => return response.into_result(),
                None => self.idle(polled, what, deadline_ns)?,
            }
        }
    }

    /// Ends the session.
    pub fn close(self) {
        self.session.close();
    }

    fn deadline(&self) -> i64 {
        Now::read().mono_ns.saturating_add(self.timeout_ns)
    }

    fn idle(
        &mut self,
        polled: usize,
        waiting_for: &'static str,
        deadline_ns: i64,
    ) -> Result<(), ArchiveError> {
        if polled > 0 {
            return Ok(());
        }
        if !self.session.is_connected() {
            return Err(ArchiveError::Disconnected);
        }
        if Now::read().mono_ns > deadline_ns {
            return Err(ArchiveError::Timeout {
                waiting_for,
                timeout_ms: self.timeout_ns / 1_000_000,
            });
        }
        pause(self.client);
        Ok(())
    }
}

impl From<&super::session::Descriptor<'_>> for Recording {
    fn from(one: &super::session::Descriptor<'_>) -> Self {
        Self {
            recording_id: one.recording_id,
            start_timestamp_ms: one.start_timestamp,
            stop_timestamp_ms: one.stop_timestamp,
            start_position: one.start_position,
            stop_position: one.stop_position,
            initial_term_id: one.initial_term_id,
            segment_file_length: one.segment_file_length,
            term_buffer_length: one.term_buffer_length,
            mtu_length: one.mtu_length,
            session_id: one.session_id,
            stream_id: one.stream_id,
            stripped_channel: one.stripped_channel.to_owned(),
            original_channel: one.original_channel.to_owned(),
            source_identity: one.source_identity.to_owned(),
        }
    }
}

/// Lets the client's agents work, or the other threads.
fn pause(client: &mut Client) {
    if client.invoke() == 0 {
        std::thread::yield_now();
    }
}
