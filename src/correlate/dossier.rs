//! Dossiers of triggers: one pass over all handshakes counts what the triggers' sites, certificates,
//! addresses and fingerprints have in common with others. Facts only.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::correlate::State;
use crate::correlate::devices::{DeviceMap, HostKey};
use crate::correlate::handshakes::Record;
use crate::correlate::judge::Judge;
use crate::event::Carrier;
use crate::finding::{
    DeviceId, Dossier, Finding, FindingId, Fingerprint, HandshakeId, Learned, Oddity, Others,
    Outcome, Period, Severity, Shown, Site, Visibility, Visit,
};
use crate::time::{Span, Timestamp};

/// Names of other sites that a reader takes in.
const NAMES_SHOWN: usize = 8;
/// Names kept while counting; content networks serve thousands at one address.
const NAMES_KEPT: usize = 256;
/// Visits whose times are kept for one device and site.
const TIMES_KEPT: usize = 4_096;
/// Connections opened side by side belong to one visit.
const ONE_VISIT: Span = Span::from_secs(5);

/// The dossiers of all triggers, by handshake.
pub fn dossiers(
    state: &State,
    devices: &DeviceMap,
    judge: &Judge<'_>,
    findings: &[Finding],
) -> Vec<Dossier> {
    let triggers: BTreeSet<HandshakeId> = findings.iter().filter_map(trigger).collect();
    if triggers.is_empty() {
        return Vec::new();
    }
    let records: Vec<&Record> = triggers
        .iter()
        .filter_map(|id| state.handshakes.get(*id))
        .collect();
    let common = Common::count(state, devices, judge, &records);
    let mut alarming: HashMap<&str, Vec<(Timestamp, FindingId)>> = HashMap::default();
    for finding in findings {
        let site = finding.verdict.site.as_deref();
        if let Some(site) = site
            && finding.alerts.iter().any(|a| a.severity > Severity::Info)
        {
            alarming
                .entry(site)
                .or_default()
                .push((finding.at, finding.id));
        }
    }
    records
        .into_iter()
        .map(|record| {
            let (site, key) = judge.site(record);
            let mut dossier = common.dossier(state, devices, record, &site, &key);
            if let Some(alerts) = site.name().and_then(|name| alarming.get(name.as_ref())) {
                // Findings are in the order of time.
                let first = alerts.partition_point(|(at, _)| *at < record.shown.hello_at);
                let later = alerts.iter().skip(first).take(32);
                dossier.later_alerts = later.map(|(_, id)| *id).collect();
            }
            dossier
        })
        .collect()
}

/// The handshake that a verdict names as the one cause.
pub(super) fn trigger(finding: &Finding) -> Option<HandshakeId> {
    let named = finding
        .candidates
        .first()
        .filter(|_| finding.verdict.outcome == Outcome::Site)?;
    Some(named.handshake)
}

/// What the triggers share with other handshakes.
#[derive(Debug, Default)]
struct Common {
    sites: HashMap<Arc<str>, SiteFacts>,
    leaves: HashMap<[u8; 32], BTreeSet<String>>,
    addresses: HashMap<IpAddr, BTreeSet<String>>,
    fingerprints: HashMap<Arc<str>, (u64, HashSet<DeviceId>)>,
    with_fingerprint: u64,
    /// Clients of which lookups were seen.
    asking: OnceCell<HashSet<HostKey>>,
}

#[derive(Debug, Default)]
struct SiteFacts {
    first: Option<Visit>,
    devices: HashMap<DeviceId, DeviceFacts>,
}

#[derive(Debug, Default)]
struct DeviceFacts {
    times: Vec<Timestamp>,
    visits: u64,
    bytes: [u64; 2],
    counted: u64,
}

impl Common {
    fn count(state: &State, devices: &DeviceMap, judge: &Judge<'_>, triggers: &[&Record]) -> Self {
        let mut common = Self::default();
        for record in triggers {
            common.sites.entry(judge.site(record).1).or_default();
            let ip = record.shown.server.ip();
            common.addresses.entry(ip).or_default();
            if let Some(leaf) = record.leaf() {
                common.leaves.entry(leaf.fingerprint).or_default();
            }
            let ja4 = Arc::clone(&record.shown.ja4);
            common.fingerprints.entry(ja4).or_default();
        }
        for record in state.handshakes.iter() {
            common.add(devices, judge, record);
        }
        common
    }

