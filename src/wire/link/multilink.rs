//! Multilink PPP (RFC 1990) and multilink Frame Relay (FRF.16): packets split over the links of a bundle,
//! each part with a sequence number and two bits for the first and the last.
//!
//! Parts of PPP are joined where they came on one link. Which links make a bundle was negotiated elsewhere.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::super::rest::Rest;
use super::super::walk::{Lane, Next, Walk};
use super::super::{Undecoded, plausible};
use super::{ends, llc, ppp, short, skip};
use crate::limits::Limits;
use crate::time::{Span, Timestamp};

const BEGINNING: u8 = 0x80;
const ENDING: u8 = 0x40;

/// The largest MRRU (RFC 1990 5.1.1).
const MOST: usize = 65_535;

/// Reads what follows protocol number 0x003d.
pub(super) fn ppp<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    let flags = rest.u8(0).ok_or_else(|| short(rest))?;
    walk.peel()?;
    if flags & BEGINNING != 0 && flags & ENDING != 0 {
        let [long, brief] = [Format::Long, Format::Short].map(|format| rest.after(format.header()));
        let inside = match (long, brief) {
            (Some(long), _) if begins_ppp(long) => long,
            (_, Some(brief)) if begins_ppp(brief) => brief,
            _ if rest.cut > 0 => return Err(Undecoded::CutBeforeIp),
            _ => skip(rest, Format::Long.header())?,
        };
        return Ok(Next::Ppp(inside));
    }
    if rest.cut > 0 {
        return Err(Undecoded::LinkFragment);
    }
    let lane = walk.lane();
    let bundles = &mut walk.fragments.bundles;
    let Some(joined) = bundles.insert(walk.at, lane, rest.bytes) else {
        walk.fragments.latest = bundles.ends(&lane);
        return Err(Undecoded::LinkFragment);
    };
    let bytes = walk.keep(joined)?;
    Ok(Next::Ppp(Rest { bytes, cut: 0 }))
}

/// Frames of FRF.16. Only whole ones are read: fragments are sent where both ends agreed on it, and whether
/// each has the address again is not told by any frame.
pub(super) fn frame_relay(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const CONTROL: u8 = 0x20;
    const WHOLE: u8 = BEGINNING | ENDING;
    let flags = rest.u8(0).ok_or_else(|| short(rest))?;
    match flags & (WHOLE | CONTROL) {
        WHOLE => llc::frame_relay(skip(rest, 2)?),
        kind if kind & CONTROL != 0 => Err(Undecoded::LinkControl),
        _ => Err(Undecoded::LinkFragment),
    }
}

/// Whether a PPP header stands here that makes sense: which of two forms sequence numbers have was negotiated before.
pub(super) fn begins_ppp(rest: Rest<'_>) -> bool {
    match ppp::protocol(rest) {
        Ok((0x0021 | 0x0057, inside)) => plausible::ip(inside),
        // Header compression, bundled CCP and MPLS, and their negotiation.
        Ok((number, _)) => matches!(
            number,
            0x002d | 0x002f | 0x00fd | 0x0281 | 0x0283 | 0x8021 | 0x8057 | 0x80fd | 0xc021
        ),
        Err(_) => false,
    }
}

/// Whether joined bytes are one packet with nothing behind it, and its transport's checksum is right where
/// two senders may have been mixed up.
fn whole(bytes: &[u8], lane: &Lane) -> bool {
    match ppp::protocol(Rest { bytes, cut: 0 }) {
        Ok((0x0021 | 0x0057, inside)) => {
            plausible::ip_exactly(inside)
                && (lane.one_way() || plausible::transport_checksum(inside))
        }
        Ok(_) => lane.one_way() && begins_ppp(Rest { bytes, cut: 0 }),
        Err(_) => false,
    }
}

/// The two forms of the multilink header (RFC 1990 3, classes by RFC 2686).
#[derive(Clone, Copy, Debug)]
enum Format {
    /// 24 bits of sequence number.
    Long,
    /// 12 bits.
    Short,
}

impl Format {
    const fn header(self) -> usize {
        match self {
            Self::Long => 4,
            Self::Short => 2,
        }
    }

    const fn mask(self) -> u32 {
        match self {
            Self::Long => 0x00ff_ffff,
            Self::Short => 0x0fff,
        }
    }

