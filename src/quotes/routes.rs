//! The route table: networks, assets and bridges, as configured and as checked.

mod check;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use payoutd_domain::{Amount, Network, TxHash, Usd};

use super::destination::AddressFamily;

pub use check::RoutesError;

/// The networks, assets and bridges payouts may take. Checked once at start, never changed.
#[derive(Debug, Clone)]
pub struct Routes {
    default_networks: BTreeMap<AddressFamily, Network>,
    networks: BTreeMap<Network, Chain>,
    assets: BTreeMap<Box<str>, Asset>,
    /// By the network the funds arrive at, then the one they leave.
    bridges: BTreeMap<Network, BTreeMap<Network, Bridge>>,
}

/// A network and what it costs to send there from itself.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Its name in requests, reports and routing keys.
    pub name: Network,
    /// Its name for people.
    pub display_name: Box<str>,
    /// The shape of its addresses.
    pub family: AddressFamily,
    /// From the quote's execution to delivery, in seconds.
    pub seconds: u32,
    /// From the transaction's broadcast to delivery, in seconds.
    pub seconds_after_broadcast: u32,
    /// The fee of one transfer.
    pub fee: Usd,
    /// Whether new quotes may use it.
    pub enabled: bool,
    explorer_tx_url: Box<str>,
}

/// An asset and the networks that carry it.
#[derive(Debug, Clone)]
pub struct Asset {
    /// In capitals.
    pub symbol: Box<str>,
    /// US dollars for one unit.
    pub usd_price: Amount,
    /// The least a recipient can be sent.
    pub min_amount: Amount,
    /// The most a recipient can be sent.
    pub max_amount: Amount,
    /// Whether new quotes may use it.
    pub enabled: bool,
    decimals: BTreeMap<Network, u8>,
}

/// A bridge from one network to another.
#[derive(Debug, Clone)]
pub struct Bridge {
    /// The bridge's fee, to which the fee on the network the funds leave is added.
    pub fee: Usd,
    /// From the quote's execution to delivery, in seconds, both networks' own times included.
    pub seconds: u32,
    /// From the bridge transaction's broadcast to delivery, in seconds.
    pub seconds_after_broadcast: u32,
}

impl Asset {
    /// How many decimals it has on that network; `None` where the network does not carry it.
    #[must_use]
    pub fn decimals_on(&self, network: &Network) -> Option<u8> {
        self.decimals.get(network).copied()
    }
}

impl Routes {
    /// The network of that name, in whatever letter case.
    #[must_use]
    pub fn network(&self, name: &str) -> Option<&Chain> {
        self.networks.get(&Network::new(name))
    }

    /// All networks, by name.
    pub fn networks(&self) -> impl Iterator<Item = &Chain> {
        self.networks.values()
    }

    /// The network an address of this family is on, where nobody says which.
    #[must_use]
    pub fn default_network(&self, family: AddressFamily) -> Option<&Chain> {
        self.default_networks.get(&family).and_then(|name| self.networks.get(name))
    }

    /// The asset of that symbol, in whatever letter case, where new quotes may use it.
    #[must_use]
    pub fn asset(&self, symbol: &str) -> Option<&Asset> {
        self.assets.get(symbol.to_ascii_uppercase().as_str()).filter(|asset| asset.enabled)
    }

    /// The assets new quotes may use, by symbol.
    pub fn assets(&self) -> impl Iterator<Item = &Asset> {
        self.assets.values().filter(|asset| asset.enabled)
    }

    /// The networks new quotes may use for this asset, by name, and its decimals there.
    pub fn networks_carrying<'a>(&'a self, asset: &'a Asset) -> impl Iterator<Item = (&'a Chain, u8)> {
        let chains = asset
            .decimals
            .iter()
            .filter_map(|(name, decimals)| self.networks.get(name).map(|chain| (chain, *decimals)));
        chains.filter(|(chain, _)| chain.enabled)
    }

    /// The bridge between two networks, where there is one in service.
    #[must_use]
    pub fn bridge(&self, from: &Network, to: &Network) -> Option<&Bridge> {
        self.bridges.get(to)?.get(from)
    }

    /// Where people can look a transaction up. `None` for a network that is not configured.
    #[must_use]
    pub fn explorer_url(&self, network: &Network, tx_hash: &TxHash) -> Option<String> {
        let template = &self.networks.get(network)?.explorer_tx_url;
        Some(template.replace(check::TX_HASH, &percent_encoded(tx_hash.as_str())))
    }
}

/// A hash comes from outside: nothing in it may leave its place in a URL.
fn percent_encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
