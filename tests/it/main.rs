//! Everything that is tested from outside: one binary, so that it links once.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests read bundled files, and fail by panicking"
)]

mod correlation;
mod notation;
mod properties;
