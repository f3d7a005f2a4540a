//! No handshake explains the contact: what else did the device do?
//!
//! Each cause needs its own signs; without them the contact stays unexplained, with what would help.

use std::collections::{BTreeSet, HashSet};

use crate::correlate::State;
use crate::correlate::agents::{self, Family};
use crate::correlate::alerts;
use crate::correlate::contacts::{Contact, Watch};
use crate::correlate::devices::DeviceMap;
use crate::correlate::handshakes::Record;
use crate::correlate::judge::{Weighed, names_url};
use crate::correlate::relays::Relay;
use crate::correlate::repeats::{Repeats, SLOW_SWEEP, SWEEP};
use crate::correlate::verdict::{self, Ruling};
use crate::event::{BlindSpot, Name, Request};
use crate::finding::{
    Cause, Confidence, ContactKind, Coverage, HandshakeId, Missing, Outcome, Site, Stage,
    Visibility,
};
use crate::pki::cert::Serial;
use crate::time::{Span, Timestamp};

/// A capture that began less than this before the contact may have missed the handshake.
const TOO_FRESH: Span = Span::from_secs(5);
/// Device activity this close counts as nearby.
const NEARBY: Span = Span::from_secs(600);

/// Replaces an unexplained ruling by one of the device's own doings, where its signs are there.
pub fn explain<'c>(
    state: &State,
    devices: &DeviceMap,
    repeats: &Repeats<'c>,
    relay: Option<Relay>,
    contact: &'c Contact,
    mut ruling: Ruling,
    coverage: &Coverage,
) -> (Ruling, Vec<Missing>) {
    // All that could be weighed is what happened to be picked.
    if contact.client.scope.is_sampled() {
        return (Ruling::of_sample(), vec![Missing::CompleteCapture]);
    }
    if ruling.confidence < Confidence::Strong && is_fake(state, devices, contact) {
        let mut fake = Ruling::disguise();
        fake.confidence = Confidence::Likely;
        fake.rejected = ruling.named.into_iter().chain(ruling.rejected).collect();
        return (fake, Vec::new());
    }
    // What a device passes on it was not moved to by a handshake of its own. One that proves otherwise is a
    // tunnel that the device opened for its client.
    let unexplained = ruling.outcome == Outcome::Unexplained;
    let passed_on = match relay {
        // For a lookup the times are enough: somebody else waited for the answer to this very question while
        // it was asked and answered.
        Some(relay) if relay.addressed || contact.stage == Stage::LookedUp => {
            ruling.confidence < Confidence::Proven
        }
        Some(_) => unexplained,
        None => false,
    };
    if passed_on && ruling.cause != Cause::Disguise {
        let addressed = relay.is_some_and(|r| r.addressed);
        let confidence = if addressed {
            Confidence::Strong
        } else {
            Confidence::Likely
        };
        return (own(ruling, Cause::Proxy, confidence), Vec::new());
    }
    // A client of the ACME directory has just opened a connection to it, which is near in time to all that it
    // does after.
    let directory = |w: &Weighed| w.site.name().is_some_and(|n| is_acme(&Name::new(&n)));
    let near_only = ruling.confidence == Confidence::Possible
        && !ruling.named.is_empty()
        && ruling
            .named
            .iter()
            .all(|w| directory(w) && !verdict::is_tied(w));
    if let Some((cause, confidence)) = unmoved(state, devices, repeats, contact, &ruling) {
        ruling = own(ruling, cause, confidence);
    } else if (unexplained || near_only)
        && let Some((cause, confidence)) =
            own_doing(state, devices, repeats, contact, &ruling, coverage)
    {
        ruling = own(ruling, cause, confidence);
    } else if contact
        .family
        .is_some_and(|family| family.is_script() || family == Family::Go)
        && let Some(lists) = repeats.lists(contact, devices)
        && is_past(contact, &ruling)
        && outnumber_hidden(state, devices, contact, lists.unnamed)
    {
        ruling.allow_for_job(lists);
    }
    let open = ruling.outcome == Outcome::Unexplained
        || (ruling.confidence < Confidence::Strong && ruling.cause != Cause::Disguise);
    let missing = if open {
        missing(state, devices, contact, &ruling, coverage)
    } else if ruling.incomplete && ruling.confidence < Confidence::Proven {
        vec![Missing::ShorterCapture]
    } else {
        Vec::new()
    };
    (ruling, missing)
}

