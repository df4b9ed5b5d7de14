//! `src/config.default.toml` documents each configuration key exactly once, and is the only source of defaults.
//!
//! A key without a default in that file is an error at every start, so the tests of `src/config` find it.

use std::collections::BTreeSet;

use crate::architecture::modules::Sources;
use crate::architecture::tokens::{compiled_tokens, group_length};

const DEFAULTS: &str = "src/config.default.toml";

/// Keys without a comment, keys that are listed twice, and defaults in the code.
pub(crate) fn violations(sources: &Sources) -> BTreeSet<String> {
    let mut violations = key_violations(sources.get(DEFAULTS).map_or("", String::as_str));
    for (path, source) in sources.iter().filter(|(path, _)| is_of_config(path)) {
        if has_serde_default(source) {
            violations.insert(format!("{path} sets a default"));
        }
    }
    violations
}

fn key_violations(text: &str) -> BTreeSet<String> {
    let mut violations = BTreeSet::new();
    let mut keys = BTreeSet::new();
    let mut section = "";
    // A comment applies to the keys below it up to the next empty line.
    let mut has_comment = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
            has_comment = false;
        } else if line.starts_with('#') {
            has_comment = true;
        } else if line.is_empty() {
            has_comment = false;
        } else if let Some((key, _)) = line.split_once('=') {
            let key = format!("{section}.{}", key.trim());
            if !has_comment {
                violations.insert(format!("{DEFAULTS} does not document {key}"));
            }
            if !keys.insert(key.clone()) {
                violations.insert(format!("{DEFAULTS} lists {key} twice"));
            }
        }
    }
    violations
}

fn is_of_config(path: &str) -> bool {
    path == "src/config.rs" || (path.starts_with("src/config/") && path.ends_with(".rs"))
}

/// Whether a source contains `#[serde(default)]` or `#[serde(default = …)]`.
fn has_serde_default(source: &str) -> bool {
    let tokens = compiled_tokens(source);
    tokens.iter().enumerate().filter(|(_, token)| token.is_word("serde")).any(|(at, _)| {
        let arguments = &tokens[at + 1..];
        arguments[..group_length(arguments)].iter().any(|token| token.is_word("default"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::rules::example;

    #[test]
    fn keys_without_a_comment_and_repeated_keys_are_reported() {
        let text = "[http]\n# The address.\nlisten = 1\nport = 2\n\nlimit = 3\n[ops]\nlisten = 4\n# Again.\nlisten = 5";
        let expected = [
            "src/config.default.toml does not document http.limit",
            "src/config.default.toml does not document ops.listen",
            "src/config.default.toml lists ops.listen twice",
        ];
        let found: Vec<String> = violations(&example(&[(DEFAULTS, text)])).into_iter().collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn defaults_in_the_code_are_reported() {
        let sources = example(&[
            ("src/config/sections.rs", "struct A { #[serde(default = \"x\")] b: u8 }"),
            ("src/config.rs", "#[serde(deny_unknown_fields)] struct A; // #[serde(default)]"),
            ("src/quotes.rs", "struct A { #[serde(default)] b: u8 }"),
        ]);
        assert_eq!(violations(&sources), ["src/config/sections.rs sets a default".to_owned()].into());
    }
}
