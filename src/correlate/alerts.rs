//! Security checks: is the contact what it claims to be, and what does its answer mean?
//!
//! Every alert states what was seen. What harmless thing could look the same is said beside it in the prose.

mod address;
mod answers;
mod clock;
mod replay;
pub mod rules;

use crate::correlate::State;
use crate::correlate::contacts::{Contact, Watch};
use crate::correlate::devices::DeviceMap;
use crate::event::{DnsOutcome, Request, TargetForm};
use crate::finding::{
    Aftermath, Alert, Failure, Handshake, HandshakeOutcome, Severity, Signature, Stage,
};
use crate::frame::Frames;
use crate::pki::cert::Serial;
use crate::pki::endpoint::{HostRole, OCSP_OFF_SINCE, PathRole, Service, path_role};
use crate::pki::ocsp::CertStatus;

pub use address::{address_doubt, looks_foreign};
pub use clock::{Dates, doubt_clock};
pub use replay::older_answers;
use rules::AlertRule;

/// So many names without meaning in a row are a stream of them.
const MANY_NAMES: u64 = 10;
/// Names that carry data are long: with a mean of fewer letters in front of lencr.org they are words somebody tries.
const CARRIES_DATA: usize = 12;

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
        Watch::LookAlike => {
            let rule = if contact.stage == Stage::LookedUp && contact.failure.is_some() {
                &rules::LOOK_ALIKE_LOOKUP
            } else {
                &rules::LOOK_ALIKE
            };
            alerts.push(alert(rule, contact.host.as_str(), named(contact)));
        }
        Watch::Known(role) => names(scene, role, &mut alerts),
        Watch::OtherCa => {}
    }
    failures(scene, &mut alerts);
    answers::answered(scene, &mut alerts);
    answers::revocations(scene, &mut alerts);
    if let Some(trigger) = scene.trigger {
        must_staple(trigger, &mut alerts);
    }
    sort(&mut alerts);
    alerts
}

/// Worst first, then by name.
pub fn sort(alerts: &mut [Alert]) {
    alerts.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.rule.cmp(b.rule)));
}

/// What is odd about a request to a host of Let's Encrypt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Oddity {
    Method,
    Upload,
    Path,
    NoQuestion,
}

/// Whether a request asks what no client asks this host for.
#[must_use]
pub fn is_odd_request(role: &HostRole, request: &Request, has_question: bool) -> bool {
    oddity(role, request, has_question).is_some()
}

fn oddity(role: &HostRole, request: &Request, has_question: bool) -> Option<Oddity> {
    // CONNECT asks a proxy for a way, and the host for nothing.
    if request.form == TargetForm::Authority || role.service == Service::Page {
        return None;
    }
    let read = matches!(request.method.as_str(), "GET" | "HEAD");
    match path_role(role, &request.method, &request.path) {
        // An OCSP host that is sent something else than a question.
        PathRole::OcspGet | PathRole::OcspPost => {
            let readable = request.body.is_some() || request.method == "GET";
            (!has_question && readable).then_some(Oddity::NoQuestion)
        }
        PathRole::Foreign => None,
        _ if role.service != Service::Ocsp && request.body_len > 0 => Some(Oddity::Upload),
        PathRole::Odd if read && is_browsing(&request.path) => None,
        PathRole::Odd if read || request.method == "POST" && role.service == Service::Ocsp => {
            Some(Oddity::Path)
        }
        PathRole::Odd => Some(Oddity::Method),
        _ => None,
    }
}

/// What a browser asks for when a person opens the host's page: the page itself and its icon; and what
/// crawlers ask first (RFC 9309).
fn is_browsing(path: &str) -> bool {
    matches!(path, "" | "/" | "/favicon.ico" | "/robots.txt")
        || path.starts_with("/apple-touch-icon")
}

/// Whether a path is what certificates name but for a slash, a query, or the number of a list that is not
/// there today: what scripts that join addresses, go around caches or count do. Let's Encrypt may come to
/// have more lists (Boulder, docs/CRLS.md).
fn is_nearly_right(role: &HostRole, request: &Request) -> bool {
    let bare = request.path.split(['?', '#']).next().unwrap_or_default();
    let joined = format!("/{}", bare.trim_start_matches('/'));
    let number = joined
        .strip_suffix(".crl")
        .and_then(|path| path.strip_prefix('/'));
    let listed = number.is_some_and(|n| n.len() <= 5 && n.bytes().all(|b| b.is_ascii_digit()));
    path_role(role, &request.method, &joined) != PathRole::Odd
        || role.service == Service::Crl && listed
}

