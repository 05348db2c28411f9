//! What agents do in every cycle allocates nothing (design: the data path).

use taranis_runtime::{
    idmap::IdMap,
    mem::{Region, broadcast, counters::CountersManager, ring},
    testing::allocations,
};

#[test]
fn rings_allocate_nothing() {
    let region = Region::heap(1024 + ring::TRAILER_LEN);
    let producer = ring::mpsc::Producer::open(region.clone()).unwrap();
    let mut consumer = ring::mpsc::Consumer::open(region).unwrap();
    let count = allocations(|| {
        for n in 0..100 {
            producer.write(1, &[n; 40]).unwrap();
            consumer.read(10, |_, _| ()).unwrap();
            consumer.read(10, |_, _| ()).unwrap();
        }
    });
    assert_eq!(count.here, 0);
}

#[test]
fn broadcast_allocates_nothing_for_messages_up_to_4096_bytes() {
    let region = Region::heap((1 << 17) + broadcast::TRAILER_LEN);
    let mut transmitter = broadcast::Transmitter::open(region.clone()).unwrap();
    let mut receiver = broadcast::Receiver::open(region).unwrap();
    let message = [7; 4096];
    let count = allocations(|| {
        for _ in 0..100 {
            transmitter.transmit(1, &message).unwrap();
            assert!(receiver.receive(|_, _| ()).unwrap());
        }
    });
    assert_eq!(count.here, 0);
}

#[test]
fn counters_handles_allocate_nothing() {
    let mut manager =
        CountersManager::new(Region::heap(128 * 8), Region::heap(512 * 8), 0).unwrap();
    let id = manager.allocate(0, 1, b"", "label").unwrap();
    let (owned, reader) = (manager.owned(id).unwrap(), manager.reader());
    let count = allocations(|| {
        owned.increment();
        assert_eq!(reader.find(1, 0), Some(id));
        assert_eq!(reader.get(id).unwrap().value(), 1);
    });
    assert_eq!(count.here, 0);
}

#[test]
fn an_id_map_allocates_nothing_up_to_its_capacity() {
    let mut map = IdMap::with_capacity(100);
    let count = allocations(|| {
        for round in 0..10 {
            for key in 0..100 {
                map.insert(key * 1_000_003 + round, key);
            }
            map.retain(|_, value| *value % 2 == 0);
            for key in 0..100 {
                map.remove(key * 1_000_003 + round);
            }
        }
    });
    assert_eq!(count.here, 0);
}
