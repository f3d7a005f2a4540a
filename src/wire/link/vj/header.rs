//! One header, and what a compressed packet changes in it.

use super::super::super::rest::Rest;
use super::super::super::{Undecoded, plausible};
use super::super::{short, skip};

const LENGTH: usize = 2;
const ID: usize = 4;
const SUM: usize = 10;

/// Offsets within TCP.
mod tcp {
    pub(super) const SEQ: usize = 4;
    pub(super) const ACK: usize = 8;
    pub(super) const FLAGS: usize = 13;
    pub(super) const WINDOW: usize = 14;
    pub(super) const SUM: usize = 16;
    pub(super) const URGENT: usize = 18;
}

const PUSH: u8 = 0x08;
const URGENT: u8 = 0x20;

/// What a compressed header says (RFC 1144 3.2.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// None: the same as the packet before.
    pub(super) connection: Option<u8>,
    push: bool,
    sum: u16,
    fields: Fields,
    id: u16,
}

#[derive(Clone, Copy, Debug)]
enum Fields {
    /// Echoed interactive traffic: both numbers go on by what the packet before carried.
    Echoed,
    /// Unidirectional data transfer: the sequence number does.
    Onward,
    Told {
        urgent: Option<u16>,
        window: u16,
        ack: u16,
        seq: u16,
    },
}

impl Change {
    /// Reads a compressed header; what follows is TCP's data.
    pub(super) fn read(rest: Rest<'_>) -> Result<(Self, Rest<'_>), Undecoded> {
        let mask = rest.u8(0).ok_or_else(|| short(rest))?;
        let mut rest = skip(rest, 1)?;
        let mut connection = None;
        if mask & 0x40 != 0 {
            connection = Some(rest.u8(0).ok_or_else(|| short(rest))?);
            rest = skip(rest, 1)?;
        }
        let sum = rest.be16(0).ok_or_else(|| short(rest))?;
        rest = skip(rest, 2)?;
        let mut delta = |flag: u8| -> Result<u16, Undecoded> {
            if mask & flag == 0 {
                return Ok(0);
            }
            // One byte, or a zero and two.
            let (value, size) = match rest.u8(0).ok_or_else(|| short(rest))? {
                0 => (rest.be16(1).ok_or_else(|| short(rest))?, 3),
                value => (u16::from(value), 1),
            };
            rest = skip(rest, size)?;
            Ok(value)
        };
        let fields = match mask & 0x0f {
            0x0b => Fields::Echoed,
            0x0f => Fields::Onward,
            _ => {
                let urgent = delta(0x01)?;
                Fields::Told {
                    urgent: (mask & 0x01 != 0).then_some(urgent),
                    window: delta(0x02)?,
                    ack: delta(0x04)?,
                    seq: delta(0x08)?,
                }
            }
        };
        let id = match mask & 0x20 {
            0 => 1,
            flag => delta(flag)?,
        };
        let change = Self {
            connection,
            push: mask & 0x10 != 0,
            sum,
            fields,
            id,
        };
        Ok((change, rest))
    }
}

/// Addresses and ports of a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Ends {
    src: [u8; 4],
    dst: [u8; 4],
    ports: [u8; 4],
}

impl Ends {
    /// Whether it goes the other way on the link: to where the other comes from, or from where it goes to.
    pub(super) fn answers(self, other: Self) -> bool {
        let same = self.src == other.src || self.dst == other.dst;
        !same && (self.src == other.dst || self.dst == other.src)
    }
}

/// The header of the last packet of a connection.
#[derive(Debug)]
pub(super) struct Header {
    bytes: Vec<u8>,
    ends: Ends,
    /// Where TCP begins.
    tcp: usize,
    /// What the packet carried.
    data: u16,
    misses: u8,
    /// The one before, to know a packet that was captured twice.
    before: Option<Box<Self>>,
}

/// What a compressed packet is.
#[derive(Debug)]
pub(super) enum Step {
    /// The next one.
    Onward(Vec<u8>),
    /// The last one again.
    Again(Vec<u8>),
}

