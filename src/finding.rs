//! What correlation concludes and presenters arrange: the vocabulary between rooms 5, 6 and 7.
//!
//! Presenters never compute: everything a report may say is here as data, and every claim carries the
//! frames that prove it. Sentences live in `report::prose` alone.

mod beats;
mod dossier;
mod evidence;
mod handshake;
pub mod health;
mod outage;
mod report;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

pub use self::beats::Beats;
pub use self::dossier::{Dossier, Fingerprint, Learned, Oddity, Others, Period, Shown, Visit};
pub use self::evidence::{
    Bearing, Candidate, Cause, Confidence, Evidence, Facts, Missing, Outcome, Verdict, Weight,
};
pub use self::handshake::{
    Direction, Handshake, HandshakeFrames, HandshakeOutcome, Seen, Site, Visibility,
};
pub use self::health::{Cost, ServerHealth, StapleFacts};
pub use self::outage::{GivenAway, Outage, Privacy, RunningOut, Way};
pub use self::report::{Coverage, Device, Lookup, Report};
use crate::event::{DnsOutcome, Name, Process};
use crate::flow::FlowId;
use crate::frame::{FrameNo, Frames, InterfaceId};
use crate::pki::cert::{Certificate, Serial};
use crate::pki::crl::CrlFacts;
use crate::pki::endpoint::HostRole;
use crate::pki::ocsp::{CertStatus, Dialect, OcspResponse};
pub use crate::pki::verify::Signature;
use crate::time::{Span, Timestamp};

/// A finding of the run, counted from 1 in the order of the contacts.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FindingId(pub u64);

impl FindingId {
    /// That of the contact at a place.
    #[must_use]
    pub const fn at(place: usize) -> Self {
        Self(place as u64 + 1)
    }

    /// The place of its contact; None for what no contact is counted by.
    #[must_use]
    pub fn place(self) -> Option<usize> {
        usize::try_from(self.0).ok()?.checked_sub(1)
    }
}

/// A handshake of the run, in order of appearance.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HandshakeId(pub u64);

/// A device of the run.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DeviceId(pub u32);

/// The digest of the Community ID (v1) of a connection: one name for it in the logs of all tools.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CommunityId(pub [u8; 20]);

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
    /// The lookup was answered with an address that is no server (0.0.0.0, ::, loopback, documentation,
    /// private for a public name).
    Sinkhole(IpAddr),
    /// RST or ICMP in answer to the SYN, or the word of a proxy.
    Refused,
    /// No answer to the SYN, or of a proxy.
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

/// Whether a list's three addresses agree: where it was fetched, where it says it belongs
/// (IssuingDistributionPoint), and where the trigger's certificate says its list is (CRLDistributionPoints).
/// RFC 5280 6.3.3.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CrlPlace {
    /// The list names the fetched URL; None when it names none.
    pub own: Option<bool>,
    /// A certificate of the trigger names the fetched URL; None when none was seen, or none names a list.
    pub named: Option<bool>,
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
    /// For a CRL: whether it belongs where it came from.
    pub place: Option<CrlPlace>,
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
    /// Asked the same again after a failure.
    Retried,
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
    /// A value for the sentence (a name, an address, a path), or empty.
    pub subject: String,
    /// Frames that show it.
    pub frames: Frames,
    /// A time that the rule is about: of a revocation, of a nextUpdate that is past, of the first failure.
    pub since: Option<Timestamp>,
    /// CRLReason of a revocation.
    pub reason: Option<u8>,
    /// For rules about failures: what the client did without its answer.
    pub aftermath: Aftermath,
}

impl Alert {
    /// One without further facts.
    #[must_use]
    pub fn new(rule: &'static str, severity: Severity, subject: &str, frames: Frames) -> Self {
        Self {
            rule,
            severity,
            subject: subject.to_owned(),
            frames,
            since: None,
            reason: None,
            aftermath: Aftermath::Unknown,
        }
    }
}

/// Frames of the contact itself.
#[derive(Clone, Debug, Default)]
pub struct ContactFrames {
    /// Lookups and their answers.
    pub dns: Frames,
    /// SYN.
    pub connect: Frames,
    /// Request, all frames known.
    pub request: Frames,
    /// Response, first and last.
    pub response: Frames,
}

/// A contact that a gateway, proxy or resolver passes on.
#[derive(Clone, Debug)]
pub struct PassedOn {
    /// The contact.
    pub finding: FindingId,
    /// Who made it.
    pub client: IpAddr,
    /// Where it was first asked: request or question.
    pub frame: Option<FrameNo>,
    /// The site that the verdict on it names.
    pub site: Option<Site>,
}

/// Handshakes that are not described.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LeftOut {
    /// Of those that the verdict names.
    pub candidates: u64,
    /// Of the others that came near.
    pub rejected: u64,
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
    /// Community ID of the connection, when there is one.
    pub community_id: Option<CommunityId>,
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
    /// Whose contact this one passes on. Its cause is [`Cause::Proxy`], unless a tunnel shows the certificate
    /// even here.
    pub passes_on: Option<PassedOn>,
    /// The candidates the verdict names, best first; every member of one-of and any-under.
    pub candidates: Vec<Candidate>,
    /// The others that came near, best first, with what spoke against them.
    pub rejected: Vec<Candidate>,
    /// How many more of them there are, which a report of very many findings has no room to describe.
    pub left_out: LeftOut,
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
