//! WireGuard for who has its keys (lines of a key log as Wireshark takes them): a handshake of two messages,
//! and IP that its keys open. Without keys nothing is looked for.

use std::collections::VecDeque;

use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::super::{Datagram, Packet, Undecoded, plausible};
use super::kind;
use crate::crypto::noise::{self, INITIATION, Key, RESPONSE};
use crate::limits::Limits;

/// Keys that were given, and what they open.
#[derive(Debug)]
pub(in crate::wire) struct Tunnels {
    statics: VecDeque<Static>,
    ephemerals: VecDeque<Ephemeral>,
    /// Handshakes under way, or that wait for keys.
    begun: VecDeque<Begun>,
    sessions: VecDeque<Session>,
    most_keys: usize,
    most: usize,
    /// Keys that were given, and those of them that opened a handshake, each counted once.
    counts: (u64, u64),
    /// Whether the datagram at hand is of a handshake.
    pub(in crate::wire) shaken: bool,
}

#[derive(Debug)]
struct Static {
    public: Key,
    private: Option<Key>,
    proof: Key,
    used: bool,
}

#[derive(Debug)]
struct Ephemeral {
    public: Key,
    private: Key,
    /// What both ends share beside.
    shared: Option<Key>,
    used: bool,
}

#[derive(Debug)]
struct Begun {
    initiation: Box<[u8; INITIATION]>,
    response: Option<Box<[u8; RESPONSE]>>,
}

#[derive(Debug)]
struct Session {
    /// By which numbers the ends want data sent to them.
    initiator: [u8; 4],
    responder: [u8; 4],
    /// Of the static keys of both.
    ends: u32,
    keys: noise::Session,
}

impl Tunnels {
    pub(in crate::wire) const fn new(limits: &Limits) -> Self {
        Self {
            statics: VecDeque::new(),
            ephemerals: VecDeque::new(),
            begun: VecDeque::new(),
            sessions: VecDeque::new(),
            most_keys: limits.wireguard_keys,
            most: limits.wireguard_sessions,
            counts: (0, 0),
            shaken: false,
        }
    }

    /// Whether there is anything to open a handshake with.
    pub(in crate::wire) fn has_keys(&self) -> bool {
        !self.ephemerals.is_empty()
    }

    /// How many keys there were, and how many of them opened a handshake.
    pub(in crate::wire) const fn counts(&self) -> (u64, u64) {
        self.counts
    }

    /// Takes the lines of a key log; gives how many were keys of WireGuard.
    pub(in crate::wire) fn add_text(&mut self, text: &[u8]) -> usize {
        let lines = text.split(|byte| matches!(byte, b'\n' | b'\r'));
        let taken = lines.filter(|line| self.add_line(line).is_some()).count();
        if taken > 0 {
            for mut begun in std::mem::take(&mut self.begun) {
                if !self.opens(&mut begun) {
                    self.begun.push_back(begun);
                }
            }
        }
        taken
    }

    fn add_line(&mut self, line: &[u8]) -> Option<()> {
        match Line::of(line)? {
            Line::Static(private) => self.add_static(noise::public(&private), Some(private)),
            Line::Remote(public) => self.add_static(public, None),
            Line::Ephemeral(private) => {
                let known = |known: &Ephemeral| known.private == private;
                if let Some(place) = self.ephemerals.iter().position(known) {
                    // What is shared may follow.
                    let latest = self.ephemerals.remove(place)?;
                    self.ephemerals.push_back(latest);
                    return Some(());
                }
                if self.ephemerals.len() >= self.most_keys {
                    self.ephemerals.pop_front();
                }
                self.ephemerals.push_back(Ephemeral {
                    public: noise::public(&private),
                    private,
                    shared: None,
                    used: false,
                });
                self.counts.0 += 1;
            }
            Line::Shared(key) => {
                let shared = &mut self.ephemerals.back_mut()?.shared;
                self.counts.0 += u64::from(shared.is_none());
                *shared = Some(key);
            }
        }
        Some(())
    }

