//! A driver that does what a test tells it, in virtual time and heap memory: for what a real one does not do on demand.
//!
//! It serves IPC streams without cleaning, so a stream ends with its three terms.

#![expect(
    clippy::disallowed_types,
    reason = "the names stand in for a file system, which processes share"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use taranis_runtime::{
    agent::Turn,
    clock::Now,
    mem::{
        NameSource, Names, Pages, Region, broadcast::Transmitter, counters::CountersManager,
        ring::mpsc::Consumer,
    },
};
use taranis_transport::{
    client::{Aeron, ClientConductor, ClientError, Connect, Context, Handlers, Pending},
    cnc::{CNC_FILE, Lengths, NewCnc, create::DriverIdentity},
    command::{AvailableImage, Command, CommandBody, ErrorCode, Event, PublicationReady},
    counters::{heartbeat_key, heartbeat_label, type_id},
    log::{Constants, Kind, LogBuffer, layout::log_length},
};

pub(crate) const DIR: &str = "/scripted";
pub(crate) const MS: i64 = 1_000_000;
pub(crate) const LIVENESS_MS: i64 = 10_000;
const EPOCH_MS: i64 = 1_700_000_000_000;
const TERM_LENGTH: i32 = 64 * 1024;

/// A file system of heap blocks.
#[derive(Default)]
struct HeapNames(Mutex<BTreeMap<PathBuf, Region>>);

impl NameSource for HeapNames {
    fn open(&self, path: &Path) -> io::Result<Region> {
        let files = self.0.lock().unwrap();
        files
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&self, path: &Path, len: usize, _: Pages) -> io::Result<Region> {
        let region = Region::heap(len);
        self.0
            .lock()
            .unwrap()
            .insert(path.to_owned(), region.clone());
        Ok(region)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.0.lock().unwrap().remove(path);
        Ok(())
    }
}

pub(crate) struct ScriptedDriver {
    pub(crate) names: Names,
    source: Arc<HeapNames>,
    pub(crate) now_ms: i64,
    pub(crate) cnc: NewCnc,
    commands: Consumer,
    events: Transmitter,
    pub(crate) counters: CountersManager,
    /// What was asked, in order: for tests to look at.
    pub(crate) asked: Vec<String>,
    publications: BTreeMap<i64, ServedPublication>,
    subscriptions: BTreeMap<i64, ServedSubscription>,
    linked: BTreeSet<(i64, i64)>,
    client_counters: BTreeMap<i64, i32>,
    heartbeats: BTreeMap<i64, i32>,
}

struct ServedPublication {
    stream_id: i32,
    path: PathBuf,
}

struct ServedSubscription {
    stream_id: i32,
}

impl ScriptedDriver {
    pub(crate) fn start() -> Self {
        let source = Arc::new(HeapNames::default());
        let names = Names::new(Arc::clone(&source) as Arc<dyn NameSource>);
        let lengths = Lengths {
            counters_values: 1 << 20,
            ..Lengths::default()
        };
        let identity = DriverIdentity {
            client_liveness_timeout_ns: LIVENESS_MS * MS,
            start_epoch_ms: EPOCH_MS,
            pid: 1,
        };
        let path = Path::new(DIR).join(CNC_FILE);
        let cnc = NewCnc::create(&*source, &path, lengths, identity).unwrap();
        let shared = cnc.cnc();
        let commands = Consumer::open(shared.to_driver().clone()).unwrap();
        let events = Transmitter::open(shared.to_clients().clone()).unwrap();
        let (values, metadata) = (
            shared.counters_values().clone(),
            shared.counters_metadata().clone(),
        );
        let mut counters = CountersManager::new(values, metadata, 0).unwrap();
        for id in 0..46 {
            let counter = counters
                .allocate(0, type_id::SYSTEM, &i32::to_le_bytes(id), "system")
                .unwrap();
            counters.set_registration_id(counter, id.into()).unwrap();
        }
        counters.owned(43).unwrap().set(65_536);
        cnc.ready(EPOCH_MS);
        Self {
            names,
            source,
            now_ms: 0,
            cnc,
            commands,
            events,
            counters,
            asked: Vec::new(),
            publications: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            linked: BTreeSet::new(),
            client_counters: BTreeMap::new(),
            heartbeats: BTreeMap::new(),
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            mono_ns: self.now_ms * MS,
            epoch_ns: (EPOCH_MS + self.now_ms) * MS,
        }
    }

