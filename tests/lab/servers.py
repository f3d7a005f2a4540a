"""The servers: names, web sites, lencr.org's three hosts. Each writes down what it saw; truth is made of that alone.

Run inside the servers' namespace by lab.py. Latency is slept, as far away hosts would have it.
"""

import base64
import json
import pathlib
import socket
import socketserver
import ssl
import struct
import threading
import time
import urllib.parse

import net

DNS_DELAY = 0.008
HTTP_DELAY = 0.015
TLS_DELAY = 0.010


class Log:
    """One JSON object a line."""

    def __init__(self, path):
        self.file = open(path, "a", buffering=1)
        self.lock = threading.Lock()

    def write(self, **record):
        with self.lock:
            self.file.write(json.dumps({"t": round(time.time(), 4), **record}) + "\n")


class Behaviour:
    """What a scene changes: {"dns": {name: how}, "http": {host: how}, "tls": {...}}; read anew when it changes."""

    def __init__(self, path):
        self.path, self.stamp, self.value = pathlib.Path(path), None, {}

    def of(self, part, name):
        stamp = self.path.stat().st_mtime_ns
        if stamp != self.stamp:
            self.stamp, self.value = stamp, json.loads(self.path.read_text())
        return self.value.get(part, {}).get(name)


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address, serve):
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.serve = serve
        super().__init__(address, None)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client):
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request.settimeout(40)
        try:
            self.serve(request, client[0], client[1], self.server_address[0])
        except (OSError, ValueError, EOFError):
            pass

    def handle_error(self, request, client):
        pass


# --- names ---------------------------------------------------------------------------------------------------

CDN_NAMES = ("lencr.edgesuite.net", "a1887.dscq.akamai.net")


class Names:
    """Answers for sites and lencr.org, through a chain of a delivery network; everything else does not exist."""

    def __init__(self, hosts, behaviour, log):
        self.hosts, self.behaviour, self.log = hosts, behaviour, log
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((net.RESOLVER, 53))
        threading.Thread(target=self._udp, args=(udp,), daemon=True).start()
        Server((net.RESOLVER, 53), self._tcp)

    def _udp(self, sock):
        while True:
            query, client = sock.recvfrom(4096)
            threading.Thread(target=self._one, args=(sock, query, client), daemon=True).start()

    def _one(self, sock, query, client):
        answer = self.answer(query, client)
        if answer:
            time.sleep(DNS_DELAY)
            sock.sendto(answer, client)

    def _tcp(self, sock, ip, port, _own):
        reader = sock.makefile("rb")
        while head := reader.read(2):
            query = reader.read(struct.unpack("!H", head)[0])
            answer = self.answer(query, (ip, port))
            if answer:
                sock.sendall(struct.pack("!H", len(answer)) + answer)

    def answer(self, query, client):
        name, at = "", 12
        while query[at]:
            name += query[at + 1:at + 1 + query[at]].decode("ascii", "replace").lower() + "."
            at += query[at] + 1
        name = name.rstrip(".")
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        question = query[12:at + 5]
        how = self.behaviour.of("dns", name)
        self.log.write(what="dns", client_ip=client[0], client_port=client[1], name=name, type=kind, how=how)
        if how == "silent":
            return None
        code, records = 0, []
        addresses = [net.NOWHERE] if how == "blackhole" else self.addresses(name)
        if how == "nxdomain" or not addresses:
            code = 3
        elif how == "servfail":
            code = 2
        else:
            owner = name
            if name.endswith("lencr.org") and how != "blackhole":
                label = name.split(".")[1]
                for target in (f"{label}.{CDN_NAMES[0]}", CDN_NAMES[1]):
                    records.append((owner, 5, wire(target)))
                    owner = target
            for ip in addresses:
                if (kind, ":" in ip) in ((1, False), (28, True)):
                    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
                    records.append((owner, kind, socket.inet_pton(family, ip)))
        head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        body = b"".join(wire(o) + struct.pack("!HHIH", t, 1, 60, len(d)) + d for o, t, d in records)
        return head + question + body

    def addresses(self, name):
        if name in self.hosts:
            return self.hosts[name]
        if name.endswith(".lencr.org"):
            return net.CDN
        return ()


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


# --- HTTP ----------------------------------------------------------------------------------------------------

class Request:
    def __init__(self, reader):
        line = reader.readline(8192)
        if not line.strip():
            raise EOFError
        self.method, self.target, self.version = line.decode("latin-1").split(" ", 2)
        self.version = self.version.strip()
        self.headers = {}
        while (line := reader.readline(8192).decode("latin-1").strip()):
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        if self.headers.get("expect", "").lower() == "100-continue":
            raise ValueError("not needed here")
        if "chunked" in self.headers.get("transfer-encoding", ""):
            self.body = b""
            while (size := int(reader.readline(64), 16)):
                self.body += reader.read(size)
                reader.readline(8)
            reader.readline(8)
        else:
            self.body = reader.read(int(self.headers.get("content-length", 0)))

    @property
    def keeps(self):
        said = self.headers.get("connection", "").lower()
        return "close" not in said and (self.version == "HTTP/1.1" or "keep-alive" in said)


def respond(sock, request, status, kind, body, headers=()):
    lines = [f"HTTP/1.1 {status} {'OK' if status < 300 else 'Not so'}", f"Content-Type: {kind}",
             f"Content-Length: {len(body)}", f"Connection: {'keep-alive' if request.keeps else 'close'}", *headers]
    head = "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
    sock.sendall(head + (b"" if request.method == "HEAD" else body))


