//! The tracking page, served as in production over payouts in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod browser;
mod harness;
mod pages;
mod updates;
