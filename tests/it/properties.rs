//! What holds for every case of the notation, whatever it is about.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;

use proptest::prelude::*;
use whylencr::event::{Event, EventKind, Sighting};
use whylencr::finding::{Confidence, Finding, Outcome, Report};
use whylencr::flow::{FlowId, Scope};
use whylencr::frame::FrameNo;
use whylencr::time::{Span, Timestamp};

use crate::notation::{Case, cases};

/// Every case, with what is said of it as it stands.
static ALL: LazyLock<Vec<(Case, Report)>> = LazyLock::new(|| {
    let all = cases(&crate::packaged("tests/it/cases"));
    let mut all: Vec<(Case, Report)> = all
        .into_iter()
        .map(|c| (c.report(), c))
        .map(|(r, c)| (c, r))
        .collect();
    all.retain(|(case, _)| case.open.is_none());
    all
});

/// What a report says of each contact, without what depends on order: ids, frames, runners-up.
fn said(report: &Report) -> Vec<String> {
    let one = |f: &Finding| {
        let sites: BTreeSet<String> = f
            .candidates
            .iter()
            .filter_map(|c| c.site.name().map(Cow::into_owned))
            .collect();
        format!(
            "{} {:?} {:?} {:?} {:?} {:?} {:?} {sites:?}",
            f.host,
            f.kind,
            f.stage,
            f.verdict.outcome,
            f.verdict.confidence,
            f.verdict.cause,
            f.verdict.site
        )
    };
    report.findings.iter().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    /// Two handshakes know nothing of each other: whose event is filed first does not matter, as long as each
    /// keeps its own order.
    #[test]
    fn order_of_independent_events_does_not_matter(seed: u64) {
        for (case, alone) in ALL.iter() {
            let mut events = case.events.clone();
            let mut state = seed;
            for at in 0..events.len().saturating_sub(1) {
                if next(&mut state).is_multiple_of(2) && independent(&events[at], &events[at + 1]) {
                    events.swap(at, at + 1);
                }
            }
            prop_assert_eq!(said(&case.report_of(events)), said(alone), "{}", &case.title);
        }
    }

    /// What other devices do says nothing about this one.
    #[test]
    fn unrelated_traffic_never_raises_a_confidence(seed: u64) {
        let strangers = handshakes(&ALL);
        for (case, alone) in ALL.iter() {
            let mut state = seed;
            let mut events = case.events.clone();
            let (first, last) = (events[0].at, events[events.len() - 1].at);
            for n in 0..3_u64 {
                let theirs = &strangers[(next(&mut state) % strangers.len() as u64) as usize];
                let length = last.since(first).as_nanos().unsigned_abs().max(1);
                let shift = Span::from_nanos((next(&mut state) % length).cast_signed());
                events.extend(of_a_stranger(theirs, n, first.plus(shift)));
            }
            events.sort_by_key(|e| e.at);
            let among = case.report_of(events);
            prop_assert_eq!(alone.findings.len(), among.findings.len(), "{}", case.title);
            for (before, after) in alone.findings.iter().zip(&among.findings) {
                let named = after.verdict.outcome == Outcome::Site;
                prop_assert!(
                    !named || after.verdict.confidence <= before.verdict.confidence,
                    "{}: {:?} became {:?}", case.title, before.verdict, after.verdict
                );
                prop_assert!(
                    !named || after.verdict.site == before.verdict.site,
                    "{}: {:?} became {:?}", case.title, before.verdict, after.verdict
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    /// A clock that is set back a little while the capture goes on changes what times frames bear, and
    /// nothing of what they say.
    #[test]
    fn a_clock_that_steps_back_changes_no_verdict(seed: u64, seconds in 2_i64..200) {
        for (case, alone) in ALL.iter() {
            // Between events of one moment, so that no time passed unseen.
            let moments = case.events.windows(2).enumerate().filter(|(_, two)| two[0].at == two[1].at);
            let moments: Vec<usize> = moments.map(|(before, _)| before + 1).collect();
            let Some(place) = moments.get((seed % moments.len().max(1) as u64) as usize) else {
                continue;
            };
            // And by more than the case lasts, so that no pause is taken for the way back.
            let (first, last) = (case.events[0].at, case.events[case.events.len() - 1].at);
            let lasts = last.since(first).as_nanos() / 1_000_000_000;
            // Nor is the end set back with the clock.
            if lasts > 600 || case.ends.is_some() {
                continue;
            }
            let step = Span::from_secs(lasts + seconds);
            let report = case.report_of(set_back(&case.events, *place, step));
            prop_assert_eq!(said(&report), said(alone), "{} from {}", &case.title, place + 1);
            let begin = case.events[*place].frame;
            for (stepped, before) in report.findings.iter().zip(&alone.findings) {
                let asked = before.frames.request.first().is_some_and(|frame| *frame >= begin);
                let by = if asked { step } else { Span::ZERO };
                let shown = before.frames.request.is_empty() || stepped.at == before.at.minus(by);
                prop_assert!(shown, "{}: {:?} for {:?}", &case.title, stepped.at, before.at);
            }
        }
    }
}

/// The same events with a clock that was set back from one of them on.
fn set_back(events: &[Event], place: usize, step: Span) -> Vec<Event> {
    let (frame, moment) = (events[place].frame, events[place].at);
    let mut stepped = events.to_vec();
    for event in &mut stepped {
        let from = |then: FrameNo, at: &mut Timestamp| {
            if then >= frame {
                *at = at.minus(step);
            }
        };
        from(event.frame, &mut event.at);
        match &mut event.kind {
            EventKind::Request(request) => from(request.first_frame, &mut request.first_at),
            EventKind::Response(response) => from(response.first_frame, &mut response.first_at),
            EventKind::DnsAnswer(answer) => {
                let asked = answer.query_frame.unwrap_or(event.frame);
                answer.asked_at.iter_mut().for_each(|at| from(asked, at));
            }
            EventKind::FlowClosed(close) => {
                from(close.frame, &mut close.at);
                let last = close.last_payload.iter_mut().flatten();
                for at in last.filter(|at| **at > moment) {
                    *at = at.minus(step);
                }
            }
            _ => {}
        }
    }
    // The capture goes on for as long.
    if let Some(mut last) = stepped.last().cloned() {
        last.at = last.at.plus(Span::from_secs(60));
        (last.frame, last.kind) = (FrameNo::new(last.frame.get() + 1), EventKind::Connected);
        last.flow = FlowId(u64::MAX);
        stepped.push(last);
    }
    stepped
}

#[test]
fn without_its_trigger_no_site_is_proven() {
    let mut tried = 0;
    for (case, report) in ALL.iter() {
        for site in case.expectations.iter().filter_map(|e| e.proven_site()) {
            let trigger: BTreeSet<FlowId> = report
                .handshakes
                .iter()
                .filter(|h| h.site.name().as_deref() == Some(site))
                .map(|h| h.flow)
                .collect();
            let left = case
                .events
                .iter()
                .filter(|e| !trigger.contains(&e.flow))
                .cloned();
            let report = case.report_of(left.collect());
            let proven = report.findings.iter().any(|f| {
                f.verdict.site.as_deref() == Some(site)
                    && f.verdict.confidence == Confidence::Proven
                    && f.verdict.outcome == Outcome::Site
            });
            assert!(
                !proven,
                "{}: {site} is proven without its handshake",
                case.title
            );
            tried += 1;
        }
    }
    assert!(tried >= 30, "{tried} proven sites");
}

/// A mirror port shows the same packets once more in another VLAN.
#[test]
fn the_same_packets_in_another_scope_add_no_request() {
    for (case, alone) in ALL.iter() {
        let mut events = Vec::new();
        for event in &case.events {
            events.push(event.clone());
            if event.flow != FlowId(0) {
                events.push(mirrored(event));
            }
        }
        let asked = |report: &Report| {
            report
                .findings
                .iter()
                .filter(|f| !f.frames.request.is_empty())
                .count()
        };
        let report = case.report_of(events);
        assert_eq!(asked(&report), asked(alone), "{}", case.title);
    }
}

/// Both belong to handshakes, of different flows, and neither opens one.
fn independent(a: &Event, b: &Event) -> bool {
    let of_handshake = |e: &Event| {
        matches!(
            e.kind,
            EventKind::ServerHello(_)
                | EventKind::Chain(_)
                | EventKind::Staple(_)
                | EventKind::Beat(_)
                | EventKind::Alert(_)
        )
    };
    a.flow != b.flow && of_handshake(a) && of_handshake(b)
}

/// The outbound handshakes of all cases, each as its events.
fn handshakes(cases: &[(Case, Report)]) -> Vec<Vec<Event>> {
    let mut found = Vec::new();
    for (case, _) in cases {
        let mut flows: BTreeMap<FlowId, Vec<Event>> = BTreeMap::new();
        for event in case.events.iter().filter(|e| e.flow != FlowId(0)) {
            flows.entry(event.flow).or_default().push(event.clone());
        }
        let named = |events: &Vec<Event>| {
            events.iter().any(|e| match &e.kind {
                EventKind::ClientHello(hello) => hello
                    .sni
                    .as_ref()
                    .is_some_and(|n| whylencr::correlate::watch(n.as_str()).is_none()),
                _ => false,
            })
        };
        found.extend(flows.into_values().filter(named));
    }
    found
}

/// Those events from another machine, to another server, at another time. Certificates stay: many devices
/// visit one site.
fn of_a_stranger(events: &[Event], n: u64, start: Timestamp) -> Vec<Event> {
    let first = events[0].at;
    let client = IpAddr::V4(Ipv4Addr::new(172, 16, 99, n as u8 + 1));
    let server = IpAddr::V4(Ipv4Addr::new(198, 18, 0, n as u8 + 1));
    let hidden = |e: &&Event| !matches!(e.kind, EventKind::Chain(_) | EventKind::Staple(_));
    let moved = events.iter().filter(hidden).map(|event| {
        let mut event = event.clone();
        event.flow = FlowId(10_000 + n);
        event.frame = FrameNo::NONE;
        event.at = start.plus(event.at.since(first));
        match &mut event.kind {
            EventKind::FlowOpened(opened) => {
                opened.ends.client = SocketAddr::new(client, 40_000);
                opened.ends.server = SocketAddr::new(server, 443);
            }
            EventKind::Sighting(seen) => {
                *seen = Sighting {
                    ip: if seen.side.index() == 0 {
                        client
                    } else {
                        server
                    },
                    mac: None,
                    by_this_host: None,
                    ..*seen
                };
            }
            EventKind::FlowClosed(close) => close.at = event.at,
            _ => {}
        }
        event
    });
    moved.collect()
}

fn mirrored(event: &Event) -> Event {
    let mut event = event.clone();
    event.flow = FlowId(event.flow.0 + 20_000);
    event.at = event.at.plus(Span::from_nanos(20_000));
    match &mut event.kind {
        EventKind::FlowOpened(opened) => opened.ends.scope = Scope(opened.ends.scope.0 + 77),
        EventKind::Sighting(seen) => seen.scope = Scope(seen.scope.0 + 77),
        _ => {}
    }
    event
}

/// SplitMix64: the seed of a property made many numbers.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