fn names(scene: &Scene<'_>, role: &HostRole, alerts: &mut Vec<Alert>) {
    let contact = scene.contact;
    if role.service == Service::Page {
        return;
    }
    if !role.grammatical {
        invented(scene, alerts);
    }
    // Where a proxy makes the connection, the port that is seen is the proxy's.
    let by_tls = !contact.proxied && contact.server.is_some_and(|s| s.port() != 80);
    let read = contact.request.is_some() || contact.answer.is_some();
    if !read && contact.stage >= Stage::Connected && by_tls {
        let frames = contact.frames.connect.clone();
        alerts.push(alert(&rules::TLS, contact.host.as_str(), frames));
    }
    if let Some(request) = &contact.request {
        if let Some(oddity) = oddity(role, request, contact.ocsp.is_some()) {
            let (rule, subject) = match oddity {
                Oddity::Method => (&rules::ODD_METHOD, request.method.clone()),
                Oddity::Upload => (&rules::UPLOAD, format!("{} bytes", request.body_len)),
                Oddity::Path => (&rules::ODD_PATH, request.path.chars().take(200).collect()),
                Oddity::NoQuestion => (&rules::NO_QUESTION, String::new()),
            };
            let mut alert = alert(rule, &subject, contact.frames.request.clone());
            if oddity == Oddity::Path && is_nearly_right(role, request) {
                alert.severity = Severity::Low;
            }
            alerts.push(alert);
        }
        if let Some((subject, frames)) = address_doubt(scene.state, scene.devices, contact) {
            let genuine = contact
                .answer
                .as_ref()
                .is_some_and(|a| a.signature == Signature::Verified);
            let rule = if genuine {
                &rules::ADDRESS_GENUINE
            } else {
                &rules::ADDRESS
            };
            let mut alert = alert(rule, &subject, frames);
            if !genuine && address::is_unread(contact) {
                alert.severity = Severity::Low;
            }
            alerts.push(alert);
        }
    }
    if role.service == Service::Ocsp
        && !role.predecessor
        && scene.state.steps.clock(contact.at) >= OCSP_OFF_SINCE
    {
        alerts.push(alert(
            &rules::OCSP_OFF,
            contact.host.as_str(),
            named(contact),
        ));
    }
}

/// Names under lencr.org that no CA label makes.
fn invented(scene: &Scene<'_>, alerts: &mut Vec<Alert>) {
    let contact = scene.contact;
    let lookups = || {
        let log = &scene.state.log.lookups;
        contact.lookups.iter().filter_map(|index| log.get(*index))
    };
    let only_looked_up = contact.stage == Stage::LookedUp;
    // RFC 8552: such names hold records about a name; RFC 9156: resolvers ask for `_` on their way down.
    let underscored = |name: &str| name.starts_with('_');
    if only_looked_up && lookups().all(|l| underscored(l.shown.name.as_str())) {
        return;
    }
    if contact.count >= MANY_NAMES {
        let lengths = lookups().map(|l| {
            l.shown
                .name
                .as_str()
                .len()
                .saturating_sub(".lencr.org".len())
        });
        let (all, n) = lengths.fold((0, 0), |(all, n), length| (all + length, n + 1));
        let rule = if all >= CARRIES_DATA * n {
            &rules::TUNNEL
        } else {
            &rules::NAMES_TRIED
        };
        let subject = format!(
            "{} names, the first of them {}",
            contact.count, contact.host
        );
        alerts.push(alert(rule, &subject, named(contact)));
        return;
    }
    let rule = if only_looked_up {
        &rules::INVENTED_NAME
    } else {
        &rules::INVENTED_HOST
    };
    alerts.push(alert(rule, contact.host.as_str(), named(contact)));
}

fn failures(scene: &Scene<'_>, alerts: &mut Vec<Alert>) {
    let contact = scene.contact;
    let (rule, subject) = match contact.failure {
        Some(Failure::Sinkhole(ip)) => (&rules::SINKHOLE, ip.to_string()),
        // A look-alike that does not exist is spoken of already; a zone cut (o.lencr.org) holds no address.
        Some(Failure::Lookup(outcome))
            if outcome != DnsOutcome::NoData
                && contact.role().is_none_or(|role| role.grammatical)
                && contact.watch != Watch::LookAlike =>
        {
            (&rules::LOOKUP_FAILED, contact.host.to_string())
        }
        _ => return,
    };
    let mut alert = alert(rule, &subject, contact.frames.dns.clone());
    alert.aftermath = scene.aftermath;
    alerts.push(alert);
}

/// The leaf demands a staple (RFC 7633), the client offered to take one, and none came.
fn must_staple(trigger: &Handshake, alerts: &mut Vec<Alert>) {
    let Some(leaf) = trigger.chain.first() else {
        return;
    };
    if lacks_demanded_staple(trigger) {
        let frames = trigger.frames.certificate.into_iter().collect();
        alerts.push(alert(&rules::MUST_STAPLE, &leaf.serial.to_string(), frames));
    }
}

/// Whether a handshake that was seen far enough lacks the staple that its leaf demands and its client asked for.
#[must_use]
pub fn lacks_demanded_staple(handshake: &Handshake) -> bool {
    let seen_whole =
        handshake.outcome != HandshakeOutcome::Unknown || handshake.first_data_at.is_some();
    let demanded = handshake.chain.first().is_some_and(|leaf| leaf.must_staple);
    demanded && handshake.wanted_staple && handshake.staple.is_none() && seen_whole
}

fn named(contact: &Contact) -> Frames {
    let frames = &contact.frames;
    [&frames.request, &frames.dns, &frames.connect]
        .into_iter()
        .find(|f| !f.is_empty())
        .cloned()
        .unwrap_or_default()
}

/// An alert of a rule.
#[must_use]
pub fn alert(rule: &'static AlertRule, subject: &str, frames: Frames) -> Alert {
    Alert::new(rule.name, rule.severity, subject, frames)
}
