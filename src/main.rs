//! The `payoutd` program.
fn main() {}
