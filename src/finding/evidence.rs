//! Verdicts and what they rest on.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::finding::{
    CommunityId, Direction, FindingId, HandshakeFrames, HandshakeId, Site, Visibility,
};
use crate::frame::Frames;
use crate::pki::cert::Serial;
use crate::time::Span;

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
    /// A shorter capture, or one of this device alone: there was more than is remembered.
    ShorterCapture,
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
    pub frames: Frames,
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
    /// The client fell silent after the server's flight, the fetch ran inside the silence, and the client
    /// spoke again after it.
    HandshakeWaited {
        /// Length of the silence.
        silence: Span,
        /// From the answer (or failure) to the client's next word.
        resumed_after: Span,
        /// Whether other handshakes of this device waited likewise.
        shared: bool,
    },
    /// The device opens so many connections that others would have waited as well.
    BusyDevice {
        /// Share of the moments around the contact at which one would, in thousandths.
        by_chance: u32,
    },
    /// The first sign of the fetch came right after the server's flight, and the client did not wait for it.
    Prompt {
        /// From the server's flight to the first sign.
        lead: Span,
    },
    /// The host's name was looked up before the server had answered.
    LookedUpBefore {
        /// From the lookup to the server's flight.
        lag: Span,
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
    /// Inbound: a peer had sent this VPN gateway its authentication, and waited for the answer.
    PeerCertificate {
        /// From that message to the fetch.
        lead: Span,
    },
    /// Whether the fetch looks as IKE daemons make it.
    IkeClient {
        /// It does.
        fits: bool,
    },
    /// The ties of addresses to one device rest on signs only.
    SharedAddress,
    /// Another contact tells that the hidden certificate is of another issuer.
    HiddenIssuerDiffers {
        /// CA label of that contact's host.
        own: String,
    },
    /// Another contact tells that the hidden certificate is on another list.
    HiddenListDiffers {
        /// Shard of that list.
        own: u32,
    },
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
    /// "TLS 1.2", "TLS 1.3", "QUIC", "DTLS 1.2", "IKE"; "TLS" or "DTLS" when no ServerHello was seen.
    pub protocol: &'static str,
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
    /// JA4 of its ClientHello; empty when none was seen whole.
    pub ja4: Arc<str>,
    /// Community ID of its connection.
    pub community_id: Option<CommunityId>,
}
