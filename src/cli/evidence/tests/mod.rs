mod redacted;
mod sealed;

use super::*;
use crate::capture::Source;
use crate::engine::{Config, Engine};
use crate::pki::pem;
use std::io::Cursor;

fn lab() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/lab")
}

/// The captures of the lab with the key logs that lie beside them.
fn captures() -> Vec<(PathBuf, Option<PathBuf>)> {
    let mut all: Vec<(PathBuf, Option<PathBuf>)> = fs::read_dir(lab())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            matches!(
                path.extension().and_then(|e| e.to_str()),
                Some("pcap" | "pcapng")
            )
        })
        .map(|path| {
            let keys = path.with_extension("keylog");
            let keys = keys.is_file().then_some(keys);
            (path, keys)
        })
        .collect();
    all.sort();
    all
}

fn explain(source: Source, keys: Option<&Path>) -> Report {
    explain_with(source, keys, true)
}

fn explain_with(mut source: Source, keys: Option<&Path>, secrets: bool) -> Report {
    let mut config = Config::default();
    for entry in fs::read_dir(lab().join("pki")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        config.trust.add_certificates(pem::certificates(&bytes));
    }
    let mut engine = Engine::new(config);
    if let Some(keys) = keys {
        engine.secrets(&fs::read(keys).unwrap());
    }
    while let Some(item) = source.next_item() {
        match item {
            Item::Frame(frame) => engine.push(frame),
            Item::Secrets(lines) if secrets => {
                engine.secrets(lines);
            }
            Item::NameHint(hint) => engine.name_hint(hint),
            Item::Secrets(_) | Item::Interface(_) | Item::Dropped(_) => {}
        }
    }
    engine.finish()
}

fn cut_out(
    path: &Path,
    keys: Option<&Path>,
    report: &Report,
    selected: &[&Finding],
) -> (Vec<u8>, Written) {
    let inputs = [path.to_owned()];
    let keys: Vec<PathBuf> = keys.map(Path::to_owned).into_iter().collect();
    let request = Request {
        inputs: &inputs,
        count: None,
        filter: None,
        secrets: Some(&keys),
        keylogs: &keys,
        redaction: None,
        origin: None,
    };
    let mut bytes = Vec::new();
    let written = write(&request, report, selected, &mut bytes).unwrap();
    (bytes, written)
}

fn read_back(bytes: Vec<u8>) -> Source {
    capture::from_reader(
        Box::new(Cursor::new(bytes)),
        "evidence",
        None,
        &capture::Options::default(),
    )
    .unwrap()
}

fn verdict(finding: &Finding) -> String {
    let verdict = &finding.verdict;
    format!(
        "{} {} {:?} {:?} {:?} {:?}",
        finding.host,
        finding.at.as_nanos(),
        verdict.outcome,
        verdict.site,
        verdict.confidence,
        verdict.cause
    )
}

