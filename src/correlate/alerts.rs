//! Security checks: is the contact what it claims to be, and what does its answer mean?
//!
//! Every alert states what was seen. What harmless thing could look the same is said beside it in the prose.

use crate::correlate::State;
use crate::correlate::answers::{Answered, Object};
use crate::correlate::contacts::{Contact, Watch};
use crate::correlate::devices::{DeviceMap, HostKey};
use crate::event::{DnsOutcome, Request};
use crate::finding::{
    Aftermath, Alert, Failure, Handshake, HandshakeOutcome, Severity, Signature, Stage,
};
use crate::frame::FrameNo;
use crate::pki::cert::Serial;
use crate::pki::endpoint::{HostRole, PathRole, Service, path_role};
use crate::pki::ocsp::{CertStatus, ResponseStatus};
use crate::time::{Span, Timestamp};

/// Let's Encrypt turned its OCSP responders off on this day, at the end of the lifetime of the last certificate that named them
/// (letsencrypt.org, 2025-08-06).
const OCSP_OFF: Timestamp = Timestamp::from_secs(1_754_438_400);
/// Clocks of captures and devices are rarely off by more.
const CLOCK_SLACK: Span = Span::from_secs(300);

/// Everything an alert on one contact can rest on.
pub struct Scene<'a> {
    /// What was filed.
    pub state: &'a State,
    /// Devices.
    pub devices: &'a DeviceMap,
    /// The contact.
    pub contact: &'a Contact,
    /// The handshake it is tied to.
    pub trigger: Option<&'a Handshake>,
    /// What the client did after.
    pub aftermath: Aftermath,
    /// Serials that the answer says are revoked and that matter here.
    pub revoked: &'a [(Serial, CertStatus)],
}

/// All alerts on one contact.
#[must_use]
pub fn raise(scene: &Scene<'_>) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let contact = scene.contact;
    match &contact.watch {
        Watch::LookAlike => alerts.push(alert(
            "look-alike-name",
            Severity::Medium,
            contact.host.as_str(),
            named(contact),
        )),
        Watch::Known(role) => names(scene, role, &mut alerts),
        Watch::OtherCa => {}
    }
    failures(contact, &mut alerts);
    if let Some(answer) = &contact.answer {
        answered(scene, answer, &mut alerts);
    }
    revocations(scene, &mut alerts);
    if let Some(trigger) = scene.trigger {
        must_staple(trigger, &mut alerts);
    }
    alerts.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.rule.cmp(b.rule)));
    alerts
}

/// Whether a request asks what no client asks this host for.
#[must_use]
pub fn is_odd_request(role: &HostRole, request: &Request, has_question: bool) -> bool {
    let path = path_role(role, &request.method, &request.path);
    match path {
        PathRole::Odd => true,
        // An OCSP host that is sent something else than a question.
        PathRole::OcspGet | PathRole::OcspPost => {
            let readable = request.body.is_some() || request.method == "GET";
            !has_question && readable
        }
        _ => false,
    }
}

fn names(scene: &Scene<'_>, role: &HostRole, alerts: &mut Vec<Alert>) {
    let contact = scene.contact;
    if role.service == Service::Page {
        return;
    }
    if !role.grammatical {
        let rule = if contact.count >= 10 {
            "dns-tunnel-shape"
        } else {
            "invented-name"
        };
        let severity = if contact.count >= 10 {
            Severity::High
        } else {
            Severity::Medium
        };
        alerts.push(alert(rule, severity, contact.host.as_str(), named(contact)));
    }
    if contact.request.is_none()
        && contact.stage >= Stage::Connected
        && contact.server.is_some_and(|s| s.port() != 80)
    {
        alerts.push(alert(
            "tls-to-lencr",
            Severity::Low,
            contact.host.as_str(),
            contact.frames.connect.clone(),
        ));
    }
    if let Some(request) = &contact.request {
        if is_odd_request(role, request, contact.ocsp.is_some()) {
            let method_fits = matches!(request.method.as_str(), "GET" | "HEAD")
                || (role.service == Service::Ocsp && request.method == "POST");
            let rule = if method_fits {
                "odd-path"
            } else {
                "odd-method"
            };
            alerts.push(alert(
                rule,
                Severity::Medium,
                "",
                contact.frames.request.clone(),
            ));
        }
        address(scene, alerts);
    }
    if role.service == Service::Ocsp && !role.predecessor && contact.at >= OCSP_OFF {
        alerts.push(alert(
            "ocsp-after-shutdown",
            Severity::Info,
            contact.host.as_str(),
            named(contact),
        ));
    }
}

