//! A recording from its start to its stop on a disk, through a backend.

use std::{path::Path, sync::mpsc};

use taranis_archive::{
    catalog::{self, Catalog, CatalogFile, Changes, NewRecording, Stop, layout::FILE_NAME, setup},
    checksum::Checksum,
    context::WriteMode,
    recorder::{Piece, Writer, WriterSettings},
};
use taranis_runtime::{
    agent::{Agent, Fault, Turn},
    cycle::{Cycle, Rng},
    halt::Halt,
    invoker::{Cycled, Invoker},
    io::{
        Chore, Disk as _, Durability, FileAccess, Opening, OsDisk, Outcome, Ticket,
        plain::PlainBackend,
    },
    mem::Names,
    testing::dir::FreshDir,
};

use super::stream::{Stream, Truth, new_recording};

/// What is recorded, and how.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) new: NewRecording,
    pub(crate) settings: WriterSettings,
    pub(crate) messages: Vec<Vec<u8>>,
}

impl Plan {
    pub(crate) fn new(directory: &Path, mode: WriteMode, start: i64) -> Self {
        let lengths = (0..200).map(|step| step * 37 % 3000);
        let messages = lengths.map(|length| vec![length as u8; length]).collect();
        Self {
            new: new_recording(start, 65_536, 7),
            settings: WriterSettings {
                directory: directory.to_owned(),
                mode,
                durability: Durability::Taken,
                checksum: None,
                io_length_max: 65_536,
            },
            messages,
        }
    }

    fn checksum(&self) -> Option<Checksum> {
        self.settings.checksum
    }
}

/// Opens the catalog of the plan's directory, adds a recording, records all messages, and stops it.
pub(crate) fn record(plan: &Plan) -> (Catalog, Truth, i64) {
    let directory = plan.settings.directory.clone();
    let catalog = catalog::open(&mut OsDisk, &directory, 4096, plan.checksum()).unwrap();
    let (tell, told) = mpsc::channel();
    let agent = Recorder {
        plan: plan.clone(),
        state: State::New,
        catalog,
        file: None,
        asked: None,
        tell,
    };
    run(Box::new(agent));
    told.recv().unwrap()
}

pub(crate) fn run(agent: Box<dyn Agent>) {
    let backend = || -> Box<dyn taranis_runtime::io::Backend> {
        Box::new(PlainBackend::new(Names::of_files(), None))
    };
    let on_fault = |name: &str, fault: &Fault| panic!("{name}: {fault}");
    let mut invoker = Invoker::new(
        vec![agent],
        Box::new(backend),
        Rng::with_seed(1),
        Halt::new(),
        Box::new(on_fault),
    );
    for _ in 0..100_000 {
        if invoker.cycle().unwrap() == Cycled::Ended {
            return;
        }
    }
    panic!("not at its end");
}

struct Recorder {
    plan: Plan,
    state: State,
    catalog: Catalog,
    file: Option<CatalogFile>,
    asked: Option<Ticket>,
    tell: mpsc::Sender<(Catalog, Truth, i64)>,
}

enum State {
    New,
    Opening,
    Recording(Box<Recording>),
    Stopping(Truth, i64),
}

struct Recording {
    id: i64,
    writer: Writer,
    stream: Stream,
    truth: Truth,
    published: usize,
}

impl Recorder {
    fn start(&mut self, cycle: &mut Cycle<'_>) {
        let chore = Chore::OpenFile {
            path: self.plan.settings.directory.join(FILE_NAME),
            access: FileAccess::Buffered,
            opening: Opening::Existing,
        };
        self.asked = Some(cycle.chores.ask(chore).unwrap());
        self.state = State::Opening;
    }

    fn opened(&mut self, outcome: Outcome, cycle: &mut Cycle<'_>) {
        let Outcome::File(token) = outcome else {
            panic!("{outcome:?}");
        };
        let directory = self.plan.settings.directory.clone();
        let durability = self.plan.settings.durability;
        let file = CatalogFile::adopt(directory, token, durability, cycle.files).unwrap();
        self.file = Some(file);
        let (id, changes) = self.catalog.added(self.plan.new.clone()).unwrap();
        self.stage(changes);
        let recording = self.catalog.get(id).unwrap();
        let start = recording.start_position;
        let base = recording.segment_base(start);
        let writer = Writer::new(self.plan.settings.clone(), recording);
        self.state = State::Recording(Box::new(Recording {
            id,
            writer,
            stream: Stream::new(start, 7, 1408),
            truth: Truth {
                base,
                bytes: vec![0; (start - base) as usize],
                frame_ends: vec![start],
            },
            published: 0,
        }));
    }

