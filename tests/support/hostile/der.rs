//! Just enough DER for certificates that nobody signed.

/// A value behind its tag and length.
pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().take_while(|b| **b == 0).count().min(7)..];
    let mut out = vec![tag];
    if content.len() >= 0x80 {
        out.push(0x80 | length.len() as u8);
    }
    out.extend(length);
    out.extend(content);
    out
}

/// A SEQUENCE of these.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// A certificate of `R10` with this serial, for these names, whose list is at `list`; `padding` bytes are in
/// an extension that nobody knows.
pub(super) fn certificate(serial: u64, names: &[String], list: &str, padding: usize) -> Vec<u8> {
    let name = |cn: &str| {
        let value = tlv(0x0c, cn.as_bytes());
        let attribute = sequence(&[&[6, 3, 0x55, 4, 3], &value]);
        sequence(&[&tlv(0x31, &attribute)])
    };
    let algorithm = sequence(&[&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]);
    let validity = sequence(&[&tlv(0x17, b"230101000000Z"), &tlv(0x17, b"330101000000Z")]);
    let curve = [
        6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7,
    ];
    let key = sequence(&[
        &sequence(&[&curve]),
        &tlv(3, &[&[0, 4][..], &[7; 64]].concat()),
    ]);
    let alternatives: Vec<Vec<u8>> = names.iter().map(|n| tlv(0x82, n.as_bytes())).collect();
    let alternatives = tlv(0x30, &alternatives.concat());
    let point = tlv(0xa0, &tlv(0xa0, &tlv(0x86, list.as_bytes())));
    let points = sequence(&[&sequence(&[&point])]);
    let extension = |last: u8, value: &[u8]| sequence(&[&[6, 3, 0x55, 0x1d, last], &tlv(4, value)]);
    let extensions = sequence(&[
        &extension(17, &alternatives),
        &extension(31, &points),
        &extension(99, &vec![0; padding]),
    ]);
    let mut number = vec![1];
    number.extend(serial.to_be_bytes());
    let body = sequence(&[
        &[0xa0, 3, 2, 1, 2],
        &tlv(2, &number),
        &algorithm,
        &name("R10"),
        &validity,
        &name(names.first().map_or("nobody", String::as_str)),
        &key,
        &tlv(0xa3, &extensions),
    ]);
    sequence(&[&body, &algorithm, &tlv(3, &[0; 9])])
}
