//! What an investigator asks next about a trigger: its connection and its certificate.

use crate::event::Carrier;
use crate::finding::{Handshake, HandshakeOutcome};
use crate::pki::cert::{Certificate, KeyKind};
use crate::report::clock;
use crate::report::prose::{plural, site_source};
use crate::report::safe;
use crate::time::Timestamp;

/// The connection of a handshake: ends, version, how its name was learned, how it went on.
#[must_use]
pub fn connection(handshake: &Handshake) -> String {
    let version = match (&handshake.carrier, handshake.version) {
        (Carrier::Quic { .. }, _) => "QUIC",
        (Carrier::Dtls, Some(0x0304)) => "DTLS 1.3",
        (Carrier::Dtls, Some(0x0303)) => "DTLS 1.2",
        (Carrier::Dtls, Some(0x0302)) => "DTLS 1.0",
        (Carrier::Dtls, _) => "DTLS",
        (Carrier::Ike, Some(0x0200)) => "IKEv2",
        (Carrier::Ike, Some(0x0100)) => "IKEv1",
        (Carrier::Ike, _) => "IKE",
        (_, Some(0x0304)) => "TLS 1.3",
        (_, Some(0x0303)) => "TLS 1.2",
        (_, Some(0x0302)) => "TLS 1.1",
        (_, Some(0x0301)) => "TLS 1.0",
        (_, Some(0x0300)) => "SSL 3.0",
        (_, Some(_)) => "TLS of an odd version",
        (_, None) => "TLS, no ServerHello seen",
    };
    let inside = match &handshake.carrier {
        Carrier::StartTls(protocol) => format!(" inside {protocol}"),
        Carrier::Proxy { kind, .. } => format!(" through a proxy ({kind})"),
        Carrier::Tls | Carrier::Quic { .. } | Carrier::Dtls | Carrier::Ike => String::new(),
    };
    let alert = |code: Option<u8>| code.map_or_else(String::new, |c| format!(" (alert {c})"));
    let went = match handshake.outcome {
        HandshakeOutcome::Used => "; data followed".to_owned(),
        HandshakeOutcome::Completed => "; completed, no data seen".to_owned(),
        HandshakeOutcome::ClientAlert(code) => format!("; the client broke it off{}", alert(code)),
        HandshakeOutcome::ServerAlert(code) => format!("; the server broke it off{}", alert(code)),
        HandshakeOutcome::Abandoned => "; closed before it was complete".to_owned(),
        HandshakeOutcome::Unknown => String::new(),
    };
    format!(
        "{} to {}, {version}{inside}; name: {}{went}",
        handshake.client,
        handshake.server,
        site_source(&handshake.site)
    )
}

/// What an investigator asks next about the trigger's certificate: names, issuer, age, lifetime, key.
#[must_use]
pub fn certificate(certificate: &Certificate, at: Timestamp) -> String {
    let issuer = certificate
        .issuer_cn
        .as_deref()
        .unwrap_or(&certificate.issuer);
    let day = 86_400;
    let lifetime = certificate
        .not_after
        .as_secs()
        .saturating_sub(certificate.not_before.as_secs())
        / day;
    let age = at
        .as_secs()
        .saturating_sub(certificate.not_before.as_secs());
    let days = |n: i64| plural(n.unsigned_abs(), "day", "days");
    let aged = if age < 0 {
        "not yet valid then".to_owned()
    } else if at > certificate.not_after {
        format!(
            "run out {} before",
            days((at.as_secs() - certificate.not_after.as_secs()) / day)
        )
    } else {
        format!("{} old then", days(age / day))
    };
    let key = match certificate.key {
        KeyKind::Rsa(bits) => format!("RSA {bits}"),
        KeyKind::Ec(bits) => format!("EC {bits}"),
        KeyKind::Other => "other key".to_owned(),
    };
    let mut names: Vec<String> = certificate
        .names
        .iter()
        .map(String::as_str)
        .take(3)
        .map(|n| safe::capped(n, 60).into_owned())
        .collect();
    if names.is_empty() {
        names.extend(
            certificate
                .addresses
                .iter()
                .take(3)
                .map(ToString::to_string),
        );
    }
    let more = certificate.names.len().saturating_sub(3);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let names = if names.is_empty() {
        "no names".to_owned()
    } else {
        names.join(", ")
    };
    format!(
        "{names}; issued by {}; valid {} to {} ({}), {aged}; {key}{}",
        safe::capped(issuer, 60),
        clock::date(certificate.not_before),
        clock::date(certificate.not_after),
        days(lifetime),
        if certificate.self_issued {
            "; self-signed"
        } else {
            ""
        },
    )
}
