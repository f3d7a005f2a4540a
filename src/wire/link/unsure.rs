//! Link types whose numbers several systems use, each for a header of its own.

use super::super::rest::Rest;
use super::super::walk::Next;
use super::super::{Undecoded, plausible};
use super::{equipment, ppp, short, skip};

/// Where BSD/OS and those after it let the packet begin.
const HEADERS: [usize; 4] = [0, 4, 16, 24];

/// SLIP and PPP of BSD/OS: 4 bytes of its old releases, 16 and 24 of others. Nothing but IP that is as long
/// as the frame, and whose header checksum is right, tells which it is.
pub(super) fn bsd_os(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    for header in HEADERS {
        let Some(inside) = rest.after(header) else {
            continue;
        };
        let of_ppp = match ppp::protocol(inside) {
            Ok((0x0021 | 0x0057, packet)) => Some(packet),
            _ => None,
        };
        for packet in [Some(inside), of_ppp].into_iter().flatten() {
            if plausible::ip_alone(packet) {
                return Ok(Next::Ip(packet));
            }
        }
    }
    Err(rest.lacks(Undecoded::CutBeforeIp, Undecoded::NotIp))
}

/// Classical IP over ATM on some systems, PPP or SLIP of BSD/OS on others.
pub(super) fn atm_or_bsd_os(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    match rest.array::<3>(0) {
        Some([0xaa, 0xaa, 0x03]) => equipment::atm(rest),
        _ => bsd_os(rest),
    }
}

/// IPsec of OpenBSD by an old number, which is one for ATM elsewhere: address family, SPI, flags.
pub(super) fn ipsec_or_atm(rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    if matches!(rest.array::<3>(0), Some([0xaa, 0xaa, 0x03])) {
        return equipment::atm(rest);
    }
    let inside = skip(rest, 12)?;
    match plausible::ip(inside) {
        true => Ok(Next::Ip(inside)),
        false if inside.bytes.len() < 20 => Err(short(inside)),
        false => Err(rest.lacks(Undecoded::CutBeforeIp, Undecoded::NotIp)),
    }
}
