//! What can only be seen from inside: sockets that are full, operations that never end, agents that are gone.

use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net::UnixDatagram,
    },
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::{DormantRing, RingBackend, RingSizes};
use crate::{
    cycle::{Cycle, Rng},
    io::{
        Backend, Chore, Desk, Durability, FileAccess, FileToken, Interest, Opening, Outcome,
        SocketOptions, SocketToken, Ticket,
        chores::perform,
        plain::{PlainBackend, bind::bind},
        socket::SocketSource,
        ticket::AgentId,
    },
    mem::{FileNames, NameSource, Names, Pages, Region},
};

const PAGE: usize = 4096;
const AGENT: AgentId = AgentId {
    slot: 3,
    generation: 0,
};

fn ring() -> RingBackend {
    let ring = DormantRing::create(RingSizes::default()).unwrap();
    RingBackend::new(ring, Names::of_files(), None).unwrap()
}

fn plain() -> PlainBackend {
    PlainBackend::new(Names::of_files(), None)
}

fn desk(agent: AgentId) -> Desk {
    Desk::of(agent, Names::of_files(), Rng::with_seed(1))
}

/// One turn of an agent: its completions, and what `stage` returns.
fn turn<T>(
    backend: &mut dyn Backend,
    desk: &mut Desk,
    stage: impl FnOnce(&mut Cycle<'_>) -> T,
) -> (Vec<(Ticket, Outcome)>, T) {
    backend.collect();
    backend.deliver(desk);
    let completions = desk.mail.take_completions();
    let completions = completions
        .map(|done| (done.ticket, done.outcome))
        .collect();
    let now = backend.now();
    let staged = stage(&mut desk.cycle(now, None));
    if !desk.is_empty() {
        backend.submit(desk);
    }
    (completions, staged)
}

fn path(test: &str) -> PathBuf {
    let thread = thread::current().id();
    let name = format!("taranis-{}-{thread:?}-{test}", std::process::id());
    // On disk, beside the test's binary.
    std::env::current_exe().unwrap().with_file_name(name)
}

fn open(path: &Path, access: FileAccess, opening: Opening) -> FileToken {
    let path = path.to_owned();
    let chore = Chore::OpenFile {
        path,
        access,
        opening,
    };
    match perform(chore) {
        Outcome::File(token) => token,
        other => panic!("{other:?}"),
    }
}

/// A pipe with a name: what is read from it never comes.
fn pipe(path: &Path) -> FileToken {
    let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the name is a C string that outlives the call.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let token = open(path, FileAccess::Buffered, Opening::Existing);
    fs::remove_file(path).unwrap();
    token
}

fn token(fd: OwnedFd) -> SocketToken {
    SocketToken {
        source: SocketSource::Os(fd),
        local: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        options: SocketOptions::UNICAST,
    }
}

fn udp() -> SocketToken {
    bind((Ipv4Addr::LOCALHOST, 0).into(), &SocketOptions::UNICAST).unwrap()
}

fn set_option(fd: &impl AsRawFd, option: libc::c_int, value: libc::c_int) {
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    let value = (&raw const value).cast();
    // SAFETY: an open descriptor, and an int that outlives the call.
    let set = unsafe { libc::setsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, option, value, len) };
    assert_eq!(set, 0);
}

