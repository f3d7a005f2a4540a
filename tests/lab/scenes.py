"""What clients do. Each scene is recorded into a capture of its own."""

import subprocess
import time

SCENES = {}
LAN = ("r", "br0")
C1 = ("c1", "eth0")


def scene(name, notes, software, *, at=C1, needs=(), keys=False):
    def keep(run):
        run.notes, run.software, run.at, run.needs, run.keys = notes, software, at, needs, keys
        SCENES[name] = run
        return run
    return keep


# --- clients -------------------------------------------------------------------------------------------------

def curl(lab, host, site, *more):
    return ("curl", "-sS", "-o", "/dev/null", "--cacert", lab.pki.roots, *more, f"https://{site}/")


def curl_crl(lab, host, sites, url, **options):
    """A script gets a list by its address."""
    lab.do(host, sites, "curl", "-sS", "-o", "/dev/null", url, agent="curl/", reason="manual", **options)


def gnutls(lab, host, site):
    lab.do(host, [site], "sh", "-c", f"printf 'GET / HTTP/1.0\\r\\nHost: {site}\\r\\n\\r\\n' | gnutls-cli --ocsp --x509cafile {lab.pki.roots} "
           f"-p 443 {site}")


def s_client_crl(lab, host, site, *more):
    lab.do(host, [site], "openssl", "s_client", "-connect", f"{site}:443", "-servername", site, "-crl_check",
           "-crl_download", "-CAfile", lab.pki.roots, *more)


def visit_for_staple(lab, host, site):
    """A visitor who asks for a staple, and nobody else."""
    lab.do(host, [site], "sh", "-c", f"printf 'GET / HTTP/1.0\\r\\nHost: {site}\\r\\n\\r\\n' | openssl s_client -connect {site}:443 "
           f"-servername {site} -status -ign_eof -CAfile {lab.pki.roots}")


def cron_ocsp(lab, host, site, reason="manual"):
    """A job asks about a certificate that it has as a file."""
    known = lab.pki.sites[site]
    lab.do(host, [], "openssl", "ocsp", "-issuer", lab.pki.cert(known.issuer), "-cert", known.leaf, "-url", known.ocsp,
           "-CAfile", lab.pki.roots, "-no_nonce", reason=reason)


def trust(lab, host):
    """Puts the lab's root where NSS finds it (Chromium), and into a profile of Firefox. Returns the profile."""
    home = lab.home(host)
    profile = home / "firefox"
    for store in (home / ".pki/nssdb", profile):
        if not store.exists():
            store.mkdir(parents=True)
            subprocess.run(["certutil", "-N", "--empty-password", "-d", f"sql:{store}"], check=True)
            text = lab.pki.roots.read_text()
            for number, one in enumerate(text.split("-----END CERTIFICATE-----\n")[:-1]):
                pem = one[one.index("-----BEGIN"):] + "-----END CERTIFICATE-----\n"
                subprocess.run(["certutil", "-A", "-d", f"sql:{store}", "-n", f"root{number}", "-t", "C,,"],
                               input=pem.encode(), check=True)
    (profile / "user.js").write_text("".join(f"user_pref({key}, {value});\n" for key, value in {
        '"security.OCSP.enabled"': 1,
        '"security.pki.crlite_mode"': 0,
        '"security.ssl.enable_ocsp_stapling"': "true",
        '"network.trr.mode"': 5,
        '"network.dns.disablePrefetch"': "true",
        '"network.captive-portal-service.enabled"': "false",
        '"network.connectivity-service.enabled"': "false",
        '"app.normandy.enabled"': "false",
        '"browser.safebrowsing.downloads.remote.enabled"': "false",
        '"browser.startup.homepage"': '"about:blank"',
        '"browser.aboutwelcome.enabled"': "false",
        '"datareporting.policy.dataSubmissionEnabled"': "false",
        '"toolkit.telemetry.enabled"': "false",
        '"services.settings.server"': '"https://nowhere.invalid"',
        '"dom.security.https_first"': "false",
    }.items()))
    return profile


