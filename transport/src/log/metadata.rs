//! The constant part of a log's metadata, by value, checked at the border.

use taranis_runtime::mem::{OutOfRegion, Region};

use super::{
    frame::{FRAME_ALIGNMENT, HEADER_LENGTH, HeaderWords, MTU_MAX, Source, TYPE_DATA, halves},
    layout::{
        self, CONSTANTS, CONSTANTS_LENGTH, LOG_LENGTH_MIN, METADATA_LENGTH, PAGE_SIZE_MAX,
        PAGE_SIZE_MIN,
    },
    shape::{BadTermLength, PARTITIONS, Shape},
};

/// What a log is for (byte 497 of the metadata).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Many publishers append.
    Concurrent,
    /// One publisher appends.
    Exclusive,
    /// A receiver inserts what it gets from the network.
    Image,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Concurrent => 0,
            Self::Exclusive => 1,
            Self::Image => 2,
        }
    }

    fn from_code(code: u8) -> Result<Self, LogError> {
        match code {
            0 => Ok(Self::Concurrent),
            1 => Ok(Self::Exclusive),
            2 => Ok(Self::Image),
            _ => Err(LogError::Kind(code)),
        }
    }

    /// Smallest MTU: a publication needs room for a payload, an image takes what a peer announced.
    fn mtu_min(self) -> i32 {
        match self {
            Self::Concurrent | Self::Exclusive => HEADER_LENGTH + FRAME_ALIGNMENT,
            Self::Image => HEADER_LENGTH,
        }
    }
}

/// The constant part of a log's metadata, as the driver writes it before it announces the log (02 §3.2, §3.3).
///
/// The default stands for nothing useful but spares naming every field: what a publication or image has no value for is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "eight independent bytes of the format"
)]
pub struct Constants {
    /// What the log is for.
    pub kind: Kind,
    /// Registration (correlation) id.
    pub registration_id: i64,
    /// Session of every frame.
    pub session_id: i32,
    /// Stream of every frame.
    pub stream_id: i32,
    /// Id of the stream's first term.
    pub initial_term_id: i32,
    /// Longest frame in bytes, header included.
    pub mtu: i32,
    /// Term length in bytes.
    pub term_length: i32,
    /// Page size of the file in bytes.
    pub page_size: i32,
    /// Publication window in bytes; 0 for images.
    pub publication_window: i32,
    /// Receiver window in bytes; 0 for publications.
    pub receiver_window: i32,
    /// Socket send buffer: ours, the system's default, the system's limit.
    pub socket_sndbuf: [i32; 3],
    /// Socket receive buffer: ours, the system's default, the system's limit.
    pub socket_rcvbuf: [i32; 3],
    /// Retransmissions at a time; 0 for images.
    pub max_resend: i32,
    /// Tag of the publication; -1 for none, 0 for images.
    pub entity_tag: i64,
    /// Response correlation id; -1 for none, -2 for a prototype, 0 for images.
    pub response_correlation_id: i64,
    /// Linger timeout of a publication.
    pub linger_timeout_ns: i64,
    /// After how long an untethered subscriber that lags is let go.
    pub untethered_window_limit_timeout_ns: i64,
    /// How long it then rests.
    pub untethered_resting_timeout_ns: i64,
    /// How long it lingers in between.
    pub untethered_linger_timeout_ns: i64,
    /// Multicast semantics.
    pub group: bool,
    /// Whether the stream is a response.
    pub is_response: bool,
    /// Whether an image's subscription rejoins.
    pub rejoin: bool,
    /// Whether losses are asked for again.
    pub reliable: bool,
    /// Whether the file's pages are allocated at first touch.
    pub sparse: bool,
    /// Whether the end of the stream is signalled.
    pub signal_eos: bool,
    /// Whether spies alone make the publication connected.
    pub spies_simulate_connection: bool,
    /// Whether subscribers hold the stream back.
    pub tether: bool,
}

