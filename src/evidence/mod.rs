//! Evidence captures: which frames of the inputs somebody else needs to see for themselves.
//!
//! A [`Plan`] is made from the findings after the first reading, and asked about every frame in a second one.
//! It keeps
//!
//! - the lookups of the responders and of the sites that the findings speak of,
//! - the connections of the contacts, whole,
//! - the connections of every handshake that a verdict weighed, named or rejected, up to the client's first
//!   application data: with the rejected ones left out, a reader could not see that they were rejected, and another
//!   run would find fewer that fit and be surer than it may,
//! - how those connections ended,
//! - the handshakes of the same device around contacts whose verdict rests on times: how busy it was is part of it,
//! - the first and the last packet, since how long was watched around a contact is part of the verdict.
//!
//! It keeps connections rather than the proving frames alone, so that any program can put the streams together again.

#![warn(clippy::indexing_slicing)]

mod comments;
pub mod redact;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use crate::event::Carrier;
use crate::finding::{
    Confidence, DeviceId, Facts, Finding, FindingId, Handshake, HandshakeId, Report,
};
use crate::flow::Transport;
use crate::frame::{Frame, FrameNo};
use crate::time::{Span, Timestamp};
use crate::wire::{Body, Packet, Segment};

/// Payload kept of a handshake's connection: certificate chains come to 20 kB, and upgrades precede them.
const HANDSHAKE_BYTES: u64 = 512 << 10;
/// Payload kept of a contact's connection: the longest CRL that is read, and requests before it.
const CONTACT_BYTES: u64 = 32 << 20;
/// Clocks of merged files and receive queues differ; and a SYN comes before what a finding calls its beginning.
const SLACK: Span = Span::from_secs(1);
/// Contacts of one device so close together can be parts of one wait.
const BURST: Span = Span::from_secs(10);
/// How far around a contact the pace of its device is measured, and then some.
const AROUND: Span = Span::from_secs(31);
/// How long a client that goes no further is watched: connections without a word are given up within it.
const PATIENCE: Span = Span::from_secs(30);

/// What to keep of the inputs. Made of one report, used for one reading.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    flows: HashMap<Pair, Vec<Want>>,
    /// Flows of QUIC.
    quic: HashSet<Pair>,
    /// Ends of which frames with parts of packets are kept, with the times.
    hosts: HashMap<(IpAddr, IpAddr), (Timestamp, Timestamp)>,
    /// First packets of connections of which nothing else is known, and until when they matter.
    openings: HashMap<FrameNo, Timestamp>,
    comments: BTreeMap<FrameNo, Vec<String>>,
    randoms: HashSet<[u8; 32]>,
    started: bool,
    /// Time of the last frame; None once it was kept.
    last: Option<Timestamp>,
}

/// A connection from either side.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Pair {
    transport: Transport,
    low: SocketAddr,
    high: SocketAddr,
}

impl Pair {
    fn new(transport: Transport, a: SocketAddr, b: SocketAddr) -> Self {
        Self {
            transport,
            low: a.min(b),
            high: a.max(b),
        }
    }
}

/// What is kept of a connection.
#[derive(Clone, Copy, Debug)]
struct Want {
    from: Timestamp,
    /// After this only its end.
    until: Timestamp,
    /// Payload that may still be kept.
    left: u64,
}

impl Plan {
    /// What the selected findings of a report need.
    #[must_use]
    pub fn new(report: &Report, selected: &[&Finding]) -> Self {
        let mut plan = Self::default();
        let related = related(report, selected);
        for finding in &related {
            plan.contact(report, finding);
        }
        for (id, last) in weighed(&related) {
            if let Some(handshake) = report.handshake(id) {
                plan.handshake(handshake, last);
            }
        }
        plan.surroundings(report, &related);
        plan.last = report.coverage.span.map(|(_, last)| last);
        plan.learned(report);
        plan.lookups(report, &related);
        plan.comments = comments::of(report, selected);
        plan
    }

