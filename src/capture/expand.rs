//! From what was given on the command line to the files to read.

use std::fs;
use std::path::{Path, PathBuf};

use super::Error;
use super::source::{Options, open_with};

/// Folders inside folders; deeper ones are a loop made by mount points, or a trap.
const MAX_DEPTH: usize = 64;

/// Replaces folders, when `recursive`, by the captures in and below them, sorted by path. A file counts as
/// a capture when its first bytes say so, whatever its name; links to folders are not followed. What was
/// given by name stays as it is, so that a mistake in it is reported.
///
/// # Errors
///
/// When a folder cannot be listed, or was given without `recursive`.
pub fn expand(paths: &[PathBuf], recursive: bool) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" || !path.is_dir() {
            files.push(path.clone());
        } else if recursive {
            walk(path, MAX_DEPTH, &mut files)?;
        } else {
            return Err(Error::Directory {
                name: path.display().to_string(),
            });
        }
    }
    Ok(files)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::Open {
        name: folder.display().to_string(),
        source,
    };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        entries.push((entry.path(), entry.file_type().map_err(failed)?));
    }
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (path, kind) in entries {
        if kind.is_dir() {
            if depth > 0 {
                walk(&path, depth - 1, files)?;
            }
        } else if path.is_file() && is_capture(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// Opening is the test: it looks through compression too.
fn is_capture(path: &Path) -> bool {
    let options = Options {
        buffer: 4 << 10,
        ..Options::default()
    };
    open_with(path, &options).is_ok()
}
