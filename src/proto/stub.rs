//! Placeholder.
pub(crate) mod tls {
    use crate::event::Carrier;
    use crate::flow::*;
    use crate::proto::{Context, Probe};
    #[derive(Debug)]
    pub(crate) struct Tls {
        pub(crate) carrier: Carrier,
        said: bool,
    }
    impl Tls {
        pub(crate) fn new(carrier: Carrier) -> Self {
            Self {
                carrier,
                said: false,
            }
        }
        pub(crate) fn data(
            &mut self,
            flow: FlowId,
            _: &mut Endpoints,
            chunk: Chunk<'_>,
            cx: &mut Context,
        ) -> Appetite {
            if chunk.side == Side::Client && !self.said {
                self.said = true;
                let hello = crate::event::ClientHello {
                    carrier: self.carrier.clone(),
                    first_frame: chunk.frame,
                    sni: None,
                    ech: crate::event::Ech::Absent,
                    alpn: vec![],
                    max_version: 0,
                    status_request: false,
                    offers_resumption: false,
                    early_data: false,
                    ja4: String::new(),
                    second: false,
                    random: [0; 32],
                };
                cx.emit(
                    chunk.at,
                    chunk.frame,
                    flow,
                    crate::event::EventKind::ClientHello(Box::new(hello)),
                );
            }
            Appetite::More
        }
        pub(crate) fn gap(
            &mut self,
            _: FlowId,
            _: &mut Endpoints,
            _: Gap,
            _: &mut Context,
        ) -> Appetite {
            Appetite::More
        }
        pub(crate) fn close(&mut self, _: FlowId, _: &Endpoints, _: &Close, _: &mut Context) {}
        pub(crate) fn poke(&mut self, _: FlowId, _: &mut Endpoints, _: &mut Context) -> Appetite {
            Appetite::More
        }
    }
    pub(crate) fn looks_like_tls(bytes: &[u8]) -> Probe {
        match bytes {
            [0x16, 3, 0..=4, _, _, ..] => Probe::Yes,
            [] | [0x16] | [0x16, 3] | [0x16, 3, 0..=4] | [0x16, 3, 0..=4, _] => Probe::NeedMore,
            _ => Probe::No,
        }
    }
}
pub(crate) mod quic {
    use crate::flow::*;
    use crate::proto::Context;
    #[derive(Debug)]
    pub(crate) struct Quic;
    impl Quic {
        pub(crate) fn new() -> Self {
            Self
        }
        pub(crate) fn data(
            &mut self,
            _: FlowId,
            _: &mut Endpoints,
            _: Chunk<'_>,
            _: &mut Context,
        ) -> Appetite {
            Appetite::Done
        }
        pub(crate) fn gap(
            &mut self,
            _: FlowId,
            _: &mut Endpoints,
            _: Gap,
            _: &mut Context,
        ) -> Appetite {
            Appetite::More
        }
        pub(crate) fn close(&mut self, _: FlowId, _: &Endpoints, _: &Close, _: &mut Context) {}
        pub(crate) fn poke(&mut self, _: FlowId, _: &mut Endpoints, _: &mut Context) -> Appetite {
            Appetite::More
        }
    }
    pub(crate) fn looks_like_quic(bytes: &[u8]) -> bool {
        matches!(bytes, [first, 0, 0, 0, 1, ..] if first & 0xc0 == 0xc0)
    }
}
