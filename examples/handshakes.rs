//! The handshakes of a capture, one JSON object a line, to be held against those of other tools:
//! `cargo run --example handshakes CAPTURE [KEYLOG]`.

#[path = "../tests/support/handshakes.rs"]
mod handshakes;

use std::path::PathBuf;

#[expect(clippy::print_stdout, reason = "a list for developers")]
fn main() {
    let mut paths = std::env::args().skip(1).map(PathBuf::from);
    let Some(capture) = paths.next() else {
        println!("usage: handshakes CAPTURE [KEYLOG]");
        return;
    };
    for handshake in handshakes::of(&capture, paths.next().as_deref()) {
        println!("{handshake}");
    }
}
