//! Certificates learned for a name: from other handshakes of the capture, from keys, from the user.

use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::correlate::build::is_lets_encrypt;
use crate::correlate::case::split_url;
use crate::correlate::devices::HostKey;
use crate::correlate::shelf::Shelf;
use crate::event::Name;
use crate::frame::FrameNo;
use crate::pki::cert::{Certificate, Serial};
use crate::time::Timestamp;

/// What a name is known to show.
#[derive(Clone, Debug)]
pub struct Learned {
    /// Leaf first.
    pub chain: Vec<Arc<Certificate>>,
    /// Frame of the Certificate message; None when the user supplied it.
    pub frame: Option<FrameNo>,
    /// When it was shown first and last; None when the user supplied it.
    pub seen: Option<(Timestamp, Timestamp)>,
    /// The first clients that it was shown to.
    to: Vec<HostKey>,
    /// The first servers that showed it.
    by: Vec<HostKey>,
}

impl Learned {
    /// Whether it may be the work of a proxy that looks into what others say, and so tells nothing of what
    /// the site shows to a client: it is no certificate of a CA that is watched, and was shown to others
    /// alone, as far as is remembered.
    #[must_use]
    pub fn is_hearsay(&self, clients: &[HostKey]) -> bool {
        let public = self.chain.first().is_some_and(|leaf| is_lets_encrypt(leaf));
        !self.to.is_empty() && !public && !self.to.iter().any(|to| clients.contains(to))
    }

    /// Whether the device itself alone showed it, as what is behind a delivery network does, which has a
    /// certificate of its own for the name.
    #[must_use]
    pub fn is_own(&self, device: &[HostKey]) -> bool {
        let known = !self.by.is_empty() && self.by.len() < SHOWN_TO;
        known && self.by.iter().all(|by| device.contains(by))
    }
}

/// The chains of a name, and the frame that last showed one.
#[derive(Debug, Default)]
struct Known {
    chains: Vec<Learned>,
    last: Option<FrameNo>,
}

/// Chains by name, and all serials and issuers ever shown.
#[derive(Debug, Default)]
pub struct Certificates {
    by_name: HashMap<String, Known>,
    supplied: Vec<Arc<Certificate>>,
    serials: HashSet<Serial>,
    /// Fingerprints of those whose serial and URLs are filed.
    filed: HashSet<[u8; 32]>,
    urls: HashSet<String>,
    /// Certificates that fetches delivered, by subject: they complete chains that lack them.
    fetched: HashMap<[u8; 32], Vec<(Arc<Certificate>, FrameNo)>>,
    limit: usize,
    /// What `by_name` and `fetched` keep.
    shelf: Shelf,
    shelf_limit: usize,
    refused: u64,
}

/// Chains kept for one name: RSA and ECDSA, before and after a renewal.
const PER_NAME: usize = 4;
/// Clients and servers kept of one chain.
const SHOWN_TO: usize = 8;

impl Certificates {
    /// Remembers at most `limit` names, and certificates of `bytes` bytes.
    #[must_use]
    pub fn new(limit: usize, bytes: usize) -> Self {
        Self {
            limit,
            shelf_limit: bytes,
            ..Self::default()
        }
    }

