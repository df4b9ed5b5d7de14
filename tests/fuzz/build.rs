//! Makes the flag that `scripts/fuzz` sets known.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(coverage_guided)");
}
