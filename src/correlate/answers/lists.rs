//! Bodies of CRLs, kept for serials that become known later.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::event::Body;

/// Lists that answers hold, each once: a list serves hours or days to all who fetch it, so on a network with
/// many clients the same bytes come again and again.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// With how many answers hold each. Found by a keyed hash (who serves a list chooses its bytes) and compared whole.
    kept: HashTable<(Body, u32)>,
    hasher: RandomState,
    room: usize,
}

impl Lists {
    /// Keeps lists of so many bytes.
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    /// The bytes to hold for another answer; none while there is no room for them.
    pub(super) fn keep(&mut self, body: &Body) -> Option<Body> {
        let hash = self.hasher.hash_one(&**body);
        if let Some((kept, held)) = self.kept.find_mut(hash, |(kept, _)| kept == body) {
            *held += 1;
            return Some(kept.clone());
        }
        self.room = self.room.checked_sub(body.len())?;
        let hasher = &self.hasher;
        self.kept
            .insert_unique(hash, (body.clone(), 1), |(kept, _)| {
                hasher.hash_one(&**kept)
            });
        Some(body.clone())
    }

    /// One answer that held it is forgotten.
    pub(super) fn give_back(&mut self, body: &Body) {
        let hash = self.hasher.hash_one(&**body);
        let Ok(mut entry) = self.kept.find_entry(hash, |(kept, _)| kept == body) else {
            return;
        };
        let (_, held) = entry.get_mut();
        *held -= 1;
        if *held == 0 {
            entry.remove();
            self.room += body.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_takes_no_more_room_until_nobody_holds_it() {
        let [one, same, other] = [&[1; 60][..], &[1; 60], &[2; 60]].map(Body::from);
        let mut lists = Lists::new(100);
        let first = lists.keep(&one).unwrap();
        let again = lists.keep(&same).unwrap();
        assert_eq!(first.as_ptr(), again.as_ptr());
        assert_eq!(lists.keep(&other), None);
        lists.give_back(&again);
        assert_eq!(lists.keep(&other), None);
        lists.give_back(&first);
        assert!(lists.keep(&other).is_some());
    }
}
