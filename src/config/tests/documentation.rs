//! `config.default.toml` documents every setting exactly once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::config::{Config, DEFAULTS};

/// A line of the file that sets a value, or would set it without its `#`.
struct Setting {
    /// The key, with `*` for the names of networks, assets and bridges.
    key: String,
    has_comment: bool,
    has_default: bool,
}

fn settings_in_file() -> Vec<Setting> {
    let (mut section, mut has_comment) = ("", false);
    let mut settings = Vec::new();
    for line in DEFAULTS.lines() {
        let commented_out = line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' '));
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, _)) = commented_out.unwrap_or(line).split_once(" = ")
            && !line.starts_with("# ")
        {
            let key = without_names(&format!("{section}.{key}"));
            settings.push(Setting { key, has_comment, has_default: commented_out.is_none() });
        }
        has_comment = line.starts_with("# ");
    }
    settings
}

/// The settings of the program with their default values.
fn settings_in_code() -> BTreeMap<String, Value> {
    fn flatten(prefix: &str, value: Value, settings: &mut BTreeMap<String, Value>) {
        if let Value::Object(fields) = value {
            for (name, value) in fields {
                let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
                flatten(&key, value, settings);
            }
        } else {
            let setting = settings.entry(without_names(prefix)).or_default();
            if setting.is_null() {
                *setting = value;
            }
        }
    }
    let mut settings = BTreeMap::new();
    flatten("", serde_json::to_value(Config::from_environment([]).unwrap()).unwrap(), &mut settings);
    settings
}

fn without_names(key: &str) -> String {
    let parts: Vec<&str> = key.split('.').collect();
    match parts.as_slice() {
        ["routes", "assets", _, "decimals", _] => "routes.assets.*.decimals.*".to_owned(),
        ["routes", table @ ("networks" | "assets"), _, key] => format!("routes.{table}.*.{key}"),
        ["routes", "bridges", _, _, key] => format!("routes.bridges.*.*.{key}"),
        _ => key.to_owned(),
    }
}

#[test]
fn the_file_documents_exactly_the_settings_of_the_program() {
    let in_file: BTreeSet<String> = settings_in_file().into_iter().map(|setting| setting.key).collect();
    let in_code: BTreeSet<String> = settings_in_code().into_keys().collect();
    assert_eq!(in_file, in_code);
}

#[test]
fn every_setting_has_exactly_one_comment() {
    let mut comments: BTreeMap<String, usize> = BTreeMap::new();
    for setting in settings_in_file() {
        *comments.entry(setting.key).or_default() += usize::from(setting.has_comment);
    }
    let wrong: Vec<_> = comments.iter().filter(|(_, count)| **count != 1).collect();
    assert!(wrong.is_empty(), "settings without exactly one comment: {wrong:?}");
}

#[test]
fn only_names_of_routes_are_set_more_than_once() {
    let mut keys = BTreeSet::new();
    let twice: Vec<String> = settings_in_file()
        .into_iter()
        .map(|setting| setting.key)
        .filter(|key| !keys.insert(key.clone()))
        .collect();
    assert!(twice.iter().all(|key| key.contains('*')), "{twice:?}");
}

#[test]
fn a_setting_without_a_default_is_commented_out() {
    let in_code = settings_in_code();
    for Setting { key, has_default, .. } in settings_in_file() {
        assert_eq!(has_default, !in_code[&key].is_null(), "{key}");
    }
}