/// The Host header says one thing, DNS another. Only this device's own answers for this very name count: a CDN gives
/// different clients different addresses.
fn address(scene: &Scene<'_>, alerts: &mut Vec<Alert>) {
    if let Some((subject, frames)) = address_doubt(scene.state, scene.devices, scene.contact) {
        alerts.push(alert(
            "address-not-from-dns",
            Severity::Medium,
            &subject,
            frames,
        ));
    }
}

/// The address and the frames that show that DNS did not give it for the host.
#[must_use]
pub fn address_doubt(
    state: &State,
    devices: &DeviceMap,
    contact: &Contact,
) -> Option<(String, Vec<FrameNo>)> {
    let server = contact
        .server
        .filter(|_| contact.request.is_some() && !is_proxied(contact))?;
    let keys = devices.addresses(contact.client);
    let answers = state.log.lookups.iter().filter(|l| {
        l.shown.name == contact.host
            && keys.contains(&l.client)
            && l.shown.at <= contact.at
            && !l.shown.addresses.is_empty()
    });
    let (mut told, mut frames) = (false, Vec::new());
    for lookup in answers {
        if lookup.shown.addresses.contains(&server.ip()) {
            return None;
        }
        // One family asked tells nothing about addresses of the other.
        if lookup
            .shown
            .addresses
            .iter()
            .any(|a| a.is_ipv4() == server.ip().is_ipv4())
        {
            told = true;
            frames.extend(lookup.shown.frames.iter().copied().take(2));
        }
    }
    frames.extend(&contact.frames.request);
    if told {
        return Some((server.ip().to_string(), frames));
    }
    // The device never asked: an old answer may be cached, so only an answer that is none of Let's Encrypt's is in doubt.
    if !looks_foreign(contact) || !contact.lookups.is_empty() {
        return None;
    }
    if state
        .names
        .facts(server.ip())
        .any(|t| crate::correlate::watch(&t.name).is_some())
    {
        return None;
    }
    let mut given = state
        .names
        .facts(server.ip())
        .filter(|t| keys.contains(&t.client) && t.at <= contact.at);
    if let Some(fact) = given.next() {
        frames.push(fact.frame);
        return Some((format!("{} ({})", server.ip(), fact.name), frames));
    }
    asks_dns(state, &keys).then(|| (server.ip().to_string(), frames))
}

/// The answer is no answer of Let's Encrypt's.
#[must_use]
pub fn looks_foreign(contact: &Contact) -> bool {
    contact.answer.as_ref().is_some_and(|a| {
        a.status == 200 && a.signature != Signature::Verified && !genuine_object(a)
    })
}

/// Error answers of responders are not signed (RFC 6960 2.3), so anyone can make them.
fn genuine_object(answer: &Answered) -> bool {
    match &answer.object {
        Object::Ocsp(response) => response.status == ResponseStatus::Successful,
        Object::Crl { .. } | Object::Certificates(_) => true,
        Object::None | Object::Foreign => false,
    }
}

/// Whether this device asks a resolver that this capture shows.
fn asks_dns(state: &State, keys: &[HostKey]) -> bool {
    state.log.lookups.iter().any(|l| keys.contains(&l.client))
        || keys
            .iter()
            .flat_map(|key| state.handshakes.of_client(*key))
            .take(100)
            .any(|r| {
                state
                    .names
                    .facts(r.shown.server.ip())
                    .any(|t| keys.contains(&t.client))
            })
}

fn failures(contact: &Contact, alerts: &mut Vec<Alert>) {
    match contact.failure {
        Some(Failure::Sinkhole(ip)) => {
            alerts.push(alert(
                "sinkhole",
                Severity::Low,
                &ip.to_string(),
                contact.frames.dns.clone(),
            ));
        }
        Some(Failure::Lookup(outcome)) if outcome != DnsOutcome::NoData => {
            alerts.push(alert(
                "lookup-failed",
                Severity::Low,
                contact.host.as_str(),
                contact.frames.dns.clone(),
            ));
        }
        _ => {}
    }
}

