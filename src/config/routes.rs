//! The section `routes` as it is configured. `quotes::Routes` is its validated form.
//!
//! Amounts of money are strings here, so that a validation error can name the key.

use std::collections::BTreeMap;

use payoutd_domain::AddressFamily;
use serde::Deserialize;

/// Every collection is keyed by name, so that a file or the environment can change one value and keep the others.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub struct RoutesConfig {
    pub default_networks: DefaultNetworks,
    pub networks: BTreeMap<String, NetworkConfig>,
    /// By symbol in lowercase.
    pub assets: BTreeMap<String, AssetConfig>,
    /// By the network the funds leave, then the network they arrive at.
    pub bridges: BTreeMap<String, BTreeMap<String, BridgeConfig>>,
}

/// The default network of each address family. Only a family with several networks needs one.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub struct DefaultNetworks {
    pub evm: Option<String>,
    pub tron: Option<String>,
    pub solana: Option<String>,
    pub bitcoin: Option<String>,
}

impl DefaultNetworks {
    pub(crate) fn of(&self, family: AddressFamily) -> Option<&str> {
        match family {
            AddressFamily::Evm => self.evm.as_deref(),
            AddressFamily::Tron => self.tron.as_deref(),
            AddressFamily::Solana => self.solana.as_deref(),
            AddressFamily::Bitcoin => self.bitcoin.as_deref(),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    pub display_name: String,
    pub family: AddressFamily,
    pub explorer_tx_url: String,
    pub seconds: u32,
    pub seconds_after_broadcast: u32,
    pub fee_usd: String,
    /// `None` means enabled: an entry that an operator adds has no default in the file.
    pub enabled: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub struct AssetConfig {
    pub usd_price: String,
    pub min_amount: String,
    pub max_amount: String,
    /// The decimals of the asset, by network.
    pub decimals: BTreeMap<String, u8>,
    pub enabled: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub struct BridgeConfig {
    pub fee_usd: String,
    pub seconds: u32,
    pub seconds_after_broadcast: u32,
    pub enabled: Option<bool>,
}