impl Default for Constants {
    fn default() -> Self {
        Self {
            kind: Kind::Concurrent,
            registration_id: 0,
            session_id: 0,
            stream_id: 0,
            initial_term_id: 0,
            mtu: 1408,
            term_length: 64 * 1024,
            page_size: PAGE_SIZE_MIN,
            publication_window: 0,
            receiver_window: 0,
            socket_sndbuf: [0; 3],
            socket_rcvbuf: [0; 3],
            max_resend: 0,
            entity_tag: 0,
            response_correlation_id: 0,
            linger_timeout_ns: 0,
            untethered_window_limit_timeout_ns: 0,
            untethered_resting_timeout_ns: 0,
            untethered_linger_timeout_ns: 0,
            group: false,
            is_response: false,
            rejoin: false,
            reliable: false,
            sparse: false,
            signal_eos: false,
            spies_simulate_connection: false,
            tether: false,
        }
    }
}

impl Constants {
    /// Longest payload of one frame.
    pub fn max_payload_length(&self) -> usize {
        (self.mtu - HEADER_LENGTH).max(0) as usize
    }

    /// Checks what arithmetic and memory bounds depend on.
    ///
    /// # Errors
    /// [`LogError`] with the value and the limit.
    pub(super) fn shape(&self) -> Result<Shape, LogError> {
        let shape = Shape::new(self.term_length, self.initial_term_id)?;
        if !(PAGE_SIZE_MIN..=PAGE_SIZE_MAX).contains(&self.page_size)
            || !self.page_size.cast_unsigned().is_power_of_two()
        {
            return Err(LogError::PageSize(self.page_size));
        }
        let min = self.kind.mtu_min();
        if !(min..=MTU_MAX).contains(&self.mtu) || self.mtu % FRAME_ALIGNMENT != 0 {
            return Err(LogError::Mtu { mtu: self.mtu, min });
        }
        Ok(shape)
    }

    pub(super) fn source(&self) -> Source {
        Source {
            session_id: self.session_id,
            stream_id: self.stream_id,
        }
    }

    /// The constant part of a metadata section.
    pub(super) fn encode(&self) -> [u8; CONSTANTS_LENGTH] {
        let mut section = Section([0; CONSTANTS_LENGTH]);
        section.put64(layout::REGISTRATION_ID, self.registration_id);
        section.put32(layout::INITIAL_TERM_ID, self.initial_term_id);
        section.put32(layout::DEFAULT_HEADER_LENGTH, HEADER_LENGTH);
        section.put32(layout::MTU, self.mtu);
        section.put32(layout::TERM_LENGTH, self.term_length);
        section.put32(layout::PAGE_SIZE, self.page_size);
        section.put32(layout::PUBLICATION_WINDOW, self.publication_window);
        section.put32(layout::RECEIVER_WINDOW, self.receiver_window);
        section.put32s(layout::SOCKET_SNDBUF, self.socket_sndbuf);
        section.put32s(layout::SOCKET_RCVBUF, self.socket_rcvbuf);
        section.put32(layout::MAX_RESEND, self.max_resend);
        let words = HeaderWords::new(TYPE_DATA, 0, self.initial_term_id, self.source());
        let (_, session_id) = halves(words.offset_session);
        section.put32(layout::DEFAULT_HEADER + 4, words.kind.cast_signed());
        section.put32(layout::DEFAULT_HEADER + 12, session_id);
        section.put64(layout::DEFAULT_HEADER + 16, words.stream_term.cast_signed());
        section.put64(layout::ENTITY_TAG, self.entity_tag);
        section.put64(
            layout::RESPONSE_CORRELATION_ID,
            self.response_correlation_id,
        );
        for (at, value) in self.timeouts() {
            section.put64(at, value);
        }
        for (at, value) in self.bytes() {
            section.put8(at, value);
        }
        section.0
    }

