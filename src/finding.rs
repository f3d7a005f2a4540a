//! What correlation concludes and presenters arrange: the vocabulary between rooms 5, 6 and 7.
//!
//! Presenters never compute: everything a report may say is here as data, and every claim carries the
//! frames that prove it. Sentences live in `report::prose` alone.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::event::{AnomalyKind, BlindSpot, Carrier, DnsOutcome, Mac, Name, Process, Provenance};
use crate::flow::{Ending, FlowId};
use crate::frame::{FrameNo, InterfaceId};
use crate::pki::cert::{Certificate, Serial};
use crate::pki::crl::CrlFacts;
use crate::pki::endpoint::HostRole;
use crate::pki::ocsp::{CertStatus, Dialect, OcspResponse};
pub use crate::pki::verify::Signature;
use crate::time::{Span, Timestamp};

/// A finding of the run, counted from 1 in the order of the contacts.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FindingId(pub u64);

/// A handshake of the run, in order of appearance.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HandshakeId(pub u64);

/// A device of the run.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DeviceId(pub u32);

/// The server name of a handshake, and how it was learned.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Site {
    /// From server_name.
    Sni(Name),
    /// What the client asked its proxy for.
    Proxy(Name),
    /// The first name of the certificate the server showed.
    Certificate(Name),
    /// The name this device had looked up for the server's address.
    Dns(Name),
    /// The server_name of an outer hello: the provider's public name, never the site.
    EchOuter(Name),
    /// Nothing but the address.
    Address(IpAddr),
}

impl Site {
    /// The text to show. An outer name is not a site, so it gives none.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Sni(n) | Self::Proxy(n) | Self::Certificate(n) | Self::Dns(n) => {
                Some(n.to_string())
            }
            Self::EchOuter(_) => None,
            Self::Address(ip) => Some(ip.to_string()),
        }
    }
}

/// Which way a handshake went, seen from the device of the fetch.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Direction {
    /// The device was the client.
    Outbound,
    /// The device was the server.
    Inbound,
}

/// Whether a handshake showed a certificate at all.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Visibility {
    /// Certificate read in clear text.
    Clear,
    /// Certificate read by way of keys.
    Keys,
    /// Hidden (TLS 1.3, QUIC, ECH) or lost from the capture, but known for the same name from elsewhere.
    Learned,
    /// Hidden by encryption.
    Hidden,
    /// Not sent: the session was resumed.
    Resumed,
    /// Should be in clear text but is missing from the capture (loss, snap length, one side only).
    Lost,
}

/// How a handshake went on, as far as seen.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum HandshakeOutcome {
    /// Application data followed.
    Used,
    /// Completed, but no application data was seen.
    Completed,
    /// The client ended it with a fatal alert (description when readable).
    ClientAlert(Option<u8>),
    /// The server ended it with a fatal alert.
    ServerAlert(Option<u8>),
    /// The connection was closed before it completed.
    Abandoned,
    /// Still open when the capture ended, or not enough was seen.
    Unknown,
}

/// One handshake, summed up for presenters.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// Its id.
    pub id: HandshakeId,
    /// Its flow.
    pub flow: FlowId,
    /// Client end.
    pub client: SocketAddr,
    /// Server end.
    pub server: SocketAddr,
    /// Device of the client end.
    pub client_device: DeviceId,
    /// Server name, and how it was learned.
    pub site: Site,
    /// What carried it.
    pub carrier: Carrier,
    /// Negotiated version (0x0303 is TLS 1.2), when a ServerHello was seen.
    pub version: Option<u16>,
    /// Cipher suite.
    pub suite: Option<u16>,
    /// ALPN offered by the client.
    pub alpn: Vec<String>,
    /// JA4.
    pub ja4: String,
    /// ECH extension present.
    pub ech_offered: bool,
    /// Visibility of its certificate.
    pub visibility: Visibility,
    /// Certificates shown by the server, leaf first; empty when none is visible.
    pub chain: Vec<Arc<Certificate>>,
    /// How the chain came to light.
    pub provenance: Option<Provenance>,
    /// Stapled OCSP answer.
    pub staple: Option<Arc<OcspResponse>>,
    /// Whether the client offered status_request.
    pub wanted_staple: bool,
    /// SYN.
    pub opened_at: Option<Timestamp>,
    /// ClientHello.
    pub hello_at: Timestamp,
    /// ServerHello.
    pub server_hello_at: Option<Timestamp>,
    /// Last frame of the Certificate message.
    pub certificate_at: Option<Timestamp>,
    /// First application data of the client.
    pub first_data_at: Option<Timestamp>,
    /// ClientHello, ServerHello, Certificate frames.
    pub frames: HandshakeFrames,
    /// Client's and server's speaking times in order, for drawing and for measuring waits.
    pub beats: Vec<(Timestamp, FrameNo, crate::event::Beat)>,
    /// How it went on.
    pub outcome: HandshakeOutcome,
    /// Bytes each way (client, server), when the flow has ended.
    pub bytes: Option<[u64; 2]>,
    /// How the flow ended.
    pub ending: Option<Ending>,
    /// Process of the client end.
    pub process: Option<Arc<Process>>,
}