fn answered(scene: &Scene<'_>, answer: &Answered, alerts: &mut Vec<Alert>) {
    let contact = scene.contact;
    let frames = || contact.frames.response.clone();
    let lets_encrypt = matches!(&contact.watch, Watch::Known(_));
    match answer.signature {
        Signature::Bad => alerts.push(alert("bad-signature", Severity::High, "", frames())),
        Signature::UnknownIssuer if lets_encrypt => {
            alerts.push(alert(
                "unverifiable-signature",
                Severity::Medium,
                "",
                frames(),
            ));
        }
        _ => {}
    }
    let wrong = answer.status == 200
        && answer.complete
        && answer.body_len > 0
        && !is_head(contact)
        && lets_encrypt
        && match &contact.watch {
            Watch::Known(role)
                if role.service == Service::Page || role.service == Service::Unknown =>
            {
                false
            }
            _ => match answer.object {
                Object::Foreign => true,
                // Kept bodies are those of the right types; another type with a body is something else.
                Object::None => answer
                    .content_type
                    .as_deref()
                    .is_some_and(|t| t.starts_with("text/")),
                _ => answer.kind() != contact.kind,
            },
        };
    if wrong {
        let kind = answer.content_type.clone().unwrap_or_default();
        alerts.push(alert("wrong-content", Severity::Medium, &kind, frames()));
    }
    match &answer.object {
        Object::Ocsp(response) if response.status == ResponseStatus::Successful => {
            if let Some(request) = &contact.ocsp
                && !response
                    .answers
                    .iter()
                    .any(|a| request.ids.iter().any(|id| id.serial == a.id.serial))
            {
                alerts.push(alert("wrong-serial", Severity::High, "", frames()));
            }
            for one in &response.answers {
                freshness(contact, answer.at, one.this_update, one.next_update, alerts);
            }
        }
        Object::Crl { facts, .. } => {
            freshness(
                contact,
                answer.at,
                facts.this_update,
                facts.next_update,
                alerts,
            );
            let url = contact.url();
            // RFC 5280 6.3.3 b 2: a point that names itself must be the one it was fetched from.
            let differs = url.as_ref().is_some_and(|url| {
                !facts.idp_urls.is_empty()
                    && !facts
                        .idp_urls
                        .iter()
                        .any(|idp| idp.eq_ignore_ascii_case(url))
            });
            if differs && lets_encrypt {
                let idp = facts.idp_urls.first().cloned().unwrap_or_default();
                alerts.push(alert("idp-mismatch", Severity::Medium, &idp, frames()));
            }
        }
        _ => {}
    }
}

fn freshness(
    contact: &Contact,
    at: Timestamp,
    this: Timestamp,
    next: Option<Timestamp>,
    alerts: &mut Vec<Alert>,
) {
    let frames = || contact.frames.response.clone();
    if this > at.plus(CLOCK_SLACK) {
        alerts.push(alert("future-answer", Severity::Medium, "", frames()));
    }
    if next.is_some_and(|next| next.plus(CLOCK_SLACK) < at) {
        alerts.push(alert("stale-answer", Severity::Medium, "", frames()));
    }
}

fn revocations(scene: &Scene<'_>, alerts: &mut Vec<Alert>) {
    // Of a bad signature nothing follows.
    let believable = scene
        .contact
        .answer
        .as_ref()
        .is_some_and(|a| a.signature != Signature::Bad);
    let Some((serial, _)) = scene.revoked.first().filter(|_| believable) else {
        return;
    };
    let mut frames = scene.contact.frames.response.clone();
    let went_on = scene.aftermath == Aftermath::WentOn;
    if let Some(trigger) = scene.trigger.filter(|_| went_on) {
        frames.extend(trigger.frames.certificate);
    }
    let rule = if went_on {
        "revoked-continued"
    } else {
        "revoked"
    };
    alerts.push(alert(rule, Severity::High, &serial.to_string(), frames));
}

/// The leaf demands a staple (RFC 7633), the client offered to take one, and none came.
fn must_staple(trigger: &Handshake, alerts: &mut Vec<Alert>) {
    let Some(leaf) = trigger.chain.first() else {
        return;
    };
    let seen_whole =
        trigger.outcome != HandshakeOutcome::Unknown || trigger.first_data_at.is_some();
    if leaf.must_staple && trigger.wanted_staple && trigger.staple.is_none() && seen_whole {
        let frames = trigger.frames.certificate.into_iter().collect();
        alerts.push(alert(
            "must-staple-without-staple",
            Severity::Medium,
            &leaf.serial.to_string(),
            frames,
        ));
    }
}

fn is_proxied(contact: &Contact) -> bool {
    contact
        .request
        .as_ref()
        .is_some_and(|r| r.tunnelled || r.form == crate::event::TargetForm::Absolute)
}

fn is_head(contact: &Contact) -> bool {
    contact.request.as_ref().is_some_and(|r| r.method == "HEAD")
}

fn named(contact: &Contact) -> Vec<FrameNo> {
    let frames = &contact.frames;
    [&frames.request, &frames.dns, &frames.connect]
        .into_iter()
        .find(|f| !f.is_empty())
        .cloned()
        .unwrap_or_default()
}

fn alert(rule: &'static str, severity: Severity, subject: &str, frames: Vec<FrameNo>) -> Alert {
    Alert {
        rule,
        severity,
        subject: subject.to_owned(),
        frames,
    }
}
