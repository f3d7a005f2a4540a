//! What the capture shows as a whole: contacts that failed together, and what was given away.

use std::net::{IpAddr, SocketAddr};

use crate::event::Name;
use crate::finding::{DeviceId, Failure, FindingId};
use crate::frame::FrameNo;
use crate::time::Timestamp;

/// Where contacts failed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Way {
    /// Names did not resolve.
    Lookup,
    /// Connections came to nothing.
    Connection,
    /// Responders answered that they could not.
    Answer,
}

/// Contacts that failed alike, one after the other.
#[derive(Clone, Debug)]
pub struct Outage {
    /// Where.
    pub way: Way,
    /// First failure.
    pub since: Timestamp,
    /// Last failure.
    pub until: Timestamp,
    /// First success after the last failure.
    pub over_at: Option<Timestamp>,
    /// Failures.
    pub failed: u64,
    /// Contacts of the same stretch of time that got what they came for.
    pub succeeded: u64,
    /// Hosts, with how many failures each, most first.
    pub hosts: Vec<(Name, u64)>,
    /// Resolvers that gave no answer of use.
    pub resolvers: Vec<IpAddr>,
    /// Devices.
    pub devices: Vec<DeviceId>,
    /// Their labels.
    pub device_labels: Vec<String>,
    /// How they failed, most frequent first.
    pub failures: Vec<(Failure, u64)>,
    /// Clients that went on without an answer.
    pub failed_open: u64,
    /// Clients that gave their connection up.
    pub failed_closed: u64,
    /// Frames of the first failures.
    pub frames: Vec<FrameNo>,
    /// Staples seen in this capture, the one that runs out first in front.
    pub staples: Vec<RunningOut>,
}

/// A staple that helps visitors until it runs out.
#[derive(Clone, Debug)]
pub struct RunningOut {
    /// Site.
    pub site: String,
    /// Server end.
    pub server: SocketAddr,
    /// nextUpdate.
    pub next_update: Timestamp,
}

/// What anyone on the path could read about one site.
#[derive(Clone, Debug, Default)]
pub struct GivenAway {
    /// Site.
    pub site: String,
    /// Findings whose OCSP question, in clear text, names its certificate.
    pub ocsp: Vec<FindingId>,
    /// Frames of clear-text lookups of its name.
    pub lookups: Vec<FrameNo>,
    /// Frames of ClientHellos that name it.
    pub server_names: Vec<FrameNo>,
    /// Frames of its certificate in clear text.
    pub certificates: Vec<FrameNo>,
}

impl GivenAway {
    /// Whether nothing but OCSP gave the name away: the handshake and the lookups hid it.
    #[must_use]
    pub fn by_ocsp_alone(&self) -> bool {
        !self.ocsp.is_empty()
            && self.lookups.is_empty()
            && self.server_names.is_empty()
            && self.certificates.is_empty()
    }
}

/// What was given away in all.
#[derive(Clone, Debug, Default)]
pub struct Privacy {
    /// By site; those that OCSP gave away first.
    pub sites: Vec<GivenAway>,
    /// Serials asked about in clear text whose certificate this capture does not show; public logs of
    /// certificates tell the site.
    pub unknown_serials: u64,
}
