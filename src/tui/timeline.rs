//! What happened around one contact, as bars on lanes of time. No drawing here.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use crate::event::{BeatKind, Name};
use crate::finding::{Candidate, Facts, Finding, Handshake, Lookup, Outcome, Report, Site};
use crate::flow::Side;
use crate::report::prose;
use crate::report::words::Word as _;
use crate::time::{Span, Timestamp};

/// Lanes over one stretch of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    /// Where the axis says 0: the trigger's ClientHello, else the first sign of the contact.
    pub(super) zero: Timestamp,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) lanes: Vec<Lane>,
}

/// One connection or lookup.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    /// Protocol.
    pub(super) what: &'static str,
    /// Name of the other end.
    pub(super) who: String,
    /// Only here for comparison: rejected, or another contact.
    pub(super) aside: bool,
    pub(super) bars: Vec<Bar>,
    /// What to say after the last bar.
    pub(super) note: String,
}

/// A phase.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) phase: Phase,
}

/// Kinds of phases.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    Lookup,
    Connect,
    Handshake,
    Wait,
    Fetch,
    Data,
}

/// A lookup that ended longer before than this has nothing to do with the connection drawn.
const NEAR: Span = Span::from_secs(5);
/// Data after a handshake is drawn this far beyond the rest, as a share of the whole.
const TAIL: i64 = 12;
/// Candidates and rejected ones drawn.
const MOST: usize = 3;

impl Timeline {
    pub(super) fn of(finding: &Finding, report: &Report) -> Self {
        let client = finding.client.ip;
        let mut lanes = Vec::new();
        let mut zero = None;
        let mut seen = Vec::new();
        for candidate in finding.candidates.iter().take(MOST) {
            let Some(handshake) = report.handshake(candidate.handshake) else {
                continue;
            };
            if seen.contains(&handshake.id) {
                continue;
            }
            seen.push(handshake.id);
            zero.get_or_insert(handshake.hello_at);
            let outbound = handshake.client.ip() == client;
            if let (true, Site::Sni(name) | Site::Dns(name)) = (outbound, &handshake.site) {
                lanes.extend(lookup(
                    name,
                    handshake.client.ip(),
                    handshake.hello_at,
                    report,
                ));
            }
            lanes.push(tls(handshake, Some((candidate, finding))));
        }
        match lookup(&finding.host, client, finding.at, report) {
            Some(lane) => lanes.push(lane),
            None => lanes.extend(measured_lookup(finding)),
        }
        let fetch = fetch(finding);
        match lanes.last_mut() {
            // A lookup that led to nothing: its lane says so.
            Some(lookup) if fetch.bars.is_empty() && lookup.what == "dns" => {
                lookup.note = fetch.note;
            }
            _ => lanes.push(fetch),
        }
        let (from, to) = bounds(&lanes, finding);
        let mut timeline = Self {
            zero: zero.unwrap_or(finding.began_at),
            from,
            to,
            lanes,
        };
        timeline.aside(finding, report, &mut seen);
        timeline.open_ends(report, &seen);
        timeline
    }

    /// Other contacts of the client and rejected handshakes, where they fall into the picture.
    fn aside(
        &mut self,
        finding: &Finding,
        report: &Report,
        seen: &mut Vec<crate::finding::HandshakeId>,
    ) {
        let (from, to) = (self.from, self.to);
        let overlaps = |a: Timestamp, b: Timestamp| a <= to && b >= from;
        let others = report.findings.iter().filter(|other| {
            other.id != finding.id
                && other.client.ip == finding.client.ip
                && overlaps(other.began_at, other.ended_at)
        });
        for other in others.take(MOST) {
            self.lanes.push(Lane {
                aside: true,
                ..fetch(other)
            });
        }
        for candidate in finding.rejected.iter().take(MOST) {
            let Some(handshake) = report.handshake(candidate.handshake) else {
                continue;
            };
            let end = handshake.first_data_at.unwrap_or(handshake.hello_at);
            if seen.contains(&handshake.id) || !overlaps(handshake.hello_at, end) {
                continue;
            }
            seen.push(handshake.id);
            self.lanes.push(Lane {
                aside: true,
                note: "rejected".into(),
                ..tls(handshake, None)
            });
        }
    }

    /// Data goes on to the edge of the picture, whose place is known only now.
    fn open_ends(&mut self, report: &Report, seen: &[crate::finding::HandshakeId]) {
        let used = seen
            .iter()
            .filter_map(|id| report.handshake(*id))
            .any(|h| h.first_data_at.is_some());
        if used {
            let whole = self.to.since(self.from).as_nanos();
            self.to = self.to.plus(Span::from_nanos(whole / TAIL));
        }
        for bar in self.lanes.iter_mut().flat_map(|lane| &mut lane.bars) {
            if bar.phase == Phase::Data {
                bar.to = self.to.max(bar.from);
            }
        }
    }
}

fn bounds(lanes: &[Lane], finding: &Finding) -> (Timestamp, Timestamp) {
    let bars = || lanes.iter().flat_map(|lane| &lane.bars);
    let from = bars().map(|b| b.from).min().unwrap_or(finding.began_at);
    let to = bars().map(|b| b.to).max().unwrap_or(finding.ended_at);
    // A single moment still needs a width.
    (from, to.max(from.plus(Span::from_millis(1))))
}

