//! Rulings to findings: fills in everything a report says, and computes nothing about who is to blame.

mod contact;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use smallvec::smallvec;

use crate::correlate::State;
use crate::correlate::alerts;
use crate::correlate::community::community_id;
use crate::correlate::contacts::{Contact, assemble, elsewhere};
use crate::correlate::devices::DeviceMap;
use crate::correlate::doings;
use crate::correlate::handshakes::Record;
use crate::correlate::judge::{Judge, Weighed};
use crate::correlate::relays::{Relay, Relays};
use crate::correlate::repeats::Repeats;
use crate::correlate::rules::protocol_name;
use crate::correlate::verdict::Ruling;
use crate::correlate::{dossier, health, outage, privacy};
use crate::event::{Carrier, Name};
use crate::finding::{
    Aftermath, Candidate, Cause, Confidence, Coverage, DeviceId, Finding, FindingId, Handshake,
    HandshakeId, HandshakeOutcome, Lookup, Outcome, PassedOn, Report, Stage, Visibility,
};
use crate::flow::Transport;
use crate::pki::cert::Certificate;
use crate::pki::endpoint;
use crate::time::Span;

use contact::finding;

/// Clients that try a failed check again do so within half a minute (CryptoAPI waits up to 20 s for each).
const RETRY: Span = Span::from_secs(30);

/// Everything concluded from what was filed.
#[must_use]
pub fn report(state: &State, mut coverage: Coverage) -> Report {
    let by_clock = coverage.span;
    coverage.span = state.steps.span(by_clock);
    let mut devices = state.devices.resolve();
    let Ruled {
        mut findings,
        spoken_of,
        around,
    } = ruled(state, &devices, &coverage);
    name_what_moved_askers(&mut findings);
    // What follows asks a judge for no more than sites.
    let judge = Judge::new(state, &devices, [&[]; 2], &Coverage::default());
    let handshakes: Vec<Handshake> = state
        .handshakes
        .iter()
        .filter(|r| judge.is_lets_encrypt(r) || spoken_of.contains(&r.shown.id))
        .map(|r| shown(&judge, &devices, r))
        .collect();
    let around = around.difference(&spoken_of);
    let around = around.filter_map(|id| state.handshakes.get(*id));
    let around = around.map(|r| shown(&judge, &devices, r)).collect();
    let lookups = lookups(state, &handshakes);
    let dossiers = dossier::dossiers(state, &devices, &judge, &findings);
    let servers = health::servers(state, &judge, &findings);
    let outages = outage::outages(&findings, &lookups, &servers);
    let privacy = privacy::given_away(state, &judge, &findings, &handshakes, &lookups);
    add_clients(&mut devices, &findings);
    let talked: BTreeSet<DeviceId> = findings
        .iter()
        .map(|f| f.client.device)
        .chain(handshakes.iter().map(|h| h.client_device))
        .collect();
    devices.devices.retain(|d| talked.contains(&d.id));
    let mut report = Report {
        alerts: outages.iter().map(outage::raise).collect(),
        findings,
        handshakes,
        around,
        devices: devices.devices,
        lookups,
        coverage: covered(
            state,
            Coverage {
                span: by_clock,
                ..coverage
            },
        ),
        dossiers,
        servers,
        outages,
        privacy,
    };
    state.steps.show(&mut report);
    report
}

/// What the judge came to.
struct Ruled {
    findings: Vec<Finding>,
    /// Handshakes that rulings name or reject.
    spoken_of: BTreeSet<HandshakeId>,
    /// Handshakes whose times were weighed.
    around: BTreeSet<HandshakeId>,
}

