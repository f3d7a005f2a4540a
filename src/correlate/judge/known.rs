//! What is known of a handshake: its site, and the certificates it showed or is known to show.

use std::ops::Range;

use super::*;
use crate::correlate::build::is_lets_encrypt;
use crate::frame::FrameNo;
use crate::pki::cert::Certificate;

/// What is known of one handshake, whatever contact it is held against.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) site: Site,
    /// What tells its site from others.
    pub(super) key: Arc<str>,
    /// See [`Judge::shown`].
    shown: OnceCell<(Vec<ShownCert>, bool)>,
}

/// What is known of many handshakes. Those of one time have ids that follow each other, and are asked about together.
#[derive(Debug)]
pub(super) struct Memo {
    first: u64,
    recent: Vec<Option<Rc<Known>>>,
    older: HashMap<HandshakeId, Rc<Known>>,
}

impl Memo {
    /// For handshakes with ids in this range, and some older ones.
    pub(super) fn new(ids: Range<u64>) -> Self {
        let count = ids.end.saturating_sub(ids.start);
        Self {
            first: ids.start,
            recent: vec![None; usize::try_from(count).unwrap_or_default()],
            older: HashMap::default(),
        }
    }

    fn get(&self, id: HandshakeId) -> Option<&Rc<Known>> {
        match self.place(id) {
            Some(place) => self.recent.get(place)?.as_ref(),
            None => self.older.get(&id),
        }
    }

    fn put(&mut self, id: HandshakeId, known: Rc<Known>) {
        let place = self.place(id);
        match place.and_then(|place| self.recent.get_mut(place)) {
            Some(slot) => *slot = Some(known),
            None => {
                self.older.insert(id, known);
            }
        }
    }

    fn place(&self, id: HandshakeId) -> Option<usize> {
        usize::try_from(id.0.checked_sub(self.first)?).ok()
    }
}

