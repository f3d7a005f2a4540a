#!/usr/bin/env python3
"""Has tshark read the fixtures of link types, tags and tunnels (src/wire/tests), and tells where it does not come to the segment in them.

    cargo test --lib fixtures_in_hexadecimal -- --ignored --nocapture | tests/oracle/layers.py
"""
import pathlib, struct, subprocess, sys, tempfile

SEGMENT = "68656c6c6f2c20776f726c64"  # "hello, world"
PORTS = {"40000", "443"}
# What tshark has to be told, as the ends of the link told each other.
TOLD = {
    "short numbers": "-omp.short_seqno:TRUE", "ESP": "-oesp.enable_null_encryption_decode_heuristic:TRUE",
    "PPP of a modem": "--enable-heuristic=ppp_usb_bulk", "in RTP": "--enable-heuristic=rtp_udp",
    "Tap of EtherCAT": "--enable-heuristic=esl_eth",
    "STT": "-oip.try_heuristic_first:TRUE", "WASSP by its looks": "--enable-heuristic=wassp_udp",
    "Aruba, pcap": "-d udp.port==5555,aruba_erm -d aruba_erm.type,aruba_erm_type0", "pcap with radio": "-d aruba_erm.type,aruba_erm_type3",
    "Aruba, PPI": "-d udp.port==5555,aruba_erm -d aruba_erm.type,aruba_erm_type4",
    "Aruba, radiotap": "-d udp.port==5555,aruba_erm -d aruba_erm.type,aruba_erm_type6",
    "PDCP of LTE": "--enable-heuristic=pdcp_lte_udp", "PDCP of NR": "--enable-heuristic=pdcp_nr_udp",
    "RLC, ": "--enable-heuristic=rlc_udp", "SYNC": "-ogtp.dissect_tpdu_as:SYNC",
    "NAS of EPS": "--enable-heuristic=nas_eps_udp -onas-eps.decode_user_data_container_as:IP",
    "NAS of 5GS": "--enable-heuristic=nas_5gs_udp -onas-5gs.decode_user_data_container_as:IP",
    "protected, Ethernet": "-onas-5gs.null_decipher:TRUE -onas-5gs.decode_user_data_container_as:Ethernet",
    "PCLI, time and case": "-d udp.port==9000,pcli20 -d pcli.payload,ip", "PCLI, call": "-d udp.port==9000,pcli -d pcli.payload,ip",
    "copies for authorities, ": "-d tcp.port==7777,5gli", "authorities, RTP": "-d rtp.pt==33,mp2t",
    "Satellite": "--enable-heuristic=dvb_s2_udp -odvb-s2_modeadapt.full_decode:TRUE -odvb-s2_modeadapt.decode_df:TRUE",
}


# Of RFC 8448 section 3, in whose connection some fixtures stand.
RANDOM = "cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7"
KEYS = {
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET": "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET": "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
    "CLIENT_TRAFFIC_SECRET_0": "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
    "SERVER_TRAFFIC_SECRET_0": "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
}


def found(link, name, frames, folder):
    file = pathlib.Path(folder, "fixture.pcap")
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)
    records = (struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame for frame in frames)
    file.write_bytes(header + b"".join(records))
    fields = ["tcp.srcport", "tcp.dstport", "tcp.payload", "frame.protocols"]
    asked = sum((["-e", field] for field in fields), [])
    if "in TLS" in name:
        keys = pathlib.Path(folder, "keys")
        logs = pathlib.Path(__file__).parents[2].glob("src/wire/tests/carried/*.txt")
        lines = [f"{label} {RANDOM} {secret}\n" for label, secret in KEYS.items()]
        lines += [line for log in logs for line in log.open() if line.startswith("CLIENT_RANDOM")]
        keys.write_text("".join(lines))
        asked.append(f"-otls.keylog_file:{keys}")
    asked += [option for word, options in TOLD.items() if word in name for option in options.split()]
    run = subprocess.run(["tshark", "-r", file, "-T", "fields", *asked], capture_output=True, text=True)
    # What goes over several frames is whole in the last.
    line = run.stdout.strip("\n").split("\n")[-1].split("\t")
    line += [""] * (4 - len(line))
    ports = set(line[0].split(",")) | set(line[1].split(","))
    return PORTS <= ports and SEGMENT in line[2], line[3] or run.stderr.strip()


def main():
    read = 0
    rows = [line.rstrip("\n").split("\t") for line in sys.stdin if line.startswith("fixture\t")]
    with tempfile.TemporaryDirectory() as folder:
        for _, link, name, digits in rows:
            same, layers = found(int(link), name, [bytes.fromhex(frame) for frame in digits.split(",")], folder)
            read += same
            if not same:
                print(f"{link:>4} {name}: {layers}")
    print(f"tshark comes to the segment in {read} of {len(rows)}")


main()
