//! Everything that is tested from outside: one binary, so that it links once.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests read bundled files, and fail by panicking"
)]

#[path = "../support/alerts_page.rs"]
mod alerts_page;
mod cli;
mod correlation;
mod counts;
mod docs;
mod exhausting;
mod facts;
#[path = "../support/counts.rs"]
mod facts_of;
mod glances;
mod golden;
mod handshakes;
#[path = "../support/hidden.rs"]
mod hidden;
#[path = "../support/hostile/mod.rs"]
mod hostile;
#[cfg(feature = "live")]
mod lab;
mod layering;
#[path = "../support/handshakes.rs"]
mod listed;
#[cfg(feature = "live")]
mod live;
mod lossy;
mod networks;
mod notation;
mod properties;
mod robust;
#[expect(
    dead_code,
    reason = "the document's schema is checked beside the code that writes it"
)]
#[path = "../support/schema.rs"]
mod schema;
#[expect(
    dead_code,
    reason = "the scoreboard prints more than it is held against"
)]
#[path = "../support/score.rs"]
mod score;
mod scoreboard;
mod shares;
mod tampered;
#[cfg(all(feature = "tui", unix))]
mod terminal;
mod threats;
mod weeks;

use std::path::PathBuf;

/// A path inside the package.
fn packaged(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
