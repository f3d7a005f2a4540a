//! Which addresses are the capturing host's own.

use super::{Devices, Groups, HostKey};
use crate::event::{HostDevice, Process};

/// Addresses remembered for one process: those of a few networks, and temporary ones of a day (RFC 8981).
const OF_PROCESS: usize = 16;

impl Devices {
    /// Takes in that a process of the capturing host opened a connection from an address.
    pub fn ran(&mut self, client: HostKey, process: &Process) {
        let Some(pid) = process.pid else { return };
        let is_full = self.processes.len() >= self.limit;
        let which = (pid, process.name.clone());
        if is_full && !self.processes.contains_key(&which) {
            return;
        }
        let known = self.processes.entry(which).or_default();
        if known.len() < OF_PROCESS && !known.contains(&client) {
            known.push(client);
        }
    }

    pub(super) fn tie_this_host(&self, keys: &[HostKey], groups: &mut Groups) {
        let own: Vec<HostKey> = keys
            .iter()
            .filter(|key| self.is_sent_only(**key))
            .copied()
            .collect();
        // Containers and virtual machines behind the host send through it too, undiminished on a bridge. They
        // can not on a device without link-layer addresses (a tunnel of a VPN, a modem): it is no part of a
        // bridge (IEEE 802.1Q 8.5), and whoever routes into it decrements the TTL.
        let on_links = own
            .iter()
            .filter(|k| k.ip.is_ipv4() && !k.ip.is_loopback())
            .filter_map(|key| self.hosts.get(key))
            .filter(|host| host.mac.is_some());
        if are_alone(on_links.map(|host| host.device).collect()) {
            groups.tie_all(&own);
        }
        // A process is in one host, and in one network namespace of it (network_namespaces(7)).
        let mut processes: Vec<_> = self.processes.iter().collect();
        processes.sort_unstable();
        for (_, clients) in processes {
            let sent: Vec<HostKey> = clients
                .iter()
                .filter(|key| self.is_sent_only(**key))
                .copied()
                .collect();
            groups.tie_all(&sent);
        }
        let loopback: Vec<HostKey> = keys
            .iter()
            .filter(|k| k.ip.is_loopback())
            .copied()
            .collect();
        groups.tie_all(&loopback);
    }

    /// Whether the host sent what came from an address, undiminished, and never received any of it: what it
    /// passes on for another it receives first, on another of its interfaces.
    fn is_sent_only(&self, key: HostKey) -> bool {
        let host = self.hosts.get(&key);
        host.is_some_and(|host| host.this_host && !host.received && host.is_direct())
    }
}

/// Whether addresses that the capturing host sends from are one for each of its devices. What its guests send
/// crosses the device that the host itself uses, if it does not come in by one of their own (ip-link(8):
/// bridge, macvlan, ipvlan).
fn are_alone(mut devices: Vec<Option<HostDevice>>) -> bool {
    devices.sort_unstable();
    let one_host = |pair: &[Option<HostDevice>]| match pair {
        [Some(a), Some(b)] => a.capture == b.capture && a.index != b.index,
        _ => false,
    };
    devices.windows(2).all(one_host)
}
