//! IP fragments to datagrams, within bounds.
//!
//! The first writer of a byte wins, as in TCP reassembly: whoever wants to show us something else later
//! gets a [`Undecoded::FragmentConflict`] instead. Reassembly by last writer (etherparse's pool) would let
//! a late fragment rewrite what was already accepted, and that pool does not bound its memory.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;

use foldhash::fast::FixedState;

use super::Undecoded;
use crate::flow::Scope;
use crate::limits::Limits;
use crate::time::{Span, Timestamp};

/// What makes fragments belong together: RFC 791 section 2.3 (with protocol), RFC 8200 section 4.5
/// (without), and the scope.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key {
    pub(super) scope: Scope,
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) protocol: Option<u8>,
    pub(super) id: u32,
}

/// A fragment's header fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment {
    /// Protocol of the payload; only the first fragment's counts.
    pub(super) next: u8,
    /// Where its bytes belong.
    pub(super) start: u16,
    /// Whether more fragments follow it.
    pub(super) more: bool,
    /// Bytes of the header that count into the 65,535 a datagram may have (IPv4).
    pub(super) header: usize,
}

/// A complete datagram.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) next: u8,
    pub(super) bytes: Vec<u8>,
}

/// What became of fragmented datagrams so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FragmentCounts {
    /// Datagrams joined.
    pub joined: u64,
    /// Datagrams given up because fragments were missing when their time ran out.
    pub unfinished: u64,
    /// Datagrams given up because a limit bit first.
    pub evicted: u64,
    /// Datagrams whose fragments contradicted each other.
    pub conflicts: u64,
    /// Datagrams still waiting.
    pub waiting: u64,
}

/// Datagrams being joined.
#[derive(Debug)]
pub(super) struct Fragments {
    table: HashMap<Key, Entry, FixedState>,
    /// Keys in the order their entries were made; an entry that was replaced has a later serial.
    order: VecDeque<(u64, Key)>,
    serial: u64,
    bytes: usize,
    newest: Timestamp,
    counts: FragmentCounts,
    max_datagrams: usize,
    max_bytes: usize,
    max_age: Span,
    /// 802.11 frames sent in parts.
    pub(super) wlan: super::link::Parts,
    /// Fragments of multilink PPP.
    pub(super) bundles: super::link::Bundles,
    /// Frames in parts of meshes.
    pub(super) meshes: super::link::Meshes,
    /// Channels and packets in parts of Bluetooth links.
    pub(super) bluetooth: super::link::Bluetooth,
    /// TCP headers of PPP links.
    pub(super) headers: super::link::Headers,
    /// Bytes of which the rest comes in later frames.
    pub(super) streams: super::link::Streams,
    /// What circuits of X.25 carry.
    pub(super) circuits: super::link::Circuits,
    /// Tunnels of WireGuard that there are keys to.
    pub(super) wireguard: super::tunnel::Tunnels,
    /// Keys of 802.11.
    pub(super) wlan_keys: super::link::WlanKeys,
    /// Keys of 802.15.4.
    pub(super) wpan_keys: super::given::Given<super::link::WpanSecret>,
    /// Keys of users of PDCP.
    pub(super) pdcp_keys: super::tunnel::PdcpKeys,
    /// Associations of ESP that there are keys to.
    pub(super) associations: super::tunnel::Associations,
    /// Packets of the frame at hand that were found and not yet told.
    pub(super) further: VecDeque<super::walk::Further>,
    /// Source and destination of the packet of which the frame at hand is a part, as far as they are known.
    pub(super) latest: Option<(IpAddr, IpAddr)>,
}

#[derive(Debug)]
struct Entry {
    serial: u64,
    /// Highest trace time when it was made.
    since: Timestamp,
    /// What it counts for in [`Fragments::bytes`].
    weight: usize,
    conflict: bool,
    /// Source and destination of what it carries, where fragments do not say so themselves.
    carried: Option<(IpAddr, IpAddr)>,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting(Waiting),
    /// Kept so that a repeated fragment (a frame captured on two interfaces) is known for what it is.
    Done(Vec<u8>),
}

#[derive(Debug, Default)]
struct Waiting {
    /// Disjoint pieces by start.
    pieces: BTreeMap<usize, Vec<u8>>,
    held: usize,
    /// Set by the last fragment.
    total: Option<usize>,
    /// Set by the first fragment.
    next: Option<u8>,
}

