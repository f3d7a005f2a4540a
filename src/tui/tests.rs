use std::sync::Arc;

mod inputs;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use smallvec::smallvec;

use super::*;
use crate::event::{Beat, BeatKind, DnsOutcome, Name};
use crate::finding::{FindingId, Lookup, Report};
use crate::flow::Side;
use crate::frame::FrameNo;
use crate::report::{redact::Redaction, safe, sample};
use crate::time::Span;

/// The sample report, with what only this presenter shows: lookups, and a handshake that waits.
fn report() -> Report {
    let (mut report, _) = sample::report();
    let handshake = &mut report.handshakes[0];
    let first = report.findings[0].at;
    handshake.hello_at = first.minus(Span::from_millis(84));
    handshake.opened_at = Some(handshake.hello_at.minus(Span::from_millis(10)));
    handshake.server_hello_at = Some(handshake.hello_at.plus(Span::from_millis(20)));
    handshake.certificate_at = Some(handshake.hello_at.plus(Span::from_millis(21)));
    handshake.first_data_at = Some(handshake.hello_at.plus(Span::from_millis(160)));
    let beat = |at: i64, side, kind| {
        let spoke = Beat {
            side,
            kind,
            record_len: 100,
        };
        (
            handshake.hello_at.plus(Span::from_millis(at)),
            FrameNo::new(12),
            spoke,
        )
    };
    let beats = [
        beat(0, Side::Client, BeatKind::ClientHello),
        beat(20, Side::Server, BeatKind::ServerFlight),
        beat(140, Side::Client, BeatKind::KeyExchange),
    ];
    handshake.beats = beats.into_iter().collect();
    let lookup = |name: &str, at: i64, outcome| {
        Arc::new(Lookup {
            at: handshake.hello_at.plus(Span::from_millis(at)),
            client: "10.0.0.5:5353".parse().unwrap(),
            server: "10.0.0.1:53".parse().unwrap(),
            name: Name::new(name),
            qtype: 1,
            outcome,
            addresses: vec!["93.184.216.34".parse().unwrap()],
            chain: vec![],
            took: Some(Span::from_millis(12)),
            frames: smallvec![FrameNo::new(8), FrameNo::new(9)],
        })
    };
    report.lookups = vec![
        lookup("shop.example", -30, DnsOutcome::Answered),
        lookup("r10.o.lencr.org", 30, DnsOutcome::Answered),
        lookup("r3.o.lencr.org", 900, DnsOutcome::NoSuchName),
    ];
    report
}

fn app(size: (u16, u16)) -> App {
    let (_, options) = sample::report();
    let start = Start {
        options,
        theme: ThemeName::Mono,
        redaction: Some(Redaction {
            key: [7; 32],
            sites: false,
        }),
        ..Start::default()
    };
    let mut app = App::new(start, size);
    app.update(Message::Update(Update::Report(Arc::new(report()))));
    app.update(Message::Update(Update::Ended(None)));
    app
}

fn key(name: &str) -> KeyEvent {
    let code = match name {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        name => KeyCode::Char(name.chars().next().unwrap()),
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}

/// Presses keys, parted by spaces; returns the last effect.
fn press(app: &mut App, keys: &str) -> Option<Effect> {
    keys.split(' ')
        .map(|name| app.update(Message::Key(key(name))))
        .last()
        .flatten()
}

fn write(app: &mut App, text: &str) {
    for c in text.chars() {
        app.update(Message::Key(KeyEvent::new(
            KeyCode::Char(c),
            KeyModifiers::NONE,
        )));
    }
}

fn screen(app: &App, (columns, rows): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| view(app, frame)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let mut text = String::new();
    for row in 0..rows {
        let line: String = (0..columns)
            .map(|column| buffer[(column, row)].symbol())
            .collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("tui_{name}"), text));
}

const SIZES: [(u16, u16); 3] = [(60, 20), (80, 24), (160, 48)];

#[test]
fn every_screen_in_every_size() {
    for (name, keys) in [
        ("contacts", "^"),
        ("grouped", "g j j"),
        ("finding", "Enter"),
        ("sites", "2"),
        ("devices", "3"),
        ("lookups", "4"),
        ("alerts", "5"),
        ("coverage", "6"),
        ("about", "7"),
        ("help", "?"),
        ("palette", ": t i m"),
        ("export", "e"),
        ("filter", "/ k i"),
        ("wrong_filter", "/ k i n d : x"),
        ("unexplained", "u"),
        ("hostile", "A A A Enter"),
        ("copy", "y"),
        ("evidence", "w"),
        ("open", "O"),
        ("packets_awaited", "b"),
        ("zoomed", "Tab Tab + + ."),
        ("below", "2 Tab j j"),
    ] {
        let mut shown = String::new();
        for size in SIZES {
            let mut app = app(size);
            press(&mut app, keys);
            shown.push_str(&format!(
                "=== {} x {}\n{}",
                size.0,
                size.1,
                screen(&app, size)
            ));
        }
        snapshot(name, &shown);
    }
}

