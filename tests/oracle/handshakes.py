#!/usr/bin/env python3
"""What tshark finds of handshakes in captures: the truth that tests/it/handshakes.rs holds the reader against.

    tests/oracle/handshakes.py CAPTURE[,KEYLOG]...            writes JSON to stdout
    tests/oracle/handshakes.py --compare PROGRAM CAPTURE...   runs `PROGRAM CAPTURE [KEYLOG]` and tells differences

Made with tshark 4.0. A connection's handshake is its first: later ones on the same ports renegotiate.
"""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET

HRR = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
FILTER = "tls.handshake.type || dtls.handshake.type || tls.resumed || dtls.resumed"


def packets(capture, keylog):
    """Packets with handshake messages, with reassembly in order."""
    command = ["tshark", "-r", capture, "-Y", FILTER, "-T", "pdml", "-o", "tcp.reassemble_out_of_order:TRUE"]
    if keylog:
        command += ["-o", f"tls.keylog_file:{keylog}"]
    pipe = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for _, element in ET.iterparse(pipe.stdout):
        if element.tag == "packet":
            yield element
            element.clear()
    pipe.wait()


def version_of(raw):
    return {0xFEFF: 0x0302, 0x0100: 0x0302, 0xFEFD: 0x0303, 0xFEFC: 0x0304}.get(raw, 0x0304 if raw >> 8 in (0x7F, 0xFB) else raw)


def messages(proto):
    """Each handshake message below a protocol: the field with the type and everything around it."""
    for parent in proto.iter():
        kinds = [f for f in parent.findall("field") if f.get("name", "").endswith("handshake.type")]
        if kinds:
            yield int(kinds[0].get("show"), 0), parent


def first(parent, *names):
    for field in parent.iter("field"):
        if field.get("name", "").removeprefix("d") in names:
            return field
    return None


def shown(parent):
    """Serial numbers of the certificates of a message, without those inside a staple."""
    for field in parent:
        if field.get("name") == "x509af.serialNumber":
            yield field.get("value")
        elif not field.get("name", "").startswith("ocsp."):
            yield from shown(field)


def connection(found, key):
    return found.setdefault(key, {
        "client_hello": None, "server_hello": None, "carrier": None, "sni": None, "version": None,
        "suite": None, "resumed": None, "serials": [], "staple": False, "_server": None, "_certs": False,
    })


def server_port(packet):
    for proto in packet.iter("proto"):
        if proto.get("name") in ("tcp", "udp"):
            src = proto.find("field[@name='%s.srcport']" % proto.get("name"))
            return int(src.get("show"))
    return None


def read(capture, keylog):
    found = {}
    for packet in packets(capture, keylog):
        frame = stream = None
        port = server_port(packet)
        for field in packet.iter("field"):
            name = field.get("name")
            if name == "num" or name == "frame.number":
                frame = frame or int(field.get("show"))
            elif name in ("tcp.stream", "udp.stream"):
                stream = (name, int(field.get("show")))
        if stream is None:
            continue
        for proto in packet.findall("proto"):
            carrier = {"tls": "tls", "quic": "quic", "dtls": "dtls"}.get(proto.get("name"))
            if carrier is None:
                continue
            one = connection(found, stream)
            if any(f.get("name") in ("tls.resumed", "dtls.resumed") for f in proto.iter("field")):
                one["resumed"] = True
            for kind, body in messages(proto):
                if kind == 1 and one["server_hello"] is None and first(body, "tls.handshake.random") is not None:
                    if one["client_hello"] is None:
                        one["client_hello"] = frame
                        one["carrier"] = carrier
                        name = first(body, "tls.handshake.extensions_server_name")
                        one["sni"] = name.get("show").lower() if name is not None else None
                        one["_client"] = port
                elif kind == 2 and one["server_hello"] is None:
                    random = first(body, "tls.handshake.random")
                    suite = first(body, "tls.handshake.ciphersuite")
                    if random is None or suite is None or random.get("value") == HRR:
                        continue
                    one["carrier"] = one["carrier"] or carrier
                    one["server_hello"] = frame
                    one["suite"] = int(suite.get("show"), 0)
                    chosen = first(body, "tls.handshake.extensions.supported_version")
                    legacy = first(body, "tls.handshake.version")
                    one["version"] = version_of(int((chosen if chosen is not None else legacy).get("show"), 0))
                    one["_server"] = port
                    psk = first(body, "tls.handshake.extensions.psk.identity.selected")
                    if one["version"] >= 0x0304:
                        one["resumed"] = psk is not None
                    elif one["resumed"] is None:
                        one["resumed"] = False
                elif kind in (11, 25) and (one["_server"] is None or port == one["_server"]) and not one["_certs"]:
                    serials = list(shown(body))
                    one["serials"] = [s.lstrip("0") for s in serials if s]
                    one["_certs"] = bool(serials)
                    one["staple"] |= any(f.get("name", "").startswith("ocsp.") for f in body.iter("field"))
                elif kind == 22:
                    one["staple"] |= any(f.get("name", "").startswith("ocsp.") for f in body.iter("field"))
    kept = [one for one in found.values() if one["client_hello"] or one["server_hello"]]
    for one in kept:
        for key in [k for k in one if k.startswith("_")]:
            del one[key]
    return sorted(kept, key=lambda one: one["client_hello"] or one["server_hello"])


def split(argument):
    capture, _, keylog = argument.partition(",")
    beside = os.path.splitext(capture)[0] + ".keylog"
    return capture, keylog or (beside if os.path.exists(beside) else "")


def compare(program, capture, keylog):
    ours = subprocess.run([program, capture] + ([keylog] if keylog else []), stdout=subprocess.PIPE, check=True)
    ours = [json.loads(line) for line in ours.stdout.splitlines()]
    theirs = read(capture, keylog)
    different = abs(len(ours) - len(theirs))
    if different:
        print(f"{capture}: {len(theirs)} handshakes in tshark, {len(ours)} here")
    by_hello = {one["client_hello"] or one["server_hello"]: one for one in ours}
    for place, one in enumerate(theirs):
        mine = by_hello.get(one["client_hello"] or one["server_hello"])
        if mine is None and len(ours) == len(theirs):
            mine = ours[place]
        if mine is None:
            print(f"{capture}: only tshark: {one}")
            continue
        # A message may be whole before the record is that carries it, which is when tshark tells of it.
        for key, value in one.items():
            earlier = key.endswith("hello") and mine[key] and value and mine[key] < value
            if mine[key] != value and not earlier:
                print(f"{capture}: hello {one['client_hello']}: {key}: tshark {value!r}, here {mine[key]!r}")
                different += 1
    print(f"{capture}: {len(theirs)} handshakes, {different} differences")
    return different


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--compare"]:
        program = arguments[1]
        sys.exit(1 if sum(compare(program, *split(a)) for a in arguments[2:]) else 0)
    truth = []
    for argument in arguments:
        capture, keylog = split(argument)
        truth.append({"file": capture.removeprefix("captures/"), "keylog": keylog.removeprefix("captures/") or None,
                      "handshakes": read(capture, keylog)})
    print("[" + ",\n".join(
        json.dumps({k: v for k, v in one.items() if k != "handshakes"})[:-1] + ', "handshakes": [\n  '
        + ",\n  ".join(json.dumps(h) for h in one["handshakes"]) + "]}" for one in truth) + "]")


if __name__ == "__main__":
    main()
