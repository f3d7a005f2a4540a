//! A queue that grows by a page at a time.
//!
//! A queue in one piece has up to half of its room unused and, while it moves into a larger one, exists once
//! and a half. Of tens of thousands of handshakes, or of lookups and requests, that is what decides how much
//! memory a long capture takes.

use std::collections::VecDeque;

/// Entries of one page: some dozen kilobytes of what is kept here.
const PAGE: usize = 64;

/// Entries in order; the first can go, new ones come last.
#[derive(Clone, Debug)]
pub struct Pages<T> {
    /// All full but the last, and the first as far as its entries are gone.
    pages: VecDeque<VecDeque<T>>,
    /// Entries of the first page that are gone.
    gone: usize,
    len: usize,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self {
            pages: VecDeque::new(),
            gone: 0,
            len: 0,
        }
    }
}

impl<T> Pages<T> {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds one at the end.
    pub fn push_back(&mut self, entry: T) {
        let last = self.gone + self.len;
        if last.is_multiple_of(PAGE) {
            self.pages.push_back(VecDeque::with_capacity(PAGE));
        }
        if let Some(page) = self.pages.back_mut() {
            page.push_back(entry);
            self.len += 1;
        }
    }

    /// Takes the first away.
    pub fn pop_front(&mut self) -> Option<T> {
        let entry = self.pages.front_mut()?.pop_front()?;
        self.gone += 1;
        self.len -= 1;
        if self.gone == PAGE {
            self.pages.pop_front();
            self.gone = 0;
        }
        Some(entry)
    }

    /// Takes so many away, from the first on.
    pub fn take_first(&mut self, count: usize) -> impl Iterator<Item = T> {
        (0..count).map_while(|_| self.pop_front())
    }

    /// The first.
    #[must_use]
    pub fn front(&self) -> Option<&T> {
        self.pages.front()?.front()
    }

    /// The one at a place, counted from the first that is there.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&T> {
        let (page, place) = self.find(place)?;
        self.pages.get(page)?.get(place)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        let (page, place) = self.find(place)?;
        self.pages.get_mut(page)?.get_mut(place)
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten()
    }

    fn find(&self, place: usize) -> Option<(usize, usize)> {
        let place = place.checked_add(self.gone)?;
        match place / PAGE {
            0 => Some((0, place - self.gone)),
            page => Some((page, place % PAGE)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_queue_at_every_length_and_wherever_it_begins() {
        let mut pages = Pages::default();
        let mut plain = VecDeque::new();
        assert!(pages.front().is_none() && pages.pop_front().is_none());
        // Fills several pages, empties them all, and fills them again.
        for step in 0_usize..2_000 {
            if (step / 400).is_multiple_of(2) {
                pages.push_back(step);
                plain.push_back(step);
            } else {
                assert_eq!(pages.pop_front(), plain.pop_front());
            }
            if step % 3 == 0 {
                pages.push_back(step);
                plain.push_back(step);
            }
            assert_eq!(pages.len(), plain.len());
            assert_eq!(pages.is_empty(), plain.is_empty());
            assert_eq!(pages.front(), plain.front());
            for place in [0, 1, PAGE - 1, PAGE, PAGE + 1, plain.len(), usize::MAX] {
                assert_eq!(pages.get(place), plain.get(place), "{place}");
                assert_eq!(pages.get_mut(place), plain.get_mut(place), "{place}");
            }
        }
        assert!(pages.iter().eq(plain.iter()));
        while pages.pop_front().is_some() {}
        assert!(pages.pages.len() <= 1);
    }
}