/// No handshake of the device called for it.
fn own(mut ruling: Ruling, cause: Cause, confidence: Confidence) -> Ruling {
    ruling.outcome = Outcome::NoOutbound;
    ruling.cause = cause;
    ruling.confidence = confidence;
    let named = std::mem::take(&mut ruling.named);
    ruling.rejected.splice(..0, named);
    ruling
}

fn own_doing<'c>(
    state: &State,
    devices: &DeviceMap,
    repeats: &Repeats<'c>,
    contact: &'c Contact,
    ruling: &Ruling,
    coverage: &Coverage,
) -> Option<(Cause, Confidence)> {
    let (Some(request), Some(family)) = (&contact.request, contact.family) else {
        return timed(devices, repeats, contact);
    };
    if matches!(family, Family::HaProxy | Family::Apache) && contact.kind == ContactKind::Ocsp {
        return Some((Cause::Stapling, Confidence::Likely));
    }
    if family.is_stapler()
        && !agents::is_of_openssl(request)
        && contact.kind == ContactKind::Ocsp
        && let Some(confidence) = about_own(state, devices, contact)
    {
        return Some((Cause::Stapling, confidence));
    }
    let timed = timed(devices, repeats, contact);
    if timed.is_some() {
        return timed;
    }
    if is_forwarded(request) {
        return Some((Cause::Proxy, Confidence::Likely));
    }
    if family.is_verifier() {
        return None;
    }
    // ACME clients ask for the status of what they hold (certbot ocsp.py, certmagic ocsp.go), and for the
    // issuer that they need for it. Lists they do not get, nor issuers for the chain, which comes with the
    // certificate (RFC 8555 7.4.2).
    if contact.kind != ContactKind::Crl
        && acme_nearby(state, devices, contact)
        && matches!(family, Family::Python | Family::Go)
    {
        return Some((Cause::Acme, Confidence::Likely));
    }
    if let Some(urls) = repeats.sweep(contact, devices)
        && is_inventory(state, devices, contact, urls, SWEEP)
    {
        // Who captured port 80 alone sees no visit of anybody, and a program that checks chain after chain
        // looks like this as well.
        let chains = contact.role().is_some();
        let seen = !chains || visits_around(state, devices, contact, 1, NEARBY) > 0;
        let confidence = if seen {
            Confidence::Likely
        } else {
            Confidence::Possible
        };
        return Some((Cause::Scanner, confidence));
    }
    if family == Family::BareGet && contact.kind == ContactKind::Ocsp {
        // nginx by its handwriting, but no visitor was seen.
        return Some((Cause::Stapling, Confidence::Possible));
    }
    // A tool that never checks by itself, and no handshake that could have made it: a person or a script.
    let hidden = ruling.rejected.iter().any(|w| w.level.is_some());
    let seen_before = coverage
        .span
        .is_some_and(|(first, _)| contact.began_at.since(first) >= Span::from_secs(1));
    // Some that send no agent do check by themselves: GnuTLS and mod_ssl, .NET and strongSwan.
    // And servers written in Go renew their staples by a timer.
    let silent = match family {
        Family::BarePost | Family::Silent => !agents::is_of_openssl(request),
        Family::Go => contact.kind == ContactKind::Ocsp,
        _ => false,
    };
    (family.is_tool() && !hidden).then_some((
        Cause::Person,
        if !silent && (seen_before || !contact.lookups.is_empty()) {
            Confidence::Likely
        } else {
            Confidence::Possible
        },
    ))
}

