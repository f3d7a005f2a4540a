#!/usr/bin/env python3
"""What tshark finds in captures, fact by fact: the truth that tests/it/counts.rs holds the reader against.

    tests/oracle/counts.py FOLDER|CAPTURE...                      writes JSON to stdout
    tests/oracle/counts.py --compare PROGRAM FOLDER|CAPTURE...    runs `PROGRAM CAPTURE [KEYLOG]` and tells differences

Facts are packets, lookups (names and types), their answers (code, addresses, aliases), ClientHellos (server names), certificates
(serials) and HTTP requests. A key log beside a capture (`.keylog`, `.keys`) is used. Made with tshark 4.0.
"""

import collections
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET

FILTER = "dns || mdns || llmnr || http.request || tls.handshake.type || dtls.handshake.type"
LOOKUPS = ("dns", "mdns", "llmnr")


def packets(capture, keylog):
    """Packets that tell something, with reassembly in order."""
    command = ["tshark", "-n", "-r", capture, "-Y", FILTER, "-T", "pdml", "-o", "tcp.reassemble_out_of_order:TRUE"]
    if keylog:
        command += ["-o", f"tls.keylog_file:{keylog}"]
    pipe = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        for _, element in ET.iterparse(pipe.stdout):
            if element.tag == "packet":
                yield element
                element.clear()
    except ET.ParseError:
        # A file that tshark does not open has no packets for it.
        pass
    pipe.wait()


def fields(parent, name):
    """Fields of that name; those of DTLS are named after those of TLS."""
    return [field for field in parent.iter("field") if field.get("name", "").removeprefix("d") == name.removeprefix("d")]


def show(parent, name, default=None):
    found = fields(parent, name)
    return found[0].get("show") if found else default


def folded(name):
    return "" if name in (None, "<Root>") else name.rstrip(".").lower()


ADDRESSES = ("dns.a", "dns.aaaa", "dns.svcb.svcparam.ipv4hint.ip", "dns.svcb.svcparam.ipv6hint.ip")


def lookup(proto):
    flags = int(show(proto, "dns.flags", "0"), 0)
    if (flags >> 11) & 15:
        return
    section = {group.get("show"): group for group in proto.iter("field")}
    asked = [(folded(show(record, "dns.qry.name")), int(show(record, "dns.qry.type"), 0))
             for record in section.get("Queries", ())]
    records = [(folded(show(record, "dns.resp.name")), int(show(record, "dns.resp.type"), 0), record)
               for record in section.get("Answers", ())]
    if not asked and flags & 0x8000:
        # A multicast answer repeats no question (RFC 6762 6); its first address is then what it is about.
        asked = [(name, kind) for name, kind, _ in records if kind in (1, 5, 28)][:1]
        records = [one for one in records if one[0] == (asked and asked[0][0])]
    if len(asked) != 1:
        return
    asked = f"{asked[0][0]} {asked[0][1]}"
    if not flags & 0x8000:
        yield "lookup", asked
        return
    told = {field.get("show") for _, _, record in records for name in ADDRESSES for field in fields(record, name)}
    told |= {folded(field.get("show")) for _, _, record in records for field in fields(record, "dns.cname")}
    yield "answer", f"{asked} {flags & 15} {','.join(sorted(told))}"


def request(proto):
    for line in fields(proto, "http.request.method"):
        host = show(proto, "http.host", "-").lower()
        path = show(proto, "http.request.uri", "")
        if "://" in path:
            host, _, path = path.partition("://")[2].partition("/")
            path = "/" + path
        if line.get("show") == "CONNECT":
            host = path
        if not host.startswith("["):
            host = host.partition(":")[0]
        yield "request", f"{line.get('show')} {host or '-'} {path}"


def shown(parent):
    """Serial numbers of the certificates of a message, without those inside a staple."""
    for field in parent:
        if field.get("name") == "x509af.serialNumber":
            yield field.get("value")
        elif not field.get("name", "").startswith("ocsp."):
            yield from shown(field)