/// A UDP socket on loopback is never full (what it sends is the receiver's at once), so this is a local one, which is full
/// when the other end does not read. While another thread makes gaps at random times, nothing may overtake what was refused.
fn nothing_overtakes_what_a_full_socket_refused(backend: &mut dyn Backend) {
    const TURNS: usize = 2_000;
    const SENDS: u32 = 32;
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    set_option(&ours, libc::SO_SNDBUF, 1);
    let mut desk = desk(AGENT);
    let (_, socket) = turn(backend, &mut desk, |cycle| {
        let token = token(OwnedFd::from(ours));
        cycle.net.adopt(token, Interest::SendOnly).unwrap()
    });
    let done = AtomicBool::new(false);
    let (accepted, refusals, arrived) = thread::scope(|scope| {
        let reader = scope.spawn(|| read_all(&theirs, &done));
        // Also when an assertion fails: the scope waits for the reader.
        let stop = StopReading(&done);
        let (mut next, mut refusals) = (0u32, 0);
        for _ in 0..TURNS {
            let (_, staged) = turn(backend, &mut desk, |cycle| {
                let mut send = |number: u32| {
                    let mut frame = [0; 300];
                    frame[..4].copy_from_slice(&number.to_le_bytes());
                    cycle.net.send_copy(socket, &frame, None).unwrap()
                };
                (next..next + SENDS).map(&mut send).collect::<Vec<_>>()
            });
            let (ends, ()) = turn(backend, &mut desk, |_| ());
            assert!(
                ends.iter().map(|(ticket, _)| ticket).eq(&staged),
                "in order, each once"
            );
            let sent = ends
                .iter()
                .take_while(|(_, end)| matches!(end, Outcome::Moved(300)));
            let sent = sent.count();
            for (_, end) in &ends[sent..] {
                assert!(
                    matches!(end, Outcome::Failed(failure) if failure.is_would_block()),
                    "{ends:?}"
                );
            }
            refusals += ends.len() - sent;
            next += sent as u32;
        }
        drop(stop);
        (next, refusals, reader.join().unwrap())
    });
    assert!(
        refusals > TURNS / 2,
        "the socket was full: {refusals} refusals"
    );
    assert!(
        arrived.into_iter().eq(0..accepted),
        "a prefix, without gaps"
    );
}

struct StopReading<'a>(&'a AtomicBool);

impl Drop for StopReading<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn read_all(from: &UnixDatagram, done: &AtomicBool) -> Vec<u32> {
    from.set_nonblocking(true).unwrap();
    let (mut arrived, mut frame) = (Vec::new(), [0; 300]);
    loop {
        let last = done.load(Ordering::Acquire);
        while from.recv(&mut frame).is_ok() {
            let number = frame[..4].try_into().unwrap();
            arrived.push(u32::from_le_bytes(number));
        }
        if last {
            return arrived;
        }
        std::hint::spin_loop();
    }
}

#[test]
fn nothing_overtakes_what_a_full_socket_refused_on_the_ring() {
    nothing_overtakes_what_a_full_socket_refused(&mut ring());
}

#[test]
fn nothing_overtakes_what_a_full_socket_refused_with_plain_calls() {
    nothing_overtakes_what_a_full_socket_refused(&mut plain());
}

/// Without checksums the kernel refuses to cut a send into segments, as it does on some devices.
fn sends_segments_one_by_one_where_the_kernel_does_not(backend: &mut dyn Backend) {
    let (from, to) = (udp(), udp());
    let SocketSource::Os(fd) = &from.source else {
        panic!("the socket is the system's");
    };
    set_option(fd, libc::SO_NO_CHECK, 1);
    let address = Some(to.local_address());
    let mut desk = desk(AGENT);
    let region = Region::heap(10_000);
    let before = backend.work();
    let (_, staged) = turn(backend, &mut desk, |cycle| {
        let from = cycle.net.adopt(from, Interest::SendOnly).unwrap();
        cycle.net.adopt(to, Interest::Receive).unwrap();
        // Two entries in front, so that a ring of four has no room for a chain of four.
        let path = path("front");
        let token = open(&path, FileAccess::Buffered, Opening::New { len: 8 });
        fs::remove_file(path).unwrap();
        let file = cycle.files.adopt(token).unwrap();
        for at in 0..2 {
            let span = region.span(9_000, 8).unwrap();
            cycle.files.read(file, span, at).unwrap();
        }
        let net = &mut cycle.net;
        let mut segments = |at, len| {
            region.write(at, &[at as u8; 1]).unwrap();
            let span = region.span(at, len).unwrap();
            net.send_segments(from, span, 100, address).unwrap()
        };
        let first = [segments(1, 250), segments(300, 300)];
        let small = net.send_copy(from, b"small", address).unwrap();
        let span = region.span(700, 150).unwrap();
        [
            first[0],
            first[1],
            small,
            net.send_segments(from, span, 100, address).unwrap(),
        ]
    });
    let mut lens = Vec::new();
    let mut ends = Vec::new();
    while lens.len() < 9 {
        backend.collect();
        backend.deliver(&mut desk);
        lens.extend(desk.mail.datagrams().map(|datagram| datagram.bytes.len()));
        ends.extend(
            desk.mail
                .take_completions()
                .map(|done| (done.ticket, done.outcome)),
        );
    }
    assert_eq!(lens, [100, 100, 50, 100, 100, 100, 5, 100, 50]);
    let sends = ends.iter().filter(|(ticket, _)| staged.contains(ticket));
    let moved = sends.map(|(ticket, end)| match end {
        Outcome::Moved(bytes) => (*ticket, *bytes),
        other => panic!("{other:?}"),
    });
    assert!(moved.eq(staged.into_iter().zip([250, 300, 5, 150])));
    assert_eq!(backend.work().datagrams_sent - before.datagrams_sent, 9);
}

