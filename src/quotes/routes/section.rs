//! The `[routes]` section as it is written. Money is text here, so that an error can name its key.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::quotes::destination::AddressFamily;

/// Stands for the hash in an explorer's URL.
pub(super) const TX_HASH: &str = "{tx_hash}";

/// The `[routes]` section. Everything is keyed by name, so that a file or the environment can change one value and
/// leave the others.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutesConfig {
    /// The network an address is taken to be on, by address family, where its shape fits several.
    #[serde(default)]
    pub default_networks: DefaultNetworks,
    /// Networks by name: lowercase letters, digits, `-` and `_`, at most 32.
    pub networks: BTreeMap<String, NetworkConfig>,
    /// Assets by symbol in lowercase (requests may use any case).
    pub assets: BTreeMap<String, AssetConfig>,
    /// Bridges: the network the funds leave, then the one they arrive at.
    #[serde(default)]
    pub bridges: BTreeMap<String, BTreeMap<String, BridgeConfig>>,
}

/// The network of an address that fits several. Needed only for families with more than one network.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultNetworks {
    /// For `0x…` addresses.
    pub evm: Option<String>,
    /// For Tron addresses.
    pub tron: Option<String>,
    /// For Solana addresses.
    pub solana: Option<String>,
    /// For Bitcoin addresses.
    pub bitcoin: Option<String>,
}

impl DefaultNetworks {
    pub(super) fn of(&self, family: AddressFamily) -> Option<&str> {
        match family {
            AddressFamily::Evm => self.evm.as_deref(),
            AddressFamily::Tron => self.tron.as_deref(),
            AddressFamily::Solana => self.solana.as_deref(),
            AddressFamily::Bitcoin => self.bitcoin.as_deref(),
        }
    }
}

fn enabled() -> bool {
    true
}

/// One network.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// The name people see.
    pub display_name: String,
    /// The shape of its addresses: `evm`, `tron`, `solana` or `bitcoin`.
    pub family: AddressFamily,
    /// Where people can look a transaction up: an `https://` URL that holds `{tx_hash}` once.
    pub explorer_tx_url: String,
    /// From a quote's execution to delivery on this network, in seconds.
    pub seconds: u32,
    /// From the transaction's broadcast to delivery, in seconds; at most `seconds`.
    pub seconds_after_broadcast: u32,
    /// The fee of one transfer on this network, in US dollars.
    pub fee_usd: String,
    /// Whether new quotes may use it. Payouts under way are not touched.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

/// One asset.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetConfig {
    /// US dollars for one unit. Fees are turned into the asset at this price.
    pub usd_price: String,
    /// The least a recipient can be sent, in the asset.
    pub min_amount: String,
    /// The most a recipient can be sent, in the asset.
    pub max_amount: String,
    /// The networks that carry it, each with the asset's decimals there (0 to 18).
    pub decimals: BTreeMap<String, u8>,
    /// Whether new quotes may use it. Payouts under way are not touched.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

/// One bridge, for every asset that both its networks carry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BridgeConfig {
    /// The bridge's fee in US dollars. The fee of the network the funds leave is added to it.
    pub fee_usd: String,
    /// From a quote's execution to delivery, in seconds, everything included.
    pub seconds: u32,
    /// From the bridge transaction's broadcast to delivery, in seconds; at most `seconds`.
    pub seconds_after_broadcast: u32,
    /// Whether new quotes may use it. Payouts under way are not touched.
    #[serde(default = "enabled")]
    pub enabled: bool,
}
