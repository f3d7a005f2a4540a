//! A file that another program is still writing, read as if it were a pipe.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long to wait before looking again; short for a person, cheap for the machine.
const PAUSE: Duration = Duration::from_millis(100);

/// Waits at the end of a file for more of it, until told to stop. A record that is half written is waited
/// for, since the reader above just asks for the rest.
#[derive(Debug)]
pub struct Follow {
    file: File,
    stop: Arc<AtomicBool>,
    pause: Duration,
}

impl Follow {
    /// Follows `file` until `stop` becomes true.
    #[must_use]
    pub fn new(file: File, stop: Arc<AtomicBool>) -> Self {
        Self {
            file,
            stop,
            pause: PAUSE,
        }
    }

    /// A file that became shorter is another capture now, and what was read of it does not go on.
    fn check_not_replaced(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() < self.file.stream_position()? {
            return Err(io::Error::other(
                "the file became shorter while it was followed: another capture was begun in its place",
            ));
        }
        Ok(())
    }
}

impl Read for Follow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read(buffer)? {
                0 if buffer.is_empty() || self.stop.load(Ordering::Relaxed) => return Ok(0),
                0 => {
                    self.check_not_replaced()?;
                    std::thread::sleep(self.pause);
                }
                count => return Ok(count),
            }
        }
    }
}