    /// A client of this driver, and its conductor to be turned.
    pub(crate) fn connect(&self, handlers: Handlers) -> (Aeron, ClientConductor) {
        self.try_connect(Context::new(DIR), handlers).unwrap()
    }

    pub(crate) fn try_connect(
        &self,
        context: Context,
        handlers: Handlers,
    ) -> Result<(Aeron, ClientConductor), ClientError> {
        let mut connect = Connect::new(context, handlers, self.now())?;
        Ok(connect
            .poll(self.now(), &self.names)?
            .expect("the driver is there"))
    }

    /// Time passes for the driver, which gives its heartbeat.
    pub(crate) fn pass(&mut self, ms: i64) {
        self.pass_in_silence(ms);
        self.cnc.heartbeat(EPOCH_MS + self.now_ms);
    }

    pub(crate) fn pass_in_silence(&mut self, ms: i64) {
        self.now_ms += ms;
    }

    /// A turn of the conductor, and nothing of the driver.
    pub(crate) fn turn(&self, conductor: &mut ClientConductor) -> Turn {
        conductor.turn(self.now(), &self.names)
    }

    /// Gives turns to the client and serves its commands until the answer is there.
    pub(crate) fn complete<T>(
        &mut self,
        conductor: &mut ClientConductor,
        mut pending: Pending<T>,
    ) -> Result<T, ClientError> {
        for _ in 0..10 {
            self.turn(conductor);
            self.serve();
            self.turn(conductor);
            if let Some(answer) = pending.poll()? {
                return Ok(answer);
            }
        }
        panic!("no answer; asked: {:?}", self.asked);
    }

    /// Turns and serves until nothing is left to do.
    pub(crate) fn settle(&mut self, conductor: &mut ClientConductor) {
        for _ in 0..5 {
            self.turn(conductor);
            self.serve();
        }
        self.turn(conductor);
    }

    /// Reads what was asked, and answers nothing. Returns how many commands there were.
    pub(crate) fn ignore(&mut self) -> usize {
        let asked = &mut self.asked;
        self.commands
            .read(usize::MAX, |type_id, message| {
                asked.push(format!("{:?}", Command::decode(type_id, message).unwrap()));
            })
            .unwrap()
    }

    /// Answers what was asked.
    pub(crate) fn serve(&mut self) {
        let mut messages = Vec::new();
        self.commands
            .read(usize::MAX, |type_id, message| {
                messages.push((type_id, message.to_vec()))
            })
            .unwrap();
        for (type_id, message) in messages {
            let command = Command::decode(type_id, &message).unwrap();
            self.asked.push(format!("{command:?}"));
            self.answer(command);
        }
    }

    pub(crate) fn send(&mut self, event: Event<'_>) {
        let mut message = vec![0; event.encoded_len()];
        event.encode(&mut message).unwrap();
        self.send_raw(event.code().to_wire(), &message);
    }

    pub(crate) fn send_raw(&mut self, type_id: i32, message: &[u8]) {
        self.events.transmit(type_id, message).unwrap();
    }

    pub(crate) fn unlink_logs(&mut self) {
        for publication in self.publications.values() {
            self.source.unlink(&publication.path).unwrap();
        }
    }

    /// Tells a subscription of an image that has a log and a counter of its own.
    pub(crate) fn announce_image(&mut self, subscription_id: i64, image_id: i64) -> i32 {
        let path = self.make_log(image_id, 7, Kind::Image);
        let position = self.counter(type_id::SUBSCRIBER_POSITION, image_id);
        self.send(Event::AvailableImage(AvailableImage {
            correlation_id: image_id,
            session_id: i32::try_from(image_id).unwrap(),
            stream_id: 7,
            subscription_id,
            subscriber_position_id: position,
            log_file: path.to_str().unwrap().as_bytes(),
            source_identity: b"127.0.0.1:4000",
        }));
        position
    }

    /// The log of a publication or image, as the driver has it.
    pub(crate) fn log(&self, id: i64) -> LogBuffer {
        LogBuffer::attach(self.source.open(&log_path(id)).unwrap()).unwrap()
    }

