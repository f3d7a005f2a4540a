//! Sockets and processes as /proc shows them: proc_pid_net(5), proc_pid_fd(5), proc_pid_cgroup(5).

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::Kind;
use crate::event::Process;

/// Processes that opened connections lately are the first to be asked about the next.
const RECENT: usize = 16;
/// A chain of parents is not longer than this.
const GENERATIONS: usize = 64;
/// What is kept of a command line, in bytes.
const COMMAND: usize = 4_096;

#[derive(Debug)]
pub(super) struct Sockets {
    recent: Vec<u32>,
    users: HashMap<u32, String>,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            recent: Vec::new(),
            users: users(&fs::read_to_string("/etc/passwd").unwrap_or_default()),
        }
    }
}

impl Sockets {
    pub(super) fn owner(&mut self, kind: Kind, local: SocketAddr) -> Option<Process> {
        // A socket for both families stands in the table of IPv6.
        let tables: &[&str] = match (kind, local.ip()) {
            (Kind::Stream, IpAddr::V4(_)) => {
                &["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"]
            }
            (Kind::Stream, IpAddr::V6(_)) => &["/proc/thread-self/net/tcp6"],
            (Kind::Datagrams, IpAddr::V4(_)) => {
                &["/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"]
            }
            (Kind::Datagrams, IpAddr::V6(_)) => &["/proc/thread-self/net/udp6"],
        };
        let inode = tables
            .iter()
            .find_map(|path| inode(&fs::read_to_string(path).ok()?, local))?;
        let link = format!("socket:[{inode}]");
        let holder = (self.recent.iter().copied())
            .find(|&pid| holds(pid, &link))
            .or_else(|| pids().find(|&pid| holds(pid, &link)))?;
        self.recent.retain(|&pid| pid != holder);
        self.recent.insert(0, holder);
        self.recent.truncate(RECENT);
        self.process(holder)
    }

    fn process(&self, pid: u32) -> Option<Process> {
        let status = read(pid, "status")?;
        let user: Option<u32> = field(&status, "Uid:").and_then(|v| v.parse().ok());
        let parent = parent(&status).and_then(|pid| read(pid, "comm"));
        let command = fs::read(path(pid, "cmdline")).unwrap_or_default();
        let kept = command.get(..COMMAND).unwrap_or(&command);
        let command = String::from_utf8_lossy(kept).replace('\0', " ");
        Some(Process {
            pid: Some(pid),
            name: read(pid, "comm")?.trim_end().to_owned(),
            command: Some(command.trim_end().to_owned()).filter(|c| !c.is_empty()),
            user: user.map(|uid| {
                let name = self.users.get(&uid);
                name.cloned().unwrap_or_else(|| uid.to_string())
            }),
            parent: parent.map(|name| name.trim_end().to_owned()),
            unit: unit(&read(pid, "cgroup").unwrap_or_default()),
            source: "socket table",
        })
    }
}

/// Whether a process is `root` or descends from it.
pub(super) fn descends(pid: u32, root: u32) -> bool {
    let mut next = Some(pid);
    for _ in 0..GENERATIONS {
        match next {
            Some(pid) if pid == root => return true,
            Some(pid) => next = read(pid, "status").and_then(|status| parent(&status)),
            None => return false,
        }
    }
    false
}

fn path(pid: u32, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{file}"))
}

fn read(pid: u32, file: &str) -> Option<String> {
    let bytes = fs::read(path(pid, file)).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// Processes of other users cannot be looked into without rights.
fn holds(pid: u32, link: &str) -> bool {
    let entries = fs::read_dir(path(pid, "fd")).into_iter().flatten();
    entries
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .any(|target| target.as_os_str() == link)
}

/// The inode of the socket at a local address, from a table of TCP sockets.
fn inode(table: &str, local: SocketAddr) -> Option<u64> {
    let port = format!(":{:04X}", local.port());
    table.lines().skip(1).find_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let address = columns.nth(1)?.strip_suffix(port.as_str())?;
        let bound = address_of(address)?;
        // Inode 0 is a connection whose process has closed it (TIME_WAIT).
        let inode: u64 = columns.nth(7)?.parse().ok()?;
        let ours = bound == local.ip().to_canonical() || bound.is_unspecified();
        (ours && inode != 0).then_some(inode)
    })
}

/// Words of 32 bits in the byte order of the machine, each as eight hexadecimal digits.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = hex.get(at..at + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match hex.len() {
        8 => Some(IpAddr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let mut octets = [0; 16];
            for (octet, byte) in octets.iter_mut().zip(words.iter().flatten()) {
                *octet = *byte;
            }
            Some(IpAddr::from(octets).to_canonical())
        }
        _ => None,
    }
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()
}

