//! What was seen of watched hosts, as it came: nothing is concluded here.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::correlate::answers::Answered;
use crate::correlate::devices::HostKey;
use crate::correlate::pages::Pages;
use crate::event::{DnsAnswer, Name, Process, Request, TargetForm, weight};
use crate::finding::{ContactKind, Lookup};
use crate::flow::{Close, FlowId};
use crate::frame::{FrameNo, InterfaceId};
use crate::pki::endpoint::HostRole;
use crate::pki::ocsp::OcspRequest;
use crate::time::{Span, Timestamp};

/// What a watched name is: one of Let's Encrypt's, or one that looks like it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Watch {
    /// A host of domain knowledge.
    Known(HostRole),
    /// A name made to look like lencr.org.
    LookAlike,
    /// Another CA's (`--all-cas`).
    OtherCa,
}

impl Watch {
    /// The role of a Let's Encrypt host.
    #[must_use]
    pub const fn role(&self) -> Option<&HostRole> {
        match self {
            Self::Known(role) => Some(role),
            Self::LookAlike | Self::OtherCa => None,
        }
    }
}

/// A lookup of a watched name.
#[derive(Clone, Debug)]
pub struct LookupRecord {
    /// What presenters see.
    pub shown: Arc<Lookup>,
    /// Client address in its scope.
    pub client: HostKey,
    /// Number of the message.
    pub id: u16,
    /// What the name is.
    pub watch: Watch,
    /// When the answer came (or was given up).
    pub ended_at: Timestamp,
    /// The capture cut the answer short: it may have given more addresses.
    pub cut: bool,
    /// Interface.
    pub interface: InterfaceId,
}

/// A request to a watched host.
#[derive(Clone, Debug)]
pub struct RequestRecord {
    /// Its flow.
    pub flow: FlowId,
    /// The request.
    pub request: Arc<Request>,
    /// Host asked, from the request or (without Host) from the lookup of the server's address.
    pub host: Name,
    /// What the host is.
    pub watch: Watch,
    /// Client end.
    pub client: SocketAddr,
    /// Client address in its scope.
    pub client_key: HostKey,
    /// Server end.
    pub server: SocketAddr,
    /// Interface.
    pub interface: InterfaceId,
    /// When it was complete.
    pub at: Timestamp,
    /// The frame that completed it.
    pub frame: FrameNo,
    /// The OCSP question in it.
    pub ocsp: Option<OcspRequest>,
    /// The answer.
    pub answer: Option<Answered>,
    /// Process of the client end.
    pub process: Option<Arc<Process>>,
}

/// An answer of a watched host whose request the capture lacks.
#[derive(Clone, Debug)]
pub struct AnswerRecord {
    /// Its connection, which is logged as well.
    pub flow: FlowId,
    /// Position on its connection.
    pub index: u32,
    /// Whether it is the first word of its connection, so that this was opened for it.
    pub first: bool,
    /// The host that it is from.
    pub host: Name,
    /// What the host is.
    pub watch: Watch,
    /// The answer.
    pub answer: Answered,
}

/// A connection to an address that was given for a watched name, or that carries a watched name.
#[derive(Clone, Debug)]
pub struct ConnectRecord {
    /// Its flow.
    pub flow: FlowId,
    /// The watched name.
    pub host: Name,
    /// What the host is.
    pub watch: Watch,
    /// When the host is known only by a lookup just before whose answer the capture cut: who asked.
    pub asker: Option<HostKey>,
    /// Client end.
    pub client: SocketAddr,
    /// Client address in its scope.
    pub client_key: HostKey,
    /// Server end.
    pub server: SocketAddr,
    /// Interface.
    pub interface: InterfaceId,
    /// First packet.
    pub at: Timestamp,
    /// Its frame.
    pub frame: FrameNo,
    /// Its begin was captured.
    pub from_start: bool,
    /// SYN-ACK, or the word of a proxy.
    pub connected_at: Option<Timestamp>,
    /// The end, if it came.
    pub close: Option<Close>,
    /// Requests seen on it, and answers to those that were not.
    pub requests: u32,
    /// The client's clock and TTL in its first packet.
    pub stamp: Option<(u32, u8)>,
    /// A TLS handshake on it named the watched host.
    pub tls: bool,
    /// Process of the client end.
    pub process: Option<Arc<Process>>,
    /// The proxy that it goes through.
    pub proxy: Option<Proxy>,
}

/// What a SOCKS proxy made of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Proxy {
    /// Frame of what it was asked for.
    pub frame: FrameNo,
    /// It would not connect.
    pub refused: bool,
    /// Bytes that both sides spent on asking it.
    pub spent: [u64; 2],
}

