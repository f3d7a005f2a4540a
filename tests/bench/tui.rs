//! The terminal UI over 100,000 findings: one drawing, one key, one new report.
//!
//! `cargo bench --bench tui`

#![expect(clippy::expect_used, reason = "a measurement of a bundled file")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use whylencr::capture::Item;
use whylencr::capture::merge;
use whylencr::engine::{Config, Engine};
use whylencr::finding::{FindingId, Report};
use whylencr::time::Span;
use whylencr::tui::{App, Message, Start, Update, view};

const FINDINGS: u64 = 100_000;
const CAPTURE: &str = "captures/lab/30-mixed-two-hosts.pcapng";
const SIZES: [(u16, u16); 2] = [(80, 24), (160, 48)];

/// What the bundled capture shows, over and over for a day.
fn report() -> Report {
    let path = format!("{}/{CAPTURE}", env!("CARGO_MANIFEST_DIR"));
    let mut source = merge::open_all(&[path.into()], None).expect("the bundled capture");
    let mut engine = Engine::new(Config::default());
    while let Some(item) = source.next_item() {
        if let Item::Frame(frame) = item {
            engine.push(frame);
        }
    }
    engine.close();
    let mut report = engine.report();
    let templates = std::mem::take(&mut report.findings);
    let (first, _) = report.coverage.span.expect("frames");
    report.findings = (0..FINDINGS)
        .zip(templates.iter().cycle())
        .map(|(n, template)| {
            let into = i64::try_from(n).expect("few") * 864_000;
            let mut finding = template.clone();
            finding.id = FindingId(n + 1);
            finding.at = first.plus(Span::from_nanos(into * 1_000));
            finding
        })
        .collect();
    let last = first.plus(Span::from_secs(86_400));
    report.coverage.span = Some((first, last));
    report
}

fn app(report: &Arc<Report>, size: (u16, u16)) -> App {
    let mut app = App::new(Start::default(), size);
    app.update(Message::Update(Update::Report(Arc::clone(report))));
    app
}

fn key(code: KeyCode) -> Message {
    Message::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn screen((columns, rows): (u16, u16)) -> Terminal<TestBackend> {
    Terminal::new(TestBackend::new(columns, rows)).expect("a screen in memory")
}

fn benches(criterion: &mut Criterion) {
    let report = Arc::new(report());
    for size in SIZES {
        let name = |what: &str| format!("{what}, {}x{}", size.0, size.1);
        let mut terminal = screen(size);
        let mut shown = app(&report, size);
        criterion.bench_function(&name("one drawing"), |b| {
            b.iter(|| {
                terminal
                    .draw(|frame| view(black_box(&shown), frame))
                    .expect("drawn");
            });
        });
        criterion.bench_function(&name("one line down, drawn"), |b| {
            b.iter(|| {
                shown.update(key(KeyCode::Down));
                terminal.draw(|frame| view(&shown, frame)).expect("drawn");
            });
        });
        criterion.bench_function(&name("to the end and back, drawn"), |b| {
            b.iter(|| {
                for code in [KeyCode::End, KeyCode::Home] {
                    shown.update(key(code));
                    terminal.draw(|frame| view(&shown, frame)).expect("drawn");
                }
            });
        });
    }
    let size = SIZES[0];
    let mut shown = app(&report, size);
    criterion.bench_function("a new report", |b| {
        b.iter_batched(
            || Arc::clone(&report),
            |report| shown.update(Message::Update(Update::Report(report))),
            BatchSize::LargeInput,
        );
    });
    let mut shown = app(&report, size);
    shown.update(key(KeyCode::Char('/')));
    for c in "kind:cr".chars() {
        shown.update(key(KeyCode::Char(c)));
    }
    criterion.bench_function("the last letter of a filter, and its end taken back", |b| {
        b.iter(|| {
            shown.update(key(KeyCode::Char('l')));
            shown.update(key(KeyCode::Backspace));
        });
    });
    let mut shown = app(&report, size);
    criterion.bench_function("all five groupings", |b| {
        b.iter(|| {
            for _ in 0..5 {
                shown.update(key(KeyCode::Char('g')));
            }
        });
    });
}

criterion_group!(tui, benches);
criterion_main!(tui);
