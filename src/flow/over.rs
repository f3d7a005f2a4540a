//! Connections that are over, remembered for a while so that their leftovers open no new flow.
//!
//! They are kept apart from the flows that packets belong to, and smaller: of short connections a hundred are
//! over for each that stands, and the few that stand stay in the cache.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::flow::entry::{Entry, USE_GRAIN};
use crate::flow::key::{End, Key, Pair};
use crate::limits::Limits;
use crate::recent::{Recent, Sequence};
use crate::time::{Span, Timestamp};

/// All of them, in the order of their ends.
#[derive(Debug)]
pub(super) struct Ended {
    /// By key, hashed with a random seed.
    ring: Recent<Over>,
    hasher: RandomState,
    /// Those of `ring` whose ports are in use again.
    reused: usize,
    age: Span,
}

/// Beyond so many, room is made for a quarter more at a time: twice as much would be megabytes that nothing ever fills.
const MANY: usize = 16 << 10;

/// A connection that is over, in 80 bytes: a long capture of short connections has tens of thousands of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Over {
    key: Key,
    numbers: Pair<Numbers>,
    /// Its last packet, behind by less than [`USE_GRAIN`].
    used: Timestamp,
    known: Pair<bool>,
    /// Who ended it by RST.
    pub(super) reset_by: Option<End>,
    /// Something came since it was put in its place.
    touched: bool,
    reused: bool,
}

/// Sequence numbers of one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    /// Of the first payload byte.
    base: u32,
    /// After the last.
    next: u32,
}

impl Over {
    /// The number after the last byte of a direction, if any number of it is known.
    pub(super) fn next(&self, end: End) -> Option<u32> {
        (*self.known.of(end)).then_some(self.numbers.of(end).next)
    }

    /// Whether this is the number of the SYN that began a direction.
    pub(super) fn is_syn(&self, end: End, seq: u32) -> bool {
        *self.known.of(end) && seq == self.numbers.of(end).base.wrapping_sub(1)
    }
}

