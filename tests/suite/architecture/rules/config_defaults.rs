//! `src/config.default.toml` is the only source of defaults: `src/config` has none in its code.
//!
//! That the file documents each setting once is a test of `src/config`, which knows the settings.

use std::collections::BTreeSet;

use crate::architecture::modules::Sources;
use crate::architecture::tokens::{compiled_tokens, group_length};

/// Defaults in the code of the configuration.
pub(crate) fn violations(sources: &Sources) -> BTreeSet<String> {
    let config = sources.iter().filter(|(path, _)| is_of_config(path));
    config
        .filter(|(_, source)| has_serde_default(source))
        .map(|(path, _)| format!("{path} sets a default"))
        .collect()
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
    fn defaults_in_the_code_are_reported() {
        let sources = example(&[
            ("src/config/sections.rs", "struct A { #[serde(default = \"x\")] b: u8 }"),
            ("src/config.rs", "#[serde(deny_unknown_fields)] struct A; // #[serde(default)]"),
            ("src/quotes.rs", "struct A { #[serde(default)] b: u8 }"),
        ]);
        assert_eq!(violations(&sources), ["src/config/sections.rs sets a default".to_owned()].into());
    }
}
