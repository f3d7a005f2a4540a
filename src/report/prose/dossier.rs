//! The dossier of a trigger as short lines: facts, each with how it was learned.

use crate::finding::{Dossier, Learned, Oddity, Others, Visibility};
use crate::report::clock::Clock;
use crate::report::prose::{certificate, crtsh, plural};
use crate::report::safe;

/// Label and line for each fact that is known, apart from what [`certificate`] tells of a certificate that was shown.
#[must_use]
pub fn dossier(dossier: &Dossier, clock: &Clock) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("visits", visits(dossier, clock)),
        ("address", learned(&dossier.learned)),
    ];
    if let Some(shown) = &dossier.certificate
        && shown.visibility == Visibility::Learned
    {
        let leaf = &shown.certificate;
        let then = leaf.not_before.plus(shown.age);
        lines.push((
            "known",
            format!(
                "not shown in this handshake, but known for the name: {}",
                certificate(leaf, then)
            ),
        ));
        lines.push(("crt.sh", crtsh(&leaf.serial)));
    }
    let lists = [
        (
            "also",
            "other sites with this certificate: ",
            &dossier.same_certificate,
        ),
        (
            "also",
            "other names at this address: ",
            &dossier.same_address,
        ),
    ];
    for (label, what, others) in lists {
        if !others.names.is_empty() {
            lines.push((label, format!("{what}{}", names(others))));
        }
    }
    let print = &dossier.fingerprint;
    if !print.ja4.is_empty() {
        lines.push((
            "client",
            format!(
                "JA4 {}, in {} of {} here, of {}",
                safe::capped(&print.ja4, 60),
                print.handshakes,
                plural(print.of, "handshake", "handshakes"),
                plural(print.devices, "device", "devices"),
            ),
        ));
    }
    if dossier.counted > 0 {
        let [sent, received] = dossier.bytes;
        lines.push((
            "volume",
            format!(
                "{} sent, {} received over {}",
                bytes(sent),
                bytes(received),
                plural(
                    dossier.counted,
                    "connection that ended",
                    "connections that ended"
                ),
            ),
        ));
    }
    if let Some(period) = dossier.period {
        lines.push((
            "period",
            format!(
                "{} visits, one every {}, never more than {} off; update checks and mail clients do this as well",
                period.visits, period.every, period.jitter
            ),
        ));
    }
    lines.extend(dossier.oddities.iter().map(|odd| ("odd", oddity(odd))));
    if !dossier.later_alerts.is_empty() {
        let ids: Vec<String> = dossier
            .later_alerts
            .iter()
            .take(8)
            .map(|id| id.0.to_string())
            .collect();
        lines.push(("alerts", format!("in findings {}", ids.join(", "))));
    }
    lines
}

fn visits(dossier: &Dossier, clock: &Clock) -> String {
    let frame = dossier
        .first
        .frame
        .map_or_else(String::new, |f| format!(" (#{f})"));
    format!(
        "first seen {}{frame}; {} of this device, {} in all",
        clock.show(dossier.first.at),
        plural(dossier.visits, "handshake", "handshakes"),
        plural(dossier.devices, "device", "devices"),
    )
}

/// How an address was learned, as a clause.
fn learned(learned: &Learned) -> String {
    match learned {
        Learned::Lookup { name, frame, .. } => {
            format!("given for {} in a lookup (#{frame})", safe::line(name.as_str()))
        }
        Learned::OtherDevice { name, frame } => format!(
            "not looked up by this device here; given to another one for {} (#{frame})",
            safe::line(name.as_str())
        ),
        Learned::Proxy => "the proxy's to find".to_owned(),
        Learned::Never => {
            "never looked up in this capture, though other lookups of this device are in it (a cache, DNS over HTTPS or a \
             fixed address does this)"
                .to_owned()
        }
        Learned::NotShown => "no lookups of this device are in this capture".to_owned(),
    }
}

/// Something most connections do not have, as a clause.
#[must_use]
pub fn oddity(oddity: &Oddity) -> String {
    match oddity {
        Oddity::Port(port) => format!("port {port} is not one registered for TLS"),
        Oddity::NoServerName => {
            "the client named no server (ordinary for bare addresses)".to_owned()
        }
        Oddity::OtherName => "the certificate is not for the name that the client gave".to_owned(),
        Oddity::Alpn(alpn) => format!(
            "application protocol {} is not a registered one",
            safe::capped(alpn, 60)
        ),
        Oddity::OldVersion(version) => format!(
            "{}, deprecated by RFC 8996",
            match version {
                0x0302 => "TLS 1.1",
                0x0301 => "TLS 1.0",
                _ => "SSL 3.0 or older",
            }
        ),
        Oddity::AddressesOnly => "the certificate is for addresses, not names".to_owned(),
        Oddity::SelfSigned => "the certificate is self-signed".to_owned(),
        Oddity::Expired => "the certificate had run out".to_owned(),
        Oddity::NotYetValid => "the certificate was not valid yet".to_owned(),
    }
}

fn names(others: &Others) -> String {
    let mut shown: Vec<String> = others
        .names
        .iter()
        .map(|name| safe::capped(name, 60).into_owned())
        .collect();
    if others.more > 0 {
        shown.push(format!("{} more", others.more));
    }
    shown.join(", ")
}

/// Bytes as people read them.
fn bytes(n: u64) -> String {
    match n {
        0..10_000 => format!("{n} bytes"),
        10_000..10_000_000 => format!("{} kB", n / 1_000),
        _ => format!("{} MB", n / 1_000_000),
    }
}
