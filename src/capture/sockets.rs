//! Which process of this machine opened a connection. Asked when its first packet is seen: a short-lived
//! program is gone soon after.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::event::Process;

#[cfg(target_os = "linux")]
#[path = "sockets/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "sockets/other.rs"]
mod system;

/// Looking takes at most this share of the time,
const SHARE: u32 = 5;
/// and at most so long in a row, since analysis waits for it.
const CREDIT: Duration = Duration::from_millis(500);
/// A port may belong to somebody else after this.
const FRESH: Duration = Duration::from_secs(30);
/// Answers kept.
const KEPT: usize = 4_096;
/// Addresses of this machine may change; asked at most this often.
const ADDRESSES: Duration = Duration::from_secs(10);

/// Finds and remembers the owners of sockets.
#[derive(Debug)]
pub struct Sockets {
    system: system::Sockets,
    known: HashMap<SocketAddr, (Instant, Option<Process>)>,
    own: HashSet<IpAddr>,
    own_at: Option<Instant>,
    credit: Duration,
    asked: Instant,
    /// Whose descendants are told apart, and those met so far.
    root: Option<u32>,
    family: HashSet<u32>,
}

impl Sockets {
    /// Nothing is known yet. Of the processes met, [`Self::is_family`] knows those that descend from `root`.
    #[must_use]
    pub fn new(root: Option<u32>) -> Self {
        Self {
            system: system::Sockets::default(),
            known: HashMap::new(),
            own: HashSet::new(),
            own_at: None,
            credit: CREDIT,
            asked: Instant::now(),
            root,
            family: root.into_iter().collect(),
        }
    }

    /// The process that opened a TCP connection from `local`; `None` when it is not of this machine, or
    /// cannot be found in time or without more rights.
    pub fn owner(&mut self, local: SocketAddr) -> Option<Process> {
        let now = Instant::now();
        if !self.is_own(local.ip(), now) {
            return None;
        }
        if let Some((at, process)) = self.known.get(&local)
            && now.duration_since(*at) < FRESH
        {
            return process.clone();
        }
        let earned = now.duration_since(self.asked) / SHARE;
        self.credit = CREDIT.min(self.credit + earned);
        self.asked = now;
        if self.credit.is_zero() {
            return None;
        }
        let process = self.system.owner(local);
        self.credit = self.credit.saturating_sub(now.elapsed());
        if let (Some(root), Some(pid)) = (self.root, process.as_ref().and_then(|p| p.pid))
            && system::descends(pid, root)
        {
            self.family.insert(pid);
        }
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        self.known.insert(local, (now, process.clone()));
        process
    }

    /// Whether a process that was met descends from the one given at the start.
    #[must_use]
    pub fn is_family(&self, pid: u32) -> bool {
        self.family.contains(&pid)
    }

    fn is_own(&mut self, ip: IpAddr, now: Instant) -> bool {
        let ip = ip.to_canonical();
        if ip.is_loopback() || self.own.contains(&ip) {
            return true;
        }
        if self
            .own_at
            .is_some_and(|at| now.duration_since(at) < ADDRESSES)
        {
            return false;
        }
        self.own_at = Some(now);
        let devices = super::live::devices().unwrap_or_default();
        self.own = devices.into_iter().flat_map(|d| d.addresses).collect();
        self.own.contains(&ip)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_owner_of_a_socket_of_this_test_is_this_test() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sockets = Sockets::new(Some(std::process::id()));
        let process = sockets.owner(listener.local_addr().unwrap()).unwrap();
        assert_eq!(process.pid, Some(std::process::id()));
        assert!(!process.name.is_empty());
        assert!(sockets.is_family(std::process::id()));
        assert!(!sockets.is_family(1));
    }

    #[test]
    fn other_machines_have_no_processes_here() {
        let mut sockets = Sockets::new(None);
        let elsewhere = "203.0.113.9:443".parse().unwrap();
        assert_eq!(sockets.owner(elsewhere), None);
    }
}
