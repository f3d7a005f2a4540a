//! Staples and chains of the servers behind the contacts, and what they cost visitors.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::correlate::State;
use crate::correlate::alerts::lacks_demanded_staple;
use crate::correlate::case::split_url;
use crate::correlate::dossier::trigger;
use crate::correlate::handshakes::{Record, Stapled};
use crate::correlate::judge::Judge;
use crate::finding::health::{Fault, Problem};
use crate::finding::{Cost, Direction, Finding, HandshakeId, ServerHealth, Signature, StapleFacts};
use crate::pki::cert::Certificate;
use crate::pki::endpoint::{OCSP_OFF_SINCE, Service, host_role};
use crate::pki::ocsp::{CertStatus, OcspResponse};
use crate::time::Span;

/// The servers, those with problems first, then by site.
pub fn servers(state: &State, judge: &Judge<'_>, findings: &[Finding]) -> Vec<ServerHealth> {
    let triggers: HashSet<HandshakeId> = findings.iter().filter_map(trigger).collect();
    let mut servers: BTreeMap<(Arc<str>, SocketAddr), ServerHealth> = BTreeMap::new();
    for record in state.handshakes.iter() {
        let concerned = || judge.is_lets_encrypt(record) || triggers.contains(&record.shown.id);
        if record.leaf().is_none() || !concerned() {
            continue;
        }
        let (_, site) = judge.site(record);
        let server = servers
            .entry((Arc::clone(&site), record.shown.server))
            .or_insert_with(|| fresh(site.to_string(), record));
        visit(server, record);
    }
    let costs = costs(state, judge, findings);
    for (place, server) in &mut servers {
        if let Some(last) = state.handshakes.get(server.last) {
            inspect(state, server, last);
        }
        if let Some(cost) = costs.get(place) {
            server.cost = cost.clone();
        }
    }
    let mut servers: Vec<ServerHealth> = servers.into_values().collect();
    servers.sort_by_key(|s| (s.problems.is_empty(), std::cmp::Reverse(s.cost.total)));
    servers
}

fn fresh(site: String, record: &Record) -> ServerHealth {
    ServerHealth {
        site,
        server: record.shown.server,
        handshakes: 0,
        last: record.shown.id,
        asked_staple: 0,
        stapled: 0,
        must_staple: false,
        staple: None,
        problems: Vec::new(),
        cost: Cost::default(),
    }
}

fn visit(server: &mut ServerHealth, record: &Record) {
    let shown = &record.shown;
    server.handshakes += 1;
    server.last = shown.id;
    if shown.wanted_staple {
        server.asked_staple += 1;
        server.stapled += u64::from(record.stapled.is_some());
    }
    if lacks_demanded_staple(shown) {
        let frames = shown.frames.certificate;
        let known = server.problems.iter_mut().find_map(|p| match &mut p.what {
            Fault::MustStapleUnmet(times) => Some((times, &mut p.frames)),
            _ => None,
        });
        match known {
            Some((times, known)) => {
                *times += 1;
                known.extend(frames.filter(|_| known.len() < 8));
            }
            None => server.problems.push(Problem {
                what: Fault::MustStapleUnmet(1),
                frames: frames.into_iter().collect(),
            }),
        }
    }
    if let Some(Stapled {
        frame,
        at,
        signature,
    }) = record.stapled.as_deref().copied()
    {
        let response = shown.staple.as_deref();
        let about = response.and_then(|r| about_leaf(r, record.leaf()?));
        server.staple = Some(StapleFacts {
            at,
            frame,
            status: about.map(|a| a.status),
            age: about.map(|a| at.since(a.this_update)),
            next_update: about.and_then(|a| a.next_update),
            signature,
        });
    }
}

fn about_leaf<'r>(
    response: &'r OcspResponse,
    leaf: &Arc<Certificate>,
) -> Option<&'r crate::pki::ocsp::SingleResponse> {
    response.answers.iter().find(|a| a.id.serial == leaf.serial)
}

