//! Addresses from which a host without IPv4 speaks IPv4.

use std::net::IpAddr;

use super::{Devices, HostKey};
use crate::correlate::synthesized::is_synthesized;

impl Devices {
    /// Takes in whom an address asked or connected to.
    pub fn reached(&mut self, client: HostKey, server: IpAddr) {
        // Translators have IPv6 addresses (RFC 6877 6).
        if client.ip.is_ipv4() {
            return;
        }
        if is_synthesized(server) {
            if let Some(host) = self.host(client) {
                host.translated = true;
            }
        } else if let Some(host) = self.hosts.get_mut(&client) {
            host.untranslated = true;
        }
    }

    /// Whether two addresses are of one host's two families: IPv4 and IPv6, or IPv6 and the address that its
    /// translator has for IPv4 (464XLAT: one of its own, from the prefix of its link, RFC 6877 6.3), which
    /// therefore never reaches anything but IPv4 addresses in IPv6 ones.
    pub(super) fn are_of_two_families(&self, a: HostKey, b: HostKey) -> bool {
        match (a.ip, b.ip) {
            (IpAddr::V6(x), IpAddr::V6(y)) => {
                let (x, y) = (x.segments(), y.segments());
                x.get(..4) == y.get(..4) && self.is_clat(a) != self.is_clat(b)
            }
            _ => a.ip.is_ipv4() != b.ip.is_ipv4(),
        }
    }

    fn is_clat(&self, key: HostKey) -> bool {
        let host = self.hosts.get(&key);
        host.is_some_and(|host| host.translated && !host.untranslated)
    }
}
