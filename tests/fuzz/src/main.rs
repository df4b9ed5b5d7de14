//! Runs one target: guided by what inputs reach, where it was built by `scripts/fuzz`; else on inputs made up at random.

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
            Target::named(&name).unwrap_or_else(|| panic!("FUZZ_TARGET names no target: {name:?}"))
        });
        (target.run)(input);
    });
}

#[cfg(not(coverage_guided))]
mod at_random;

/// `payoutd-fuzz TARGET [INPUTS [SEED]]`, or no argument for the names of all targets.
#[cfg(not(coverage_guided))]
fn main() -> std::process::ExitCode {
    at_random::main()
}
