//! Whatever ends a client, everything it gave out is closed, and its error handler is told once (05 §1.10, §1.11).

use std::sync::{
    Arc,
    mpsc::{Receiver, channel},
};

use taranis_runtime::{agent::Turn, config::Nanos};
use taranis_transport::{
    client::{
        Aeron, ClientConductor, ClientError, Context, Counter, Handlers, ImageHandlers, ImageInfo,
        Publication, Refused, Subscription,
    },
    command::Event,
};

use crate::scripted_driver::{DIR, LIVENESS_MS, MS, ScriptedDriver};

const CHANNEL: &str = "aeron:ipc";

/// A client with one of each, and what its handlers were told.
struct World {
    driver: ScriptedDriver,
    conductor: ClientConductor,
    aeron: Aeron,
    publication: Publication,
    subscription: Subscription,
    counter: Counter,
    image: ImageInfo,
    told: Receiver<String>,
}

impl World {
    fn new() -> Self {
        let mut driver = ScriptedDriver::start();
        let (tell, told) = channel();
        let (tell_of_image, tell_of_close) = (tell.clone(), tell.clone());
        let handlers = Handlers {
            error: Some(Box::new(move |error| drop(tell.send(error.to_string())))),
            unavailable_image: Some(Box::new(move |image| {
                drop(tell_of_image.send(format!("unavailable image at {}", image.position())));
            })),
            close: Some(Box::new(move || drop(tell_of_close.send("closed".into())))),
            ..Handlers::default()
        };
        let (aeron, mut conductor) = driver.connect(handlers);
        let pending = aeron.async_add_publication(CHANNEL, 7).unwrap();
        let publication = driver.complete(&mut conductor, pending).unwrap();
        let pending = aeron
            .async_add_subscription(CHANNEL, 7, ImageHandlers::default())
            .unwrap();
        let mut subscription = driver.complete(&mut conductor, pending).unwrap();
        let pending = aeron.async_add_counter(1000, b"key", "label").unwrap();
        let counter = driver.complete(&mut conductor, pending).unwrap();
        counter.set(5);
        driver.settle(&mut conductor);
        publication.offer(b"one").unwrap();
        assert_eq!(subscription.poll(10, |_| {}), 1);
        let image = subscription.images()[0].info().clone();
        Self {
            driver,
            conductor,
            aeron,
            publication,
            subscription,
            counter,
            image,
            told,
        }
    }

    fn told(&self) -> Vec<String> {
        self.told.try_iter().collect()
    }

    /// Everything is closed, and stays so.
    fn assert_closed(&mut self) {
        assert_eq!(self.publication.offer(b"two"), Err(Refused::Closed));
        assert!(self.publication.try_claim(8).is_err());
        assert_eq!(self.publication.position(), None);
        assert!(!self.publication.is_connected());
        assert_eq!(
            self.subscription.poll(10, |_| panic!("nothing can come")),
            0
        );
        assert!(self.image.is_closed());
        assert_eq!(self.image.position(), 64);
        assert_eq!(self.counter.get(), 0);
        self.counter.set(9);
        assert!(self.aeron.is_closed());
        assert!(matches!(
            self.aeron.async_add_publication(CHANNEL, 8),
            Err(ClientError::Closed)
        ));
        assert!(!self.aeron.has_active_commands());
    }

    fn run_to_end(&mut self) {
        for _ in 0..3 {
            if self.driver.turn(&mut self.conductor) == Turn::Finished {
                return;
            }
        }
        panic!("the conductor does not end");
    }
}

#[test]
fn a_suspended_client_closes_in_its_first_turn() {
    let mut world = World::new();
    world.driver.pass(LIVENESS_MS + 1);
    assert!(world.publication.offer(b"not yet noticed").is_ok());
    world.driver.turn(&mut world.conductor);
    world.assert_closed();
    world.run_to_end();
    assert_eq!(
        world.told(),
        [
            "FATAL - service interval exceeded: timeout=10000000000ns, interval=10001000000ns",
            "unavailable image at 64",
            "closed"
        ]
    );
}

