//! A map from ids to values that iterates in the order of insertion.
//!
//! Agents iterate over their tables in every cycle, and a simulated run must replay exactly, so order is part of the
//! contract and the hash is fixed. Keys are ids we or Aeron's counters gave out; someone who may choose them can make
//! look-ups slow (they probe linearly), but not wrong.

use std::mem;

/// A map from `i64` ids to `V`: get, insert and remove take constant time, iteration follows insertion.
///
/// Up to its capacity nothing is allocated; beyond it the map doubles.
///
/// ```
/// use taranis_runtime::idmap::IdMap;
///
/// let mut sessions = IdMap::with_capacity(16);
/// sessions.insert(7, "seven");
/// sessions.insert(3, "three");
/// assert_eq!(sessions.get(3), Some(&"three"));
/// assert_eq!(sessions.keys().collect::<Vec<_>>(), [7, 3]);
/// ```
#[derive(Clone, Debug)]
pub struct IdMap<V> {
    /// Entries in no order, linked in the order of insertion; vacant ones are linked through `next`.
    entries: Vec<Entry<V>>,
    /// Hash table of indices into `entries`, or `NONE`. Its length is 0 or a power of two, at least half of it empty.
    table: Vec<u32>,
    first: u32,
    last: u32,
    vacant: u32,
    len: usize,
}

#[derive(Clone, Debug)]
struct Entry<V> {
    key: i64,
    previous: u32,
    next: u32,
    value: Option<V>,
}

const NONE: u32 = u32::MAX;

