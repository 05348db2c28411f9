//! A log buffer, made or attached to, and the handles on it.

use std::collections::BTreeSet;

use taranis_runtime::mem::{Region, Word64};

use super::{
    clean::Cleaner,
    concurrent::ConcurrentAppender,
    exclusive::Appender,
    gap::GapScanner,
    insert::Inserter,
    latch::Latch,
    layout::{CONSTANTS, METADATA_LENGTH, log_length},
    metadata::{Constants, Kind, LogError},
    read::Reader,
    scan::Scanner,
    shape::{Partition, RawTail, Shape},
    status::{Status, StatusWriter},
    tail::Tails,
    term::Terms,
    unblock::Unblocker,
};

/// One log buffer: the terms of one stream, and the handles that may be had on them.
///
/// A handle is the capability to do one thing. Those that write exclusively ([`Appender`], [`Inserter`], [`Cleaner`]) are
/// given out once; readers, scanners and concurrent appenders as often as asked. Handles share the memory and may outlive
/// the `LogBuffer`; each belongs to one thread at a time, whichever its owner runs on.
///
/// Attach once per process and role: two attachments to the same memory don't know of each other, so each would give out
/// its own exclusive handles (the module's page on soundness says what happens then).
#[derive(Debug)]
pub struct LogBuffer {
    region: Region,
    metadata: Region,
    constants: Constants,
    terms: Terms,
    status: Status,
    handed_out: BTreeSet<&'static str>,
}

impl LogBuffer {
    /// Writes the metadata of a new log into zeroed memory of exactly [`log_length`] bytes (02 §3.3), before anybody else
    /// knows of it. A publication starts at `position`; for an image it only has to lie in the stream.
    ///
    /// # Errors
    /// [`LogError`] when a constant or the memory's length is none of a log's, or the position none of its stream's.
    pub fn create(region: Region, constants: Constants, position: i64) -> Result<Self, LogError> {
        let shape = constants.shape()?;
        let length = log_length(constants.term_length, constants.page_size);
        if region.len() != length {
            return Err(LogError::Length {
                length: region.len(),
                min: length,
            });
        }
        check_position(&shape, position)?;
        let metadata = region.part(length - METADATA_LENGTH, METADATA_LENGTH)?;
        metadata.write(CONSTANTS, &constants.encode())?;
        if constants.kind != Kind::Image {
            initialise_tails(&Tails::new(&metadata, shape)?, &shape, position);
        }
        let log = Self::new(region, metadata, constants, shape)?;
        // Not known yet; the other words that change begin at the memory's 0.
        log.status_writer().set_end_of_stream_position(i64::MAX);
        Ok(log)
    }

    /// Attaches to a log that another agent or process made, after checking whatever bounds or arithmetic depend on.
    ///
    /// # Errors
    /// [`LogError`]: what is wrong, with the value and the limit.
    pub fn attach(region: Region) -> Result<Self, LogError> {
        let (constants, shape) = Constants::attach(&region)?;
        let metadata = region.part(region.len() - METADATA_LENGTH, METADATA_LENGTH)?;
        Self::new(region, metadata, constants, shape)
    }

    fn new(
        region: Region,
        metadata: Region,
        constants: Constants,
        shape: Shape,
    ) -> Result<Self, LogError> {
        let terms = Terms::new(&region, shape)?;
        let status = Status::new(&metadata)?;
        Ok(Self {
            region,
            metadata,
            constants,
            terms,
            status,
            handed_out: BTreeSet::new(),
        })
    }

    /// The constants read or written when the log was attached to or made.
    pub fn constants(&self) -> &Constants {
        &self.constants
    }

    /// The log's arithmetic.
    pub fn shape(&self) -> &Shape {
        self.terms.shape()
    }

    /// The whole file's memory.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// What the driver tells about the stream.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The driver's handle for telling it.
    pub fn status_writer(&self) -> StatusWriter {
        StatusWriter::new(self.status.clone())
    }

    /// The position behind the last claim of a publication: what has been asked for, not what is committed.
    ///
    /// # Errors
    /// [`LogError::WrongKind`] for an image.
    pub fn tails(&self) -> Result<Tails, LogError> {
        self.expect_publication("tails")?;
        Ok(Tails::new(&self.metadata, *self.shape())?)
    }