    fn decode(bytes: [u8; CONSTANTS_LENGTH]) -> Result<Self, LogError> {
        let section = Section(bytes);
        let header_length = section.get32(layout::DEFAULT_HEADER_LENGTH);
        if header_length != HEADER_LENGTH {
            return Err(LogError::HeaderLength(header_length));
        }
        let flag = |at: usize| section.get8(at) != 0;
        Ok(Self {
            kind: Kind::from_code(section.get8(layout::LOG_KIND))?,
            registration_id: section.get64(layout::REGISTRATION_ID),
            session_id: section.get32(layout::DEFAULT_HEADER + 12),
            stream_id: section.get32(layout::DEFAULT_HEADER + 16),
            initial_term_id: section.get32(layout::INITIAL_TERM_ID),
            mtu: section.get32(layout::MTU),
            term_length: section.get32(layout::TERM_LENGTH),
            page_size: section.get32(layout::PAGE_SIZE),
            publication_window: section.get32(layout::PUBLICATION_WINDOW),
            receiver_window: section.get32(layout::RECEIVER_WINDOW),
            socket_sndbuf: section.get32s(layout::SOCKET_SNDBUF),
            socket_rcvbuf: section.get32s(layout::SOCKET_RCVBUF),
            max_resend: section.get32(layout::MAX_RESEND),
            entity_tag: section.get64(layout::ENTITY_TAG),
            response_correlation_id: section.get64(layout::RESPONSE_CORRELATION_ID),
            linger_timeout_ns: section.get64(layout::LINGER_TIMEOUT_NS),
            untethered_window_limit_timeout_ns: section
                .get64(layout::UNTETHERED_WINDOW_LIMIT_TIMEOUT_NS),
            untethered_resting_timeout_ns: section.get64(layout::UNTETHERED_RESTING_TIMEOUT_NS),
            untethered_linger_timeout_ns: section.get64(layout::UNTETHERED_LINGER_TIMEOUT_NS),
            group: flag(layout::GROUP),
            is_response: flag(layout::IS_RESPONSE),
            rejoin: flag(layout::REJOIN),
            reliable: flag(layout::RELIABLE),
            sparse: flag(layout::SPARSE),
            signal_eos: flag(layout::SIGNAL_EOS),
            spies_simulate_connection: flag(layout::SPIES_SIMULATE_CONNECTION),
            tether: flag(layout::TETHER),
        })
    }

    /// Reads and checks the constants of a log that someone else made.
    ///
    /// # Errors
    /// [`LogError`]: what is wrong, with the value and the limit.
    pub(super) fn attach(region: &Region) -> Result<(Self, Shape), LogError> {
        if region.len() < LOG_LENGTH_MIN {
            return Err(LogError::Length {
                length: region.len(),
                min: LOG_LENGTH_MIN,
            });
        }
        let mut section = [0; CONSTANTS_LENGTH];
        region.read(region.len() - METADATA_LENGTH + CONSTANTS, &mut section)?;
        let constants = Self::decode(section)?;
        let shape = constants.shape()?;
        let min = PARTITIONS * constants.term_length as usize + METADATA_LENGTH;
        if region.len() < min {
            return Err(LogError::Length {
                length: region.len(),
                min,
            });
        }
        Ok((constants, shape))
    }

    fn timeouts(&self) -> [(usize, i64); 4] {
        [
            (layout::LINGER_TIMEOUT_NS, self.linger_timeout_ns),
            (
                layout::UNTETHERED_WINDOW_LIMIT_TIMEOUT_NS,
                self.untethered_window_limit_timeout_ns,
            ),
            (
                layout::UNTETHERED_RESTING_TIMEOUT_NS,
                self.untethered_resting_timeout_ns,
            ),
            (
                layout::UNTETHERED_LINGER_TIMEOUT_NS,
                self.untethered_linger_timeout_ns,
            ),
        ]
    }

