//! The associations that there are keys to.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::association::Association;
use crate::limits::Limits;

/// Associations that may have any number: each packet between their addresses is tried with all. Who does not
/// know numbers knows one tunnel or two.
const ANY: usize = 64;

/// Associations by their numbers.
#[derive(Debug)]
pub(in crate::wire) struct Associations {
    all: VecDeque<Association>,
    /// How many gave way.
    gone: usize,
    /// Places of those whose number is said, counted from the first that ever was.
    by_number: HashMap<u32, VecDeque<usize>, foldhash::fast::RandomState>,
    /// Of the others.
    others: VecDeque<usize>,
    most: usize,
    /// How many there were, and how many opened something.
    counts: (u64, u64),
}

impl Associations {
    pub(in crate::wire) fn new(limits: &Limits) -> Self {
        Self {
            all: VecDeque::new(),
            gone: 0,
            by_number: HashMap::default(),
            others: VecDeque::new(),
            most: limits.associations,
            counts: (0, 0),
        }
    }

    /// Whether there are any.
    pub(in crate::wire) fn has_keys(&self) -> bool {
        !self.all.is_empty()
    }

    /// How many there were, and how many of them opened something.
    pub(in crate::wire) const fn counts(&self) -> (u64, u64) {
        self.counts
    }

    /// Takes an association; the oldest gives way.
    pub(in crate::wire) fn add(&mut self, association: Association) {
        let known = |place: usize| {
            let known = place
                .checked_sub(self.gone)
                .and_then(|place| self.all.get(place));
            known.is_some_and(|known| known.is_like(&association))
        };
        if self.places(association.spi.0).any(known) {
            return;
        }
        self.counts.0 += 1;
        if association.spi.1 != u32::MAX && self.others.len() >= ANY {
            return;
        }
        if self.all.len() >= self.most
            && let Some(oldest) = self.all.pop_front()
        {
            self.gone += 1;
            let places = self.of_number(oldest.spi);
            places.pop_front();
            if places.is_empty() {
                self.by_number.remove(&oldest.spi.0);
            }
        }
        let place = self.gone + self.all.len();
        self.of_number(association.spi).push_back(place);
        self.all.push_back(association);
    }

    fn of_number(&mut self, (number, said): (u32, u32)) -> &mut VecDeque<usize> {
        match said {
            u32::MAX => self.by_number.entry(number).or_default(),
            _ => &mut self.others,
        }
    }

    /// The places of those that may be of a number, the latest first.
    fn places(&self, number: u32) -> impl Iterator<Item = usize> {
        let exact = self.by_number.get(&number).into_iter().flatten().rev();
        exact.chain(self.others.iter().rev()).copied()
    }

    /// Opens a packet; gives the number of what is inside, and the bytes of that.
    pub(super) fn open(
        &mut self,
        packet: &[u8],
        src: IpAddr,
        dst: IpAddr,
    ) -> Option<(u8, Vec<u8>)> {
        let number = u32::from_be_bytes(*packet.first_chunk()?);
        let (place, opened) = self.places(number).find_map(|place| {
            let place = place.checked_sub(self.gone)?;
            let association = self.all.get(place)?;
            let (value, said) = association.spi;
            let fits = number & said == value && association.is_between(src, dst);
            fits.then(|| Some((place, association.open(packet, src, dst)?)))?
        })?;
        if let Some(association) = self.all.get_mut(place) {
            self.counts.1 += u64::from(!std::mem::replace(&mut association.used, true));
        }
        Some(opened)
    }
}
