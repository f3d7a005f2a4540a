//! What everyone on the path could read about sites: OCSP questions travel in clear text and name a
//! certificate, whatever else hides the name (RFC 6960 5, RFC 7858, RFC 9849).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::correlate::State;
use crate::correlate::judge::Judge;
use crate::event::Provenance;
use crate::finding::{Finding, GivenAway, Handshake, Lookup, Privacy, Site, Visibility};
use crate::frame::FrameNo;
use crate::pki::cert::Serial;

/// Frames kept of one kind for one site.
const KEPT: usize = 16;

/// By site: what clear-text OCSP, lookups, hellos and certificates told.
pub fn given_away(
    state: &State,
    judge: &Judge<'_>,
    findings: &[Finding],
    handshakes: &[Handshake],
    lookups: &[Arc<Lookup>],
) -> Privacy {
    let mut sites: BTreeMap<String, GivenAway> = BTreeMap::new();
    let mut unknown = BTreeSet::new();
    for finding in findings {
        for serial in &finding.asked.serials {
            match site_of(state, judge, finding, serial) {
                Some(site) => entry(&mut sites, site.into()).ocsp.push(finding.id),
                None => {
                    unknown.insert(serial.clone());
                }
            }
        }
    }
    for handshake in handshakes {
        let Some(site) = handshake.site.name() else {
            continue;
        };
        let own = entry(&mut sites, site);
        if matches!(handshake.site, Site::Sni(_)) {
            keep(&mut own.server_names, handshake.frames.client_hello);
        }
        let clear = handshake.provenance == Some(Provenance::Clear)
            && handshake.visibility == Visibility::Clear;
        keep(
            &mut own.certificates,
            handshake.frames.certificate.filter(|_| clear),
        );
    }
    for lookup in lookups {
        if let Some(own) = sites.get_mut(lookup.name.as_str()) {
            keep(&mut own.lookups, lookup.frames.last().copied());
        }
    }
    let named = sites
        .into_iter()
        .map(|(site, own)| GivenAway { site, ..own });
    let mut sites: Vec<GivenAway> = named.collect();
    sites.retain(|s| !s.ocsp.is_empty() || !s.lookups.is_empty());
    sites.sort_by_key(|s| (s.ocsp.is_empty(), !s.by_ocsp_alone()));
    Privacy {
        sites,
        unknown_serials: unknown.len() as u64,
    }
}

/// The site whose certificate has a serial: by the verdict, else by any handshake or given certificate.
fn site_of(state: &State, judge: &Judge<'_>, finding: &Finding, serial: &Serial) -> Option<String> {
    let proven = finding
        .candidates
        .first()
        .filter(|c| c.serial.as_ref() == Some(serial));
    if let Some(site) = proven.and_then(|_| finding.verdict.site.clone()) {
        return Some(site);
    }
    let record = state
        .handshakes
        .with_serial(serial)
        .find(|r| r.leaf().is_some_and(|leaf| leaf.serial == *serial));
    match record {
        Some(record) => judge.site(record).0.name().map(Cow::into_owned),
        None => state
            .certificates
            .supplied_with(serial)
            .and_then(|cert| cert.names.first().cloned()),
    }
}

/// What was given away of a site, whose name is put to it in the end.
fn entry<'a>(sites: &'a mut BTreeMap<String, GivenAway>, site: Cow<'_, str>) -> &'a mut GivenAway {
    sites.entry(site.into_owned()).or_default()
}

fn keep(list: &mut Vec<FrameNo>, frame: Option<FrameNo>) {
    if list.len() < KEPT {
        list.extend(frame);
    }
}
