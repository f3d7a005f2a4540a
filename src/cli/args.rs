//! What can be said on the command line. Help, man page and completions all come from here.

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};

use super::commands::Command;
#[cfg(feature = "live")]
use super::live::args::LiveArgs;
use crate::filter::Sort;
use crate::report::Format;
use crate::report::clock::TimeKind;
use crate::report::group::GroupBy;

const EXAMPLES: &str = "\
Examples:
  whylencr capture.pcapng                 explain a capture
  whylencr --format ndjson a.pcap b.pcap  one JSON record a contact, inputs merged by time
  whylencr --keylog keys.log capture.pcap look into TLS 1.3 and QUIC with a key log
  whylencr -i any                         explain what happens now
  whylencr -- curl https://example.com    run a program, explain what it caused
  ssh host tcpdump -w - | whylencr -r -   read a capture from a pipe
  whylencr -w proof.pcapng capture.pcap   also cut out the frames that prove it, with comments for Wireshark
  whylencr -o report.html capture.pcap    one page to attach to a ticket; also .md, .csv, .json, .ndjson
  whylencr host r10.o.lencr.org           what a host, URL, serial or file is; or annotate a log on standard input
  whylencr --fail-on alert capture.pcap   for scripts: exit 10 when something is alarming

Exit codes: 0 done, 1 failed, 2 usage, 3 the input was cut or partly unreadable (results hold up to there),
4 no permission to capture, 10 --fail-on matched, 130 and 143 the terminal UI was ended by SIGINT or SIGTERM.";

/// Why is this device talking to lencr.org? Reads captures and names, for every contact with Let's Encrypt's
/// revocation and issuer hosts, the site whose TLS handshake caused it, with the frames that prove it.
///
/// It never opens a network connection by itself.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "whylencr",
    version,
    after_help = EXAMPLES,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Args {
    /// What to do besides explaining captures
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Capture files; '-' is standard input
    #[arg(value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,

    /// Capture file, as with tcpdump and tshark; repeatable; '-' is standard input
    #[arg(short, long, value_name = "FILE")]
    pub read: Vec<PathBuf>,

    /// Look for captures in folders below those given
    #[arg(long)]
    pub recursive: bool,

    /// Keep reading a growing file until interrupted
    #[arg(long)]
    pub follow: bool,

    /// Key log of TLS (NSS, SSLKEYLOGFILE) or of WireGuard, or lines of Wireshark's tables 80211_keys,
    /// esp_sa, ieee802154_keys, pdcp_lte_ue_keys and pdcp_nr_ue_keys; repeatable. Read on while a capture
    /// grows or comes through a pipe. Secrets inside pcapng are used by themselves
    #[arg(long, value_name = "FILE")]
    pub keylog: Vec<PathBuf>,

    /// Certificates known for sites: PEM or DER files, or folders of them; repeatable
    #[arg(long, value_name = "PATH")]
    pub certs: Vec<PathBuf>,

    /// Further CA certificates to check signatures against (private CAs): files or folders; repeatable
    #[arg(long, value_name = "PATH")]
    pub ca: Vec<PathBuf>,

    /// Explain every CA's revocation and issuer traffic, not only Let's Encrypt's
    #[arg(long)]
    pub all_cas: bool,

    /// Form of the report (default: by the ending of --output, else text)
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<FormatArg>,

    /// Where the report goes (default: standard output)
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Only contacts that match: kind:crl site:example.com client:10.0.0.5 -verdict:unexplained alert:* words
    #[arg(long = "where", value_name = "EXPR")]
    pub filter: Option<String>,

    /// How text and HTML group the contacts
    #[arg(long, value_enum, value_name = "BY", default_value_t = GroupArg::Site)]
    pub group: GroupArg,

    /// Order of the contacts
    #[arg(long, value_enum, value_name = "ORDER", default_value_t = SortArg::Time)]
    pub sort: SortArg,

    /// Also write the frames that prove the findings into a pcapng file, with comments that say what they prove
    #[arg(
        short = 'w',
        long = "write",
        value_name = "FILE",
        conflicts_with = "follow"
    )]
    pub write: Option<PathBuf>,

    /// With -w: also the TLS secrets that opened handshakes of the evidence
    #[arg(long, requires = "write", conflicts_with = "redact")]
    pub with_secrets: bool,

    /// Pseudonyms for clients and their MACs; '=sites' also for the sites, their addresses and serials. With -w the
    /// frames hold them too
    #[arg(long, value_enum, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "clients")]
    pub redact: Option<RedactArg>,

    /// Secret for --redact, so that pseudonyms are the same in every report made with it (default: new ones each run)
    #[arg(long, value_name = "FILE", requires = "redact")]
    pub redact_key: Option<PathBuf>,

    /// How times are shown in text
    #[arg(long, value_enum, value_name = "KIND", default_value_t = TimeArg::Utc)]
    pub time: TimeArg,

    /// Stop after this many frames
    #[arg(short = 'c', value_name = "N")]
    pub count: Option<u64>,

    /// Threads at work (default: 2 where there are two cores): the second correlates, or decompresses what is
    /// compressed; the third reads ahead, further ones read further inputs, and from the fifth on flows are
    /// shared out to all but three. All weigh the contacts of the report, which is the same with any number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    pub threads: Option<u8>,

    /// Exit with 10 when a finding matches; repeatable
    #[arg(long, value_enum, value_name = "WHAT")]
    pub fail_on: Vec<FailOn>,

    /// Colours (NO_COLOR is honoured)
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorArg::Auto)]
    pub color: ColorArg,

    /// Colours of the terminal UI
    #[cfg(feature = "tui")]
    #[arg(long, value_enum, value_name = "THEME", default_value_t = ThemeArg::Auto)]
    pub theme: ThemeArg,

    /// Keys, theme and columns of the terminal UI (default: whylencr/config.toml in the user's configuration folder)
    #[cfg(feature = "tui")]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// ASCII alone in text
    #[arg(long)]
    pub ascii: bool,

    /// Everything about every rejected candidate
    #[arg(short, long)]
    pub verbose: bool,

    /// Print every rule of evidence with its reason, source and measured record
    #[arg(long)]
    pub explain_rules: bool,

    /// Live capture
    #[cfg(feature = "live")]
    #[command(flatten)]
    pub live: LiveArgs,
}

