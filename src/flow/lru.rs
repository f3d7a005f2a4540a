//! Slots in the order of their last use: doubly linked lists over slot numbers, without allocation per use.

/// A slot number; also an index into whatever the caller keeps.
pub(super) type Slot = u32;

/// `N` lists; every slot is in at most one of them.
#[derive(Debug)]
pub(super) struct Lists<const N: usize> {
    links: Vec<Link>,
    ends: [Link; N],
    lengths: [usize; N],
}

impl<const N: usize> Lists<N> {
    pub(super) const fn new() -> Self {
        Self {
            links: Vec::new(),
            ends: [Link::NONE; N],
            lengths: [0; N],
        }
    }

    /// Puts a slot that is in no list at the new end of `list`.
    pub(super) fn push(&mut self, list: usize, slot: Slot) {
        let Some(ends) = self.ends.get_mut(list) else {
            return;
        };
        let newest = std::mem::replace(&mut ends.newer, slot);
        if ends.older == NONE {
            ends.older = slot;
        }
        if self.links.len() <= slot as usize {
            self.links.resize(slot as usize + 1, Link::NONE);
        }
        if let Some(link) = self.links.get_mut(slot as usize) {
            *link = Link {
                older: newest,
                newer: NONE,
            };
        }
        if let Some(link) = self.links.get_mut(newest as usize) {
            link.newer = slot;
        }
        if let Some(length) = self.lengths.get_mut(list) {
            *length += 1;
        }
    }

    /// Takes a slot out of `list`, which it must be in.
    pub(super) fn remove(&mut self, list: usize, slot: Slot) {
        let Some(ends) = self.ends.get_mut(list) else {
            return;
        };
        let Some(link) = self.links.get_mut(slot as usize) else {
            return;
        };
        let Link { older, newer } = std::mem::replace(link, Link::NONE);
        if ends.newer == slot {
            ends.newer = older;
        }
        if ends.older == slot {
            ends.older = newer;
        }
        if let Some(link) = self.links.get_mut(older as usize) {
            link.newer = newer;
        }
        if let Some(link) = self.links.get_mut(newer as usize) {
            link.older = older;
        }
        if let Some(length) = self.lengths.get_mut(list) {
            *length -= 1;
        }
    }

    /// The slot of `list` that was pushed longest ago.
    pub(super) fn oldest(&self, list: usize) -> Option<Slot> {
        self.ends
            .get(list)
            .map(|ends| ends.older)
            .filter(|slot| *slot != NONE)
    }

    /// How many slots `list` holds.
    pub(super) fn len(&self, list: usize) -> usize {
        self.lengths.get(list).copied().unwrap_or_default()
    }
}

/// Neighbours of a slot; for the ends of a list, its oldest and newest slot.
#[derive(Clone, Copy, Debug)]
struct Link {
    older: Slot,
    newer: Slot,
}

impl Link {
    const NONE: Self = Self {
        older: NONE,
        newer: NONE,
    };
}

const NONE: Slot = Slot::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(lists: &mut Lists<2>, list: usize) -> Vec<Slot> {
        let mut slots = Vec::new();
        while let Some(slot) = lists.oldest(list) {
            lists.remove(list, slot);
            slots.push(slot);
        }
        slots
    }

    #[test]
    fn slots_come_out_in_the_order_of_their_last_push() {
        let mut lists = Lists::<2>::new();
        for slot in 0..5 {
            lists.push(0, slot);
        }
        lists.push(1, 9);
        for slot in [2, 0, 4] {
            lists.remove(0, slot);
            lists.push(0, slot);
        }
        assert_eq!((lists.len(0), lists.len(1)), (5, 1));
        assert_eq!(drained(&mut lists, 0), [1, 3, 2, 0, 4]);
        assert_eq!(drained(&mut lists, 1), [9]);
        assert_eq!((lists.len(0), lists.len(1)), (0, 0));
    }
}