    fn answer(&mut self, command: Command<'_>) {
        let correlation_id = command.correlation_id;
        self.know(command.client_id, &command.body);
        match command.body {
            CommandBody::AddPublication { stream_id, channel } => {
                if self.refuses(correlation_id, channel) {
                    return;
                }
                let ready = self.add_publication(correlation_id, stream_id, Kind::Concurrent);
                self.send(Event::PublicationReady(ready.borrow()));
                self.link_images();
            }
            CommandBody::AddExclusivePublication { stream_id, .. } => {
                let ready = self.add_publication(correlation_id, stream_id, Kind::Exclusive);
                self.send(Event::ExclusivePublicationReady(ready.borrow()));
                self.link_images();
            }
            CommandBody::AddSubscription { stream_id, channel } => {
                if self.refuses(correlation_id, channel) {
                    return;
                }
                self.subscriptions
                    .insert(correlation_id, ServedSubscription { stream_id });
                self.send(Event::SubscriptionReady {
                    correlation_id,
                    channel_status_id: -1,
                });
                self.link_images();
            }
            CommandBody::AddCounter { .. }
            | CommandBody::AddStaticCounter { .. }
            | CommandBody::RemoveCounter { .. } => self.answer_counter(command),
            CommandBody::RemovePublication {
                registration_id, ..
            } => {
                self.publications.remove(&registration_id).unwrap();
                self.send(Event::OperationSuccess { correlation_id });
            }
            CommandBody::RemoveSubscription { registration_id } => {
                self.subscriptions.remove(&registration_id).unwrap();
                self.send(Event::OperationSuccess { correlation_id });
            }
            CommandBody::ClientClose
            | CommandBody::ClientKeepalive
            | CommandBody::TerminateDriver { .. } => {}
            CommandBody::GetNextAvailableSessionId { .. } => {
                self.send(Event::NextAvailableSessionId {
                    correlation_id,
                    session_id: 1001,
                });
            }
            CommandBody::AddDestination { .. }
            | CommandBody::RemoveDestination { .. }
            | CommandBody::RemoveDestinationById { .. }
            | CommandBody::AddRcvDestination { .. }
            | CommandBody::RemoveRcvDestination { .. }
            | CommandBody::RejectImage { .. } => {
                self.send(Event::OperationSuccess { correlation_id })
            }
        }
    }

    fn answer_counter(&mut self, command: Command<'_>) {
        let correlation_id = command.correlation_id;
        match command.body {
            CommandBody::AddCounter {
                type_id,
                key,
                label,
            } => {
                let label = std::str::from_utf8(label).unwrap();
                let counter_id = self
                    .counters
                    .allocate(self.now_ms, type_id, key, label)
                    .unwrap();
                self.client_counters.insert(correlation_id, counter_id);
                self.send(Event::CounterReady {
                    correlation_id,
                    counter_id,
                });
            }
            CommandBody::AddStaticCounter {
                registration_id,
                type_id,
                key,
                label,
            } => {
                let found = self.counters.reader().find(type_id, registration_id);
                let counter_id = found.unwrap_or_else(|| {
                    let label = std::str::from_utf8(label).unwrap();
                    let id = self
                        .counters
                        .allocate(self.now_ms, type_id, key, label)
                        .unwrap();
                    self.counters
                        .set_registration_id(id, registration_id)
                        .unwrap();
                    id
                });
                self.send(Event::StaticCounter {
                    correlation_id,
                    counter_id,
                });
            }
            CommandBody::RemoveCounter { registration_id } => {
                let counter_id = self.client_counters.remove(&registration_id).unwrap();
                self.send(Event::OperationSuccess { correlation_id });
                self.send(Event::UnavailableCounter {
                    registration_id,
                    counter_id,
                });
                self.counters.free(self.now_ms, counter_id).unwrap();
            }
            other => panic!("{other:?} is about no counter"),
        }
    }

