//! `whylencr -- CMD`: a program that runs while its traffic is captured.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::Context as _;
use nix::unistd::Uid;

use super::core::now;
use crate::capture::fence::User;
use crate::cli::redact;
use crate::time::Timestamp;

/// A program under capture. Its key log is removed at the end.
pub(super) struct Child {
    name: String,
    child: process::Child,
    began: Timestamp,
    ended: bool,
    folder: PathBuf,
    key_log: PathBuf,
}

impl Child {
    /// Starts it, as `user` where one is given, with a key log of its own.
    pub(super) fn start(command: &[OsString], user: Option<User>) -> anyhow::Result<Self> {
        let [program, arguments @ ..] = command else {
            anyhow::bail!("no program after --");
        };
        // What it starts and leaves behind stays below this process, and so can be told from others.
        #[cfg(target_os = "linux")]
        nix::sys::prctl::set_child_subreaper(true).context("cannot adopt processes")?;
        let folder = folder()?;
        let key_log = folder.join("keys");
        let made = key_log_for(&key_log, &folder, user);
        let mut run = Command::new(program);
        run.args(arguments)
            .env("SSLKEYLOGFILE", &key_log)
            // Some builds of NSS want to be asked twice.
            .env("NSS_ALLOW_SSLKEYLOGFILE", "1")
            .env("NODE_OPTIONS", node_options(&key_log));
        if let Some(user) = user {
            become_user(&mut run, user);
        }
        let name = program.to_string_lossy().into_owned();
        let began = now();
        let started = made.and_then(|()| {
            let failed = || format!("cannot run {name}");
            run.spawn().with_context(failed)
        });
        match started {
            Ok(child) => Ok(Self {
                name,
                child,
                began,
                ended: false,
                folder,
                key_log,
            }),
            Err(error) => {
                let _ = fs::remove_dir_all(&folder);
                Err(error)
            }
        }
    }

    /// Where it writes its TLS secrets, if it does.
    pub(super) fn key_log(&self) -> &Path {
        &self.key_log
    }

    /// What was captured before belongs to others.
    pub(super) fn began(&self) -> Timestamp {
        self.began
    }

    /// Told once when it has ended: what to say of it, if anything.
    pub(super) fn has_ended(&mut self) -> Option<Option<String>> {
        if self.ended {
            return None;
        }
        let status = self.child.try_wait().ok().flatten()?;
        self.ended = true;
        let failed = !status.success();
        Some(failed.then(|| format!("{} ended with {status}", self.name)))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.key_log);
        let _ = fs::remove_dir(&self.folder);
    }
}

/// A new folder that nobody else can look into.
fn folder() -> anyhow::Result<PathBuf> {
    let [a, b, c, d, e, f, ..] = redact::fresh()?;
    let name = format!("whylencr-{a:02x}{b:02x}{c:02x}{d:02x}{e:02x}{f:02x}");
    let folder = std::env::temp_dir().join(name);
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn key_log_for(file: &Path, folder: &Path, user: Option<User>) -> anyhow::Result<()> {
    let failed = || format!("cannot make {}", file.display());
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .with_context(failed)?;
    if let Some(user) = user {
        for path in [file, folder] {
            chown(path, Some(user.uid), Some(user.gid)).with_context(failed)?;
        }
    }
    Ok(())
}

/// Node reads no SSLKEYLOGFILE, and takes the same as an option.
fn node_options(key_log: &Path) -> OsString {
    let mut options = std::env::var_os("NODE_OPTIONS").unwrap_or_default();
    if !options.is_empty() {
        options.push(" ");
    }
    options.push("--tls-keylog=");
    options.push(key_log);
    options
}

fn become_user(run: &mut Command, user: User) {
    run.uid(user.uid).gid(user.gid);
    if let Ok(Some(known)) = nix::unistd::User::from_uid(Uid::from_raw(user.uid)) {
        run.env("HOME", &known.dir)
            .env("USER", &known.name)
            .env("LOGNAME", &known.name);
    }
}