#[test]
fn a_client_that_the_driver_gave_up_closes() {
    let mut world = World::new();
    let client_id = world.aeron.client_id();
    world.driver.send(Event::ClientTimeout {
        client_id: client_id + 1,
    });
    world.driver.turn(&mut world.conductor);
    assert!(!world.aeron.is_closed(), "another client's");
    world.driver.send(Event::ClientTimeout { client_id });
    world.driver.turn(&mut world.conductor);
    world.assert_closed();
    assert_eq!(world.told()[0], "FATAL - client timeout from driver");
}

#[test]
fn a_silent_driver_ends_it_after_the_driver_timeout() {
    let mut world = World::new();
    world.driver.pass(20);
    world.driver.turn(&mut world.conductor);
    for _ in 0..20 {
        world.driver.pass_in_silence(500);
        assert!(matches!(
            world.driver.turn(&mut world.conductor),
            Turn::Worked(_)
        ));
    }
    assert_eq!(world.told(), [""; 0]);
    world.driver.pass_in_silence(500);
    world.driver.turn(&mut world.conductor);
    world.assert_closed();
    let told = world.told();
    assert!(
        told[0].starts_with("FATAL - MediaDriver (/scripted) keepalive: age="),
        "{told:?}"
    );
    assert_eq!(told[1..], ["unavailable image at 64", "closed"]);
}

#[test]
fn a_driver_that_shuts_down_ends_it_at_the_next_look() {
    let mut world = World::new();
    world.driver.pass_in_silence(20);
    world.driver.cnc.close();
    world.driver.turn(&mut world.conductor);
    world.assert_closed();
    assert_eq!(
        world.told()[0],
        "FATAL - MediaDriver (/scripted) has been shutdown"
    );
}

#[test]
fn events_that_were_lost_end_it() {
    let mut world = World::new();
    for _ in 0..100_000 {
        world
            .driver
            .send(Event::OperationSuccess { correlation_id: -5 });
    }
    world.driver.turn(&mut world.conductor);
    world.assert_closed();
    assert_eq!(world.told()[0], "ERROR - unable to keep up with broadcast");
}

#[test]
fn a_heartbeat_counter_that_is_gone_ends_it_before_it_writes_anothers() {
    let mut world = World::new();
    world.driver.pass(600);
    world.driver.turn(&mut world.conductor);
    let id = world.driver.heartbeat_counter(world.aeron.client_id());
    let beat = world.driver.counters.reader().get(id).unwrap().value();
    assert_eq!(beat, world.driver.now().epoch_ms());
    world.driver.counters.free(0, id).unwrap();
    assert_eq!(
        world
            .driver
            .counters
            .allocate(0, 1000, &[], "another")
            .unwrap(),
        id
    );
    world.driver.pass(600);
    world.driver.turn(&mut world.conductor);
    world.assert_closed();
    assert_eq!(
        world.told()[0],
        format!("ERROR - unexpected close of heartbeat timestamp counter: {id}")
    );
    assert_eq!(world.driver.counters.reader().get(id).unwrap().value(), 0);
}

#[test]
fn closing_tells_the_driver_and_answers_who_still_waits() {
    let mut world = World::new();
    let mut pending = world.aeron.async_add_publication(CHANNEL, 8).unwrap();
    world.driver.turn(&mut world.conductor);
    let mut queued = world.aeron.async_add_publication(CHANNEL, 9).unwrap();
    world.aeron.close();
    assert!(world.aeron.is_closed());
    world.run_to_end();
    world.assert_closed();
    assert!(matches!(pending.poll(), Err(ClientError::Closed)));
    assert!(matches!(queued.poll(), Err(ClientError::Closed)));
    assert_eq!(world.told(), ["unavailable image at 64", "closed"]);
    world.driver.ignore();
    assert!(
        world
            .driver
            .asked
            .last()
            .unwrap()
            .contains("correlation_id: -1, body: ClientClose")
    );
    assert_eq!(world.driver.turn(&mut world.conductor), Turn::Finished);
}

