//! The tracking page over in-memory payouts, on a real HTTP server.
#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod access;
mod browser;
mod harness;
mod pages;
mod updates;