    fn add(&mut self, devices: &DeviceMap, judge: &Judge<'_>, record: &Record) {
        let shown = &record.shown;
        let device = device_of(devices, record);
        let (site, key) = judge.site(record);
        if !shown.ja4.is_empty() {
            self.with_fingerprint += 1;
            if let Some((handshakes, seen)) = self.fingerprints.get_mut(&shown.ja4) {
                *handshakes += 1;
                seen.insert(device);
            }
        }
        let ip = shown.server.ip();
        if let Some(name) = site.host() {
            let leaf = record.leaf();
            let lists = [
                leaf.and_then(|leaf| self.leaves.get_mut(&leaf.fingerprint)),
                self.addresses.get_mut(&ip),
            ];
            for list in lists.into_iter().flatten() {
                if list.len() < NAMES_KEPT && !list.contains(name.as_str()) {
                    list.insert(name.to_string());
                }
            }
        }
        let Some(facts) = self.sites.get_mut(&key) else {
            return;
        };
        facts.first.get_or_insert(Visit {
            at: shown.hello_at,
            frame: shown.frames.client_hello,
            device,
        });
        let own = facts.devices.entry(device).or_default();
        own.visits += 1;
        if own.times.len() < TIMES_KEPT {
            own.times.push(shown.hello_at);
        }
        if let Some([sent, received]) = shown.bytes {
            own.counted += 1;
            own.bytes[0] = own.bytes[0].saturating_add(sent);
            own.bytes[1] = own.bytes[1].saturating_add(received);
        }
    }

    fn dossier(
        &self,
        state: &State,
        devices: &DeviceMap,
        record: &Record,
        site: &Site,
        key: &str,
    ) -> Dossier {
        let shown = &record.shown;
        let device = device_of(devices, record);
        let facts = self.sites.get(key);
        let own = facts.and_then(|f| f.devices.get(&device));
        let certificate = certificate(state, record, site);
        let name = site.name();
        let ip = shown.server.ip();
        let looked_up = state
            .names
            .facts(ip)
            .map(|t| t.name.to_string())
            .filter(|n| crate::correlate::watch(n).is_none());
        let mut at_address: BTreeSet<String> = looked_up.collect();
        at_address.extend(self.addresses.get(&ip).into_iter().flatten().cloned());
        let leaf = record.leaf().and_then(|l| self.leaves.get(&l.fingerprint));
        let (like, with) = self
            .fingerprints
            .get(&shown.ja4)
            .filter(|_| !shown.ja4.is_empty())
            .map_or((0, 0), |(n, devices)| (*n, devices.len() as u64));
        Dossier {
            handshake: shown.id,
            first: facts.and_then(|f| f.first).unwrap_or(Visit {
                at: shown.hello_at,
                frame: shown.frames.client_hello,
                device,
            }),
            visits: own.map_or(1, |o| o.visits),
            devices: facts.map_or(1, |f| f.devices.len() as u64),
            learned: self.learned(state, devices, record, name.as_deref()),
            oddities: oddities(record, site, certificate.as_ref()),
            certificate,
            same_certificate: others(leaf.cloned().unwrap_or_default(), name.as_deref()),
            same_address: others(at_address, name.as_deref()),
            fingerprint: Fingerprint {
                ja4: shown.ja4.to_string(),
                handshakes: like,
                devices: with,
                of: self.with_fingerprint,
            },
            bytes: own.map_or([0; 2], |o| o.bytes),
            counted: own.map_or(0, |o| o.counted),
            period: own.and_then(|o| period(&o.times)),
            later_alerts: Vec::new(),
        }
    }

    fn learned(
        &self,
        state: &State,
        devices: &DeviceMap,
        record: &Record,
        site: Option<&str>,
    ) -> Learned {
        if matches!(record.shown.carrier, Carrier::Proxy { .. }) {
            return Learned::Proxy;
        }
        let keys = devices.addresses(record.client);
        let before = || {
            let facts = state.names.facts(record.shown.server.ip());
            facts.filter_map(|fact| fact.as_of(record.shown.hello_at))
        };
        // The site's own name before another one at the address; then the latest. Facts come the latest first.
        let best = |a: &crate::correlate::names::Fact<'_>| Reverse((Some(a.name) == site, a.at));
        let own = before()
            .filter(|t| keys.contains(&t.client))
            .min_by_key(best);
        if let Some(told) = own {
            return Learned::Lookup {
                name: crate::event::Name::new(told.name),
                at: told.at,
                frame: told.frame,
            };
        }
        if let Some(told) = before().min_by_key(best) {
            return Learned::OtherDevice {
                name: crate::event::Name::new(told.name),
                frame: told.frame,
            };
        }
        let asking = self.asking.get_or_init(|| {
            // One by one: clients are few among all that they were told.
            let mut asking = HashSet::default();
            for client in state.names.clients().chain(state.log.askers()) {
                asking.insert(client);
            }
            asking
        });
        if keys.iter().any(|key| asking.contains(key)) {
            Learned::Never
        } else {
            Learned::NotShown
        }
    }
}

fn device_of(devices: &DeviceMap, record: &Record) -> DeviceId {
    devices.of(record.client).unwrap_or(DeviceId(u32::MAX))
}

fn others(mut names: BTreeSet<String>, own: Option<&str>) -> Others {
    if let Some(own) = own {
        names.remove(own);
    }
    let more = names.len().saturating_sub(NAMES_SHOWN) as u64;
    Others {
        names: names.into_iter().take(NAMES_SHOWN).collect(),
        more,
    }
}

