//! What came last, by hash: a ring in the order of arrival whose entries are chained by their hash, the newest first.
//!
//! The rooms that remember much for a short time (lookups that wait, addresses that were told) put in about
//! as much as they forget. Here the oldest is forgotten by taking it off the ring: a chain ends where it
//! leads to what is gone, so that nothing has to be looked for in order to be removed, and a full memory is
//! written from one end to the other.

use std::collections::VecDeque;

/// Entries are numbered as they come, from 1.
pub(crate) type Sequence = u64;

/// Entries in the order they came.
#[derive(Debug)]
pub(crate) struct Recent<T> {
    entries: VecDeque<T>,
    /// One for each entry, apart from them: most of what a chain leads past is another hash's, and a cache
    /// holds all links where it holds a tenth of the entries.
    links: VecDeque<Link>,
    /// The sequence (its low bits) of the newest entry of each chain; a power of two of them. One that is not
    /// among the entries any more, or never was (0), ends the chain. Where 2^32 entries have passed, a chain
    /// may start at another one's entry: it is shorter or longer than it should be, and walks tell by the
    /// hash what belongs to it.
    newest: Vec<u32>,
    /// Sequence of the oldest entry that is still there.
    first: Sequence,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    /// Low bits of the hash.
    hash: u32,
    /// How much older the next one of the chain is; 0 ends it.
    older: u32,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            links: VecDeque::new(),
            newest: Vec::new(),
            first: 1,
        }
    }
}

impl<T> Recent<T> {
    /// Chains to begin with.
    const LEAST: usize = 64;
    /// Chains for each entry, at the least.
    const CHAINS: usize = 2;

    /// Puts in the newest entry of never more than `most`: room is made for no more.
    pub(crate) fn push_of(&mut self, most: usize, hash: u64, value: T) -> Sequence {
        reserve_last(&mut self.entries, most);
        reserve_last(&mut self.links, most);
        self.push(hash, value)
    }

    /// Puts in the newest entry.
    pub(crate) fn push(&mut self, hash: u64, value: T) -> Sequence {
        if self.entries.len() * Self::CHAINS >= self.newest.len() {
            self.widen();
        }
        let sequence = self.end();
        let hash = low(hash);
        let older = self.link(hash, sequence);
        self.links.push_back(Link { hash, older });
        self.entries.push_back(value);
        sequence
    }

    /// Reads what a search for a hash reads, for nothing but that. What lies far apart in memory arrives
    /// sooner when it is asked for side by side than one search after the other, so who has many to make
    /// touches all of them first.
    #[inline]
    pub(crate) fn touch(&self, hash: u64) {
        std::hint::black_box(self.of(hash).next().is_some());
    }

