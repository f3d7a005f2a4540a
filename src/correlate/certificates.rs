//! Certificates learned for a name: from other handshakes of the capture, from keys, from the user.

use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::correlate::case::split_url;
use crate::event::Name;
use crate::frame::FrameNo;
use crate::pki::cert::{Certificate, Serial};

/// What a name is known to show.
#[derive(Clone, Debug)]
pub struct Learned {
    /// Leaf first.
    pub chain: Vec<Arc<Certificate>>,
    /// Frame of the Certificate message; None when the user supplied it.
    pub frame: Option<FrameNo>,
}

/// Chains by name, and all serials and issuers ever shown.
#[derive(Debug, Default)]
pub struct Certificates {
    by_name: HashMap<String, Vec<Learned>>,
    supplied: Vec<Arc<Certificate>>,
    serials: HashSet<Serial>,
    /// Fingerprints of those whose serial and URLs are filed.
    filed: HashSet<[u8; 32]>,
    urls: HashSet<String>,
    /// Certificates that fetches delivered, by subject: they complete chains that lack them.
    fetched: HashMap<[u8; 32], Vec<(Arc<Certificate>, FrameNo)>>,
    limit: usize,
}

/// Chains kept for one name: RSA and ECDSA, before and after a renewal.
const PER_NAME: usize = 4;

impl Certificates {
    /// Remembers at most `limit` names.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Takes in a chain that the server of `name` showed.
    pub fn shown(&mut self, name: Option<&Name>, chain: &[Arc<Certificate>], frame: FrameNo) {
        let Some(leaf) = chain.first() else { return };
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
        let Some(name) = name else { return };
        if !self.by_name.contains_key(name.as_str()) {
            if self.by_name.len() >= self.limit {
                return;
            }
            self.by_name.insert(name.to_string(), Vec::new());
        }
        let Some(known) = self.by_name.get_mut(name.as_str()) else {
            return;
        };
        if known.len() < PER_NAME && !known.iter().any(|l| is_same(l.chain.first(), leaf)) {
            known.push(Learned {
                chain: chain.to_vec(),
                frame: Some(frame),
            });
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
            self.by_name
                .entry(name)
                .or_default()
                .push(Learned { chain, frame: None });
        }
        self.supplied.push(cert);
    }

    /// Takes in a certificate that a fetch delivered.
    pub fn fetched(&mut self, cert: &Arc<Certificate>, frame: FrameNo) {
        if self.fetched.len() < self.limit {
            let list = self.fetched.entry(cert.subject_hash.sha256).or_default();
            if list.len() < PER_NAME && !list.iter().any(|(c, _)| c == cert) {
                list.push((Arc::clone(cert), frame));
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
            return known;
        }
        name.split_once('.')
            .and_then(|(_, rest)| self.by_name.get(&format!("*.{rest}")))
            .map_or(&[], Vec::as_slice)
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
