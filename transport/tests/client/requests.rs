//! What happens to requests when the driver is slow, refuses, or answers what nobody can use (05 §1.6, §2.3, §2.4).

use std::{path::Path, sync::mpsc::channel};

use taranis_transport::{
    client::{
        ClientError, Context, CounterEvent, Fragment, Handlers, ImageChange, ImageHandlers, Refused,
    },
    command::{ErrorCode, Event, PublicationReady},
    counters::type_id,
};

use crate::scripted_driver::{DIR, ScriptedDriver};

const CHANNEL: &str = "aeron:ipc";

#[test]
fn the_heartbeat_counter_tells_name_and_version() {
    let mut driver = ScriptedDriver::start();
    let context = Context {
        client_name: "prices".into(),
        ..Context::new(DIR)
    };
    let (aeron, mut conductor) = driver.try_connect(context, Handlers::default()).unwrap();
    let pending = aeron
        .async_add_counter(1000, &[], "makes it known")
        .unwrap();
    let _counter = driver.complete(&mut conductor, pending).unwrap();
    for _ in 0..3 {
        driver.pass(600);
        driver.turn(&mut conductor);
    }
    let id = driver.heartbeat_counter(aeron.client_id());
    let counter_id = driver.counters.reader();
    let label = counter_id.get(id).unwrap().label();
    let expected = format!(
        "client-heartbeat: id={} name=prices version=1.52.2 commit=",
        aeron.client_id()
    );
    assert!(label.starts_with(&expected), "{label}");
    assert_eq!(label.matches("name=").count(), 1);
    assert_eq!(counter_id.get(id).unwrap().value(), driver.now().epoch_ms());
}

#[test]
fn a_refusal_comes_once_with_code_and_text() {
    let mut driver = ScriptedDriver::start();
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    let mut pending = aeron.async_add_publication("invalid", 7).unwrap();
    assert!(aeron.has_active_commands());
    driver.settle(&mut conductor);
    let error = pending.poll().unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::InvalidChannel));
    assert_eq!(
        error.to_string(),
        "ERROR - invalid channel, errorCodeValue=1"
    );
    assert!(!error.is_fatal());
    assert!(matches!(pending.poll(), Err(ClientError::Closed)));
    assert!(!aeron.has_active_commands());
    let pending = aeron.async_add_publication(CHANNEL, 7).unwrap();
    assert!(driver.complete(&mut conductor, pending).is_ok());
}

#[test]
fn what_is_not_answered_in_time_is_given_back_when_it_comes() {
    let mut driver = ScriptedDriver::start();
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    let mut publication = aeron.async_add_publication(CHANNEL, 7).unwrap();
    let mut subscription = aeron
        .async_add_subscription(CHANNEL, 8, ImageHandlers::default())
        .unwrap();
    let mut counter = aeron.async_add_counter(1000, &[], "late").unwrap();
    driver.turn(&mut conductor);
    for _ in 0..11 {
        driver.pass(1_000);
        driver.turn(&mut conductor);
    }
    let error = publication.poll().unwrap_err();
    assert_eq!(
        error.to_string(),
        "FATAL - no response from MediaDriver within 10000ms"
    );
    assert!(!aeron.is_closed(), "a slow driver does not end the client");
    assert!(subscription.poll().is_err() && counter.poll().is_err());
    driver.settle(&mut conductor);
    for (kind, pending) in [
        ("RemovePublication", publication.registration_id()),
        ("RemoveSubscription", subscription.registration_id()),
        ("RemoveCounter", counter.registration_id()),
    ] {
        let removal = format!("{kind} {{ registration_id: {pending}");
        assert!(
            driver.asked.iter().any(|asked| asked.contains(&removal)),
            "{removal}"
        );
    }
    assert!(!aeron.has_active_commands());
}