def firefox(lab, host, sites, *, visits=None, seconds=8):
    profile = trust(lab, host)
    env = {"MOZ_HEADLESS": "1", "MOZ_DISABLE_CONTENT_SANDBOX": "1"}
    if lab.keylog:
        env |= {"SSLKEYLOGFILE": str(lab.keylog), "NSS_ALLOW_SSLKEYLOGFILE": "1"}
    urls = [f"https://{site}/" for site in sites]
    lab.do(host, visits or sites, "firefox-esr", "--no-remote", "--profile", profile, *urls, agent="Firefox/",
           env=env, limit=seconds)


def chromium(lab, host, sites, *, visits=None, seconds=7, reason="issuer-chasing"):
    trust(lab, host)
    keys = ["--ssl-key-log-file=" + str(lab.keylog)] if lab.keylog else []
    # One page that has them all: without a screen there is one tab.
    page = lab.home(host) / "tabs.html"
    page.write_text("".join(f'<iframe src="https://{site}/"></iframe>' for site in sites))
    lab.do(host, visits or sites, "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic",
           "--remote-debugging-port=0", f"--user-data-dir={lab.home(host)}/chromium", *keys, f"file://{page}",
           agent="Chrome/", reason=reason, limit=seconds)


JAVA = """
import java.net.*; import javax.net.ssl.*; import java.io.*;
public class Visit {
  public static void main(String[] sites) throws Exception {
    for (String site : sites) {
      if (site.startsWith("wait:")) { Thread.sleep(Integer.parseInt(site.substring(5))); continue; }
      try (InputStream in = new URL("https://" + site + "/").openStream()) { in.readAllBytes(); }
      catch (IOException e) { System.out.println(site + ": " + e); }
    }
  }
}
"""


def java(lab, host, sites, *options, security="", reason="client-revocation-check"):
    """Options turn on what the platform can: -Dcom.sun.net.ssl.checkRevocation=true and so on."""
    home = lab.home(host)
    store = home / "trust.p12"
    if not store.exists():
        text = lab.pki.roots.read_text().split("-----END CERTIFICATE-----\n")[:-1]
        for number, one in enumerate(text):
            pem = home / f"root{number}.pem"
            pem.write_text(one + "-----END CERTIFICATE-----\n")
            subprocess.run(["keytool", "-importcert", "-noprompt", "-alias", f"root{number}", "-file", pem,
                            "-keystore", store, "-storepass", "changeit"], check=True, capture_output=True)
    (home / "Visit.java").write_text(JAVA)
    (home / "more.security").write_text(security or "ocsp.enable=true\n")
    visits = [s for s in sites if not s.startswith("wait:")]
    lab.do(host, visits, "java", f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit",
           f"-Djava.security.properties={home}/more.security", "-Dcom.sun.net.ssl.checkRevocation=true", "-Dcom.sun.security.enableCRLDP=true", *options,
           home / "Visit.java", *sites, agent="Java/", reason=reason, limit=60)


# --- one client at a time ------------------------------------------------------------------------------------

@scene("01-gnutls-ocsp", "gnutls-cli --ocsp: TLS 1.2 and 1.3, RSA and EC issuers, one after the other.", "gnutls-cli 3.7",
       needs=("gnutls-cli",))
def _(lab):
    for site in ("www.anchor.example", "shop.cedar.example", "www.ginkgo.example", "shop.hazel.example"):
        gnutls(lab, "c1", site)


@scene("02-openssl-crl", "openssl s_client -crl_download: lists of leaves inside the handshake.", "OpenSSL 3.0",
       needs=("openssl",))
def _(lab):
    for site in ("api.delta.example", "www.elm.example", "api.iris.example"):
        s_client_crl(lab, "c1", site)


