//! The part of a DNS message (RFC 1035 4) that lookups need, read in place: header, question, answers.
//!
//! Records are taken one by one, so that a bad or cut record keeps those before it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::event::Name;

use super::svcb;

pub(super) const A: u16 = 1;
pub(super) const CNAME: u16 = 5;
pub(super) const AAAA: u16 = 28;
pub(super) const SVCB: u16 = 64;
pub(super) const HTTPS: u16 = 65;

/// Resolvers give up on alias chains of 8 to 16.
const CHAIN: usize = 16;
/// A 64 KiB answer holds 4,000 addresses; nobody uses more than a few.
const ADDRESSES: usize = 256;

/// The fixed part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) id: u16,
    pub(super) response: bool,
    pub(super) opcode: u8,
    pub(super) truncated: bool,
    pub(super) rcode: u8,
    pub(super) questions: u16,
    pub(super) answers: u16,
}

impl Header {
    pub(super) const LEN: usize = 12;

    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let flags = message.get(2)?;
        let rcode = message.get(3)?;
        if message.len() < Self::LEN {
            return None;
        }
        Some(Self {
            id: read_u16(message, 0)?,
            response: flags & 0x80 != 0,
            opcode: (flags >> 3) & 0x0f,
            truncated: flags & 0x02 != 0,
            rcode: rcode & 0x0f,
            questions: read_u16(message, 4)?,
            answers: read_u16(message, 6)?,
        })
    }
}

/// Reads the name at `at` into `out` (emptied first) in the text form of [`Name`], and returns the offset
/// behind it. None when it runs out of the message, is longer than 255 octets, or its pointers do not
/// point backwards, which is what makes loops impossible.
pub(super) fn read_name(message: &[u8], at: usize, out: &mut String) -> Option<usize> {
    let mut text = std::mem::take(out).into_bytes();
    text.clear();
    // Labels that stand together are copied together, each behind its length, which the dot replaces.
    let mut labels = 0_usize;
    let after = walk_runs(message, at, |run| {
        let mut dot = text.len();
        text.extend_from_slice(run);
        while let Some(length) = text.get_mut(dot) {
            let label = usize::from(std::mem::replace(length, b'.'));
            dot += 1 + label;
            labels += 1;
        }
    })?;
    if fold(&mut text) == labels {
        // Without the dot before the first label.
        if labels > 0 {
            text.remove(0);
        }
        *out = String::from_utf8(text).unwrap_or_default();
        return Some(after);
    }
    walk_labels(message, at, |label| {
        if !out.is_empty() {
            out.push('.');
        }
        escape_label(label, out);
    })
}

/// The offset behind the name at `at`, where it is well formed, and whether it stands there as a whole,
/// without pointers.
pub(super) fn name_end(message: &[u8], at: usize) -> Option<(usize, bool)> {
    let mut runs = 0;
    let end = walk_runs(message, at, |_| runs += 1)?;
    Some((end, runs == 1))
}

/// Brings text to lower case and counts its dots; [`usize::MAX`] when a byte needs to be escaped. Sixteen
/// bytes at a time, without early exit: every name asked for anywhere passes here.
fn fold(text: &mut Vec<u8>) -> usize {
    const LANES: usize = 16;
    let len = text.len();
    text.resize(len.next_multiple_of(LANES), b'-');
    let (mut odd, mut dots) = ([0_u8; LANES], [0_u8; LANES]);
    for chunk in text.as_chunks_mut::<LANES>().0 {
        for ((byte, odd), dots) in chunk.iter_mut().zip(&mut odd).zip(&mut dots) {
            *odd |= u8::from(!byte.is_ascii_graphic()) | u8::from(*byte == b'\\');
            // 255 octets make 16 steps at most.
            *dots += u8::from(*byte == b'.');
            *byte = byte.to_ascii_lowercase();
        }
    }
    text.truncate(len);
    if odd.iter().any(|odd| *odd != 0) {
        return usize::MAX;
    }
    dots.iter().map(|dots| usize::from(*dots)).sum()
}

/// Tells the labels of the name at `at`, and returns the offset behind it.
fn walk_labels<'a>(message: &'a [u8], at: usize, mut tell: impl FnMut(&'a [u8])) -> Option<usize> {
    walk_runs(message, at, |mut run| {
        while let Some((length, rest)) = run.split_first() {
            let (label, rest) = rest
                .split_at_checked(usize::from(*length))
                .unwrap_or((rest, &[]));
            tell(label);
            run = rest;
        }
    })
}