impl ConnectRecord {
    /// Its first packet, and what a proxy was asked for.
    pub fn frames(&self) -> impl Iterator<Item = FrameNo> {
        std::iter::once(self.frame).chain(self.proxy.map(|proxy| proxy.frame))
    }

    /// Bytes of client and server beyond what a proxy was asked and answered.
    #[must_use]
    pub fn payload(&self, close: &Close) -> [u64; 2] {
        if self.proxy.is_some() && self.connected_at.is_none() {
            return [0; 2];
        }
        let [client, server] = self.proxy.map_or([0; 2], |proxy| proxy.spent);
        let [of_client, of_server] = close.bytes;
        [
            of_client.saturating_sub(client),
            of_server.saturating_sub(server),
        ]
    }

    /// SYN to SYN-ACK; none where the capture has only the latter.
    #[must_use]
    pub fn took(&self) -> Option<Span> {
        let took = self.connected_at?.since(self.at);
        (took > Span::ZERO).then_some(took)
    }
}

/// Everything logged about watched hosts.
#[derive(Debug, Default)]
pub struct Log {
    /// Lookups, in order of their answers.
    pub lookups: Pages<LookupRecord>,
    /// Requests, in order.
    pub requests: Pages<RequestRecord>,
    /// Answers without requests, in order.
    pub answers: Vec<AnswerRecord>,
    /// Connections by flow.
    pub connects: BTreeMap<FlowId, Box<ConnectRecord>>,
    /// Lookups by name.
    by_name: HashMap<Name, Vec<usize>>,
    askers: HashSet<HostKey>,
    /// Requests that were forgotten: the number of the first one that is left.
    forgotten_requests: u64,
    /// Contacts before this were forgotten, though lookups of theirs may be left.
    forgotten_until: Option<Timestamp>,
    /// What is in it is only reasoned with.
    elsewhere: bool,
    /// Bytes that texts, addresses, questions and answers take, and may take.
    taken: usize,
    room: usize,
}

/// Requests are numbered as they come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RequestNo {
    place: u64,
    /// Of those that no report speaks of.
    pub elsewhere: bool,
}

/// Lookups of one name that are looked back at: a client that asks oftener is told the same again.
const LOOK_BACK: usize = 1_024;

/// Who asks the same again within this time has not let go of it.
const JUST: Span = Span::from_secs(1);

impl Log {
    /// One with so many bytes of room for what has no fixed size.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    /// One of what is only reasoned with.
    #[must_use]
    pub fn elsewhere(room: usize) -> Self {
        Self {
            elsewhere: true,
            ..Self::new(room)
        }
    }

    /// Takes room for something of this size; false when there is too little.
    pub fn has_room(&mut self, weight: usize) -> bool {
        let taken = self.taken.saturating_add(weight);
        let fits = taken <= self.room;
        if fits {
            self.taken = taken;
        }
        fits
    }

    /// Logs a lookup.
    pub fn add_lookup(&mut self, lookup: LookupRecord) {
        let index = self.lookups.len();
        self.lookups.push_back(lookup);
        self.index_lookup(index);
    }

    /// Logs a request; gives its number.
    pub fn add_request(&mut self, request: RequestRecord) -> RequestNo {
        self.requests.push_back(request);
        RequestNo {
            place: self.forgotten_requests + self.requests.len() as u64 - 1,
            elsewhere: self.elsewhere,
        }
    }

    /// A request, unless it was forgotten.
    #[must_use]
    pub fn request(&self, number: RequestNo) -> Option<&RequestRecord> {
        self.requests.get(self.place(number)?)
    }

    /// The same, to add to it.
    pub fn request_mut(&mut self, number: RequestNo) -> Option<&mut RequestRecord> {
        let place = self.place(number)?;
        self.requests.get_mut(place)
    }

    fn place(&self, number: RequestNo) -> Option<usize> {
        usize::try_from(number.place.checked_sub(self.forgotten_requests)?).ok()
    }

