//! Events to handshakes: everything known of each one, found again by device, serial and URL.

mod past;
mod record;

use std::collections::VecDeque;
use std::hash::Hash;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::correlate::devices::HostKey;
use crate::correlate::pages::Pages;
use crate::correlate::shelf::Shelf;
use crate::event::{Carrier, Chain, ClientHello, Ech};
use crate::finding::{
    Beats, DeviceId, Handshake, HandshakeFrames, HandshakeId, HandshakeOutcome, Seen, Site,
    Visibility,
};
use crate::flow::{Endpoints, FlowId, Scope};
use crate::frame::FrameNo;
use crate::pki::cert::Serial;
use crate::time::{Span, Timestamp};

use past::Past;
pub use record::{Record, Stapled};

/// Where addresses are that were only told of: no packet is found there.
const TOLD: Scope = Scope(u32::MAX);

/// The handshakes of the run, the oldest forgotten first.
#[derive(Debug, Default)]
pub struct Handshakes {
    records: Pages<Record>,
    first: u64,
    limit: usize,
    older: Past,
    /// How many may be kept beyond the limit, because rulings speak of them.
    kept_limit: usize,
    /// In order of their hellos, which is not the order in which they came where the clock of the capture stepped back.
    by_client: HashMap<HostKey, VecDeque<HandshakeId>>,
    by_server: HashMap<HostKey, VecDeque<HandshakeId>>,
    /// The latest hello so far.
    latest: Option<Timestamp>,
    by_serial: HashMap<Serial, VecDeque<HandshakeId>>,
    /// The certificates of all chains.
    shelf: Shelf,
    shelf_limit: usize,
    forgotten: u64,
    /// Totals for coverage.
    pub total: u64,
    /// What coverage says of those that are gone.
    past: Shown,
}

/// How many handshakes show their certificate, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    /// In clear text.
    pub clear: u64,
    /// By keys.
    pub keys: u64,
    /// Not at all.
    pub hidden: u64,
    /// None was sent.
    pub resumed: u64,
    /// Their hello offers ECH.
    pub ech: u64,
}

impl Shown {
    fn count(&mut self, record: &Record) {
        // What IKE hides no key log opens; its flows count as blind spots.
        if record.shown.carrier == Carrier::Ike {
            return;
        }
        let slot = match record.shown.visibility {
            Visibility::Clear => &mut self.clear,
            Visibility::Keys => &mut self.keys,
            Visibility::Resumed => &mut self.resumed,
            Visibility::Hidden | Visibility::Lost | Visibility::Learned => &mut self.hidden,
        };
        *slot += 1;
        self.ech += u64::from(record.shown.ech_offered);
    }
}

impl Handshakes {
    /// Remembers at most `limit`, beyond them `kept` that rulings speak of, and certificates of `chains` bytes.
    #[must_use]
    pub fn new(limit: usize, kept: usize, chains: usize) -> Self {
        Self {
            limit: limit.max(1),
            kept_limit: kept,
            shelf_limit: chains,
            ..Self::default()
        }
    }

