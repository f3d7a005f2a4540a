//! Key logs that are still being written, read while packets come in.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

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
        super::keylogs::tell_unusable_of(path);
        self.logs.push((file, Vec::new()));
        Ok(())
    }

    /// Whether there are any.
    pub(super) fn any(&self) -> bool {
        !self.logs.is_empty()
    }

    /// Hands over the lines that were written since the last time, or some of them: then it says that there
    /// are more. A connection may be over within some milliseconds, and what it held goes with it: so this
    /// comes before every batch of frames.
    pub(super) fn read(&mut self, mut take: impl FnMut(&[u8])) -> bool {
        let mut more = false;
        for (file, rest) in &mut self.logs {
            // A log that cannot be read any more leaves what was read of it.
            let read = file.take(MOST).read_to_end(rest).unwrap_or_default();
            more |= read as u64 == MOST;
            let Some(end) = rest.iter().rposition(|&byte| byte == b'\n') else {
                // No line of a key log is that long.
                if rest.len() as u64 >= MOST {
                    rest.clear();
                }
                continue;
            };
            let (lines, _) = rest.split_at(end + 1);
            take(lines);
            rest.drain(..=end);
        }
        more
    }

    /// Hands over the rest, also a line without its end.
    pub(super) fn read_rest(&mut self, mut take: impl FnMut(&[u8])) {
        while self.read(&mut take) {}
        self.logs.drain(..).for_each(|(_, rest)| take(&rest));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::engine::{Config, Engine};

    const LINE: &str = "CLIENT_RANDOM 0000000000000000000000000000000000000000000000000000000000000000 \
        111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111\n";

    #[test]
    fn lines_are_read_once_they_are_whole() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let mut logs = KeyLogs::open(&[file.path().to_owned()]).expect("the log");
        let mut engine = Engine::new(Config::default());
        let mut taken = |logs: &mut KeyLogs| {
            logs.read(|lines| {
                engine.secrets(lines);
            });
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
        let other = LINE.replacen('0', "2", 1);
        file.write_all(other.trim_end().as_bytes()).expect("no end");
        assert_eq!(taken(&mut logs), 1);
        logs.read_rest(|lines| {
            engine.secrets(lines);
        });
        assert_eq!(engine.report().coverage.keys.0, 2);
    }
}
