//! Pseudonyms, so that a report can be shown to others.
//!
//! A pseudonym is an HMAC of what it stands for under a key of the caller's: the same everywhere in a report, the
//! same in the next report with the same key, and not reversible without the key. Pseudonyms cannot be taken
//! for the real thing: IPv4 becomes class E (240.0.0.0/4, never assigned), IPv6 the documentation prefix, a MAC
//! a locally administered one, a name one under `.invalid` (RFC 6761).
//!
//! What stays: the watched hosts, CAs, times, frame numbers, User-Agents. A User-Agent can hold something
//! personal, and file names given to the report are not part of it; both are for the caller to judge.

mod facts;
mod known;

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use self::known::Known;
use crate::crypto::Hash;
use crate::event::{Mac, Name, Process};
use crate::finding::{
    Alert, Answer, Candidate, Evidence, Facts, Failure, Finding, Handshake, Lookup, Report, Site,
};
use crate::pki::cert::Serial;
use crate::pki::ocsp::OcspResponse;

/// What to hide, and the key of the pseudonyms.
#[derive(Clone)]
pub struct Redaction {
    /// Key. With another key the same device gets another pseudonym.
    pub key: [u8; 32],
    /// Also sites: their names and addresses, and the serials and certificates by which Certificate Transparency
    /// would name them.
    pub sites: bool,
}

impl std::fmt::Debug for Redaction {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redaction")
            .field("sites", &self.sites)
            .finish_non_exhaustive()
    }
}

impl Redaction {
    /// The report with pseudonyms.
    #[must_use]
    pub fn apply(&self, report: &Report) -> Report {
        let mut report = report.clone();
        let hider = self.hider(&report);
        for finding in &mut report.findings {
            hider.finding(finding);
        }
        for handshake in report.handshakes.iter_mut().chain(&mut report.around) {
            hider.handshake(handshake);
        }
        for device in &mut report.devices {
            device.label = hider.label(&device.label);
            device.mac = device.mac.map(|mac| self.mac(mac));
            device.addresses.iter_mut().for_each(|ip| hider.ip(ip));
        }
        for lookup in &mut report.lookups {
            hider.lookup(Arc::make_mut(lookup));
        }
        for alert in &mut report.alerts {
            hider.alert(alert);
        }
        hider.facts(&mut report);
        report
    }

    /// The pseudonyms of a report, for what goes with it.
    #[must_use]
    pub fn hider(&self, report: &Report) -> Hider {
        Hider {
            redaction: self.clone(),
            known: Known::of(report, self.sites),
        }
    }

    /// Pseudonym of an address.
    #[must_use]
    pub fn ip(&self, ip: IpAddr) -> IpAddr {
        match ip {
            IpAddr::V4(v4) => {
                let [a, b, c, d] = self.tag("ipv4", &v4.octets());
                // 255.255.255.255 has a meaning; the nibble below 15 never reaches it.
                IpAddr::V4(Ipv4Addr::new(240 + (a & 0x0f) % 15, b, c, d))
            }
            IpAddr::V6(v6) => {
                let tag: [u8; 12] = self.tag("ipv6", &v6.octets());
                let mut octets = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                octets
                    .iter_mut()
                    .skip(4)
                    .zip(tag)
                    .for_each(|(to, from)| *to = from);
                IpAddr::V6(Ipv6Addr::from(octets))
            }
        }
    }

    /// Pseudonym of a MAC address.
    #[must_use]
    pub fn mac(&self, mac: Mac) -> Mac {
        let [a, b, c, d, e] = self.tag("mac", &mac.0);
        Mac([0x02, a, b, c, d, e])
    }

    /// Pseudonym of a name.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        format!(
            "site-{}.invalid",
            hex(&self.tag::<5>("name", name.as_bytes()))
        )
    }

    fn serial(&self, serial: &Serial) -> Serial {
        // Not zero in front, so that its length is the same for all.
        let [_, rest @ ..] = self.tag::<9>("serial", serial.as_bytes());
        let mut bytes = vec![0xff];
        bytes.extend(rest);
        Serial::new(&bytes)
    }

    fn tag<const N: usize>(&self, domain: &str, what: &[u8]) -> [u8; N] {
        let message = [domain.as_bytes(), &[0], what].concat();
        let mut tag = [0; N];
        let whole = Hash::Sha256.hmac(&self.key, &message);
        tag.iter_mut()
            .zip(whole.as_bytes())
            .for_each(|(to, from)| *to = *from);
        tag
    }
}

/// Pseudonyms for what one report names.
#[derive(Debug)]
pub struct Hider {
    redaction: Redaction,
    known: Known,
}

impl Hider {
    /// Whether sites are hidden too.
    #[must_use]
    pub const fn sites(&self) -> bool {
        self.redaction.sites
    }

    /// Whether an address has to be hidden: of a client, of the inside of a network, and with sites of theirs.
    #[must_use]
    pub fn hides(&self, ip: IpAddr) -> bool {
        self.known.addresses.contains(&ip) || is_inside(ip)
    }