/// What a fragment did to its datagram.
#[derive(Clone, Copy, Debug, Default)]
struct Added {
    /// Bytes that were not there before, in so many pieces.
    bytes: usize,
    pieces: usize,
    /// Whether it was the first to say where the datagram ends.
    told_end: bool,
    /// Whether it contradicted earlier fragments.
    conflict: bool,
}

impl Fragments {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            table: HashMap::default(),
            order: VecDeque::new(),
            serial: 0,
            bytes: 0,
            newest: Timestamp::from_nanos(i64::MIN),
            counts: FragmentCounts::default(),
            max_datagrams: limits.fragments_datagrams,
            max_bytes: limits.fragments_bytes,
            max_age: limits.fragments_age,
            wlan: super::link::Parts::new(limits),
            bundles: super::link::Bundles::new(limits),
            meshes: super::link::Meshes::new(limits),
            bluetooth: super::link::Bluetooth::new(limits),
            headers: super::link::Headers::new(limits),
            streams: super::link::Streams::new(limits),
            circuits: super::link::Circuits::new(limits),
            wireguard: super::tunnel::Tunnels::new(limits),
            wlan_keys: super::link::WlanKeys::new(limits),
            wpan_keys: super::given::Given::new(limits.wpan_keys),
            pdcp_keys: super::tunnel::PdcpKeys::new(limits),
            associations: super::tunnel::Associations::new(limits),
            further: VecDeque::new(),
            latest: None,
        }
    }

    pub(super) fn counts(&self) -> FragmentCounts {
        let waiting = self
            .table
            .values()
            .filter(|entry| matches!(entry.state, State::Waiting(_)))
            .count();
        FragmentCounts {
            waiting: u64::try_from(waiting).unwrap_or(u64::MAX),
            ..self.counts
        }
    }

    /// Takes a fragment; gives the datagram when it is the one that was missing.
    pub(super) fn insert(
        &mut self,
        at: Timestamp,
        key: Key,
        fragment: Fragment,
        bytes: &[u8],
    ) -> Result<Joined, Undecoded> {
        let start = usize::from(fragment.start);
        let end = start + bytes.len();
        if bytes.is_empty()
            || fragment.more && !bytes.len().is_multiple_of(8)
            || fragment.header + end > usize::from(u16::MAX)
        {
            return Err(Undecoded::BadFragment);
        }
        self.newest = self.newest.max(at);
        self.expire();

        if let Some(Entry {
            state: State::Done(whole),
            ..
        }) = self.table.get(&key)
        {
            if whole.get(start..end) == Some(bytes) {
                return Err(Undecoded::FragmentRepeated);
            }
            // The sender used the number again for another datagram.
            self.remove(&key);
        }
        let entry = self.entry(key);
        let State::Waiting(waiting) = &mut entry.state else {
            return Err(Undecoded::FragmentRepeated);
        };
        let added = waiting.add(fragment, start, bytes);
        let joined = waiting.complete();
        let first_conflict = added.conflict && !std::mem::replace(&mut entry.conflict, true);
        let before = entry.weight;
        if let Some(Joined { bytes, .. }) = &joined {
            entry.weight = bytes.len() + ENTRY_WEIGHT;
            entry.state = State::Done(bytes.clone());
        } else {
            entry.weight += added.bytes + added.pieces * PIECE_WEIGHT;
        }
        let after = entry.weight;
        self.bytes = self.bytes.saturating_sub(before) + after;
        self.counts.conflicts += u64::from(first_conflict);
        self.counts.joined += u64::from(joined.is_some());
        self.shrink();
        // A contradicted datagram is still told, in its first writing: to hide it would be the easier
        // evasion. The count says that it happened.
        joined.ok_or(match added {
            Added { conflict: true, .. } => Undecoded::FragmentConflict,
            Added { bytes: 0, .. } if !added.told_end => Undecoded::FragmentRepeated,
            _ => Undecoded::FragmentHeld,
        })
    }

    /// Says whose packet a first fragment carries, for [`Self::latest`] of this and the others.
    pub(super) fn carries(&mut self, key: &Key, ends: Option<(IpAddr, IpAddr)>) {
        let entry = self.table.get_mut(key);
        self.latest = entry.and_then(|entry| {
            entry.carried = entry.carried.or(ends);
            entry.carried
        });
    }

    /// The entry of `key`, made if there is none.
    fn entry(&mut self, key: Key) -> &mut Entry {
        let (serial, since) = (self.serial, self.newest);
        let (order, total) = (&mut self.order, &mut self.bytes);
        let next_serial = &mut self.serial;
        self.table.entry(key).or_insert_with(|| {
            *next_serial += 1;
            order.push_back((serial, key));
            *total += ENTRY_WEIGHT;
            Entry {
                serial,
                since,
                weight: ENTRY_WEIGHT,
                conflict: false,
                carried: None,
                state: State::Waiting(Waiting::default()),
            }
        })
    }

    /// Gives up what is too old. Entries are in order of `since`, as that never goes back.
    fn expire(&mut self) {
        while let Some(&(serial, key)) = self.order.front() {
            match self.table.get(&key) {
                Some(entry) if entry.serial == serial => {
                    if self.newest.since(entry.since) <= self.max_age {
                        return;
                    }
                    if matches!(entry.state, State::Waiting(_)) {
                        self.counts.unfinished += 1;
                    }
                    self.remove(&key);
                }
                _ => {}
            }
            self.order.pop_front();
        }
    }

    /// Gives up the oldest until the limits hold.
    fn shrink(&mut self) {
        while self.table.len() > self.max_datagrams
            || self.bytes > self.max_bytes
            // Replaced entries leave their place in the queue behind.
            || self.order.len() > self.max_datagrams.saturating_mul(2)
        {
            let Some((serial, key)) = self.order.pop_front() else {
                return;
            };
            let Some(entry) = self.table.get(&key) else {
                continue;
            };
            if entry.serial == serial {
                if matches!(entry.state, State::Waiting(_)) {
                    self.counts.evicted += 1;
                }
                self.remove(&key);
            }
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.table.remove(key) {
            self.bytes = self.bytes.saturating_sub(entry.weight);
        }
    }
}

