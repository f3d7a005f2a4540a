//! The layers of Linux, in the order in which each still has the rights to put up the next.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::PathBuf;

use caps::{CapSet, Capability};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath,
    PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus,
};
use nix::libc;
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::{Fence, Held, Layers, User};

/// What looking into the processes of others takes: /proc/PID/fd is readable to its owner alone
/// (proc_pid_fd(5)), and its links to whoever might trace the process.
const LOOKING: [Capability; 2] = [Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH];
/// The newest rights that are known here. Older kernels hold what they know of them.
const KNOWN: ABI = ABI::V5;

pub(super) fn up(fence: &Fence) -> io::Result<Held> {
    prctl::set_no_new_privs()?;
    let kept = capabilities(fence)?;
    let mut held = Held {
        no_new_privs: true,
        capabilities: kept.iter().map(ToString::to_string).collect(),
        ..Held::default()
    };
    if fence.layers == Layers::All {
        held.landlock = files(fence).map_err(io::Error::other)?;
        if fence.strict && held.landlock.is_none() {
            return Err(io::Error::other("this kernel has no Landlock"));
        }
    }
    if fence.layers != Layers::Rights {
        held.seccomp = match calls() {
            Err(error) if fence.strict => return Err(error),
            result => result.is_ok(),
        };
    }
    Ok(held)
}

/// Changes the user and gives capabilities up; those that stay are told.
fn capabilities(fence: &Fence) -> io::Result<Vec<Capability>> {
    let failed = |error: caps::errors::CapsError| io::Error::other(error.to_string());
    let had = caps::read(None, CapSet::Permitted).map_err(failed)?;
    let kept: Vec<Capability> = LOOKING
        .into_iter()
        .filter(|right| !fence.strict && had.contains(right))
        .collect();
    if let Some(user) = fence.user
        && geteuid().is_root()
    {
        become_user(user)?;
    }
    let set: HashSet<Capability> = kept.iter().copied().collect();
    let none = HashSet::new();
    // What is effective must be permitted, so the effective ones go first; and what is kept comes back
    // with them, since a change of user takes them away.
    for (place, rights) in [
        (CapSet::Inheritable, &none),
        (CapSet::Effective, &set),
        (CapSet::Permitted, &set),
    ] {
        caps::set(None, place, rights).map_err(failed)?;
    }
    Ok(kept)
}

/// For all threads, and with no way back: the saved user changes as well.
fn become_user(user: User) -> io::Result<()> {
    prctl::set_keepcaps(true)?;
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    setgroups(&[gid])?;
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)?;
    prctl::set_keepcaps(false)?;
    Ok(())
}

/// Landlock. Paths that are not there need no rule.
fn files(fence: &Fence) -> Result<Option<&'static str>, landlock::RulesetError> {
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    let writing = reading
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::RemoveFile;
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .create()?
        .add_rules(rules(&fence.read, reading))?
        .add_rules(rules(&fence.write, writing))?
        .add_rules(rules(
            &fence.remove,
            AccessFs::RemoveDir | AccessFs::RemoveFile,
        ))?;
    Ok(match ruleset.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => Some("all of it"),
        RulesetStatus::PartiallyEnforced => Some("in part"),
        RulesetStatus::NotEnforced => None,
    })
}

fn rules(
    paths: &[PathBuf],
    access: BitFlags<AccessFs>,
) -> impl Iterator<Item = Result<PathBeneath<PathFd>, landlock::RulesetError>> {
    paths.iter().filter_map(move |path| {
        let opened = PathFd::new(path).ok()?;
        // What is no folder cannot have the rights of one.
        let access = if path.is_dir() {
            access
        } else {
            access & AccessFs::from_file(KNOWN)
        };
        Some(Ok(PathBeneath::new(opened, access)))
    })
}

/// Calls that reading captures never makes. A list of what is forbidden, since the libraries below this
/// program may begin to use a harmless new one at any time; refused with an error, never by killing.
const FORBIDDEN: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_connect,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_reboot,
    libc::SYS_swapon,
    // Its queues carry calls that no filter sees.
    libc::SYS_io_uring_setup,
];

fn calls() -> io::Result<()> {
    let failed = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        FORBIDDEN.iter().map(|&call| (call, Vec::new())).collect();
    // Addresses of this machine are asked over netlink (rtnetlink(7)).
    let elsewhere = SeccompCondition::new(
        0,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::Ne,
        u64::from(libc::AF_NETLINK.unsigned_abs()),
    )
    .and_then(|other| SeccompRule::new(vec![other]))
    .map_err(|error| failed(&error))?;
    rules.insert(libc::SYS_socket, vec![elsewhere]);
    let arch = std::env::consts::ARCH
        .try_into()
        .map_err(|_| io::Error::other("no filter of system calls for this processor"))?;
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)
        .map_err(|error| failed(&error))?;
    let program = BpfProgram::try_from(filter).map_err(|error| failed(&error))?;
    seccompiler::apply_filter(&program).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::process::Command;

    use super::*;

    #[test]
    fn behind_a_strict_fence_nothing_works_but_what_was_named() {
        let inputs = tempfile::tempdir().unwrap();
        let outputs = tempfile::tempdir().unwrap();
        fs::write(inputs.path().join("capture"), "frames").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fence = Fence {
            read: vec![inputs.path().join("capture")],
            write: vec![outputs.path().to_owned()],
            strict: true,
            ..Fence::default()
        };
        // Fences belong to threads, so the other tests keep their rights.
        let behind = std::thread::spawn(move || {
            let held = fence.up().unwrap();
            assert_eq!((held.no_new_privs, held.seccomp), (true, true));
            assert_eq!(held.capabilities, Vec::<String>::new());
            assert!(held.landlock.is_some());

            assert!(caps::read(None, CapSet::Permitted).unwrap().is_empty());
            assert!(caps::read(None, CapSet::Effective).unwrap().is_empty());
            assert!(prctl::get_no_new_privs().unwrap());

            let denied = |error: io::Error| assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            denied(File::open("/etc/passwd").unwrap_err());
            denied(fs::read_dir("/").unwrap_err());
            denied(File::create(inputs.path().join("new")).unwrap_err());
            denied(
                File::options()
                    .append(true)
                    .open(inputs.path().join("capture"))
                    .unwrap_err(),
            );
            denied(Command::new("/bin/true").spawn().unwrap_err());
            denied(TcpStream::connect(listener.local_addr().unwrap()).unwrap_err());
            denied(TcpListener::bind("127.0.0.1:0").unwrap_err());
            denied(UdpSocket::bind("127.0.0.1:0").unwrap_err());

            assert_eq!(
                fs::read_to_string(inputs.path().join("capture")).unwrap(),
                "frames"
            );
            let (first, second) = (outputs.path().join("a"), outputs.path().join("b"));
            fs::write(&first, "report").unwrap();
            fs::rename(&first, &second).unwrap();
            fs::remove_file(&second).unwrap();
            assert!(nix::ifaddrs::getifaddrs().unwrap().next().is_some());
        });
        behind.join().unwrap();
    }
}
