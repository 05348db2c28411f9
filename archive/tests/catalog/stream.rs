//! A stream in a log buffer, its recorder, and files whose writes a test completes by hand.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use taranis_archive::{
    catalog::{Catalog, NewRecording, Recording},
    context::WriteMode,
    recorder::{Piece, Writer, WriterSettings},
    segment::Geometry,
};
use taranis_runtime::{
    io::{
        Chore, Completion, Disk, Durability, File, FileAccess, MemoryDisk, Opening, Outcome, Ticket,
    },
    mem::{Region, Span},
    testing::held::{HeldDesk, HeldOp},
};
use taranis_transport::log::{
    Appender, Cleaner, Constants, Kind, Latch, LogBuffer, Reader, Refused, Shape,
    layout::log_length,
};

pub(crate) const TERM_LENGTH: i32 = 64 * 1024;
pub(crate) const TERM: i64 = TERM_LENGTH as i64;
pub(crate) const SECTOR: usize = 512;
pub(crate) const INITIAL_TERM_ID: i32 = i32::MAX;

/// A publication's log with its one subscriber, the recorder.
pub(crate) struct Stream {
    appender: Appender,
    cleaner: Cleaner,
    pub(crate) reader: Reader,
}

impl Stream {
    pub(crate) fn new(position: i64, session_id: i32, mtu: i32) -> Self {
        let constants = Constants {
            kind: Kind::Exclusive,
            session_id,
            stream_id: 1001,
            initial_term_id: INITIAL_TERM_ID,
            mtu,
            term_length: TERM_LENGTH,
            ..Constants::default()
        };
        let region = Region::heap(log_length(TERM_LENGTH, constants.page_size));
        let mut log = LogBuffer::create(region, constants, position).unwrap();
        let counter = Region::heap(8).word64(0).unwrap();
        counter.store_relaxed(position);
        Self {
            appender: log.take_appender().unwrap(),
            cleaner: log.take_cleaner(position).unwrap(),
            reader: log.reader(counter, Latch::new()),
        }
    }

    /// Publishes a message, unless the recorder is too far behind.
    pub(crate) fn offer(&mut self, message: &[u8]) {
        let limit = self.limit();
        loop {
            match self.appender.offer(message, limit) {
                Err(Refused::AdminAction) => {}
                _ => return,
            }
        }
    }

    /// Publishes a padding frame.
    pub(crate) fn pad(&mut self, length: usize) {
        let limit = self.limit();
        loop {
            match self.appender.append_padding(length, limit) {
                Err(Refused::AdminAction) => {}
                _ => return,
            }
        }
    }

    /// What is recorded may be overwritten: as the driver does it, cleaned up to the position of the only subscriber.
    pub(crate) fn commit(&mut self, position: i64) {
        self.reader.commit(position);
        while self.cleaner.position() < position {
            self.cleaner.clean(position);
        }
    }

    fn limit(&self) -> i64 {
        self.reader.position() + TERM / 2
    }
}

/// A recording being written, and what its files should hold.
pub(crate) struct Scene {
    pub(crate) directory: PathBuf,
    pub(crate) disk: MemoryDisk,
    pub(crate) desk: HeldDesk,
    pub(crate) writer: Writer,
    pub(crate) stream: Stream,
    pub(crate) pending: Vec<Pending>,
    /// From the segment base of the recording's start on.
    pub(crate) truth: Truth,
    open: BTreeMap<File, PathBuf>,
    opened: Option<PathBuf>,
}

/// A write that is under way.
pub(crate) struct Pending {
    pub(crate) ticket: Ticket,
    pub(crate) path: PathBuf,
    pub(crate) span: Span,
    pub(crate) at: u64,
    pub(crate) file: File,
    /// The bytes when it was staged, which the kernel may take at any time until the completion.
    bytes: Vec<u8>,
}

/// The bytes of a recording, and where its frames end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) base: i64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) frame_ends: Vec<i64>,
}

pub(crate) fn recording(start: i64, segment_length: i32, session_id: i32) -> Recording {
    let mut catalog = Catalog::new(1 << 16, None);
    let new = new_recording(start, segment_length, session_id);
    let (id, _) = catalog.added(new).unwrap();
    catalog.get(id).unwrap().clone()
}

