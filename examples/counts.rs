//! The facts of a capture, one JSON object a line, to be held against those of other tools:
//! `cargo run --example counts CAPTURE [KEYLOG]`.

#[path = "../tests/support/counts.rs"]
mod counts;

use std::path::PathBuf;

use serde_json::json;

#[expect(clippy::print_stdout, reason = "a list for developers")]
fn main() {
    let mut paths = std::env::args().skip(1).map(PathBuf::from);
    let Some(capture) = paths.next() else {
        println!("usage: counts CAPTURE [KEYLOG]");
        return;
    };
    let (packets, facts) = counts::of(&capture, paths.next().as_deref());
    println!(
        "{}",
        json!({"kind": "packets", "text": packets.to_string(), "frame": 0})
    );
    for fact in facts {
        println!(
            "{}",
            json!({"kind": fact.kind, "text": fact.text, "frame": fact.frame})
        );
    }
}
