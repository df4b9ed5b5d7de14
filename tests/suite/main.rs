//! The tests of the whole.

mod tracking;