/// Forms of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum FormatArg {
    /// The terminal UI; what a terminal gets unless told otherwise
    #[cfg(feature = "tui")]
    Tui,
    /// For reading
    Text,
    /// One JSON record a line and contact
    Ndjson,
    /// The same records in one document
    Json,
    /// One row a contact, for spreadsheets
    Csv,
    /// For tickets
    Markdown,
    /// One page that needs nothing else
    Html,
}

impl FormatArg {
    /// The form that a file's name asks for.
    pub(super) fn of_file(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match ending.as_str() {
            "txt" => Self::Text,
            "ndjson" | "jsonl" => Self::Ndjson,
            "json" => Self::Json,
            "csv" => Self::Csv,
            "md" | "markdown" => Self::Markdown,
            "html" | "htm" => Self::Html,
            _ => return None,
        })
    }
}

impl FormatArg {
    /// The form of a report; the UI is none.
    pub(super) fn report(self) -> Option<Format> {
        Some(match self {
            #[cfg(feature = "tui")]
            Self::Tui => return None,
            Self::Text => Format::Text,
            Self::Ndjson => Format::Ndjson,
            Self::Json => Format::Json,
            Self::Csv => Format::Csv,
            Self::Markdown => Format::Markdown,
            Self::Html => Format::Html,
        })
    }
}

/// What gets pseudonyms.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum RedactArg {
    /// Addresses, MACs, process details of clients
    Clients,
    /// Also sites: names, addresses, serials, certificates
    Sites,
}

/// How times are shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum TimeArg {
    /// UTC
    Utc,
    /// The zone of this machine
    Local,
    /// Seconds since the first frame
    Relative,
    /// Seconds since 1970
    Epoch,
}

impl From<TimeArg> for TimeKind {
    fn from(time: TimeArg) -> Self {
        match time {
            TimeArg::Utc => Self::Utc,
            TimeArg::Local => Self::Local,
            TimeArg::Relative => Self::Relative,
            TimeArg::Epoch => Self::Epoch,
        }
    }
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum ColorArg {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How contacts are grouped.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum GroupArg {
    /// By what caused them
    Site,
    /// By device
    Device,
    /// By host contacted
    Host,
    /// By how sure the verdict is
    Verdict,
    /// Not at all
    None,
}

impl From<GroupArg> for GroupBy {
    fn from(group: GroupArg) -> Self {
        match group {
            GroupArg::Site => Self::Site,
            GroupArg::Device => Self::Device,
            GroupArg::Host => Self::Host,
            GroupArg::Verdict => Self::Verdict,
            GroupArg::None => Self::Nothing,
        }
    }
}

/// Order of the contacts.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum SortArg {
    /// As they happened
    Time,
    /// By site
    Site,
    /// By host contacted
    Host,
    /// By client address
    Client,
    /// Surest first
    Confidence,
    /// Longest delay first
    Delay,
    /// Gravest alert first
    Alerts,
}

impl From<SortArg> for Sort {
    fn from(sort: SortArg) -> Self {
        match sort {
            SortArg::Time => Self::Time,
            SortArg::Site => Self::Site,
            SortArg::Host => Self::Host,
            SortArg::Client => Self::Client,
            SortArg::Confidence => Self::Confidence,
            SortArg::Delay => Self::Delay,
            SortArg::Alerts => Self::Alerts,
        }
    }
}

/// Colours of the terminal UI.
#[cfg(feature = "tui")]
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum ThemeArg {
    /// Dark or light after the terminal's background, none with NO_COLOR
    Auto,
    /// For dark backgrounds
    Dark,
    /// For light backgrounds
    Light,
    /// Bright and bold
    HighContrast,
    /// Told apart with any colour vision
    ColorBlind,
    /// No colour
    Mono,
}

/// What makes a run exit with 10.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum FailOn {
    /// An alert above info
    Alert,
    /// A contact that nothing explains
    Unexplained,
    /// A revoked certificate
    Revoked,
}
