//! Writing that a killed program does not leave half done: the system may take only part of a write of somebody whom
//! SIGKILL meets in it. So another process writes. It is told by messages, and what did not come whole is not written.
//!
//! | message | what it holds |
//! |---|---|
//! | `o` | a path; the file there is written from now on, at its end |
//! | `w` | whole blocks or lines |
//!
//! Each is a letter, four bytes of length and so many bytes; the answer is four bytes: 0, or the number of the error.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::second;
use crate::capture::fence::{Fence, User};
use crate::cli::fenced;

/// The first argument that makes this program write; no person gives it.
pub(super) const TASK: &str = "--write-whole";
/// More is sent in parts, of which each is whole on the disk or not at all; a batch of frames has some MiB.
const LONGEST: usize = 256 << 20;

/// A file that another process writes.
#[derive(Debug)]
pub(in crate::cli) struct Whole {
    line: UnixStream,
}

impl Whole {
    /// Starts a process that may write in the folder of `path`, as `user`.
    fn start(path: &Path, user: Option<User>) -> anyhow::Result<Self> {
        let folder = fenced::folder_of(path).into_os_string();
        let line = second::start(TASK, &[folder], user)?;
        line.set_read_timeout(None)?;
        Ok(Self { line })
    }

    /// Goes on at the end of the file of this name, which is there.
    pub(in crate::cli) fn open(&mut self, path: &Path) -> io::Result<()> {
        self.say(b'o', path.as_os_str().as_bytes())
    }

    /// Another end of the same line.
    pub(super) fn another(&self) -> io::Result<Self> {
        let line = self.line.try_clone()?;
        Ok(Self { line })
    }

    fn say(&mut self, what: u8, bytes: &[u8]) -> io::Result<()> {
        let len = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let mut head = vec![what];
        head.extend(len.to_be_bytes());
        self.line.write_all(&head)?;
        self.line.write_all(bytes)?;
        let mut answer = [0; 4];
        self.line.read_exact(&mut answer)?;
        match i32::from_be_bytes(answer) {
            0 => Ok(()),
            number => Err(io::Error::from_raw_os_error(number)),
        }
    }
}

/// What is written by one call is on the disk whole or not at all.
impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = bytes.get(..LONGEST).unwrap_or(bytes);
        self.say(b'w', part)?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// For a file that is there; none for what is no file, and where no process can be started: then it is written as
/// everything else is.
pub(super) fn for_file(path: &Path, user: Option<User>) -> Option<Whole> {
    if !path.metadata().is_ok_and(|there| there.is_file()) {
        return None;
    }
    let mut whole = Whole::start(path, user).ok()?;
    whole.open(path).ok()?;
    Some(whole)
}

pub(super) fn carry_out(
    line: &UnixStream,
    user: Option<User>,
    mut arguments: impl Iterator<Item = OsString>,
) -> anyhow::Result<()> {
    let folder = arguments.next().unwrap_or_default();
    let fence = Fence {
        user,
        write: vec![folder.into()],
        ..Fence::default()
    };
    fence.up()?;
    second::is_ready(line)?;
    serve(line);
    Ok(())
}

/// Writes until nobody sends any more.
fn serve(line: &UnixStream) {
    let (mut from, mut to) = (line, line);
    let (mut head, mut bytes) = ([0; 5], Vec::new());
    let mut file = None;
    while from.read_exact(&mut head).is_ok() {
        let [what, length @ ..] = head;
        let length = u32::from_be_bytes(length);
        bytes.clear();
        let read = (&mut from).take(length.into()).read_to_end(&mut bytes);
        // Whoever sent this was killed in the middle of it.
        if !read.is_ok_and(|read| u32::try_from(read) == Ok(length)) {
            break;
        }
        let done = match (what, &mut file) {
            (b'o', file) => append(&bytes).map(|opened| *file = Some(opened)),
            (_, Some(file)) => file.write_all(&bytes),
            (_, None) => Err(io::ErrorKind::NotFound.into()),
        };
        let number = done.map_or_else(|error| error.raw_os_error().unwrap_or(5), |()| 0);
        if to.write_all(&number.to_be_bytes()).is_err() {
            break;
        }
    }
}

fn append(path: &[u8]) -> io::Result<File> {
    File::options()
        .append(true)
        .open(Path::new(OsStr::from_bytes(path)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;

    use super::*;

    #[test]
    fn what_came_whole_is_written_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "so far;").expect("a file");
        let (here, there) = UnixStream::pair().expect("a pair of sockets");
        let writer = thread::spawn(move || serve(&there));
        let mut whole = Whole { line: here };
        assert!(whole.write_all(b"nowhere").is_err());
        assert!(whole.open(&folder.path().join("none")).is_err());
        whole.open(&path).expect("a file");
        whole.write_all(b"one;").expect("written");
        let mut another = whole.another().expect("another end");
        another.write_all(b"two;").expect("written");
        // Killed in the middle of a message.
        whole.line.write_all(b"w\0\0\0\x09thr").expect("sent");
        drop((whole, another));
        writer.join().expect("its end");
        let written = fs::read_to_string(&path).expect("the file");
        assert_eq!(written, "so far;one;two;");
    }
}
