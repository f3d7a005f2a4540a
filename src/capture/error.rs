//! What can go wrong before the first packet. Every message names the file and says what to do.

use std::io;

use thiserror::Error as Thiserror;

/// Why an input could not be opened.
#[derive(Debug, Thiserror)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("cannot open {name}: {source}{}", advice(source))]
    Open {
        /// The input.
        name: String,
        /// Its reason.
        source: io::Error,
    },
    /// Reading failed before the format was known.
    #[error("cannot read {name}: {source}")]
    Read {
        /// The input.
        name: String,
        /// The reason.
        source: io::Error,
    },
    /// A folder was given.
    #[error(
        "{name} is a folder; give the files in it, or add --recursive to read all captures below it"
    )]
    Directory {
        /// The input.
        name: String,
    },
    /// No bytes.
    #[error(
        "{name} is empty: not even a file header was written; check that the capture tool ran, and that it was allowed to capture"
    )]
    Empty {
        /// The input.
        name: String,
    },
    /// A known format that is not read here.
    #[error("{name} is {what}, which is not read here; {advice}")]
    Foreign {
        /// The input.
        name: String,
        /// The format, with its article.
        what: &'static str,
        /// What to do, as a clause.
        advice: String,
    },
    /// An unknown format.
    #[error(
        "{name} is no capture file that is known here (it begins with {begins}); if Wireshark opens it, convert it with: editcap -F pcapng {quoted} out.pcapng"
    )]
    Unknown {
        /// The input.
        name: String,
        /// The same, ready to be pasted into a shell.
        quoted: String,
        /// Its first bytes in hexadecimal.
        begins: String,
    },
    /// A capture whose file header is broken.
    #[error("{name} cannot be read: {source}")]
    Header {
        /// The input.
        name: String,
        /// What is wrong.
        source: HeaderError,
    },
    /// A compressed file that breaks before the first packet.
    #[error(
        "{name} is compressed with {codec} and cannot be decompressed: {source}; fetch or copy it again"
    )]
    Compressed {
        /// The input.
        name: String,
        /// Name of the compression.
        codec: &'static str,
        /// What the decompressor says.
        source: io::Error,
    },
}

/// A file header that makes no sense.
#[derive(Clone, Debug, Eq, PartialEq, Thiserror)]
#[error("{what}")]
pub struct HeaderError {
    what: String,
}

impl HeaderError {
    pub(super) fn new(what: String) -> Self {
        Self { what }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; capture tools that run as root write files only root can read: try sudo, or chown the file"
        }
        io::ErrorKind::NotFound => "; check the name and the folder",
        _ => "",
    }
}
