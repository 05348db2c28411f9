//! Mark files (spec 01 §7).

use proptest::prelude::*;
use taranis_runtime::mem::{
    FileNames, NameSource, Pages, Region,
    dir_lock::Owner,
    mark_file::{
        Activation, Kind, MarkFile, MarkFileError, MarkFileReader, Readiness,
        layout::{self, archive, cluster},
    },
};
use taranis_runtime::testing::FreshDir;

const OWNER: Owner = Owner {
    pid: 41,
    start_ms: 1_000_000,
};
const TIMEOUT_MS: i64 = 10_000;

fn region() -> Region {
    Region::heap(layout::file_len(4096, 4096))
}

fn activation(start_ms: i64, previous: Option<Owner>) -> Activation {
    Activation {
        owner: Owner { pid: 42, start_ms },
        timeout_ms: TIMEOUT_MS,
        previous,
    }
}

fn i32_at(region: &Region, offset: usize) -> i32 {
    region.word32(offset).unwrap().load_acquire()
}

fn i64_at(region: &Region, offset: usize) -> i64 {
    region.word64(offset).unwrap().load_acquire()
}

#[test]
fn an_archives_fields_stand_where_aeron_has_them() {
    // 01 §7.2, check 30
    let region = region();
    let mark = MarkFile::create(region.clone(), Kind::Archive, OWNER, 4096).unwrap();
    mark.set32(archive::CONTROL_STREAM_ID, 10).unwrap();
    mark.set32(archive::LOCAL_CONTROL_STREAM_ID, 11).unwrap();
    mark.set32(archive::EVENTS_STREAM_ID, 12).unwrap();
    mark.set64(archive::ARCHIVE_ID, -1).unwrap();
    mark.signal_ready(1_000_500);
    let mut header = [0; 8];
    region.read(0, &mut header).unwrap();
    assert_eq!(header, [128, 0, 200, 0, 100, 0, 2, 0]);
    assert_eq!(i32_at(&region, 8), 196_864);
    assert_eq!(
        [16, 24, 32].map(|offset| i64_at(&region, offset)),
        [1_000_500, 1_000_000, 41]
    );
    assert_eq!(
        [40, 44, 48, 52, 56].map(|offset| i32_at(&region, offset)),
        [10, 11, 12, 8192, 4096]
    );
    assert_eq!(i64_at(&region, 64), -1);
    assert!(
        mark.error_log()
            .unwrap()
            .is_same(&region.part(8192, 4096).unwrap())
    );
}

#[test]
fn a_clusters_fields_stand_where_aeron_has_them() {
    // 01 §7.2, check 30
    let region = region();
    let mark = MarkFile::create(region.clone(), Kind::Cluster, OWNER, 4096).unwrap();
    mark.set32(cluster::COMPONENT_TYPE, 1).unwrap();
    mark.set64(cluster::CANDIDATE_TERM_ID, 40).unwrap();
    for (value, field) in [
        (48, cluster::ARCHIVE_STREAM_ID),
        (52, cluster::SERVICE_STREAM_ID),
        (56, cluster::CONSENSUS_MODULE_STREAM_ID),
        (60, cluster::INGRESS_STREAM_ID),
        (64, cluster::MEMBER_ID),
        (68, cluster::SERVICE_ID),
        (80, cluster::CLUSTER_ID),
    ] {
        mark.set32(field, value).unwrap();
    }
    mark.signal_ready(1_000_500);
    let mut header = [0; 8];
    region.read(0, &mut header).unwrap();
    assert_eq!(header, [128, 0, 200, 0, 110, 0, 2, 0]);
    assert_eq!((i32_at(&region, 8), i32_at(&region, 12)), (768, 1));
    assert_eq!(i64_at(&region, 40), 40);
    for offset in [48, 52, 56, 60, 64, 68, 80] {
        assert_eq!(i32_at(&region, offset), offset as i32);
    }
    assert_eq!((i32_at(&region, 72), i32_at(&region, 76)), (8192, 4096));
}

