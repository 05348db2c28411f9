//! A client for applications: with a thread of its own or turned by its owner, and calls that wait for their answers.

use std::{thread, time::Duration};

use taranis_runtime::{
    agent::Turn,
    clock::Now,
    halt::Halt,
    idle::IdleStrategy,
    invoker::Invoker,
    io::plain::PlainBackend,
    mem::Names,
    runner::{Runners, ThreadPlan},
};

use super::{
    aeron::{Aeron, Connect},
    conductor::{ClientConductor, Handlers},
    context::Context,
    counter::Counter,
    error::ClientError,
    exclusive::ExclusivePublication,
    image::ImageHandlers,
    pending::Pending,
    publication::Publication,
    subscription::Subscription,
};

/// Between two looks for an answer.
const AWAIT_SLEEP: Duration = Duration::from_millis(1);

/// A client whose calls wait for the driver's answers, for applications that own their thread. Dropping it closes the client
/// and everything it gave out.
///
/// After a fatal error (see [`ClientError::is_fatal`]: the driver died, the client was suspended too long) everything it gave
/// out reports that it is closed. Drop it, and launch another with a clone of the same [`Context`]; nothing has to be dropped
/// first, nor in any order.
///
/// ```no_run
/// use taranis_transport::client::{Client, Context, Handlers};
///
/// let mut client = Client::launch(Context::new("/dev/shm/aeron-me"), Handlers::default())?;
/// let mut subscription = client.add_subscription("aeron:ipc", 1001)?;
/// let publication = client.add_publication("aeron:ipc", 1001)?;
/// while publication.offer(b"hello").is_err() {}
/// while subscription.poll(10, |message| println!("{} bytes", message.payload.len())) == 0 {}
/// # Ok::<(), taranis_transport::client::ClientError>(())
/// ```
#[derive(Debug)]
pub struct Client {
    aeron: Aeron,
    turns: Turns,
}

/// Who gives the conductor its turns.
#[derive(Debug)]
enum Turns {
    Thread(Runners),
    Owner(Box<Owned>),
}

#[derive(Debug)]
struct Owned {
    conductor: ClientConductor,
    names: Names,
}

impl Client {
    /// Connects, waiting for a driver up to the driver timeout, and starts a thread for the conductor. It looks for work
    /// every [`Context::idle_sleep`].
    ///
    /// # Errors
    /// When there is no driver, the settings can't be used, or the system refuses the thread.
    pub fn launch(context: Context, handlers: Handlers) -> Result<Self, ClientError> {
        let plan = ThreadPlan {
            name: "aeron-client".into(),
            core: None,
            idle: IdleStrategy::Sleeping {
                park_ns: context.idle_sleep.0.unsigned_abs(),
            },
        };
        Self::launch_on(plan, context, handlers)
    }

    /// As [`Client::launch`], on a thread of that name, core and idle strategy.
    ///
    /// # Errors
    /// As [`Client::launch`].
    pub fn launch_on(
        plan: ThreadPlan,
        context: Context,
        handlers: Handlers,
    ) -> Result<Self, ClientError> {
        let names = Names::of_files();
        let (aeron, conductor) = connect(context, handlers, &names)?;
        let halt = Halt::new();
        let invoker = Invoker::new(
            vec![Box::new(conductor)],
            Box::new(move || Box::new(PlainBackend::new(names, None))),
            fastrand::Rng::new(),
            halt.clone(),
            Box::new(|agent, fault| tracing::error!("{agent}: {fault}")),
        );
        let mut runners = Runners::new(halt);
        runners.start(plan, invoker).map_err(ClientError::Thread)?;
        Ok(Self {
            aeron,
            turns: Turns::Thread(runners),
        })
    }

    /// Connects as [`Client::launch`] does, but starts no thread: the conductor gets its turns from [`Client::invoke`] and
    /// from the calls that wait.
    ///
    /// # Errors
    /// When there is no driver, or the settings can't be used.
    pub fn invoked(context: Context, handlers: Handlers) -> Result<Self, ClientError> {
        let names = Names::of_files();
        let (aeron, conductor) = connect(context, handlers, &names)?;
        Ok(Self {
            aeron,
            turns: Turns::Owner(Box::new(Owned { conductor, names })),
        })
    }

