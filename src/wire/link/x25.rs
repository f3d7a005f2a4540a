//! X.25 (ITU-T X.25 5): packets on numbered circuits, of which the call that sets one up says what it carries
//! (RFC 1356, ISO/IEC TR 9577). Where nobody saw the call, what carries IP and nothing else is read. Below
//! are LAPB, LAPD, and lines as SITA captures them.

use std::collections::VecDeque;

use super::super::rest::Rest;
use super::super::walk::{Lane, Next, Walk};
use super::super::{Undecoded, plausible};
use super::streams::{Key, Kind, Open};
use super::{ends, llc, short, skip};
use crate::limits::Limits;

/// LAPB (X.25 2): information frames carry packets. What is negotiated is modulo 8 nearly everywhere.
pub(super) fn lapb(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    match rest.u8(1).ok_or_else(|| short(rest))? & 1 {
        0 => Ok(Next::X25(skip(rest, 2)?)),
        _ => Err(Undecoded::LinkControl),
    }
}

/// The same on Ethernet, behind its length (`lapbether.c` of Linux).
pub(super) fn lapb_ether(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    let length = usize::from(rest.le16(0).ok_or_else(|| short(rest))?);
    lapb(skip(rest, 2)?.bound(length))
}

/// LAPD (ITU-T Q.921): an address of two bytes, of which one number is for packets.
pub(super) fn lapd(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const PACKETS: u8 = 16;
    let Some([first, second, control]) = rest.array::<3>(0) else {
        return Err(short(rest));
    };
    match (first & 1, second & 1, control & 1) {
        (0, 1, 0) if first >> 2 == PACKETS => Ok(Next::X25(skip(rest, 4)?)),
        (0, 1, _) => Err(Undecoded::LinkControl),
        _ => Err(Undecoded::BadLink),
    }
}

/// A line of SITA: flags, signals, errors, and what the line is.
pub(super) fn sita(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const LAPB: u8 = 1;
    const FRAME_RELAY: u8 = 18;
    let inside = skip(rest, 5)?;
    match rest.u8(4) {
        Some(LAPB) => lapb(inside),
        Some(FRAME_RELAY) => llc::frame_relay(inside),
        _ => Err(Undecoded::NotIp),
    }
}

/// Logical link control of type 2, whose information frames have a control field of two bytes.
pub(super) fn llc(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    const UNNUMBERED_DATA: u8 = 0x03;
    match rest.u8(2).ok_or_else(|| short(rest))? {
        UNNUMBERED_DATA => Ok(Next::X25(skip(rest, 3)?)),
        control if control & 1 == 0 => Ok(Next::X25(skip(rest, 4)?)),
        _ => Err(Undecoded::LinkControl),
    }
}

/// A packet: form, circuit, type.
pub(in crate::wire) fn packet<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    const CALL: u8 = 0x0b;
    const CLEAR: u8 = 0x13;
    const CLEARED: u8 = 0x17;
    const QUALIFIED: u16 = 0x8000;
    let (Some(head), Some(kind)) = (rest.be16(0), rest.u8(2)) else {
        return Err(short(rest));
    };
    let circuit = Circuit {
        line: walk.lane().line(),
        number: head & 0x0fff,
    };
    let wide = match head >> 12 & 0b11 {
        1 => false,
        2 => true,
        _ => return Err(Undecoded::NotIp),
    };
    let circuits = &mut walk.fragments.circuits;
    match kind {
        CALL => circuits.learn(circuit, Carries::of(rest)),
        CLEAR | CLEARED => circuits.forget(&circuit),
        _ => {}
    }
    if kind & 1 == 1 {
        return Err(Undecoded::LinkControl);
    }
    if head & QUALIFIED != 0 {
        return Err(Undecoded::NotIp);
    }
    let carries = circuits.carries(&circuit);
    let (header, more, number, modulus) = match wide {
        false => (3, kind & 0x10 != 0, kind >> 1 & 7, 8),
        true => (4, rest.u8(3).unwrap_or(0) & 1 != 0, kind >> 1, 128),
    };
    let inside = skip(rest, header)?;
    let place = Place {
        circuit: circuit.number,
        number: number.into(),
        modulus,
    };
    match whole(walk, carries, &place, more, inside)? {
        Some(bytes) => {
            let bytes = walk.keep(bytes)?;
            carries.read(Rest { bytes, cut: 0 })
        }
        None => carries.read(inside),
    }
}

/// Where a packet stands among those of its direction.
struct Place {
    circuit: u16,
    number: u32,
    modulus: u32,
}