/// What a device fetches among many others of the kind, when the one it holds runs out, or every hour, it
/// does not fetch because of a visit that was over by then and whose certificate happens to name it: one in
/// 128 certificates of an intermediate names a list, and all of them one issuer.
fn unmoved<'c>(
    state: &State,
    devices: &DeviceMap,
    repeats: &Repeats<'c>,
    contact: &'c Contact,
    ruling: &Ruling,
) -> Option<(Cause, Confidence)> {
    let family = contact.family?;
    if !is_past(contact, ruling) {
        return None;
    }
    if repeats.is_refresh(contact, devices) {
        return Some((Cause::Refresh, Confidence::Likely));
    }
    if family.is_verifier() {
        return None;
    }
    let inventory = |urls: Option<usize>, within| {
        urls.is_some_and(|urls| is_inventory(state, devices, contact, urls, within))
    };
    if inventory(repeats.sweep(contact, devices), SWEEP)
        || inventory(repeats.slow_sweep(contact, devices), SLOW_SWEEP)
    {
        return Some((Cause::Scanner, Confidence::Likely));
    }
    if let Some(lists) = repeats.lists(contact, devices)
        && outnumber_visits(state, devices, contact, lists.different)
    {
        return Some((Cause::Person, Confidence::Likely));
    }
    let visited = |within| follows_visits(state, devices, repeats, contact, within);
    if repeats.is_periodic(contact, devices) && !visited(SWEEP) {
        return Some((Cause::Scheduled, Confidence::Likely));
    }
    // Or now and then.
    let often = repeats.times(contact, devices).len() >= 3;
    (often && !visited(NEARBY)).then_some((Cause::Person, Confidence::Likely))
}

/// Whether the visits that a ruling names were over when the contact came: a job or a person may have got
/// what it got for another reason.
fn is_past(contact: &Contact, ruling: &Ruling) -> bool {
    // Where a certificate tells what it is about, and no handshake stands still for what a script runs, it
    // need not be over.
    let by_itself = contact.family.is_some_and(Family::is_run_by_itself);
    let aside = |w: &Weighed| by_itself && w.level == Some(Confidence::Proven);
    let mut named = ruling.named.iter();
    contact.ocsp.is_none()
        && ruling.outcome != Outcome::NoOutbound
        && !ruling.named.is_empty()
        && named.all(|w| verdict::was_over(w) || aside(w))
}

/// Whether a job that asks the same again and again visits a site before it does, as monitors of certificates
/// do: most times a handshake that names what is fetched was not long before.
fn follows_visits<'c>(
    state: &State,
    devices: &DeviceMap,
    repeats: &Repeats<'c>,
    contact: &'c Contact,
    within: Span,
) -> bool {
    const TIMES: usize = 64;
    /// What is asked again this soon is asked for the same visit, or for the next one of a round.
    const AGAIN: Span = Span::from_secs(5);
    let Some(url) = contact.url() else {
        return false;
    };
    let keys = devices.addresses(contact.client);
    let visits = |at: Timestamp| -> Vec<HandshakeId> {
        let before = (at.minus(within), at);
        let near = keys
            .iter()
            .flat_map(|key| state.handshakes.of_client_between(*key, before, TIMES));
        let named = near.filter(|record| names_url(record, &url));
        named.map(|record| record.shown.id).collect()
    };
    let times = repeats.times(contact, devices);
    let times = times.get(..TIMES.min(times.len())).unwrap_or_default();
    // A list that was got before any visit to a site that is on it: then each visit moves to one fetch at most.
    let mut first = times.first().into_iter();
    if contact.shard().is_some() && first.any(|at| visits(*at).is_empty()) {
        let mut times = times.to_vec();
        times.dedup_by(|later, earlier| later.since(*earlier) < AGAIN);
        let mut spent = HashSet::new();
        let moved = |at: &Timestamp| visits(*at).into_iter().any(|visit| spent.insert(visit));
        return times.iter().copied().filter(moved).count() * 2 > times.len();
    }
    let followed = times.iter().filter(|at| !visits(**at).is_empty());
    followed.count() * 2 > times.len()
}

/// What tells by its time alone that nothing but a timer caused it.
fn timed<'c>(
    devices: &DeviceMap,
    repeats: &Repeats<'c>,
    contact: &'c Contact,
) -> Option<(Cause, Confidence)> {
    if repeats.is_refresh(contact, devices) {
        return Some((Cause::Refresh, Confidence::Likely));
    }
    let steady = repeats.is_periodic(contact, devices);
    steady.then_some((Cause::Scheduled, Confidence::Likely))
}