#[test]
fn what_nobody_waits_for_any_more_is_given_back() {
    let mut driver = ScriptedDriver::start();
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    let pending = aeron.async_add_publication(CHANNEL, 7).unwrap();
    let registration_id = pending.registration_id();
    driver.turn(&mut conductor);
    drop(pending);
    driver.settle(&mut conductor);
    let removal =
        format!("RemovePublication {{ registration_id: {registration_id}, revoke: false }}");
    assert!(
        driver.asked.iter().any(|asked| asked.contains(&removal)),
        "{:?}",
        driver.asked
    );
}

#[test]
fn requests_wait_for_room_in_the_ring_and_none_is_lost() {
    let mut driver = ScriptedDriver::start();
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    // A ring of 1 MiB takes eight commands of nearly 128 KiB.
    let channel = format!("aeron:ipc?alias={}", "x".repeat(130_000));
    let mut pending: Vec<_> = (0..20)
        .map(|stream| aeron.async_add_publication(&channel, stream).unwrap())
        .collect();
    for _ in 0..5 {
        driver.turn(&mut conductor);
    }
    let first = driver.ignore();
    assert!((7..=8).contains(&first), "{first}");
    driver.asked.clear();
    driver.settle(&mut conductor);
    let arrived = pending
        .iter_mut()
        .filter_map(|pending| pending.poll().unwrap())
        .count();
    assert_eq!(arrived, 20 - first);
}

#[test]
fn a_full_queue_and_a_command_too_long_are_errors_at_once() {
    let mut driver = ScriptedDriver::start();
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    let mut pending = Vec::new();
    let busy = loop {
        match aeron.async_add_counter(1000, &[], "one of many") {
            Ok(one) => pending.push(one),
            Err(error) => break error,
        }
    };
    assert_eq!(pending.len(), 256);
    assert!(matches!(busy, ClientError::Busy { capacity: 256 }));
    for _ in 0..40 {
        driver.turn(&mut conductor);
        driver.serve();
    }
    assert!(
        pending
            .iter_mut()
            .all(|one| matches!(one.poll(), Ok(Some(_))))
    );

    let channel = "aeron:ipc?alias=".to_owned() + &"x".repeat(140_000);
    let mut pending = aeron.async_add_publication(&channel, 7).unwrap();
    // The counters were dropped, and are given back first.
    for _ in 0..40 {
        driver.turn(&mut conductor);
        driver.serve();
    }
    assert!(matches!(
        pending.poll(),
        Err(ClientError::CommandTooLong { max: 131_072, .. })
    ));
    for bad in ["", "aeron:ipc?alias=ä"] {
        assert!(matches!(
            aeron.async_add_publication(bad, 7),
            Err(ClientError::InvalidArgument { .. })
        ));
    }
    assert!(aeron.async_add_counter(1000, &[0; 113], "").is_err());
    assert!(
        aeron
            .async_add_counter(1000, &[], &"x".repeat(381))
            .is_err()
    );
}

