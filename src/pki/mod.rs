//! Certificates, OCSP, CRLs and what is known about Let's Encrypt: a library over bytes, without any
//! network state. Time is an argument.

pub mod cert;
pub mod crl;
pub mod endpoint;
pub mod hierarchy;
pub mod ocsp;
