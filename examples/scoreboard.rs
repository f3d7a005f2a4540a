//! The scoreboard: every labelled capture against its truth. `cargo run --release --example scoreboard [-- -v]`.

#[path = "../tests/support/score.rs"]
mod score;

use std::path::Path;

#[expect(clippy::print_stdout, reason = "a report for developers")]
fn main() {
    let verbose = std::env::args().any(|a| a == "-v");
    let root = std::env::args()
        .skip(1)
        .find(|a| !a.starts_with('-'))
        .unwrap_or_else(|| "captures".to_owned());
    let mut board = score::Board::default();
    for capture in score::labelled(Path::new(&root)) {
        let report = score::explain(&capture);
        board.add(&capture, &report);
    }
    for line in &board.lines {
        let wrong_cause = line.cause_right == Some(false);
        if verbose
            || line.result >= score::Result::Declined
            || line.result == score::Result::Missed
            || wrong_cause
        {
            println!(
                "{:?}{} {}: {} ({}) -> {}",
                line.result,
                if wrong_cause { " cause" } else { "" },
                line.capture,
                line.fetch,
                line.proof,
                line.said
            );
        }
    }
    for extra in &board.extra {
        println!("extra {extra}");
    }
    for alert in &board.alerts {
        println!("alert {alert}");
    }
    println!("\n{}", board.summary());
}