    /// How often a chain found no room under its name.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes in a chain that a server showed to a client that named it.
    pub fn shown(
        &mut self,
        ends: Option<(&Name, [HostKey; 2])>,
        chain: &[Arc<Certificate>],
        at: Timestamp,
        frame: FrameNo,
    ) {
        let Some(leaf) = chain.first() else { return };
        self.file(chain);
        let Some((name, [to, by])) = ends else {
            return;
        };
        if let Some(known) = self.by_name.get_mut(name.as_str()) {
            known.last = Some(frame);
            let mut chains = known.chains.iter_mut();
            let same = chains.find(|l| is_same(l.chain.first(), leaf));
            if let Some(same) = same
                && let Some((_, last)) = same.seen.as_mut()
            {
                *last = at;
                for (known, end) in [(&mut same.to, to), (&mut same.by, by)] {
                    if known.len() < SHOWN_TO && !known.contains(&end) {
                        known.push(end);
                    }
                }
                return;
            }
        }
        if self.shelf.bytes() + self.shelf.cost(chain) > self.shelf_limit {
            self.refused += 1;
            return;
        }
        if !self.by_name.contains_key(name.as_str()) {
            if self.by_name.len() >= self.limit {
                self.refused += 1;
                return;
            }
            self.by_name.insert(name.to_string(), Known::default());
        }
        let Some(known) = self.by_name.get_mut(name.as_str()) else {
            return;
        };
        known.last = Some(frame);
        let chains = &mut known.chains;
        if chains.iter().any(|l| is_same(l.chain.first(), leaf)) {
            return;
        }
        // What was shown longest ago is most likely what was renewed since.
        if chains.len() >= PER_NAME {
            let shown = chains.iter().enumerate();
            let shown = shown.filter_map(|(place, l)| Some((l.seen?.1, place)));
            if let Some((_, oldest)) = shown.min() {
                let gone = chains.remove(oldest);
                self.shelf.take(&gone.chain);
            }
        }
        if chains.len() < PER_NAME {
            chains.push(Learned {
                chain: chain.to_vec(),
                frame: Some(frame),
                seen: Some((at, at)),
                to: vec![to],
                by: vec![by],
            });
            self.shelf.put(chain);
        }
    }

    /// Where half of the room is taken, forgets the names that were shown longest ago, and what only they
    /// showed. `still` are chains that are remembered elsewhere.
    pub fn forget<'c>(&mut self, still: impl Iterator<Item = &'c [Arc<Certificate>]>) {
        if self
            .by_name
            .len()
            .max(self.filed.len())
            .max(self.urls.len())
            < self.limit / 2
        {
            return;
        }
        let mut ages: Vec<FrameNo> = self.by_name.values().filter_map(|k| k.last).collect();
        ages.sort_unstable();
        if let Some(median) = ages.get(ages.len() / 2).copied() {
            let is_young = |known: &Known| known.last.is_none_or(|last| last >= median);
            self.by_name.retain(|_, known| is_young(known));
        }
        self.filed.clear();
        self.urls.clear();
        self.serials = self.supplied.iter().map(|c| c.serial.clone()).collect();
        let chains = self.by_name.values().flat_map(|known| &known.chains);
        let chains: Vec<_> = chains.map(|learned| learned.chain.clone()).collect();
        chains.iter().for_each(|chain| self.file(chain));
        still.for_each(|chain| self.file(chain));
        // They complete chains of handshakes nearby.
        if self.fetched.len() >= self.limit / 2 {
            self.fetched.clear();
        }
        self.shelf = Shelf::default();
        let learned = self.by_name.values().flat_map(|known| &known.chains);
        learned.for_each(|learned| self.shelf.put(&learned.chain));
        let fetched = self.fetched.values().flatten();
        fetched.for_each(|(cert, _)| self.shelf.put(std::slice::from_ref(cert)));
    }

    /// Files serials and URLs of certificates.
    fn file(&mut self, chain: &[Arc<Certificate>]) {
        for cert in chain {
            if self.filed.len() >= self.limit || !self.filed.insert(cert.fingerprint) {
                continue;
            }
            self.serials.insert(cert.serial.clone());
            for url in cert
                .crl_urls
                .iter()
                .chain(&cert.issuer_urls)
                .chain(&cert.ocsp_urls)
            {
                if let (Some((host, path)), true) = (split_url(url), self.urls.len() < self.limit) {
                    let path = if path.is_empty() { "/" } else { path };
                    self.urls
                        .insert(format!("{}{path}", host.to_ascii_lowercase()));
                }
            }
        }
    }

    /// Takes in a certificate that the user gave.
    pub fn supplied(&mut self, cert: Arc<Certificate>) {
        self.serials.insert(cert.serial.clone());
        for name in cert
            .names
            .iter()
            .cloned()
            .chain(cert.addresses.iter().map(ToString::to_string))
        {
            let chain = vec![Arc::clone(&cert)];
            self.by_name.entry(name).or_default().chains.push(Learned {
                chain,
                frame: None,
                seen: None,
                to: Vec::new(),
                by: Vec::new(),
            });
        }
        self.supplied.push(cert);
    }

    /// Takes in a certificate that a fetch delivered.
    pub fn fetched(&mut self, cert: &Arc<Certificate>, frame: FrameNo) {
        let one = std::slice::from_ref(cert);
        if self.fetched.len() < self.limit
            && self.shelf.bytes() + self.shelf.cost(one) <= self.shelf_limit
        {
            let list = self.fetched.entry(cert.subject_hash.sha256).or_default();
            if list.len() < PER_NAME && !list.iter().any(|(c, _)| c == cert) {
                list.push((Arc::clone(cert), frame));
                self.shelf.put(one);
            }
        }
    }

    /// Certificates with this subject that fetches delivered.
    pub fn fetched_by_subject(&self, subject: &[u8; 32]) -> &[(Arc<Certificate>, FrameNo)] {
        self.fetched.get(subject).map_or(&[], Vec::as_slice)
    }

    /// What a name is known to show; wildcard certificates given by the user count for one label (RFC 9525 6.3).
    #[must_use]
    pub fn of_name(&self, name: &str) -> &[Learned] {
        if let Some(known) = self.by_name.get(name) {
            return &known.chains;
        }
        name.split_once('.')
            .and_then(|(_, rest)| self.by_name.get(&format!("*.{rest}")))
            .map_or(&[], |known| known.chains.as_slice())
    }

    /// Whether a certificate seen names `http://host/path`.
    #[must_use]
    pub fn names_url(&self, host: &str, path: &str) -> bool {
        self.urls.contains(format!("{host}{path}").as_str())
    }

    /// The certificate with this serial that the user gave.
    pub fn supplied_with(&self, serial: &Serial) -> Option<&Arc<Certificate>> {
        let known = self.serials.contains(serial);
        let mut supplied = self.supplied.iter().filter(|_| known);
        supplied.find(|cert| cert.serial == *serial)
    }

    /// Serials of all certificates seen.
    pub fn serials(&self) -> impl Iterator<Item = &Serial> {
        self.serials.iter()
    }
}