    /// For asking without waiting, and for other threads.
    pub fn aeron(&self) -> &Aeron {
        &self.aeron
    }

    /// One turn of the conductor, where it has no thread of its own: at least once per client liveness timeout of the
    /// driver. Returns the work done.
    pub fn invoke(&mut self) -> usize {
        match &mut self.turns {
            Turns::Thread(_) => 0,
            Turns::Owner(owned) => owned.turn().work(),
        }
    }

    /// Waits for an answer, and gives the conductor its turns meanwhile where it has no thread.
    ///
    /// # Errors
    /// The answer's own; [`ClientError::Reentrant`] in one of the client's handlers.
    pub fn wait<T>(&mut self, pending: Pending<T>) -> Result<T, ClientError> {
        pending.wait(|| {
            if self.invoke() == 0 {
                doze();
            }
            Ok(())
        })
    }

    /// Adds a publication that may be shared.
    ///
    /// # Errors
    /// What the driver refuses, and [`ClientError::NoResponse`].
    pub fn add_publication(
        &mut self,
        channel: &str,
        stream_id: i32,
    ) -> Result<Publication, ClientError> {
        let pending = self.aeron.async_add_publication(channel, stream_id)?;
        self.wait(pending)
    }

    /// Adds a publication for one writer.
    ///
    /// # Errors
    /// As [`Client::add_publication`].
    pub fn add_exclusive_publication(
        &mut self,
        channel: &str,
        stream_id: i32,
    ) -> Result<ExclusivePublication, ClientError> {
        let pending = self
            .aeron
            .async_add_exclusive_publication(channel, stream_id)?;
        self.wait(pending)
    }

    /// Adds a subscription.
    ///
    /// # Errors
    /// As [`Client::add_publication`].
    pub fn add_subscription(
        &mut self,
        channel: &str,
        stream_id: i32,
    ) -> Result<Subscription, ClientError> {
        self.add_subscription_with(channel, stream_id, ImageHandlers::default())
    }

    /// Adds a subscription with handlers for its images.
    ///
    /// # Errors
    /// As [`Client::add_publication`].
    pub fn add_subscription_with(
        &mut self,
        channel: &str,
        stream_id: i32,
        handlers: ImageHandlers,
    ) -> Result<Subscription, ClientError> {
        let pending = self
            .aeron
            .async_add_subscription(channel, stream_id, handlers)?;
        self.wait(pending)
    }

    /// Adds a counter.
    ///
    /// # Errors
    /// As [`Client::add_publication`], and when key or label is too long.
    pub fn add_counter(
        &mut self,
        type_id: i32,
        key: &[u8],
        label: &str,
    ) -> Result<Counter, ClientError> {
        let pending = self.aeron.async_add_counter(type_id, key, label)?;
        self.wait(pending)
    }

    /// Closes the client, and waits until the conductor has.
    pub fn close(mut self) {
        self.shut();
    }

    fn shut(&mut self) {
        self.aeron.close();
        match &mut self.turns {
            Turns::Thread(runners) => {
                let halt = Halt::new();
                // The conductor ends by itself, and with it its thread.
                let _ = std::mem::replace(runners, Runners::new(halt)).join();
            }
            Turns::Owner(owned) => while owned.turn() != Turn::Finished {},
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shut();
    }
}

impl Owned {
    fn turn(&mut self) -> Turn {
        self.conductor.turn(Now::read(), &self.names)
    }
}

fn connect(
    context: Context,
    handlers: Handlers,
    names: &Names,
) -> Result<(Aeron, ClientConductor), ClientError> {
    let mut connect = Connect::new(context, handlers, Now::read())?;
    loop {
        if let Some(connected) = connect.poll(Now::read(), names)? {
            return Ok(connected);
        }
        doze();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the application's own thread, in a call that is documented to wait"
)]
fn doze() {
    thread::sleep(AWAIT_SLEEP);
}
