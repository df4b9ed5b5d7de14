//! `payoutd keys`. A new key is printed once, alone on standard output.

use clap::{Subcommand, ValueEnum};
use payoutd_domain::Mode;
use uuid::Uuid;

use crate::api_keys::ApiKey;
use crate::app::{AppError, Keys};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Create a key and print it once.
    Create {
        /// The name of the organisation, which is created if it does not exist.
        #[arg(long, value_parser = org_name)]
        org: String,
        /// Whether the key gives access to live payouts or to the sandbox.
        #[arg(long)]
        mode: KeyMode,
    },
    /// List keys: id, organisation, mode and last characters, creation time, end.
    List {
        /// List only the keys of this organisation.
        #[arg(long)]
        org: Option<String>,
    },
    /// Create a key that replaces another one, and print it once. The old key stays valid for a while.
    Rotate {
        /// The id of the key to replace, from `keys list`.
        id: Uuid,
        /// How long the old key stays valid: a number and s, m, h or d.
        #[arg(long, default_value = "24h", value_parser = seconds)]
        overlap: u32,
    },
    /// Revoke a key. Running servers refuse it within seconds.
    Revoke {
        /// The id of the key, from `keys list`.
        id: Uuid,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum KeyMode {
    Live,
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
    let invalid = || "must be a number and s, m, h or d, such as 24h, and at most 365d".to_owned();
    let split = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at)).ok_or_else(invalid)?;
    let (number, unit) = text.split_at(split);
    let unit: u32 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(invalid()),
    };
    let seconds = number.parse::<u32>().ok().and_then(|n| n.checked_mul(unit));
    seconds.filter(|s| *s <= 365 * 86_400).ok_or_else(invalid)
}

pub(super) async fn run(command: KeysCommand, config: &Config) -> Result<(), AppError> {
    let keys = Keys::open(config).await?;
    match command {
        KeysCommand::Create { org, mode } => print_line(keys.create(&org, mode.into()).await?.expose()),
        KeysCommand::List { org } => {
            for key in keys.list(org.as_deref()).await? {
                print_line(&format_key(&key, keys.is_expired(&key)));
            }
        }
        KeysCommand::Rotate { id, overlap } => print_line(keys.rotate(id, overlap).await?.expose()),
        KeysCommand::Revoke { id } => keys.revoke(id).await?,
    }
    keys.close().await;
    Ok(())
}

fn format_key(key: &ApiKey, is_expired: bool) -> String {
    let end = match key.expires_at {
        None => "no end".to_owned(),
        Some(end) if is_expired => format!("ended {end}"),
        Some(end) => format!("ends {end}"),
    };
    let ApiKey { id, org_name, mode, hint, created_at, .. } = key;
    format!("{id}\t{org_name}\tsk_{mode}_…{hint}\t{created_at}\t{end}")
}

#[expect(clippy::print_stdout, reason = "the key is the output of the command")]
fn print_line(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlap_is_a_number_with_a_unit() {
        assert_eq!(seconds("24h"), Ok(86_400));
        assert_eq!(seconds("0s"), Ok(0));
        for bad in ["", "h", "24", "-1h", "1.5h", "400d", "99999999999s", "5é"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_organisation_has_a_printable_name() {
        assert_eq!(org_name(" Acme "), Ok("Acme".into()));
        for bad in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(org_name(bad).is_err(), "{bad:?}");
        }
    }
}
