//! Rights given up once devices, inputs and outputs are open, and before frames are read: what they bring is
//! anybody's.
//!
//! | layer | what it takes away |
//! |---|---|
//! | no new privileges (prctl(2)) | getting rights back by running programs that have some |
//! | user | being root, when root runs it for somebody else |
//! | capabilities (capabilities(7)) | all; but who looks into processes keeps what that takes |
//! | Landlock (landlock(7)) | files that were not named, running programs, TCP |
//! | seccomp(2) | running programs, every socket but those that ask the kernel for addresses, tracing, mounting |
//!
//! Who looks into the processes of others ([`Layers::Looking`]) cannot be behind Landlock, which forbids just
//! that, and has instead a short list of the calls that it may make: it cannot write a file or open a socket.
//!
//! Fences belong to threads: they hold for the thread that puts them up and for those that it starts afterwards.

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "other.rs"]
mod system;

use std::fmt;
use std::io;
use std::path::PathBuf;

/// What stays possible behind a fence.
#[derive(Clone, Debug, Default)]
pub struct Fence {
    /// Files and folders that may still be opened for reading.
    pub read: Vec<PathBuf>,
    /// Folders in which files may still be made, written, renamed and removed.
    pub write: Vec<PathBuf>,
    /// Folders from which empty folders and files may be removed.
    pub remove: Vec<PathBuf>,
    /// What is put up.
    pub layers: Layers,
    /// The user to become.
    pub user: Option<User>,
    /// Fail where a layer does not hold.
    pub strict: bool,
}

/// Which layers a thread needs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Layers {
    /// All: whoever reads frames.
    #[default]
    All,
    /// For whoever looks into processes: keeps the rights for that, and can do nothing else.
    Looking,
    /// Rights alone: whoever opens files on behalf of people.
    Rights,
}

/// A user, as the system numbers it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// Its main group.
    pub gid: u32,
}

/// What a fence came to on this system.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Held {
    /// No program that is run gets rights that this one has not.
    pub no_new_privs: bool,
    /// Capabilities that were kept.
    pub capabilities: Vec<String>,
    /// How Landlock holds: `all of it`, `in part` (an older kernel), or `None`.
    pub landlock: Option<&'static str>,
    /// Whether system calls are filtered.
    pub seccomp: bool,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capabilities = if self.capabilities.is_empty() {
            "none".to_owned()
        } else {
            self.capabilities.join(", ")
        };
        write!(
            f,
            "no new privileges: {}; capabilities kept: {capabilities}; Landlock: {}; seccomp: {}",
            if self.no_new_privs { "yes" } else { "no" },
            self.landlock.unwrap_or("no"),
            if self.seccomp { "yes" } else { "no" },
        )
    }
}

impl Fence {
    /// Puts the fence up.
    ///
    /// # Errors
    ///
    /// When the user cannot be changed or rights not be given up; with `strict` also when a layer does not hold.
    pub fn up(&self) -> io::Result<Held> {
        system::up(self)
    }
}
