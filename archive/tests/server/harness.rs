//! A node of ours: a driver on one thread, an archive on another, and clients.

use std::{
    net::UdpSocket,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use taranis_archive::{
    client::ArchiveContext,
    conductor::{ArchiveConductor, ArchiveSettings, ArchiveSetup},
    context::Context as Storage,
};
use taranis_runtime::{
    agent::Agent,
    clock::Now,
    config::{Bytes, Nanos},
    cycle::Rng,
    halt::Halt,
    idle::IdleStrategy,
    invoker::Invoker,
    io::{Backend, OsDisk, plain::PlainBackend},
    mem::{FileNames, NameSource, Names},
    runner::{Runners, ThreadPlan},
    testing::FreshDir,
};
use taranis_transport::{
    client::{Client, Context, Handlers},
    driver::{DriverSettings, MediaDriver},
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct OurNode {
    pub(crate) driver_dir: PathBuf,
    pub(crate) control_channel: String,
    settings: (Storage, ArchiveSettings),
    driver: Option<Runners>,
    archive: Option<Runners>,
    _shm: FreshDir,
    _disk: FreshDir,
}

impl OurNode {
    pub(crate) fn start(test: &str) -> Self {
        let (shm, disk) = (FreshDir::in_shm(test), FreshDir::on_disk(test));
        let driver_dir = shm.join("driver");
        for folder in ["publications", "images"] {
            std::fs::create_dir_all(driver_dir.join(folder)).unwrap();
        }
        let driver_settings = DriverSettings {
            term_buffer_length: Bytes(1 << 20),
            ipc_term_buffer_length: Bytes(1 << 20),
            ..DriverSettings::default()
        };
        let seeds = (Now::read(), Rng::new());
        let on_terminate = Box::new(|_: &[u8]| false);
        let driver = MediaDriver::new(
            driver_settings,
            &driver_dir,
            &FileNames,
            seeds,
            on_terminate,
        )
        .unwrap();
        let agents: Vec<Box<dyn Agent>> = vec![
            Box::new(driver.sender),
            Box::new(driver.receiver),
            Box::new(driver.conductor),
        ];
        let control_channel = format!("aeron:udp?endpoint=127.0.0.1:{}", free_port());
        let storage = Storage {
            dir: disk.join("archive"),
            segment_file_length: Bytes(128 << 10),
            ..Storage::default()
        };
        std::fs::create_dir_all(&storage.dir).unwrap();
        let settings = ArchiveSettings {
            control_channel: control_channel.clone(),
            ..ArchiveSettings::default()
        };
        let mut node = Self {
            driver_dir,
            control_channel,
            settings: (storage, settings),
            driver: Some(run("driver", agents)),
            archive: None,
            _shm: shm,
            _disk: disk,
        };
        node.start_archive();
        node
    }

    pub(crate) fn start_archive(&mut self) {
        let names: Arc<dyn NameSource> = Arc::new(FileNames);
        let context = Context::new(&self.driver_dir);
        let settings = self.settings.clone();
        let setup =
            ArchiveSetup::open(settings, context, &mut OsDisk, &names, Now::read()).unwrap();
        let agents: Vec<Box<dyn Agent>> = vec![Box::new(ArchiveConductor::new(setup))];
        self.archive = Some(run("archive", agents));
    }

    pub(crate) fn stop_archive(&mut self) {
        if let Some(archive) = self.archive.take() {
            archive.stop("test", "done");
        }
    }

    pub(crate) fn client(&self) -> Client {
        let context = Context {
            idle_sleep: Nanos(1_000_000),
            ..Context::new(&self.driver_dir)
        };
        Client::launch(context, Handlers::default()).unwrap()
    }

    pub(crate) fn context(&self) -> ArchiveContext {
        ArchiveContext {
            control_channel: self.control_channel.clone(),
            control_response_channel: "aeron:udp?endpoint=127.0.0.1:0".to_owned(),
            ..ArchiveContext::default()
        }
    }
}

impl Drop for OurNode {
    fn drop(&mut self) {
        self.stop_archive();
        if let Some(driver) = self.driver.take() {
            driver.stop("test", "done");
        }
    }
}

fn run(name: &str, agents: Vec<Box<dyn Agent>>) -> Runners {
    let halt = Halt::new();
    let backend =
        Box::new(|| -> Box<dyn Backend> { Box::new(PlainBackend::new(Names::of_files(), None)) });
    let on_fault = Box::new(|agent: &str, fault: &_| panic!("{agent}: {fault}"));
    let invoker = Invoker::new(agents, backend, Rng::new(), halt.clone(), on_fault);
    let mut runners = Runners::new(halt);
    let plan = ThreadPlan {
        name: name.to_owned(),
        core: None,
        idle: IdleStrategy::BACKOFF,
    };
    runners.start(plan, invoker).unwrap();
    runners
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// Waits until the condition gives something.
pub(crate) fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_micros(200));
    }
}
