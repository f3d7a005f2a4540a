//! Writes a capture made to exhaust an analyser (`cargo run --release --example hostile -- KIND BYTES FILE`),
//! or one that has many of something (`... -- KIND COUNT FILE`).

#![expect(
    clippy::cast_possible_truncation,
    reason = "lengths on the wire are short"
)]

#[path = "../tests/support/hostile/mod.rs"]
mod hostile;

use std::io::Write as _;

use hostile::scale::{self, Scale};

#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a tool for developers"
)]
fn main() -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, size, file] = words.as_slice() else {
        let kinds: Vec<_> = hostile::Kind::ALL.iter().map(|k| k.name()).collect();
        let scales: Vec<_> = Scale::ALL.iter().map(|k| k.name()).collect();
        eprintln!("usage: hostile KIND BYTES FILE; kinds: {}", kinds.join(" "));
        eprintln!(
            "       hostile KIND COUNT FILE; kinds: {}",
            scales.join(" ")
        );
        std::process::exit(2);
    };
    let hostile = hostile::Kind::ALL.into_iter().find(|k| k.name() == kind);
    let large = Scale::ALL.into_iter().find(|k| k.name() == kind);
    let Ok(size) = size.parse::<u64>() else {
        eprintln!("no such size");
        std::process::exit(2);
    };
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    match (hostile, large) {
        (Some(kind), _) => hostile::write(kind, size, &mut out)?,
        (_, Some(kind)) => scale::write(kind, size as u32, &mut out)?,
        _ => {
            eprintln!("no such kind");
            std::process::exit(2);
        }
    }
    out.flush()
}
