//! Events to handshakes: everything known of each one, found again by device, serial and URL.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use foldhash::HashMap;

use crate::correlate::devices::HostKey;
use crate::correlate::pages::Pages;
use crate::correlate::shelf::Shelf;
use crate::event::{Beat, BeatKind, Carrier, Chain, ClientHello, Ech, Provenance, ServerHello};
use crate::finding::{
    Beats, DeviceId, Handshake, HandshakeFrames, HandshakeId, HandshakeOutcome, Seen, Signature,
    Site, Visibility,
};
use crate::flow::{Close, Ending, Endpoints, FlowId, Scope, Side};
use crate::frame::FrameNo;
use crate::pki::cert::{Certificate, KeyKind, Serial};
use crate::time::{Span, Timestamp};

/// A handshake as correlation keeps it.
#[derive(Clone, Debug)]
pub struct Record {
    /// What presenters see.
    pub shown: Handshake,
    /// When its hello came, here as well, because lists are searched by it.
    hello_at: Timestamp,
    /// Client address in its scope.
    pub client: HostKey,
    /// Server address in its scope; the proxy's, which is no device, when it goes through one.
    pub server: HostKey,
    /// The client end of the flow itself, which may be a load balancer's.
    pub peer: SocketAddr,
    /// Client certificates, when the server asked for them and they could be read.
    pub client_chain: Vec<Arc<Certificate>>,
    /// Frame of the staple.
    pub staple_frame: Option<FrameNo>,
    /// When it was delivered.
    pub staple_at: Option<Timestamp>,
    /// Signature over it; checked for certificates of Let's Encrypt.
    pub staple_signature: Signature,
    /// Kind of the server's key, told by the length of an encrypted signature.
    pub server_key: Option<KeyKind>,
    /// Round trip between the capture point and the client.
    pub turnaround: Span,
    /// When the flow ended, if it has.
    pub closed_at: Option<Timestamp>,
    /// When the client last sent payload, at the end of the flow.
    pub last_client_payload: Option<Timestamp>,
    /// A Certificate message should have been readable, but was not seen whole.
    pub certificate_lost: bool,
    /// Interface.
    pub interface: crate::frame::InterfaceId,
}

/// Where addresses are that were only told of: no packet is found there.
const TOLD: Scope = Scope(u32::MAX);

/// The handshakes of the run, the oldest forgotten first.
#[derive(Debug, Default)]
pub struct Handshakes {
    records: Pages<Record>,
    first: u64,
    limit: usize,
    by_client: HashMap<HostKey, VecDeque<HandshakeId>>,
    by_server: HashMap<HostKey, VecDeque<HandshakeId>>,
    by_serial: HashMap<Serial, VecDeque<HandshakeId>>,
    /// The certificates of all chains.
    shelf: Shelf,
    shelf_limit: usize,
    forgotten: u64,
    /// Totals for coverage.
    pub total: u64,
    /// What coverage says of those that time took.
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
    /// Remembers at most `limit`, and certificates of `chains` bytes.
    #[must_use]
    pub fn new(limit: usize, chains: usize) -> Self {
        Self {
            limit: limit.max(1),
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
        let client = HostKey {
            scope: ends.scope,
            ip: ends.client.ip(),
        };
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
        self.by_client.entry(client).or_default().push_back(id);
        self.by_server.entry(server).or_default().push_back(id);
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
                    chain: Vec::new(),
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
            peer: ends.client,
            client_chain: Vec::new(),
            staple_frame: None,
            staple_at: None,
            staple_signature: Signature::Unchecked,
            server_key: None,
            turnaround: Span::ZERO,
            closed_at: None,
            last_client_payload: None,
            certificate_lost: false,
            interface,
        });
        if self.records.len() > self.limit {
            self.forgotten += u64::from(self.forget_oldest().is_some());
        }
        id
    }

    /// A load balancer opened this handshake for `client` (PROXY protocol): it is none of the balancer's own. Nor does
    /// it count for the device with that address, for anybody can write such a header; where the client's
    /// own side is captured it shows the same handshake.
    pub fn on_behalf_of(&mut self, id: HandshakeId, client: SocketAddr) {
        let Some(record) = self.get_mut(id) else {
            return;
        };
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
        self.records
            .get(usize::try_from(id.0.checked_sub(self.first)?).ok()?)
    }

    /// The same, to add to it.
    pub fn get_mut(&mut self, id: HandshakeId) -> Option<&mut Record> {
        self.records
            .get_mut(usize::try_from(id.0.checked_sub(self.first)?).ok()?)
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
            let list = self.by_serial.entry(cert.serial.clone()).or_default();
            if list.back() != Some(&id) {
                list.push_back(id);
            }
        }
        while self.shelf.bytes() > self.shelf_limit && self.records.len() > 1 {
            self.forgotten += u64::from(self.forget_oldest().is_some());
        }
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
        self.records.iter()
    }

    /// Forgets those whose hello came before a time.
    pub fn forget(&mut self, before: Timestamp) {
        while self.records.front().is_some_and(|r| r.hello_at < before) {
            if let Some(old) = self.forget_oldest() {
                self.past.count(&old);
            }
        }
    }

    /// How many show their certificates, with those that time took.
    #[must_use]
    pub fn shown(&self) -> Shown {
        let mut shown = self.past;
        self.records.iter().for_each(|record| shown.count(record));
        shown
    }

    /// How many had to be forgotten.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn until<'h>(
        &'h self,
        list: Option<&'h VecDeque<HandshakeId>>,
        at: Timestamp,
    ) -> impl Iterator<Item = &'h Record> {
        // Frames may be out of order by the queues they came through, not by more.
        let until = at.plus(Span::from_secs(2));
        let past = list.map_or(0, |list| {
            list.partition_point(|id| self.get(*id).is_none_or(|r| r.hello_at <= until))
        });
        let before = list
            .into_iter()
            .flat_map(move |list| list.range(..past).rev());
        before.filter_map(|id| self.get(*id))
    }

    fn forget_oldest(&mut self) -> Option<Record> {
        let old = self.records.pop_front()?;
        self.first += 1;
        for (map, key) in [
            (&mut self.by_client, old.client),
            (&mut self.by_server, old.server),
        ] {
            if let Some(list) = map.get_mut(&key) {
                forget_up_to(list, old.shown.id);
                if list.is_empty() {
                    map.remove(&key);
                }
            }
        }
        self.shelf.take(&old.shown.chain);
        self.shelf.take(&old.client_chain);
        for cert in old.shown.chain.iter().chain(&old.client_chain) {
            if let Some(list) = self.by_serial.get_mut(&cert.serial) {
                forget_up_to(list, old.shown.id);
                if list.is_empty() {
                    self.by_serial.remove(&cert.serial);
                }
            }
        }
        Some(old)
    }
}