pub(crate) fn new_recording(start: i64, segment_length: i32, session_id: i32) -> NewRecording {
    let shape = Shape::new(TERM_LENGTH, INITIAL_TERM_ID).unwrap();
    NewRecording {
        start_timestamp_ms: 1_700_000_000_000,
        start_position: start,
        geometry: Geometry::new(shape, segment_length).unwrap(),
        mtu_length: 1408,
        session_id,
        stream_id: 1001,
        stripped_channel: "aeron:ipc".to_owned(),
        original_channel: "aeron:ipc?alias=test".to_owned(),
        source_identity: "aeron:ipc".to_owned(),
    }
}

pub(crate) fn settings(mode: WriteMode) -> WriterSettings {
    WriterSettings {
        directory: PathBuf::from("/archive"),
        mode,
        durability: Durability::Taken,
        checksum: None,
        io_length_max: 1 << 20,
    }
}

impl Scene {
    pub(crate) fn new(settings: WriterSettings, recording: &Recording, mtu: i32) -> Self {
        let directory = settings.directory.clone();
        let mut disk = MemoryDisk::default();
        disk.create_directory(&directory).unwrap();
        let start = recording.start_position;
        let base = recording.segment_base(start);
        let truth = Truth {
            base,
            bytes: vec![0; (start - base) as usize],
            frame_ends: vec![start],
        };
        let writer = Writer::new(settings, recording);
        let stream = Stream::new(start, recording.session_id, mtu);
        Self::over(directory, disk, writer, stream, truth)
    }

    /// A recording that goes on, on the files of an earlier scene.
    pub(crate) fn over(
        directory: PathBuf,
        disk: MemoryDisk,
        writer: Writer,
        stream: Stream,
        truth: Truth,
    ) -> Self {
        Self {
            directory,
            disk,
            desk: HeldDesk::new(),
            writer,
            stream,
            pending: Vec::new(),
            truth,
            open: BTreeMap::new(),
            opened: None,
        }
    }

    /// A turn of the recorder. Chores are done at once, writes are held.
    pub(crate) fn turn(&mut self) {
        self.writer.begin_turn();
        while let Some(limit) = self.writer.limit() {
            let position = self.writer.next_position();
            let Some(block) = self.stream.reader.block(position, limit) else {
                break;
            };
            let piece = Piece::of(&block);
            self.truth.append(&piece, block.bytes());
            self.writer.take(&piece, &mut self.desk.files);
        }
        let HeldDesk { files, chores } = &mut self.desk;
        self.writer.work(files, chores);
        self.hold();
        self.do_chores();
    }

    /// Completes a held write whole.
    pub(crate) fn complete(&mut self, index: usize) {
        let write = self.pending.remove(index);
        write.land(&mut self.disk, |_| true);
        self.tell(write.ticket, Outcome::Moved(write.span.len()));
    }

    pub(crate) fn complete_all(&mut self) {
        while !self.pending.is_empty() {
            self.complete(0);
        }
    }

    /// Gives the writer a completion; the stream may overwrite what is recorded now.
    pub(crate) fn tell(&mut self, ticket: Ticket, outcome: Outcome) {
        let completion = Completion { ticket, outcome };
        let foreign = self.writer.ended(completion, &mut self.desk.files);
        assert!(foreign.is_none());
        self.hold();
        self.stream.commit(self.recorded());
    }

    pub(crate) fn recorded(&self) -> i64 {
        self.writer.recorded().position()
    }

    /// Turns until everything published is recorded.
    pub(crate) fn settle(&mut self) {
        for _ in 0..1_000 {
            self.turn();
            self.complete_all();
            let is_all = self.stream.reader.block(self.recorded(), 1 << 20).is_none();
            if is_all && self.writer.is_settled() {
                return;
            }
        }
        panic!("does not settle: {:?}", self.writer);
    }

    /// The files agree with the truth up to `position`.
    pub(crate) fn check_recorded(&self, recording: &Recording, position: i64) {
        self.truth
            .check(&self.disk, &self.directory, recording, position);
    }

    fn hold(&mut self) {
        for op in self.desk.take_file_ops() {
            match op {
                HeldOp::Adopt { file } => {
                    self.open.insert(file, self.opened.take().unwrap());
                }
                HeldOp::Write {
                    ticket,
                    file,
                    span,
                    at,
                    ..
                } => {
                    let mut bytes = vec![0; span.len()];
                    span.read(&mut bytes);
                    let write = Pending {
                        ticket,
                        path: self.open[&file].clone(),
                        span,
                        at,
                        file,
                        bytes,
                    };
                    let overlaps = self.pending.iter().any(|other| write.overlaps(other));
                    assert!(!overlaps, "two writes of the same bytes are under way");
                    self.pending.push(write);
                }
                HeldOp::Release { file, .. } => {
                    let in_use = self.pending.iter().any(|write| write.file == file);
                    assert!(!in_use, "released with a write under way");
                    self.open.remove(&file);
                }
                HeldOp::Read { .. } | HeldOp::Sync { .. } => panic!("{op:?}"),
            }
        }
    }

