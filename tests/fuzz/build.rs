//! Declares the flag that `scripts/fuzz` sets.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(coverage_guided)");
}
