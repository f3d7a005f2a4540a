"""A CA shaped like Let's Encrypt's: roots, intermediates with RSA and EC keys, leaves that name lencr.org hosts.

Only openssl(1) makes keys and signatures. What was issued is kept in `Pki.sites`, which truth is derived from.
"""

import datetime
import pathlib
import random
import re
import subprocess
import threading

# Intermediate: (key, root that signed it). The hosts in certificates start with the name in small letters.
ROOTS = {"x1": "rsa", "x2": "ec"}
# Roots that clients do not know yet, so that servers send them signed by one that they do.
CROSS = {"yr": ("rsa", "x1"), "ye": ("ec", "x2")}
INTERMEDIATES = {
    "r10": ("rsa", "x1"),
    "r11": ("rsa", "x1"),
    "r13": ("rsa", "x1"),
    "e5": ("ec", "x2"),
    "e7": ("ec", "x2"),
    "yr1": ("rsa", "yr"),
    "yr2": ("rsa", "yr"),
    "ye1": ("ec", "ye"),
}
SHARDS = 128



def above(issuer):
    """The roots that a chain from this intermediate goes up through."""
    root = INTERMEDIATES[issuer][1]
    found = [root]
    if root in CROSS:
        found.append(CROSS[root][1])
    # X2 is signed by X1 as well, for clients that know that alone.
    return [*found, "x1"] if found[-1] == "x2" else found


CONFIG = """
[ca]
default_ca = this
[this]
database = {folder}/index.txt
serial = {folder}/serial
crlnumber = {folder}/crlnumber
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = optional
organizationName = optional
countryName = optional
"""


class Site:
    """A leaf certificate and what it names."""

    def __init__(self, name, issuer, folder):
        self.name, self.issuer, self.folder = name, issuer, folder
        self.serial = self.ocsp = self.crl = self.aia = None
        self.status = "good"

    chain = property(lambda self: self.folder / "chain.pem")
    # Without what is above the intermediate.
    part = property(lambda self: self.folder / "part.pem")
    leaf = property(lambda self: self.folder / "leaf.pem")
    key = property(lambda self: self.folder / "key.pem")


