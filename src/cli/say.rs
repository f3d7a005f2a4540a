//! What is said beside the report, on standard error: for people, or with its level before each line, as
//! sd-daemon(3) has it and the journal and syslog(3) tools read it.

use std::fmt::{self, Display};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

static LEVELS: AtomicBool = AtomicBool::new(false);

/// What is said while the screen belongs to the UI, which would not survive it.
static HELD: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// Runs what takes the screen; what is said meanwhile is said afterwards.
#[cfg(feature = "tui")]
pub(super) fn afterwards<R>(screen: impl FnOnce() -> R) -> R {
    let held = |lines| {
        HELD.lock()
            .map_or(None, |mut held| std::mem::replace(&mut *held, lines))
    };
    held(Some(Vec::new()));
    let result = screen();
    for line in held(None).unwrap_or_default() {
        eprintln!("{line}");
    }
    result
}

/// From now on each line begins with its level.
#[cfg(feature = "live")]
pub(super) fn with_levels() {
    LEVELS.store(true, Ordering::Relaxed);
}

/// What ended the program, or keeps it from what it was asked for.
pub(super) fn error(text: impl Display) {
    say(3, &text);
}

/// What the results lack.
#[cfg(feature = "live")]
pub(super) fn warning(text: impl Display) {
    say(4, &text);
}

/// Anything else worth a line.
#[cfg(feature = "live")]
pub(super) fn info(text: impl Display) {
    say(6, &text);
}

fn say(level: u8, text: &dyn Display) {
    let leveled = LEVELS.load(Ordering::Relaxed);
    let line = line(leveled.then_some(level), text);
    match HELD.lock() {
        Ok(mut held) if held.is_some() => held.iter_mut().for_each(|held| held.push(line.clone())),
        _ => eprintln!("{line}"),
    }
}

fn line(level: Option<u8>, text: &dyn Display) -> String {
    let text = fmt::format(format_args!("whylencr: {text}"));
    match level {
        None => text,
        Some(level) => {
            let lines = text.lines().map(|line| format!("<{level}>{line}"));
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_its_level() {
        assert_eq!(line(None, &"one\ntwo"), "whylencr: one\ntwo");
        assert_eq!(line(Some(4), &"one\ntwo"), "<4>whylencr: one\n<4>two");
    }
}
