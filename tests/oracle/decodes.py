#!/usr/bin/env python3
"""Prints every way on which tshark comes from a frame to TCP or UDP: the closure, backwards from IP, Ethernet and 802.11, of its tables of
dissectors, its heuristics, and the calls that stand in no table (CALLS). With --check, counts what docs/layers.md says of them, and tells
which it does not name or names in vain.

    tests/oracle/decodes.py [--check docs/layers.md]
"""
import collections, pathlib, re, struct, subprocess, sys, tempfile

# Where the walk back begins; tshark calls some of these by a number, and some from code.
ENDS = {"ip", "ipv6", "eth", "wlan", "mpls", "ppp", "llc"}
# What rides on a stream or says what a stream is: no layer below TCP and UDP.
ABOVE = {"tcp", "tls", "sctp", "http", "dtls", "media", "exported_pdu", "diameter", "stun", "classicstun", "rtsp", "zbee", "zbee_zcl", "zbee_zcl_se"}
# Tables by which a protocol has parts of itself called.
WITHIN = {"acdr.media_type", "igmp.type", "l2tp.pw_type", "l2tp.vendor_avp"}
# Calls of dissectors by name: who calls, and what. tshark prints none of these; they are from the sources of 4.0 (epan/dissectors, plugins).
# Of WiMAX only `m2m` has units read: what GSMTAP calls by its name shows nothing, and `wimaxmacphy` shows bytes.
CALLS = {
    "6lowpan": "ipv6", "acdr": "eth ip wlan", "amt": "ip ipv6", "aruba_erm": "eth ppi wlan", "ascend": "eth ppp fr",
    "atm": "eth ip llc ppp", "ayiya": "ip ipv6", "bat.gw": "ip", "batadv": "eth", "bluetooth": "bthci_acl", "brcm_tag": "ethertype",
    "btbnep": "ethertype", "bthci_acl": "btl2cap", "btle": "btl2cap", "capwap": "eth ip wlan", "capwap.data": "eth ip wlan", "chdlc": "ppp",
    "clip": "ip llc", "cmd": "ethertype", "cosine": "chdlc eth fr llc ppp", "dct2000": "ip ppp", "docsis": "eth", "dsa": "ethertype",
    "dvb-s2_bb": "eth ip ipv6", "dvb_data_mpe": "ip llc", "ebhscr": "eth", "ecat": "ecat_mailbox", "ecat_mailbox": "eth", "epon": "eth",
    "erf": "atm chdlc eth fr ppp", "erspan": "eth", "esl": "eth", "esp": "ip ipv6", "eth": "ethertype llc", "etherip": "eth",
    "ethertype": "ip", "exeh": "eth", "fabricpath": "eth", "fddi": "llc", "geneve": "ethertype", "gsmtap": "llcgprs",
    "gtp": "eth ip ipv6 ppp", "hci_usb": "bluetooth", "hp_erm": "eth", "hsr": "ethertype", "icmp": "ip", "ieee8021ad": "ethertype",
    "ieee8021ah": "eth", "infiniband": "ethertype", "ipfc": "llc", "ipnet": "ip", "ipoib": "ethertype", "isdn": "fr lapd ppp",
    "ixveriwave": "eth wlan", "jmirror": "ip", "kdsp": "wlan", "lane": "eth tr", "lapb": "x25", "lapbether": "lapb", "lisp-data": "ip ipv6",
    "llcgprs": "sndcp", "lwapp": "eth wlan", "m2m": "wmx", "macsec": "ethertype", "mbim": "eth ip", "mint": "eth", "mp2t": "docsis dvb_data_mpe",
    "mpeg_sect": "dvb_data_mpe", "mplspwethcw": "eth", "msrcp": "eth", "nas-5gs": "eth ip ipv6", "nas-eps": "ip", "netanalyzer": "eth",
    "netlink-netfilter": "ip ipv6", "nettl": "eth fddi ip llc tr", "nflog": "ip ipv6", "nordic_ble": "btle", "ns": "eth",
    "openflow_v1": "eth", "openflow_v4": "eth", "openflow_v5": "eth", "openflow_v6": "eth", "pcli": "ip", "pdcp-lte": "ip ipv6", "pdcp-nr": "eth ip ipv6", "peekremote": "wlan", "pflog": "ip",
    "pim": "ip ipv6", "pktap": "frame", "ppi": "frame", "pppoes": "ppp", "prism": "wlan", "radiotap": "wlan", "raw": "ip ppp",
    "realtek": "ethertype", "redback": "arp clnp eth ip ipv6 ppp", "redbackli": "ip", "rlc": "ip ppp", "sndcp": "ip", "sstp": "ppp",
    "stt": "eth", "symantec": "ethertype", "sync": "ip", "telkonet": "eth", "teredo": "ipv6", "tr": "llc", "trill": "eth",
    "tzsp": "eth wlan", "udpencap": "esp", "vjc": "ip", "vlan": "ethertype llc", "vntag": "ethertype", "vpp": "eth ip ipv6",
    "wassp": "wlan eth", "wccp": "ip", "wg": "ip", "whdlc": "ppp", "wlan_radio": "wlan", "wlancap": "wlan",
    "wmx": "ip", "wpan": "6lowpan", "wpan-nonask-phy": "wpan", "wpan-tap": "wpan", "xra": "docsis", "zep": "wpan",
}


