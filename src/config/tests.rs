mod documentation;

use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_environment(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = read(&[]).unwrap();
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.ops.listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.quotes.ttl_seconds, 60);
    assert_eq!(config.http.base_path, "");
    assert_eq!(config.public_url(), "http://127.0.0.1:8080");
}

#[test]
fn the_environment_overrides_the_defaults_and_secrets_are_not_shown() {
    let config = read(&[
        ("DATABASE_URL", "sqlite:a"),
        ("AMQP_URL", "amqp://b"),
        ("PAYOUTD_HTTP__LISTEN", "127.0.0.1:9"),
        ("PAYOUTD_OPS__TOKEN", "00123"),
        ("PAYOUTD_QUOTES__TTL_SECONDS", "5"),
        ("HOME", "elsewhere"),
    ])
    .unwrap();
    assert_eq!(config.database.url.expose(), "sqlite:a");
    assert_eq!(config.amqp.url.expose(), "amqp://b");
    assert_eq!(config.http.listen.port(), 9);
    assert_eq!(config.ops.token.expose(), "00123");
    assert_eq!(config.quotes.ttl_seconds, 5);
    assert!(!format!("{config:?}").contains("00123"));
}

#[test]
fn frame_ancestors_are_read_from_a_file_or_a_variable() {
    let ancestors = |pairs: &[_]| read(pairs).unwrap().tracking.frame_ancestors.to_string();
    assert_eq!(ancestors(&[]), "'none'");
    let variable = "PAYOUTD_TRACKING__FRAME_ANCESTORS";
    assert_eq!(
        ancestors(&[(variable, "https://a.example https://b.example")]),
        "https://a.example https://b.example"
    );
    assert_eq!(ancestors(&[(variable, "")]), "'none'");
    let file = tempfile::NamedTempFile::with_suffix(".conf").unwrap();
    std::fs::write(&file, "[tracking]\nframe_ancestors = [\"self\", \"https://c.example\"]\n").unwrap();
    let path = file.path().to_str().unwrap();
    assert_eq!(ancestors(&[("PAYOUTD_CONFIG", path)]), "'self' https://c.example");
}

#[test]
fn an_error_names_the_key() {
    for (variable, value, name) in [
        ("PAYOUTD_HTTP__LISTEM", "x", "listem"),
        ("PAYOUTD_HTPP__LISTEN", "x", "htpp"),
        ("PAYOUTD_HTTP__LISTEN", "nowhere", "http.listen"),
        ("PAYOUTD_IDEMPOTENCY__KEEP_HOURS", "23", "idempotency.keep_hours"),
        ("PAYOUTD_LIMITS__WRITES_BURST", "0", "limits.writes_burst"),
        ("PAYOUTD_LIMITS__READS_PER_SECOND", "-1", "limits.reads_per_second"),
        ("PAYOUTD_QUOTES__TTL_SECONDS", "soon", "quotes.ttl_seconds"),
        ("PAYOUTD_QUOTES__TTL_SECONDS", "-1", "quotes.ttl_seconds"),
        ("PAYOUTD_QUOTES__TTL_SECONDS", "0", "quotes.ttl_seconds"),
        ("PAYOUTD_QUOTES__SIGNING_KEY", "short", "quotes.signing_key"),
        ("PAYOUTD_OPS__LISTEN", "0.0.0.0:1", "ops.token"),
        ("PAYOUTD_HTTP__BASE_PATH", "v1", "http.base_path"),
        ("PAYOUTD_HTTP__PUBLIC_URL", "example.org", "http.public_url"),
        ("PAYOUTD_AMQP__PREFETCH", "5001", "amqp.prefetch"),
        ("PAYOUTD_LOG__FORMAT", "xml", "log.format"),
        ("PAYOUTD_TRACKING__FRAME_ANCESTORS", "*", "tracking.frame_ancestors"),
        ("PAYOUTD_TRACKING__MISSES_PER_MINUTE", "0", "tracking.misses_per_minute"),
        ("PAYOUTD_CONFIG", "nowhere.toml", "nowhere.toml"),
    ] {
        let error = read(&[(variable, value)]).unwrap_err().to_string();
        assert!(error.contains(name), "{variable}={value}: {error}");
    }
}

#[test]
fn an_error_does_not_show_the_value() {
    for (pairs, file, name) in [
        (vec![], "[quotes]\nsigning_key = \"hush\n", "line 2"),
        (vec![], "[quotes]\nsigning_key = hush\n", "line 2"),
        (vec![], "[ops]\ntoken = \"hush\"\ntoken = \"hush\"\n", "line 3"),
        (vec![], "[ops]\ntoken = \"\"\"\nhush\n", "line"),
        (vec![], "ops = \"hush\"\n", "ops"),
        (vec![("PAYOUTD_DATABASE", "postgres://payoutd:hush@db/payoutd")], "", "database"),
        (vec![("PAYOUTD_QUOTES__SIGNING_KEY", "hush")], "", "quotes.signing_key"),
    ] {
        let pairs = pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
        let error = Config::from_text(file, pairs).unwrap_err().to_string();
        assert!(error.contains(name) && !error.contains("hush"), "{file}: {error}");
    }
}

#[test]
fn a_file_overrides_the_defaults_and_the_environment_overrides_the_file() {
    let file = tempfile::NamedTempFile::with_suffix(".conf").unwrap();
    std::fs::write(&file, "[quotes]\nttl_seconds = 7\n[actors]\nmax_live = 3\n").unwrap();
    let path = file.path().to_str().unwrap();
    let config = read(&[("PAYOUTD_CONFIG", path), ("PAYOUTD_QUOTES__TTL_SECONDS", "8")]).unwrap();
    assert_eq!((config.quotes.ttl_seconds, config.actors.max_live), (8, 3));
    std::fs::write(&file, "[quotes]\nttl = 7\n").unwrap();
    let error = read(&[("PAYOUTD_CONFIG", path)]).unwrap_err().to_string();
    assert!(error.contains("ttl"), "{error}");
}
