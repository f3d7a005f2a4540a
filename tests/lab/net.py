"""Network namespaces: clients behind a router, servers on the other side, web servers as hosts of their own.

    c1 c2 c3 --- br0 [router] --- servers (DNS, web, lencr.org, ACME)
                     |  `-------- w1, w2 (web servers that staple)
"""

import os
import pathlib
import shutil
import signal
import subprocess
import time

RESOLVER = "192.0.2.53"
CDN = ("198.51.100.80", "2001:db8:80::80")
ACME = ("198.51.100.172", "2001:db8:80::172")
# Nothing is there, and nothing says so.
NOWHERE = "198.51.100.99"


class Net:
    def __init__(self, clients, webs=()):
        self.prefix = f"wl{os.getpid() % 100000}"
        self.names = []
        self.hosts = {}
        self.etc = []
        try:
            self._build(clients, webs)
        except BaseException:
            self.close()
            raise

    def ns(self, host):
        return f"{self.prefix}{host}"

    def argv(self, host, argv):
        return ["ip", "netns", "exec", self.ns(host), *map(str, argv)]

    def run(self, host, *argv):
        subprocess.run(self.argv(host, argv), check=True, capture_output=True)

    def address(self, ip, host):
        """One more address of the servers or of a host."""
        self._ip("-n", self.ns(host), "address", "add", ip + ("/128" if ":" in ip else "/32"), "dev", "eth0",
                 *(["nodad"] if ":" in ip else []))

    def host_of(self, ip):
        return next((host for host, ips in self.hosts.items() if ip in ips), None)

    def close(self):
        for name in self.names:
            for pid in subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout.split():
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        time.sleep(0.1)
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)
        for folder in self.etc:
            shutil.rmtree(folder, ignore_errors=True)

    def _build(self, clients, webs):
        for host in ("r", "s", *clients, *webs):
            self._ip("netns", "add", self.ns(host))
            self.names.append(self.ns(host))
            self._ip("-n", self.ns(host), "link", "set", "lo", "up")
            self.run(host, "sysctl", "-q", "-w", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
        self.run("r", "sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self._bridge("br0", "192.168.50.1/24", "2001:db8:50::1/64")
        self._bridge("br1", "172.20.0.1/24", "2001:db8:20::1/64")
        self._link("s", "up0", None)
        self._addresses("s", "203.0.113.2/24", "203.0.113.1", "2001:db8:113::2/64", "2001:db8:113::1")
        for ip in ("203.0.113.1/24", "2001:db8:113::1/64"):
            self._ip("-n", self.ns("r"), "address", "add", ip, "dev", "up0", *(["nodad"] if ":" in ip else []))
        for net in ("192.0.2.0/24", "198.51.100.0/24"):
            self._ip("-n", self.ns("r"), "route", "add", net, "via", "203.0.113.2")
        # No answer from nowhere: the router drops what goes there.
        self._ip("-n", self.ns("r"), "route", "add", "blackhole", NOWHERE + "/32")
        self._ip("-n", self.ns("r"), "route", "add", "2001:db8:80::/64", "via", "2001:db8:113::2")
        for ip in (RESOLVER, *CDN, *ACME):
            self.address(ip, "s")
        for number, host in enumerate(clients):
            self._host(host, "br0", f"192.168.50.{10 + number}", "192.168.50.1",
                       f"2001:db8:50::{10 + number}", "2001:db8:50::1")
        for number, host in enumerate(webs):
            self._host(host, "br1", f"172.20.0.{10 + number}", "172.20.0.1",
                       f"2001:db8:20::{10 + number}", "2001:db8:20::1")

    def _host(self, host, bridge, v4, via4, v6, via6):
        self._link(host, f"v{host}", bridge)
        self._addresses(host, v4 + "/24", via4, v6 + "/64", via6)
        self.hosts[host] = (v4, v6)
        folder = pathlib.Path("/etc/netns") / self.ns(host)
        folder.mkdir(parents=True)
        self.etc.append(folder)
        (folder / "resolv.conf").write_text(f"nameserver {RESOLVER}\noptions timeout:3\n")

    def _bridge(self, name, *addresses):
        ns = self.ns("r")
        self._ip("-n", ns, "link", "add", name, "type", "bridge")
        self._ip("-n", ns, "link", "set", name, "up")
        for ip in addresses:
            self._ip("-n", ns, "address", "add", ip, "dev", name, *(["nodad"] if ":" in ip else []))

    def _link(self, host, peer, bridge):
        router = self.ns("r")
        self._ip("-n", router, "link", "add", peer, "type", "veth", "peer", "name", "eth0", "netns", self.ns(host))
        if bridge:
            self._ip("-n", router, "link", "set", peer, "master", bridge)
        self._ip("-n", router, "link", "set", peer, "up")
        self._ip("-n", self.ns(host), "link", "set", "eth0", "up")
        # As on a real wire: no frames larger than the medium takes, and every checksum right.
        for place, device in ((host, "eth0"), ("r", peer)):
            if shutil.which("ethtool"):
                self.run(place, "ethtool", "-K", device, "tx", "off", "tso", "off", "gso", "off", "gro", "off")

    def _addresses(self, host, v4, via4, v6, via6):
        ns = self.ns(host)
        self._ip("-n", ns, "address", "add", v4, "dev", "eth0")
        self._ip("-n", ns, "address", "add", v6, "dev", "eth0", "nodad")
        self._ip("-n", ns, "route", "add", "default", "via", via4)
        self._ip("-n", ns, "-6", "route", "add", "default", "via", via6)

    @staticmethod
    def _ip(*arguments):
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
        if done.returncode:
            raise PermissionError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
