//! Messages that both sides of a test compute (`Content` in `DriverPeer.java` is the same).

/// Longest message.
pub(crate) const MAX: usize = 64 * 1024;

pub(crate) struct Content {
    table: Vec<u8>,
    seed: u64,
    message: Vec<u8>,
}

impl Content {
    pub(crate) fn new(seed: u64) -> Self {
        let words = 0..(2 * MAX / 8) as u64;
        let table = words
            .flat_map(|word| mix(seed.wrapping_add(word)).to_le_bytes())
            .collect();
        Self {
            table,
            seed,
            message: Vec::with_capacity(MAX),
        }
    }

    /// The message of that number: 32 bytes to 64 KiB, each power of two as likely.
    pub(crate) fn message(&mut self, number: u32) -> &[u8] {
        let random = mix(self.seed ^ (u64::from(number) << 20));
        let base = 32_usize << (random % 11);
        let length = base + usize::try_from((random >> 8) % (base as u64 + 1)).unwrap();
        let from = usize::try_from((random >> 32) % MAX as u64).unwrap();
        self.message.clear();
        self.message
            .extend_from_slice(&self.table[from..from + length]);
        self.message[..8].copy_from_slice(&u64::from(number).to_le_bytes());
        &self.message
    }
}

fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[test]
fn messages_are_from_32_bytes_to_64_kib() {
    let mut content = Content::new(1);
    let lengths: Vec<usize> = (0..20_000)
        .map(|number| content.message(number).len())
        .collect();
    assert!(*lengths.iter().min().unwrap() <= 33);
    assert!(*lengths.iter().max().unwrap() > 65_000);
}
