//! Block ciphers in the modes of layers below IP and of older TLS: CBC (NIST SP 800-38A), CTR, GCM with tags
//! of any length (SP 800-38D), CCM with nonces of 13 bytes (SP 800-38C), CMAC (SP 800-38B) and key wrap (RFC
//! 3394); and RC4.

use aes::cipher::block_padding::NoPadding;
use aes::cipher::consts::{U4, U8, U13, U16};
use aes::cipher::{
    BlockCipher, BlockDecrypt, BlockDecryptMut, BlockEncrypt, BlockEncryptMut, BlockSizeUser,
    InnerIvInit, KeyInit, KeyIvInit, StreamCipher,
};
use aes::{Aes128, Aes192, Aes256, Block};
use ccm::aead::AeadInPlace;
use cmac::{Cmac, Mac};
use ctr::{Ctr32BE, Ctr128BE};
use ghash::{GHash, universal_hash::UniversalHash};

/// A cipher for [`cbc_open`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cbc {
    /// AES with a key of 16, 24 or 32 bytes.
    Aes,
    /// DES with a key of 8 bytes.
    Des,
    /// Triple DES with a key of 24 bytes.
    TripleDes,
}

impl Cbc {
    /// Bytes of a block, and of the vector before the first.
    #[must_use]
    pub const fn block(self) -> usize {
        match self {
            Self::Aes => 16,
            Self::Des | Self::TripleDes => 8,
        }
    }
}

/// Decrypts whole blocks in place. None for a key, vector or body of another length.
pub fn cbc_open(cipher: Cbc, key: &[u8], vector: &[u8], body: &mut [u8]) -> Option<()> {
    match (cipher, key.len()) {
        (Cbc::Aes, 16) => cbc_of::<Aes128>(key, vector, body),
        (Cbc::Aes, 24) => cbc_of::<Aes192>(key, vector, body),
        (Cbc::Aes, _) => cbc_of::<Aes256>(key, vector, body),
        (Cbc::Des, _) => cbc_of::<des::Des>(key, vector, body),
        (Cbc::TripleDes, _) => cbc_of::<des::TdesEde3>(key, vector, body),
    }
}

fn cbc_of<C>(key: &[u8], vector: &[u8], body: &mut [u8]) -> Option<()>
where
    C: BlockCipher + BlockDecryptMut + KeyInit,
{
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, vector).ok()?;
    let whole = cipher.decrypt_padded_mut::<NoPadding>(body);
    whole.ok().map(|_| ())
}

/// Encrypts or decrypts with AES in counter mode, from a first block on. None for a key of another length.
pub fn ctr(key: &[u8], first: &[u8; 16], body: &mut [u8]) -> Option<()> {
    fn of<C>(key: &[u8], first: &[u8; 16], body: &mut [u8]) -> Option<()>
    where
        C: BlockCipher + BlockEncryptMut + BlockSizeUser<BlockSize = U16> + KeyInit,
    {
        let mut stream = Ctr128BE::<C>::new_from_slices(key, first).ok()?;
        stream.try_apply_keystream(body).ok()
    }
    match key.len() {
        16 => of::<Aes128>(key, first, body),
        24 => of::<Aes192>(key, first, body),
        _ => of::<Aes256>(key, first, body),
    }
}

/// Opens AES-GCM in place. A tag may be shortened to 8 bytes. None when it does not fit, and then the body is
/// as it was.
pub fn gcm_open(
    key: &[u8],
    nonce: &[u8; 12],
    associated: &[u8],
    body: &mut [u8],
    tag: &[u8],
) -> Option<()> {
    match key.len() {
        16 => gcm_of::<Aes128>(key, nonce, associated, body, tag),
        24 => gcm_of::<Aes192>(key, nonce, associated, body, tag),
        _ => gcm_of::<Aes256>(key, nonce, associated, body, tag),
    }
}

fn gcm_of<C>(
    key: &[u8],
    nonce: &[u8; 12],
    associated: &[u8],
    body: &mut [u8],
    tag: &[u8],
) -> Option<()>
where
    C: BlockCipher + BlockEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
{
    let cipher = C::new_from_slice(key).ok()?;
    let mut hash_key = Block::default();
    cipher.encrypt_block(&mut hash_key);
    let mut hash = GHash::new(&hash_key);
    hash.update_padded(associated);
    hash.update_padded(body);
    let bits = |bytes: &[u8]| u64::try_from(bytes.len()).map_or(0, |length| length * 8);
    let lengths = u128::from(bits(associated)) << 64 | u128::from(bits(body));
    hash.update(&[lengths.to_be_bytes().into()]);
    let mut whole = hash.finalize();

    let mut first = [0; 16];
    let (start, counter) = first.split_first_chunk_mut::<12>()?;
    *start = *nonce;
    counter.copy_from_slice(&[0, 0, 0, 1]);
    let mut stream = Ctr32BE::<C>::from_core(ctr::CtrCore::inner_iv_init(cipher, &first.into()));
    stream.try_apply_keystream(&mut whole).ok()?;
    if tag.len() < 8 || whole.get(..tag.len()) != Some(tag) {
        return None;
    }
    stream.try_apply_keystream(body).ok()
}

