//! Facts around the findings as programs get them: dossiers of triggers, servers, outages, what was given away.

use std::borrow::Cow;

use serde::Serialize;

use crate::finding::{
    Dossier, GivenAway, Handshake, Learned, Others, Outage, PassedOn, Privacy, ServerHealth, Shown,
};
use crate::report::clock::rfc3339;
use crate::report::prose;
use crate::report::view::{End, end, millis, numbers, revocation};
use crate::report::words::Word;

/// What is known of a trigger.
#[derive(Clone, Debug, Serialize)]
pub struct TriggerView<'a> {
    pub site: Option<String>,
    pub server: End,
    pub alpn: Vec<&'a str>,
    pub first_at: String,
    pub first_frame: Option<u64>,
    pub visits: u64,
    pub devices: u64,
    pub address: AddressView<'a>,
    pub certificate: Option<LeafView<'a>>,
    pub same_certificate: OthersView<'a>,
    pub same_address: OthersView<'a>,
    pub fingerprint: FingerprintView<'a>,
    pub bytes: BytesView,
    pub period: Option<PeriodView>,
    pub oddities: Vec<OddityView>,
    pub later_alerts: Vec<u64>,
}

/// How the address was learned.
#[derive(Clone, Debug, Serialize)]
pub struct AddressView<'a> {
    pub learned: &'static str,
    pub name: Option<&'a str>,
    pub frame: Option<u64>,
}

/// The leaf.
#[derive(Clone, Debug, Serialize)]
pub struct LeafView<'a> {
    pub serial: String,
    pub names: Vec<&'a str>,
    pub addresses: Vec<String>,
    pub issuer: &'a str,
    pub not_before: String,
    pub not_after: String,
    pub age_ms: f64,
    pub lifetime_ms: f64,
    pub expired: bool,
    pub self_signed: bool,
    pub visibility: &'static str,
    pub crtsh: String,
}

/// Other names.
#[derive(Clone, Debug, Serialize)]
pub struct OthersView<'a> {
    pub names: Vec<&'a str>,
    pub more: u64,
}

/// JA4 and how rare it is.
#[derive(Clone, Debug, Serialize)]
pub struct FingerprintView<'a> {
    pub ja4: Option<&'a str>,
    pub handshakes: u64,
    pub devices: u64,
    pub of: u64,
}

/// Volumes.
#[derive(Clone, Debug, Serialize)]
pub struct BytesView {
    pub sent: u64,
    pub received: u64,
    pub connections: u64,
}

/// Steady visits.
#[derive(Clone, Debug, Serialize)]
pub struct PeriodView {
    pub every_ms: f64,
    pub jitter_ms: f64,
    pub visits: u64,
}

/// Something most connections do not have.
#[derive(Clone, Debug, Serialize)]
pub struct OddityView {
    pub kind: &'static str,
    pub text: String,
}

/// A server's staples and chain.
#[derive(Clone, Debug, Serialize)]
pub struct ServerView<'a> {
    pub site: &'a str,
    pub server: End,
    pub handshakes: u64,
    pub asked_staple: u64,
    pub stapled: u64,
    pub must_staple: bool,
    pub staple: Option<StapleView>,
    pub problems: Vec<ProblemView>,
    pub cost: CostView,
}

/// The last staple.
#[derive(Clone, Debug, Serialize)]
pub struct StapleView {
    pub at: String,
    pub frame: u64,
    pub status: Option<&'static str>,
    pub revoked_at: Option<String>,
    pub age_ms: Option<f64>,
    pub next_update: Option<String>,
    pub signature: &'static str,
}

/// Something wrong, and what mends it.
#[derive(Clone, Debug, Serialize)]
pub struct ProblemView {
    pub kind: &'static str,
    pub text: String,
    pub remedy: &'static str,
    pub frames: Vec<u64>,
}

/// What it cost visitors.
#[derive(Clone, Debug, Serialize)]
pub struct CostView {
    pub fetches: u64,
    pub held: u64,
    pub total_ms: f64,
    pub longest_ms: f64,
    pub findings: Vec<u64>,
}

