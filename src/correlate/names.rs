//! Who looked up what, and which address was given for which name.

mod told;

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::net::IpAddr;

use foldhash::HashMap;

use crate::correlate::devices::HostKey;
use crate::correlate::synthesized::plain;
use crate::event::Name;
use crate::flow::Scope;
use crate::frame::FrameNo;
use crate::pki::endpoint::{Service, host_role};
use crate::time::{Span, Timestamp};

use told::Told;

/// One address given to one client.
#[derive(Clone, Copy, Debug)]
pub struct Fact<'a> {
    /// The client that asked.
    pub client: HostKey,
    /// The name it asked for, in the form of [`Name`].
    pub name: &'a str,
    /// When it was told, the last time.
    pub at: Timestamp,
    /// The answer's frame.
    pub frame: FrameNo,
    /// When it was told first, and the frame of that answer.
    pub first: (Timestamp, FrameNo),
}

impl Fact<'_> {
    /// The same as it stood at a time. Of what was told again since, only the first time is known besides.
    #[must_use]
    pub fn as_of(self, at: Timestamp) -> Option<Self> {
        if self.at <= at {
            return Some(self);
        }
        let (first, frame) = self.first;
        (first <= at).then_some(Self {
            at: first,
            frame,
            ..self
        })
    }
}

/// The same as of some time, to keep.
#[derive(Clone, Debug)]
pub struct Given {
    /// The client that asked.
    pub client: HostKey,
    /// The name it asked for; None where it asked for several, and may have connected for any of them.
    pub name: Option<Name>,
    /// When it had been told last.
    pub at: Timestamp,
}

/// Who asked for an address that a client connects to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asker {
    /// Nobody that was seen.
    Nobody,
    /// One other client, just before.
    Sole(HostKey),
    /// The client itself, several others, or somebody long before.
    Unclear,
}

/// An answer of which the capture cut the addresses off.
#[derive(Clone, Debug)]
pub struct CutTold {
    /// The client that asked.
    pub client: HostKey,
    /// The name it asked for.
    pub name: Name,
    /// It asked for IPv6 addresses.
    pub v6: bool,
    /// When it was told.
    pub at: Timestamp,
    /// The answer's frame.
    pub frame: FrameNo,
}

/// Address-to-name facts in the order they were learned, the oldest forgotten first.
#[derive(Debug)]
pub struct Names {
    told: Told,
    ech_outer: HashMap<Name, FrameNo>,
    cut: VecDeque<CutTold>,
}

/// Cut answers kept; they matter for a second.
const CUT_KEPT: usize = 4_096;

/// Clients whose lookups of an address are kept with a handshake: its own and those that may be other
/// addresses of the same device.
const GIVEN: usize = 4;

/// Whether a client that was told two names for one address connects for the one it was told last: clients
/// connect as soon as they know the address, or keep it for as long as they may (RFC 1035 3.2.1; an hour is
/// long).
fn is_clear(last: &Fact<'_>, other: &Fact<'_>, now: Timestamp) -> bool {
    let kept = Span::from_secs(3_600);
    let at_once = now.since(last.at) <= Span::from_secs(1);
    let apart = last.at.since(other.at) > Span::from_millis(250);
    (at_once && apart) || now.since(other.at) > kept
}

/// Names of hosts have at most 253 characters (RFC 1035 2.3.4).
const LONG_NAME: usize = 253;

