//! What a contact showed of itself, in the words of a finding.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::OnceLock;

use super::{shown, transport};
use crate::correlate::State;
use crate::correlate::agents;
use crate::correlate::alerts::{self, Scene};
use crate::correlate::answers::Object;
use crate::correlate::community::community_id;
use crate::correlate::contacts::Contact;
use crate::correlate::devices::DeviceMap;
use crate::correlate::handshakes::Record;
use crate::correlate::judge::{Judge, Weighed};
use crate::correlate::verdict::Ruling;
use crate::correlate::waits::Stance;
use crate::finding::{
    Aftermath, Answer, CommunityId, CrlPlace, DeviceId, Finding, FindingId, Handshake, LeftOut,
    Missing, Outcome, Party, Question, Timing, Verdict,
};
use crate::flow::Transport;
use crate::pki::cert::Serial;
use crate::pki::crl::{self, CrlFacts};
use crate::pki::endpoint::{self, PathRole};
use crate::pki::ocsp::CertStatus;
use crate::time::Span;

#[expect(clippy::too_many_arguments, reason = "one caller's locals, passed on")]
pub(super) fn finding(
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
        Outcome::Site | Outcome::NoOutbound => {
            best.and_then(|w| w.site.name()).map(Cow::into_owned)
        }
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
        proxied: contact.proxied,
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

/// The Community ID of a contact's connection.
fn contact_id(state: &State, contact: &Contact) -> Option<CommunityId> {
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
