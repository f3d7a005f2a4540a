//! Room 6: reports as characters.
//!
//! ```text
//!   Report ──> view   the versioned record ──> json, csv      for programs
//!         └──> prose  every sentence       ──> text, markdown, html  for people
//!              safe   network text made harmless, for all of them
//! ```
//!
//! Presenters arrange; they never compute a verdict. Two of them can therefore not disagree.

pub mod clock;
pub mod csv;
pub mod decode;
pub mod group;
pub mod html;
pub mod json;
pub mod markdown;
pub mod prose;
pub mod redact;
pub mod safe;
pub mod summary;
pub mod text;
pub mod view;
pub mod words;

#[cfg(test)]
pub(crate) mod sample;

use std::io;

use jiff::tz::TimeZone;

use crate::finding::Report;
use crate::frame::InterfaceId;
use crate::report::clock::{Clock, TimeKind};
use crate::report::group::GroupBy;
use crate::time::Timestamp;

/// Forms of a report.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Format {
    /// For reading on a terminal.
    Text,
    /// One JSON record a line and finding.
    Ndjson,
    /// The same records in one document with a summary.
    Json,
    /// A table for spreadsheets.
    Csv,
    /// For tickets.
    Markdown,
    /// One page that needs nothing else.
    Html,
}

/// What a report needs to know besides the findings.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names of the inputs, as the user gave them.
    pub sources: Vec<String>,
    /// Interfaces of the run, by [`InterfaceId`].
    pub interfaces: Vec<Interface>,
    /// Version of the tool.
    pub tool_version: String,
    /// How text shows times.
    pub time: TimeKind,
    /// Zone for [`TimeKind::Local`].
    pub zone: TimeZone,
    /// How text and HTML group findings.
    pub group: GroupBy,
    /// Colours in text.
    pub color: bool,
    /// ASCII alone in text.
    pub ascii: bool,
    /// Width of text in columns; at least 40 are used.
    pub width: usize,
    /// All evidence against every rejected candidate in text.
    pub verbose: bool,
    /// When the report was made. Reports read no clock.
    pub generated_at: Option<Timestamp>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            interfaces: Vec::new(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            time: TimeKind::default(),
            zone: TimeZone::UTC,
            group: GroupBy::default(),
            color: false,
            ascii: false,
            width: 80,
            verbose: false,
            generated_at: None,
        }
    }
}

impl Options {
    /// File and name of an interface, as far as they are known.
    #[must_use]
    pub fn interface(&self, id: InterfaceId) -> (Option<&str>, Option<&str>) {
        let known = usize::try_from(id.0)
            .ok()
            .and_then(|i| self.interfaces.get(i));
        let only = match self.sources.as_slice() {
            [only] => Some(only.as_str()),
            _ => None,
        };
        let file = known.and_then(|i| i.file.as_deref()).or(only);
        (file, known.and_then(|i| i.name.as_deref()))
    }

    /// The clock for this report.
    #[must_use]
    pub fn clock(&self, report: &Report) -> Clock {
        Clock::new(
            self.time,
            self.zone.clone(),
            report.coverage.span.map(|(first, _)| first),
        )
    }
}

/// Where an interface of the run came from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Interface {
    /// File it was read from; None when live.
    pub file: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

/// Writes the report.
///
/// # Errors
/// Only what the writer says.
pub fn write(
    format: Format,
    report: &Report,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Text => text::write(report, options, out),
        Format::Ndjson => json::write_lines(report, options, out),
        Format::Json => json::write_document(report, options, out),
        Format::Csv => csv::write(report, options, out),
        Format::Markdown => markdown::write(report, options, out),
        Format::Html => html::write(report, options, out),
    }
}

#[cfg(test)]
mod tests;
