//! Everything a run came to.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::event::{AnomalyKind, BlindSpot, DnsOutcome, Mac, Name};
use crate::finding::{
    Alert, DeviceId, Dossier, Facts, Finding, FindingId, Handshake, HandshakeId, Outage, Privacy,
    ServerHealth,
};
use crate::frame::Frames;
use crate::time::{Span, Timestamp};

/// What is known of one device.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Label: MAC, else first address.
    pub label: String,
    /// MAC, when it is surely its own.
    pub mac: Option<Mac>,
    /// Addresses, in order.
    pub addresses: Vec<IpAddr>,
    /// Signs that several machines share its address (NAT, proxy).
    pub shared: bool,
    /// Client software seen, in a few words each.
    pub clients: Vec<String>,
    /// Blind spots, with how many flows.
    pub blind: BTreeMap<BlindSpot, u64>,
}

/// A lookup of interest.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// When it was asked (answered, when the question was not seen).
    pub at: Timestamp,
    /// Who asked.
    pub client: SocketAddr,
    /// Whom.
    pub server: SocketAddr,
    /// Name.
    pub name: Name,
    /// Type.
    pub qtype: u16,
    /// How it ended.
    pub outcome: DnsOutcome,
    /// Addresses given.
    pub addresses: Vec<IpAddr>,
    /// CNAME targets.
    pub chain: Vec<Name>,
    /// How long it took.
    pub took: Option<Span>,
    /// Question and answer frames.
    pub frames: Frames,
}

/// What the capture could not show, so that absence is never mistaken for proof.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Time of the first and the last frame.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Frames read.
    pub frames: u64,
    /// Bytes captured.
    pub bytes: u64,
    /// Frames that were cut by the snap length.
    pub cut_frames: u64,
    /// Packets that were samples: one in so many of those that there were.
    pub sampled: u64,
    /// Frames that could not be decoded down to IP, by reason.
    pub undecoded: BTreeMap<&'static str, u64>,
    /// Flows by transport: TCP, UDP.
    pub flows: [u64; 2],
    /// TCP flows that began before the capture.
    pub midstream_flows: u64,
    /// TCP flows of which only one side was seen.
    pub one_sided_flows: u64,
    /// Handshakes, and how many of them show their certificate in clear, by keys, hidden, resumed.
    pub handshakes: u64,
    /// Certificates visible in clear text.
    pub handshakes_clear: u64,
    /// Certificates visible by keys.
    pub handshakes_keys: u64,
    /// Certificates hidden by encryption.
    pub handshakes_hidden: u64,
    /// Resumed.
    pub handshakes_resumed: u64,
    /// Handshakes whose hello offers ECH.
    pub handshakes_ech: u64,
    /// Blind spots, with how many flows.
    pub blind: BTreeMap<BlindSpot, u64>,
    /// Frames dropped by the kernel or by our own queue (live).
    pub dropped: u64,
    /// How often an interface that was captured from was down, or went away (live).
    pub interruptions: u64,
    /// Anomalies by kind.
    pub anomalies: BTreeMap<AnomalyKind, u64>,
    /// Key log lines taken, and how many were of use.
    pub keys: (u64, u64),
    /// Sightings of time running backwards by more than a second.
    pub clock_steps: u64,
    /// The largest power of ten, up to a second, that all times are multiples of; zero while nothing is known.
    pub clock_unit: Span,
}

impl Coverage {
    /// Learns from a time stamp how coarse the steps of the clock are.
    pub fn learn_clock(&mut self, at: Timestamp) {
        let mut unit = match self.clock_unit {
            Span::ZERO => 1_000_000_000,
            known => known.as_nanos(),
        };
        while at.as_nanos() % unit != 0 {
            unit /= 10;
        }
        self.clock_unit = Span::from_nanos(unit);
    }

    /// Whether times tell too little to say what came how soon after what: a clock with coarse steps, or one
    /// that stands still.
    #[must_use]
    pub fn is_clock_coarse(&self) -> bool {
        // Servers and clients answer within milliseconds, and kernels have had finer clocks for capturing
        // since they capture.
        let stands = self.frames > 1 && self.span.is_some_and(|(first, last)| first == last);
        stands || self.clock_unit >= Span::from_millis(10)
    }
}

/// Everything the run came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Findings in the order of contacts.
    pub findings: Vec<Finding>,
    /// Handshakes that findings speak of, and others kept; by id in ascending order.
    pub handshakes: Vec<Handshake>,
    /// Other handshakes whose times were weighed: how busy a device was around a contact.
    pub around: Vec<Handshake>,
    /// Devices, by id.
    pub devices: Vec<Device>,
    /// Lookups of watched names and of trigger sites.
    /// Those of watched names are shared by what is remembered and all reports on it.
    pub lookups: Vec<Arc<Lookup>>,
    /// What the capture could not show.
    pub coverage: Coverage,
    /// Alerts that belong to no single finding (outages).
    pub alerts: Vec<Alert>,
    /// What is known of triggers, by their handshake in ascending order.
    pub dossiers: Vec<Dossier>,
    /// Servers with certificates of Let's Encrypt, and others that caused a contact: those with problems first.
    pub servers: Vec<ServerHealth>,
    /// Contacts that failed together.
    pub outages: Vec<Outage>,
    /// What clear text gave away.
    pub privacy: Privacy,
}

impl Report {
    /// The handshake of an id, when it was kept.
    #[must_use]
    pub fn handshake(&self, id: HandshakeId) -> Option<&Handshake> {
        let place = self.handshakes.binary_search_by_key(&id, |h| h.id).ok()?;
        self.handshakes.get(place)
    }

    /// The dossier of a handshake, when it is a trigger.
    #[must_use]
    pub fn dossier(&self, id: HandshakeId) -> Option<&Dossier> {
        let place = self
            .dossiers
            .binary_search_by_key(&id, |d| d.handshake)
            .ok()?;
        self.dossiers.get(place)
    }

    /// Gives findings other ids, wherever they are spoken of.
    pub fn renumber(&mut self, new: impl Fn(FindingId) -> FindingId) {
        let renew = |id: &mut FindingId| *id = new(*id);
        for finding in &mut self.findings {
            renew(&mut finding.id);
            if let Some(passed) = &mut finding.passes_on {
                renew(&mut passed.finding);
            }
            let candidates = finding.candidates.iter_mut().chain(&mut finding.rejected);
            for evidence in candidates.flat_map(|candidate| &mut candidate.evidence) {
                if let Facts::SameBurst { finding } = &mut evidence.facts {
                    renew(finding);
                }
            }
        }
        for dossier in &mut self.dossiers {
            dossier.later_alerts.iter_mut().for_each(renew);
        }
        for server in &mut self.servers {
            server.cost.findings.iter_mut().for_each(renew);
        }
        for given in &mut self.privacy.sites {
            given.ocsp.iter_mut().for_each(renew);
        }
    }

    /// Every handshake of the report.
    pub fn all_handshakes(&self) -> impl Iterator<Item = &Handshake> {
        self.handshakes.iter().chain(&self.around)
    }

    /// The device of an id.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        let place = self.devices.binary_search_by_key(&id, |d| d.id).ok()?;
        self.devices.get(place)
    }
}
