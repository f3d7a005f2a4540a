//! The process that looks into the processes of others: this program again, with no other task. It keeps the two rights
//! that this takes and is given nothing but addresses; whoever reads frames has neither.

use std::ffi::{OsStr, OsString};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use crate::capture::fence::{Fence, Layers, User};
use crate::capture::sockets::{Looker, serve};

/// The first argument that makes this program look; no person gives it.
const NAME: &str = "--look-into-processes";
/// What it says when it is ready.
const READY: u8 = b'+';
/// Looking at one socket takes at most half a second; who takes longer answers no more.
const PATIENCE: Duration = Duration::from_secs(3);

/// Starts it, before rights are given up. It becomes `user`, and ends when the line is closed.
pub(super) fn start(root: Option<u32>, user: Option<User>) -> anyhow::Result<UnixStream> {
    let (mut here, there) = UnixStream::pair()?;
    let number = |number: Option<u32>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    Command::new(own()?)
        .arg(NAME)
        .arg(number(root))
        .arg(number(user.map(|user| user.uid)))
        .arg(number(user.map(|user| user.gid)))
        .env_clear()
        .current_dir("/")
        // Ctrl-C is for the one that reports.
        .process_group(0)
        .stdin(OwnedFd::from(there))
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start the process that looks")?;
    here.set_read_timeout(Some(PATIENCE))?;
    let mut said = [0];
    here.read_exact(&mut said)
        .context("the process that looks does not answer")?;
    anyhow::ensure!(said == [READY], "the process that looks answers oddly");
    Ok(here)
}

/// Looks, if that is what this process was started for.
pub(in crate::cli) fn wanted() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(NAME)) {
        return None;
    }
    Some(match look(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("whylencr: {error:#}");
            ExitCode::FAILURE
        }
    })
}

fn look(arguments: impl Iterator<Item = OsString>) -> anyhow::Result<()> {
    let mut numbers = arguments.map(|number| number.to_str()?.parse().ok());
    let root = numbers.next().flatten();
    let (uid, gid) = (numbers.next().flatten(), numbers.next().flatten());
    let line = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let looker = Looker::new(root);
    fence(uid.zip(gid).map(|(uid, gid)| User { uid, gid })).up()?;
    (&line).write_all(&[READY])?;
    serve(&line, looker);
    Ok(())
}

/// The fence of that process.
pub(in crate::cli) fn fence(user: Option<User>) -> Fence {
    Fence {
        user,
        layers: Layers::Looking,
        ..Fence::default()
    }
}

/// The program that runs, also where its file has been replaced since.
fn own() -> std::io::Result<std::path::PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok("/proc/self/exe".into());
    }
    std::env::current_exe()
}
