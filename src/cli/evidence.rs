//! `-w`: a second reading of the inputs, for the frames that matter.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::capture::process::process_of_frame;
use crate::capture::write::{PcapngWriter, Section};
use crate::capture::{self, Item};
use crate::crypto::Sha256;
use crate::event::Process;
use crate::evidence::Plan;
use crate::evidence::redact::Redactor;
use crate::finding::{Finding, FindingId, Report};
use crate::frame::{Frame, InterfaceId, LinkType};
use crate::limits::Limits;
use crate::report::redact::Redaction;
use crate::report::safe;
use crate::wire::{self, Decoder, Packet};

/// Findings named one by one in the section comment.
const NAMED: usize = 200;
/// Said with every frame that is not whole.
const LEFT_OUT: &str =
    "whylencr: payload left out, since it may tell of a person or a machine (--redact)";

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
    /// Key logs that were given: what they open of tunnels is evidence, with their lines or without.
    pub(super) keylogs: &'a [PathBuf],
    /// Pseudonyms instead of what was captured.
    pub(super) redaction: Option<&'a Redaction>,
    /// Where the frames come from, when the inputs are not there to stay.
    pub(super) origin: Option<&'a str>,
}

/// Frames that were written, and how many there were.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Written {
    pub(super) kept: u64,
    pub(super) of: u64,
    /// Of those written, frames of which payload was left out.
    pub(super) left_out: u64,
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
    let mut redactor = None;
    if let Some(redaction) = request.redaction {
        redactor = Some(collect(request, redaction, report, &plan)?);
        let hidden = redaction.apply(report);
        let ids: BTreeSet<FindingId> = selected.iter().map(|f| f.id).collect();
        let selected: Vec<&Finding> = hidden
            .findings
            .iter()
            .filter(|f| ids.contains(&f.id))
            .collect();
        plan.speak_of(&hidden, &selected);
    }
    let mut sieve = Sieve::new(plan, request.keylogs)?;
    let mut comment = comment(request, selected)?;
    if request.redaction.is_none() && sieve.has_table_keys {
        comment.push_str(
            "\nKeys of 802.11, 802.15.4, PDCP and ESP are not in here: frames that they open need the same --keylog again.",
        );
    }
    let section = Section {
        application: Some(concat!("whylencr ", env!("CARGO_PKG_VERSION"))),
        comment: Some(&comment),
        ..Section::default()
    };
    let mut writer = PcapngWriter::new(out, &section)?;
    for log in request.secrets.unwrap_or_default() {
        add_secrets(&mut writer, &sieve.plan, &read_log(log)?)?;
    }
    let mut source = capture::merge::open_all(request.inputs, None)?;
    // The numbers of the interfaces in the new file.
    let mut interfaces: Vec<(InterfaceId, u32)> = Vec::new();
    let mut written = Written::default();
    while let Some(item) = source.next_item() {
        match item {
            Item::Interface(info) => {
                // Frames made anew are Ethernet; people give names to interfaces, and filters name hosts.
                let (link, name, filter) = match redactor {
                    Some(_) => (LinkType::ETHERNET, None, None),
                    None => (info.link, info.name.as_deref(), info.filter.as_deref()),
                };
                let number = writer.interface(link, info.snaplen, name, filter)?;
                interfaces.push((info.id, number));
            }
            Item::Secrets(lines) => {
                sieve.decoder.secrets(lines);
                if request.secrets.is_some() {
                    add_secrets(&mut writer, &sieve.plan, lines)?;
                }
            }
            Item::Frame(frame) => {
                written.of += 1;
                let known = interfaces.iter().find(|(id, _)| *id == frame.interface);
                if let Some((_, number)) = known {
                    let packets = redactor.is_some();
                    let kept =
                        sieve.sift(
                            &frame,
                            packets,
                            |plan, packet, comments| match &mut redactor {
                                None => packet_of(&mut writer, *number, &frame, &comments)
                                    .map(|()| Some(0)),
                                Some(redactor) => anew(
                                    redactor,
                                    plan,
                                    &mut writer,
                                    *number,
                                    &frame,
                                    packet,
                                    comments,
                                ),
                            },
                        );
                    for kept in kept {
                        if let Some(left_out) = kept? {
                            written.kept += 1;
                            written.left_out += u64::from(left_out > 0);
                        }
                    }
                }
                if request.count == Some(written.of) {
                    break;
                }
            }
            Item::NameHint(_) | Item::Dropped(_) => {}
        }
    }
    writer.flush()?;
    Ok(written)
}

/// Tells which frames are evidence.
struct Sieve {
    plan: Plan,
    decoder: Decoder,
    /// Whether there are keys for which pcapng has no place.
    has_table_keys: bool,
    first: bool,
}

impl Sieve {
    fn new(plan: Plan, keylogs: &[PathBuf]) -> anyhow::Result<Self> {
        let mut decoder = Decoder::new(&Limits::default());
        let mut has_table_keys = false;
        for log in keylogs {
            let lines = read_log(log)?;
            has_table_keys |= !wire::table_keys(&lines).is_empty();
            decoder.secrets(&lines);
        }
        Ok(Self {
            plan,
            decoder,
            has_table_keys,
            first: true,
        })
    }

