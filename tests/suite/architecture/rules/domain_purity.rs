//! The crate `payoutd-domain` reads no clock, starts nothing, logs nothing and does no I/O.

use std::collections::BTreeSet;

use crate::architecture::imports::arrows;
use crate::architecture::modules::{Modules, Sources};

const CRATE: &str = "payoutd_domain";

/// Names that the crate may not contain.
const FORBIDDEN_NAMES: &[&str] = &[
    // Clocks.
    "SystemTime",
    "Instant",
    "now_utc",
    "now_local",
    "now_v6",
    "now_v7",
    "new_v1",
    "new_v6",
    "new_v7",
    // Randomness.
    "new_v4",
    "rand",
    "getrandom",
    "RandomState",
    // Threads and tasks.
    "tokio",
    "ractor",
    "futures",
    "async",
    "await",
    // Logs and metrics.
    "tracing",
    "log",
    "metrics",
    "print",
    "println",
    "eprint",
    "eprintln",
    "dbg",
];

/// Modules of the standard library that the crate may not use.
const FORBIDDEN_STD_MODULES: &[&str] = &["thread", "fs", "net", "env", "process", "io", "os"];

/// The forbidden names, with the files that contain them.
pub(crate) fn violations(sources: &Sources) -> BTreeSet<String> {
    let modules = Modules::read(sources);
    let mut violations = BTreeSet::new();
    let in_domain = modules.files.iter().filter(|(_, (module, _))| module[0] == CRATE);
    for (file, (_, contents)) in in_domain {
        for word in contents.words.iter().filter(|word| FORBIDDEN_NAMES.contains(&word.as_str())) {
            violations.insert(format!("{file} uses {word}"));
        }
    }
    for arrow in arrows(&modules).into_iter().filter(|arrow| arrow.module[0] == CRATE) {
        for path in arrow.external.iter().filter(|path| is_forbidden(path)) {
            violations.insert(format!("{} uses {}", arrow.from, path.join("::")));
        }
    }
    violations
}

fn is_forbidden(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let is_in_std = match path.as_slice() {
        // Under another name, the whole library would be within reach.
        ["std" | "core"] => true,
        ["std" | "core", module, ..] => FORBIDDEN_STD_MODULES.contains(module),
        _ => false,
    };
    is_in_std || path.iter().any(|name| FORBIDDEN_NAMES.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::rules::example;

    fn of(source: &str) -> Vec<String> {
        violations(&example(&[("actors/domain/src/lib.rs", source)])).into_iter().collect()
    }

    #[test]
    fn clocks_tasks_logs_and_io_are_reported() {
        for (source, name) in [
            ("use std::time::SystemTime;", "std::time::SystemTime"),
            ("use std::time::{self, Duration}; fn f() { time::Instant::now(); }", "std::time::Instant::now"),
            ("fn f() { OffsetDateTime::now_utc(); }", "OffsetDateTime::now_utc"),
            ("fn f() { Uuid::now_v7(); }", "Uuid::now_v7"),
            ("use std::{fmt, fs};", "std::fs"),
            ("use std as s; fn f() { s::fs::read(x); }", "std"),
            ("extern crate std as s;", "std"),
            ("fn f() { std::env::var(x); }", "std::env::var"),
            ("fn f() { ::std::thread::spawn(x); }", "std::thread::spawn"),
            ("fn f() { tracing::info!(x); }", "tracing::info"),
            ("fn f() { println!(x); }", "println"),
            ("async fn f() {}", "async"),
        ] {
            let violations = of(source);
            let expected = format!("actors/domain/src/lib.rs uses {name}");
            assert!(violations.contains(&expected), "{source}: {violations:?}");
        }
    }

    #[test]
    fn pure_code_is_not_reported() {
        let source = "
            //! No clock: tokio and SystemTime are not used.
            use std::{collections::HashSet, fmt, time::Duration};
            #[cfg(test)]
            mod tests { fn f() { println!(\"{:?}\", std::time::Instant::now()); } }
        ";
        assert_eq!(of(source), Vec::<String>::new());
    }
}