#[test]
fn evidence_gives_the_same_verdicts() {
    let mut differences = Vec::new();
    let (mut kept, mut of) = (0, 0);
    for (path, keys) in captures() {
        let keys = keys.as_deref();
        let report = explain(capture::open(&path).unwrap(), keys);
        let all: Vec<&Finding> = report.findings.iter().collect();
        let (bytes, written) = cut_out(&path, keys, &report, &all);
        (kept, of) = (kept + written.kept, of + written.of);
        let again = explain(read_back(bytes), None);
        let [before, after] =
            [&report, &again].map(|r| r.findings.iter().map(verdict).collect::<Vec<String>>());
        if before != after {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            for line in before.iter().filter(|l| !after.contains(l)) {
                differences.push(format!("{name} - {line}"));
            }
            for line in after.iter().filter(|l| !before.contains(l)) {
                differences.push(format!("{name} + {line}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(kept * 2 < of, "{kept} of {of} frames are no selection");
}

#[test]
fn one_finding_alone_keeps_its_verdict() {
    let path = lab().join("30-mixed-two-hosts.pcapng");
    let report = explain(capture::open(&path).unwrap(), None);
    let (_, whole) = cut_out(
        &path,
        None,
        &report,
        &report.findings.iter().collect::<Vec<_>>(),
    );
    let mut fewest = whole.kept;
    for finding in &report.findings {
        let (bytes, written) = cut_out(&path, None, &report, &[finding]);
        let again = explain(read_back(bytes), None);
        let said: Vec<String> = again.findings.iter().map(verdict).collect();
        let wanted = verdict(finding);
        assert!(
            said.contains(&wanted),
            "{wanted} is not in\n{}",
            said.join("\n")
        );
        fewest = fewest.min(written.kept);
    }
    assert!(fewest < whole.kept, "one of them needs less than all");
}

#[test]
fn comments_name_the_finding_and_the_source() {
    let path = lab().join("01a-firefox-ocsp-tls12.pcap");
    let report = explain(capture::open(&path).unwrap(), None);
    let finding = &report.findings[0];
    let (bytes, _) = cut_out(&path, None, &report, &[finding]);
    let mut source = read_back(bytes);
    let mut comments = Vec::new();
    while let Some(item) = source.next_item() {
        if let Item::Frame(frame) = item {
            comments.extend(frame.comment.map(str::to_owned));
        }
    }
    let request = finding.frames.request.last().unwrap();
    let place = format!("whylencr: frame {request} of the source\nfinding 1: ");
    assert!(
        comments.iter().any(|c| c.starts_with(&place)),
        "{comments:?}"
    );
    assert!(
        comments.iter().any(|c| c.contains("ClientHello of ")),
        "{comments:?}"
    );
}

#[test]
fn secrets_are_left_out_unless_asked_for() {
    let path = lab().join("01b-firefox-ocsp-tls13.pcapng");
    let report = explain(capture::open(&path).unwrap(), None);
    let all: Vec<&Finding> = report.findings.iter().collect();
    let count = |bytes: Vec<u8>| {
        let (mut source, mut lines) = (read_back(bytes), 0);
        while let Some(item) = source.next_item() {
            if let Item::Secrets(text) = item {
                lines += text
                    .split(|b| *b == b'\n')
                    .filter(|l| !l.is_empty())
                    .count();
            }
        }
        lines
    };
    let in_source = count(fs::read(&path).unwrap());
    let (with, _) = cut_out(&path, None, &report, &all);
    let inputs = [path];
    let request = Request {
        inputs: &inputs,
        count: None,
        filter: None,
        secrets: None,
        keylogs: &[],
        redaction: None,
        origin: None,
    };
    let mut without = Vec::new();
    write(&request, &report, &all, &mut without).unwrap();
    assert_eq!(count(without), 0);
    let kept = count(with);
    assert!(0 < kept && kept < in_source, "{kept} of {in_source}");
}

#[test]
fn what_cannot_be_read_twice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.pcap");
    fs::write(&file, b"x").unwrap();
    let said = |input: &Path, out: &Path| check(&[input.to_owned()], out).unwrap_err().to_string();
    assert!(said(Path::new("-"), &file).contains("save it to a file first"));
    assert!(said(folder.path(), &file).contains("save it to a file first"));
    assert!(said(&file, &file).contains("would overwrite an input"));
    assert!(check(std::slice::from_ref(&file), &folder.path().join("out")).is_ok());
}

/// What the frames are to be read with stays: interfaces, link types, times to the nanosecond, lengths on the wire.
#[test]
fn evidence_keeps_interfaces_link_types_and_times() {
    for (path, keys) in captures() {
        let report = explain(capture::open(&path).unwrap(), keys.as_deref());
        let all: Vec<&Finding> = report.findings.iter().collect();
        let (bytes, _) = cut_out(&path, keys.as_deref(), &report, &all);
        let read = |mut source: Source| {
            let (mut interfaces, mut frames) = (Vec::new(), Vec::new());
            while let Some(item) = source.next_item() {
                match item {
                    Item::Interface(info) => {
                        interfaces.push((info.name, info.link, info.snaplen, info.filter));
                    }
                    Item::Frame(f) => {
                        frames.push((f.at, f.link, f.interface, f.wire_len, f.bytes.to_vec()));
                    }
                    Item::Secrets(_) | Item::NameHint(_) | Item::Dropped(_) => {}
                }
            }
            (interfaces, frames)
        };
        let (before, source) = read(capture::open(&path).unwrap());
        let (after, evidence) = read(read_back(bytes));
        assert_eq!(before, after, "{}", path.display());
        let mut rest = source.iter();
        for frame in &evidence {
            assert!(rest.any(|other| other == frame), "{}", path.display());
        }
    }
}
