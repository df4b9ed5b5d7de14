//! Configuration: a file and the environment. What is refused is named, and no secret is repeated.

use payoutd::config::Config;

use crate::{Target, Verdict};

pub(super) const TARGET: Target = Target {
    name: "config",
    run,
    words: &[
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

/// What only secrets hold here. It stands in the seeds wherever a secret may stand.
const HUSH: &str = "hushhush";
/// Secrets, and the sections they are in, which may be given one by mistake.
const SECRET_KEYS: [&str; 7] = ["signing_key", "token", "url", "amqp", "database", "ops", "quotes"];

/// Lines `NAME=value` up to an empty one; then the file.
fn run(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    let (environment, file) = text.split_once("\n\n").unwrap_or((text, ""));
    let pairs: Vec<(String, String)> = environment
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| *name != "PAYOUTD_CONFIG")
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let secret_is_hushed = only_secrets_hush(&pairs, file);
    match Config::from_text(file, pairs) {
        Ok(config) => {
            assert!(config.quotes.ttl_seconds > 0 && config.database.max_connections > 0);
            assert!(config.quotes.signing_key.set().is_none_or(|key| key.len() >= 16));
            assert!(config.ops.token.set().is_some() || config.ops.listen.ip().is_loopback());
            assert!((24..=8760).contains(&config.idempotency.keep_hours));
            let shown = format!("{config:?}");
            assert!(!secret_is_hushed || !shown.contains(HUSH), "{shown}");
            Verdict::Accepted
        }
        Err(error) => {
            let said = error.to_string();
            assert!(said.starts_with("the configuration is refused: ") && said.len() > 32, "{said}");
            assert!(!secret_is_hushed || !said.contains(HUSH), "{said}");
            Verdict::Refused
        }
    }
}

/// Whether what must not be repeated stands where secrets stand, and nowhere else.
fn only_secrets_hush(environment: &[(String, String)], file: &str) -> bool {
    let is_secret = |name: &str| SECRET_KEYS.iter().any(|key| name.trim().eq_ignore_ascii_case(key));
    let of_variable = |name: &str| {
        let key = name.strip_prefix("PAYOUTD_").and_then(|name| name.rsplit("__").next());
        key.is_some_and(is_secret) || ["DATABASE_URL", "AMQP_URL"].contains(&name)
    };
    let variables = environment
        .iter()
        .all(|(name, value)| !name.contains(HUSH) && (!value.contains(HUSH) || of_variable(name)));
    let lines = file.lines().all(|line| {
        !line.contains(HUSH)
            || line.split_once('=').is_some_and(|(key, _)| !key.contains(HUSH) && is_secret(key))
    });
    variables && lines
}
