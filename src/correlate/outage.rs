//! Contacts that failed together: where, since when, for whom, and who went on without an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::correlate::alerts::{alert, rules};
use crate::event::{DnsOutcome, Name};
use crate::finding::{
    Aftermath, Alert, DeviceId, Failure, Finding, Lookup, Outage, RunningOut, ServerHealth, Stage,
    Way,
};
use crate::pki::endpoint::{OCSP_OFF_SINCE, Service};
use crate::time::{Span, Timestamp};

/// Fewer failures than this are chance.
const LEAST: u64 = 3;
/// So many successes in a row end an outage.
const OVER: u64 = 3;
/// One device's failures within less are one bad moment.
const LASTING: Span = Span::from_secs(60);
/// And those of several devices: a resolver or router that restarts answers nobody for seconds, and clients
/// ask again after five (resolv.conf(5)).
const MOMENT: Span = Span::from_secs(5);
/// Outages told of; more are one network's bad days.
const OUTAGES: usize = 32;
/// Frames, hosts and labels shown of one outage.
const SHOWN: usize = 16;

/// All outages, in order of time.
pub fn outages(
    findings: &[Finding],
    lookups: &[Arc<Lookup>],
    servers: &[ServerHealth],
) -> Vec<Outage> {
    let mut found = Vec::new();
    for way in [Way::Lookup, Way::Connection, Way::Answer] {
        let mut open: Option<Run<'_>> = None;
        for finding in findings.iter().filter(|f| is_expected_to_work(f)) {
            match outcome(finding, way) {
                Some(true) => {
                    let Some(run) = &mut open else { continue };
                    run.succeeded(finding);
                    if run.in_a_row >= OVER {
                        found.extend(open.take().and_then(|run| run.close(way)));
                    }
                }
                Some(false) => open.get_or_insert_with(Run::default).failed(finding),
                None => {}
            }
        }
        found.extend(open.and_then(|run| run.close(way)));
    }
    found.sort_by_key(|outage| (outage.since, outage.way));
    found.truncate(OUTAGES);
    for outage in &mut found {
        outage.resolvers = resolvers(outage, lookups);
        outage.staples = staples(outage, servers);
    }
    found
}

/// The alert on an outage.
#[must_use]
pub fn raise(outage: &Outage) -> Alert {
    // What answers with an address where no server can be is a filter, and filters for all.
    let filtered = |(failure, _): &(Failure, u64)| matches!(failure, Failure::Sinkhole(_));
    let by_filter = outage.failures.iter().all(filtered);
    let rule = if outage.devices.len() > 1 && !by_filter {
        &rules::OUTAGE
    } else {
        &rules::BLOCKED
    };
    let all = outage.failed + outage.succeeded;
    let hosts = match outage.hosts.as_slice() {
        [(only, _)] => only.to_string(),
        [(first, _), rest @ ..] => format!("{first} and {} more hosts", rest.len()),
        [] => String::new(),
    };
    let mut alert = alert(
        rule,
        &format!("{hosts}, {} of {all} contacts", outage.failed),
        outage.frames.as_slice().into(),
    );
    alert.since = Some(outage.since);
    alert
}

/// Certificates seen in a staple that runs out after the outage began.
fn staples(outage: &Outage, servers: &[ServerHealth]) -> Vec<RunningOut> {
    let mut staples: Vec<RunningOut> = servers
        .iter()
        .filter_map(|server| {
            let staple = server.staple?;
            let next_update = staple.next_update.filter(|next| *next >= outage.since)?;
            Some(RunningOut {
                site: server.site.clone(),
                server: server.server,
                next_update,
            })
        })
        .collect();
    staples.sort_by_key(|s| s.next_update);
    staples.truncate(SHOWN);
    staples
}

fn resolvers(outage: &Outage, lookups: &[Arc<Lookup>]) -> Vec<std::net::IpAddr> {
    if outage.way != Way::Lookup {
        return Vec::new();
    }
    let failed = |l: &&Arc<Lookup>| {
        !matches!(l.outcome, DnsOutcome::Answered | DnsOutcome::NoData)
            && l.at >= outage.since.minus(LASTING)
            && l.at <= outage.until
            && crate::correlate::watch(l.name.as_str()).is_some()
    };
    let all: BTreeSet<_> = lookups
        .iter()
        .filter(failed)
        .map(|l| l.server.ip())
        .collect();
    all.into_iter().take(SHOWN).collect()
}

