//! Live interfaces to a report, or to findings as they settle.

pub(super) mod args;
mod child;
mod core;
mod headless;
mod keep;
pub(super) mod looking;
mod metrics;
mod numbers;
pub(super) mod second;
mod signals;
mod stream;
mod tree;
pub(super) mod whole;

use std::fmt::Write as _;
use std::io::Write;

use anyhow::Context as _;

use self::child::Child;
use self::core::Core;
use self::headless::Capturing;
use self::keep::Keep;
use self::signals::Signals;
use crate::capture::bpf::{Bpf, Hidden};
use crate::capture::fence::User;
use crate::capture::live::{self, Live};
use crate::capture::sockets::Sockets;
use crate::engine::Engine;
use crate::report::{Interface, Options};
use crate::wire::link_name;

use super::growing::KeyLogs;
#[cfg(feature = "tui")]
use super::interactive;
use super::{Args, Exit, fenced, inputs, offline, output, say};

/// Does what was asked of live capture, if anything was.
pub(super) fn wanted(args: &Args) -> anyhow::Result<Option<Exit>> {
    if args.live.list_interfaces {
        let mut out = output::open(None)?;
        let exit = list(&mut out)?;
        out.flush()?;
        return Ok(Some(exit));
    }
    if args.live.interface.is_empty() && args.live.run.is_empty() {
        anyhow::ensure!(
            args.live.time_limit.is_none(),
            "--for needs an interface to capture from (-i)"
        );
        return Ok(None);
    }
    run(args).map(Some)
}

/// Captures, analyses, reports.
fn run(args: &Args) -> anyhow::Result<Exit> {
    let commanded = !args.live.run.is_empty();
    #[cfg(feature = "tui")]
    let screen =
        !args.live.quiet && !commanded && args.write.is_none() && interactive::wanted(args)?;
    #[cfg(not(feature = "tui"))]
    let screen = false;
    anyhow::ensure!(
        !args.live.sandbox_strict || !commanded,
        "--sandbox-strict hides processes, so that the traffic of a program cannot be told from that of others"
    );
    let user = fenced::user(args)?;
    let live = match open(args, screen || commanded)? {
        Ok(live) => live,
        Err(exit) => return Ok(exit),
    };
    let options = options(args, &live);
    if !args.live.quiet && !screen {
        begin(&live, commanded);
    }
    // Whatever is opened or read by name comes before the fence.
    let mut engine = Engine::new(inputs::config(args)?);
    let mut keys = KeyLogs::open(&args.keylog)?;
    let keep = Keep::open(args, &live, user)?;
    let child = match commanded {
        // Before rights are given up: the program gets those of whoever started this one.
        true => Some(Child::start(&args.live.run, user)?),
        false => None,
    };
    if let Some(child) = &child {
        keys.add(child.key_log())?;
    }
    if keys.any() {
        engine.expect_secrets();
    }
    // The UI opens what it writes when it is told to.
    let capturing = (!screen)
        .then(|| Capturing::prepare(args, options.clone(), user))
        .transpose()?;
    let sockets = sockets(args, child.is_some().then(std::process::id), user);
    fenced::rights(args, user)?;
    let make =
        move |args: &Args| Core::new(args, live.start(QUEUE), engine, sockets, keys, keep, child);
    #[cfg(feature = "tui")]
    if screen {
        // The thread that draws writes reports where people tell it to; the one that reads may not.
        let args_there = args.clone();
        return interactive::show(args, options, move |feed, stop| {
            fenced::whole(&args_there)?;
            make(&args_there).feed(feed, stop)
        });
    }
    let Some(capturing) = capturing else {
        anyhow::bail!("there is nowhere to report to");
    };
    let signals = Signals::listen()?;
    fenced::whole(args)?;
    // Its thread is to be behind the fence, too.
    let stop = offline::on_interrupt()?;
    capturing.run(make(args), &stop, &signals)
}

/// Who looks into processes, which with `--sandbox-strict` nobody does.
fn sockets(args: &Args, root: Option<u32>, user: Option<User>) -> Sockets {
    if args.live.sandbox_strict {
        return Sockets::default();
    }
    let line = looking::start(root, user);
    if let Err(error) = &line {
        say::warning(format_args!("processes stay without a name: {error:#}"));
    }
    Sockets::ask(line.ok(), root)
}

/// Analysis may fall behind by so many bytes before frames are dropped.
const QUEUE: usize = 64 << 20;

