//! What every backend must do with durable files.

use taranis_runtime::{
    io::{Durability, FileAccess, Opening, Outcome},
    mem::Region,
};

use super::{Ground, Make};
use crate::seat::Seats;

const PAGE: usize = 4096;

pub(crate) fn reads_up_to_the_end_and_nothing_beyond(make: Make, ground: &Ground) {
    let directory = ground.directory("end");
    let path = directory.path.join("short");
    (ground.write)(&path, &[7; PAGE + 100]);
    let mut seats = Seats::new(1, make(None));
    for access in [FileAccess::Buffered, FileAccess::Direct] {
        let file = seats.open(0, &path, access, Opening::Existing);
        let region = Region::heap(2 * PAGE);
        let (all, page) = (
            region.span(0, 2 * PAGE).unwrap(),
            region.span(0, PAGE).unwrap(),
        );
        let tickets = seats.turn(0, move |cycle| {
            [
                cycle.files.read(file, all, 0).unwrap(),
                cycle.files.read(file, page, 2 * PAGE as u64).unwrap(),
            ]
        });
        assert_eq!(
            tickets.map(|ticket| seats.moved(0, ticket)),
            [Ok(PAGE + 100), Ok(0)],
            "{access:?}"
        );
        let mut bytes = [0; PAGE + 101];
        region.read(0, &mut bytes).unwrap();
        assert!(bytes[..PAGE + 100].iter().all(|byte| *byte == 7) && bytes[PAGE + 100] == 0);
    }
}

pub(crate) fn a_full_device_is_a_failure_with_its_reason(make: Make, ground: &Ground) {
    let mut seats = Seats::new(1, make(None));
    let full = (ground.full)();
    let file = seats.open(0, full, FileAccess::Buffered, Opening::Existing);
    let span = Region::heap(PAGE).span(0, PAGE).unwrap();
    let ticket = seats.turn(0, move |cycle| {
        cycle.files.write(file, span, 0, Durability::Taken).unwrap()
    });
    assert_eq!(seats.moved(0, ticket).unwrap_err().errno, libc::ENOSPC);
}

pub(crate) fn refuses_misaligned_direct_access_and_impossible_positions(
    make: Make,
    ground: &Ground,
) {
    let directory = ground.directory("misaligned");
    let mut seats = Seats::new(1, make(None));
    let opening = Opening::New {
        len: 2 * PAGE as u64,
    };
    let file = seats.open(0, directory.path.join("file"), FileAccess::Direct, opening);
    let region = Region::heap(2 * PAGE);
    let span = |at, len| region.span(at, len).unwrap();
    let cases = [
        (span(0, PAGE - 1), 0, Err(libc::EINVAL)),
        (span(8, PAGE), 0, Err(libc::EINVAL)),
        (span(0, PAGE), 512, Err(libc::EINVAL)),
        (
            span(0, PAGE),
            u64::MAX - (PAGE as u64 - 1),
            Err(libc::EOVERFLOW),
        ),
        (span(0, PAGE), PAGE as u64, Ok(PAGE)),
    ];
    for (span, at, end) in cases {
        let [wrote, read] = seats.turn(0, move |cycle| {
            let wrote = cycle
                .files
                .write(file, span.clone(), at, Durability::OnDisk);
            [wrote.unwrap(), cycle.files.read(file, span, at).unwrap()]
        });
        for ticket in [wrote, read] {
            assert_eq!(seats.moved(0, ticket).map_err(|failure| failure.errno), end);
        }
    }
}

pub(crate) fn a_hole_is_written_and_a_file_grows(make: Make, ground: &Ground) {
    let directory = ground.directory("hole");
    let path = directory.path.join("file");
    let mut seats = Seats::new(1, make(None));
    for access in [FileAccess::Buffered, FileAccess::Direct] {
        let file = seats.open(0, &path, access, Opening::OrEmpty);
        let region = Region::heap(PAGE);
        region.write(0, &[9; PAGE]).unwrap();
        let span = region.span(0, PAGE).unwrap();
        let at = 10 * PAGE as u64;
        let ticket = seats.turn(0, move |cycle| {
            cycle
                .files
                .write(file, span, at, Durability::OnDisk)
                .unwrap()
        });
        assert_eq!(seats.moved(0, ticket), Ok(PAGE));
        let bytes = (ground.read)(&path);
        assert_eq!(bytes.len(), 11 * PAGE);
        assert!(bytes[10 * PAGE..].iter().all(|byte| *byte == 9));
        (ground.remove)(&path);
    }
}

pub(crate) fn a_released_file_has_ended_everything_staged_before(make: Make, ground: &Ground) {
    let directory = ground.directory("release");
    let path = directory.path.join("file");
    let mut seats = Seats::new(1, make(None));
    let opening = Opening::New {
        len: 64 * PAGE as u64,
    };
    let file = seats.open(0, &path, FileAccess::Direct, opening);
    let region = Region::heap(64 * PAGE);
    for page in 0..64 {
        region.write(page * PAGE, &[page as u8 + 1; PAGE]).unwrap();
    }
    let (writes, released) = seats.turn(0, move |cycle| {
        let write = |page| {
            let span = region.span(page * PAGE, PAGE).unwrap();
            let at = (page * PAGE) as u64;
            cycle
                .files
                .write(file, span, at, Durability::OnDisk)
                .unwrap()
        };
        let writes: Vec<_> = (0..64).map(write).collect();
        (writes, cycle.files.release(file))
    });
    assert!(matches!(seats.outcome(0, released), Outcome::Done));
    let bytes = (ground.read)(&path);
    for page in 0..64 {
        assert!(
            bytes[page * PAGE..][..PAGE]
                .iter()
                .all(|byte| *byte == page as u8 + 1)
        );
    }
    for ticket in writes {
        assert!(seats.arrived_before(0, ticket, released), "{ticket:?}");
        assert_eq!(seats.moved(0, ticket), Ok(PAGE));
    }
}
