//! Lookups, connections and requests to contacts: what belongs together is one contact.
//!
//! A retried lookup or connection belongs to the contact it was retried for; two requests are two contacts
//! even when they ask the same, since browsers really ask twice. Only here, at the end, is it known which
//! addresses are one device, so the log is kept raw until then.

mod copies;
mod indexes;
mod late;
pub mod leaf;
mod suffix;
mod vain;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use smallvec::smallvec;

use self::copies::{Copies, Halves, Translated, copied_lookups, deduplicated, of_one_port};
use self::indexes::{Asked, Known};

use crate::correlate::agents::{self, Family};
use crate::correlate::answers::{Answered, Object};
use crate::correlate::case::split_url;
use crate::correlate::devices::{DeviceMap, HostKey, Owner};
pub use crate::correlate::log::{
    AnswerRecord, ConnectRecord, Log, LookupRecord, RequestRecord, Watch, kind_of_path, url_of,
};
use crate::event::{DnsOutcome, Name, Process, Request, TargetForm};
use crate::finding::{ContactFrames, ContactKind, Failure, Stage};
use crate::flow::{Ending, FlowId};
use crate::frame::{FrameNo, Frames, InterfaceId};
use crate::pki::endpoint::{HostRole, Service};
use crate::pki::ocsp::{Dialect, OcspRequest};
use crate::time::{Span, Timestamp};

/// Signs of one contact lie closer together than this: stub resolvers and connection attempts retry for up to
/// 20 to 30 s (RFC 6298 back-off: 1, 2, 4, 8 s).
const RETRY_WINDOW: Span = Span::from_secs(30);
/// Longer than any exchange of use takes: clients give up on a list after a minute at most.
pub const EXCHANGE: Span = Span::from_secs(300);

/// One contact, ready to be judged.
#[derive(Clone, Debug)]
pub struct Contact {
    /// Host.
    pub host: Name,
    /// What it is.
    pub watch: Watch,
    /// Client address in its scope.
    pub client: HostKey,
    /// Client port.
    pub port: Option<u16>,
    /// Server end.
    pub server: Option<SocketAddr>,
    /// Interface.
    pub interface: InterfaceId,
    /// Flow.
    pub flow: Option<FlowId>,
    /// What for.
    pub kind: ContactKind,
    /// How far it got.
    pub stage: Stage,
    /// First sign.
    pub began_at: Timestamp,
    /// The request, else the connection, else the lookup.
    pub at: Timestamp,
    /// Last sign.
    pub ended_at: Timestamp,
    /// The request.
    pub request: Option<Arc<Request>>,
    /// The software that made it.
    pub family: Option<Family>,
    /// The question in it.
    pub ocsp: Option<OcspRequest>,
    /// The answer.
    pub answer: Option<Answered>,
    /// What went wrong on the way.
    pub failure: Option<Failure>,
    /// Lookups that belong to it, by index into the log.
    pub lookups: Vec<usize>,
    /// Whether these lookups led to no earlier contact, and nobody else waited for them.
    pub own_lookup: bool,
    /// First question to last answer of the responder's lookups.
    pub lookup_time: Option<Span>,
    /// SYN to SYN-ACK.
    pub connect_time: Option<Span>,
    /// Frames.
    pub frames: ContactFrames,
    /// Process.
    pub process: Option<Arc<Process>>,
    /// A proxy makes the connection, whose end is the one that is seen.
    pub proxied: bool,
    /// How many contacts it stands for.
    pub count: u64,
}

impl Contact {
    /// The role of a Let's Encrypt host.
    #[must_use]
    pub fn role(&self) -> Option<&HostRole> {
        self.watch.role()
    }

    /// The whole URL of the request.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        match &self.request {
            Some(request) => url_of(&self.host, request),
            None => Some(format!("http://{}{}", self.host, self.path()?)),
        }
    }

    /// The path that was asked for: as it was sent or, where the capture lacks the request, as the list that
    /// came back names the place where it belongs (RFC 5280 5.2.5).
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        if let Some(request) = &self.request {
            return Some(&request.path);
        }
        let Object::Crl { facts, .. } = &self.answer.as_ref()?.object else {
            return None;
        };
        let own = facts.idp_urls.iter().filter_map(|url| split_url(url));
        let (_, path) = own
            .into_iter()
            .find(|(host, _)| host.eq_ignore_ascii_case(self.host.as_str()))?;
        Some(path)
    }
}

