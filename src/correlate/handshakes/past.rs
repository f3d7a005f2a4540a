//! What stays of handshakes after their time: those that rulings speak of, and whom a device had met.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use foldhash::{HashMap, HashSet};

use super::Record;
use crate::correlate::devices::HostKey;
use crate::finding::{HandshakeId, Site};
use crate::time::Timestamp;

/// See the module.
#[derive(Debug)]
pub(super) struct Past {
    /// By id, which is the order of their hellos.
    pub(super) kept: BTreeMap<HandshakeId, Record>,
    /// Bytes of their certificates, those that several show counted for each.
    weight: usize,
    /// To be kept when their time comes.
    spoken_of: HashSet<HandshakeId>,
    /// Hashes of address and server name of the others; None once there were too many.
    met: Option<HashSet<u64>>,
    hasher: RandomState,
    /// The latest hello of each address that is known no more.
    until: HashMap<HostKey, Timestamp>,
    /// The same of all addresses that had no room there.
    until_any: Option<Timestamp>,
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

    /// Takes a record whose time is over; gives it back when it is not to be kept, or when so many or such
    /// heavy ones are.
    pub(super) fn take(&mut self, record: Record, most: usize, weight: usize) -> Option<Record> {
        let id = record.shown.id;
        if self.spoken_of.remove(&id) {
            let heavier = self.weight + weight_of(&record);
            if self.kept.len() < most && heavier <= weight {
                self.weight = heavier;
                self.kept.insert(id, record);
                return None;
            }
        }
        let until = self.until.entry(record.client).or_insert(record.hello_at);
        *until = record.hello_at.max(*until);
        if let Site::Sni(name) = &record.shown.site {
            let hash = self.hash(record.client, name.as_str());
            self.met.as_mut().map(|met| met.insert(hash));
        }
        Some(record)
    }

    /// Keeps at most so many of what is known of those that are gone, and says less from then on.
    pub(super) fn bound(&mut self, most: usize) {
        self.met.take_if(|met| met.len() > most);
        if self.until.len() > most {
            let latest = self.until.drain().map(|(_, until)| until).max();
            self.until_any = self.until_any.max(latest);
        }
    }

    /// Whether an address had, or may have had, a handshake with a site that is not remembered.
    pub(super) fn has_met(&self, client: HostKey, site: &str) -> bool {
        let Some(met) = &self.met else { return true };
        !met.is_empty() && met.contains(&self.hash(client, site))
    }

    /// The latest hello of an address that is, or may be, known no more.
    pub(super) fn until(&self, client: HostKey) -> Option<Timestamp> {
        self.until.get(&client).copied().max(self.until_any)
    }

    /// Takes out the oldest that is kept, if its hello came before a time.
    pub(super) fn pop_before(&mut self, before: Timestamp) -> Option<Record> {
        let oldest = self.kept.first_entry()?;
        if oldest.get().hello_at >= before {
            return None;
        }
        let oldest = oldest.remove();
        self.weight = self.weight.saturating_sub(weight_of(&oldest));
        Some(oldest)
    }

    fn hash(&self, client: HostKey, site: &str) -> u64 {
        self.hasher.hash_one((client, site))
    }
}

impl Default for Past {
    fn default() -> Self {
        Self {
            kept: BTreeMap::new(),
            weight: 0,
            spoken_of: HashSet::default(),
            met: Some(HashSet::default()),
            hasher: RandomState::default(),
            until: HashMap::default(),
            until_any: None,
        }
    }
}

