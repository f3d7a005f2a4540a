//! What an answer is worth, and what it says.

use crate::correlate::alerts::address::is_bare;
use crate::correlate::alerts::{Scene, alert, rules};
use crate::correlate::answers::{Answered, Asked, Fault, Object, faults};
use crate::correlate::contacts::{Contact, Watch};
use crate::finding::{Aftermath, Alert, Handshake, Severity, Signature};
use crate::frame::Frames;
use crate::pki::cert::Serial;
use crate::pki::endpoint::{PathRole, Service, path_role};
use crate::pki::ocsp::CertStatus;

/// Revoked certificates spoken of for one answer; a mass revocation would drown the rest.
const REVOKED_SHOWN: usize = 8;

/// Alerts on the answer of a contact.
pub(super) fn answered(scene: &Scene<'_>, alerts: &mut Vec<Alert>) {
    let contact = scene.contact;
    let Some(answer) = &contact.answer else {
        return;
    };
    let frames = || contact.frames.response.clone();
    let request = contact.request.as_deref();
    // What IdenTrust's hosts serve for its other CAs is none of ours.
    let role = contact.role().filter(|role| {
        request.is_none_or(|r| path_role(role, &r.method, &r.path) != PathRole::Foreign)
    });
    match answer.signature {
        Signature::Bad => alerts.push(alert(&rules::BAD_SIGNATURE, "", frames())),
        Signature::UnknownIssuer => {
            if let Some(role) = role {
                let mut alert = alert(&rules::UNVERIFIABLE, signer(answer), frames());
                // Let's Encrypt takes new CAs into use without notice (letsencrypt.org/certificates).
                if role.grammatical && role.label.is_some() && role.ca.is_none() {
                    alert.severity = Severity::Low;
                }
                alerts.push(alert);
            }
        }
        _ => {}
    }
    if let Some(role) = role
        && !matches!(role.service, Service::Page | Service::Unknown)
    {
        let moved = (300..400).contains(&answer.status) && answer.status != 304;
        if let Some(target) = answer.location.as_deref().filter(|_| moved) {
            alerts.push(alert(&rules::REDIRECTED, target, frames()));
        }
        if is_something_else(contact, answer) {
            let kind = answer.content_type.as_deref().unwrap_or_default();
            alerts.push(alert(&rules::WRONG_CONTENT, kind, frames()));
        }
    }
    if contact.watch == Watch::LookAlike {
        return;
    }
    let url = contact.url();
    let asked = Asked {
        request,
        url: url.as_deref(),
        ocsp: contact.ocsp.as_ref(),
        role,
    };
    for fault in faults(answer, &asked) {
        alerts.push(fault_alert(scene, &fault, frames()));
    }
}

fn fault_alert(scene: &Scene<'_>, fault: &Fault, frames: Frames) -> Alert {
    let clock_is_off = scene
        .trigger
        .and_then(|t| Some((t, t.chain.first()?)))
        .is_some_and(|(t, leaf)| !leaf.is_valid_at(scene.state.steps.clock(t.hello_at)));
    let (rule, subject) = match fault {
        Fault::OtherSerial => (&rules::WRONG_SERIAL, ""),
        Fault::OtherIssuer(name) => (&rules::WRONG_ISSUER, name.as_str()),
        Fault::OtherPoint(url) => (&rules::IDP_MISMATCH, url.as_str()),
        Fault::Stale(_) | Fault::Future(_) if clock_is_off => (&rules::CLOCK, ""),
        Fault::Stale(_) => (&rules::STALE, ""),
        Fault::Future(_) => (&rules::FUTURE, ""),
    };
    let mut alert = alert(rule, subject, frames);
    if let Fault::Stale(at) | Fault::Future(at) = fault {
        alert.since = Some(*at);
    }
    alert
}

/// Who signed what cannot be verified, as the bytes name them.
fn signer(answer: &Answered) -> &str {
    match &answer.object {
        Object::Crl { facts, .. } => facts.issuer_cn.as_deref(),
        Object::Certificates(certs) => certs.first().and_then(|c| c.issuer_cn.as_deref()),
        Object::Ocsp(_) | Object::None | Object::Foreign => None,
    }
    .unwrap_or_default()
}

/// A whole answer with a body that is not of the kind asked for.
fn is_something_else(contact: &Contact, answer: &Answered) -> bool {
    if answer.status != 200 || !answer.complete || answer.body_len == 0 || is_bare(contact) {
        return false;
    }
    match answer.object {
        Object::Foreign => true,
        // Kept bodies are those of the right types; another type with a body is something else.
        Object::None => answer
            .content_type
            .as_deref()
            .is_some_and(|t| t.starts_with("text/")),
        _ => answer.kind() != contact.kind,
    }
}

/// Alerts on what the answer says is revoked.
pub(super) fn revocations(scene: &Scene<'_>, alerts: &mut Vec<Alert>) {
    let Some(answer) = &scene.contact.answer else {
        return;
    };
    // Of a bad signature nothing follows.
    if answer.signature == Signature::Bad {
        return;
    }
    for (serial, status) in scene.revoked.iter().take(REVOKED_SHOWN) {
        let mut frames = scene.contact.frames.response.clone();
        let went_on = carried_on(scene, answer, serial, &mut frames);
        let rule = if answer.signature != Signature::Verified {
            &rules::REVOKED_UNPROVEN
        } else if went_on {
            &rules::REVOKED_CONTINUED
        } else {
            &rules::REVOKED
        };
        let mut alert = alert(rule, &serial.to_string(), frames);
        if let CertStatus::Revoked { at, reason } = status {
            alert.since = Some(*at);
            alert.reason = *reason;
        }
        alerts.push(alert);
    }
}

/// Whether this device sent more to a server that showed the certificate after it had the answer.
fn carried_on(scene: &Scene<'_>, answer: &Answered, serial: &Serial, frames: &mut Frames) -> bool {
    let is_triggers = |t: &&Handshake| t.chain.iter().any(|c| c.serial == *serial);
    if let Some(trigger) = scene.trigger.filter(is_triggers) {
        if scene.aftermath == Aftermath::WentOn {
            frames.extend(trigger.frames.certificate);
        }
        return scene.aftermath == Aftermath::WentOn;
    }
    let keys = scene.devices.addresses(scene.contact.client);
    let later = scene
        .state
        .handshakes
        .with_serial(serial)
        .take(64)
        .find(|r| {
            let sent_more = r
                .last_client_payload
                .max(r.shown.first_data_at)
                .is_some_and(|last| last > answer.at);
            sent_more && keys.contains(&r.client)
        });
    frames.extend(later.and_then(|r| r.shown.frames.certificate));
    later.is_some()
}