    /// Whether a frame belongs into the evidence. `fragment` are the ends of the packet of which the frame is
    /// only a part.
    pub fn keeps(
        &mut self,
        frame: &Frame<'_>,
        packet: Option<&Packet<'_>>,
        fragment: Option<(IpAddr, IpAddr)>,
    ) -> bool {
        let listed = self.comments.contains_key(&frame.no);
        let Some(packet) = packet else {
            return listed || fragment.is_some_and(|ends| self.keeps_fragment(frame.at, ends));
        };
        let first = !std::mem::replace(&mut self.started, true);
        let edge = first || self.last.take_if(|last| *last <= frame.at).is_some();
        let ends = |src_port, dst_port| {
            (
                SocketAddr::new(packet.src, src_port),
                SocketAddr::new(packet.dst, dst_port),
            )
        };
        let (transport, (a, b), size, farewell) = match &packet.body {
            Body::Tcp(segment) => (
                Transport::Tcp,
                ends(segment.src_port, segment.dst_port),
                segment.payload.len(),
                segment.flags & (Segment::FIN | Segment::RST) != 0,
            ),
            Body::Udp(datagram) => (
                Transport::Udp,
                ends(datagram.src_port, datagram.dst_port),
                datagram.payload.len(),
                false,
            ),
            Body::Unreachable(about) => {
                let [src, dst] = [about.src, about.dst].map(SocketAddr::from);
                (about.transport, (src, dst), 0, false)
            }
            Body::Other(_) => return listed || edge,
        };
        let pair = Pair::new(transport, a, b);
        if let Some(until) = self.openings.remove(&frame.no) {
            self.want(pair, frame.at, until, CONTACT_BYTES);
        }
        let wanted = self
            .flows
            .get_mut(&pair)
            .is_some_and(|wants| keeps(wants, frame.at, size as u64, farewell));
        wanted || listed || edge
    }

    /// What a frame shows, for people, in lines of their own.
    #[must_use]
    pub fn comments(&self, frame: FrameNo, first: bool) -> Vec<String> {
        let listed = self.comments.get(&frame);
        let mut lines = Vec::new();
        if first {
            lines.push(
                "whylencr: the first packet of the source: since when was watched".to_owned(),
            );
        }
        if let Some(listed) = listed {
            lines.push(format!("whylencr: frame {frame} of the source"));
            lines.extend(listed.iter().cloned());
        }
        lines
    }

    /// Comments from the same report with pseudonyms.
    pub fn speak_of(&mut self, report: &Report, selected: &[&Finding]) {
        self.comments = comments::of(report, selected);
    }

    /// Whether a packet is of a QUIC connection.
    #[must_use]
    pub fn is_quic(&self, packet: &Packet<'_>) -> bool {
        let Body::Udp(datagram) = &packet.body else {
            return false;
        };
        let [a, b] = [
            (packet.src, datagram.src_port),
            (packet.dst, datagram.dst_port),
        ]
        .map(SocketAddr::from);
        self.quic.contains(&Pair::new(Transport::Udp, a, b))
    }

    /// Whether one of the frames has something to show.
    fn shows(&self, frames: &[FrameNo]) -> bool {
        frames.iter().any(|no| self.comments.contains_key(no))
    }

    /// The lines of a key log that open handshakes of the evidence.
    #[must_use]
    pub fn secrets(&self, log: &[u8]) -> Vec<u8> {
        let mut kept = Vec::new();
        for line in log.split(|byte| matches!(byte, b'\n' | b'\r')) {
            let random = line
                .split(u8::is_ascii_whitespace)
                .filter(|word| !word.is_empty())
                .nth(1);
            if random
                .and_then(random_of)
                .is_some_and(|r| self.randoms.contains(&r))
            {
                kept.extend_from_slice(line);
                kept.push(b'\n');
            }
        }
        kept
    }

    fn contact(&mut self, report: &Report, finding: &Finding) {
        let until = finding.ended_at.plus(SLACK);
        // A connection may have served earlier requests.
        let same = report
            .findings
            .iter()
            .filter(|f| f.flow.is_some() && f.flow == finding.flow);
        let from = same.map(|f| f.began_at).min().unwrap_or(finding.began_at);
        let from = from.min(finding.began_at).minus(SLACK);
        if let (Some(port), Some(server)) = (finding.client.port, finding.server) {
            let client = SocketAddr::new(finding.client.ip, port);
            for transport in [Transport::Tcp, Transport::Udp] {
                self.want(
                    Pair::new(transport, client, server),
                    from,
                    until,
                    CONTACT_BYTES,
                );
            }
        }
        for frame in &finding.frames.connect {
            self.openings.insert(*frame, until);
        }
    }

