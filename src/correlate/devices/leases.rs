//! Addresses that one station had one after the other.

use super::{Devices, Host, HostKey};
use crate::time::Span;

/// From the last packet of one address to the first of the next. A station that is given another address has
/// lost its connections and begins anew, while stations that share a link-layer address speak in turns.
const CHANGE: Span = Span::from_secs(5);

impl Devices {
    /// Whether several IPv4 addresses of one link-layer address were one station's leases (RFC 2131 2.2, 3.1:
    /// a client has one address at a time, and another after it moved or was away) and not those of several
    /// stations behind a gateway or a bridge that puts its own address on their frames: no two were in use at
    /// once or in turns, and one IPv6 address was in use from before the first change until after the last.
    /// Other stations behind a bridge have others.
    pub(super) fn are_leases(&self, addresses: &[HostKey]) -> bool {
        let (mut v4, mut v6): (Vec<&Host>, Vec<&Host>) = (Vec::new(), Vec::new());
        for key in addresses {
            let list = if key.ip.is_ipv4() { &mut v4 } else { &mut v6 };
            list.extend(self.hosts.get(key));
        }
        v4.sort_by_key(|host| host.first);
        let in_sequence = v4
            .windows(2)
            .all(|pair| matches!(pair, [old, new] if new.first.since(old.last) >= CHANGE));
        let (Some(second), Some(newest)) = (v4.get(1), v4.last()) else {
            return false;
        };
        let stays = |six: &&Host| six.first < second.first && newest.first <= six.last;
        in_sequence && v6.iter().any(stays)
    }
}