impl Ended {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            ring: Recent::default(),
            hasher: RandomState::default(),
            reused: 0,
            age: Span::from_nanos(
                limits
                    .tcp_closed
                    .as_nanos()
                    .saturating_add(USE_GRAIN.as_nanos()),
            ),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ring.len() - self.reused
    }

    /// Puts in what ends now.
    pub(super) fn put<S>(&mut self, entry: &Entry<S>, now: Timestamp) {
        let age = self.age;
        let is_due = |over: &Over| over.reused || over.touched || now.since(over.used) >= age;
        while self.ring.oldest().is_some_and(is_due) {
            self.pop(now);
        }
        let over = Over {
            key: entry.key,
            numbers: Pair::new(End::BOTH.map(|end| {
                let half = entry.halves.of(end);
                Numbers {
                    base: half.base(),
                    next: half.next,
                }
            })),
            used: now,
            known: Pair::new(End::BOTH.map(|end| entry.halves.of(end).known)),
            reset_by: entry.reset_by,
            touched: false,
            reused: false,
        };
        self.place(over);
    }

    /// Finds one that is remembered still.
    #[inline]
    pub(super) fn find(&self, key: &Key, now: Timestamp) -> Option<(Sequence, &Over)> {
        let mut of_key = self.ring.of(self.hasher.hash_one(key));
        let is_there = |over: &Over| !over.reused && now.since(over.used) < self.age;
        of_key.find(|(_, over)| over.key == *key && is_there(over))
    }

    /// What [`Self::find`] found.
    pub(super) fn get(&mut self, at: Sequence) -> Option<&Over> {
        self.ring.get_mut(at).map(|over| &*over)
    }

    /// Forgets all, and gives back their room.
    pub(super) fn clear(&mut self) {
        (self.ring, self.reused) = (Recent::default(), 0);
    }

    /// Notes that a leftover came.
    pub(super) fn touch(&mut self, at: Sequence, now: Timestamp) {
        if let Some(over) = self.ring.get_mut(at)
            && now.since(over.used) >= USE_GRAIN
        {
            (over.used, over.touched) = (now, true);
        }
    }

    /// Its ports are in use again.
    pub(super) fn remove(&mut self, at: Sequence) {
        if let Some(over) = self.ring.get_mut(at)
            && !std::mem::replace(&mut over.reused, true)
        {
            self.reused += 1;
        }
    }

    /// Forgets the one that ended longest ago without a leftover since; false when there is none.
    pub(super) fn forget_oldest(&mut self, now: Timestamp) -> bool {
        let before = self.len();
        while before > 0 && self.len() == before {
            self.pop(now);
        }
        before > 0
    }

    /// Takes off the first of the ring. One of which something came since it was put there goes to the end.
    fn pop(&mut self, now: Timestamp) {
        let Some(over) = self.ring.pop() else { return };
        if over.reused {
            self.reused -= 1;
        } else if over.touched && now.since(over.used) < self.age {
            let touched = false;
            self.place(Over { touched, ..over });
        }
    }

    fn place(&mut self, over: Over) {
        let len = self.ring.len();
        let more = if len < MANY { len } else { len / 4 };
        let hash = self.hasher.hash_one(over.key);
        self.ring.push_of(len + more, hash, over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::entry::{Opening, Phase};
    use crate::flow::{ClientBy, FlowId, Scope, Transport};
    use crate::frame::FrameNo;

    fn key(port: u16) -> Key {
        let ip = |last| [192, 0, 2, last].into();
        Key::new(
            Transport::Tcp,
            Scope::default(),
            (ip(1), port),
            (ip(2), 443),
        )
        .0
    }

    fn entry(port: u16) -> Entry<()> {
        let never = Timestamp::EPOCH;
        Entry {
            key: key(port),
            phase: Phase::Counting,
            client: End::Low,
            decided: ClientBy::Syn,
            refused: false,
            reset_by: None,
            id: FlowId(1),
            used: never,
            last: never,
            last_frame: FrameNo::NONE,
            halves: Pair::default(),
            opening: Opening::Unseen,
            live: None,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn what_is_over_is_known_until_its_time_is_and_longer_after_a_leftover() {
        let mut ended = Ended::new(&Limits::default());
        ended.put(&entry(1), at(0));
        ended.put(&entry(2), at(0));
        let touched = ended.find(&key(2), at(60)).map(|(place, _)| place);
        ended.touch(touched.unwrap(), at(60));
        let known = |ended: &Ended, seconds| {
            [1, 2, 3].map(|port| ended.find(&key(port), at(seconds)).is_some())
        };
        assert_eq!(known(&ended, 120), [true, true, false]);
        assert_eq!(known(&ended, 122), [false, true, false]);
        // The next one sends away what is due, but not what is known still.
        ended.put(&entry(3), at(130));
        assert_eq!((ended.len(), known(&ended, 130)), (2, [false, true, true]));
        assert_eq!(known(&ended, 182), [false, false, true]);
    }

    #[test]
    fn ports_in_use_again_are_over_no_more() {
        let mut ended = Ended::new(&Limits::default());
        ended.put(&entry(1), at(0));
        let (place, _) = ended.find(&key(1), at(1)).unwrap();
        ended.remove(place);
        ended.remove(place);
        assert!(ended.find(&key(1), at(1)).is_none() && ended.len() == 0);
        ended.put(&entry(1), at(2));
        assert!(ended.find(&key(1), at(3)).is_some() && ended.len() == 1);
    }

    #[test]
    fn the_one_without_leftovers_goes_first() {
        let mut ended = Ended::new(&Limits::default());
        for port in 1..=3 {
            ended.put(&entry(port), at(0));
        }
        let (first, _) = ended.find(&key(1), at(5)).unwrap();
        ended.touch(first, at(5));
        assert!(ended.forget_oldest(at(6)));
        let left = [1, 2, 3].map(|port| ended.find(&key(port), at(6)).is_some());
        assert_eq!(left, [true, false, true]);
        assert!(ended.forget_oldest(at(6)) && ended.forget_oldest(at(6)));
        assert!(!ended.forget_oldest(at(6)));
    }
}
