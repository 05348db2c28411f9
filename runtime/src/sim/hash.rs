//! A running 64-bit hash of everything that happened.

/// Takes in words one by one.
///
/// Each step is a bijection of the state for a given word, and of the word for a given state: two histories that differ in
/// one word have different hashes for certain, and any others but for one chance in 2⁶⁴. (A hash for telling histories
/// apart, not against an adversary; eight bytes a step, because it sees every delivered byte.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hash {
    state: u64,
}

impl Hash {
    pub(super) fn new() -> Self {
        Self { state: SALT }
    }

    pub(super) fn word(&mut self, word: u64) {
        self.state = (self.state.rotate_left(23) ^ word).wrapping_mul(ODD);
    }

    /// Takes in the length, then the bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            let mut eight = [0; 8];
            eight.copy_from_slice(word);
            self.word(u64::from_le_bytes(eight));
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            let mut eight = [0; 8];
            eight[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(eight));
        }
    }

    /// The hash so far, with the low bits stirred, which the steps leave weak. A bijection again.
    pub(super) fn finish(&self) -> u64 {
        let folded = (self.state ^ self.state >> 32).wrapping_mul(ODD);
        folded ^ folded >> 29
    }
}

/// 2⁶⁴ divided by the golden ratio, made odd.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
const SALT: u64 = 0x5441_5241_4e49_5321;

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(bytes: &[u8]) -> u64 {
        let mut hash = Hash::new();
        hash.bytes(bytes);
        hash.finish()
    }

    #[test]
    fn every_flipped_bit_and_every_length_shows() {
        let bytes: Vec<u8> = (0..100).collect();
        let whole = hash_of(&bytes);
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert_ne!(hash_of(&flipped), whole);
        }
        let mut lengths: Vec<u64> = (0..100).map(|len| hash_of(&vec![0; len])).collect();
        lengths.sort_unstable();
        lengths.dedup();
        assert_eq!(lengths.len(), 100);
    }
}
