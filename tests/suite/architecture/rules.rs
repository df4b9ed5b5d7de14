//! The rules: each is a function from sources to violations.

pub(super) mod circles;
pub(super) mod config_defaults;
pub(super) mod dependencies;
pub(super) mod domain_purity;
pub(super) mod file_length;
pub(super) mod named_tests;
pub(super) mod rooms;

use std::collections::BTreeMap;

/// The sources of a small example.
fn example(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(path, source)| ((*path).to_owned(), (*source).to_owned())).collect()
}