/// Lists are in the order of ids but for serials of certificates that came late, and the oldest goes first: what is not
/// there any more is found no more.
fn forget_up_to(list: &mut VecDeque<HandshakeId>, oldest: HandshakeId) {
    while list.front().is_some_and(|id| *id <= oldest) {
        list.pop_front();
    }
}

impl Record {
    /// A ServerHello.
    pub fn server_hello(&mut self, at: Timestamp, frame: FrameNo, hello: &ServerHello) {
        if hello.retry {
            return;
        }
        let seen: &mut Seen = &mut self.shown;
        seen.version = Some(hello.version);
        seen.suite = Some(hello.suite);
        seen.server_hello_at = seen.server_hello_at.or(Some(at));
        seen.frames.server_hello = seen.frames.server_hello.or(Some(frame));
        if hello.resumed == Some(true) {
            self.shown.visibility = Visibility::Resumed;
        }
    }

    /// A Certificate message of either side; gives the certificates of the one before it, if there was one.
    fn chain(&mut self, at: Timestamp, frame: FrameNo, chain: &Chain) -> Vec<Arc<Certificate>> {
        let certs = chain.certs.clone();
        if chain.side == Side::Client {
            return std::mem::replace(&mut self.client_chain, certs);
        }
        self.certificate_lost = !chain.complete;
        self.shown.visibility = match chain.provenance {
            Provenance::KeyLog => Visibility::Keys,
            _ => Visibility::Clear,
        };
        let seen: &mut Seen = &mut self.shown;
        seen.provenance = Some(chain.provenance);
        seen.certificate_at = Some(at);
        seen.frames.certificate = Some(frame);
        seen.frames.certificate_first = Some(chain.first_frame);
        std::mem::replace(&mut seen.chain, certs)
    }

    /// A sign of life.
    pub fn beat(&mut self, at: Timestamp, frame: FrameNo, beat: Beat) {
        let seen: &mut Seen = &mut self.shown;
        seen.beats.push(at, frame, beat);
        if beat.side == Side::Client
            && beat.kind == BeatKind::AppData
            && seen.first_data_at.is_none()
        {
            seen.first_data_at = Some(at);
            self.shown.outcome = HandshakeOutcome::Used;
        }
    }

    /// The end of its flow.
    pub fn closed(&mut self, close: &Close) {
        self.closed_at = match close.how {
            Ending::CaptureEnded | Ending::Expired => None,
            _ => Some(close.at),
        };
        self.turnaround = close.turnaround.unwrap_or_default();
        let [client, _] = close.last_payload;
        self.last_client_payload = client;
        let seen: &mut Seen = &mut self.shown;
        seen.bytes = Some(close.bytes);
        seen.ending = Some(close.how);
        seen.beats.shrink();
        if self.shown.outcome == HandshakeOutcome::Unknown && self.closed_at.is_some() {
            self.shown.outcome = HandshakeOutcome::Abandoned;
        }
    }

    /// Certificates the server showed.
    #[must_use]
    pub fn leaf(&self) -> Option<&Arc<Certificate>> {
        self.shown.chain.first()
    }

    /// Whether its certificate cannot be read although one was sent.
    #[must_use]
    pub fn hides_certificate(&self) -> bool {
        self.shown.chain.is_empty() && self.shown.visibility != Visibility::Resumed
    }

    /// The moment from which a check can have begun: the server's flight, else its hello, else the client's.
    #[must_use]
    pub fn anchor(&self) -> Timestamp {
        self.shown
            .certificate_at
            .or(self.shown.server_hello_at)
            .unwrap_or(self.shown.hello_at)
    }
}