/// Hosts of Let's Encrypt, apart from the responders that were switched off: that those are gone is no outage.
fn is_expected_to_work(finding: &Finding) -> bool {
    finding.role.as_ref().is_some_and(|role| {
        let gone = role.service == Service::Ocsp && finding.at >= OCSP_OFF_SINCE;
        role.grammatical && !gone
    })
}

/// Whether a contact got past this place, or failed there; None when it did not come so far or nothing is known.
fn outcome(finding: &Finding, way: Way) -> Option<bool> {
    let failed_at = match finding.answer.failure {
        Some(Failure::Lookup(DnsOutcome::NoData | DnsOutcome::Truncated)) => return None,
        Some(Failure::Lookup(_) | Failure::Sinkhole(_)) => Some(Way::Lookup),
        Some(Failure::Refused | Failure::Unanswered | Failure::Reset | Failure::NoResponse) => {
            Some(Way::Connection)
        }
        Some(Failure::Http(500..) | Failure::OcspError(2 | 3)) => Some(Way::Answer),
        Some(
            Failure::Abandoned | Failure::Incomplete | Failure::Http(_) | Failure::OcspError(_),
        )
        | None => None,
    };
    match failed_at {
        Some(at) if at == way => Some(false),
        Some(at) if at < way => None,
        _ => {
            let passed = match way {
                Way::Lookup => !finding.frames.dns.is_empty() && finding.stage >= Stage::Connected,
                Way::Connection => finding.stage == Stage::Answered,
                Way::Answer => finding.stage == Stage::Answered && failed_at.is_none(),
            };
            passed.then_some(true)
        }
    }
}

/// Failures one after the other, with few successes between.
#[derive(Debug, Default)]
struct Run<'f> {
    failures: Vec<&'f Finding>,
    successes: u64,
    /// Successes since the last failure.
    in_a_row: u64,
    first_success: Option<Timestamp>,
}

impl<'f> Run<'f> {
    fn failed(&mut self, finding: &'f Finding) {
        self.failures.push(finding);
        (self.in_a_row, self.first_success) = (0, None);
    }

    fn succeeded(&mut self, finding: &Finding) {
        self.successes += 1;
        self.in_a_row += 1;
        self.first_success = self.first_success.or(Some(finding.at));
    }

    fn close(self, way: Way) -> Option<Outage> {
        let (first, last) = (self.failures.first()?, self.failures.last()?);
        let failed = self.failures.len() as u64;
        // Those after the last failure do not count against it.
        let succeeded = self.successes.saturating_sub(self.in_a_row);
        let mut labels: BTreeMap<DeviceId, &str> = BTreeMap::new();
        let mut hosts: BTreeMap<&Name, u64> = BTreeMap::new();
        let mut kinds: Vec<(Failure, u64)> = Vec::new();
        let (mut open, mut closed, mut frames) = (0, 0, Vec::new());
        for finding in &self.failures {
            labels.insert(finding.client.device, &finding.client.device_label);
            *hosts.entry(&finding.host).or_default() += 1;
            open += u64::from(finding.aftermath == Aftermath::WentOn);
            closed += u64::from(finding.aftermath == Aftermath::GaveUp);
            if let Some(failure) = finding.answer.failure {
                let room = kinds.len() < SHOWN;
                match kinds.iter_mut().find(|(known, _)| *known == failure) {
                    Some((_, n)) => *n += 1,
                    None if room => kinds.push((failure, 1)),
                    None => {}
                }
            }
            if frames.len() < SHOWN {
                let own = &finding.frames;
                let all = own.dns.iter().chain(&own.connect).chain(&own.request);
                frames.extend(all.take(2));
            }
        }
        let least = if labels.len() > 1 { MOMENT } else { LASTING };
        let lasting = last.at.since(first.at) >= least;
        if failed < LEAST || failed < LEAST * succeeded || !lasting {
            return None;
        }
        let mut hosts: Vec<(Name, u64)> = hosts.into_iter().map(|(n, c)| (n.clone(), c)).collect();
        hosts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        hosts.truncate(SHOWN);
        kinds.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        frames.sort_unstable();
        frames.dedup();
        Some(Outage {
            way,
            since: first.at,
            until: last.at,
            over_at: self.first_success,
            failed,
            succeeded,
            hosts,
            resolvers: Vec::new(),
            devices: labels.keys().copied().collect(),
            device_labels: labels
                .values()
                .take(SHOWN)
                .map(|l| (*l).to_owned())
                .collect(),
            failures: kinds,
            failed_open: open,
            failed_closed: closed,
            frames,
            staples: Vec::new(),
        })
    }
}
