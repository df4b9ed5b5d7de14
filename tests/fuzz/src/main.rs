//! Runs one target: with libFuzzer if `scripts/fuzz` built the program for it, else on random inputs.

#![cfg_attr(coverage_guided, no_main)]

#[cfg(coverage_guided)]
mod guided {
    use std::sync::OnceLock;

    use libfuzzer_sys::fuzz_target;
    use payoutd_fuzz::Target;

    static TARGET: OnceLock<&Target> = OnceLock::new();

    fuzz_target!(|input: &[u8]| {
        let target = TARGET.get_or_init(|| {
            let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
            Target::named(&name).unwrap_or_else(|| panic!("FUZZ_TARGET is not a target: {name:?}"))
        });
        (target.run)(input);
    });
}

#[cfg(not(coverage_guided))]
mod random_inputs;

/// `payoutd-fuzz TARGET [INPUTS [SEED]]`. Without arguments, it prints the names of all targets.
#[cfg(not(coverage_guided))]
fn main() -> std::process::ExitCode {
    random_inputs::main()
}
