//! Builders of TLS bytes for tests.

pub(crate) mod rfc8448;

/// A ClientHello under construction.
pub(crate) struct Hello {
    pub(crate) session_id: Vec<u8>,
    pub(crate) suites: Vec<u16>,
    pub(crate) extensions: Vec<(u16, Vec<u8>)>,
}

impl Hello {
    /// With a server name, unless it is empty.
    pub(crate) fn new(sni: &str) -> Self {
        let mut hello = Self {
            session_id: Vec::new(),
            suites: vec![0x1301, 0xc02f],
            extensions: Vec::new(),
        };
        if !sni.is_empty() {
            let entry = [&[0][..], &vec16(sni.as_bytes())].concat();
            hello.extension(0, &vec16(&entry));
        }
        hello
    }

    pub(crate) fn extension(&mut self, kind: u16, data: &[u8]) {
        self.extensions.push((kind, data.to_vec()));
    }

    pub(crate) fn alpn(&mut self, names: &[&[u8]]) {
        let list: Vec<u8> = names.iter().flat_map(|name| vec8(name)).collect();
        self.extension(16, &vec16(&list));
    }

    pub(crate) fn versions(&mut self, versions: &[u16]) {
        self.extension(43, &vec8(&be(versions)));
    }

    pub(crate) fn signatures(&mut self, algorithms: &[u16]) {
        self.extension(13, &vec16(&be(algorithms)));
    }

    /// The body, without the handshake header.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([0x5a; 32]);
        body.extend(vec8(&self.session_id));
        body.extend(vec16(&be(&self.suites)));
        body.extend(vec8(&[0]));
        let mut list = Vec::new();
        for (kind, data) in &self.extensions {
            list.extend(kind.to_be_bytes());
            list.extend(vec16(data));
        }
        if !list.is_empty() {
            body.extend(vec16(&list));
        }
        body
    }
}

/// A handshake message.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &vec24(body)].concat()
}

/// A record.
pub(crate) fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &vec16(body)].concat()
}

pub(crate) fn vec8(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).unwrap()][..], bytes].concat()
}

pub(crate) fn vec16(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).unwrap();
    [&len.to_be_bytes()[..], bytes].concat()
}

pub(crate) fn vec24(bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&len[1..], bytes].concat()
}

/// Bytes of hexadecimal text; anything else in it is skipped.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter_map(|b| char::from(b).to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn be(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_be_bytes()).collect()
}
