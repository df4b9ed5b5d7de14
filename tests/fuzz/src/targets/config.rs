//! The configuration file and the environment. Errors name the refused key and contain no secret.

use payoutd::config::Config;

use crate::{Target, Verdict};

pub(super) const TARGET: Target = Target {
    name: "config",
    run,
    dictionary: &[
        "[http]",
        "[ops]",
        "[quotes]",
        "[routes]",
        "[database]",
        "ttl_seconds = ",
        "signing_key = ",
        "listen = ",
        "\"",
        "'''",
        "PAYOUTD_",
        "__",
        "=",
        "\n",
        "\n\n",
        "0",
        "-1",
        "99999999999999999999",
        "1e9",
        "true",
        "DATABASE_URL=",
        "AMQP_URL=",
        "hushhushhushhush",
    ],
    inputs: 300,
};

/// A text that marks secrets. The corpus contains it in the values of secret keys.
const SECRET: &str = "hushhush";
/// The keys of secrets, and their sections, which may get the value of a secret by mistake.
const SECRET_KEYS: [&str; 7] = ["signing_key", "token", "url", "amqp", "database", "ops", "quotes"];

/// The input is lines `NAME=value`, an empty line, and the file.
fn run(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    let (environment, file) = text.split_once("\n\n").unwrap_or((text, ""));
    let pairs: Vec<(String, String)> = environment
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| *name != "PAYOUTD_CONFIG")
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let marks_only_secrets = marks_only_secrets(&pairs, file);
    match Config::from_text(file, pairs) {
        Ok(config) => {
            assert!(config.quotes.ttl_seconds > 0 && config.database.max_connections > 0);
            assert!(config.quotes.signing_key.set().is_none_or(|key| key.len() >= 16));
            assert!(config.ops.token.set().is_some() || config.ops.listen.ip().is_loopback());
            assert!((24..=8760).contains(&config.idempotency.keep_hours));
            let debug = format!("{config:?}");
            assert!(!marks_only_secrets || !debug.contains(SECRET), "{debug}");
            Verdict::Accepted
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("the configuration is refused: ") && message.len() > 32, "{message}");
            assert!(!marks_only_secrets || !message.contains(SECRET), "{message}");
            Verdict::Refused
        }
    }
}

/// Whether the mark occurs only in the values of secret keys.
fn marks_only_secrets(environment: &[(String, String)], file: &str) -> bool {
    let is_secret = |name: &str| SECRET_KEYS.iter().any(|key| name.trim().eq_ignore_ascii_case(key));
    let of_variable = |name: &str| {
        let key = name.strip_prefix("PAYOUTD_").and_then(|name| name.rsplit("__").next());
        key.is_some_and(is_secret) || ["DATABASE_URL", "AMQP_URL"].contains(&name)
    };
    let variables = environment
        .iter()
        .all(|(name, value)| !name.contains(SECRET) && (!value.contains(SECRET) || of_variable(name)));
    let lines = file.lines().all(|line| {
        !line.contains(SECRET)
            || line.split_once('=').is_some_and(|(key, _)| !key.contains(SECRET) && is_secret(key))
    });
    variables && lines
}