/// Puts the log together, in order of time.
#[must_use]
pub fn assemble(log: &Log, devices: &DeviceMap) -> Vec<Contact> {
    let mut contacts = Vec::with_capacity(log.requests.len());
    let mut used = copied_lookups(log);
    let asked = Asked::new(log, devices);
    let suffixed = suffix::mark(log, devices, &asked, &mut used);
    let mut taken = Taken {
        used,
        shared: HashSet::default(),
    };
    let tunnels = Tunnels::of(log);
    let pairs = of_one_port(log);
    let translated = Translated::of(log, &pairs);
    let halves = Halves::of(log, &pairs);
    for record in deduplicated(&log.requests)
        .filter(|record| !tunnels.lead_on(record) && !translated.holds(record.flow))
    {
        let mut contact = from_request(record, log.connects.get(&record.flow).map(Box::as_ref));
        if let Some((answer, connect)) = halves.answer_to(record) {
            late::came(&mut contact, answer, connect);
            contact.server = Some(connect.server);
        }
        attach_lookups(&mut contact, log, devices, &asked, &mut taken);
        contacts.push(contact);
    }
    let mut copies = Copies::default();
    let mut reset = late::Reset::of(&contacts);
    for record in &log.answers {
        if let Some(connect) = log.connects.get(&record.flow) {
            let what = (connect.client, connect.server, record.index);
            if let Some(asked) = reset.take(connect, record)
                && let Some(asked) = contacts.get_mut(asked)
            {
                late::came(asked, record, connect);
                continue;
            }
            if !translated.holds(record.flow)
                && !halves.holds(record.flow)
                && !copies.holds(what, connect.client_key.scope, record.answer.first_at)
            {
                let mut contact = from_answer(record, connect);
                attach_lookups(&mut contact, log, devices, &asked, &mut taken);
                contacts.push(contact);
            }
        }
    }
    let mut known = Known::default();
    for (index, contact) in contacts.iter().enumerate() {
        known.add(contact, index, devices);
    }
    let same_device = |c: &ConnectRecord| {
        c.asker
            .is_none_or(|asker| devices.same(asker, c.client_key))
    };
    let mut copies = Copies::default();
    for connect in log
        .connects
        .values()
        .filter(|c| c.requests == 0 && same_device(c))
        .filter(|c| !translated.holds(c.flow) && !halves.holds(c.flow) && !late::is_end(c))
    {
        let ends = (connect.client, connect.server);
        if copies.holds(ends, connect.client_key.scope, connect.at) {
            continue;
        }
        if let Some(kin) = kin_of(connect, &known, devices)
            && let Some(kin) = contacts.get_mut(kin)
        {
            kin.frames.connect.push(connect.frame);
            if kin.stage == Stage::Connected {
                let ended = connect.close.as_ref().map_or(connect.at, |c| c.at);
                kin.ended_at = kin.ended_at.max(ended);
            }
            continue;
        }
        let mut contact = from_connection(connect);
        attach_lookups(&mut contact, log, devices, &asked, &mut taken);
        known.add(&contact, contacts.len(), devices);
        contacts.push(contact);
    }
    vain::add_lookups(&mut contacts, &known, log, devices, &taken.used);
    for contact in &mut contacts {
        contact.own_lookup &= contact.lookups.iter().all(|l| !taken.shared.contains(l));
    }
    suffix::hand_over(&suffixed, log, &mut contacts);
    // That nothing more was seen of it is no failure where one packet in so many is seen.
    let sampled = contacts.iter_mut();
    for contact in sampled.filter(|c| c.client.scope.is_sampled()) {
        contact.failure = None;
    }
    contacts.retain(|contact| !log.is_forgotten(contact.at));
    // They stay as long as the report is made.
    contacts.shrink_to_fit();
    contacts.sort_by_key(|c| (c.at, c.frames.request.first().copied(), c.flow));
    contacts
}

/// A client goes on to its next check this soon, or with what it was doing.
const GOES_ON: Span = Span::from_secs(1);

/// Contacts with other CAs that no report speaks of, and that a device made while it had one that is
/// reported, or right before or after: those of other times explain no silence in which that one lies.
#[must_use]
pub fn elsewhere(log: &Log, devices: &DeviceMap, reported: &[Contact]) -> Vec<Contact> {
    /// Neighbours looked at; one device has no more at a time.
    const MOST: usize = 64;
    if log.requests.is_empty() {
        return Vec::new();
    }
    let mut times: HashMap<Owner, Vec<(Timestamp, Timestamp)>> = HashMap::default();
    for contact in reported {
        let times = times.entry(devices.owner(contact.client)).or_default();
        times.push((contact.began_at, contact.ended_at));
    }
    times.values_mut().for_each(|list| list.sort_unstable());
    let mut contacts = assemble(log, devices);
    contacts.retain(|contact| {
        let list = times.get(&devices.owner(contact.client));
        let list = list.map_or(&[][..], Vec::as_slice);
        let until = contact.ended_at.plus(GOES_ON);
        let begun = list.partition_point(|(began, _)| *began <= until);
        let mut near = list.iter().take(begun).rev().take(MOST);
        near.any(|(_, ended)| ended.plus(GOES_ON) >= contact.began_at)
    });
    contacts.shrink_to_fit();
    contacts
}

