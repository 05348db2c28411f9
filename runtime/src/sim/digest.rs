//! Outcomes as numbers, for the trace.

use std::net::IpAddr;

use super::hash::Hash;
use crate::io::Outcome;

/// What an outcome says: its kind, then its values. Addresses of memory are not among them.
pub(super) fn digest(outcome: &Outcome) -> Vec<u64> {
    match outcome {
        Outcome::Moved(bytes) => vec![0, *bytes as u64],
        Outcome::Done => vec![1],
        Outcome::Region(region) => vec![2, region.len() as u64],
        Outcome::File(token) => vec![3, token.len()],
        Outcome::Socket(token) => {
            vec![
                4,
                ip_digest(token.local_address().ip()),
                token.local_address().port().into(),
            ]
        }
        Outcome::Addresses(ips) => {
            let all = ips.iter().map(|ip| ip_digest(*ip));
            std::iter::once(5).chain(all).collect()
        }
        Outcome::Entries(entries) => {
            let all = entries.iter().flat_map(|entry| {
                let mut name = Hash::new();
                name.bytes(entry.name.as_bytes());
                [name.finish(), entry.len]
            });
            std::iter::once(6).chain(all).collect()
        }
        Outcome::Failed(failure) => vec![7, u64::from(failure.errno.unsigned_abs())],
    }
}

fn ip_digest(ip: IpAddr) -> u64 {
    let mut hash = Hash::new();
    match ip {
        IpAddr::V4(ip) => hash.bytes(&ip.octets()),
        IpAddr::V6(ip) => hash.bytes(&ip.octets()),
    }
    hash.finish()
}
