//! Whole reports in words: the sums, and what a capture cannot show, so that absence is never mistaken for proof.

use crate::event::{AnomalyKind, BlindSpot};
use crate::finding::{Coverage, Outcome};
use crate::report::prose::plural;
use crate::report::summary::Summary;
use crate::report::words::Word;

/// The sums of a report as labelled lines.
#[must_use]
pub fn summary(summary: &Summary) -> [(&'static str, String); 4] {
    let joined = |parts: Vec<String>| {
        if parts.is_empty() {
            "none".to_owned()
        } else {
            parts.join(", ")
        }
    };
    let kinds = summary
        .kinds
        .iter()
        .map(|(kind, n)| format!("{n} {}", super::kind(*kind)))
        .collect();
    let outcome = |outcome: Outcome| match outcome {
        Outcome::Site => "tied to one site",
        Outcome::OneOf => "to one of several",
        Outcome::AnyUnder => "to any site under a CA",
        Outcome::NoOutbound => "the device's own doing",
        Outcome::Unexplained => "unexplained",
    };
    let outcomes = summary
        .outcomes
        .iter()
        .map(|(o, n)| format!("{n} {}", outcome(*o)))
        .collect();
    let confidences = summary
        .confidences
        .iter()
        .map(|(c, n)| format!("{n} {}", c.0.word()))
        .collect();
    let alerts = summary
        .alerts
        .iter()
        .map(|(s, n)| format!("{n} {}", s.0.word()))
        .collect();
    [
        (
            "Contacts",
            format!("{} ({})", summary.findings, joined(kinds)),
        ),
        ("Verdicts", joined(outcomes)),
        ("Certainty", joined(confidences)),
        ("Alerts", joined(alerts)),
    ]
}

/// Sentences on what this capture cannot show; empty when it shows everything.
#[must_use]
pub fn coverage(coverage: &Coverage) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |n: u64, text: String| {
        if n > 0 {
            notes.push(text);
        }
    };
    let c = coverage;
    note(
        u64::from(c.frames > 0 && c.handshakes == 0),
        "No handshake is in it: where only some ports or hosts were captured (as by `port 80`), what caused the contacts is missing. \
         Capture without a filter."
            .to_owned(),
    );
    note(
        c.handshakes_hidden,
        format!(
            "The certificates of {} of {} are hidden by TLS 1.3, QUIC or ECH; a key log (--keylog) would open them.",
            c.handshakes_hidden,
            plural(c.handshakes, "handshake", "handshakes")
        ),
    );
    note(
        c.handshakes_resumed,
        format!(
            "{} resumed an earlier session and sent no certificate.",
            plural(c.handshakes_resumed, "handshake", "handshakes")
        ),
    );
    note(
        c.handshakes_ech,
        format!(
            "{} carried an ECH extension, so the server name they show may not be the site's (most browsers send it \
             without using it).",
            plural(c.handshakes_ech, "handshake", "handshakes")
        ),
    );
    note(
        c.midstream_flows,
        format!(
            "{} began before the capture did.",
            plural(c.midstream_flows, "TCP connection", "TCP connections")
        ),
    );
    note(
        c.one_sided_flows,
        format!(
            "Only one side of {} was captured.",
            plural(c.one_sided_flows, "TCP connection", "TCP connections")
        ),
    );
    note(
        c.sampled,
        format!(
            "{} of sFlow, one in so many of those that there were: of contacts in them it is said that they were, and not why, nor \
             what became of them.",
            plural(c.sampled, "packet is a sample", "packets are samples")
        ),
    );
    note(
        c.cut_frames,
        format!(
            "{} cut short by the snap length.",
            plural(c.cut_frames, "frame was", "frames were")
        ),
    );
    note(
        c.dropped,
        format!(
            "{} dropped while capturing.",
            plural(c.dropped, "frame was", "frames were")
        ),
    );
    note(
        c.interruptions,
        format!(
            "An interface was down or gone {}; what crossed it then was not captured.",
            plural(c.interruptions, "time", "times")
        ),
    );
    for (reason, n) in &c.undecoded {
        note(
            *n,
            format!(
                "{} not decoded ({reason}).",
                plural(*n, "frame was", "frames were")
            ),
        );
    }
    for (spot, n) in &c.blind {
        note(*n, blind_spot(*spot, *n));
    }
    note(
        c.clock_steps,
        format!(
            "Time ran backwards by more than a second {}.",
            plural(c.clock_steps, "time", "times")
        ),
    );
    note(
        u64::from(c.is_clock_coarse()),
        "The clock of this capture has too coarse steps to tell what came soon after what."
            .to_owned(),
    );
    for (kind, n) in &c.anomalies {
        note(*n, anomaly(*kind, *n));
    }
    if c.keys.0 > c.keys.1 {
        let unused = c.keys.0 - c.keys.1;
        note(
            unused,
            format!(
                "{} of the key log fit no handshake in this capture.",
                plural(unused, "line", "lines")
            ),
        );
    }
    notes
}

