//! The cluster client for applications that may wait.

use taranis_runtime::clock::Now;
use taranis_transport::client::Client;

use super::{
    connect::Connect,
    context::ClusterContext,
    egress::Egress,
    error::ClusterError,
    session::{ClusterSession, State},
};

/// A session whose offers wait until they are taken. The Aeron client must have a thread of its own, or be invoked here.
pub struct AeronCluster<'c> {
    client: &'c mut Client,
    session: ClusterSession,
}

impl<'c> AeronCluster<'c> {
    /// Opens a session, waiting up to the message timeout.
    ///
    /// # Errors
    /// As [`Connect::poll`].
    pub fn connect(client: &'c mut Client, context: ClusterContext) -> Result<Self, ClusterError> {
        let aeron = client.aeron().clone();
        let mut connect = Connect::new(context, Now::read())?;
        loop {
            if let Some(session) = connect.poll(&aeron, Now::read())? {
                return Ok(Self { client, session });
            }
            pause(client);
        }
    }

    /// The session, for what has no waiting form.
    pub fn session(&mut self) -> &mut ClusterSession {
        &mut self.session
    }

    /// Offers a message until it is taken, with egress going to `handler` meanwhile.
    ///
    /// # Errors
    /// [`ClusterError::Closed`] when the session is over.
    pub fn offer(
        &mut self,
        message: &[u8],
        mut handler: impl FnMut(Egress<'_>),
    ) -> Result<i64, ClusterError> {
        loop {
            match self.session.offer(message, Now::read()) {
                Ok(position) => return Ok(position),
                Err(refused)
                    if self.is_closed() || !(refused.is_temporary()) && self.is_connected() =>
                {
                    return Err(ClusterError::NotTaken(refused));
                }
                Err(_) => {
                    self.poll(&mut handler)?;
                }
            }
        }
    }

    /// Takes egress; gives the number of fragments, and lets the client work when there was none.
    ///
    /// # Errors
    /// As [`ClusterSession::poll`].
    pub fn poll(&mut self, handler: impl FnMut(Egress<'_>)) -> Result<usize, ClusterError> {
        let polled = self.session.poll(Now::read(), handler)?;
        if polled == 0 {
            pause(self.client);
        }
        Ok(polled)
    }

    /// Ends the session.
    pub fn close(self) {
        self.session.close(Now::read());
    }

    fn is_closed(&self) -> bool {
        matches!(self.session.state(), State::Closed { .. })
    }

    fn is_connected(&self) -> bool {
        self.session.state() == State::Connected
    }
}

/// Lets the client's agents work, or the other threads.
fn pause(client: &mut Client) {
    if client.invoke() == 0 {
        std::thread::yield_now();
    }
}