    /// An address as it may be shown.
    #[must_use]
    pub fn shown(&self, ip: IpAddr) -> IpAddr {
        if self.hides(ip) {
            self.redaction.ip(ip)
        } else {
            ip
        }
    }

    /// The pseudonym of an address, which is the same as in the report.
    #[must_use]
    pub fn always(&self, ip: IpAddr) -> IpAddr {
        self.redaction.ip(ip)
    }

    /// The pseudonym of a MAC address.
    #[must_use]
    pub fn mac(&self, mac: Mac) -> Mac {
        self.redaction.mac(mac)
    }

    /// Addresses that the report names and that have to be hidden.
    #[must_use]
    pub const fn addresses(&self) -> &HashSet<IpAddr> {
        &self.known.addresses
    }

    /// MAC addresses that the report names.
    #[must_use]
    pub const fn macs(&self) -> &HashSet<Mac> {
        &self.known.macs
    }

    fn finding(&self, finding: &mut Finding) {
        let party = &mut finding.client;
        party.device_label = self.label(&party.device_label);
        self.ip(&mut party.ip);
        process(&mut party.process);
        if let Some(server) = &mut finding.server {
            self.end(server);
        }
        // A hash of addresses gives them away to whoever tries them all.
        finding.community_id = None;
        if let Some(passed) = &mut finding.passes_on {
            self.ip(&mut passed.client);
            if let Some(site) = &mut passed.site {
                self.site(site);
            }
        }
        self.answer(&mut finding.answer);
        for candidate in finding.candidates.iter_mut().chain(&mut finding.rejected) {
            self.candidate(candidate);
        }
        for alert in &mut finding.alerts {
            self.alert(alert);
        }
        if let Some(site) = &mut finding.verdict.site {
            *site = self.site_text(site);
        }
        if self.redaction.sites {
            finding
                .asked
                .serials
                .iter_mut()
                .for_each(|s| *s = self.redaction.serial(s));
            // The path of an OCSP GET holds the serial.
            if let Some(url) = &mut finding.url
                && !finding.asked.serials.is_empty()
                && finding.method.as_deref() != Some("POST")
            {
                *url = format!("http://{}/[redacted]", finding.host);
            }
        }
    }

    fn answer(&self, answer: &mut Answer) {
        if let Some(Failure::Sinkhole(ip)) = &mut answer.failure {
            self.ip(ip);
        }
        if !self.redaction.sites {
            return;
        }
        answer
            .revoked_seen
            .iter_mut()
            .for_each(|(serial, _)| *serial = self.redaction.serial(serial));
        answer.ocsp = answer.ocsp.as_deref().map(|response| self.ocsp(response));
        answer.redirect = answer.redirect.as_ref().map(|_| "[redacted]".to_owned());
    }

    fn ocsp(&self, response: &OcspResponse) -> Arc<OcspResponse> {
        let mut response = response.clone();
        response
            .answers
            .iter_mut()
            .for_each(|a| a.id.serial = self.redaction.serial(&a.id.serial));
        Arc::new(response)
    }

    fn candidate(&self, candidate: &mut Candidate) {
        self.site(&mut candidate.site);
        self.end(&mut candidate.server);
        candidate.community_id = None;
        if self.redaction.sites {
            candidate.serial = candidate.serial.as_ref().map(|s| self.redaction.serial(s));
            candidate.evidence.iter_mut().for_each(|e| self.evidence(e));
        }
    }

    fn evidence(&self, evidence: &mut Evidence) {
        match &mut evidence.facts {
            Facts::SameSerial { serial, .. }
            | Facts::SerialDiffers { own: serial }
            | Facts::OwnCertificate { serial }
            | Facts::ClientCertificate { serial } => *serial = self.redaction.serial(serial),
            // These name CAs, families, times and processes, not sites.
            Facts::NamedInCertificate { .. }
            | Facts::NotNamed { .. }
            | Facts::ShardMatches { .. }
            | Facts::ShardDiffers { .. }
            | Facts::IssuerMatches { .. }
            | Facts::OtherIssuer { .. }
            | Facts::IntermediateMissing
            | Facts::IntermediatePresent
            | Facts::HandshakeWaited { .. }
            | Facts::BusyDevice { .. }
            | Facts::Prompt { .. }
            | Facts::LookedUpBefore { .. }
            | Facts::DidNotWait
            | Facts::InsideHandshake { .. }
            | Facts::SoonAfter { .. }
            | Facts::TooEarly { .. }
            | Facts::TooLate { .. }
            | Facts::SameBurst { .. }
            | Facts::SameProcess { .. }
            | Facts::OtherProcess { .. }
            | Facts::SameClientFamily { .. }
            | Facts::OtherClientFamily { .. }
            | Facts::FirstVisit
            | Facts::RepeatVisit
            | Facts::Resumed
            | Facts::Stapled
            | Facts::KeyKindUnfit
            | Facts::OnlyCandidate
            | Facts::AbortedAfterAnswer { .. }
            | Facts::VisitorWantedStaple { .. }
            | Facts::PeerCertificate { .. }
            | Facts::IkeClient { .. }
            | Facts::SharedAddress
            | Facts::HiddenIssuerDiffers { .. }
            | Facts::HiddenListDiffers { .. }
            | Facts::LearnedOtherwise { .. } => {}
        }
    }

