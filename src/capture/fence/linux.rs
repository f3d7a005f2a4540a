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
    let filtered = match fence.layers {
        Layers::Rights => return Ok(held),
        Layers::All => filter(refused()?, SeccompAction::Allow, REFUSE),
        Layers::Looking => filter(allowed()?, REFUSE, SeccompAction::Allow),
    };
    held.seccomp = match filtered {
        Err(error) if fence.strict => return Err(error),
        result => result.is_ok(),
    };
    Ok(held)
}

/// Changes the user and gives capabilities up; those that stay are told.
fn capabilities(fence: &Fence) -> io::Result<Vec<Capability>> {
    let failed = |error: caps::errors::CapsError| io::Error::other(error.to_string());
    let had = caps::read(None, CapSet::Permitted).map_err(failed)?;
    let kept: Vec<Capability> = LOOKING
        .into_iter()
        .filter(|right| fence.layers == Layers::Looking && had.contains(right))
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

/// Calls that looking into processes makes, besides opening files for reading; all others are refused.
const LOOKING_CALLS: &[i64] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_ppoll,
    // To whoever asks, and what a panic says.
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_sched_yield,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

const REFUSE: SeccompAction = SeccompAction::Errno(libc::EPERM.unsigned_abs());

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// A rule about one argument of a call.
fn when(argument: u8, is: SeccompCmpOp, value: i32) -> io::Result<Vec<SeccompRule>> {
    let value = u64::from(value.unsigned_abs());
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map(|rule| vec![rule])
        .map_err(io::Error::other)
}

/// What is refused to whoever reads frames.
fn refused() -> io::Result<Rules> {
    let mut rules: Rules = FORBIDDEN.iter().map(|&call| (call, Vec::new())).collect();
    // Addresses of this machine are asked over netlink (rtnetlink(7)).
    rules.insert(
        libc::SYS_socket,
        when(0, SeccompCmpOp::Ne, libc::AF_NETLINK)?,
    );
    Ok(rules)
}

/// What whoever looks into processes may do.
fn allowed() -> io::Result<Rules> {
    let mut rules: Rules = LOOKING_CALLS
        .iter()
        .map(|&call| (call, Vec::new()))
        .collect();
    let writing = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND;
    let reading = SeccompCmpOp::MaskedEq(u64::from(writing.unsigned_abs()));
    rules.insert(libc::SYS_openat, when(2, reading.clone(), 0)?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, when(1, reading, 0)?);
    Ok(rules)
}

fn filter(rules: Rules, others: SeccompAction, these: SeccompAction) -> io::Result<()> {
    let arch = std::env::consts::ARCH
        .try_into()
        .map_err(|_| io::Error::other("no filter of system calls for this processor"))?;
    let filter = SeccompFilter::new(rules, others, these, arch).map_err(io::Error::other)?;
    let program = BpfProgram::try_from(filter).map_err(io::Error::other)?;
    seccompiler::apply_filter(&program).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::process::Command;

    use super::*;
    use crate::capture::sockets::{Kind, Looker};

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

    #[test]
    fn whoever_looks_can_do_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "text").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let fence = Fence {
            layers: Layers::Looking,
            strict: true,
            ..Fence::default()
        };
        let behind = std::thread::spawn(move || {
            let mut looker = Looker::new(None);
            let held = fence.up().unwrap();
            assert_eq!((held.no_new_privs, held.seccomp), (true, true));
            let looking = LOOKING.map(|right| right.to_string());
            assert!(held.capabilities.iter().all(|c| looking.contains(c)));

            let denied = |error: io::Error| assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            denied(File::create(folder.path().join("new")).unwrap_err());
            denied(File::options().append(true).open(&file).unwrap_err());
            denied(fs::remove_file(&file).unwrap_err());
            denied(fs::rename(&file, folder.path().join("new")).unwrap_err());
            denied(Command::new("/bin/true").spawn().unwrap_err());
            denied(TcpStream::connect(local).unwrap_err());
            denied(UdpSocket::bind("127.0.0.1:0").unwrap_err());
            denied(nix::ifaddrs::getifaddrs().err().unwrap().into());
            let kill = nix::sys::signal::kill(nix::unistd::getpid(), None);
            denied(kill.unwrap_err().into());

            let found = looker.owner(Kind::Stream, local);
            assert_eq!(found.unwrap().0.pid, Some(std::process::id()));
        });
        behind.join().unwrap();
    }
}