/// Connections on which a request came through a tunnel, and whom it asked.
struct Tunnels<'l>(HashSet<(FlowId, &'l Name)>);

impl<'l> Tunnels<'l> {
    fn of(log: &'l Log) -> Self {
        let requests = log.requests.iter().filter(|r| r.request.tunnelled);
        Self(requests.map(|r| (r.flow, &r.host)).collect())
    }

    /// Whether a request only opened the tunnel for another one that is there (clients that are told to may
    /// use CONNECT for everything, plain HTTP as well).
    fn lead_on(&self, record: &RequestRecord) -> bool {
        !record.request.tunnelled
            && record.request.form == TargetForm::Authority
            && self.0.contains(&(record.flow, &record.host))
    }
}

/// Lookups that led to a contact.
struct Taken {
    used: Vec<bool>,
    /// Those for which somebody else may have been waiting: systems ask once for all who want to know the same.
    shared: HashSet<usize>,
}

/// Who waited for an address connects within this time of the answer.
const CONNECTS_WITHIN: Span = Span::from_millis(100);

/// What was asked in a request that the capture lacks, or whose body it lacks, by what was answered: a
/// response is about the certificates that the request is about (RFC 6960 4.2.2.3).
fn answered_question(answer: &Answered) -> Option<OcspRequest> {
    let Object::Ocsp(response) = &answer.object else {
        return None;
    };
    (!response.answers.is_empty()).then(|| OcspRequest {
        ids: response.answers.iter().map(|one| one.id.clone()).collect(),
        nonce: false,
        dialect: Dialect::Other,
    })
}

fn from_request(record: &RequestRecord, connect: Option<&ConnectRecord>) -> Contact {
    let request = &record.request;
    let opened = connect.filter(|_| request.index == 0);
    let mut frames = ContactFrames::default();
    frames
        .connect
        .extend(opened.into_iter().flat_map(ConnectRecord::frames));
    frames.request = span_frames(request.first_frame, record.frame);
    let lost = request.method == "POST" && request.body.is_none();
    let answered = record.answer.as_ref().filter(|_| lost);
    let (mut stage, mut ended_at, mut failure) = (Stage::Asked, record.at, None);
    if let Some(answer) = &record.answer {
        ended_at = ended_at.max(answer.at);
        if answer.status == 0 {
            failure = Some(hang_up(connect));
        } else {
            stage = Stage::Answered;
            frames.response = span_frames(answer.first_frame, answer.frame);
            failure = answer.failure(connect.and_then(|c| c.close.as_ref()));
        }
    }
    // Without any word of an answer it is the capture that lacks it: nobody is said to have failed.
    Contact {
        host: record.host.clone(),
        watch: record.watch.clone(),
        client: record.client_key,
        port: Some(record.client.port()),
        server: Some(record.server),
        interface: record.interface,
        flow: Some(record.flow),
        kind: kind_of(record),
        stage,
        began_at: opened.map_or(request.first_at, |c| c.at.min(request.first_at)),
        at: request.first_at,
        ended_at,
        request: Some(request.clone()),
        family: Some(agents::family(request)),
        ocsp: record
            .ocsp
            .clone()
            .or_else(|| answered.and_then(answered_question)),
        answer: record.answer.clone(),
        failure,
        lookups: Vec::new(),
        own_lookup: false,
        lookup_time: None,
        connect_time: opened.and_then(ConnectRecord::took),
        frames,
        process: record
            .process
            .clone()
            .or_else(|| connect.and_then(|c| c.process.clone())),
        proxied: request.tunnelled || request.form == TargetForm::Absolute,
        count: 1,
    }
}