    /// A client is known from its first add on (02 §6.1).
    fn know(&mut self, client_id: i64, body: &CommandBody<'_>) {
        let makes_known = matches!(
            body,
            CommandBody::AddPublication { .. }
                | CommandBody::AddExclusivePublication { .. }
                | CommandBody::AddSubscription { .. }
                | CommandBody::AddCounter { .. }
                | CommandBody::AddStaticCounter { .. }
        );
        if !makes_known || self.heartbeats.contains_key(&client_id) {
            return;
        }
        let key = heartbeat_key(client_id);
        let label = heartbeat_label(client_id);
        let counter_id = self
            .counters
            .allocate(self.now_ms, type_id::CLIENT_HEARTBEAT, &key, &label)
            .unwrap();
        self.counters
            .set_registration_id(counter_id, client_id)
            .unwrap();
        self.heartbeats.insert(client_id, counter_id);
        self.send(Event::CounterReady {
            correlation_id: client_id,
            counter_id,
        });
    }

    pub(crate) fn heartbeat_counter(&self, client_id: i64) -> i32 {
        self.heartbeats[&client_id]
    }

    fn refuses(&mut self, correlation_id: i64, channel: &str) -> bool {
        let is_bad = !channel.starts_with("aeron:");
        if is_bad {
            let text = b"ERROR - invalid channel";
            self.send(Event::Error {
                correlation_id,
                code: ErrorCode::InvalidChannel,
                text,
            });
        }
        is_bad
    }

    fn add_publication(&mut self, id: i64, stream_id: i32, kind: Kind) -> OwnedReady {
        let path = self.make_log(id, stream_id, kind);
        let limit = self.counter(type_id::PUBLISHER_LIMIT, id);
        self.counters
            .owned(limit)
            .unwrap()
            .set(i64::from(TERM_LENGTH) * 2);
        self.publications.insert(
            id,
            ServedPublication {
                stream_id,
                path: path.clone(),
            },
        );
        OwnedReady {
            id,
            stream_id,
            limit,
            path,
        }
    }

    /// Each subscription gets an image of each publication of its stream that it does not have.
    fn link_images(&mut self) {
        let mut links = Vec::new();
        for (subscription_id, subscription) in &self.subscriptions {
            for (publication_id, publication) in &self.publications {
                let pair = (*subscription_id, *publication_id);
                if publication.stream_id == subscription.stream_id && !self.linked.contains(&pair) {
                    links.push(pair);
                }
            }
        }
        for (subscription_id, publication_id) in links {
            self.linked.insert((subscription_id, publication_id));
            let position = self.counter(type_id::SUBSCRIBER_POSITION, subscription_id);
            let publication = &self.publications[&publication_id];
            let (stream_id, path) = (publication.stream_id, publication.path.clone());
            self.log(publication_id).status_writer().set_connected(true);
            self.send(Event::AvailableImage(AvailableImage {
                correlation_id: publication_id,
                session_id: 99,
                stream_id,
                subscription_id,
                subscriber_position_id: position,
                log_file: path.to_str().unwrap().as_bytes(),
                source_identity: b"aeron:ipc",
            }));
        }
    }

    fn counter(&mut self, type_id: i32, registration_id: i64) -> i32 {
        let id = self
            .counters
            .allocate(self.now_ms, type_id, &[], "counter")
            .unwrap();
        self.counters
            .set_registration_id(id, registration_id)
            .unwrap();
        id
    }

    fn make_log(&mut self, id: i64, stream_id: i32, kind: Kind) -> PathBuf {
        let constants = Constants {
            kind,
            registration_id: id,
            session_id: 99,
            stream_id,
            mtu: 1408,
            term_length: TERM_LENGTH,
            ..Constants::default()
        };
        let length = log_length(constants.term_length, constants.page_size);
        let region = self
            .source
            .create(&log_path(id), length, Pages::Sparse)
            .unwrap();
        let log = LogBuffer::create(region, constants, 0).unwrap();
        log.status_writer().set_end_of_stream_position(i64::MAX);
        log_path(id)
    }
}

struct OwnedReady {
    id: i64,
    stream_id: i32,
    limit: i32,
    path: PathBuf,
}

impl OwnedReady {
    fn borrow(&self) -> PublicationReady<'_> {
        PublicationReady {
            correlation_id: self.id,
            registration_id: self.id,
            session_id: 99,
            stream_id: self.stream_id,
            limit_counter_id: self.limit,
            channel_status_id: -1,
            log_file: self.path.to_str().unwrap().as_bytes(),
        }
    }
}

fn log_path(id: i64) -> PathBuf {
    Path::new(DIR).join(format!("{id}.logbuffer"))
}
