//! Keys of 802.11: those that were given, and those that handshakes make of them (IEEE 802.11-2020 12.7.6,
//! 12.7.7). Without any nothing is looked for, and none is believed before an integrity code says that it is
//! right.

use std::collections::{HashMap, VecDeque};

use super::super::super::given::Given;
use super::super::super::rest::Rest;
use super::direct::agreed;
use super::eapol::{KeyFrame, Message, Transient};
use super::elements::{Cipher, Security, network};
use super::fast::{Transition, moved, ssid};
use super::sealed::{Header, Way, open};
use super::secrets::Secret;
use crate::crypto::wlan;
use crate::event::Mac;
use crate::limits::Limits;

/// Nonces of an access point that a station's answer may be to: it asks again, and anybody may ask in its name.
const NONCES: usize = 4;
/// Pairs of a master key and what was made of it that are in use between two ends: before and after they
/// agree on new ones.
const GENERATIONS: usize = 3;
/// Keys of one access point's group: it numbers four, and each network of an access point is told apart.
const GROUPS: usize = 8;
/// Names that one access point may claim to have.
const NAMES: usize = 4;
/// A message of a handshake has some elements and a key or two.
const LONGEST: usize = 1_024;

/// An access point and a station.
type Pair = (Mac, Mac);

/// Keys that were given, and what they open.
#[derive(Debug)]
pub(in crate::wire) struct Keys {
    pub(in crate::wire) given: Given<Secret>,
    derived: Vec<Derived>,
    networks: VecDeque<(Mac, Box<[u8]>)>,
    /// Handshakes that no key opened so far, or of which more may come.
    handshakes: VecDeque<Handshake>,
    pairs: Aged<Pair, Pairwise>,
    groups: Aged<Mac, Group>,
    limits: Most,
    /// Whether the frame at hand is one that others are opened by.
    pub(in crate::wire) shaken: bool,
    /// Handshakes that passphrases were not tried at.
    pub(in crate::wire) untried: u64,
}

#[derive(Debug)]
struct Most {
    networks: usize,
    derived: usize,
    handshakes: usize,
}

/// What a passphrase comes to in a network.
#[derive(Debug)]
struct Derived {
    /// Of [`Keys::given`].
    secret: usize,
    ssid: Box<[u8]>,
    master: [u8; 32],
}

#[derive(Debug)]
struct Handshake {
    pair: Pair,
    nonces: VecDeque<[u8; 32]>,
    /// The station's message, until a key proves it.
    second: Option<Box<[u8]>>,
    /// The latest message with the key of the group, until it is read.
    group: Option<Box<[u8]>>,
}

#[derive(Debug)]
struct Pairwise {
    access_point: Mac,
    keys: Transient,
}

#[derive(Debug)]
struct Group {
    cipher: Cipher,
    key: Vec<u8>,
}

/// What is known by name; the name that came first gives way.
#[derive(Debug)]
struct Aged<K, V> {
    table: HashMap<K, VecDeque<V>, foldhash::fast::RandomState>,
    order: VecDeque<K>,
    most: usize,
    each: usize,
}

impl<K: Copy + Eq + std::hash::Hash, V> Aged<K, V> {
    fn new(most: usize, each: usize) -> Self {
        Self {
            table: HashMap::default(),
            order: VecDeque::new(),
            most,
            each,
        }
    }

    /// The latest first.
    fn get(&self, name: K) -> std::collections::vec_deque::Iter<'_, V> {
        self.table
            .get(&name)
            .map(VecDeque::iter)
            .unwrap_or_default()
    }

    fn insert(&mut self, name: K, value: V) {
        if !self.table.contains_key(&name) {
            if self.order.len() >= self.most
                && let Some(oldest) = self.order.pop_front()
            {
                self.table.remove(&oldest);
            }
            self.order.push_back(name);
        }
        let known = self.table.entry(name).or_default();
        known.truncate(self.each - 1);
        known.push_front(value);
    }
}