impl Header {
    /// From a packet; None if TCP over IPv4 with all its header is not what it is.
    pub(super) fn of(packet: &[u8]) -> Option<Self> {
        const FRAGMENT: u16 = 0x3fff;
        let rest = Rest {
            bytes: packet,
            cut: 0,
        };
        let tcp = usize::from(rest.u8(0)? & 0x0f) * 4;
        let inside = rest.after(tcp)?;
        let size = usize::from(inside.u8(12)? >> 4) * 4;
        let fits = rest.nibble()? == 4 && tcp >= 20 && size >= 20 && rest.be16(6)? & FRAGMENT == 0;
        let data = usize::from(rest.be16(LENGTH)?).checked_sub(tcp + size)?;
        Some(Self {
            bytes: packet.get(..tcp + size).filter(|_| fits)?.to_vec(),
            ends: Ends {
                src: rest.array(12)?,
                dst: rest.array(16)?,
                ports: inside.array(0)?,
            },
            tcp,
            data: u16::try_from(data).ok()?,
            misses: 0,
            before: None,
        })
    }

    /// What a packet is that says this; None when its checksum is not right.
    pub(super) fn next(&self, change: &Change, data: &[u8]) -> Option<Step> {
        let right = |bytes: &Vec<u8>| plausible::transport_checksum(Rest { bytes, cut: 0 });
        if let Some(packet) = self.changed(change, data).filter(right) {
            return Some(Step::Onward(packet));
        }
        let again = self.before.as_ref()?.changed(change, data).filter(right)?;
        again.starts_with(&self.bytes).then_some(Step::Again(again))
    }

    /// Takes the header of the next packet.
    pub(super) fn follow(&mut self, packet: &[u8]) {
        if let Some(next) = Self::of(packet) {
            let mut before = std::mem::replace(self, next);
            before.before = None;
            self.before = Some(Box::new(before));
        }
    }

    pub(super) const fn ends(&self) -> Ends {
        self.ends
    }

    /// Counts a packet that it did not fit; whether it may stay.
    pub(super) const fn missed(&mut self, patience: u8) -> bool {
        self.misses = self.misses.saturating_add(1);
        self.misses < patience
    }

    /// The packet that comes after it; None if it is longer than IP allows.
    fn changed(&self, change: &Change, data: &[u8]) -> Option<Vec<u8>> {
        let mut packet = self.bytes.clone();
        let (ip, inside) = packet.split_at_mut_checked(self.tcp)?;
        let length = u16::try_from(self.bytes.len() + data.len()).ok()?;
        put(ip, LENGTH, length)?;
        add(ip, ID, change.id)?;

        let (mut seq, mut ack) = (self.data, 0);
        let flags = inside.get_mut(tcp::FLAGS)?;
        *flags &= !PUSH;
        if change.push {
            *flags |= PUSH;
        }
        match change.fields {
            Fields::Onward => {}
            Fields::Echoed => ack = self.data,
            Fields::Told {
                urgent,
                window,
                ack: told_ack,
                seq: told_seq,
            } => {
                (seq, ack) = (told_seq, told_ack);
                *flags &= !URGENT;
                if let Some(pointer) = urgent {
                    *flags |= URGENT;
                    put(inside, tcp::URGENT, pointer)?;
                }
                add(inside, tcp::WINDOW, window)?;
            }
        }
        add_long(inside, tcp::SEQ, seq)?;
        add_long(inside, tcp::ACK, ack)?;
        put(inside, tcp::SUM, change.sum)?;

        put(ip, SUM, 0)?;
        let sum = plausible::header_checksum(ip);
        put(ip, SUM, sum)?;
        packet.extend_from_slice(data);
        Some(packet)
    }
}

fn put(bytes: &mut [u8], at: usize, value: u16) -> Option<()> {
    let field = bytes.get_mut(at..)?.first_chunk_mut()?;
    *field = value.to_be_bytes();
    Some(())
}

/// Differences of 16 bits; that of the window has a sign, which wraps.
fn add(bytes: &mut [u8], at: usize, delta: u16) -> Option<()> {
    let field = bytes.get_mut(at..)?.first_chunk_mut()?;
    *field = u16::from_be_bytes(*field).wrapping_add(delta).to_be_bytes();
    Some(())
}

fn add_long(bytes: &mut [u8], at: usize, delta: u16) -> Option<()> {
    let field = bytes.get_mut(at..)?.first_chunk_mut()?;
    *field = u32::from_be_bytes(*field)
        .wrapping_add(u32::from(delta))
        .to_be_bytes();
    Some(())
}