    fn add_static(&mut self, public: Key, private: Option<Key>) {
        if let Some(known) = self.statics.iter_mut().find(|known| known.public == public) {
            known.private = known.private.or(private);
            return;
        }
        if self.statics.len() >= self.most_keys {
            self.statics.pop_front();
        }
        self.statics.push_back(Static {
            public,
            private,
            proof: noise::proof_key(&public),
            used: false,
        });
        self.counts.0 += 1;
    }

    /// Opens a handshake if there are the keys to it.
    fn opens(&mut self, begun: &mut Begun) -> bool {
        let session = begun.response.as_ref().and_then(|response| {
            let of = [
                noise::initiator_ephemeral(&begun.initiation),
                noise::responder_ephemeral(response),
            ];
            let mut ephemerals = self.ephemerals.iter().rev();
            let ephemeral = ephemerals.find(|known| of.contains(&known.public))?;
            let mut statics = self.statics.iter();
            let responder = statics.find(|known| noise::is_for(&begun.initiation, &known.proof))?;
            let private = |public: &Key| match ephemeral.public == *public {
                true => Some(ephemeral.private),
                false => {
                    let mut statics = self.statics.iter();
                    statics.find(|known| known.public == *public)?.private
                }
            };
            let keys = noise::open(
                &begun.initiation,
                response,
                &responder.public,
                &ephemeral.shared.unwrap_or_default(),
                private,
            )?;
            let number = |key: &Key| key.first_chunk().map_or(0, |it| u32::from_be_bytes(*it));
            let used = [ephemeral.public, responder.public, keys.initiator];
            let session = Session {
                initiator: *begun.initiation.get(4..)?.first_chunk()?,
                responder: *response.get(4..)?.first_chunk()?,
                ends: number(&keys.initiator) ^ number(&responder.public),
                keys,
            };
            Some((session, used))
        });
        let Some((session, used)) = session else {
            return false;
        };
        self.note(&used);
        if self.sessions.len() >= self.most {
            self.sessions.pop_front();
        }
        self.sessions.push_back(session);
        true
    }

    /// Counts keys that opened a handshake.
    fn note(&mut self, used: &[Key]) {
        let statics = self.statics.iter_mut();
        for known in statics.filter(|known| used.contains(&known.public)) {
            self.counts.1 += u64::from(!std::mem::replace(&mut known.used, true));
        }
        let ephemerals = self.ephemerals.iter_mut();
        for known in ephemerals.filter(|known| used.contains(&known.public)) {
            if !std::mem::replace(&mut known.used, true) {
                self.counts.1 += 1 + u64::from(known.shared.is_some());
            }
        }
    }

    /// Whether a first message is one that the keys will open: the ephemeral key of its sender is there, or
    /// the private one of the other end.
    fn will_open(&self, initiation: &[u8; INITIATION]) -> bool {
        let ephemeral = noise::initiator_ephemeral(initiation);
        let mut statics = self.statics.iter();
        self.ephemerals.iter().any(|it| it.public == ephemeral)
            || statics.any(|it| it.private.is_some() && noise::is_for(initiation, &it.proof))
    }

    /// Takes a message of a handshake; gives whether it is one that is opened.
    fn shake(&mut self, message: &[u8]) -> bool {
        self.shaken = true;
        if let Ok(initiation) = message.try_into() {
            let known = |known: &Begun| *known.initiation == initiation;
            if self.begun.iter().any(known) {
                return self.will_open(&initiation);
            }
            if self.begun.len() >= self.most {
                self.begun.pop_front();
            }
            self.begun.push_back(Begun {
                initiation: Box::new(initiation),
                response: None,
            });
            return self.will_open(&initiation);
        } else if let Ok(response) = <[u8; RESPONSE]>::try_from(message) {
            // The number that the other end chose for itself.
            let answers = |begun: &Begun| begun.initiation.get(4..8) == response.get(8..12);
            let place = self.begun.iter().rposition(answers);
            let Some(mut begun) = place.and_then(|place| self.begun.remove(place)) else {
                // Captured twice.
                let known = |session: &Session| {
                    response.get(4..12) == Some(&[session.responder, session.initiator].concat())
                };
                return self.sessions.iter().any(known);
            };
            begun.response = Some(Box::new(response));
            if self.opens(&mut begun) {
                return true;
            }
            self.begun.push_back(begun);
        }
        false
    }

