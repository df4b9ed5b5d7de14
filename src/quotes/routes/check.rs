//! Validates the configured route table. Every error names its key.

use std::collections::BTreeMap;

use payoutd_domain::{Amount, Network, Usd};

use super::{Asset, Bridge, Chain, Routes, TX_HASH};
use crate::config::{AssetConfig, BridgeConfig, NetworkConfig, RoutesConfig};
use crate::quotes::destination::AddressFamily;

/// An invalid value in the route table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct RoutesError {
    /// The full key, such as `routes.networks.tron.fee_usd`.
    pub key: String,
    pub problem: String,
}

/// The longest duration of a route: 30 days.
const MAX_SECONDS: u32 = 30 * 24 * 60 * 60;
// Within these limits no price overflows: 2 fees of 10^6 divided by a price of 8 decimals, at 18 decimals, are below 10^33.
const MAX_FEE: u128 = 1_000_000;
const FEE_DECIMALS: u8 = 6;
const MAX_PRICE: u128 = 1_000_000_000;
const PRICE_DECIMALS: u8 = 8;
const MAX_AMOUNT: u128 = 1_000_000_000_000_000;
const AMOUNT_DECIMALS: u8 = 18;

fn error(key: impl Into<String>, problem: impl Into<String>) -> RoutesError {
    RoutesError { key: key.into(), problem: problem.into() }
}

impl TryFrom<&RoutesConfig> for Routes {
    type Error = RoutesError;

    fn try_from(config: &RoutesConfig) -> Result<Self, RoutesError> {
        let networks = config.networks.iter().map(|(name, c)| network(name, c));
        let networks: BTreeMap<Network, Chain> = networks.collect::<Result<_, _>>()?;
        let assets = config.assets.iter().map(|(name, c)| asset(name, c, &networks));
        Ok(Self {
            default_networks: default_networks(config, &networks)?,
            assets: assets.collect::<Result<_, _>>()?,
            bridges: bridges(config, &networks)?,
            networks,
        })
    }
}

fn network(name: &str, config: &NetworkConfig) -> Result<(Network, Chain), RoutesError> {
    let key = format!("routes.networks.{name}");
    let is_allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'_');
    // The name is a word of AMQP routing keys, so it must not contain dots.
    if !(1..=32).contains(&name.len()) || !name.bytes().all(is_allowed) {
        return Err(error(key, "the name of a network must be 1 to 32 lowercase letters, digits, - or _"));
    }
    if config.display_name.is_empty() || config.display_name.chars().any(char::is_control) {
        return Err(error(
            format!("{key}.display_name"),
            "must not be empty and must not contain control characters",
        ));
    }
    if !config.explorer_tx_url.starts_with("https://") || config.explorer_tx_url.matches(TX_HASH).count() != 1
    {
        let problem = "must be an https:// URL that contains {tx_hash} exactly once";
        return Err(error(format!("{key}.explorer_tx_url"), problem));
    }
    check_seconds(&key, config.seconds, config.seconds_after_broadcast)?;
    let name = Network::new(name);
    let chain = Chain {
        name: name.clone(),
        display_name: config.display_name.as_str().into(),
        family: config.family,
        seconds: config.seconds,
        seconds_after_broadcast: config.seconds_after_broadcast,
        fee: fee(&key, &config.fee_usd)?,
        enabled: config.enabled != Some(false),
        explorer_tx_url: config.explorer_tx_url.as_str().into(),
    };
    Ok((name, chain))
}

fn asset(
    name: &str,
    config: &AssetConfig,
    networks: &BTreeMap<Network, Chain>,
) -> Result<(Box<str>, Asset), RoutesError> {
    let key = format!("routes.assets.{name}");
    let is_allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !(2..=16).contains(&name.len()) || !name.bytes().all(is_allowed) {
        return Err(error(
            key,
            "the name of an asset must be its symbol: 2 to 16 lowercase letters and digits",
        ));
    }
    let price_key = format!("{key}.usd_price");
    let usd_price = positive(&price_key, amount(&price_key, &config.usd_price, MAX_PRICE, PRICE_DECIMALS)?)?;
    let min_key = format!("{key}.min_amount");
    let min_amount = positive(&min_key, amount(&min_key, &config.min_amount, MAX_AMOUNT, AMOUNT_DECIMALS)?)?;
    let max_key = format!("{key}.max_amount");
    let max_amount = amount(&max_key, &config.max_amount, MAX_AMOUNT, AMOUNT_DECIMALS)?;
    if max_amount < min_amount {
        return Err(error(max_key, "must not be below min_amount"));
    }
    if config.decimals.is_empty() {
        return Err(error(format!("{key}.decimals"), "must name at least one network"));
    }
    let mut decimals = BTreeMap::new();
    for (network, places) in &config.decimals {
        let key = format!("{key}.decimals.{network}");
        let network = configured_network(&key, network, networks)?;
        if *places > AMOUNT_DECIMALS {
            return Err(error(key, "must be 0 to 18"));
        }
        if *places < min_amount.decimals() || *places < max_amount.decimals() {
            return Err(error(key, "has fewer decimals than min_amount or max_amount"));
        }
        decimals.insert(network.name.clone(), *places);
    }
    let symbol: Box<str> = name.to_ascii_uppercase().into();
    let enabled = config.enabled != Some(false);
    Ok((symbol.clone(), Asset { symbol, usd_price, min_amount, max_amount, enabled, decimals }))
}

