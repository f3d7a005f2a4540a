"""Real clients, real servers and a tool beside them, in network namespaces. See README.md.

    python3 lab.py --out DIR [--tool PATH] [--list] [SCENE...]

Writes a capture for each scene, truth.json from the servers' logs, the public certificates, and what the tool
said live (NAME.live.ndjson). Ends with 77 where namespaces are not permitted.
"""

import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time

import net
import pki
import servers
from acme import HOST as ACME_HOST, Acme

SKIPPED = 77
CLIENTS = ("c1", "c2", "c3", "c4")
WEBS = ("w1", "w2", "w3")
V12 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
V13 = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)
BOTH = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)

# name: (issuer, era, versions, what the server sends, more of the certificate)
SITES = {
    "www.anchor.example": ("r10", "old", V12, "chain", {}),
    "www.birch.example": ("r10", "both", V12, "chain", {}),
    "shop.cedar.example": ("e5", "both", V12, "chain", {}),
    "api.delta.example": ("r11", "now", V12, "chain", {}),
    "www.elm.example": ("e7", "now", V12, "chain", {}),
    "blog.fern.example": ("r13", "now", V12, "chain", {}),
    "www.ginkgo.example": ("r10", "both", V13, "chain", {}),
    "shop.hazel.example": ("e5", "both", V13, "chain", {}),
    "api.iris.example": ("yr1", "now", V13, "chain", {}),
    "www.juniper.example": ("e7", "now", V13, "chain", {}),
    "old.kelp.example": ("r11", "now", V12, "leaf", {}),
    "new.larch.example": ("yr1", "now", V13, "leaf", {}),
    "ec.maple.example": ("e5", "now", V12, "leaf", {}),
    "bad.nettle.example": ("r10", "both", V12, "chain", {"status": "revoked"}),
    "bad.oak.example": ("e5", "both", V13, "chain", {"status": "revoked"}),
    "www.palm.example": ("r11", "both", V12, "chain", {}),
    "img.quince.example": ("r11", "both", V13, "chain", {}),
    "cdn.rose.example": ("r10", "both", BOTH, "chain", {}),
    "news.sorrel.example": ("e5", "both", BOTH, "chain", {}),
    "mail.thyme.example": ("r10", "both", BOTH, "chain", {}),
    "www.alder.example": ("yr2", "now", V12, "chain", {}),
    "www.beech.example": ("ye1", "now", V13, "chain", {}),
    "shop.clove.example": ("ye1", "now", V13, "leaf", {}),
    "api.dill.example": ("yr2", "now", V12, "part", {}),
}
# Several names at one address, as behind a delivery network.
SHARED = ["one.umbrella.example", "two.umbrella.example", "three.umbrella.example"]
# A page, and whose pictures it shows.
PAGES = {
    "cdn.rose.example": ["www.birch.example", "shop.cedar.example", "www.ginkgo.example", "img.quince.example"],
    "news.sorrel.example": ["www.palm.example", "shop.hazel.example", "www.anchor.example"],
}
STAPLING = {"w1": ("staple.willow.example", "r10"), "w2": ("staple.yarrow.example", "e5"),
            "w3": ("staple.zinnia.example", "r11")}


class Step:
    """Something that a host did on purpose."""

    def __init__(self, host, visits, agent, reason):
        self.host, self.visits, self.agent, self.reason = host, visits, agent, reason
        self.begin, self.end = time.time(), None


