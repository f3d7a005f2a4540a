//! Streams that carry packets: of switches to their controller, of drones of Kismet, of virtual private
//! networks, of who copies for authorities. Messages are cut out of them, and the frames in these go back to
//! the wire room ([`Carried`]).

use std::net::IpAddr;

use crate::flow::{Appetite, Chunk, Endpoints, Shard, Side};
use crate::frame::{FrameNo, LinkType};
use crate::time::Timestamp;
use crate::wire::Within;

use super::session::begins as begins_with;
use super::{Context, Probe};

mod messages;

/// A frame that a stream carried.
#[derive(Clone, Debug)]
pub struct Carried {
    /// When the last of it came.
    pub at: Timestamp,
    /// In which frame.
    pub frame: FrameNo,
    /// That of the stream.
    pub shard: Shard,
    /// Where it was found.
    pub within: Within,
    /// What it begins with.
    pub link: LinkType,
    /// Its length, of which the stream may have had only a part.
    pub wire_len: u32,
    /// That part.
    pub bytes: Vec<u8>,
}

/// Which streams there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// OpenFlow Switch Specification 1.0 to 1.5: packets about which a switch asks.
    OpenFlow,
    /// Kismet before 2019 (`kismet_drone.h`): 802.11 as a drone hears it.
    Kismet,
    /// Secure Socket Tunneling Protocol (MS-SSTP): PPP, in TLS, or behind a proxy that takes TLS away.
    Sstp,
    /// ETSI TS 103 221-2: what was copied for an authority.
    Copies,
}

/// Ports of OpenFlow: that of IANA, and those before it.
const OPEN_FLOW: [u16; 3] = [6653, 6633, 6634];
/// The method of the one request before SSTP (MS-SSTP 2.2.1).
const DUPLEX: &[u8] = b"SSTP_DUPLEX_POST ";
/// A head of HTTP, of which SSTP has one on either side.
const HEAD: usize = 8 << 10;

/// Whether a stream begins so, or goes on so.
pub(super) fn begins(side: Side, bytes: &[u8], ends: &Endpoints) -> (Probe, Kind) {
    if side == Side::Client {
        let probe = begins_with(bytes, DUPLEX);
        if probe != Probe::No {
            return (probe, Kind::Sstp);
        }
    }
    // The first bytes of OpenFlow are not much of a proof.
    let known = OPEN_FLOW.contains(&ends.server.port());
    let kinds = [Kind::Kismet, Kind::Copies, Kind::OpenFlow];
    let found = kinds
        .into_iter()
        .filter(|kind| *kind != Kind::OpenFlow || known)
        .map(|kind| (kind.probe(bytes), kind));
    found
        .min_by_key(|(probe, _)| match probe {
            Probe::Yes => 0,
            Probe::NeedMore => 1,
            Probe::No => 2,
        })
        .unwrap_or((Probe::No, Kind::OpenFlow))
}

/// The reader of such a stream.
#[derive(Debug)]
pub(super) struct Packets {
    kind: Kind,
    halves: [Half; 2],
}

/// The packets in what TLS carries: its first bytes tell whether there are any.
#[derive(Debug, Default)]
pub(super) enum Inside {
    /// Nothing was opened yet.
    #[default]
    Unknown,
    Packets(Box<Packets>),
    /// No such stream, or one of which bytes are missing.
    Nothing,
}

impl Inside {
    /// Whether there are some.
    pub(super) const fn is_read(&self) -> bool {
        matches!(self, Self::Packets(_))
    }

    /// Memory it holds beside itself.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Packets(packets) => size_of_val::<Packets>(packets) + packets.weight(),
            _ => 0,
        }
    }

    pub(super) fn data(&mut self, ends: &Endpoints, chunk: Chunk<'_>, cx: &mut Context) {
        if matches!(self, Self::Unknown) {
            *self = match begins(chunk.side, chunk.bytes, ends) {
                (Probe::Yes, kind) => Self::Packets(Box::new(Packets::new(kind))),
                _ => Self::Nothing,
            };
        }
        if let Self::Packets(packets) = self
            && packets.data(ends, chunk, cx) == Appetite::Done
        {
            *self = Self::Nothing;
        }
    }
}