    /// Opens data, and says of which two ends.
    fn unseal(&self, receiver: [u8; 4], counter: u64, sealed: &[u8]) -> Option<(u32, Vec<u8>)> {
        self.sessions.iter().rev().find_map(|session| {
            let ways = [
                (session.responder, &session.keys.to_responder),
                (session.initiator, &session.keys.to_initiator),
            ];
            ways.into_iter().find_map(|(number, opener)| {
                let mut bytes = (number == receiver).then(|| sealed.to_vec())?;
                // The nonce has it with the lowest byte first.
                let length = opener.open(counter.swap_bytes(), &[], &mut bytes)?.len();
                bytes.truncate(length);
                Some((session.ends, bytes))
            })
        })
    }
}

/// The packet in a datagram of WireGuard that there are keys to.
pub(super) fn open<'a>(
    walk: &mut Walk<'a, '_>,
    datagram: &Datagram<'a>,
    plain: Packet<'a>,
) -> Result<Option<Next<'a>>, Undecoded> {
    const HEADER: usize = 16;
    let tunnels = &mut walk.fragments.wireguard;
    if !tunnels.has_keys() || datagram.cut > 0 {
        return Ok(None);
    }
    let rest = Rest {
        bytes: datagram.payload,
        cut: 0,
    };
    let unsealed = match rest.bytes {
        [1, 0, 0, 0, ..] | [2, 0, 0, 0, ..] => {
            // Else it is a datagram, which says that there is a tunnel nobody can look into.
            if tunnels.shake(rest.bytes) {
                return Err(Undecoded::LinkControl);
            }
            None
        }
        [4, 0, 0, 0, ..] => rest.after(HEADER).and_then(|sealed| {
            let counter = u64::from_le_bytes(rest.array(8)?);
            tunnels.unseal(rest.array(4)?, counter, sealed.bytes)
        }),
        _ => None,
    };
    let Some((ends, bytes)) = unsealed else {
        return Ok(None);
    };
    if bytes.is_empty() {
        // So that the other end and whatever is between know that this one is still there.
        return Err(Undecoded::LinkControl);
    }
    let bytes = walk.keep(bytes)?;
    let packet = Rest { bytes, cut: 0 };
    if !plausible::ip(packet) {
        return Ok(None);
    }
    walk.guess(plain);
    walk.enter_tunnel_of(kind::WIREGUARD, ends)?;
    Ok(Some(Next::Ip(packet)))
}

/// The lines of a key log that have keys of WireGuard, for who keeps these alone.
#[must_use]
pub fn tunnel_keys(text: &[u8]) -> Vec<u8> {
    let lines = text.split(|byte| matches!(byte, b'\n' | b'\r'));
    let mut kept = Vec::new();
    for line in lines.filter(|line| Line::of(line).is_some()) {
        kept.extend_from_slice(line);
        kept.push(b'\n');
    }
    kept
}

/// A line of a key log: a name, an equals sign, a key.
enum Line {
    Static(Key),
    Remote(Key),
    Ephemeral(Key),
    Shared(Key),
}

impl Line {
    fn of(line: &[u8]) -> Option<Self> {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b'=')?);
        let kind = match name.trim_ascii() {
            b"LOCAL_STATIC_PRIVATE_KEY" => Self::Static,
            b"REMOTE_STATIC_PUBLIC_KEY" => Self::Remote,
            b"LOCAL_EPHEMERAL_PRIVATE_KEY" => Self::Ephemeral,
            b"PRESHARED_KEY" => Self::Shared,
            _ => return None,
        };
        key(value.get(1..)?.trim_ascii()).map(kind)
    }
}

/// A key in Base64.
fn key(text: &[u8]) -> Option<Key> {
    let (digits, end) = text.split_at_checked(43)?;
    if end != b"=" {
        return None;
    }
    let mut bytes = Vec::with_capacity(33);
    for four in digits.chunks(4) {
        let mut bits = 0;
        for digit in four.iter().copied().chain(std::iter::repeat(b'A')).take(4) {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        bytes.extend_from_slice(bits.to_be_bytes().get(1..)?);
    }
    bytes.first_chunk().copied()
}