/// Bytes of the certificates that both sides showed.
fn weight_of(record: &Record) -> usize {
    let certificates = record.shown.chain.iter().chain(&record.client_chain);
    certificates.map(|certificate| certificate.weight()).sum()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use proptest::prelude::*;

    use crate::correlate::devices::HostKey;
    use crate::correlate::handshakes::{Handshakes, Record};
    use crate::event::{Carrier, Chain, ClientHello, Ech, Name, Provenance};
    use crate::finding::HandshakeId;
    use crate::flow::{ClientBy, Endpoints, FlowId, Scope, Side, Transport};
    use crate::frame::{FrameNo, InterfaceId};
    use crate::pki::cert::Certificate;
    use crate::time::{Span, Timestamp};

    const SITE: &str = "a.example";

    fn client(last: u8) -> HostKey {
        HostKey {
            scope: Scope(0),
            ip: IpAddr::from([10, 0, 0, last]),
        }
    }

    /// Opens a handshake of a client at a second.
    fn open(all: &mut Handshakes, last: u8, second: i64) -> HandshakeId {
        let ends = Endpoints {
            transport: Transport::Tcp,
            client: (client(last).ip, 50_000).into(),
            server: ([192, 0, 2, 1], 443).into(),
            scope: Scope(0),
            decided: ClientBy::Syn,
        };
        let hello = ClientHello {
            carrier: Carrier::Tls,
            first_frame: FrameNo::new(1),
            sni: Some(Name::new(SITE)),
            ech: Ech::Absent,
            alpn: Arc::default(),
            max_version: 0x0303,
            status_request: false,
            offers_resumption: false,
            early_data: false,
            ja4: Arc::default(),
            second: false,
            random: [7; 32],
        };
        let at = Timestamp::from_secs(second);
        let (flow, interface) = (FlowId(second.unsigned_abs()), InterfaceId(0));
        all.open(
            flow,
            &ends,
            interface,
            None,
            at,
            FrameNo::new(1),
            Some(&hello),
        )
    }

    fn show(all: &mut Handshakes, id: HandshakeId) {
        let leaf = Certificate::parse(include_bytes!("../../pki/testdata/leaf-r10.der"));
        let chain = Chain {
            side: Side::Server,
            certs: vec![Arc::new(leaf.unwrap())],
            complete: true,
            provenance: Provenance::Clear,
            first_frame: FrameNo::new(2),
        };
        all.chain(id, Timestamp::EPOCH, FrameNo::new(2), &chain);
    }

    #[test]
    fn what_is_spoken_of_stays_and_of_the_others_that_they_were() {
        let mut all = Handshakes::new(6, 2, 1 << 20);
        let first = open(&mut all, 1, 1);
        show(&mut all, first);
        open(&mut all, 2, 2);
        for second in 3..=6 {
            open(&mut all, 3, second);
        }
        assert!(all.is_full() && !all.has_met(client(2), SITE));
        assert_eq!(all.oldest_third(), Some(Timestamp::from_secs(2)));
        all.keep([first]);
        all.forget_third();
        assert!(!all.is_full() && all.forgotten() == 1);
        // It is found by id, client and serial, and comes before the others.
        let serial = all.get(first).unwrap().leaf().unwrap().serial.clone();
        assert_eq!(all.with_serial(&serial).count(), 1);
        assert_eq!(all.of_client(client(1)).count(), 1);
        assert_eq!(all.iter().next().map(|record| record.shown.id), Some(first));
        assert_eq!((all.iter().count(), all.shown().clear), (5, 1));
        assert_eq!(all.of_client(client(2)).count(), 0);
        assert!(all.has_met(client(2), SITE) && !all.has_met(client(1), SITE));
        let until = all.forgotten_until(client(2));
        assert_eq!(until, Some(Timestamp::from_secs(2)));
        assert_eq!(all.forgotten_until(client(1)), None);
        // Time takes it as it takes the others.
        all.forget(Timestamp::from_secs(4));
        assert!(all.get(first).is_none() && all.with_serial(&serial).next().is_none());
        assert_eq!((all.iter().count(), all.shown().clear), (3, 1));
    }

    #[test]
    fn no_more_and_none_heavier_than_there_is_room_for() {
        let mut all = Handshakes::new(6, 1, 1 << 20);
        let ids = [1, 2, 3, 4, 5, 6].map(|second| open(&mut all, 1, second));
        all.keep(ids);
        all.forget_third();
        assert!(all.get(ids[0]).is_some() && all.get(ids[1]).is_none());
        assert_eq!(all.forgotten(), 1);
        // Half of the room for certificates is too little for this one.
        let mut all = Handshakes::new(3, 9, 1_000);
        let ids = [1, 2, 3].map(|second| open(&mut all, 1, second));
        all.keep(ids);
        show(&mut all, ids[0]);
        assert!(all.get(ids[0]).is_none() && all.forgotten() == 1);
    }

    #[test]
    fn more_than_is_known_of_the_past_is_not_ruled_out() {
        let mut all = Handshakes::new(3, 0, 1 << 20);
        for second in 1..=60 {
            open(&mut all, u8::try_from(second).unwrap(), second);
            if all.is_full() {
                all.forget_third();
            }
        }
        // Beyond four times the limit it is no longer known whose they were.
        assert!(all.has_met(client(99), SITE));
        assert!(all.forgotten_until(client(99)) > Some(Timestamp::from_secs(10)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// A clock that steps back hides no handshake from who asks for those of a time.
        #[test]
        fn those_of_a_time_are_found_in_whatever_order_they_came(
            seconds in proptest::collection::vec((1_u8..3, 0_i64..40), 1..40),
            from in 0_i64..40,
            long in 0_i64..20,
        ) {
            let mut all = Handshakes::new(100, 0, 1 << 20);
            for (last, second) in &seconds {
                open(&mut all, *last, *second);
            }
            let (from, until) = (Timestamp::from_secs(from), Timestamp::from_secs(from + long));
            let key = client(1);
            let own = |r: &&Record| r.client == key;
            let sorted = |mut ids: Vec<HandshakeId>| {
                ids.sort();
                ids
            };
            let ids = |records: Vec<&Record>| sorted(records.iter().map(|r| r.shown.id).collect());
            let between = all.of_client_between(key, (from, until), 100).collect();
            let meant = all.iter().filter(own).filter(|r| (from..=until).contains(&r.hello_at));
            prop_assert_eq!(ids(between), ids(meant.collect()));
            let backwards: Vec<&Record> = all.of_client_until(key, until).collect();
            prop_assert!(backwards.is_sorted_by_key(|r| std::cmp::Reverse(r.hello_at)));
            let late = until.plus(Span::from_secs(2));
            let meant = all.iter().filter(own).filter(|r| r.hello_at <= late);
            prop_assert_eq!(ids(backwards), ids(meant.collect()));
        }
    }
}