#[test]
fn dropping_the_last_aeron_closes_the_client() {
    let World {
        mut driver,
        mut conductor,
        aeron,
        publication,
        ..
    } = World::new();
    let other = aeron.clone();
    drop(aeron);
    driver.settle(&mut conductor);
    assert!(publication.offer(b"still open").is_ok());
    drop(other);
    driver.turn(&mut conductor);
    assert_eq!(publication.offer(b"closed"), Err(Refused::Closed));
}

#[test]
fn a_conductor_that_is_dropped_leaves_nothing_open() {
    let World {
        conductor,
        publication,
        mut subscription,
        counter,
        aeron,
        ..
    } = World::new();
    let mut pending = aeron.async_add_counter(1000, &[], "never").unwrap();
    drop(conductor);
    assert_eq!(publication.offer(b"closed"), Err(Refused::Closed));
    assert_eq!(subscription.poll(10, |_| panic!("nothing can come")), 0);
    assert!(counter.is_closed() && aeron.is_at_end());
    assert!(matches!(pending.poll(), Err(ClientError::Closed)));
}

#[test]
fn a_panic_in_a_handler_leaves_nothing_open() {
    let mut driver = ScriptedDriver::start();
    let handlers = ImageHandlers {
        available: Some(Box::new(|_| panic!("the application's"))),
        unavailable: Some(Box::new(|_| panic!("must not be called"))),
    };
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    let pending = aeron.async_add_publication(CHANNEL, 7).unwrap();
    let publication = driver.complete(&mut conductor, pending).unwrap();
    let mut pending = aeron.async_add_subscription(CHANNEL, 7, handlers).unwrap();
    driver.turn(&mut conductor);
    driver.serve();
    let turned =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| driver.turn(&mut conductor)));
    assert!(turned.is_err());
    assert_eq!(publication.offer(b"closed"), Err(Refused::Closed));
    let mut subscription = pending
        .poll()
        .unwrap()
        .expect("it was ready before its image came");
    assert_eq!(subscription.poll(10, |_| panic!("nothing can come")), 0);
}

#[test]
fn a_handler_can_ask_but_not_wait() {
    let mut driver = ScriptedDriver::start();
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    let inner = Arc::new(std::sync::OnceLock::<Aeron>::new());
    let (tell, told) = channel();
    let handler = {
        let inner = Arc::clone(&inner);
        Box::new(move |_: &ImageInfo| {
            let asked = inner
                .get()
                .unwrap()
                .async_add_counter(1000, &[], "from a handler")
                .unwrap();
            tell.send(
                asked
                    .wait(|| panic!("not reached"))
                    .unwrap_err()
                    .to_string(),
            )
            .unwrap();
        })
    };
    inner.set(aeron.clone()).unwrap();
    let handlers = ImageHandlers {
        available: Some(handler),
        unavailable: None,
    };
    let pending = aeron.async_add_publication(CHANNEL, 7).unwrap();
    let _publication = driver.complete(&mut conductor, pending).unwrap();
    let pending = aeron.async_add_subscription(CHANNEL, 7, handlers).unwrap();
    let _subscription = driver.complete(&mut conductor, pending).unwrap();
    driver.settle(&mut conductor);
    assert_eq!(
        told.try_recv().unwrap(),
        "ERROR - reentrant calls not permitted during callbacks"
    );
    assert!(
        driver
            .asked
            .iter()
            .any(|asked| asked.contains("AddCounter"))
    );
}

#[test]
fn a_keep_alive_rarer_than_the_drivers_patience_is_refused_at_the_start() {
    let driver = ScriptedDriver::start();
    let context = Context {
        keep_alive_interval: Nanos(LIVENESS_MS * MS),
        ..Context::new(DIR)
    };
    let error = driver
        .try_connect(context, Handlers::default())
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("less than the driver's client liveness timeout"),
        "{error}"
    );
}