fn bridges(
    config: &RoutesConfig,
    networks: &BTreeMap<Network, Chain>,
) -> Result<BTreeMap<Network, BTreeMap<Network, Bridge>>, RoutesError> {
    let mut table: BTreeMap<Network, BTreeMap<Network, Bridge>> = BTreeMap::new();
    for (from_name, targets) in &config.bridges {
        let from = configured_network(&format!("routes.bridges.{from_name}"), from_name, networks)?;
        for (to_name, config) in targets {
            let key = format!("routes.bridges.{from_name}.{to_name}");
            let to = configured_network(&key, to_name, networks)?;
            if from.name == to.name {
                return Err(error(key, "a bridge joins two different networks"));
            }
            let bridge = bridge(&key, config)?;
            if config.enabled != Some(false) {
                table.entry(to.name.clone()).or_default().insert(from.name.clone(), bridge);
            }
        }
    }
    Ok(table)
}

fn bridge(key: &str, config: &BridgeConfig) -> Result<Bridge, RoutesError> {
    check_seconds(key, config.seconds, config.seconds_after_broadcast)?;
    Ok(Bridge {
        fee: fee(key, &config.fee_usd)?,
        seconds: config.seconds,
        seconds_after_broadcast: config.seconds_after_broadcast,
    })
}

fn default_networks(
    config: &RoutesConfig,
    networks: &BTreeMap<Network, Chain>,
) -> Result<BTreeMap<AddressFamily, Network>, RoutesError> {
    let mut defaults = BTreeMap::new();
    for family in AddressFamily::ALL {
        let key = format!("routes.default_networks.{}", family.as_str());
        let mut members = networks.values().filter(|chain| chain.family == family);
        let chain = match (config.default_networks.of(family), members.next(), members.next()) {
            (Some(name), _, _) => configured_network(&key, name, networks)?,
            (None, Some(only), None) => only,
            (None, None, _) => continue,
            (None, Some(_), Some(_)) => {
                let problem = "several networks share these addresses; one of them must be the default";
                return Err(error(key, problem));
            }
        };
        if chain.family != family {
            let problem = format!("{} has {} addresses, not {family} addresses", chain.name, chain.family);
            return Err(error(key, problem));
        }
        defaults.insert(family, chain.name.clone());
    }
    Ok(defaults)
}

fn configured_network<'a>(
    key: &str,
    name: &str,
    networks: &'a BTreeMap<Network, Chain>,
) -> Result<&'a Chain, RoutesError> {
    // Only the lowercase spelling is accepted, so that no two keys have the same meaning.
    let found = networks.get(&Network::new(name)).filter(|chain| chain.name.as_str() == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = networks.keys().map(Network::as_str).collect();
        error(key, format!("{name} is not a configured network ({})", names.join(", ")))
    })
}

fn check_seconds(key: &str, seconds: u32, after_broadcast: u32) -> Result<(), RoutesError> {
    if !(1..=MAX_SECONDS).contains(&seconds) {
        return Err(error(format!("{key}.seconds"), format!("must be 1 to {MAX_SECONDS}")));
    }
    if after_broadcast > seconds {
        return Err(error(format!("{key}.seconds_after_broadcast"), "must not be above seconds"));
    }
    Ok(())
}

fn fee(key: &str, text: &str) -> Result<Usd, RoutesError> {
    amount(&format!("{key}.fee_usd"), text, MAX_FEE, FEE_DECIMALS).map(Usd)
}

fn positive(key: &str, amount: Amount) -> Result<Amount, RoutesError> {
    if amount.is_zero() { Err(error(key, "must be above zero")) } else { Ok(amount) }
}

fn amount(key: &str, text: &str, most: u128, decimals: u8) -> Result<Amount, RoutesError> {
    let amount: Amount = text.parse().map_err(|problem| error(key, format!("{text:?} {problem}")))?;
    let fits = Amount::from_units(most, 0).is_some_and(|most| amount <= most);
    if !fits || amount.decimals() > decimals {
        return Err(error(key, format!("must be at most {most}, with at most {decimals} decimals")));
    }
    Ok(amount)
}
