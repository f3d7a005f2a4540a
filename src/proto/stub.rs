//! Placeholder.
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
