//! whylencr answers one question: why is this device talking to lencr.org?
//!
//! ```text
//!  files / stdin / interfaces                                                 I/O
//!         |
//!   [1] capture     formats, decompression, merging, libpcap  Frame (+ secrets, names)
//!  =======|============================================= no I/O, no clock below ====
//!   [2] wire        link headers, VLAN/tunnels, IP, defragmentation          Packet
//!         |
//!   [3] flow        five-tuple table -> TCP ordering, UDP grouping           Chunk / Gap
//!         |
//!   [4] proto       DNS  HTTP/1  TLS  QUIC  DTLS  IKE  (STARTTLS, proxies)     Event
//!         |              \__ pki: certificates, OCSP, CRL, issuer knowledge (a library)
//!   [5] correlate   handshakes, contacts, names -> candidates -> rules        Finding
//!  =======|============================================= I/O again below ===========
//!   [6] report      text   JSON   CSV   Markdown   HTML                   characters
//!   [7] tui         update(message), view(state)                              screen
//! ```
//!
//! Beside them: [`engine`] runs 2 to 5, [`filter`] says which findings, [`evidence`] which frames prove them,
//! [`cli`] carries out what was asked for on the command line.

pub mod capture;
pub mod cli;
pub mod correlate;
pub mod crypto;
pub mod engine;
pub mod event;
pub mod evidence;
pub mod filter;
pub mod finding;
pub mod flow;
pub mod frame;
pub mod limits;
pub mod pki;
pub mod proto;
mod recent;
pub mod report;
pub mod time;
#[cfg(feature = "tui")]
pub mod tui;
pub mod wire;