/// Puts the contacts together and has each ruled on. All that this takes is gone when the rest of a report is made.
fn ruled(state: &State, devices: &DeviceMap, coverage: &Coverage) -> Ruled {
    let contacts = assemble(&state.log, devices);
    let others = elsewhere(&state.elsewhere, devices, &contacts);
    let judge =
        Judge::new(state, devices, [&contacts, &others], coverage).with_threads(state.threads);
    let settled = judge.settle();
    let repeats = Repeats::new(&contacts, devices, &state.certificates);
    let relays = Relays::new(&contacts, &state.log, devices);
    let known = OnceLock::new();
    let draft = |index: usize, contact: &Contact| {
        let ruling = judge.rule_finally(index, contact, &settled);
        let relay = relays.of(contact);
        let (ruling, missing) =
            doings::explain(state, devices, &repeats, relay, contact, ruling, coverage);
        let mut around = Vec::new();
        if ruling.confidence < Confidence::Proven {
            around.extend(judge.around(contact).map(|r| r.shown.id));
        }
        let mut finding = finding(
            state, &known, devices, &judge, index, contact, &ruling, missing,
        );
        finding.passes_on = relay
            .filter(|r| r.addressed || finding.verdict.cause == Cause::Proxy)
            .and_then(|relay| passed_on(relay, &contacts));
        if finding.answer.failure.is_some()
            && finding.aftermath != Aftermath::GaveUp
            && repeats.is_asked_again(contact, devices, RETRY)
        {
            finding.aftermath = Aftermath::Retried;
        }
        (finding, ruling, around)
    };
    let mut ruled = Ruled {
        findings: Vec::with_capacity(contacts.len()),
        spoken_of: BTreeSet::new(),
        around: BTreeSet::new(),
    };
    let mut older = alerts::older_answers(&contacts);
    let mut room = Room(state.limits.candidates_total);
    judge.share(
        judge.reported(),
        draft,
        |index, (mut finding, ruling, near)| {
            ruled.around.extend(near);
            let spoken_of = ruling.named.iter().chain(&ruling.rejected);
            ruled.spoken_of.extend(spoken_of.map(|w| w.id));
            room.describe(state, ruling, &mut finding);
            if let Some(older) = older.remove(&index) {
                finding.alerts.extend(older);
                alerts::sort(&mut finding.alerts);
            }
            ruled.findings.push(finding);
        },
    );
    alerts::doubt_clock(state, &contacts, &mut ruled.findings);
    ruled
}

/// Every handshake that is remembered, in order, also those that no finding speaks of.
#[must_use]
pub fn handshakes(state: &State) -> Vec<Handshake> {
    let devices = state.devices.resolve();
    let judge = Judge::new(state, &devices, [&[]; 2], &Coverage::default());
    let records = state.handshakes.iter();
    let mut all: Vec<Handshake> = records.map(|r| shown(&judge, &devices, r)).collect();
    state.steps.show_handshakes(&mut all);
    all
}

fn passed_on(relay: Relay, contacts: &[Contact]) -> Option<PassedOn> {
    let asker = contacts.get(relay.contact)?;
    let frames = [&asker.frames.request, &asker.frames.dns];
    Some(PassedOn {
        finding: FindingId::at(relay.contact),
        client: asker.client.ip,
        frame: frames.into_iter().flatten().next().copied(),
        site: None,
    })
}

/// Tells what passes on the contacts of others which sites these name; an asker may come later than who asks for it.
fn name_what_moved_askers(findings: &mut [Finding]) {
    for place in 0..findings.len() {
        let passed = findings.get(place).and_then(|f| f.passes_on.as_ref());
        let Some(asker) = passed.and_then(|p| p.finding.place()) else {
            continue;
        };
        let asker = findings
            .get(asker)
            .filter(|f| f.verdict.outcome == Outcome::Site);
        let site = asker.and_then(|f| Some(f.candidates.first()?.site.clone()));
        if let Some(passed) = findings.get_mut(place).and_then(|f| f.passes_on.as_mut()) {
            passed.site = site;
        }
    }
}

/// How many more candidates a report has room to describe ([`crate::limits::Limits::candidates_total`]).
struct Room(usize);

impl Room {
    /// Described whether there is room or not: as many as a verdict of one of several names, and the one that
    /// came nearest.
    const LEAST: (usize, usize) = (5, 1);

    fn describe(&mut self, state: &State, ruling: Ruling, finding: &mut Finding) {
        let (named, rejected) = Self::LEAST;
        let left_out = &mut finding.left_out;
        (finding.candidates, left_out.candidates) = self.some_of(ruling.named, named, state);
        (finding.rejected, left_out.rejected) = self.some_of(ruling.rejected, rejected, state);
        left_out.candidates += ruling.left_out.candidates;
        left_out.rejected += ruling.left_out.rejected;
    }

    /// At least so many of them, and how many more there are.
    fn some_of(&mut self, all: Vec<Weighed>, least: usize, state: &State) -> (Vec<Candidate>, u64) {
        let total = all.len();
        let shown = total.min(self.0.max(least));
        self.0 = self.0.saturating_sub(shown);
        let described = all.into_iter().take(shown);
        let described = described.filter_map(|weighed| candidate(state, weighed));
        let mut described: Vec<Candidate> = described.collect();
        described.shrink_to_fit();
        let left_out = total - described.len();
        (described, left_out as u64)
    }
}

fn candidate(state: &State, weighed: Weighed) -> Option<Candidate> {
    let record = state.handshakes.get(weighed.id)?;
    let mut evidence = weighed.evidence;
    evidence.shrink_to_fit();
    Some(Candidate {
        handshake: weighed.id,
        direction: weighed.direction,
        site: weighed.site,
        server: record.shown.server,
        protocol: protocol_name(&record.shown.carrier, record.shown.version),
        serial: record.leaf().map(|c| c.serial.clone()),
        confidence: weighed.level.unwrap_or(Confidence::Possible),
        evidence,
        frames: record.shown.frames,
        lead: weighed.lead,
        ja4: Arc::clone(&record.shown.ja4),
        community_id: Some(community_id(
            transport(&record.shown.carrier),
            record
                .balancer
                .as_deref()
                .copied()
                .unwrap_or(record.shown.client),
            record.shown.server,
        )),
    })
}

