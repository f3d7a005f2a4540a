//! Writes a capture made to exhaust an analyser: `cargo run --release --example hostile -- KIND BYTES FILE`.

#![expect(
    clippy::cast_possible_truncation,
    reason = "lengths on the wire are short"
)]

#[path = "../tests/support/hostile.rs"]
mod hostile;

use std::io::Write as _;

#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a tool for developers"
)]
fn main() -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, size, file] = words.as_slice() else {
        let kinds: Vec<_> = hostile::Kind::ALL.iter().map(|k| k.name()).collect();
        eprintln!("usage: hostile KIND BYTES FILE; kinds: {}", kinds.join(" "));
        std::process::exit(2);
    };
    let kind = hostile::Kind::ALL.into_iter().find(|k| k.name() == kind);
    let (Some(kind), Ok(size)) = (kind, size.parse()) else {
        eprintln!("no such kind or size");
        std::process::exit(2);
    };
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    hostile::write(kind, size, &mut out)?;
    out.flush()
}