#[test]
fn readers_see_how_far_the_owner_is() {
    // 01 §7.1
    let region = region();
    let reader = |region: &Region| MarkFileReader::open(region.clone(), Kind::Cluster).unwrap();
    assert_eq!(reader(&region).readiness(), Readiness::NotInitialised);
    let mark = MarkFile::create(region.clone(), Kind::Cluster, OWNER, 0).unwrap();
    assert_eq!(reader(&region).readiness(), Readiness::NotInitialised);
    mark.signal_ready(5);
    let ready = Readiness::Ready {
        version: 768,
        activity_ms: 5,
    };
    assert_eq!(reader(&region).readiness(), ready);
    assert!(
        reader(&region).is_active(5 + TIMEOUT_MS, TIMEOUT_MS),
        "the helper is not strict"
    );
    assert!(!reader(&region).is_active(6 + TIMEOUT_MS, TIMEOUT_MS));
    mark.set_activity_ms(0);
    assert_eq!(reader(&region).readiness(), Readiness::NoTimestamp);
    mark.signal_terminated();
    assert!(!reader(&region).is_active(TIMEOUT_MS, TIMEOUT_MS));
}

#[test]
fn a_file_is_taken_over_when_its_timestamp_is_old_or_its_owner_ended() {
    // 01 §7.1, check 29
    let region = region();
    let first = MarkFile::create(region.clone(), Kind::Archive, OWNER, 0).unwrap();
    first.signal_ready(OWNER.start_ms);
    let activate =
        |now_ms| MarkFile::activate(region.clone(), Kind::Archive, activation(now_ms, None));
    assert_eq!(
        activate(OWNER.start_ms + TIMEOUT_MS - 1).unwrap_err(),
        MarkFileError::Active {
            pid: 41,
            age_ms: TIMEOUT_MS - 1
        }
    );
    let second = activate(OWNER.start_ms + TIMEOUT_MS).unwrap();
    assert_eq!(i64_at(&region, 16), i64::MAX, "while it is being activated");
    assert_eq!(
        i32_at(&region, 8),
        Kind::Archive.version(),
        "the version stays"
    );
    assert_eq!(i64_at(&region, 32), 42);
    assert!(matches!(
        activate(OWNER.start_ms + TIMEOUT_MS),
        Err(MarkFileError::Active { pid: 42, .. })
    ));
    second.signal_ready(OWNER.start_ms + TIMEOUT_MS);
    second.signal_terminated();
    activate(OWNER.start_ms + TIMEOUT_MS + 1).unwrap();
}

#[test]
fn what_the_last_holder_of_the_lock_left_is_taken_over_at_once() {
    // design: a directory's owner
    let region = region();
    let first = MarkFile::create(region.clone(), Kind::Archive, OWNER, 0).unwrap();
    first.signal_ready(OWNER.start_ms + 500);
    let now_ms = OWNER.start_ms + 600;
    for stranger in [
        Owner { pid: 40, ..OWNER },
        Owner {
            start_ms: OWNER.start_ms - 1,
            ..OWNER
        },
    ] {
        let refused = MarkFile::activate(
            region.clone(),
            Kind::Archive,
            activation(now_ms, Some(stranger)),
        );
        assert!(matches!(refused, Err(MarkFileError::Active { .. })));
    }
    MarkFile::activate(region, Kind::Archive, activation(now_ms, Some(OWNER))).unwrap();
}