#[test]
fn sends_segments_one_by_one_on_the_ring() {
    sends_segments_one_by_one_where_the_kernel_does_not(&mut ring());
    let sizes = RingSizes {
        entries: 4,
        ..RingSizes::default()
    };
    let small = DormantRing::create(sizes).unwrap();
    let mut small = RingBackend::new(small, Names::of_files(), None).unwrap();
    sends_segments_one_by_one_where_the_kernel_does_not(&mut small);
}

#[test]
fn sends_segments_one_by_one_with_plain_calls() {
    sends_segments_one_by_one_where_the_kernel_does_not(&mut plain());
}

/// Turns until no file is open any more; gives the completions that came meanwhile.
fn until_files_are_closed(backend: &mut RingBackend, desk: &mut Desk) -> Vec<(Ticket, Outcome)> {
    let mut came = Vec::new();
    for _ in 0..1_000 {
        backend.park(1_000_000);
        came.extend(turn(backend, desk, |_| ()).0);
        if backend.shared.files.is_empty() {
            return came;
        }
    }
    panic!("a file stays open");
}

#[test]
fn tickets_of_an_agent_that_is_gone_never_reach_the_next_one_in_its_slot() {
    let mut backend = ring();
    let path = path("gone");
    for generation in 0..20 {
        let mut gone = desk(AgentId {
            generation,
            ..AGENT
        });
        turn(&mut backend, &mut gone, |cycle| {
            let opening = Opening::New { len: PAGE as u64 };
            let file = open(&path, FileAccess::Direct, opening);
            let file = cycle.files.adopt(file).unwrap();
            let span = Region::heap(PAGE).span(0, PAGE).unwrap();
            cycle
                .files
                .write(file, span, 0, Durability::OnDisk)
                .unwrap();
        });
        fs::remove_file(&path).unwrap();
        backend.retire(gone.agent);
        let mut next = desk(AgentId {
            generation: generation + 1,
            ..AGENT
        });
        let (early, ()) = turn(&mut backend, &mut next, |_| ());
        let late = until_files_are_closed(&mut backend, &mut next);
        assert!(early.is_empty() && late.is_empty(), "{early:?} {late:?}");
        backend.retire(next.agent);
    }
    assert!(backend.agents.is_empty());
}

#[test]
fn retiring_an_agent_ends_a_read_that_would_never_end() {
    let mut backend = ring();
    let mut gone = desk(AGENT);
    turn(&mut backend, &mut gone, |cycle| {
        let file = cycle.files.adopt(pipe(&path("retire"))).unwrap();
        let span = Region::heap(PAGE).span(0, PAGE).unwrap();
        cycle.files.read(file, span, 0).unwrap();
    });
    backend.retire(AGENT);
    let mut other = desk(AgentId { slot: 1, ..AGENT });
    assert!(until_files_are_closed(&mut backend, &mut other).is_empty());
}

