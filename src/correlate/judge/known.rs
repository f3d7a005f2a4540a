//! What is known of a handshake: its site, and the certificates it showed or is known to show.

use std::sync::PoisonError;

use super::*;
use crate::correlate::build::is_lets_encrypt;
use crate::correlate::handshakes::Handshakes;
use crate::correlate::rules::server_key;
use crate::frame::FrameNo;
use crate::pki::cert::{Certificate, KeyKind};

/// What is known of one handshake, whatever contact it is held against.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) site: Site,
    /// What tells its site from others.
    pub(super) key: Arc<str>,
    /// See [`Judge::shown`].
    shown: OnceLock<(Vec<ShownCert>, bool)>,
}

/// What is known of all handshakes that are remembered, each once it was asked about.
#[derive(Debug)]
pub(super) struct Memo {
    first: u64,
    recent: Vec<Slot>,
    /// Those with ids before the first one.
    older: HashMap<HandshakeId, Slot>,
}

type Slot = OnceLock<Arc<Known>>;

impl Memo {
    pub(super) fn new(handshakes: &Handshakes) -> Self {
        let ids = handshakes.ids();
        let older = handshakes.iter().map(|record| record.shown.id);
        Self {
            first: ids.start,
            older: older
                .take_while(|id| id.0 < ids.start)
                .map(|id| (id, Slot::new()))
                .collect(),
            recent: ids.map(|_| Slot::new()).collect(),
        }
    }

    fn slot(&self, id: HandshakeId) -> Option<&Slot> {
        match id.0.checked_sub(self.first) {
            Some(place) => self.recent.get(usize::try_from(place).ok()?),
            None => self.older.get(&id),
        }
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

    pub(super) fn known(&self, record: &Record) -> Arc<Known> {
        let find = || {
            let site = self.site_of(record);
            let key = match (site.host(), site.name()) {
                (Some(host), _) => host.shared(),
                (None, Some(name)) => name.as_ref().into(),
                (None, None) => format!("hidden behind {}", record.shown.server).into(),
            };
            let shown = OnceLock::new();
            Arc::new(Known { site, key, shown })
        };
        match self.known.slot(record.shown.id) {
            Some(slot) => Arc::clone(slot.get_or_init(find)),
            None => find(),
        }
    }

    /// Whether a leaf names addresses of Let's Encrypt.
    #[must_use]
    pub fn is_lets_encrypt(&self, record: &Record) -> bool {
        let Some(leaf) = record.leaf() else {
            return false;
        };
        // Equal certificates are one in memory, for as long as the judge is there.
        let place = Arc::as_ptr(leaf).addr();
        let known = self.lets_encrypt.lock();
        *known
            .unwrap_or_else(PoisonError::into_inner)
            .entry(place)
            .or_insert_with(|| is_lets_encrypt(leaf))
    }

    fn site_of(&self, record: &Record) -> Site {
        if let Some(name) = plain_name(record) {
            return Site::Sni(name.clone());
        }
        let keys = self.devices.addresses(record.client);
        let looked_up = || {
            let own = record.given.iter().filter(|g| keys.contains(&g.client));
            let told = own.max_by_key(|given| given.at);
            // Where the capture cut the answers, the lookup just before the connection tells.
            let opened = record.shown.opened_at.unwrap_or(record.shown.hello_at);
            let cut = self
                .state
                .names
                .last_cut_for(&keys, record.shown.server.is_ipv6(), opened);
            match (told, cut) {
                (Some(told), Some(cut)) if told.at < cut.at => Some(cut.name.clone()),
                (Some(told), _) => told.name.clone(),
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
        let ip = record.shown.server.ip();
        let Some(leaf) = record.leaf() else {
            return looked_up().map_or(Site::Address(ip), Site::Dns);
        };
        // Of the names that a certificate holds, the one that the client was told the address for; who visits
        // an address names no server (RFC 6066 3), and was told none.
        let told = looked_up();
        if let Some(name) = told.clone().filter(|name| leaf.covers(name.as_str())) {
            return Site::Dns(name);
        }
        let nameless = leaf.names.is_empty() && !leaf.addresses.is_empty();
        if nameless || leaf.addresses.contains(&ip) {
            return Site::Address(ip);
        }
        let first = leaf.names.iter().find(|n| !n.starts_with('*'));
        first
            .map(|name| Site::Certificate(Name::new(name)))
            .or_else(|| told.map(Site::Dns))
            .unwrap_or(Site::Address(ip))
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

    /// What the handshake showed, what completes its chain, or what is known for its name; and whether it was
    /// read whole.
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
        let unfit = |leaf: &Certificate| {
            matches!(
                (server_key(record), leaf.key),
                (Some(KeyKind::Rsa(_)), KeyKind::Ec(_)) | (Some(KeyKind::Ec(_)), KeyKind::Rsa(_))
            )
        };
        // A site may have one for each kind of key. And what names no list, responder nor issuer is of no
        // public CA (CA/B BR 7.1.2.7), but often the work of a proxy that looks into TLS: it tells nothing of
        // what the site itself shows.
        let private = |leaf: &Certificate| {
            leaf.crl_urls.is_empty() && leaf.ocsp_urls.is_empty() && leaf.issuer_urls.is_empty()
        };
        let keys = self.devices.addresses(record.client);
        let learned = self.state.certificates.of_name(&name).iter();
        for learned in learned.filter(|l| {
            let useless = |leaf: &Arc<Certificate>| unfit(leaf) || private(leaf);
            let own = l.is_own(&keys) && !keys.contains(&record.server);
            let elsewhere = own || l.is_hearsay(&keys);
            !l.chain.first().is_some_and(useless) && !elsewhere
        }) {
            let known = in_place(&learned.chain, learned.frame, Visibility::Learned, false);
            shown.extend(known.map(|known| ShownCert {
                seen: learned.seen,
                ..known
            }));
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
                    seen: None,
                    sent: false,
                }));
                if fetched.is_empty() {
                    let known = self.state.reader.trust.by_subject(&wanted.sha256);
                    more.extend(known.into_iter().map(|cert| ShownCert {
                        cert,
                        position,
                        frame: None,
                        how: Visibility::Learned,
                        seen: None,
                        sent: false,
                    }));
                }
            }
            if more.is_empty() {
                break;
            }
            shown.append(&mut more);
        }
        self.add_siblings(shown);
    }

    /// Adds what else is known to be signed for the key of an intermediate: clients that have that one may
    /// build their own path over it (RFC 4158 2.3; Let's Encrypt's ECDSA intermediates are signed by two
    /// roots).
    fn add_siblings(&self, shown: &mut Vec<ShownCert>) {
        let mut siblings = Vec::new();
        for have in shown.iter().filter(|s| s.sent && s.position > 0) {
            let known = self
                .state
                .reader
                .trust
                .by_subject(&have.cert.subject_hash.sha256);
            let others = known.into_iter().filter(|known| {
                known.key_hash == have.cert.key_hash
                    && !shown
                        .iter()
                        .any(|s| s.cert.fingerprint == known.fingerprint)
            });
            siblings.extend(others.map(|cert| ShownCert {
                cert,
                position: have.position,
                frame: None,
                how: Visibility::Learned,
                seen: None,
                sent: false,
            }));
        }
        shown.append(&mut siblings);
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
            seen: None,
            sent,
        })
}