class Lencr:
    """The responder, the lists, the issuers: three hosts at one delivery network, as in the world."""

    def __init__(self, pki, behaviour, log):
        self.pki, self.behaviour, self.log = pki, behaviour, log
        for ip in net.CDN:
            Server((ip, 80), self.serve)

    def serve(self, sock, ip, port, own):
        reader = sock.makefile("rb")
        while True:
            request = Request(reader)
            host = request.headers.get("host", "").split(":")[0].lower()
            how = self.behaviour.of("http", host)
            at = time.time()
            time.sleep(HTTP_DELAY)
            status, kind, body, more = self.answer(host, request)
            if how == "hang":
                status, body = None, b""
            elif how in ("500", "503", "404"):
                status, kind, body = int(how), "text/html", b"<html>no</html>"
            elif how == "slow":
                time.sleep(1.5)
            self.log.write(what="http", t_server=round(at, 4), client_ip=ip, client_port=port, server_ip=own,
                           host=host, method=request.method, uri=request.target, http_status=status,
                           user_agent=request.headers.get("user-agent"), **more)
            if how == "hang":
                time.sleep(30)
                return
            if how == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            respond(sock, request, status, kind, body, ("Server: nginx", "Cache-Control: max-age=3600"))
            if not request.keeps:
                return

    def answer(self, host, request):
        label, _, role = host.removesuffix(".lencr.org").partition(".")
        path = urllib.parse.urlsplit(request.target).path or "/"
        if role == "o":
            asked = request.body
            if request.method == "GET":
                text = urllib.parse.unquote(path[1:]).replace(" ", "+")
                asked = base64.b64decode(text + "=" * (-len(text) % 4))
            answer = self.pki.ocsp(host, asked)
            return 200, "application/ocsp-response", answer, {"kind": "ocsp", "serials": serials(asked)}
        if role == "c":
            found = self.pki.crl(host, path)
            return (200 if found else 404), "application/pkix-crl", found or b"", {"kind": "crl"}
        if role == "i" and path == "/" and self.pki.der(label).exists():
            return 200, "application/pkix-cert", self.pki.der(label).read_bytes(), {"kind": "issuer"}
        return 404, "text/html", b"", {"kind": "other"}


def serials(request):
    """The serials of an OCSP request, by openssl's reading and not by any of ours."""
    import subprocess
    done = subprocess.run(["openssl", "ocsp", "-reqin", "/dev/stdin", "-req_text"], input=request, capture_output=True)
    lines = done.stdout.decode("latin-1").splitlines()
    return [line.split(":", 1)[1].strip().lower() for line in lines if "Serial Number:" in line]


class Web:
    """One address, one or more sites."""

    def __init__(self, addresses, sites, pages, log, *, versions, send="chain"):
        self.log, self.pages = log, pages
        self.lock, self.said = threading.Lock(), {}
        contexts = {site.name: self.context(site, versions, send) for site in sites}
        self.default = next(iter(contexts))
        self.sites = {site.name: site for site in sites}

        def by_name(connection, name, _context):
            with self.lock:
                self.said[id(connection)] = name
            if name in contexts:
                connection.context = contexts[name]

        for context in contexts.values():
            context.sni_callback = by_name
        self.context_of_all = contexts[self.default]
        for address in addresses:
            Server((address, 443), self.serve)

    @staticmethod
    def context(site, versions, send):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = versions
        context.load_cert_chain({"chain": site.chain, "part": site.part, "leaf": site.leaf}[send], site.key)
        context.set_alpn_protocols(["http/1.1"])
        return context

    def serve(self, sock, ip, port, own):
        at = time.time()
        sock.recv(1, socket.MSG_PEEK)
        time.sleep(TLS_DELAY)
        tls = self.context_of_all.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        record, failure = {"requests": 0}, None
        try:
            tls.do_handshake()
        except OSError as error:
            failure = getattr(error, "reason", None) or str(error)
        with self.lock:
            sni = self.said.pop(id(tls), None)
        shown = self.sites.get(sni, self.sites[self.default])
        record |= {"what": "tls", "t_connect": round(at, 4), "client_ip": ip, "client_port": port, "server_ip": own,
                   "sni": sni, "site": shown.name, "serial": shown.serial, "version": tls.version(),
                   "resumed": bool(tls.session_reused), "failure": failure}
        if failure:
            self.log.write(**record)
            return
        try:
            reader = tls.makefile("rb")
            while True:
                request = Request(reader)
                if not record["requests"]:
                    record |= {"t_request": round(time.time(), 4), "user_agent": request.headers.get("user-agent")}
                record["requests"] += 1
                kind, body = self.page(request)
                respond(tls, request, 200, kind, body)
                if not request.keeps:
                    break
        except (OSError, EOFError, ValueError):
            pass
        self.log.write(**record)
        try:
            tls.unwrap()
        except OSError:
            pass
        tls.close()

    def page(self, request):
        name = request.headers.get("host", "").split(":")[0]
        if request.target == "/" and name in self.pages:
            # A page that takes pictures from other sites, all at once.
            pictures = "".join(f'<img src="https://{other}/p.png">' for other in self.pages[name])
            return "text/html", f"<html><title>{name}</title>{pictures}</html>".encode()
        if request.target.endswith(".png"):
            return "image/png", base64.b64decode(PIXEL)
        return "text/html", f"<html><title>{name}</title>Hello.</html>".encode() + b" " * 3000


PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