/// What carries a handshake.
const fn transport(carrier: &Carrier) -> Transport {
    match carrier {
        Carrier::Quic { .. } | Carrier::Dtls | Carrier::Ike => Transport::Udp,
        Carrier::Tls | Carrier::StartTls(_) | Carrier::Proxy { .. } => Transport::Tcp,
    }
}

fn shown(judge: &Judge<'_>, devices: &DeviceMap, record: &Record) -> Handshake {
    let mut shown = record.shown.clone();
    shown.site = judge.site(record).0;
    shown.client_device = devices.of(record.client).unwrap_or(DeviceId(u32::MAX));
    if shown.outcome == HandshakeOutcome::Unknown && shown.first_data_at.is_some() {
        shown.outcome = HandshakeOutcome::Used;
    }
    if shown.visibility == Visibility::Hidden && record.certificate_lost {
        shown.visibility = Visibility::Lost;
    }
    shown
}

/// Whether a leaf names addresses of Let's Encrypt.
pub(super) fn is_lets_encrypt(leaf: &Certificate) -> bool {
    leaf.crl_urls
        .iter()
        .chain(&leaf.issuer_urls)
        .chain(&leaf.ocsp_urls)
        .any(|url| {
            crate::correlate::case::split_url(url)
                .is_some_and(|(host, _)| endpoint::host_role(host).is_some())
        })
}

/// Watched lookups, and those that gave a trigger its address.
fn lookups(state: &State, handshakes: &[Handshake]) -> Vec<Arc<Lookup>> {
    let watched = state.log.lookups.iter();
    let mut lookups: Vec<Arc<Lookup>> = watched.map(|l| Arc::clone(&l.shown)).collect();
    let mut seen: BTreeSet<(Name, crate::frame::FrameNo)> = BTreeSet::new();
    for handshake in handshakes {
        let site = handshake.site.name();
        for told in state
            .names
            .facts(handshake.server.ip())
            .filter(|t| t.at <= handshake.hello_at)
        {
            if site.as_deref() == Some(told.name) && seen.insert((Name::new(told.name), told.frame))
            {
                lookups.push(Arc::new(Lookup {
                    at: told.at,
                    client: SocketAddr::new(told.client.ip, 0),
                    server: SocketAddr::new(told.client.ip, 0),
                    name: Name::new(told.name),
                    qtype: if handshake.server.is_ipv4() { 1 } else { 28 },
                    outcome: crate::event::DnsOutcome::Answered,
                    addresses: vec![handshake.server.ip()],
                    chain: Vec::new(),
                    took: None,
                    frames: smallvec![told.frame],
                }));
            }
        }
    }
    lookups.shrink_to_fit();
    lookups.sort_by(|a, b| a.at.cmp(&b.at).then(a.frames.cmp(&b.frames)));
    lookups
}

fn add_clients(devices: &mut DeviceMap, findings: &[Finding]) {
    let mut clients: BTreeMap<DeviceId, BTreeSet<String>> = BTreeMap::new();
    for finding in findings {
        if let Some(agent) = &finding.client.agent {
            clients
                .entry(finding.client.device)
                .or_default()
                .insert(agent.clone());
        }
    }
    for device in &mut devices.devices {
        if let Some(names) = clients.remove(&device.id) {
            device.clients = names.into_iter().collect();
        }
    }
}

/// Adds what correlation knows to what the rooms above counted.
fn covered(state: &State, mut coverage: Coverage) -> Coverage {
    coverage.handshakes = state.handshakes.total;
    let shown = state.handshakes.shown();
    coverage.handshakes_clear += shown.clear;
    coverage.handshakes_keys += shown.keys;
    coverage.handshakes_resumed += shown.resumed;
    coverage.handshakes_hidden += shown.hidden;
    coverage.handshakes_ech += shown.ech;
    for (spot, count) in &state.coverage.blind {
        *coverage.blind.entry(*spot).or_default() += count;
    }
    for (kind, count) in &state.coverage.anomalies {
        *coverage.anomalies.entry(*kind).or_default() += count;
    }
    let forgotten = state.handshakes.forgotten()
        + state.names.forgotten()
        + state.devices.refused()
        + state.certificates.refused();
    if forgotten > 0 {
        *coverage
            .anomalies
            .entry(crate::event::AnomalyKind::LimitReached)
            .or_default() += forgotten;
    }
    coverage
}

/// Stages are ordered by how far a contact got; kept here so that the order is used, not assumed.
const _: () = assert!((Stage::LookedUp as u8) < (Stage::Answered as u8));