/// Contacts that failed together.
#[derive(Clone, Debug, Serialize)]
pub struct OutageView<'a> {
    pub way: &'static str,
    pub since: String,
    pub until: String,
    pub over_at: Option<String>,
    pub failed: u64,
    pub succeeded: u64,
    pub hosts: Vec<Counted<'a>>,
    pub resolvers: Vec<String>,
    pub devices: Vec<&'a str>,
    pub failures: Vec<Counted<'a>>,
    pub failed_open: u64,
    pub failed_closed: u64,
    pub frames: Vec<u64>,
    pub staples: Vec<RunningOutView<'a>>,
}

/// How often.
#[derive(Clone, Debug, Serialize)]
pub struct Counted<'a> {
    pub what: &'a str,
    pub count: u64,
}

/// A staple that runs out.
#[derive(Clone, Debug, Serialize)]
pub struct RunningOutView<'a> {
    pub site: &'a str,
    pub server: End,
    pub next_update: String,
}

/// What clear text told of a site.
#[derive(Clone, Debug, Serialize)]
pub struct GivenAwayView<'a> {
    pub site: &'a str,
    pub by_ocsp_alone: bool,
    pub ocsp: Vec<u64>,
    pub lookups: Vec<u64>,
    pub server_names: Vec<u64>,
    pub certificates: Vec<u64>,
}

/// What clear text told in all.
#[derive(Clone, Debug, Serialize)]
pub struct PrivacyView<'a> {
    pub sites: Vec<GivenAwayView<'a>>,
    pub unknown_serials: u64,
}

/// The dossier of a trigger.
#[must_use]
pub fn trigger<'a>(dossier: &'a Dossier, handshake: &'a Handshake) -> TriggerView<'a> {
    let (name, frame) = match &dossier.learned {
        Learned::Lookup { name, frame, .. } | Learned::OtherDevice { name, frame } => {
            (Some(name.as_str()), Some(frame.get()))
        }
        Learned::Proxy | Learned::Never | Learned::NotShown => (None, None),
    };
    let print = &dossier.fingerprint;
    let [sent, received] = dossier.bytes;
    TriggerView {
        site: handshake.site.name().map(Cow::into_owned),
        server: end(handshake.server),
        alpn: handshake.alpn.iter().map(String::as_str).collect(),
        first_at: rfc3339(dossier.first.at),
        first_frame: dossier.first.frame.map(crate::frame::FrameNo::get),
        visits: dossier.visits,
        devices: dossier.devices,
        address: AddressView {
            learned: dossier.learned.word(),
            name,
            frame,
        },
        certificate: dossier.certificate.as_ref().map(leaf),
        same_certificate: others(&dossier.same_certificate),
        same_address: others(&dossier.same_address),
        fingerprint: FingerprintView {
            ja4: (!print.ja4.is_empty()).then_some(print.ja4.as_str()),
            handshakes: print.handshakes,
            devices: print.devices,
            of: print.of,
        },
        bytes: BytesView {
            sent,
            received,
            connections: dossier.counted,
        },
        period: dossier.period.map(|period| PeriodView {
            every_ms: millis(period.every),
            jitter_ms: millis(period.jitter),
            visits: period.visits,
        }),
        oddities: dossier
            .oddities
            .iter()
            .map(|odd| OddityView {
                kind: odd.word(),
                text: prose::oddity(odd),
            })
            .collect(),
        later_alerts: dossier.later_alerts.iter().map(|id| id.0).collect(),
    }
}