/// A UI that has seen nothing; what it was told so far.
fn empty(size: (u16, u16), told: &[Update]) -> App {
    let options = report::Options {
        sources: vec!["empty.pcap".into()],
        ..report::Options::default()
    };
    let start = Start {
        options,
        theme: ThemeName::Mono,
        ..Start::default()
    };
    let mut app = App::new(start, size);
    for update in told {
        app.update(Message::Update(update.clone()));
    }
    app
}

#[test]
fn every_screen_without_a_contact_in_every_size() {
    let nothing = [Update::Report(Arc::default()), Update::Ended(None)];
    let listening = [Update::Live {
        frames: 120,
        dropped: 3,
        rate: 40.0,
    }];
    for (name, keys, told) in [
        ("empty_reading", "1", &[][..]),
        ("empty_listening", "1", &listening[..]),
        ("empty_contacts", "1", &nothing[..]),
        ("empty_finding", "Enter", &nothing[..]),
        ("empty_sites", "2", &nothing[..]),
        ("empty_devices", "3", &nothing[..]),
        ("empty_lookups", "4", &nothing[..]),
        ("empty_alerts", "5", &nothing[..]),
        ("empty_coverage", "6", &nothing[..]),
        ("empty_about", "7", &nothing[..]),
    ] {
        let mut shown = String::new();
        for size in SIZES {
            let mut app = empty(size, told);
            press(&mut app, keys);
            let screen = screen(&app, size);
            shown.push_str(&format!("=== {} x {}\n{screen}", size.0, size.1));
        }
        snapshot(name, &shown);
    }
}

#[test]
fn before_anything_is_read_and_when_nothing_was_found() {
    let size = (80, 24);
    let mut app = App::new(Start::default(), size);
    assert!(screen(&app, size).contains("Reading."));
    let progress = Update::Progress {
        consumed: 5_000_000,
        size: Some(10_000_000),
        frames: 9,
        rate: 5e6,
    };
    app.update(Message::Update(progress));
    assert!(screen(&app, size).contains("50%  5.0 MB/s  1 s left"));
    app.update(Message::Update(Update::Report(Arc::default())));
    app.update(Message::Update(Update::Ended(Some("cut at byte 7".into()))));
    let text = screen(&app, size);
    assert!(
        text.contains("cut short") && !text.contains("Reading."),
        "{text}"
    );
    press(&mut app, "6");
    assert!(screen(&app, size).contains("cut at byte 7"));
}

#[test]
fn a_terminal_too_small_is_told() {
    let mut app = app((59, 16));
    assert!(screen(&app, (59, 16)).contains("needs 60 columns and 16 rows"));
    app.update(Message::Resize(60, 16));
    assert!(screen(&app, (60, 16)).contains("Contacts 10"));
}

#[test]
fn the_selection_stays_on_its_finding() {
    let mut app = app((80, 24));
    press(&mut app, "j j j");
    assert_eq!(app.selected, Some(FindingId(4)));
    let mut newer = report();
    newer.findings.remove(1);
    newer.findings.insert(0, sample::unexplained(99));
    newer.findings.insert(0, sample::unexplained(98));
    app.update(Message::Update(Update::Report(Arc::new(newer))));
    assert_eq!(app.selected, Some(FindingId(4)));
    assert_eq!(app.finding().map(|f| f.id), Some(FindingId(4)));
    // Also through sorting, grouping and a filter that lets it pass.
    for keys in ["s s", "g", "S"] {
        press(&mut app, keys);
        assert_eq!(app.finding().map(|f| f.id), Some(FindingId(4)), "{keys}");
    }
    press(&mut app, "/");
    write(&mut app, "kind:issuer");
    press(&mut app, "Enter");
    assert_eq!(app.finding().map(|f| f.id), Some(FindingId(4)));
}

#[test]
fn the_filter_line_checks_completes_and_gives_way() {
    let mut app = app((80, 24));
    press(&mut app, "/");
    write(&mut app, "kind:o");
    press(&mut app, "Tab");
    assert_eq!(app.index.shown, 4, "{}", screen(&app, (80, 24)));
    press(&mut app, "Esc");
    assert_eq!((app.index.shown, app.filter_text.as_str()), (10, ""));
    press(&mut app, "/");
    write(&mut app, "alert:high");
    press(&mut app, "Enter");
    assert_eq!(
        (app.index.shown, app.filter_text.as_str()),
        (1, "alert:high")
    );
    press(&mut app, "Esc");
    assert_eq!(app.index.shown, 10);
}

