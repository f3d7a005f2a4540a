//! How well a server keeps its certificates: staples, chains, dead addresses, and what that costs visitors.

use std::net::SocketAddr;

use crate::finding::{FindingId, HandshakeId, Signature};
use crate::frame::FrameNo;
use crate::pki::ocsp::CertStatus;
use crate::time::{Span, Timestamp};

/// One server, as its handshakes in this capture show it.
#[derive(Clone, Debug)]
pub struct ServerHealth {
    /// Site.
    pub site: String,
    /// Server end.
    pub server: SocketAddr,
    /// Handshakes that showed a chain.
    pub handshakes: u64,
    /// The last of them.
    pub last: HandshakeId,
    /// Handshakes whose client asked for a staple.
    pub asked_staple: u64,
    /// Those of them that got one.
    pub stapled: u64,
    /// The leaf demands one.
    pub must_staple: bool,
    /// The last staple.
    pub staple: Option<StapleFacts>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What it cost visitors.
    pub cost: Cost,
}

/// A stapled OCSP answer.
#[derive(Clone, Copy, Debug)]
pub struct StapleFacts {
    /// When it was delivered.
    pub at: Timestamp,
    /// Its frame.
    pub frame: FrameNo,
    /// What it says of the leaf; None when it could not be read or is not about the leaf.
    pub status: Option<CertStatus>,
    /// From thisUpdate to delivery.
    pub age: Option<Span>,
    /// nextUpdate.
    pub next_update: Option<Timestamp>,
    /// Signature over it.
    pub signature: Signature,
}

/// Something wrong with a server's certificates, with the frame of the message that shows it.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What.
    pub what: Fault,
    /// Frames.
    pub frames: Vec<FrameNo>,
}

/// Kinds of [`Problem`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The leaf demands a staple, and so many clients that asked got none.
    MustStapleUnmet(u64),
    /// The staple had run out.
    StapleStale,
    /// The staple says revoked.
    StapleRevoked,
    /// The staple's signature does not hold.
    StapleBad,
    /// The staple is about another certificate.
    StapleOther,
    /// The leaf names an OCSP responder that is switched off.
    DeadOcsp(String),
    /// The issuer of the leaf was not sent. Its name, and where clients can fetch it.
    MissingIntermediate {
        /// Its common name.
        issuer: String,
        /// caIssuers of the leaf.
        url: Option<String>,
    },
    /// A certificate does not certify the one before it, though another one sent does.
    WrongOrder,
    /// A self-signed root was sent: name and size in bytes.
    UnneededRoot(String, u64),
    /// A CA certificate of the chain had run out.
    ExpiredCa(String, Timestamp),
    /// The leaf had run out.
    ExpiredLeaf(Timestamp),
}

/// What fetches for this server's certificates cost its visitors.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// Fetches tied to it.
    pub fetches: u64,
    /// Handshakes that a fetch held back.
    pub held: u64,
    /// All their waits together.
    pub total: Span,
    /// The longest.
    pub longest: Span,
    /// The findings that tell.
    pub findings: Vec<FindingId>,
}