/// What some packets carry together, when this one is the last; None where it carries something alone.
fn whole(
    walk: &mut Walk<'_, '_>,
    carries: Carries,
    place: &Place,
    more: bool,
    inside: Rest<'_>,
) -> Result<Option<Vec<u8>>, Undecoded> {
    let key = Key {
        lane: walk.lane(),
        kind: Kind::X25,
        number: place.circuit.into(),
    };
    let open = walk.fragments.streams.take(walk.at, &key);
    // Captured twice, or one is lost.
    let open = open.filter(|open| (open.number + 1) % place.modulus == place.number);
    if open.is_none() && !more {
        return Ok(None);
    }
    if inside.cut > 0 || open.is_none() && !carries.begins(inside) {
        return Err(match more {
            true => Undecoded::LinkFragment,
            false => Undecoded::NotIp,
        });
    }
    let mut bytes = open.map_or(Vec::new(), |open| open.bytes);
    bytes.extend_from_slice(inside.bytes);
    let joined = Rest {
        bytes: &bytes,
        cut: 0,
    };
    if more {
        walk.fragments.latest = match carries {
            Carries::Any => ends(llc::nlpid(joined)?),
            _ => ends(Next::Ip(joined)),
        };
        walk.fragments.streams.put(Open {
            key,
            at: walk.at,
            number: place.number,
            bytes,
        });
        return Err(Undecoded::LinkFragment);
    }
    let packet = match carries {
        Carries::Any => skip(joined, 1)?,
        _ => joined,
    };
    let fits = plausible::ip_exactly(packet)
        && (key.lane.one_way() || plausible::transport_checksum(packet));
    match fits {
        true => Ok(Some(bytes)),
        false => Err(Undecoded::NotIp),
    }
}

/// A circuit of a line, which both of its ends call by one number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Circuit {
    line: Lane,
    number: u16,
}

/// What a circuit carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Carries {
    Ip,
    /// Each packet says it.
    Any,
    Other,
    Unknown,
}

impl Carries {
    /// From the user data of a call: behind addresses of four bits a digit, and facilities.
    fn of(call: Rest<'_>) -> Self {
        const LONG_ADDRESSES: u16 = 0x8000;
        let user_data = || {
            let digits = call.u8(3)?;
            let addresses = usize::from(digits >> 4) + usize::from(digits & 0x0f);
            let facilities = call.after(4 + addresses.div_ceil(2))?;
            facilities.after(1 + usize::from(facilities.u8(0)?))
        };
        let Some(data) =
            user_data().filter(|_| call.be16(0).is_some_and(|head| head & LONG_ADDRESSES == 0))
        else {
            return Self::Unknown;
        };
        match data.u8(0) {
            Some(0xcc | 0x8e) => Self::Ip,
            Some(0) => Self::Any,
            // SNAP, told once.
            Some(0x80)
                if matches!(data.array(1), Some([0, 0, 0, 8, 0] | [0, 0, 0, 0x86, 0xdd])) =>
            {
                Self::Ip
            }
            Some(_) => Self::Other,
            None => Self::Unknown,
        }
    }

    /// Whether a packet of which there is more begins here.
    fn begins(self, rest: Rest<'_>) -> bool {
        match self {
            Self::Any => matches!(rest.u8(0), Some(0xcc | 0x8e)),
            Self::Ip | Self::Unknown => matches!(rest.u8(0), Some(0x45..=0x4f | 0x60..=0x6f)),
            Self::Other => false,
        }
    }

    fn read(self, inside: Rest<'_>) -> Result<Next<'_>, Undecoded> {
        let fits = match self {
            Self::Any => return llc::nlpid(inside),
            Self::Ip => plausible::ip(inside),
            Self::Unknown => plausible::ip_alone(inside),
            Self::Other => false,
        };
        match fits {
            true => Ok(Next::Ip(inside)),
            false => Err(inside.lacks(Undecoded::CutBeforeIp, Undecoded::NotIp)),
        }
    }
}

/// Circuits whose calls were seen, oldest first.
#[derive(Debug)]
pub(in crate::wire) struct Circuits {
    known: VecDeque<(Circuit, Carries)>,
    most: usize,
}

impl Circuits {
    pub(in crate::wire) const fn new(limits: &Limits) -> Self {
        Self {
            known: VecDeque::new(),
            most: limits.circuits,
        }
    }

    fn carries(&self, circuit: &Circuit) -> Carries {
        let mut known = self.known.iter();
        let found = known.find(|(known, _)| known == circuit);
        found.map_or(Carries::Unknown, |(_, carries)| *carries)
    }

    fn learn(&mut self, circuit: Circuit, carries: Carries) {
        self.forget(&circuit);
        if self.known.len() >= self.most {
            self.known.pop_front();
        }
        self.known.push_back((circuit, carries));
    }

    fn forget(&mut self, circuit: &Circuit) {
        self.known.retain(|(known, _)| known != circuit);
    }
}