impl Keys {
    pub(in crate::wire) fn new(limits: &Limits) -> Self {
        Self {
            given: Given::new(limits.wlan_keys),
            derived: Vec::new(),
            networks: VecDeque::new(),
            handshakes: VecDeque::new(),
            pairs: Aged::new(limits.wlan_stations, GENERATIONS),
            groups: Aged::new(limits.wlan_stations, GROUPS),
            limits: Most {
                networks: limits.wlan_networks,
                derived: limits.wlan_derived,
                handshakes: limits.wlan_handshakes,
            },
            shaken: false,
            untried: 0,
        }
    }

    /// Takes keys, which open handshakes before them, too, but no data.
    pub(in crate::wire) fn add(&mut self, secrets: Vec<Secret>) {
        let before = self.given.len();
        for secret in secrets {
            self.given.add(secret);
        }
        // Once for all of them: each handshake is tried with each key.
        if self.given.len() > before {
            self.conclude_all(|_| true);
        }
    }

    /// Learns of the name of a network, and of stations that move.
    pub(super) fn hear(&mut self, frame: Rest<'_>) {
        self.follow(frame);
        let Some((access_point, ssid)) = network(frame) else {
            return;
        };
        let of = |(of, _): &&(Mac, _)| *of == access_point;
        let known = self
            .networks
            .iter()
            .any(|(of, name)| *of == access_point && **name == *ssid);
        if known || self.networks.iter().filter(of).count() >= NAMES {
            return;
        }
        if self.networks.len() >= self.limits.networks {
            self.networks.pop_front();
        }
        self.networks.push_back((access_point, ssid.into()));
        // Else nothing is opened by it.
        self.shaken |= self.given.iter().any(Secret::takes_names);
        self.conclude_all(|pair| pair.0 == access_point);
    }

    /// Takes a message of a handshake.
    pub(super) fn shake(&mut self, sender: Mac, receiver: Mac, rest: Rest<'_>) {
        let frame = KeyFrame::of(rest).filter(|frame| frame.whole().len() <= LONGEST);
        let Some((frame, message)) = frame.and_then(|frame| Some((frame, frame.message()?))) else {
            return;
        };
        self.shaken = true;
        let pair = match message {
            Message::Second => (receiver, sender),
            _ => (sender, receiver),
        };
        if message == Message::Second && self.between(pair).any(|known| known.keys.proves(&frame)) {
            // Sent again.
            return;
        }
        let place = self.handshakes.iter().position(|known| known.pair == pair);
        let mut handshake = place
            .and_then(|place| self.handshakes.remove(place))
            .unwrap_or_else(|| Handshake {
                pair,
                nonces: VecDeque::new(),
                second: None,
                group: None,
            });
        if matches!(message, Message::First | Message::Third)
            && !handshake.nonces.contains(&frame.nonce)
        {
            handshake.nonces.truncate(NONCES - 1);
            handshake.nonces.push_front(frame.nonce);
        }
        match message {
            Message::First => {}
            Message::Second => handshake.second = Some(frame.whole().into()),
            Message::Third | Message::Group => handshake.group = Some(frame.whole().into()),
        }
        self.conclude(&mut handshake);
        if self.handshakes.len() >= self.limits.handshakes {
            self.handshakes.pop_front();
        }
        self.handshakes.push_back(handshake);
    }

    /// Takes what two stations agree on, if it comes protected: anybody could make it.
    pub(super) fn introduce(&mut self, rest: Rest<'_>) {
        if let Some((pair, keys)) = agreed(rest) {
            self.shaken = true;
            let known = |known: &Pairwise| known.keys.temporal() == keys.temporal();
            if !self.between(pair).any(known) {
                self.learn(pair, keys);
            }
        }
    }

