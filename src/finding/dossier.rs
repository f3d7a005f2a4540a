//! What an investigator asks next about a trigger: facts of this capture, no verdict on anyone.

use std::sync::Arc;

use crate::event::Name;
use crate::finding::{DeviceId, FindingId, HandshakeId, Visibility};
use crate::frame::FrameNo;
use crate::pki::cert::Certificate;
use crate::time::{Span, Timestamp};

/// The dossier of one trigger.
#[derive(Clone, Debug)]
pub struct Dossier {
    /// The handshake it is about.
    pub handshake: HandshakeId,
    /// The first handshake of any device with this site.
    pub first: Visit,
    /// Handshakes of this device with this site.
    pub visits: u64,
    /// Devices that had handshakes with it.
    pub devices: u64,
    /// How the device came by the address.
    pub learned: Learned,
    /// The leaf, when it was shown or is known for the name from elsewhere.
    pub certificate: Option<Shown>,
    /// Other sites with the same leaf, by their names in handshakes.
    pub same_certificate: Others,
    /// Other sites at the same address, by names in handshakes and lookups.
    pub same_address: Others,
    /// How rare the client's fingerprint is.
    pub fingerprint: Fingerprint,
    /// Bytes of the device's finished connections with the site: client, server.
    pub bytes: [u64; 2],
    /// How many connections those are of.
    pub counted: u64,
    /// Regular visits.
    pub period: Option<Period>,
    /// What is out of the ordinary about the connection.
    pub oddities: Vec<Oddity>,
    /// Findings about this site from this handshake on that carry an alert above info.
    pub later_alerts: Vec<FindingId>,
}

/// A handshake in time.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    /// ClientHello.
    pub at: Timestamp,
    /// Its frame.
    pub frame: Option<FrameNo>,
    /// Who.
    pub device: DeviceId,
}

/// How a device came by the address of a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Learned {
    /// It looked this name up.
    Lookup {
        /// Name.
        name: Name,
        /// When the answer came.
        at: Timestamp,
        /// The answer's frame.
        frame: FrameNo,
    },
    /// Another device looked it up; this one did not in this capture.
    OtherDevice {
        /// Name.
        name: Name,
        /// The answer's frame.
        frame: FrameNo,
    },
    /// The proxy's business.
    Proxy,
    /// Never in this capture, although lookups of this device are in it.
    Never,
    /// No lookup of this device is in this capture at all.
    NotShown,
}

/// A leaf and how it stood when it was shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The leaf.
    pub certificate: Arc<Certificate>,
    /// How it is known; [`Visibility::Learned`] when not from this handshake.
    pub visibility: Visibility,
    /// From notBefore to the handshake; negative when it was not valid yet.
    pub age: Span,
    /// From notBefore to notAfter.
    pub lifetime: Span,
    /// It had run out.
    pub expired: bool,
}

/// Names, as many as a reader takes in, and how many more there are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Others {
    /// In alphabetical order.
    pub names: Vec<String>,
    /// How many are left out.
    pub more: u64,
}

/// A JA4 fingerprint among all handshakes of the capture.
#[derive(Clone, Debug, Default)]
pub struct Fingerprint {
    /// JA4; empty when no hello was seen.
    pub ja4: String,
    /// Handshakes with it.
    pub handshakes: u64,
    /// Devices with it.
    pub devices: u64,
    /// All handshakes of the capture that have a fingerprint.
    pub of: u64,
}

/// Visits at a steady interval.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Period {
    /// Median time from one visit to the next.
    pub every: Span,
    /// Largest distance of an interval from the median.
    pub jitter: Span,
    /// Visits.
    pub visits: u64,
}

/// Something that most connections do not have. None of these is a sign of guilt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Oddity {
    /// TLS on a port that is not registered for it.
    Port(u16),
    /// The hello names no server.
    NoServerName,
    /// The leaf is not for the name that the client gave.
    OtherName,
    /// An application protocol that is not registered.
    Alpn(String),
    /// TLS 1.1 or older (RFC 8996).
    OldVersion(u16),
    /// The leaf names addresses only.
    AddressesOnly,
    /// The leaf is self-signed.
    SelfSigned,
    /// The leaf had run out.
    Expired,
    /// The leaf was not valid yet.
    NotYetValid,
}