impl<V> IdMap<V> {
    /// An empty map that allocates at the first insertion.
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
            table: Vec::new(),
            first: NONE,
            last: NONE,
            vacant: NONE,
            len: 0,
        }
    }

    /// An empty map with room for `capacity` values.
    pub fn with_capacity(capacity: usize) -> Self {
        let mut map = Self::new();
        map.reserve(capacity);
        map
    }

    /// Makes room for `additional` more values.
    ///
    /// # Panics
    /// When there would be more than 2^31 of them.
    pub fn reserve(&mut self, additional: usize) {
        let wanted = self.len + additional;
        assert!(wanted <= 1 << 31, "{wanted} values in an IdMap");
        self.entries
            .reserve(wanted.saturating_sub(self.entries.len()));
        let table_len = (wanted * 2).next_power_of_two();
        if wanted > 0 && table_len > self.table.len() {
            self.rebuild_table(table_len);
        }
    }

    /// Stores a value; returns the one stored under that key before, whose place in the order it takes.
    pub fn insert(&mut self, key: i64, value: V) -> Option<V> {
        if let Some(stored) = self.get_mut(key) {
            return Some(mem::replace(stored, value));
        }
        self.push_back(key, value);
        None
    }

    /// The value of `key`, which is made and stored if there is none.
    pub fn get_or_insert_with(&mut self, key: i64, make: impl FnOnce() -> V) -> &mut V {
        let index = match self.find(key) {
            Some((_, index)) => index,
            None => self.push_back(key, make()),
        };
        self.entries[index as usize]
            .value
            .as_mut()
            .expect("a linked entry has a value")
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: i64) -> Option<V> {
        let (slot, index) = self.find(key)?;
        self.close_gap(slot);
        self.unlink(index);
        let entry = &mut self.entries[index as usize];
        entry.next = self.vacant;
        self.vacant = index;
        self.len -= 1;
        entry.value.take()
    }

    /// Keeps the values for which `keep` says so; asks in the order of insertion.
    pub fn retain(&mut self, mut keep: impl FnMut(i64, &mut V) -> bool) {
        let mut at = self.first;
        while at != NONE {
            let entry = &mut self.entries[at as usize];
            let (key, next) = (entry.key, entry.next);
            let kept = entry.value.as_mut().is_some_and(|value| keep(key, value));
            if !kept {
                self.remove(key);
            }
            at = next;
        }
    }

    /// Drops all values and keeps the capacity.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.table.fill(NONE);
        (self.first, self.last, self.vacant) = (NONE, NONE, NONE);
        self.len = 0;
    }

    /// The value of `key`, for changing it.
    pub fn get_mut(&mut self, key: i64) -> Option<&mut V> {
        let (_, index) = self.find(key)?;
        self.entries[index as usize].value.as_mut()
    }

    /// Keys and values, for changing the values, in the order of insertion.
    ///
    /// Constant time per step; needs no look-up.
    pub fn for_each_mut(&mut self, mut visit: impl FnMut(i64, &mut V)) {
        self.retain(|key, value| {
            visit(key, value);
            true
        });
    }

    /// The value of `key`.
    pub fn get(&self, key: i64) -> Option<&V> {
        let (_, index) = self.find(key)?;
        self.entries[index as usize].value.as_ref()
    }

    /// Whether there is a value of `key`.
    pub fn contains_key(&self, key: i64) -> bool {
        self.find(key).is_some()
    }

    /// The key inserted first of those there are, with its value.
    pub fn first(&self) -> Option<(i64, &V)> {
        self.iter().next()
    }

    /// Keys and values in the order of insertion.
    pub fn iter(&self) -> Iter<'_, V> {
        Iter {
            entries: &self.entries,
            at: self.first,
        }
    }

    /// Keys in the order of insertion.
    pub fn keys(&self) -> impl Iterator<Item = i64> {
        self.iter().map(|(key, _)| key)
    }

    /// Values in the order of their keys' insertion.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of values there can be before the map allocates.
    pub fn capacity(&self) -> usize {
        self.entries.capacity().min(self.table.len() / 2)
    }

    /// Stores a value under a key that has none; returns its entry.
    fn push_back(&mut self, key: i64, value: V) -> u32 {
        if (self.len + 1) * 2 > self.table.len() {
            self.reserve((self.len + 1).max(4));
        }
        let entry = Entry {
            key,
            previous: self.last,
            next: NONE,
            value: Some(value),
        };
        let index = if self.vacant == NONE {
            self.entries.push(entry);
            (self.entries.len() - 1) as u32
        } else {
            let index = self.vacant;
            self.vacant = self.entries[index as usize].next;
            self.entries[index as usize] = entry;
            index
        };
        match self.last {
            NONE => self.first = index,
            last => self.entries[last as usize].next = index,
        }
        self.last = index;
        self.len += 1;
        self.enter(index);
        index
    }

    fn unlink(&mut self, index: u32) {
        let Entry { previous, next, .. } = self.entries[index as usize];
        match previous {
            NONE => self.first = next,
            previous => self.entries[previous as usize].next = next,
        }
        match next {
            NONE => self.last = previous,
            next => self.entries[next as usize].previous = previous,
        }
    }

    /// Slot in the table and entry of a key.
    fn find(&self, key: i64) -> Option<(usize, u32)> {
        if self.table.is_empty() {
            return None;
        }
        let mut slot = self.home(key);
        loop {
            let index = self.table[slot];
            if index == NONE {
                return None;
            }
            if self.entries[index as usize].key == key {
                return Some((slot, index));
            }
            slot = self.after(slot);
        }
    }

    fn enter(&mut self, index: u32) {
        let mut slot = self.home(self.entries[index as usize].key);
        while self.table[slot] != NONE {
            slot = self.after(slot);
        }
        self.table[slot] = index;
    }

    /// Empties a slot, and moves what was pushed past it back, so that no search ends too early.
    fn close_gap(&mut self, mut gap: usize) {
        let mask = self.table.len() - 1;
        let mut slot = gap;
        loop {
            slot = self.after(slot);
            let index = self.table[slot];
            if index == NONE {
                break;
            }
            let home = self.home(self.entries[index as usize].key);
            let from_home = slot.wrapping_sub(home) & mask;
            let from_gap = slot.wrapping_sub(gap) & mask;
            if from_home >= from_gap {
                self.table[gap] = index;
                gap = slot;
            }
        }
        self.table[gap] = NONE;
    }

    fn rebuild_table(&mut self, len: usize) {
        self.table.clear();
        self.table.resize(len, NONE);
        let mut at = self.first;
        while at != NONE {
            self.enter(at);
            at = self.entries[at as usize].next;
        }
    }

    fn home(&self, key: i64) -> usize {
        // Fibonacci hashing: consecutive ids spread evenly, and the high bits are the good ones.
        let hash = (key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (hash >> 32) as usize & (self.table.len() - 1)
    }

    fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.table.len() - 1)
    }
}