impl Judge<'_> {
    /// The server name of a handshake, the better known source first, and what tells it from others.
    #[must_use]
    pub fn site(&self, record: &Record) -> (Site, Arc<str>) {
        // As most are; what takes no thought is not worth remembering.
        if let Some(name) = plain_name(record) {
            return (Site::Sni(name.clone()), name.shared());
        }
        let known = self.known(record);
        (known.site.clone(), Arc::clone(&known.key))
    }

    pub(super) fn known(&self, record: &Record) -> Rc<Known> {
        let known = self.known.borrow().get(record.shown.id).cloned();
        known.unwrap_or_else(|| {
            let site = self.site_of(record);
            let key = match (site.host(), site.name()) {
                (Some(host), _) => host.shared(),
                (None, Some(name)) => name.into(),
                (None, None) => format!("hidden behind {}", record.shown.server).into(),
            };
            let shown = OnceCell::new();
            let known = Rc::new(Known { site, key, shown });
            let mut all = self.known.borrow_mut();
            all.put(record.shown.id, Rc::clone(&known));
            known
        })
    }

    /// Whether a leaf names addresses of Let's Encrypt.
    #[must_use]
    pub fn is_lets_encrypt(&self, record: &Record) -> bool {
        let Some(leaf) = record.leaf() else {
            return false;
        };
        // Equal certificates are one in memory, for as long as the judge is there.
        let place = Arc::as_ptr(leaf).addr();
        let mut known = self.lets_encrypt.borrow_mut();
        *known
            .entry(place)
            .or_insert_with(|| is_lets_encrypt(record))
    }

    fn site_of(&self, record: &Record) -> Site {
        if let Some(name) = plain_name(record) {
            return Site::Sni(name.clone());
        }
        let keys = self.devices.addresses(record.client);
        let looked_up = || {
            let told =
                self.state
                    .names
                    .name_for(&keys, record.shown.server.ip(), record.shown.hello_at);
            // Where the capture cut the answers, the lookup just before the connection tells.
            let opened = record.shown.opened_at.unwrap_or(record.shown.hello_at);
            let cut = self
                .state
                .names
                .last_cut_for(&keys, record.shown.server.is_ipv6(), opened);
            match (told, cut) {
                (Some(told), Some(cut)) if told.at < cut.at => Some(cut.name.clone()),
                (Some(told), _) => Some(Name::new(told.name)),
                (None, cut) => cut.map(|c| c.name.clone()),
            }
        };
        if let Site::Sni(name) = &record.shown.site {
            return if self.is_outer(name, &keys, record) {
                looked_up()
                    .filter(|n| n != name)
                    .map_or_else(|| Site::EchOuter(name.clone()), Site::Dns)
            } else {
                Site::Sni(name.clone())
            };
        }
        if let Carrier::Proxy { target, .. } = &record.shown.carrier {
            return Site::Proxy(Name::new(target));
        }
        if let Some(name) = record
            .leaf()
            .and_then(|leaf| leaf.names.iter().find(|n| !n.starts_with('*')))
        {
            return Site::Certificate(Name::new(name));
        }
        looked_up().map_or(Site::Address(record.shown.server.ip()), Site::Dns)
    }

    /// Whether the name of a hello that offers ECH is only the provider's. Most such extensions are GREASE and the
    /// name is the site's; it is an outer name when a HTTPS record gave it as such (RFC 9849 4), or the certificate
    /// decrypted by keys is for other names.
    fn is_outer(&self, name: &Name, keys: &[HostKey], record: &Record) -> bool {
        let asked = self.state.names.facts(record.shown.server.ip());
        let asked = asked
            .filter(|t| keys.contains(&t.client))
            .any(|t| t.name == name.as_str());
        if asked {
            return false;
        }
        self.state.names.is_ech_public_name(name)
            || name.as_str() == "cloudflare-ech.com"
            || record
                .leaf()
                .is_some_and(|leaf| !leaf.covers(name.as_str()))
    }

    /// What the handshake showed, what completes its chain, or what is known for its name; and whether it was read whole.
    pub(super) fn shown<'k>(
        &self,
        record: &Record,
        known: &'k Known,
    ) -> &'k (Vec<ShownCert>, bool) {
        known
            .shown
            .get_or_init(|| self.find_shown(record, &known.site))
    }

    fn find_shown(&self, record: &Record, site: &Site) -> (Vec<ShownCert>, bool) {
        if !record.shown.chain.is_empty() {
            let how = record.shown.visibility;
            let frame = record.shown.frames.certificate;
            let sent = in_place(&record.shown.chain, frame, how, true);
            let mut shown: Vec<ShownCert> = sent.collect();
            self.complete(&mut shown);
            return (shown, !record.certificate_lost);
        }
        if record.shown.visibility == Visibility::Resumed {
            return (Vec::new(), false);
        }
        let Some(name) = site.name() else {
            return (Vec::new(), false);
        };
        let mut shown = Vec::new();
        for learned in self.state.certificates.of_name(&name) {
            let known = in_place(&learned.chain, learned.frame, Visibility::Learned, false);
            shown.extend(known);
        }
        if !shown.is_empty() {
            self.complete(&mut shown);
        }
        (shown, false)
    }

    /// Adds the issuers that the server left out: from fetches of this capture, else from the known hierarchy.
    fn complete(&self, shown: &mut Vec<ShownCert>) {
        for _ in 0..3 {
            let mut more: Vec<ShownCert> = Vec::new();
            for have in shown.iter() {
                let wanted = have.cert.issuer_hash;
                let there = |s: &ShownCert| s.cert.subject_hash == wanted;
                if have.cert.self_issued || shown.iter().any(there) || more.iter().any(there) {
                    continue;
                }
                let position = have.position + 1;
                let fetched = self.state.certificates.fetched_by_subject(&wanted.sha256);
                more.extend(fetched.iter().map(|(cert, frame)| ShownCert {
                    cert: Arc::clone(cert),
                    position,
                    frame: Some(*frame),
                    how: have.how,
                    sent: false,
                }));
                if fetched.is_empty() {
                    let known = self.state.reader.trust.by_subject(&wanted.sha256);
                    more.extend(known.into_iter().map(|cert| ShownCert {
                        cert,
                        position,
                        frame: None,
                        how: Visibility::Learned,
                        sent: false,
                    }));
                }
            }
            if more.is_empty() {
                break;
            }
            shown.append(&mut more);
        }
    }
}

/// The server name of a hello that has no other inside.
fn plain_name(record: &Record) -> Option<&Name> {
    match &record.shown.site {
        Site::Sni(name) if !record.shown.ech_offered => Some(name),
        _ => None,
    }
}

/// The certificates of a chain, each in its place.
fn in_place(
    chain: &[Arc<Certificate>],
    frame: Option<FrameNo>,
    how: Visibility,
    sent: bool,
) -> impl Iterator<Item = ShownCert> {
    chain
        .iter()
        .enumerate()
        .map(move |(position, cert)| ShownCert {
            cert: Arc::clone(cert),
            position,
            frame,
            how,
            sent,
        })
}