/// Tells the labels of the name at `at` with their lengths before them, those together that no pointer separates, and
/// returns the offset behind the name.
#[inline]
fn walk_runs<'a>(message: &'a [u8], at: usize, mut tell: impl FnMut(&'a [u8])) -> Option<usize> {
    let (mut run, mut position) = (at, at);
    let mut after = None;
    let mut lowest = at;
    let mut wire_len = 1;
    loop {
        let length = usize::from(*message.get(position)?);
        match length & 0xc0 {
            0x00 if length == 0 => {
                tell(message.get(run..position)?);
                return Some(after.unwrap_or(position + 1));
            }
            0x00 => {
                wire_len += length + 1;
                if wire_len > 255 {
                    return None;
                }
                position += 1 + length;
            }
            0xc0 => {
                let target = usize::from(read_u16(message, position)? & 0x3fff);
                after.get_or_insert(position + 2);
                if target >= lowest {
                    return None;
                }
                tell(message.get(run..position)?);
                lowest = target;
                (run, position) = (target, target);
            }
            // 0x40 and 0x80 are reserved (RFC 6891 5).
            _ => return None,
        }
    }
}

/// A label in lower case; a dot inside it and whatever does not print becomes `\ddd`.
fn escape_label(label: &[u8], out: &mut String) {
    for &byte in label {
        if is_plain(byte) {
            out.push(char::from(byte.to_ascii_lowercase()));
        } else {
            out.push('\\');
            for digit in [byte / 100, byte / 10 % 10, byte % 10] {
                out.push(char::from(b'0' + digit));
            }
        }
    }
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'.' && byte != b'\\'
}

/// What the answer section said. Used again for one message after the other, so that little is allocated.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Alias targets, in the order they are followed; those behind `aliases` are left from earlier messages.
    chain: Vec<String>,
    aliases: usize,
    /// Addresses of the name asked for or of an alias of it.
    pub(super) addresses: Vec<(IpAddr, u32)>,
    /// Public names of ECH configurations.
    pub(super) ech_public_names: Vec<Name>,
    /// A record of the type asked for was there.
    pub(super) of_type: bool,
    /// A record was malformed.
    pub(super) bad: bool,
    /// The message ended before its last answer.
    pub(super) cut: bool,
    /// Records that came before the alias that leads to them.
    strays: Vec<(String, Stray)>,
    /// The owner of the first record of use and its type, where there was no question.
    pub(super) stated: Option<(Name, u16)>,
    /// The owner of a record.
    owner: String,
    /// Offsets of names that lead to the answer, the question's own first; zeros behind them. Most owners
    /// are nothing but a pointer to one of these.
    leading: [usize; CHAIN + 1],
}

#[derive(Debug)]
enum Stray {
    Address(IpAddr, u32),
    /// With the offset of the target.
    Alias(String, usize),
}

impl Answers {
    /// Reads `count` records from `at` on. `question` is None for answers without a question (RFC 6762 6);
    /// then the owner of the first record of use takes its place.
    pub(super) fn read(
        &mut self,
        message: &[u8],
        mut at: usize,
        count: u16,
        question: Option<(&str, u16)>,
    ) {
        self.addresses.clear();
        self.ech_public_names.clear();
        self.strays.clear();
        (self.aliases, self.stated) = (0, None);
        (self.of_type, self.bad, self.cut) = (false, false, false);
        self.leading = [0; CHAIN + 1];
        if let (Some(_), [first, ..]) = (question, &mut self.leading) {
            *first = Header::LEN;
        }
        let mut owner = std::mem::take(&mut self.owner);
        let mut stated: Option<(Name, u16)> = None;
        for _ in 0..count {
            let Some((record, next)) = Record::read(message, at, &self.leading, &mut owner) else {
                self.cut = true;
                break;
            };
            at = next;
            let (name, qtype) = match (question, &stated) {
                (Some(question), _) => question,
                (None, Some((name, qtype))) => (name.as_str(), *qtype),
                (None, None) if matches!(record.kind, A | AAAA | CNAME) => {
                    let (name, qtype) = stated.insert((Name::folded(&owner), record.kind));
                    (name.as_str(), *qtype)
                }
                (None, None) => continue,
            };
            // A question for everything (255) is answered by anything.
            self.of_type |= record.kind == qtype || qtype == 255;
            self.take(message, &record, &mut owner, name);
        }
        let name = question.map_or_else(
            || stated.as_ref().map_or("", |(name, _)| name.as_str()),
            |(name, _)| name,
        );
        self.follow_strays(name);
        (self.owner, self.stated) = (owner, stated);
    }

    /// Alias targets, in the order they are followed.
    pub(super) fn aliases(&self) -> Vec<Name> {
        self.chain().map(Name::folded).collect()
    }

    fn chain(&self) -> impl Iterator<Item = &str> {
        self.chain.iter().take(self.aliases).map(String::as_str)
    }