/// Opens AES-CCM in place, with a tag of 4 bytes (an AES-128 key alone), 8 or 16. None when it does not fit,
/// and then the body is worthless.
pub fn ccm_open(
    key: &[u8],
    nonce: &[u8; 13],
    associated: &[u8],
    body: &mut [u8],
    tag: &[u8],
) -> Option<()> {
    fn of<C: AeadInPlace<NonceSize = U13> + KeyInit>(
        key: &[u8],
        nonce: &[u8; 13],
        associated: &[u8],
        body: &mut [u8],
        tag: &[u8],
    ) -> Option<()> {
        let cipher = C::new_from_slice(key).ok()?;
        let tag = ccm::aead::Tag::<C>::from_slice(tag);
        let opened = cipher.decrypt_in_place_detached(nonce.into(), associated, body, tag);
        opened.ok()
    }
    match (key.len(), tag.len()) {
        (16, 4) => of::<ccm::Ccm<Aes128, U4, U13>>(key, nonce, associated, body, tag),
        (16, 8) => of::<ccm::Ccm<Aes128, U8, U13>>(key, nonce, associated, body, tag),
        (16, 16) => of::<ccm::Ccm<Aes128, U16, U13>>(key, nonce, associated, body, tag),
        (32, 16) => of::<ccm::Ccm<Aes256, U16, U13>>(key, nonce, associated, body, tag),
        _ => None,
    }
}

/// AES-128-CMAC; None for a key of another length.
#[must_use]
pub fn cmac(key: &[u8], message: &[u8]) -> Option<[u8; 16]> {
    let mut mac = <Cmac<Aes128> as KeyInit>::new_from_slice(key).ok()?;
    mac.update(message);
    Some(mac.finalize().into_bytes().into())
}

/// Unwraps a key (RFC 3394 2.2.2) with a key of 16 or 32 bytes. None when it is not what was wrapped.
#[must_use]
pub fn unwrap(key: &[u8], wrapped: &[u8]) -> Option<Vec<u8>> {
    match key.len() {
        16 => unwrap_with(&Aes128::new_from_slice(key).ok()?, wrapped),
        _ => unwrap_with(&Aes256::new_from_slice(key).ok()?, wrapped),
    }
}

fn unwrap_with<C>(cipher: &C, wrapped: &[u8]) -> Option<Vec<u8>>
where
    C: BlockDecrypt + BlockSizeUser<BlockSize = U16>,
{
    const CHECK: [u8; 8] = [0xa6; 8];
    let (check, body) = wrapped.split_first_chunk::<8>()?;
    let (words, []) = body.as_chunks::<8>() else {
        return None;
    };
    let (mut check, mut words) = (*check, words.to_vec());
    let mut step = u64::try_from(words.len()).ok()?.checked_mul(6)?;
    for _ in 0..6 {
        for word in words.iter_mut().rev() {
            let high = u64::from_be_bytes(check) ^ step;
            let mut block = Block::from(
                (u128::from(high) << 64 | u128::from(u64::from_be_bytes(*word))).to_be_bytes(),
            );
            cipher.decrypt_block(&mut block);
            let (high, low) = block.split_first_chunk::<8>()?;
            check = *high;
            *word = *low.first_chunk()?;
            step -= 1;
        }
    }
    (check == CHECK && words.len() >= 2).then(|| words.concat())
}

/// Encrypts or decrypts with RC4, from so many bytes of its stream on. Nothing happens with a key that is
/// empty or too long.
pub fn rc4(key: &[u8], skip: usize, body: &mut [u8]) {
    if key.is_empty() || key.len() > 256 {
        return;
    }
    let mut state: [u8; 256] = std::array::from_fn(|at| u8::try_from(at).unwrap_or_default());
    let mut j = 0_u8;
    for (i, byte) in (0..=255_u8).zip(key.iter().cycle()) {
        j = j.wrapping_add(state[usize::from(i)]).wrapping_add(*byte);
        state.swap(usize::from(i), usize::from(j));
    }
    let (mut i, mut j) = (0_u8, 0_u8);
    let mut next = || {
        i = i.wrapping_add(1);
        j = j.wrapping_add(state[usize::from(i)]);
        state.swap(usize::from(i), usize::from(j));
        let at = state[usize::from(i)].wrapping_add(state[usize::from(j)]);
        state[usize::from(at)]
    };
    for _ in 0..skip {
        next();
    }
    for byte in body {
        *byte ^= next();
    }
}

#[cfg(test)]
mod tests {
    use super::super::hex;
    use super::*;

