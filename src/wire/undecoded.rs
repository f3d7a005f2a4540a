//! Why a frame gave no packet.

/// Why a frame gave no packet. Small and `Copy`: engines count these by [`Undecoded::reason`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Undecoded {
    /// The link type has no decoder (see [`super::link_supported`]).
    UnknownLink,
    /// The snap length ends before an IP header does.
    CutBeforeIp,
    /// The snap length ends before the ports do.
    CutBeforePorts,
    /// ARP or RARP.
    Arp,
    /// LLDP or CDP.
    Lldp,
    /// Spanning tree.
    Stp,
    /// EAPOL: Wi-Fi and 802.1X key exchange.
    Eapol,
    /// PPPoE discovery, LCP, IPCP and other negotiation of a link.
    LinkControl,
    /// Another EtherType, LLC SAP or PPP protocol that is not IP.
    NotIp,
    /// An 802.11 management or control frame, or a data frame without data.
    WlanControl,
    /// A protected 802.11 frame.
    EncryptedWlan,
    /// One part of an 802.11 frame sent in fragments, of which others are not there yet or were lost.
    WlanFragment,
    /// A MACsec frame whose payload is encrypted.
    EncryptedMacsec,
    /// Compressed or encrypted at the PPP layer (CCP, MPPE).
    CompressedPpp,
    /// A TCP header that Van Jacobson compressed, where the one before it was not captured, or its checksum
    /// says that it is another.
    CompressedHeader,
    /// One part of what a link split (multilink PPP and Frame Relay, ARCNET, DOCSIS, Bluetooth, a mesh, a
    /// transport stream, X.25, GPRS, PPP over USB), of which others are not there yet, were lost, or are not
    /// joined here.
    LinkFragment,
    /// An EPON frame whose payload is encrypted.
    EncryptedEpon,
    /// A DOCSIS packet whose payload is encrypted (BPI+).
    EncryptedDocsis,
    /// An 802.15.4 frame whose payload is encrypted.
    EncryptedWpan,
    /// A frame of GPRS whose payload is ciphered.
    EncryptedGprs,
    /// A Bluetooth packet whose payload is encrypted.
    EncryptedBluetooth,
    /// A USB transfer that does not say of itself that it holds packets of a network. Those of CDC-ECM are among them.
    UnreadUsb,
    /// An IP fragment; the datagram is not complete yet.
    FragmentHeld,
    /// An IP fragment that repeats one already seen.
    FragmentRepeated,
    /// An IP fragment cut by the snap length: its datagram can not be joined.
    FragmentCut,
    /// More encapsulations than [`crate::limits::Limits::tunnel_depth`].
    TooDeep,
    /// A link header that breaks its grammar or does not fit the frame.
    BadLink,
    /// A tunnel header that breaks its grammar.
    BadTunnel,
    /// An IPv4 header that breaks RFC 791.
    BadIpv4,
    /// An IPv6 header or extension header that breaks RFC 8200.
    BadIpv6,
    /// A TCP header that breaks RFC 9293.
    BadTcp,
    /// A UDP header that breaks RFC 768.
    BadUdp,
    /// A fragment that no sender makes: empty, of odd length, or reaching beyond 65,535 bytes.
    BadFragment,
    /// A fragment that overlaps earlier ones with other content, or disagrees about the end. The first
    /// was believed.
    FragmentConflict,
}

impl Undecoded {
    /// A few words for a table of counts.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::UnknownLink => "unknown link type",
            Self::CutBeforeIp => "cut before IP",
            Self::CutBeforePorts => "cut before the ports",
            Self::Arp => "ARP",
            Self::Lldp => "LLDP or CDP",
            Self::Stp => "spanning tree",
            Self::Eapol => "EAPOL",
            Self::LinkControl => "link negotiation",
            Self::NotIp => "not IP",
            Self::WlanControl => "802.11 without data",
            Self::EncryptedWlan => "encrypted 802.11",
            Self::WlanFragment => "802.11 fragment",
            Self::EncryptedMacsec => "encrypted MACsec",
            Self::CompressedPpp => "compressed PPP",
            Self::CompressedHeader => "compressed TCP header",
            Self::LinkFragment => "link fragment",
            Self::EncryptedEpon => "encrypted EPON",
            Self::EncryptedDocsis => "encrypted DOCSIS",
            Self::EncryptedWpan => "encrypted 802.15.4",
            Self::EncryptedGprs => "encrypted GPRS",
            Self::EncryptedBluetooth => "encrypted Bluetooth",
            Self::UnreadUsb => "USB without network headers",
            Self::FragmentHeld => "fragment waiting",
            Self::FragmentRepeated => "fragment repeated",
            Self::FragmentCut => "fragment cut",
            Self::TooDeep => "encapsulated too deeply",
            Self::BadLink => "bad link header",
            Self::BadTunnel => "bad tunnel header",
            Self::BadIpv4 => "bad IPv4 header",
            Self::BadIpv6 => "bad IPv6 header",
            Self::BadTcp => "bad TCP header",
            Self::BadUdp => "bad UDP header",
            Self::BadFragment => "bad fragment",
            Self::FragmentConflict => "conflicting fragment",
        }
    }

    /// Whether the frame broke a protocol's rules, rather than merely being of no use here.
    #[must_use]
    pub const fn is_anomaly(self) -> bool {
        matches!(
            self,
            Self::TooDeep
                | Self::BadLink
                | Self::BadTunnel
                | Self::BadIpv4
                | Self::BadIpv6
                | Self::BadTcp
                | Self::BadUdp
                | Self::BadFragment
                | Self::FragmentConflict
        )
    }

    /// Whether the bytes did not make sense as what they were taken for.
    pub(super) const fn is_broken(self) -> bool {
        self.is_anomaly() || matches!(self, Self::CutBeforeIp | Self::CutBeforePorts)
    }

    /// Whether the anomaly is about fragments ([`crate::event::AnomalyKind::BadFragment`]) rather than
    /// about the packet ([`crate::event::AnomalyKind::BadPacket`]).
    #[must_use]
    pub const fn is_fragment_anomaly(self) -> bool {
        matches!(self, Self::BadFragment | Self::FragmentConflict)
    }
}
