//! Which fence fits the arguments: what must stay possible, and for whom.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{Args, say};
use crate::capture::fence::{Fence, Layers, User};

/// What reading captures may look at besides its inputs: what memory it takes, and the zone of this machine.
const ALWAYS: [&str; 3] = ["/proc/self", "/etc/localtime", "/usr/share/zoneinfo"];

/// The user to become: the one that was named, or on whose behalf root was asked.
pub(super) fn user(args: &Args) -> anyhow::Result<Option<User>> {
    if !nix::unistd::geteuid().is_root() {
        anyhow::ensure!(
            args.live.user.is_none(),
            "only root can become another user (--user)"
        );
        return Ok(None);
    }
    if let Some(name) = &args.live.user {
        let found = match name.parse() {
            Ok(uid) => nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)),
            Err(_) => nix::unistd::User::from_name(name),
        };
        let found = found
            .ok()
            .flatten()
            .with_context(|| format!("there is no user {name}"))?;
        return Ok(Some(User {
            uid: found.uid.as_raw(),
            gid: found.gid.as_raw(),
        }));
    }
    let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    let uid = number("SUDO_UID").or_else(|| number("PKEXEC_UID"));
    Ok(uid.filter(|&uid| uid != 0).map(|uid| {
        let known = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid));
        let group = known.ok().flatten().map(|user| user.gid.as_raw());
        User {
            uid,
            gid: number("SUDO_GID").or(group).unwrap_or(uid),
        }
    }))
}

/// Gives up rights alone, for threads that open files on behalf of people.
pub(super) fn rights(args: &Args, user: Option<User>) -> anyhow::Result<()> {
    up(&Fence {
        user,
        strict: args.live.sandbox_strict,
        layers: Layers::Rights,
        ..Fence::default()
    })
}

/// The whole fence, after everything was opened.
pub(super) fn whole(args: &Args) -> anyhow::Result<()> {
    let mut fence = Fence {
        strict: args.live.sandbox_strict,
        ..Fence::default()
    };
    fence.read = ALWAYS.into_iter().map(PathBuf::from).collect();
    // libpcap reads there what the devices lost.
    for name in &args.live.interface {
        let counters = Path::new("/sys/class/net").join(name).join("statistics");
        fence.read.extend(counters.canonicalize());
    }
    // A followed file is begun anew by whoever writes it.
    let inputs = args.read.iter().chain(&args.captures);
    for path in inputs.chain(&args.keylog).chain(&args.redact_key) {
        fence.read.push(path.clone());
    }
    let outputs = [&args.output, &args.write, &args.live.metrics];
    for path in outputs.into_iter().flatten() {
        fence.write.push(folder_of(path));
    }
    if !args.live.run.is_empty() {
        // The key log is removed at the end, with its folder.
        fence.remove.push(std::env::temp_dir());
    }
    up(&fence)
}

fn up(fence: &Fence) -> anyhow::Result<()> {
    match fence.up() {
        Err(error) if fence.strict => Err(error).context("cannot give up rights"),
        Err(error) => {
            say::warning(format_args!("rights could not be given up: {error}"));
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// Where a file is or will be.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::{self, File};
    use std::io::ErrorKind;
    use std::net::TcpStream;
    use std::process::Command;

    use caps::CapSet;
    use clap::Parser as _;

    use super::*;

    #[test]
    fn whoever_reads_frames_can_do_no_more_than_write_its_outputs() {
        let outputs = tempfile::tempdir().expect("a folder");
        let elsewhere = tempfile::tempdir().expect("a folder");
        let report = outputs.path().join("findings.ndjson");
        let mut args = Args::parse_from(["whylencr", "-i", "lo"]);
        args.output = Some(report.clone());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = listener.local_addr().expect("an address");
        let behind = std::thread::spawn(move || {
            rights(&args, None).expect("rights can be given up");
            whole(&args).expect("the fence holds");
            for set in [CapSet::Permitted, CapSet::Effective, CapSet::Inheritable] {
                assert!(caps::read(None, set).expect("capabilities").is_empty());
            }
            let denied = |error: std::io::Error| {
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
            };
            for path in ["/etc/shadow", "/etc/hostname", "/proc/1/status", "/"] {
                denied(File::open(path).expect_err(path));
            }
            denied(File::create(elsewhere.path().join("new")).expect_err("a file elsewhere"));
            denied(Command::new("/bin/true").spawn().expect_err("a program"));
            denied(TcpStream::connect(server).expect_err("a connection"));
            fs::write(&report, "a line").expect("its output");
            assert!(File::open("/proc/self/statm").is_ok());
        });
        behind.join().expect("all of this holds");
    }
}
