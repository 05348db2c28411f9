//! A bounded table of what an agent adopted: sockets and files by slot and generation.

use super::ticket::Full;

/// Slots with generations, so that a handle of something released is recognised as stale.
#[derive(Debug)]
pub(crate) struct Slots {
    what: &'static str,
    generations: Vec<u16>,
    used: Vec<bool>,
}

impl Slots {
    pub(crate) fn new(what: &'static str, limit: u16) -> Self {
        Self {
            what,
            generations: vec![0; limit.into()],
            used: vec![false; limit.into()],
        }
    }

    /// Takes the lowest free slot; gives slot and generation.
    pub(crate) fn take(&mut self) -> Result<(u16, u16), Full> {
        let free = self.used.iter().position(|used| !used);
        let slot = free.ok_or(Full {
            what: self.what,
            limit: self.used.len(),
        })?;
        self.used[slot] = true;
        Ok((slot as u16, self.generations[slot]))
    }

    pub(crate) fn holds(&self, slot: u16, generation: u16) -> bool {
        let at = usize::from(slot);
        self.used.get(at) == Some(&true) && self.generations[at] == generation
    }

    /// Frees a slot; its handles are stale from now on.
    pub(crate) fn give_back(&mut self, slot: u16) {
        let at = usize::from(slot);
        self.used[at] = false;
        self.generations[at] = self.generations[at].wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_comes_back_with_a_new_generation() {
        let mut slots = Slots::new("sockets", 2);
        let first = slots.take().unwrap();
        let second = slots.take().unwrap();
        assert_eq!(
            slots.take().unwrap_err(),
            Full {
                what: "sockets",
                limit: 2
            }
        );
        slots.give_back(first.0);
        assert!(!slots.holds(first.0, first.1));
        assert!(slots.holds(second.0, second.1));
        let again = slots.take().unwrap();
        assert_eq!(again.0, first.0);
        assert_ne!(again.1, first.1);
    }
}