    /// A ClientHello, or a ServerHello whose ClientHello was not captured, opens a handshake.
    #[expect(clippy::too_many_arguments, reason = "one call site, one fact each")]
    pub fn open(
        &mut self,
        flow: FlowId,
        ends: &Endpoints,
        interface: crate::frame::InterfaceId,
        opened_at: Option<Timestamp>,
        at: Timestamp,
        frame: FrameNo,
        hello: Option<&ClientHello>,
    ) -> HandshakeId {
        let id = HandshakeId(self.first + self.records.len() as u64);
        self.total += 1;
        let client = HostKey::client_of(ends);
        // What goes through a proxy is answered elsewhere: the certificate is not that of whoever runs the proxy.
        let tunnelled = hello.is_some_and(|h| matches!(h.carrier, Carrier::Proxy { .. }));
        let server = HostKey {
            scope: if tunnelled { TOLD } else { ends.scope },
            ip: ends.server.ip(),
        };
        let site = match hello.and_then(|h| h.sni.clone()) {
            Some(name) => Site::Sni(name),
            None => Site::Address(ends.server.ip()),
        };
        if self.latest <= Some(at) {
            self.latest = Some(at);
            self.by_client.entry(client).or_default().push_back(id);
            self.by_server.entry(server).or_default().push_back(id);
        } else {
            let place = |list: Option<&VecDeque<HandshakeId>>| self.first_after(list, at);
            let places = (
                place(self.by_client.get(&client)),
                place(self.by_server.get(&server)),
            );
            self.by_client
                .entry(client)
                .or_default()
                .insert(places.0, id);
            self.by_server
                .entry(server)
                .or_default()
                .insert(places.1, id);
        }
        self.records.push_back(Record {
            shown: Handshake {
                client_device: DeviceId(u32::MAX),
                site,
                visibility: Visibility::Hidden,
                outcome: HandshakeOutcome::Unknown,
                seen: Arc::new(Seen {
                    id,
                    flow,
                    client: ends.client,
                    server: ends.server,
                    carrier: hello.map_or(Carrier::Tls, |h| h.carrier.clone()),
                    version: None,
                    suite: None,
                    alpn: hello.map(|h| h.alpn.clone()).unwrap_or_default(),
                    ja4: hello.map(|h| h.ja4.clone()).unwrap_or_default(),
                    random: hello.map(|h| h.random),
                    ech_offered: hello.is_some_and(|h| h.ech == Ech::Offered),
                    chain: Box::default(),
                    provenance: None,
                    staple: None,
                    wanted_staple: hello.is_some_and(|h| h.status_request),
                    opened_at,
                    hello_at: at,
                    server_hello_at: None,
                    certificate_at: None,
                    first_data_at: None,
                    frames: HandshakeFrames {
                        client_hello: hello.map(|_| frame),
                        ..HandshakeFrames::default()
                    },
                    beats: Beats::default(),
                    bytes: None,
                    ending: None,
                    process: None,
                }),
            },
            hello_at: at,
            client,
            server,
            balancer: None,
            given: Box::default(),
            client_chain: Box::default(),
            stapled: None,
            server_key: None,
            heard: false,
            turnaround: Span::ZERO,
            closed_at: None,
            last_client_payload: None,
            certificate_lost: false,
            interface,
        });
        if self.records.len() > self.limit {
            self.forget_oldest(1);
        }
        id
    }