impl Names {
    /// Remembers at most `limit` facts.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            told: Told::new(limit),
            ech_outer: HashMap::default(),
            cut: VecDeque::new(),
        }
    }

    /// Takes in that a client was given `address` for a name.
    pub fn told(&mut self, address: IpAddr, fact: Fact<'_>) {
        self.told.insert(plain(address), fact);
    }

    /// Says that a fact about an address is about to be told; several at once are then found faster.
    #[inline]
    pub fn expect(&self, address: IpAddr) {
        self.told.touch(plain(address));
    }

    /// Takes in an answer whose addresses were cut off.
    pub fn cut(&mut self, fact: CutTold) {
        if self.cut.len() >= CUT_KEPT {
            self.cut.pop_front();
        }
        // In order of time, wherever the clock of the capture steps back to.
        let in_turn = self.cut.back().is_none_or(|last| last.at <= fact.at);
        let place = if in_turn {
            self.cut.len()
        } else {
            self.cut.partition_point(|other| other.at <= fact.at)
        };
        self.cut.insert(place, fact);
    }

    /// The last such answer before a connection: clients connect within moments of being told.
    #[must_use]
    pub fn last_cut(&self, scope: Scope, v6: bool, at: Timestamp) -> Option<&CutTold> {
        self.cuts_before(at)
            .find(|fact| fact.client.scope == scope && fact.v6 == v6)
    }

    /// The last such answer to one of `clients`.
    #[must_use]
    pub fn last_cut_for(&self, clients: &[HostKey], v6: bool, at: Timestamp) -> Option<&CutTold> {
        self.cuts_before(at)
            .find(|fact| clients.contains(&fact.client) && fact.v6 == v6)
    }

    fn cuts_before(&self, at: Timestamp) -> impl Iterator<Item = &CutTold> {
        let earliest = at.minus(Span::from_secs(1));
        self.cut
            .iter()
            .rev()
            .skip_while(move |f| f.at > at)
            .take_while(move |f| f.at >= earliest)
    }

    /// Takes in the public name of an ECH configuration (RFC 9849 4: it is what outer hellos name).
    pub fn ech_public_name(&mut self, name: &Name, frame: FrameNo) {
        if self.ech_outer.len() < 1_024 {
            self.ech_outer.entry(name.clone()).or_insert(frame);
        }
    }

    /// Whether a HTTPS record of this capture gave this name as the outer name of hidden hellos.
    #[must_use]
    pub fn is_ech_public_name(&self, name: &Name) -> bool {
        self.ech_outer.contains_key(name)
    }

    /// What was told about an address, the latest first.
    pub fn facts(&self, address: IpAddr) -> impl Iterator<Item = Fact<'_>> {
        self.told.about(plain(address))
    }

    /// What clients were last told about an address up to now: `client` before the others, of which some
    /// other address may turn out to be the same device, the latest first.
    #[must_use]
    pub fn given(&self, client: HostKey, address: IpAddr, now: Timestamp) -> Vec<Given> {
        // Nobody speaks TLS with the hosts of lists, issuers and responders (certificates name them with http alone).
        let fetched = |name| host_role(name).is_some_and(|role| role.service != Service::Page);
        let facts = self.facts(address).filter(|fact| !fetched(fact.name));
        let mut facts: Vec<Fact<'_>> = facts.collect();
        facts.sort_by_key(|fact| Reverse((fact.client == client, fact.at)));
        let mut given: Vec<Given> = Vec::new();
        for (place, fact) in facts.iter().enumerate() {
            if given.len() < GIVEN
                && fact.name.len() <= LONG_NAME
                && !given.iter().any(|known| known.client == fact.client)
            {
                let mut others = facts.iter().skip(place + 1);
                let other = others.find(|other| other.client == fact.client);
                let told = other.is_none_or(|other| is_clear(fact, other, now));
                given.push(Given {
                    client: fact.client,
                    name: told.then(|| Name::new(fact.name)),
                    at: fact.at,
                });
            }
        }
        given
    }

    /// The only client of the other address family that was told `address` within `window` before `at`, when `connects`
    /// itself never asked about it.
    #[must_use]
    pub fn sole_asker(
        &self,
        connects: HostKey,
        address: IpAddr,
        at: Timestamp,
        window: Span,
    ) -> Asker {
        let mut asker = Asker::Nobody;
        for fact in self.facts(address) {
            if fact.client.scope != connects.scope {
                continue;
            }
            if fact.client == connects {
                return Asker::Unclear;
            }
            let recent = fact.at <= at && at.since(fact.at) <= window;
            asker = match asker {
                Asker::Sole(known) if recent && known != fact.client => return Asker::Unclear,
                Asker::Sole(_) => asker,
                _ if recent => Asker::Sole(fact.client),
                _ => Asker::Unclear,
            };
        }
        asker
    }

    /// Who was told anything, once for each fact.
    pub fn clients(&self) -> impl Iterator<Item = HostKey> {
        self.told.clients()
    }

    /// How many facts had to be forgotten.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.told.forgotten()
    }
}
