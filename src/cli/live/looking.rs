//! The process that looks into the processes of others. It keeps the two rights that this takes and is given
//! nothing but addresses; whoever reads frames has neither.

use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::second;
use crate::capture::fence::{Fence, Layers, User};
use crate::capture::sockets::{Looker, serve};

/// The first argument that makes this program look; no person gives it.
pub(super) const TASK: &str = "--look-into-processes";
/// Looking at one socket takes at most half a second; who takes longer answers no more.
const PATIENCE: Duration = Duration::from_secs(3);

/// Starts it. It tells who descends from `root`.
pub(super) fn start(root: Option<u32>, user: Option<User>) -> anyhow::Result<UnixStream> {
    let root = root.map(|root| root.to_string().into());
    let line = second::start(TASK, root.as_slice(), user)?;
    line.set_read_timeout(Some(PATIENCE))?;
    Ok(line)
}

pub(super) fn carry_out(
    line: &UnixStream,
    user: Option<User>,
    mut arguments: impl Iterator<Item = OsString>,
) -> anyhow::Result<()> {
    let root = arguments.next();
    let root = root.and_then(|root| root.to_str()?.parse().ok());
    let looker = Looker::new(root);
    fence(user).up()?;
    second::is_ready(line)?;
    serve(line, looker);
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
