//! Signals besides those that end a capture.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;

/// What was asked for by signal since it was looked at last.
#[derive(Debug, Default)]
pub(super) struct Signals {
    statistics: Arc<AtomicBool>,
    reopen: Arc<AtomicBool>,
}

impl Signals {
    /// Listens: SIGUSR1 for statistics, SIGHUP for outputs to be opened anew.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let signals = Self::default();
        #[cfg(unix)]
        {
            use signal_hook::consts::{SIGHUP, SIGUSR1};
            let failed = "cannot listen for signals";
            signal_hook::flag::register(SIGUSR1, Arc::clone(&signals.statistics))
                .context(failed)?;
            signal_hook::flag::register(SIGHUP, Arc::clone(&signals.reopen)).context(failed)?;
        }
        Ok(signals)
    }

    /// Whether statistics were asked for.
    pub(super) fn statistics(&self) -> bool {
        self.statistics.swap(false, Ordering::Relaxed)
    }

    /// Whether outputs are to be opened anew.
    pub(super) fn reopen(&self) -> bool {
        self.reopen.swap(false, Ordering::Relaxed)
    }
}