def handshake(proto):
    for parent in proto.iter():
        kinds = [f for f in parent.findall("field") if f.get("name", "").endswith("handshake.type")]
        if not kinds:
            continue
        kind = int(kinds[0].get("show"), 0)
        if kind == 1 and fields(parent, "tls.handshake.random"):
            yield "hello", folded(show(parent, "tls.handshake.extensions_server_name", "-"))
        elif kind in (11, 25):
            for serial in shown(parent):
                yield "serial", serial.lstrip("0")


READERS = {"http": request, "tls": handshake, "quic": handshake, "dtls": handshake} | dict.fromkeys(LOOKUPS, lookup)


def read(capture, keylog):
    """Facts as (kind, text, frame)."""
    for packet in packets(capture, keylog):
        frame, tls = 0, False
        for proto in packet.findall("proto"):
            name = proto.get("name")
            if name == "geninfo":
                frame = int(proto.find("field[@name='num']").get("show"))
            elif name in ("icmp", "icmpv6") or (name == "http" and tls):
                # A quotation; or opened by keys, which are for certificates alone. Around TLS stands HTTP where a proxy was asked.
                break
            elif name in READERS:
                tls |= name == "tls"
                for kind, text in READERS[name](proto):
                    yield kind, text, frame


def count(capture):
    out = subprocess.run(["tshark", "-n", "-r", capture, "-T", "fields", "-e", "frame.number"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return len(out.stdout.splitlines())


def captures(arguments):
    """Captures below the arguments, with the key log beside each."""
    for argument in arguments:
        found = [argument]
        if os.path.isdir(argument):
            found = sorted(os.path.join(at, name) for at, _, names in os.walk(argument) for name in names
                           if ".pcap" in name)
        for capture in found:
            stem = os.path.splitext(capture)[0]
            beside = [stem + ".keylog", stem.replace("captures", "keys") + ".keys"]
            yield capture, next((log for log in beside if os.path.exists(log)), "")


def compare(program, capture, keylog):
    ours = subprocess.run([program, capture] + ([keylog] if keylog else []), stdout=subprocess.PIPE, check=True)
    ours = [json.loads(line) for line in ours.stdout.splitlines()]
    mine, theirs = collections.defaultdict(list), collections.defaultdict(list)
    for fact in ours:
        mine[fact["kind"], fact["text"]].append(fact["frame"])
    for kind, text, frame in read(capture, keylog):
        theirs[kind, text].append(frame)
    theirs["packets", str(count(capture))].append(0)
    different = 0
    for fact in sorted(set(mine) | set(theirs)):
        if len(mine[fact]) != len(theirs[fact]):
            different += 1
            print(f"{capture}: {' '.join(fact)}: tshark in frames {theirs[fact]}, here {mine[fact]}")
    total = {kind: sum(len(frames) for (k, _), frames in theirs.items() if k == kind)
             for kind in ("lookup", "answer", "hello", "serial", "request")}
    print(f"{capture}: {json.dumps(total)}, {different} differences")
    return different


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--compare"]:
        program = arguments[1]
        sys.exit(1 if sum(compare(program, *one) for one in captures(arguments[2:])) else 0)
    truth = []
    for capture, keylog in captures(arguments):
        facts = collections.Counter((kind, text) for kind, text, _ in read(capture, keylog))
        one = {"file": capture.removeprefix("captures/"), "keylog": keylog.removeprefix("captures/") or None,
               "packets": count(capture)}
        lists = {kind: {text: n for (k, text), n in sorted(facts.items()) if k == kind}
                 for kind in ("lookup", "answer", "hello", "serial", "request")}
        truth.append(json.dumps(one | {kind: found for kind, found in lists.items() if found}))
    print("[" + ",\n".join(truth) + "]")


if __name__ == "__main__":
    main()