    fn handshake(&self, handshake: &mut Handshake) {
        self.end(&mut handshake.client);
        self.end(&mut handshake.server);
        self.site(&mut handshake.site);
        process(&mut handshake.process);
        if self.redaction.sites {
            // Names, serials and DER of the site.
            handshake.chain = Box::default();
            handshake.staple = None;
        }
        if let crate::event::Carrier::Proxy { target, .. } = &mut handshake.carrier {
            *target = self.text(target);
        }
    }

    fn lookup(&self, lookup: &mut Lookup) {
        self.end(&mut lookup.client);
        self.end(&mut lookup.server);
        lookup.addresses.iter_mut().for_each(|ip| self.ip(ip));
        if self.redaction.sites && !is_watched(lookup.name.as_str()) {
            for name in std::iter::once(&mut lookup.name).chain(&mut lookup.chain) {
                *name = Name::new(&self.redaction.name(name.as_str()));
            }
            lookup
                .addresses
                .iter_mut()
                .for_each(|ip| *ip = self.redaction.ip(*ip));
        }
    }

    fn alert(&self, alert: &mut Alert) {
        alert.subject = self.text(&alert.subject);
    }

    fn site(&self, site: &mut Site) {
        if let Site::Address(ip) = site {
            self.ip(ip);
        }
        if self.redaction.sites
            && let Site::Sni(name) | Site::Proxy(name) | Site::Certificate(name) | Site::Dns(name) =
                site
        {
            *name = Name::new(&self.redaction.name(name.as_str()));
        }
    }

    /// A site as a verdict names it: a name or an address.
    fn site_text(&self, site: &str) -> String {
        match site.parse::<IpAddr>() {
            Ok(mut ip) => {
                self.ip(&mut ip);
                ip.to_string()
            }
            Err(_) if self.redaction.sites => self.redaction.name(site),
            Err(_) => site.to_owned(),
        }
    }

    fn end(&self, end: &mut SocketAddr) {
        let mut ip = end.ip();
        self.ip(&mut ip);
        end.set_ip(ip);
    }

    /// Hides an address of a client, and any that belongs to the inside of a network.
    fn ip(&self, ip: &mut IpAddr) {
        *ip = self.shown(*ip);
    }

    /// A device's label is its MAC or an address.
    fn label(&self, label: &str) -> String {
        if let Ok(ip) = label.parse::<IpAddr>() {
            return self.shown(ip).to_string();
        }
        match parse_mac(label) {
            Some(mac) => self.redaction.mac(mac).to_string(),
            None => format!(
                "device-{}",
                hex(&self.redaction.tag::<5>("label", label.as_bytes()))
            ),
        }
    }

    /// Free text word by word: what is an address, site or serial of the report gets its pseudonym.
    fn text(&self, text: &str) -> String {
        let part_of_word =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '_');
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let end = if part_of_word(first) {
                rest.find(|c| !part_of_word(c)).unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            let (word, tail) = rest.split_at(end);
            shown.push_str(&self.word(word));
            rest = tail;
        }
        shown
    }

    fn word(&self, word: &str) -> String {
        let core = word.trim_end_matches(['.', ':']);
        let ending = word.get(core.len()..).unwrap_or_default();
        let hidden = if let Ok(mut ip) = core.parse::<IpAddr>() {
            self.ip(&mut ip);
            ip.to_string()
        } else if self.known.sites.contains(core) {
            self.redaction.name(core)
        } else if self.known.serials.contains(core) {
            // Equal to what `serial` gives: the hex stands for the same bytes.
            parse_hex(core).map_or_else(
                || "[redacted]".into(),
                |b| self.redaction.serial(&Serial::new(&b)).to_string(),
            )
        } else if self.redaction.sites && core.len() > 60 {
            "[redacted]".to_owned()
        } else {
            core.to_owned()
        };
        hidden + ending
    }
}

/// User, parent, command line and unit say more about a person or a machine than the report needs.
fn process(process: &mut Option<Arc<Process>>) {
    if let Some(known) = process {
        *process = Some(Arc::new(Process {
            pid: known.pid,
            name: known.name.clone(),
            source: known.source,
            ..Process::default()
        }));
    }
}

/// Addresses that are not public but name something: not 0.0.0.0 or loopback, which mean the same everywhere.
const fn is_inside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_link_local() || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

fn is_watched(name: &str) -> bool {
    let name = Name::new(name);
    ["lencr.org", "letsencrypt.org", "identrust.com"]
        .iter()
        .any(|domain| name.is_under(domain))
}

fn parse_mac(text: &str) -> Option<Mac> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(Mac(mac))
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(text.get(i..i + 2)?, 16).ok())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests;
