//! Which addresses are one device.
//!
//! Real clients open the site over IPv4 and the responder over IPv6, so an address is not a device. Three
//! facts tie addresses together, each with the reason why it is true:
//!
//! - **One link-layer address**, both with an undiminished TTL: every router decrements it (RFC 791 3.2,
//!   RFC 8200 3), so a packet that still has its initial value was sent by the station whose address the
//!   frame bears. No router forwards what comes from a link-local address (RFC 4291 2.5.6, RFC 3927 2.7). A station with several IPv4 addresses
//!   is taken for a router or gateway and ties nothing, unless it had them one after the other (`leases`).
//! - **Sent by the capturing host itself** (cooked captures, pcapng flags), again with an undiminished TTL, since a
//!   capturing router also sends what it forwards (`own`).
//! - **DNS hand-off**: the connecting address never asked for the name, and exactly one other address of the other family was just told
//!   the server's address. Used only where the link layer does not know better.

mod clat;
mod leases;
mod own;
mod systems;

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use foldhash::HashMap;

use crate::event::{BlindSpot, HostDevice, Mac, Sighting};
use crate::finding::{Device, DeviceId};
use crate::flow::{Endpoints, Scope, Transport};
use crate::time::Timestamp;

/// An address in its VLAN or tunnel: private addresses repeat from one to the next.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HostKey {
    /// VLAN and tunnel stack.
    pub scope: Scope,
    /// Address.
    pub ip: IpAddr,
}

impl HostKey {
    /// The client of a flow.
    #[must_use]
    pub const fn client_of(ends: &Endpoints) -> Self {
        Self {
            scope: ends.scope,
            ip: ends.client.ip(),
        }
    }
}

/// What was seen of every address.
#[derive(Debug, Default)]
pub struct Devices {
    hosts: HashMap<HostKey, Host>,
    /// Which addresses processes of the capturing host, by number and name, opened connections from.
    processes: HashMap<(u32, String), Vec<HostKey>>,
    limit: usize,
    refused: u64,
    /// Order of the next one.
    next: u32,
}

/// What was seen of one address.
#[derive(Debug)]
struct Host {
    order: u32,
    /// When it was first seen to send.
    first: Timestamp,
    /// When it was last seen to send.
    last: Timestamp,
    mac: Option<Mac>,
    /// Seen with different link-layer addresses: moved, or behind several routers.
    many_macs: bool,
    /// A packet had an initial TTL.
    undiminished: bool,
    /// A packet had a TTL that a router leaves.
    diminished: bool,
    /// The capturing host sent some of it, undiminished.
    this_host: bool,
    /// The device that the first of it crossed.
    device: Option<HostDevice>,
    /// It asked or connected to IPv4 addresses in IPv6 ones.
    translated: bool,
    /// It asked or connected to others.
    untranslated: bool,
    /// The capturing host received some of it.
    received: bool,
    /// Initial TTL values (64, 128, 255) that the observed ones fit: bit set, for TCP and for UDP, since some
    /// stacks give these defaults of their own (illumos: tcp_ipv4_ttl 64, udp_ipv4_ttl 255). Several mean
    /// several machines.
    initial: [u8; 2],
    /// Operating systems that User-Agents of this address named, or whose own TLS it spoke: bit set.
    systems: u8,
    /// Connections to addresses that it did not ask for, but somebody else, and to those for which nobody was
    /// seen to ask.
    led: u32,
    unled: u32,
    /// Who was told the addresses that it connected to without having asked.
    handed: Vec<HostKey>,
    blind: BTreeMap<BlindSpot, u64>,
}

/// So many addresses may be known from before the capture began.
const UNLED: u32 = 8;

/// More leases of one station than this are not told apart from several stations.
const HANDED: usize = 4;

