//! `-w`: a second reading of the inputs, for the frames that matter.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::capture::write::{PcapngWriter, Section};
use crate::capture::{self, Item};
use crate::crypto::Sha256;
use crate::evidence::Plan;
use crate::finding::{Finding, Report};
use crate::frame::InterfaceId;
use crate::limits::Limits;
use crate::wire::Decoder;

/// Findings named one by one in the section comment.
const NAMED: usize = 200;

/// What an evidence capture is made of.
pub(super) struct Request<'a> {
    /// The inputs, as they were read the first time.
    pub(super) inputs: &'a [PathBuf],
    /// Frames to read, when not all were.
    pub(super) count: Option<u64>,
    /// The filter that selected the findings, for the record.
    pub(super) filter: Option<&'a str>,
    /// Key logs to take secrets from; None leaves out also those that the inputs hold.
    pub(super) secrets: Option<&'a [PathBuf]>,
}

/// Frames that were written, and how many there were.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Written {
    pub(super) kept: u64,
    pub(super) of: u64,
}

/// Refuses what cannot work, before anything is read.
pub(super) fn check(inputs: &[PathBuf], file: &Path) -> anyhow::Result<()> {
    for input in inputs {
        anyhow::ensure!(
            input.as_os_str() != "-",
            "-w reads its input twice, which standard input does not allow; save it to a file first, for example with: \
             tee saved.pcapng | whylencr -r -"
        );
        let meta =
            fs::metadata(input).with_context(|| format!("cannot read {}", input.display()))?;
        anyhow::ensure!(
            meta.is_file(),
            "-w reads its input twice, which {} does not allow; save it to a file first",
            input.display()
        );
        let same = fs::canonicalize(file).ok() == fs::canonicalize(input).ok();
        anyhow::ensure!(!same, "-w {} would overwrite an input", file.display());
    }
    Ok(())
}

/// Writes the evidence for `selected` to a file.
pub(super) fn save(
    request: &Request<'_>,
    report: &Report,
    selected: &[&Finding],
    path: &Path,
) -> anyhow::Result<Written> {
    let problem = || format!("cannot write the evidence capture {}", path.display());
    let file = File::create(path).with_context(problem)?;
    let mut out = BufWriter::new(file);
    let written = write(request, report, selected, &mut out)?;
    out.flush().with_context(problem)?;
    Ok(written)
}

/// Writes the evidence for `selected`.
pub(super) fn write(
    request: &Request<'_>,
    report: &Report,
    selected: &[&Finding],
    out: impl Write,
) -> anyhow::Result<Written> {
    let mut plan = Plan::new(report, selected);
    let comment = comment(request, selected)?;
    let section = Section {
        application: Some(concat!("whylencr ", env!("CARGO_PKG_VERSION"))),
        comment: Some(&comment),
        ..Section::default()
    };
    let mut writer = PcapngWriter::new(out, &section)?;
    for log in request.secrets.unwrap_or_default() {
        let lines =
            fs::read(log).with_context(|| format!("cannot read the key log {}", log.display()))?;
        add_secrets(&mut writer, &plan, &lines)?;
    }
    let mut source = capture::merge::open_all(request.inputs, None)?;
    // The numbers of the interfaces in the new file.
    let mut interfaces: Vec<(InterfaceId, u32)> = Vec::new();
    let mut decoder = Decoder::new(&Limits::default());
    let mut written = Written::default();
    let mut first = true;
    while let Some(item) = source.next_item() {
        match item {
            Item::Interface(info) => {
                let number = writer.interface(info.link, info.snaplen, info.name.as_deref())?;
                interfaces.push((info.id, number));
            }
            Item::Secrets(lines) if request.secrets.is_some() => {
                add_secrets(&mut writer, &plan, lines)?;
            }
            Item::Frame(frame) => {
                written.of += 1;
                let packet = decoder.decode(&frame).ok();
                let is_first = first && packet.is_some();
                first &= packet.is_none();
                let kept = match &packet {
                    Some(packet) => plan.keeps(&frame, Some(packet), None),
                    None => plan.keeps(&frame, None, decoder.fragment_ends()),
                };
                let known = interfaces.iter().find(|(id, _)| *id == frame.interface);
                if let (true, Some((_, number))) = (kept, known) {
                    let comments = plan.comments(frame.no, is_first);
                    let comments: Vec<&str> = comments.iter().map(String::as_str).collect();
                    writer.packet(*number, &frame, &comments)?;
                    written.kept += 1;
                }
                if request.count == Some(written.of) {
                    break;
                }
            }
            Item::Secrets(_) | Item::NameHint(_) | Item::Dropped(_) => {}
        }
    }
    writer.flush()?;
    Ok(written)
}

fn add_secrets<W: Write>(
    writer: &mut PcapngWriter<W>,
    plan: &Plan,
    lines: &[u8],
) -> anyhow::Result<()> {
    let used = plan.secrets(lines);
    if !used.is_empty() {
        writer.secrets(&used)?;
    }
    Ok(())
}

/// Where the frames come from, so that somebody with the source can check that nothing was added.
fn comment(request: &Request<'_>, selected: &[&Finding]) -> anyhow::Result<String> {
    let mut text = format!(
        "Evidence for {} of contact with lencr.org, cut out by whylencr {}.\n",
        match selected.len() {
            1 => "1 finding".to_owned(),
            n => format!("{n} findings"),
        },
        env!("CARGO_PKG_VERSION")
    );
    for input in request.inputs {
        let name = input.file_name().unwrap_or(input.as_os_str());
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "Source: {}, SHA-256 {}",
            name.to_string_lossy(),
            digest(input)?
        );
    }
    let ids: Vec<String> = selected
        .iter()
        .take(NAMED)
        .map(|f| f.id.0.to_string())
        .collect();
    let more = if selected.len() > NAMED { ", ..." } else { "" };
    let _ = writeln!(text, "Findings: {}{more}", ids.join(", "));
    let _ = writeln!(text, "Filter: {}", request.filter.unwrap_or("none"));
    let secrets = match request.secrets {
        Some(_) => "those that open handshakes of the evidence",
        None => "none",
    };
    let _ = write!(
        text,
        "TLS secrets: {secrets}.\nFrames are as they were captured; comments name their numbers in the source."
    );
    Ok(text)
}

fn digest(path: &Path) -> anyhow::Result<String> {
    let problem = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(problem)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer).with_context(problem)? {
            0 => break,
            n => hash.update(buffer.get(..n).unwrap_or_default()),
        }
    }
    Ok(hash.finish().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

#[cfg(test)]
mod tests;