@scene("03-curl-script", "curl visits sites; a script gets lists and an issuer certificate afterwards.", "curl 7.88",
       needs=("curl",))
def _(lab):
    for site in ("blog.fern.example", "www.elm.example", "api.delta.example"):
        lab.do("c1", [site], *curl(lab, "c1", site), agent="curl/")
    curl_crl(lab, "c1", ["blog.fern.example"], lab.pki.sites["blog.fern.example"].crl)
    curl_crl(lab, "c1", ["www.elm.example"], lab.pki.sites["www.elm.example"].aia)


@scene("04-cron-openssl", "openssl ocsp about local files: no handshake at all.", "openssl ocsp", needs=("openssl",))
def _(lab):
    for site in ("www.anchor.example", "shop.cedar.example", "bad.nettle.example", "www.palm.example"):
        cron_ocsp(lab, "c1", site)
        time.sleep(0.4)


@scene("05-java-ocsp", "Java 17 with OCSP: two TLS 1.2 sites, one TLS 1.3, and the first again (answers cached).",
       "OpenJDK 17", needs=("java", "keytool"))
def _(lab):
    java(lab, "c1", ["www.anchor.example", "wait:400", "www.birch.example", "wait:400", "shop.hazel.example", "wait:400",
                     "www.anchor.example"])


@scene("06-java-crl", "Java 17 with CRLDP: TLS 1.2, TLS 1.3, leaf and root lists.", "OpenJDK 17", needs=("java", "keytool"))
def _(lab):
    java(lab, "c1", ["api.delta.example", "wait:500", "www.juniper.example", "wait:500", "blog.fern.example"],
         security="ocsp.enable=false\n")


@scene("07-java-aia", "Java 17 with AIA fetching: servers that leave the intermediate out.", "OpenJDK 17",
       needs=("java", "keytool"))
def _(lab):
    java(lab, "c1", ["old.kelp.example", "wait:300", "ec.maple.example"], "-Dcom.sun.security.enableAIAcaIssuers=true",
         "-Dcom.sun.net.ssl.checkRevocation=false", reason="issuer-chasing")


@scene("08-firefox-ocsp", "Firefox, one tab after the other in one run: TLS 1.2 and 1.3 without keys.", "Firefox ESR 153",
       needs=("firefox-esr", "certutil"))
def _(lab):
    firefox(lab, "c1", ["www.birch.example"])
    firefox(lab, "c1", ["www.ginkgo.example"])


@scene("09-firefox-tabs", "Firefox opens five sites at once, two of them pages with pictures from seven more; keys given.",
       "Firefox ESR 153", needs=("firefox-esr", "certutil"), keys=True)
def _(lab):
    from lab import PAGES
    sites = ["cdn.rose.example", "news.sorrel.example", "mail.thyme.example", *([] if not PAGES else [])]
    inside = [s for page in PAGES.values() for s in page]
    firefox(lab, "c1", sites, visits=sites + inside, seconds=12)


@scene("10-firefox-tabs-nokeys", "The same as 09 without keys: TLS 1.2 certificates are readable, the others not.",
       "Firefox ESR 153", at=("c2", "eth0"), needs=("firefox-esr", "certutil"))
def _(lab):
    from lab import PAGES
    sites = ["cdn.rose.example", "news.sorrel.example", "mail.thyme.example"]
    firefox(lab, "c2", sites, visits=sites + [s for page in PAGES.values() for s in page], seconds=12)


@scene("11-firefox-revoked", "Firefox at two revoked sites, TLS 1.2 and 1.3.", "Firefox ESR 153", at=("c3", "eth0"),
       needs=("firefox-esr", "certutil"))
def _(lab):
    firefox(lab, "c3", ["bad.nettle.example", "bad.oak.example"])


@scene("12-chromium-aia", "Chromium chases issuers of three incomplete chains opened at once (TLS 1.2 and 1.3).",
       "Chromium 15x", needs=("chromium", "certutil"))
