//! Which process of this machine opened a connection, or sends datagrams. Asked when its first packet is
//! seen: a short-lived program is gone soon after.

use std::collections::{HashMap, HashSet};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::net::UnixStream;
#[cfg(test)]
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::SockaddrStorage;

use crate::event::Process;

#[cfg(target_os = "linux")]
#[path = "sockets/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "sockets/other.rs"]
mod system;

mod talk;

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

/// What kind of socket a packet belongs to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// TCP.
    Stream,
    /// UDP.
    Datagrams,
}

/// Asks a process of its own. Looking into the processes of others takes rights that whoever reads frames
/// must not have, and is not possible behind a fence that hides files (Landlock forbids it like tracing
/// them). That process is given nothing but addresses.
#[derive(Debug, Default)]
pub struct Sockets {
    /// The other end; none when nobody looks.
    line: Option<UnixStream>,
    own: HashSet<IpAddr>,
    own_at: Option<Instant>,
    /// Processes met that descend from the root.
    family: HashSet<u32>,
}

impl Sockets {
    /// Asks whoever [`serve`]s the other end of `line`; finds nothing without one. Of the processes met,
    /// [`Self::is_family`] knows those that descend from `root`.
    #[must_use]
    pub fn ask(line: Option<UnixStream>, root: Option<u32>) -> Self {
        Self {
            line,
            family: root.into_iter().collect(),
            ..Self::default()
        }
    }

    /// With a thread that looks, for tests.
    #[cfg(test)]
    pub(crate) fn nearby(root: Option<u32>) -> Self {
        let (here, there) = UnixStream::pair().expect("a pair of sockets");
        thread::spawn(move || serve(&there, Looker::new(root)));
        Self::ask(Some(here), root)
    }

    /// The process that opened a connection from `local`, or sends datagrams from there; `None` when it is
    /// not of this machine, or cannot be found in time or without more rights.
    pub fn owner(&mut self, kind: Kind, local: SocketAddr) -> Option<Process> {
        if !self.is_own(local.ip()) {
            return None;
        }
        let line = self.line.as_mut()?;
        let asked = line.write_all(&talk::question(kind, local));
        let Ok(found) = asked.and_then(|()| talk::answered(line)) else {
            // Gone, or too late: an answer would now be taken for that to another question.
            self.line = None;
            return None;
        };
        let (process, family) = found?;
        if family {
            self.family.extend(process.pid);
        }
        Some(process)
    }

    /// Whether a process that was met descends from the one given at the start.
    #[must_use]
    pub fn is_family(&self, pid: u32) -> bool {
        self.family.contains(&pid)
    }

    /// Whether an address is one of this machine's.
    pub fn is_own(&mut self, ip: IpAddr) -> bool {
        let (ip, now) = (ip.to_canonical(), Instant::now());
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
        // Not by way of libpcap, which asks with sockets of a kind that a fence refuses.
        let listed = nix::ifaddrs::getifaddrs().into_iter().flatten();
        self.own = listed.filter_map(|i| address(&i.address?)).collect();
        self.own.contains(&ip)
    }
}

/// A process, and whether it descends from the root.
pub type Found = Option<(Process, bool)>;

/// Answers the questions of [`Sockets::owner`] until nobody asks any more.
pub fn serve(line: &UnixStream, mut looker: Looker) {
    let (mut asking, mut answering) = (line, line);
    let mut question = [0; 20];
    while asking.read_exact(&mut question).is_ok() {
        let Some((kind, local)) = talk::asked(&question) else {
            break;
        };
        if talk::answer(&looker.owner(kind, local), &mut answering).is_err() {
            break;
        }
    }
}

/// Finds and remembers the owners of sockets.
#[derive(Debug)]
pub struct Looker {
    system: system::Sockets,
    known: HashMap<(Kind, SocketAddr), (Instant, Found)>,
    credit: Duration,
    asked: Instant,
    root: Option<u32>,
}

impl Looker {
    /// One that tells who descends from `root`. What the system tells only at the start is read here.
    #[must_use]
    pub fn new(root: Option<u32>) -> Self {
        Self {
            system: system::Sockets::default(),
            known: HashMap::new(),
            credit: CREDIT,
            asked: Instant::now(),
            root,
        }
    }

    /// The process that a local socket belongs to, and whether it descends from the root.
    pub fn owner(&mut self, kind: Kind, local: SocketAddr) -> Found {
        let now = Instant::now();
        if let Some((at, process)) = self.known.get(&(kind, local))
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
        let found = self.system.owner(kind, local);
        self.credit = self.credit.saturating_sub(now.elapsed());
        let found = found.map(|process| {
            let pid = self.root.zip(process.pid);
            let family = pid.is_some_and(|(root, pid)| system::descends(pid, root));
            (process, family)
        });
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        self.known.insert((kind, local), (now, found.clone()));
        found
    }
}

fn address(listed: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = || Some(IpAddr::V4(listed.as_sockaddr_in()?.ip()));
    let v6 = || Some(IpAddr::V6(listed.as_sockaddr_in6()?.ip()));
    v4().or_else(v6)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn the_owner_of_a_socket_of_this_test_is_this_test() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sockets = Sockets::nearby(Some(std::process::id()));
        let process = sockets
            .owner(Kind::Stream, listener.local_addr().unwrap())
            .unwrap();
        assert_eq!(process.pid, Some(std::process::id()));
        assert!(!process.name.is_empty());
        assert!(sockets.is_family(std::process::id()));
        assert!(!sockets.is_family(1));
    }

    #[test]
    fn sockets_for_datagrams_have_owners_too() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut sockets = Sockets::nearby(None);
        let process = sockets.owner(Kind::Datagrams, socket.local_addr().unwrap());
        assert_eq!(process.unwrap().pid, Some(std::process::id()));
    }

    #[test]
    fn whoever_does_not_answer_is_asked_no_more() {
        let (here, there) = UnixStream::pair().unwrap();
        drop(there);
        let mut sockets = Sockets::ask(Some(here), None);
        let local = "127.0.0.1:443".parse().unwrap();
        assert_eq!(sockets.owner(Kind::Stream, local), None);
        assert!(sockets.line.is_none());
    }

    #[test]
    fn other_machines_have_no_processes_here() {
        let mut sockets = Sockets::nearby(None);
        let elsewhere = "203.0.113.9:443".parse().unwrap();
        assert_eq!(sockets.owner(Kind::Stream, elsewhere), None);
    }
}
