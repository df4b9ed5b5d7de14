//! Makes the flag that `scripts/fuzz` sets known.

#[expect(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]
fn main() {
    println!("cargo::rustc-check-cfg=cfg(coverage_guided)");
}
