//! Room 1: captures from files and pipes to frames.
//!
//! ```text
//!  file, pipe --> follow --> compressed (--> ahead) --> window --> pcap | pcapng --> Source --> merge --> Item
//! ```
//!
//! [`open`] finds out by its first bytes what an input is and says what to do with one that cannot be
//! read. After that nothing fails any more: a capture that is cut or damaged keeps what was read, and
//! [`Source::ended`] says where and why it stopped. [`merge::open_all`] is the same for several inputs in
//! the order of time. Formats are readers over any [`std::io::Read`] ([`Reader`]), so they can be fuzzed.
//!
//! Frames are slices of one buffer, not copies: nothing is allocated per packet.

#![expect(
    clippy::disallowed_methods,
    reason = "an I/O room: reading capture files is its purpose"
)]

mod ahead;
#[cfg(feature = "live")]
pub mod bpf;
mod compressed;
mod error;
pub mod expand;
#[cfg(feature = "live")]
pub mod fence;
mod follow;
mod foreign;
#[cfg(feature = "live")]
pub mod live;
pub mod merge;
mod pcap;
mod pcapng;
pub mod process;
mod reader;
#[cfg(feature = "live")]
pub mod sockets;
mod source;
mod window;
pub mod write;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::Read;

pub use self::error::{Error, HeaderError};
pub use self::follow::Follow;
pub use self::reader::Reader;
pub use self::source::{Options, ReadAhead, Source, from_reader, open, open_with};
use self::window::Window;
use crate::frame::{Frame, InterfaceId, LinkType, NameHint};

/// What a capture holds, in the order of the file.
#[derive(Debug)]
pub enum Item<'a> {
    /// A packet.
    Frame(Frame<'a>),
    /// Lines of a key log of TLS (NSS format) or WireGuard, as they stand in a decryption secrets block.
    Secrets(&'a [u8]),
    /// A name that the capture gives to an address.
    NameHint(NameHint),
    /// An interface; comes before its first packet.
    Interface(InterfaceInfo),
    /// Packets that the capture tool says it lost since the last time it said so.
    Dropped(u64),
}

/// An interface of a capture.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InterfaceInfo {
    /// What its frames are marked with.
    pub id: InterfaceId,
    /// Which input it belongs to, from 0.
    pub file: u32,
    /// Name on the capturing machine, where recorded.
    pub name: Option<String>,
    /// Capture filter that was set, where recorded: what it left out cannot be known from the file.
    pub filter: Option<String>,
    /// Link-layer header type.
    pub link: LinkType,
    /// Longest captured length in bytes; 0 is no limit.
    pub snaplen: u32,
}

/// How reading ended. Offsets count bytes of the capture; in a compressed file, of its decompressed form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ended {
    /// At the end of the file.
    Clean,
    /// In the middle of something: the file is shorter than it should be, or could not be read further.
    Cut {
        /// Where the unfinished record begins.
        offset: u64,
        /// What is unfinished, or why reading failed.
        what: String,
    },
    /// At something that makes no sense, or after skipping such things.
    Corrupt {
        /// Where the first of them is.
        offset: u64,
        /// What it is.
        what: String,
    },
}

impl Ended {
    /// The bytes ran out while `needed` were wanted for `what`.
    fn tail<R: Read>(window: &Window<R>, needed: usize, what: &str) -> Self {
        let offset = window.offset();
        match (window.failure(), window.bytes().len()) {
            (Some(failure), _) => Self::Cut {
                offset,
                what: failure.to_owned(),
            },
            (None, 0) => Self::Clean,
            (None, there) => Self::Cut {
                offset,
                what: format!("{what} is cut: {there} of {needed} bytes are there"),
            },
        }
    }

    /// Whether everything in the file was read and understood.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::Clean
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean => f.write_str("complete"),
            Self::Cut { offset, what } => write!(f, "cut at byte {offset}: {what}"),
            Self::Corrupt { offset, what } => write!(f, "damaged at byte {offset}: {what}"),
        }
    }
}

/// Something odd that did not stop the reading.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning {
    /// What it is.
    pub what: &'static str,
    /// Where it was met first.
    pub offset: u64,
    /// How often.
    pub count: u64,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {}", self.what, self.offset)?;
        match self.count {
            0 | 1 => f.write_str(")"),
            count => write!(f, ", and {} more)", count - 1),
        }
    }
}