def report(kind):
    run = subprocess.run(["tshark", "-G", kind], capture_output=True, text=True, check=True)
    return [line.split("\t") for line in run.stdout.splitlines()]


def edges():
    """Who has what called, by which table, and which entry of it."""
    filters = {row[1]: row[2] for row in report("protocols") if len(row) > 2}
    owners = {row[0]: filters.get(row[4], row[4]) for row in report("dissector-tables") if len(row) > 4}
    for table, value, called, *_ in report("decodes"):
        yield owners.get(table, table), table, value, called
    for table, called, *_ in report("heuristic-decodes"):
        yield owners.get(table, table), f"{table} by its looks", called, called
    for caller, names in CALLS.items():
        for called in names.split():
            yield caller, "call", caller, called


def links():
    """Link types of pcap files that tshark opens, each with its own number for them."""
    left, known = list(range(300)), {}
    while left:
        with tempfile.NamedTemporaryFile(suffix=".pcapng") as file:
            file.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
            for link in left:
                file.write(block(1, struct.pack("<HHI", link, 0, 0)))
            for at in range(len(left)):
                file.write(block(6, struct.pack("<IIIII", at, 0, 0, 64, 64) + bytes(64)))
            file.flush()
            fields = ["-T", "fields", "-e", "frame.encap_type"]
            run = subprocess.run(["tshark", "-r", file.name, *fields], capture_output=True, text=True)
        numbers = run.stdout.split()
        known.update(zip(left, numbers))
        # Where it stops is a link type whose frames cannot be zeros.
        left = left[len(numbers) + 1 :]
    return {link: number for link, number in known.items() if number != "0"}


def block(kind, body):
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def entries():
    """Tables with their entries, each with what it has called."""
    all_edges = [edge for edge in edges() if edge[0] not in ABOVE and not (edge[1] in WITHIN and edge[0] == edge[3])]
    inside = set(ENDS)
    while more := {who for who, _, _, called in all_edges if called in inside} - inside:
        inside |= more
    of_number = collections.defaultdict(list)
    for link, number in links().items():
        of_number[number].append(str(link))
    found = collections.defaultdict(set)
    for _, table, value, called in all_edges:
        if called not in inside:
            continue
        if table != "wtap_encap":
            found[table, value].add(called)
        for link in of_number[value] if table == "wtap_encap" else []:
            found["link type", link].add(called)
        if table == "wtap_encap" and not of_number[value]:
            found["other file formats", value].add(called)
    return found


def check(found, text):
    row = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| (read|counted|refused|not read) \|", re.M)
    said = {(table, value): what for table, values, what in row.findall(text) for value in values.split()}
    for table, value in sorted(set(found) - set(said)):
        print(f"not named: {table} {value} ({' '.join(sorted(found[table, value]))})")
    for table, value in sorted(set(said) - set(found)):
        print(f"not in tshark: {table} {value}")
    counts = collections.Counter(said[entry] for entry in found if entry in said)
    print(f"{len(found)} entries: " + ", ".join(f"{counts[what]} {what}" for what in ("read", "counted", "refused", "not read")))


def main():
    found = entries()
    if "--check" in sys.argv:
        return check(found, pathlib.Path(sys.argv[-1]).read_text())
    for (table, value), called in sorted(found.items()):
        print(table, value, " ".join(sorted(called)), sep="\t")


main()
