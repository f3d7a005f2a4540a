"""As much of an ACME server (RFC 8555) as certbot needs. Nothing is checked: what it says is all that matters here."""

import base64
import json
import ssl
import time

import net
from servers import Request, Server, TLS_DELAY

HOST = "acme-v02.api.letsencrypt.org"


class Acme:
    def __init__(self, pki, site, log):
        self.pki, self.site, self.log = pki, site, log
        self.issued = {}
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(site.chain, site.key)
        for ip in net.ACME:
            Server((ip, 443), self.serve)

    def serve(self, sock, ip, port, own):
        at = time.time()
        time.sleep(TLS_DELAY)
        tls = self.context.wrap_socket(sock, server_side=True)
        self.log.write(what="tls", t_connect=round(at, 4), client_ip=ip, client_port=port, server_ip=own, sni=HOST,
                       site=HOST, serial=self.site.serial, version=tls.version(), resumed=bool(tls.session_reused),
                       failure=None, requests=1)
        reader = tls.makefile("rb")
        while True:
            request = Request(reader)
            status, body, headers = self.answer(request)
            kind = "application/json"
            if isinstance(body, str):
                kind, body = "application/pem-certificate-chain", body.encode()
            else:
                body = json.dumps(body).encode()
            lines = [f"HTTP/1.1 {status} OK", f"Content-Type: {kind}", f"Content-Length: {len(body)}",
                     f"Replay-Nonce: {time.time_ns():x}", "Cache-Control: no-store",
                     *(f"{name}: {value}" for name, value in headers.items())]
            tls.sendall("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
                        + (b"" if request.method == "HEAD" else body))

    def answer(self, request):
        base = f"https://{HOST}"
        path = request.target
        order = {"status": "ready", "expires": "2036-01-01T00:00:00Z", "authorizations": [f"{base}/authz"],
                 "identifiers": [], "finalize": f"{base}/finalize"}
        if path == "/directory":
            return 200, {"newNonce": f"{base}/nonce", "newAccount": f"{base}/account", "newOrder": f"{base}/order",
                         "revokeCert": f"{base}/revoke", "keyChange": f"{base}/key", "meta": {}}, {}
        if path == "/nonce":
            return 200, {}, {}
        if path == "/account":
            return 201, {"status": "valid", "orders": f"{base}/orders"}, {"Location": f"{base}/account/1"}
        said = payload(request)
        if path == "/order":
            order["identifiers"] = self.names = said.get("identifiers", [])
            return 201, order, {"Location": f"{base}/order/1"}
        if path == "/authz":
            return 200, {"status": "valid", "identifier": self.names[0], "challenges": [
                {"type": "http-01", "status": "valid", "url": f"{base}/challenge", "token": "x" * 43}]}, {}
        if path == "/finalize":
            name = self.names[0]["value"]
            csr = base64.urlsafe_b64decode(said["csr"] + "=" * (-len(said["csr"]) % 4))
            site = self.pki.issue(name, "r11", csr)
            self.issued[name] = site
            self.log.write(what="issued", site=name, serial=site.serial, ocsp=site.ocsp, crl=site.crl, aia=site.aia,
                           issuer=site.issuer)
            return 200, order | {"status": "valid", "certificate": f"{base}/cert/{name}"}, {"Location": f"{base}/order/1"}
        if path.startswith("/order/"):
            name = next(iter(self.issued))
            return 200, order | {"status": "valid", "identifiers": self.names, "certificate": f"{base}/cert/{name}"}, {}
        if path.startswith("/cert/"):
            return 200, self.issued[path.split("/")[2]].chain.read_text(), {}
        return 404, {}, {}


def payload(request):
    text = json.loads(request.body or b"{}").get("payload", "")
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) or b"{}")
