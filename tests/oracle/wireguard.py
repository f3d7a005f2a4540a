#!/usr/bin/env python3
"""Makes the conversation of src/wire/tests/wireguard.rs with keys that are known, and has tshark open it: a handshake of WireGuard, a
packet each way, a sign of life. Prints its datagrams and the key logs of both ends.

    tests/oracle/wireguard.py [--check]
"""
import base64, hashlib, hmac, pathlib, struct, subprocess, sys, tempfile

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyed import SEGMENT, ipv4


def key(number):
    return bytes([number] * 31 + [number | 0x40])


def public(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def agree(private, other):
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(other))


def digest(*parts):
    return hashlib.blake2s(b"".join(parts)).digest()


def derive(salt, given, count):
    mac = lambda key, text: hmac.new(key, text, hashlib.blake2s).digest()
    secret, previous, out = mac(salt, given), b"", []
    for number in range(count):
        previous = mac(secret, previous + bytes([number + 1]))
        out.append(previous)
    return out


def seal(key, number, text, associated=b""):
    return ChaCha20Poly1305(key).encrypt(bytes(4) + struct.pack("<Q", number), text, associated)


def proofs(message, responder):
    return message + hashlib.blake2s(message, key=digest(b"mac1----", responder), digest_size=16).digest() + bytes(16)


def packet(back):
    """The packet of Way::ip4."""
    ends = [(bytes([10, 0, 0, 1]), 40000), (bytes([192, 0, 2, 9]), 443)]
    (src, sport), (dst, dport) = reversed(ends) if back else ends
    tcp = struct.pack(">HHIIBBHHH", sport, dport, 1, 2, 0x80, 0x18, 0x1000, 0, 0)
    return ipv4(src, dst, 6, tcp + bytes([1, 1, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0]) + bytes.fromhex(SEGMENT))


def conversation():
    static_i, static_r, once_i, once_r, shared = (key(number) for number in (1, 2, 3, 4, 5))
    public_i, public_r, open_i, open_r = map(public, (static_i, static_r, once_i, once_r))
    number_i, number_r = bytes([1, 2, 3, 4]), bytes([5, 6, 7, 8])
    chain = digest(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")
    said = digest(digest(chain, b"WireGuard v1 zx2c4 Jason@zx2c4.com"), public_r)
    (chain,) = derive(chain, open_i, 1)
    said = digest(said, open_i)
    chain, secret = derive(chain, agree(once_i, public_r), 2)
    sealed = seal(secret, 0, public_i, said)
    said = digest(said, sealed)
    chain, secret = derive(chain, agree(static_i, public_r), 2)
    time = seal(secret, 0, bytes.fromhex("4000000065000000") + bytes(4), said)
    said = digest(said, time)
    first = proofs(bytes([1, 0, 0, 0]) + number_i + open_i + sealed + time, public_r)
    (chain,) = derive(chain, open_r, 1)
    said = digest(said, open_r)
    (chain,) = derive(chain, agree(once_r, open_i), 1)
    (chain,) = derive(chain, agree(once_r, public_i), 1)
    chain, mixed, secret = derive(chain, shared, 3)
    said = digest(said, mixed)
    second = proofs(bytes([2, 0, 0, 0]) + number_r + number_i + open_r + seal(secret, 0, b"", said), public_i)
    there, back = derive(chain, b"", 2)
    data = lambda to, key, number, text: bytes([4, 0, 0, 0]) + to + struct.pack("<Q", number) + seal(key, number, text + bytes(-len(text) % 16))
    messages = [first, second, data(number_r, there, 0, packet(False)), data(number_i, back, 0x0102, packet(True)), data(number_r, there, 1, b"")]
    log = lambda *keys: "".join(f"{name} = {base64.b64encode(value).decode()}\n" for name, value in zip(NAMES, keys))
    return messages, log(static_i, public_r, once_i, shared), log(static_r, public_i, once_r, shared)


NAMES = ["LOCAL_STATIC_PRIVATE_KEY", "REMOTE_STATIC_PUBLIC_KEY", "LOCAL_EPHEMERAL_PRIVATE_KEY", "PRESHARED_KEY"]


def read(messages, log, folder, embedded):
    """What tshark finds of the packet each way, with the key log beside the capture or in it."""
    block = lambda kind, body: struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
    pad = lambda data: data + bytes(-len(data) % 4)
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 101, 0, 0))
    if embedded:
        out += block(10, struct.pack("<II", 0x57474B4C, len(log)) + pad(log.encode()))
    for at, message in enumerate(messages):
        ends = [(bytes([198, 51, 100, 1]), 50000), (bytes([203, 0, 113, 2]), 51820)]
        (src, sport), (dst, dport) = reversed(ends) if at in (1, 3) else ends
        frame = ipv4(src, dst, 17, struct.pack(">HHHH", sport, dport, 8 + len(message), 0) + message)
        out += block(6, struct.pack("<IIIII", 0, 0, at, len(frame), len(frame)) + pad(frame))
    capture, keys = pathlib.Path(folder, "wireguard.pcapng"), pathlib.Path(folder, "keys.log")
    capture.write_bytes(out)
    keys.write_text(log)
    told = [] if embedded else ["-o", f"wg.keylog_file:{keys}"]
    run = subprocess.run(["tshark", "-r", capture, *told, "-T", "fields", "-e", "tcp.payload"], capture_output=True, text=True)
    return run.stdout.split() == [SEGMENT, SEGMENT]


def main():
    messages, *logs = conversation()
    if "--check" in sys.argv:
        with tempfile.TemporaryDirectory() as folder:
            for log in logs:
                print(*(read(messages, log, folder, embedded) for embedded in (False, True)))
        return
    for message in messages:
        print(message.hex())
    print(*logs, sep="\n")


main()