/// 0 is the kernel, or a parent outside the container.
fn parent(status: &str) -> Option<u32> {
    field(status, "PPid:")?.parse().ok().filter(|&pid| pid != 0)
}

/// The container or the systemd unit that a control group belongs to.
fn unit(cgroup: &str) -> Option<String> {
    let group = cgroup.lines().find_map(|line| line.splitn(3, ':').nth(2))?;
    let parts: Vec<&str> = group.split('/').filter(|part| !part.is_empty()).collect();
    for part in parts.iter().rev() {
        let name = part.strip_suffix(".scope").unwrap_or(part);
        for (prefix, engine) in [
            ("docker-", "docker"),
            ("libpod-", "podman"),
            ("cri-containerd-", "containerd"),
            ("crio-", "cri-o"),
            ("lxc.payload.", "lxc"),
        ] {
            if let Some(id) = name.strip_prefix(prefix) {
                return Some(format!("{engine} {}", short(id)));
            }
        }
        // Without systemd the engines use the bare number.
        if name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Some(format!("container {}", short(name)));
        }
        if [".service", ".scope", ".socket"]
            .iter()
            .any(|end| part.ends_with(end))
        {
            return Some((*part).to_owned());
        }
    }
    None
}

/// As many digits as the engines show.
fn short(id: &str) -> &str {
    let digits = id.len() == 64 && id.is_ascii();
    id.get(..12).filter(|_| digits).unwrap_or(id)
}

/// passwd(5)
fn users(passwd: &str) -> HashMap<u32, String> {
    let user = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
    };
    passwd.lines().filter_map(user).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    #[test]
    #[cfg(target_endian = "little")]
    fn sockets_are_found_by_their_local_address() {
        let v4 = format!(
            "{HEAD}   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 100 0 0 10 0\n   \
             1: 0500000A:D431 22D8B85D:0050 02 00000001:00000000 01:00000064 00000000     0        0 777 2 0 800 1 0 10 -1\n   \
             2: 0500000A:D432 22D8B85D:0050 06 00000000:00000000 03:00000064 00000000     0        0 0 3 0\n"
        );
        assert_eq!(inode(&v4, "10.0.0.5:54321".parse().unwrap()), Some(777));
        assert_eq!(inode(&v4, "10.0.0.6:54321".parse().unwrap()), None);
        assert_eq!(inode(&v4, "10.0.0.5:54322".parse().unwrap()), None);
        assert_eq!(inode(&v4, "127.0.0.1:8080".parse().unwrap()), Some(4_242));
        let v6 = format!(
            "{HEAD}   0: 0000000000000000FFFF00000500000A:D431 0000000000000000FFFF000022D8B85D:0050 01 0:0 0:0 0 1000 0 99 1\n   \
             1: B80D0120000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 55 1\n"
        );
        assert_eq!(inode(&v6, "10.0.0.5:54321".parse().unwrap()), Some(99));
        assert_eq!(inode(&v6, "[2001:db8::1]:443".parse().unwrap()), Some(55));
        for damaged in [
            "",
            "x\ny",
            "x\n 0: 1:2 3",
            "x\n 0: 0100007F:1F90 a b c d e f g h",
        ] {
            assert_eq!(inode(damaged, "127.0.0.1:8080".parse().unwrap()), None);
        }
    }

    #[test]
    fn control_groups_name_units_and_containers() {
        let id = "4f3c".repeat(16);
        for (cgroup, expected) in [
            (
                "0::/system.slice/unbound.service\n".to_owned(),
                Some("unbound.service"),
            ),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox-1.scope\n"
                    .to_owned(),
                Some("app-firefox-1.scope"),
            ),
            (
                format!("0::/system.slice/docker-{id}.scope\n"),
                Some("docker 4f3c4f3c4f3c"),
            ),
            (
                format!("12:pids:/docker/{id}\n0::/\n"),
                Some("container 4f3c4f3c4f3c"),
            ),
            ("0::/\n".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(unit(&cgroup).as_deref(), expected, "{cgroup}");
        }
    }

    #[test]
    fn descent_goes_over_parents() {
        assert!(descends(std::process::id(), std::process::id()));
        let parent = parent(&read(std::process::id(), "status").unwrap()).unwrap();
        assert!(descends(std::process::id(), parent));
        assert!(!descends(parent, std::process::id()));
    }
}