    fn stage(&mut self, changes: Changes) {
        self.file.as_mut().unwrap().stage(changes);
    }
}

impl Agent for Recorder {
    fn name(&self) -> &str {
        "recorder"
    }

    fn do_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        let completions: Vec<_> = cycle.mail.take_completions().collect();
        for completion in completions {
            if self.asked == Some(completion.ticket) {
                self.asked = None;
                self.opened(completion.outcome, cycle);
                continue;
            }
            let mut left = Some(completion);
            if let (Some(file), Some(completion)) = (&mut self.file, left.take()) {
                left = file.take(completion, cycle.files, cycle.chores);
            }
            if let (State::Recording(recording), Some(completion)) = (&mut self.state, left) {
                recording.writer.ended(completion, cycle.files);
            }
        }
        if let Some(file) = &mut self.file {
            file.work(cycle.files, cycle.chores).map_err(Fault::stop)?;
        }
        match &mut self.state {
            State::New => self.start(cycle),
            State::Opening => {}
            State::Recording(recording) => {
                if let Some(failed) = recording.writer.failed() {
                    return Err(Fault::stop(failed));
                }
                if recording.turn(&self.plan.messages, cycle) {
                    recording.writer.close(cycle.files);
                    let (id, position) = (recording.id, recording.writer.recorded().position());
                    let truth = recording.truth.clone();
                    let stop = Stop {
                        position,
                        timestamp_ms: 1_700_000_001_000,
                    };
                    let changes = self.catalog.stopped(id, stop).unwrap();
                    self.stage(changes);
                    self.state = State::Stopping(truth, position);
                }
            }
            State::Stopping(truth, position) => {
                if self.file.as_ref().unwrap().is_idle() {
                    let told = (self.catalog.clone(), truth.clone(), *position);
                    self.tell.send(told).unwrap();
                    return Ok(Turn::Finished);
                }
            }
        }
        Ok(Turn::Worked(1))
    }
}

impl Recording {
    /// Returns whether everything is recorded.
    fn turn(&mut self, messages: &[Vec<u8>], cycle: &mut Cycle<'_>) -> bool {
        for message in messages.iter().skip(self.published).take(7) {
            self.stream.offer(message);
            self.published += 1;
        }
        self.writer.begin_turn();
        while let Some(limit) = self.writer.limit() {
            let position = self.writer.next_position();
            let Some(block) = self.stream.reader.block(position, limit) else {
                break;
            };
            let piece = Piece::of(&block);
            self.truth.append(&piece, block.bytes());
            self.writer.take(&piece, cycle.files);
        }
        self.writer.work(cycle.files, cycle.chores);
        let recorded = self.writer.recorded().position();
        self.stream.commit(recorded);
        let is_all = self.stream.reader.block(recorded, 1 << 20).is_none();
        self.published == messages.len() && is_all && self.writer.is_settled()
    }
}

/// 07 §4.2, 06 §3: catalog and segments on a disk, page cache and past it.
#[test]
fn a_recording_on_disk_is_what_was_published() {
    for mode in [WriteMode::Buffered, WriteMode::Direct] {
        let directory = FreshDir::on_disk("record");
        let mut plan = Plan::new(directory.path(), mode, 64 * 1000);
        plan.settings.durability = Durability::OnDisk;
        let (catalog, truth, stop) = record(&plan);
        let recording = catalog.get(0).unwrap();
        assert!(stop > 3 * 65_536, "{mode:?}");
        truth.check(&OsDisk, directory.path(), recording, stop);
        let file = OsDisk.read(&directory.join(FILE_NAME)).unwrap();
        assert!(file == catalog.image());
        let again = setup::open(&mut OsDisk, directory.path(), 4096, None).unwrap();
        assert_eq!(again.get(0), Some(recording));
    }
}

/// 06 §3.2, 07 §4.2 step 5: a recording does not begin in a file that is there.
#[test]
fn a_segment_that_is_there_already_ends_the_recording() {
    let directory = FreshDir::on_disk("exists");
    std::fs::write(directory.join("0-0.rec"), b"other").unwrap();
    let plan = Plan::new(directory.path(), WriteMode::Buffered, 0);
    let failed = std::panic::catch_unwind(|| record(&plan)).unwrap_err();
    let text = failed.downcast_ref::<String>().unwrap();
    assert!(
        text.contains("opening a segment at position 0 failed: File exists"),
        "{text}"
    );
    let left = std::fs::read(directory.join("0-0.rec")).unwrap();
    assert_eq!(left, b"other");
}
