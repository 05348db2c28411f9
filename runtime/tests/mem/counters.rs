//! Counters (spec 01 §5, 02 §7.1).

use proptest::prelude::*;
use taranis_runtime::mem::{
    Region,
    counters::{CountersFull, CountersManager, CountersReader, NotAllocated, State},
};

const TIMEOUT_MS: i64 = 1_000;

fn regions(ids: usize) -> (Region, Region) {
    (Region::heap(ids * 128), Region::heap(ids * 512))
}

fn manager(ids: usize) -> CountersManager {
    let (values, metadata) = regions(ids);
    CountersManager::new(values, metadata, TIMEOUT_MS).unwrap()
}

#[test]
fn fields_stand_where_aeron_has_them() {
    // 01 §5.1
    let (values, metadata) = regions(4);
    let mut manager = CountersManager::new(values.clone(), metadata.clone(), 0).unwrap();
    manager.allocate(0, 1, b"", "first").unwrap();
    let id = manager.allocate(0, 77, b"the key", "the label").unwrap();
    manager.set_registration_id(id, 5).unwrap();
    manager.set_owner_id(id, 6).unwrap();
    manager.set_reference_id(id, 7).unwrap();
    manager.owned(id).unwrap().set(4);
    let value = |offset: usize| values.word64(128 + offset).unwrap().load_acquire();
    assert_eq!((value(0), value(8), value(16), value(24)), (4, 5, 6, 7));
    let word = |offset: usize| metadata.word32(512 + offset).unwrap().load_acquire();
    assert_eq!((word(0), word(4), word(128)), (1, 77, 9));
    assert_eq!(metadata.word64(512 + 8).unwrap().load_acquire(), i64::MAX);
    let bytes = |offset: usize, len: usize| {
        let mut bytes = vec![0; len];
        metadata.read(512 + offset, &mut bytes).unwrap();
        bytes
    };
    assert_eq!(bytes(16, 9), b"the key\0\0");
    assert_eq!(bytes(132, 9), b"the label");
}

#[test]
fn metadata_must_be_four_times_the_values() {
    // 01 §5.1
    assert!(CountersReader::open(Region::heap(256), Region::heap(1023)).is_err());
    assert!(CountersReader::open(Region::heap(127), Region::heap(512)).is_err());
    let reader = CountersReader::open(Region::heap(300), Region::heap(1024)).unwrap();
    assert_eq!(reader.max_counter_id(), 1);
}

#[test]
fn keys_and_labels_are_cut_at_112_and_380_bytes() {
    // 01 §5.1
    let mut manager = manager(2);
    let id = manager.allocate(0, 1, &[7; 113], &"x".repeat(381)).unwrap();
    let reader = manager.reader();
    assert_eq!(reader.get(id).unwrap().key(), [7; 112]);
    assert_eq!(reader.get(id).unwrap().label(), "x".repeat(380));
    manager.label(id).unwrap().append("y");
    assert_eq!(reader.get(id).unwrap().label(), "x".repeat(380));
}

#[test]
fn labels_are_replaced_and_appended_to() {
    // 01 §5.3
    let mut manager = manager(2);
    let id = manager
        .allocate(0, 1, b"", "client-heartbeat: id=5")
        .unwrap();
    let label = manager.reader().label(id).unwrap();
    label.append(" name=");
    label.append("é");
    assert_eq!(label.text(), "client-heartbeat: id=5 name=é");
    label.append(&"z".repeat(400));
    assert_eq!(label.text().len(), 380);
    label.set("short");
    assert_eq!(label.text(), "short");
    label.set("");
    assert_eq!(label.text(), "");
}

#[test]
fn a_freed_counter_rests_and_keeps_its_value_until_reuse() {
    // 01 §5.3, check 10
    let (values, metadata) = regions(2);
    let mut manager = CountersManager::new(values, metadata.clone(), TIMEOUT_MS).unwrap();
    let id = manager.allocate(0, 3, b"key", "label").unwrap();
    manager.set_registration_id(id, 9).unwrap();
    let position = manager.owned(id).unwrap();
    position.set(55);
    manager.free(10_000, id).unwrap();
    let reader = manager.reader();
    assert_eq!(reader.state(id), Some(State::Reclaimed));
    assert!(reader.get(id).is_none());
    assert_eq!(metadata.word64(8).unwrap().load_acquire(), 11_000);
    let mut key = [1; 112];
    metadata.read(16, &mut key).unwrap();
    assert_eq!(key, [0; 112]);
    assert_eq!(position.get(), 55);

    assert_eq!(manager.available(10_999), 1);
    assert_eq!(manager.allocate(10_999, 1, b"", "").unwrap(), 1);
    assert_eq!(
        manager.allocate(10_999, 1, b"", ""),
        Err(CountersFull { max_counter_id: 1 })
    );
    assert_eq!(manager.available(11_000), 1);
    assert_eq!(manager.allocate(11_000, 1, b"", "").unwrap(), id);
    let counter = reader.get(id).unwrap();
    assert_eq!((counter.value(), counter.registration_id()), (0, 0));
}

#[test]
fn freeing_twice_or_what_was_never_given_out_is_refused() {
    // 01 §5.3
    let mut manager = manager(4);
    let id = manager.allocate(0, 1, b"", "").unwrap();
    manager.free(0, id).unwrap();
    for counter_id in [id, 1, 4, -1, i32::MIN, i32::MAX] {
        assert_eq!(
            manager.free(0, counter_id),
            Err(NotAllocated { counter_id })
        );
        assert!(manager.owned(counter_id).is_err());
        assert!(manager.set_owner_id(counter_id, 1).is_err());
    }
}