#[test]
fn events_that_no_driver_sends_harm_nobody() {
    let mut driver = ScriptedDriver::start();
    let (tell, told) = channel();
    let handlers = Handlers {
        error: Some(Box::new(move |error| tell.send(error.to_string()).unwrap())),
        ..Handlers::default()
    };
    let (aeron, mut conductor) = driver.connect(handlers);
    let pending = aeron
        .async_add_subscription(CHANNEL, 7, ImageHandlers::default())
        .unwrap();
    let mut subscription = driver.complete(&mut conductor, pending).unwrap();
    driver.send_raw(0x0FFF, b"of a later version");
    driver.send_raw(0x0F02, b"short");
    driver.turn(&mut conductor);
    let errors: Vec<String> = told.try_iter().collect();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].starts_with("ERROR - malformed event from the driver: "),
        "{errors:?}"
    );

    let answer = PublicationReady {
        correlation_id: 0,
        registration_id: 0,
        session_id: 1,
        stream_id: 7,
        limit_counter_id: 1,
        channel_status_id: -1,
        log_file: b"/scripted/absent.logbuffer",
    };
    for (answer, expected) in [
        (answer, "cannot open log buffer /scripted/absent.logbuffer"),
        (
            PublicationReady {
                limit_counter_id: -1,
                ..answer
            },
            "counter id -1 from the driver: ids go from 0 to 8191",
        ),
        (
            PublicationReady {
                limit_counter_id: 8192,
                ..answer
            },
            "counter id 8192 from the driver",
        ),
        (
            PublicationReady {
                log_file: b"/scripted/cnc.dat",
                ..answer
            },
            "log buffer /scripted/cnc.dat: ",
        ),
    ] {
        let mut pending = aeron.async_add_publication(CHANNEL, 9).unwrap();
        let id = pending.registration_id();
        driver.turn(&mut conductor);
        driver.ignore();
        driver.send(Event::PublicationReady(PublicationReady {
            correlation_id: id,
            registration_id: id,
            ..answer
        }));
        driver.turn(&mut conductor);
        let error = pending.poll().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        driver.turn(&mut conductor);
        driver.ignore();
        assert!(
            driver.asked.last().unwrap().contains("RemovePublication"),
            "the driver is to take it back"
        );
    }
    // An answer to something else than what was asked.
    let mut pending = aeron.async_add_publication(CHANNEL, 9).unwrap();
    driver.turn(&mut conductor);
    driver.ignore();
    driver.send(Event::OperationSuccess {
        correlation_id: pending.registration_id(),
    });
    driver.turn(&mut conductor);
    assert!(matches!(pending.poll(), Err(ClientError::Malformed { .. })));
    assert_eq!(subscription.poll(1, |_| {}), 0);
    assert!(!aeron.is_closed());
}

#[test]
fn more_images_than_a_poller_has_room_for_all_arrive() {
    let mut driver = ScriptedDriver::start();
    let (tell, told) = channel();
    let handlers = ImageHandlers {
        available: Some(Box::new({
            let tell = tell.clone();
            move |image| tell.send((true, image.correlation_id())).unwrap()
        })),
        unavailable: Some(Box::new(move |image| {
            tell.send((false, image.correlation_id())).unwrap()
        })),
    };
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    let pending = aeron.async_add_subscription(CHANNEL, 7, handlers).unwrap();
    let mut subscription = driver.complete(&mut conductor, pending).unwrap();
    let id = subscription.registration_id();
    for image in 0..100 {
        driver.announce_image(id, 1_000 + image);
        driver.turn(&mut conductor);
    }
    // Gone before its poller ever saw it.
    let gone = Event::UnavailableImage {
        image_correlation_id: 1_099,
        subscription_id: id,
        stream_id: 7,
        channel: b"",
    };
    driver.send(gone);
    driver.turn(&mut conductor);
    for _ in 0..3 {
        subscription.poll(1, |_| {});
        driver.turn(&mut conductor);
    }
    assert_eq!(subscription.images().len(), 99);
    assert!(subscription.image_by_session_id(1_098).is_some());
    let told: Vec<_> = told.try_iter().collect();
    assert_eq!(told.len(), 101);
    assert_eq!(told.last(), Some(&(false, 1_099)));
}

#[test]
fn a_closed_image_keeps_its_last_values_and_stores_no_position() {
    let mut driver = ScriptedDriver::start();
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    let pending = aeron
        .async_add_subscription(CHANNEL, 7, ImageHandlers::default())
        .unwrap();
    let mut subscription = driver.complete(&mut conductor, pending).unwrap();
    let id = subscription.registration_id();
    let position_id = driver.announce_image(id, 500);
    driver.turn(&mut conductor);
    let image = subscription.images()[0].info().clone();
    assert_eq!(
        (image.session_id(), image.source_identity()),
        (500, "127.0.0.1:4000")
    );
    assert!(!image.is_end_of_stream());
    let position = driver.counters.owned(position_id).unwrap();
    position.set(96);
    driver
        .log(500)
        .status_writer()
        .set_end_of_stream_position(96);
    driver.send(Event::UnavailableImage {
        image_correlation_id: 500,
        subscription_id: id,
        stream_id: 7,
        channel: b"",
    });
    driver.turn(&mut conductor);
    // Log and counter serve others now.
    driver
        .log(500)
        .status_writer()
        .set_end_of_stream_position(i64::MAX);
    position.set(4_096);
    assert!(image.is_closed() && image.is_end_of_stream());
    assert_eq!((image.position(), image.end_of_stream_position()), (96, 96));
    assert_eq!(image.active_transport_count(), 0);
    assert_eq!(subscription.images().len(), 0);
    assert_eq!(position.get(), 4_096);
}