class Pki:
    def __init__(self, folder, seed=20261121):
        self.folder = pathlib.Path(folder)
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.sites = {}
        self.lists = {}
        for name, key in ROOTS.items():
            self._authority(name, key, None)
        for name, (key, root) in {**CROSS, **INTERMEDIATES}.items():
            self._authority(name, key, root)
        self._cross("x2", "x1")
        public = self.folder / "pki"
        public.mkdir()
        (public / "roots.pem").write_text("".join(self.cert(r).read_text() for r in ROOTS))
        for name in (*CROSS, *INTERMEDIATES):
            (public / f"int-{name}.pem").write_text(self.cert(name).read_text())
        (public / "int-x2.pem").write_text(self.cross("x2").read_text())
        self.roots = public / "roots.pem"
        # What a client has that knows one root alone.
        self.oldest = self.folder / "oldest.pem"
        self.oldest.write_text(self.cert("x1").read_text())

    def cert(self, authority):
        return self.folder / "ca" / authority / "cert.pem"

    def cross(self, root):
        """A root as another one signed it."""
        return self.folder / "ca" / root / "cross.pem"

    def der(self, authority):
        return self.folder / "ca" / authority / "cert.der"

    def site(self, name, issuer, *, key=None, era="now", names=(), extra="", status=None):
        """Makes a key and a leaf. `era` says which URLs it has: old (OCSP), both, now (CRL)."""
        site = Site(name, issuer, self.folder / "site" / name)
        site.folder.mkdir(parents=True)
        self._key(site.key, key or INTERMEDIATES[issuer][0])
        request = site.folder / "request.pem"
        openssl("req", "-new", "-key", site.key, "-subj", f"/CN={name}", "-out", request)
        self._leaf(site, request, era, names, extra)
        if status == "revoked":
            self._ca(issuer, "-revoke", site.leaf, "-crl_reason", "keyCompromise")
            site.status = "revoked"
        return site

    def issue(self, name, issuer, csr):
        """A leaf for somebody else's key."""
        with self.lock:
            site = Site(name, issuer, self.folder / "site" / name)
            site.folder.mkdir(parents=True)
            request = site.folder / "request.pem"
            request.write_bytes(subprocess.run(["openssl", "req", "-inform", "DER"], input=csr, capture_output=True,
                                               check=True).stdout)
            self._leaf(site, request, "both", (), "")
            return site

    def _leaf(self, site, request, era, names, extra):
        issuer = site.issuer
        prefix = {"old": 0x04}.get(era, 0x06)
        site.serial = f"{prefix:02x}{self.random.getrandbits(136):034x}"
        if era != "now":
            site.ocsp = f"http://{issuer}.o.lencr.org"
        site.aia = f"http://{issuer}.i.lencr.org/"
        if era != "old":
            site.crl = f"http://{issuer}.c.lencr.org/{int(site.serial, 16) % SHARDS + 1}.crl"
        access = [f"OCSP;URI:{site.ocsp}"] if site.ocsp else []
        lines = [
            "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,digitalSignature,keyEncipherment",
            "extendedKeyUsage=serverAuth,clientAuth",
            "subjectKeyIdentifier=hash",
            "authorityKeyIdentifier=keyid",
            "certificatePolicies=2.23.140.1.2.1",
            "authorityInfoAccess=" + ",".join([*access, f"caIssuers;URI:{site.aia}"]),
            "subjectAltName=" + ",".join(f"DNS:{n}" for n in (site.name, *names)),
        ]
        if site.crl:
            lines.append(f"crlDistributionPoints=URI:{site.crl}")
        if extra:
            lines.append(extra)
        self._sign(issuer, site.folder, request, site.leaf, site.serial, lines, days=89)
        site.part.write_text(site.leaf.read_text() + self.cert(issuer).read_text())
        more = [self.cert(root) if root in CROSS else self.cross(root) for root in above(issuer) if root != "x1"]
        # Chains of the generation before end with the intermediate.
        more = more if INTERMEDIATES[issuer][1] in CROSS else []
        site.chain.write_text(site.part.read_text() + "".join(cert.read_text() for cert in more))
        self.sites[site.name] = site

    def crl(self, host, path):
        """The list that a URL names, or None."""
        with self.lock:
            key = (host, path)
            if key not in self.lists:
                self.lists[key] = self._list(host, path)
            return self.lists[key]

    def _list(self, host, path):
        label = host.split(".")[0]
        if label in {**ROOTS, **CROSS} and path == "/":
            return self._gencrl(label, "", "onlyCA=TRUE", None)
        number = re.fullmatch(r"/(\d+)\.crl", path)
        if label not in INTERMEDIATES or not number or not 1 <= int(number[1]) <= SHARDS:
            return None
        return self._gencrl(label, f"http://{host}{path}", "onlyuser=TRUE", int(number[1]))

    def _gencrl(self, authority, url, only, shard):
        home = self.folder / "ca" / authority
        work = home / f"crl-{shard}"
        work.mkdir(exist_ok=True)
        (work / "crlnumber").write_text(f"{random.getrandbits(60):016x}\n")
        entries = []
        for line in (home / "index.txt").read_text().splitlines():
            revoked = line.startswith("R")
            if revoked and (shard is None or int(line.split("\t")[3], 16) % SHARDS + 1 == shard):
                entries.append(line)
        if shard is not None:
            filler = random.Random(shard)
            for _ in range(filler.randint(20, 300)):
                serial = (0x06 << 136 | filler.getrandbits(136)) // SHARDS * SHARDS + shard - 1
                entries.append(f"R\t270101000000Z\t261101000000Z\t{serial:036X}\tunknown\t/CN=x")
        (work / "index.txt").write_text("".join(f"{e}\n" for e in entries))
        # A folder of its own keeps the list of one shard apart from the register of all.
        (work / "ca.cnf").write_text(
            CONFIG.format(folder=work)
            + "[ext]\nauthorityKeyIdentifier=keyid\nissuingDistributionPoint=critical,@idp\n[idp]\n"
            + (f"fullname=URI:{url}\n" if url else "")
            + f"{only}\n"
        )
        out = work / "list.pem"
        openssl("ca", "-gencrl", "-config", work / "ca.cnf", "-crlexts", "ext", "-crldays", "9",
                "-cert", self.cert(authority), "-keyfile", home / "key.pem", "-out", out)
        return openssl("crl", "-in", out, "-outform", "DER")

    def ocsp(self, host, request):
        """The answer of an authority's responder, as DER."""
        label = host.split(".")[0]
        if label not in INTERMEDIATES:
            return bytes([0x30, 3, 0x0A, 1, 6])
        home = self.folder / "ca" / label
        with self.lock:
            asked, answer = home / "asked.der", home / "answer.der"
            asked.write_bytes(request)
            openssl("ocsp", "-index", home / "index.txt", "-CA", self.cert(label), "-rsigner", self.cert(label),
                    "-rkey", home / "key.pem", "-reqin", asked, "-respout", answer, "-ndays", "7",
                    "-resp_no_certs", "-no_nonce")
            return answer.read_bytes()

    def ocsp_of(self, site):
        """The responder's answer about a site, as a stapling server would have it."""
        request = site.folder / "request.der"
        openssl("ocsp", "-issuer", self.cert(site.issuer), "-cert", site.leaf, "-no_nonce", "-reqout", request)
        return self.ocsp(f"{site.issuer}.o.lencr.org", request.read_bytes())

    def _authority(self, name, key, root):
        home = self.folder / "ca" / name
        home.mkdir(parents=True)
        (home / "index.txt").write_text("")
        (home / "ca.cnf").write_text(CONFIG.format(folder=home))
        self._key(home / "key.pem", key, authority=True)
        if root is None:
            subject = f"/C=US/O=Lab Security Research Group/CN=Lab Root {name.upper()}"
            openssl("req", "-x509", "-new", "-key", home / "key.pem", "-subj", subject, "-days", "3650", "-sha256",
                    "-addext", "basicConstraints=critical,CA:TRUE",
                    "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", home / "cert.pem")
        else:
            lines = [
                "basicConstraints=critical,CA:TRUE" + ("" if name in CROSS else ",pathlen:0"),
                "keyUsage=critical,digitalSignature,keyCertSign,cRLSign",
                "extendedKeyUsage=clientAuth,serverAuth",
                "subjectKeyIdentifier=hash",
                "authorityKeyIdentifier=keyid",
                "certificatePolicies=2.23.140.1.2.1",
                f"authorityInfoAccess=caIssuers;URI:http://{root}.i.lencr.org/",
                f"crlDistributionPoints=URI:http://{root}.c.lencr.org/",
            ]
            serial = f"{self.random.getrandbits(120):032x}"
            request = home / "request.pem"
            subject = f"Root {name.upper()}" if name in CROSS else name.upper()
            openssl("req", "-new", "-key", home / "key.pem", "-subj", f"/C=US/O=Lab/CN={subject}", "-out", request)
            self._sign(root, home, request, home / "cert.pem", serial, lines, days=900)
        openssl("x509", "-in", home / "cert.pem", "-outform", "DER", "-out", home / "cert.der")

    def _cross(self, name, root):
        """Signs a root's key and name by another root."""
        home = self.folder / "ca" / name
        request = home / "request.pem"
        openssl("x509", "-x509toreq", "-in", home / "cert.pem", "-signkey", home / "key.pem", "-out", request)
        self._sign(root, home, request, self.cross(name), f"{self.random.getrandbits(120):032x}", [
            "basicConstraints=critical,CA:TRUE",
            "keyUsage=critical,keyCertSign,cRLSign",
            "subjectKeyIdentifier=hash",
            "authorityKeyIdentifier=keyid",
            f"authorityInfoAccess=caIssuers;URI:http://{root}.i.lencr.org/",
            f"crlDistributionPoints=URI:http://{root}.c.lencr.org/",
        ], days=900)

    def _key(self, path, kind, authority=False):
        curve = "P-384" if authority else "P-256"
        options = {
            "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            "ec": ["-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}"],
        }[kind]
        openssl("genpkey", *options, "-out", path)

    def _sign(self, issuer, folder, request, out, serial, lines, days):
        (self.folder / "ca" / issuer / "serial").write_text(f"{serial}\n")
        extensions = folder / "extensions.cnf"
        extensions.write_text("".join(f"{line}\n" for line in lines))
        now = datetime.datetime.now(datetime.timezone.utc)
        begin = now - datetime.timedelta(days=21)
        stamp = "%Y%m%d%H%M%SZ"
        self._ca(issuer, "-in", request, "-out", out, "-extfile", extensions, "-notext",
                 "-startdate", begin.strftime(stamp),
                 "-enddate", (begin + datetime.timedelta(days=days)).strftime(stamp))

    def _ca(self, issuer, *arguments):
        home = self.folder / "ca" / issuer
        openssl("ca", "-batch", "-config", home / "ca.cnf", "-cert", self.cert(issuer),
                "-keyfile", home / "key.pem", *arguments)


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True)
    if done.returncode:
        raise RuntimeError(f"openssl {' '.join(map(str, arguments))}: {done.stderr.decode()}")
    return done.stdout
