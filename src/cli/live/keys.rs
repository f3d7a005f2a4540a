//! Key logs that are still being written, read while capturing goes on.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::keep::Keep;
use crate::engine::Engine;

/// Read of one file at a time. A session writes half a kilobyte.
const MOST: u64 = 1 << 20;

/// Key logs, each with what was read of its last line.
#[derive(Debug, Default)]
pub(super) struct KeyLogs {
    logs: Vec<(File, Vec<u8>)>,
}

impl KeyLogs {
    /// Opens all; they stay open, so that no fence is in the way.
    pub(super) fn open(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut logs = Self::default();
        for path in paths {
            logs.add(path)?;
        }
        Ok(logs)
    }

    /// Opens one more.
    pub(super) fn add(&mut self, path: &Path) -> anyhow::Result<()> {
        let file = File::open(path)
            .with_context(|| format!("cannot read the key log {}", path.display()))?;
        self.logs.push((file, Vec::new()));
        Ok(())
    }

    /// Whether there are any.
    pub(super) fn any(&self) -> bool {
        !self.logs.is_empty()
    }

    /// Hands over the lines that were written since the last time. A connection may be over within some
    /// milliseconds, and what it held goes with it: so this comes before every batch of frames.
    pub(super) fn read(&mut self, engine: &mut Engine, mut keep: Option<&mut Keep>) {
        for (file, rest) in &mut self.logs {
            // A log that cannot be read any more leaves what was read of it.
            let _ = file.take(MOST).read_to_end(rest);
            let Some(end) = rest.iter().rposition(|&byte| byte == b'\n') else {
                // No line of a key log is that long.
                if rest.len() as u64 >= MOST {
                    rest.clear();
                }
                continue;
            };
            let lines: Vec<u8> = rest.drain(..=end).collect();
            if engine.secrets(&lines) > 0
                && let Some(keep) = &mut keep
            {
                keep.secrets(&lines);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::engine::Config;

    const LINE: &str = "CLIENT_RANDOM 0000000000000000000000000000000000000000000000000000000000000000 \
        111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111\n";

    #[test]
    fn lines_are_read_once_they_are_whole() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let mut logs = KeyLogs::open(&[file.path().to_owned()]).expect("the log");
        let mut engine = Engine::new(Config::default());
        let mut taken = |logs: &mut KeyLogs| {
            logs.read(&mut engine, None);
            engine.report().coverage.keys.0
        };
        assert_eq!(taken(&mut logs), 0);
        let (begin, end) = LINE.split_at(70);
        file.write_all(begin.as_bytes()).expect("half a line");
        assert_eq!(taken(&mut logs), 0);
        file.write_all(end.as_bytes()).expect("the rest");
        assert_eq!(taken(&mut logs), 1);
        file.write_all(b"# a comment\n").expect("more");
        assert_eq!(taken(&mut logs), 1);
    }
}
