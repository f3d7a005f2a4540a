//! Every cap and timeout of the core in one place, each with its reason.
//!
//! All input is hostile: whatever grows with the input has its limit here. A limit that bites is counted
//! as an [`crate::event::Anomaly`] or a coverage counter and shown in the report, never passed over in
//! silence. Sizes are bytes, times are trace time. What is for all flows is shared out to shards of them
//! ([`Limits::shard`]).

use crate::time::Span;

/// Shares of all flows that have room each for itself ([`Limits::shard`]). Fixed, so that what bites does not
/// depend on how many threads look after them; the more, the less room each has, and the more threads have
/// something to do.
pub const SHARDS: usize = 4;

/// Caps and timeouts; [`Limits::default`] is what the tool uses.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Encapsulations peeled off one frame. Real stacks (VLAN in MPLS in GRE in VXLAN) stay below ten.
    pub tunnel_depth: usize,
    /// Fragmented datagrams being joined at one time.
    pub fragments_datagrams: usize,
    /// Bytes held for them in total.
    pub fragments_bytes: usize,
    /// RFC 791 suggests 15 s, RFC 8200 60 s for reassembly; the longer serves both.
    pub fragments_age: Span,
    /// 802.11 frames being joined at one time; a sender has one under way for each of a few priorities.
    pub wlan_frames: usize,
    /// The parts of one 802.11 frame follow each other; receivers wait for half a second (802.11-2020,
    /// dot11MaxReceiveLifetime).
    pub wlan_age: Span,
    /// Fragments of multilink PPP that wait for others. A packet is cut into about as many as the bundle has
    /// links, and each of a few classes has one packet under way.
    pub multilink_fragments: usize,
    /// Bytes held for them in total.
    pub multilink_bytes: usize,
    /// Links of a bundle differ by less than a second in what is queued on them; the shorter form of sequence
    /// numbers comes round after 4,096 fragments.
    pub multilink_age: Span,
    /// Packets of Bluetooth links being joined at one time, of 64 KiB at most; a piconet has seven active
    /// members, and each sends and receives one.
    pub acl_packets: usize,
    /// Parts of such a packet follow each other as the link lets them; a link that stands still for this long
    /// is lost (Core 5.4, volume 4 part E 6.21: the supervision timeout).
    pub acl_age: Span,
    /// Bluetooth channels of which it is known what they carry; the one opened longest ago gives way. A
    /// device has a few for each other one, counted for either direction.
    pub bluetooth_channels: usize,
    /// Packets in parts of which the latest came on a pipe of USB, a program of a transport stream, a
    /// circuit; each of 64 KiB at most. A transponder has some dozens of programs.
    pub streams: usize,
    /// Parts follow each other; a line of 9,600 bit/s takes two seconds for a packet of the size of Ethernet's.
    pub streams_age: Span,
    /// One message of a stream that carries packets: 64 KiB of these, and before them a head of some
    /// kilobytes. How deep such streams may be in one another is [`Self::tunnel_depth`].
    pub carried: usize,
    /// Lines of key logs, in bytes, that are kept for what streams carry: some hundreds of keys of layers below TCP.
    pub carried_keys: usize,
    /// Circuits of X.25 of which it is known what they carry; the one called longest ago gives way. A line
    /// has some dozens open of the 4,095 it may have.
    pub circuits: usize,
    /// Keys of WireGuard: static ones, and as many ephemeral ones, of which each connection makes one in two
    /// minutes. The oldest gives way.
    pub wireguard_keys: usize,
    /// Handshakes of WireGuard that are opened, or that wait for keys. A connection has two that are in use.
    pub wireguard_sessions: usize,
    /// Keys of 802.11 networks. Those of the places where somebody captures; Wireshark takes 64. Further ones
    /// are refused.
    pub wlan_keys: usize,
    /// Names of 802.11 networks, by access point, which passphrases without a name are tried with. A capture
    /// in a city sees hundreds.
    pub wlan_networks: usize,
    /// Networks that passphrases without a name are tried in: each takes 8,192 digests, some milliseconds,
    /// and it is for who sends beacons and handshakes to say how many there are.
    pub wlan_derived: usize,
    /// Handshakes of 802.11 that are under way, or that wait for keys; the oldest gives way. A station has one.
    pub wlan_handshakes: usize,
    /// Stations, and access points, of which there are keys; the one that came first gives way. An access
    /// point has some hundreds of stations at most.
    pub wlan_stations: usize,
    /// Keys of 802.15.4 networks, of which a place has few. Further ones are refused.
    pub wpan_keys: usize,
    /// Keys of users of PDCP, of which a simulation has some dozens. Further ones are refused.
    pub pdcp_keys: usize,
    /// Directions of bearers of which it is known how far they are; the one opened longest ago gives way. A
    /// user has eight bearers as a rule.
    pub pdcp_bearers: usize,
    /// Security associations of ESP. One tunnel has two, and makes new ones each hour; the oldest gives way.
    pub associations: usize,
    /// TCP headers remembered to undo Van Jacobson compression, over all links; the link used longest ago
    /// gives way. One direction of a link has 16 as a rule, and 256 at most (RFC 1144 3.2.2).
    pub vj_headers: usize,
    /// Flows tracked at one time; the one idle longest gives way.
    pub flows: usize,
    /// A TCP flow without packets for this long is over for us.
    pub tcp_idle: Span,
    /// A SYN without answer is given up after this; Linux waits 64 s at most before it sends another.
    pub tcp_opening: Span,
    /// A connection that is over is remembered for this long after its last packet, so that leftovers open
    /// no new flow; common stacks let 120 s pass at most between retransmissions.
    pub tcp_closed: Span,
    /// A UDP flow without packets for this long is over. QUIC's usual idle timeout is 30 s.
    pub udp_idle: Span,
    /// Out-of-order bytes held for one side of one flow; one full receive window of common stacks.
    pub out_of_order_side: usize,
    /// Out-of-order bytes held over all flows.
    pub out_of_order_total: usize,
    /// Memory of the readers of all flows: handshakes under way, connections that are being told apart, heads
    /// and messages in parts (bodies and what waits for keys have limits of their own). A reader of TLS takes
    /// a kilobyte and the hello it waits for the end of; the flow used longest ago gives way.
    pub readers_total: usize,
    /// A hole that the receiver acknowledged is given up after this, because the bytes could still come
    /// later in the capture than their acknowledgement (network cards with several queues).
    pub reorder_age: Span,
    /// Or after this many packets of the flow.
    pub reorder_packets: u64,
    /// A hole is given up after this much trace time; retransmissions back off to seconds (RFC 6298).
    pub hole_age: Span,
    /// One HTTP head; servers refuse above 8 to 64 KiB.
    pub http_head: usize,
    /// One kept HTTP body other than a CRL (OCSP answers are 0.5 kB, certificates 1 to 2 kB, p7c 5 kB).
    pub http_body: usize,
    /// One kept CRL body. Let's Encrypt's worst shard is about 70 MB (mass revocation).
    pub crl_body: usize,
    /// How many times its own size a packed body may unpack to. DEFLATE reaches 1,032, but what is sought
    /// here is random for the most part: an entry of a revocation list takes 36 bytes, of which 18 are a
    /// random serial. Even where serials count up by one and all dates are equal, an entry of 50 bytes costs
    /// a literal and a copy, together some 2 bytes: 25.
    pub inflate_ratio: usize,
    /// What may come out of a packed body before its ratio is looked at: padding and short, regular bodies
    /// are cheap anyway.
    pub inflate_unproven: usize,
    /// Kept bodies over all flows, and what the one that is being unpacked comes to.
    pub bodies_total: usize,
    /// Requests waiting for their responses on one connection (pipelining).
    pub http_pipeline: usize,
    /// One TLS handshake message; chains with several CA certificates reach 20 kB.
    pub tls_message: usize,
    /// Encrypted bytes kept for a flow whose keys may still come (certificate flights).
    pub tls_held_flow: usize,
    /// The same over all flows.
    pub tls_held_total: usize,
    /// Beats ([`crate::event::Beat`]) reported for one handshake, which then counts as over. Real ones have
    /// about a dozen; what comes after that many is data, so nothing is lost by it.
    pub beats: usize,
    /// CRYPTO stream bytes of one QUIC side; post-quantum hellos take 2 kB, certificate flights 20 kB.
    pub quic_crypto: usize,
    /// CRYPTO bytes, and fragments of DTLS messages, that wait for others, over all flows.
    pub quic_crypto_total: usize,
    /// Lookups waiting for their answer.
    pub dns_pending: usize,
    /// A lookup without an answer for this long failed; stub resolvers give up in 5 to 20 s.
    pub dns_timeout: Span,
    /// Texts, addresses, questions and answers of watched lookups, requests and responses that are
    /// remembered, in bytes: a kilobyte for each of the most findings. What they weigh without these is
    /// bounded by their number.
    pub log_total: usize,
    /// Certificates of the handshakes remembered, each counted once; and half as much for those that are known by name.
    pub chains_total: usize,
    /// Certificates remembered.
    pub certificates: usize,
    /// Handshakes remembered for correlation. When there are more, contacts are ruled on before the oldest go.
    pub handshakes: usize,
    /// Older handshakes that such rulings speak of: some for each contact.
    pub kept_handshakes: usize,
    /// Address-to-name facts remembered.
    pub names: usize,
    /// Addresses remembered that were given for watched names. The two of one CDN serve all of lencr.org; resolvers in
    /// all the world give some hundreds.
    pub watched_addresses: usize,
    /// Devices remembered.
    pub devices: usize,
    /// Requests to other CAs that are reasoned with where no report is about them; the oldest third gives
    /// way. What they hold counts beside `log_total`, with an eighth of it.
    pub elsewhere: usize,
    /// Findings kept in one report.
    pub findings: usize,
    /// Handshakes described in one report with all that speaks for and against them, over all findings;
    /// further findings describe the few that matter most, and say how many they leave out. 0.9 kB each.
    pub candidates_total: usize,
    /// Key log lines kept.
    pub secrets: usize,
    /// A revocation check is over within this time: Windows accumulates at most 20 s, Java and Chromium
    /// 15 s each, and a chain needs several of them.
    pub cause_window: Span,
}

