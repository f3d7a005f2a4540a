//! The command line as scripts and people meet it: output, messages, exit codes.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use assert_cmd::Command as Checked;

use crate::packaged;

const CAPTURE: &str = "captures/lab/01a-firefox-ocsp-tls12.pcap";

fn tool() -> Checked {
    let mut tool = Checked::cargo_bin("whylencr").expect("the tool is built");
    tool.current_dir(packaged("")).env_remove("NO_COLOR");
    tool
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn help_and_version_go_to_standard_output() {
    let help = tool().arg("--help").assert().success();
    let text = said(&help.get_output().stdout);
    assert!(
        text.contains("Examples:") && text.contains("Exit codes:"),
        "{text}"
    );
    let version = tool().arg("--version").assert().success();
    assert_eq!(
        said(&version.get_output().stdout),
        format!("whylencr {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn without_arguments_it_says_how_to_go_on() {
    let ended = tool().assert().failure();
    let output = ended.get_output();
    assert!(
        matches!(output.status.code(), Some(1 | 2)),
        "{:?}",
        output.status
    );
    assert!(output.stdout.is_empty());
    assert!(
        said(&output.stderr).contains("--help"),
        "{}",
        said(&output.stderr)
    );
}

#[test]
fn wrong_usage_ends_with_2() {
    tool().arg("--no-such-option").assert().code(2);
    tool().args(["--format", "yaml", CAPTURE]).assert().code(2);
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "this is no capture\n").expect("written");
    let empty = folder.path().join("empty.pcap");
    std::fs::write(&empty, "").expect("written");
    for path in [folder.path().join("missing.pcap"), text, empty] {
        let ended = tool().arg(&path).assert().code(1);
        let message = said(&ended.get_output().stderr);
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        assert!(message.contains(&name), "{message}");
        assert!(ended.get_output().stdout.is_empty());
    }
}

#[test]
fn a_cut_capture_is_explained_as_far_as_it_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = std::fs::read(packaged(CAPTURE)).expect("the capture");
    let cut = folder.path().join("cut.pcap");
    std::fs::write(&cut, &bytes[..bytes.len() - 7]).expect("written");
    let ended = tool()
        .args(["--format", "ndjson"])
        .arg(&cut)
        .assert()
        .code(3);
    assert!(!ended.get_output().stdout.is_empty());
    assert!(said(&ended.get_output().stderr).contains("cut.pcap"));
}

#[test]
fn standard_input_reads_like_a_file() {
    let bytes = std::fs::read(packaged(CAPTURE)).expect("the capture");
    let piped = tool()
        .args(["-r", "-", "--format", "ndjson"])
        .write_stdin(bytes)
        .assert()
        .success();
    let read = tool()
        .args(["--format", "ndjson", CAPTURE])
        .assert()
        .success();
    let without_source = |text: String| -> Vec<serde_json::Value> {
        text.lines()
            .map(|line| {
                let mut record: serde_json::Value = serde_json::from_str(line).expect("JSON");
                record["capture"]["file"] = serde_json::Value::Null;
                record
            })
            .collect()
    };
    assert_eq!(
        without_source(said(&piped.get_output().stdout)),
        without_source(said(&read.get_output().stdout))
    );
}

/// As a browser and `tcpdump -w -` write them: the keys while packets come in.
#[test]
fn a_key_log_may_grow_while_a_pipe_is_read() {
    let stem = packaged("captures/lab/20-must-staple-without-staple");
    let keys = std::fs::read(stem.with_extension("keylog")).expect("the keys");
    let capture = std::fs::read(stem.with_extension("pcap")).expect("the capture");
    let (header, packets) = capture.split_at(24);
    // ARP, more of it than a pipe holds: once it is written, reading has begun.
    let mut filler = packets[..16].to_vec();
    filler[8..16].copy_from_slice(&[60, 0, 0, 0, 60, 0, 0, 0]);
    filler.extend([0xff; 12]);
    filler.extend([8, 6]);
    filler.resize(16 + 60, 0);
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("keys.log");
    let mut written = std::fs::File::create(&log).expect("the log");
    let mut tool = Command::new(env!("CARGO_BIN_EXE_whylencr"))
        .args(["--format", "json", "-r", "-", "--keylog"])
        .arg(&log)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tool");
    let mut pipe = tool.stdin.take().expect("a pipe");
    pipe.write_all(header).expect("the header");
    pipe.write_all(&filler.repeat(20_000)).expect("filler");
    written.write_all(&keys).expect("the keys");
    pipe.write_all(packets).expect("the packets");
    drop(pipe);
    let output = tool.wait_with_output().expect("its end");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let server = &report["summary"]["servers"][0];
    assert_eq!(server["must_staple"], true, "the certificate is not read");
}

#[test]
fn every_format_writes_something_of_its_kind() {
    for (format, begins) in [("text", ""), ("ndjson", "{\"schema\""), ("json", "{")] {
        let ended = tool()
            .args(["--format", format, CAPTURE])
            .assert()
            .success();
        let text = said(&ended.get_output().stdout);
        assert!(text.trim_start().starts_with(begins), "{format}: {text}");
        assert!(text.contains("www.alpha-books.example"), "{format}");
        assert!(text.ends_with('\n'), "{format}");
    }
}

#[test]
fn several_files_are_one_run() {
    let other = "captures/lab/14a-firefox-revoked.pcap";
    let ended = tool()
        .args(["--format", "ndjson", CAPTURE, other])
        .assert()
        .success();
    let both = said(&ended.get_output().stdout).lines().count();
    let alone = |file: &str| {
        let ended = tool().args(["--format", "ndjson", file]).assert().success();
        said(&ended.get_output().stdout).lines().count()
    };
    assert_eq!(both, alone(CAPTURE) + alone(other));
}

#[test]
fn the_report_goes_where_it_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("report.ndjson");
    let ended = tool()
        .args(["--format", "ndjson", CAPTURE, "-o"])
        .arg(&out)
        .assert()
        .success();
    assert!(ended.get_output().stdout.is_empty());
    let direct = tool()
        .args(["--format", "ndjson", CAPTURE])
        .assert()
        .success();
    assert_eq!(
        std::fs::read(&out).expect("the report"),
        direct.get_output().stdout
    );
}

