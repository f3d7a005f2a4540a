//! NSS key logs.

/// Secrets by client random.
#[derive(Debug, Default)]
pub struct KeyStore {}