    /// Sequence number and class; each class counts by itself.
    fn place(self, bytes: &[u8]) -> Option<(u32, u8)> {
        let rest = Rest { bytes, cut: 0 };
        let first = rest.u8(0)?;
        match self {
            Self::Long => Some((rest.be32(0)? & self.mask(), first & 0x3c)),
            Self::Short => Some((u32::from(rest.be16(0)?) & self.mask(), first & 0x30)),
        }
    }
}

/// Fragments that wait for others, oldest first.
#[derive(Debug)]
pub(in crate::wire) struct Bundles {
    waiting: VecDeque<Fragment>,
    bytes: usize,
    most: usize,
    most_bytes: usize,
    age: Span,
}

#[derive(Debug)]
struct Fragment {
    lane: Lane,
    at: Timestamp,
    /// With the multilink header.
    bytes: Vec<u8>,
}

impl Fragment {
    fn has(&self, flag: u8) -> bool {
        self.bytes.first().is_some_and(|flags| flags & flag != 0)
    }
}

impl Bundles {
    pub(in crate::wire) const fn new(limits: &Limits) -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: 0,
            most: limits.multilink_fragments,
            most_bytes: limits.multilink_bytes,
            age: limits.multilink_age,
        }
    }

    /// Whose packet it was that began on a link last.
    fn ends(&self, lane: &Lane) -> Option<(IpAddr, IpAddr)> {
        let mut waiting = self.waiting.iter().rev();
        let first = waiting.find(|old| old.lane == *lane && old.has(BEGINNING))?;
        let formats = [Format::Long, Format::Short];
        formats.into_iter().find_map(|format| {
            let bytes = first.bytes.get(format.header()..)?;
            ends(Next::Ppp(Rest { bytes, cut: 0 }))
        })
    }

    /// Takes a fragment; gives the packet when it is the one that was missing.
    fn insert(&mut self, at: Timestamp, lane: Lane, bytes: &[u8]) -> Option<Vec<u8>> {
        // Captured twice.
        let known = |old: &Fragment| old.lane == lane && old.bytes == bytes;
        if bytes.len() > MOST || self.waiting.iter().any(known) {
            return None;
        }
        self.bytes += bytes.len();
        self.waiting.push_back(Fragment {
            lane,
            at,
            bytes: bytes.to_vec(),
        });
        while self.waiting.len() > self.most
            || self.bytes > self.most_bytes
            || self
                .waiting
                .front()
                .is_some_and(|old| at.since(old.at).abs() > self.age)
        {
            let old = self.waiting.pop_front()?;
            self.bytes = self.bytes.saturating_sub(old.bytes.len());
        }
        [Format::Long, Format::Short]
            .into_iter()
            .find_map(|format| self.join(format, &lane))
    }

    /// Joins the fragments around the newest one, if all are there.
    fn join(&mut self, format: Format, lane: &Lane) -> Option<Vec<u8>> {
        let newest = self.waiting.back()?;
        let (number, class) = format.place(&newest.bytes)?;
        let beside = |at: u32| {
            let mut found = self.waiting.iter().enumerate().filter(|(_, fragment)| {
                fragment.lane == *lane && format.place(&fragment.bytes) == Some((at, class))
            });
            // Two of one number: of two senders, or of two rounds.
            match (found.next(), found.next()) {
                (Some((place, _)), None) => Some(place),
                _ => None,
            }
        };
        let mut run = VecDeque::from([beside(number)?]);
        let mut first = number;
        while !self.waiting.get(*run.front()?)?.has(BEGINNING) {
            first = first.wrapping_sub(1) & format.mask();
            let place = beside(first)?;
            if run.contains(&place) || self.waiting.get(place)?.has(ENDING) {
                return None;
            }
            run.push_front(place);
        }
        let mut last = number;
        while !self.waiting.get(*run.back()?)?.has(ENDING) {
            last = last.wrapping_add(1) & format.mask();
            let place = beside(last)?;
            if run.contains(&place) || self.waiting.get(place)?.has(BEGINNING) {
                return None;
            }
            run.push_back(place);
        }
        let mut joined = Vec::new();
        for &place in &run {
            joined.extend_from_slice(self.waiting.get(place)?.bytes.get(format.header()..)?);
        }
        if joined.len() > MOST || !whole(&joined, lane) {
            return None;
        }
        let mut run = Vec::from(run);
        run.sort_unstable_by(|a, b| b.cmp(a));
        for place in run {
            if let Some(used) = self.waiting.remove(place) {
                self.bytes = self.bytes.saturating_sub(used.bytes.len());
            }
        }
        Some(joined)
    }
}