/// What a report says of its origin.
fn options(args: &Args, live: &Live) -> Options {
    let mut options = output::options(args);
    let names: Vec<_> = live.interfaces().map(|(name, _)| name.to_owned()).collect();
    options.sources = vec![format!("live on {}", names.join(", "))];
    options.interfaces = names
        .into_iter()
        .map(|name| Interface {
            file: None,
            name: Some(name),
        })
        .collect();
    options
}

fn begin(live: &Live, commanded: bool) {
    let names: Vec<String> = live
        .interfaces()
        .map(|(name, link)| format!("{name} ({})", link_name(link)))
        .collect();
    let end = if commanded {
        "the end of the program"
    } else {
        "Ctrl-C"
    };
    say::info(format_args!(
        "capturing on {}; {end} ends it and reports",
        names.join(", ")
    ));
}

/// Opens the devices; the exit code where that is not permitted.
pub(super) fn open(args: &Args, immediate: bool) -> anyhow::Result<Result<Live, Exit>> {
    // Read here for its warnings; each device compiles its own.
    bpf(args)?;
    let options = live::Options {
        devices: if args.live.interface.is_empty() {
            vec![live::ANY.to_owned()]
        } else {
            args.live.interface.clone()
        },
        filter: args.live.bpf.clone(),
        promiscuous: args.live.promiscuous,
        snaplen: args.live.snaplen,
        buffer: args.live.buffer_size << 20,
        immediate,
        clock: args.live.time_stamp_type.into(),
    };
    match live::open(&options) {
        Ok(live) => {
            for name in live.clocks_refused() {
                say::warning(format_args!(
                    "{name} does not stamp frames by its own clock: they have the host's time"
                ));
            }
            Ok(Ok(live))
        }
        Err(error @ live::Error::Permission { .. }) => {
            say::error(format_args!("{error}\n{}", permission()));
            Ok(Err(Exit::NoPermission))
        }
        Err(error) => Err(error.into()),
    }
}

/// The capture filter; says what it makes impossible.
pub(super) fn bpf(args: &Args) -> anyhow::Result<Option<Bpf>> {
    let Some(text) = &args.live.bpf else {
        return Ok(None);
    };
    let mut bpf = Bpf::new(text)?;
    for hidden in bpf.hides() {
        let what = match hidden {
            Hidden::Handshakes => {
                "keeps out TLS on port 443: the handshakes that cause contacts will not be seen"
            }
            Hidden::Quic => "keeps out QUIC (UDP port 443): handshakes for HTTP/3 will not be seen",
            Hidden::Lookups => {
                "keeps out DNS: sites whose handshakes do not tell their name stay without one"
            }
            Hidden::Contacts => "keeps out HTTP on port 80, where the contacts themselves are",
        };
        say::warning(format_args!("the filter '{}' {what}", bpf.text()));
    }
    Ok(Some(bpf))
}

/// How to get permission.
fn permission() -> String {
    let own = std::env::current_exe();
    let path = own.map_or_else(|_| "whylencr".into(), |path| path.display().to_string());
    if cfg!(target_os = "linux") {
        let path = if path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/._-+".contains(&b))
        {
            path
        } else {
            format!("'{}'", path.replace('\'', r"'\''"))
        };
        format!(
            "allow it once with: sudo setcap cap_net_raw,cap_net_admin=eip {path}\nor run it with sudo"
        )
    } else if cfg!(target_os = "macos") {
        "run it with sudo, or install ChmodBPF (it comes with Wireshark)".to_owned()
    } else {
        "run it as administrator".to_owned()
    }
}

/// Lists devices.
pub(super) fn list(out: &mut dyn Write) -> anyhow::Result<Exit> {
    let devices = live::devices()
        .map_err(anyhow::Error::msg)
        .context("cannot list interfaces")?;
    let mut text = String::new();
    let width = devices.iter().map(|d| d.name.chars().count()).max();
    for device in &devices {
        let addresses: Vec<String> = device.addresses.iter().map(ToString::to_string).collect();
        let mut notes = vec![device.state.clone()];
        notes.extend(addresses);
        notes.extend(device.description.clone());
        // Names and descriptions are the system's, but whoever plugs in a device names it.
        let line = format!(
            "{:width$}  {}",
            device.name,
            notes.join("  "),
            width = width.unwrap_or(0)
        );
        writeln!(text, "{}", line.replace(char::is_control, "?"))?;
    }
    if devices.is_empty() {
        text = format!("no interface can be captured from\n{}\n", permission());
    }
    out.write_all(text.as_bytes())?;
    Ok(Exit::Done)
}
