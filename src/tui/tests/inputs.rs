//! What is read: live captures, further captures, and what is cut out of them.

use super::*;

#[test]
fn a_live_capture_tells_how_it_fares() {
    let size = (160, 48);
    let mut app = app(size);
    for n in 0..5_u32 {
        app.update(Message::Update(Update::Live {
            frames: u64::from(n) * 40,
            dropped: u64::from(n) / 4 * 7,
            rate: f64::from(n) * 40.0,
        }));
    }
    let header = screen(&app, size).lines().next().unwrap().to_owned();
    assert!(
        header.contains("stopped 160 frames ▲ 7 dropped"),
        "{header}"
    );
    let told = Update::Live {
        frames: 10,
        dropped: 0,
        rate: 40.0,
    };
    let header = |app: &App| screen(app, size).lines().next().unwrap().to_owned();
    let mut app = empty(size, &[told]);
    assert!(
        header(&app).contains("40 frames/s █ 10 frames"),
        "{}",
        header(&app)
    );
    press(&mut app, "p");
    app.update(Message::Update(Update::Report(Arc::new(report()))));
    assert!(header(&app).contains("PAUSED (10 new)"), "{}", header(&app));
}

#[test]
fn another_capture_begins_with_nothing_of_the_one_before() {
    let size = (80, 24);
    let mut app = app(size);
    press(&mut app, "m t T / k Enter");
    let Some(Effect::Open(path)) = ({
        press(&mut app, "O");
        write(&mut app, "b.pcap");
        press(&mut app, "Enter")
    }) else {
        panic!("nothing to open")
    };
    assert_eq!(path, "b.pcap");
    let options = report::Options {
        sources: vec!["b.pcap".into()],
        ..report::Options::default()
    };
    let (time, theme) = (app.options.time, app.theme_name);
    app.update(Message::Opened(Box::new(options)));
    assert!(app.is_reading() && app.marks.is_empty() && app.filter_text.is_empty());
    assert_eq!((app.options.time, app.theme_name), (time, theme));
    let text = screen(&app, size);
    assert!(
        text.contains("b.pcap") && text.contains("Contacts 0"),
        "{text}"
    );
}

#[test]
fn paths_are_completed_as_far_as_they_agree() {
    let mut app = app((80, 24));
    press(&mut app, "O");
    write(&mut app, "a");
    let tab = Message::Key(key("Tab"));
    let Some(Effect::ListPaths(text)) = app.update(tab) else {
        panic!("nothing to look for")
    };
    let found = ["ab-one.pcap", "ab-two.pcap"].map(str::to_owned);
    app.update(Message::Paths(text, found.into()));
    let text = screen(&app, (80, 24));
    assert!(
        text.contains(" ab- ") && text.contains("ab-two.pcap"),
        "{text}"
    );
    // An answer to what stands there no longer is none.
    app.update(Message::Paths("a".into(), vec!["away".into()]));
    assert!(!screen(&app, (80, 24)).contains("away"));
}

#[test]
fn evidence_is_asked_for_the_contacts_shown() {
    let mut app = app((80, 24));
    press(&mut app, "/");
    write(&mut app, "kind:issuer");
    let Some(Effect::WriteEvidence(wanted)) = press(&mut app, "Enter w Enter") else {
        panic!("no evidence")
    };
    assert_eq!(wanted.path, "whylencr-evidence.pcapng");
    assert_eq!(
        (wanted.selected.len(), wanted.filter.as_str()),
        (1, "kind:issuer")
    );
    assert_eq!(
        wanted.report.findings.len(),
        10,
        "what it rests on comes along"
    );
    assert!(wanted.redaction.is_none());
    let Some(Effect::WriteEvidence(wanted)) = press(&mut app, "R w Enter") else {
        panic!("no evidence")
    };
    assert!(wanted.redaction.is_some());
    let told = format!("{:?}", wanted.report.findings);
    assert!(
        told.contains("10.0.0.5"),
        "pseudonyms are made while writing"
    );
}