/// Frames of a handshake.
#[derive(Clone, Copy, Debug, Default)]
pub struct HandshakeFrames {
    /// ClientHello (its last frame).
    pub client_hello: Option<FrameNo>,
    /// ServerHello.
    pub server_hello: Option<FrameNo>,
    /// Certificate (its last frame).
    pub certificate: Option<FrameNo>,
    /// Certificate (its first frame).
    pub certificate_first: Option<FrameNo>,
}

/// What kind of object a contact was after.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ContactKind {
    /// An OCSP status.
    Ocsp,
    /// A CRL.
    Crl,
    /// An issuer certificate.
    Issuer,
    /// Not told, or nothing that the name grammar knows.
    Unknown,
}

/// How far a contact got.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Only looked up.
    LookedUp,
    /// Connected (or tried to), no request seen.
    Connected,
    /// Asked.
    Asked,
    /// Answered.
    Answered,
}

/// Who made the contact.
#[derive(Clone, Debug)]
pub struct Party {
    /// Address.
    pub ip: IpAddr,
    /// Port, for requests and connections.
    pub port: Option<u16>,
    /// Device.
    pub device: DeviceId,
    /// Label of the device: its MAC, else its first address.
    pub device_label: String,
    /// Client software in a few words ("Firefox 153"), guessed from what it sent.
    pub agent: Option<String>,
    /// User-Agent as sent.
    pub user_agent: Option<String>,
    /// Process.
    pub process: Option<Arc<Process>>,
}

/// What was asked.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Serials asked about (OCSP).
    pub serials: Vec<Serial>,
    /// Issuer (common name when known).
    pub issuer: Option<String>,
    /// CRL shard.
    pub shard: Option<u32>,
    /// Encoding of the OCSP request.
    pub dialect: Option<Dialect>,
    /// If-None-Match or If-Modified-Since.
    pub conditional: bool,
}

/// Why a contact did not get its answer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Failure {
    /// The lookup failed.
    Lookup(DnsOutcome),
    /// The lookup was answered with an address that is no server (0.0.0.0, ::, loopback, documentation, private for a public name).
    Sinkhole(IpAddr),
    /// RST or ICMP in answer to the SYN.
    Refused,
    /// No answer to the SYN.
    Unanswered,
    /// RST before the response was whole.
    Reset,
    /// The connection stood and the request was sent, but no response came.
    NoResponse,
    /// The client hung up before the response came.
    Abandoned,
    /// HTTP status of 400 and above.
    Http(u16),
    /// OCSP status other than successful.
    OcspError(u8),
    /// The response broke off.
    Incomplete,
}

/// What was answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// HTTP status.
    pub http_status: Option<u16>,
    /// Decoded OCSP response.
    pub ocsp: Option<Arc<OcspResponse>>,
    /// Decoded CRL head.
    pub crl: Option<Arc<CrlFacts>>,
    /// Serials of certificates seen in this capture that the CRL lists, with their status.
    pub revoked_seen: Vec<(Serial, CertStatus)>,
    /// Issuer certificates received.
    pub certificates: Vec<Arc<Certificate>>,
    /// Signature over it.
    pub signature: Signature,
    /// Why there is none, or none of use.
    pub failure: Option<Failure>,
    /// Location of a redirect.
    pub redirect: Option<String>,
}