#[test]
fn other_major_versions_are_refused_and_a_failed_start_is_not() {
    // 01 §7.2
    for (kind, version, taken) in [
        (Kind::Archive, 3 << 16, true),
        (Kind::Archive, 0, true),
        (Kind::Archive, 2 << 16, false),
        (Kind::Archive, -1, false),
        (Kind::Cluster, 3 << 8, true),
        (Kind::Cluster, -1, true),
        (Kind::Cluster, 1 << 16, false),
    ] {
        let region = region();
        MarkFile::create(region.clone(), kind, OWNER, 0).unwrap();
        region.word32(8).unwrap().store_release(version);
        let outcome = MarkFile::activate(region, kind, activation(OWNER.start_ms, None));
        assert_eq!(outcome.is_ok(), taken, "{kind:?} {version}");
    }
    let region = region();
    let mark = MarkFile::create(region.clone(), Kind::Cluster, OWNER, 0).unwrap();
    mark.signal_failed_start();
    assert_eq!((mark.version(), i64_at(&region, 16)), (-1, -1));
}

#[test]
fn the_old_form_has_its_block_at_0() {
    // 01 §7.2
    let region = region();
    region.word32(0).unwrap().store_release(768);
    region.word64(8).unwrap().store_release(77);
    region.word64(24).unwrap().store_release(5);
    let reader = MarkFileReader::open(region.clone(), Kind::Cluster).unwrap();
    assert!(reader.is_legacy());
    assert_eq!(
        reader.readiness(),
        Readiness::Ready {
            version: 768,
            activity_ms: 77
        }
    );
    assert_eq!(reader.get64(layout::PID), Some(5));
    let now_ms = 77 + TIMEOUT_MS;
    let mark = MarkFile::activate(region.clone(), Kind::Cluster, activation(now_ms, None)).unwrap();
    assert!(mark.is_legacy());
    assert_eq!(i64_at(&region, 8), i64::MAX);
}

#[test]
fn files_too_short_are_refused() {
    for len in 1..24 {
        assert!(MarkFileReader::open(Region::heap(len), Kind::Archive).is_err());
        assert!(MarkFile::activate(Region::heap(len), Kind::Archive, activation(0, None)).is_err());
    }
    assert!(MarkFile::create(Region::heap(8192), Kind::Archive, OWNER, 1).is_err());
    assert!(MarkFile::create(Region::heap(8192), Kind::Archive, OWNER, usize::MAX).is_err());
    assert_eq!(layout::file_len(1 << 20, 4096), 8192 + (1 << 20));
    assert_eq!(layout::file_len(1, 4096), 12_288);
}

#[test]
#[cfg_attr(miri, ignore = "maps a file")]
fn a_mark_file_lives_on_a_disk() {
    let directory = FreshDir::on_disk("mark");
    let path = directory.join("archive-mark.dat");
    let region = FileNames
        .create(&path, layout::file_len(4096, 4096), Pages::Sparse)
        .unwrap();
    let mark = MarkFile::create(region, Kind::Archive, OWNER, 4096).unwrap();
    mark.signal_ready(9);
    mark.flush().unwrap();
    let reader = MarkFileReader::open(FileNames.open(&path).unwrap(), Kind::Archive).unwrap();
    assert!(reader.is_active(9, TIMEOUT_MS));
    assert_eq!(std::fs::read(&path).unwrap()[8..12], [0, 1, 3, 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic(
        words in prop::collection::vec(prop_oneof![any::<i32>(), 0..9000_i32], 40),
        sbe in any::<bool>(),
        len in 24..300_usize,
    ) {
        for kind in [Kind::Archive, Kind::Cluster] {
            let region = Region::heap(len);
            for (at, word) in words.iter().enumerate().take(len / 4) {
                region.word32(at * 4).unwrap().store_release(*word);
            }
            if sbe {
                region.write(0, &[128, 0, 200, 0, 100, 0, 2, 0]).unwrap();
            }
            let reader = MarkFileReader::open(region.clone(), kind).unwrap();
            let _ = (reader.readiness(), reader.error_log(), reader.get64(layout::PID));
            let _ = (reader.get32(cluster::CLUSTER_ID), reader.is_active(0, 10));
            // Anything may come of it, but it returns.
            let _ = MarkFile::activate(region, kind, activation(i64::MIN, None));
        }
    }
}