/// An answer whose request the capture lacks. Whoever opens a connection asks at once; on one that was open
/// already, it asked before the answer began, nobody can tell when.
fn from_answer(record: &AnswerRecord, connect: &ConnectRecord) -> Contact {
    let answer = &record.answer;
    let kind = match &record.watch {
        Watch::LookAlike => ContactKind::Unknown,
        Watch::Known(_) | Watch::OtherCa => answer.kind(),
    };
    let mut contact = from_connection(connect);
    if !record.first {
        contact.frames.connect.clear();
        contact.began_at = answer.first_at;
        contact.at = answer.first_at;
        contact.connect_time = None;
    }
    contact.frames.response = span_frames(answer.first_frame, answer.frame);
    Contact {
        host: record.host.clone(),
        watch: record.watch.clone(),
        kind,
        stage: Stage::Answered,
        ended_at: contact.at.max(answer.at),
        ocsp: answered_question(answer),
        failure: answer.failure(connect.close.as_ref()),
        answer: Some(answer.clone()),
        ..contact
    }
}

/// Why a request that was sent has no answer.
fn hang_up(connect: Option<&ConnectRecord>) -> Failure {
    match connect.and_then(|c| c.close.as_ref()).map(|c| c.how) {
        Some(Ending::Reset(crate::flow::Side::Server)) => Failure::Reset,
        Some(Ending::Reset(crate::flow::Side::Client) | Ending::Finished) => Failure::Abandoned,
        _ => Failure::NoResponse,
    }
}

/// What the request is after: the question in it decides, else the host's service.
fn kind_of(record: &RequestRecord) -> ContactKind {
    match &record.watch {
        Watch::LookAlike => ContactKind::Unknown,
        Watch::Known(role) if role.service == Service::Unknown && record.ocsp.is_none() => {
            ContactKind::Unknown
        }
        Watch::Known(role) => service_kind(role.service).unwrap_or(ContactKind::Unknown),
        Watch::OtherCa if record.ocsp.is_some() => ContactKind::Ocsp,
        Watch::OtherCa => match record.answer.as_ref().map(Answered::kind) {
            Some(ContactKind::Unknown) | None if record.host.as_str().starts_with("ocsp.") => {
                ContactKind::Ocsp
            }
            Some(ContactKind::Unknown) | None => kind_of_path(&record.request.path),
            Some(kind) => kind,
        },
    }
}

/// Kind by the service of a host.
fn service_kind(service: Service) -> Option<ContactKind> {
    match service {
        Service::Ocsp => Some(ContactKind::Ocsp),
        Service::Crl => Some(ContactKind::Crl),
        Service::Issuer => Some(ContactKind::Issuer),
        Service::Page | Service::Unknown => None,
    }
}

/// A contact takes the lookups that no earlier one took; where there are none (a second connection after one
/// lookup), it shares the latest. A request on a kept-alive connection needs none.
fn attach_lookups(
    contact: &mut Contact,
    log: &Log,
    devices: &DeviceMap,
    asked: &Asked<'_>,
    Taken { used, shared }: &mut Taken,
) {
    let begun = contact.began_at;
    // Lookups for the second address family can end after the connection has begun.
    let until = begun.plus(Span::from_millis(100));
    let owner = devices.owner(contact.client);
    let near = asked.between(&contact.host, owner, begun.minus(RETRY_WINDOW), until);
    let is_used = |index: &usize| used.get(*index).copied().unwrap_or_default();
    let mut taken: Vec<usize> = near.iter().copied().filter(|i| !is_used(i)).collect();
    let kept_alive = contact.request.as_ref().is_some_and(|r| r.index > 0);
    if kept_alive {
        // One for which a client did wait: wget goes on with a connection that it has to an address of the
        // name (its http.c, persistent_available_p).
        let waited = |index: &usize| {
            let ended = log.lookups.get(*index).map(|l| l.ended_at);
            ended.is_some_and(|ended| begun.since(ended).abs() <= CONNECTS_WITHIN)
        };
        if !taken.iter().any(waited) {
            return;
        }
    }
    contact.own_lookup = !taken.is_empty();
    if taken.is_empty() {
        let at = |index: &usize| log.lookups.get(*index).map(|l| l.shown.at);
        let latest = near.iter().filter_map(at).max();
        let burst = |index: &usize| matches!((at(index), latest), (Some(a), Some(l)) if l.since(a) <= Span::from_secs(1));
        taken = near.into_iter().filter(burst).collect();
        let waited = |index: &&usize| {
            let ended = log.lookups.get(**index).map(|l| l.ended_at);
            ended.is_some_and(|ended| begun.since(ended) <= CONNECTS_WITHIN)
        };
        shared.extend(taken.iter().filter(waited));
    }
    for index in &taken {
        if let Some(slot) = used.get_mut(*index) {
            *slot = true;
        }
    }
    let lookups = || taken.iter().filter_map(|index| log.lookups.get(*index));
    contact.frames.dns = lookups()
        .flat_map(|l| l.shown.frames.iter().copied())
        .collect();
    contact.frames.dns.sort_unstable();
    contact.frames.dns.dedup();
    let first = lookups().map(|l| l.shown.at).min();
    let ended = lookups()
        .filter(|l| l.shown.at <= begun)
        .map(|l| l.ended_at)
        .max();
    if let (Some(first), Some(ended)) = (first, ended) {
        contact.began_at = begun.min(first);
        contact.lookup_time = Some(ended.min(contact.at).since(first));
    }
    contact.lookups = taken;
}

