//! A log of the shortest terms in heap memory, and what tests do with it again and again.

use proptest::test_runner::Config as ProptestConfig;
use taranis_runtime::mem::{Region, Word64};
use taranis_transport::log::{
    Constants, Kind, Latch, LogBuffer, Reader, Refused, layout::log_length,
};

pub(crate) const TERM_LENGTH: i32 = 64 * 1024;
pub(crate) const TERM: i64 = TERM_LENGTH as i64;
pub(crate) const MTU: i32 = 1408;
pub(crate) const MAX_PAYLOAD: usize = 1376;
pub(crate) const SESSION: i32 = -77;
pub(crate) const STREAM: i32 = 1001;
/// Close to the wrap, so that tests cross it.
pub(crate) const INITIAL_TERM_ID: i32 = i32::MAX - 1;

pub(crate) fn constants(kind: Kind) -> Constants {
    Constants {
        kind,
        session_id: SESSION,
        stream_id: STREAM,
        initial_term_id: INITIAL_TERM_ID,
        mtu: MTU,
        term_length: TERM_LENGTH,
        ..Constants::default()
    }
}

pub(crate) fn log(kind: Kind) -> LogBuffer {
    log_at(kind, 0)
}

pub(crate) fn log_at(kind: Kind, position: i64) -> LogBuffer {
    let constants = constants(kind);
    let region = Region::heap(log_length(constants.term_length, constants.page_size));
    LogBuffer::create(region, constants, position).unwrap()
}

/// How many cases of a property: few under Miri. Nothing is written to files.
pub(crate) fn cases(cases: u32, miri: u32) -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { miri } else { cases },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A position counter of its own.
pub(crate) fn counter(position: i64) -> Word64 {
    let word = Region::heap(8).word64(0).unwrap();
    word.store_relaxed(position);
    word
}

pub(crate) fn reader_at(log: &LogBuffer, position: i64) -> Reader {
    log.reader(counter(position), Latch::new())
}

/// Everything from the reader's position on, as (flags, payload), over term ends.
pub(crate) fn drain(reader: &mut Reader) -> Vec<(u8, Vec<u8>)> {
    let mut fragments = Vec::new();
    loop {
        let before = reader.position();
        reader.poll(usize::MAX, |fragment| {
            fragments.push((fragment.header.flags, fragment.payload.to_vec()));
        });
        if reader.position() == before {
            return fragments;
        }
    }
}

/// `length` bytes of committed frames from `position` on, headers and alignment included; of padding only the header has
/// bytes, the rest is given as zeros.
pub(crate) fn frame_bytes(log: &LogBuffer, position: i64, length: usize) -> Vec<u8> {
    let mut reader = reader_at(log, position);
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let read = reader.block_poll(TERM_LENGTH as usize, |block| {
            bytes.extend_from_slice(block.bytes());
            bytes.resize(bytes.len() + block.len() - block.bytes().len(), 0);
        });
        assert!(read > 0, "{length} bytes from {position} on are committed");
    }
    bytes.truncate(length);
    bytes
}

/// The frame word at `position`.
pub(crate) fn frame_word(log: &LogBuffer, position: i64) -> i32 {
    let offset = log.shape().file_offset(log.shape().place(position));
    log.region().word32(offset).unwrap().load_acquire()
}

/// A producer of either kind, so that what holds for both is tested on both.
pub(crate) enum Producer {
    Concurrent(taranis_transport::log::ConcurrentAppender),
    Exclusive(taranis_transport::log::Appender),
}

pub(crate) const PUBLICATIONS: [Kind; 2] = [Kind::Concurrent, Kind::Exclusive];

impl Producer {
    pub(crate) fn of(log: &mut LogBuffer) -> Self {
        match log.constants().kind {
            Kind::Concurrent => Self::Concurrent(log.concurrent_appender().unwrap()),
            Kind::Exclusive => Self::Exclusive(log.take_appender().unwrap()),
            Kind::Image => panic!("an image has no producer"),
        }
    }

    pub(crate) fn offer(&mut self, message: &[u8], limit: i64) -> Result<i64, Refused> {
        match self {
            Self::Concurrent(appender) => appender.offer(message, limit),
            Self::Exclusive(appender) => appender.offer(message, limit),
        }
    }

    pub(crate) fn offer_parts(
        &mut self,
        parts: &[&[u8]],
        limit: i64,
        supplier: Option<taranis_transport::log::ReservedValueSupplier<'_>>,
    ) -> Result<i64, Refused> {
        match self {
            Self::Concurrent(appender) => appender.offer_parts(parts, limit, supplier),
            Self::Exclusive(appender) => appender.offer_parts(parts, limit, supplier),
        }
    }

    pub(crate) fn try_claim(
        &mut self,
        length: usize,
        limit: i64,
    ) -> Result<taranis_transport::log::Claim<'_>, Refused> {
        match self {
            Self::Concurrent(appender) => appender.try_claim(length, limit),
            Self::Exclusive(appender) => appender.try_claim(length, limit),
        }
    }

    pub(crate) fn position(&self) -> i64 {
        match self {
            Self::Concurrent(appender) => appender.position(),
            Self::Exclusive(appender) => appender.position(),
        }
    }

    /// Offers until it is taken, through term ends.
    pub(crate) fn must_offer(&mut self, message: &[u8]) -> i64 {
        loop {
            match self.offer(message, i64::MAX) {
                Ok(position) => return position,
                Err(Refused::AdminAction) => {}
                Err(refused) => panic!("{refused}"),
            }
        }
    }
}
