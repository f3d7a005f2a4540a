//! Words of one line, taken from the front.

use whylencr::time::{Span, Timestamp};

/// The words of a line.
#[derive(Clone, Debug)]
pub(crate) struct Words<'a> {
    line: &'a str,
    rest: Vec<&'a str>,
}

impl<'a> Words<'a> {
    pub(crate) fn of(line: &'a str) -> Self {
        let mut rest: Vec<&str> = line.split_whitespace().collect();
        rest.reverse();
        Self { line, rest }
    }

    /// The next word, whatever it is.
    pub(crate) fn next(&mut self) -> Option<&'a str> {
        self.rest.pop()
    }

    /// The next word, which must be there.
    pub(crate) fn need(&mut self, what: &str) -> &'a str {
        self.next()
            .unwrap_or_else(|| panic!("`{}` lacks {what}", self.line))
    }

    pub(crate) fn peek(&self) -> Option<&'a str> {
        self.rest.last().copied()
    }

    /// Takes the next word when it is `word`.
    pub(crate) fn take(&mut self, word: &str) -> bool {
        let there = self.peek() == Some(word);
        if there {
            self.next();
        }
        there
    }

    /// Takes the next word when `test` holds.
    pub(crate) fn take_if(&mut self, test: impl Fn(&str) -> bool) -> Option<&'a str> {
        let word = self.peek().filter(|w| test(w))?;
        self.next();
        Some(word)
    }

    /// Takes all that follow while `test` holds.
    pub(crate) fn take_while(&mut self, test: impl Fn(&str) -> bool) -> Vec<String> {
        std::iter::from_fn(|| self.take_if(&test))
            .map(str::to_owned)
            .collect()
    }

    /// Refuses a word that no line of this kind has.
    pub(crate) fn refuse(&self, word: &str) -> ! {
        panic!("`{}`: what is `{word}`?", self.line)
    }
}

/// `120` and `0.5` are milliseconds; `3s`, `10m`, `2h`, `7d` are longer.
pub(crate) fn span(word: &str) -> Option<Span> {
    let (digits, nanos) = match word.char_indices().next_back()? {
        (at, 's') => (&word[..at], 1e9),
        (at, 'm') => (&word[..at], 60e9),
        (at, 'h') => (&word[..at], 3_600e9),
        (at, 'd') => (&word[..at], 86_400e9),
        _ => (word, 1e6),
    };
    let number: f64 = digits.parse().ok()?;
    Some(Span::from_nanos((number * nanos).round() as i64))
}

/// A time of the case: `span` after its start.
pub(crate) fn time(start: Timestamp, word: &str) -> Timestamp {
    start.plus(span(word).unwrap_or_else(|| panic!("`{word}` is no time")))
}
