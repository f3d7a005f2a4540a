//! Rulings to findings: fills in everything a report says, and computes nothing about who is to blame.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::OnceLock;

use crate::correlate::State;
use crate::correlate::agents;
use crate::correlate::alerts::{self, Scene};
use crate::correlate::answers::Object;
use crate::correlate::community::community_id;
use crate::correlate::contacts::{Contact, assemble};
use crate::correlate::devices::DeviceMap;
use crate::correlate::doings;
use crate::correlate::handshakes::Record;
use crate::correlate::judge::{Judge, Weighed};
use crate::correlate::relays::{Relay, Relays};
use crate::correlate::repeats::Repeats;
use crate::correlate::rules::protocol_name;
use crate::correlate::verdict::Ruling;
use crate::correlate::waits::Stance;
use crate::correlate::{dossier, health, outage, privacy};
use crate::event::{Carrier, Name, TargetForm};
use crate::finding::{
    Aftermath, Answer, Candidate, Cause, Confidence, Coverage, CrlPlace, DeviceId, Finding,
    FindingId, Handshake, HandshakeOutcome, LeftOut, Lookup, Missing, Outcome, Party, PassedOn,
    Question, Report, Stage, Timing, Verdict, Visibility,
};
use crate::flow::Transport;
use crate::pki::cert::Serial;
use crate::pki::crl::{self, CrlFacts};
use crate::pki::endpoint::{self, PathRole};
use crate::pki::ocsp::CertStatus;
use crate::time::Span;

/// Clients that try a failed check again do so within half a minute (CryptoAPI waits up to 20 s for each).
const RETRY: Span = Span::from_secs(30);

/// Everything concluded from what was filed.
#[must_use]
pub fn report(state: &State, coverage: Coverage) -> Report {
    let mut devices = state.devices.resolve();
    let contacts = assemble(&state.log, &devices);
    let judge = Judge::new(state, &devices, &contacts, &coverage).with_threads(state.threads);
    let settled = judge.settle();
    let repeats = Repeats::new(&contacts, &devices);
    let relays = Relays::new(&contacts, &state.log, &devices);
    let known = OnceLock::new();
    let draft = |index: usize, contact: &Contact| {
        let ruling = judge.rule_finally(index, contact, &settled);
        let relay = relays.of(contact);
        let (ruling, missing) =
            doings::explain(state, &devices, &repeats, relay, contact, ruling, &coverage);
        let mut around = Vec::new();
        if ruling.confidence < Confidence::Proven {
            around.extend(judge.around(contact).map(|r| r.shown.id));
        }
        let mut finding = finding(
            state, &known, &devices, &judge, index, contact, &ruling, missing,
        );
        finding.passes_on = relay
            .filter(|r| r.addressed || finding.verdict.cause == Cause::Proxy)
            .and_then(|relay| passed_on(relay, &contacts));
        if finding.answer.failure.is_some()
            && finding.aftermath != Aftermath::GaveUp
            && repeats.is_asked_again(contact, &devices, RETRY)
        {
            finding.aftermath = Aftermath::Retried;
        }
        (finding, ruling, around)
    };
    let mut findings = Vec::with_capacity(contacts.len());
    let mut spoken_of = BTreeSet::new();
    let mut around = BTreeSet::new();
    let mut older = alerts::older_answers(&contacts);
    let mut room = Room(state.limits.candidates_total);
    judge.share(draft, |index, (mut finding, ruling, near)| {
        around.extend(near);
        spoken_of.extend(ruling.named.iter().chain(&ruling.rejected).map(|w| w.id));
        room.describe(state, ruling, &mut finding);
        if let Some(older) = older.remove(&index) {
            finding.alerts.extend(older);
            alerts::sort(&mut finding.alerts);
        }
        findings.push(finding);
    });
    name_what_moved_askers(&mut findings);
    let handshakes: Vec<Handshake> = state
        .handshakes
        .iter()
        .filter(|r| judge.is_lets_encrypt(r) || spoken_of.contains(&r.shown.id))
        .map(|r| shown(&judge, &devices, r))
        .collect();
    around.retain(|id| !spoken_of.contains(id));
    let around = around.iter().filter_map(|id| state.handshakes.get(*id));
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
    Report {
        alerts: outages.iter().map(outage::raise).collect(),
        findings,
        handshakes,
        around,
        devices: devices.devices,
        lookups,
        coverage: covered(state, coverage),
        dossiers,
        servers,
        outages,
        privacy,
    }
}