impl<V> Default for IdMap<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, V> IntoIterator for &'a IdMap<V> {
    type Item = (i64, &'a V);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Keys and values of an [`IdMap`] in the order of insertion.
#[derive(Clone, Debug)]
pub struct Iter<'a, V> {
    entries: &'a [Entry<V>],
    at: u32,
}

impl<'a, V> Iterator for Iter<'a, V> {
    type Item = (i64, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.get(self.at as usize)?;
        self.at = entry.next;
        entry.value.as_ref().map(|value| (entry.key, value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The slow twin: a list in the order of insertion.
    #[derive(Default)]
    struct Twin(Vec<(i64, u32)>);

    impl Twin {
        fn insert(&mut self, key: i64, value: u32) -> Option<u32> {
            match self.0.iter_mut().find(|(stored, _)| *stored == key) {
                Some((_, stored)) => Some(mem::replace(stored, value)),
                None => {
                    self.0.push((key, value));
                    None
                }
            }
        }

        fn remove(&mut self, key: i64) -> Option<u32> {
            let index = self.0.iter().position(|(stored, _)| *stored == key)?;
            Some(self.0.remove(index).1)
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(i64, u32),
        Remove(i64),
        RetainOdd,
        Clear,
    }

    fn key() -> impl Strategy<Value = i64> {
        // Few keys, so that they meet again; some that share their home slot in a small table.
        prop_oneof![
            0..24_i64,
            (0..8_i64).prop_map(|n| n << 40),
            Just(i64::MIN),
            Just(i64::MAX)
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            20 => (key(), any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
            18 => key().prop_map(Step::Remove),
            1 => Just(Step::RetainOdd),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 256 }, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn behaves_as_a_list_searched_from_the_front(steps in prop::collection::vec(step(), 0..200)) {
            let (mut map, mut twin) = (IdMap::new(), Twin::default());
            for step in steps {
                match step {
                    Step::Insert(key, value) => prop_assert_eq!(map.insert(key, value), twin.insert(key, value)),
                    Step::Remove(key) => prop_assert_eq!(map.remove(key), twin.remove(key)),
                    Step::RetainOdd => {
                        map.retain(|_, value| *value % 2 == 1);
                        twin.0.retain(|(_, value)| *value % 2 == 1);
                    }
                    Step::Clear => {
                        map.clear();
                        twin.0.clear();
                    }
                }
                prop_assert_eq!(map.len(), twin.0.len());
                prop_assert_eq!(map.iter().map(|(key, value)| (key, *value)).collect::<Vec<_>>(), twin.0.clone());
                for (key, value) in &twin.0 {
                    prop_assert_eq!(map.get(*key), Some(value));
                }
            }
        }
    }

    #[test]
    fn a_replaced_value_keeps_its_place() {
        let mut map = IdMap::new();
        map.insert(1, 'a');
        map.insert(2, 'b');
        assert_eq!(map.insert(1, 'c'), Some('a'));
        assert_eq!(map.iter().collect::<Vec<_>>(), [(1, &'c'), (2, &'b')]);
        *map.get_or_insert_with(3, || 'd') = 'e';
        assert_eq!(map.values().collect::<String>(), "cbe");
        assert_eq!(map.first(), Some((1, &'c')));
    }

    #[test]
    fn retain_that_removes_the_last_ends() {
        let mut map = IdMap::new();
        for key in 0..10 {
            map.insert(key, ());
        }
        map.retain(|key, ()| key < 5);
        assert_eq!(map.keys().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        map.retain(|_, ()| false);
        assert!(map.is_empty() && map.first().is_none());
    }
}
