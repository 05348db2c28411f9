//! A publication of one writer (spec 05 §3.4).

use std::sync::Arc;

use taranis_runtime::mem::Word64;

use super::{
    error::ClientError,
    lifeline::Lifeline,
    link::Link,
    publication::PublicationFacts,
    status::{self, ChannelStatus},
};
use crate::log::{Appender, Claim, Refused, ReservedValueSupplier, Shape, Status};

/// A publication of its own stream, written by the one thread that holds it: faster than one that may be shared, and able to
/// do more. Dropping it gives it back to the driver.
#[derive(Debug)]
pub struct ExclusivePublication {
    appender: Appender,
    limit: Word64,
    facts: PublicationFacts,
    shape: Shape,
    status: Status,
    lifeline: Lifeline,
    link: Arc<Link>,
}

impl ExclusivePublication {
    pub(super) fn new(
        log: &mut crate::log::LogBuffer,
        limit: Word64,
        facts: PublicationFacts,
        lifeline: Lifeline,
        link: Arc<Link>,
    ) -> Result<Self, crate::log::LogError> {
        Ok(Self {
            appender: log.take_appender()?,
            limit,
            facts,
            shape: *log.shape(),
            status: log.status().clone(),
            lifeline,
            link,
        })
    }

    /// Appends a message. Returns the position behind it.
    ///
    /// # Errors
    /// [`Refused`]: nothing was appended; [`Refused::is_temporary`] says whether trying again may help.
    #[inline]
    pub fn offer(&mut self, message: &[u8]) -> Result<i64, Refused> {
        let limit = self.open_limit()?;
        self.appender.offer(message, limit)
    }

    /// As [`ExclusivePublication::offer`]; the supplier gives each frame its reserved value.
    ///
    /// # Errors
    /// As [`ExclusivePublication::offer`].
    pub fn offer_with(
        &mut self,
        message: &[u8],
        supplier: ReservedValueSupplier<'_>,
    ) -> Result<i64, Refused> {
        let limit = self.open_limit()?;
        self.appender.offer_with(message, limit, supplier)
    }

    /// Appends several parts as one message.
    ///
    /// # Errors
    /// As [`ExclusivePublication::offer`].
    pub fn offer_parts(&mut self, parts: &[&[u8]]) -> Result<i64, Refused> {
        let limit = self.open_limit()?;
        self.appender.offer_parts(parts, limit, None)
    }

    /// Claims room for a message of one frame, to be written in place. Dropping the claim gives the room up.
    ///
    /// # Errors
    /// As [`ExclusivePublication::offer`].
    #[inline]
    pub fn try_claim(&mut self, length: usize) -> Result<Claim<'_>, Refused> {
        let limit = self.open_limit()?;
        self.appender.try_claim(length, limit)
    }

    /// Appends one padding frame with `length` bytes behind its header, which readers skip.
    ///
    /// # Errors
    /// As [`ExclusivePublication::offer`].
    pub fn append_padding(&mut self, length: usize) -> Result<i64, Refused> {
        let limit = self.open_limit()?;
        self.appender.append_padding(length, limit)
    }

    /// Appends whole frames that were made elsewhere for exactly this place of this stream.
    ///
    /// # Errors
    /// As [`ExclusivePublication::offer`], and for what is no such block.
    pub fn offer_block(&mut self, block: &[u8]) -> Result<i64, Refused> {
        let limit = self.open_limit()?;
        self.appender.offer_block(block, limit)
    }

    /// Position behind everything appended so far; also once it is closed.
    #[inline]
    pub fn position(&self) -> i64 {
        self.appender.position()
    }

    /// Up to where messages may begin now; `None` once it is closed.
    pub fn position_limit(&self) -> Option<i64> {
        (!self.is_closed()).then(|| self.limit.load_acquire())
    }

    /// How far the limit is away, possibly negative; `None` once it is closed.
    pub fn available_window(&self) -> Option<i64> {
        Some(self.position_limit()?.saturating_sub(self.position()))
    }

    /// Whether somebody subscribes.
    pub fn is_connected(&self) -> bool {
        !self.is_closed() && self.status.is_connected()
    }

    /// Longest message.
    pub fn max_message_length(&self) -> usize {
        self.appender.max_message_length()
    }

    /// Longest message that is one frame.
    pub fn max_payload_length(&self) -> usize {
        self.appender.max_payload_length()
    }

    /// Id of the term being written.
    pub fn term_id(&self) -> i32 {
        self.appender.term_id()
    }

    /// Offset in the term being written.
    pub fn term_offset(&self) -> i32 {
        self.appender.term_offset()
    }

    /// The log's arithmetic: term length, initial term id.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The channel, as it was given.
    pub fn channel(&self) -> &str {
        &self.facts.stream.channel
    }

    /// The stream.
    pub fn stream_id(&self) -> i32 {
        self.facts.stream.stream_id
    }

    /// The session.
    pub fn session_id(&self) -> i32 {
        self.facts.session_id
    }

    /// Names it in the driver.
    pub fn registration_id(&self) -> i64 {
        self.facts.registration_id
    }

    /// Counter of the limit.
    pub fn position_limit_id(&self) -> i32 {
        self.facts.limit_counter_id
    }

    /// Counter of the channel's status; −1 where there is none.
    pub fn channel_status_id(&self) -> i32 {
        self.facts.channel_status_id
    }

    /// State of the channel's socket.
    pub fn channel_status(&self) -> ChannelStatus {
        status::channel_status(
            &self.link.counters,
            self.channel_status_id(),
            self.is_closed(),
        )
    }

    /// Addresses its socket is bound to, once the channel is active.
    pub fn local_socket_addresses(&self) -> Vec<String> {
        status::local_socket_addresses(
            &self.link.counters,
            self.channel_status_id(),
            self.channel_status(),
        )
    }

    /// Whether it was closed, by its owner or with its client.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.lifeline.is_closed()
    }

    /// Gives it back now. Dropping does the same.
    pub fn close(&mut self) {
        self.lifeline.give_back(&self.link.signals, false);
    }

    /// Gives it back now, and drops what was not sent yet: subscribers lose their images at once.
    pub fn revoke(self) {
        self.lifeline.give_back(&self.link.signals, true);
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    pub(super) fn ensure_open(&self) -> Result<(), ClientError> {
        if self.is_closed() {
            Err(ClientError::HandleClosed("Publication"))
        } else {
            Ok(())
        }
    }

    /// The limit is read before the log is looked at: it says that the room ahead was zeroed.
    #[inline]
    fn open_limit(&self) -> Result<i64, Refused> {
        if self.is_closed() {
            return Err(Refused::Closed);
        }
        Ok(self.limit.load_acquire())
    }
}

impl Drop for ExclusivePublication {
    fn drop(&mut self) {
        self.lifeline.give_back(&self.link.signals, false);
    }
}
