//! TLS (RFC 5246, RFC 9846) as a passive reader sees it.

pub mod secrets;
