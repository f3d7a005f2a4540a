//! Which operating system software is of, by what it says.

const WINDOWS: u8 = 1;
const APPLE: u8 = 2;
/// By the word of a browser alone. Firefox that resists fingerprinting, and what is made of it, says so on
/// every desktop (bugzilla.mozilla.org 1333651; Tor Browser, LibreWolf).
const CLAIMED_WINDOWS: u8 = 16;

/// How many systems were named. `stack` are the initial TTLs seen of TCP: that of Windows is 128, so with 64
/// alone it is only claimed.
pub(super) const fn count(systems: u8, stack: u8) -> u32 {
    let claimed = systems & CLAIMED_WINDOWS != 0 && stack != 1;
    let named = systems & !CLAIMED_WINDOWS;
    (if claimed { named | WINDOWS } else { named }).count_ones()
}

/// The operating system that software names in its User-Agent, as a bit; 0 when it names none.
pub(super) fn system_of(agent: &str) -> u8 {
    const SYSTEMS: [(u8, &[&str]); 5] = [
        (CLAIMED_WINDOWS, &["Windows NT"]),
        (
            WINDOWS,
            &[
                "Microsoft-CryptoAPI",
                "Microsoft NCSI",
                "Windows-Update-Agent",
            ],
        ),
        (
            APPLE,
            &["Macintosh", "iPhone", "iPad", "com.apple.", "Darwin/"],
        ),
        (4, &["Android"]),
        (8, &["X11; Linux", "X11; Ubuntu", "Debian APT"]),
    ];
    let named = SYSTEMS
        .iter()
        .find(|(_, signs)| signs.iter().any(|sign| agent.contains(sign)));
    named.map_or(0, |(bit, _)| *bit)
}

/// The operating system whose own TLS offers these cipher suites, as a bit; 0 for software that runs on
/// several. The second part of a JA4 stands for the suites alone (FoxIO JA4 technical details); which are
/// whose: FoxIO ja4plus-mapping.csv, and for Apple's the fingerprints that curl-impersonate measures of
/// Safari 15 to 26.
pub(super) fn system_of_ciphers(ja4: &str) -> u8 {
    const OWN: [(&str, u8); 3] = [
        ("d83cc789557e", WINDOWS),
        ("76e208dd3e22", WINDOWS),
        ("a09f3c656075", APPLE),
    ];
    // Behind the first part, of ten characters.
    let suites = ja4.get(10..).and_then(|rest| rest.strip_prefix('_'));
    let own = OWN.iter().find(|(hash, _)| {
        suites
            .and_then(|suites| suites.strip_prefix(hash))
            .is_some_and(|rest| rest.starts_with('_'))
    });
    own.map_or(0, |(_, bit)| *bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_says_windows_on_another_stack_is_in_disguise() {
        let linux = system_of("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0");
        let claimed = system_of("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Firefox/140.0");
        let windows = system_of("Microsoft-CryptoAPI/10.0");
        assert_eq!(count(linux | claimed, 1), 1);
        assert_eq!(count(linux | claimed, 2), 2);
        assert_eq!(count(linux | windows, 1), 2);
        assert_eq!(count(claimed | windows, 2), 1);
    }
}