/// Looks at the last handshake: what was wrong before and is mended needs no mending.
fn inspect(state: &State, server: &mut ServerHealth, record: &Record) {
    let Some(leaf) = record.leaf() else { return };
    let shown = &record.shown;
    let at = state.steps.clock(shown.hello_at);
    server.must_staple = leaf.must_staple;
    let frames = || shown.frames.certificate.into_iter().collect::<Vec<_>>();
    let mut faults = Vec::new();
    if at > leaf.not_after {
        faults.push(Fault::ExpiredLeaf(leaf.not_after));
    }
    let dead = |url: &&String| {
        at >= OCSP_OFF_SINCE
            && split_url(url)
                .and_then(|(host, _)| host_role(host))
                .is_some_and(|role| role.service == Service::Ocsp && !role.predecessor)
    };
    faults.extend(
        leaf.ocsp_urls
            .iter()
            .find(dead)
            .cloned()
            .map(Fault::DeadOcsp),
    );
    if !record.certificate_lost {
        faults.extend(chain_faults(&shown.chain, record));
    }
    server
        .problems
        .extend(faults.into_iter().map(|what| Problem {
            what,
            frames: frames(),
        }));
    let Some(staple) = server.staple else { return };
    let mut add = |what| {
        server.problems.push(Problem {
            what,
            frames: vec![staple.frame],
        });
    };
    match staple.status {
        Some(CertStatus::Revoked { .. }) if staple.signature != Signature::Bad => {
            add(Fault::StapleRevoked);
        }
        // Read, and about something else: the leaf may have been renewed without it.
        None if shown.staple.is_some() => add(Fault::StapleOther),
        _ => {}
    }
    if staple.signature == Signature::Bad {
        add(Fault::StapleBad);
    }
    if staple.next_update.is_some_and(|next| next < staple.at) {
        add(Fault::StapleStale);
    }
}

/// RFC 5246 7.4.2: each certificate certifies the one before it, the root may be left out.
fn chain_faults(chain: &[Arc<Certificate>], record: &Record) -> Vec<Fault> {
    let mut faults = Vec::new();
    let Some((leaf, rest)) = chain.split_first() else {
        return faults;
    };
    let issues = |issuer: &Arc<Certificate>, cert: &Arc<Certificate>| {
        issuer.subject_hash == cert.issuer_hash
    };
    if !leaf.self_issued && !rest.iter().any(|c| issues(c, leaf)) {
        faults.push(Fault::MissingIntermediate {
            issuer: leaf
                .issuer_cn
                .clone()
                .unwrap_or_else(|| leaf.issuer.clone()),
            url: leaf.issuer_urls.first().cloned(),
        });
    }
    let misplaced = chain.windows(2).any(|pair| match pair {
        [cert, next] => !issues(next, cert) && chain.iter().any(|c| c != cert && issues(c, cert)),
        _ => false,
    });
    if misplaced {
        faults.push(Fault::WrongOrder);
    }
    let name = |c: &Certificate| c.subject_cn.clone().unwrap_or_else(|| c.subject.clone());
    for ca in rest {
        if ca.self_issued {
            faults.push(Fault::UnneededRoot(name(ca), ca.der.len() as u64));
        } else if record.shown.hello_at > ca.not_after {
            faults.push(Fault::ExpiredCa(name(ca), ca.not_after));
        }
    }
    faults
}

/// Fetches tied to a server by their verdicts.
fn costs(
    state: &State,
    judge: &Judge<'_>,
    findings: &[Finding],
) -> HashMap<(Arc<str>, SocketAddr), Cost> {
    let mut costs: HashMap<(Arc<str>, SocketAddr), (Cost, HashSet<HandshakeId>)> =
        HashMap::default();
    for finding in findings {
        let Some(record) = trigger(finding).and_then(|id| state.handshakes.get(id)) else {
            continue;
        };
        let outbound = finding
            .candidates
            .first()
            .is_some_and(|c| c.direction == Direction::Outbound);
        if !outbound {
            continue;
        }
        let (cost, seen) = costs
            .entry((judge.site(record).1, record.shown.server))
            .or_default();
        cost.fetches += 1;
        if cost.findings.len() < 32 {
            cost.findings.push(finding.id);
        }
        // Several fetches inside one silence cost it once.
        if let Some(held) = finding.timing.delayed_handshake
            && seen.insert(record.shown.id)
        {
            cost.held += 1;
            cost.total = Span::from_nanos(cost.total.as_nanos().saturating_add(held.as_nanos()));
            cost.longest = cost.longest.max(held);
        }
    }
    costs.into_iter().map(|(k, (cost, _))| (k, cost)).collect()
}
