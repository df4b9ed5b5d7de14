//! What the crates depend on, by their manifests.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::architecture::modules::Sources;

/// The dependencies of `payoutd-domain`, with the features that each may have. None of them reads a clock, generates
/// random numbers or does I/O.
const DOMAIN_DEPENDENCIES: &[(&str, &[&str])] = &[
    ("serde", &["derive", "rc", "std"]),
    ("serde_json", &["std"]),
    ("sha2", &[]),
    ("thiserror", &["std"]),
    ("time", &["formatting", "macros", "parsing", "serde", "std"]),
    ("uuid", &["serde", "std"]),
];

/// The crates of this workspace that a crate may depend on.
const WORKSPACE_DEPENDENCIES: &[(&str, &[&str])] = &[
    ("actors/domain/Cargo.toml", &[]),
    ("actors/Cargo.toml", &["payoutd-domain"]),
    ("Cargo.toml", &["payoutd-actors", "payoutd-domain"]),
];

/// The dependencies that are not allowed. Development dependencies are not checked.
pub(crate) fn violations(sources: &Sources) -> BTreeSet<String> {
    let workspace = read(&sources["Cargo.toml"]);
    let mut violations = BTreeSet::new();
    for (path, allowed) in WORKSPACE_DEPENDENCIES {
        for dependency in dependencies(&read(&sources[*path]), &workspace) {
            let is_allowed = !dependency.is_of_workspace || allowed.contains(&dependency.package.as_str());
            if !is_allowed {
                violations.insert(format!("{path} depends on {}", dependency.package));
            }
        }
    }
    let domain = "actors/domain/Cargo.toml";
    for dependency in dependencies(&read(&sources[domain]), &workspace) {
        let package = &dependency.package;
        match DOMAIN_DEPENDENCIES.iter().find(|(name, _)| name == package) {
            None => {
                violations.insert(format!("{domain} depends on {package}"));
            }
            Some((_, features)) => violations.extend(
                dependency
                    .features
                    .iter()
                    .filter(|feature| !features.contains(&feature.as_str()))
                    .map(|feature| format!("{domain} depends on {package} with {feature}")),
            ),
        }
    }
    violations
}

struct Dependency {
    package: String,
    features: BTreeSet<String>,
    is_of_workspace: bool,
}

/// The dependencies of a manifest, with what the manifest of the workspace adds to them.
fn dependencies(manifest: &Value, workspace: &Value) -> Vec<Dependency> {
    let nothing = Map::new();
    let targets = manifest["target"].as_object().unwrap_or(&nothing).values();
    let tables = std::iter::once(manifest)
        .chain(targets)
        .flat_map(|parent| ["dependencies", "build-dependencies"].map(|table| &parent[table]));
    tables
        .filter_map(Value::as_object)
        .flatten()
        .map(|(name, own)| dependency(name, own, workspace))
        .collect()
}

fn dependency(name: &str, own: &Value, workspace: &Value) -> Dependency {
    let mut package = name.to_owned();
    let mut features = BTreeSet::new();
    let mut is_of_workspace = false;
    for specification in [own, &workspace["workspace"]["dependencies"][name]] {
        if own != specification && own["workspace"] != true {
            continue;
        }
        if let Some(renamed) = specification["package"].as_str() {
            renamed.clone_into(&mut package);
        }
        features.extend(
            specification["features"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned),
        );
        is_of_workspace |= specification["path"].is_string();
    }
    Dependency { package, features, is_of_workspace }
}

fn read(manifest: &str) -> Value {
    let file = config::File::from_str(manifest, config::FileFormat::Toml);
    let manifest = config::Config::builder().add_source(file).build().expect("TOML");
    manifest.try_deserialize().expect("a table")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::rules::example;

    const WORKSPACE: &str = "
        [workspace.dependencies]
        payoutd-actors = { path = 'actors' }
        payoutd-domain = { path = 'actors/domain' }
        time = { version = '0.3', features = ['std'] }
        tokio = '1'
        uuid = { version = '1', features = ['serde', 'v7'] }
    ";

    fn of(domain: &str, actors: &str) -> Vec<String> {
        let sources = example(&[
            ("Cargo.toml", WORKSPACE),
            ("actors/Cargo.toml", actors),
            ("actors/domain/Cargo.toml", domain),
        ]);
        violations(&sources).into_iter().collect()
    }

    #[test]
    fn dependencies_of_the_domain_that_can_do_io_are_reported() {
        for (domain, expected) in [
            ("[dependencies]\ntime.workspace = true\nserde = '1'", vec![]),
            ("[dev-dependencies]\ntokio.workspace = true", vec![]),
            ("[dependencies]\ntokio.workspace = true", vec!["depends on tokio"]),
            ("[dependencies.tokio]\nversion = '1'", vec!["depends on tokio"]),
            ("[dependencies]\nsha2 = { version = '1', package = 'ureq' }", vec!["depends on ureq"]),
            ("[target.'cfg(unix)'.dependencies]\nrustix = '1'", vec!["depends on rustix"]),
            ("[build-dependencies]\ncc = '1'", vec!["depends on cc"]),
            ("[dependencies]\nuuid.workspace = true", vec!["depends on uuid with v7"]),
            (
                "[dependencies]\ntime = { workspace = true, features = ['local-offset'] }",
                vec!["depends on time with local-offset"],
            ),
        ] {
            let expected: Vec<_> =
                expected.iter().map(|end| format!("actors/domain/Cargo.toml {end}")).collect();
            assert_eq!(of(domain, ""), expected, "{domain}");
        }
    }

    #[test]
    fn a_dependency_on_a_crate_above_is_reported() {
        let actors =
            "[dependencies]\npayoutd-domain.workspace = true\npayoutd = { path = '..' }\ntokio = '1'";
        assert_eq!(of("", actors), ["actors/Cargo.toml depends on payoutd"]);
        let expected = [
            "actors/domain/Cargo.toml depends on payoutd-actors",
            "actors/domain/Cargo.toml depends on payoutd-actors",
        ];
        let domain = "[dependencies]\npayoutd-actors.workspace = true";
        assert_eq!(of(domain, ""), expected[..1]);
    }
}