class Lab:
    def __init__(self, out, tool):
        self.out, self.tool = pathlib.Path(out).resolve(), tool
        self.work = self.out / "work"
        self.work.mkdir(parents=True)
        self.pki = pki.Pki(self.work)
        for name, (issuer, era, _versions, _send, more) in SITES.items():
            self.pki.site(name, issuer, era=era, **more)
        for number, name in enumerate(SHARED):
            self.pki.site(name, ("r10", "e5", "r11")[number], era="both")
        for host, (name, issuer) in STAPLING.items():
            self.pki.site(name, issuer, era="both", names=[f"www.{name}"])
        self.acme = self.pki.site(ACME_HOST, "e7", era="now")
        shutil.copytree(self.work / "pki", self.out / "pki")
        self.net = net.Net(CLIENTS, WEBS)
        self.log = self.work / "servers.ndjson"
        self.behaviour = self.work / "behaviour.json"
        self.behave()
        self.truth, self.steps, self.children = [], [], []
        self.serving = None

    def serve(self):
        """Starts the servers in their namespace."""
        names, next_address = {ACME_HOST: net.ACME}, 10
        plan = [([name], *SITES[name][2:4]) for name in SITES] + [(SHARED, BOTH, "chain")]
        webs = []
        for members, versions, send in plan:
            pair = (f"203.0.113.{next_address}", f"2001:db8:113::{next_address}")
            next_address += 1
            for ip in pair:
                self.net.address(ip, "s")
            # A third of the world has no IPv6.
            known = pair[:1] if next_address % 3 == 0 else pair
            names |= {name: known for name in members}
            webs.append((pair, members, versions, send))
        for host, (name, _issuer) in STAPLING.items():
            names |= {name: self.net.hosts[host][:1], f"www.{name}": self.net.hosts[host][:1]}
        self.names = names
        ready = self.work / "ready"
        self.serving = os.fork()
        if self.serving == 0:
            enter(self.net.ns("s"))
            log, behaviour = servers.Log(self.log), servers.Behaviour(self.behaviour)
            servers.Names(names, behaviour, log)
            servers.Lencr(self.pki, behaviour, log)
            for addresses, members, versions, send in webs:
                sites = [self.pki.sites[m] for m in members]
                servers.Web(addresses, sites, PAGES, log, versions=versions, send=send)
            Acme(self.pki, self.acme, log)
            ready.touch()
            while True:
                time.sleep(3600)
        wait(ready.exists, "the servers")

    def close(self):
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        if self.serving:
            os.kill(self.serving, signal.SIGKILL)
            os.waitpid(self.serving, 0)
        self.net.close()

    # --- what scenes use -------------------------------------------------------------------------------------

    def behave(self, **parts):
        """How the servers behave from now on: dns={name: how}, http={host: how}."""
        fresh = self.behaviour.with_suffix(".new")
        fresh.write_text(json.dumps(parts))
        fresh.rename(self.behaviour)

    def home(self, host):
        home = self.work / "home" / host
        home.mkdir(parents=True, exist_ok=True)
        return home

    def start(self, host, *argv, env=None, cwd=None, out=None):
        full = {"PATH": os.environ["PATH"], "HOME": str(self.home(host)), "LANG": "C.UTF-8", **(env or {})}
        child = subprocess.Popen(self.net.argv(host, argv), env=full, cwd=cwd or self.home(host),
                                 stdin=subprocess.DEVNULL, stdout=open(out or self.work / "clients.txt", "ab"),
                                 stderr=subprocess.STDOUT, start_new_session=True)
        self.children.append(child)
        return child

    def stop(self, child, how=signal.SIGTERM):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, how)
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self.children.remove(child)

    @contextlib.contextmanager
    def doing(self, host, visits, *, agent="", reason="client-revocation-check"):
        """What a host does in between is this: visits to sites, or (none) something without a visit."""
        step = Step(host, visits, agent, reason)
        self.steps.append(step)
        yield
        step.end = time.time()

    def do(self, host, visits, *argv, agent="", reason="client-revocation-check", env=None, limit=25, cwd=None):
        """Runs a client to its end."""
        with self.doing(host, visits, agent=agent, reason=reason):
            child = self.start(host, *argv, env=env, cwd=cwd)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(limit)
            self.stop(child)

    def together(self, *jobs):
        """Runs jobs (functions) at the same time."""
        import threading
        threads = [threading.Thread(target=job) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    # --- captures and truth ----------------------------------------------------------------------------------

    def record(self, name, scene):
        place, device = scene.at
        file = self.out / f"{name}.pcap"
        keylog = self.out / f"{name}.keylog"
        since = self.log.stat().st_size if self.log.exists() else 0
        self.steps, self.keylog = [], keylog if scene.keys else None
        dump = self.start(place, "tcpdump", "-i", device, "--immediate-mode", "-U", "-s", "0", "-B", "16384",
                          "-Z", "root", "-w", file)
        beside = None
        if self.tool:
            said = open(self.out / f"{name}.live.txt", "wb")
            beside = subprocess.Popen(
                self.net.argv(place, [self.tool, "-i", device, "--ca", self.out / "pki", "--format", "ndjson",
                                      "-o", self.out / f"{name}.live.ndjson"]), stderr=said, stdin=subprocess.DEVNULL)
            wait(lambda: b"capturing" in (self.out / f"{name}.live.txt").read_bytes(), "the tool")
        wait(lambda: file.exists() and file.stat().st_size >= 24, "tcpdump")
        time.sleep(0.2)
        began = time.time()
        try:
            scene(self)
        finally:
            time.sleep(0.6)
            self.behave()
            self.stop(dump, signal.SIGINT)
            if beside:
                beside.send_signal(signal.SIGINT)
                if beside.wait(60) != 0:
                    raise RuntimeError(f"the tool ended with {beside.returncode} in {name}")
        with open(self.log) as log:
            log.seek(since)
            records = [json.loads(line) for line in log]
        self.truth.append(self.told(name, file, scene, records))
        used = keylog.exists() and keylog.stat().st_size > 0
        if used:
            self.truth[-1]["keylog"] = keylog.name
        sys.stderr.write(f"{name}: {len(self.truth[-1]['handshakes'])} handshakes, "
                         f"{len(self.truth[-1]['fetches'])} fetches, {time.time() - began:.1f} s\n")

    def told(self, name, file, scene, records):
        """The truth of a scene, from what servers wrote down and what was done on purpose."""
        place = scene.at[0]

        def seen(r):
            """Whether it crossed the capture point: a host's own traffic, or that of all clients at the router."""
            ends = {self.net.host_of(r.get("client_ip")), self.net.host_of(r.get("server_ip"))}
            return bool(ends & set(CLIENTS if place == "r" else (place,)))

        issued = {r["site"]: r for r in records if r["what"] == "issued"}
        handshakes = [self.handshake(r, scene) for r in records + self.stapled()
                      if r["what"] == "tls" and seen(r)]
        fetches = [self.fetch(r, handshakes, issued) for r in records
                   if r["what"] == "http" and seen(r)]
        asked = {f["host"] for f in fetches if f["http_status"] is not None}
        lookups = {}
        for r in records:
            if r["what"] == "dns" and seen(r) and r["how"] and r["name"].endswith(
                    "lencr.org") and r["name"] not in asked:
                host = self.net.host_of(r["client_ip"])
                lookups.setdefault((host, r["name"]), r)
        for (host, _), r in lookups.items():
            if not any(f["host"] == r["name"] for f in fetches):
                fetches.append(self.fetch({**r, "t_server": r["t"], "host": r["name"],
                                           "kind": "connect-only" if r["how"] == "blackhole" else "dns-only",
                                           "http_status": None, "uri": "", "method": r["how"],
                                           "server_ip": net.RESOLVER, "user_agent": None}, handshakes, issued))
        return {"file": file.name, "scenario": name, "client_software": scene.software, "notes": scene.notes,
                "capture_point": ":".join(scene.at), "handshakes": handshakes,
                "fetches": sorted(fetches, key=lambda f: f["t_server"])}

    def handshake(self, r, scene):
        version = (r["version"] or "").removeprefix("TLSv")
        return {"client_ip": r["client_ip"], "client_port": r["client_port"], "server_ip": r["server_ip"],
                "server_port": 443, "sni": r["sni"], "serial_hex": r["serial"], "tls_version": version,
                "cert_visible": not r["resumed"] and (version == "1.2" or scene.keys),
                "resumed": r["resumed"], "t_connect": r["t_connect"], "failure": r.get("failure"),
                "site": r["site"], "user_agent": r.get("user_agent"),
                "source": "server-log" if r.get("requests") else "server-connection-log (no request on it)"}

    def fetch(self, r, handshakes, issued):
        host = self.net.host_of(r["client_ip"])
        serial = (r.get("serials") or [None])[0]
        url = f"http://{r['host']}{r['uri']}"

        def names(site):
            known = self.pki.sites.get(site)
            if known is None:
                return False
            roots = pki.above(known.issuer)
            role = {"ocsp": known.serial == serial,
                    "crl": url in (known.crl, *(f"http://{root}.c.lencr.org/" for root in roots)),
                    "issuer": url in (known.aia, *(f"http://{root}.i.lencr.org/" for root in roots))}
            return role.get(r["kind"], any(u and r["host"] in u for u in (known.ocsp, known.crl, known.aia)))

        about = next((s for s in [*self.pki.sites.values()] if s.serial == serial), None)
        status = about.status if about and r["kind"] == "ocsp" and r["http_status"] == 200 else None
        about = about.name if about else next((n for n, i in issued.items() if i["serial"] == serial), None)
        at = r["t_server"]
        agent = r.get("user_agent") or ""
        steps = [s for s in self.steps if s.host == host and s.begin - 0.1 <= at <= (s.end or at) + 0.5
                 and re.search(s.agent or "^$", agent)]
        steps = [s for s in steps if any(map(names, s.visits))] or [s for s in steps if not s.visits]
        if not steps and r["kind"].endswith("-only"):
            steps = [s for s in self.steps if s.host == host and s.begin - 0.1 <= at <= (s.end or at) + 0.5]
        if not steps:
            raise RuntimeError(f"nobody did this on purpose: {r}")
        # What was begun last is what is going on.
        step = max(steps, key=lambda s: s.begin)
        visits = {v for s in steps for v in s.visits}
        inbound = step.reason == "server-stapling"
        theirs = [h for h in handshakes if h["site"] in visits and names(h["site"]) and h["t_connect"] <= at
                  and (self.net.host_of(h["server_ip"] if inbound else h["client_ip"]) == host)]
        theirs.sort(key=lambda h: h["t_connect"])
        result = {"client_ip": r["client_ip"], "client_port": r.get("client_port"), "server_ip": r["server_ip"],
                  "kind": r["kind"], "host": r["host"], "uri_or_method": f"{r['method']} {r['uri']}".strip(),
                  "http_status": r["http_status"], "t_server": at, "expected_trigger": None,
                  "expected_reason": step.reason, "proof_possible": "none"}
        if r["kind"].endswith("-only"):
            result["client_port"] = None
        result |= {k: v for k, v in (("serial_hex", serial), ("ocsp_status", status),
                                       ("user_agent", r["user_agent"]), ("about_site", about)) if v}
        if theirs:
            site = theirs[-1]["site"]
            same = [h for h in theirs if h["site"] == site]
            result["expected_trigger"] = site
            others = sorted({h["site"] for h in theirs} - {site})
            if others:
                result["also_possible"] = others
            proof = {"ocsp": "serial", "crl": "crldp", "issuer": "aia"}.get(r["kind"], "timing")
            result["proof_possible"] = proof if any(h["cert_visible"] for h in same) else "timing"
            if step.reason == "proxy" and result["proof_possible"] == "timing":
                # What hides in a tunnel moved whoever is behind the proxy; the proxy itself only passes it on.
                result |= {"expected_trigger": None, "proof_possible": "none"}
        return result

    def stapled(self):
        """What web servers of their own wrote down."""
        found = []
        for path in self.work.glob("w?/access.ndjson"):
            for line in path.read_text().splitlines():
                if not line.startswith("{"):
                    continue
                r = json.loads(line)
                r.setdefault("t_connect", r["t"] - r.get("lasted", 0))
                begin = min((s.begin for s in self.steps), default=0)
                if r["t_connect"] < begin - 1:
                    continue
                name = r["sni"].removeprefix("www.")
                site = self.pki.sites.get(name)
                if site:
                    r |= {"what": "tls", "site": name, "serial": site.serial, "resumed": r["resumed"] in ("r", "Resumed", "1"),
                          "requests": 1, "client_port": int(r["client_port"])}
                    found.append(r)
        return found


def enter(namespace):
    """Moves this process into a network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}") as handle:
        if libc.setns(handle.fileno(), 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def wait(ready, what, limit=15):
    until = time.time() + limit
    while not ready():
        if time.time() > until:
            raise RuntimeError(f"{what} did not start")
        time.sleep(0.03)


def main():
    from scenes import SCENES
    parser = argparse.ArgumentParser()
    parser.add_argument("--out")
    parser.add_argument("--tool")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("scenes", nargs="*")
    given = parser.parse_args()
    if given.list:
        for name, scene in SCENES.items():
            print(f"{name:28} {scene.software:34} {scene.notes}")
        return 0
    wanted = given.scenes or list(SCENES)
    out = pathlib.Path(given.out)
    if (out / "work").exists():
        shutil.rmtree(out / "work")
        shutil.rmtree(out / "pki", ignore_errors=True)
    try:
        lab = Lab(out, given.tool)
    except PermissionError as error:
        print(f"no network namespaces here: {error}", file=sys.stderr)
        return SKIPPED
    try:
        lab.serve()
        for name in wanted:
            scene = SCENES[name]
            missing = [tool for tool in scene.needs if not shutil.which(tool)]
            if missing:
                print(f"{name}: SKIPPED, not installed: {', '.join(missing)}", file=sys.stderr)
                continue
            lab.record(name, scene)
            (out / "truth.json").write_text(json.dumps(lab.truth, indent=1))
    finally:
        lab.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