/// One blind spot as a sentence.
#[must_use]
pub fn blind_spot(spot: BlindSpot, flows: u64) -> String {
    let n = plural(flows, "connection", "connections");
    match spot {
        BlindSpot::Dot => format!("{n} carried DNS over TLS: those lookups are hidden."),
        BlindSpot::Doh => {
            format!("{n} went to DNS over HTTPS resolvers: those lookups are hidden.")
        }
        BlindSpot::Doq => format!("{n} carried DNS over QUIC: those lookups are hidden."),
        BlindSpot::WireGuard => format!("{n} carried WireGuard: what ran inside is hidden."),
        BlindSpot::OpenVpn => format!("{n} carried OpenVPN: what ran inside is hidden."),
        BlindSpot::Ipsec => format!("{n} carried IPsec: what ran inside is hidden."),
        BlindSpot::TlsProxy => {
            format!("{n} went to a proxy inside TLS: what ran inside is hidden.")
        }
        BlindSpot::Ssh => format!("{n} carried SSH, which can hold tunnels."),
    }
}

/// What an empty report says: the absence of contacts and how much was looked at.
#[must_use]
pub fn nothing_found(coverage: &Coverage) -> String {
    format!(
        "No contact with lencr.org in this capture. Looked at: {}, {} and {}, {}.",
        plural(coverage.frames, "frame", "frames"),
        plural(coverage.flows[0], "TCP connection", "TCP connections"),
        plural(coverage.flows[1], "UDP flow", "UDP flows"),
        plural(coverage.handshakes, "handshake", "handshakes"),
    )
}

fn anomaly(kind: AnomalyKind, n: u64) -> String {
    let times = plural(n, "time", "times");
    match kind {
        AnomalyKind::BadPacket => format!("Packets that could not be decoded: {n}."),
        AnomalyKind::BadFragment => format!("IP fragments that overlap or never completed: {n}."),
        AnomalyKind::ConflictingRetransmission => {
            format!("Retransmissions with other content: {n}; the first version was believed.")
        }
        AnomalyKind::StreamGap => format!("Bytes are missing from streams that mattered, {times}."),
        AnomalyKind::BadDns => format!("Malformed DNS messages: {n}."),
        AnomalyKind::BadHttp => format!("Malformed HTTP messages: {n}."),
        AnomalyKind::BadTls => format!("Malformed TLS messages: {n}."),
        AnomalyKind::BadQuic => format!("Malformed QUIC packets: {n}."),
        AnomalyKind::BadPki => format!("Malformed certificates, OCSP messages or CRLs: {n}."),
        AnomalyKind::WrongKey => format!("Keys that did not open what they should: {n}."),
        AnomalyKind::LimitReached => {
            format!("A limit of this program was reached {times}: some data was passed over.")
        }
    }
}
