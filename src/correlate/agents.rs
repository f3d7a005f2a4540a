//! Which client software made a request, from what it sent (domain knowledge, each with its source in the docs).

use crate::event::{Request, TargetForm};

/// How a family of clients goes about revocation and issuer fetches.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Family {
    /// Firefox and other NSS browsers: inside the handshake.
    Firefox,
    /// Chromium and its kin: inside the handshake.
    Chromium,
    /// Java: inside the handshake.
    Java,
    /// Windows CryptoAPI: inside the handshake, retries within 20 s.
    CryptoApi,
    /// Apple trustd: for an app, inside its handshake.
    Trustd,
    /// stunnel: inside the handshake.
    Stunnel,
    /// wget2, GnuTLS tools and others that check inside the handshake when told to.
    Wget2,
    /// HAProxy's own OCSP updates.
    HaProxy,
    /// Apache's own OCSP updates (mod_md); mod_ssl sends no agent.
    Apache,
    /// Go programs: Caddy, Traefik and other servers; also tools.
    Go,
    /// certbot and other Python programs.
    Python,
    /// Programs in other languages that come with nothing that checks by itself: Perl, Ruby, PHP, Node.
    Script,
    /// curl.
    Curl,
    /// wget and other downloaders.
    Downloader,
    /// Some other named program.
    Named,
    /// HTTP/1.0 without User-Agent, `GET` with nothing but Host: nginx's stapling, written by hand in C.
    BareGet,
    /// HTTP/1.0 without User-Agent, `POST`: OpenSSL, GnuTLS and Apache mod_ssl.
    BarePost,
    /// HTTP/1.1 without User-Agent: .NET, strongSwan and others.
    Silent,
}

impl Family {
    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Firefox => "Firefox",
            Self::Chromium => "Chromium",
            Self::Java => "Java",
            Self::CryptoApi => "Windows CryptoAPI",
            Self::Trustd => "Apple trustd",
            Self::Stunnel => "stunnel",
            Self::Wget2 => "wget2",
            Self::HaProxy => "HAProxy",
            Self::Apache => "Apache",
            Self::Go => "Go",
            Self::Python => "Python",
            Self::Script => "a script",
            Self::Curl => "curl",
            Self::Downloader => "a downloader",
            Self::Named => "a named program",
            Self::BareGet | Self::BarePost | Self::Silent => "a silent program",
        }
    }

    /// Whether it is run by itself, by a person or a script: its requests belong to no handshake, not even to
    /// one of its own. Neither curl nor wget asks a responder or fetches a list or an issuer for a handshake
    /// (their manuals: `--crlfile`, `--cert-status`, `--crl-file`).
    #[must_use]
    pub const fn is_run_by_itself(self) -> bool {
        matches!(self, Self::Curl | Self::Downloader)
    }

    /// Whether it is that or a script, whose language comes with nothing that checks by itself.
    #[must_use]
    pub const fn is_script(self) -> bool {
        self.is_run_by_itself() || matches!(self, Self::Python | Self::Script)
    }

    /// Whether programs of this family fetch by themselves, while a handshake is held.
    /// Measured: none of these fetched after application data had flowed.
    #[must_use]
    pub const fn is_verifier(self) -> bool {
        matches!(
            self,
            Self::Firefox
                | Self::Chromium
                | Self::Java
                | Self::CryptoApi
                | Self::Trustd
                | Self::Stunnel
                | Self::Wget2
        )
    }

    /// Whether programs of this family may check when the handshake is done, before they send data: SChannel
    /// gives the certificate to who uses it only then, and so do `SslStream` of .NET and `ssl` of Python. The
    /// others that check were all measured to do so before their Finished.
    #[must_use]
    pub const fn may_hold_data(self) -> bool {
        matches!(
            self,
            Self::CryptoApi | Self::Silent | Self::Named | Self::Python | Self::Script
        )
    }

    /// Whether a person or a script types such requests.
    #[must_use]
    pub const fn is_tool(self) -> bool {
        matches!(
            self,
            Self::Curl
                | Self::Downloader
                | Self::Python
                | Self::Script
                | Self::BarePost
                | Self::Go
                | Self::Named
                | Self::Silent
        )
    }

    /// Whether servers make such requests about their own certificates.
    #[must_use]
    pub const fn is_stapler(self) -> bool {
        matches!(
            self,
            Self::HaProxy | Self::Apache | Self::Go | Self::BareGet | Self::BarePost
        )
    }
}

