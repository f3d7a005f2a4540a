//! Cheap narrowing: the handshakes that can have caused a contact at all.

use super::*;
use crate::correlate::waits::SKEW;
use crate::pki::endpoint;

/// Handshakes looked back at for one contact: more within one window is a scan, not browsing.
const LOOK_BACK: usize = 1_000;

impl<'a> Judge<'a> {
    /// Handshakes the device opened shortly before, and all in which the asked certificate was shown.
    pub(super) fn outbound(
        &self,
        keys: &[HostKey],
        contact: &Contact,
        start: Timestamp,
    ) -> Vec<&'a Record> {
        let earliest = start.minus(self.state.limits.cause_window);
        let mut found: Vec<&Record> = Vec::new();
        let swapped = if self.skewed {
            SKEW
        } else {
            Span::from_millis(1)
        };
        for key in keys {
            found.extend(
                self.state
                    .handshakes
                    .of_client_until(*key, start)
                    .skip_while(|r| r.hello_at > start.plus(swapped))
                    .take_while(|r| r.hello_at >= earliest)
                    .take(LOOK_BACK),
            );
        }
        let asked = contact.ocsp.iter().flat_map(|request| &request.ids);
        let late = if self.was_shown(keys, contact, start) {
            Span::from_millis(1)
        } else {
            SKEW
        };
        for id in asked {
            found.extend(
                self.state
                    .handshakes
                    .with_serial(&id.serial)
                    .filter(|r| keys.contains(&r.client) && r.hello_at <= start.plus(late))
                    .take(LOOK_BACK),
            );
        }
        if contact.ocsp.is_none()
            && let Some(url) = contact.url()
        {
            // A script may download what a certificate named some minutes ago; after that, a list is renewed
            // for other reasons.
            let long_ago = start.minus(Span::from_secs(600));
            for key in keys {
                found.extend(
                    self.state
                        .handshakes
                        .of_client_until(*key, earliest)
                        .skip_while(|r| r.hello_at >= earliest)
                        .take_while(|r| r.hello_at >= long_ago)
                        .take(LOOK_BACK)
                        .filter(|r| names_url(r, &url)),
                );
            }
        }
        // Nobody is moved to fetch from a host by a visit to that host.
        found.retain(|record| !is_host_of_fetches(record));
        in_order(found)
    }

    /// Handshakes the device received: those with the asked certificate at any time, others shortly before.
    pub(super) fn inbound(
        &self,
        keys: &[HostKey],
        contact: &Contact,
        start: Timestamp,
    ) -> Vec<&'a Record> {
        let earliest = start.minus(Span::from_secs(5));
        let mut found: Vec<&Record> = Vec::new();
        for key in keys {
            found.extend(
                self.state
                    .handshakes
                    .of_server_until(*key, start)
                    .skip_while(|r| r.hello_at > start.plus(Span::from_millis(1)))
                    .take_while(|r| r.hello_at >= earliest)
                    .take(LOOK_BACK),
            );
        }
        for id in contact.ocsp.iter().flat_map(|request| &request.ids) {
            found.extend(
                self.state
                    .handshakes
                    .with_serial(&id.serial)
                    .filter(|r| keys.contains(&r.server))
                    .take(LOOK_BACK),
            );
        }
        in_order(found)
    }

    /// Whether a handshake of a device had shown a certificate that a contact asks about when the contact began.
    pub(super) fn was_shown(&self, keys: &[HostKey], contact: &Contact, start: Timestamp) -> bool {
        let mut ids = contact.ocsp.iter().flat_map(|request| &request.ids);
        ids.any(|id| {
            let mut shown = self.state.handshakes.with_serial(&id.serial);
            shown.any(|r| {
                keys.contains(&r.client) && r.shown.certificate_at.is_none_or(|at| at <= start)
            })
        })
    }

    /// The leaf that a contact asks about, when any handshake showed it.
    pub(super) fn leaf_asked(&self, contact: &Contact) -> Option<&'a Certificate> {
        let mut ids = contact.ocsp.iter().flat_map(|request| &request.ids);
        ids.find_map(|id| {
            let mut shown = self.state.handshakes.with_serial(&id.serial);
            shown.find_map(|r| {
                r.leaf()
                    .filter(|leaf| leaf.serial == id.serial)
                    .map(AsRef::as_ref)
            })
        })
    }
}

fn in_order(mut found: Vec<&Record>) -> Vec<&Record> {
    let mut seen = HashSet::default();
    found.retain(|r| seen.insert(r.shown.id));
    found.sort_by_key(|r| r.shown.id);
    found
}

/// Whether a certificate that was shown names a list or an issuer.
pub(in crate::correlate) fn names_url(record: &Record, url: &str) -> bool {
    let same = |named: &str| {
        named.eq_ignore_ascii_case(url) || url.strip_suffix('/').is_some_and(|bare| bare == named)
    };
    let named = |list: &[String]| list.iter().any(|u| same(u));
    record
        .shown
        .chain
        .iter()
        .any(|c| named(&c.crl_urls) || named(&c.issuer_urls))
}

/// Whether a handshake is with a host that serves revocation data and issuers itself.
fn is_host_of_fetches(record: &Record) -> bool {
    matches!(&record.shown.site, Site::Sni(name) if endpoint::host_role(name.as_str()).is_some_and(|role| role.service != endpoint::Service::Page))
}
