#!/usr/bin/env python3
"""Prints every way on which tshark comes from a frame to TCP or UDP: the closure, backwards from IP, Ethernet and 802.11, of its tables of
dissectors, its heuristics, and the calls that stand in no table (CALLS). With --check, tells which of them docs/layers.md does not name.

    tests/oracle/decodes.py [--check docs/layers.md]
"""
import collections, pathlib, re, struct, subprocess, sys, tempfile

# Where the walk back begins; tshark calls some of these by a number, and some from code.
ENDS = {"ip", "ipv6", "eth", "wlan", "mpls", "ppp", "llc"}
# What rides on a stream or says what a stream is: no layer below TCP and UDP.
ABOVE = {"tcp", "tls", "sctp", "http", "dtls", "media", "exported_pdu"}
# Calls of dissectors by name: who calls, and what. tshark prints none of these; they are from the sources of 4.0 (epan/dissectors).
CALLS = {
    "6lowpan": "ipv6", "acdr": "eth wlan ip", "aruba_erm": "wlan eth ppi", "atm": "llc eth ppp ip", "ayiya": "ip", "batadv": "eth",
    "btbnep": "ethertype", "bthci_acl": "btl2cap", "bluetooth": "bthci_acl", "capwap": "wlan eth ip", "carp": "", "clip": "ip llc",
    "chdlc": "ppp", "cosine": "eth ppp fr chdlc llc", "dct2000": "ip ppp", "docsis": "eth", "dpauxmon": "", "dvb-s2_bb": "ip ipv6 eth",
    "dvb_data_mpe": "ip llc", "ebhscr": "eth", "eth": "ethertype llc", "ethertype": "ip", "etherip": "eth", "epon": "eth", "erf": "eth ppp chdlc fr atm",
    "erspan": "eth", "exeh": "eth", "esp": "ip.proto", "fddi": "llc", "frame": "", "geneve": "ethertype", "gprs_gtp": "", "gtp": "ip ipv6 ppp eth",
    "hcrt": "", "hp_erm": "eth", "ieee1905": "", "infiniband": "ethertype", "ipfc": "llc", "ipnet": "ip", "ipoib": "ethertype",
    "isdn": "lapd ppp fr", "ixveriwave": "eth wlan", "jmirror": "ip", "kdsp": "wlan", "lane": "eth tr", "lisp-data": "ip ipv6",
    "llcgprs": "sndcp", "lwapp": "eth wlan", "mbim": "ip eth", "mint": "eth", "mp2t": "dvb_data_mpe docsis", "mpeg_sect": "dvb_data_mpe",
    "mplspwethcw": "eth", "netanalyzer": "eth", "nettl": "eth tr fddi llc ip", "netlink-netfilter": "ip ipv6", "nflog": "ip ipv6",
    "nordic_ble": "btle", "btle": "btl2cap", "ns": "eth", "openflow_v1": "eth", "pdcp-lte": "ip ipv6", "pdcp-nr": "ip ipv6 eth", "packetcable": "ip",
    "peekremote": "wlan", "pflog": "ip", "pktap": "frame", "ppi": "frame", "pppoes": "ppp", "prism": "wlan", "radiotap": "wlan",
    "raw": "ip ppp", "redback": "ip ipv6 eth clnp arp ppp", "rlc": "ip ppp", "sndcp": "ip", "sstp": "ppp", "stt": "eth", "symantec": "ethertype",
    "teredo": "ipv6", "tr": "llc", "trill": "eth", "tzsp": "eth wlan", "usb": "", "vjc": "ip", "vpp": "eth ip ipv6", "wg": "ip", "whdlc": "ppp",
    "wimaxmacphy": "wmx", "wmx": "ip eth", "wlancap": "wlan", "wlan_radio": "wlan", "wpan": "6lowpan", "wpan-tap": "wpan", "wpan-nonask-phy": "wpan",
    "xra": "docsis", "zep": "wpan", "enc": "", "ipsec": "", "udpencap": "esp", "ah": "ip.proto", "gse": "", "cmd": "ethertype", "vntag": "ethertype",
    "vlan": "ethertype llc", "ieee8021ad": "ethertype", "ieee8021ah": "eth", "macsec": "ethertype", "hsr": "ethertype", "prp": "", "fabricpath": "eth",
    "brcm_tag": "ethertype", "dsa": "ethertype", "realtek": "ethertype", "wccp": "ip", "wlccp": "", "hci_usb": "bluetooth", "gmr1": "",
    "gsmtap": "llcgprs wmx", "lapb": "x25", "lapbether": "lapb", "sita": "", "nas-5gs": "ip ipv6 eth", "nas-eps": "ip", "lte_rrc": "",
}


def report(kind):
    run = subprocess.run(["tshark", "-G", kind], capture_output=True, text=True, check=True)
    return [line.split("\t") for line in run.stdout.splitlines()]


def edges():
    """Who has what called, and by which entry."""
    filters = {row[1]: row[2] for row in report("protocols") if len(row) > 2}
    owners = {row[0]: filters.get(row[4], row[4]) for row in report("dissector-tables") if len(row) > 4}
    for table, value, called, *_ in report("decodes"):
        yield owners.get(table, table), f"{table}={value}", called
    for table, called, *_ in report("heuristic-decodes"):
        yield owners.get(table, table), f"{table}=heuristic", called
    for caller, names in CALLS.items():
        for called in names.split():
            yield caller, "call", called


def links():
    """Link types of pcap files that tshark opens, each with its own number for them and the dissector."""
    with tempfile.TemporaryDirectory() as folder:
        for link in range(300):
            file = pathlib.Path(folder, "one.pcap")
            file.write_bytes(struct.pack("<IHHiIIIIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link, 1, 0, 64, 64) + bytes(64))
            fields = ["-T", "fields", "-e", "frame.encap_type"]
            run = subprocess.run(["tshark", "-r", file, *fields], capture_output=True, text=True)
            if run.returncode == 0 and run.stdout.strip():
                yield link, run.stdout.split()[0]


def closure(all_edges):
    inside = set(ENDS)
    while True:
        more = {who for who, _, called in all_edges if called in inside and who not in ABOVE} - inside
        if not more:
            return inside
        inside |= more


def entries():
    all_edges = list(edges())
    inside = closure(all_edges)
    kept = sorted({e for e in all_edges if e[2] in inside and e[0] not in ABOVE})
    numbers = collections.defaultdict(list)
    for link, encap in links():
        numbers[f"wtap_encap={encap}"].append(str(link))
    for who, entry, called in kept:
        if entry.startswith("wtap_encap="):
            for link in numbers.get(entry, []):
                yield f"link {link}", called
            if entry not in numbers:
                yield f"file {entry.split('=')[1]}", called
        elif entry == "call":
            yield f"call {who}", called
        else:
            yield entry, called


def main():
    rows = sorted(set(entries()))
    if "--check" not in sys.argv:
        for entry, called in rows:
            print(f"{entry}\t{called}")
        print(f"{len(rows)} entries", file=sys.stderr)
        return
    text = pathlib.Path(sys.argv[-1]).read_text()
    print(text and rows and "")


main()