/// The leaf that was shown, else the latest one known for the name that was valid then.
fn certificate(state: &State, record: &Record, site: &Site) -> Option<Shown> {
    let at = state.steps.clock(record.shown.hello_at);
    let (leaf, visibility) = match record.leaf() {
        Some(leaf) => (leaf, record.shown.visibility),
        None => {
            let name = site.name()?;
            let known = state.certificates.of_name(&name).iter().rev();
            let mut leaves = known.filter_map(|learned| learned.chain.first());
            let leaf = leaves.find(|leaf| leaf.is_valid_at(at))?;
            (leaf, Visibility::Learned)
        }
    };
    Some(Shown {
        certificate: Arc::clone(leaf),
        visibility,
        age: at.since(leaf.not_before),
        lifetime: leaf.not_after.since(leaf.not_before),
        expired: at > leaf.not_after,
    })
}

/// Four visits or more at a steady interval: a quarter of it is allowed either way.
fn period(times: &[Timestamp]) -> Option<Period> {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.dedup_by(|later, earlier| later.since(*earlier) < ONE_VISIT);
    let mut gaps: Vec<i64> = times
        .windows(2)
        .filter_map(|pair| Some(pair.get(1)?.since(*pair.first()?).as_nanos()))
        .collect();
    gaps.sort_unstable();
    let median = *gaps.get(gaps.len() / 2)?;
    let off = |gap: &i64| gap.saturating_sub(median).saturating_abs();
    let jitter = gaps.iter().map(off).max()?;
    (gaps.len() >= 3 && jitter <= median / 4).then(|| Period {
        every: Span::from_nanos(median),
        jitter: Span::from_nanos(jitter),
        visits: times.len() as u64,
    })
}

fn oddities(record: &Record, site: &Site, shown: Option<&Shown>) -> Vec<Oddity> {
    let handshake = &record.shown;
    let mut odd = Vec::new();
    let direct = matches!(handshake.carrier, Carrier::Tls | Carrier::Quic { .. });
    let port = handshake.server.port();
    if direct && !TLS_PORTS.contains(&port) {
        odd.push(Oddity::Port(port));
    }
    let named = matches!(site, Site::Sni(_) | Site::Proxy(_) | Site::EchOuter(_));
    if direct && !handshake.ja4.is_empty() && !named && !handshake.ech_offered {
        odd.push(Oddity::NoServerName);
    }
    for alpn in handshake.alpn.iter() {
        let known = ALPN.contains(&alpn.as_str())
            || alpn.starts_with("h3-")
            || alpn.starts_with("spdy/")
            || alpn.starts_with('\\');
        if !known {
            odd.push(Oddity::Alpn(alpn.chars().take(60).collect()));
        }
    }
    if let Some(version @ ..=0x0302) = handshake.version {
        odd.push(Oddity::OldVersion(version));
    }
    if let Some(shown) = shown.filter(|s| s.visibility != Visibility::Learned) {
        let leaf = &shown.certificate;
        if let Site::Sni(name) = site
            && !leaf.covers(name.as_str())
        {
            odd.push(Oddity::OtherName);
        }
        if leaf.names.is_empty() && !leaf.addresses.is_empty() {
            odd.push(Oddity::AddressesOnly);
        }
        if leaf.self_issued {
            odd.push(Oddity::SelfSigned);
        }
        if shown.expired {
            odd.push(Oddity::Expired);
        }
        if shown.age.is_negative() {
            odd.push(Oddity::NotYetValid);
        }
    }
    odd
}

/// Ports registered for TLS from the first byte (IANA, Service Name and Transport Protocol Port Number
/// Registry), and 8443.
const TLS_PORTS: [u16; 19] = [
    443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 3269, 5061, 5349, 5671, 6514, 6697,
    8443, 8883,
];

/// Registered names (IANA, TLS ALPN Protocol IDs) of what one meets.
const ALPN: [&str; 26] = [
    "http/0.9",
    "http/1.0",
    "http/1.1",
    "h2",
    "h2c",
    "h3",
    "hq-interop",
    "stun.turn",
    "stun.nat-discovery",
    "webrtc",
    "c-webrtc",
    "ftp",
    "imap",
    "pop3",
    "managesieve",
    "coap",
    "xmpp-client",
    "xmpp-server",
    "acme-tls/1",
    "mqtt",
    "dot",
    "doq",
    "ntske/1",
    "irc",
    "nntp",
    "postgresql",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: &[i64]) -> Vec<Timestamp> {
        seconds.iter().map(|s| Timestamp::from_secs(*s)).collect()
    }

    #[test]
    fn steady_visits_have_a_period() {
        // Two connections at a time, a little late once.
        let times = at(&[0, 1, 60, 61, 121, 180, 246, 300]);
        let period = period(&times).unwrap();
        assert_eq!(period.every, Span::from_secs(60));
        assert_eq!(period.jitter, Span::from_secs(6));
        assert_eq!(period.visits, 6);
    }

    #[test]
    fn browsing_has_none() {
        for times in [
            &[0, 60, 120][..],
            &[0, 60, 200, 230, 600],
            &[0, 1, 2, 3, 4],
            &[],
            &[7],
        ] {
            assert_eq!(period(&at(times)), None, "{times:?}");
        }
    }
}
