//! This program once more, as a process with one task and fewer rights, over a line to the first.

use std::ffi::{OsStr, OsString};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

use super::{looking, whole};
use crate::capture::fence::User;

/// What it says when it is ready.
const READY: u8 = b'+';
/// Starting takes no longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts it, before rights are given up. It becomes `user`, and ends when the line is closed.
pub(super) fn start(
    task: &str,
    arguments: &[OsString],
    user: Option<User>,
) -> anyhow::Result<UnixStream> {
    let (mut here, there) = UnixStream::pair()?;
    let number = |number: Option<u32>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    Command::new(own()?)
        .arg(task)
        .arg(number(user.map(|user| user.uid)))
        .arg(number(user.map(|user| user.gid)))
        .args(arguments)
        .env_clear()
        // Ctrl-C is for the one that reports.
        .process_group(0)
        .stdin(OwnedFd::from(there))
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start a second process")?;
    here.set_read_timeout(Some(PATIENCE))?;
    let mut said = [0];
    here.read_exact(&mut said)
        .context("the second process does not answer")?;
    anyhow::ensure!(said == [READY], "the second process answers oddly");
    Ok(here)
}

/// Says that the fence is up and questions are answered now.
pub(super) fn is_ready(mut line: &UnixStream) -> std::io::Result<()> {
    line.write_all(&[READY])
}

/// Carries out the task that this process was started for, if it was.
pub(in crate::cli) fn wanted() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let task = match arguments.next().as_deref().and_then(OsStr::to_str) {
        Some(looking::TASK) => looking::carry_out,
        Some(whole::TASK) => whole::carry_out,
        _ => return None,
    };
    let mut number = || arguments.next()?.to_str()?.parse().ok();
    let (uid, gid) = (number(), number());
    let user = uid.zip(gid).map(|(uid, gid)| User { uid, gid });
    let done = line().and_then(|line| task(&line, user, arguments));
    Some(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("whylencr: {error:#}");
            ExitCode::FAILURE
        }
    })
}

fn line() -> anyhow::Result<UnixStream> {
    // Who ends the first process waits for its last words, which this one is needed for.
    for signal in [SIGHUP, SIGINT, SIGTERM, SIGUSR1] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(UnixStream::from(
        std::io::stdin().as_fd().try_clone_to_owned()?,
    ))
}

/// The program that runs, also where its file has been replaced since.
fn own() -> std::io::Result<std::path::PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok("/proc/self/exe".into());
    }
    std::env::current_exe()
}
