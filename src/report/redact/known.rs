//! What a report names, to be found again inside free text and packets.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::IpAddr;

use crate::event::Mac;
use crate::finding::{Report, Site};

/// What has to be found again inside free text.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) addresses: HashSet<IpAddr>,
    pub(super) macs: HashSet<Mac>,
    pub(super) sites: HashSet<String>,
    pub(super) serials: HashSet<String>,
}

impl Known {
    pub(super) fn of(report: &Report, sites: bool) -> Self {
        let mut known = Self {
            addresses: HashSet::new(),
            macs: report.devices.iter().filter_map(|d| d.mac).collect(),
            sites: HashSet::new(),
            serials: HashSet::new(),
        };
        known.addresses.extend(
            report
                .devices
                .iter()
                .flat_map(|d| d.addresses.iter().copied()),
        );
        known
            .addresses
            .extend(report.findings.iter().map(|f| f.client.ip));
        known
            .addresses
            .extend(report.all_handshakes().map(|h| h.client.ip()));
        known
            .addresses
            .extend(report.lookups.iter().map(|l| l.client.ip()));
        if sites {
            let candidates = || {
                report
                    .findings
                    .iter()
                    .flat_map(|f| f.candidates.iter().chain(&f.rejected))
            };
            known.addresses.extend(candidates().map(|c| c.server.ip()));
            known
                .addresses
                .extend(report.all_handshakes().map(|h| h.server.ip()));
            let all = report
                .all_handshakes()
                .map(|h| &h.site)
                .chain(candidates().map(|c| &c.site));
            known.sites.extend(
                all.filter(|s| !matches!(s, Site::Address(_)))
                    .filter_map(Site::name)
                    .map(Cow::into_owned),
            );
            known.sites.extend(
                report
                    .findings
                    .iter()
                    .filter_map(|f| f.verdict.site.clone()),
            );
            let certificates = report.all_handshakes().flat_map(|h| &h.chain);
            known
                .serials
                .extend(certificates.map(|c| c.serial.to_string()));
            known.serials.extend(
                report
                    .findings
                    .iter()
                    .flat_map(|f| &f.asked.serials)
                    .map(ToString::to_string),
            );
            known.serials.extend(
                candidates()
                    .filter_map(|c| c.serial.as_ref())
                    .map(ToString::to_string),
            );
        }
        known.addresses.retain(|ip| !means_no_machine(*ip));
        known
    }
}

/// Addresses that mean the same everywhere.
const fn means_no_machine(ip: IpAddr) -> bool {
    ip.is_unspecified() || ip.is_loopback()
}