    /// Takes off the oldest entry.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let oldest = self.entries.pop_front()?;
        self.links.pop_front();
        self.first += 1;
        Some(oldest)
    }

    /// The entry that is taken off next.
    #[inline]
    pub(crate) fn oldest(&self) -> Option<&T> {
        self.entries.front()
    }

    /// Entries of a hash (those of others may be among them, if all but never), the newest first.
    #[inline]
    pub(crate) fn of(&self, hash: u64) -> impl Iterator<Item = (Sequence, &T)> {
        let hash = low(hash);
        let mut next = self.newest_of(hash);
        std::iter::from_fn(move || {
            loop {
                let sequence = next?;
                let index = self.index(sequence)?;
                let link = *self.links.get(index)?;
                next = match link.older {
                    0 => None,
                    older => Some(sequence.saturating_sub(u64::from(older))),
                };
                if link.hash == hash {
                    return Some((sequence, self.entries.get(index)?));
                }
            }
        })
    }

    /// All entries, the oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter()
    }

    pub(crate) fn get_mut(&mut self, sequence: Sequence) -> Option<&mut T> {
        let index = self.index(sequence)?;
        self.entries.get_mut(index)
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many entries were taken off.
    pub(crate) const fn taken(&self) -> u64 {
        self.first - 1
    }

    /// How many entries that are still there came before one.
    #[inline]
    pub(crate) fn index(&self, sequence: Sequence) -> Option<usize> {
        usize::try_from(sequence.checked_sub(self.first)?).ok()
    }

    /// The sequence of the next entry.
    #[inline]
    fn end(&self) -> Sequence {
        self.first + self.entries.len() as u64
    }

    #[inline]
    fn newest_of(&self, hash: u32) -> Option<Sequence> {
        let newest = *self.newest.get(self.place(hash))?;
        let age = low(self.end()).wrapping_sub(newest);
        (age != 0).then(|| self.end().checked_sub(u64::from(age)))?
    }

    /// Makes a sequence the newest of its chain, and returns how much older the one before is, or 0.
    fn link(&mut self, hash: u32, sequence: Sequence) -> u32 {
        let place = self.place(hash);
        let Some(newest) = self.newest.get_mut(place) else {
            return 0;
        };
        let age = low(sequence).wrapping_sub(*newest);
        *newest = low(sequence);
        match sequence.checked_sub(u64::from(age)) {
            Some(before) if before >= self.first => age,
            _ => 0,
        }
    }

    #[inline]
    fn place(&self, hash: u32) -> usize {
        hash as usize & self.newest.len().wrapping_sub(1)
    }

    /// Doubles the number of chains.
    fn widen(&mut self) {
        let chains = (self.newest.len() * 2).max(Self::LEAST);
        self.newest = vec![0; chains];
        for (index, sequence) in (self.first..self.end()).enumerate() {
            let Some(hash) = self.links.get(index).map(|link| link.hash) else {
                break;
            };
            let older = self.link(hash, sequence);
            if let Some(link) = self.links.get_mut(index) {
                link.older = older;
            }
        }
    }
}

/// Makes room for as many as there may be, and no more, where a full queue would grow to beyond that.
pub(crate) fn reserve_last<T>(queue: &mut VecDeque<T>, most: usize) {
    let len = queue.len();
    if len == queue.capacity() && len < most && most <= 2 * len {
        queue.reserve_exact(most - len);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are wanted")]
#[inline]
const fn low(number: u64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::Recent;

    #[test]
    fn an_entry_that_is_gone_ends_its_chain() {
        let mut recent = Recent::default();
        for number in 0..200_u64 {
            recent.push(number % 3, number);
        }
        for _ in 0..190 {
            recent.pop();
        }
        let of = |hash| {
            recent
                .of(hash)
                .map(|(_, number)| *number)
                .collect::<Vec<_>>()
        };
        assert_eq!(of(0), [198, 195, 192]);
        assert_eq!(of(1), [199, 196, 193, 190]);
        assert_eq!(
            (recent.len(), recent.taken(), recent.oldest()),
            (10, 190, Some(&190))
        );
    }

    proptest! {
        #[test]
        fn it_is_a_queue_that_can_be_searched(steps in prop::collection::vec(prop::option::weighted(0.6, 0_u64..6), 0..400)) {
            let mut recent = Recent::default();
            let mut plain: VecDeque<(u64, u64, usize)> = VecDeque::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Some(hash) => {
                        let hash = hash << 30;
                        let sequence = recent.push(hash, number);
                        plain.push_back((sequence, hash, number));
                    }
                    None => prop_assert_eq!(recent.pop(), plain.pop_front().map(|(.., number)| number)),
                }
                for hash in (0..6).map(|hash| hash << 30) {
                    let found: Vec<_> = recent.of(hash).map(|(sequence, number)| (sequence, *number)).collect();
                    let wanted = plain.iter().rev().filter(|(_, other, _)| super::low(*other) == super::low(hash));
                    prop_assert_eq!(found, wanted.map(|(sequence, _, number)| (*sequence, *number)).collect::<Vec<_>>());
                }
                for (sequence, _, number) in &mut plain {
                    prop_assert_eq!(recent.get_mut(*sequence), Some(number));
                }
            }
        }
    }
}
