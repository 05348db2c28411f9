//! Changes applications make to channels (05 §5.2).

use super::error::UriError;
use super::grammar::ChannelUri;
use super::keys;
use crate::frame::limits::{FRAME_ALIGNMENT, is_term_length};

/// Changes applications make to channels.
impl ChannelUri {
    /// Sets `init-term-id`, `term-id`, `term-offset` and `term-length` so that a publication starts at `position`.
    ///
    /// # Errors
    /// [`UriError::Position`], [`UriError::TermLength`]
    pub fn set_initial_position(
        &mut self,
        position: i64,
        initial_term_id: i32,
        term_length: i32,
    ) -> Result<(), UriError> {
        if position < 0 || position & i64::from(FRAME_ALIGNMENT.wrapping_sub(1)) != 0 {
            return Err(UriError::Position { position });
        }
        if !is_term_length(term_length) {
            return Err(UriError::TermLength {
                rule: "term length is a power of 2 from 65536 to 1073741824",
                length: u64::try_from(term_length).unwrap_or(0),
            });
        }
        let terms = position >> term_length.trailing_zeros();
        // Term ids wrap, so the low 32 bits of the count are what is added.
        let count = i32::from_le_bytes(
            terms
                .to_le_bytes()
                .first_chunk()
                .copied()
                .unwrap_or_default(),
        );
        let offset = position & i64::from(term_length.wrapping_sub(1));
        self.put(keys::INIT_TERM_ID, &initial_term_id.to_string())?;
        self.put(
            keys::TERM_ID,
            &initial_term_id.wrapping_add(count).to_string(),
        )?;
        self.put(keys::TERM_OFFSET, &offset.to_string())?;
        self.put(keys::TERM_LENGTH, &term_length.to_string())?;
        Ok(())
    }

    /// Sets `session-id`.
    ///
    /// # Errors
    /// None that a number can cause.
    pub fn set_session_id(&mut self, session_id: i32) -> Result<(), UriError> {
        self.put(keys::SESSION_ID, &session_id.to_string())
            .map(drop)
    }

    /// Gives `endpoint` the host and port of `resolved` where it is missing, or its port where that is 0.
    ///
    /// # Errors
    /// [`UriError::Host`] if `resolved` has no port or port 0.
    pub fn replace_endpoint_wildcard_port(&mut self, resolved: &str) -> Result<(), UriError> {
        let host = || UriError::Host {
            key: keys::ENDPOINT,
            value: resolved.to_owned(),
        };
        let (_, port) = resolved
            .rsplit_once(':')
            .filter(|(_, port)| *port != "0")
            .ok_or_else(host)?;
        let endpoint = match self.get(keys::ENDPOINT) {
            None => resolved.to_owned(),
            Some(endpoint) => match endpoint.strip_suffix(":0") {
                Some(host) => format!("{host}:{port}"),
                None => return Ok(()),
            },
        };
        self.put(keys::ENDPOINT, &endpoint).map(drop)
    }

    /// The channel of a destination: the same media and interface, this endpoint, nothing else.
    ///
    /// # Errors
    /// [`UriError::Unwritable`] if the endpoint can't be written.
    pub fn destination(&self, endpoint: &str) -> Result<Self, UriError> {
        let mut destination = Self::new(self.media());
        destination.put(keys::ENDPOINT, endpoint)?;
        if let Some(interface) = self.get(keys::INTERFACE) {
            destination.put(keys::INTERFACE, interface)?;
        }
        Ok(destination)
    }
}