/// What a verdict comes to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Outcome {
    /// One handshake (or several with the same site).
    Site,
    /// One of several that cannot be told apart.
    OneOf,
    /// The question concerns an intermediate or root: any of the set.
    AnyUnder,
    /// The device's own doing; no outbound handshake caused it.
    NoOutbound,
    /// Nothing in the capture explains it.
    Unexplained,
}

/// Why the contact was made.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Cause {
    /// A client checks whether a certificate it was shown is revoked.
    RevocationCheck,
    /// A client completes a chain whose intermediate the server left out.
    IssuerChase,
    /// A server asks about its own certificate.
    Stapling,
    /// An ACME client looks after its certificates.
    Acme,
    /// A job on a timer.
    Scheduled,
    /// A cached answer near its nextUpdate is renewed.
    Refresh,
    /// A person or a script of theirs.
    Person,
    /// A scanner or monitor.
    Scanner,
    /// A gateway or proxy fetches for others.
    Proxy,
    /// Not what it claims to be.
    Disguise,
    /// Not known.
    Unknown,
}

/// How sure. Each word has a measured meaning; see the scoreboard in the docs.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Confidence {
    /// Fits, and so may others.
    Possible,
    /// Fits better than anything else: right at least 85 times in 100 on labelled captures.
    Likely,
    /// Nothing else in the capture fits: right at least 97 times in 100.
    Strong,
    /// The bytes say so: right always.
    Proven,
}

/// The verdict in short; the candidates hold the reasons.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Outcome.
    pub outcome: Outcome,
    /// Cause.
    pub cause: Cause,
    /// Confidence in outcome and site.
    pub confidence: Confidence,
    /// The site, for [`Outcome::Site`]; for stapling the device's own server name.
    pub site: Option<String>,
    /// What the answer of an any-under verdict is under.
    pub under: Option<String>,
    /// What would settle it, when it is not settled.
    pub missing: Vec<Missing>,
}

/// What would help to settle a verdict.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Missing {
    /// Keys for the hidden handshakes.
    KeyLog,
    /// A capture that starts earlier.
    EarlierStart,
    /// The other interface, VPN or proxy side.
    OtherInterface,
    /// The sites' certificates, given with `--certs`.
    SiteCertificates,
    /// A capture with whole packets.
    LargerSnaplen,
    /// A capture without loss, or with both directions.
    CompleteCapture,
    /// A capture on the client itself (behind the NAT or proxy).
    ClientSide,
    /// Process names, by a live capture.
    ProcessNames,
}

/// What a piece of evidence does to a candidate.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Bearing {
    /// Settles it: this is the one.
    Decides,
    /// Speaks for it.
    Supports(Weight),
    /// Speaks against it.
    Opposes(Weight),
    /// Rules it out.
    Excludes,
}

/// How much a piece of evidence counts.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Weight {
    /// A hint.
    Slight,
    /// Speaks clearly.
    Fair,
    /// Hard to explain otherwise.
    Strong,
}

/// One piece of evidence for or against a candidate.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Name of the rule, as in the rule table, JSON and docs.
    pub rule: &'static str,
    /// What it does.
    pub bearing: Bearing,
    /// The facts it rests on.
    pub facts: Facts,
    /// Frames that prove it.
    pub frames: Vec<FrameNo>,
}

