//! Rate and time left, on a terminal, for work longer than a second.

use std::io::{IsTerminal, Write as _, stderr};
use std::time::{Duration, Instant};

/// A line that is drawn over itself.
pub(super) struct Progress {
    started: Instant,
    drawn: Option<Instant>,
    shown: bool,
}

impl Progress {
    /// Starts the clock; `wanted` is false when standard error serves something else.
    pub(super) fn start(wanted: bool) -> Self {
        Self {
            started: Instant::now(),
            drawn: None,
            shown: wanted && stderr().is_terminal() && !super::output::is_dumb(),
        }
    }

    /// Draws at most five times a second, not in the first second.
    pub(super) fn tick(&mut self, consumed: u64, size: Option<u64>, frames: u64) {
        if !self.shown {
            return;
        }
        let elapsed = self.started.elapsed();
        let recent = self
            .drawn
            .is_some_and(|at| at.elapsed() < Duration::from_millis(200));
        if elapsed < Duration::from_secs(1) || recent {
            return;
        }
        self.drawn = Some(Instant::now());
        let rate = mega(consumed) / elapsed.as_secs_f64();
        let rest = size.filter(|s| *s > 0).map(|size| {
            let share = mega(consumed) / mega(size);
            let left = elapsed.as_secs_f64() * (1.0 - share) / share.max(1e-6);
            format!("  {:3.0}%  {left:.0} s left", share * 100.0)
        });
        let rest = rest.unwrap_or_default();
        let _ = write!(
            stderr(),
            "\r\x1b[K{:.1} MB  {rate:.1} MB/s  {frames} frames{rest}",
            mega(consumed)
        );
    }

    /// Removes the line.
    pub(super) fn clear(&self) {
        if self.drawn.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
