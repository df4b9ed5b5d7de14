//! `payoutd keys`: API keys. The key itself is printed once, alone on standard output.

use clap::{Subcommand, ValueEnum};
use payoutd_domain::{Mode, Timestamp};
use uuid::Uuid;

use super::Failure;
use crate::api_keys::{ApiKey, ApiKeyStore, SecretKey};
use crate::app;
use crate::config::Config;

/// What to do about keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key and print it, once.
    Create {
        /// The organisation's name; it is made where there is none.
        #[arg(long, value_parser = org_name)]
        org: String,
        /// What the key opens.
        #[arg(long)]
        mode: KeyMode,
    },
    /// List keys: id, organisation, mode, last characters, when made, when it ends.
    List {
        /// Only this organisation's.
        #[arg(long)]
        org: Option<String>,
    },
    /// Make a key in place of another, which keeps working for a while, and print the new one, once.
    Rotate {
        /// The key to replace, by the id that `keys list` shows.
        id: Uuid,
        /// How long the old key keeps working: a number and s, m, h or d.
        #[arg(long, default_value = "24h", value_parser = seconds)]
        overlap: u32,
    },
    /// End a key now. Running servers refuse it within seconds.
    Revoke {
        /// The key, by the id that `keys list` shows.
        id: Uuid,
    },
}

/// Live or test.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum KeyMode {
    /// Production.
    Live,
    /// Sandbox.
    Test,
}

impl From<KeyMode> for Mode {
    fn from(mode: KeyMode) -> Self {
        match mode {
            KeyMode::Live => Self::Live,
            KeyMode::Test => Self::Test,
        }
    }
}

fn org_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    let fits = (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits {
        Ok(name.to_owned())
    } else {
        Err("must have 1 to 100 characters, none of them control characters".into())
    }
}

fn seconds(text: &str) -> Result<u32, String> {
    let wrong = || "must be a number and s, m, h or d, such as 24h, and at most 365d".to_owned();
    let split = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at)).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let unit: u32 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let seconds = number.parse::<u32>().ok().and_then(|n| n.checked_mul(unit));
    seconds.filter(|s| *s <= 365 * 86_400).ok_or_else(wrong)
}

pub(super) async fn run(command: KeysCommand, config: &Config) -> Result<(), Failure> {
    let store = app::open_store(config).await?;
    let keys: &dyn ApiKeyStore = &*store;
    let now = app::SystemClock::read();
    match command {
        KeysCommand::Create { org, mode } => {
            let secret = create(keys, &org, mode.into(), now).await?;
            print_line(secret.expose());
        }
        KeysCommand::List { org } => list(keys, org.as_deref(), now).await?,
        KeysCommand::Rotate { id, overlap } => {
            let old = keys.list_keys(None).await?.into_iter().find(|key| key.id == id);
            let old = old
                .filter(|key| key.is_valid_at(now))
                .ok_or_else(|| format!("no valid key has the id {id}"))?;
            let secret = create(keys, &old.org_name, old.mode, now).await?;
            keys.expire_key(id, now.plus_seconds(overlap)).await?;
            print_line(secret.expose());
        }
        KeysCommand::Revoke { id } => {
            if !keys.expire_key(id, now).await? {
                return Err(format!("no key has the id {id}").into());
            }
        }
    }
    store.close().await;
    Ok(())
}

/// Makes a key and keeps its digest.
///
/// # Errors
/// Where the store cannot be asked.
pub(crate) async fn create(
    keys: &dyn ApiKeyStore,
    org_name: &str,
    mode: Mode,
    now: Timestamp,
) -> Result<SecretKey, Failure> {
    let org = keys.find_or_create_org(org_name, now).await?;
    let secret = SecretKey::generate(mode)?;
    let key = ApiKey {
        id: Uuid::now_v7(),
        org,
        org_name: org_name.to_owned(),
        mode,
        digest: secret.digest(),
        hint: secret.hint().to_owned(),
        created_at: now,
        expires_at: None,
    };
    keys.insert_key(&key).await?;
    Ok(secret)
}

async fn list(keys: &dyn ApiKeyStore, org: Option<&str>, now: Timestamp) -> Result<(), Failure> {
    for key in keys.list_keys(org).await? {
        let end = match key.expires_at {
            None => "no end".to_owned(),
            Some(end) if end <= now => format!("ended {end}"),
            Some(end) => format!("ends {end}"),
        };
        let ApiKey { id, org_name, mode, hint, created_at, .. } = key;
        print_line(&format!("{id}\t{org_name}\tsk_{mode}_…{hint}\t{created_at}\t{end}"));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what the command was asked for")]
fn print_line(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_read_with_their_unit() {
        assert_eq!(seconds("24h"), Ok(86_400));
        assert_eq!(seconds("0s"), Ok(0));
        for bad in ["", "h", "24", "-1h", "1.5h", "400d", "99999999999s", "5é"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn organisations_have_printable_names() {
        assert_eq!(org_name(" Acme "), Ok("Acme".into()));
        for bad in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(org_name(bad).is_err(), "{bad:?}");
        }
    }
}