impl Devices {
    /// Remembers at most `limit` addresses.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            hosts: HashMap::default(),
            processes: HashMap::default(),
            limit,
            refused: 0,
            next: 0,
        }
    }

    /// Takes in the source of a packet.
    pub fn sighted(&mut self, at: Timestamp, seen: &Sighting) {
        let Some(host) = self.host(HostKey {
            scope: seen.scope,
            ip: seen.ip,
        }) else {
            return;
        };
        host.first = host.first.min(at);
        host.last = host.last.max(at);
        match (host.mac, seen.mac) {
            (None, mac) => host.mac = mac,
            (Some(known), Some(mac)) if known != mac => host.many_macs = true,
            _ => {}
        }
        host.device = host.device.or(seen.device);
        host.received |= seen.by_this_host == Some(false);
        let bound = is_link_local(seen.ip);
        host.undiminished |= bound;
        let Some(transport) = seen.ttl_default_of else {
            host.this_host |= seen.by_this_host == Some(true) && bound;
            return;
        };
        host.undiminished |= is_initial(seen.ttl);
        host.diminished |= is_diminished(seen.ttl) && !bound;
        host.this_host |= seen.by_this_host == Some(true) && (bound || is_initial(seen.ttl));
        let [tcp, udp] = &mut host.initial;
        *match transport {
            Transport::Tcp => tcp,
            Transport::Udp => udp,
        } |= initial_class(seen.ttl);
    }

    /// Takes in that `told` was given the address that `connects` now connects to without having asked.
    pub fn handed_over(&mut self, connects: HostKey, told: HostKey) {
        if !self.are_of_two_families(connects, told) || connects.scope != told.scope {
            return;
        }
        // Where only what is sent to it was captured, it is never sighted.
        if self.host(told).is_some()
            && let Some(host) = self.host(connects)
        {
            host.led = host.led.saturating_add(1);
            if host.handed.len() <= HANDED && !host.handed.contains(&told) {
                host.handed.push(told);
            }
        }
    }

    /// Takes in that nobody was seen to ask for an address that `connects` connects to.
    pub fn unled(&mut self, connects: HostKey) {
        if let Some(host) = self.hosts.get_mut(&connects) {
            host.unled = host.unled.saturating_add(1);
        }
    }

    /// Takes in that an address that was sighted still sent something at a time.
    pub fn spoke(&mut self, who: HostKey, at: Timestamp) {
        if let Some(host) = self.hosts.get_mut(&who) {
            host.last = host.last.max(at);
        }
    }

    /// Takes in the User-Agent of a request that came from an address (RFC 9110 10.1.5).
    pub fn agent(&mut self, client: HostKey, agent: &str) {
        let system = systems::system_of(agent);
        if system != 0
            && let Some(host) = self.host(client)
        {
            host.systems |= system;
        }
    }

    /// Takes in a fingerprint (JA4) of a handshake that came from an address.
    pub fn fingerprint(&mut self, client: HostKey, ja4: &str) {
        let system = systems::system_of_ciphers(ja4);
        if system != 0
            && let Some(host) = self.host(client)
        {
            host.systems |= system;
        }
    }

    /// Takes in a blind spot of a client.
    pub fn blind(&mut self, client: HostKey, spot: BlindSpot) {
        if let Some(host) = self.host(client) {
            *host.blind.entry(spot).or_default() += 1;
        }
    }

    /// Forgets addresses that were not sighted since a time.
    pub fn forget(&mut self, before: Timestamp) {
        self.hosts.retain(|_, host| host.last >= before);
        let hosts = &self.hosts;
        self.processes.retain(|_, clients| {
            clients.retain(|client| hosts.contains_key(client));
            !clients.is_empty()
        });
    }

    /// Whether half of the room is taken.
    #[must_use]
    pub fn is_half_full(&self) -> bool {
        self.hosts.len() >= self.limit / 2
    }

    /// How many addresses found no room.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Draws the conclusions from all that was seen so far.
    #[must_use]
    pub fn resolve(&self) -> DeviceMap {
        let mut ordered: Vec<(u32, HostKey)> =
            self.hosts.iter().map(|(key, h)| (h.order, *key)).collect();
        ordered.sort_unstable();
        let keys: Vec<HostKey> = ordered.into_iter().map(|(_, key)| key).collect();
        let mut groups = Groups::new(&keys);
        self.tie_by_mac(&keys, &mut groups);
        self.tie_this_host(&keys, &mut groups);
        self.tie_by_hand_off(&keys, &mut groups);
        let mut map = self.map(&keys, &mut groups);
        map.stations = self.stations(&keys);
        map
    }

    fn host(&mut self, key: HostKey) -> Option<&mut Host> {
        let is_full = self.hosts.len() >= self.limit;
        match self.hosts.entry(key) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(_) if is_full => {
                self.refused += 1;
                None
            }
            Entry::Vacant(new) => {
                let host = new.insert(Host::new(self.next));
                self.next = self.next.wrapping_add(1);
                Some(host)
            }
        }
    }

    fn tie_by_mac(&self, keys: &[HostKey], groups: &mut Groups) {
        let mut stations: BTreeMap<(Scope, Mac), Vec<HostKey>> = BTreeMap::new();
        for key in keys {
            let Some(host) = self.hosts.get(key) else {
                continue;
            };
            if let (Some(mac), true, false) = (host.mac, host.is_direct(), host.many_macs) {
                stations.entry((key.scope, mac)).or_default().push(*key);
            }
        }
        for addresses in stations.values() {
            let v4 = addresses.iter().filter(|k| k.ip.is_ipv4()).count();
            // 16: a station keeps a handful of temporary addresses a day (RFC 8981); more is a router's work.
            if addresses.len() <= 16 && (v4 <= 1 || self.are_leases(addresses)) {
                groups.tie_all(addresses);
            }
        }
    }

    /// Addresses of one link-layer address with undiminished TTLs, though too many to be surely one station.
    /// Enough to ask whether a server's certificate is shown at another of its addresses.
    fn stations(&self, keys: &[HostKey]) -> HashMap<HostKey, Vec<HostKey>> {
        let mut stations: BTreeMap<(Scope, Mac), Vec<HostKey>> = BTreeMap::new();
        for key in keys {
            if let Some(host) = self.hosts.get(key)
                && let (Some(mac), true, false) = (host.mac, host.is_direct(), host.many_macs)
            {
                stations.entry((key.scope, mac)).or_default().push(*key);
            }
        }
        let several = stations
            .into_values()
            .filter(|list| (2..=16).contains(&list.len()));
        several
            .flat_map(|list| list.clone().into_iter().map(move |key| (key, list.clone())))
            .collect()
    }

    fn tie_by_hand_off(&self, keys: &[HostKey], groups: &mut Groups) {
        // All are found before any is tied, so that no guess rests on another.
        let found: Vec<(HostKey, HostKey)> = keys
            .iter()
            .filter_map(|key| Some((*key, self.handed_by(*key, groups)?)))
            .collect();
        for (connects, told) in found {
            groups.tie_all(&[connects, told]);
        }
    }

    /// The device that was told what an address connected to: a single address, or several that are known to
    /// be one device's.
    fn handed_by(&self, connects: HostKey, groups: &mut Groups) -> Option<HostKey> {
        let host = self.hosts.get(&connects)?;
        let (first, others) = host.handed.split_first()?;
        let conflict =
            host.handed.len() > HANDED || others.iter().any(|o| !groups.tied(*first, *o));
        let link_differs = host.handed.iter().any(|told| {
            let link = self.hosts.get(told).and_then(|h| h.mac);
            matches!((host.mac, link), (Some(a), Some(b)) if a != b)
        });
        let families = self.are_of_two_families(connects, *first);
        // Who finds most of its addresses where nobody sees it (DNS over HTTPS) meets one that a neighbour
        // asked for now and then.
        let by_chance = host.unled >= UNLED && host.led < host.unled / 4;
        (!conflict && !link_differs && families && !by_chance).then_some(*first)
    }

    fn map(&self, keys: &[HostKey], groups: &mut Groups) -> DeviceMap {
        let mut map = DeviceMap::default();
        let mut by_root: HashMap<usize, DeviceId> = HashMap::default();
        for (index, key) in keys.iter().enumerate() {
            let root = groups.root(index);
            // Most devices have one address, and there are as many as there are servers.
            let id = *by_root.entry(root).or_insert_with(|| {
                let id = DeviceId(u32::try_from(map.devices.len()).unwrap_or(u32::MAX));
                map.devices.push(Device {
                    id,
                    label: String::new(),
                    mac: None,
                    addresses: Vec::with_capacity(1),
                    shared: false,
                    clients: Vec::new(),
                    blind: BTreeMap::new(),
                });
                map.keys.push(Vec::with_capacity(1));
                id
            });
            map.of.insert(*key, id);
            let (Some(device), Some(list), Some(host)) = (
                map.devices.get_mut(id.0 as usize),
                map.keys.get_mut(id.0 as usize),
                self.hosts.get(key),
            ) else {
                continue;
            };
            list.push(*key);
            device.addresses.push(key.ip);
            if host.is_direct() && !host.many_macs {
                device.mac = device.mac.or(host.mac);
            }
            device.shared |= host.shared();
            for (spot, count) in &host.blind {
                *device.blind.entry(*spot).or_default() += count;
            }
        }
        for device in &mut map.devices {
            device.label = match (device.mac, device.addresses.first()) {
                (Some(mac), _) => mac.to_string(),
                (None, Some(ip)) => ip.to_string(),
                (None, None) => String::new(),
            };
        }
        map
    }
}