    /// Whether the next one takes the place of another.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.records.len() >= self.limit || self.shelf.bytes() > self.shelf_limit
    }

    /// The hello of the youngest of the third that goes first when room is made.
    #[must_use]
    pub fn oldest_third(&self) -> Option<Timestamp> {
        let last = (self.records.len() / 3).checked_sub(1)?;
        self.records.get(last).map(|record| record.hello_at)
    }

    /// Makes room: the oldest third goes, but for those that rulings speak of.
    pub fn forget_third(&mut self) {
        self.forget_oldest(self.records.len() / 3);
        self.older.bound(4 * self.limit);
    }

    /// Rulings speak of these: they stay when others of their time go.
    pub fn keep(&mut self, ids: impl IntoIterator<Item = HandshakeId>) {
        let first = self.first;
        self.older.keep(ids.into_iter().filter(|id| id.0 >= first));
    }

    /// Ids of those that are remembered, but for the older ones that are kept.
    #[must_use]
    pub fn ids(&self) -> Range<u64> {
        self.first..self.first + self.records.len() as u64
    }

    /// How many are kept so, or will be.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.older.len()
    }

    /// Whether an address had a handshake with a site before all that are remembered.
    #[must_use]
    pub fn has_met(&self, client: HostKey, site: &str) -> bool {
        self.older.has_met(client, site)
    }

    /// The latest hello of an address that had to be forgotten.
    #[must_use]
    pub fn forgotten_until(&self, client: HostKey) -> Option<Timestamp> {
        self.older.until(client)
    }

    /// A load balancer opened this handshake for `client` (PROXY protocol): it is none of the balancer's own. Nor does
    /// it count for the device with that address, for anybody can write such a header; where the client's
    /// own side is captured it shows the same handshake.
    pub fn on_behalf_of(&mut self, id: HandshakeId, client: SocketAddr) {
        let Some(record) = self.get_mut(id) else {
            return;
        };
        record.balancer = Some(Box::new(record.shown.client));
        record.shown.client = client;
        let key = record.client;
        record.client = HostKey {
            scope: TOLD,
            ip: client.ip(),
        };
        if let Some(list) = self.by_client.get_mut(&key) {
            list.retain(|other| *other != id);
            if list.is_empty() {
                self.by_client.remove(&key);
            }
        }
    }

    /// The record of an id, unless it was forgotten.
    #[must_use]
    pub fn get(&self, id: HandshakeId) -> Option<&Record> {
        match id.0.checked_sub(self.first) {
            Some(place) => self.records.get(usize::try_from(place).ok()?),
            None => self.older.kept.get(&id),
        }
    }

    /// The same, to add to it.
    pub fn get_mut(&mut self, id: HandshakeId) -> Option<&mut Record> {
        match id.0.checked_sub(self.first) {
            Some(place) => self.records.get_mut(usize::try_from(place).ok()?),
            None => self.older.kept.get_mut(&id),
        }
    }

    /// A Certificate message of either side; makes it findable by the serials in it.
    pub fn chain(&mut self, id: HandshakeId, at: Timestamp, frame: FrameNo, chain: &Chain) {
        let Some(record) = self.get_mut(id) else {
            return;
        };
        let before = record.chain(at, frame, chain);
        self.shelf.put(&chain.certs);
        self.shelf.take(&before);
        for cert in &chain.certs {
            match self.by_serial.get_mut(&cert.serial) {
                Some(list) if list.back() == Some(&id) => {}
                Some(list) => list.push_back(id),
                None => {
                    self.by_serial
                        .insert(cert.serial.clone(), VecDeque::from([id]));
                }
            }
        }
        while self.shelf.bytes() > self.shelf_limit && self.records.len() > 1 {
            self.forget_oldest(1);
        }
    }

    /// Addresses that opened handshakes, in no order.
    pub fn clients(&self) -> impl Iterator<Item = HostKey> {
        self.by_client.keys().copied()
    }

    /// Handshakes that an address opened, in order.
    pub fn of_client(&self, key: HostKey) -> impl DoubleEndedIterator<Item = &Record> {
        self.by_client
            .get(&key)
            .into_iter()
            .flatten()
            .filter_map(|id| self.get(*id))
    }

    /// Handshakes that an address opened, the latest first, from a little after `at` backwards.
    pub fn of_client_until(&self, key: HostKey, at: Timestamp) -> impl Iterator<Item = &Record> {
        self.until(self.by_client.get(&key), at)
    }

    /// At most `most` handshakes that an address opened between two times, from the first on.
    pub fn of_client_between(
        &self,
        key: HostKey,
        (from, until): (Timestamp, Timestamp),
        most: usize,
    ) -> impl Iterator<Item = &Record> {
        let list = self.by_client.get(&key);
        let first = list.map_or(0, |list| {
            list.partition_point(|id| self.get(*id).is_none_or(|r| r.hello_at < from))
        });
        let after = list.into_iter().flat_map(move |list| list.range(first..));
        after
            .filter_map(|id| self.get(*id))
            .take_while(move |r| r.hello_at <= until)
            .take(most)
    }

    /// Handshakes that an address received, the latest first, from a little after `at` backwards.
    pub fn of_server_until(&self, key: HostKey, at: Timestamp) -> impl Iterator<Item = &Record> {
        self.until(self.by_server.get(&key), at)
    }

    /// Handshakes that an address received, in order.
    pub fn of_server(&self, key: HostKey) -> impl DoubleEndedIterator<Item = &Record> {
        self.by_server
            .get(&key)
            .into_iter()
            .flatten()
            .filter_map(|id| self.get(*id))
    }

    /// Handshakes in which a certificate with this serial was shown by either side.
    pub fn with_serial(&self, serial: &Serial) -> impl Iterator<Item = &Record> {
        self.by_serial
            .get(serial)
            .into_iter()
            .flatten()
            .filter_map(|id| self.get(*id))
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.older.kept.values().chain(self.records.iter())
    }

    /// Forgets those whose hello came before a time.
    pub fn forget(&mut self, before: Timestamp) {
        let mut gone = Gone::default();
        while let Some(old) = self.older.pop_before(before) {
            self.let_go(&old, &mut gone);
        }
        while self.records.front().is_some_and(|r| r.hello_at < before)
            && let Some(old) = self.pop()
        {
            self.let_go(&old, &mut gone);
        }
        self.sweep(&gone);
    }

    /// How many show their certificates, with those that are gone.
    #[must_use]
    pub fn shown(&self) -> Shown {
        let mut shown = self.past;
        self.iter().for_each(|record| shown.count(record));
        shown
    }

    /// How many had to be forgotten.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Where in a list the hellos after a time begin.
    fn first_after(&self, list: Option<&VecDeque<HandshakeId>>, at: Timestamp) -> usize {
        list.map_or(0, |list| {
            list.partition_point(|id| self.get(*id).is_none_or(|r| r.hello_at <= at))
        })
    }

    fn until<'h>(
        &'h self,
        list: Option<&'h VecDeque<HandshakeId>>,
        at: Timestamp,
    ) -> impl Iterator<Item = &'h Record> {
        // Frames may be out of order by the queues they came through, not by more.
        let until = at.plus(Span::from_secs(2));
        let past = self.first_after(list, until);
        let before = list
            .into_iter()
            .flat_map(move |list| list.range(..past).rev());
        before.filter_map(|id| self.get(*id))
    }

    /// So many of the oldest have to go for want of room, but for those that are kept.
    fn forget_oldest(&mut self, most: usize) {
        let mut gone = Gone::default();
        for _ in 0..most {
            let Some(old) = self.pop() else { break };
            if let Some(old) = self.older.take(old, self.kept_limit, self.shelf_limit / 2) {
                self.forgotten += 1;
                self.let_go(&old, &mut gone);
            }
        }
        self.sweep(&gone);
    }

    fn pop(&mut self) -> Option<Record> {
        let old = self.records.pop_front()?;
        self.first += 1;
        Some(old)
    }

    fn let_go(&mut self, old: &Record, gone: &mut Gone) {
        self.past.count(old);
        self.shelf.take(&old.shown.chain);
        self.shelf.take(&old.client_chain);
        gone.last = gone.last.max(Some(old.shown.id));
        gone.clients.insert(old.client);
        gone.servers.insert(old.server);
        let certificates = old.shown.chain.iter().chain(&old.client_chain);
        let serials = certificates.map(|certificate| certificate.serial.clone());
        gone.serials.extend(serials);
    }

    /// Takes what is gone out of all lists.
    fn sweep(&mut self, gone: &Gone) {
        let Some(last) = gone.last else { return };
        let kept = &self.older.kept;
        let is_there = |id: &HandshakeId| *id > last || kept.contains_key(id);
        retain(&mut self.by_client, &gone.clients, is_there);
        retain(&mut self.by_server, &gone.servers, is_there);
        retain(&mut self.by_serial, &gone.serials, is_there);
    }
}

/// By what those that go were found.
#[derive(Default)]
struct Gone {
    /// The youngest.
    last: Option<HandshakeId>,
    clients: HashSet<HostKey>,
    servers: HashSet<HostKey>,
    serials: HashSet<Serial>,
}

fn retain<K: Eq + Hash>(
    lists: &mut HashMap<K, VecDeque<HandshakeId>>,
    keys: &HashSet<K>,
    is_there: impl Fn(&HandshakeId) -> bool,
) {
    for key in keys {
        let Some(list) = lists.get_mut(key) else {
            continue;
        };
        list.retain(&is_there);
        if list.is_empty() {
            lists.remove(key);
        }
    }
}