#[test]
fn colour_is_asked_for_or_on_a_terminal_only() {
    let colours = |tool: &mut Checked| tool.assert().success().get_output().stdout.contains(&0x1b);
    assert!(!colours(tool().arg(CAPTURE)));
    assert!(colours(tool().args(["--color", "always", CAPTURE])));
    assert!(!colours(
        tool()
            .args(["--color", "auto", CAPTURE])
            .env("NO_COLOR", "1")
    ));
}

#[test]
fn automation_gets_10_when_its_condition_is_met() {
    let revoked = "captures/lab/14a-firefox-revoked.pcap";
    tool()
        .args(["--fail-on", "revoked", "--ca", "captures/lab/pki", revoked])
        .assert()
        .code(10);
    tool()
        .args(["--fail-on", "revoked", "--ca", "captures/lab/pki", CAPTURE])
        .assert()
        .code(0);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("whylencr"))
        .args(["--format", "json", "captures/lab/30-mixed-two-hosts.pcapng"])
        .current_dir(packaged(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    drop(child.stdout.take());
    let mut message = String::new();
    let mut stderr = child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut message).expect("UTF-8");
    let status = child.wait().expect("ended");
    assert!(
        !message.contains("panicked") && !message.contains("roken pipe"),
        "{message}"
    );
    assert_eq!(status.code(), Some(0));
}

#[test]
fn any_number_of_threads_gives_the_same_report() {
    let report = |threads: &str, inputs: &[&str]| {
        let run = tool()
            .args(["--all-cas", "--format", "json", "--threads", threads])
            .args(inputs)
            .assert();
        said(&run.get_output().stdout)
    };
    for inputs in [
        &["--recursive", "captures/lab"][..],
        &["--recursive", "captures/real"],
        &[CAPTURE],
        &[CAPTURE, "captures/lab/01b-firefox-ocsp-tls13.pcapng"],
    ] {
        let one = report("1", inputs);
        assert!(one.contains("\"findings\""), "{inputs:?}");
        for threads in ["2", "3", "4", "5", "8"] {
            assert!(report(threads, inputs) == one, "{threads} {inputs:?}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_sent_twice_at_once_still_ends_in_a_report() {
    let capture = packaged(CAPTURE);
    let mut child = Command::new(env!("CARGO_BIN_EXE_whylencr"))
        .args(["--follow", "--format", "json"])
        .arg(&capture)
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let pid = child.id();
    let has_opened = || {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter();
        let mut files = files.flatten().flatten();
        files.any(|file| std::fs::read_link(file.path()).is_ok_and(|to| to == capture))
    };
    while !has_opened() {
        assert!(child.try_wait().expect("a child").is_none());
        thread::sleep(Duration::from_millis(10));
    }
    // As timeout(1) does, to the program and to its group.
    for _ in 0..2 {
        let sent = Command::new("kill")
            .args(["-TERM", &pid.to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    }
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output.stdout).contains("\"findings\""));
}
