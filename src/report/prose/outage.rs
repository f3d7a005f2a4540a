//! Outages, and what was given away, in words.

use crate::finding::{GivenAway, Outage, Privacy, Way};
use crate::report::clock::Clock;
use crate::report::prose::{failure, list, plural};
use crate::report::safe;

/// An outage as lines: what and since when, where, who, what clients did, staples.
#[must_use]
pub fn outage(outage: &Outage, clock: &Clock) -> Vec<String> {
    let what = match outage.way {
        Way::Lookup => "Lookups of Let's Encrypt's hosts failed",
        Way::Connection => "Connections to Let's Encrypt's hosts came to nothing",
        Way::Answer => "Let's Encrypt's hosts answered that they could not",
    };
    let end = match outage.over_at {
        Some(at) => format!("; it was over at {}", clock.show(at)),
        None => "; no success was seen after it".to_owned(),
    };
    let hosts: Vec<String> = outage
        .hosts
        .iter()
        .map(|(name, n)| format!("{} ({n})", safe::line(name.as_str())))
        .collect();
    let failures: Vec<String> = outage
        .failures
        .iter()
        .map(|(what, n)| format!("{} ({n})", failure(*what)))
        .collect();
    let mut lines = vec![
        format!(
            "{what} from {} to {}: {} of {}{end}.",
            clock.show(outage.since),
            clock.show(outage.until),
            outage.failed,
            plural(outage.failed + outage.succeeded, "contact", "contacts"),
        ),
        format!("Hosts: {}. How: {}.", hosts.join(", "), failures.join("; ")),
    ];
    let resolvers: Vec<String> = outage.resolvers.iter().map(ToString::to_string).collect();
    if !resolvers.is_empty() {
        lines.push(format!(
            "Resolvers without an answer of use: {}.",
            resolvers.join(", ")
        ));
    }
    let devices: Vec<String> = outage
        .device_labels
        .iter()
        .map(|l| safe::capped(l, 60).into_owned())
        .collect();
    lines.push(format!(
        "Devices: {}. {} went on without an answer (failed open), {} gave up (failed closed), of {} it was not seen.",
        devices.join(", "),
        plural(outage.failed_open, "client", "clients"),
        outage.failed_closed,
        outage
            .failed
            .saturating_sub(outage.failed_open + outage.failed_closed),
    ));
    if !outage.staples.is_empty() {
        let staples: Vec<String> = outage
            .staples
            .iter()
            .map(|s| {
                format!(
                    "{} until {}",
                    safe::capped(&s.site, 60),
                    clock.show(s.next_update)
                )
            })
            .collect();
        lines.push(format!(
            "Staples that still help visitors: {}.",
            staples.join(", ")
        ));
    }
    lines
}

/// What was given away, as lines; none when nothing was.
#[must_use]
pub fn privacy(privacy: &Privacy) -> Vec<String> {
    let names = |of: &dyn Fn(&GivenAway) -> bool| -> Vec<String> {
        let sites = privacy.sites.iter().filter(|s| of(s));
        sites
            .map(|s| safe::capped(&s.site, 60).into_owned())
            .collect()
    };
    let mut lines = Vec::new();
    let alone = names(&GivenAway::by_ocsp_alone);
    if !alone.is_empty() {
        lines.push(format!(
            "OCSP questions in clear text alone gave away {}: handshakes and lookups hid the name.",
            list(&alone, "and")
        ));
    }
    let by_ocsp = names(&|s: &GivenAway| !s.ocsp.is_empty() && !s.by_ocsp_alone());
    if !by_ocsp.is_empty() {
        lines.push(format!(
            "OCSP questions in clear text told anyone on the path of visits to {}.",
            list(&by_ocsp, "and")
        ));
    }
    let by_lookup = names(&|s: &GivenAway| !s.lookups.is_empty());
    if !by_lookup.is_empty() {
        lines.push(format!(
            "Lookups in clear text told of {}.",
            list(&by_lookup, "and")
        ));
    }
    if privacy.unknown_serials > 0 {
        lines.push(format!(
            "{} asked about in clear text belong to certificates that this capture does not show; public logs of \
             certificates name their sites.",
            plural(privacy.unknown_serials, "serial", "serials")
        ));
    }
    lines
}