    /// Tries the keys at handshakes that wait for one.
    fn conclude_all(&mut self, of: impl Fn(Pair) -> bool) {
        let mut handshakes = std::mem::take(&mut self.handshakes);
        for handshake in handshakes.iter_mut().filter(|handshake| of(handshake.pair)) {
            self.conclude(handshake);
        }
        self.handshakes = handshakes;
    }

    /// Makes of a handshake what there is to be made of it.
    fn conclude(&mut self, handshake: &mut Handshake) {
        let second = handshake.second.as_deref().and_then(parsed);
        if let Some(keys) = second.and_then(|second| self.proven(handshake, &second)) {
            handshake.second = None;
            self.learn(handshake.pair, keys);
        }
        if let Some(message) = handshake.group.as_deref().and_then(parsed) {
            let mut known = self.between(handshake.pair);
            if let Some(keys) = known.find(|known| known.keys.proves(&message)) {
                let group = keys.keys.group(&message);
                handshake.group = None;
                self.add_group(handshake.pair.0, group);
            }
        }
    }

    fn learn(&mut self, pair: Pair, keys: Transient) {
        let access_point = pair.0;
        self.pairs
            .insert(sorted(pair), Pairwise { access_point, keys });
    }

    fn add_group(&mut self, access_point: Mac, group: Option<(Cipher, Vec<u8>)>) {
        let Some((cipher, key)) = group else {
            return;
        };
        let known = |group: &Group| group.cipher == cipher && group.key == key;
        if !self.groups.get(access_point).any(known) {
            self.groups.insert(access_point, Group { cipher, key });
        }
    }

