//! Room 5: events to findings.
//!
//! Ingesting only files facts away; all conclusions are drawn when a report is asked for, by pure functions
//! over what was filed: `devices` (which addresses are one device), `contacts` (what belongs together),
//! `judge` and `rules` (what speaks for and against each handshake), `verdict` (how much that is), `doings`
//! (no handshake: what else), `alerts`, `build`.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::event::{
    BlindSpot, DnsAnswer, DnsOutcome, DnsTransport, Event, EventKind, Name, Process, Request,
};
use crate::finding::{Coverage, Handshake, HandshakeId, HandshakeOutcome, Lookup, Report};
use crate::flow::{Close, Endpoints, FlowId, Scopes, Transport};
use crate::frame::{FrameNo, InterfaceId};
use crate::limits::Limits;
use crate::pki::cert::Certificate;
use crate::pki::ocsp::{self, OcspRequest};
use crate::pki::{endpoint, lookalike, verify};
use crate::time::Timestamp;

use answers::Reader;
use certificates::Certificates;
use concluded::Concluded;
use contacts::{ConnectRecord, Log, LookupRecord, RequestRecord, Watch, kind_of_path};
use devices::{Devices, HostKey};
use handshakes::Handshakes;
use names::{CutTold, Fact, Names};
use steps::Steps;
use strain::Strain;

pub mod agents;
pub mod alerts;
pub mod answers;
pub mod build;
pub mod case;
pub mod certificates;
pub mod community;
pub mod concluded;
pub mod contacts;
pub mod devices;
pub mod doings;
pub mod dossier;
mod filing;
mod forgetting;
pub mod handshakes;
pub mod health;
pub mod judge;
pub mod log;
pub mod names;
pub mod outage;
pub mod pace;
pub mod pages;
pub mod privacy;
pub mod relays;
pub mod repeats;
pub mod rules;
pub mod shelf;
pub mod steps;
pub mod strain;
pub mod synthesized;
pub mod verdict;
pub mod waits;

/// What the user asked for and gave.
#[derive(Debug)]
pub struct Config {
    /// Caps and timeouts.
    pub limits: Limits,
    /// Explain every CA's revocation and issuer traffic.
    pub all_cas: bool,
    /// Certificates that signatures are checked against.
    pub trust: verify::Trust,
    /// Certificates known for sites.
    pub supplied: Vec<Arc<Certificate>>,
    /// Threads that a report shares its contacts out to. It says the same with any number.
    pub threads: NonZeroUsize,
}

impl Default for Config {
    /// What the tool uses: its own limits, the built-in Let's Encrypt hierarchy.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            all_cas: false,
            trust: verify::Trust::builtin(),
            supplied: Vec::new(),
            threads: NonZeroUsize::MIN,
        }
    }
}

/// Everything filed away.
#[derive(Debug)]
pub struct State {
    /// Caps and timeouts.
    pub limits: Limits,
    /// All CAs are of interest.
    pub all_cas: bool,
    /// See [`Config::threads`].
    threads: NonZeroUsize,
    /// Live flows.
    flows: HashMap<FlowId, Flow>,
    /// Scopes that are one.
    scopes: Scopes,
    /// Addresses.
    pub devices: Devices,
    /// Names.
    pub names: Names,
    /// Handshakes.
    pub handshakes: Handshakes,
    /// Certificates.
    pub certificates: Certificates,
    /// Responses.
    pub reader: Reader,
    /// Watched lookups, connections, requests.
    pub log: Log,
    /// Requests to other CAs where reports are not about them: what handshakes stood still for them are not
    /// open to be explained otherwise.
    pub elsewhere: Log,
    /// Addresses given for watched names: the latest name.
    watched_addresses: HashMap<std::net::IpAddr, Vec<(HostKey, Name, Timestamp)>>,
    /// Rulings that could not wait for a report.
    pub concluded: Concluded,
    /// Where limits were reached.
    pub strain: Strain,
    /// Where the clock of the capture stepped back.
    pub steps: Steps,
    /// What web servers said of the time.
    pub dates: alerts::Dates,
    /// What the capture could not show.
    pub coverage: Coverage,
    /// The first event.
    began: Option<Timestamp>,
    /// When a lookup was last taken for a sign of life.
    spoke_at: Timestamp,
    /// Clients of connections, other than of HTTP, that were open when the capture began.
    joined: HashSet<HostKey>,
}

/// What is kept of a live flow.
#[derive(Clone, Debug)]
struct Flow {
    ends: Endpoints,
    interface: InterfaceId,
    opened_at: Timestamp,
    opened_frame: FrameNo,
    from_start: bool,
    /// For whom a load balancer opened it, by its own word.
    told_client: Option<Box<SocketAddr>>,
    /// The client's clock and TTL in its first packet.
    stamp: Option<(u32, u8)>,
    handshake: Option<HandshakeId>,
    /// Logged requests of this flow that wait for their answer.
    waiting: VecDeque<log::RequestNo>,
    process: Option<Arc<Process>>,
}

impl Flow {
    /// What is logged of it when it is with a watched host.
    fn connect(&self, id: FlowId, host: Name, watch: Watch) -> ConnectRecord {
        ConnectRecord {
            flow: id,
            host,
            watch,
            asker: None,
            client: self.ends.client,
            client_key: HostKey::client_of(&self.ends),
            server: self.ends.server,
            interface: self.interface,
            at: self.opened_at,
            frame: self.opened_frame,
            from_start: self.from_start,
            connected_at: None,
            close: None,
            requests: 0,
            stamp: self.stamp,
            tls: false,
            process: self.process.clone(),
            proxy: None,
        }
    }