impl Limits {
    /// What one of the shards that flows are shared out to may take of what is for all of them, however many threads
    /// there are: an equal part. Only of bodies each may take the whole, since a large CRL takes most of it.
    #[must_use]
    pub fn shard(self) -> Self {
        let part = |whole: usize| whole.div_ceil(SHARDS);
        Self {
            flows: part(self.flows),
            out_of_order_total: part(self.out_of_order_total),
            readers_total: part(self.readers_total),
            tls_held_total: part(self.tls_held_total),
            quic_crypto_total: part(self.quic_crypto_total),
            // What streams carry is decoded in the shard of the stream.
            fragments_datagrams: part(self.fragments_datagrams),
            fragments_bytes: part(self.fragments_bytes),
            wlan_frames: part(self.wlan_frames),
            multilink_fragments: part(self.multilink_fragments),
            multilink_bytes: part(self.multilink_bytes),
            acl_packets: part(self.acl_packets),
            bluetooth_channels: part(self.bluetooth_channels),
            streams: part(self.streams),
            circuits: part(self.circuits),
            vj_headers: part(self.vj_headers),
            wireguard_keys: part(self.wireguard_keys),
            wireguard_sessions: part(self.wireguard_sessions),
            wlan_networks: part(self.wlan_networks),
            wlan_derived: part(self.wlan_derived),
            wlan_handshakes: part(self.wlan_handshakes),
            wlan_stations: part(self.wlan_stations),
            pdcp_bearers: part(self.pdcp_bearers),
            associations: part(self.associations),
            ..self
        }
    }