def _(lab):
    chromium(lab, "c1", ["old.kelp.example", "new.larch.example", "ec.maple.example"])


@scene("13-chromium-aia-keys", "As 12, with a key log.", "Chromium 15x", at=("c2", "eth0"),
       needs=("chromium", "certutil"), keys=True)
def _(lab):
    chromium(lab, "c2", ["new.larch.example", "api.iris.example", "old.kelp.example"])


@scene("14-chromium-aia-roots", "Chromium chases an intermediate and the root above it, one after the other; and that root alone.",
       "Chromium 15x", needs=("chromium", "certutil"))
def _(lab):
    chromium(lab, "c1", ["shop.clove.example", "api.dill.example"])


@scene("15-java-chains", "Java 17 with CRLDP: leaf and root lists of chains with cross-signed roots.", "OpenJDK 17",
       needs=("java", "keytool"))
def _(lab):
    java(lab, "c1", ["www.alder.example", "wait:400", "www.beech.example", "wait:400", "api.iris.example"], security="ocsp.enable=false\n")


@scene("16-openssl-chains", "openssl s_client -crl_check_all by a client that knows the oldest root alone.", "OpenSSL 3.0", needs=("openssl",))
def _(lab):
    for site in ("www.alder.example", "www.beech.example"):
        lab.do("c1", [site], "openssl", "s_client", "-connect", f"{site}:443", "-servername", site, "-crl_check_all",
               "-crl_download", "-CAfile", lab.pki.oldest, limit=10)


@scene("17-file-verify", "openssl verify gets lists for certificates in files, right after visits to other sites: no handshake.",
       "openssl verify, curl", needs=("openssl", "curl"))
def _(lab):
    for visited, file in (("www.juniper.example", "api.iris.example"), ("blog.fern.example", "www.elm.example")):
        lab.do("c1", [visited], *curl(lab, "c1", visited), agent="curl/")
        time.sleep(0.5)
        known = lab.pki.sites[file]
        lab.do("c1", [], "openssl", "verify", "-crl_check", "-crl_download", "-CAfile", lab.pki.roots, "-untrusted", known.chain,
               known.leaf, reason="manual")


@scene("18-gnutls-chase", "gnutls-cli --ca-auto-retrieve: servers that leave the intermediate, or the root above it, out.", "gnutls-cli 3.7",
       needs=("gnutls-cli",))
def _(lab):
    for site in ("old.kelp.example", "new.larch.example", "api.dill.example", "api.iris.example"):
        lab.do("c1", [site], "sh", "-c", f"printf 'GET / HTTP/1.0\\r\\nHost: {site}\\r\\n\\r\\n' | gnutls-cli --ca-auto-retrieve "
               f"--x509cafile {lab.pki.roots} -p 443 {site}", agent=".*", reason="issuer-chasing")


ERLANG = """#!/usr/bin/env escript
main([Roots, Which, Check | Sites]) ->
  application:ensure_all_started(inets), application:ensure_all_started(ssl),
  Self = self(),
  Visit = fun(S) -> visit(Roots, list_to_atom(Check), S) end,
  case Which of
    "together" -> [spawn(fun() -> Visit(S), Self ! over end) || S <- Sites], [receive over -> ok after 15000 -> ok end || _ <- Sites];
    "in-turn" -> [begin Visit(S), timer:sleep(400) end || S <- Sites]
  end.
visit(Roots, Check, Site) ->
  Lists = {ssl_crl_cache, {internal, [{http, 5000}]}},
  Options = [{verify, verify_peer}, {cacertfile, Roots}, {server_name_indication, Site}, {crl_check, Check}, {crl_cache, Lists}, {active, false}],
  case ssl:connect(Site, 443, Options, 10000) of
    {ok, C} -> ssl:send(C, ["GET / HTTP/1.0\\r\\nHost: ", Site, "\\r\\n\\r\\n"]), ssl:recv(C, 0, 3000), ssl:close(C);
    Other -> io:format("~s ~p~n", [Site, Other])
  end.
"""