/// Every handshake that is remembered, in order, also those that no finding speaks of.
#[must_use]
pub fn handshakes(state: &State) -> Vec<Handshake> {
    let devices = state.devices.resolve();
    let judge = Judge::new(state, &devices, &[], &Coverage::default());
    let records = state.handshakes.iter();
    records.map(|r| shown(&judge, &devices, r)).collect()
}

#[expect(clippy::too_many_arguments, reason = "one caller's locals, passed on")]
fn finding(
    state: &State,
    known: &OnceLock<Vec<Serial>>,
    devices: &DeviceMap,
    judge: &Judge<'_>,
    index: usize,
    contact: &Contact,
    ruling: &Ruling,
    missing: Vec<Missing>,
) -> Finding {
    let best = ruling
        .named
        .first()
        .filter(|_| matches!(ruling.outcome, Outcome::Site | Outcome::NoOutbound));
    let trigger = best.and_then(|w| state.handshakes.get(w.id));
    let trigger_shown = trigger.map(|r| shown(judge, devices, r));
    let revoked = revoked(state, known, contact, trigger_shown.as_ref());
    let (aftermath, delayed) = aftermath(contact, best, trigger);
    let scene = Scene {
        state,
        devices,
        contact,
        trigger: trigger_shown.as_ref(),
        aftermath,
        revoked: &revoked,
    };
    let alerts = alerts::raise(&scene);
    let site = match ruling.outcome {
        Outcome::Site | Outcome::NoOutbound => best.and_then(|w| w.site.name()),
        _ => None,
    };
    let under = (ruling.outcome == Outcome::AnyUnder)
        .then(|| issuer(contact))
        .flatten();
    Finding {
        id: FindingId::at(index),
        revision: 1,
        at: contact.at,
        began_at: contact.began_at,
        ended_at: contact.ended_at,
        interface: contact.interface,
        flow: contact.flow,
        client: party(devices, contact),
        server: contact.server,
        community_id: contact_id(state, contact),
        kind: contact.kind,
        stage: contact.stage,
        host: contact.host.clone(),
        role: contact.role().cloned(),
        method: contact.request.as_ref().map(|r| r.method.clone()),
        url: contact.url(),
        proxied: contact
            .request
            .as_ref()
            .is_some_and(|r| r.tunnelled || r.form == TargetForm::Absolute),
        asked: question(contact),
        answer: answer(contact, trigger_shown.as_ref(), revoked),
        verdict: Verdict {
            outcome: ruling.outcome,
            cause: ruling.cause,
            confidence: ruling.confidence,
            site,
            under,
            missing,
        },
        passes_on: None,
        candidates: Vec::new(),
        rejected: Vec::new(),
        left_out: LeftOut::default(),
        timing: Timing {
            lookup: contact.lookup_time,
            connect: contact.connect_time,
            wait: contact
                .answer
                .as_ref()
                .filter(|a| a.status != 0)
                .map(|a| a.at.since(contact.at)),
            delayed_handshake: delayed,
        },
        aftermath,
        alerts,
        frames: contact.frames.clone(),
        count: contact.count,
    }
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
    /// Described whether there is room or not: as many as a verdict of one of several names, and the one that came nearest.
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
    Some(Candidate {
        handshake: weighed.id,
        direction: weighed.direction,
        site: weighed.site,
        server: record.shown.server,
        protocol: protocol_name(&record.shown.carrier, record.shown.version),
        serial: record.leaf().map(|c| c.serial.clone()),
        confidence: weighed.level.unwrap_or(Confidence::Possible),
        evidence: weighed.evidence,
        frames: record.shown.frames,
        lead: weighed.lead,
        ja4: record.shown.ja4.to_string(),
        community_id: Some(community_id(
            transport(&record.shown.carrier),
            record.peer,
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

/// The Community ID of a contact's connection.
fn contact_id(state: &State, contact: &Contact) -> Option<String> {
    let client = SocketAddr::new(contact.client.ip, contact.port?);
    let flow = contact.flow?;
    // Contacts are HTTP over TCP, but for a handshake that names a watched host, which is where the contact began.
    let near = state
        .handshakes
        .of_client_until(contact.client, contact.ended_at);
    let near = near.take(if contact.request.is_some() { 0 } else { 64 });
    let own = near.into_iter().find(|record| record.shown.flow == flow);
    let transport = own.map_or(Transport::Tcp, |record| transport(&record.shown.carrier));
    Some(community_id(transport, client, contact.server?))
}

fn party(devices: &DeviceMap, contact: &Contact) -> Party {
    let device = devices.of(contact.client);
    Party {
        ip: contact.client.ip,
        port: contact.port,
        device: device.unwrap_or(DeviceId(u32::MAX)),
        device_label: device
            .and_then(|id| devices.device(id))
            .map_or_else(|| contact.client.ip.to_string(), |d| d.label.clone()),
        agent: contact.request.as_ref().and_then(|r| agents::describe(r)),
        user_agent: contact.request.as_ref().and_then(|r| r.agent.clone()),
        process: contact.process.clone(),
    }
}

fn question(contact: &Contact) -> Question {
    let mut question = Question {
        issuer: issuer(contact),
        ..Question::default()
    };
    if let Some(ocsp) = &contact.ocsp {
        question.serials = ocsp.ids.iter().map(|id| id.serial.clone()).collect();
        question.dialect = Some(ocsp.dialect);
    }
    if let Some(request) = &contact.request {
        question.conditional = request.conditional;
        if let Some(role) = contact.role()
            && let PathRole::Shard(n) = endpoint::path_role(role, &request.method, &request.path)
        {
            question.shard = Some(n);
        }
    }
    question
}

/// The issuer a contact is about: by the hashes of the question, else by the host's label.
fn issuer(contact: &Contact) -> Option<String> {
    let by_hash = contact.ocsp.iter().flat_map(|o| &o.ids).find_map(|id| {
        crate::pki::hierarchy::Hierarchy::builtin()
            .by_cert_id(id)
            .map(|ca| ca.name.clone())
    });
    by_hash.or_else(|| {
        let role = contact.role()?;
        role.ca
            .map(str::to_owned)
            .or_else(|| role.label.as_ref().map(|l| l.to_ascii_uppercase()))
    })
}

fn answer(
    contact: &Contact,
    trigger: Option<&Handshake>,
    revoked_seen: Vec<(Serial, CertStatus)>,
) -> Answer {
    let mut answer = Answer {
        failure: contact.failure,
        revoked_seen,
        ..Answer::default()
    };
    let Some(got) = contact.answer.as_ref().filter(|a| a.status != 0) else {
        return answer;
    };
    answer.http_status = Some(got.status);
    answer.signature = got.signature;
    answer.redirect.clone_from(&got.location);
    match &got.object {
        Object::Ocsp(response) => answer.ocsp = Some(std::sync::Arc::clone(response)),
        Object::Crl { facts, .. } => {
            answer.crl = Some(std::sync::Arc::clone(facts));
            answer.place = contact.url().map(|url| place(&url, facts, trigger));
        }
        Object::Certificates(certs) => answer.certificates.clone_from(certs),
        Object::None | Object::Foreign => {}
    }
    answer
}

/// Whether the list's addresses agree.
fn place(url: &str, facts: &CrlFacts, trigger: Option<&Handshake>) -> CrlPlace {
    let is_url = |own: &String| own.eq_ignore_ascii_case(url);
    let named: Vec<&String> = trigger
        .into_iter()
        .flat_map(|t| &t.chain)
        .flat_map(|cert| &cert.crl_urls)
        .collect();
    CrlPlace {
        own: (!facts.idp_urls.is_empty()).then(|| facts.idp_urls.iter().any(is_url)),
        named: (!named.is_empty()).then(|| named.into_iter().any(is_url)),
    }
}

/// Revoked serials of this answer that matter here: those asked about, and those of certificates that were seen.
fn revoked(
    state: &State,
    known: &OnceLock<Vec<Serial>>,
    contact: &Contact,
    trigger: Option<&Handshake>,
) -> Vec<(Serial, CertStatus)> {
    let Some(answer) = &contact.answer else {
        return Vec::new();
    };
    let known = known.get_or_init(|| {
        let mut known: Vec<Serial> = state.certificates.serials().cloned().collect();
        known.sort();
        known
    });
    let mut found = answer.revoked(known);
    if let Object::Crl { facts, .. } = &answer.object {
        // A serial belongs to its issuer: the same number under another CA is another certificate. And a list speaks of
        // those certificates only that it covers.
        let own = |serial: &Serial| {
            state
                .handshakes
                .with_serial(serial)
                .flat_map(|r| &r.shown.chain)
                .any(|c| c.serial == *serial && crl::mismatch(facts, c).is_none())
        };
        found.retain(|(serial, _)| own(serial));
    }
    // The trigger's own first.
    let leaf = trigger
        .and_then(|t| t.chain.first())
        .map(|c| c.serial.clone());
    found.sort_by_key(|(serial, _)| Some(serial) != leaf.as_ref());
    found
}

/// What the client did after the check, and how long the check held its handshake back.
fn aftermath(
    contact: &Contact,
    best: Option<&Weighed>,
    trigger: Option<&Record>,
) -> (Aftermath, Option<Span>) {
    let (Some(best), Some(record)) = (best, trigger) else {
        return (Aftermath::Unknown, None);
    };
    match best.stance {
        Some(Stance::Held(hold)) => {
            let after = if hold.gave_up {
                Aftermath::GaveUp
            } else {
                Aftermath::WentOn
            };
            (after, Some(hold.silence()))
        }
        Some(Stance::WentOn | Stance::Passing) => (Aftermath::WentOn, None),
        Some(Stance::Over) => {
            let more = record
                .last_client_payload
                .is_some_and(|last| last > contact.ended_at);
            (
                if more {
                    Aftermath::WentOn
                } else {
                    Aftermath::Unknown
                },
                None,
            )
        }
        Some(Stance::Hanging | Stance::NotYet) | None => (Aftermath::Unknown, None),
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
pub(super) fn is_lets_encrypt(record: &Record) -> bool {
    record.leaf().is_some_and(|leaf| {
        leaf.crl_urls
            .iter()
            .chain(&leaf.issuer_urls)
            .chain(&leaf.ocsp_urls)
            .any(|url| {
                crate::correlate::case::split_url(url)
                    .is_some_and(|(host, _)| endpoint::host_role(host).is_some())
            })
    })
}

/// Watched lookups, and those that gave a trigger its address.
fn lookups(state: &State, handshakes: &[Handshake]) -> Vec<Lookup> {
    let mut lookups: Vec<Lookup> = state.log.lookups.iter().map(|l| l.shown.clone()).collect();
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
                lookups.push(Lookup {
                    at: told.at,
                    client: SocketAddr::new(told.client.ip, 0),
                    server: SocketAddr::new(told.client.ip, 0),
                    name: Name::new(told.name),
                    qtype: if handshake.server.is_ipv4() { 1 } else { 28 },
                    outcome: crate::event::DnsOutcome::Answered,
                    addresses: vec![handshake.server.ip()],
                    chain: Vec::new(),
                    took: None,
                    frames: vec![told.frame],
                });
            }
        }
    }
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