    fn between(&self, pair: Pair) -> std::collections::vec_deque::Iter<'_, Pairwise> {
        self.pairs.get(sorted(pair))
    }

    /// The keys of a handshake, if one of those that were given proves them.
    fn proven(&mut self, handshake: &Handshake, second: &KeyFrame<'_>) -> Option<Transient> {
        let security = Security::of(second.data)?;
        if handshake.nonces.is_empty() {
            return None;
        }
        let names = self.names(handshake.pair.0);
        self.first_of(security, &names, |master| {
            let mut nonces = handshake.nonces.iter();
            nonces.find_map(|nonce| Transient::of(master, security, handshake.pair, nonce, second))
        })
    }

    /// What the first of the keys gives that gives something, as the master key of a network; where the name
    /// of that takes no part, of none.
    fn first_of<T>(
        &mut self,
        security: Security,
        names: &[Box<[u8]>],
        opens: impl Fn((&[u8], &[u8])) -> Option<T>,
    ) -> Option<T> {
        let each_name = |master: &[u8]| match security.is_fast() {
            true => names.iter().find_map(|name| opens((master, name))),
            false => opens((master, &[])),
        };
        let mut untried = false;
        for number in 0..self.given.len() {
            let found = match self.given.get(number)? {
                Secret::Master(key) => each_name(key),
                // Suites of 192 bits take more of it, and mobility domains the other half (12.7.1.3, 12.7.1.6.3).
                Secret::Session(key) => match security.management {
                    12 | 13 => key.get(..48).and_then(each_name),
                    3 => key.get(32..).and_then(each_name),
                    _ => key.get(..32).and_then(each_name),
                },
                Secret::Passphrase(_, ssid) if matches!(security.management, 2 | 4 | 6) => {
                    let names = match ssid {
                        Some(ssid) => vec![ssid.clone()],
                        None => names.to_vec(),
                    };
                    names.into_iter().find_map(|ssid| {
                        let derived = self.derive(number, ssid.clone());
                        untried |= derived.is_none();
                        opens((&derived?, &ssid))
                    })
                }
                _ => None,
            };
            if found.is_some() {
                self.given.note(number);
                return found;
            }
        }
        self.untried += u64::from(untried);
        None
    }

    /// Follows a station that moves within a mobility domain.
    fn follow(&mut self, frame: Rest<'_>) {
        let Some((pair, number, data)) = moved(frame) else {
            return;
        };
        let Some(transition) = Transition::of(data) else {
            return;
        };
        let known = |known: &Pairwise| known.keys.proves_move(pair, number, &transition);
        if let Some(known) = self.between(pair).find(|it| known(it)) {
            let group = known.keys.moved_group(&transition);
            self.shaken = true;
            return self.add_group(pair.0, group);
        }
        let security = Security::of(data).filter(|security| security.is_fast());
        let (Some(security), Some(name), 5) = (security, ssid(data), number) else {
            return;
        };
        let names = [Box::from(name)];
        let keys = self.first_of(security, &names, |master| {
            Transient::of_moved(master, security, pair, &transition)
        });
        if let Some(keys) = keys {
            self.shaken = true;
            self.learn(pair, keys);
        }
    }

    fn names(&self, access_point: Mac) -> Vec<Box<[u8]>> {
        let of = self.networks.iter().filter(|(of, _)| *of == access_point);
        of.map(|(_, ssid)| ssid.clone()).collect()
    }

    /// The master key of a passphrase in a network. That takes so long that it is not done for every network
    /// that somebody makes up.
    fn derive(&mut self, secret: usize, ssid: Box<[u8]>) -> Option<[u8; 32]> {
        let known = |known: &&Derived| known.secret == secret && known.ssid == ssid;
        if let Some(known) = self.derived.iter().find(known) {
            return Some(known.master);
        }
        let Secret::Passphrase(passphrase, of) = self.given.get(secret)? else {
            return None;
        };
        if of.is_none() && self.derived.len() >= self.limits.derived {
            return None;
        }
        let master = wlan::psk(passphrase, &ssid);
        self.derived.push(Derived {
            secret,
            ssid,
            master,
        });
        Some(master)
    }

    /// Opens a protected frame.
    pub(super) fn open(&mut self, header: &Header, sealed: &[u8]) -> Option<Vec<u8>> {
        let pair = (header.receiver, header.sender);
        let pairwise = self.between(pair).find_map(|known| {
            let way = match header.sender == known.access_point {
                true => Way::Down,
                false => Way::Up,
            };
            open(
                known.keys.cipher(),
                known.keys.temporal(),
                way,
                header,
                sealed,
            )
        });
        if pairwise.is_some() {
            return pairwise;
        }
        let mut of_group = self.groups.get(header.sender);
        let group =
            of_group.find_map(|group| open(group.cipher, &group.key, Way::Down, header, sealed));
        if group.is_some() {
            return group;
        }
        self.given.first_of(|secret| {
            let with = |cipher, key: &[u8]| open(cipher, key, Way::Either, header, sealed);
            match secret {
                Secret::Temporal(key) if key.len() == 16 => {
                    with(Cipher::Ccmp128, key).or_else(|| with(Cipher::Gcmp128, key))
                }
                Secret::Temporal(key) => with(Cipher::Tkip, key)
                    .or_else(|| with(Cipher::Ccmp256, key))
                    .or_else(|| with(Cipher::Gcmp256, key)),
                Secret::Wep(key) => with(Cipher::Wep, key),
                _ => None,
            }
        })
    }

    /// Whether any key could be of a frame: else it is not looked at whether it has a check sequence behind it.
    pub(super) fn may_open(&self, header: &Header) -> bool {
        let alone = |secret: &Secret| matches!(secret, Secret::Temporal(_) | Secret::Wep(_));
        self.between((header.receiver, header.sender))
            .next()
            .is_some()
            || self.groups.get(header.sender).next().is_some()
            || self.given.iter().any(alone)
    }
}

fn parsed(bytes: &[u8]) -> Option<KeyFrame<'_>> {
    KeyFrame::of(Rest { bytes, cut: 0 })
}

/// The name of two ends, whichever of them sends.
fn sorted((one, other): Pair) -> Pair {
    if one.0 <= other.0 {
        (one, other)
    } else {
        (other, one)
    }
}
