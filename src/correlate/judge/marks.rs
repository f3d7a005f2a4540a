//! What the candidates of one contact, seen together, take from each other's evidence.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::correlate::judge::Weighed;
use crate::correlate::verdict;
use crate::finding::{Bearing, Evidence, Weight};

/// Handshakes that are proven to have had nothing to do with the fetch, and have none of their own, stood
/// still around it just as well: on this device, at this moment, standing still is no sign.
pub(super) fn discount_timing(weighed: &mut [Weighed]) {
    for one in weighed.iter_mut().filter(|w| w.level.is_some()) {
        for evidence in &mut one.evidence {
            if verdict::is_timing(evidence.rule) {
                evidence.bearing = Bearing::Supports(Weight::Slight);
            }
        }
        one.level = one.level.min(verdict::level(&one.evidence));
    }
}

/// A process that opened handshakes with several sites is no sign for one of them: a browser opens them all.
pub(super) fn discount_process(weighed: &mut [Weighed]) {
    let supported =
        |e: &Evidence| e.rule == "same-process" && matches!(e.bearing, Bearing::Supports(_));
    let sites: BTreeSet<&str> = weighed
        .iter()
        .filter(|w| w.level.is_some() && w.evidence.iter().any(supported))
        .map(|w| &*w.site_key)
        .collect();
    if sites.len() < 2 {
        return;
    }
    for one in weighed.iter_mut().filter(|w| w.level.is_some()) {
        for evidence in one.evidence.iter_mut().filter(|e| supported(e)) {
            evidence.bearing = Bearing::Supports(Weight::Slight);
        }
        one.level = one.level.min(verdict::level(&one.evidence));
    }
}

/// Tells the waiting handshakes of one contact that others waited too.
pub(super) fn mark_shared_waits(weighed: &mut [Weighed]) {
    let waited = |w: &Weighed| w.says("handshake-waited") && w.level.is_some();
    let sites: BTreeSet<Arc<str>> = weighed
        .iter()
        .filter(|w| waited(w))
        .map(|w| Arc::clone(&w.site_key))
        .collect();
    if sites.len() < 2 {
        return;
    }
    for one in weighed.iter_mut() {
        for evidence in &mut one.evidence {
            if let crate::finding::Facts::HandshakeWaited { shared, .. } = &mut evidence.facts {
                *shared = true;
            }
        }
    }
}
