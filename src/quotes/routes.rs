//! The route table: networks, assets and bridges.

mod check;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use payoutd_domain::{Amount, Network, TxHash, Usd};

use super::destination::AddressFamily;

pub use check::RoutesError;

/// The placeholder of the transaction hash in an explorer URL.
const TX_HASH: &str = "{tx_hash}";

/// The networks, assets and bridges of payouts. Validated at startup and immutable.
#[derive(Debug, Clone)]
pub struct Routes {
    default_networks: BTreeMap<AddressFamily, Network>,
    networks: BTreeMap<Network, Chain>,
    assets: BTreeMap<Box<str>, Asset>,
    /// By destination network, then by source network.
    bridges: BTreeMap<Network, BTreeMap<Network, Bridge>>,
}

/// A network, with the fee and duration of a transfer within it.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The name in requests, reports and routing keys.
    pub name: Network,
    pub display_name: Box<str>,
    pub family: AddressFamily,
    /// The time from execution of the quote to delivery, in seconds.
    pub seconds: u32,
    /// The time from broadcast of the transaction to delivery, in seconds.
    pub seconds_after_broadcast: u32,
    /// The fee of one transfer.
    pub fee: Usd,
    /// Whether new quotes can use it.
    pub enabled: bool,
    explorer_tx_url: Box<str>,
}

/// An asset and the networks that carry it.
#[derive(Debug, Clone)]
pub struct Asset {
    /// In uppercase.
    pub symbol: Box<str>,
    /// The price of one unit in US dollars.
    pub usd_price: Amount,
    pub min_amount: Amount,
    pub max_amount: Amount,
    /// Whether new quotes can use it.
    pub enabled: bool,
    decimals: BTreeMap<Network, u8>,
}

/// A bridge from one network to another.
#[derive(Debug, Clone)]
pub struct Bridge {
    /// The bridge's fee. The fee of the source network is added to it.
    pub fee: Usd,
    /// The time from execution of the quote to delivery, in seconds, including both networks.
    pub seconds: u32,
    /// The time from broadcast of the bridge transaction to delivery, in seconds.
    pub seconds_after_broadcast: u32,
}

impl Asset {
    /// The asset's decimals on a network; `None` if the network does not carry it.
    #[must_use]
    pub fn decimals_on(&self, network: &Network) -> Option<u8> {
        self.decimals.get(network).copied()
    }
}

impl Routes {
    /// The network with this name, case-insensitive.
    #[must_use]
    pub fn network(&self, name: &str) -> Option<&Chain> {
        self.networks.get(&Network::new(name))
    }

    /// All networks in the order of their names.
    pub fn networks(&self) -> impl Iterator<Item = &Chain> {
        self.networks.values()
    }

    /// The network of addresses of this family when the request names none.
    #[must_use]
    pub fn default_network(&self, family: AddressFamily) -> Option<&Chain> {
        self.default_networks.get(&family).and_then(|name| self.networks.get(name))
    }

    /// The enabled asset with this symbol, case-insensitive.
    #[must_use]
    pub fn asset(&self, symbol: &str) -> Option<&Asset> {
        self.assets.get(symbol.to_ascii_uppercase().as_str()).filter(|asset| asset.enabled)
    }

    /// The enabled assets in the order of their symbols.
    pub fn assets(&self) -> impl Iterator<Item = &Asset> {
        self.assets.values().filter(|asset| asset.enabled)
    }

    /// The enabled networks that carry the asset, in the order of their names, with its decimals.
    pub fn networks_carrying<'a>(&'a self, asset: &'a Asset) -> impl Iterator<Item = (&'a Chain, u8)> {
        let chains = asset
            .decimals
            .iter()
            .filter_map(|(name, decimals)| self.networks.get(name).map(|chain| (chain, *decimals)));
        chains.filter(|(chain, _)| chain.enabled)
    }

    /// The enabled bridge between two networks.
    #[must_use]
    pub fn bridge(&self, from: &Network, to: &Network) -> Option<&Bridge> {
        self.bridges.get(to)?.get(from)
    }

    /// The URL of a transaction in the network's explorer. `None` if the network is not configured.
    #[must_use]
    pub fn explorer_url(&self, network: &Network, tx_hash: &TxHash) -> Option<String> {
        let template = &self.networks.get(network)?.explorer_tx_url;
        Some(template.replace(TX_HASH, &percent_encoded(tx_hash.as_str())))
    }
}

/// Percent-encodes a hash. Hashes are untrusted and must not change the structure of the URL.
fn percent_encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