def erlang(lab, host, which, check, sites):
    """`check` is `peer` (the leaf's list) or `true` (the lists of all the chain)."""
    script = lab.home(host) / "visit.escript"
    script.write_text(ERLANG)
    lab.do(host, sites, "escript", script, lab.pki.roots, which, check, *sites, agent=".*", limit=40)


@scene("19-erlang-lists", "Erlang's ssl gets lists over HTTP inside the handshake: of leaves, one after the other, then of whole chains at once.",
       "Erlang/OTP 25", needs=("escript",))
def _(lab):
    erlang(lab, "c1", "in-turn", "peer", ["api.delta.example", "api.iris.example", "www.juniper.example"])
    erlang(lab, "c1", "together", "true", ["www.alder.example", "www.beech.example", "www.juniper.example", "api.iris.example"])


# --- failures ------------------------------------------------------------------------------------------------

@scene("20-dead-responder", "OCSP responders that are not in the DNS, are silent, refuse or say 503; clients go on.",
       "gnutls-cli, Firefox", at=("c4", "eth0"), needs=("gnutls-cli", "firefox-esr", "certutil"))
def _(lab):
    lab.behave(dns={"r10.o.lencr.org": "nxdomain"}, http={"e5.o.lencr.org": "503"})
    firefox(lab, "c4", ["www.birch.example", "news.sorrel.example"], visits=["www.birch.example", "news.sorrel.example",
            "www.palm.example", "shop.hazel.example", "www.anchor.example"], seconds=10)


@scene("21-blackhole", "The responder's address answers nothing: connections time out, then are tried again.",
       "gnutls-cli, curl", needs=("gnutls-cli", "curl"))
def _(lab):
    lab.behave(dns={"r10.o.lencr.org": "blackhole", "r11.c.lencr.org": "blackhole"})
    with lab.doing("c1", ["www.anchor.example"]):
        child = lab.start("c1", "gnutls-cli", "--ocsp", "--x509cafile", lab.pki.roots, "-p", "443", "www.anchor.example")
        time.sleep(6)
        lab.stop(child)


@scene("22-retries", "Java meets a responder that says 503, then lists that are slow, then all is well.", "OpenJDK 17",
       at=("c2", "eth0"), needs=("java", "keytool"))
def _(lab):
    lab.behave(http={"r10.o.lencr.org": "503"})
    java(lab, "c2", ["www.birch.example"])
    lab.behave(http={"r11.c.lencr.org": "slow"})
    java(lab, "c2", ["api.delta.example"], security="ocsp.enable=false\n")


# --- sessions ------------------------------------------------------------------------------------------------

@scene("30-second-visit", "A session is kept and resumed; the list is got once, in the first visit.", "OpenSSL 3.0",
       needs=("openssl",))
def _(lab):
    kept = lab.home("c1") / "session.pem"
    kept.unlink(missing_ok=True)
    site = "api.delta.example"
    s_client_crl(lab, "c1", site, "-sess_out", kept)
    time.sleep(0.5)
    lab.do("c1", [site], "openssl", "s_client", "-connect", f"{site}:443", "-servername", site, "-sess_in", kept,
           "-CAfile", lab.pki.roots)
    time.sleep(0.5)
    curl_crl(lab, "c1", [site], lab.pki.sites[site].crl)


@scene("31-keep-alive", "curl gets lists of three sites over one connection.", "curl 7.88", needs=("curl",))
def _(lab):
    sites = ["www.elm.example", "blog.fern.example", "api.delta.example"]
    for site in sites:
        lab.do("c1", [site], *curl(lab, "c1", site), agent="curl/")
    parts = []
    for site in sites:
        parts += ["-o", "/dev/null", lab.pki.sites[site].crl]
    lab.do("c1", sites, "curl", "-sS", *parts, agent="curl/", reason="manual")