/// A server.
#[must_use]
pub fn server(server: &ServerHealth) -> ServerView<'_> {
    let cost = &server.cost;
    ServerView {
        site: &server.site,
        server: end(server.server),
        handshakes: server.handshakes,
        asked_staple: server.asked_staple,
        stapled: server.stapled,
        must_staple: server.must_staple,
        staple: server.staple.map(|staple| StapleView {
            at: rfc3339(staple.at),
            frame: staple.frame.get(),
            status: staple.status.map(|s| s.word()),
            revoked_at: staple.status.and_then(|s| revocation(s).0),
            age_ms: staple.age.map(millis),
            next_update: staple.next_update.map(rfc3339),
            signature: staple.signature.word(),
        }),
        problems: server
            .problems
            .iter()
            .map(|problem| ProblemView {
                kind: problem.what.word(),
                text: prose::problem(problem),
                remedy: prose::remedy(problem),
                frames: numbers(&problem.frames),
            })
            .collect(),
        cost: CostView {
            fetches: cost.fetches,
            held: cost.held,
            total_ms: millis(cost.total),
            longest_ms: millis(cost.longest),
            findings: cost.findings.iter().map(|id| id.0).collect(),
        },
    }
}

/// An outage.
#[must_use]
pub fn outage(outage: &Outage) -> OutageView<'_> {
    let counted = |what, count: &u64| Counted {
        what,
        count: *count,
    };
    OutageView {
        way: outage.way.word(),
        since: rfc3339(outage.since),
        until: rfc3339(outage.until),
        over_at: outage.over_at.map(rfc3339),
        failed: outage.failed,
        succeeded: outage.succeeded,
        hosts: outage
            .hosts
            .iter()
            .map(|(name, n)| counted(name.as_str(), n))
            .collect(),
        resolvers: outage.resolvers.iter().map(ToString::to_string).collect(),
        devices: outage.device_labels.iter().map(String::as_str).collect(),
        failures: outage
            .failures
            .iter()
            .map(|(what, n)| counted(what.word(), n))
            .collect(),
        failed_open: outage.failed_open,
        failed_closed: outage.failed_closed,
        frames: numbers(&outage.frames),
        staples: outage
            .staples
            .iter()
            .map(|staple| RunningOutView {
                site: &staple.site,
                server: end(staple.server),
                next_update: rfc3339(staple.next_update),
            })
            .collect(),
    }
}

/// What clear text gave away.
#[must_use]
pub fn privacy(privacy: &Privacy) -> PrivacyView<'_> {
    PrivacyView {
        sites: privacy.sites.iter().map(given_away).collect(),
        unknown_serials: privacy.unknown_serials,
    }
}

fn given_away(site: &GivenAway) -> GivenAwayView<'_> {
    GivenAwayView {
        site: &site.site,
        by_ocsp_alone: site.by_ocsp_alone(),
        ocsp: site.ocsp.iter().map(|id| id.0).collect(),
        lookups: numbers(&site.lookups),
        server_names: numbers(&site.server_names),
        certificates: numbers(&site.certificates),
    }
}

fn leaf(shown: &Shown) -> LeafView<'_> {
    let leaf = &shown.certificate;
    LeafView {
        serial: leaf.serial.to_string(),
        names: leaf.names.iter().map(String::as_str).take(100).collect(),
        addresses: leaf
            .addresses
            .iter()
            .take(100)
            .map(ToString::to_string)
            .collect(),
        issuer: leaf.issuer_cn.as_deref().unwrap_or(&leaf.issuer),
        not_before: rfc3339(leaf.not_before),
        not_after: rfc3339(leaf.not_after),
        age_ms: millis(shown.age),
        lifetime_ms: millis(shown.lifetime),
        expired: shown.expired,
        self_signed: leaf.self_issued,
        visibility: shown.visibility.word(),
        crtsh: prose::crtsh(&leaf.serial),
    }
}

fn others(others: &Others) -> OthersView<'_> {
    OthersView {
        names: others.names.iter().map(String::as_str).collect(),
        more: others.more,
    }
}

/// The contact that a finding passes on.
#[derive(Clone, Debug, Serialize)]
pub struct PassedOnView {
    pub finding: u64,
    pub client: String,
    pub frame: Option<u64>,
}

pub(super) fn passed_on(passed: &PassedOn) -> PassedOnView {
    PassedOnView {
        finding: passed.finding.0,
        client: passed.client.to_string(),
        frame: passed.frame.map(crate::frame::FrameNo::get),
    }
}