    fn bytes(&self) -> [(usize, u8); 9] {
        [
            (layout::GROUP, self.group.into()),
            (layout::IS_RESPONSE, self.is_response.into()),
            (layout::REJOIN, self.rejoin.into()),
            (layout::RELIABLE, self.reliable.into()),
            (layout::SPARSE, self.sparse.into()),
            (layout::SIGNAL_EOS, self.signal_eos.into()),
            (
                layout::SPIES_SIMULATE_CONNECTION,
                self.spies_simulate_connection.into(),
            ),
            (layout::TETHER, self.tether.into()),
            (layout::LOG_KIND, self.kind.code()),
        ]
    }
}

/// Why memory is no log that can be used, or a handle on it can't be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The file is too short for its terms.
    #[error("log of {length} bytes: a log with these terms has at least {min}")]
    Length {
        /// Length found.
        length: usize,
        /// Shortest length.
        min: usize,
    },
    /// See [`BadTermLength`].
    #[error(transparent)]
    TermLength(#[from] BadTermLength),
    /// The page size is none.
    #[error(
        "page size {0} in log metadata: a page size is a power of two from {PAGE_SIZE_MIN} to {PAGE_SIZE_MAX}"
    )]
    PageSize(i32),
    /// The MTU is none.
    #[error("MTU {mtu} in log metadata: an MTU is a multiple of 32 from {min} to {MTU_MAX}")]
    Mtu {
        /// MTU found.
        mtu: i32,
        /// Smallest for this kind of log.
        min: i32,
    },
    /// Frames would have another header than we know.
    #[error("header length {0} in log metadata: it is {HEADER_LENGTH}")]
    HeaderLength(i32),
    /// The log kind is unknown.
    #[error("log kind {0} in log metadata: it is 0 (concurrent), 1 (exclusive) or 2 (image)")]
    Kind(u8),
    /// A publication's tail contradicts the active term count.
    #[error(
        "raw tail {raw_tail:#x} in log metadata: with an active term count of {active_term_count} its term id is {term_id}, its offset a multiple of 32 in the term"
    )]
    Tail {
        /// Tail of the active partition.
        raw_tail: i64,
        /// Count of the active term.
        active_term_count: i32,
        /// The id that goes with the count.
        term_id: i32,
    },
    /// A position does not lie in the stream, or on no frame.
    #[error("position {position}: a position is a multiple of 32 from 0 to {max}")]
    Position {
        /// Position asked for.
        position: i64,
        /// The stream's last position.
        max: i64,
    },
    /// The handle is one of another kind of log.
    #[error("{handle} of a log of kind {kind:?}")]
    WrongKind {
        /// Handle asked for.
        handle: &'static str,
        /// What the log is.
        kind: Kind,
    },
    /// The handle exists once per attached log, and is out already.
    #[error("{0} was handed out before: there is one per log")]
    HandedOut(&'static str),
    /// Offsets do not lie inside the memory.
    #[error(transparent)]
    OutOfRegion(#[from] OutOfRegion),
}

/// The constant part of a metadata section, addressed by offsets in the section.
struct Section([u8; CONSTANTS_LENGTH]);

impl Section {
    fn put8(&mut self, at: usize, value: u8) {
        self.0[at - CONSTANTS] = value;
    }

    fn put32(&mut self, at: usize, value: i32) {
        self.put(at, value.to_le_bytes());
    }

    fn put32s(&mut self, at: usize, values: [i32; 3]) {
        for (index, value) in values.into_iter().enumerate() {
            self.put32(at + 4 * index, value);
        }
    }

    fn put64(&mut self, at: usize, value: i64) {
        self.put(at, value.to_le_bytes());
    }

    fn get8(&self, at: usize) -> u8 {
        self.0[at - CONSTANTS]
    }

    fn get32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.get(at))
    }

    fn get32s(&self, at: usize) -> [i32; 3] {
        [self.get32(at), self.get32(at + 4), self.get32(at + 8)]
    }

    fn get64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.get(at))
    }

    fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        self.0[at - CONSTANTS..][..N].copy_from_slice(&bytes);
    }

    fn get<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.0[at - CONSTANTS..][..N]);
        bytes
    }
}
