//! Name-resolution gossip (03 §1.10, §8.3).

use crate::samples::resolution;
use taranis_transport::frame::{EntryFault, Resolution, ResolutionEntry, ResolutionWriter};

const ENTRY: ResolutionEntry<'_> = ResolutionEntry {
    is_self: true,
    udp_port: 8050,
    age_in_ms: 7,
    address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    name: b"node-a",
};

#[test]
fn entries_come_back_as_they_were_written() {
    let bytes = resolution();
    let entries: Vec<_> = Resolution::decode(&bytes)
        .unwrap()
        .entries()
        .map(Result::unwrap)
        .collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (entries[0].name, entries[0].is_self, entries[0].udp_port),
        (&b"node-a"[..], true, 8050)
    );
    assert_eq!(
        entries[1].address,
        "fe80::1".parse::<std::net::IpAddr>().unwrap()
    );
    assert_eq!((entries[1].age_in_ms, entries[1].is_self), (250, false));
}

#[test]
fn an_entry_is_compared_with_what_remains_of_the_frame() {
    let good = resolution();
    let mut bytes = good.clone();
    bytes[8 + 24 + 24] = 200;
    let entries: Vec<_> = Resolution::decode(&bytes).unwrap().entries().collect();
    assert!(
        entries[0].is_ok(),
        "the entries before the broken one count"
    );
    assert!(matches!(entries[1], Err(EntryFault::Invalid(_))));
    assert_eq!(entries.len(), 2);

    let mut negative = good;
    negative[8 + 12..8 + 14].copy_from_slice(&(-1_i16).to_le_bytes());
    assert!(
        Resolution::decode(&negative)
            .unwrap()
            .entries()
            .next()
            .unwrap()
            .is_err()
    );
}

#[test]
fn an_unknown_type_of_address_ends_the_frame_and_is_named() {
    let mut bytes = resolution();
    bytes[8] = 3;
    let entries: Vec<_> = Resolution::decode(&bytes).unwrap().entries().collect();
    assert_eq!(entries, [Err(EntryFault::UnknownType { res_type: 3 })]);
    assert!(
        entries[0]
            .unwrap_err()
            .to_string()
            .starts_with("Invalid res type on entry: 3")
    );
}

#[test]
fn a_full_frame_leaves_the_entry_for_the_next() {
    let mut out = [0; 8 + 24 + 23];
    let mut writer = ResolutionWriter::new(&mut out);
    assert!(writer.add(&ENTRY).unwrap());
    assert!(!writer.add(&ENTRY).unwrap());
    assert_eq!(writer.finish().unwrap(), 32);
}

#[test]
fn an_empty_frame_and_an_endless_name_are_not_written() {
    let mut out = [0; 1024];
    assert!(ResolutionWriter::new(&mut out).finish().is_err());
    let name = [b'n'; 513];
    assert!(
        ResolutionWriter::new(&mut out)
            .add(&ResolutionEntry {
                name: &name,
                ..ENTRY
            })
            .is_err()
    );
    assert!(
        ResolutionWriter::new(&mut out)
            .add(&ResolutionEntry {
                name: &name[..512],
                ..ENTRY
            })
            .unwrap()
    );
}

#[test]
fn a_frame_shorter_than_its_header_is_refused() {
    let mut bytes = resolution();
    bytes[0] = 7;
    assert!(Resolution::decode(&bytes).is_err());
    bytes[0] = 8;
    assert_eq!(Resolution::decode(&bytes).unwrap().entries().count(), 0);
}
