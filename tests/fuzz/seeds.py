#!/usr/bin/env python3
"""Seeds from the bundled captures: whole small files, and the pieces in them that look like what a target reads; and from the fixtures
of link types and tunnels (src/wire/tests), in hexadecimal on standard input."""
import pathlib
import struct
import sys

root, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])

def put(target, name, data):
    folder = out / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)

def frames(data):
    """Ethernet frames of a little-endian pcap file."""
    if data[:4] not in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"):
        return
    at = 24
    while at + 16 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 8)
        yield data[at + 16 : at + 16 + length]
        at += 16 + length

def payload(frame):
    """(protocol, source port, destination port, payload) of TCP and UDP over IPv4 and IPv6."""
    kind = frame[12:14]
    if kind == b"\x08\x00" and len(frame) > 34:
        protocol, at, end = frame[23], 14 + (frame[14] & 15) * 4, 14 + struct.unpack_from(">H", frame, 16)[0]
    elif kind == b"\x86\xdd" and len(frame) > 54:
        protocol, at, end = frame[20], 54, 54 + struct.unpack_from(">H", frame, 18)[0]
    else:
        return None
    if protocol not in (6, 17) or at + 13 > len(frame):
        return None
    source, target = struct.unpack_from(">HH", frame, at)
    start = at + (8 if protocol == 17 else (frame[at + 12] >> 4) * 4)
    return protocol, source, target, frame[start:end]

# Places of the ports in targets/stream.rs.
PORTS = [80, 443, 53, 25, 143, 110, 21, 389, 5222, 5432, 3306, 119, 4190, 1080, 3128, 9999, 6653]

for path in sorted(root.rglob("*.pcap*")):
    data = path.read_bytes()
    if len(data) <= 60_000:
        put("capture", path.name, data)
    flows = {}
    for number, frame in enumerate(frames(data)):
        found = payload(frame)
        if number < 8:
            put("link", f"{path.stem}-{number}", b"\0\1" + frame)
        if not found or not found[3]:
            continue
        protocol, source, target, body = found
        _, _, entity = body.partition(b"\r\n\r\n")
        for decoder in ("ocsp", "crl", "certificate") if entity[:1] == b"\x30" and len(entity) < 4_000 else ():
            put(decoder, f"{path.stem}-{number}", entity)
        if body[:2] == b"\x16\x03" and b"\x30\x82" in body:
            put("certificate", f"{path.stem}-{number}", body[body.index(b"\x30\x82") :])
        server = min(source, target)
        kind = "stream" if protocol == 6 else "datagram"
        if kind == "stream" and server not in PORTS:
            continue
        script = flows.setdefault((kind, server, max(source, target)), bytearray())
        if len(script) > 8_000:
            continue
        from_server = source == server
        if kind == "datagram":
            units = -(-len(body) // 16)
            if units < 256:
                turn = 8 | from_server | (2 if server == 53 else 0)
                script += bytes([turn, units]) + body.ljust(units * 16, b"\0")
        else:
            for at in range(0, len(body), 127):
                piece = body[at : at + 127]
                script += bytes([len(piece) | (0x80 if from_server else 0)]) + piece
    for index, ((kind, server, _), script) in enumerate(flows.items()):
        if index < 30:
            first = bytes([PORTS.index(server)]) if kind == "stream" else b""
            put(kind, f"{path.stem}-{index}", first + bytes(script))
for number, line in enumerate(line.split("\t") for line in sys.stdin if line.startswith(("fixture\t", "keyed\t"))):
    parts = [bytes.fromhex(part) for part in line[3].split(",")]
    # The form of targets/link.rs.
    head = struct.pack(">H", int(line[1]) | (0x8000 if len(parts) > 1 else 0) | (0x4000 if line[0] == "keyed" else 0))
    several = b"".join(struct.pack(">H", len(part)) + part for part in parts)
    packets = [found for found in map(payload, parts) if found and found[0] == 6 and found[3]]
    if len(packets) > 1:
        # A stream that carries packets, in the form of targets/stream.rs.
        ports = [port for _, *both, _ in packets for port in both if port != 50_000]
        script = bytes([PORTS.index(ports[0]) if ports[0] in PORTS else 15])
        for _, source, _, body in packets:
            for at in range(0, len(body), 127):
                piece = body[at : at + 127]
                script += bytes([len(piece) | (0 if source == 50_000 else 0x80)]) + piece
        put("stream", f"fixture-{number}", script)
    put("link", f"fixture-{number}", head + (several if len(parts) > 1 else parts[0]))
for path in root.rglob("*.keylog"):
    put("keylog", path.name, path.read_bytes())
for index, text in enumerate(["r10.o.lencr.org/MFMw", "x1.c.lencr.org/3.crl", "kind:crl site:example.com -alert:*", "1encr.org"]):
    put("names", str(index), text.encode())