impl Waiting {
    /// Adds what is new in a fragment.
    fn add(&mut self, fragment: Fragment, start: usize, bytes: &[u8]) -> Added {
        let end = start + bytes.len();
        let reached = self
            .pieces
            .last_key_value()
            .map_or(0, |(&at, piece)| at + piece.len());
        let mut added = Added::default();
        match self.total {
            Some(total) => added.conflict = end > total || !fragment.more && end != total,
            None if fragment.more => {}
            None if end < reached => added.conflict = true,
            None => {
                self.total = Some(end);
                added.told_end = true;
            }
        }
        if added.conflict {
            return added;
        }
        if start == 0 {
            self.next.get_or_insert(fragment.next);
        }

        // Walk the pieces that touch start..end and fill the holes between them.
        let mut holes = Vec::new();
        let mut at = start;
        let first = self
            .pieces
            .range(..start)
            .next_back()
            .map_or(start, |(&before, _)| before);
        for (&begin, piece) in self.pieces.range(first..end) {
            let finish = begin + piece.len();
            if finish <= start {
                continue;
            }
            if at < begin {
                holes.push((at, begin));
            }
            let (from, to) = (begin.max(start), finish.min(end));
            added.conflict |=
                piece.get(from - begin..to - begin) != bytes.get(from - start..to - start);
            at = finish;
        }
        if at < end {
            holes.push((at, end));
        }
        added.pieces = holes.len();
        for (from, to) in holes {
            let hole = bytes.get(from - start..to - start).unwrap_or_default();
            added.bytes += hole.len();
            self.pieces.insert(from, hole.to_vec());
        }
        self.held += added.bytes;
        added
    }

    /// The datagram, if nothing is missing.
    fn complete(&mut self) -> Option<Joined> {
        let (total, next) = (self.total?, self.next?);
        if self.held < total {
            return None;
        }
        let mut bytes = Vec::with_capacity(total);
        for piece in std::mem::take(&mut self.pieces).values() {
            bytes.extend_from_slice(piece);
        }
        Some(Joined { next, bytes })
    }
}

/// What an entry costs beside its bytes, about.
const ENTRY_WEIGHT: usize = 256;
/// What a piece costs beside its bytes, about; without it, 8-byte fragments would cost four times what
/// the limit says.
const PIECE_WEIGHT: usize = 64;

#[cfg(test)]
mod tests;