/// The family of a request.
#[must_use]
pub fn family(request: &Request) -> Family {
    let Some(agent) = request.agent.as_deref() else {
        return match (request.minor_version, request.method.as_str()) {
            (0, "GET") if request.form == TargetForm::Origin && request.header_order == "host" => {
                Family::BareGet
            }
            (0, "GET") => Family::BareGet,
            (0, _) => Family::BarePost,
            _ => Family::Silent,
        };
    };
    let lower = agent.to_ascii_lowercase();
    let has = |text: &str| lower.contains(text);
    let starts = |text: &str| lower.starts_with(text);
    if starts("microsoft-cryptoapi") {
        Family::CryptoApi
    } else if has("trustd") || starts("ocspd/") || starts("ocspd ") || has("securityd") {
        Family::Trustd
    } else if starts("java/") || has(" java/") || starts("java-http-client") {
        // A program that sets `http.agent` has its name before that of Java (HttpURLConnection).
        Family::Java
    } else if has("firefox/") || has("thunderbird/") || has("seamonkey/") {
        Family::Firefox
    } else if has("chrome/") || has("chromium/") || has("headlesschrome/") || has("edg/") {
        Family::Chromium
    } else if starts("stunnel") {
        Family::Stunnel
    } else if starts("wget2") {
        Family::Wget2
    } else if starts("haproxy") {
        Family::HaProxy
    } else if starts("apache/") {
        Family::Apache
    } else if starts("go-http-client") || starts("caddy") || starts("traefik") {
        Family::Go
    } else if starts("python") || starts("certbot") {
        Family::Python
    } else if SCRIPTS.iter().any(|name| starts(name)) || lower == "node" {
        Family::Script
    } else if starts("curl/") || starts("libcurl") {
        Family::Curl
    } else if starts("wget/") || starts("aria2") || starts("fetch") || has("powershell/") {
        Family::Downloader
    } else {
        Family::Named
    }
}

/// What the libraries of scripting languages call themselves (libwww-perl, Net::HTTP of Ruby, Guzzle of PHP,
/// axios and undici of Node), and scripts that look at certificates (testssl.sh, `UA_STD`; check_ssl_cert;
/// HTTPie).
const SCRIPTS: &[&str] = &[
    "libwww-perl/",
    "lwp",
    "ruby",
    "guzzlehttp/",
    "php",
    "axios/",
    "undici",
    "node-fetch/",
    "tls tester from",
    "check_ssl_cert/",
    "httpie/",
];

/// Whether a request is as OpenSSL writes it (`openssl ocsp`, `OCSP_sendreq_new`): GnuTLS adds Accept and
/// Connection, mod_ssl Connection.
#[must_use]
pub fn is_of_openssl(request: &Request) -> bool {
    family(request) == Family::BarePost
        && matches!(
            request.header_order.as_str(),
            "host,content-type,content-length" | "content-type,content-length"
        )
}

/// Client software in a few words for people: "Firefox 153", "Java 17.0.15", "Windows CryptoAPI 10.0".
#[must_use]
pub fn describe(request: &Request) -> Option<String> {
    let agent = request.agent.as_deref();
    let version = |marker: &str| {
        let agent = agent?;
        let at = agent.to_ascii_lowercase().find(marker)? + marker.len();
        let digits: String = agent
            .get(at..)?
            .chars()
            .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '_'))
            .take(16)
            .collect();
        Some(digits.trim_end_matches('.').to_owned()).filter(|d| !d.is_empty())
    };
    let major = |marker: &str| version(marker).and_then(|v| v.split('.').next().map(str::to_owned));
    let named = |name: &str, version: Option<String>| {
        Some(version.map_or_else(|| name.to_owned(), |v| format!("{name} {v}")))
    };
    match family(request) {
        Family::Firefox => named("Firefox", major("firefox/")),
        Family::Chromium if agent.is_some_and(|a| a.contains("Edg/")) => {
            named("Edge", major("edg/"))
        }
        Family::Chromium => named("Chromium", major("chrome/")),
        Family::Java => named("Java", version("java/")),
        Family::CryptoApi => named("Windows CryptoAPI", version("cryptoapi/")),
        Family::Trustd => named("Apple trustd", version("trustd/")),
        Family::Stunnel => named("stunnel", None),
        Family::Wget2 => named("wget2", version("wget2/")),
        Family::HaProxy => named("HAProxy", None),
        Family::Apache => named("Apache", version("apache/")),
        Family::Go => named("a Go program", None),
        Family::Python => named("a Python program", None),
        Family::Curl => named("curl", version("curl/")),
        Family::Script | Family::Downloader | Family::Named => agent.map(|a| {
            a.split([' ', '('])
                .next()
                .unwrap_or_default()
                .chars()
                .take(40)
                .collect()
        }),
        Family::BareGet | Family::BarePost | Family::Silent => None,
    }
}
