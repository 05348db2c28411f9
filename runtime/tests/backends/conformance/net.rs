//! What every backend must do with datagrams.

use taranis_runtime::{
    io::{Interest, Outcome},
    mem::Region,
};

use super::Make;
use crate::seat::Seats;

pub(crate) fn keeps_the_order_of_what_a_turn_sends_on_two_sockets(make: Make) {
    let mut seats = Seats::new(1, make(None));
    let (one, from_one) = seats.bind(0, Interest::SendOnly);
    let (two, _) = seats.bind(0, Interest::SendOnly);
    let (_, to) = seats.bind(0, Interest::Receive);
    seats.turn(0, move |cycle| {
        for number in 0..100u32 {
            let socket = if number % 3 == 0 { two } else { one };
            let bytes = number.to_le_bytes();
            cycle.net.send_copy(socket, &bytes, Some(to)).unwrap();
        }
    });
    let (ones, twos): (Vec<_>, Vec<_>) = seats
        .datagrams(0, 100)
        .into_iter()
        .partition(|arrived| arrived.from == from_one);
    for (came, sent) in [
        (ones, (0..100).filter(|number| number % 3 != 0).collect()),
        (twos, (0..100).step_by(3).collect::<Vec<u32>>()),
    ] {
        let came = came.into_iter();
        let numbers: Vec<_> = came
            .map(|arrived| u32::from_le_bytes(arrived.bytes.try_into().unwrap()))
            .collect();
        assert_eq!(numbers, sent);
    }
}

pub(crate) fn a_send_that_fails_fails_alone(make: Make) {
    let mut seats = Seats::new(1, make(None));
    let (from, _) = seats.bind(0, Interest::SendOnly);
    let (_, to) = seats.bind(0, Interest::Receive);
    let nowhere = "127.0.0.1:0".parse().unwrap();
    let tickets = seats.turn(0, move |cycle| {
        let mut send = |frame: &[u8], to| cycle.net.send_copy(from, frame, Some(to)).unwrap();
        [
            send(b"first", to),
            send(b"lost", nowhere),
            send(b"second", to),
            send(b"third", to),
        ]
    });
    let ends = tickets.map(|ticket| seats.moved(0, ticket).map_err(|failure| failure.errno));
    assert_eq!(ends, [Ok(5), Err(libc::EINVAL), Ok(6), Ok(5)]);
    let came = seats.datagrams(0, 3);
    let came: Vec<_> = came.iter().map(|arrived| &arrived.bytes[..]).collect();
    assert_eq!(came, [&b"first"[..], b"second", b"third"]);
}

pub(crate) fn sends_segments_and_splits_joined_ones(make: Make) {
    let mut seats = Seats::new(1, make(None));
    let (from, _) = seats.bind(0, Interest::SendOnly);
    let (_, to) = seats.bind(0, Interest::Receive);
    let region = Region::heap(10_500);
    for at in 0..10_500 {
        region.write(at, &[(at / 1_000) as u8]).unwrap();
    }
    let before = seats.work();
    let span = region.span(0, 10_500).unwrap();
    let ticket = seats.turn(0, move |cycle| {
        cycle
            .net
            .send_segments(from, span, 1_000, Some(to))
            .unwrap()
    });
    assert_eq!(seats.moved(0, ticket), Ok(10_500));
    let came = seats.datagrams(0, 11);
    for (number, arrived) in came.iter().enumerate() {
        let len = if number < 10 { 1_000 } else { 500 };
        assert_eq!(arrived.bytes, vec![number as u8; len]);
    }
    assert_eq!(seats.work().datagrams_sent - before.datagrams_sent, 11);
    assert!(
        seats.work().receives - before.receives < 11,
        "some came joined"
    );
}

