//! The rules of the architecture. The tests read the sources as text and compile nothing.

mod imports;
mod modules;
mod rules;
mod source_file;
mod tokens;

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::tools;
use modules::Sources;
use rules::{circles, config_defaults, dependencies, domain_purity, file_length, rooms};

/// Violations that remain to be removed. An entry whose violation no longer occurs must be removed as well.
const KNOWN: &[&str] = &[
    // Circles.
];

/// A rule: a function from the sources to its violations.
type Rule = fn(&Sources) -> BTreeSet<String>;

const RULES: &[Rule] = &[
    rooms::violations,
    circles::violations,
    file_length::violations,
    domain_purity::violations,
    dependencies::violations,
    config_defaults::violations,
];

#[test]
fn rooms_import_only_rooms_below_them() {
    check(rooms::violations);
}

#[test]
fn files_do_not_import_each_other() {
    check(circles::violations);
}

#[test]
fn source_files_have_at_most_400_lines() {
    check(file_length::violations);
}

#[test]
fn the_domain_reads_no_clock_and_does_no_io() {
    check(domain_purity::violations);
}

#[test]
fn crates_depend_only_on_allowed_crates() {
    check(dependencies::violations);
}

#[test]
fn the_configuration_has_no_defaults_in_its_code() {
    check(config_defaults::violations);
}

#[test]
fn known_violations_still_occur() {
    let sources = sources();
    let found: BTreeSet<String> = RULES.iter().flat_map(|rule| rule(&sources)).collect();
    let gone: Vec<&&str> = KNOWN.iter().filter(|known| !found.contains(**known)).collect();
    assert!(gone.is_empty(), "remove from KNOWN: {gone:#?}");
}

#[track_caller]
fn check(rule: Rule) {
    let violations = rule(&sources());
    let unexpected: Vec<&str> =
        violations.iter().map(String::as_str).filter(|violation| !KNOWN.contains(violation)).collect();
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
}

/// All sources and manifests of the workspace.
fn sources() -> Sources {
    let mut sources = Sources::new();
    read_directory(tools::root(), "", &mut sources);
    for expected in ["src/lib.rs", "src/main.rs", "actors/src/lib.rs", "actors/domain/src/lib.rs"] {
        assert!(sources.contains_key(expected), "{expected} is missing");
    }
    sources
}

fn read_directory(directory: &Path, prefix: &str, sources: &mut Sources) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("UTF-8");
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().expect("a file type");
        let is_ignored =
            name.starts_with('.') || ["target", "node_modules", "__pycache__"].contains(&name.as_str());
        if kind.is_dir() && !is_ignored {
            read_directory(&entry.path(), &format!("{path}/"), sources);
        } else if kind.is_file() && [".rs", ".py", ".toml"].iter().any(|extension| name.ends_with(extension))
        {
            sources.insert(path, std::fs::read_to_string(entry.path()).expect("UTF-8"));
        }
    }
}