#[test]
fn dropping_the_backend_waits_for_writes_in_flight() {
    let path = path("drop");
    let mut desk = desk(AGENT);
    let mut backend = ring();
    turn(&mut backend, &mut desk, |cycle| {
        let opening = Opening::New {
            len: 64 * PAGE as u64,
        };
        let file = open(&path, FileAccess::Direct, opening);
        let file = cycle.files.adopt(file).unwrap();
        for page in 0..64 {
            let region = Region::heap(PAGE);
            region.write(0, &[page as u8 + 1; PAGE]).unwrap();
            let span = region.span(0, PAGE).unwrap();
            let at = (page * PAGE) as u64;
            cycle
                .files
                .write(file, span, at, Durability::OnDisk)
                .unwrap();
        }
    });
    drop(backend);
    let bytes = fs::read(&path).unwrap();
    for page in 0..64 {
        assert!(
            bytes[page * PAGE..][..PAGE]
                .iter()
                .all(|byte| *byte == page as u8 + 1)
        );
    }
    fs::remove_file(&path).unwrap();
}

/// A mapping that only a read under way still holds.
fn stage_endless_read(backend: &mut RingBackend, mapped: &Path) {
    turn(backend, &mut desk(AGENT), |cycle| {
        let file = cycle
            .files
            .adopt(pipe(&mapped.with_extension("pipe")))
            .unwrap();
        let region = FileNames.create(mapped, PAGE, Pages::Sparse).unwrap();
        let span = region.span(0, PAGE).unwrap();
        cycle.files.read(file, span, 0).unwrap();
    });
    assert!(is_mapped(mapped));
}

fn is_mapped(path: &Path) -> bool {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.contains(path.to_str().unwrap())
}

#[test]
fn dropping_the_backend_cancels_and_frees_and_a_panic_leaks() {
    let path = path("leak");
    let mut backend = ring();
    stage_endless_read(&mut backend, &path);
    drop(backend);
    assert!(!is_mapped(&path), "freed after the read was cancelled");
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let mut backend = ring();
        stage_endless_read(&mut backend, &path);
        std::panic::resume_unwind(Box::new("planned"));
    }));
    assert!(unwound.is_err());
    assert!(is_mapped(&path), "the kernel may still write to it");
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_datagram_ends_a_park() {
    let mut backend = ring();
    let mut desk = desk(AGENT);
    let (from, to) = (udp(), udp());
    let address = to.local_address();
    turn(&mut backend, &mut desk, |cycle| {
        cycle.net.adopt(to, Interest::Receive).unwrap();
    });
    let fd = from.source.into_os();
    let from = socket2::Socket::from(fd);
    backend.park(1);
    assert_eq!(backend.shared.ring.armed(), 1, "nothing came");
    from.send_to(b"wake", &address.into()).unwrap();
    backend.park(1_000_000);
    backend.settle();
    assert_eq!(
        backend.shared.ring.armed(),
        0,
        "the poll fired, and ended the park"
    );
    backend.collect();
    backend.deliver(&mut desk);
    assert_eq!(desk.mail.datagrams().count(), 1);
}

#[test]
fn a_read_that_waits_ends_when_bytes_come() {
    let mut backend = ring();
    let mut desk = desk(AGENT);
    let path = path("late");
    let region = Region::heap(PAGE);
    let token = pipe(&path);
    let crate::io::files::FileSource::Os(fd) = &token.source else {
        panic!("the file is the system's");
    };
    let mut writer = fs::OpenOptions::new()
        .write(true)
        .read(true)
        .open(format!("/proc/self/fd/{}", fd.as_raw_fd()))
        .unwrap();
    let span = region.span(0, 4).unwrap();
    let (_, ticket) = turn(&mut backend, &mut desk, |cycle| {
        let file = cycle.files.adopt(token).unwrap();
        cycle.files.read(file, span, 0).unwrap()
    });
    let (none, ()) = turn(&mut backend, &mut desk, |_| ());
    assert!(none.is_empty());
    writer.write_all(b"late").unwrap();
    let ends = loop {
        backend.park(1_000_000);
        let (ends, ()) = turn(&mut backend, &mut desk, |_| ());
        if !ends.is_empty() {
            break ends;
        }
    };
    assert!(
        matches!(ends[..], [(done, Outcome::Moved(4))] if done == ticket),
        "{ends:?}"
    );
    let mut bytes = [0; 4];
    region.read(0, &mut bytes).unwrap();
    assert_eq!(&bytes, b"late");
}
