use super::*;
use clap::Parser as _;

fn said(command: &Command) -> String {
    let mut out = Vec::new();
    run(command, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn captures_and_commands_live_together() {
    let parse = |words: &[&str]| Args::try_parse_from(std::iter::once(&"whylencr").chain(words));
    assert!(parse(&["a.pcap", "b.pcap"]).unwrap().command.is_none());
    assert!(matches!(
        parse(&["host", "r3.o.lencr.org"]).unwrap().command,
        Some(Command::Host { .. })
    ));
    let capture = parse(&["./host"]).unwrap();
    assert!(capture.command.is_none());
    assert_eq!(capture.captures.len(), 1);
    Args::command().debug_assert();
}

#[test]
fn words_and_files_are_explained() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pki/testdata/leaf.crl");
    let words = ["r10.o.lencr.org", file, "example.org"]
        .map(str::to_owned)
        .to_vec();
    let said = said(&Command::Host { words });
    assert!(said.contains("OCSP responder of R10"), "{said}");
    assert!(said.contains("leaf.crl: Revocation list of"), "{said}");
    assert!(said.contains("example.org: nothing of lencr.org"), "{said}");
}

#[test]
fn logs_are_annotated_line_by_line() {
    let log = b"query[A] example.org from 192.0.2.7\nquery[A] r10.o.lencr.org from \x1b[2J192.0.2.7\n\xff\xfe\n";
    let mut out = Vec::new();
    annotate(&mut &log[..], &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.starts_with(
            "query[A] r10.o.lencr.org from \\u{1b}[2J192.0.2.7\n    r10.o.lencr.org: OCSP"
        ),
        "{text}"
    );
    assert!(!text.contains("example.org"));
}

/// Help, man page and completions come from one source, so what one of them names the others name too.
#[test]
fn help_man_page_and_completions_agree() {
    let man = said(&Command::Man).replace('\\', "");
    let scripts =
        [Shell::Bash, Shell::Zsh, Shell::Fish].map(|shell| said(&Command::Completions { shell }));
    let mut command = Args::command();
    let help = command.render_long_help().to_string();
    for option in command.get_arguments().filter_map(clap::Arg::get_long) {
        let long = format!("--{option}");
        assert!(help.contains(&long) && man.contains(&long), "{long}");
        for script in &scripts {
            assert!(script.contains(option), "{long}");
        }
    }
    for name in ["host", "completions", "man", "info"] {
        assert!(
            help.contains(name) && scripts.iter().all(|s| s.contains(name)),
            "{name}"
        );
    }
}

#[test]
fn info_names_what_a_bug_report_needs() {
    let info = said(&Command::Info);
    for wanted in [
        env!("CARGO_PKG_VERSION"),
        "Features",
        "Ethernet",
        "YR1",
        "cause_window",
        "Memory ",
    ] {
        assert!(info.contains(wanted), "{wanted} is not in\n{info}");
    }
}

/// Whoever changes an option sees here what people will read. Options differ with the features.
#[cfg(all(feature = "live", feature = "tui"))]
#[test]
fn help_reads_as_it_did() {
    let help = Args::command().term_width(100).render_long_help();
    crate::report::sample::snapshot("help", &help.to_string());
    let man = said(&Command::Man);
    crate::report::sample::snapshot("man", &man.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

/// A shell must be able to read its script; where it is not installed nothing is learned.
#[test]
fn completions_are_scripts() {
    for (shell, program) in [
        (Shell::Bash, "bash"),
        (Shell::Zsh, "zsh"),
        (Shell::Fish, "fish"),
    ] {
        let script = said(&Command::Completions { shell });
        for word in ["--redact-key", "--group", "markdown", "completions"] {
            let bare = word.trim_start_matches('-');
            assert!(script.contains(bare), "{program} lacks {word}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script");
        fs::write(&file, script).unwrap();
        let checked = std::process::Command::new(program)
            .arg("-n")
            .arg(&file)
            .output();
        if let Ok(checked) = checked {
            assert!(checked.status.success(), "{program}: {checked:?}");
        }
    }
}