    /// NIST SP 800-38A F.2.1 and F.5.1.
    #[test]
    fn aes_of_sp_800_38a() {
        let key = hex("2b7e151628aed2a6abf7158809cf4f3c");
        let plain = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
        let vector = hex("000102030405060708090a0b0c0d0e0f");
        let mut body = hex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
        assert!(cbc_open(Cbc::Aes, &key, &vector, &mut body).is_some());
        assert_eq!(body, plain);
        assert!(cbc_open(Cbc::Aes, &key, &vector, &mut body[1..]).is_none());
        assert!(cbc_open(Cbc::Aes, &key[1..], &vector, &mut body).is_none());
        assert!(cbc_open(Cbc::Aes, &key, &vector[1..], &mut body).is_none());

        let first = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").try_into().unwrap();
        let mut body = hex("874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff");
        assert!(ctr(&key, &first, &mut body).is_some());
        assert_eq!(body, plain);
    }

    /// 128-EEA2: TS 33.401 C.1.1, without the 5 bits of its last byte.
    #[test]
    fn counters_of_ts_33_401() {
        let key = hex("d3c5d592327fb11c4035c6680af8c6d1");
        let first = hex("398a59b4ac0000000000000000000000");
        let mut body = hex("e9fed8a63d155304d71df20bf3e82214b20ed7dad2f233dc3c22d7bdeeed8e");
        assert!(ctr(&key, &first.try_into().unwrap(), &mut body).is_some());
        let plain = hex("981ba6824c1bfb1ab485472029b71d808ce33e2cc3c0b5fc1f3de8a6dc66b1");
        assert_eq!(body, plain);
    }

    /// What OpenSSL's `enc -des-ede3-cbc` and `-des-cbc` make of it.
    #[test]
    fn triple_des_is_des_thrice() {
        let key = hex("0123456789abcdef");
        let body = hex("e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6");
        let vector = hex("1234567890abcdef");
        let mut once = body.clone();
        assert!(cbc_open(Cbc::Des, &key, &vector, &mut once).is_some());
        assert_eq!(once, b"Now is the time for all ");
        let mut thrice = body;
        let same = [&key[..], &key, &key].concat();
        assert!(cbc_open(Cbc::TripleDes, &same, &vector, &mut thrice).is_some());
        assert_eq!(thrice, once);
    }

    /// Test case 4 of the submission of GCM to NIST, with its tag whole and shortened.
    #[test]
    fn gcm_with_short_tags() {
        let key = hex("feffe9928665731c6d6a8f9467308308");
        let nonce = hex("cafebabefacedbaddecaf888").try_into().unwrap();
        let associated = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let sealed = hex(
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
        );
        let tag = hex("5bc94fbc3221a5db94fae95ae7121a47");
        for length in [8, 12, 16] {
            let mut body = sealed.clone();
            let opened = gcm_open(&key, &nonce, &associated, &mut body, &tag[..length]);
            assert!(opened.is_some());
            assert!(body.starts_with(&hex("d9313225f88406e5a55909c5aff5269a")));
            let mut body = sealed.clone();
            let mut wrong = tag[..length].to_vec();
            wrong[length - 1] ^= 1;
            assert!(gcm_open(&key, &nonce, &associated, &mut body, &wrong).is_none());
            assert_eq!(body, sealed);
        }
        assert!(gcm_open(&key, &nonce, &associated, &mut [], &[]).is_none());
    }

    /// RFC 4493 4, RFC 3394 4.1 and 4.6.
    #[test]
    fn cmac_and_key_wrap_of_their_documents() {
        let key = hex("2b7e151628aed2a6abf7158809cf4f3c");
        let mac = cmac(&key, &hex("6bc1bee22e409f96e93d7e117393172a"));
        assert_eq!(
            mac.map(Vec::from),
            Some(hex("070a16b46b4d4144f79bdd9dd04a287c"))
        );
        let key = hex("000102030405060708090a0b0c0d0e0f");
        let wrapped = hex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
        let plain = hex("00112233445566778899aabbccddeeff");
        assert_eq!(unwrap(&key, &wrapped), Some(plain));
        let key = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        let wrapped =
            hex("28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21");
        let plain = hex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
        assert_eq!(unwrap(&key, &wrapped), Some(plain));
        assert_eq!(unwrap(&key, &wrapped[8..]), None);
        assert_eq!(unwrap(&key, &wrapped[1..]), None);
        assert_eq!(unwrap(&key, &[]), None);
    }

    /// RFC 6229 2, a key of 40 bits.
    #[test]
    fn rc4_of_rfc_6229() {
        let key = [1, 2, 3, 4, 5];
        let mut body = [0; 16];
        rc4(&key, 0, &mut body);
        assert_eq!(body.to_vec(), hex("b2396305f03dc027ccc3524a0a1118a8"));
        let mut body = [0; 16];
        rc4(&key, 240, &mut body);
        assert_eq!(body.to_vec(), hex("28cb1132c96ce286421dcaadb8b69eae"));
    }
}