/// The facts of a piece of evidence, one variant a rule, for prose to put into words.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Facts {
    /// The serial and issuer asked about are this certificate's; `position` 0 is the leaf.
    SameSerial {
        /// Serial.
        serial: Serial,
        /// Place in the chain.
        position: usize,
        /// How the certificate is known.
        visibility: Visibility,
    },
    /// The serial asked about is another one.
    SerialDiffers {
        /// Serial of the candidate's leaf.
        own: Serial,
    },
    /// The fetched URL stands in a certificate the server showed.
    NamedInCertificate {
        /// URL.
        url: String,
        /// Place in the chain.
        position: usize,
        /// How the certificate is known.
        visibility: Visibility,
        /// Whether other candidates show it too.
        shared: bool,
    },
    /// The certificate names other URLs for this, so the client would not have fetched this one.
    NotNamed {
        /// What the certificate names instead, if anything.
        own: Option<String>,
    },
    /// The serial of the leaf implies the fetched CRL shard.
    ShardMatches {
        /// Shard.
        shard: u32,
    },
    /// The serial implies another shard.
    ShardDiffers {
        /// Shard that the serial implies.
        own: u32,
    },
    /// The chain is issued by the CA asked about.
    IssuerMatches {
        /// CA.
        issuer: String,
    },
    /// The chain is issued by another CA.
    OtherIssuer {
        /// The CA that issued it.
        own: String,
    },
    /// The server left out the certificate that was fetched.
    IntermediateMissing,
    /// The server sent the certificate that was fetched, so there was no need.
    IntermediatePresent,
    /// The client fell silent after the server's flight, the fetch ran inside the silence, and the client spoke again after it.
    HandshakeWaited {
        /// Length of the silence.
        silence: Span,
        /// From the answer (or failure) to the client's next word.
        resumed_after: Span,
        /// Whether other handshakes of this device waited likewise.
        shared: bool,
    },
    /// The handshake went on without waiting although it could have waited for this fetch.
    DidNotWait,
    /// The fetch began inside the handshake.
    InsideHandshake {
        /// From ServerHello (or ClientHello) to the fetch.
        lead: Span,
    },
    /// The fetch began soon after.
    SoonAfter {
        /// From ServerHello (or ClientHello) to the fetch.
        lead: Span,
    },
    /// Too long before to be the cause.
    TooEarly {
        /// From ServerHello (or ClientHello) to the fetch.
        lead: Span,
    },
    /// The handshake began after the fetch.
    TooLate {
        /// How long after.
        lag: Span,
    },
    /// Another fetch of the same burst is tied to this handshake.
    SameBurst {
        /// That finding.
        finding: FindingId,
    },
    /// Both connections belong to one process.
    SameProcess {
        /// Process name.
        name: String,
    },
    /// They belong to different processes.
    OtherProcess {
        /// Process name.
        name: String,
    },
    /// The fetch's User-Agent and the handshake's fingerprint are of one family.
    SameClientFamily {
        /// Family.
        family: String,
    },
    /// They are of different families.
    OtherClientFamily {
        /// Family of the handshake.
        family: String,
    },
    /// The first handshake with this name in the capture.
    FirstVisit,
    /// An earlier handshake with this name would have fetched it.
    RepeatVisit,
    /// The session was resumed: no certificate was sent.
    Resumed,
    /// A good staple was delivered.
    Stapled,
    /// The issuer family never signs keys of this kind.
    KeyKindUnfit,
    /// The only handshake of this device that can have caused it.
    OnlyCandidate,
    /// The client aborted the handshake when the answer said revoked, or when the check failed.
    AbortedAfterAnswer {
        /// From answer to alert or close.
        after: Span,
    },
    /// Inbound: the device itself showed this certificate to its visitors.
    OwnCertificate {
        /// Serial.
        serial: Serial,
    },
    /// Inbound: a visitor asked for a staple just before.
    VisitorWantedStaple {
        /// From the ClientHello to the fetch.
        lead: Span,
    },
    /// Inbound: a visitor showed this client certificate.
    ClientCertificate {
        /// Serial.
        serial: Serial,
    },
    /// The ties of addresses to one device rest on signs only.
    SharedAddress,
    /// The CA asked about has not issued the certificate known for this name.
    LearnedOtherwise {
        /// CA of the certificate known for the name.
        own: String,
    },
}

/// A handshake weighed against a fetch.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The handshake.
    pub handshake: HandshakeId,
    /// Seen from the device of the fetch.
    pub direction: Direction,
    /// Site.
    pub site: Site,
    /// Server end.
    pub server: SocketAddr,
    /// "TLS 1.2", "TLS 1.3", "QUIC", "IKE", "TLS" when no ServerHello was seen.
    pub protocol: String,
    /// Leaf serial, when known.
    pub serial: Option<Serial>,
    /// Confidence in this candidate alone.
    pub confidence: Confidence,
    /// Evidence, strongest first.
    pub evidence: Vec<Evidence>,
    /// Frames.
    pub frames: HandshakeFrames,
    /// From its ServerHello (or ClientHello) to the fetch; negative when the fetch came first.
    pub lead: Span,
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    /// The responder's lookup.
    pub lookup: Option<Span>,
    /// SYN to SYN-ACK.
    pub connect: Option<Span>,
    /// Request to the end of the response.
    pub wait: Option<Span>,
    /// How long the trigger handshake was held back.
    pub delayed_handshake: Option<Span>,
}