/// Whether something that may be a request was sent on a connection. Where nothing of the client is in the
/// capture, what the server said tells; otherwise it need not, since servers speak unasked when they tire of
/// waiting (408, RFC 9110 15.5.9).
fn has_asked(connect: &ConnectRecord) -> bool {
    let sent = connect.close.as_ref().is_some_and(|close| {
        let [from_client, from_server] = connect.payload(close);
        from_client > 0 || close.packets[0] == 0 && from_server > 0
    });
    sent && !connect.tls
}

/// The contact that a connection without a readable request was a spare or a retry for. It is one of its own when
/// something was sent.
fn kin_of(connect: &ConnectRecord, known: &Known, devices: &DeviceMap) -> Option<usize> {
    if has_asked(connect) {
        return None;
    }
    let key = (connect.host.clone(), devices.owner(connect.client_key));
    let first = (connect.at.minus(RETRY_WINDOW), 0);
    let last = (connect.at.plus(RETRY_WINDOW), usize::MAX);
    let near = known.0.get(&key)?.range(first..=last);
    near.map(|(_, index)| *index).min()
}

/// A connection without a readable request.
fn from_connection(connect: &ConnectRecord) -> Contact {
    let asked = has_asked(connect);
    let kind = match &connect.watch {
        Watch::Known(role) => service_kind(role.service).unwrap_or(ContactKind::Unknown),
        _ => ContactKind::Unknown,
    };
    let how = connect.close.as_ref().map(|c| c.how);
    let failure = match how {
        _ if connect.proxy.is_some_and(|proxy| proxy.refused) => Some(Failure::Refused),
        Some(_) if connect.proxy.is_some() && connect.connected_at.is_none() => {
            Some(Failure::Unanswered)
        }
        Some(Ending::Refused) => Some(Failure::Refused),
        Some(Ending::Unanswered) => Some(Failure::Unanswered),
        Some(Ending::Expired | Ending::CaptureEnded) if connect.connected_at.is_none() => {
            Some(Failure::Unanswered)
        }
        Some(Ending::Reset(crate::flow::Side::Server)) if !connect.tls => Some(Failure::Reset),
        _ => None,
    };
    let answered = connect
        .close
        .as_ref()
        .is_some_and(|close| connect.payload(close)[1] > 0);
    Contact {
        host: connect.host.clone(),
        watch: connect.watch.clone(),
        client: connect.client_key,
        port: Some(connect.client.port()),
        server: Some(connect.server),
        interface: connect.interface,
        flow: Some(connect.flow),
        kind,
        stage: match (asked, answered) {
            (true, true) => Stage::Answered,
            (true, false) => Stage::Asked,
            (false, _) => Stage::Connected,
        },
        began_at: connect.at,
        at: connect.at,
        ended_at: match &connect.close {
            // The end of the exchange, not of the connection: it may idle long after.
            Some(close) => close
                .last_payload
                .iter()
                .flatten()
                .copied()
                .max()
                .unwrap_or(close.at),
            None => connect.at,
        },
        request: None,
        family: None,
        ocsp: None,
        answer: None,
        failure,
        lookups: Vec::new(),
        own_lookup: false,
        lookup_time: None,
        connect_time: connect.took(),
        frames: ContactFrames {
            connect: connect.frames().collect(),
            ..ContactFrames::default()
        },
        process: connect.process.clone(),
        proxied: connect.proxy.is_some(),
        count: 1,
    }
}

/// Addresses that filters give instead of the real one: no server can be there (RFC 6890: "this host", loopback).
#[must_use]
pub fn is_sinkhole(address: IpAddr) -> bool {
    address.is_unspecified() || address.is_loopback()
}

fn span_frames(first: FrameNo, last: FrameNo) -> Frames {
    if first == last {
        smallvec![first]
    } else {
        smallvec![first, last]
    }
}