#[test]
fn an_agent_asks_for_images_that_came_and_went() {
    let mut driver = ScriptedDriver::start();
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    let pending = aeron
        .async_add_subscription(CHANNEL, 7, ImageHandlers::default())
        .unwrap();
    let mut subscription = driver.complete(&mut conductor, pending).unwrap();
    let id = subscription.registration_id();
    driver.announce_image(id, 500);
    driver.turn(&mut conductor);
    assert!(
        subscription.next_image_change().is_none(),
        "not tracked yet"
    );
    subscription.track_images();
    driver.announce_image(id, 501);
    driver.announce_image(id, 502);
    driver.turn(&mut conductor);
    let mut taken = subscription.take_image(500).unwrap();
    assert!(subscription.take_image(500).is_none());
    // 500 was taken out, 502 never seen by a poll.
    for gone in [500, 502] {
        let gone = Event::UnavailableImage {
            image_correlation_id: gone,
            subscription_id: id,
            stream_id: 7,
            channel: b"",
        };
        driver.send(gone);
    }
    driver.turn(&mut conductor);
    subscription.poll(1, |_| {});
    let mut changes = Vec::new();
    while let Some(change) = subscription.next_image_change() {
        changes.push(match change {
            ImageChange::Available(image) => (true, image.correlation_id()),
            ImageChange::Unavailable(image) => (false, image.correlation_id()),
        });
    }
    let expected = [
        (true, 500),
        (true, 501),
        (true, 502),
        (false, 500),
        (false, 502),
    ];
    assert_eq!(changes, expected);
    assert!(taken.is_closed());
    assert_eq!(taken.poll(1, |_| panic!("closed")), 0);
    assert_eq!(subscription.images().len(), 1);
}

#[test]
fn every_image_is_served_in_turn() {
    let mut driver = ScriptedDriver::start();
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    let pending = aeron
        .async_add_subscription(CHANNEL, 7, ImageHandlers::default())
        .unwrap();
    let mut subscription = driver.complete(&mut conductor, pending).unwrap();
    let publications: Vec<_> = (0..3)
        .map(|_| {
            let pending = aeron.async_add_exclusive_publication(CHANNEL, 7).unwrap();
            let mut publication = driver.complete(&mut conductor, pending).unwrap();
            for _ in 0..4 {
                publication
                    .offer(&publication.registration_id().to_le_bytes())
                    .unwrap();
            }
            publication
        })
        .collect();
    driver.settle(&mut conductor);
    let mut served = Vec::new();
    let mut note = |message: Fragment<'_>| {
        served.push(i64::from_le_bytes(message.payload.try_into().unwrap()));
    };
    for _ in 0..4 {
        assert_eq!(subscription.poll(1, &mut note), 1);
    }
    for publication in &publications {
        assert!(
            served.contains(&publication.registration_id()),
            "{served:?}"
        );
    }
    assert_eq!(subscription.poll(100, |_| {}), 8);
}