#[test]
fn a_reader_iterates_up_to_the_first_unused_id_and_finds_by_type_and_registration() {
    // 01 §5.3
    let mut manager = manager(8);
    for n in 0..4 {
        let id = manager
            .allocate(0, 10 + n % 2, b"", &format!("counter {n}"))
            .unwrap();
        manager
            .set_registration_id(id, 100 + i64::from(n / 2))
            .unwrap();
    }
    manager.free(0, 1).unwrap();
    let reader = manager.reader();
    assert_eq!(
        reader
            .iter()
            .map(|counter| counter.id())
            .collect::<Vec<_>>(),
        [0, 2, 3]
    );
    assert_eq!(reader.find(10, 101), Some(2));
    assert_eq!(reader.find(11, 101), Some(3));
    assert_eq!(reader.find(11, 100), None, "freed");
    assert_eq!(reader.find(12, 100), None);
    assert_eq!(reader.state(8), None);
    assert_eq!(reader.state(-1), None);
}

#[test]
fn a_readable_counter_notices_that_its_id_is_anothers_now() {
    // 01 §5.3: guard against reuse by the registration id.
    let mut manager = manager(1);
    let id = manager.allocate(0, 1, b"", "").unwrap();
    manager.set_registration_id(id, 1).unwrap();
    manager.owned(id).unwrap().set(10);
    let readable = manager.reader().readable(id).unwrap();
    assert_eq!((readable.get(), readable.get_if_alive()), (10, Some(10)));
    manager.free(0, id).unwrap();
    assert_eq!(readable.get_if_alive(), None);
    let again = manager.allocate(TIMEOUT_MS, 1, b"", "").unwrap();
    assert_eq!(again, id);
    manager.set_registration_id(again, 2).unwrap();
    assert_eq!(readable.get_if_alive(), None);
    assert_eq!(
        manager.reader().readable(id).unwrap().get_if_alive(),
        Some(0)
    );
}

#[test]
fn values_are_changed_as_their_handles_say() {
    // 01 §5.4
    let mut manager = manager(1);
    let id = manager.allocate(0, 1, b"", "").unwrap();
    let owned = manager.owned(id).unwrap();
    owned.set(5);
    owned.add(2);
    owned.increment();
    assert!(!owned.propose_max(8));
    assert!(owned.propose_max(9));
    let shared = manager.atomic(id).unwrap();
    assert_eq!(shared.add(1), 9);
    assert_eq!(shared.increment(), 10);
    assert!(!shared.compare_and_set(10, 0));
    assert!(shared.compare_and_set(11, i64::MAX));
    assert_eq!(shared.get_and_set(i64::MIN), i64::MAX);
    assert_eq!((owned.get(), owned.id()), (i64::MIN, id));
}

/// The slow twin: which id comes next is found by looking at all of them.
struct Twin {
    /// By id: when it was freed, counted in frees, and when it may be reused; `None` while given out.
    ids: Vec<Option<(usize, i64)>>,
    frees: usize,
    capacity: usize,
}

impl Twin {
    fn allocate(&mut self, now_ms: i64) -> Option<i32> {
        let rested = self.ids.iter().enumerate().filter_map(|(id, freed)| {
            freed
                .filter(|(_, at_ms)| *at_ms <= now_ms)
                .map(|(order, _)| (order, id))
        });
        if let Some((_, id)) = rested.min() {
            self.ids[id] = None;
            return Some(id as i32);
        }
        if self.ids.len() == self.capacity {
            return None;
        }
        self.ids.push(None);
        Some(self.ids.len() as i32 - 1)
    }

    fn free(&mut self, now_ms: i64, id: i32) -> bool {
        let Some(freed @ None) = self.ids.get_mut(id as usize) else {
            return false;
        };
        *freed = Some((self.frees, now_ms + TIMEOUT_MS));
        self.frees += 1;
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ids_are_given_out_as_by_the_obvious_allocator(
        steps in prop::collection::vec((0..3_u8, 0..8_i32, 0..700_i64), 0..100),
    ) {
        let mut manager = manager(6);
        let mut twin = Twin { ids: Vec::new(), frees: 0, capacity: 6 };
        let mut now_ms = 0;
        for (kind, id, later_ms) in steps {
            now_ms += later_ms;
            if kind == 0 {
                prop_assert_eq!(manager.free(now_ms, id).is_ok(), twin.free(now_ms, id));
            } else {
                prop_assert_eq!(manager.allocate(now_ms, 1, b"k", "l").ok(), twin.allocate(now_ms));
            }
            let given_out = (0..6).filter(|id| matches!(twin.ids.get(*id as usize), Some(None)));
            let seen: Vec<i32> = manager.reader().iter().map(|counter| counter.id()).collect();
            prop_assert_eq!(seen, given_out.collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(
        words in prop::collection::vec(prop_oneof![any::<i32>(), -1..2_i32], 128 * 3),
    ) {
        let (values, metadata) = regions(3);
        for (at, word) in words.iter().enumerate() {
            metadata.word32(at * 4).unwrap().store_release(*word);
        }
        let reader = CountersReader::open(values, metadata).unwrap();
        for counter in reader.iter() {
            prop_assert!(counter.label().len() <= 3 * 380);
            let _ = (counter.key(), counter.type_id(), counter.value());
            if let Some(label) = reader.label(counter.id()) {
                label.append("more");
            }
        }
        let _ = reader.find(1, 0);
    }
}