@scene("32-shared-address", "Three names at one address, checked at the same time by OCSP.", "gnutls-cli 3.7",
       needs=("gnutls-cli",))
def _(lab):
    from lab import SHARED
    lab.together(*(lambda s=s: gnutls(lab, "c1", s) for s in SHARED))


# --- servers that staple -------------------------------------------------------------------------------------

def serve_nginx(lab):
    host, site = "w1", lab.pki.sites["staple.willow.example"]
    home = lab.work / host
    home.mkdir(exist_ok=True)
    (home / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log info; user root;
events {{ worker_connections 64; }}
http {{
  log_format truth escape=json '{{"t":$msec,"lasted":$connection_time,"client_ip":"$remote_addr","client_port":"$remote_port",'
    '"server_ip":"$server_addr","sni":"$ssl_server_name","version":"$ssl_protocol","resumed":"$ssl_session_reused",'
    '"failure":null,"user_agent":"$http_user_agent"}}';
  access_log {home}/access.ndjson truth;
  resolver 192.0.2.53;
  server {{
    listen 443 ssl; server_name {site.name} www.{site.name};
    ssl_certificate {site.chain}; ssl_certificate_key {site.key}; ssl_trusted_certificate {lab.pki.roots};
    ssl_stapling on; ssl_stapling_verify off; return 200 "hello";
  }}
}}
""")
    return lab.start(host, "nginx", "-c", home / "nginx.conf", "-e", home / "error.log")


@scene("40-nginx-stapling", "On the web server: visitors come in, nginx asks about its own certificate.", "nginx 1.22",
       at=("w1", "eth0"), needs=("nginx", "gnutls-cli", "curl", "openssl"))
def _(lab):
    site = "staple.willow.example"
    with lab.doing("w1", [site], reason="server-stapling"):
        server = serve_nginx(lab)
        time.sleep(1)
        for _ in range(3):
            visit_for_staple(lab, "c1", site)
            time.sleep(0.5)
        lab.do("c2", [site], *curl(lab, "c2", site), agent="curl/")
        lab.stop(server)


@scene("41-visitor-of-nginx", "The same server seen from a visitor: a good staple, so gnutls-cli has nothing to ask.",
       "gnutls-cli 3.7", needs=("nginx", "gnutls-cli"))
def _(lab):
    site = "staple.willow.example"
    with lab.doing("w1", [site], reason="server-stapling"):
        server = serve_nginx(lab)
        time.sleep(1)
        for host in ("c2", "c1", "c1"):
            gnutls(lab, host, site)
        lab.stop(server)


@scene("42-apache-stapling", "Apache's mod_ssl asks inside the first visitor's handshake.", "Apache 2.4",
       at=("w2", "eth0"), needs=("apache2", "openssl"))
def _(lab):
    host, site = "w2", lab.pki.sites["staple.yarrow.example"]
    home = lab.work / host
    home.mkdir(exist_ok=True)
    modules = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n"
                      for m in ("mpm_event", "authz_core", "ssl", "socache_shmcb"))
    (home / "apache.conf").write_text(f"""
ServerRoot {home}
PidFile {home}/pid
DefaultRuntimeDir {home}
Mutex file:{home}
{modules}
ServerName {site.name}
User www-data
Group www-data
Listen 443
ErrorLog {home}/error.log
DocumentRoot {home}
SSLSessionCache none
SSLUseStapling on
SSLStaplingCache shmcb:{home}/staples(128000)
LogFormat "{{\\"t\\":%{{msec}}t.0,\\"t_connect\\":%{{sec}}t,\\"client_ip\\":\\"%a\\",\\"client_port\\":\\"%{{remote}}p\\",\\"server_ip\\":\\"%A\\",\\"sni\\":\\"%{{SSL_TLS_SNI}}x\\",\\"version\\":\\"%{{SSL_PROTOCOL}}x\\",\\"resumed\\":\\"%{{SSL_SESSION_RESUMED}}x\\",\\"failure\\":null}}" truth
CustomLog {home}/access.ndjson truth
<VirtualHost *:443>
  ServerName {site.name}
  SSLEngine on
  SSLCertificateFile {site.chain}
  SSLCertificateKeyFile {site.key}
</VirtualHost>
""")
    with lab.doing(host, [site.name], reason="server-stapling"):
        server = lab.start(host, "apache2", "-f", home / "apache.conf", "-DFOREGROUND")
        time.sleep(1.5)
        for _ in range(3):
            visit_for_staple(lab, "c1", site.name)
            time.sleep(0.4)
        lab.stop(server)


@scene("43-haproxy-cron", "HAProxy staples from a file that a job renews with openssl ocsp, while visitors come in.",
       "HAProxy 2.6, openssl ocsp", at=("w3", "eth0"), needs=("haproxy", "openssl"))
def _(lab):
    host, site = "w3", lab.pki.sites["staple.zinnia.example"]
    home = lab.work / host
    home.mkdir(exist_ok=True)
    (home / "site.pem").write_text(site.chain.read_text() + site.key.read_text())
    (home / "site.pem.ocsp").write_bytes(lab.pki.ocsp_of(site))
    (home / "haproxy.cfg").write_text(f"""
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend web
  log stdout format raw local0
  log-format '{{"t":%Ts.%ms,"t_connect":%Ts.%ms,"client_ip":"%ci","client_port":"%cp","server_ip":"%fi","sni":"%[ssl_fc_sni]","version":"%sslv","resumed":"%[ssl_fc_is_resumed]","failure":null}}'
  bind :443 ssl crt {home}/site.pem
  http-request return status 200
""")
    server = lab.start(host, "haproxy", "-f", home / "haproxy.cfg", "-db", out=home / "access.ndjson")
    time.sleep(1)
    for _ in range(2):
        visit_for_staple(lab, "c1", site.name)
        cron_ocsp(lab, host, site.name, reason="server-stapling")
        time.sleep(0.4)
    lab.stop(server)


@scene("44-forward-proxy", "Java behind Apache as a forward proxy, seen beside the proxy: both sides of tunnels and fetches.",
       "OpenJDK 17, Apache 2.4", at=("c4", "eth0"), needs=("java", "keytool", "apache2"))
def _(lab):
    host = "c4"
    home = lab.work / host
    home.mkdir(exist_ok=True)
    modules = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n"
                      for m in ("mpm_event", "authz_core", "proxy", "proxy_http", "proxy_connect"))
    (home / "apache.conf").write_text(f"""
ServerRoot {home}
PidFile {home}/pid
DefaultRuntimeDir {home}
Mutex file:{home}
{modules}
ServerName proxy.example
User www-data
Group www-data
Listen {lab.net.hosts[host][0]}:8080
ErrorLog {home}/error.log
ProxyRequests On
AllowCONNECT 443
""")
    sites = ["www.anchor.example", "wait:400", "api.delta.example", "wait:400", "shop.hazel.example"]
    visits = [s for s in sites if "wait" not in s]
    server = lab.start(host, "apache2", "-f", home / "apache.conf", "-DFOREGROUND")
    time.sleep(1.5)
    proxy = [f"-D{what}.{key}={value}" for what in ("http", "https")
             for key, value in (("proxyHost", lab.net.hosts[host][0]), ("proxyPort", 8080))]
    with lab.doing(host, visits, agent="Java/", reason="proxy"):
        java(lab, "c1", sites, *proxy)
    lab.stop(server)


# --- ACME ----------------------------------------------------------------------------------------------------

@scene("50-certbot", "certbot gets a certificate, then `certbot certificates` asks about it by OCSP; no visit explains it.",
       "certbot 2.1", at=("c3", "eth0"), needs=("certbot",))
def _(lab):
    home = lab.home("c3")
    base = ("certbot", "--config-dir", home / "le", "--work-dir", home / "lew", "--logs-dir", home / "lel",
            "--server", "https://acme-v02.api.letsencrypt.org/directory", "-n")
    env = {"REQUESTS_CA_BUNDLE": str(lab.pki.roots)}
    with lab.doing("c3", [], agent="python-requests", reason="client-certificate-check"):
        lab.do("c3", [], *base, "certonly", "--standalone", "--agree-tos", "-m", "a@b.example", "-d", "own.zebra.example",
               agent="python-requests", reason="client-certificate-check", env=env, limit=60)
        lab.do("c3", [], *base, "certificates", agent="python-requests", reason="client-certificate-check", env=env)


# --- many clients at once ------------------------------------------------------------------------------------

@scene("60-lan-mixed", "Four dual-stack hosts behind one capture point: checks by OCSP and lists, scripts, cron jobs.",
       "gnutls-cli, OpenSSL, curl, openssl ocsp", at=LAN, needs=("gnutls-cli", "curl", "openssl"))
def _(lab):
    def one():
        for site in ("www.anchor.example", "www.ginkgo.example", "shop.cedar.example", "cdn.rose.example"):
            gnutls(lab, "c1", site)

    def two():
        for site in ("api.delta.example", "api.iris.example", "www.elm.example", "www.juniper.example"):
            s_client_crl(lab, "c2", site)

    def three():
        for site in ("www.palm.example", "bad.nettle.example", "shop.cedar.example", "mail.thyme.example"):
            cron_ocsp(lab, "c3", site)
            time.sleep(0.3)

    def four():
        for site in ("blog.fern.example", "www.elm.example", "api.delta.example", "www.anchor.example"):
            lab.do("c4", [site], *curl(lab, "c4", site), agent="curl/")
            if lab.pki.sites[site].crl:
                curl_crl(lab, "c4", [site], lab.pki.sites[site].crl)
    lab.together(one, two, three, four)


@scene("61-lan-browsers", "Firefox, Chromium and Java at once on three hosts, cron jobs on a fourth.",
       "Firefox ESR 153, Chromium, OpenJDK 17, openssl ocsp", at=LAN,
       needs=("firefox-esr", "chromium", "certutil", "java", "keytool", "openssl"))
def _(lab):
    from lab import PAGES
    inside = [s for page in PAGES.values() for s in page]
    sites = ["cdn.rose.example", "news.sorrel.example"]
    lab.together(
        lambda: firefox(lab, "c1", sites, visits=sites + inside, seconds=14),
        lambda: chromium(lab, "c2", ["new.larch.example", "ec.maple.example", "old.kelp.example"], seconds=10),
        lambda: java(lab, "c3", ["www.birch.example", "wait:300", "shop.hazel.example", "wait:300", "www.palm.example"]),
        lambda: [(cron_ocsp(lab, "c4", s), time.sleep(1)) for s in ("www.birch.example", "shop.hazel.example",
                                                                   "mail.thyme.example")],
    )


@scene("62-cron-beside-visits", "On one host: visits by curl, which asks nothing, and a job that asks about some of those.",
       "curl 7.88, openssl ocsp", needs=("curl", "openssl"))
def _(lab):
    def visits():
        for site in ("www.birch.example", "www.ginkgo.example", "mail.thyme.example", "shop.cedar.example", "api.delta.example"):
            lab.do("c1", [site], *curl(lab, "c1", site), agent="curl/")
            time.sleep(0.3)

    def job():
        for site in ("www.palm.example", "bad.oak.example", "img.quince.example"):
            cron_ocsp(lab, "c1", site)
            time.sleep(0.5)
    lab.together(visits, job)