/// A request that uses the host's name but asks nothing that the host answers, got nothing of the kind, and
/// went to an address that DNS did not give for the name. A curious person does the first two; the address is
/// theirs who run the disguise.
fn is_fake(state: &State, devices: &DeviceMap, contact: &Contact) -> bool {
    let (Watch::Known(role), Some(request)) = (&contact.watch, &contact.request) else {
        return false;
    };
    alerts::is_odd_request(role, request, contact.ocsp.is_some())
        && alerts::looks_foreign(contact)
        && alerts::address_doubt(state, devices, contact).is_some()
}

/// The request says that its sender forwards it: proxies must add Via (RFC 9110 7.6.3), many add whom it is
/// for (RFC 7239).
fn is_forwarded(request: &Request) -> bool {
    let mut fields = request.header_order.split(',');
    fields.any(|f| matches!(f, "via" | "forwarded" | "x-forwarded-for"))
}

/// How sure it is that a device that takes TLS connections asks about a certificate of its own.
fn about_own(state: &State, devices: &DeviceMap, contact: &Contact) -> Option<Confidence> {
    let asked = contact.ocsp.iter().flat_map(|question| &question.ids);
    let is_asked = |serial: &Serial| asked.clone().any(|id| id.serial == *serial);
    // Servers written in Go, and HAProxy, staple by a timer, for all their certificates (certmagic; HAProxy,
    // ocsp-update); those before them when a visitor wants it.
    let by_itself = matches!(contact.family, Some(Family::Go | Family::HaProxy));
    let keys = devices.addresses(contact.client);
    let visits = keys.iter().flat_map(|key| state.handshakes.of_server(*key));
    let mut visits = visits
        .filter(|r| r.shown.wanted_staple || by_itself)
        .peekable();
    visits.peek()?;
    let may_show = |record: &Record| {
        let leaf = record.leaf();
        leaf.is_none_or(|leaf| contact.ocsp.is_none() || is_asked(&leaf.serial))
    };
    if visits.any(may_show) {
        return Some(Confidence::Likely);
    }
    by_itself.then_some(Confidence::Possible)
}

/// An inventory goes through lists and issuers without visiting the sites. Who visits each before (a monitor
/// of certificates) fetches at most the issuer, the list and that of the root for it.
fn is_inventory(
    state: &State,
    devices: &DeviceMap,
    contact: &Contact,
    urls: usize,
    within: Span,
) -> bool {
    let visits = visits_around(state, devices, contact, urls.saturating_add(1), within);
    visits.saturating_mul(3) < urls
}

/// Handshakes of the device not longer before or after, at most so many for each of its addresses.
fn visits_around(
    state: &State,
    devices: &DeviceMap,
    contact: &Contact,
    most: usize,
    within: Span,
) -> usize {
    let around = (contact.at.minus(within), contact.at.plus(within));
    let keys = devices.addresses(contact.client);
    let visits = keys
        .iter()
        .flat_map(|key| state.handshakes.of_client_between(*key, around, most));
    visits.count()
}

/// Whether more lists were got than the sites that were visited can be on: one for each kind of key (boulder
/// docs/CRLS.md). Who goes through lists of their own comes to that of a site as well.
fn outnumber_visits(state: &State, devices: &DeviceMap, contact: &Contact, lists: usize) -> bool {
    let around = (contact.at.minus(NEARBY), contact.at.plus(SWEEP));
    let keys = devices.addresses(contact.client);
    let visits = keys
        .iter()
        .flat_map(|key| state.handshakes.of_client_between(*key, around, lists));
    visits.take(lists).count().saturating_mul(2) < lists
}