#[test]
fn back_and_forward_lead_through_the_places_seen() {
    let mut app = app((80, 24));
    press(&mut app, "2 Enter");
    assert_eq!(
        (app.screen, app.filter_text.as_str()),
        (Screen::Contacts, "site:shop.example")
    );
    press(&mut app, "Enter");
    assert_eq!(app.screen, Screen::Finding);
    let back = KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE);
    app.update(Message::Key(back));
    assert_eq!(
        (app.screen, app.filter_text.as_str()),
        (Screen::Contacts, "site:shop.example")
    );
    app.update(Message::Key(back));
    assert_eq!((app.screen, app.filter_text.as_str()), (Screen::Sites, ""));
    app.update(Message::Key(KeyEvent::new(
        KeyCode::Right,
        KeyModifiers::ALT,
    )));
    assert_eq!(
        (app.screen, app.filter_text.as_str()),
        (Screen::Contacts, "site:shop.example")
    );
}

#[test]
fn effects_carry_what_was_asked_for() {
    let mut app = app((80, 24));
    assert!(matches!(press(&mut app, "q"), Some(Effect::Quit)));
    let Some(Effect::Copy(why, _)) = press(&mut app, "y w") else {
        panic!("no copy")
    };
    assert!(why.contains("shop.example"), "{why}");
    let Some(Effect::Copy(json, _)) = press(&mut app, "y j") else {
        panic!("no copy")
    };
    assert!(json.starts_with("{\"schema\":"), "{json}");
    press(&mut app, "/");
    write(&mut app, "kind:issuer");
    let Some(Effect::Save {
        format,
        path,
        report,
        ..
    }) = press(&mut app, "Enter e j Enter")
    else {
        panic!("no report")
    };
    assert_eq!(
        (format, path.as_str()),
        (report::Format::Json, "whylencr.json")
    );
    assert_eq!(report.findings.len(), 1);
    assert_eq!(app.report.findings.len(), 10, "only the export is narrowed");
    press(&mut app, "R");
    let Some(Effect::Copy(why, _)) = press(&mut app, "y w") else {
        panic!("no copy")
    };
    assert!(!why.contains("10.0.0.5"), "{why}");
    assert!(!screen(&app, (160, 48)).contains("10.0.0.5"));
}

#[test]
fn the_bytes_of_the_proof_are_shown_and_marked() {
    let mut app = app((80, 24));
    let Some(Effect::ReadFrames(wanted)) = press(&mut app, "b") else {
        panic!("nothing asked for")
    };
    assert!(wanted.contains(&FrameNo::new(15)));
    assert!(screen(&app, (80, 24)).contains("Reading them again"));
    let frames = [15, 27].map(|no| FrameBytes {
        no: FrameNo::new(no),
        at: sample::START,
        bytes: b"POST / HTTP/1.1\r\nHost: r10.o.lencr.org\r\n\r\n\x1b[2J".to_vec(),
    });
    app.update(Message::Frames(Ok(frames.into())));
    snapshot("bytes", &screen(&app, (80, 24)));
    press(&mut app, "Esc R");
    assert!(press(&mut app, "b").is_none(), "bytes cannot be redacted");
}

#[test]
fn pausing_holds_the_picture() {
    let mut app = app((80, 24));
    press(&mut app, "p");
    let mut newer = report();
    newer.findings.truncate(3);
    app.update(Message::Update(Update::Report(Arc::new(newer))));
    assert_eq!(app.index.shown, 10);
    press(&mut app, "p");
    assert_eq!(app.index.shown, 3);
}

#[test]
fn the_mouse_selects_opens_and_changes_screens() {
    let mut app = app((80, 24));
    let click = |app: &mut App, column, row| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        app.update(Message::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        }));
    };
    click(&mut app, 10, 5);
    assert_eq!(app.selected, Some(FindingId(3)));
    click(&mut app, 10, 5);
    assert_eq!(app.screen, Screen::Finding);
    press(&mut app, "Esc");
    // The histogram stands in the last line but one; dragging over it moves the list.
    app.update(Message::Mouse(MouseEvent {
        kind: MouseEventKind::Drag(MouseButton::Left),
        column: 79,
        row: 22,
        modifiers: KeyModifiers::NONE,
    }));
    assert_eq!(app.selected, Some(FindingId(10)));
    click(&mut app, 10, 22);
    assert_eq!(app.selected, Some(FindingId(1)));
    click(&mut app, 16, 1);
    assert_eq!(app.screen, Screen::Sites);
}