/// What the client did after the check.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Aftermath {
    /// Carried on with the connection.
    WentOn,
    /// Gave the connection up.
    GaveUp,
    /// Not seen.
    #[default]
    Unknown,
}

/// How much an alert matters.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth a look.
    Low,
    /// Needs a look.
    Medium,
    /// Needs action.
    High,
}

/// Something an analyst should look at.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Name of the rule, as in JSON and docs.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// A value for the sentence (a name, an address, a date), already safe to print as text, or empty.
    pub subject: String,
    /// Frames that show it.
    pub frames: Vec<FrameNo>,
}

/// Frames of the contact itself.
#[derive(Clone, Debug, Default)]
pub struct ContactFrames {
    /// Lookups and their answers.
    pub dns: Vec<FrameNo>,
    /// SYN.
    pub connect: Vec<FrameNo>,
    /// Request, all frames known.
    pub request: Vec<FrameNo>,
    /// Response, first and last.
    pub response: Vec<FrameNo>,
}

/// One contact with a watched host, and the verdict on it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its id, stable over revisions.
    pub id: FindingId,
    /// Revision, from 1.
    pub revision: u32,
    /// When the contact began to matter: the request, else the connection, else the lookup.
    pub at: Timestamp,
    /// When its first sign (lookup, SYN) was seen.
    pub began_at: Timestamp,
    /// When its last sign was seen.
    pub ended_at: Timestamp,
    /// Interface of the capture.
    pub interface: InterfaceId,
    /// Flow of the request or connection, when there is one.
    pub flow: Option<FlowId>,
    /// Who.
    pub client: Party,
    /// Whom; the proxy when there is one.
    pub server: Option<SocketAddr>,
    /// What for.
    pub kind: ContactKind,
    /// How far it got.
    pub stage: Stage,
    /// Host as asked for.
    pub host: Name,
    /// What that host is; None when it is no watched host (`--all-cas`).
    pub role: Option<HostRole>,
    /// HTTP method.
    pub method: Option<String>,
    /// Whole URL.
    pub url: Option<String>,
    /// Whether it went through an HTTP proxy.
    pub proxied: bool,
    /// What was asked.
    pub asked: Question,
    /// What was answered.
    pub answer: Answer,
    /// Verdict.
    pub verdict: Verdict,
    /// The candidates the verdict names, best first; every member of one-of and any-under.
    pub candidates: Vec<Candidate>,
    /// The others that came near, best first, with what spoke against them.
    pub rejected: Vec<Candidate>,
    /// Timing.
    pub timing: Timing,
    /// What the client did next.
    pub aftermath: Aftermath,
    /// Alerts.
    pub alerts: Vec<Alert>,
    /// Frames.
    pub frames: ContactFrames,
    /// How many contacts this one stands for (lookups of many meaningless names are one finding).
    pub count: u64,
}

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
    pub frames: Vec<FrameNo>,
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
    /// Anomalies by kind.
    pub anomalies: BTreeMap<AnomalyKind, u64>,
    /// Key log lines taken, and how many were of use.
    pub keys: (u64, u64),
    /// Sightings of time running backwards by more than a second.
    pub clock_steps: u64,
}

/// Everything the run came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Findings in the order of contacts.
    pub findings: Vec<Finding>,
    /// Handshakes that findings speak of, and others kept; by id in ascending order.
    pub handshakes: Vec<Handshake>,
    /// Devices, by id.
    pub devices: Vec<Device>,
    /// Lookups of watched names and of trigger sites.
    pub lookups: Vec<Lookup>,
    /// What the capture could not show.
    pub coverage: Coverage,
    /// Alerts that belong to no single finding (outages).
    pub alerts: Vec<Alert>,
}

impl Report {
    /// The handshake of an id, when it was kept.
    #[must_use]
    pub fn handshake(&self, id: HandshakeId) -> Option<&Handshake> {
        let place = self.handshakes.binary_search_by_key(&id, |h| h.id).ok()?;
        self.handshakes.get(place)
    }

    /// The device of an id.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        let place = self.devices.binary_search_by_key(&id, |d| d.id).ok()?;
        self.devices.get(place)
    }
}
