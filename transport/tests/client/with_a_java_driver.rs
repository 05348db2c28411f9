//! What a client does with a real driver: Java's (05 §11). One driver serves the tests that leave it alone.

#![expect(
    clippy::disallowed_types,
    reason = "the driver that tests share is asked by one at a time"
)]

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc::channel},
};

use taranis_runtime::{clock::Now, mem::Names, testing::allocations};
use taranis_transport::{
    client::{
        ChannelStatus, Client, ClientError, CounterEvent, DriverState, Handlers, ImageHandlers,
        Refused, driver_state, request_driver_termination,
    },
    command::ErrorCode,
    counters::type_id,
};

use crate::harness::{JavaDriver, until, wait_for};

/// The driver of all tests here; its directory goes with it when this process ends.
fn driver() -> Option<MutexGuard<'static, JavaDriver>> {
    static DRIVER: OnceLock<Option<Mutex<JavaDriver>>> = OnceLock::new();
    let driver = DRIVER.get_or_init(|| JavaDriver::start("shared").map(Mutex::new));
    Some(
        driver
            .as_ref()?
            .lock()
            .unwrap_or_else(PoisonError::into_inner),
    )
}

fn client(driver: &JavaDriver) -> Client {
    driver.client_with(Handlers {
        error: Some(Box::new(|error| panic!("no error is expected: {error}"))),
        ..Handlers::default()
    })
}

#[test]
fn the_driver_knows_the_client_by_its_heartbeat_counter() {
    let Some(driver) = driver() else { return };
    let mut client = client(&driver);
    let _counter = client.add_counter(1000, b"key", "makes it known").unwrap();
    let id = client.aeron().client_id();
    let label = until("the heartbeat counter is labelled", || {
        let counters = client.aeron().counters();
        let found = counters.iter().find(|counter| {
            counter.type_id() == type_id::CLIENT_HEARTBEAT && counter.registration_id() == id
        })?;
        Some(found.label()).filter(|label| label.contains("name="))
    });
    assert!(
        label.starts_with(&format!("client-heartbeat: id={id} name= version=")),
        "{label}"
    );
    assert!(client.aeron().control_protocol_version().major() >= 1);
}

#[test]
fn refusals_carry_the_drivers_code_and_the_client_goes_on() {
    let Some(driver) = driver() else { return };
    let mut client = client(&driver);
    let error = client.add_publication("invalid-channel", 1).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::InvalidChannel), "{error}");
    assert!(error.to_string().contains("errorCodeValue=1"), "{error}");
    let error = client
        .add_publication("aeron:udp?endpoint=no.such.host.invalid:1", 1)
        .unwrap_err();
    assert!(
        error.to_string().contains("no.such.host.invalid"),
        "{error}"
    );
    assert!(client.add_publication("aeron:ipc", 1).is_ok());
    wait_for("all commands are answered", || {
        !client.aeron().has_active_commands()
    });
}

#[test]
fn a_stream_added_twice_is_one_with_two_handles() {
    let Some(driver) = driver() else { return };
    let mut client = client(&driver);
    let first = client.add_publication("aeron:ipc", 2).unwrap();
    let second = client.add_publication("aeron:ipc", 2).unwrap();
    assert!(first.is_original() && !second.is_original());
    assert_eq!(first.session_id(), second.session_id());
    assert_eq!(
        first.original_registration_id(),
        second.original_registration_id()
    );
    assert_eq!(second.offer(b"nobody"), Err(Refused::NotConnected));
    let mut subscription = client.add_subscription("aeron:ipc", 2).unwrap();
    wait_for("the subscription is connected", || {
        subscription.is_connected()
    });
    drop(first);
    wait_for("the first is removed", || {
        !client.aeron().has_active_commands()
    });
    until("the second goes on", || second.offer(b"on").ok());
    wait_for("it arrives", || {
        subscription.poll(1, |message| assert_eq!(message.payload, b"on")) == 1
    });
    second.close();
    assert_eq!(second.offer(b"closed"), Err(Refused::Closed));
}

