//! What a simulated world is like.

use super::random::Delay;

/// The settings of a world. All that the seed leaves open is here.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where all that is random comes from.
    pub seed: u64,
    /// Between two hosts, unless a pair has its own.
    pub link: Link,
    /// Between sockets of one host.
    pub loopback: Link,
    /// The sockets of all hosts.
    pub sockets: Sockets,
    /// The disks of all hosts.
    pub disk: Disk,
    /// Until a chore has taken place, each by itself; chores of one thread take place in order.
    pub chore: Delay,
    /// What a turn of an agent takes.
    pub turn: Delay,
    /// Longest jump of time while nothing happens, in nanoseconds: a thread parks no longer than that (a millisecond),
    /// because shared memory does not wake it.
    pub longest_idle_ns: u64,
    /// How long beyond the end of a run a callback may idle, in virtual nanoseconds, before it counts as stuck.
    pub patience_ns: u64,
    /// Nanoseconds since the Unix epoch at the start.
    pub epoch_ns: i64,
}

impl Settings {
    /// The defaults, which are those of a quiet data centre: links of 20 to 30 µs that lose nothing.
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            link: Link::between_hosts(),
            loopback: Link::loopback(),
            sockets: Sockets::default(),
            disk: Disk::default(),
            chore: Delay::between(1_000, 200_000),
            turn: Delay::between(20, 400),
            longest_idle_ns: 1_000_000,
            patience_ns: 60_000_000_000,
            epoch_ns: 1_750_000_000_000_000_000,
        }
    }
}

/// One direction between two hosts (or within one). Chances are in parts per million.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Time on the way.
    pub delay: Delay,
    /// Datagrams lost.
    pub loss_ppm: u32,
    /// Datagrams that arrive a second time, with a delay of its own.
    pub duplicate_ppm: u32,
    /// Datagrams that later ones may overtake; all others arrive in order.
    pub reorder_ppm: u32,
    /// What such a datagram is late by.
    pub reorder: Delay,
}

impl Link {
    fn between_hosts() -> Self {
        Self {
            delay: Delay::between(20_000, 30_000),
            ..Self::loopback()
        }
    }

    fn loopback() -> Self {
        Self {
            delay: Delay::between(2_000, 6_000),
            loss_ppm: 0,
            duplicate_ppm: 0,
            reorder_ppm: 0,
            reorder: Delay::between(10_000, 500_000),
        }
    }
}

/// Sockets of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sockets {
    /// Buffer of a socket that asks for none, in bytes, in each direction.
    pub default_buffer_bytes: usize,
    /// Largest buffer granted (`net.core.rmem_max`, `wmem_max`), in bytes.
    pub largest_buffer_bytes: usize,
    /// How long a byte occupies the send buffer, in picoseconds (800: a 10 Gbit/s device).
    pub byte_ps: u64,
    /// Sends that are refused with `EAGAIN` though there is room, in parts per million.
    pub refused_ppm: u32,
    /// Sockets that take no `UDP_SEGMENT`, so that a send of several datagrams may go out in part, in parts per million.
    pub without_segments_ppm: u32,
    /// Receives that take more than one datagram where the system may join them (`UDP_GRO`), in parts per million.
    pub joined_ppm: u32,
    /// Until a send's completion.
    pub completion: Delay,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            default_buffer_bytes: 212_992,
            largest_buffer_bytes: 8 << 20,
            byte_ps: 800,
            refused_ppm: 0,
            without_segments_ppm: 100_000,
            joined_ppm: 700_000,
            completion: Delay::between(0, 2_000),
        }
    }
}

/// The disk of a host. Chances are in parts per million.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Until a read has taken place.
    pub read: Delay,
    /// Until a buffered write has taken place.
    pub buffered_write: Delay,
    /// Until a direct or durable write has taken place.
    pub direct_write: Delay,
    /// Until a sync has taken place.
    pub sync: Delay,
    /// Operations that take longer.
    pub slow_ppm: u32,
    /// By how much.
    pub slow: Delay,
    /// Writes of which only a part is taken.
    pub short_ppm: u32,
    /// Reads, writes and syncs that fail with `EIO` and have no effect.
    pub failing_ppm: u32,
    /// What fits, in bytes; beyond it allocating and writing fail with `ENOSPC`.
    pub capacity_bytes: u64,
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            read: Delay::between(5_000, 100_000),
            buffered_write: Delay::between(1_000, 20_000),
            direct_write: Delay::between(80_000, 200_000),
            sync: Delay::between(200_000, 600_000),
            slow_ppm: 10_000,
            slow: Delay::between(1_000_000, 5_000_000),
            short_ppm: 0,
            failing_ppm: 0,
            capacity_bytes: u64::MAX,
        }
    }
}