    fn handshake(&mut self, handshake: &Handshake, last: Timestamp) {
        let transport = match handshake.carrier {
            Carrier::Quic { .. } | Carrier::Dtls | Carrier::Ike => Transport::Udp,
            Carrier::Tls | Carrier::StartTls(_) | Carrier::Proxy { .. } => Transport::Tcp,
        };
        let from = handshake
            .opened_at
            .unwrap_or(handshake.hello_at.minus(SLACK));
        let until = handshake.first_data_at.unwrap_or_else(|| {
            let spoke = handshake
                .beats
                .last()
                .map_or(handshake.hello_at, |(at, ..)| at);
            spoke.max(last).plus(PATIENCE)
        });
        let pair = Pair::new(transport, handshake.client, handshake.server);
        if matches!(handshake.carrier, Carrier::Quic { .. }) {
            self.quic.insert(pair);
        }
        self.want(pair, from, until, HANDSHAKE_BYTES);
        self.randoms.extend(handshake.random);
    }

    /// What the devices did besides, as far as its times were weighed for one of the findings.
    fn surroundings(&mut self, report: &Report, findings: &[&Finding]) {
        let mut times: BTreeMap<DeviceId, Vec<Timestamp>> = BTreeMap::new();
        for finding in findings.iter().filter(|f| rests_on_times(f)) {
            let of_device = times.entry(finding.client.device).or_default();
            of_device.push(finding.at);
        }
        for of_device in times.values_mut() {
            of_device.sort_unstable();
        }
        for handshake in report.all_handshakes() {
            let times = times.get(&handshake.client_device);
            let times = times.map_or(&[][..], Vec::as_slice);
            let from = handshake.hello_at.minus(AROUND);
            let next = times.partition_point(|at| *at < from);
            if times
                .get(next)
                .is_some_and(|at| at.since(handshake.hello_at) <= AROUND)
            {
                self.handshake(handshake, handshake.hello_at);
            }
        }
    }

    /// Handshakes that showed the certificates which others of the evidence hid, and earlier visits.
    fn learned(&mut self, report: &Report) {
        let involved: BTreeSet<_> = report
            .handshakes
            .iter()
            .filter(|h| self.has(h))
            .filter_map(|h| h.site.name())
            .collect();
        let mut told = HashSet::new();
        for handshake in &report.handshakes {
            let Some(name) = handshake.site.name().filter(|n| involved.contains(n)) else {
                continue;
            };
            let serial = handshake.chain.first().map(|leaf| leaf.serial.clone());
            // One handshake tells it as well as a thousand.
            if told.insert((name, serial, handshake.client_device)) {
                self.handshake(handshake, handshake.hello_at);
            }
        }
    }

    fn has(&self, handshake: &Handshake) -> bool {
        [Transport::Tcp, Transport::Udp].iter().any(|transport| {
            let pair = Pair::new(*transport, handshake.client, handshake.server);
            let wants = self.flows.get(&pair).into_iter().flatten();
            wants
                .into_iter()
                .any(|w| w.from <= handshake.hello_at && handshake.hello_at <= w.until)
        })
    }

    /// Lookups over TCP need their connection; those over UDP are listed frame by frame.
    fn lookups(&mut self, report: &Report, findings: &[&Finding]) {
        let frames: HashSet<FrameNo> = findings
            .iter()
            .flat_map(|f| f.frames.dns.iter().copied())
            .collect();
        for lookup in &report.lookups {
            if !lookup.frames.iter().any(|f| frames.contains(f)) || lookup.client.port() == 0 {
                continue;
            }
            let until = lookup.at.plus(lookup.took.unwrap_or(PATIENCE)).plus(SLACK);
            let pair = Pair::new(Transport::Tcp, lookup.client, lookup.server);
            self.want(pair, lookup.at.minus(SLACK), until, HANDSHAKE_BYTES);
            self.host(
                lookup.client.ip(),
                lookup.server.ip(),
                lookup.at.minus(SLACK),
                until,
            );
        }
    }

    fn want(&mut self, pair: Pair, from: Timestamp, until: Timestamp, left: u64) {
        self.host(pair.low.ip(), pair.high.ip(), from, until);
        let wants = self.flows.entry(pair).or_default();
        match wants
            .iter_mut()
            .find(|w| w.from <= until && from <= w.until)
        {
            Some(known) => {
                known.from = known.from.min(from);
                known.until = known.until.max(until);
                known.left = known.left.max(left);
            }
            None => wants.push(Want { from, until, left }),
        }
    }