impl Host {
    const fn new(order: u32) -> Self {
        Self {
            order,
            first: Timestamp::from_nanos(i64::MAX),
            last: Timestamp::from_nanos(i64::MIN),
            mac: None,
            many_macs: false,
            undiminished: false,
            diminished: false,
            this_host: false,
            device: None,
            translated: false,
            untranslated: false,
            received: false,
            initial: [0; 2],
            systems: 0,
            led: 0,
            unled: 0,
            handed: Vec::new(),
            blind: BTreeMap::new(),
        }
    }

    /// What comes from it was sent by the station whose address the frames bear.
    const fn is_direct(&self) -> bool {
        self.undiminished && !self.diminished
    }

    /// Systems with different initial TTLs use this address. TCP clocks are no sign: common stacks start them
    /// at a random offset for each connection (RFC 7323 5.4). So do User-Agents and fingerprints of different
    /// systems; a virtual machine behind its host's address is shared use as well.
    fn shared(&self) -> bool {
        let [of_tcp, _] = self.initial;
        self.initial.iter().any(|set| set.count_ones() > 1)
            || systems::count(self.systems, of_tcp) > 1
    }
}

/// Whose an address is: equal for two addresses exactly when [`DeviceMap::same`] says so.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Owner {
    /// A device.
    Device(DeviceId),
    /// An address that was never sighted, by itself.
    Address(HostKey),
}

