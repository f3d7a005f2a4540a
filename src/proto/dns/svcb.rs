//! SVCB and HTTPS record data (RFC 9460): address hints and ECH configurations.

use std::net::IpAddr;

use hickory_proto::rr::rdata::svcb::SvcParamValue;
use hickory_proto::rr::{RData, RecordType};
use hickory_proto::serialize::binary::{BinDecoder, Restrict};

use crate::event::Name;

/// ECHConfig version of RFC 9849.
const ECH_VERSION: u16 = 0xfe0d;
/// Configurations read of one list; deployments publish one or two.
const CONFIGS: usize = 8;

/// What one binding says.
#[derive(Debug, Default)]
pub(super) struct Binding {
    /// ipv4hint and ipv6hint.
    pub(super) hints: Vec<IpAddr>,
    /// public_name of each ECH configuration.
    pub(super) ech_public_names: Vec<Name>,
}

/// Reads RDATA; None when it is malformed, for then RFC 9460 2.2 has clients reject it whole.
pub(super) fn read(data: &[u8]) -> Option<Binding> {
    let length = u16::try_from(data.len()).ok()?;
    let mut decoder = BinDecoder::new(data);
    // HTTPS is SVCB under another number.
    let record = RData::read(&mut decoder, RecordType::SVCB, Restrict::new(length)).ok()?;
    let RData::SVCB(record) = record else {
        return None;
    };
    let mut binding = Binding::default();
    for (_, value) in &record.svc_params {
        match value {
            SvcParamValue::Ipv4Hint(hints) => {
                binding
                    .hints
                    .extend(hints.0.iter().map(|a| IpAddr::V4(a.0)));
            }
            SvcParamValue::Ipv6Hint(hints) => {
                binding
                    .hints
                    .extend(hints.0.iter().map(|a| IpAddr::V6(a.0)));
            }
            SvcParamValue::EchConfigList(list) => ech_public_names(&list.0, &mut binding),
            _ => {}
        }
    }
    Some(binding)
}

/// Walks an ECHConfigList (RFC 9849 4). What cannot be read is passed over: it says nothing of a name.
fn ech_public_names(list: &[u8], binding: &mut Binding) {
    // hickory hands the list over with its own length prefix; the configurations follow.
    let Some((_, mut rest)) = split_u16(list) else {
        return;
    };
    for _ in 0..CONFIGS {
        let Some((version, after)) = split_u16(rest) else {
            return;
        };
        let Some((contents, after)) = split_vector16(after) else {
            return;
        };
        rest = after;
        if version == ECH_VERSION
            && let Some(name) = public_name(contents)
            && let Ok(text) = std::str::from_utf8(name)
            && !text.is_empty()
        {
            binding.ech_public_names.push(Name::new(text));
        }
    }
}

/// ECHConfigContents: HpkeKeyConfig, maximum_name_length, public_name, extensions.
fn public_name(contents: &[u8]) -> Option<&[u8]> {
    let rest = contents.get(3..)?; // config_id, kem_id
    let (_public_key, rest) = split_vector16(rest)?;
    let (_cipher_suites, rest) = split_vector16(rest)?;
    let (_maximum_name_length, rest) = rest.split_first()?;
    let (length, rest) = rest.split_first()?;
    rest.get(..usize::from(*length))
}

fn split_u16(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*head), rest))
}

fn split_vector16(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = split_u16(bytes)?;
    rest.split_at_checked(usize::from(length))
}
