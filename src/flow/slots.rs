//! Where entries live: found by key or by id, given up in the order of their last use.

use std::cell::Cell;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::flow::entry::{Entry, Phase, USE_GRAIN};
use crate::flow::key::Key;
use crate::flow::lru::{Lists, Slot};
use crate::flow::{FlowId, Transport};
use crate::limits::Limits;
use crate::time::{Span, Timestamp};

/// Entries by slot, with indexes. The indexes are hashed with a random seed (an attacker chooses the
/// keys) and never walked, so the seed shows nowhere.
#[derive(Debug)]
pub(super) struct Slots<S> {
    entries: Vec<Option<Entry<S>>>,
    free: Vec<Slot>,
    hasher: RandomState,
    by_key: HashTable<Slot>,
    by_id: HashTable<Slot>,
    /// What was looked for last, and where it was: the general path asks again for what a glance just did,
    /// and bulk data comes in trains. Until something is put in or forgotten.
    last: Cell<Option<(Key, Option<Slot>)>>,
    order: Lists<{ Class::COUNT }>,
    /// Idle time of each class.
    idle: [Span; Class::COUNT],
    /// No entry is idle before this.
    next_due: Timestamp,
}

impl<S> Slots<S> {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            hasher: RandomState::default(),
            by_key: HashTable::new(),
            by_id: HashTable::new(),
            last: Cell::new(None),
            order: Lists::new(),
            idle: [limits.tcp_opening, limits.tcp_idle, limits.udp_idle],
            next_due: Timestamp::from_nanos(i64::MAX),
        }
    }

    /// Puts in an entry whose key and id are not there yet.
    pub(super) fn insert(&mut self, entry: Entry<S>, now: Timestamp) -> Option<Slot> {
        self.last.set(None);
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let slot = Slot::try_from(self.entries.len()).ok()?;
                self.entries.push(None);
                slot
            }
        };
        let (key, id, class) = (
            self.hash(&entry.key),
            self.hash(&entry.id),
            Class::of(&entry),
        );
        *self.entries.get_mut(slot as usize)? = Some(entry);
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.by_key.insert_unique(key, slot, |slot| {
            at(entries, *slot).map_or(0, |entry| hasher.hash_one(entry.key))
        });
        self.by_id.insert_unique(id, slot, |slot| {
            at(entries, *slot).map_or(0, |entry| hasher.hash_one(entry.id))
        });
        self.push(class, slot, now);
        Some(slot)
    }

    /// Forgets an entry.
    pub(super) fn remove(&mut self, slot: Slot) {
        self.last.set(None);
        self.forget_id(slot);
        let Some(entry) = self.entries.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        self.order.remove(Class::of(&entry) as usize, slot);
        self.free.push(slot);
        let hash = self.hash(&entry.key);
        if let Ok(found) = self.by_key.find_entry(hash, |other| *other == slot) {
            found.remove();
        }
    }

    /// Forgets all entries, and gives back their room.
    pub(super) fn clear(&mut self) {
        self.entries = Vec::new();
        self.free = Vec::new();
        self.by_key = HashTable::new();
        self.by_id = HashTable::new();
        self.order = Lists::new();
    }

    /// Moves an entry on.
    pub(super) fn set_phase(&mut self, slot: Slot, phase: Phase, now: Timestamp) {
        let Some(entry) = self.get_mut(slot) else {
            return;
        };
        let was = Class::of(entry);
        entry.phase = phase;
        let is = Class::of(entry);
        if was as usize != is as usize {
            self.order.remove(was as usize, slot);
            self.push(is, slot, now);
        }
    }

    /// Notes that an entry was used.
    #[inline]
    pub(super) fn touch(&mut self, slot: Slot, now: Timestamp) {
        let used = self.get(slot).map(|entry| entry.used);
        if used.is_some_and(|used| now.since(used) >= USE_GRAIN) {
            self.renew(slot, now);
        }
    }

    // Apart, so that what is asked for each packet is asked where the packet is.
    #[inline(never)]
    fn renew(&mut self, slot: Slot, now: Timestamp) {
        if let Some(class) = self.get(slot).map(Class::of) {
            self.order.remove(class as usize, slot);
            self.push(class, slot, now);
        }
    }

    /// No entry is idle before this.
    #[inline]
    pub(super) const fn next_due(&self) -> Timestamp {
        self.next_due
    }

    /// Whether an entry may be idle.
    fn is_due(&self, now: Timestamp) -> bool {
        now >= self.next_due
    }

    /// An entry whose idle time is over. Cheap when there is none.
    pub(super) fn idle(&mut self, now: Timestamp) -> Option<Slot> {
        if !self.is_due(now) {
            return None;
        }
        self.next_due = Timestamp::from_nanos(i64::MAX);
        for class in Class::ALL {
            let Some(slot) = self.order.oldest(class as usize) else {
                continue;
            };
            let (used, idle) = (self.get(slot)?.used, self.idle_time(class));
            if now.since(used) >= idle {
                self.next_due = now;
                return Some(slot);
            }
            self.next_due = self.next_due.min(used.plus(idle));
        }
        None
    }

    /// The entry that is missed least: the one idle longest. Connections that
    /// were never answered go first when they fill half the table, so that a flood of SYNs or a scan
    /// does not push out real ones.
    pub(super) fn least_missed(&self) -> Option<Slot> {
        let oldest = |class: Class| self.order.oldest(class as usize);
        if self.order.len(Class::Opening as usize) * 2 > self.len() {
            return oldest(Class::Opening);
        }
        Class::ALL
            .into_iter()
            .filter_map(oldest)
            .min_by_key(|slot| self.get(*slot).map(|entry| (entry.used, entry.id)))
    }

    /// Slots of all flows, by id.
    pub(super) fn open_flows(&self) -> Vec<(FlowId, Slot)> {
        let mut flows: Vec<_> = (0..)
            .zip(&self.entries)
            .filter_map(|(slot, entry)| entry.as_ref().map(|entry| (entry, slot)))
            .map(|(entry, slot)| (entry.id, slot))
            .collect();
        flows.sort_unstable();
        flows
    }

    /// Where an entry is. The key was just made and is in registers where this is inlined; read back from
    /// memory in larger pieces than it was written in, it would stall the processor.
    #[inline(always)]
    pub(super) fn find(&self, key: &Key) -> Option<Slot> {
        match self.last.get() {
            Some((last, slot)) if last == *key => slot,
            _ => self.search(key),
        }
    }

    #[inline(never)]
    fn search(&self, key: &Key) -> Option<Slot> {
        let slot = self
            .by_key
            .find(self.hash(key), |slot| {
                at(&self.entries, *slot).is_some_and(|entry| entry.key == *key)
            })
            .copied();
        self.last.set(Some((*key, slot)));
        slot
    }

    /// An entry by its key, and where it is.
    #[inline(always)]
    pub(super) fn find_mut(&mut self, key: &Key) -> Option<(Slot, &mut Entry<S>)> {
        let slot = self.find(key)?;
        Some((slot, self.get_mut(slot)?))
    }

    pub(super) fn find_id(&self, id: FlowId) -> Option<Slot> {
        self.by_id
            .find(self.hash(&id), |slot| {
                at(&self.entries, *slot).is_some_and(|entry| entry.id == id)
            })
            .copied()
    }

    #[inline]
    pub(super) fn get(&self, slot: Slot) -> Option<&Entry<S>> {
        at(&self.entries, slot)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Entry<S>> {
        self.entries.get_mut(slot as usize)?.as_mut()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    fn push(&mut self, class: Class, slot: Slot, now: Timestamp) {
        self.order.push(class as usize, slot);
        if let Some(entry) = self.get_mut(slot) {
            entry.used = now;
        }
        self.next_due = self.next_due.min(now.plus(self.idle_time(class)));
    }

    fn forget_id(&mut self, slot: Slot) {
        let Some(id) = self.get(slot).map(|entry| entry.id) else {
            return;
        };
        let hash = self.hash(&id);
        if let Ok(found) = self.by_id.find_entry(hash, |other| *other == slot) {
            found.remove();
        }
    }

    /// Idle time of a class, with the grain in which use is noted.
    fn idle_time(&self, class: Class) -> Span {
        let idle = self.idle.get(class as usize).copied().unwrap_or_default();
        Span::from_nanos(idle.as_nanos().saturating_add(USE_GRAIN.as_nanos()))
    }

    #[inline]
    fn hash(&self, key: &impl Hash) -> u64 {
        self.hasher.hash_one(key)
    }
}

/// Entries of one class wait equally long, so that each class is in the order of its deadlines.
#[derive(Clone, Copy, Debug)]
enum Class {
    Opening,
    Tcp,
    Udp,
}

impl Class {
    const ALL: [Self; Self::COUNT] = [Self::Opening, Self::Tcp, Self::Udp];
    const COUNT: usize = 3;

    fn of<S>(entry: &Entry<S>) -> Self {
        match (entry.phase, entry.key.transport()) {
            (Phase::Opening, _) => Self::Opening,
            (_, Transport::Tcp) => Self::Tcp,
            (_, Transport::Udp) => Self::Udp,
        }
    }
}

#[inline]
fn at<S>(entries: &[Option<Entry<S>>], slot: Slot) -> Option<&Entry<S>> {
    entries.get(slot as usize)?.as_ref()
}
