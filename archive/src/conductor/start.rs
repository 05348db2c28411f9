//! From set up to running: driver, catalog file, control subscriptions. Each step is polled.

use taranis_runtime::agent::Agent;
use taranis_runtime::{
    cycle::Cycle,
    io::{Chore, FileAccess, Opening, Outcome, Ticket},
};
use taranis_transport::client::{
    Aeron, ClientConductor, ClientError, Connect, Handlers, ImageHandlers, Pending, Subscription,
};

use super::{core::Core, setup::ArchiveSetup};
use crate::catalog::{CatalogFile, layout::FILE_NAME};

/// Why an archive could not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartFailed {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{what}: {problem}")]
    Step { what: &'static str, problem: String },
}

/// An archive that is starting.
pub(super) struct Starting {
    setup: Option<ArchiveSetup>,
    step: Step,
}

enum Step {
    Begin,
    Connect(Box<Connect>),
    Open {
        client: Box<ClientConductor>,
        aeron: Aeron,
        ticket: Ticket,
    },
    Subscribe(Box<Subscribe>),
    Failed,
}

/// What an archive runs with once it has started.
pub(super) type Started = (Box<ClientConductor>, Box<Core>);

struct Subscribe {
    client: Box<ClientConductor>,
    aeron: Aeron,
    file: CatalogFile,
    pending: Vec<Wanted>,
    done: Vec<Subscription>,
}

/// A control stream, and the subscription to it once it was asked for.
type Wanted = ((String, i32), Option<Pending<Subscription>>);

impl Starting {
    pub(super) fn new(setup: ArchiveSetup) -> Self {
        Self {
            setup: Some(setup),
            step: Step::Begin,
        }
    }

    /// One step, if it can be taken. What the archive runs with, with the last.
    pub(super) fn turn(&mut self, cycle: &mut Cycle<'_>) -> Result<Option<Started>, StartFailed> {
        let step = std::mem::replace(&mut self.step, Step::Failed);
        self.step = match step {
            Step::Begin => {
                let context = self.setup().client.clone();
                Step::Connect(Box::new(Connect::new(
                    context,
                    Handlers::default(),
                    cycle.now,
                )?))
            }
            Step::Connect(mut connect) => match connect.poll(cycle.now, cycle.names)? {
                Some((aeron, client)) => self.open(aeron, client, cycle)?,
                None => {
                    cycle.wake.at(connect.next_look_ns());
                    Step::Connect(connect)
                }
            },
            Step::Open {
                mut client,
                aeron,
                ticket,
            } => {
                turn_of(&mut client, cycle)?;
                let outcome = cycle
                    .mail
                    .take_completions()
                    .find(|one| one.ticket == ticket);
                match outcome.map(|completion| completion.outcome) {
                    Some(Outcome::File(token)) => self.subscribe(client, aeron, token, cycle)?,
                    Some(other) => {
                        return Err(StartFailed::Step {
                            what: FILE_NAME,
                            problem: format!("{other:?}"),
                        });
                    }
                    None => Step::Open {
                        client,
                        aeron,
                        ticket,
                    },
                }
            }
            Step::Subscribe(mut subscribe) => {
                turn_of(&mut subscribe.client, cycle)?;
                if subscribe.poll()? {
                    return Ok(Some(self.run(*subscribe)));
                }
                Step::Subscribe(subscribe)
            }
            Step::Failed => {
                return Err(StartFailed::Step {
                    what: "archive",
                    problem: "starting failed before".to_owned(),
                });
            }
        };
        Ok(None)
    }

    fn setup(&self) -> &ArchiveSetup {
        self.setup
            .as_ref()
            .expect("the setup is there until the archive runs")
    }

    fn open(
        &self,
        aeron: Aeron,
        client: ClientConductor,
        cycle: &mut Cycle<'_>,
    ) -> Result<Step, StartFailed> {
        let path = self.setup().context.dir.join(FILE_NAME);
        let chore = Chore::OpenFile {
            path,
            access: FileAccess::Buffered,
            opening: Opening::Existing,
        };
        let ticket = cycle.chores.ask(chore).map_err(|full| StartFailed::Step {
            what: FILE_NAME,
            problem: full.to_string(),
        })?;
        Ok(Step::Open {
            client: Box::new(client),
            aeron,
            ticket,
        })
    }

    fn subscribe(
        &self,
        client: Box<ClientConductor>,
        aeron: Aeron,
        token: taranis_runtime::io::FileToken,
        cycle: &mut Cycle<'_>,
    ) -> Result<Step, StartFailed> {
        let ArchiveSetup {
            context, settings, ..
        } = self.setup();
        let durability = context.catalog_durability();
        let file = CatalogFile::adopt(context.dir.clone(), token, durability, cycle.files)
            .map_err(|full| StartFailed::Step {
                what: FILE_NAME,
                problem: full.to_string(),
            })?;
        let remote = (settings.control_channel.clone(), settings.control_stream_id);
        let local = (
            settings.local_control_channel.clone(),
            settings.local_control_stream_id,
        );
        let wanted = [remote, local]
            .into_iter()
            .filter(|(channel, _)| !channel.is_empty());
        let pending = wanted.map(|stream| (stream, None)).collect();
        Ok(Step::Subscribe(Box::new(Subscribe {
            client,
            aeron,
            file,
            pending,
            done: Vec::new(),
        })))
    }

    fn run(&mut self, subscribe: Subscribe) -> Started {
        let setup = self
            .setup
            .take()
            .expect("the setup is there until the archive runs");
        let core = Core::new(setup, subscribe.aeron, subscribe.file, subscribe.done);
        (subscribe.client, Box::new(core))
    }
}

impl Subscribe {
    /// Whether all subscriptions are there.
    fn poll(&mut self) -> Result<bool, StartFailed> {
        for ((channel, stream_id), pending) in &mut self.pending {
            match pending {
                None => {
                    let handlers = ImageHandlers::default();
                    *pending = Some(
                        self.aeron
                            .async_add_subscription(channel, *stream_id, handlers)?,
                    );
                }
                Some(waiting) => match waiting.poll() {
                    Ok(Some(subscription)) => self.done.push(subscription),
                    Ok(None) => {}
                    Err(error) if error.is_temporary() => *pending = None,
                    Err(error) => return Err(error.into()),
                },
            }
        }
        let done = &self.done;
        self.pending
            .retain(|((channel, _), _)| !done.iter().any(|one| one.channel() == channel));
        Ok(self.pending.is_empty())
    }
}

fn turn_of(client: &mut ClientConductor, cycle: &mut Cycle<'_>) -> Result<(), StartFailed> {
    client
        .do_work(cycle)
        .map(|_| ())
        .map_err(|fault| StartFailed::Step {
            what: "Aeron client",
            problem: fault.to_string(),
        })
}