pub(crate) fn carries_empty_datagrams_and_both_families(make: Make) {
    let mut seats = Seats::new(1, make(None));
    for local in ["127.0.0.1:0", "[::1]:0"] {
        let local = local.parse().unwrap();
        let (from, address) = seats.bind_to(0, local, Interest::SendOnly).unwrap();
        let (at, to) = seats.bind_to(0, local, Interest::Receive).unwrap();
        let tickets = seats.turn(0, move |cycle| {
            let empty = cycle.net.send_copy(from, b"", Some(to)).unwrap();
            [empty, cycle.net.send_copy(from, b"x", Some(to)).unwrap()]
        });
        assert_eq!(tickets.map(|ticket| seats.moved(0, ticket)), [Ok(0), Ok(1)]);
        let came = seats.datagrams(0, 2);
        assert!(
            came.iter()
                .all(|arrived| arrived.from == address && arrived.socket == at)
        );
        assert_eq!([came[0].bytes.len(), came[1].bytes.len()], [0, 1]);
    }
}

pub(crate) fn receives_on_more_sockets_than_a_turn_takes(make: Make) {
    let mut seats = Seats::new(1, make(None));
    let (from, _) = seats.bind(0, Interest::SendOnly);
    let bound: Vec<_> = (0..150).map(|_| seats.bind(0, Interest::Receive)).collect();
    let addresses: Vec<_> = bound.iter().map(|(_, address)| *address).collect();
    seats.turn(0, move |cycle| {
        for to in addresses {
            cycle.net.send_copy(from, b"here", Some(to)).unwrap();
        }
    });
    let mut came: Vec<_> = seats
        .datagrams(0, 150)
        .iter()
        .map(|arrived| arrived.socket)
        .collect();
    came.sort_unstable();
    assert_eq!(
        came,
        bound.iter().map(|(socket, _)| *socket).collect::<Vec<_>>()
    );
}

pub(crate) fn takes_a_long_run_of_datagrams_without_loss(make: Make) {
    let mut seats = Seats::new(2, make(None));
    let (from, _) = seats.bind(0, Interest::SendOnly);
    let (_, to) = seats.bind(1, Interest::Receive);
    let mut came = Vec::new();
    for run in 0..20u32 {
        seats.turn(0, move |cycle| {
            for number in run * 100..(run + 1) * 100 {
                cycle
                    .net
                    .send_copy(from, &number.to_le_bytes(), Some(to))
                    .unwrap();
            }
        });
        came.extend(seats.datagrams(1, 100));
    }
    let numbers = came
        .into_iter()
        .map(|arrived| u32::from_le_bytes(arrived.bytes.try_into().unwrap()));
    assert!(numbers.eq(0..2_000));
}

pub(crate) fn a_released_socket_sends_what_was_staged_and_frees_its_port(make: Make) {
    let mut seats = Seats::new(1, make(None));
    let (at, to) = seats.bind(0, Interest::Receive);
    for _ in 0..10 {
        let (socket, address) = seats.bind(0, Interest::Receive);
        // A park may leave the kernel watching the socket.
        seats.park();
        let (sent, released) = seats.turn(0, move |cycle| {
            let sent = cycle
                .net
                .send_copy(socket, b"last words", Some(to))
                .unwrap();
            (sent, cycle.net.release(socket))
        });
        assert!(matches!(seats.outcome(0, released), Outcome::Done));
        assert_eq!(seats.moved(0, sent), Ok(10));
        let came = seats.datagrams(0, 1);
        assert_eq!((came[0].socket, came[0].from), (at, address));
        let (again, _) = seats.bind_to(0, address, Interest::Receive).unwrap();
        seats.turn(0, move |cycle| cycle.net.release(again));
    }
}

pub(crate) fn an_agent_that_is_gone_holds_nothing_and_disturbs_nobody(make: Make) {
    let mut seats = Seats::new(2, make(None));
    let (socket, address) = seats.bind(1, Interest::Receive);
    let (_, gone) = seats.bind(0, Interest::Receive);
    seats.park();
    seats.finish(0);
    let (from, _) = seats.bind_to(1, gone, Interest::SendOnly).unwrap();
    seats.turn(1, move |cycle| {
        cycle.net.send_copy(from, b"mine", Some(address)).unwrap()
    });
    let came = seats.datagrams(1, 1);
    assert_eq!((came[0].socket, came[0].from), (socket, gone));
}
