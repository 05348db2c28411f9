//! A real driver dies, or loses patience, under a running client (05 §1.11).

use std::sync::mpsc::channel;

use taranis_transport::client::{Client, ClientError, Context, Handlers, Millis, Refused};

use crate::harness::{JavaDriver, until, wait_for};

const QUICK: &[&str] = &["timer-interval-ns=100000000"];

/// Mappings of files below a directory, as the system sees them.
fn mappings_below(dir: &std::path::Path) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines()
        .filter(|line| line.contains(dir.to_str().unwrap()))
        .count()
}

#[test]
fn a_killed_driver_ends_the_client_and_another_can_be_connected_in_its_place() {
    let Some(mut driver) = JavaDriver::start_with("killed", QUICK) else {
        return;
    };
    for round in 0..2 {
        let (tell, told) = channel();
        let context = Context {
            driver_timeout: Millis(3_000),
            ..driver.context()
        };
        let handlers = Handlers {
            error: Some(Box::new(move |error| tell.send(error.to_string()).unwrap())),
            ..Handlers::default()
        };
        // The same settings, a new client: the documented way back.
        let mut client = Client::launch(context, handlers).unwrap();
        let mut subscription = client.add_subscription("aeron:ipc", 1).unwrap();
        let publication = client.add_publication("aeron:ipc", 1).unwrap();
        let counter = client.add_counter(1000, &[], "one").unwrap();
        wait_for("the subscription is connected", || {
            subscription.is_connected()
        });
        until("traffic flows", || publication.offer(b"traffic").ok());
        wait_for("it arrives", || subscription.poll(1, |_| {}) == 1);
        assert!(mappings_below(&driver.dir) > 0);

        let dead = driver.kill();
        wait_for("offers are refused", || {
            publication.offer(b"into the void") == Err(Refused::Closed)
        });
        assert_eq!(subscription.poll(1, |_| {}), 0);
        assert!(counter.is_closed() && client.aeron().is_closed());
        let errors: Vec<String> = {
            wait_for("the conductor is at its end", || client.aeron().is_at_end());
            told.try_iter().collect()
        };
        assert_eq!(errors.len(), 1, "round {round}: {errors:?}");
        assert!(errors[0].contains("keepalive: age="), "{errors:?}");
        driver = dead.restart(QUICK);
        drop((counter, client, publication, subscription));
        assert_eq!(mappings_below(&driver.dir), 0, "nothing stays mapped");
    }
}

#[test]
fn a_driver_that_shuts_down_ends_the_client_at_once() {
    let Some(mut driver) = JavaDriver::start("shutdown") else {
        return;
    };
    let (tell, told) = channel();
    let mut client = driver.client_with(Handlers {
        error: Some(Box::new(move |error| tell.send(error.to_string()).unwrap())),
        ..Handlers::default()
    });
    let publication = client.add_publication("aeron:ipc", 1).unwrap();
    driver.ask("close", "CLOSED");
    let error = told.recv().unwrap();
    assert!(error.ends_with("has been shutdown"), "{error}");
    wait_for("the publication is closed", || publication.is_closed());
    client.close();
    let context = Context {
        driver_timeout: Millis(300),
        ..driver.context()
    };
    let error = Client::launch(context, Handlers::default()).unwrap_err();
    assert!(matches!(error, ClientError::Attach(_)), "{error}");
}

#[test]
fn a_client_that_slept_too_long_learns_it_in_its_first_turn() {
    let settings = [
        "client-liveness-ns=3000000000",
        "publication-unblock-ns=5000000000",
        QUICK[0],
    ];
    let Some(driver) = JavaDriver::start_with("asleep", &settings) else {
        return;
    };
    let (tell, told) = channel();
    let handlers = Handlers {
        error: Some(Box::new(move |error| tell.send(error.to_string()).unwrap())),
        ..Handlers::default()
    };
    let mut sleeper = Client::invoked(driver.context(), handlers).unwrap();
    let publication = sleeper.add_publication("aeron:ipc", 1).unwrap();
    let id = sleeper.aeron().client_id();
    let watcher = driver.client();
    let counters = watcher.aeron().counters();
    let heartbeat = taranis_transport::counters::type_id::CLIENT_HEARTBEAT;
    wait_for("the driver gives the sleeper up", || {
        counters.find(heartbeat, id).is_none()
    });
    assert_eq!(
        counters.get(24).unwrap().value(),
        1,
        "client liveness timeouts"
    );
    sleeper.invoke();
    assert_eq!(publication.offer(b"closed"), Err(Refused::Closed));
    for _ in 0..3 {
        sleeper.invoke();
    }
    let errors: Vec<String> = told.try_iter().collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].contains("service interval exceeded"),
        "{errors:?}"
    );
    assert!(!watcher.aeron().is_closed());
}