    /// About the most memory, in bytes, that hostile input can make a reading take when every cap is reached
    /// at once: the sum of the caps in bytes, and of those in numbers times what one of a kind takes. The
    /// report comes on top, by findings. An ordinary capture takes a tenth of it.
    #[must_use]
    pub fn memory(&self) -> u64 {
        // Of frames, and all shards together of what streams carry.
        const DECODERS: usize = 2;
        let held = [
            self.fragments_bytes.saturating_mul(DECODERS),
            self.multilink_bytes.saturating_mul(DECODERS),
            self.out_of_order_total,
            self.readers_total,
            self.bodies_total.saturating_mul(SHARDS),
            self.carried_keys.saturating_mul(SHARDS),
            self.crl_body,
            self.tls_held_total,
            self.quic_crypto_total,
            self.log_total.saturating_mul(9) / 8,
            // Of handshakes, by name, and those that signatures are checked against.
            self.chains_total.saturating_mul(7) / 4,
        ];
        // With the index entries and allocations of each, rounded up.
        let kept = [
            // Measured with 100,000 connections open at once; what their readers hold is counted above.
            (self.flows, 1_100),
            // Each on a link of its own.
            (self.vj_headers.saturating_mul(DECODERS), 700),
            (self.acl_packets.saturating_mul(DECODERS), 66_000),
            (self.streams.saturating_mul(DECODERS), 66_000),
            (self.circuits.saturating_mul(DECODERS), 100),
            (self.wireguard_keys.saturating_mul(DECODERS), 250),
            (self.wireguard_sessions.saturating_mul(DECODERS), 2_500),
            (self.wlan_keys.saturating_mul(1 + SHARDS), 200),
            (self.wlan_networks.saturating_mul(DECODERS), 100),
            (self.wlan_derived.saturating_mul(DECODERS), 150),
            // Two messages of a kilobyte each, and nonces.
            (self.wlan_handshakes.saturating_mul(DECODERS), 2_600),
            // Three keys of each station, and eight of each group.
            (self.wlan_stations.saturating_mul(DECODERS), 2_500),
            (self.wpan_keys.saturating_mul(1 + SHARDS), 50),
            (self.pdcp_keys.saturating_mul(1 + SHARDS), 50),
            (self.pdcp_bearers.saturating_mul(DECODERS), 200),
            (self.associations.saturating_mul(DECODERS), 500),
            (self.bluetooth_channels.saturating_mul(DECODERS), 160),
            // Those over TCP are of the shards of their connections.
            (self.dns_pending.saturating_mul(SHARDS), 250),
            (self.names, 240),
            // With 64 askers each.
            (self.watched_addresses, 64 * 80),
            (self.devices, 300),
            // With their connections.
            (self.elsewhere, 1_200),
            (self.handshakes + self.kept_handshakes, 1_500),
            // Those of handshakes and of fetched issuers, each decoded once.
            (self.certificates, 4_400),
            (self.secrets, 150),
        ];
        let kept = kept.map(|(count, each): (usize, usize)| count.saturating_mul(each));
        let sum = held.into_iter().chain(kept).map(|bytes| bytes as u64);
        sum.fold(0, u64::saturating_add)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tunnel_depth: 16,
            fragments_datagrams: 1_024,
            fragments_bytes: 8 << 20,
            fragments_age: Span::from_secs(60),
            wlan_frames: 64,
            wlan_age: Span::from_secs(1),
            multilink_fragments: 64,
            multilink_bytes: 1 << 20,
            multilink_age: Span::from_secs(1),
            acl_packets: 16,
            acl_age: Span::from_secs(20),
            bluetooth_channels: 256,
            streams: 64,
            streams_age: Span::from_secs(10),
            carried: 72 << 10,
            carried_keys: 64 << 10,
            circuits: 1_024,
            wireguard_keys: 4_096,
            wireguard_sessions: 1_024,
            wlan_keys: 64,
            wlan_networks: 1_024,
            wlan_derived: 64,
            wlan_handshakes: 1_024,
            wlan_stations: 4_096,
            wpan_keys: 64,
            pdcp_keys: 64,
            pdcp_bearers: 1_024,
            associations: 4_096,
            vj_headers: 4_096,
            flows: 200_000,
            tcp_idle: Span::from_secs(600),
            tcp_opening: Span::from_secs(75),
            tcp_closed: Span::from_secs(120),
            udp_idle: Span::from_secs(60),
            out_of_order_side: 1 << 20,
            out_of_order_total: 32 << 20,
            readers_total: 96 << 20,
            reorder_age: Span::from_millis(200),
            reorder_packets: 64,
            hole_age: Span::from_secs(10),
            http_head: 64 << 10,
            http_body: 1 << 20,
            crl_body: 112 << 20,
            inflate_ratio: 64,
            inflate_unproven: 1 << 20,
            bodies_total: 160 << 20,
            http_pipeline: 64,
            tls_message: 256 << 10,
            tls_held_flow: 64 << 10,
            tls_held_total: 32 << 20,
            beats: 32,
            quic_crypto: 64 << 10,
            quic_crypto_total: 16 << 20,
            dns_pending: 16_384,
            dns_timeout: Span::from_secs(20),
            log_total: 112 << 20,
            chains_total: 64 << 20,
            certificates: 20_000,
            handshakes: 50_000,
            kept_handshakes: 100_000,
            names: 100_000,
            watched_addresses: 4_096,
            devices: 20_000,
            elsewhere: 20_000,
            findings: 100_000,
            candidates_total: 100_000,
            secrets: 200_000,
            cause_window: Span::from_secs(60),
        }
    }
}