#[test]
fn listeners_hear_of_all_counters_until_they_are_removed() {
    let mut driver = ScriptedDriver::start();
    let (tell, told) = channel();
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    let listener = aeron
        .add_counter_listener(Box::new(move |event| tell.send(event).unwrap()))
        .unwrap();
    let pending = aeron.async_add_counter(1000, b"k", "mine").unwrap();
    let counter = driver.complete(&mut conductor, pending).unwrap();
    let (registration_id, counter_id) = (counter.registration_id(), counter.id());
    assert_eq!(aeron.counters().get(counter_id).unwrap().label(), "mine");
    counter.set(3);
    assert_eq!(counter.add(4), 3);
    assert!(counter.compare_and_set(7, 8));
    assert_eq!(aeron.counters().get(counter_id).unwrap().value(), 8);
    drop(counter);
    driver.settle(&mut conductor);
    let told_of: Vec<_> = told.try_iter().collect();
    assert!(told_of.contains(&CounterEvent::Available {
        registration_id,
        counter_id
    }));
    assert_eq!(
        told_of.last(),
        Some(&CounterEvent::Unavailable {
            registration_id,
            counter_id
        })
    );
    assert_eq!(told_of.len(), 3, "the heartbeat counter too: {told_of:?}");

    aeron.remove_counter_listener(listener).unwrap();
    let pending = aeron
        .async_add_static_counter(1001, b"s", "static", 77)
        .unwrap();
    let first = driver.complete(&mut conductor, pending).unwrap();
    let pending = aeron
        .async_add_static_counter(1001, b"s", "static", 77)
        .unwrap();
    let second = driver.complete(&mut conductor, pending).unwrap();
    assert_eq!(first.id(), second.id());
    assert!(first.is_static() && first.registration_id() == 77);
    driver.asked.clear();
    drop((first, second));
    driver.settle(&mut conductor);
    assert_eq!(driver.asked, [""; 0], "a static counter is not removed");
    assert_eq!(told.try_iter().count(), 0);
}

#[test]
fn a_closed_publication_is_removed_and_the_other_handles_go_on() {
    let mut driver = ScriptedDriver::start();
    let (aeron, mut conductor) = driver.connect(Handlers::default());
    let pending = aeron.async_add_publication(CHANNEL, 7).unwrap();
    let publication = driver.complete(&mut conductor, pending).unwrap();
    let clone = publication.clone();
    drop(publication);
    assert!(clone.offer(b"a clone holds it").is_ok());
    let pending = aeron.async_add_exclusive_publication(CHANNEL, 8).unwrap();
    let exclusive = driver.complete(&mut conductor, pending).unwrap();
    let id = exclusive.registration_id();
    exclusive.revoke();
    clone.close();
    assert_eq!(clone.offer(b"closed"), Err(Refused::Closed));
    assert!(
        clone
            .async_add_destination("aeron:udp?endpoint=a:1")
            .is_err()
    );
    driver.unlink_logs();
    driver.settle(&mut conductor);
    let revoked = format!("RemovePublication {{ registration_id: {id}, revoke: true }}");
    assert!(
        driver.asked.iter().any(|asked| asked.contains(&revoked)),
        "{:?}",
        driver.asked
    );
    assert!(!aeron.has_active_commands());
}

#[test]
fn only_the_latest_of_an_absent_drivers_files_is_attached_to() {
    let driver = ScriptedDriver::start();
    let version = driver
        .names
        .open(&Path::new(DIR).join("cnc.dat"))
        .unwrap()
        .word32(0)
        .unwrap();
    version.store_release(0x01_00_00);
    let error = driver
        .try_connect(Context::new(DIR), Handlers::default())
        .unwrap_err();
    assert!(
        error.to_string().contains("CnC version not compatible"),
        "{error}"
    );
    assert!(error.is_fatal());
    let absent = Context::new("/absent");
    let mut connect =
        taranis_transport::client::Connect::new(absent, Handlers::default(), driver.now()).unwrap();
    assert!(connect.poll(driver.now(), &driver.names).unwrap().is_none());
    let counters = driver.counters.reader();
    assert!(
        counters
            .iter()
            .all(|counter| counter.type_id() == type_id::SYSTEM)
    );
}