/// The conclusions: which address belongs to which device.
#[derive(Debug, Default)]
pub struct DeviceMap {
    of: HashMap<HostKey, DeviceId>,
    keys: Vec<Vec<HostKey>>,
    stations: HashMap<HostKey, Vec<HostKey>>,
    /// The devices, by id.
    pub devices: Vec<Device>,
}

impl DeviceMap {
    /// The device of an address.
    #[must_use]
    pub fn of(&self, key: HostKey) -> Option<DeviceId> {
        self.of.get(&key).copied()
    }

    /// The addresses of a device, or of the single address when it was never sighted.
    #[must_use]
    pub fn addresses(&self, key: HostKey) -> Vec<HostKey> {
        self.of(key)
            .and_then(|id| self.keys.get(id.0 as usize))
            .cloned()
            .unwrap_or_else(|| vec![key])
    }

    /// The addresses of a device and of the station it shares a link-layer address with.
    #[must_use]
    pub fn stations(&self, key: HostKey) -> Vec<HostKey> {
        let mut all = self.addresses(key);
        for other in self.stations.get(&key).into_iter().flatten() {
            if !all.contains(other) {
                all.push(*other);
            }
        }
        all
    }

    /// Whether two addresses are one device.
    #[must_use]
    pub fn same(&self, a: HostKey, b: HostKey) -> bool {
        a == b || matches!((self.of(a), self.of(b)), (Some(x), Some(y)) if x == y)
    }

    /// Whose an address is.
    #[must_use]
    pub fn owner(&self, key: HostKey) -> Owner {
        self.of(key).map_or(Owner::Address(key), Owner::Device)
    }

    /// A device.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(id.0 as usize)
    }
}

/// Disjoint sets over the keys.
struct Groups {
    parent: Vec<usize>,
    index: HashMap<HostKey, usize>,
}

impl Groups {
    fn new(keys: &[HostKey]) -> Self {
        Self {
            parent: (0..keys.len()).collect(),
            index: keys.iter().enumerate().map(|(i, k)| (*k, i)).collect(),
        }
    }

    fn root(&mut self, mut at: usize) -> usize {
        while let Some(&up) = self.parent.get(at) {
            if up == at {
                break;
            }
            let above = self.parent.get(up).copied().unwrap_or(up);
            if let Some(slot) = self.parent.get_mut(at) {
                *slot = above;
            }
            at = above;
        }
        at
    }

    fn tied(&mut self, a: HostKey, b: HostKey) -> bool {
        let (a, b) = (self.index.get(&a).copied(), self.index.get(&b).copied());
        matches!((a, b), (Some(a), Some(b)) if self.root(a) == self.root(b))
    }

    fn tie_all(&mut self, keys: &[HostKey]) {
        let mut members = keys
            .iter()
            .filter_map(|k| self.index.get(k).copied())
            .collect::<Vec<_>>()
            .into_iter();
        let Some(first) = members.next() else { return };
        for other in members {
            let (a, b) = (self.root(first), self.root(other));
            // The lower index leads, so that the result does not depend on the order of ties.
            if let Some(slot) = self.parent.get_mut(a.max(b)) {
                *slot = a.min(b);
            }
        }
    }
}

/// Initial TTL values in use: 64 (Unix), 128 (Windows), 255 (network gear, neighbour discovery), 32 (old Windows).
const fn is_initial(ttl: u8) -> bool {
    matches!(ttl, 32 | 64 | 128 | 255)
}

/// A TTL that a router may leave. Nothing usual begins below 64 and comes farther than 30 hops: less than
/// that was sent so on purpose, as by traceroute(8), and tells of no router.
const fn is_diminished(ttl: u8) -> bool {
    ttl > 33 && !is_initial(ttl)
}

/// What comes from these addresses no router forwards.
const fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// Which initial value an observed TTL came from, as a bit; paths are rarely longer than 30 hops.
const fn initial_class(ttl: u8) -> u8 {
    match ttl {
        34..=64 => 1,
        98..=128 => 2,
        225..=255 => 4,
        _ => 0,
    }
}