/// One sender.
#[derive(Debug)]
struct Half {
    /// The unfinished message.
    waiting: Vec<u8>,
    /// Whether a head of HTTP is not over yet.
    in_head: bool,
}

impl Packets {
    pub(super) fn new(kind: Kind) -> Self {
        let half = || Half {
            waiting: Vec::new(),
            in_head: kind == Kind::Sstp,
        };
        Self {
            kind,
            halves: [half(), half()],
        }
    }

    /// Memory it holds beside itself.
    pub(super) fn weight(&self) -> usize {
        self.halves.iter().map(|half| half.waiting.capacity()).sum()
    }

    pub(super) fn data(
        &mut self,
        ends: &Endpoints,
        chunk: Chunk<'_>,
        cx: &mut Context,
    ) -> Appetite {
        let kind = self.kind;
        let [client, server] = &mut self.halves;
        let half = match chunk.side {
            Side::Client => client,
            Side::Server => server,
        };
        let place = Place::new(kind, ends, &chunk, cx);
        let read = half.read(kind, chunk.bytes, cx.limits.carried, |message| {
            if let Some(found) = kind.frame(message)
                && let Some(carried) = place.carried(found)
            {
                cx.carried.push(carried);
            }
        });
        if read.is_none() {
            return Appetite::Done;
        }
        Appetite::More
    }
}

impl Half {
    /// Cuts messages out; None where there is none that fits.
    fn read(
        &mut self,
        kind: Kind,
        bytes: &[u8],
        most: usize,
        mut found: impl FnMut(&[u8]),
    ) -> Option<()> {
        let mut rest = bytes;
        let behind;
        if self.in_head {
            self.waiting.extend_from_slice(rest);
            let end = self.waiting.windows(4).position(|end| end == b"\r\n\r\n");
            let Some(end) = end else {
                return (self.waiting.len() <= HEAD).then_some(());
            };
            self.in_head = false;
            behind = self.waiting.split_off(end + 4);
            self.waiting = Vec::new();
            rest = &behind;
        }
        while !rest.is_empty() {
            let begun = match self.waiting.as_slice() {
                [] => rest,
                waiting => waiting,
            };
            let (wanted, whole) = match kind.length(begun)? {
                Some(length) => (length, true),
                None => (kind.header(), false),
            };
            if wanted > most {
                return None;
            }
            let missing = wanted.saturating_sub(self.waiting.len());
            let Some((now, later)) = rest.split_at_checked(missing) else {
                self.waiting.extend_from_slice(rest);
                break;
            };
            rest = later;
            if whole && self.waiting.is_empty() {
                found(now);
                continue;
            }
            self.waiting.extend_from_slice(now);
            if kind.length(&self.waiting)? == Some(self.waiting.len()) {
                found(&self.waiting);
                self.waiting = Vec::new();
            }
        }
        Some(())
    }
}

/// Where frames are found.
struct Place {
    at: Timestamp,
    frame: FrameNo,
    shard: Shard,
    within: Within,
    most: usize,
}

impl Place {
    fn new(kind: Kind, ends: &Endpoints, chunk: &Chunk<'_>, cx: &Context) -> Self {
        let (client, server): (IpAddr, IpAddr) = (ends.client.ip(), ends.server.ip());
        Self {
            at: chunk.at,
            frame: chunk.frame,
            shard: cx.shard,
            within: Within {
                scope: ends.scope,
                ends: match chunk.side {
                    Side::Client => (client, server),
                    Side::Server => (server, client),
                },
                copies: kind != Kind::Sstp,
                depth: cx.depth + 1,
            },
            most: cx.limits.tunnel_depth,
        }
    }

    fn carried(&self, found: messages::Found<'_>) -> Option<Carried> {
        (self.within.depth <= self.most).then(|| Carried {
            at: self.at,
            frame: self.frame,
            shard: self.shard,
            within: self.within,
            link: found.link,
            wire_len: found.wire_len,
            bytes: found.bytes.to_vec(),
        })
    }
}
