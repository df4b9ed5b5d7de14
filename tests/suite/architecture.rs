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
use rules::{circles, config_defaults, dependencies, domain_purity, file_length, named_tests, rooms};

/// A rule: a function from the sources to its violations.
type Rule = fn(&Sources) -> BTreeSet<String>;

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
fn documents_name_only_tests_that_exist() {
    check(named_tests::violations);
}

#[track_caller]
fn check(rule: Rule) {
    let violations: Vec<String> = rule(&sources()).into_iter().collect();
    assert!(
        violations.is_empty(),
        "{}",
        violations.join(
            "
"
        )
    );
}

/// All sources, manifests, documents and planted bugs of the workspace.
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
        } else if kind.is_file()
            && [".rs", ".py", ".toml", ".md", ".patch"].iter().any(|extension| name.ends_with(extension))
        {
            sources.insert(path, std::fs::read_to_string(entry.path()).expect("UTF-8"));
        }
    }
}
