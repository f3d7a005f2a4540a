//! Examples of RFC 9001 and RFC 9369, appendix A.

use crate::flow::Side;
use crate::proto::quic::header::{Packet, packets, version};
use crate::proto::quic::testing::*;
use crate::proto::tls::testing::hex;

/// The hello of RFC 9001 A.2 and RFC 9369 A.2, for example.com.
const RFC_HELLO: &str = "
    060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c000004130113
    02010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d00170018001000070005
    04616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce1
    5d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c0002400100
    3900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806
    048000ffff";

/// Appendix A.2 and A.3: header before protection; start and end of the client's packet as published (its
/// end is the tag over all of it); the server's packet.
const RFC_VECTORS: [(u32, &str, &str, &str, &str); 2] = [
    (
        version::V1,
        "c300000001088394c8f03e5157080000449e00000002",
        "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b",
        "e221af44860018ab0856972e194cd934",
        "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780b
         b38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19
         fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee",
    ),
    (
        version::V2,
        "d36b3343cf088394c8f03e5157080000449e00000002",
        "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071",
        "a18b2faa745b6fe189cf772a9f84cbfc",
        "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89237bbf8726
         3017915358230035f7fd3945d88965cf17f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e427575076980
         75b2c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca84bed8521e2e140",
    ),
];

#[test]
fn opens_the_initials_of_rfc_9001_and_rfc_9369() {
    for (version, header, start, end, server) in RFC_VECTORS {
        let mut payload = hex(RFC_HELLO);
        payload.resize(1_162, 0);
        let sealer = Sealer::initial(version, &DCID, Side::Client);
        let client = sealer.seal(&hex(header), 2, &payload);
        assert!(client.starts_with(&hex(start)) && client.ends_with(&hex(end)));

        let mut talk = Talk::new();
        assert_eq!(
            talk.client(&client),
            ["1 hello example.com since 1", "1 Client ClientHello 241"]
        );
        assert_eq!(
            talk.server(&hex(server)),
            ["2 server hello 1301", "2 Server ServerFlight 90"]
        );
    }
}

#[test]
fn a_genuine_retry_is_told_from_a_forged_one() {
    // RFC 9001 A.4, RFC 9369 A.4, and draft 29.
    for text in [
        "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba",
        "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6",
        "ffff00001d0008f067a5502a4262b5746f6b656ed16926d81f6f9ca2953a8aa4575e1e49",
    ] {
        let mut bytes = hex(text);
        let genuine = |bytes: &[u8]| match packets(bytes).next() {
            Some(Packet::Retry(retry)) => retry.scheme.retry_is_genuine(&DCID, &retry),
            other => panic!("{other:?}"),
        };
        assert!(genuine(&bytes));
        bytes[16] ^= 1;
        assert!(!genuine(&bytes));
    }
}
