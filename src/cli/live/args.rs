//! What can be said about live capture.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::capture::live;

/// Live capture.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Live capture")]
pub struct LiveArgs {
    /// Capture from an interface; repeatable; 'any' is all of them
    #[arg(short, long, value_name = "IFACE", conflicts_with_all = ["captures", "read", "recursive", "follow"])]
    pub interface: Vec<String>,

    /// Run a program with a key log of its own, capture its traffic alone, then explain what it caused (on every
    /// interface, unless -i)
    #[arg(last = true, value_name = "CMD", conflicts_with_all = ["captures", "read", "recursive", "follow"])]
    pub run: Vec<OsString>,

    /// List interfaces with addresses and state (also: whylencr interfaces)
    #[arg(short = 'D', long)]
    pub list_interfaces: bool,

    /// Capture filter in the language of tcpdump, for interfaces and files
    #[arg(short = 'f', long = "filter", id = "bpf", value_name = "BPF")]
    pub bpf: Option<String>,

    /// Ask interfaces for frames that are not for this host
    #[arg(long)]
    pub promiscuous: bool,

    /// Longest captured length of a frame in bytes
    #[arg(short, long, value_name = "BYTES", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub snaplen: u32,

    /// Capture buffer of the kernel in MiB, for each interface
    #[arg(short = 'B', long, value_name = "MIB", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub buffer_size: u32,

    /// Whose clock stamps frames, as with tcpdump: the host's, or the adapter's where that is offered
    #[arg(short = 'j', long, value_name = "CLOCK", value_enum, default_value_t)]
    pub time_stamp_type: Clock,

    /// Stop capturing after a time: 90, 90s, 10m, 2h, 1d
    #[arg(long = "for", id = "for", value_name = "TIME", value_parser = duration)]
    pub time_limit: Option<Duration>,

    /// Give up every right once capturing, and do not capture if that fails (processes of others stay unnamed)
    #[arg(long)]
    pub sandbox_strict: bool,

    /// Begin each line on standard error with its level, as systemd and syslog tools read it (<4> is a warning)
    #[arg(long)]
    pub log_levels: bool,

    /// The user to become once capturing (default: whoever asked for root by sudo or pkexec)
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,

    /// With -w: keep everything that is captured, not only what proves findings
    #[arg(long, requires = "write")]
    pub write_all: bool,

    /// With --write-all: begin another file after so many million bytes
    #[arg(short = 'C', value_name = "MB", requires = "write_all", value_parser = clap::value_parser!(u32).range(1..))]
    pub rotate_size: Option<u32>,

    /// With --write-all: begin another file after a time
    #[arg(short = 'G', value_name = "TIME", requires = "write_all", value_parser = duration)]
    pub rotate_time: Option<Duration>,

    /// With -C or -G: keep so many files, and remove the oldest
    #[arg(short = 'W', value_name = "N", requires = "write_all", value_parser = files)]
    pub rotate_files: Option<usize>,

    /// Counters in the text format of Prometheus, written into a file every ten seconds
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,

    /// Say nothing but errors and results
    #[arg(short, long)]
    pub quiet: bool,
}

/// How many files a ring has; one alone would be removed while it is written.
fn files(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count >= 2 => Ok(count),
        _ => Err("a number from 2".to_owned()),
    }
}

/// A length of time as people write it.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match text.get(digits.len()..) {
        Some("" | "s") => 1,
        Some("m" | "min") => 60,
        Some("h") => 3_600,
        Some("d") => 86_400,
        _ => 0,
    };
    match digits.parse::<u32>() {
        Ok(count) if count > 0 && seconds > 0 => {
            Ok(Duration::from_secs(u64::from(count) * seconds))
        }
        _ => Err("a number with s, m, h or d, such as 90s or 10m".to_owned()),
    }
}

/// Whose clock stamps frames, in the words of tcpdump.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Clock {
    /// The host's
    #[default]
    Host,
    /// The adapter's, kept to the host's time
    Adapter,
    /// The adapter's, whatever time it has
    #[value(name = "adapter_unsynced")]
    AdapterUnsynced,
}

impl From<Clock> for live::Clock {
    fn from(clock: Clock) -> Self {
        match clock {
            Clock::Host => Self::Host,
            Clock::Adapter => Self::Adapter,
            Clock::AdapterUnsynced => Self::AdapterUnsynced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("90", 90),
            ("90s", 90),
            ("10m", 600),
            ("10min", 600),
            ("2h", 7_200),
            ("1d", 86_400),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "0",
            "m",
            "10x",
            "-3s",
            "1.5h",
            "99999999999",
            "10 m",
            "h1",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
