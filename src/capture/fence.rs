//! Rights given up once devices are open and before frames are read: what they bring is anybody's.

use std::io;

/// Gives up the right to capture and all others, in this thread and those it starts; no program started
/// later gets any back. Root keeps its rights unless `strict`: without them it could not look into the
/// processes of others, which the system allows only to whoever has at least their rights.
///
/// # Errors
///
/// When the system refuses.
#[cfg(target_os = "linux")]
pub fn give_up(strict: bool) -> io::Result<()> {
    use caps::CapSet;

    nix::sys::prctl::set_no_new_privs()?;
    if nix::unistd::geteuid().is_root() && !strict {
        return Ok(());
    }
    // What is effective must be permitted, so that goes first.
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
        caps::clear(None, set).map_err(|error| io::Error::other(error.to_string()))?;
    }
    Ok(())
}

/// Other systems give the right to capture by files of devices, which are open by now.
///
/// # Errors
///
/// None.
#[cfg(not(target_os = "linux"))]
pub fn give_up(_strict: bool) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use caps::{CapSet, Capability};

    #[test]
    fn rights_are_gone_afterwards() {
        // Rights belong to threads, so the other tests keep theirs.
        let thread = std::thread::spawn(|| {
            super::give_up(true).unwrap();
            assert!(caps::read(None, CapSet::Permitted).unwrap().is_empty());
            assert!(!caps::has_cap(None, CapSet::Effective, Capability::CAP_NET_RAW).unwrap());
            assert!(nix::sys::prctl::get_no_new_privs().unwrap());
        });
        thread.join().unwrap();
    }
}