#[test]
fn a_hundred_thousand_contacts_are_drawn_a_screen_at_a_time() {
    let mut many = report();
    let template = many.findings.clone();
    many.findings = (0..100_000_u64)
        .map(|n| {
            let mut finding = template[usize::try_from(n).unwrap() % template.len()].clone();
            finding.id = FindingId(n + 1);
            finding.at = sample::START.plus(Span::from_nanos(i64::try_from(n).unwrap() * 400_000));
            finding
        })
        .collect();
    let mut app = app((80, 24));
    app.update(Message::Update(Update::Report(Arc::new(many))));
    press(&mut app, "G");
    assert_eq!(app.selected, Some(FindingId(100_000)));
    assert!(app.cursors[0].top > 99_900);
    assert!(screen(&app, (80, 24)).contains("Contacts 100000"));
    press(&mut app, "g ^ Enter j");
    assert!(
        app.index.rows.len() < 100_010,
        "a folded group shows no contacts"
    );
}

#[test]
fn ascii_is_ascii_on_every_screen() {
    for keys in ["^", "Enter", "2", "3", "4", "5", "6", "7", "?", "g", "e"] {
        let (_, options) = sample::report();
        let mut app = App::new(
            Start {
                options,
                ascii: true,
                ..Start::default()
            },
            (160, 48),
        );
        app.update(Message::Update(Update::Report(Arc::new(report()))));
        press(&mut app, keys);
        let text = screen(&app, (160, 48));
        assert!(text.is_ascii(), "{keys}: {text}");
    }
}

fn any_message() -> impl Strategy<Value = Message> {
    let codes = prop_oneof![
        6 => prop::sample::select("jkhlgGoSsafnNmub'+-0,.=[]/:?etTyprRFOqwx1234567 \"*".chars().collect::<Vec<_>>())
            .prop_map(KeyCode::Char),
        1 => any::<char>().prop_map(KeyCode::Char),
        3 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Up, KeyCode::Down,
            KeyCode::Left, KeyCode::Right, KeyCode::Home, KeyCode::End, KeyCode::PageUp, KeyCode::PageDown,
            KeyCode::Backspace, KeyCode::Delete, KeyCode::F(1), KeyCode::Insert,
        ]),
    ];
    let modifiers = prop::sample::select(vec![
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::CONTROL,
        KeyModifiers::ALT,
        KeyModifiers::SHIFT,
    ]);
    let kinds = prop::sample::select(vec![
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Drag(MouseButton::Left),
        MouseEventKind::ScrollDown,
        MouseEventKind::ScrollUp,
        MouseEventKind::Moved,
    ]);
    prop_oneof![
        12 => (codes, modifiers).prop_map(|(c, m)| Message::Key(KeyEvent::new(c, m))),
        3 => (kinds, 0..200_u16, 0..60_u16).prop_map(|(kind, column, row)| {
            Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
        }),
        1 => (0..200_u16, 0..60_u16).prop_map(|(w, h)| Message::Resize(w, h)),
        1 => ".{0,12}".prop_map(Message::Paste),
        1 => (0..11_usize).prop_map(|n| {
            let mut report = report();
            report.findings.truncate(n);
            Message::Update(Update::Report(Arc::new(report)))
        }),
        1 => Just(Message::Update(Update::Live { frames: 7, dropped: 1, rate: 3.5 })),
        1 => Just(Message::Update(Update::Ended(Some("cut".into())))),
        1 => prop::collection::vec(any::<u8>(), 0..90).prop_map(|bytes| {
            Message::Frames(Ok(vec![FrameBytes { no: FrameNo::new(15), at: sample::START, bytes }]))
        }),
        1 => Just(Message::Done(Err("\u{1b}[2Jno".into()))),
        1 => Just(Message::Opened(Box::default())),
        1 => (".{0,3}", prop::collection::vec(".{0,9}", 0..4))
            .prop_map(|(text, paths)| Message::Paths(text, paths)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_a_person_or_a_capture_does_panics_or_reaches_the_terminal_alive(
        messages in prop::collection::vec(any_message(), 1..60),
        ascii in any::<bool>(),
    ) {
        let (_, options) = sample::report();
        let mut app = App::new(Start { options, ascii, ..Start::default() }, (80, 24));
        app.update(Message::Update(Update::Report(Arc::new(report()))));
        for (n, message) in messages.into_iter().enumerate() {
            app.update(message);
            if n % 4 == 0 {
                let (columns, rows) = (app.size.0.max(1), app.size.1.max(1));
                let text = screen(&app, (columns, rows));
                prop_assert!(!text.lines().any(|l| l.chars().any(safe::is_obeyed)), "{}", text);
                prop_assert!(!ascii || text.is_ascii());
            }
        }
    }
}
