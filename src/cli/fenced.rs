//! Which fence fits the arguments: what must stay possible, and for whom.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Args;
use crate::capture::fence::{Fence, Layers, User};

/// What reading captures may look at besides its inputs: processes, and the zone of this machine.
const ALWAYS: [&str; 4] = [
    "/proc",
    "/etc/passwd",
    "/etc/localtime",
    "/usr/share/zoneinfo",
];

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
    anyhow::ensure!(
        !args.live.sandbox_strict || args.live.run.is_empty(),
        "--sandbox-strict hides processes, so that the traffic of a program cannot be told from that of others"
    );
    up(&Fence {
        user,
        strict: args.live.sandbox_strict,
        layers: Layers::Rights,
        ..Fence::default()
    })
}

/// The fence of the thread that looks into processes. With `--sandbox-strict` it finds nothing.
pub(super) fn looker(args: &Args) {
    let strict = args.live.sandbox_strict;
    let fence = Fence {
        strict,
        layers: if strict { Layers::All } else { Layers::Calls },
        ..Fence::default()
    };
    if let Err(error) = up(&fence) {
        eprintln!("whylencr: {error:#}");
    }
}

/// The whole fence, after everything was opened.
pub(super) fn whole(args: &Args) -> anyhow::Result<()> {
    let mut fence = Fence {
        strict: args.live.sandbox_strict,
        ..Fence::default()
    };
    fence.read = ALWAYS.into_iter().map(PathBuf::from).collect();
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
            eprintln!("whylencr: rights could not be given up: {error}");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