/// By fingerprint: comparing all fields of a certificate would compare its bytes as well.
fn is_same(known: Option<&Arc<Certificate>>, cert: &Certificate) -> bool {
    known.is_some_and(|known| known.fingerprint == cert.fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::hierarchy::Hierarchy;

    #[test]
    fn names_shown_long_ago_go_first_with_what_only_they_showed() {
        let cas = Hierarchy::builtin().cas().iter();
        let all: Vec<_> = cas.flat_map(|ca| &ca.certificates).collect();
        let [one, two, three, ..] = all.as_slice() else {
            panic!("the hierarchy has certificates");
        };
        let [one, two, three] = [one, two, three].map(|known| &known.certificate);
        let mut known = Certificates::new(6, 1 << 20);
        let client = HostKey {
            scope: crate::flow::Scope::default(),
            ip: std::net::Ipv4Addr::LOCALHOST.into(),
        };
        for (number, cert) in (1..).zip([one, two, three]) {
            let name = Name::new(&format!("{number}.example"));
            known.shown(
                Some((&name, [client; 2])),
                std::slice::from_ref(cert),
                Timestamp::from_secs(i64::try_from(number).unwrap()),
                FrameNo::new(number),
            );
        }
        let has = |known: &Certificates, cert: &Certificate| {
            known.serials().any(|serial| *serial == cert.serial)
        };
        // The first is shown again, so the second is the oldest; the third is remembered in any case.
        let first = Name::new("1.example");
        known.shown(
            Some((&first, [client; 2])),
            std::slice::from_ref(one),
            Timestamp::from_secs(4),
            FrameNo::new(4),
        );
        known.forget(std::iter::empty());
        assert!(known.of_name("2.example").is_empty() && !has(&known, two));
        for (name, cert) in [("1.example", one), ("3.example", three)] {
            assert!(
                !known.of_name(name).is_empty() && has(&known, cert),
                "{name}"
            );
        }
        // With less than half of the room taken nothing goes.
        known.forget(std::iter::empty());
        assert!(has(&known, three));
    }
}