    /// What is logged of a request on it.
    fn request(
        &self,
        (at, frame): (Timestamp, FrameNo),
        id: FlowId,
        (request, ocsp): (Box<Request>, Option<OcspRequest>),
        (host, watch): (Name, Watch),
    ) -> RequestRecord {
        RequestRecord {
            flow: id,
            request: request.into(),
            host,
            watch,
            client: self.ends.client,
            client_key: HostKey::client_of(&self.ends),
            server: self.ends.server,
            interface: self.interface,
            at,
            frame,
            ocsp,
            answer: None,
            process: self.process.clone(),
        }
    }
}

/// Takes events, gives reports.
#[derive(Debug)]
pub struct Correlator {
    state: State,
}

impl Correlator {
    /// An empty one.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let limits = config.limits;
        let mut certificates = Certificates::new(limits.certificates, limits.chains_total / 2);
        for cert in config.supplied {
            certificates.supplied(cert);
        }
        Self {
            state: State {
                flows: HashMap::default(),
                scopes: Scopes::default(),
                devices: Devices::new(limits.devices),
                names: Names::new(limits.names),
                handshakes: Handshakes::new(
                    limits.handshakes,
                    limits.kept_handshakes,
                    limits.chains_total,
                ),
                certificates,
                reader: Reader::new(config.trust, limits.crl_body),
                log: Log::new(limits.log_total),
                elsewhere: Log::elsewhere(limits.log_total / 8),
                watched_addresses: HashMap::default(),
                concluded: Concluded::default(),
                strain: Strain::default(),
                steps: Steps::default(),
                dates: alerts::Dates::default(),
                coverage: Coverage::default(),
                began: None,
                spoke_at: Timestamp::from_nanos(i64::MIN),
                joined: HashSet::default(),
                all_cas: config.all_cas,
                threads: config.threads,
                limits,
            },
        }
    }

    /// Files one event away.
    pub fn ingest(&mut self, event: Event) {
        self.state.ingest(event);
    }

    /// Files several events away, which is faster than one after the other.
    pub fn ingest_all(&mut self, events: std::vec::Drain<'_, Event>) {
        let answers = events
            .as_slice()
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::DnsAnswer(answer) => Some(answer),
                _ => None,
            });
        for (address, _) in answers.flat_map(|answer| &answer.addresses) {
            self.state.names.expect(*address);
        }
        for event in events {
            self.state.ingest(event);
        }
    }

    /// When there is little room left for contacts: the time to [`Self::forget`] by, so that there is again.
    #[must_use]
    pub fn crowded_until(&self) -> Option<Timestamp> {
        let until = self.state.crowded_until()?;
        Some(self.state.steps.as_now(until))
    }

    /// Forgets contacts before a time, and what no later one can rest on, for captures that go on for weeks.
    pub fn forget(&mut self, before: Timestamp) {
        self.state.forget(self.state.steps.from_now(before));
    }

    /// Draws the conclusions from everything filed so far. `coverage` holds what the rooms above counted.
    #[must_use]
    pub fn report(&self, coverage: Coverage) -> Report {
        build::report(&self.state, coverage)
    }

    /// Every handshake that is remembered, in order; a report holds only those that findings speak of.
    #[must_use]
    pub fn handshakes(&self) -> Vec<Handshake> {
        build::handshakes(&self.state)
    }
}

/// Type code of AAAA records (RFC 3596).
const AAAA: u16 = 28;

/// Whether lookups of a name are contacts.
#[must_use]
pub fn is_watched(name: &str) -> bool {
    watch(name).is_some()
}

/// What a name is to us, if anything.
#[must_use]
pub fn watch(name: &str) -> Option<Watch> {
    if let Some(role) = endpoint::host_role(name) {
        return Some(Watch::Known(role));
    }
    lookalike::look_alike(name).map(|_| Watch::LookAlike)
}

/// The OCSP question of a request: in the body of a POST, in the path of a GET.
fn ocsp_question(request: &Request) -> Option<OcspRequest> {
    if let Some(body) = &request.body {
        return ocsp::parse_request(body).ok();
    }
    if request.method != "GET" {
        return None;
    }
    let der = ocsp::request_of_path(&request.path)?;
    ocsp::parse_request(&der).ok()
}

/// Resolvers that browsers and systems come configured with.
fn is_doh_resolver(name: &Name) -> bool {
    const RESOLVERS: [&str; 11] = [
        "dns.google",
        "cloudflare-dns.com",
        "one.one.one.one",
        "dns.quad9.net",
        "doh.opendns.com",
        "dns.nextdns.io",
        "dns.adguard-dns.com",
        "doh.cleanbrowsing.org",
        "dns.mullvad.net",
        "doh.xfinity.com",
        "dns0.eu",
    ];
    RESOLVERS.iter().any(|resolver| name.is_under(resolver))
}

/// Relays that carry other connections inside TLS or QUIC (MASQUE, RFC 9298 and 9484) and that systems come
/// with: Apple's (the names are in "Prepare your network for iCloud Private Relay", developer.apple.com) and
/// Cloudflare's WARP.
fn is_relay(name: &Name) -> bool {
    const RELAYS: [&str; 4] = [
        "mask.icloud.com",
        "mask-h2.icloud.com",
        "consumer-masque.cloudflareclient.com",
        "zt-masque.cloudflareclient.com",
    ];
    RELAYS.iter().any(|relay| name.is_under(relay))
}
