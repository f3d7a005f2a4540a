//! Check sequences, which prove to a guess that it is right.

/// CRC-16 of ITU-T with the lowest bit first, as 802.15.4 has it from 0 on (802.15.4-2020 7.2.11), and PPP
/// from all ones on (RFC 1662 C).
pub(super) fn crc16(start: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(start, |check, byte| {
        (0..8).fold(check ^ u16::from(*byte), |check, _| {
            let polynomial = if check & 1 == 1 { 0x8408 } else { 0 };
            check >> 1 ^ polynomial
        })
    })
}

/// What [`crc16`] comes to over a frame of PPP with its check sequence (RFC 1662 C.2).
pub(super) const GOOD_PPP: u16 = 0xf0b8;

/// CRC-32 with the highest bit first, as sections (ISO/IEC 13818-1 annex A) and ULE (RFC 4326 4.6) have it: 0
/// over bytes with their check.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |check, byte| {
        (0..8).fold(check ^ u32::from(*byte) << 24, |check, _| {
            let polynomial = if check >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            check << 1 ^ polynomial
        })
    })
}

/// CRC-8 of frames of satellites (ETSI EN 302 307-1 5.1.4): 0 over bytes with their check.
pub(super) fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |check, byte| {
        (0..8).fold(check ^ byte, |check, _| {
            let polynomial = if check >> 7 == 1 { 0xd5 } else { 0 };
            check << 1 ^ polynomial
        })
    })
}

/// CRC-8 of headers of WiMAX (802.16-2009 table 6): 0 over bytes with their check.
pub(super) fn crc8_atm(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |check, byte| {
        (0..8).fold(check ^ byte, |check, _| {
            let polynomial = if check >> 7 == 1 { 0x07 } else { 0 };
            check << 1 ^ polynomial
        })
    })
}

/// CRC-24 of the GPRS LLC layer (3GPP TS 44.064 5.5) with the lowest bit first, as it is sent.
pub(super) fn crc24(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(0x00ff_ffff, |check, byte| {
        (0..8).fold(check ^ u32::from(*byte), |check, _| {
            let polynomial = if check & 1 == 1 { 0x00ad_85dd } else { 0 };
            check >> 1 ^ polynomial
        })
    }) & 0x00ff_ffff
}