    /// Forgets contacts before `contacts`, and lookups, which younger contacts may rest on, before `lookups`. Gives the
    /// answers that go. Connections that `is_open` stay.
    pub fn forget(
        &mut self,
        contacts: Timestamp,
        lookups: Timestamp,
        is_open: impl Fn(FlowId) -> bool,
    ) -> Vec<Answered> {
        self.forgotten_until = self.forgotten_until.max(Some(contacts));
        let old = self.requests.iter().take_while(|r| r.at < contacts).count();
        let requests: Vec<RequestRecord> = self.requests.take_first(old).collect();
        self.forgotten_requests += requests.len() as u64;
        let old = self
            .answers
            .iter()
            .take_while(|a| a.answer.at < contacts)
            .count();
        let answers: Vec<Answered> = self.answers.drain(..old).map(|a| a.answer).collect();
        let freed = requests.iter().map(RequestRecord::weight);
        let freed = freed.chain(answers.iter().map(Answered::weight));
        self.taken = self.taken.saturating_sub(freed.sum());
        self.connects.retain(|flow, connect| {
            let last = connect.close.as_ref().map_or(connect.at, |close| close.at);
            last >= contacts || is_open(*flow)
        });
        let old = self
            .lookups
            .iter()
            .take_while(|l| l.ended_at < lookups)
            .count();
        if old > 0 {
            let gone = self.lookups.take_first(old);
            let lists = gone.map(|l| weight::lookup(l.shown.addresses.len(), &l.shown.chain));
            self.taken = self.taken.saturating_sub(lists.sum());
            self.by_name.clear();
            self.askers.clear();
            (0..self.lookups.len()).for_each(|index| self.index_lookup(index));
        }
        let answered = requests.into_iter().filter_map(|request| request.answer);
        answered.chain(answers).collect()
    }

    /// Makes a lookup findable by its name, among others of it in the order in which they were asked.
    fn index_lookup(&mut self, index: usize) {
        let Some(lookup) = self.lookups.get(index) else {
            return;
        };
        self.askers.insert(lookup.client);
        let asked_at = |index: &usize| self.lookups.get(*index).map(|l| l.shown.at);
        let list = self.by_name.entry(lookup.shown.name.clone()).or_default();
        let in_turn = list
            .last()
            .is_none_or(|last| asked_at(last) <= Some(lookup.shown.at));
        let place = if in_turn {
            list.len()
        } else {
            list.partition_point(|other| asked_at(other) <= Some(lookup.shown.at))
        };
        list.insert(place, index);
    }

    /// Whether what was done at a time was forgotten.
    #[must_use]
    pub fn is_forgotten(&self, at: Timestamp) -> bool {
        self.forgotten_until.is_some_and(|until| at < until)
    }

    /// The lookups of a name that were asked by `until`, the latest first.
    pub fn lookups_of(&self, name: &Name, until: Timestamp) -> impl Iterator<Item = &LookupRecord> {
        let list = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        let all = |index: &usize| self.lookups.get(*index);
        let past = list.partition_point(|i| all(i).is_none_or(|l| l.shown.at <= until));
        let before = list.get(..past).unwrap_or_default();
        before.iter().rev().take(LOOK_BACK).filter_map(all)
    }

    /// Whether a client asked the same and was told the same a moment before.
    #[must_use]
    pub fn has_just_told(&self, client: HostKey, answer: &DnsAnswer, asked_at: Timestamp) -> bool {
        let addresses = || answer.addresses.iter().map(|(address, _)| address);
        let mut before = self
            .lookups_of(&answer.name, asked_at)
            .take_while(|l| asked_at.since(l.shown.at) < JUST);
        before.any(|l| {
            let (same_client, shown) = (l.client == client, &l.shown);
            let same = shown.qtype == answer.qtype && shown.outcome == answer.outcome;
            same_client && same && shown.addresses.iter().eq(addresses())
        })
    }

    /// Whether a client looked a watched name up.
    #[must_use]
    pub fn has_asked(&self, client: HostKey) -> bool {
        self.askers.contains(&client)
    }

    /// Clients that did.
    pub fn askers(&self) -> impl Iterator<Item = HostKey> {
        self.askers.iter().copied()
    }
}

/// Bytes that a request and the question in it take, roughly.
#[must_use]
pub fn weight_of(request: &Request, ocsp: Option<&OcspRequest>) -> usize {
    request.weight() + ocsp.map_or(0, OcspRequest::weight)
}

impl RequestRecord {
    fn weight(&self) -> usize {
        let answer = self.answer.as_ref().map_or(0, Answered::weight);
        weight_of(&self.request, self.ocsp.as_ref()) + answer
    }
}

/// The whole URL of a request to `host`; None for CONNECT, which names none.
#[must_use]
pub fn url_of(host: &Name, request: &Request) -> Option<String> {
    if request.form == TargetForm::Authority {
        return None;
    }
    let port = request
        .port
        .filter(|p| *p != 80)
        .map(|p| format!(":{p}"))
        .unwrap_or_default();
    Some(format!("http://{host}{port}{}", request.path))
}

/// Kind by the suffixes that RFC 2585 3 and 4.1 and common practice give such files.
#[must_use]
pub fn kind_of_path(path: &str) -> ContactKind {
    let path = path
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if path.ends_with(".crl") {
        ContactKind::Crl
    } else if [".crt", ".cer", ".der", ".p7c", ".p7b"]
        .iter()
        .any(|s| path.ends_with(s))
    {
        ContactKind::Issuer
    } else {
        ContactKind::Unknown
    }
}