fn lookup(name: &Name, client: IpAddr, before: Timestamp, report: &Report) -> Option<Lane> {
    let near = |at: Timestamp| at <= before && before.since(at) < NEAR;
    let mut lookups = report
        .lookups
        .iter()
        .filter(|l| l.name == *name && l.client.ip() == client && near(l.at));
    let first = lookups.next()?;
    let bar = |l: &Arc<Lookup>| Bar {
        from: l.at,
        to: l.at.plus(l.took.unwrap_or_default()),
        phase: Phase::Lookup,
    };
    let mut bars = vec![bar(first)];
    bars.extend(lookups.map(bar));
    Some(Lane {
        what: "dns",
        who: name.to_string(),
        aside: false,
        bars,
        note: match first.outcome {
            crate::event::DnsOutcome::Answered => String::new(),
            other => super::tables::lookup_outcome(other),
        },
    })
}

fn measured_lookup(finding: &Finding) -> Option<Lane> {
    let took = finding.timing.lookup.or_else(|| {
        let looked = !finding.frames.dns.is_empty() && finding.server.is_none();
        looked.then(|| finding.ended_at.since(finding.began_at))
    })?;
    Some(Lane {
        what: "dns",
        who: finding.host.to_string(),
        aside: false,
        bars: vec![Bar {
            from: finding.began_at,
            to: finding.began_at.plus(took),
            phase: Phase::Lookup,
        }],
        note: String::new(),
    })
}

fn tls(handshake: &Handshake, case: Option<(&Candidate, &Finding)>) -> Lane {
    let mut bars = Vec::new();
    if let Some(opened) = handshake.opened_at {
        bars.push(Bar {
            from: opened,
            to: handshake.hello_at,
            phase: Phase::Connect,
        });
    }
    let end = handshake
        .first_data_at
        .or_else(|| handshake.beats.last().map(|(at, ..)| at))
        .or(handshake.certificate_at)
        .or(handshake.server_hello_at)
        .unwrap_or(handshake.hello_at);
    match case.and_then(|(candidate, finding)| silence(handshake, candidate, finding)) {
        Some((from, to)) => {
            bars.push(Bar {
                from: handshake.hello_at,
                to: from,
                phase: Phase::Handshake,
            });
            bars.push(Bar {
                from,
                to,
                phase: Phase::Wait,
            });
            bars.push(Bar {
                from: to,
                to: end.max(to),
                phase: Phase::Handshake,
            });
        }
        None => bars.push(Bar {
            from: handshake.hello_at,
            to: end,
            phase: Phase::Handshake,
        }),
    }
    if let Some(data) = handshake.first_data_at {
        bars.push(Bar {
            from: data,
            to: data,
            phase: Phase::Data,
        });
    }
    Lane {
        what: "tls",
        who: handshake
            .site
            .name()
            .map_or_else(|| handshake.server.ip().to_string(), Cow::into_owned),
        aside: false,
        bars,
        note: String::new(),
    }
}

/// The stretch in which the handshake waited, as the evidence has it; where exactly is in the beats.
fn silence(
    handshake: &Handshake,
    candidate: &Candidate,
    finding: &Finding,
) -> Option<(Timestamp, Timestamp)> {
    let length = candidate.evidence.iter().find_map(|e| match e.facts {
        Facts::HandshakeWaited { silence, .. } => Some(silence),
        _ => None,
    })?;
    let server = |kind: BeatKind, side: Side| side == Side::Server && kind != BeatKind::AppData;
    let beats = &handshake.beats;
    let pairs = beats.iter().zip(beats.iter().skip(1));
    let gap = pairs
        .filter(|((before, _, spoke), (after, ..))| {
            server(spoke.kind, spoke.side)
                && *before <= finding.ended_at
                && after.since(*before) >= length
        })
        .map(|((before, ..), (after, ..))| (before, after))
        .next();
    gap.or_else(|| {
        let from = handshake.certificate_at.or(handshake.server_hello_at)?;
        Some((from, from.plus(length)))
    })
}

fn fetch(finding: &Finding) -> Lane {
    let timing = &finding.timing;
    let mut bars = Vec::new();
    if let (Some(connect), true) = (timing.connect, finding.server.is_some()) {
        bars.push(Bar {
            from: finding.at.minus(connect).max(finding.began_at),
            to: finding.at,
            phase: Phase::Connect,
        });
    }
    let asked = !finding.frames.request.is_empty();
    if asked {
        bars.push(Bar {
            from: finding.at,
            to: timing
                .wait
                .map_or(finding.ended_at, |wait| finding.at.plus(wait)),
            phase: Phase::Fetch,
        });
    } else if finding.server.is_some() && bars.is_empty() {
        bars.push(Bar {
            from: finding.at,
            to: finding.ended_at,
            phase: Phase::Connect,
        });
    }
    Lane {
        what: if finding.server.is_some() {
            "http"
        } else {
            "dns"
        },
        who: finding.host.to_string(),
        aside: false,
        bars,
        note: outcome(finding),
    }
}

/// The answer in a word or two.
pub(super) fn outcome(finding: &Finding) -> String {
    let answer = &finding.answer;
    if let Some(failure) = answer.failure {
        return failure.word().replace('-', " ");
    }
    if let Some(status) = answer.ocsp.iter().flat_map(|o| &o.answers).next() {
        return prose::status(status.status);
    }
    match answer.http_status {
        Some(status) => format!("HTTP {status}"),
        None if finding.verdict.outcome == Outcome::Unexplained => String::new(),
        None => "not answered".into(),
    }
}