#[test]
fn a_stalled_subscriber_presses_back_and_all_that_was_accepted_arrives() {
    let Some(driver) = driver() else { return };
    let mut client = client(&driver);
    let channel = "aeron:ipc?term-length=64k";
    let mut subscription = client.add_subscription(channel, 3).unwrap();
    let mut publication = client.add_exclusive_publication(channel, 3).unwrap();
    wait_for("the publication is connected", || {
        publication.is_connected()
    });
    let mut accepted = 0;
    let refused = loop {
        match publication.offer(&[accepted as u8; 1_000]) {
            Ok(position) => {
                assert_eq!(position % 32, 0);
                accepted += 1;
            }
            Err(Refused::AdminAction) => {}
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, Refused::BackPressured);
    let end = publication.position();
    drop(publication);
    let image = until("the image is there", || {
        subscription
            .images()
            .first()
            .map(|image| image.info().clone())
    });
    let mut arrived = 0;
    wait_for("all that was accepted arrived", || {
        subscription.poll(10, |message| {
            assert_eq!(message.payload, [arrived as u8; 1_000]);
            arrived += 1;
        });
        arrived == accepted
    });
    wait_for("the stream has ended", || image.is_end_of_stream());
    assert_eq!(
        (image.position(), image.end_of_stream_position()),
        (end, end)
    );
    wait_for("the image is gone", || !subscription.is_connected());
    assert!(image.is_end_of_stream() && image.position() == end);
}

#[test]
fn a_message_above_the_mtu_comes_whole_or_in_named_pieces() {
    let Some(driver) = driver() else { return };
    let mut client = client(&driver);
    let mut subscription = client.add_subscription("aeron:ipc?mtu=1408", 4).unwrap();
    let mut raw = client.add_subscription("aeron:ipc?mtu=1408", 4).unwrap();
    let publication = client.add_publication("aeron:ipc?mtu=1408", 4).unwrap();
    wait_for("both are connected", || {
        subscription.is_connected() && raw.is_connected()
    });
    let message: Vec<u8> = (0..10_000_u32).map(|at| (at % 251) as u8).collect();
    let position = until("it is accepted", || publication.offer(&message).ok());
    let mut whole = Vec::new();
    wait_for("it arrives", || {
        subscription.poll(100, |fragment| {
            assert_eq!(fragment.header.position, position);
            whole.push(fragment.payload.to_vec());
        });
        !whole.is_empty()
    });
    assert_eq!(whole, std::slice::from_ref(&message));
    let mut pieces = Vec::new();
    wait_for("its pieces arrive", || {
        raw.poll_fragments(100, |fragment| {
            pieces.push((
                fragment.header.is_begin(),
                fragment.header.is_end(),
                fragment.payload.to_vec(),
            ));
        });
        pieces.iter().map(|piece| piece.2.len()).sum::<usize>() == message.len()
    });
    assert_eq!(pieces.len(), 8);
    assert!(pieces[0].0 && !pieces[0].1 && pieces[7].1);
}

#[test]
fn offering_and_polling_allocate_nothing_after_warm_up() {
    let Some(driver) = driver() else { return };
    let mut client = client(&driver);
    let channel = "aeron:ipc?term-length=1m|mtu=1408";
    let mut subscription = client.add_subscription(channel, 5).unwrap();
    let publication = client.add_publication(channel, 5).unwrap();
    let mut exclusive = client.add_exclusive_publication(channel, 5).unwrap();
    wait_for("both images are there", || subscription.images().len() == 2);
    let message = [7; 10_000];
    let mut exchange = |count: usize| {
        let mut received = 0;
        let (mut first, mut second) = (0, 0);
        while received < 2 * count {
            if first < count && publication.offer(&message).is_ok() {
                first += 1;
            }
            if second < count && exclusive.offer(&message).is_ok() {
                second += 1;
            }
            subscription.poll(20, |fragment| {
                assert_eq!(fragment.payload.len(), message.len());
                received += 1;
            });
        }
    };
    exchange(100);
    let counted = allocations(|| exchange(20_000));
    assert_eq!(counted.here, 0);
}

#[test]
fn images_come_and_go_with_their_handlers() {
    let Some(driver) = driver() else { return };
    let mut client = client(&driver);
    let (tell, told) = channel();
    let handlers = ImageHandlers {
        available: Some(Box::new({
            let tell = tell.clone();
            move |image| drop(tell.send(("available", image.clone())))
        })),
        unavailable: Some(Box::new(move |image| {
            drop(tell.send(("unavailable", image.clone())))
        })),
    };
    let channel = "aeron:udp?endpoint=127.0.0.1:0";
    let mut subscription = client.add_subscription_with(channel, 6, handlers).unwrap();
    let channel = until("the port is known", || {
        subscription.try_resolve_channel_endpoint_port()
    });
    assert!(
        !channel.contains(":0|") && !channel.ends_with(":0"),
        "{channel}"
    );
    assert_eq!(subscription.channel_status(), ChannelStatus::Active);
    let publication = client.add_publication(&channel, 6).unwrap();
    wait_for("it is accepted", || {
        publication.offer(b"over the loopback").is_ok()
    });
    wait_for("it arrives", || subscription.poll(1, |_| {}) == 1);
    let (what, image) = told.recv().unwrap();
    assert_eq!(
        (what, image.session_id()),
        ("available", publication.session_id())
    );
    assert!(
        image.source_identity().starts_with("127.0.0.1:"),
        "{}",
        image.source_identity()
    );
    wait_for("its transport is counted", || {
        image.active_transport_count() == 1
    });
    drop(publication);
    let (what, gone) = told.recv().unwrap();
    assert_eq!(
        (what, gone.correlation_id()),
        ("unavailable", image.correlation_id())
    );
    assert!(image.is_closed() && image.is_end_of_stream());
}

#[test]
fn counters_are_seen_by_other_clients_until_they_are_closed() {
    let Some(mut driver) = driver() else { return };
    let (tell, told) = channel();
    let listening = driver.client_with(Handlers {
        counters: Some(Box::new(move |event| {
            let _ = tell.send(event);
        })),
        ..Handlers::default()
    });
    let mut client = client(&driver);
    let counter = client.add_counter(1234, b"a key", "a label").unwrap();
    let (registration_id, counter_id) = (counter.registration_id(), counter.id());
    let expected = CounterEvent::Available {
        registration_id,
        counter_id,
    };
    wait_for("the other client hears of it", || {
        told.try_iter().any(|event| event == expected)
    });
    counter.set(42);
    counter.increment();
    assert_eq!(
        driver.ask(&format!("counter {counter_id}"), "COUNTER"),
        "43 a label"
    );
    assert_eq!(
        listening.aeron().counters().find(1234, registration_id),
        Some(counter_id)
    );
    drop(counter);
    let expected = CounterEvent::Unavailable {
        registration_id,
        counter_id,
    };
    wait_for("the other client hears of its end", || {
        told.try_iter().any(|event| event == expected)
    });

    let registration_id = client.aeron().next_correlation_id();
    let pending = client
        .aeron()
        .async_add_static_counter(1235, b"s", "static", registration_id)
        .unwrap();
    let counter = client.wait(pending).unwrap();
    counter.set(7);
    drop((counter, client));
    let counters = listening.aeron().counters();
    let found = counters
        .find(1235, registration_id)
        .expect("a static counter outlives its client");
    assert_eq!(counters.get(found).unwrap().value(), 7);
}

#[test]
fn destinations_are_added_and_removed() {
    let Some(driver) = driver() else { return };
    let mut client = client(&driver);
    let mut subscription = client
        .add_subscription("aeron:udp?control-mode=manual", 8)
        .unwrap();
    let endpoint = "aeron:udp?endpoint=127.0.0.1:0";
    let pending = subscription.async_add_destination(endpoint).unwrap();
    client.wait(pending).unwrap();
    let address = until("it is bound", || {
        subscription.local_socket_addresses().pop()
    });
    let manual = "aeron:udp?control-mode=manual|tags=9001";
    let publication = client.add_publication(manual, 8).unwrap();
    let same = client.add_publication("aeron:udp?tags=9001", 8).unwrap();
    assert!(!same.is_original());
    let destination = format!("aeron:udp?endpoint={address}");
    // By the second handle: drivers know the stream by its first registration only.
    let pending = same.async_add_destination(&destination).unwrap();
    let destination_id = pending.registration_id();
    client.wait(pending).unwrap();
    wait_for("it is accepted", || {
        publication.offer(b"to all destinations").is_ok()
    });
    wait_for("it arrives", || subscription.poll(1, |_| {}) == 1);
    for pending in [
        same.async_remove_destination_by_id(destination_id).unwrap(),
        publication.async_remove_destination(&destination).unwrap(),
        subscription.async_remove_destination(endpoint).unwrap(),
    ] {
        client.wait(pending).unwrap();
    }
    let plain = client.add_publication(&destination, 9).unwrap();
    let pending = plain.async_add_destination(&destination).unwrap();
    let error = client.wait(pending).unwrap_err();
    assert!(error.code().is_some(), "{error}");
}

#[test]
fn a_rejected_image_tells_its_publisher_why() {
    let Some(driver) = driver() else { return };
    let (tell, told) = channel();
    let mut publisher = driver.client_with(Handlers {
        publication_error: Some(Box::new(move |error| tell.send(error.clone()).unwrap())),
        ..Handlers::default()
    });
    let mut client = client(&driver);
    let mut subscription = client.add_subscription("aeron:ipc", 10).unwrap();
    let publication = publisher.add_publication("aeron:ipc", 10).unwrap();
    wait_for("the image is there", || subscription.is_connected());
    let image = subscription.images()[0].info().clone();
    let pending = image.async_reject("no, thanks").unwrap();
    client.wait(pending).unwrap();
    let error = told.recv().unwrap();
    assert_eq!(error.code, ErrorCode::ImageRejected);
    assert_eq!(error.text, "no, thanks");
    assert_eq!(
        (error.session_id, error.stream_id),
        (publication.session_id(), 10)
    );
    let pending = image.async_reject(&"x".repeat(1_024)).unwrap();
    assert_eq!(
        client.wait(pending).unwrap_err().code(),
        Some(ErrorCode::GenericError)
    );
}

#[test]
fn session_ids_are_given_out_once() {
    let Some(driver) = driver() else { return };
    let mut client = client(&driver);
    let mut next = || {
        let pending = client.aeron().async_next_session_id(11).unwrap();
        client.wait(pending).unwrap()
    };
    let (first, second) = (next(), next());
    assert_ne!(first, second);
    assert!(!(-1..=1000).contains(&first));
}

#[test]
fn a_driver_can_be_looked_at_and_asked_to_end_without_a_client() {
    let Some(mut driver) = driver() else { return };
    let names = Names::of_files();
    let state = |dir: &Path| driver_state(&names, dir, 10_000_000_000, Now::read()).unwrap();
    assert_eq!(state(&driver.dir), DriverState::Active);
    assert_eq!(state(Path::new("/absent")), DriverState::Absent);
    assert!(request_driver_termination(&names, &driver.dir, b"too long a token").unwrap());
    assert!(request_driver_termination(&names, &driver.dir, b"secret").unwrap());
    assert_eq!(driver.answer("TERMINATION"), "ASKED FOR");
    assert!(!request_driver_termination(&names, Path::new("/absent"), b"").unwrap());
    assert!(request_driver_termination(&names, &driver.dir, &[0; 131_072]).is_err());
}

#[test]
fn a_client_without_a_thread_works_by_its_owners_turns() {
    let Some(driver) = driver() else { return };
    let mut client = Client::invoked(driver.context(), Handlers::default()).unwrap();
    let mut subscription = client.add_subscription("aeron:ipc", 12).unwrap();
    let publication = client.add_publication("aeron:ipc", 12).unwrap();
    wait_for("the subscription is connected", || {
        client.invoke();
        subscription.is_connected()
    });
    until("it is accepted", || publication.offer(b"turned").ok());
    wait_for("it arrives", || subscription.poll(1, |_| {}) == 1);
    let (first, second) = (Arc::new(publication), client.aeron().clone());
    client.close();
    assert_eq!(first.offer(b"closed"), Err(Refused::Closed));
    assert!(matches!(
        second.async_add_publication("aeron:ipc", 1),
        Err(ClientError::Closed)
    ));
}