    fn host(&mut self, a: IpAddr, b: IpAddr, from: Timestamp, until: Timestamp) {
        let known = self
            .hosts
            .entry((a.min(b), a.max(b)))
            .or_insert((from, until));
        *known = (known.0.min(from), known.1.max(until));
    }

    fn keeps_fragment(&self, at: Timestamp, (a, b): (IpAddr, IpAddr)) -> bool {
        self.hosts
            .get(&(a.min(b), a.max(b)))
            .is_some_and(|(from, until)| (*from..=*until).contains(&at))
    }
}

/// Whether anything but bytes speaks for or against a handshake.
fn rests_on_times(finding: &Finding) -> bool {
    finding.verdict.confidence < Confidence::Proven
}

/// The selected findings, and those on whose verdicts theirs rest: of the same burst, inside the same wait, in which a
/// fingerprint was told, in which a certificate of a chain was fetched.
fn related<'a>(report: &'a Report, selected: &[&'a Finding]) -> Vec<&'a Finding> {
    let mut ids: BTreeSet<FindingId> = selected.iter().map(|f| f.id).collect();
    let mut bursts: BTreeMap<DeviceId, Vec<Timestamp>> = BTreeMap::new();
    let mut frames = HashSet::new();
    let mut fingerprints = HashSet::new();
    let mut handshakes = HashSet::new();
    for finding in selected {
        bursts
            .entry(finding.client.device)
            .or_default()
            .push(finding.at);
        ids.extend(finding.passes_on.as_ref().map(|passed| passed.finding));
        for candidate in finding.candidates.iter().chain(&finding.rejected) {
            handshakes.insert(candidate.handshake);
            let shown = report.handshake(candidate.handshake);
            fingerprints.extend(shown.map(|h| &*h.ja4).filter(|j| !j.is_empty()));
            for evidence in &candidate.evidence {
                frames.extend(evidence.frames.iter().copied());
                if let Facts::SameBurst { finding } = evidence.facts {
                    ids.insert(finding);
                }
            }
        }
    }
    bursts.values_mut().for_each(|times| times.sort_unstable());
    for finding in &report.findings {
        let near = bursts.get(&finding.client.device).is_some_and(|times| {
            let first = times.partition_point(|at| finding.at.since(*at) > BURST);
            times
                .get(first)
                .is_some_and(|at| at.since(finding.at) <= BURST)
        });
        let read = finding.frames.response.iter().any(|no| frames.contains(no));
        // What is settled about a handshake counts when others are weighed against the same one.
        let settled = finding.verdict.confidence >= Confidence::Strong
            && finding
                .candidates
                .iter()
                .any(|c| handshakes.contains(&c.handshake));
        // One finding tells which software has a fingerprint.
        let told = finding.verdict.confidence == Confidence::Proven
            && finding.candidates.first().is_some_and(|best| {
                let shown = report.handshake(best.handshake);
                shown.is_some_and(|h| fingerprints.remove(&*h.ja4))
            });
        if near || read || settled || told {
            ids.insert(finding.id);
        }
    }
    let all = report.findings.iter();
    all.filter(|f| ids.contains(&f.id)).collect()
}

/// Every handshake that the verdicts weighed, and when the last contact that it was weighed for ended.
fn weighed(findings: &[&Finding]) -> BTreeMap<HandshakeId, Timestamp> {
    let mut handshakes = BTreeMap::new();
    for finding in findings {
        for candidate in finding.candidates.iter().chain(&finding.rejected) {
            let last = handshakes
                .entry(candidate.handshake)
                .or_insert(finding.ended_at);
            *last = finding.ended_at.max(*last);
        }
    }
    handshakes
}

fn keeps(wants: &mut [Want], at: Timestamp, size: u64, farewell: bool) -> bool {
    wants.iter_mut().any(|want| {
        if at < want.from {
            return false;
        }
        if farewell {
            return true;
        }
        if at > want.until || size > want.left {
            return false;
        }
        want.left -= size;
        true
    })
}

fn random_of(hex: &[u8]) -> Option<[u8; 32]> {
    let text = std::str::from_utf8(hex)
        .ok()
        .filter(|text| text.len() == 64)?;
    let mut random = [0; 32];
    for (index, byte) in random.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(random)
}
