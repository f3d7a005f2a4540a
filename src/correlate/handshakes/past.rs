//! What stays of handshakes after their time: those that rulings speak of, and whom a device had met.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use foldhash::HashMap;
use foldhash::HashSet;
use foldhash::fast::RandomState;

use super::Record;
use crate::correlate::devices::HostKey;
use crate::finding::{HandshakeId, Site};
use crate::time::Timestamp;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// By id, which is the order of their hellos.
    pub(super) kept: BTreeMap<HandshakeId, Record>,
    /// To be kept when their time comes.
    spoken_of: HashSet<HandshakeId>,
    /// Hashes of address and server name of the others.
    met: HashSet<u64>,
    hasher: RandomState,
    /// The latest hello of each address that is known no more.
    until: HashMap<HostKey, Timestamp>,
}

impl Past {
    /// Rulings speak of these.
    pub(super) fn keep(&mut self, ids: impl IntoIterator<Item = HandshakeId>) {
        self.spoken_of.extend(ids);
    }

    /// How many are kept, or will be.
    pub(super) fn len(&self) -> usize {
        self.kept.len() + self.spoken_of.len()
    }

    /// Takes a record whose time is over; gives it back when it is not to be kept, or when `most` are.
    pub(super) fn take(&mut self, record: Record, most: usize) -> Option<Record> {
        let id = record.shown.id;
        if self.spoken_of.remove(&id) && self.kept.len() < most {
            self.kept.insert(id, record);
            return None;
        }
        let until = self.until.entry(record.client).or_insert(record.hello_at);
        *until = record.hello_at.max(*until);
        if let Site::Sni(name) = &record.shown.site {
            let hash = self.hash(record.client, name.as_str());
            self.met.insert(hash);
        }
        Some(record)
    }

    /// Forgets of those that are gone whom they met, and when, as far as there are more than `most` of either.
    pub(super) fn bound(&mut self, most: usize) {
        if self.met.len() > most {
            self.met.clear();
        }
        if self.until.len() > most {
            self.until.clear();
        }
    }

    /// Whether an address had a handshake with a site that is not remembered.
    pub(super) fn has_met(&self, client: HostKey, site: &str) -> bool {
        !self.met.is_empty() && self.met.contains(&self.hash(client, site))
    }

    /// The latest hello of an address that is known no more.
    pub(super) fn until(&self, client: HostKey) -> Option<Timestamp> {
        self.until.get(&client).copied()
    }

    /// Takes out the oldest that is kept, if its hello came before a time.
    pub(super) fn pop_before(&mut self, before: Timestamp) -> Option<Record> {
        let oldest = self.kept.first_entry()?;
        (oldest.get().hello_at < before).then(|| oldest.remove())
    }

    fn hash(&self, client: HostKey, site: &str) -> u64 {
        self.hasher.hash_one((client, site))
    }
}