    fn do_chores(&mut self) {
        for (ticket, chore) in self.desk.take_chores() {
            let Chore::OpenFile {
                path,
                access,
                opening,
            } = chore
            else {
                panic!("{chore:?}");
            };
            let made = match opening {
                Opening::New { len } => self.disk.create(&path, &[], len),
                Opening::Existing | Opening::OrEmpty => self.disk.read(&path).map(|_| ()),
            };
            let outcome = match made {
                Ok(()) => {
                    self.opened = Some(path);
                    Outcome::File(HeldDesk::token(access, 0))
                }
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
                    Outcome::Failed(taranis_runtime::io::IoFailure { errno: 2 })
                }
            };
            self.tell(ticket, outcome);
        }
    }
}

impl Pending {
    /// The sectors of it that `lands` says reach the file.
    pub(crate) fn land(&self, disk: &mut MemoryDisk, mut lands: impl FnMut(usize) -> bool) {
        let mut bytes = vec![0; self.span.len()];
        self.span.read(&mut bytes);
        assert!(bytes == self.bytes, "bytes changed under a write");
        let mut from = 0;
        let mut sector = 0;
        while from < bytes.len() {
            let at = self.at + from as u64;
            let to = (from + SECTOR - (at as usize % SECTOR)).min(bytes.len());
            if lands(sector) {
                disk.write_at(&self.path, at, &bytes[from..to]).unwrap();
            }
            from = to;
            sector += 1;
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        let end = |write: &Self| write.at + write.span.len() as u64;
        self.file == other.file && self.at < end(other) && other.at < end(self)
    }

    /// A direct write's rules.
    pub(crate) fn is_aligned(&self, access: FileAccess) -> bool {
        let parts = [self.at as usize, self.span.len(), self.span.as_ptr().addr()];
        access == FileAccess::Buffered || parts.iter().all(|part| part % 4096 == 0)
    }
}

impl Truth {
    pub(crate) fn append(&mut self, piece: &Piece, bytes: &[u8]) {
        assert_eq!(self.base + self.bytes.len() as i64, piece.position);
        self.bytes.extend(bytes);
        let end = (piece.next_position - self.base) as usize;
        self.bytes.resize(end, 0);
        let mut at = (piece.position - self.base) as usize;
        while at < end {
            let length = i32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap());
            at += (length as usize).next_multiple_of(32);
            self.frame_ends.push(self.base + at as i64);
        }
        assert_eq!(at, end);
    }

    /// What was never recorded never was.
    pub(crate) fn cut(&mut self, position: i64) {
        self.bytes.truncate((position - self.base) as usize);
        self.frame_ends.retain(|end| *end <= position);
    }

    pub(crate) fn check(
        &self,
        disk: &dyn Disk,
        directory: &Path,
        recording: &Recording,
        position: i64,
    ) {
        assert!(
            self.frame_ends.contains(&position),
            "{position} is no frame's end"
        );
        let differs = self.first_difference(disk, directory, recording, position);
        assert_eq!(
            differs, None,
            "position of a byte that is not what was recorded"
        );
    }

    pub(crate) fn agrees(&self, disk: &dyn Disk, recording: &Recording, position: i64) -> bool {
        let directory = Path::new("/archive");
        self.first_difference(disk, directory, recording, position)
            .is_none()
    }

    fn first_difference(
        &self,
        disk: &dyn Disk,
        directory: &Path,
        recording: &Recording,
        position: i64,
    ) -> Option<i64> {
        let segment = i64::from(recording.geometry.segment_length());
        let mut base = self.base;
        while base < position {
            let path = directory.join(format!("{}-{base}.rec", recording.id));
            let file = disk.read(&path).unwrap();
            assert_eq!(file.len() as i64, segment);
            let from = (base - self.base) as usize;
            let to = ((position - self.base) as usize).min(from + segment as usize);
            let truth = &self.bytes[from..to];
            if let Some(at) = (0..truth.len()).find(|at| file[*at] != truth[*at]) {
                return Some(base + at as i64);
            }
            base += segment;
        }
        None
    }
}