    /// The producer of an exclusive publication, continuing where the tail stands.
    ///
    /// # Errors
    /// [`LogError`] for another kind of log, a tail that contradicts itself, or when it is out already.
    pub fn take_appender(&mut self) -> Result<Appender, LogError> {
        self.expect_kind(Kind::Exclusive, "exclusive appender")?;
        self.take("exclusive appender")?;
        let tails = Tails::new(&self.metadata, *self.shape())?;
        Appender::new(
            self.terms.clone(),
            tails,
            &self.constants,
            self.status.clone(),
        )
    }

    /// A producer of a concurrent publication.
    ///
    /// # Errors
    /// [`LogError::WrongKind`] for another kind of log.
    pub fn concurrent_appender(&self) -> Result<ConcurrentAppender, LogError> {
        self.expect_kind(Kind::Concurrent, "concurrent appender")?;
        let tails = Tails::new(&self.metadata, *self.shape())?;
        Ok(ConcurrentAppender::new(
            self.terms.clone(),
            tails,
            &self.constants,
            self.status.clone(),
        ))
    }

    /// A reader that consumes from where `position` (its counter) stands, until `closed` is.
    pub fn reader(&self, position: Word64, closed: Latch) -> Reader {
        Reader::new(self.terms.clone(), position, closed)
    }

    /// A scanner for what may be sent.
    pub fn scanner(&self) -> Scanner {
        Scanner::new(self.terms.clone())
    }

    /// A scanner for what is missing.
    pub fn gap_scanner(&self) -> GapScanner {
        GapScanner::new(self.terms.clone())
    }

    /// The receiver's handle for inserting frames.
    ///
    /// # Errors
    /// [`LogError`] for a publication, or when it is out already.
    pub fn take_inserter(&mut self) -> Result<Inserter, LogError> {
        self.expect_kind(Kind::Image, "inserter")?;
        self.take("inserter")?;
        Ok(Inserter::new(self.terms.clone(), self.constants.source()))
    }

    /// The driver's handle for zeroing behind the consumers, which stand at `position`.
    ///
    /// # Errors
    /// [`LogError`] when the position is none of the stream's, or the cleaner is out already.
    pub fn take_cleaner(&mut self, position: i64) -> Result<Cleaner, LogError> {
        check_position(self.shape(), position)?;
        self.take("cleaner")?;
        Ok(Cleaner::new(self.terms.clone(), position))
    }

    /// The driver's handle for going past what a dead publisher left.
    ///
    /// # Errors
    /// [`LogError::WrongKind`] for an image.
    pub fn unblocker(&self) -> Result<Unblocker, LogError> {
        Ok(Unblocker::new(
            self.terms.clone(),
            self.tails()?,
            self.constants.source(),
        ))
    }

    fn take(&mut self, handle: &'static str) -> Result<(), LogError> {
        if !self.handed_out.insert(handle) {
            return Err(LogError::HandedOut(handle));
        }
        Ok(())
    }

    fn expect_kind(&self, kind: Kind, handle: &'static str) -> Result<(), LogError> {
        if self.constants.kind == kind {
            return Ok(());
        }
        Err(LogError::WrongKind {
            handle,
            kind: self.constants.kind,
        })
    }

    fn expect_publication(&self, handle: &'static str) -> Result<(), LogError> {
        if self.constants.kind == Kind::Image {
            return Err(LogError::WrongKind {
                handle,
                kind: Kind::Image,
            });
        }
        Ok(())
    }
}

fn check_position(shape: &Shape, position: i64) -> Result<(), LogError> {
    if shape.is_position(position) {
        return Ok(());
    }
    Err(LogError::Position {
        position,
        max: shape.max_position(),
    })
}

/// The tails of a publication that starts at `position`: the two other partitions carry the ids that rotation expects.
fn initialise_tails(tails: &Tails, shape: &Shape, position: i64) {
    let place = shape.place(position);
    let mut partition = place.partition;
    tails.initialise(partition, RawTail::pack(place.term_id, place.offset));
    for later in 1..Partition::COUNT {
        partition = partition.next();
        let term_id = place
            .term_id
            .wrapping_add(later)
            .wrapping_sub(Partition::COUNT);
        tails.initialise(partition, RawTail::pack(term_id, 0));
    }
    tails.initialise_active_term_count(place.term_count);
}