/// Whether there are more lists that no certificate names than sites that were visited and hide theirs.
fn outnumber_hidden(state: &State, devices: &DeviceMap, contact: &Contact, unnamed: usize) -> bool {
    const VISITS: usize = 1_024;
    let around = (contact.at.minus(NEARBY), contact.at.plus(SWEEP));
    let keys = devices.addresses(contact.client);
    let visits = keys
        .iter()
        .flat_map(|key| state.handshakes.of_client_between(*key, around, VISITS));
    let hidden = visits.filter(|record| record.hides_certificate());
    let sites: BTreeSet<&Site> = hidden.map(|record| &record.shown.site).collect();
    sites.len() < unnamed
}

/// The device spoke with Let's Encrypt's ACME directory (RFC 8555) within ten minutes.
fn acme_nearby(state: &State, devices: &DeviceMap, contact: &Contact) -> bool {
    devices
        .addresses(contact.client)
        .iter()
        .flat_map(|key| state.handshakes.of_client(*key))
        .any(|r| {
            let near = r.shown.hello_at.since(contact.at).abs() <= NEARBY;
            near && matches!(&r.shown.site, Site::Sni(n) if is_acme(n))
        })
}

/// Let's Encrypt's ACME directory (RFC 8555 7.1.1), production or staging.
fn is_acme(name: &Name) -> bool {
    name.is_under("api.letsencrypt.org")
}

/// What would settle it.
fn missing(
    state: &State,
    devices: &DeviceMap,
    contact: &Contact,
    ruling: &Ruling,
    coverage: &Coverage,
) -> Vec<Missing> {
    let mut wanted = BTreeSet::new();
    let considered = ruling
        .named
        .iter()
        .chain(&ruling.rejected)
        .filter(|w| w.level.is_some());
    let hidden = considered
        .filter_map(|w| state.handshakes.get(w.id))
        .any(|r| r.shown.chain.is_empty() && r.shown.visibility == Visibility::Hidden);
    if hidden {
        wanted.extend([Missing::KeyLog, Missing::SiteCertificates]);
    }
    if lacked_room(state, devices, contact, ruling, hidden) {
        wanted.insert(Missing::ShorterCapture);
    }
    if coverage.cut_frames > 0 && contact.stage >= Stage::Connected {
        wanted.insert(Missing::LargerSnaplen);
    }
    if ruling.named.is_empty() {
        if coverage
            .span
            .is_some_and(|(first, _)| contact.began_at.since(first) <= TOO_FRESH)
        {
            wanted.insert(Missing::EarlierStart);
        }
        let device = devices.of(contact.client).and_then(|id| devices.device(id));
        if device.is_some_and(|d| d.shared) {
            wanted.insert(Missing::ClientSide);
        }
        let tunnels = [
            BlindSpot::WireGuard,
            BlindSpot::OpenVpn,
            BlindSpot::Ipsec,
            BlindSpot::TlsProxy,
        ];
        if device.is_some_and(|d| tunnels.iter().any(|t| d.blind.contains_key(t))) {
            wanted.insert(Missing::OtherInterface);
        }
        if coverage.one_sided_flows > 0 {
            wanted.insert(Missing::CompleteCapture);
        }
        if wanted.is_empty() {
            wanted.extend([Missing::EarlierStart, Missing::OtherInterface]);
        }
        wanted.insert(Missing::ProcessNames);
    }
    wanted.into_iter().collect()
}

/// Whether a limit was reached and may have taken something that a contact rests on; `hidden` says whether
/// certificates are.
fn lacked_room(
    state: &State,
    devices: &DeviceMap,
    contact: &Contact,
    ruling: &Ruling,
    hidden: bool,
) -> bool {
    let strained = || {
        let keys = devices.addresses(contact.client);
        let from = contact.began_at.minus(state.limits.cause_window);
        state.strain.touches(&keys, (from, contact.ended_at))
    };
    // Those that have no name may have had one.
    let nameless = || {
        let mut all = ruling.named.iter().chain(&ruling.rejected);
        state.names.forgotten() > 0 && all.any(|w| matches!(w.site, Site::Address(_)))
    };
    let unlearned = hidden && state.certificates.refused() > 0;
    let stranger = || state.devices.refused() > 0 && devices.of(contact.client).is_none();
    ruling.incomplete || unlearned || strained() || nameless() || stranger()
}