    /// Hands a frame that is kept on, as far as it could be decoded, with its comments; one that holds several packets
    /// once for each, if its packets are wanted.
    fn sift<R>(
        &mut self,
        frame: &Frame<'_>,
        packets: bool,
        mut kept: impl FnMut(&Plan, Option<&Packet<'_>>, Vec<String>) -> R,
    ) -> Vec<R> {
        let mut all = Vec::new();
        let Some(parts) = wire::subframes(frame) else {
            self.sift_one(frame, packets, &mut all, &mut kept);
            return all;
        };
        for part in parts {
            self.sift_one(&part, packets, &mut all, &mut kept);
            if !packets && !all.is_empty() {
                break;
            }
        }
        all
    }

    fn sift_one<R>(
        &mut self,
        frame: &Frame<'_>,
        packets: bool,
        all: &mut Vec<R>,
        mut kept: impl FnMut(&Plan, Option<&Packet<'_>>, Vec<String>) -> R,
    ) {
        let Self {
            plan,
            decoder,
            first,
            ..
        } = self;
        let mut decoded = match decoder.decode(frame) {
            Ok(packet) => Some(Ok(packet)),
            Err(_) => {
                let ends = decoder.fragment_ends();
                if plan.keeps(frame, None, ends) {
                    all.push(kept(plan, None, plan.comments(frame.no, false)));
                }
                decoder.further(frame)
            }
        };
        while let Some(result) = decoded {
            if let Ok(packet) = result {
                let first = std::mem::replace(first, false);
                if (packets || all.is_empty()) && plan.keeps(frame, Some(&packet), None) {
                    let comments = plan.comments(frame.no, first);
                    all.push(kept(plan, Some(&packet), comments));
                }
            }
            decoded = decoder.further(frame);
        }
        // Whoever has the keys opens with it what comes later.
        if !packets && all.is_empty() && decoder.in_handshake() {
            all.push(kept(plan, None, plan.comments(frame.no, false)));
        }
    }
}

/// A reading of its own: an address may be split between two segments, and frames come one by one.
fn collect(
    request: &Request<'_>,
    redaction: &Redaction,
    report: &Report,
    plan: &Plan,
) -> anyhow::Result<Redactor> {
    let mut redactor = Redactor::new(redaction.hider(report), report, plan);
    let mut sieve = Sieve::new(plan.clone(), request.keylogs)?;
    let mut source = capture::merge::open_all(request.inputs, None)?;
    let mut frames = 0;
    while let Some(item) = source.next_item() {
        if let Item::Secrets(lines) = item {
            sieve.decoder.secrets(lines);
        } else if let Item::Frame(frame) = item {
            frames += 1;
            sieve.sift(&frame, true, |_, packet, _| {
                if let Some(packet) = packet {
                    redactor.collect(frame.no, packet);
                }
            });
            if request.count == Some(frames) {
                break;
            }
        }
    }
    redactor.clean();
    Ok(redactor)
}

/// Writes a frame made anew; how many bytes of it were left out, or None when all were.
fn anew<W: Write>(
    redactor: &mut Redactor,
    plan: &Plan,
    writer: &mut PcapngWriter<W>,
    number: u32,
    frame: &Frame<'_>,
    packet: Option<&Packet<'_>>,
    mut comments: Vec<String>,
) -> io::Result<Option<usize>> {
    // What was not decoded cannot be vouched for; the frame that completes a datagram holds all of it.
    let made = packet.and_then(|packet| redactor.rewrite(frame, packet, plan.is_quic(packet)));
    let Some(made) = made else {
        return Ok(None);
    };
    if let Some(process) = process_of_frame(frame) {
        comments.insert(0, named(&process));
    }
    if made.left_out > 0 {
        comments.push(LEFT_OUT.to_owned());
    }
    let anew = Frame {
        bytes: &made.bytes,
        wire_len: made.wire_len,
        crossing: made.crossing,
        comment: None,
        link: LinkType::ETHERNET,
        ..*frame
    };
    packet_of(writer, number, &anew, &comments)?;
    Ok(Some(made.left_out))
}

fn packet_of<W: Write>(
    writer: &mut PcapngWriter<W>,
    number: u32,
    frame: &Frame<'_>,
    comments: &[String],
) -> io::Result<()> {
    let comments: Vec<&str> = comments.iter().map(String::as_str).collect();
    writer.packet(number, frame, &comments)
}

/// The process as the report names it, in a form that is read back.
fn named(process: &Process) -> String {
    let name = safe::line(&process.name);
    match process.pid {
        Some(pid) => format!("PID: {pid}\nCmd: {name}"),
        None => format!("rustnet process={}", name.replace(' ', "_")),
    }
}

fn read_log(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read the key log {}", path.display()))
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
    let of_tunnels = wire::tunnel_keys(lines);
    if !of_tunnels.is_empty() {
        writer.tunnel_secrets(&of_tunnels)?;
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
    if let Some(origin) = request.origin {
        let _ = writeln!(text, "Source: {origin}");
    }
    let files = match request.origin {
        None => request.inputs,
        Some(_) => &[],
    };
    for input in files {
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
    let filter = match (request.filter, request.redaction) {
        (Some(_), Some(_)) => "one that is not shown (--redact)",
        (filter, _) => filter.unwrap_or("none"),
    };
    let _ = writeln!(text, "Filter: {filter}");
    let secrets = match request.secrets {
        Some(_) => "those that open handshakes of the evidence",
        None => "none",
    };
    let frames = match request.redaction {
        None => "Frames are as they were captured",
        Some(_) => {
            "Frames were made anew with pseudonyms for addresses, without what may tell of a person or a machine"
        }
    };
    let _ = write!(
        text,
        "TLS secrets: {secrets}.\n{frames}; comments name their numbers in the source."
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