    /// `owner` holds the record's owner, unless a pointer told already that it leads to the answer.
    fn take(&mut self, message: &[u8], record: &Record<'_>, owner: &mut String, name: &str) {
        let leads = record.leads || self.leads_to(owner, name);
        let address = match record.kind {
            A => <[u8; 4]>::try_from(record.data).map(|octets| IpAddr::V4(Ipv4Addr::from(octets))),
            AAAA => {
                <[u8; 16]>::try_from(record.data).map(|octets| IpAddr::V6(Ipv6Addr::from(octets)))
            }
            CNAME if leads => {
                match read_name(message, record.data_at, owner) {
                    Some(_) => self.alias(owner, record.data_at, name),
                    None => self.bad = true,
                }
                return;
            }
            CNAME => {
                let mut target = String::new();
                match read_name(message, record.data_at, &mut target) {
                    Some(_) => {
                        self.stray(owner, Stray::Alias(target, record.data_at));
                    }
                    None => self.bad = true,
                }
                return;
            }
            SVCB | HTTPS => {
                if leads {
                    self.service(record);
                }
                return;
            }
            _ => return,
        };
        match address {
            Ok(address) if leads => self.address(address, record.ttl),
            Ok(address) => self.stray(owner, Stray::Address(address, record.ttl)),
            Err(_) => self.bad = true,
        }
    }

    /// Whether a record of `owner` answers the question for `name`.
    fn leads_to(&self, owner: &str, name: &str) -> bool {
        owner == name || self.chain().any(|alias| alias == owner)
    }

    /// An alias of a name that leads to the answer; its target stands at `at`.
    fn alias(&mut self, target: &str, at: usize, name: &str) {
        if self.leads_to(target, name) || self.aliases >= CHAIN {
            return;
        }
        if self.aliases == self.chain.len() {
            self.chain.push(String::new());
        }
        if let Some(alias) = self.chain.get_mut(self.aliases) {
            alias.clear();
            alias.push_str(target);
        }
        self.aliases += 1;
        if let Some(slot) = self.leading.get_mut(self.aliases) {
            *slot = at;
        }
    }

    fn address(&mut self, address: IpAddr, ttl: u32) {
        if self.addresses.len() < ADDRESSES {
            self.addresses.push((address, ttl));
        }
    }

    fn service(&mut self, record: &Record<'_>) {
        let Some(binding) = svcb::read(record.data) else {
            self.bad = true;
            return;
        };
        for hint in binding.hints {
            self.address(hint, record.ttl);
        }
        for public_name in binding.ech_public_names {
            if !self.ech_public_names.contains(&public_name) {
                self.ech_public_names.push(public_name);
            }
        }
    }

    fn stray(&mut self, owner: &str, stray: Stray) {
        if self.strays.len() < CHAIN {
            self.strays.push((owner.to_owned(), stray));
        }
    }

    /// The order of records is not fixed (RFC 1034 3.6): some servers put the alias last.
    fn follow_strays(&mut self, name: &str) {
        let mut strays = std::mem::take(&mut self.strays);
        while let Some(index) = strays
            .iter()
            .position(|(owner, _)| self.leads_to(owner, name))
        {
            match strays.remove(index) {
                (_, Stray::Address(address, ttl)) => self.address(address, ttl),
                (_, Stray::Alias(target, at)) => self.alias(&target, at, name),
            }
        }
    }
}

/// One resource record; its owner is left in the scratch string it was read with, unless `leads`.
struct Record<'a> {
    /// Its owner is a pointer to a name that leads to the answer.
    leads: bool,
    kind: u16,
    ttl: u32,
    data: &'a [u8],
    data_at: usize,
}

impl<'a> Record<'a> {
    fn read(
        message: &'a [u8],
        at: usize,
        leading: &[usize],
        owner: &mut String,
    ) -> Option<(Self, usize)> {
        let pointer = read_u16(message, at).filter(|head| head >> 14 == 3);
        let target = pointer.map(|pointer| usize::from(pointer & 0x3fff));
        let leads = target.is_some_and(|target| target != 0 && leading.contains(&target));
        let at = if leads {
            at + 2
        } else {
            read_name(message, at, owner)?
        };
        let kind = read_u16(message, at)?;
        let ttl =
            u32::from(read_u16(message, at + 4)?) << 16 | u32::from(read_u16(message, at + 6)?);
        let length = usize::from(read_u16(message, at + 8)?);
        let data_at = at + 10;
        let data = message.get(data_at..data_at + length)?;
        let record = Self {
            leads,
            kind,
            ttl,
            data,
            data_at,
        };
        Some((record, data_at + length))
    }
}

pub(super) fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    let pair: [u8; 2] = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_be_bytes(pair))
}
