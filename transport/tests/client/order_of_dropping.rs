//! Handles may be dropped in any order, the driver alive or dead, and a claim that is dropped blocks nobody (case: order of
//! dropping, leaks, double frees; 05 §9.2).

use taranis_runtime::agent::Turn;
use taranis_transport::client::{
    Aeron, ClientConductor, Counter, ExclusivePublication, Handlers, ImageHandlers, ImageInfo,
    Pending, Publication, Subscription,
};

use crate::scripted_driver::ScriptedDriver;

const CHANNEL: &str = "aeron:ipc";

/// One of each handle; the conductor among them, as an agent that ends before those it serves.
struct Handles {
    aeron: Option<Aeron>,
    conductor: Option<ClientConductor>,
    publication: Option<Publication>,
    exclusive: Option<ExclusivePublication>,
    subscription: Option<Subscription>,
    counter: Option<Counter>,
    image: Option<ImageInfo>,
    pending: Option<Pending<Counter>>,
}

const KINDS: usize = 5;

impl Handles {
    fn new(driver: &mut ScriptedDriver) -> Self {
        let (aeron, mut conductor) = driver.connect(Handlers::default());
        let pending = aeron.async_add_publication(CHANNEL, 7).unwrap();
        let publication = driver.complete(&mut conductor, pending).unwrap();
        let pending = aeron.async_add_exclusive_publication(CHANNEL, 7).unwrap();
        let exclusive = driver.complete(&mut conductor, pending).unwrap();
        let pending = aeron
            .async_add_subscription(CHANNEL, 7, ImageHandlers::default())
            .unwrap();
        let mut subscription = driver.complete(&mut conductor, pending).unwrap();
        let pending = aeron.async_add_counter(1000, &[], "a counter").unwrap();
        let counter = driver.complete(&mut conductor, pending).unwrap();
        driver.settle(&mut conductor);
        publication.offer(&[1; 5_000]).unwrap();
        assert!(subscription.poll(2, |_| {}) > 0);
        let image = subscription.images()[0].info().clone();
        let pending = aeron.async_add_counter(1000, &[], "never fetched").unwrap();
        Self {
            aeron: Some(aeron),
            conductor: Some(conductor),
            publication: Some(publication),
            exclusive: Some(exclusive),
            subscription: Some(subscription),
            counter: Some(counter),
            image: Some(image),
            pending: Some(pending),
        }
    }

    fn drop_one(&mut self, kind: usize) {
        match kind {
            0 => drop((self.aeron.take(), self.pending.take())),
            1 => self.conductor = None,
            2 => drop((self.publication.take(), self.exclusive.take())),
            3 => self.subscription = None,
            _ => self.counter = None,
        }
    }

    /// Whatever is left can be used.
    fn use_all(&mut self, driver: &mut ScriptedDriver, is_alive: bool) {
        if let Some(publication) = &self.publication {
            let _ = publication.offer(b"message");
            if let Ok(mut claim) = publication.try_claim(100) {
                claim.payload().fill(9);
            }
        }
        if let Some(exclusive) = &mut self.exclusive {
            let _ = exclusive.offer(&[2; 3_000]);
            drop(exclusive.try_claim(16));
        }
        if let Some(subscription) = &mut self.subscription {
            subscription.poll(100, |message| assert!(!message.payload.is_empty()));
        }
        if let Some(counter) = &self.counter {
            counter.increment();
        }
        if let Some(image) = &self.image {
            assert!(image.position() > 0);
        }
        if let Some(conductor) = &mut self.conductor {
            driver.turn(conductor);
            if is_alive {
                driver.serve();
            }
            driver.turn(conductor);
        }
    }
}

fn orders(kinds: usize) -> Vec<Vec<usize>> {
    if kinds == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(kinds - 1);
    let inserted = shorter.iter().flat_map(|order| {
        (0..kinds).map(move |at| {
            let mut longer = order.clone();
            longer.insert(at, kinds - 1);
            longer
        })
    });
    inserted.collect()
}

#[test]
fn any_order_is_safe_whether_the_driver_lives_or_not() {
    let orders = orders(KINDS);
    assert_eq!(orders.len(), 120);
    let rounds = orders
        .iter()
        .flat_map(|order| [(order, true), (order, false)]);
    for (order, is_alive) in rounds {
        let mut driver = ScriptedDriver::start();
        let mut handles = Handles::new(&mut driver);
        for kind in order {
            handles.drop_one(*kind);
            handles.use_all(&mut driver, is_alive);
        }
        let image = handles.image.take().unwrap();
        assert!(image.is_closed() && image.position() > 0, "{order:?}");
    }
}

#[test]
fn a_claim_dropped_or_lost_in_a_panic_blocks_nobody() {
    let mut driver = ScriptedDriver::start();
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    let pending = aeron.async_add_publication(CHANNEL, 7).unwrap();
    let publication = driver.complete(&mut conductor, pending).unwrap();
    let pending = aeron
        .async_add_subscription(CHANNEL, 7, ImageHandlers::default())
        .unwrap();
    let mut subscription = driver.complete(&mut conductor, pending).unwrap();
    driver.settle(&mut conductor);
    drop(publication.try_claim(100).unwrap());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _claim = publication.try_claim(200).unwrap();
        panic!("between claim and commit");
    }));
    assert!(panicked.is_err());
    let mut claim = publication.try_claim(3).unwrap();
    claim.payload().copy_from_slice(b"end");
    claim.commit();
    let mut seen = Vec::new();
    subscription.poll(10, |message| seen.push(message.payload.to_vec()));
    assert_eq!(seen, [b"end".to_vec()]);
}

#[test]
fn a_panic_of_a_fragment_handler_leaves_its_message_consumed() {
    let mut driver = ScriptedDriver::start();
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    let pending = aeron.async_add_publication(CHANNEL, 7).unwrap();
    let publication = driver.complete(&mut conductor, pending).unwrap();
    let pending = aeron
        .async_add_subscription(CHANNEL, 7, ImageHandlers::default())
        .unwrap();
    let mut subscription = driver.complete(&mut conductor, pending).unwrap();
    driver.settle(&mut conductor);
    publication.offer(&[1; 4_000]).unwrap();
    publication.offer(b"next").unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        subscription.poll(10, |_| panic!("the application's"));
    }));
    assert!(panicked.is_err());
    let mut seen = Vec::new();
    subscription.poll(10, |message| seen.push(message.payload.to_vec()));
    assert_eq!(seen, [b"next".to_vec()]);
}

#[test]
fn a_conductor_ends_while_its_handles_wait() {
    let mut driver = ScriptedDriver::start();
    let handles = Handles::new(&mut driver);
    let mut conductor = handles.conductor.unwrap();
    conductor.close();
    while driver.turn(&mut conductor) != Turn::Finished {}
    assert!(conductor.is_at_end());
    let mut pending = handles.pending.unwrap();
    assert!(pending.poll().is_err());
}
